/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * records.c - a recording of what happens meanwhile. Whatever it has caught, it opens, and an engine that plays it ends with as
 * many processors as there were between the moments before and after its end. Now and then its file is full.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define TAPE_BYTES ((size_t)1 << 20)

struct tape {
	char *text;
	size_t length;
	size_t room;
};

static bool write_line(void *context, const char *line, size_t length)
{
	struct tape *tape = context;

	if (length > tape->room - tape->length)
		return false;
	memcpy(tape->text + tape->length, line, length);
	tape->length += length;
	return true;
}

static uint32_t active(struct dhp_engine *engine)
{
	struct dhp_counts counts = {.active = 0};

	(void)dhp_counts_read(engine, &counts);
	return counts.active;
}

/* full: it ends somewhere on the way. */
static void play(struct world *world, const struct tape *tape, uint32_t least, uint32_t most, bool full)
{
	struct dhp_sim_options sim = {.size = sizeof(sim)};
	struct dhp_engine_options options = {.size = sizeof(options), .sim = &sim};
	struct dhp_replay_note note = {.line = 0};
	struct dhp_replay *replay;
	struct dhp_engine *engine;
	uint64_t next;
	enum dhp_status status = dhp_replay_open(tape->text, tape->length, &replay, &note);

	if (is_excused(world, status) ||
	    !tally_check(world->tally, RULE_RECORD, status == DHP_OK, note.line, (uint64_t)(int64_t)status))
		return;
	sim.replay = replay;
	if (went_well(world, dhp_engine_create(&options, &engine))) {
		went_well(world, dhp_replay_run(engine, DHP_REPLAY_AT_ONCE));
		tally_equal(world->tally, RULE_RECORD, (uint64_t)(int64_t)dhp_replay_next(engine, &next), DHP_AT_END);
		if (!full && !refusals_happen())
			tally_check(world->tally, RULE_RECORD, active(engine) >= least && active(engine) <= most,
				    active(engine), most);
		went_well(world, dhp_engine_destroy(engine));
		deed(world, DEED_RECORDED);
	}
	went_well(world, dhp_replay_close(replay));
}

static void record(struct world *world, struct dice *dice)
{
	struct tape tape = {.text = take(TAPE_BYTES)};

	while (!stopping(world)) {
		struct dhp_record *record;
		uint32_t least;
		enum dhp_status status;

		tape.length = 0;
		tape.room = dice_one_in(dice, 4) ? dice_below(dice, 20000) : TAPE_BYTES;
		status = dhp_record_begin(world->engine, write_line, &tape, &record);
		if (status == DHP_OK) {
			sleep_us(dice_below(dice, 30000));
			least = active(world->engine);
			status = dhp_record_end(record);
			if (status == DHP_OK || status == DHP_CANNOT_WRITE)
				play(world, &tape, least, active(world->engine), status != DHP_OK);
		}
		if (status != DHP_IN_USE && status != DHP_CANNOT_WRITE)
			went_well(world, status);
		sleep_us(dice_below(dice, 30000));
	}
	free(tape.text);
}

const struct part part_records = {.name = "records", .group = GROUP_NOTIFICATION, .acts = {record}};
