// SPDX-License-Identifier: BSD-2-Clause
//
// moodycamel.cpp - moodycamel's many-producer queue: with tokens and in bulk, and as most programs use it.

#include <concurrentqueue/concurrentqueue.h>

#include "all.h"
#include "queue.h"

namespace
{

using queue = moodycamel::ConcurrentQueue<queue_item *>;

constexpr size_t batch = 64;

struct with_tokens {
	queue pointers;
	moodycamel::ProducerToken producers[QUEUE_PRODUCERS];
	moodycamel::ConsumerToken consumer;

	explicit with_tokens(size_t capacity)
		: pointers(2 * capacity), producers{moodycamel::ProducerToken(pointers),
						    moodycamel::ProducerToken(pointers)},
		  consumer(pointers)
	{
	}
};

void *make_tokens(size_t capacity, unsigned)
{
	return new with_tokens(capacity);
}

void free_tokens(void *made)
{
	delete static_cast<with_tokens *>(made);
}

void push_tokens(void *made, unsigned producer, queue_item *const *items, size_t count)
{
	auto *self = static_cast<with_tokens *>(made);

	for (size_t i = 0; i < count; i++)
		self->pointers.enqueue(self->producers[producer], items[i]);
}

void push_bulk(void *made, unsigned producer, queue_item *const *items, size_t count)
{
	auto *self = static_cast<with_tokens *>(made);

	for (size_t i = 0; i < count; i += batch)
		self->pointers.enqueue_bulk(self->producers[producer], items + i, std::min(batch, count - i));
}

size_t take_bulk(void *made)
{
	auto *self = static_cast<with_tokens *>(made);
	queue_item *items[batch];
	size_t count = 0, taken;

	while ((taken = self->pointers.try_dequeue_bulk(self->consumer, items, batch)) > 0) {
		for (size_t i = 0; i < taken; i++)
			queue_item_run(items[i]);
		count += taken;
	}
	return count;
}

void *make_plain(size_t capacity, unsigned)
{
	return new queue(2 * capacity);
}

void free_plain(void *made)
{
	delete static_cast<queue *>(made);
}

void push_plain(void *made, unsigned, queue_item *const *items, size_t count)
{
	auto *self = static_cast<queue *>(made);

	for (size_t i = 0; i < count; i++)
		self->enqueue(items[i]);
}

size_t take_plain(void *made)
{
	auto *self = static_cast<queue *>(made);
	queue_item *item = nullptr;
	size_t count = 0;

	for (; self->try_dequeue(item); count++)
		queue_item_run(item);
	return count;
}

} // namespace

extern "C" void rival_moodycamel(void)
{
	static const queue_ops bulk = {make_tokens, free_tokens, push_bulk, take_bulk, QUEUE_PRODUCERS};
	static const queue_ops tokens = {make_tokens, free_tokens, push_tokens, take_bulk, QUEUE_PRODUCERS};
	static const queue_ops plain = {make_plain, free_plain, push_plain, take_plain, QUEUE_PRODUCERS};

	bench_queue("moodycamel_bulk", &bulk);
	bench_queue("moodycamel_tokens", &tokens);
	bench_queue("moodycamel", &plain);
}
