/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alarm_posix.c - one thread sleeps until a time, a signal, or a change of the wall clock.
 *
 * A signal is a write to an eventfd, which a signal handler may make and which is not lost if nobody waits. A timerfd on the
 * wall clock, armed for a time that never comes, becomes readable when the clock is set: that is all it is for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "port.h"

#define NEVER_S (sizeof(time_t) > 4 ? 0x1fffffff0 : INT32_MAX) /* where time has 32 bits, it ends in 2038 */
#define CLOSED_NS 1000000u /* between two looks without descriptors */

/* Gives the descriptor plus one. 0: the kernel cannot tell that the clock was set. */
static int watch_clock(void)
{
	const struct itimerspec never = { .it_value = { .tv_sec = NEVER_S } };
	int clock = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (clock < 0)
		return 0;
	if (timerfd_settime(clock, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) == 0)
		return clock + 1;
	(void)close(clock);
	return 0;
}

enum dhp_status port_alarm_open(struct port_alarm *alarm)
{
	alarm->signal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) + 1;
	if (alarm->signal == 0)
		return DHP_NO_MEMORY;
	alarm->clock = watch_clock();
	return DHP_OK;
}

void port_alarm_close(struct port_alarm *alarm)
{
	if (alarm->signal != 0)
		(void)close(alarm->signal - 1);
	if (alarm->clock != 0)
		(void)close(alarm->clock - 1);
	*alarm = (struct port_alarm){ 0, 0 };
}

/* Signal handlers ask for a tick too: errno is theirs. A full counter is a signal already. */
void port_alarm_signal(struct port_alarm *alarm)
{
	const uint64_t one = 1;
	int saved = errno;
	ssize_t written = write(alarm->signal - 1, &one, sizeof(one));

	(void)written;
	errno = saved;
}

/* Reading empties the eventfd, and after a change of the clock makes the timerfd ready to tell of the next one. */
static void empty(int descriptor)
{
	uint64_t count;
	ssize_t got = read(descriptor, &count, sizeof(count));

	(void)got;
}

static struct timespec time_until(uint64_t until_ns)
{
	uint64_t now_ns = port_now_ns(), wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;

	return (struct timespec){ .tv_sec = (time_t)(wait_ns / 1000000000u), .tv_nsec = (long)(wait_ns % 1000000000u) };
}

/* The program has closed descriptors that are not its own: what is left is to look every now and then. */
static void look_again(uint64_t until_ns)
{
	uint64_t now_ns = port_now_ns(), wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;

	port_sleep_ns(wait_ns < CLOSED_NS ? wait_ns : CLOSED_NS);
}

void port_alarm_wait(struct port_alarm *alarm, uint64_t until_ns)
{
	struct pollfd files[2] = {
		{ .fd = alarm->signal - 1, .events = POLLIN },
		{ .fd = alarm->clock - 1, .events = POLLIN }, /* -1 is passed over */
	};
	struct timespec wait = time_until(until_ns);

	if (ppoll(files, 2, until_ns != UINT64_MAX ? &wait : NULL, NULL) <= 0)
		return;
	if ((files[0].revents | files[1].revents) & POLLNVAL)
		look_again(until_ns);
	for (uint32_t i = 0; i < 2; i++)
		if ((files[i].revents & POLLIN) != 0)
			empty(files[i].fd);
}

uint64_t port_wall_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
