// SPDX-License-Identifier: BSD-2-Clause
//
// boost.cpp - Boost.Asio's thread pool, and the queues of Boost.Lockfree.

#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>

#include "all.h"
#include "pool.h"
#include "queue.h"

namespace
{

std::unique_ptr<boost::asio::thread_pool> self;
std::vector<std::thread> attached;

inline void submit_one(job *one)
{
	boost::asio::post(*self, [one] { one->body(one); });
}

POOL_BODIES(asio, submit_one)

void *create(unsigned workers)
{
	self = std::make_unique<boost::asio::thread_pool>(workers);
	return self.get();
}

void destroy(void *)
{
	self->stop();
	self->join();
	for (auto &thread : attached)
		thread.join();
	attached.clear();
	self.reset();
}

void submit(void *, job *const *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		submit_one(jobs[i]);
}

bool add_worker(void *)
{
	attached.emplace_back([] { self->attach(); });
	return true;
}

template <typename queue> struct adapted {
	static void *make(size_t capacity, unsigned)
	{
		return new queue(capacity + 1);
	}
	static void destroy(void *made)
	{
		delete static_cast<queue *>(made);
	}
	static void push(void *made, unsigned, queue_item *const *items, size_t count)
	{
		for (size_t i = 0; i < count; i++)
			static_cast<queue *>(made)->push(items[i]);
	}
	static size_t take(void *made)
	{
		queue_item *item = nullptr;
		size_t count = 0;

		for (; static_cast<queue *>(made)->pop(item); count++)
			queue_item_run(item);
		return count;
	}
};

using many = adapted<boost::lockfree::queue<queue_item *>>;
using single = adapted<boost::lockfree::spsc_queue<queue_item *>>;

} // namespace

extern "C" void rival_boost(void)
{
	static pool_ops pool;
	static const queue_ops many_ops = {many::make, many::destroy, many::push, many::take, QUEUE_PRODUCERS};
	static const queue_ops single_ops = {single::make, single::destroy, single::push, single::take, 1};

	pool.create = create;
	pool.destroy = destroy;
	pool.submit = submit;
	pool.add_worker = add_worker;
	pool.chain = asio_chain;
	pool.spawn = asio_spawn;
	pool.workers = 2;
	bench_pool("boost_asio", &pool);
	bench_queue("boost_queue", &many_ops);
	bench_queue("boost_spsc", &single_ops);
}
