/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lookaside lists on the machine: threads are shoved from cpu to cpu in the middle of taking and putting blocks, while another
 * flushes; no block is lost or handed out twice. This file is compiled twice, the second time with a delay before the store
 * that commits, and run with and without the kernel's restartable sequences.
 */
#include "machine.h"

#include <stdlib.h>

#include <dhp/lookaside.h>

#include "port.h"

#define USERS 3u
#define IN_HAND 150u /* more than a cache keeps */
#define MANY 270u    /* more than the depot keeps; with a cache of large blocks it does */

#ifdef COMMIT_IS_DELAYED
#define TURNS 100000u
#else
#define TURNS 2000000u
#endif

struct block {
	uint64_t link;  /* the list's while it keeps the block */
	uint64_t owner; /* 0: nobody has it */
	uint64_t plain; /* written by whoever has it */
};

struct race {
	struct dhp_lookaside *list;
	struct gate gate;
	uint64_t done, seeds, wrong, made, returned;
};

static void *make_block(size_t bytes, void *context)
{
	(void)bump(&((struct race *)context)->made);
	return calloc(1, bytes);
}

static void return_block(void *block, size_t bytes, void *context)
{
	(void)bytes;
	(void)bump(&((struct race *)context)->returned);
	free(block);
}

static struct dhp_engine *make_machine(void)
{
	const struct dhp_engine_options options = { .size = sizeof(options),
		.flags = DHP_ENGINE_NO_WATCH | DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

static void make_list(struct dhp_engine *engine, struct race *race, size_t bytes)
{
	const struct dhp_lookaside_options options = { .size = sizeof(options),
		.block_bytes = bytes,
		.allocate = make_block,
		.free = return_block,
		.context = race };

	assert_ok(dhp_lookaside_create(engine, &options, &race->list));
	print_message("restartable sequences: %s\n", race->list->restartable ? "yes" : "no");
}

static struct dhp_lookaside_counts counts_in(struct race *race)
{
	struct dhp_lookaside_counts counts;

	assert_ok(dhp_lookaside_counts_read(race->list, &counts));
	return counts;
}

static void stay_here(cpu_set_t *before)
{
	cpu_set_t one;

	assert_int_equal(sched_getaffinity(0, sizeof(*before), before), 0);
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

/* ---- one thread on one processor ---- */

static void the_last_block_freed_is_the_first_handed_out_S701(void **state)
{
	struct race race = { .made = 0 };
	struct dhp_engine *engine = make_machine();
	void *blocks[2 * DHP_LOOKASIDE_CACHE_LIMIT];
	cpu_set_t before;

	(void)state;
	make_list(engine, &race, sizeof(struct block));
	stay_here(&before);
	for (uint32_t i = 0; i < LENGTH(blocks); i++)
		assert_non_null(blocks[i] = dhp_lookaside_allocate(race.list));
	for (uint32_t i = 0; i < LENGTH(blocks); i++) {
		dhp_lookaside_free(race.list, blocks[i]);
		assert_int_equal(counts_in(&race).kept, i + 1);
		assert_ptr_equal(dhp_lookaside_allocate(race.list), blocks[i]);
		dhp_lookaside_free(race.list, blocks[i]);
	}
	for (uint32_t i = 0; i < LENGTH(blocks); i++)
		blocks[i] = dhp_lookaside_allocate(race.list);
	assert_int_equal(peek(&race.made), LENGTH(blocks)); /* all came back from cache and depot */
	assert_int_equal(counts_in(&race).kept, 0);
	for (uint32_t i = 0; i < LENGTH(blocks); i++)
		dhp_lookaside_free(race.list, blocks[i]);
	(void)sched_setaffinity(0, sizeof(before), &before);
	assert_ok(dhp_lookaside_destroy(race.list));
	assert_int_equal(peek(&race.returned), LENGTH(blocks));
	end_engine(engine);
}

static void a_flush_returns_all_and_the_caches_go_on_S702_S704(void **state)
{
	struct race race = { .made = 0 };
	struct dhp_engine *engine = make_machine();
	void *blocks[MANY];
	cpu_set_t before;

	(void)state;
	make_list(engine, &race, 5000); /* large: a cache keeps a quarter */
	stay_here(&before);
	for (uint32_t round = 1; round <= 3; round++) {
		for (uint32_t i = 0; i < MANY; i++)
			blocks[i] = dhp_lookaside_allocate(race.list);
		assert_int_equal(peek(&race.made), round * MANY);
		for (uint32_t i = 0; i < MANY; i++)
			dhp_lookaside_free(race.list, blocks[i]);
		assert_int_equal(counts_in(&race).kept, MANY); /* not only the depot: the cache was opened again */
		assert_ok(dhp_lookaside_flush(race.list));
		assert_int_equal(counts_in(&race).kept, 0);
		assert_int_equal(peek(&race.returned), round * MANY);
	}
	dhp_lookaside_free_slow(race.list, NULL);
	assert_null(dhp_lookaside_allocate_slow(NULL));
	(void)sched_setaffinity(0, sizeof(before), &before);
	assert_ok(dhp_lookaside_destroy(race.list));
	end_engine(engine);
}

/* ---- while a flush is at the caches ---- */

static struct {
	struct dhp_lookaside *list; /* NULL: nobody looks */
	struct block *mine;
	uint32_t looks, taken, put;
} closed;

bool __real_port_sequences_abort(void);
bool __wrap_port_sequences_abort(void);

/* A sequence that begins now: it must find nothing to take, and no room. */
static void use_closed(void)
{
	if (closed.list == NULL)
		return;
	closed.looks++;
	closed.taken += dhp_lookaside_take_here(closed.list) != NULL;
	closed.put += dhp_lookaside_put_here(closed.list, closed.mine) != 0;
}

bool __wrap_port_sequences_abort(void)
{
	bool aborted;

	use_closed();
	aborted = __real_port_sequences_abort();
	use_closed();
	return aborted;
}

static void no_sequence_uses_a_cache_that_a_flush_has_closed_S704(void **state)
{
	struct race race = { .made = 0 };
	struct dhp_engine *engine = make_machine();
	void *kept;
	cpu_set_t before;

	(void)state;
	make_list(engine, &race, sizeof(struct block));
	stay_here(&before);
	closed.mine = dhp_lookaside_allocate(race.list);
	kept = dhp_lookaside_allocate(race.list);
	dhp_lookaside_free(race.list, kept);
	closed.list = race.list->restartable ? race.list : NULL;
	assert_ok(dhp_lookaside_flush(race.list));
	assert_int_equal(closed.looks, closed.list != NULL ? 2 : 0);
	closed.list = NULL;
	assert_int_equal(closed.taken, 0);
	assert_int_equal(closed.put, 0);
	assert_int_equal(peek(&race.returned), 1);
	dhp_lookaside_free(race.list, closed.mine); /* open again */
	assert_int_equal(counts_in(&race).kept, 1);
	assert_ptr_equal(dhp_lookaside_allocate(race.list), closed.mine);
	dhp_lookaside_free(race.list, closed.mine);
	(void)sched_setaffinity(0, sizeof(before), &before);
	assert_ok(dhp_lookaside_destroy(race.list));
	assert_int_equal(peek(&race.made), peek(&race.returned));
	end_engine(engine);
}

/* ---- a processor of which the machine's files do not speak ---- */

static void on_a_processor_that_is_not_announced_blocks_come_from_the_depot_S035(void **state)
{
	struct race race = { .made = 0 };
	struct dhp_engine *engine;
	struct tree tree;
	void *blocks[MANY];
	cpu_set_t before;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (largest_cpu(&before) == 0)
		skip();
	engine = make_machine_of_cpu_0(&tree, DHP_ENGINE_NO_WORKERS);
	make_list(engine, &race, sizeof(struct block));
	go_to_cpu(largest_cpu(&before));
	for (uint32_t i = 0; i < MANY; i++)
		assert_non_null(blocks[i] = dhp_lookaside_allocate(race.list));
	for (uint32_t i = 0; i < MANY; i++)
		dhp_lookaside_free(race.list, blocks[i]);
	if (race.list->restartable)
		assert_int_equal(counts_in(&race).kept, DHP_LOOKASIDE_DEPOT_LIMIT); /* and nothing in a cache */
	assert_ok(dhp_lookaside_flush(race.list)); /* opens none of those that were never open */
	for (uint32_t i = 0; i < MANY; i++)
		assert_non_null(blocks[i] = dhp_lookaside_allocate(race.list));
	for (uint32_t i = 0; i < MANY; i++)
		dhp_lookaside_free(race.list, blocks[i]);
	if (race.list->restartable)
		assert_int_equal(counts_in(&race).kept, DHP_LOOKASIDE_DEPOT_LIMIT);
	(void)sched_setaffinity(0, sizeof(before), &before);
	assert_ok(dhp_lookaside_destroy(race.list));
	assert_int_equal(peek(&race.made), peek(&race.returned));
	end_engine(engine);
	tree_remove(&tree);
}

/* ---- a thread for which the kernel keeps no word ---- */

static void *use_the_depot(void *argument)
{
	struct race *race = argument;
	void *blocks[MANY];

	if (race->list->restartable && !end_sequences())
		(void)bump(&race->wrong);
	for (uint32_t turn = 0; turn < 2; turn++) {
		for (uint32_t i = 0; i < MANY; i++)
			blocks[i] = dhp_lookaside_allocate(race->list);
		for (uint32_t i = 0; i < MANY; i++)
			dhp_lookaside_free(race->list, blocks[i]);
		if (race->list->restartable && counts_in(race).kept != DHP_LOOKASIDE_DEPOT_LIMIT)
			(void)bump(&race->wrong);
		if (turn == 0 && dhp_failed(dhp_lookaside_flush(race->list)))
			(void)bump(&race->wrong);
	}
	return NULL;
}

static void a_thread_without_sequences_has_the_depot_S035(void **state)
{
	struct race race = { .made = 0 };
	struct dhp_engine *engine = make_machine();
	struct helper user;

	(void)state;
	make_list(engine, &race, sizeof(struct block));
	helper_start(&user, use_the_depot, &race);
	helper_join(&user);
	assert_int_equal(peek(&race.wrong), 0);
	assert_ok(dhp_lookaside_destroy(race.list));
	assert_int_equal(peek(&race.made), peek(&race.returned));
	end_engine(engine);
}

/* ---- threads that are moved, and flushes ---- */

static struct block *take(struct race *race)
{
	struct block *block = dhp_lookaside_allocate(race->list);

	if (block == NULL || __atomic_exchange_n(&block->owner, 1, __ATOMIC_RELAXED) != 0)
		(void)bump(&race->wrong);
	if (block != NULL)
		block->plain++;
	return block;
}

static void give(struct race *race, struct block *block)
{
	if (block == NULL)
		return;
	block->plain++;
	if (__atomic_exchange_n(&block->owner, 0, __ATOMIC_RELAXED) != 1)
		(void)bump(&race->wrong);
	dhp_lookaside_free(race->list, block);
}

static void *take_and_give(void *argument)
{
	struct race *race = argument;
	uint64_t dice = 2 * bump(&race->seeds) + 1;
	struct block *in_hand[IN_HAND] = { NULL };

	gate_pass(&race->gate);
	for (uint64_t i = 0; i < TIMES(TURNS); i++) {
		uint32_t which = (uint32_t)(roll(&dice) % IN_HAND);

		if (in_hand[which] != NULL) {
			give(race, in_hand[which]);
			in_hand[which] = NULL;
		} else {
			in_hand[which] = take(race);
		}
	}
	for (uint32_t i = 0; i < IN_HAND; i++)
		give(race, in_hand[i]);
	(void)bump(&race->done);
	return NULL;
}

static void blocks_are_neither_lost_nor_doubled_while_threads_are_moved_S701_S704(void **state)
{
	struct race race = { .made = 0 };
	struct dhp_engine *engine = make_machine();
	struct helper users[USERS];
	struct dhp_lookaside_counts counts;
	uint64_t dice = 99, flushes = 0;
	cpu_set_t all;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	make_list(engine, &race, sizeof(struct block));
	gate_init(&race.gate, USERS + 1);
	for (uint32_t i = 0; i < USERS; i++)
		helper_start(&users[i], take_and_give, &race);
	gate_pass(&race.gate);
	while (peek(&race.done) < USERS) {
		move_thread(users[roll(&dice) % USERS].thread, &all, &dice);
		if (roll(&dice) % 4 == 0)
			assert_ok(dhp_lookaside_flush(race.list));
		if (++flushes % 8 == 0)
			sleep_us(50);
	}
	for (uint32_t i = 0; i < USERS; i++)
		helper_join(&users[i]);
	assert_int_equal(peek(&race.wrong), 0);
	counts = counts_in(&race);
	assert_int_equal(counts.kept + counts.returned, counts.made);
	assert_int_equal(counts.made, peek(&race.made));
	assert_ok(dhp_lookaside_flush(race.list));
	assert_int_equal(counts_in(&race).kept, 0);
	assert_ok(dhp_lookaside_destroy(race.list));
	assert_int_equal(peek(&race.made), peek(&race.returned));
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_block_freed_is_the_first_handed_out_S701),
		cmocka_unit_test(a_flush_returns_all_and_the_caches_go_on_S702_S704),
		cmocka_unit_test(no_sequence_uses_a_cache_that_a_flush_has_closed_S704),
		cmocka_unit_test(on_a_processor_that_is_not_announced_blocks_come_from_the_depot_S035),
		cmocka_unit_test(a_thread_without_sequences_has_the_depot_S035),
		cmocka_unit_test(blocks_are_neither_lost_nor_doubled_while_threads_are_moved_S701_S704),
	};

	return cmocka_run_group_tests_name("lookaside_machine", tests, NULL, NULL);
}
