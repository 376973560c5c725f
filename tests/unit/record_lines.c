/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lines of a recording: what is accepted, what is refused and with which words, and what a recorder that was killed
 * leaves behind.
 */
#include "chronicle.h"

#include <stdlib.h>
#include <time.h>

#define START                                                                                                      \
	"dhp-record 1\n"                                                                                           \
	"5 engine maximum 3\n"                                                                                     \
	"6 engine processor 0 0 0 64 0 0 0 0\n"                                                                      \
	"6 engine processor 1 0 1 64 0 - - -\n"                                                                      \
	"6 engine processor 4 0 4 64 1 0 2 0\n"                                                                      \
	"6 engine active 1,0\n"                                                                                    \
	"7 engine usable 0-1\n"                                                                                    \
	"7 engine platform 3 3 0\n"                                                                                     \
	"7 engine thresholds 2000 500000000\n"                                                                      \
	"7 engine memory 1000000000 900000000\n"                                                                   \
	"7 engine module 7,0-2\n"
#define BEGIN START "8 engine begin 0 1 0\n"

/* Line 13 is the first after it. */
static const char good[] = BEGIN
	"20 uevent cpu4 online\n"
	"21 engine usable 4\n"
	"22 engine fault 4 bring-up DHP_NO_AFFINITY\n"
	"23 engine look poll 17\n"
	"24 engine fault 4 veto -1073741823\n"
	"25 engine look rescan 0\n"
	"26 engine processor 4 0 4 64 1 0 2 0\n"
	"26 engine look rescan 0\n"
	"27 engine away 0 2\n"
	"28 engine memory 1000000000 1000\n"
	"28 engine module 9\n"
	"29 engine look memory 3\n"
	"30 engine scan DHP_CANNOT_READ\n"
	"31 engine look poll 0\n"
	"32 engine scan DHP_OK\n"
	"33 engine look poll 5\n"
	"40 engine end 12\n";

static enum dhp_status try_text(const char *text, size_t length, struct dhp_replay **out_replay, struct dhp_replay_note *note)
{
	char *copy = malloc(length + 1); /* of its own, so that a look beyond the end is noticed */
	enum dhp_status status;

	assert_non_null(copy);
	memcpy(copy, text, length);
	status = dhp_replay_open(copy, length, out_replay, note);
	free(copy);
	return status;
}

static void play_to_the_end(struct dhp_replay *replay)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .replay = replay };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim, .flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine;

	assert_ok(dhp_engine_create(&options, &engine));
	assert_ok(dhp_replay_run(engine, DHP_REPLAY_AT_ONCE));
	end_engine(engine);
}

/* ---- what is accepted ---- */

static void a_recording_by_hand_is_played_S757(void **state)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim) };
	struct dhp_sim_options with = sim;
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &with };
	struct dhp_engine *engine;
	struct dhp_replay *replay;
	struct dhp_replay_note note = { .line = 99 };
	struct dhp_processor row;
	struct dhp_memory_info memory;
	uint64_t time;

	(void)state;
	assert_ok(try_text(good, sizeof(good) - 1, &replay, &note));
	assert_null(note.text);
	assert_int_equal(note.line, 0);
	with.replay = replay;
	assert_ok(dhp_engine_create(&options, &engine));
	assert_int_equal(counts_of(engine).maximum, 3);
	assert_int_equal(counts_of(engine).present, 3);
	assert_int_equal(active_count(engine), 2);
	assert_ok(dhp_processor_at(engine, 0, &row));
	assert_int_equal(row.cpu, 1);
	assert_int_equal(row.core, DHP_UNKNOWN);
	assert_ok(dhp_memory_read(engine, &memory));
	assert_int_equal(memory.modules_count, 4);
	assert_true(memory.high);
	assert_int_equal(memory.low_bytes, 2000);
	assert_int_equal(memory.high_bytes, 500000000);

	assert_ok(dhp_replay_next(engine, &time));
	assert_int_equal(time, 21); /* what a source says happens by itself */
	for (uint32_t failure = 0; failure < 2; failure++) {
		assert_ok(dhp_replay_step(engine));
		assert_int_equal(active_count(engine), 2);
	}
	assert_ok(dhp_replay_step(engine));
	assert_int_equal(active_count(engine), 3);
	assert_ok(dhp_processor_at(engine, 2, &row));
	assert_int_equal(row.node, 1);
	assert_ok(dhp_replay_step(engine));
	assert_int_equal(counts_of(engine).usable, 2);
	assert_ok(dhp_replay_step(engine));
	assert_ok(dhp_memory_read(engine, &memory));
	assert_true(memory.low);
	assert_int_equal(memory.modules_count, 5);
	assert_ok(dhp_replay_step(engine));
	assert_status(dhp_engine_rescan(engine), DHP_CANNOT_READ);
	assert_ok(dhp_replay_step(engine));
	assert_ok(dhp_engine_rescan(engine));
	assert_status(dhp_replay_step(engine), DHP_AT_END);
	end_engine(engine);
	assert_ok(dhp_replay_close(replay));
}

static void a_replay_keeps_the_recorded_pace(void **state)
{
	static const char slow[] = BEGIN "20000000 engine memory 1000000000 5\n20000000 engine look memory 0\n"
					 "20000000 engine end 0\n";
	struct dhp_replay *replay;
	struct timespec from, to;

	(void)state;
	assert_ok(try_text(slow, sizeof(slow) - 1, &replay, NULL));
	for (uint32_t percent = 100; percent <= 200; percent += 100) {
		const struct dhp_sim_options sim = { .size = sizeof(sim), .replay = replay };
		const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim };
		struct dhp_engine *engine;
		int64_t took;

		assert_ok(dhp_engine_create(&options, &engine));
		(void)clock_gettime(CLOCK_MONOTONIC, &from);
		assert_ok(dhp_replay_run(engine, percent));
		(void)clock_gettime(CLOCK_MONOTONIC, &to);
		took = (to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec;
		assert_true(took >= 20000000 * 100 / (int64_t)percent); /* never early: the machine may be slow, not fast */
		end_engine(engine);
	}
	assert_ok(dhp_replay_close(replay));
}

/* ---- what is refused ---- */

static const struct refused {
	const char *text;
	uint32_t line;
	const char *says;
} refused[] = {
	{ "", 0, "there is no line" },
	{ "dhp-record 1", 0, "there is no line" },
	{ "hello\n", 1, "first line" },
	{ "dhp-record 2\n", 1, "later version" },
	{ "dhp-record 10\n", 1, "later version" },
	{ "dhp-record 1 \n", 1, "later version" },
	{ "dhp-record 1\n", 1, "breaks off" },
	{ START, 11, "breaks off" },
	/* the form of a line */
	{ BEGIN "\n", 13, "time" },
	{ BEGIN "engine look poll 0\n", 13, "time" },
	{ BEGIN "-1 engine look poll 0\n", 13, "time" },
	{ BEGIN "18446744073709551616 engine look poll 0\n", 13, "time" },
	{ BEGIN "9  engine look poll 0\n", 13, "source" },
	{ BEGIN "9 Engine look poll 0\n", 13, "source" },
	{ BEGIN "9 abcdefghijklmnopqrstuvwxyz0123456789 look poll 0\n", 13, "source" },
	{ BEGIN "9 engine\n", 13, "source" },
	{ BEGIN "9 engine look\n", 13, "key" },
	{ BEGIN "9 engine look \n", 13, "printable" },
	{ BEGIN "9 uevent cpu1 on\tline\n", 13, "printable" },
	{ BEGIN "9 uevent cpu1 on\x80line\n", 13, "printable" },
	{ BEGIN "9 engine quota 3\n", 13, "later version" },
	{ BEGIN "9 engine look poll 0 0\n", 13, "more than" },
	{ BEGIN "9 engine look poll 0 \n", 13, "number" },
	{ BEGIN "7 engine look poll 0\n", 13, "time goes back" },
	{ BEGIN "9 engine end 0\n9 engine look poll 0\n", 14, "after the end" },
	/* where a line stands */
	{ BEGIN "9 engine maximum 5\n", 13, "start is over" },
	{ BEGIN "9 engine begin 0 1 0\n", 13, "start is over" },
	{ BEGIN "9 engine active 4\n", 13, "start is over" },
	{ START "9 engine look poll 0\n", 12, "start is not over" },
	{ START "9 engine fault 0 start DHP_VETOED\n", 12, "start is not over" },
	{ START "9 engine end 0\n", 12, "start is not over" },
	/* what a line says */
	{ "dhp-record 1\n5 engine maximum 0\n", 2, "number" },
	{ "dhp-record 1\n5 engine maximum 4097\n", 2, "number" },
	{ "dhp-record 1\n5 engine maximum x\n", 2, "number" },
	{ "dhp-record 1\n5 engine begin 0 1 0\n", 2, "nobody is active" },
	{ "dhp-record 1\n5 engine maximum 1\n5 engine begin 0 1 0\n", 3, "nobody is active" },
	{ "dhp-record 1\n5 engine maximum 1\n5 engine begin 0 1\n", 3, "number" },
	{ "dhp-record 1\n5 engine processor 65534 0 0 64 0 0 0 0\n", 2, "number" },
	{ "dhp-record 1\n5 engine processor 0 0 64 64 0 0 0 0\n", 2, "number" },
	{ "dhp-record 1\n5 engine processor 0 0 3 65 0 0 0 0\n", 2, "number" },
	{ "dhp-record 1\n5 engine processor 0 0 3 3 0 0 0 0\n", 2, "below its group's size" },
	{ "dhp-record 1\n5 engine processor 0 1 0 64 0 0 0 0\n", 2, "in the order" },
	{ "dhp-record 1\n5 engine processor 0 0 0 64 0 0 0 0\n5 engine processor 1 0 1 32 0 0 0 0\n", 3, "a group has one" },
	{ "dhp-record 1\n5 engine processor 0 0 0 64 1024 0 0 0\n", 2, "number" },
	{ "dhp-record 1\n5 engine processor 0 0 0 64 0 4294967295 0 0\n", 2, "number" },
	{ "dhp-record 1\n5 engine processor 0 0 0 64 0 0\n", 2, "number" },
	{ "dhp-record 1\n5 engine processor 1 0 1 64 0 0 0 0\n5 engine processor 1 0 2 64 0 0 0 0\n", 3, "in the order" },
	{ "dhp-record 1\n5 engine processor 1 0 1 64 0 0 0 0\n5 engine processor 2 0 1 64 0 0 0 0\n", 3, "in the order" },
	{ "dhp-record 1\n5 engine processor 1 1 1 64 0 0 0 0\n5 engine processor 2 0 2 64 0 0 0 0\n", 3, "in the order" },
	{ "dhp-record 1\n5 engine active 0\n", 2, "no line before" },
	{ "dhp-record 1\n5 engine processor 0 0 0 64 0 0 0 0\n5 engine active 0\n", 3, "more processors" },
	{ START "7 engine active 0\n", 12, "active once" },
	{ START "7 engine active 4,0-1\n", 12, "active once" },
	{ START "7 engine active 2\n", 12, "no line before" },
	{ START "7 engine usable 4\n", 12, "usable at the start" },
	{ START "7 engine active 4-0\n", 12, "number" },
	{ START "7 engine active 4,\n", 12, "number" },
	{ START "7 engine active 0-4294967295\n", 12, "number" },
	{ START "7 engine module 131072\n", 12, "number" },
	{ START "7 engine module 0-131071\n", 12, "more memory modules" },
	{ START "7 engine module 0-18446744073709551615\n", 12, "number" },
	{ START "7 engine thresholds 6 5\n", 12, "number" },
	{ START "7 engine thresholds 0 0\n", 12, "number" },
	{ BEGIN "9 engine thresholds 5 6\n", 13, "start is over" },
	{ START "7 engine memory 0 0\n", 12, "number" },
	{ START "7 engine memory 5 6\n", 12, "number" },
	{ START "7 engine memory 72057594037927937 5\n", 12, "number" },
	{ START "7 engine platform 65535 3 0\n", 12, "number" },
	{ BEGIN "9 engine usable 2\n", 13, "no line before" },
	{ BEGIN "9 engine unusable 65534\n", 13, "number" },
	{ BEGIN "9 engine unusable 3\n", 13, "no line before" },
	{ BEGIN "9 engine processor 2 0 2 64 0 0 0 0\n", 13, "keeps its cpu id" },
	{ BEGIN "9 engine processor 4 0 5 64 0 0 0 0\n", 13, "keeps its cpu id" },
	{ BEGIN "9 engine scan DHP_NONSENSE\n", 13, "no status" },
	{ BEGIN "9 engine scan DHP_?\n", 13, "no status" },
	{ BEGIN "9 engine fault 2 start DHP_VETOED\n", 13, "no line before" },
	{ BEGIN "9 engine fault 4 publish DHP_VETOED\n", 13, "no step" },
	{ BEGIN "9 engine fault 4 start\n", 13, "no step" },
	{ BEGIN "9 engine fault 4 start DHP_OK\n", 13, "no failure" },
	{ BEGIN "9 engine fault 4 start 5\n", 13, "no failure" },
	{ BEGIN "9 engine fault 4 start -2147483648\n", 13, "no failure" },
	{ BEGIN "9 engine fault 4 start -5x\n", 13, "no failure" },
	{ BEGIN "9 engine look glance 0\n", 13, "no cause" },
	{ BEGIN "9 engine look poll\n", 13, "a cause and a number" },
	{ BEGIN "9 engine look poll x\n", 13, "number" },
	{ BEGIN "9 engine look poll 18446744073709551616\n", 13, "number" },
	{ BEGIN "9 engine add 3 0\n", 13, "no line before" },
	{ BEGIN "9 engine add 1 2 3\n", 13, "more than" },
	{ BEGIN "9 engine away 70000 0\n", 13, "number" },
	{ BEGIN "9 engine back - 0\n", 13, "number" },
	{ BEGIN "9 engine back 1\n", 13, "number" },
	{ BEGIN "9 engine end x\n", 13, "number" },
};

static void what_is_wrong_is_said_with_its_line_S757(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(refused); i++) {
		struct dhp_replay *replay = NULL;
		struct dhp_replay_note note = { .line = 4711 };
		enum dhp_status status = try_text(refused[i].text, strlen(refused[i].text), &replay, &note);

		if (status != DHP_BAD_RECORD || note.line != refused[i].line || strstr(note.text, refused[i].says) == NULL)
			fail_msg("row %zu, ...%.60s: %s, line %u: %s", i,
				 refused[i].text + (strlen(refused[i].text) > 60 ? strlen(refused[i].text) - 60 : 0),
				 dhp_status_name(status), note.line, note.text);
		assert_null(replay);
	}
}

static void a_zero_byte_is_no_text(void **state)
{
	static const char zero[] = BEGIN "9 uevent cpu1 on\0line\n";
	struct dhp_replay_note note;
	struct dhp_replay *replay;

	(void)state;
	assert_status(try_text(zero, sizeof(zero) - 1, &replay, &note), DHP_BAD_RECORD);
	assert_int_equal(note.line, 13);
}

/* ---- what a killed recorder leaves ---- */

static void every_beginning_is_refused_or_played_S757(void **state)
{
	const size_t start = strlen(BEGIN);

	(void)state;
	for (size_t length = 0; length < sizeof(good) - 1; length += TIMES(1)) {
		struct dhp_replay *replay;
		struct dhp_replay_note note;
		enum dhp_status status = try_text(good, length, &replay, &note);

		assert_status(status, length < start ? DHP_BAD_RECORD : DHP_OK);
		assert_non_null(note.text);
		if (status != DHP_OK)
			continue;
		assert_non_null(strstr(note.text, good[length - 1] == '\n' ? "no line for the end" : "is not complete"));
		play_to_the_end(replay);
		assert_ok(dhp_replay_close(replay));
	}
}

static void facts_without_their_look_are_left_out_S757(void **state)
{
	static const char cut[] = BEGIN "9 engine usable 4\n";
	const struct dhp_sim_options sim = { .size = sizeof(sim) };
	struct dhp_sim_options with = sim;
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &with };
	struct dhp_engine *engine;
	struct dhp_replay *replay;

	(void)state;
	assert_ok(try_text(cut, sizeof(cut) - 1, &replay, NULL));
	with.replay = replay;
	assert_ok(dhp_engine_create(&options, &engine));
	assert_status(dhp_replay_step(engine), DHP_AT_END);
	assert_int_equal(active_count(engine), 2);
	end_engine(engine);
	assert_ok(dhp_replay_close(replay));
}

static void a_failure_that_does_not_come_to_pass_is_forgotten_S757(void **state)
{
	static const char text[] = BEGIN "9 engine fault 4 reserve DHP_VETOED\n9 engine look poll 0\n"
					 "10 engine usable 4\n10 engine look poll 0\n11 engine end 0\n";
	const struct dhp_sim_options sim = { .size = sizeof(sim) };
	struct dhp_sim_options with = sim;
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &with };
	struct dhp_engine *engine;
	struct dhp_replay *replay;

	(void)state;
	assert_ok(try_text(text, sizeof(text) - 1, &replay, NULL));
	with.replay = replay;
	assert_ok(dhp_engine_create(&options, &engine));
	assert_ok(dhp_replay_run(engine, DHP_REPLAY_AT_ONCE));
	assert_int_equal(active_count(engine), 3);
	end_engine(engine);
	assert_ok(dhp_replay_close(replay));
}

/* ---- anything at all ---- */

static void whatever_is_opened_can_be_played(void **state)
{
	uint64_t dice = 20250101, opened = 0;

	(void)state;
	for (uint32_t times = 0; times < TIMES(20000); times++) {
		char text[sizeof(good)];
		struct dhp_replay *replay;
		struct dhp_replay_note note;
		enum dhp_status status;

		memcpy(text, good, sizeof(good));
		for (uint64_t changes = 1 + roll(&dice) % 3; changes > 0; changes--) {
			size_t at = (size_t)(roll(&dice) % (sizeof(good) - 1));

			text[at] = roll(&dice) % 2 == 0 ? good[roll(&dice) % (sizeof(good) - 1)] : (char)roll(&dice);
		}
		status = try_text(text, sizeof(good) - 1, &replay, &note);
		if (status == DHP_BAD_RECORD)
			assert_non_null(note.text);
		else
			assert_ok(status);
		if (status != DHP_OK)
			continue;
		if (opened++ % 16 == 0)
			play_to_the_end(replay);
		assert_ok(dhp_replay_close(replay));
	}
	assert_true(opened > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recording_by_hand_is_played_S757),
		cmocka_unit_test(a_replay_keeps_the_recorded_pace),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line_S757),
		cmocka_unit_test(a_zero_byte_is_no_text),
		cmocka_unit_test(every_beginning_is_refused_or_played_S757),
		cmocka_unit_test(facts_without_their_look_are_left_out_S757),
		cmocka_unit_test(a_failure_that_does_not_come_to_pass_is_forgotten_S757),
		cmocka_unit_test(whatever_is_opened_can_be_played),
	};

	return cmocka_run_group_tests_name("record_lines", tests, NULL, NULL);
}
