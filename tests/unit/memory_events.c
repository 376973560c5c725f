/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory is short, memory is plentiful: two levels of one engine, by name or number, to wait for, ask or poll.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <dhp/memory.h>

#include "notify.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

/* One module of 1 GiB; low at 100 MiB and high at 200 MiB, unless said otherwise. */
static struct dhp_engine *make_memory(uint32_t low_mib, uint32_t high_mib)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 8 };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim, .low_memory_mib = low_mib,
		.high_memory_mib = high_mib };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

static void set_free(struct dhp_engine *engine, uint64_t bytes)
{
	assert_ok(dhp_sim_memory_set(engine, GIB, bytes));
}

static struct dhp_memory_info info_of(struct dhp_engine *engine)
{
	struct dhp_memory_info info;

	assert_ok(dhp_memory_read(engine, &info));
	return info;
}

static struct dhp_memory_event *open_event(struct dhp_engine *engine, enum dhp_memory_condition condition)
{
	struct dhp_memory_event *event = NULL;

	assert_ok(dhp_memory_event_open_condition(engine, condition, &event));
	assert_non_null(event);
	return event;
}

static bool holds(struct dhp_memory_event *event)
{
	bool signalled = false;

	assert_ok(dhp_memory_event_query(event, &signalled));
	assert_status(dhp_memory_event_wait(event, 0), signalled ? DHP_OK : DHP_TIMED_OUT);
	return signalled;
}

static bool is_readable(int file)
{
	struct pollfd pollfd = { .fd = file, .events = POLLIN };
	int count = poll(&pollfd, 1, 0);

	return count == 1 && pollfd.revents == POLLIN;
}

/* ---- names ---- */

static const char *const documented[] = { "LowMemoryCondition", "HighMemoryCondition", "LowPagedPoolCondition",
	"HighPagedPoolCondition", "LowNonPagedPoolCondition", "HighNonPagedPoolCondition", "LowCommitCondition",
	"HighCommitCondition", "MaximumCommitCondition" };

static enum dhp_status try_name(struct dhp_engine *engine, const char *name)
{
	struct dhp_memory_event *event = NULL;
	enum dhp_status status = dhp_memory_event_open(engine, name, &event);

	assert_int_equal(event != NULL, status == DHP_OK);
	assert_ok(dhp_memory_event_close(event));
	return status;
}

static void nine_names_are_known_and_two_have_a_source_S301_S305(void **state)
{
	struct dhp_engine *engine = make_memory(0, 0);
	char path[64];

	(void)state;
	for (uint32_t i = 0; i < LENGTH(documented); i++) {
		enum dhp_status expected = i < 2 ? DHP_OK : DHP_NOT_SUPPORTED;

		assert_string_equal(dhp_memory_condition_name((enum dhp_memory_condition)i), documented[i]);
		assert_status(try_name(engine, documented[i]), expected);
		(void)snprintf(path, sizeof(path), "\\KernelObjects\\%s", documented[i]);
		assert_status(try_name(engine, path), expected);
	}
	/* LowCommit is the good case: it is not given for Low. */
	assert_status(try_name(engine, "LowCommitCondition"), DHP_NOT_SUPPORTED);
	assert_null(dhp_memory_condition_name((enum dhp_memory_condition)9));
	assert_null(dhp_memory_condition_name((enum dhp_memory_condition)UINT32_MAX));
	end_engine(engine);
}

static void unknown_names_are_refused_and_make_nothing_S309(void **state)
{
	static const char *const wrong[] = { "", "LowMemoryConditio", "LowMemoryConditionX", "lowmemorycondition",
		"LowMemory", " LowMemoryCondition", "LowMemoryCondition ", "\\LowMemoryCondition",
		"\\KernelObjects\\", "\\KernelObjects\\LowMemoryConditions", "\\kernelobjects\\LowMemoryCondition",
		"KernelObjects\\LowMemoryCondition", "\\KernelObjects\\\\LowMemoryCondition",
		"\\KernelObjects\\\\KernelObjects\\LowMemoryCondition", "\\BaseNamedObjects\\LowMemoryCondition",
		"LowMemoryConditionHighMemoryCondition", "ProcessorCondition" };
	struct dhp_engine *engine = make_memory(0, 0);

	(void)state;
	for (size_t i = 0; i < LENGTH(wrong); i++)
		assert_status(try_name(engine, wrong[i]), DHP_BAD_NAME);
	assert_status(try_name(engine, NULL), DHP_BAD_NAME);
	end_engine(engine); /* not in use: no handle was made */
}

static void name_opens_the_same_condition_as_the_number_S312_S314(void **state)
{
	struct dhp_engine *engine = make_memory(100, 200);
	struct dhp_memory_event *named[2] = { NULL, NULL }, *numbered[2];

	(void)state;
	assert_int_equal(DHP_MEMORY_LOW, 0);
	assert_int_equal(DHP_MEMORY_HIGH, 1);
	assert_ok(dhp_memory_event_open(engine, "LowMemoryCondition", &named[0]));
	assert_ok(dhp_memory_event_open(engine, "\\KernelObjects\\HighMemoryCondition", &named[1]));
	for (uint32_t i = 0; i < 2; i++)
		numbered[i] = open_event(engine, (enum dhp_memory_condition)i);
	for (uint64_t free_mib = 0; free_mib <= 300; free_mib += 50) {
		set_free(engine, free_mib * MIB);
		for (uint32_t i = 0; i < 2; i++)
			assert_int_equal(holds(named[i]), holds(numbered[i]));
		assert_int_equal(holds(named[0]), free_mib <= 100);
		assert_int_equal(holds(named[1]), free_mib >= 200);
	}
	for (uint32_t i = 0; i < 2; i++) {
		assert_ok(dhp_memory_event_close(named[i]));
		assert_ok(dhp_memory_event_close(numbered[i]));
	}
	end_engine(engine);
}

/* ---- arguments ---- */

static void bad_arguments_are_named_S312_S313(void **state)
{
	static uint64_t no_event[64];
	struct dhp_memory_event *wrong = (struct dhp_memory_event *)(void *)no_event, *event = NULL;
	struct dhp_engine *engine = make_memory(0, 0);
	struct dhp_memory_info info;
	bool signalled = false;
	int file = -7;

	(void)state;
	assert_status(dhp_memory_read(NULL, &info), DHP_BAD_ENGINE);
	assert_status(dhp_memory_read(engine, NULL), DHP_BAD_RESULT);
	assert_status(dhp_memory_event_open(NULL, "LowMemoryCondition", &event), DHP_BAD_ENGINE);
	assert_status(dhp_memory_event_open(engine, "LowMemoryCondition", NULL), DHP_BAD_RESULT);
	assert_status(dhp_memory_event_open_condition(NULL, DHP_MEMORY_LOW, &event), DHP_BAD_ENGINE);
	assert_status(dhp_memory_event_open_condition(engine, DHP_MEMORY_LOW, NULL), DHP_BAD_RESULT);
	assert_status(dhp_memory_event_open_condition(engine, (enum dhp_memory_condition)9, &event), DHP_BAD_CONDITION);
	assert_status(dhp_memory_event_open_condition(engine, (enum dhp_memory_condition)UINT32_MAX, &event),
		      DHP_BAD_CONDITION);
	assert_status(dhp_memory_event_open_condition(engine, DHP_MEMORY_LOW_COMMIT, &event), DHP_NOT_SUPPORTED);
	assert_null(event);
	for (int i = 0; i < 2; i++) {
		assert_status(dhp_memory_event_wait(wrong, 0), DHP_BAD_OBJECT);
		assert_status(dhp_memory_event_query(wrong, &signalled), DHP_BAD_OBJECT);
		assert_status(dhp_memory_event_descriptor(wrong, &file), DHP_BAD_OBJECT);
		assert_status(dhp_memory_event_close(wrong), i == 0 ? DHP_BAD_OBJECT : DHP_OK);
		wrong = NULL;
	}
	event = open_event(engine, DHP_MEMORY_HIGH);
	assert_status(dhp_memory_event_query(event, NULL), DHP_BAD_RESULT);
	assert_status(dhp_memory_event_descriptor(event, NULL), DHP_BAD_RESULT);
	assert_int_equal(file, -7);
	assert_ok(dhp_memory_event_close(event));
	end_engine(engine);
}

static void simulated_memory_refuses_what_cannot_be(void **state)
{
	struct dhp_engine *engine = make_memory(0, 0);
	struct dhp_memory_info before = info_of(engine), after;

	(void)state;
	assert_status(dhp_sim_memory_set(NULL, GIB, 0), DHP_BAD_ENGINE);
	assert_status(dhp_sim_memory_set(engine, 0, 0), DHP_BAD_SIZE);
	assert_status(dhp_sim_memory_set(engine, GIB, GIB + 1), DHP_BAD_SIZE);
	assert_status(dhp_sim_memory_set(engine, DHP_SIM_MEMORY_LIMIT + 1, 0), DHP_BAD_SIZE);
	after = info_of(engine);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_ok(dhp_sim_memory_set(engine, DHP_SIM_MEMORY_LIMIT, DHP_SIM_MEMORY_LIMIT));
	assert_ok(dhp_sim_memory_set(engine, 1, 0));
	end_engine(engine);
}

static void refuse_sim(uint64_t bytes, uint32_t count, enum dhp_status expected)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 1, .memory_module_bytes = bytes,
		.memory_module_count = count };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim };
	struct dhp_engine *engine = NULL;

	assert_status(dhp_engine_create(&options, &engine), expected);
	assert_ok(dhp_engine_destroy(engine));
}

static void modules_of_the_start_are_checked(void **state)
{
	(void)state;
	refuse_sim(DHP_SIM_MEMORY_LIMIT, 2, DHP_BAD_OPTIONS);
	refuse_sim(DHP_SIM_MEMORY_LIMIT / 2, 2, DHP_OK);
	refuse_sim(UINT64_MAX, 1, DHP_BAD_OPTIONS);
	refuse_sim(1, DHP_SIM_MODULES_LIMIT + 1, DHP_TOO_MANY);
	refuse_sim(1, DHP_SIM_MODULES_LIMIT, DHP_OK);
}

/* ---- thresholds ---- */

static void default_thresholds_follow_the_formula_S316(void **state)
{
	static const struct {
		uint64_t total, low;
	} rows[] = {
		{ 1 * MIB, 4 * MIB }, { 128 * MIB, 4 * MIB }, { 160 * MIB, 5 * MIB }, { 512 * MIB, 16 * MIB },
		{ GIB, 32 * MIB }, { GIB + 128 * MIB, 33 * MIB }, { 3 * GIB, 48 * MIB }, { 5 * GIB - 128 * MIB, 63 * MIB },
		{ 5 * GIB, 64 * MIB }, { 5 * GIB + 128 * MIB, 64 * MIB }, { 1024 * GIB, 64 * MIB },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		uint64_t low = 0, high = 0;

		dhpi_conditions_thresholds(rows[i].total, 0, 0, &low, &high);
		assert_true(low == rows[i].low);
		assert_true(high == 3 * low);
	}
}

static void thresholds_are_configurable_and_high_is_never_below_low_S316_S318(void **state)
{
	static const struct {
		uint32_t low_mib, high_mib;
		uint64_t low, high;
	} rows[] = {
		{ 0, 0, 32 * MIB, 96 * MIB }, { 100, 0, 100 * MIB, 300 * MIB }, { 0, 500, 32 * MIB, 500 * MIB },
		{ 0, 8, 32 * MIB, 32 * MIB }, { 100, 50, 100 * MIB, 100 * MIB }, { 100, 100, 100 * MIB, 100 * MIB },
		{ UINT32_MAX, 0, UINT32_MAX * MIB, 3 * (UINT32_MAX * MIB) },
		{ UINT32_MAX, 1, UINT32_MAX * MIB, UINT32_MAX * MIB },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct dhp_engine *engine = make_memory(rows[i].low_mib, rows[i].high_mib);
		struct dhp_memory_info info = info_of(engine);

		assert_true(info.low_bytes == rows[i].low);
		assert_true(info.high_bytes == rows[i].high);
		assert_true(info.total_bytes == GIB && info.available_bytes == GIB);
		/* Another amount of memory does not move them. */
		assert_ok(dhp_sim_memory_set(engine, 64 * GIB, GIB));
		assert_true(info_of(engine).low_bytes == rows[i].low && info_of(engine).high_bytes == rows[i].high);
		end_engine(engine);
	}
}

static void at_or_beyond_a_threshold_the_condition_holds_S303_S304_S317(void **state)
{
	static const struct {
		uint64_t available;
		bool low, high;
	} rows[] = {
		{ 0, true, false }, { 100 * MIB - 1, true, false }, { 100 * MIB, true, false }, { 100 * MIB + 1, false, false },
		{ 150 * MIB, false, false }, { 200 * MIB - 1, false, false }, { 200 * MIB, false, true },
		{ 200 * MIB + 1, false, true }, { GIB, false, true },
	};
	struct dhp_engine *engine = make_memory(100, 200);
	struct dhp_memory_event *low = open_event(engine, DHP_MEMORY_LOW), *high = open_event(engine, DHP_MEMORY_HIGH);

	(void)state;
	assert_true(!holds(low) && holds(high)); /* the initial state is computed at the start */
	/* From every state to every other, across both thresholds at once too. */
	for (size_t from = 0; from < LENGTH(rows); from++)
		for (size_t to = 0; to < LENGTH(rows); to++) {
			set_free(engine, rows[from].available);
			set_free(engine, rows[to].available);
			assert_int_equal(holds(low), rows[to].low);
			assert_int_equal(holds(high), rows[to].high);
			assert_int_equal(info_of(engine).low, rows[to].low);
			assert_int_equal(info_of(engine).high, rows[to].high);
		}
	assert_ok(dhp_memory_event_close(low));
	assert_ok(dhp_memory_event_close(high));
	end_engine(engine);
}

static void with_equal_thresholds_only_low_holds_at_them_S304_S316(void **state)
{
	struct dhp_engine *engine = make_memory(100, 100);

	(void)state;
	set_free(engine, 100 * MIB);
	assert_true(info_of(engine).low && !info_of(engine).high);
	set_free(engine, 100 * MIB + 1);
	assert_true(!info_of(engine).low && info_of(engine).high);
	end_engine(engine);
}

static void generation_grows_with_what_matters(void **state)
{
	struct dhp_engine *engine = make_memory(100, 200);
	uint64_t before = info_of(engine).generation;

	(void)state;
	set_free(engine, GIB - MIB);
	assert_true(info_of(engine).generation == before); /* less is available, and that is all */
	assert_true(info_of(engine).available_bytes == GIB - MIB);
	set_free(engine, 150 * MIB);
	assert_true(info_of(engine).generation == before + 1);
	assert_ok(dhp_sim_memory_set(engine, 2 * GIB, 150 * MIB));
	assert_true(info_of(engine).generation == before + 2);
	assert_ok(dhp_sim_memory_add(engine, 1, 0));
	assert_true(info_of(engine).generation == before + 3);
	end_engine(engine);
}

/* ---- waiting ---- */

struct waiter {
	struct helper helper;
	struct dhp_memory_event *event;
	uint64_t timeout_ns;
	enum dhp_status status;
	uint64_t *made;  /* written before the condition is set, without an atomic: a race detector sees the edge */
	uint64_t seen;
	uint64_t returned;
	struct gate *gate;
};

static void *wait_thread(void *argument)
{
	struct waiter *waiter = argument;

	gate_pass(waiter->gate);
	waiter->status = dhp_memory_event_wait(waiter->event, waiter->timeout_ns);
	if (waiter->made != NULL)
		waiter->seen = *waiter->made;
	(void)bump(&waiter->returned);
	return NULL;
}

struct wait_for_waiters {
	struct dhpi_conditions *conditions;
	uint32_t count;
};

static bool all_wait(void *context)
{
	struct wait_for_waiters *wait = context;
	bool all;

	port_mutex_lock(&wait->conditions->lock);
	all = wait->conditions->waiters_count == wait->count;
	port_mutex_unlock(&wait->conditions->lock);
	return all;
}

/* White box: from here on a waiter misses no rise. */
static void wait_for_waiters(struct dhp_engine *engine, uint32_t count)
{
	struct wait_for_waiters wait = { .conditions = &engine->notify->conditions, .count = count };

	assert_true(wait_until(all_wait, &wait));
}

static void start_waiter(struct waiter *waiter, struct gate *gate, struct dhp_memory_event *event, uint64_t *made)
{
	*waiter = (struct waiter){ .event = event, .timeout_ns = DHP_MEMORY_FOREVER, .gate = gate, .made = made };
	helper_start(&waiter->helper, wait_thread, waiter);
}

/* Each has a handle of its own. */
static void one_release_wakes_all_waiters_S302_S306(void **state)
{
	struct dhp_engine *engine = make_memory(100, 200);
	struct waiter waiters[6];
	uint64_t made = 0;
	struct gate gate;

	(void)state;
	set_free(engine, 150 * MIB);
	gate_init(&gate, LENGTH(waiters));
	for (uint32_t i = 0; i < LENGTH(waiters); i++)
		start_waiter(&waiters[i], &gate, open_event(engine, i % 2 == 0 ? DHP_MEMORY_LOW : DHP_MEMORY_HIGH), &made);
	wait_for_waiters(engine, LENGTH(waiters));
	for (uint32_t i = 0; i < LENGTH(waiters); i++)
		assert_int_equal(peek(&waiters[i].returned), 0);
	made = 42;
	set_free(engine, 50 * MIB);
	for (uint32_t i = 0; i < LENGTH(waiters); i += 2) {
		helper_join(&waiters[i].helper);
		assert_status(waiters[i].status, DHP_OK);
		assert_true(waiters[i].seen == 42);
	}
	for (uint32_t i = 1; i < LENGTH(waiters); i += 2)
		assert_status(dhp_memory_event_close(waiters[i].event), DHP_IN_USE);
	set_free(engine, GIB);
	for (uint32_t i = 1; i < LENGTH(waiters); i += 2) {
		helper_join(&waiters[i].helper);
		assert_status(waiters[i].status, DHP_OK);
	}
	for (uint32_t i = 0; i < LENGTH(waiters); i++)
		assert_ok(dhp_memory_event_close(waiters[i].event));
	end_engine(engine);
}

/* The condition ceases to hold at once; those who wait are released all the same, who comes later is not. */
static void short_release_wakes_who_waits_and_nobody_later_S302(void **state)
{
	struct dhp_engine *engine = make_memory(100, 200);
	struct dhp_memory_event *event = open_event(engine, DHP_MEMORY_LOW);

	(void)state;
	for (int round = 0; round < TIMES(100); round++) {
		struct waiter waiters[3];
		struct gate gate;

		set_free(engine, 150 * MIB);
		gate_init(&gate, LENGTH(waiters));
		for (uint32_t i = 0; i < LENGTH(waiters); i++)
			start_waiter(&waiters[i], &gate, open_event(engine, DHP_MEMORY_LOW), NULL);
		wait_for_waiters(engine, LENGTH(waiters));
		set_free(engine, 50 * MIB);
		set_free(engine, 150 * MIB);
		assert_status(dhp_memory_event_wait(event, 1000), DHP_TIMED_OUT);
		for (uint32_t i = 0; i < LENGTH(waiters); i++) {
			assert_true(wait_for_count(&waiters[i].returned, 1));
			helper_join(&waiters[i].helper);
			assert_status(waiters[i].status, DHP_OK);
			assert_ok(dhp_memory_event_close(waiters[i].event));
		}
	}
	assert_ok(dhp_memory_event_close(event));
	end_engine(engine);
}

static void wait_returns_at_once_while_it_holds_and_takes_nothing_S302_S311(void **state)
{
	struct dhp_engine *engine = make_memory(100, 200);
	struct dhp_memory_event *event = open_event(engine, DHP_MEMORY_HIGH), *other = open_event(engine, DHP_MEMORY_HIGH);

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_ok(dhp_memory_event_wait(event, DHP_MEMORY_FOREVER));
		assert_ok(dhp_memory_event_wait(other, 1));
		assert_ok(dhp_memory_event_wait(event, 0));
		assert_true(holds(other));
	}
	set_free(engine, 150 * MIB);
	assert_status(dhp_memory_event_wait(event, 0), DHP_TIMED_OUT);
	assert_status(dhp_memory_event_wait(event, 1), DHP_TIMED_OUT);
	assert_status(dhp_memory_event_wait(event, 2000000), DHP_TIMED_OUT);
	assert_false(dhp_failed(DHP_TIMED_OUT));
	assert_ok(dhp_memory_event_close(event));
	assert_ok(dhp_memory_event_close(other));
	end_engine(engine);
}

/* ---- both at once, from several threads ---- */

struct watcher {
	struct helper helper;
	struct dhp_engine *engine;
	uint64_t stop, looks, both, wrong;
};

static void *watch(void *argument)
{
	struct watcher *watcher = argument;

	while (peek(&watcher->stop) == 0) {
		struct dhp_memory_info info;

		if (dhp_memory_read(watcher->engine, &info) != DHP_OK)
			break;
		watcher->both += info.low && info.high;
		watcher->wrong += info.low != (info.available_bytes <= info.low_bytes) ||
				  info.high != (info.available_bytes >= info.high_bytes);
		(void)bump(&watcher->looks);
	}
	return NULL;
}

static void never_both_whatever_is_seen_by_whom_S304(void **state)
{
	struct dhp_engine *engine = make_memory(100, 200);
	struct watcher watchers[2];
	uint64_t dice = 11;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		watchers[i] = (struct watcher){ .engine = engine };
		helper_start(&watchers[i].helper, watch, &watchers[i]);
	}
	for (int round = 0; round < TIMES(5000); round++)
		set_free(engine, roll(&dice) % 300 * MIB);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(wait_for_count(&watchers[i].looks, 1));
		poke(&watchers[i].stop, 1);
		helper_join(&watchers[i].helper);
		assert_int_equal(watchers[i].both, 0);
		assert_int_equal(watchers[i].wrong, 0);
	}
	end_engine(engine);
}

/* ---- descriptors ---- */

static void descriptor_is_readable_while_the_condition_holds_S302_S312(void **state)
{
	struct dhp_engine *engine = make_memory(100, 200);
	struct dhp_memory_event *events[3] = { open_event(engine, DHP_MEMORY_LOW), open_event(engine, DHP_MEMORY_HIGH),
		open_event(engine, DHP_MEMORY_HIGH) };
	struct dhp_memory_event *late = open_event(engine, DHP_MEMORY_HIGH);
	int files[3] = { -1, -1, -1 }, again = -1;

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		assert_ok(dhp_memory_event_descriptor(events[i], &files[i]));
	assert_ok(dhp_memory_event_descriptor(events[0], &again));
	assert_int_equal(again, files[0]);
	assert_int_not_equal(files[1], files[2]);
	for (uint64_t free_mib = 0; free_mib <= 300; free_mib += 25)
		for (uint64_t from_mib = 0; from_mib <= 300; from_mib += 150) {
			set_free(engine, from_mib * MIB);
			set_free(engine, free_mib * MIB);
			assert_int_equal(is_readable(files[0]), free_mib <= 100);
			assert_int_equal(is_readable(files[1]), free_mib >= 200);
			assert_int_equal(is_readable(files[2]), free_mib >= 200);
		}
	/* One that is made while it holds. */
	assert_true(holds(late));
	assert_ok(dhp_memory_event_descriptor(late, &again));
	assert_true(is_readable(again));
	assert_ok(dhp_memory_event_close(late));
	/* Closing one leaves the others. */
	assert_ok(dhp_memory_event_close(events[1]));
	assert_true(fcntl(files[1], F_GETFD) < 0 && errno == EBADF);
	set_free(engine, 0);
	assert_true(is_readable(files[0]) && !is_readable(files[2]));
	assert_ok(dhp_memory_event_close(events[0]));
	assert_ok(dhp_memory_event_close(events[2]));
	end_engine(engine);
}

static void client_can_neither_set_nor_clear_S310(void **state)
{
	struct dhp_engine *engine = make_memory(100, 200);
	struct dhp_memory_event *event = open_event(engine, DHP_MEMORY_HIGH);
	uint64_t bytes = 1;
	int file = -1;

	(void)state;
	assert_ok(dhp_memory_event_descriptor(event, &file));
	assert_true(is_readable(file));
	assert_true(read(file, &bytes, sizeof(bytes)) < 0);
	assert_true(is_readable(file) && holds(event));
	set_free(engine, 0);
	assert_true(write(file, &bytes, sizeof(bytes)) < 0);
	assert_true(!is_readable(file) && !holds(event));
	assert_ok(dhp_memory_event_close(event));
	end_engine(engine);
}

/* The latch needs two descriptors: each is refused once. */
static void refused_descriptor_leaves_the_handle_usable(void **state)
{
	struct dhp_engine *engine = make_memory(100, 200);
	struct dhp_memory_event *event = open_event(engine, DHP_MEMORY_HIGH);
	struct rlimit before, tight;
	int file = -7, lowest = dup(0);

	(void)state;
	assert_true(lowest >= 0);
	assert_int_equal(close(lowest), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (int allowed = 0; allowed < 2; allowed++) {
		tight = before;
		tight.rlim_cur = (rlim_t)(lowest + allowed);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
		assert_status(dhp_memory_event_descriptor(event, &file), DHP_NO_DESCRIPTOR);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(file, -7);
		assert_true(fcntl(lowest, F_GETFD) < 0); /* nothing was left open */
		assert_true(holds(event));
	}
	assert_ok(dhp_memory_event_descriptor(event, &file));
	assert_true(is_readable(file));
	assert_ok(dhp_memory_event_close(event));
	end_engine(engine);
}

/* ---- where it may be called, and until when ---- */

static void open_handle_keeps_the_engine(void **state)
{
	struct dhp_engine *engine = make_memory(0, 0);
	struct dhp_memory_event *event = open_event(engine, DHP_MEMORY_LOW);

	(void)state;
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	assert_ok(dhp_memory_event_close(event));
	end_engine(engine);
}

struct from_callback {
	struct dhp_engine *engine;
	struct dhp_memory_event *event;
	enum dhp_status wait, look, add, set, fail;
	bool signalled;
};

static void call_from_start(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct from_callback *from = context;

	(void)status;
	if (change->state != DHP_CHANGE_START)
		return;
	from->wait = dhp_memory_event_wait(from->event, DHP_MEMORY_FOREVER);
	from->look = dhp_memory_event_wait(from->event, 0);
	from->add = dhp_sim_memory_add(from->engine, MIB, 0);
	from->set = dhp_sim_memory_set(from->engine, MIB, 0);
	from->fail = dhp_sim_memory_fail(from->engine, DHP_INJECTED);
	(void)dhp_memory_event_query(from->event, &from->signalled);
}

static void synchronous_callback_may_ask_and_not_wait(void **state)
{
	struct dhp_engine *engine = make_memory(100, 200);
	struct from_callback from = { .engine = engine, .event = open_event(engine, DHP_MEMORY_HIGH) };
	struct dhp_notify *registration;

	(void)state;
	assert_ok(dhp_notify_register(engine, call_from_start, &from, 0, &registration));
	assert_ok(add_position(engine, 1));
	assert_status(from.wait, DHP_IN_CALLBACK);
	assert_status(from.look, DHP_OK);
	assert_status(from.add, DHP_IN_CALLBACK);
	assert_status(from.set, DHP_IN_CALLBACK);
	assert_status(from.fail, DHP_IN_CALLBACK);
	assert_true(from.signalled);
	assert_ok(dhp_notify_unregister(registration));
	assert_ok(dhp_memory_event_close(from.event));
	end_engine(engine);
}

struct from_routine {
	struct dhp_engine *engine;
	struct dhp_memory_event *event;
	enum dhp_status open, close, wait, look, query, descriptor, read, add, set, fail;
};

static void call_from_routine(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	struct from_routine *from = context;
	struct dhp_memory_event *event = NULL;
	struct dhp_memory_info info;
	bool signalled;
	int file;

	(void)dpc;
	(void)a;
	(void)b;
	from->look = dhp_memory_event_wait(from->event, 0);
	from->query = dhp_memory_event_query(from->event, &signalled);
	from->read = dhp_memory_read(from->engine, &info);
	if (DHP_CHECKS >= 2) /* there the rest ends the process */
		return;
	from->open = dhp_memory_event_open(from->engine, "LowMemoryCondition", &event);
	from->close = dhp_memory_event_close(from->event);
	from->wait = dhp_memory_event_wait(from->event, 1);
	from->descriptor = dhp_memory_event_descriptor(from->event, &file);
	from->add = dhp_sim_memory_add(from->engine, MIB, 0);
	from->set = dhp_sim_memory_set(from->engine, MIB, 0);
	from->fail = dhp_sim_memory_fail(from->engine, DHP_INJECTED);
}

static void routine_may_ask_and_not_wait_S041(void **state)
{
	struct dhp_engine *engine = make_memory(100, 200);
	const enum dhp_status wrong = DHP_CHECKS >= 2 ? DHP_OK : DHP_WRONG_LEVEL;
	struct from_routine from = { .engine = engine, .event = open_event(engine, DHP_MEMORY_HIGH) };
	struct dhp_dpc dpc;

	(void)state;
	assert_ok(dhp_dpc_init(&dpc, engine, call_from_routine, &from));
	assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
	assert_ok(dhp_dpc_flush(engine));
	assert_status(from.look, DHP_OK);
	assert_status(from.query, DHP_OK);
	assert_status(from.read, DHP_OK);
	assert_status(from.open, wrong);
	assert_status(from.close, wrong);
	assert_status(from.wait, wrong);
	assert_status(from.descriptor, wrong);
	assert_status(from.add, wrong);
	assert_status(from.set, wrong);
	assert_status(from.fail, wrong);
	assert_ok(dhp_memory_event_close(from.event));
	end_engine(engine);
}

/* ---- and processors ---- */

static void processor_that_arrives_touches_no_condition_S308(void **state)
{
	struct dhp_engine *engine = make_memory(100, 200);
	struct dhp_memory_event *event = open_event(engine, DHP_MEMORY_LOW);
	struct dhp_memory_info before, after;

	(void)state;
	set_free(engine, 150 * MIB);
	before = info_of(engine);
	add_positions(engine, 1, 8);
	after = info_of(engine);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_false(holds(event));
	assert_status(try_name(engine, "ProcessorCondition"), DHP_BAD_NAME);
	assert_ok(dhp_memory_event_close(event));
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nine_names_are_known_and_two_have_a_source_S301_S305),
		cmocka_unit_test(unknown_names_are_refused_and_make_nothing_S309),
		cmocka_unit_test(name_opens_the_same_condition_as_the_number_S312_S314),
		cmocka_unit_test(bad_arguments_are_named_S312_S313),
		cmocka_unit_test(simulated_memory_refuses_what_cannot_be),
		cmocka_unit_test(modules_of_the_start_are_checked),
		cmocka_unit_test(default_thresholds_follow_the_formula_S316),
		cmocka_unit_test(thresholds_are_configurable_and_high_is_never_below_low_S316_S318),
		cmocka_unit_test(at_or_beyond_a_threshold_the_condition_holds_S303_S304_S317),
		cmocka_unit_test(with_equal_thresholds_only_low_holds_at_them_S304_S316),
		cmocka_unit_test(generation_grows_with_what_matters),
		cmocka_unit_test(one_release_wakes_all_waiters_S302_S306),
		cmocka_unit_test(short_release_wakes_who_waits_and_nobody_later_S302),
		cmocka_unit_test(wait_returns_at_once_while_it_holds_and_takes_nothing_S302_S311),
		cmocka_unit_test(never_both_whatever_is_seen_by_whom_S304),
		cmocka_unit_test(descriptor_is_readable_while_the_condition_holds_S302_S312),
		cmocka_unit_test(client_can_neither_set_nor_clear_S310),
		cmocka_unit_test(refused_descriptor_leaves_the_handle_usable),
		cmocka_unit_test(open_handle_keeps_the_engine),
		cmocka_unit_test(synchronous_callback_may_ask_and_not_wait),
		cmocka_unit_test(routine_may_ask_and_not_wait_S041),
		cmocka_unit_test(processor_that_arrives_touches_no_condition_S308),
	};

	return cmocka_run_group_tests_name("memory_events", tests, NULL, NULL);
}
