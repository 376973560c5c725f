/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A partition grows from 1 to 257 processors in groups of 3 and 5, some arrivals failing, while threads submit work, read
 * arrays and sets, and register and unregister callbacks. Nothing is lost, run twice, or seen half done.
 */
#include "support.h"

#include <stdlib.h>

#include "picture.h"

#define MAXIMUM 257u
#define SUBMITTERS 2u
#define READERS 2u
#define REGISTRARS 2u
#define POOL 48u

static const uint8_t three_and_five[] = { 3, 5 };

struct job {
	struct dhp_dpc dpc;
	struct load *load;
	uint64_t in_flight; /* set before the insert, cleared by the routine: then settings may change */
	uint32_t target;    /* DHP_NO_INDEX: none */
};

struct load {
	struct dhp_engine *engine;
	struct dhp_percpu *array; /* each slot begins with its index */
	struct dhp_counter *counter;
	struct gate gate;
	uint64_t stop;
	uint64_t inserted, removed, runs, elsewhere; /* work */
	uint64_t torn, pictures;                     /* readers */
	uint64_t registrations, unpaired;            /* callbacks */
	uint64_t constructed, destructed;
	uint64_t seeds, submitters, wrong;
	uint64_t generation_minus_active;
	struct job jobs[SUBMITTERS][POOL];
};

static void fault(uint64_t *counter, bool wrong)
{
	if (wrong)
		(void)bump(counter);
}

/* ---- slots ---- */

static enum dhp_status construct(void *slot, const struct dhp_processor *processor, void *context)
{
	struct load *load = context;
	uint32_t *word = slot;

	fault(&load->wrong, *word != 0);
	*word = processor != NULL ? processor->index + 1 : UINT32_MAX;
	(void)bump(&load->constructed);
	return DHP_OK;
}

static void destruct(void *slot, const struct dhp_processor *processor, void *context)
{
	struct load *load = context;
	const uint32_t *word = slot;

	fault(&load->wrong, *word != (processor != NULL ? processor->index + 1 : UINT32_MAX));
	(void)bump(&load->destructed);
}

/* ---- work ---- */

static void routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct job *job = context;
	struct load *load = job->load;
	uint32_t here = dhp_index_here(load->engine);
	const uint32_t *slot = dhp_percpu_here(load->array);

	(void)dpc;
	fault(&load->wrong, argument_1 != job || argument_2 != load);
	fault(&load->elsewhere, job->target != DHP_NO_INDEX && here != job->target);
	fault(&load->torn, *slot != here + 1);
	dhp_counter_add(load->counter, 1);
	(void)bump(&load->runs);
	__atomic_store_n(&job->in_flight, 0, __ATOMIC_RELEASE);
}

static void aim(struct job *job, uint64_t *dice)
{
	struct load *load = job->load;

	/* A target cannot be taken off an object but by a new initialisation. */
	if (dhp_dpc_init(&job->dpc, load->engine, routine, job) != DHP_OK)
		(void)bump(&load->wrong);
	job->target = DHP_NO_INDEX;
	if (roll(dice) % 2 == 0)
		return;
	job->target = (uint32_t)(roll(dice) % active_count(load->engine));
	fault(&load->wrong, dhp_dpc_set_target(&job->dpc, job->target) != DHP_OK);
	fault(&load->wrong, dhp_dpc_set_importance(&job->dpc, (enum dhp_importance)(roll(dice) % 4)) != DHP_OK);
}

static void submit(struct job *job, uint64_t *dice)
{
	struct load *load = job->load;
	enum dhp_status status;

	if (__atomic_load_n(&job->in_flight, __ATOMIC_ACQUIRE) != 0) {
		if (roll(dice) % 16 != 0)
			return;
		status = dhp_dpc_remove(&job->dpc);
		fault(&load->wrong, status != DHP_OK && status != DHP_NOT_QUEUED);
		if (status == DHP_OK) {
			(void)bump(&load->removed);
			poke(&job->in_flight, 0);
		}
		return;
	}
	aim(job, dice);
	poke(&job->in_flight, 1);
	(void)bump(&load->inserted);
	fault(&load->wrong, dhp_dpc_insert(&job->dpc, job, load) != DHP_OK);
}

static void *keep_submitting(void *argument)
{
	struct load *load = argument;
	uint64_t number = bump(&load->submitters), dice = number * 77 + 1;
	struct job *jobs = load->jobs[number];

	gate_pass(&load->gate);
	while (peek(&load->stop) == 0) {
		for (uint32_t i = 0; i < POOL; i++)
			submit(&jobs[roll(&dice) % POOL], &dice);
		sleep_us(20);
	}
	return NULL;
}

/* ---- readers ---- */

static uint32_t bits_in(const uint64_t *masks, uint32_t count)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < count; i++)
		bits += (uint32_t)__builtin_popcountll(masks[i]);
	return bits;
}

static uint32_t read_sets(struct load *load, uint64_t *last)
{
	uint64_t active[PICTURE_GROUPS], usable[PICTURE_GROUPS];
	struct dhp_snapshot snapshot = {
		.masks_capacity = PICTURE_GROUPS, .active_masks = active, .usable_masks = usable
	};
	const struct dhp_counts *counts = &snapshot.counts;

	fault(&load->torn, dhp_snapshot_take(load->engine, &snapshot) != DHP_OK);
	fault(&load->torn, bits_in(active, snapshot.masks_count) != counts->active);
	fault(&load->torn, bits_in(usable, snapshot.masks_count) != counts->usable);
	fault(&load->torn, counts->generation - counts->active != load->generation_minus_active);
	fault(&load->torn, counts->generation < *last);
	*last = counts->generation;
	(void)bump(&load->pictures);
	return counts->active;
}

static void read_slots(struct load *load, uint32_t active)
{
	for (uint32_t index = 0; index < active; index++) {
		const uint32_t *slot = dhp_percpu_at(load->array, index);
		struct dhp_processor row = { .index = 0 };
		uint32_t by_cpu = 0, by_number = 0;

		if (slot == NULL || *slot != index + 1) {
			(void)bump(&load->torn);
			continue;
		}
		fault(&load->torn, dhp_processor_at(load->engine, index, &row) != DHP_OK || row.index != index);
		fault(&load->torn, dhp_index_of_cpu(load->engine, row.cpu, &by_cpu) != DHP_OK || by_cpu != index);
		fault(&load->torn,
		      dhp_index_of_number(load->engine, row.number, &by_number) != DHP_OK || by_number != index);
	}
}

static void visit(void *slot, const struct dhp_processor *processor, void *context)
{
	struct load *load = context;
	const uint32_t *word = slot;

	fault(&load->torn, *word != (processor != NULL ? processor->index + 1 : UINT32_MAX));
}

static void *keep_reading(void *argument)
{
	struct load *load = argument;
	struct dhp_reader *reader = NULL;
	uint64_t last = 0, runs = 0;

	fault(&load->wrong, dhp_reader_join(load->engine, &reader) != DHP_OK);
	gate_pass(&load->gate);
	while (peek(&load->stop) == 0) {
		uint64_t sum;

		dhp_epoch_enter(reader);
		read_slots(load, read_sets(load, &last));
		fault(&load->wrong, dhp_percpu_each(load->array, visit, load, NULL) != DHP_OK);
		dhp_epoch_exit(reader);
		sum = dhp_counter_sum(load->counter);
		fault(&load->torn, sum < runs);
		runs = sum;
	}
	fault(&load->wrong, dhp_reader_leave(reader) != DHP_OK);
	return NULL;
}

/* ---- callbacks that come and go ---- */

struct visitor {
	struct load *load;
	struct dhp_notify *registration;
	uint32_t open;      /* index of the Start that has had no second call; DHP_NO_INDEX: none */
	bool replays;       /* registered with a replay, where Starts follow each other (S-123) */
	uint64_t published; /* the registration is known to the callback */
	uint64_t leaves;    /* the callback is to unregister itself; set by one thread */
	uint64_t left;      /* it has */
	uint64_t leaves_in_complete;
};

/* S-145, S-149: without a replay Start and its second call follow each other. */
static void pair(struct visitor *visitor, const struct dhp_processor_change *change)
{
	uint64_t *unpaired = &visitor->load->unpaired;

	if (visitor->replays)
		return;
	if (change->state == DHP_CHANGE_START) {
		fault(unpaired, visitor->open != DHP_NO_INDEX);
		visitor->open = change->index;
	} else {
		fault(unpaired, visitor->open != change->index);
		visitor->open = DHP_NO_INDEX;
	}
}

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct visitor *visitor = context;
	bool second = change->state != DHP_CHANGE_START;

	(void)status;
	fault(&visitor->load->unpaired, peek(&visitor->left) != 0); /* S-185: that call was the last */
	pair(visitor, change);
	if (__atomic_load_n(&visitor->published, __ATOMIC_ACQUIRE) == 0 || peek(&visitor->leaves) == 0)
		return;
	if (second == (visitor->leaves_in_complete != 0)) {
		dhp_notify_unregister(visitor->registration);
		__atomic_store_n(&visitor->left, 1, __ATOMIC_RELEASE);
	}
}

static bool has_left(const struct visitor *visitor)
{
	return __atomic_load_n(&visitor->left, __ATOMIC_ACQUIRE) != 0;
}

/* A visitor that unregisters itself is kept until the end: nobody says when its last call has returned. */
static struct visitor *stay_a_while(struct load *load, uint64_t *dice)
{
	struct visitor *visitor = calloc(1, sizeof(*visitor));
	uint32_t flags = roll(dice) % 2 == 0 ? DHP_NOTIFY_EXISTING : 0;

	if (visitor == NULL)
		return NULL;
	visitor->load = load;
	visitor->open = DHP_NO_INDEX;
	visitor->replays = flags != 0;
	visitor->leaves = roll(dice) % 3 == 0;
	visitor->leaves_in_complete = roll(dice) % 2;
	fault(&load->wrong, dhp_notify_register(load->engine, hear, visitor, flags, &visitor->registration) != DHP_OK);
	(void)bump(&load->registrations);
	__atomic_store_n(&visitor->published, 1, __ATOMIC_RELEASE);
	sleep_us((uint32_t)(roll(dice) % 3000));
	if (visitor->leaves == 0) {
		dhp_notify_unregister(visitor->registration);
		free(visitor); /* S-184: no call runs any more */
		return NULL;
	}
	return visitor;
}

struct leavers {
	struct visitor *visitors[4096];
	uint32_t count;
};

static void *keep_registering(void *argument)
{
	struct load *load = argument;
	uint64_t dice = bump(&load->seeds) * 7919 + 1;
	struct leavers *leavers = calloc(1, sizeof(*leavers));

	gate_pass(&load->gate);
	while (leavers != NULL && peek(&load->stop) == 0 && leavers->count < LENGTH(leavers->visitors)) {
		struct visitor *visitor = stay_a_while(load, &dice);

		if (visitor != NULL)
			leavers->visitors[leavers->count++] = visitor;
	}
	return leavers;
}

static void dismiss(struct leavers *leavers)
{
	assert_non_null(leavers);
	for (uint32_t i = 0; i < leavers->count; i++) {
		if (!has_left(leavers->visitors[i]))
			dhp_notify_unregister(leavers->visitors[i]->registration);
		free(leavers->visitors[i]);
	}
	free(leavers);
}

/* ---- the story ---- */

static void make_load(struct load *load, uint64_t seed)
{
	const struct sim_setup setup = { .maximum = MAXIMUM, .initial = 1, .group_sizes = three_and_five,
		.group_size_count = 2, .gap = 3, .seed = seed };
	struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = sizeof(uint32_t),
		.construct = construct, .destruct = destruct, .context = load };
	struct dhp_counts counts;

	memset(load, 0, sizeof(*load));
	load->engine = make_sim(&setup);
	assert_ok(dhp_percpu_create(load->engine, &options, &load->array));
	assert_ok(dhp_counter_create(load->engine, &load->counter));
	counts = counts_of(load->engine);
	load->generation_minus_active = counts.generation - counts.active;
	for (uint32_t i = 0; i < SUBMITTERS; i++)
		for (uint32_t j = 0; j < POOL; j++)
			load->jobs[i][j] = (struct job){ .load = load };
	gate_init(&load->gate, SUBMITTERS + READERS + REGISTRARS + 1);
}

static uint32_t play_all(struct load *load)
{
	static struct dhp_sim_event events[2 * MAXIMUM];
	uint32_t count = 0, added = 0;

	assert_ok(dhp_sim_script(load->engine, 1000, 5, events, LENGTH(events), &count));
	assert_ok(dhp_sim_play(load->engine, events, count, &added));
	assert_int_equal(added, MAXIMUM - 1);
	return count - added;
}

static void end_load(struct load *load, uint32_t failures)
{
	assert_ok(dhp_dpc_flush(load->engine));
	assert_true(peek(&load->runs) + peek(&load->removed) == peek(&load->inserted));
	assert_true(dhp_counter_sum(load->counter) == peek(&load->runs));
	assert_consistent(load->engine);
	assert_true(peek(&load->elsewhere) == 0);
	assert_true(peek(&load->torn) == 0);
	assert_true(peek(&load->unpaired) == 0);
	print_message("%u failures, %llu run, %llu removed, %llu pictures, %llu registrations\n", failures,
		      (unsigned long long)peek(&load->runs), (unsigned long long)peek(&load->removed),
		      (unsigned long long)peek(&load->pictures), (unsigned long long)peek(&load->registrations));
	assert_true(peek(&load->runs) > 0 && peek(&load->pictures) > 0 && peek(&load->registrations) > 0);
	assert_ok(dhp_counter_destroy(load->counter));
	assert_ok(dhp_percpu_destroy(load->array));
	assert_true(peek(&load->constructed) == peek(&load->destructed));
	assert_true(peek(&load->wrong) == 0);
	end_engine(load->engine);
}

static void grow_to_257_in_groups_of_3_and_5_under_load_S536(void **state)
{
	static struct load load;
	struct helper submitters[SUBMITTERS], readers[READERS], registrars[REGISTRARS];
	uint32_t failures;

	(void)state;
	make_load(&load, 2024);
	for (uint32_t i = 0; i < SUBMITTERS; i++)
		helper_start(&submitters[i], keep_submitting, &load);
	for (uint32_t i = 0; i < READERS; i++)
		helper_start(&readers[i], keep_reading, &load);
	for (uint32_t i = 0; i < REGISTRARS; i++)
		helper_start(&registrars[i], keep_registering, &load);
	gate_pass(&load.gate);
	failures = play_all(&load);
	assert_true(wait_for_count(&load.runs, 1) && wait_for_count(&load.pictures, 1) &&
		    wait_for_count(&load.registrations, 1));
	poke(&load.stop, 1);
	for (uint32_t i = 0; i < SUBMITTERS; i++)
		helper_join(&submitters[i]);
	for (uint32_t i = 0; i < READERS; i++)
		helper_join(&readers[i]);
	for (uint32_t i = 0; i < REGISTRARS; i++) {
		void *leavers = NULL;

		assert_int_equal(pthread_join(registrars[i].thread, &leavers), 0);
		dismiss(leavers);
	}
	end_load(&load, failures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grow_to_257_in_groups_of_3_and_5_under_load_S536),
	};

	return cmocka_run_group_tests_name("grow_under_load", tests, NULL, NULL);
}
