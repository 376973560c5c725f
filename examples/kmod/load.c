// SPDX-License-Identifier: BSD-2-Clause
/*
 * load.c - work without end: two threads insert and remove, and a timer does from interrupts.
 *
 * Each item counts what the caller of a successful insert added and what its routine saw, so that in the end nothing is lost
 * and nothing ran twice. Routines count in the slot of the processor whose work they are, without an atomic instruction; that
 * is the slot they have also when the kernel has moved their thread (S-006).
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include "kernel.h"
#include "kmod.h"

static bool stress;
module_param(stress, bool, 0444);
MODULE_PARM_DESC(stress, "the threads that insert never rest");

#define ITEMS 512u
#define INTERRUPT_ITEMS 16u
#define THREADS 2u
#define INTERRUPT_NS 200000u
#define REMOVE_EVERY 8u /* inserts */
#define REST_EVERY 64u  /* inserts of a thread */

struct item {
	struct dhp_dpc dpc;
	atomic64_t inserted, ran;
};

static struct dhp_engine *machine;
struct slot {
	u64 ran;
	struct task_struct *worker; /* the thread that ran the first routine here: it runs all */
};

static struct dhp_percpu *ran_here; /* of struct slot */
static struct dhp_counter *ran;
static struct item *items;
static struct task_struct *threads[THREADS];
static struct hrtimer timer;
static atomic64_t elsewhere; /* an aimed item ran on another processor: that one was away */
static atomic64_t removed;   /* before they ran */
static atomic64_t misplaced; /* routines that had another processor's slot */

static void run(struct dhp_dpc *dpc, void *context, void *target, void *unused)
{
	struct item *item = context;
	struct slot *slot = dhp_percpu_here(ran_here);
	struct task_struct *first = cmpxchg(&slot->worker, NULL, current);

	(void)dpc, (void)unused;
	atomic64_inc(&item->ran);
	if (first != NULL && first != current)
		atomic64_inc(&misplaced);
	slot->ran++;
	dhp_counter_add(ran, 1);
	if (target != NULL && (unsigned long)target - 1 != dhp_index_here(machine))
		atomic64_inc(&elsewhere);
}

static void insert(struct item *item, unsigned long target)
{
	if (dhp_dpc_insert(&item->dpc, (void *)target, NULL) == DHP_OK)
		atomic64_inc(&item->inserted);
}

static void take_back(struct item *item)
{
	if (dhp_dpc_remove(&item->dpc) != DHP_OK)
		return;
	atomic64_dec(&item->inserted);
	atomic64_inc(&removed);
}

/* The next item of this thread, and where it goes: every other one is aimed, at all processors in turn. */
static void submit_next(unsigned long number, unsigned long turn)
{
	unsigned long own = turn % ((ITEMS - INTERRUPT_ITEMS) / THREADS);
	struct item *item = &items[INTERRUPT_ITEMS + number + THREADS * own];
	struct dhp_counts counts;
	uint32_t index;

	if (atomic64_read(&item->inserted) != atomic64_read(&item->ran)) {
		if (turn % REMOVE_EVERY == 0)
			take_back(item);
		return; /* is queued, with the target that it has */
	}
	if (own % 2 != 0) {
		insert(item, 0);
		return;
	}
	(void)dhp_counts_read(machine, &counts);
	index = (uint32_t)turn / 2 % counts.active;
	if (dhp_dpc_set_target(&item->dpc, index) == DHP_OK)
		insert(item, index + 1ul);
}

static int submit(void *argument)
{
	for (unsigned long turn = 0; !kthread_should_stop(); turn++) {
		submit_next((unsigned long)argument, turn);
		if (turn % REST_EVERY == 0 && !stress)
			usleep_range(200, 400);
		cond_resched();
	}
	return 0;
}

static enum hrtimer_restart from_interrupt(struct hrtimer *expired)
{
	static unsigned int turn;
	struct item *item = &items[turn % INTERRUPT_ITEMS];

	insert(item, 0);
	if (turn++ % REMOVE_EVERY == 0)
		take_back(item);
	(void)hrtimer_forward_now(expired, ns_to_ktime(INTERRUPT_NS));
	return HRTIMER_RESTART;
}

static int make(struct dhp_engine *engine)
{
	const struct dhp_percpu_options slots = { .size = sizeof(slots), .slot_bytes = sizeof(struct slot) };

	items = dhpi_kernel_fault() ? NULL : kvcalloc(ITEMS, sizeof(*items), GFP_KERNEL);
	if (items == NULL || dhp_failed(dhp_percpu_create(engine, &slots, &ran_here)) ||
	    dhp_failed(dhp_counter_create(engine, &ran)))
		return -ENOMEM;
	for (unsigned int i = 0; i < ITEMS; i++)
		(void)dhp_dpc_init(&items[i].dpc, engine, run, &items[i]);
	return 0;
}

static int start(void)
{
	for (unsigned long i = 0; i < THREADS; i++) {
		struct task_struct *task = dhpi_kernel_fault() ? ERR_PTR(-ENOMEM) :
					   kthread_run(submit, (void *)i, "dhp-load/%lu", i);

		if (IS_ERR(task))
			return (int)PTR_ERR(task);
		threads[i] = task;
	}
	hrtimer_start(&timer, ns_to_ktime(INTERRUPT_NS), HRTIMER_MODE_REL);
	return 0;
}

int load_open(struct dhp_engine *engine)
{
	int error;

	machine = engine;
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer.function = from_interrupt;
	error = make(engine);
	if (error == 0)
		error = start();
	if (error != 0)
		load_close();
	return error;
}

static bool right;

static void add_slot(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)processor;
	*(u64 *)context += ((const struct slot *)slot)->ran;
}

/* Nothing is inserted and nothing runs. */
static bool account(void)
{
	u64 in_slots = 0, in_items = 0;
	s64 lost = 0;

	for (unsigned int i = 0; i < ITEMS; i++) {
		lost += abs(atomic64_read(&items[i].inserted) - atomic64_read(&items[i].ran));
		in_items += (u64)atomic64_read(&items[i].ran);
	}
	(void)dhp_percpu_each(ran_here, add_slot, &in_slots, NULL);
	pr_info("dhp: %llu ran, %llu in slots, %llu counted, %lld lost or doubled, %lld in another's slot\n", in_items, in_slots,
		dhp_counter_sum(ran), lost, (s64)atomic64_read(&misplaced));
	return lost == 0 && in_slots == in_items && dhp_counter_sum(ran) == in_items && atomic64_read(&misplaced) == 0;
}

void load_close(void)
{
	(void)hrtimer_cancel(&timer);
	for (unsigned int i = 0; i < THREADS; i++)
		if (threads[i] != NULL)
			(void)kthread_stop(threads[i]);
	(void)dhp_dpc_flush(machine);
	right = ran != NULL && account();
	(void)dhp_counter_destroy(ran);
	(void)dhp_percpu_destroy(ran_here);
	kvfree(items);
}

bool load_is_right(void)
{
	return right;
}

/* The engine knows more of a newcomer by now than when its slot was made. */
static void show_slot(void *slot, const struct dhp_processor *processor, void *context)
{
	struct dhp_processor now;

	if (processor != NULL && dhp_processor_at(machine, processor->index, &now) == DHP_OK)
		seq_printf(context, "processor %u cpu %u node %u package %d ran %llu\n", now.index, now.cpu, now.node,
			   (int)now.package, ((const struct slot *)slot)->ran);
}

void load_show(struct seq_file *out)
{
	s64 inserted = 0;

	for (unsigned int i = 0; i < ITEMS; i++)
		inserted += atomic64_read(&items[i].inserted);
	seq_printf(out, "inserted %lld ran %llu elsewhere %lld removed %lld\n", inserted, dhp_counter_sum(ran),
		   (s64)atomic64_read(&elsewhere), (s64)atomic64_read(&removed));
	(void)dhp_percpu_each(ran_here, show_slot, out, NULL);
}
