/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck_epoch.c - Concurrency Kit's epochs.
 */
#include <ck_epoch.h>
#include <stdlib.h>

#include "all.h"
#include "bench.h"
#include "grace.h"
#include "rseq.h"

struct grace {
	ck_epoch_t epoch;
	_Alignas(128) ck_epoch_record_t writer, reader;
	_Alignas(128) _Atomic(void *) published;
};

struct object {
	ck_epoch_entry_t entry;
	char rest[64 - sizeof(ck_epoch_entry_t)];
};

static void *create(void)
{
	struct grace *grace = aligned_alloc(128, sizeof(*grace));

	if (grace == NULL)
		return NULL;
	ck_epoch_init(&grace->epoch);
	ck_epoch_register(&grace->epoch, &grace->writer, NULL);
	ck_epoch_register(&grace->epoch, &grace->reader, NULL);
	atomic_init(&grace->published, NULL);
	return grace;
}

static void destroy(void *argument)
{
	struct grace *grace = argument;

	ck_epoch_barrier(&grace->writer);
	free(atomic_load(&grace->published));
	free(grace);
}

static void read_on(void *argument, struct grace_turns *turns)
{
	struct grace *grace = argument;

	while (!grace_stopped(turns)) {
		ck_epoch_begin(&grace->reader, NULL);
		grace_turn(turns);
		ck_epoch_end(&grace->reader, NULL);
	}
}

static void synchronize(void *argument)
{
	struct grace *grace = argument;

	ck_epoch_synchronize(&grace->writer);
}

static void reclaim(ck_epoch_entry_t *entry)
{
	free(entry); /* the object's first member */
}

static void update(void *argument, size_t count)
{
	struct grace *grace = argument;

	while (count-- > 0) {
		struct object *old =
			atomic_exchange_explicit(&grace->published, malloc(sizeof(*old)), memory_order_acq_rel);

		if (old != NULL)
			ck_epoch_call(&grace->writer, &old->entry, reclaim);
		ck_epoch_poll(&grace->writer);
	}
	ck_epoch_barrier(&grace->writer);
}

/* A section around a load: what protects a pointer that may be replaced. */
static void read_slot(struct bench *bench, const void *argument)
{
	struct grace *grace = create();
	uint64_t i;

	(void)argument;
	bench_items(bench, BENCH_UNROLLED);
	if (grace == NULL)
		bench_skip(bench, "no memory");
	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		BENCH_UNROLL(ck_epoch_begin(&grace->reader, NULL); bench_keep(ck_pr_load_64(&floor_cells[0].value));
			     ck_epoch_end(&grace->reader, NULL));
	if (grace != NULL)
		destroy(grace);
}

void rival_ck_epoch(void)
{
	static const struct grace_ops ops = {create, destroy, read_on, synchronize, update};

	bench_grace("ck_epoch", &ops);
	bench_register(&(struct bench_spec){.name = "slot_read/ck_epoch", .routine = read_slot});
}
