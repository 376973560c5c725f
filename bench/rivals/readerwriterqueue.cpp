// SPDX-License-Identifier: BSD-2-Clause
//
// readerwriterqueue.cpp - moodycamel's queue for one producer and one consumer.

#include <readerwriterqueue/readerwriterqueue.h>

#include "all.h"
#include "queue.h"

namespace
{

using queue = moodycamel::ReaderWriterQueue<queue_item *>;

void *make(size_t capacity, unsigned)
{
	return new queue(2 * capacity);
}

void destroy(void *made)
{
	delete static_cast<queue *>(made);
}

void push(void *made, unsigned, queue_item *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		static_cast<queue *>(made)->enqueue(items[i]);
}

size_t take(void *made)
{
	queue_item *item = nullptr;
	size_t count = 0;

	for (; static_cast<queue *>(made)->try_dequeue(item); count++)
		queue_item_run(item);
	return count;
}

} // namespace

extern "C" void rival_readerwriterqueue(void)
{
	static const queue_ops ops = {make, destroy, push, take, 1};

	bench_queue("readerwriterqueue", &ops);
}
