/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rundown_percpu.c - run-down protection whose references are counted per processor.
 *
 * Problem   holders on every processor would fight for one word; and a processor may arrive between the owner's decision
 *           and its last look.
 * Idea      a holder counts in its own processor's slot, then looks at one word that is hardly ever written: has run-down
 *           begun? If so it takes its count back and fails. The owner sets the word, then sums the slots. Either the
 *           owner's sum contains the reference or the holder sees that run-down has begun.
 *
 *             holder   slot += 1 ; begun?          owner   begun = 1 ; sum of slots == 0 ?
 *
 *           A reference may be given back on another processor: one slot may be negative, only the sum means anything.
 *
 * I1        from `begun` on slots only fall, but for attempts that take back in the same slot what they added there. So a sum
 *           over slots that were read one after another is never less than what is out when the last was read: zero is
 *           true, and below zero means that more came back than was taken.
 * I2        a slot of a processor that arrives meanwhile starts at zero, and a holder there either counted before `begun`,
 *           and its processor is in the sum, or fails. A reference given back there lets the sum fall at the next look.
 * I3        that the sum was zero once is remembered: later an attempt that fails may be seen in it for a moment.
 *
 * Progress  acquire and release are wait-free.
 */
#include <dhp/rundown.h>

#include "percpu.h"
#include "rundown_wait.h"

struct slot {
	DHPI_OWN_LINES struct at_u64 count; /* modulo 2^64, edges rundown-begin and rundown-last */
};

enum progress { OPEN, BEGUN, RUN_DOWN };

struct dhp_rundown_percpu {
	DHPI_OWN_LINES struct at_u64 begun; /* enum progress; written by run-down only */
	struct dhpi_space *space;
	struct dhp_percpu *array; /* of struct slot; NULL: the slots follow, one for each index, then the fallback */
	struct slot slots[];
};

/* ---- beginning and end ---- */

static size_t bytes_for(const struct dhpi_set *set)
{
	return sizeof(struct dhp_rundown_percpu) + (set->maximum + (size_t)1) * sizeof(struct slot);
}

static void init(struct dhp_rundown_percpu *rundown, struct dhpi_space *space, struct dhp_percpu *array)
{
	at_init_u64(&rundown->begun, OPEN);
	rundown->space = space;
	rundown->array = array;
}

enum dhp_status dhp_rundown_percpu_create(struct dhp_engine *engine, struct dhp_rundown_percpu **out_rundown)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = sizeof(struct slot) };
	struct dhp_rundown_percpu *rundown;
	struct dhp_percpu *array;
	enum dhp_status status;

	if (out_rundown == NULL)
		return engine == NULL ? DHP_BAD_ENGINE : DHP_BAD_RESULT;
	status = dhp_percpu_create(engine, &options, &array);
	if (dhp_failed(status))
		return status;
	rundown = port_alloc(sizeof(*rundown));
	if (rundown == NULL) {
		(void)dhp_percpu_destroy(array);
		return DHP_NO_MEMORY;
	}
	init(rundown, engine->space, array);
	*out_rundown = rundown;
	return DHP_OK;
}

size_t dhp_rundown_percpu_bytes(struct dhp_engine *engine)
{
	return engine != NULL ? bytes_for(engine->space->set) : 0;
}

enum dhp_status dhp_rundown_percpu_init(struct dhp_engine *engine, void *memory, size_t bytes,
					struct dhp_rundown_percpu **out_rundown)
{
	struct dhp_rundown_percpu *rundown = memory;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (memory == NULL)
		return DHP_BAD_OBJECT;
	if (!dhpi_aligned(memory, DHP_LINE_PAIR_BYTES))
		return DHP_BAD_ALIGNMENT;
	if (bytes < bytes_for(engine->space->set))
		return DHP_BAD_SIZE;
	if (out_rundown == NULL)
		return DHP_BAD_RESULT;
	init(rundown, engine->space, NULL);
	for (uint32_t i = 0; i <= engine->space->set->maximum; i++)
		at_init_u64(&rundown->slots[i].count, 0);
	*out_rundown = rundown;
	return DHP_OK;
}

/* ---- slots ---- */

static uint32_t index_here(const struct dhpi_space *space)
{
	uint32_t cpu = dhp_cpu_word_read(space->cpu_word.distance), index;

	if ((int32_t)cpu < 0 && space->cpu_word.ask)
		cpu = port_cpu_ask();
	index = dhpi_set_index_of_cpu(space->set, cpu);
	return index != DHP_NO_INDEX ? index : space->set->maximum;
}

static struct slot *slot_here(struct dhp_rundown_percpu *rundown)
{
	return rundown->array != NULL ? dhp_percpu_here(rundown->array) : &rundown->slots[index_here(rundown->space)];
}

static uint64_t count_of(const struct slot *slot)
{
	return at_load_acquire_u64(&slot->count); /* [rundown-last] acquire */
}

DHPI_WRAPS("references may be given back in other slots than they were taken in: only the sum is a number")
static void add_slot(void *slot, const struct dhp_processor *processor, void *context)
{
	uint64_t *sum = context;

	(void)processor;
	*sum += count_of(slot);
}

/* I1: what is out, or more. */
DHPI_WRAPS("references may be given back in other slots than they were taken in: only the sum is a number")
static int64_t sum_of(const struct dhp_rundown_percpu *rundown)
{
	uint64_t sum = 0;

	if (rundown->array != NULL)
		(void)dhp_percpu_each(rundown->array, add_slot, &sum, NULL);
	else
		for (uint32_t i = 0; i <= rundown->space->set->maximum; i++)
			sum += count_of(&rundown->slots[i]);
	return (int64_t)sum;
}

enum dhp_status dhp_rundown_percpu_destroy(struct dhp_rundown_percpu *rundown)
{
	enum dhp_status status;

	if (rundown == NULL)
		return DHP_OK;
	if (rundown->array == NULL)
		return DHP_BAD_OBJECT;
	if (sum_of(rundown) != 0)
		return DHP_IN_USE;
	status = dhp_percpu_destroy(rundown->array);
	if (!dhp_failed(status))
		port_free(rundown, sizeof(*rundown));
	return status;
}

/* ---- references ---- */

static bool has_begun(const struct dhp_rundown_percpu *rundown)
{
	return at_load_seq_cst_u64(&rundown->begun) != OPEN; /* [rundown-begin] either-or a, [rundown-again] acquire */
}

static enum dhp_status check(const struct dhp_rundown_percpu *rundown, uint32_t count)
{
	if (rundown == NULL)
		return DHP_BAD_OBJECT;
	return count == 0 || count > DHP_RUNDOWN_COUNT_LIMIT ? DHP_BAD_COUNT : DHP_OK;
}

DHPI_WRAPS("to add the negative of a number takes it off")
static void give_back(struct slot *slot, uint32_t count)
{
	(void)at_fetch_add_release_u64(&slot->count, -(uint64_t)count); /* [rundown-last] release */
}

enum dhp_status dhp_rundown_percpu_acquire(struct dhp_rundown_percpu *rundown, uint32_t count)
{
	enum dhp_status status = check(rundown, count);
	struct slot *slot;

	if (dhp_failed(status))
		return status;
	/* Looked at before too: else those who fail again and again would never let the sum come to rest. */
	if (has_begun(rundown))
		return DHP_RUN_DOWN;
	slot = slot_here(rundown);
	(void)at_fetch_add_seq_cst_u64(&slot->count, count); /* [rundown-begin] either-or a */
	if (!has_begun(rundown))
		return DHP_OK;
	give_back(slot, count);
	return DHP_RUN_DOWN;
}

enum dhp_status dhp_rundown_percpu_release(struct dhp_rundown_percpu *rundown, uint32_t count)
{
	enum dhp_status status = check(rundown, count);

	if (!dhp_failed(status))
		give_back(slot_here(rundown), count);
	return status;
}

/* ---- run-down ---- */

static void begin(struct dhp_rundown_percpu *rundown)
{
	uint64_t open = OPEN;

	(void)at_cas_seq_cst_u64(&rundown->begun, &open, BEGUN); /* [rundown-begin] either-or b: before the sum */
	at_fence_seq_cst();                                      /* [rundown-begin] fence */
}

/* Several may wait, and each may be the one who finds it. */
static bool is_run_down(struct dhp_rundown_percpu *rundown)
{
	uint64_t begun = BEGUN;
	int64_t out;

	if (at_load_acquire_u64(&rundown->begun) != BEGUN) /* [rundown-last] acquire: another has found it */
		return true;
	out = sum_of(rundown);
	DHPI_CHECK(1, out >= 0, "S-723: a release for each reference acquired");
	if (out != 0)
		return false;
	(void)at_cas_release_u64(&rundown->begun, &begun, RUN_DOWN); /* [rundown-last] release: for the others */
	return true;
}

enum dhp_status dhp_rundown_percpu_wait(struct dhp_rundown_percpu *rundown)
{
	struct dhpi_pause pause = DHPI_PAUSE_FIRST;

	if (rundown == NULL)
		return DHP_BAD_OBJECT;
	DHPI_REQUIRE_PASSIVE();
	begin(rundown);
	while (!is_run_down(rundown))
		dhpi_pause(&pause);
	return DHP_OK;
}

static enum dhp_status leave_run_down(struct dhp_rundown_percpu *rundown, enum progress to)
{
	if (rundown == NULL)
		return DHP_BAD_OBJECT;
	/* relaxed: who calls this has seen the wait return */
	if (at_load_relaxed_u64(&rundown->begun) != RUN_DOWN) {
		DHPI_CHECK(2, false, "S-725, S-726: only after run-down has finished");
		return DHP_NOT_RUN_DOWN;
	}
	at_store_release_u64(&rundown->begun, to); /* [rundown-again] release */
	return DHP_OK;
}

/* Nothing to mark: the wait did (I3). */
enum dhp_status dhp_rundown_percpu_completed(struct dhp_rundown_percpu *rundown)
{
	return leave_run_down(rundown, RUN_DOWN);
}

/* The slots keep what they are: their sum is zero. */
enum dhp_status dhp_rundown_percpu_reinit(struct dhp_rundown_percpu *rundown)
{
	return leave_run_down(rundown, OPEN);
}
