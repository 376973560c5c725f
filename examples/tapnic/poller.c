/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poller.c - where interrupts come from: one thread that waits for all queues and turns "can be read" into a request.
 *
 * A queue is told of once (EPOLLONESHOT) and then stays masked, as a network card's interrupt is, until its DPC has found it
 * empty and asks again. So under load nobody waits in the kernel, and the thread sleeps.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tapnic.h"

static void *wait_for_queues(void *context)
{
	struct poller *poller = context;

	for (;;) {
		struct epoll_event event;

		if (epoll_wait(poller->epoll, &event, 1, -1) != 1)
			continue;
		if (event.data.ptr == poller)
			return NULL;
		if (event.data.ptr == poller->nic)
			nic_memory_changed(poller->nic, false);
		else
			(void)dhp_request_submit(&((struct queue *)event.data.ptr)->request);
	}
}

static bool add(struct poller *poller, int descriptor, uint32_t events, void *data)
{
	struct epoll_event event = { .events = events, .data.ptr = data };

	return epoll_ctl(poller->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

bool poller_start(struct poller *poller, struct nic *nic)
{
	poller->nic = nic;
	poller->epoll = epoll_create1(EPOLL_CLOEXEC);
	poller->quit = eventfd(0, EFD_CLOEXEC);
	if (poller->epoll >= 0 && poller->quit >= 0 && add(poller, poller->quit, EPOLLIN, poller) &&
	    pthread_create(&poller->thread, NULL, wait_for_queues, poller) == 0)
		return true;
	(void)close(poller->epoll);
	(void)close(poller->quit);
	return false;
}

void poller_stop(struct poller *poller)
{
	(void)eventfd_write(poller->quit, 1);
	(void)pthread_join(poller->thread, NULL);
}

void poller_close(struct poller *poller)
{
	(void)close(poller->epoll);
	(void)close(poller->quit);
}

bool poller_add(struct poller *poller, struct queue *queue)
{
	return add(poller, queue->descriptor, EPOLLIN | EPOLLONESHOT, queue);
}

void poller_again(struct poller *poller, struct queue *queue)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = queue };

	(void)epoll_ctl(poller->epoll, EPOLL_CTL_MOD, queue->descriptor, &event);
}

/* Told at every beginning of the condition. */
bool poller_add_memory(struct poller *poller, struct dhp_memory_event *event)
{
	int descriptor;

	return dhp_memory_event_descriptor(event, &descriptor) == DHP_OK &&
	       add(poller, descriptor, EPOLLIN | EPOLLET, poller->nic);
}
