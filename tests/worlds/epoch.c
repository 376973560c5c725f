/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoch.c - nothing is freed under a reader, a parked processor holds nobody up, no wake-up of the reclaimer is lost (edges
 * epoch-enter, epoch-exit, grace-start, reader-record, defer-sleep, drain).
 */
#include "epoch.h"
#include "world.h"

struct node {
	struct dhp_deferred deferred; /* first */
	struct at_u32 value;
};

static struct {
	struct dhpi_epoch *epoch;
	struct dhp_reader *readers[2];
	struct at_ptr *shared;
	struct at_u32 *reclaimed;
} grace;

/* Without the reclaimer. */
static void open(uint32_t readers)
{
	struct node *node = port_alloc(sizeof(*node));

	grace.epoch = port_alloc(sizeof(*grace.epoch));
	at_init_u64(&grace.epoch->now, 1);
	port_event_init(&grace.epoch->event);
	grace.shared = port_alloc(sizeof(*grace.shared));
	grace.reclaimed = port_alloc(sizeof(*grace.reclaimed));
	at_init_u32(&node->value, 42);
	at_init_ptr(grace.shared, node);
	for (uint32_t i = 0; i < readers; i++)
		grace.readers[i] = dhpi_reader_take(grace.epoch);
}

static void close(void)
{
	port_free(at_load_relaxed_ptr(grace.shared), sizeof(struct node)); /* relaxed: all have ended */
	port_free(grace.shared, sizeof(*grace.shared));
	dhpi_epoch_fini(grace.epoch);
	port_free(grace.reclaimed, sizeof(*grace.reclaimed));
	port_free(grace.epoch, sizeof(*grace.epoch));
}

/* The node is used after its address was read. */
static void read_node(void)
{
	struct node *node = at_load_acquire_ptr(grace.shared);

	if (node != NULL)
		FIBRE_DEMAND(at_load_relaxed_u32(&node->value) == 42); /* relaxed: the node was complete before */
}

static void read_explicit(void *reader)
{
	dhp_epoch_enter(reader);
	read_node();
	dhp_epoch_exit(reader);
}

static void read_twice(void *reader)
{
	read_explicit(reader);
	read_explicit(reader);
}

/* As a worker: inside while online, quiescent between two batches. */
static void read_as_worker(void *reader)
{
	dhpi_reader_online(reader);
	read_node();
	dhpi_reader_quiescent(reader);
	read_node();
	dhpi_reader_offline(reader);
}

static void park_and_read(void *reader)
{
	dhpi_reader_online(reader);
	dhpi_reader_offline(reader);
	dhpi_reader_online(reader);
	read_node();
	dhpi_reader_offline(reader);
}

static void unlink_and_free(void *nothing)
{
	struct node *node = at_exchange_acq_rel_ptr(grace.shared, NULL);

	(void)nothing;
	if (node == NULL)
		return;
	dhpi_epoch_synchronize(grace.epoch);
	port_free(node, sizeof(*node));
}

static void replace_and_free(void *nothing)
{
	struct node *fresh = port_alloc(sizeof(*fresh)), *old;

	(void)nothing;
	at_init_u32(&fresh->value, 42);
	old = at_exchange_acq_rel_ptr(grace.shared, fresh);
	dhpi_epoch_synchronize(grace.epoch);
	port_free(old, sizeof(*old));
}

static void explicit_reader(void)
{
	open(1);
	TOGETHER({ "reader", read_twice, grace.readers[0] }, { "updater", unlink_and_free, NULL });
	close();
}

static void two_updaters(void)
{
	open(1);
	TOGETHER({ "reader", read_explicit, grace.readers[0] }, { "updater", replace_and_free, NULL },
		 { "updater", replace_and_free, NULL });
	close();
}

static void two_readers(void)
{
	open(2);
	TOGETHER({ "reader", read_explicit, grace.readers[0] }, { "reader", read_explicit, grace.readers[1] },
		 { "updater", unlink_and_free, NULL });
	close();
}

static void worker_reads(void)
{
	open(1);
	TOGETHER({ "worker", read_as_worker, grace.readers[0] }, { "updater", unlink_and_free, NULL });
	close();
}

static void replace_twice(void *nothing)
{
	replace_and_free(nothing);
	replace_and_free(nothing);
}

static void worker_reads_on(void)
{
	open(1);
	TOGETHER({ "worker", read_as_worker, grace.readers[0] }, { "updater", replace_twice, NULL });
	close();
}

static void worker_parks(void)
{
	open(1);
	TOGETHER({ "worker", park_and_read, grace.readers[0] }, { "updater", unlink_and_free, NULL });
	close();
}

static void parked_worker(void)
{
	open(1);
	dhpi_reader_online(grace.readers[0]);
	dhpi_reader_offline(grace.readers[0]);
	unlink_and_free(NULL); /* alone: it has to end */
	close();
}

/* ---- readers come and go ---- */

static void join_read_leave(void *nothing)
{
	struct dhp_reader *reader = dhpi_reader_take(grace.epoch);

	(void)nothing;
	FIBRE_DEMAND(reader->depth == 0); /* it is nobody else's */
	read_explicit(reader);
	dhpi_reader_give(reader);
}

static void readers_join(void)
{
	open(0);
	TOGETHER({ "reader", join_read_leave, NULL }, { "updater", unlink_and_free, NULL });
	close();
}

static void record_used_again(void)
{
	open(1);
	dhpi_reader_give(grace.readers[0]);
	TOGETHER({ "reader", join_read_leave, NULL }, { "reader", join_read_leave, NULL });
	close();
}

/* ---- the reclaimer ---- */

static void reclaim(struct dhp_deferred *deferred)
{
	(void)at_fetch_add_relaxed_u32(grace.reclaimed, 1); /* relaxed: worlds are sequentially consistent */
	port_free(deferred, sizeof(struct node));
}

static void defer_one(void *nothing)
{
	struct node *node = at_exchange_acq_rel_ptr(grace.shared, NULL);

	(void)nothing;
	node->deferred.reclaim = reclaim;
	dhpi_epoch_defer(grace.epoch, &node->deferred);
}

static uint32_t reclaimed(void)
{
	return at_load_relaxed_u32(grace.reclaimed); /* relaxed: likewise */
}

static void defer_and_wait(void *nothing)
{
	defer_one(nothing);
	while (reclaimed() == 0)
		port_relax();
}

static void defer_and_drain(void *nothing)
{
	defer_one(nothing);
	dhpi_epoch_drain(grace.epoch);
	FIBRE_DEMAND(reclaimed() == 1);
}

static void with_reclaimer(void (*run)(void *))
{
	open(1);
	FIBRE_DEMAND(dhpi_epoch_init(grace.epoch) == DHP_OK);
	at_init_ptr(&grace.epoch->readers, grace.readers[0]);
	if (run != NULL)
		TOGETHER({ "reader", read_explicit, grace.readers[0] }, { "updater", run, NULL });
	else
		defer_one(NULL);
	close();
}

static void deferred_object_is_reclaimed(void)
{
	with_reclaimer(defer_and_wait);
}

static void drain_waits(void)
{
	with_reclaimer(defer_and_drain);
}

/* At the end what was deferred is reclaimed all the same: memory would be left. */
static void end_reclaims(void)
{
	with_reclaimer(NULL);
}

const struct world worlds[] = {
	{ .name = "nothing_is_freed_under_an_explicit_reader", .run = explicit_reader },
	{ .name = "nothing_is_freed_under_one_of_two_readers", .run = two_readers },
	{ .name = "two_updaters_wait_one_after_the_other", .run = two_updaters },
	{ .name = "nothing_is_freed_under_a_worker_in_a_batch", .run = worker_reads },
	{ .name = "a_batch_ends_one_grace_period_and_not_the_next", .run = worker_reads_on },
	{ .name = "nothing_is_freed_under_a_worker_that_has_parked", .run = worker_parks },
	{ .name = "a_parked_worker_holds_nobody_up", .run = parked_worker, .exactly = 1 },
	{ .name = "a_reader_joins_during_a_grace_period", .run = readers_join },
	{ .name = "a_record_is_taken_by_one_reader", .run = record_used_again },
	{ .name = "the_reclaimer_hears_of_what_is_deferred", .run = deferred_object_is_reclaimed },
	{ .name = "a_drain_ends_after_what_was_deferred_before", .run = drain_waits, .runs = 2000, .long_runs = 100000 },
	{ .name = "the_end_of_the_epoch_reclaims_the_rest", .run = end_reclaims },
	{ .name = NULL },
};
