// SPDX-License-Identifier: BSD-2-Clause
//
// tbb.cpp - oneTBB: an arena that jobs are enqueued to, and its queue. The library makes its threads once and keeps them,
// so each is pinned when it enters the arena of the run that is on, and a worker that is added has mostly been made before.

#include <memory>

#include <tbb/concurrent_queue.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_scheduler_observer.h>

#include "all.h"
#include "pool.h"
#include "queue.h"
#include "threads.h"

namespace
{

class pinner : public tbb::task_scheduler_observer
{
public:
	pinner(tbb::task_arena &arena, where place) : task_scheduler_observer(arena), place_(place)
	{
		observe(true);
	}
	~pinner() override
	{
		observe(false);
	}
	void on_scheduler_entry(bool) override
	{
		threads_pin(place_);
	}

private:
	where place_;
};

std::unique_ptr<tbb::global_control> threads(unsigned workers)
{
	return std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism, workers + 1);
}

struct pool {
	std::unique_ptr<tbb::global_control> limit;
	tbb::task_arena arena; // of a fixed size, which the limit may be below; it warns if that is so when it is made
	pinner pins;

	explicit pool(unsigned workers)
		: limit(threads(2)), arena(2, 0), pins(arena, workers == 1 ? WHERE_SECOND : WHERE_BOTH)
	{
		arena.initialize();
		set_limit(workers);
	}
	void set_limit(unsigned workers)
	{
		limit.reset(); // the lower of two limits would hold
		limit = threads(workers);
	}
};

std::unique_ptr<pool> self;

inline void submit_one(job *one)
{
	self->arena.enqueue([one] { one->body(one); });
}

POOL_BODIES(tbb_arena, submit_one)

void *create(unsigned workers)
{
	threads_pin(WHERE_ANYWHERE); // it counts the CPUs when it first makes threads
	self = std::make_unique<pool>(workers);
	return self.get();
}

void destroy(void *)
{
	self.reset();
}

void submit(void *, job *const *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		submit_one(jobs[i]);
}

bool add_worker(void *)
{
	self->set_limit(2);
	return true;
}

using queue = tbb::concurrent_queue<queue_item *>;

void *make_queue(size_t, unsigned)
{
	return new queue;
}

void free_queue(void *made)
{
	delete static_cast<queue *>(made);
}

void push_queue(void *made, unsigned, queue_item *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		static_cast<queue *>(made)->push(items[i]);
}

size_t take_queue(void *made)
{
	queue_item *item = nullptr;
	size_t count = 0;

	for (; static_cast<queue *>(made)->try_pop(item); count++)
		queue_item_run(item);
	return count;
}

} // namespace

extern "C" void rival_tbb(void)
{
	static pool_ops arena;
	static const queue_ops of_pointers = {make_queue, free_queue, push_queue, take_queue, QUEUE_PRODUCERS};

	arena.create = create;
	arena.destroy = destroy;
	arena.submit = submit;
	arena.add_worker = add_worker;
	arena.chain = tbb_arena_chain;
	arena.spawn = tbb_arena_spawn;
	arena.workers = 2;
	bench_pool("tbb_arena", &arena);
	bench_queue("tbb_queue", &of_pointers);
}
