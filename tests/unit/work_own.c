/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a routine inserts on its own processor goes straight into the window: in order, in reach of everybody, counted.
 */
#include "work_hold.h"

#include "queue.h"

#define MANY (2 * DHPI_WINDOW + 100)

/* A routine that inserts some objects of its own, and goes on until it is let go. */
struct parent {
	struct hold hold;
	struct tick *ticks;
	uint32_t count;
	uint64_t inserted;
	uint64_t go; /* it waits for this before it inserts */
};

static void parent_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct parent *parent = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&parent->hold.entered);
	while (peek(&parent->go) == 0)
		sleep_us(20);
	for (uint32_t i = 0; i < parent->count; i++)
		if (dhp_dpc_insert(&parent->ticks[i].dpc, NULL, NULL) == DHP_OK)
			(void)bump(&parent->inserted);
	while (peek(&parent->hold.released) == 0)
		sleep_us(20);
	(void)bump(&parent->hold.left);
}

static void parent_start(struct parent *parent, struct dhp_engine *engine, struct tick *ticks, uint32_t count)
{
	memset(parent, 0, sizeof(*parent));
	parent->ticks = ticks;
	parent->count = count;
	assert_ok(dhp_dpc_init(&parent->hold.dpc, engine, parent_routine, parent));
	assert_ok(dhp_dpc_set_target(&parent->hold.dpc, 0));
	assert_ok(dhp_dpc_insert(&parent->hold.dpc, NULL, NULL));
	hold_wait(&parent->hold);
}

static void parent_go(struct parent *parent)
{
	poke(&parent->go, 1);
	assert_true(wait_for_count(&parent->inserted, parent->count));
}

static uint32_t place_of(struct tick *tick)
{
	return at_load_relaxed_u32(&dhpi_dpc(&tick->dpc)->place);
}

static void assert_kind(struct tick *tick, enum dhpi_place_kind kind)
{
	assert_int_equal(dhpi_place_kind(place_of(tick)), kind);
}

static struct tick ticks[MANY];

static void init_all(struct dhp_engine *engine, uint32_t count, uint32_t index)
{
	for (uint32_t i = 0; i < count; i++)
		tick_init(&ticks[i], engine, index);
}

/* ---- order ---- */

static uint64_t order[MANY + 1];
static uint64_t ordered;

static void note_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	order[ordered++] = (uint64_t)((struct tick *)context - ticks);
	(void)bump(&((struct tick *)context)->runs);
}

static void init_noted(struct dhp_engine *engine, uint32_t count)
{
	ordered = 0;
	for (uint32_t i = 0; i < count; i++) {
		memset(&ticks[i], 0, sizeof(ticks[i]));
		assert_ok(dhp_dpc_init(&ticks[i].dpc, engine, note_routine, &ticks[i]));
		assert_ok(dhp_dpc_set_target(&ticks[i].dpc, 0));
	}
}

static void more_than_the_window_holds_runs_in_order_S629(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct parent parent;

	(void)state;
	init_noted(engine, MANY);
	for (uint32_t round = 0; round < 3; round++) {
		ordered = 0;
		parent_start(&parent, engine, ticks, MANY);
		parent_go(&parent);
		assert_kind(&ticks[0], DHPI_PLACE_WINDOW);
		assert_kind(&ticks[MANY - 1], DHPI_PLACE_INBOX);
		hold_release(&parent.hold);
		flush(engine);
		assert_int_equal(ordered, MANY);
		for (uint32_t i = 0; i < MANY; i++)
			assert_int_equal(order[i], i);
	}
	end_engine(engine);
}

static void own_inserts_come_behind_what_waits_in_the_inbox_S629(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct parent parent;

	(void)state;
	init_noted(engine, 3);
	parent_start(&parent, engine, ticks, 2);
	tick_insert(&ticks[2]);
	parent_go(&parent);
	assert_kind(&ticks[0], DHPI_PLACE_INBOX);
	hold_release(&parent.hold);
	flush(engine);
	assert_int_equal(ordered, 3);
	assert_int_equal(order[0], 2);
	assert_int_equal(order[1], 0);
	assert_int_equal(order[2], 1);
	end_engine(engine);
}

static void own_inserts_come_behind_what_waits_on_the_lists_S629(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct parent parent;

	(void)state;
	init_noted(engine, 4);
	parent_start(&parent, engine, ticks, 2);
	tick_insert(&ticks[2]);
	tick_insert(&ticks[3]);
	assert_ok(dhp_dpc_remove(&ticks[3].dpc)); /* this empties the inbox into the lists */
	assert_kind(&ticks[2], DHPI_PLACE_PENDING);
	parent_go(&parent);
	assert_kind(&ticks[0], DHPI_PLACE_INBOX);
	hold_release(&parent.hold);
	flush(engine);
	assert_int_equal(ordered, 3);
	assert_int_equal(order[0], 2);
	assert_int_equal(order[1], 0);
	end_engine(engine);
}

/* Who empties the inbox holds the lock until what was in it is on the lists. */
static void own_inserts_wait_for_who_empties_the_inbox_S629(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhpi_queue *queue;
	struct parent parent;

	(void)state;
	init_noted(engine, 1);
	parent_start(&parent, engine, ticks, 1);
	queue = dhpi_queue_of_index(dhpi_dpc(&ticks[0].dpc)->work, 0);
	dhpi_spin_lock(&queue->lock);
	parent_go(&parent);
	assert_kind(&ticks[0], DHPI_PLACE_INBOX);
	dhpi_spin_unlock(&queue->lock);
	hold_release(&parent.hold);
	flush(engine);
	assert_int_equal(ordered, 1);
	end_engine(engine);
}

/* ---- in reach of everybody ---- */

static void what_a_routine_inserted_is_removed_while_it_goes_on_S645(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct parent parent;

	(void)state;
	init_all(engine, 4, DHP_NO_INDEX);
	parent_start(&parent, engine, ticks, 4);
	parent_go(&parent);
	for (uint32_t i = 1; i < 4; i++) {
		assert_kind(&ticks[i], DHPI_PLACE_WINDOW);
		assert_ok(dhp_dpc_remove(&ticks[i].dpc));
		assert_status(dhp_dpc_remove(&ticks[i].dpc), DHP_NOT_QUEUED);
		memset(&ticks[i], 0xff, sizeof(ticks[i])); /* it is its owner's again */
	}
	hold_release(&parent.hold);
	flush(engine);
	assert_int_equal(ticks[0].runs, 1);
	assert_int_equal(stats_of(engine, 0).run_count, 2);
	assert_int_equal(stats_of(engine, 0).removed_count, 3);
	end_engine(engine);
}

static void what_a_routine_inserted_is_taken_over_while_it_goes_on_S620(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct parent parent;

	(void)state;
	init_all(engine, 9, DHP_NO_INDEX);
	for (uint32_t round = 0; round < 20; round++) {
		parent_start(&parent, engine, ticks, 9);
		sleep_us(round * 100); /* the other worker sleeps by now, or it spins, or it is about to sleep */
		parent_go(&parent);
		assert_true(wait_for_ticks(ticks, 9, 9 * (round + 1)));
		hold_release(&parent.hold);
		flush(engine);
		for (uint32_t i = 0; i < 9; i++)
			assert_int_equal(peek(&ticks[i].index), 1);
	}
	assert_int_equal(stats_of(engine, 1).stolen_count, 20 * 9);
	end_engine(engine);
}

static void flush_waits_for_what_a_routine_inserted_S648(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct parent parent;

	(void)state;
	init_all(engine, 100, 0);
	for (uint32_t round = 1; round <= 20; round++) {
		parent_start(&parent, engine, ticks, 100);
		parent_go(&parent);
		hold_release(&parent.hold);
		flush(engine);
		assert_int_equal(ticks_run(ticks, 100), 100 * round);
	}
	end_engine(engine);
}

/* ---- a routine that inserts itself again for ever ---- */

struct chain {
	struct dhp_dpc dpc;
	uint64_t links;
	uint64_t end;
};

static void chain_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct chain *chain = context;

	(void)argument_1;
	(void)argument_2;
	(void)bump(&chain->links);
	if (peek(&chain->end) == 0)
		(void)dhp_dpc_insert(dpc, NULL, NULL);
}

static void a_chain_lets_others_in_and_a_grace_period_end_S629_S649(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct chain chain = { .end = 0 };

	(void)state;
	assert_ok(dhp_dpc_init(&chain.dpc, engine, chain_routine, &chain));
	assert_ok(dhp_dpc_insert(&chain.dpc, NULL, NULL));
	assert_true(wait_for_count(&chain.links, 3 * DHPI_WINDOW)); /* it has been all around the window */
	init_all(engine, 1, 0);
	for (uint64_t round = 1; round <= 10; round++) {
		tick_insert(&ticks[0]);
		assert_true(wait_for_ticks(ticks, 1, round));
		assert_ok(dhp_epoch_synchronize(engine));
		flush(engine);
	}
	poke(&chain.end, 1);
	flush(engine);
	assert_int_equal(stats_of(engine, 0).run_count, peek(&chain.links) + 10);
	end_engine(engine);
}

/* ---- a signal handler that interrupts the worker while it fills a cell ---- */

static void handler_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct dhpi_queue *queue = port_self()->worker;
	uint64_t *kinds = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	at_store_relaxed_u8(&queue->putting, 1);
	(void)dhp_dpc_insert(&ticks[0].dpc, NULL, NULL);
	kinds[0] = (uint64_t)dhpi_place_kind(place_of(&ticks[0]));
	at_store_relaxed_u8(&queue->putting, 0);
	(void)dhp_dpc_remove(&ticks[0].dpc);
	(void)dhp_dpc_insert(&ticks[0].dpc, NULL, NULL);
	kinds[1] = (uint64_t)dhpi_place_kind(place_of(&ticks[0]));
}

static void an_insert_inside_an_insert_uses_the_inbox_S610(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhp_dpc handler;
	uint64_t kinds[2] = { 0, 0 };

	(void)state;
	init_all(engine, 1, 0);
	assert_ok(dhp_dpc_init(&handler, engine, handler_routine, kinds));
	assert_ok(dhp_dpc_insert(&handler, NULL, NULL));
	assert_true(wait_for_ticks(ticks, 1, 1)); /* a flush need not wait for what is inserted meanwhile */
	flush(engine);
	assert_int_equal(kinds[0], DHPI_PLACE_INBOX);
	assert_int_equal(kinds[1], DHPI_PLACE_WINDOW);
	assert_int_equal(ticks[0].runs, 1);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flush_waits_for_what_a_routine_inserted_S648),
		cmocka_unit_test(more_than_the_window_holds_runs_in_order_S629),
		cmocka_unit_test(own_inserts_come_behind_what_waits_in_the_inbox_S629),
		cmocka_unit_test(own_inserts_come_behind_what_waits_on_the_lists_S629),
		cmocka_unit_test(own_inserts_wait_for_who_empties_the_inbox_S629),
		cmocka_unit_test(what_a_routine_inserted_is_removed_while_it_goes_on_S645),
		cmocka_unit_test(what_a_routine_inserted_is_taken_over_while_it_goes_on_S620),
		cmocka_unit_test(a_chain_lets_others_in_and_a_grace_period_end_S629_S649),
		cmocka_unit_test(an_insert_inside_an_insert_uses_the_inbox_S610),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
