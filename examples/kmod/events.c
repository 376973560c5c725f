// SPDX-License-Identifier: BSD-2-Clause
/*
 * events.c - a registrant of every channel, which keeps the last things that it heard.
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/spinlock.h>

#include "kmod.h"

#define KEPT 64u

struct event {
	u64 time_ns;
	const char *what;
	uint32_t cpu, index;
};

static struct dhp_notify *changes;
static struct dhp_arrival_notify *processors, *modules;
static DEFINE_SPINLOCK(lock);
static struct event kept[KEPT];
static unsigned int count;
static int refused = -1;

static unsigned int slow;
module_param(slow, uint, 0400);
MODULE_PARM_DESC(slow, "milliseconds that each Start takes, so that something can happen in the middle of an arrival");

static void keep(const char *what, uint32_t cpu, uint32_t index)
{
	spin_lock(&lock);
	kept[count++ % KEPT] = (struct event){ ktime_get_ns(), what, cpu, index };
	spin_unlock(&lock);
}

static void changed(void *context, const struct dhp_processor_change *change, enum dhp_status *operation_status)
{
	static const char *const names[] = { "start", "complete", "failure" };

	(void)context;
	keep(names[change->state], change->cpu, change->index);
	if (change->state != DHP_CHANGE_START)
		return;
	if (slow != 0)
		msleep(slow);
	if ((int)change->cpu == READ_ONCE(refused))
		*operation_status = DHP_VETOED;
}

static void arrived(void *context, const struct dhp_arrival *arrival)
{
	(void)context;
	keep(arrival->device_class == DHP_CLASS_MEMORY ? "memory" : "processor", DHP_NO_CPU, DHP_NO_INDEX);
}

void events_veto(int cpu)
{
	WRITE_ONCE(refused, cpu);
}

int events_open(struct dhp_engine *engine)
{
	if (dhp_failed(dhp_notify_register(engine, changed, NULL, 0, &changes)) ||
	    dhp_failed(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, arrived, NULL, 0, &processors)) ||
	    dhp_failed(dhp_arrival_register(engine, DHP_CLASS_MEMORY, arrived, NULL, 0, &modules))) {
		events_close();
		return -ENOMEM;
	}
	return 0;
}

void events_close(void)
{
	(void)dhp_arrival_unregister(modules);
	(void)dhp_arrival_unregister(processors);
	(void)dhp_notify_unregister(changes);
	modules = processors = NULL;
	changes = NULL;
}

void events_show(struct seq_file *out)
{
	spin_lock(&lock);
	for (unsigned int i = count > KEPT ? count - KEPT : 0; i < count; i++) {
		const struct event *event = &kept[i % KEPT];

		seq_printf(out, "event %llu %s", event->time_ns, event->what);
		if (event->cpu != DHP_NO_CPU)
			seq_printf(out, " cpu %u index %u", event->cpu, event->index);
		seq_putc(out, '\n');
	}
	spin_unlock(&lock);
}
