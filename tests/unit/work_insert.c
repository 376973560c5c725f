/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Insertion: at most once, what the inserter wrote is seen, from every kind of caller; and the object's own routine.
 */
#include "work_hold.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

/* ---- one object, one thread ---- */

static void the_second_insert_is_refused_and_the_first_arguments_arrive_S610_S614(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct noted notes = { .runs = 0 };
	struct hold hold;

	(void)state;
	assert_ok(dhp_dpc_init(&notes.dpc, engine, note_arguments, &notes));
	assert_ok(dhp_dpc_set_target(&notes.dpc, 0));
	hold_processor(&hold, engine, 0);
	assert_ok(dhp_dpc_insert(&notes.dpc, (void *)1, (void *)2));
	assert_status(dhp_dpc_insert(&notes.dpc, (void *)3, (void *)4), DHP_ALREADY_QUEUED);
	assert_ok(dhp_dpc_set_target(&notes.dpc, 1)); /* S-611: queued once over all processors */
	for (int i = 0; i < 5; i++)
		assert_status(dhp_dpc_insert(&notes.dpc, (void *)5, (void *)6), DHP_ALREADY_QUEUED);
	hold_release(&hold);
	flush(engine);
	assert_int_equal(notes.runs, 1);
	assert_int_equal(notes.arguments[0], 1);
	assert_int_equal(notes.arguments[1], 2);
	assert_ok(dhp_dpc_insert(&notes.dpc, (void *)7, (void *)8));
	flush(engine);
	assert_int_equal(notes.runs, 2);
	assert_int_equal(notes.arguments[0], 7);
	assert_int_equal(notes.arguments[1], 8);
	end_engine(engine);
}

/* ---- one object, many threads ---- */

struct shared {
	struct dhp_dpc dpc;
	uint64_t runs;
	uint64_t first_sum;  /* of the arguments that arrived */
	uint64_t second_sum;
};

static void sum_arguments(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct shared *shared = context;

	(void)dpc;
	(void)__atomic_fetch_add(&shared->first_sum, (uint64_t)(uintptr_t)argument_1, __ATOMIC_RELAXED);
	(void)__atomic_fetch_add(&shared->second_sum, (uint64_t)(uintptr_t)argument_2, __ATOMIC_RELAXED);
	(void)bump(&shared->runs);
}

struct many_inserter {
	struct gate *gate;
	struct shared *shared;
	uint32_t name;
	uint32_t times;
	uint64_t queued, first_sum, second_sum, wrong;
};

static void *insert_often(void *argument)
{
	struct many_inserter *me = argument;

	gate_pass(me->gate);
	for (uint32_t i = 1; i <= me->times; i++) {
		uintptr_t first = (uintptr_t)i * 8 + me->name, second = first * 3;
		enum dhp_status status = dhp_dpc_insert(&me->shared->dpc, (void *)first, (void *)second);

		if (status == DHP_OK) {
			me->queued++;
			me->first_sum += first;
			me->second_sum += second;
		} else if (status != DHP_ALREADY_QUEUED) {
			me->wrong++;
		}
	}
	return NULL;
}

static void one_object_under_many_inserters(struct dhp_engine *engine, uint32_t index, enum dhp_importance importance)
{
	struct many_inserter me[4];
	struct helper helpers[4];
	struct shared shared = { .runs = 0 };
	uint64_t queued = 0, first_sum = 0, second_sum = 0;
	struct gate gate;

	assert_ok(dhp_dpc_init(&shared.dpc, engine, sum_arguments, &shared));
	assert_ok(dhp_dpc_set_importance(&shared.dpc, importance));
	if (index != DHP_NO_INDEX)
		assert_ok(dhp_dpc_set_target(&shared.dpc, index));
	gate_init(&gate, 4);
	for (uint32_t i = 0; i < 4; i++) {
		me[i] = (struct many_inserter){ .gate = &gate, .shared = &shared, .name = i, .times = TIMES(300000) };
		helper_start(&helpers[i], insert_often, &me[i]);
	}
	for (uint32_t i = 0; i < 4; i++) {
		helper_join(&helpers[i]);
		assert_int_equal(me[i].wrong, 0);
		queued += me[i].queued;
		first_sum += me[i].first_sum;
		second_sum += me[i].second_sum;
	}
	flush(engine);
	assert_true(queued > 0);
	assert_int_equal(shared.runs, queued);
	assert_int_equal(shared.first_sum, first_sum);
	assert_int_equal(shared.second_sum, second_sum);
	end_engine(engine);
}

static void an_object_runs_once_for_each_insert_that_queued_it_S611_S614(void **state)
{
	(void)state;
	one_object_under_many_inserters(make_sim_of(4, 4), DHP_NO_INDEX, DHP_IMPORTANCE_MEDIUM);
	one_object_under_many_inserters(make_sim_of(4, 4), 2, DHP_IMPORTANCE_MEDIUM);
	one_object_under_many_inserters(make_sim_of(4, 4), 1, DHP_IMPORTANCE_HIGH);
}

static void an_object_runs_once_for_each_insert_on_real_processors_S611_S614(void **state)
{
	(void)state;
	one_object_under_many_inserters(make_real(0), DHP_NO_INDEX, DHP_IMPORTANCE_MEDIUM);
	one_object_under_many_inserters(make_real(0), 0, DHP_IMPORTANCE_HIGH);
}

/* ---- what was written before is seen: S-616 ---- */

struct told {
	struct dhp_dpc dpc;
	uint64_t runs;
	uint64_t written; /* plain on purpose: a race detector sees whether the insert orders it */
	uint64_t seen;
};

static void read_what_was_written(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct told *told = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	told->seen = told->written;
	(void)bump(&told->runs);
}

static void what_was_written_before_an_insert_is_seen_by_the_routine_S616(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	uint32_t times = TIMES(2000);
	struct told *told = calloc(times, sizeof(*told));

	(void)state;
	assert_non_null(told);
	for (uint32_t i = 0; i < times; i++) {
		assert_ok(dhp_dpc_init(&told[i].dpc, engine, read_what_was_written, &told[i]));
		told[i].written = i + 1;
		assert_ok(dhp_dpc_insert(&told[i].dpc, NULL, NULL));
	}
	flush(engine);
	for (uint32_t i = 0; i < times; i++)
		assert_int_equal(told[i].seen, i + 1);
	free(told);
	end_engine(engine);
}

static void *write_and_be_refused(void *argument)
{
	struct told *told = argument;

	told->written = 42;
	return (void *)(uintptr_t)(dhp_dpc_insert(&told->dpc, NULL, NULL) == DHP_ALREADY_QUEUED);
}

/* Nothing but the refused insert orders the write and the run. */
static void what_was_written_before_a_refused_insert_is_seen_by_the_run_that_follows_S616(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct told told = { .runs = 0 };
	struct hold hold;
	pthread_t thread;
	void *refused;

	(void)state;
	hold_processor(&hold, engine, 0);
	assert_ok(dhp_dpc_init(&told.dpc, engine, read_what_was_written, &told));
	assert_ok(dhp_dpc_insert(&told.dpc, NULL, NULL));
	assert_int_equal(pthread_create(&thread, NULL, write_and_be_refused, &told), 0);
	assert_int_equal(pthread_join(thread, &refused), 0);
	assert_true(refused != NULL);
	hold_release(&hold);
	assert_true(wait_for_count(&told.runs, 1));
	flush(engine);
	assert_int_equal(told.seen, 42);
	end_engine(engine);
}

/* Each thread raises its own number, inserts, and waits until a run has seen the number, whoever queued that run. */
struct raised {
	struct dhp_dpc dpc;
	struct {
		_Alignas(128) uint64_t number;
		_Alignas(128) uint64_t seen;
	} of[2];
	uint64_t refused;
	uint64_t stuck;
	struct gate gate;
};

static void see_numbers(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct raised *raised = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	for (int i = 0; i < 2; i++) {
		uint64_t number = peek(&raised->of[i].number);
		uint64_t seen = peek(&raised->of[i].seen);

		/* Two runs may overlap: the number seen only grows. */
		while (seen < number && !__atomic_compare_exchange_n(&raised->of[i].seen, &seen, number, false,
								     __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			continue;
	}
}

struct raiser {
	struct raised *raised;
	int row;
	uint32_t times;
};

static void *raise_numbers(void *argument)
{
	struct raiser *me = argument;
	struct raised *raised = me->raised;

	gate_pass(&raised->gate);
	for (uint64_t i = 1; i <= me->times; i++) {
		poke(&raised->of[me->row].number, i);
		if (dhp_dpc_insert(&raised->dpc, NULL, NULL) == DHP_ALREADY_QUEUED)
			(void)bump(&raised->refused);
		if (!wait_for_count(&raised->of[me->row].seen, i)) {
			(void)bump(&raised->stuck);
			break;
		}
	}
	return NULL;
}

static void *raise_numbers_spinning(void *argument)
{
	struct raiser *me = argument;
	struct raised *raised = me->raised;

	gate_pass(&raised->gate);
	for (uint64_t i = 1; i <= me->times; i++) {
		poke(&raised->of[me->row].number, i);
		if (dhp_dpc_insert(&raised->dpc, NULL, NULL) == DHP_ALREADY_QUEUED)
			(void)bump(&raised->refused);
		for (uint32_t spins = 0; spins < 20000 && peek(&raised->of[me->row].seen) < i; spins++)
			__asm__ volatile("" ::: "memory");
		if (peek(&raised->of[me->row].seen) < i && !wait_for_count(&raised->of[me->row].seen, i)) {
			(void)bump(&raised->stuck);
			break;
		}
	}
	return NULL;
}

static void no_number_is_missed_by_the_run_after_a_refused_insert_S616(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct raised raised;
	struct raiser raisers[2];
	struct helper helpers[2];

	(void)state;
	memset(&raised, 0, sizeof(raised));
	assert_ok(dhp_dpc_init(&raised.dpc, engine, see_numbers, &raised));
	gate_init(&raised.gate, 2);
	for (int i = 0; i < 2; i++) {
		raisers[i] = (struct raiser){ .raised = &raised, .row = i, .times = TIMES(i == 0 ? 20000u : 2000u) };
		helper_start(&helpers[i], i == 0 ? raise_numbers_spinning : raise_numbers, &raisers[i]);
	}
	for (int i = 0; i < 2; i++)
		helper_join(&helpers[i]);
	flush(engine);
	assert_int_equal(raised.stuck, 0);
	end_engine(engine);
}

/* ---- from a routine ---- */

struct chain {
	struct dhp_dpc dpc;
	struct chain *next; /* what its routine inserts */
	uint64_t runs;
	uint64_t refused;
	uint64_t limit;
};

static void insert_next(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct chain *chain = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	if (bump(&chain->runs) + 1 < chain->limit && dhp_failed(dhp_dpc_insert(&chain->next->dpc, NULL, NULL)))
		(void)bump(&chain->refused);
}

static void a_routine_inserts_to_its_own_and_to_another_processor(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 3);
	struct chain links[3];

	(void)state;
	memset(links, 0, sizeof(links));
	for (uint32_t i = 0; i < 3; i++) {
		assert_ok(dhp_dpc_init(&links[i].dpc, engine, insert_next, &links[i]));
		links[i].next = &links[(i + 1) % 3];
		links[i].limit = TIMES(1000);
	}
	assert_ok(dhp_dpc_set_target(&links[0].dpc, 0));
	assert_ok(dhp_dpc_set_target(&links[1].dpc, 0)); /* its own */
	assert_ok(dhp_dpc_set_target(&links[2].dpc, 2)); /* another */
	assert_ok(dhp_dpc_insert(&links[0].dpc, NULL, NULL));
	assert_true(wait_for_count(&links[2].runs, links[2].limit - 1));
	flush(engine);
	flush(engine);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(links[i].refused, 0);
	end_engine(engine);
}

static void a_routine_may_insert_its_own_object_again_S612(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	static const enum dhp_importance importances[] = { DHP_IMPORTANCE_MEDIUM, DHP_IMPORTANCE_HIGH };
	struct chain again;

	(void)state;
	for (size_t i = 0; i < LENGTH(importances); i++) {
		memset(&again, 0, sizeof(again));
		again.next = &again;
		again.limit = TIMES(5000);
		assert_ok(dhp_dpc_init(&again.dpc, engine, insert_next, &again));
		assert_ok(dhp_dpc_set_importance(&again.dpc, importances[i]));
		assert_ok(dhp_dpc_insert(&again.dpc, NULL, NULL));
		assert_true(wait_for_count(&again.runs, again.limit));
		flush(engine);
		assert_int_equal(again.runs, again.limit);
		assert_int_equal(again.refused, 0);
		assert_status(dhp_dpc_remove(&again.dpc), DHP_NOT_QUEUED);
	}
	end_engine(engine);
}

struct twice {
	struct dhp_dpc dpc;
	struct dhp_engine *engine;
	uint64_t entered;
	uint64_t both; /* the second instance ran while the first did */
	uint64_t failed;
};

static void wait_for_the_second_instance(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct twice *twice = context;

	(void)argument_1;
	(void)argument_2;
	if (bump(&twice->entered) != 0)
		return;
	if (dhp_dpc_set_target(dpc, 1 - dhp_index_here(twice->engine)) != DHP_OK ||
	    dhp_dpc_insert(dpc, NULL, NULL) != DHP_OK)
		(void)bump(&twice->failed);
	else if (wait_for_count(&twice->entered, 2))
		(void)bump(&twice->both);
}

static void an_object_inserted_by_its_routine_may_run_a_second_time_at_once_S612(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct twice twice = { .engine = engine };

	(void)state;
	assert_ok(dhp_dpc_init(&twice.dpc, engine, wait_for_the_second_instance, &twice));
	assert_ok(dhp_dpc_set_target(&twice.dpc, 0));
	assert_ok(dhp_dpc_insert(&twice.dpc, NULL, NULL));
	assert_true(wait_for_count(&twice.entered, 2));
	flush(engine);
	assert_int_equal(twice.failed, 0);
	assert_int_equal(twice.both, 1);
	end_engine(engine);
}

/* ---- a routine guards its data against itself ---- */

struct guarded {
	struct dhp_dpc dpc;
	uint64_t entered;
	uint64_t alone; /* waited for the other instance in vain */
	uint32_t lock;
	uint64_t sum;   /* plain: under the lock */
};

static void add_under_the_lock(struct guarded *guarded)
{
	uint64_t before;

	while (__atomic_exchange_n(&guarded->lock, 1, __ATOMIC_ACQUIRE) != 0)
		sleep_us(1);
	before = guarded->sum;
	sleep_us(10);
	guarded->sum = before + 1;
	__atomic_store_n(&guarded->lock, 0, __ATOMIC_RELEASE);
}

/* Both of a pair are inside before either touches the data. */
static void add_in_pairs(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct guarded *guarded = context;
	uint64_t name = bump(&guarded->entered);

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	if (!wait_for_count(&guarded->entered, name - name % 2 + 2))
		(void)bump(&guarded->alone);
	add_under_the_lock(guarded);
}

static void a_routine_that_runs_twice_at_once_guards_its_data_S613(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct guarded guarded = { .sum = 0 };

	(void)state;
	assert_ok(dhp_dpc_init(&guarded.dpc, engine, add_in_pairs, &guarded));
	for (uint64_t pair = 0; pair < TIMES(200); pair++) {
		assert_ok(dhp_dpc_insert(&guarded.dpc, NULL, NULL));
		assert_true(wait_for_count(&guarded.entered, 2 * pair + 1));
		assert_ok(dhp_dpc_insert(&guarded.dpc, NULL, NULL)); /* it runs, and is not queued */
		flush(engine);
		assert_int_equal(guarded.alone, 0);
		assert_int_equal(guarded.sum, 2 * pair + 2);
	}
	end_engine(engine);
}

/* ---- when it runs: before the insert returns, or later ---- */

static void an_insert_for_the_own_processor_may_run_at_once_or_later_S615(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	enum dhp_level before;
	struct hold hold;
	struct tick tick;

	(void)state;
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 1)));
	tick_init(&tick, engine, 1);
	for (uint64_t i = 1; i <= TIMES(500); i++) {
		tick_insert(&tick);
		assert_true(peek(&tick.runs) == i - 1 || peek(&tick.runs) == i);
		flush(engine); /* who needs it to be over says so */
		assert_int_equal(tick.runs, i);
	}
	/* No promise: a processor that is busy does not keep the inserter. */
	hold_processor(&hold, engine, 1);
	tick_insert(&tick);
	assert_int_equal(peek(&tick.runs), TIMES(500));
	hold_release(&hold);
	flush(engine);
	assert_int_equal(tick.runs, TIMES(500) + 1);
	before = dhp_level_raise(DHP_DISPATCH);
	tick_insert(&tick);
	dhp_level_lower(before);
	flush(engine);
	assert_int_equal(tick.runs, TIMES(500) + 2);
	dhp_sim_exit();
	end_engine(engine);
}

struct inserting {
	struct dhp_dpc dpc;
	struct tick tick;
	uint64_t runs_before_return;
	enum dhp_status status;
};

static void insert_and_look(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct inserting *inserting = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	inserting->status = dhp_dpc_insert(&inserting->tick.dpc, NULL, NULL);
	sleep_us(2000); /* it must not run, however long this takes */
	inserting->runs_before_return = peek(&inserting->tick.runs);
}

static void at_dispatch_level_it_runs_when_the_routine_has_returned_S615(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);

	(void)state;
	for (uint32_t importance = 0; importance < 4; importance++) {
		struct inserting inserting = { .status = DHP_BAD_ENGINE };

		tick_init(&inserting.tick, engine, 1);
		assert_ok(dhp_dpc_set_importance(&inserting.tick.dpc, (enum dhp_importance)importance));
		assert_ok(dhp_dpc_init(&inserting.dpc, engine, insert_and_look, &inserting));
		assert_ok(dhp_dpc_set_target(&inserting.dpc, 1));
		assert_ok(dhp_dpc_insert(&inserting.dpc, NULL, NULL));
		assert_true(wait_for_count(&inserting.tick.runs, 1));
		flush(engine);
		assert_ok(inserting.status);
		assert_int_equal(inserting.runs_before_return, 0);
		assert_int_equal(inserting.tick.runs, 1);
	}
	end_engine(engine);
}

static uint64_t freed;

static void free_the_object(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)context;
	(void)argument_1;
	(void)argument_2;
	memset(dpc, 0xff, sizeof(*dpc)); /* where freed memory is not watched, it is at least not what it was */
	free(dpc);
	(void)bump(&freed);
}

static void an_object_may_be_freed_in_its_own_routine_S606_S612(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 3);
	uint32_t times = TIMES(20000);

	(void)state;
	poke(&freed, 0);
	for (uint32_t i = 0; i < times; i++) {
		struct dhp_dpc *dpc = malloc(sizeof(*dpc));

		assert_non_null(dpc);
		assert_ok(dhp_dpc_init(dpc, engine, free_the_object, NULL));
		if (i % 3 == 0)
			assert_ok(dhp_dpc_set_target(dpc, i % 2));
		if (i % 5 == 0)
			assert_ok(dhp_dpc_set_importance(dpc, DHP_IMPORTANCE_HIGH));
		assert_ok(dhp_dpc_insert(dpc, NULL, NULL));
	}
	flush(engine);
	assert_int_equal(peek(&freed), times);
	end_engine(engine);
}

/* ---- from threads that stand on a processor, or nowhere ---- */

struct standing {
	struct dhp_engine *engine;
	struct tick *tick;
	uint32_t cpu;
	enum dhp_status status;
};

static void *stand_and_insert(void *argument)
{
	struct standing *standing = argument;

	if (standing->cpu != DHP_NO_CPU && dhp_sim_enter(standing->engine, standing->cpu) != DHP_OK)
		return NULL;
	standing->status = dhp_dpc_insert(&standing->tick->dpc, NULL, NULL);
	dhp_sim_exit();
	return NULL;
}

/* Both processors are held; the one that is let go first shows in whose queue the object was. */
static void insert_standing_on(uint32_t position, uint32_t expected)
{
	struct dhp_engine *engine = make_sim_of(4, 2);
	struct standing standing = { .engine = engine, .status = DHP_BAD_ENGINE };
	struct hold holds[2];
	struct helper helper;
	struct tick tick;

	standing.cpu = position == DHP_NO_INDEX ? DHP_NO_CPU : dhp_sim_cpu(engine, position);
	tick_init(&tick, engine, DHP_NO_INDEX);
	/* High work stays in its queue, so that it tells where it was. */
	assert_ok(dhp_dpc_set_importance(&tick.dpc, DHP_IMPORTANCE_HIGH));
	standing.tick = &tick;
	hold_processor(&holds[0], engine, 0);
	hold_processor(&holds[1], engine, 1);
	helper_start(&helper, stand_and_insert, &standing);
	helper_join(&helper);
	assert_ok(standing.status);
	hold_release(&holds[expected]);
	assert_true(wait_for_count(&tick.runs, 1));
	assert_int_equal(peek(&tick.index), expected);
	hold_release(&holds[1 - expected]);
	flush(engine);
	end_engine(engine);
}

static void without_target_the_inserters_processor_is_the_queue_S618(void **state)
{
	(void)state;
	insert_standing_on(0, 0);
	insert_standing_on(1, 1);
}

static void an_inserter_on_an_unannounced_processor_or_nowhere_uses_index_0_S619_S035(void **state)
{
	(void)state;
	insert_standing_on(3, 0);
	insert_standing_on(DHP_NO_INDEX, 0);
}

/* ---- from a signal handler, while threads insert the same objects ---- */

#define STORM 24u

static struct tick storm[STORM];
static uint64_t storm_queued;
static uint64_t storm_wrong;
static uint64_t storm_signals;
static uint64_t storm_over;

static void insert_one(uint64_t which)
{
	enum dhp_status status = dhp_dpc_insert(&storm[which % STORM].dpc, NULL, NULL);

	if (status == DHP_OK)
		(void)bump(&storm_queued);
	else if (status != DHP_ALREADY_QUEUED)
		(void)bump(&storm_wrong);
}

static void on_alarm(int signal_number)
{
	uint64_t which = bump(&storm_signals);

	(void)signal_number;
	for (uint64_t i = 0; i < 5; i++)
		insert_one(which * 7 + i);
}

static void *insert_until_over(void *argument)
{
	uint64_t dice = 1 + (uint64_t)(uintptr_t)argument;

	while (peek(&storm_over) == 0)
		insert_one(roll(&dice));
	return NULL;
}

static void storm_over_engine(struct dhp_engine *engine, uint32_t indices)
{
	const struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	const struct itimerval often = { { 0, 200 }, { 0, 200 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	const uint64_t signals = TIMES(3000);
	struct sigaction before;
	struct helper helpers[2];

	poke(&storm_queued, 0);
	poke(&storm_wrong, 0);
	poke(&storm_signals, 0);
	poke(&storm_over, 0);
	for (uint32_t i = 0; i < STORM; i++) {
		tick_init(&storm[i], engine, i % 3 == 0 ? DHP_NO_INDEX : i % indices);
		assert_ok(dhp_dpc_set_importance(&storm[i].dpc, (enum dhp_importance)(i % 4)));
	}
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	for (uintptr_t i = 0; i < 2; i++)
		helper_start(&helpers[i], insert_until_over, (void *)i);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	assert_true(wait_for_count(&storm_signals, signals));
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	poke(&storm_over, 1);
	for (uint32_t i = 0; i < 2; i++)
		helper_join(&helpers[i]);
	sleep_us(1000); /* a signal that is on its way */
	flush(engine);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	assert_int_equal(peek(&storm_wrong), 0);
	assert_int_equal(ticks_run(storm, STORM), peek(&storm_queued));
	end_engine(engine);
}

static void a_signal_handler_inserts_while_threads_insert_S610(void **state)
{
	(void)state;
	storm_over_engine(make_sim_spinning(3, 3, 1), 3);
}

static void a_signal_handler_inserts_on_real_processors_S610(void **state)
{
	struct dhp_engine *engine = make_real(0);

	(void)state;
	storm_over_engine(engine, active_count(engine));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_insert_is_refused_and_the_first_arguments_arrive_S610_S614),
		cmocka_unit_test(an_object_runs_once_for_each_insert_that_queued_it_S611_S614),
		cmocka_unit_test(an_object_runs_once_for_each_insert_on_real_processors_S611_S614),
		cmocka_unit_test(what_was_written_before_an_insert_is_seen_by_the_routine_S616),
		cmocka_unit_test(what_was_written_before_a_refused_insert_is_seen_by_the_run_that_follows_S616),
		cmocka_unit_test(no_number_is_missed_by_the_run_after_a_refused_insert_S616),
		cmocka_unit_test(a_routine_inserts_to_its_own_and_to_another_processor),
		cmocka_unit_test(a_routine_may_insert_its_own_object_again_S612),
		cmocka_unit_test(an_object_inserted_by_its_routine_may_run_a_second_time_at_once_S612),
		cmocka_unit_test(a_routine_that_runs_twice_at_once_guards_its_data_S613),
		cmocka_unit_test(an_insert_for_the_own_processor_may_run_at_once_or_later_S615),
		cmocka_unit_test(at_dispatch_level_it_runs_when_the_routine_has_returned_S615),
		cmocka_unit_test(an_object_may_be_freed_in_its_own_routine_S606_S612),
		cmocka_unit_test(without_target_the_inserters_processor_is_the_queue_S618),
		cmocka_unit_test(an_inserter_on_an_unannounced_processor_or_nowhere_uses_index_0_S619_S035),
		cmocka_unit_test(a_signal_handler_inserts_while_threads_insert_S610),
		cmocka_unit_test(a_signal_handler_inserts_on_real_processors_S610),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
