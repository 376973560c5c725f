/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an engine went through is written down, and another one goes through the same: both tell the same story, and write
 * the same recording.
 */
#include "chronicle.h"

#include "record.h"

#define MIB ((uint64_t)1 << 20)

/* ---- one story, to be told twice ---- */

static enum dhp_status add(struct chronicle *chronicle, uint32_t position)
{
	enum dhp_status status;

	chronicle_hold(chronicle);
	status = add_position(chronicle->engine, position);
	chronicle_release(chronicle);
	return status;
}

static void add_failing(struct chronicle *chronicle, uint32_t position, enum dhp_step step, enum dhp_status status)
{
	assert_ok(dhp_sim_fail(chronicle->engine, dhp_sim_cpu(chronicle->engine, position), step, status));
	assert_status(add(chronicle, position), status);
}

static void set_usable(struct chronicle *chronicle, uint32_t position, bool usable)
{
	chronicle_hold(chronicle);
	assert_ok(dhp_sim_set_usable(chronicle->engine, dhp_sim_cpu(chronicle->engine, position), usable));
	chronicle_release(chronicle);
}

static void set_memory(struct chronicle *chronicle, uint64_t total, uint64_t available)
{
	chronicle_hold(chronicle);
	assert_ok(dhp_sim_memory_set(chronicle->engine, total, available));
	chronicle_release(chronicle);
}

static void rescan(struct chronicle *chronicle)
{
	chronicle_hold(chronicle);
	assert_ok(dhp_engine_rescan(chronicle->engine));
	chronicle_release(chronicle);
}

static void processors_come(struct chronicle *chronicle)
{
	assert_ok(add(chronicle, 5));
	add_failing(chronicle, 2, DHP_STEP_RESERVE, DHP_INJECTED);
	add_failing(chronicle, 2, DHP_STEP_PREPARE, DHP_NO_MEMORY);
	add_failing(chronicle, 2, DHP_STEP_START, DHP_INJECTED);
	add_failing(chronicle, 2, DHP_STEP_BRING_UP, DHP_NO_AFFINITY);
	chronicle->veto_cpu = dhp_sim_cpu(chronicle->engine, 2);
	chronicle->veto = DHP_VETOED;
	assert_status(add(chronicle, 2), DHP_VETOED);
	chronicle->veto = (enum dhp_status)-4711; /* its own */
	assert_status(add(chronicle, 2), (enum dhp_status)-4711);
	chronicle->veto_cpu = DHP_NO_CPU;
	rescan(chronicle);
	assert_ok(add(chronicle, 2));
	assert_status(add(chronicle, 2), DHP_ALREADY_THERE); /* nothing happened, nothing is written */
}

static void processors_go_away(struct chronicle *chronicle)
{
	set_usable(chronicle, 5, false);
	set_usable(chronicle, 0, false);
	set_usable(chronicle, 0, false); /* it is so already */
	rescan(chronicle);
	set_usable(chronicle, 5, true);
	assert_ok(add(chronicle, 7));
	rescan(chronicle);
}

static void memory_comes_and_goes(struct chronicle *chronicle)
{
	set_memory(chronicle, 2048 * MIB, 1024 * MIB);
	set_memory(chronicle, 2048 * MIB, 8 * MIB); /* low */
	set_memory(chronicle, 2048 * MIB, 45 * MIB); /* neither */
	set_memory(chronicle, 2048 * MIB, 39 * MIB); /* low again, by less than what is written otherwise */
	set_memory(chronicle, 2048 * MIB, 45 * MIB);
	chronicle_hold(chronicle);
	assert_ok(dhp_sim_memory_add(chronicle->engine, 512 * MIB, 0));
	chronicle_release(chronicle);
	assert_ok(add(chronicle, 3));
}

static void go_through(struct chronicle *chronicle)
{
	processors_come(chronicle);
	processors_go_away(chronicle);
	memory_comes_and_goes(chronicle);
}

static const uint8_t sizes[] = { 3, 1, 7 };
static const struct sim_setup setup = { .maximum = 12, .initial = 2, .group_sizes = sizes, .group_size_count = LENGTH(sizes),
	.gap = 3, .seed = 7, .nodes = 2 };

/* ---- the parts of a test; large, so not on the stack ---- */

static struct chronicle first, second;
static struct tape tape, again;

static void record_story(void)
{
	struct dhp_engine *engine = make_sim(&setup);
	struct dhp_record *record;

	tape = (struct tape){ .length = 0 };
	chronicle_begin(&first, engine);
	assert_ok(dhp_record_begin(engine, tape_write, &tape, &record));
	go_through(&first);
	assert_ok(dhp_record_end(record));
	chronicle_end(&first);
	end_engine(engine);
}

static void expect_same_text(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t at = 0, line = 0;

	while (at < a_length && at < b_length && a[at] == b[at])
		if (a[at++] == '\n')
			line = at;
	if (at < a_length || at < b_length)
		fail_msg("differ at %zu of %zu and %zu:\n%.200s\n--\n%.200s", at, a_length, b_length, a + line, b + line);
}

static void a_replay_tells_the_story_of_the_recording_S757(void **state)
{
	struct dhp_replay *replay;
	struct dhp_engine *engine;

	(void)state;
	record_story();
	for (uint32_t times = 0; times < 2; times++) {
		engine = tape_engine(&tape, &replay);
		chronicle_begin(&second, engine);
		assert_true(tape_play(&second) > 10);
		expect_same_text(first.text, first.length, second.text, second.length);
		chronicle_end(&second);
		end_engine(engine);
		assert_ok(dhp_replay_close(replay));
	}
	assert_non_null(strstr(first.text, "failure cpu"));
	assert_non_null(strstr(first.text, "low 1"));
}

/* Where nobody vetoes the failure comes at the step after, and those who hear of it hear the same. */
static void veto_is_bring_up(struct tape *of)
{
	static const char from[] = " veto ", to[] = " bring-up ";
	char *at = of->text;

	while ((at = strstr(at, from)) != NULL) {
		memmove(at + strlen(to), at + strlen(from), of->length - (size_t)(at - of->text) - strlen(from));
		memcpy(at, to, strlen(to));
		of->length += strlen(to) - strlen(from);
	}
}

static void a_recording_of_a_replay_is_the_recording_S757(void **state)
{
	struct dhp_replay *replay;
	struct dhp_engine *engine;
	struct dhp_record *record;

	(void)state;
	record_story();
	engine = tape_engine(&tape, &replay);
	again = (struct tape){ .length = 0 };
	assert_ok(dhp_record_begin(engine, tape_write, &again, &record));
	assert_ok(dhp_replay_run(engine, DHP_REPLAY_AT_ONCE));
	assert_ok(dhp_record_end(record));
	end_engine(engine);
	assert_ok(dhp_replay_close(replay));
	tape_forget_times(&tape);
	tape_forget_times(&again);
	veto_is_bring_up(&tape);
	expect_same_text(tape.text, tape.length, again.text, again.length);
}

static void a_recording_may_begin_late_S757(void **state)
{
	struct dhp_engine *engine = make_sim(&setup);
	struct dhp_record *record;
	struct dhp_replay *replay;

	(void)state;
	assert_ok(add_position(engine, 9));
	assert_ok(add_position(engine, 4));
	assert_ok(add_position(engine, 6));
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 9), false));
	assert_ok(dhp_sim_memory_add(engine, 64 * MIB, 1));
	assert_ok(dhp_sim_memory_set(engine, 100 * MIB, 90 * MIB)); /* the thresholds stay those of 2 GiB */
	assert_ok(dhp_arrival_drain(engine));
	tape = (struct tape){ .length = 0 };
	assert_ok(dhp_record_begin(engine, tape_write, &tape, &record));
	chronicle_begin(&first, engine);
	set_usable(&first, 9, true);
	assert_ok(add(&first, 8));
	set_memory(&first, 100 * MIB, 30 * MIB);
	assert_ok(dhp_record_end(record));
	chronicle_end(&first);
	end_engine(engine);

	engine = tape_engine(&tape, &replay);
	chronicle_begin(&second, engine);
	assert_int_equal(tape_play(&second), 3);
	expect_same_text(first.text, first.length, second.text, second.length);
	chronicle_end(&second);
	end_engine(engine);
	assert_ok(dhp_replay_close(replay));
}

static void a_thousand_processors_fit_their_lines(void **state)
{
	const struct sim_setup large = { .maximum = 1000, .initial = 1000, .gap = 5, .seed = 3,
		.flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = make_sim(&large);
	struct dhp_record *record;
	struct dhp_replay *replay;

	(void)state;
	tape = (struct tape){ .length = 0 };
	chronicle_begin(&first, engine);
	assert_ok(dhp_record_begin(engine, tape_write, &tape, &record));
	assert_ok(dhp_record_end(record));
	chronicle_end(&first);
	end_engine(engine);
	for (size_t at = 0, length = 0; at < tape.length; at++, length++) {
		assert_true(length < 256);
		if (tape.text[at] == '\n')
			length = 0;
	}
	engine = tape_engine(&tape, &replay);
	chronicle_begin(&second, engine);
	expect_same_text(first.text, first.length, second.text, second.length);
	chronicle_end(&second);
	end_engine(engine);
	assert_ok(dhp_replay_close(replay));
}

/* The cpuset has moved to a processor that a registrant refused: one is active, none is usable. */
static void nobody_need_be_usable_S757(void **state)
{
	static const char text[] = "dhp-record 1\n1 engine maximum 2\n1 engine processor 0 0 0 64 0 0 0 0\n"
		"1 engine processor 1 0 1 64 0 0 1 0\n1 engine active 0\n1 engine begin 0 1 0\n2 engine end 0\n";
	struct dhp_engine *engine;
	struct dhp_replay *replay;

	(void)state;
	tape = (struct tape){ .length = sizeof(text) - 1 };
	memcpy(tape.text, text, sizeof(text) - 1);
	engine = tape_engine(&tape, &replay);
	assert_int_equal(counts_of(engine).active, 1);
	assert_int_equal(counts_of(engine).usable, 0);
	end_engine(engine);
	assert_ok(dhp_replay_close(replay));
}

static void visit_source(const struct dhp_source *source, void *context)
{
	if (strcmp(source->name, "replay") == 0 && source->works)
		(void)bump(context);
}

/* Who gives thresholds has them, whatever those of the recording are. */
static void thresholds_that_are_given_hold_for_a_replay_too(void **state)
{
	struct dhp_sim_options sim = { .size = sizeof(sim) };
	struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim };
	uint64_t low[3] = { 0 }, sources = 0;
	struct dhp_memory_info info;
	struct dhp_replay *replay;
	struct dhp_engine *engine;

	(void)state;
	record_story();
	assert_ok(dhp_replay_open(tape.text, tape.length, &replay, NULL));
	sim.replay = replay;
	for (uint32_t i = 0; i < 3; i++) {
		options.low_memory_mib = i == 1 ? 7 : 0;
		options.high_memory_mib = i == 2 ? 200 : 0;
		assert_ok(dhp_engine_create(&options, &engine));
		assert_ok(dhp_memory_read(engine, &info));
		low[i] = info.low_bytes;
		assert_true(i != 2 || info.high_bytes == 200 * MIB);
		assert_ok(dhp_sources(engine, visit_source, &sources));
		end_engine(engine);
	}
	assert_true(low[0] != 7 * MIB && low[1] == 7 * MIB && low[2] == low[0]);
	assert_int_equal(sources, 3);
	assert_ok(dhp_replay_close(replay));
}

/* ---- steps and time ---- */

static void steps_come_when_they_are_asked_for(void **state)
{
	struct dhp_engine *engine = make_sim_of(8, 1);
	struct dhp_record *record;
	struct dhp_replay *replay;
	uint64_t early, late;

	(void)state;
	tape = (struct tape){ .length = 0 };
	assert_ok(dhp_record_begin(engine, tape_write, &tape, &record));
	add_positions(engine, 1, 2);
	sleep_us(3000);
	add_positions(engine, 2, 3);
	assert_ok(dhp_record_end(record));
	end_engine(engine);

	engine = tape_engine(&tape, &replay);
	assert_int_equal(active_count(engine), 1);
	assert_ok(dhp_replay_next(engine, &early));
	assert_int_equal(active_count(engine), 1);
	assert_ok(dhp_replay_step(engine));
	assert_int_equal(active_count(engine), 2);
	assert_ok(dhp_replay_next(engine, &late));
	assert_true(late >= early + 3000000);
	assert_ok(dhp_replay_step(engine));
	assert_int_equal(active_count(engine), 3);
	assert_status(dhp_replay_next(engine, &late), DHP_AT_END);
	assert_status(dhp_replay_step(engine), DHP_AT_END);
	assert_ok(dhp_replay_run(engine, 100));
	assert_ok(add_position(engine, 5)); /* it is a simulation like any other */
	end_engine(engine);
	assert_ok(dhp_replay_close(replay));
}

static void two_engines_play_one_recording(void **state)
{
	struct dhp_sim_options sim = { .size = sizeof(sim) };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim };
	struct dhp_engine *engines[2];
	struct dhp_replay *replay;

	(void)state;
	record_story();
	assert_ok(dhp_replay_open(tape.text, tape.length, &replay, NULL));
	sim.replay = replay;
	for (uint32_t i = 0; i < 2; i++)
		assert_ok(dhp_engine_create(&options, &engines[i]));
	for (uint32_t i = 0; i < 2; i++)
		assert_ok(dhp_replay_step(engines[i]));
	assert_ok(dhp_replay_run(engines[1], 1000000));
	assert_int_equal(active_count(engines[0]), 3);
	assert_int_equal(active_count(engines[1]), counts_of(engines[1]).active);
	assert_true(active_count(engines[1]) > 3);
	end_engine(engines[0]);
	end_engine(engines[1]);
	assert_ok(dhp_replay_close(replay));
}

/* ---- writes that fail ---- */

static void a_write_that_fails_ends_the_recording_only_S757(void **state)
{
	uint64_t lines;

	(void)state;
	record_story();
	lines = tape.lines;
	for (uint64_t room = 1; room < lines; room += TIMES(1)) {
		struct dhp_engine *engine = make_sim(&setup);
		struct dhp_record *record = NULL;
		struct dhp_replay_note note;
		struct dhp_replay *replay;
		enum dhp_status status;

		tape = (struct tape){ .room = room };
		status = dhp_record_begin(engine, tape_write, &tape, &record);
		assert_true(status == DHP_OK || status == DHP_CANNOT_WRITE);
		assert_int_equal(status == DHP_OK, record != NULL);
		chronicle_begin(&first, engine);
		go_through(&first);
		chronicle_end(&first);
		if (status == DHP_OK) {
			assert_status(dhp_record_end(record), DHP_CANNOT_WRITE);
			assert_ok(dhp_replay_open(tape.text, tape.length, &replay, &note));
			assert_non_null(strstr(note.text, "no line for the end"));
			assert_ok(dhp_replay_close(replay));
		} else {
			assert_status(dhp_replay_open(tape.text, tape.length, &replay, &note), DHP_BAD_RECORD);
			assert_non_null(strstr(note.text, "breaks off"));
		}
		assert_int_equal(tape.lines, room);
		assert_int_equal(tape.refused, 1);
		end_engine(engine);
	}
}

/* ---- what sources say ---- */

static void say(struct dhp_engine *engine, const char *source, const char *key, const char *value)
{
	const struct dhp_source_event event = { .source = source, .key = key, .value = value };

	dhpi_record_said(engine->partition, &event);
}

static void what_sources_say_becomes_harmless_text_S757(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_record *record;
	struct dhp_replay *replay;
	char path[600];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	tape = (struct tape){ .length = 0 };
	say(engine, "early", "key", "nobody records yet");
	assert_ok(dhp_record_begin(engine, tape_write, &tape, &record));
	say(engine, "uevent", "cpu1", "/home/somebody\nline\x80");
	say(engine, "Some Source", "a/key", "");
	say(engine, "averylongnameofasourcethatnobodywantstosee", "key", NULL);
	say(engine, "meminfo", "available", "17");
	say(engine, "path", "key", path);
	assert_ok(dhp_record_end(record));
	say(engine, "late", "key", "nor now");
	end_engine(engine);
	assert_non_null(strstr(tape.text, " uevent cpu1 ?home?somebody?line?\n"));
	assert_non_null(strstr(tape.text, " -ome--ource a-key -\n"));
	assert_non_null(strstr(tape.text, " averylongnameofasourcethatnobody key -\n"));
	assert_null(strstr(tape.text, "nobody records"));
	assert_null(strstr(tape.text, "nor now"));
	assert_null(strstr(tape.text, "available"));
	assert_null(memchr(tape.text, '/', tape.length));
	assert_ok(dhp_replay_open(tape.text, tape.length, &replay, NULL));
	assert_ok(dhp_replay_close(replay));
}

/* ---- calls that are refused ---- */

static enum dhp_status in_callback[3];
static struct dhp_record *outer;

static void call_back(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct dhp_engine *engine = context;
	struct dhp_record *record;

	(void)change;
	(void)status;
	in_callback[0] = dhp_record_begin(engine, tape_write, &again, &record);
	in_callback[1] = dhp_record_end(outer);
	in_callback[2] = dhp_replay_step(engine);
}

static void bad_calls_are_refused(void **state)
{
	struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 3 };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim };
	struct dhp_engine *engine = make_sim_of(4, 1), *other = NULL;
	struct dhp_record *record;
	struct dhp_replay *replay;
	uint64_t time;

	(void)state;
	tape = (struct tape){ .length = 0 };
	assert_status(dhp_record_begin(NULL, tape_write, &tape, &outer), DHP_BAD_ENGINE);
	assert_status(dhp_record_begin(engine, NULL, &tape, &outer), DHP_BAD_CALLBACK);
	assert_status(dhp_record_begin(engine, tape_write, &tape, NULL), DHP_BAD_RESULT);
	assert_ok(dhp_record_end(NULL));
	assert_ok(dhp_record_begin(engine, tape_write, &tape, &outer));
	assert_status(dhp_record_begin(engine, tape_write, &again, &record), DHP_IN_USE);
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	assert_status(dhp_replay_step(engine), DHP_NOT_SUPPORTED);
	assert_status(dhp_replay_run(engine, 1), DHP_NOT_SUPPORTED);
	assert_status(dhp_replay_next(engine, &time), DHP_NOT_SUPPORTED);
	assert_ok(dhp_record_end(outer));
	end_engine(engine);

	assert_status(dhp_replay_step(NULL), DHP_BAD_ENGINE);
	assert_status(dhp_replay_next(NULL, &time), DHP_BAD_ENGINE);
	assert_status(dhp_replay_open(tape.text, tape.length, NULL, NULL), DHP_BAD_RESULT);
	assert_status(dhp_replay_open(NULL, 0, &replay, NULL), DHP_BAD_RECORD);
	assert_ok(dhp_replay_close(NULL));
	assert_ok(dhp_replay_open(tape.text, tape.length, &replay, NULL));
	sim.replay = replay;
	assert_status(dhp_engine_create(&options, &other), DHP_BAD_OPTIONS); /* the recording says how many */
	sim.maximum_count = 0;
	sim.seed = 5;
	assert_ok(dhp_engine_create(&options, &other));
	assert_status(dhp_replay_next(other, NULL), DHP_BAD_RESULT);
	assert_status(dhp_replay_next(other, &time), DHP_AT_END);
	end_engine(other);
	assert_ok(dhp_replay_close(replay));
}

static void callbacks_of_an_arrival_may_not(void **state)
{
	struct dhp_engine *engine;
	struct dhp_notify *notify;
	struct dhp_replay *replay;

	(void)state;
	record_story();
	engine = tape_engine(&tape, &replay);
	again = (struct tape){ .length = 0 };
	assert_ok(dhp_record_begin(engine, tape_write, &again, &outer));
	assert_ok(dhp_notify_register(engine, call_back, engine, 0, &notify));
	assert_ok(dhp_replay_step(engine));
	for (size_t i = 0; i < LENGTH(in_callback); i++)
		assert_status(in_callback[i], DHP_IN_CALLBACK);
	assert_ok(dhp_notify_unregister(notify));
	assert_ok(dhp_record_end(outer));
	end_engine(engine);
	assert_ok(dhp_replay_close(replay));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replay_tells_the_story_of_the_recording_S757),
		cmocka_unit_test(a_recording_of_a_replay_is_the_recording_S757),
		cmocka_unit_test(a_recording_may_begin_late_S757),
		cmocka_unit_test(a_thousand_processors_fit_their_lines),
		cmocka_unit_test(nobody_need_be_usable_S757),
		cmocka_unit_test(thresholds_that_are_given_hold_for_a_replay_too),
		cmocka_unit_test(steps_come_when_they_are_asked_for),
		cmocka_unit_test(two_engines_play_one_recording),
		cmocka_unit_test(a_write_that_fails_ends_the_recording_only_S757),
		cmocka_unit_test(what_sources_say_becomes_harmless_text_S757),
		cmocka_unit_test(bad_calls_are_refused),
		cmocka_unit_test(callbacks_of_an_arrival_may_not),
	};

	return cmocka_run_group_tests_name("record_replay", tests, NULL, NULL);
}
