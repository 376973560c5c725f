/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording: refused with the line that is wrong, or played to its end. Two plays tell one story; what is recorded of a play
 * is whole, tells the same story, and is its own recording.
 */
#include "fuzz.h"

#include <dhp.h>

/* Of a check, apart from the text. */
#define CHECK_BYTES_LIMIT ((uint64_t)64 << 20)

/* Each takes system calls; more of them are played once only. */
#define MODULES_LIMIT 4096u

struct story {
	uint64_t hash;
	uint32_t events;
	uint32_t modules;
};

struct tape {
	char *text;
	size_t length;
};

/* ---- what is heard ---- */

static void note(struct story *story, uint64_t what)
{
	for (uint32_t i = 0; i < 8; i++)
		story->hash = (story->hash ^ (what >> 8 * i & 255)) * 0x100000001b3;
	story->events++;
}

static void on_step(void *context, const struct dhp_trace_event *event)
{
	note(context, (uint64_t)event->kind << 32 | event->cpu);
	note(context, (uint64_t)(uint32_t)event->status << 32 | ((uint64_t)(uint8_t)event->step[0] << 8 | (uint8_t)event->step[2]));
}

static void on_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)status;
	note(context, (uint64_t)change->state << 32 | change->cpu);
	note(context, (uint64_t)(uint32_t)change->status << 32 | change->index);
}

static struct dhp_counts check_state(struct dhp_engine *engine)
{
	struct dhp_counts counts;

	MUST(dhp_counts_read(engine, &counts) == DHP_OK);
	MUST(counts.usable <= counts.active && counts.active >= 1 && counts.active <= counts.maximum);
	return counts;
}

static void note_state(struct story *story, struct dhp_engine *engine)
{
	const struct dhp_counts counts = check_state(engine);
	struct dhp_memory_info memory;

	note(story, (uint64_t)counts.active << 32 | counts.usable);
	if (dhp_memory_read(engine, &memory) != DHP_OK)
		return;
	/* What is available moves by less than a recording says. */
	note(story, memory.total_bytes ^ (uint64_t)memory.low << 63 ^ (uint64_t)memory.high << 62);
	story->modules = memory.modules_count;
}

static bool on_line(void *context, const char *line, size_t length)
{
	struct tape *tape = context;

	tape->text = realloc(tape->text, tape->length + length);
	MUST(tape->text != NULL && length > 0 && line[length - 1] == '\n');
	memcpy(tape->text + tape->length, line, length);
	tape->length += length;
	return true;
}

/* ---- one play ---- */

static void play(const struct dhp_replay *replay, struct story *story, struct tape *tape)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .replay = replay };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim, .trace = on_step,
		.trace_context = story, .flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = NULL;
	struct dhp_notify *registration = NULL;
	struct dhp_record *record = NULL;
	enum dhp_status status;
	uint64_t due_ns = 0, next_ns;

	*story = (struct story){ .hash = 0xcbf29ce484222325 };
	MUST(dhp_engine_create(&options, &engine) == DHP_OK);
	MUST(dhp_notify_register(engine, on_change, story, DHP_NOTIFY_EXISTING, &registration) == DHP_OK);
	MUST(dhp_record_begin(engine, on_line, tape, &record) == DHP_OK);
	while ((status = dhp_replay_next(engine, &next_ns)) == DHP_OK) {
		MUST(next_ns >= due_ns && dhp_replay_step(engine) == DHP_OK);
		due_ns = next_ns;
		check_state(engine);
	}
	MUST(status == DHP_AT_END && dhp_replay_step(engine) == DHP_AT_END);
	MUST(dhp_replay_run(engine, DHP_REPLAY_AT_ONCE) == DHP_OK); /* nothing is left */
	note_state(story, engine);
	MUST(dhp_record_end(record) == DHP_OK);
	MUST(dhp_notify_unregister(registration) == DHP_OK);
	MUST(dhp_engine_destroy(engine) == DHP_OK);
}

static bool same(const struct story *a, const struct story *b)
{
	return a->hash == b->hash && a->events == b->events;
}

/* What was recorded of a play of that story. */
static void check_tape(const struct tape *tape, const struct story *story)
{
	struct tape again = { NULL, 0 };
	struct dhp_replay *replay = NULL;
	struct dhp_replay_note remark;
	struct story of_tape;

	MUST(dhp_replay_open(tape->text, tape->length, &replay, &remark) == DHP_OK && remark.text == NULL);
	play(replay, &of_tape, &again);
	MUST(same(story, &of_tape));
	MUST(dhp_replay_close(replay) == DHP_OK);
	free(again.text);
}

static void check_plays(const struct dhp_replay *replay)
{
	struct tape first = { NULL, 0 }, second = { NULL, 0 };
	struct story story, again;

	play(replay, &story, &first);
	if (story.modules <= MODULES_LIMIT) {
		play(replay, &again, &second);
		MUST(same(&story, &again));
		check_tape(&first, &story);
	}
	free(first.text);
	free(second.text);
}

/* ---- any text ---- */

static uint32_t lines_of(const uint8_t *data, size_t size)
{
	uint32_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t before = fuzz_allocated();
	struct dhp_replay *replay = NULL;
	struct dhp_replay_note remark = { .line = UINT32_MAX };
	enum dhp_status status = dhp_replay_open((const char *)data, size, &replay, &remark);

	MUST(fuzz_allocated() - before <= CHECK_BYTES_LIMIT + size);
	MUST(remark.line <= lines_of(data, size));
	MUST(status == DHP_OK || (status == DHP_BAD_RECORD && remark.text != NULL && replay == NULL));
	if (status == DHP_OK)
		check_plays(replay);
	MUST(dhp_replay_close(replay) == DHP_OK);
	return 0;
}
