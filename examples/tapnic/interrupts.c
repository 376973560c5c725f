/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interrupts.c - one thread that waits for all descriptors and calls the routine of each that can be read.
 *
 * A line is told of once (EPOLLONESHOT) and then stays masked, as a network card's interrupt is, until its queue has been found
 * empty. So under load nobody waits in the kernel, and the thread sleeps.
 */
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hardware.h"

static void *wait_for_lines(void *context)
{
	struct interrupts *interrupts = context;

	for (;;) {
		struct epoll_event event;
		struct line *line;

		if (epoll_wait(interrupts->epoll, &event, 1, -1) != 1)
			continue;
		line = event.data.ptr;
		if (line == &interrupts->quit)
			return NULL;
		line->routine(line->context);
	}
}

bool line_connect(const struct interrupts *interrupts, struct line *line)
{
	struct epoll_event event = { .events = line->is_edge ? EPOLLIN | EPOLLET : EPOLLONESHOT, .data.ptr = line };

	return epoll_ctl(interrupts->epoll, EPOLL_CTL_ADD, line->descriptor, &event) == 0;
}

void line_unmask(const struct interrupts *interrupts, struct line *line)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = line };

	(void)epoll_ctl(interrupts->epoll, EPOLL_CTL_MOD, line->descriptor, &event); /* cannot fail: it is connected */
}

bool interrupts_start(struct interrupts *interrupts)
{
	interrupts->epoll = epoll_create1(EPOLL_CLOEXEC);
	interrupts->quit = (struct line){ .descriptor = eventfd(0, EFD_CLOEXEC), .is_edge = true };
	if (interrupts->epoll >= 0 && interrupts->quit.descriptor >= 0 && line_connect(interrupts, &interrupts->quit) &&
	    pthread_create(&interrupts->thread, NULL, wait_for_lines, interrupts) == 0)
		return true;
	interrupts_close(interrupts);
	return false;
}

void interrupts_stop(struct interrupts *interrupts)
{
	(void)eventfd_write(interrupts->quit.descriptor, 1);
	(void)pthread_join(interrupts->thread, NULL);
}

void interrupts_close(struct interrupts *interrupts)
{
	(void)close(interrupts->epoll);
	(void)close(interrupts->quit.descriptor);
}
