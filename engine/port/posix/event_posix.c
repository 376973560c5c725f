/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event_posix.c - sleeping and waking: Concurrency Kit's event count over the kernel's futex.
 *
 * The count carries no data. Whoever waits took a ticket, looked once more for what it waits for, and sleeps only while
 * the count is still the ticket's: a signal between look and sleep changes the count. Callers order their own data.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "port.h"

static int now(const struct ck_ec_ops *ops, struct timespec *out)
{
	(void)ops;
	return clock_gettime(CLOCK_MONOTONIC, out);
}

/*
 * Deadlines are absolute on the monotonic clock, which is what FUTEX_WAIT_BITSET takes. Concurrency Kit has one for each of its
 * intervals; who waits without limit needs none, and a timer that is set and taken back costs a microsecond in a virtual machine.
 */
static void wait32(const struct ck_ec_wait_state *state, const uint32_t *address, uint32_t expected,
		   const struct timespec *deadline)
{
	(void)syscall(SYS_futex, address, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
		      state->data == NULL ? NULL : deadline, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void wake32(const struct ck_ec_ops *ops, const uint32_t *address)
{
	(void)ops;
	/* NOLINTNEXTLINE(bugprone-signal-handler): nothing but the kernel's call; callers keep errno */
	(void)syscall(SYS_futex, address, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
}

/* busy_loop_iter: who waits here has spun already. Times must not be 0, which would mean CK's own defaults. */
static const struct ck_ec_ops operations = {
	.gettime = now,
	.wait32 = wait32,
	.wake32 = wake32,
	.busy_loop_iter = 1,
	.initial_wait_ns = 1000000000u,
	.wait_scale_factor = 1,
	.wait_shift_count = 0,
};

static const struct ck_ec_mode mode = { .ops = &operations, .single_producer = false };

void port_event_init(struct port_event *event)
{
	ck_ec_init(&event->count, 0);
}

uint32_t port_event_ticket(struct port_event *event)
{
	return ck_ec_value(&event->count);
}

/* Signal handlers insert work too: errno is theirs. */
bool port_event_signal(struct port_event *event)
{
	int saved = errno;
	bool sleeper = ck_ec_has_waiters(&event->count);

	/* not ck_ec_inc: for 32 bits it is an assembly of its own that ThreadSanitizer builds cannot follow */
	(void)ck_ec_add(&event->count, &mode, 1);
	errno = saved;
	return sleeper;
}

/*
 * Concurrency Kit's layout of 32 bits: the sign says that somebody waits, and who takes it back makes the call. Here it is made
 * also if another has taken it back, who may be stopped before his call.
 */
bool port_event_rouse(struct port_event *event)
{
	const uint32_t waits = UINT32_C(1) << 31;
	int kept = errno;
	bool first;

	ck_pr_fence_store_atomic(); /* as ck_ec_add does: what was written before is seen by who takes the new ticket */
	first = (ck_pr_faa_32(&event->count.counter, 1) & waits) != 0;
	if (first)
		ck_pr_and_32(&event->count.counter, ~waits);
	wake32(&operations, &event->count.counter);
	errno = kept;
	return first;
}

/* Concurrency Kit sleeps for its own first interval, however short the limit: this sleep ends at the limit. */
static int until_limit(const struct ck_ec_wait_state *state, struct timespec *deadline)
{
	*deadline = *(const struct timespec *)state->data;
	return 0;
}

void port_event_wait(struct port_event *event, uint32_t ticket, uint64_t limit_ns)
{
	struct timespec deadline;

	if (limit_ns == 0) {
		(void)ck_ec_wait(&event->count, &mode, ticket, NULL);
		return;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &deadline);
	limit_ns += (uint64_t)deadline.tv_nsec;
	deadline.tv_sec += (time_t)(limit_ns / 1000000000u);
	deadline.tv_nsec = (long)(limit_ns % 1000000000u);
	(void)ck_ec_wait_pred(&event->count, &mode, ticket, until_limit, &deadline, &deadline);
}

uint64_t port_now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void port_sleep_ns(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		continue;
}

void port_relax(void)
{
	ck_pr_stall();
}

void port_yield(void)
{
	(void)sched_yield();
}
