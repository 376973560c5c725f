/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.c - the items, the thread that inserts the aimed ones and says who ran his first, and the account.
 *
 * An item counts itself as inserted before the call: afterwards it may run elsewhere already. When nothing is queued any
 * more, inserted = ran for each item by itself.
 */
#include "load.h"
#include "say.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define AIM_US 5000u
#define TICK_NS 50000000u
#define TOLD 1u

struct item {
	struct dhp_dpc dpc;
	atomic_ullong inserted;
	atomic_ullong ran;
	atomic_ullong elsewhere; /* of these, on another CPU */
	atomic_ullong loose;     /* in a worker that was not pinned to where it ran */
	uint32_t cpu;            /* of the target */
	bool ready;
};

/* Of the CPU where it is written. Atomic: while a worker is not where it belongs, two may be on one CPU. */
struct slot {
	atomic_ullong first_ns; /* 0: nothing ran yet; TOLD: it has been said */
	atomic_ullong ran;
};

static struct {
	struct dhp_engine *engine;
	struct load_options options;
	struct dhp_percpu *slots;
	struct item *circulating, *aimed;
	uint32_t maximum;
	atomic_ullong refused;
	atomic_bool ending;
	pthread_t aimer, feeder;
} load;

static void insert(struct item *item)
{
	enum dhp_status status;

	atomic_fetch_add(&item->inserted, 1);
	status = dhp_dpc_insert(&item->dpc, NULL, NULL);
	if (status == DHP_OK)
		return;
	atomic_fetch_sub(&item->inserted, 1);
	if (dhp_failed(status))
		atomic_fetch_add(&load.refused, 1);
}

static void note_run(struct item *item)
{
	struct slot *slot = dhp_percpu_here(load.slots);
	unsigned long long none = 0;

	if (atomic_load_explicit(&slot->first_ns, memory_order_relaxed) == 0)
		(void)atomic_compare_exchange_strong(&slot->first_ns, &none, now_ns());
	atomic_fetch_add_explicit(&slot->ran, 1, memory_order_relaxed);
	atomic_fetch_add(&item->ran, 1);
}

static void spin(void)
{
	uint64_t end = now_ns() + (uint64_t)load.options.spin_us * 1000;

	while (now_ns() < end)
		;
}

static void circulate(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	(void)dpc, (void)a, (void)b;
	note_run(context);
	spin();
	if (load.options.rest_us == 0 && !atomic_load(&load.ending))
		insert(context);
}

static bool is_pinned_to(uint32_t cpu)
{
	cpu_set_t affinity;

	return sched_getaffinity(0, sizeof(affinity), &affinity) == 0 && CPU_COUNT(&affinity) == 1 &&
	       CPU_ISSET(cpu, &affinity);
}

static void aimed(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	struct item *item = context;
	uint32_t cpu = (uint32_t)sched_getcpu();

	(void)dpc, (void)a, (void)b;
	if (cpu != item->cpu)
		atomic_fetch_add(&item->elsewhere, 1);
	if (!is_pinned_to(cpu))
		atomic_fetch_add(&item->loose, 1);
	note_run(item);
}

/* ---- threads ---- */

static void aim(uint32_t index)
{
	struct item *item = &load.aimed[index];
	struct dhp_processor processor;

	if (!item->ready) {
		if (dhp_failed(dhp_processor_at(load.engine, index, &processor)))
			return;
		item->cpu = processor.cpu;
		(void)dhp_dpc_init(&item->dpc, load.engine, aimed, item);
		(void)dhp_dpc_set_importance(&item->dpc, DHP_IMPORTANCE_MEDIUM_HIGH);
		item->ready = !dhp_failed(dhp_dpc_set_target(&item->dpc, index));
	}
	insert(item);
}

static void tell_first(uint32_t index)
{
	struct slot *slot = dhp_percpu_at(load.slots, index);
	unsigned long long first_ns = atomic_load(&slot->first_ns);
	struct dhp_processor processor;

	if (first_ns == 0 || dhp_failed(dhp_processor_at(load.engine, index, &processor)))
		return;
	say(first_ns, "first cpu=%" PRIu32 " index=%" PRIu32 " node=%" PRIu32, processor.cpu, index, processor.node);
	atomic_store(&slot->first_ns, TOLD);
}

static bool is_told(uint32_t index)
{
	struct slot *slot = dhp_percpu_at(load.slots, index);

	return atomic_load(&slot->first_ns) == TOLD;
}

static uint32_t active(void)
{
	struct dhp_counts counts = { .active = 0 };

	(void)dhp_counts_read(load.engine, &counts);
	return counts.active;
}

static void *aim_always(void *unused)
{
	uint64_t next_tick = 0;

	while (!atomic_load(&load.ending)) {
		uint32_t count = active();

		for (uint32_t index = 0; index < count; index++) {
			aim(index);
			if (!is_told(index))
				tell_first(index);
		}
		if (now_ns() >= next_tick) { /* by these the reader compares the clocks */
			uint64_t now = now_ns();

			say(now, "tick");
			next_tick = now + TICK_NS;
		}
		usleep(AIM_US);
	}
	return unused;
}

static void *feed_always(void *unused)
{
	while (!atomic_load(&load.ending)) {
		for (uint32_t i = 0; i < load.options.items; i++)
			insert(&load.circulating[i]);
		usleep(load.options.rest_us);
	}
	return unused;
}

/* ---- beginning, report, end ---- */

static bool make(void)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = sizeof(struct slot) };
	struct dhp_counts counts;

	if (dhp_failed(dhp_counts_read(load.engine, &counts)) ||
	    dhp_failed(dhp_percpu_create(load.engine, &options, &load.slots)))
		return false;
	load.maximum = counts.maximum;
	load.circulating = calloc(load.options.items, sizeof(*load.circulating));
	load.aimed = calloc(load.maximum, sizeof(*load.aimed));
	return load.circulating != NULL && load.aimed != NULL;
}

bool load_begin(struct dhp_engine *engine, const struct load_options *options)
{
	load.engine = engine;
	load.options = *options;
	if (!make())
		return false;
	for (uint32_t i = 0; i < options->items; i++) {
		(void)dhp_dpc_init(&load.circulating[i].dpc, engine, circulate, &load.circulating[i]);
		if (options->rest_us == 0)
			insert(&load.circulating[i]);
	}
	if (options->rest_us != 0 && pthread_create(&load.feeder, NULL, feed_always, NULL) != 0)
		return false;
	return pthread_create(&load.aimer, NULL, aim_always, NULL) == 0;
}

void load_report(void)
{
	uint32_t count = active();
	unsigned long long ran = 0;

	for (uint32_t i = 0; i < load.options.items; i++)
		ran += atomic_load(&load.circulating[i].ran);
	for (uint32_t index = 0; index < count; index++) {
		struct slot *slot = dhp_percpu_at(load.slots, index);
		struct item *item = &load.aimed[index];
		struct dhp_processor processor;

		if (slot == NULL || dhp_failed(dhp_processor_at(load.engine, index, &processor)))
			continue;
		say(now_ns(), "processor index=%" PRIu32 " cpu=%" PRIu32 " ran=%llu aimed=%llu elsewhere=%llu loose=%llu slot=%p",
		    index, processor.cpu, atomic_load(&slot->ran), atomic_load(&item->ran), atomic_load(&item->elsewhere),
		    atomic_load(&item->loose), (void *)slot);
	}
	say(now_ns(), "report processors=%" PRIu32 " circulated=%llu", count, ran);
}

static void account(const struct item *items, uint32_t count, unsigned long long sums[4])
{
	for (uint32_t i = 0; i < count; i++) {
		unsigned long long inserted = atomic_load(&items[i].inserted), ran = atomic_load(&items[i].ran);

		sums[0] += inserted;
		sums[1] += ran;
		sums[2] += inserted > ran ? inserted - ran : 0;
		sums[3] += ran > inserted ? ran - inserted : 0;
	}
}

void load_end(void)
{
	unsigned long long sums[4] = { 0, 0, 0, 0 };

	atomic_store(&load.ending, true);
	(void)pthread_join(load.aimer, NULL);
	if (load.options.rest_us != 0)
		(void)pthread_join(load.feeder, NULL);
	/* Twice: what ran in the first may have read `ending` before it was set. */
	(void)dhp_dpc_flush(load.engine);
	(void)dhp_dpc_flush(load.engine);
	account(load.circulating, load.options.items, sums);
	account(load.aimed, load.maximum, sums);
	say(now_ns(), "account inserted=%llu ran=%llu lost=%llu doubled=%llu refused=%llu", sums[0], sums[1], sums[2],
	    sums[3], atomic_load(&load.refused));
	(void)dhp_percpu_destroy(load.slots);
}
