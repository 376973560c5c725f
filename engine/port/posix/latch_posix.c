/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * latch_posix.c - a level as a file descriptor that others may poll, and only poll.
 *
 * An eventfd is readable while its count is not zero; but whoever has it can also read it away or write into it. So it is
 * kept inside: what is given out is an epoll that watches it. That is readable exactly while the eventfd is, and refuses
 * to be read or written (S-310).
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "port.h"

static bool watch(const struct port_latch *latch)
{
	struct epoll_event readable = { .events = EPOLLIN };

	return latch->outside >= 0 && epoll_ctl(latch->outside, EPOLL_CTL_ADD, latch->level, &readable) == 0;
}

bool port_latch_open(struct port_latch *latch)
{
	latch->level = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	latch->outside = latch->level >= 0 ? epoll_create1(EPOLL_CLOEXEC) : -1;
	if (watch(latch))
		return true;
	port_latch_close(latch);
	return false;
}

void port_latch_close(struct port_latch *latch)
{
	if (latch->outside >= 0)
		(void)close(latch->outside);
	if (latch->level >= 0)
		(void)close(latch->level);
}

/* Neither can fail in a way that matters: a count that cannot be read away is zero, one that cannot be raised is full. */
void port_latch_set(struct port_latch *latch, bool level)
{
	uint64_t count = 1;

	if (level ? write(latch->level, &count, sizeof(count)) < 0 : read(latch->level, &count, sizeof(count)) < 0)
		return;
}

int port_latch_file(const struct port_latch *latch)
{
	return latch->outside;
}
