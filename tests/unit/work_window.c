/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The window begins anew where little is in it: what is left stays in order, can be removed, and is in the first cells.
 */
#include "work_hold.h"

#include "queue.h"

#define RING 5u
#define AROUND 40u /* more than run in a row before the worker looks around */
#define BEFORE_THE_END 35u
#define TURNS (48 * DHPI_WINDOW_RESIDENT) /* more than all cells of a long window */

/* Objects that insert themselves again, each behind the others. */
struct ring {
	struct dhp_dpc dpcs[RING];
	struct dhpi_queue *queue;
	uint64_t runs, disorders, rewinds;
	uint32_t expected, last_tail, longest_tail;
	uint32_t removed; /* RING: none so far */
	enum dhp_status removal;
};

static struct ring ring;

static uint32_t next_of(uint32_t index)
{
	uint32_t next = (index + 1) % RING;

	return next == ring.removed ? (next + 1) % RING : next;
}

static void note_tail(void)
{
	uint32_t tail = at_load_relaxed_u32(&ring.queue->window_tail); /* relaxed: the worker itself reads */

	if (tail < ring.last_tail)
		ring.rewinds++;
	if (tail > ring.longest_tail)
		ring.longest_tail = tail;
	ring.last_tail = tail;
}

static void run_ring(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	uint32_t index = (uint32_t)(dpc - ring.dpcs);

	(void)argument_1;
	(void)argument_2;
	if (index != ring.expected)
		ring.disorders++;
	note_tail();
	if (context != NULL && ring.rewinds == 3 && ring.removed == RING) { /* what was moved a moment ago */
		uint32_t victim = (index + 2) % RING;

		ring.removal = dhp_dpc_remove(&ring.dpcs[victim]);
		ring.removed = victim;
	}
	ring.expected = next_of(index);
	if (bump(&ring.runs) + 1 < TURNS)
		(void)dhp_dpc_insert(dpc, NULL, NULL);
}

static void start_ring(struct dhp_engine *engine, bool removing)
{
	struct hold hold;

	memset(&ring, 0, sizeof(ring));
	ring.queue = dhpi_queue_of_index(engine->work, 0);
	ring.removed = RING;
	for (uint32_t i = 0; i < RING; i++) {
		assert_ok(dhp_dpc_init(&ring.dpcs[i], engine, run_ring, removing ? &ring : NULL));
		assert_ok(dhp_dpc_set_target(&ring.dpcs[i], 0));
	}
	hold_processor(&hold, engine, 0);
	for (uint32_t i = 0; i < RING; i++)
		assert_ok(dhp_dpc_insert(&ring.dpcs[i], NULL, NULL));
	hold_release(&hold);
	assert_true(wait_for_count(&ring.runs, TURNS));
	flush(engine);
}

static void what_inserts_itself_again_stays_in_the_first_cells_S629(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);

	(void)state;
	start_ring(engine, false);
	assert_int_equal(ring.disorders, 0);
	assert_true(ring.rewinds > 1);
	assert_true(ring.longest_tail <= DHPI_WINDOW_RESIDENT + 2 * DHPI_WINDOW_FEW);
	end_engine(engine);
}

static void what_was_moved_is_removed_once_and_not_run_S645_S647(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);

	(void)state;
	start_ring(engine, true);
	assert_int_equal(ring.removal, DHP_OK);
	assert_int_equal(ring.disorders, 0);
	assert_true(ring.rewinds > 3);
	end_engine(engine);
}

/* ---- around the end ---- */

static struct tick around[AROUND];
static uint64_t order[AROUND], ordered;

static void note_order(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	poke(&order[bump(&ordered) % AROUND], (uint64_t)((struct tick *)context - around));
	tick_routine(dpc, context, argument_1, argument_2);
}

/* As if it had gone on to there: the first that is left when the worker looks around is in the last cells. */
static void go_to_the_end(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct dhpi_queue *queue = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	at_store_relaxed_u32(&queue->window_head, DHPI_WINDOW - BEFORE_THE_END); /* relaxed: the worker itself writes */
	at_store_relaxed_u32(&queue->window_tail, DHPI_WINDOW - BEFORE_THE_END);
	for (uint32_t i = 0; i < AROUND; i++)
		(void)dhp_dpc_insert(&around[i].dpc, NULL, NULL);
}

static void what_lies_around_the_end_stays_in_order_S629(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhp_dpc first;

	(void)state;
	poke(&ordered, 0);
	for (uint32_t i = 0; i < AROUND; i++) {
		tick_init(&around[i], engine, 0);
		assert_ok(dhp_dpc_init(&around[i].dpc, engine, note_order, &around[i]));
		assert_ok(dhp_dpc_set_target(&around[i].dpc, 0));
	}
	assert_ok(dhp_dpc_init(&first, engine, go_to_the_end, dhpi_queue_of_index(engine->work, 0)));
	assert_ok(dhp_dpc_set_target(&first, 0));
	assert_ok(dhp_dpc_insert(&first, NULL, NULL));
	flush(engine);
	assert_true(wait_for_count(&ordered, AROUND));
	flush(engine);
	for (uint32_t i = 0; i < AROUND; i++)
		assert_int_equal(peek(&order[i]), i);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_inserts_itself_again_stays_in_the_first_cells_S629),
		cmocka_unit_test(what_was_moved_is_removed_once_and_not_run_S645_S647),
		cmocka_unit_test(what_lies_around_the_end_stays_in_order_S629),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
