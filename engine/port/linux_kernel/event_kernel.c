/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event_kernel.c - sleeping and waking by the kernel's wait queues; what is not interrupted; time.
 *
 * The waiter enters the queue before it looks at the count, the signaller raises the count before it looks at the queue: both
 * looks come after a full barrier, so one of them sees the other. A sleeper is idle to the kernel: it adds nothing to the load
 * and is not taken for a hung task.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>

#include "kernel.h"

#ifdef CONFIG_PREEMPT_RT
#error "libdhp does not run on a PREEMPT_RT kernel: it wakes threads from interrupts and under spin locks"
#endif

/* ---- a count with sleepers: of an event and of an alarm ---- */

static bool signal_count(struct at_u32 *count, wait_queue_head_t *queue)
{
	/* [kernel-sleep] either-or a: before the look at the queue, so seq_cst */
	(void)at_fetch_add_seq_cst_u32(count, 1);
	if (!wq_has_sleeper(queue))
		return false;
	wake_up_all(queue);
	return true;
}

/* Until the count is another, or so long. */
static void wait_count(struct at_u32 *count, uint32_t ticket, wait_queue_head_t *queue, ktime_t limit)
{
	DEFINE_WAIT(entry);

	prepare_to_wait(queue, &entry, TASK_IDLE);
	/* [kernel-sleep] either-or b: after the entry into the queue, so seq_cst */
	if (at_load_seq_cst_u32(count) == ticket)
		(void)schedule_hrtimeout(&limit, HRTIMER_MODE_REL);
	finish_wait(queue, &entry);
}

static ktime_t limit_of(uint64_t ns)
{
	return ns < KTIME_MAX ? ns_to_ktime(ns) : KTIME_MAX;
}

/* ---- event ---- */

static wait_queue_head_t *queue_of(struct port_event *event)
{
	BUILD_BUG_ON(sizeof(wait_queue_head_t) > sizeof(event->queue));
	return (wait_queue_head_t *)event->queue;
}

void port_event_init(struct port_event *event)
{
	at_init_u32(&event->count, 0);
	init_waitqueue_head(queue_of(event));
}

uint32_t port_event_ticket(struct port_event *event)
{
	/* [kernel-sleep] either-or b: before what the caller looks at next */
	return at_load_seq_cst_u32(&event->count);
}

bool port_event_signal(struct port_event *event)
{
	return signal_count(&event->count, queue_of(event));
}

/* A sleeper is in the queue until it is woken: who is stopped before his look at the queue is not relied on. */
bool port_event_rouse(struct port_event *event)
{
	return port_event_signal(event);
}

void port_event_wait(struct port_event *event, uint32_t ticket, uint64_t limit_ns)
{
	wait_count(&event->count, ticket, queue_of(event), limit_of(limit_ns != 0 ? limit_ns : KTIME_MAX));
}

/* ---- alarm: nobody sets this wall clock back without our seeing it at the next wait ---- */

#define LONGEST_WAIT_NS 1000000000ull /* a set clock is seen by then */

static wait_queue_head_t *queue_of_alarm(struct port_alarm *alarm)
{
	BUILD_BUG_ON(sizeof(wait_queue_head_t) > sizeof(alarm->queue));
	return (wait_queue_head_t *)alarm->queue;
}

enum dhp_status port_alarm_open(struct port_alarm *alarm)
{
	if (dhpi_kernel_fault())
		return DHP_NO_MEMORY;
	at_init_u32(&alarm->signals, 0);
	init_waitqueue_head(queue_of_alarm(alarm));
	return DHP_OK;
}

void port_alarm_close(struct port_alarm *alarm)
{
	(void)alarm;
}

void port_alarm_signal(struct port_alarm *alarm)
{
	(void)signal_count(&alarm->signals, queue_of_alarm(alarm));
}

/* The signals that came before are taken: the ticket is what the last wait saw. */
void port_alarm_wait(struct port_alarm *alarm, uint64_t until_ns)
{
	uint64_t now_ns = port_now_ns(), wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;

	wait_count(&alarm->signals, alarm->seen, queue_of_alarm(alarm), limit_of(min(wait_ns, LONGEST_WAIT_NS)));
	/* [kernel-sleep] either-or b: before what the caller looks at next */
	alarm->seen = at_load_seq_cst_u32(&alarm->signals);
}

/* ---- latch: there is no file to wait for here ---- */

bool port_latch_open(struct port_latch *latch)
{
	at_init_u32(&latch->level, 0);
	return true;
}

void port_latch_close(struct port_latch *latch)
{
	(void)latch;
}

void port_latch_set(struct port_latch *latch, bool level)
{
	at_store_relaxed_u32(&latch->level, level); /* relaxed: nobody waits for it */
}

int port_latch_file(const struct port_latch *latch)
{
	(void)latch;
	return -1;
}

/* ---- time ---- */

uint64_t port_now_ns(void)
{
	return ktime_get_ns();
}

uint64_t port_wall_ns(void)
{
	return ktime_get_real_ns();
}

void port_sleep_ns(uint64_t ns)
{
	ktime_t limit = limit_of(ns);

	set_current_state(TASK_IDLE);
	(void)schedule_hrtimeout(&limit, HRTIMER_MODE_REL);
}

void port_relax(void)
{
	cpu_relax();
}

/* Whoever may not sleep waits for another processor, which goes on by itself. */
void port_yield(void)
{
	if (in_task() && !irqs_disabled() && preempt_count() == 0)
		yield();
	else
		cpu_relax();
}

/* ---- what nobody interrupts: who inserts, removes or sets a timer may be an interrupt ---- */

struct hold {
	unsigned long flags; /* of before the first */
	unsigned int depth;
};

static DEFINE_PER_CPU(struct hold, holds);

void port_hold_begin(void)
{
	unsigned long flags;
	struct hold *hold;

	local_irq_save(flags);
	hold = this_cpu_ptr(&holds);
	if (hold->depth++ == 0)
		hold->flags = flags;
}

void port_hold_end(void)
{
	struct hold *hold = this_cpu_ptr(&holds);

	if (--hold->depth == 0)
		local_irq_restore(hold->flags);
}

/* ---- text ---- */

void port_write(const char *text, size_t bytes)
{
	pr_info("dhp: %.*s", (int)bytes, text);
}

/* Weak: the kernel's checker of object code then takes it for one that may return, as the compiler does. */
__weak void dhpi_check_failed(const char *where, const char *what, const char *why)
{
	pr_emerg("dhp: %s: check failed: %s (%s)\n", where, what, why);
	BUG();
}
