/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lookaside lists: blocks come back in the order expected, none is lost and none is handed out twice.
 */
#include "support.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dhp/lookaside.h>

#define MAXIMUM 32u
#define USERS 3u
#define IN_HAND 40u

/* The caller's own routines. */
struct source {
	uint64_t made, returned, wrong;
	uint64_t refuse; /* no memory any more */
};

static void *make_block(size_t bytes, void *context)
{
	struct source *source = context;

	if (peek(&source->refuse) != 0)
		return NULL;
	(void)bump(&source->made);
	return calloc(1, bytes);
}

static void return_block(void *block, size_t bytes, void *context)
{
	struct source *source = context;

	if (block == NULL || bytes < sizeof(void *))
		(void)bump(&source->wrong);
	(void)bump(&source->returned);
	free(block);
}

static struct dhp_lookaside *make_list(struct dhp_engine *engine, struct source *source, size_t bytes)
{
	const struct dhp_lookaside_options options = { .size = sizeof(options),
		.block_bytes = bytes,
		.allocate = source != NULL ? make_block : NULL,
		.free = source != NULL ? return_block : NULL,
		.context = source };
	struct dhp_lookaside *list = NULL;

	assert_ok(dhp_lookaside_create(engine, &options, &list));
	return list;
}

static struct dhp_lookaside_counts counts_in(struct dhp_lookaside *list)
{
	struct dhp_lookaside_counts counts;

	assert_ok(dhp_lookaside_counts_read(list, &counts));
	return counts;
}

static void stand_on(struct dhp_engine *engine, uint32_t position)
{
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, position)));
}

/* ---- options ---- */

static void flags_that_exclude_each_other_and_other_bad_input_S702_S703(void **state)
{
	struct dhp_lookaside_options good = { .size = sizeof(good), .block_bytes = 24 }, bad = good;
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_lookaside *list = NULL;

	(void)state;
	assert_status(dhp_lookaside_create(NULL, &good, &list), DHP_BAD_ENGINE);
	assert_status(dhp_lookaside_create(engine, NULL, &list), DHP_BAD_OPTIONS);
	assert_status(dhp_lookaside_create(engine, &good, NULL), DHP_BAD_RESULT);
	bad.size--;
	assert_status(dhp_lookaside_create(engine, &bad, &list), DHP_BAD_OPTIONS);
	bad = good;
	bad.block_bytes = 0;
	assert_status(dhp_lookaside_create(engine, &bad, &list), DHP_BAD_SIZE);
	bad.block_bytes = (1u << 20) + 1;
	assert_status(dhp_lookaside_create(engine, &bad, &list), DHP_BAD_SIZE);
	bad = good;
	bad.depth = 1;
	assert_status(dhp_lookaside_create(engine, &bad, &list), DHP_BAD_DEPTH);
	bad = good;
	bad.flags = 1u << 2;
	assert_status(dhp_lookaside_create(engine, &bad, &list), DHP_BAD_FLAGS);
	bad.flags = DHP_LOOKASIDE_FAIL_NO_RAISE;
	assert_status(dhp_lookaside_create(engine, &bad, &list), DHP_BAD_FLAGS);
	bad.allocate = make_block;
	assert_status(dhp_lookaside_create(engine, &bad, &list), DHP_BAD_CALLBACK);
	bad.free = return_block;
	bad.flags = DHP_LOOKASIDE_FAIL_NO_RAISE | DHP_LOOKASIDE_RAISE;
	assert_status(dhp_lookaside_create(engine, &bad, &list), DHP_BAD_FLAGS);
	bad.allocate = NULL;
	bad.flags = 0;
	assert_status(dhp_lookaside_create(engine, &bad, &list), DHP_BAD_CALLBACK);
	assert_null(list);
	bad.allocate = make_block;
	bad.flags = DHP_LOOKASIDE_FAIL_NO_RAISE;
	assert_ok(dhp_lookaside_create(engine, &bad, &list));
	assert_ok(dhp_lookaside_destroy(list));
	assert_ok(dhp_lookaside_destroy(NULL));
	assert_status(dhp_lookaside_flush(NULL), DHP_BAD_OBJECT);
	assert_status(dhp_lookaside_counts_read(NULL, NULL), DHP_BAD_OBJECT);
	assert_null(dhp_lookaside_allocate(NULL));
	dhp_lookaside_free(NULL, &good);
	end_engine(engine);
}

static void a_list_holds_its_engine_until_it_is_destroyed_S704(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_lookaside *list = make_list(engine, NULL, 64);

	(void)state;
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	assert_status(dhp_lookaside_counts_read(list, NULL), DHP_BAD_RESULT);
	assert_ok(dhp_lookaside_destroy(list));
	end_engine(engine);
}

/* ---- order and number of blocks ---- */

static void the_last_block_freed_is_the_first_handed_out_S701_S702(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct source source = { .made = 0 };
	struct dhp_lookaside *list = make_list(engine, &source, 1); /* smaller than a link */
	void *blocks[8];

	(void)state;
	stand_on(engine, 0);
	assert_true(counts_in(list).kept == 0 && counts_in(list).made == 0); /* it starts empty */
	for (uint32_t i = 0; i < LENGTH(blocks); i++)
		assert_non_null(blocks[i] = dhp_lookaside_allocate(list));
	dhp_lookaside_free(list, NULL);
	assert_int_equal(counts_in(list).kept, 0);
	for (uint32_t i = 0; i < LENGTH(blocks); i++)
		dhp_lookaside_free(list, blocks[i]);
	assert_int_equal(counts_in(list).kept, LENGTH(blocks));
	for (uint32_t i = LENGTH(blocks); i-- > 0;)
		assert_ptr_equal(dhp_lookaside_allocate(list), blocks[i]);
	assert_int_equal(peek(&source.made), LENGTH(blocks));
	for (uint32_t i = 0; i < LENGTH(blocks); i++)
		dhp_lookaside_free(list, blocks[i]);
	dhp_sim_exit();
	assert_ok(dhp_lookaside_destroy(list));
	assert_int_equal(peek(&source.returned), LENGTH(blocks));
	assert_int_equal(peek(&source.wrong), 0);
	end_engine(engine);
}

static void also_a_full_cache_hands_out_the_last_block_first_S701(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_lookaside *list = make_list(engine, NULL, 32);
	void *blocks[2 * DHP_LOOKASIDE_CACHE_LIMIT];

	(void)state;
	stand_on(engine, 0);
	for (uint32_t i = 0; i < LENGTH(blocks); i++)
		assert_non_null(blocks[i] = dhp_lookaside_allocate(list));
	for (uint32_t i = 0; i < LENGTH(blocks); i++) {
		dhp_lookaside_free(list, blocks[i]);
		assert_int_equal(counts_in(list).kept, i + 1);
		assert_ptr_equal(dhp_lookaside_allocate(list), blocks[i]);
		dhp_lookaside_free(list, blocks[i]);
	}
	dhp_sim_exit();
	assert_ok(dhp_lookaside_destroy(list));
	end_engine(engine);
}

#define MANY 600u /* more than a cache and the depot keep */

static void what_is_kept_is_bounded_and_flush_returns_it_all_S702_S704(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);
	struct source source = { .made = 0 };
	struct dhp_lookaside *list = make_list(engine, &source, 100);
	static void *blocks[MANY];
	struct dhp_lookaside_counts counts;

	(void)state;
	stand_on(engine, 1);
	for (uint32_t i = 0; i < MANY; i++)
		assert_non_null(blocks[i] = dhp_lookaside_allocate(list));
	for (uint32_t i = 0; i < MANY; i++)
		dhp_lookaside_free(list, blocks[i]);
	counts = counts_in(list);
	assert_true(counts.kept <= DHP_LOOKASIDE_CACHE_LIMIT + DHP_LOOKASIDE_DEPOT_LIMIT);
	assert_true(counts.kept >= DHP_LOOKASIDE_DEPOT_LIMIT);
	assert_int_equal(counts.kept + counts.returned, MANY);
	assert_int_equal(counts.made, MANY);
	/* Another processor gets its blocks from the depot, not from the system. */
	stand_on(engine, 2);
	for (uint32_t i = 0; i < DHP_LOOKASIDE_DEPOT_LIMIT; i++)
		assert_non_null(blocks[i] = dhp_lookaside_allocate(list));
	assert_int_equal(counts_in(list).made, MANY);
	for (uint32_t i = 0; i < DHP_LOOKASIDE_DEPOT_LIMIT; i++)
		dhp_lookaside_free(list, blocks[i]);
	dhp_sim_exit(); /* the fallback slot keeps some too */
	dhp_lookaside_free(list, dhp_lookaside_allocate(list));
	assert_ok(dhp_lookaside_flush(list));
	counts = counts_in(list);
	assert_int_equal(counts.kept, 0);
	assert_int_equal(counts.returned, counts.made);
	assert_int_equal(peek(&source.returned), peek(&source.made));
	assert_ok(dhp_lookaside_destroy(list));
	end_engine(engine);
}

static void a_newcomer_begins_with_an_empty_cache_S705(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 1);
	struct source source = { .made = 0 };
	struct dhp_lookaside *list = make_list(engine, &source, 64);
	void *block;

	(void)state;
	stand_on(engine, 0);
	dhp_lookaside_free(list, dhp_lookaside_allocate(list));
	assert_int_equal(counts_in(list).kept, 1);
	/* An attempt that fails leaves nothing behind. */
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 1), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(engine, 1), DHP_INJECTED);
	add_positions(engine, 1, 2);
	assert_int_equal(counts_in(list).kept, 1);
	stand_on(engine, 1);
	block = dhp_lookaside_allocate(list); /* not the one that processor 0 keeps */
	assert_int_equal(counts_in(list).made, 2);
	dhp_lookaside_free(list, block);
	assert_ptr_equal(dhp_lookaside_allocate(list), block);
	assert_int_equal(counts_in(list).made, 2);
	dhp_lookaside_free(list, block);
	assert_int_equal(counts_in(list).kept, 2);
	dhp_sim_exit();
	assert_ok(dhp_lookaside_destroy(list));
	assert_int_equal(peek(&source.returned), 2);
	end_engine(engine);
}

static void without_memory_the_answer_is_null_and_kept_blocks_still_come_S703(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct source source = { .made = 0 };
	struct dhp_lookaside *list = make_list(engine, &source, 64);
	void *block;

	(void)state;
	stand_on(engine, 0);
	block = dhp_lookaside_allocate(list);
	dhp_lookaside_free(list, block);
	poke(&source.refuse, 1);
	assert_ptr_equal(dhp_lookaside_allocate(list), block);
	assert_null(dhp_lookaside_allocate(list));
	assert_int_equal(counts_in(list).made, 1);
	dhp_lookaside_free(list, block);
	dhp_sim_exit();
	assert_ok(dhp_lookaside_destroy(list));
	end_engine(engine);
}

static void the_systems_memory_is_the_default_S701(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_lookaside *list = make_list(engine, NULL, 100);
	unsigned char *block = dhp_lookaside_allocate(list);

	(void)state;
	assert_non_null(block);
	assert_int_equal((uintptr_t)block % 16, 0);
	memset(block, 0x5A, 100);
	dhp_lookaside_free(list, block);
	assert_ok(dhp_lookaside_destroy(list));
	end_engine(engine);
}

/* ---- raise on failure: the process ends ---- */

static void raise_ends_the_process_S703(void **state)
{
	const struct rlimit none = { 0, 0 };
	pid_t child = fork();
	int status = 0;

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		struct source source = { .refuse = 1 };
		const struct dhp_lookaside_options options = { .size = sizeof(options), .block_bytes = 64,
			.flags = DHP_LOOKASIDE_RAISE, .allocate = make_block, .free = return_block, .context = &source };
		struct dhp_engine *engine = NULL;
		struct dhp_lookaside *list = NULL;

		(void)signal(SIGABRT, SIG_DFL);
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)freopen("/dev/null", "w", stderr);
		if (try_sim(&(struct sim_setup){ .maximum = 2 }, &engine) == DHP_OK &&
		    dhp_lookaside_create(engine, &options, &list) == DHP_OK)
			(void)dhp_lookaside_allocate(list);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* ---- race: threads everywhere, routines, flushes, arrivals ---- */

struct block {
	uint64_t link; /* the list's while it keeps the block */
	uint64_t owner; /* 0: nobody has it */
	uint64_t plain; /* written by whoever has it: ThreadSanitizer watches */
};

struct race {
	struct dhp_engine *engine;
	struct dhp_lookaside *list;
	struct source source;
	struct gate gate;
	uint64_t stop, wrong, seeds, routines;
};

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
	uint64_t dice = 99 + bump(&race->seeds);
	struct block *in_hand[IN_HAND] = { NULL };

	gate_pass(&race->gate);
	while (peek(&race->stop) == 0) {
		uint32_t which = (uint32_t)(roll(&dice) % IN_HAND);

		if (roll(&dice) % 8 == 0)
			(void)dhp_sim_enter(race->engine, dhp_sim_cpu(race->engine, (uint32_t)(roll(&dice) % MAXIMUM)));
		if (in_hand[which] != NULL) {
			give(race, in_hand[which]);
			in_hand[which] = NULL;
		} else {
			in_hand[which] = take(race);
		}
	}
	for (uint32_t i = 0; i < IN_HAND; i++)
		give(race, in_hand[i]);
	dhp_sim_exit();
	return NULL;
}

static void use_in_a_routine(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	struct race *race = context;
	struct block *first = take(race), *second = take(race);

	(void)a, (void)b;
	if (dhp_level() != DHP_DISPATCH)
		(void)bump(&race->wrong);
	give(race, first);
	give(race, second);
	(void)bump(&race->routines);
	if (peek(&race->stop) == 0)
		(void)dhp_dpc_insert(dpc, NULL, NULL);
}

static void blocks_are_neither_lost_nor_doubled_during_arrivals_S701_S704_S705(void **state)
{
	struct race race = { .engine = make_sim_of(MAXIMUM, 1) };
	struct helper users[USERS];
	struct dhp_dpc dpcs[4];
	struct dhp_lookaside_counts counts;

	(void)state;
	race.list = make_list(race.engine, &race.source, sizeof(struct block));
	gate_init(&race.gate, USERS + 1);
	for (uint32_t i = 0; i < LENGTH(dpcs); i++) {
		assert_ok(dhp_dpc_init(&dpcs[i], race.engine, use_in_a_routine, &race));
		assert_ok(dhp_dpc_insert(&dpcs[i], NULL, NULL));
	}
	for (uint32_t i = 0; i < USERS; i++)
		helper_start(&users[i], take_and_give, &race);
	gate_pass(&race.gate);
	for (uint32_t position = 1; position < MAXIMUM; position++) {
		add_positions(race.engine, position, position + 1);
		if (position % 4 == 0)
			assert_ok(dhp_lookaside_flush(race.list));
		sleep_us(2000);
	}
	poke(&race.stop, 1);
	for (uint32_t i = 0; i < USERS; i++)
		helper_join(&users[i]);
	assert_ok(dhp_dpc_flush(race.engine));
	assert_int_equal(peek(&race.wrong), 0);
	assert_true(peek(&race.routines) > 0);
	counts = counts_in(race.list);
	assert_int_equal(counts.kept + counts.returned, counts.made);
	assert_true(counts.kept <= (MAXIMUM + 1) * DHP_LOOKASIDE_CACHE_LIMIT + DHP_LOOKASIDE_DEPOT_LIMIT);
	assert_ok(dhp_lookaside_destroy(race.list));
	assert_int_equal(peek(&race.source.made), peek(&race.source.returned));
	assert_int_equal(peek(&race.source.wrong), 0);
	end_engine(race.engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: before it forks, this process should have no threads. */
		cmocka_unit_test(raise_ends_the_process_S703),
		cmocka_unit_test(flags_that_exclude_each_other_and_other_bad_input_S702_S703),
		cmocka_unit_test(a_list_holds_its_engine_until_it_is_destroyed_S704),
		cmocka_unit_test(the_last_block_freed_is_the_first_handed_out_S701_S702),
		cmocka_unit_test(also_a_full_cache_hands_out_the_last_block_first_S701),
		cmocka_unit_test(what_is_kept_is_bounded_and_flush_returns_it_all_S702_S704),
		cmocka_unit_test(a_newcomer_begins_with_an_empty_cache_S705),
		cmocka_unit_test(without_memory_the_answer_is_null_and_kept_blocks_still_come_S703),
		cmocka_unit_test(the_systems_memory_is_the_default_S701),
		cmocka_unit_test(blocks_are_neither_lost_nor_doubled_during_arrivals_S701_S704_S705),
	};

	return cmocka_run_group_tests_name("lookaside_lists", tests, NULL, NULL);
}
