/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processors: they arrive or fail to, go offline and come back; counts, masks and mappings follow.
 */
#include "world.h"

static struct dhp_pin pin;
static uint32_t kept_index; /* where the calling thread is kept; DHP_NO_INDEX: nowhere */

uint32_t cpu_of(uint32_t position)
{
	return dhp_sim_cpu(world.engine, position);
}

void arrive(uint32_t position)
{
	uint32_t index = world.model.active;
	enum dhp_status expected = model_arrival(&world.model, position, arrays_would_say(index), registrants_would_say(index));

	SAYS(dhp_sim_add(world.engine, cpu_of(position)), expected);
	if (expected == DHP_OK) {
		notify_arrived();
		work_newcomer();
	}
}

static void add(void)
{
	arrive(take_below(POSITIONS));
}

static const enum dhp_status some_statuses[] = { DHP_INJECTED, DHP_OK, DHP_NO_MEMORY, DHP_TIMED_OUT, DHP_VETOED,
	(enum dhp_status)-77 };

static void fail(void)
{
	uint32_t position = take_below(POSITIONS), step = take_below(5);
	enum dhp_status status = some_statuses[take_below(COUNT(some_statuses))];

	if (position >= world.model.maximum || step > DHP_STEP_BRING_UP) {
		SAYS(dhp_sim_fail(world.engine, cpu_of(position), (enum dhp_step)step, status),
		     position >= world.model.maximum ? DHP_BAD_CPU : DHP_BAD_STEP);
		return;
	}
	SAYS(dhp_sim_fail(world.engine, cpu_of(position), (enum dhp_step)step, status), DHP_OK);
	world.model.fault[position].step = (enum dhp_step)step;
	world.model.fault[position].status = status;
}

static void set_usable(void)
{
	uint32_t position = take_below(POSITIONS);
	bool usable = take_below(2) != 0;

	SAYS(dhp_sim_set_usable(world.engine, cpu_of(position), usable), model_set_usable(&world.model, position, usable));
	work_newcomer(); /* what waits may move */
}

/* A script of its own making: the same attempts, one after another, in the model. */
static void play(void)
{
	struct dhp_sim_event events[2 * MODEL_PROCESSORS];
	uint32_t absent = world.model.maximum - world.model.active, count = 0, added = 0, expected = 0;
	uint32_t fail_one_in = take_below(4);
	enum dhp_status status = dhp_sim_script(world.engine, 0, fail_one_in, events, COUNT(events), &count);

	SAYS(status, DHP_OK);
	MUST(count >= absent && count <= 2 * absent);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = world.model.active, position = events[i].position;

		MUST(position < world.model.maximum && events[i].delay_us == 0);
		if (events[i].fails) {
			world.model.fault[position].step = events[i].failing_step;
			world.model.fault[position].status = DHP_INJECTED;
		}
		if (model_arrival(&world.model, position, arrays_would_say(index), registrants_would_say(index)) == DHP_OK) {
			expected++;
			notify_arrived();
		}
	}
	SAYS(dhp_sim_play(world.engine, events, count, &added), DHP_OK);
	MUST(added == expected);
	work_newcomer();
}

static void bad_scripts(void)
{
	struct dhp_sim_event event = { .position = world.model.maximum };
	uint32_t count = 0;

	SAYS(dhp_sim_play(world.engine, &event, 1, NULL), DHP_BAD_OPTIONS);
	SAYS(dhp_sim_play(world.engine, NULL, 1, NULL), DHP_BAD_OPTIONS);
	SAYS(dhp_sim_play(world.engine, NULL, 0, NULL), DHP_OK);
	SAYS(dhp_sim_script(world.engine, 0, 0, &event, 1, NULL), DHP_BAD_RESULT);
	SAYS(dhp_sim_script(world.engine, 0, 0, NULL, 0, &count),
	     world.model.active < world.model.maximum ? DHP_TOO_SMALL : DHP_OK);
	MUST(count == world.model.maximum - world.model.active);
}

static void rescan(void)
{
	SAYS(dhp_engine_rescan(world.engine), DHP_OK);
	world.generation = 0; /* how many are online may be known only now */
}

static void enter(void)
{
	uint32_t position = take_below(POSITIONS);

	if (kept_index != DHP_NO_INDEX)
		return;
	SAYS(dhp_sim_enter(world.engine, cpu_of(position)), position < world.model.maximum ? DHP_OK : DHP_BAD_CPU);
	if (position < world.model.maximum && model_index(&world.model, position) != DHP_NO_INDEX)
		MUST(dhp_index_here(world.engine) == model_index(&world.model, position));
}

static void leave(void)
{
	if (kept_index != DHP_NO_INDEX)
		return;
	dhp_sim_exit();
	MUST(dhp_index_here(world.engine) == 0);
}

uint64_t mask_of_group(uint32_t group, bool usable)
{
	uint64_t mask = 0;

	for (uint32_t index = 0; index < world.model.active; index++) {
		struct dhp_processor row;

		SAYS(dhp_processor_at(world.engine, index, &row), DHP_OK);
		if (row.number.group == group && !(usable && world.model.away[world.model.position_of[index]]))
			mask |= UINT64_C(1) << row.number.number;
	}
	return mask;
}

/* ---- the calling thread kept on one ---- */

static void drop(void)
{
	SAYS(dhp_pin_drop(world.engine, &pin), kept_index != DHP_NO_INDEX ? DHP_OK : DHP_BAD_OBJECT);
	kept_index = DHP_NO_INDEX;
}

static void keep(void)
{
	uint32_t index = take_below(POSITIONS);
	enum dhp_status expected = DHP_OK;

	if (kept_index != DHP_NO_INDEX)
		drop();
	if (index >= world.model.active)
		expected = DHP_BAD_INDEX;
	else if (world.model.away[world.model.position_of[index]])
		expected = DHP_NO_AFFINITY;
	SAYS(dhp_pin_keep(world.engine, &pin, index), expected);
	if (expected != DHP_OK)
		return;
	kept_index = index;
	MUST(dhp_index_here(world.engine) == index);
}

static void ask_kept(void)
{
	struct dhp_pin_state state;

	SAYS(dhp_pin_read(world.engine, &pin, &state), kept_index != DHP_NO_INDEX ? DHP_OK : DHP_BAD_OBJECT);
	if (kept_index == DHP_NO_INDEX)
		return;
	MUST(state.index == kept_index && (state.status == DHP_OK || state.status == DHP_NO_AFFINITY));
}

/* ---- what there is ---- */

static void check_rows(void)
{
	for (uint32_t index = 0; index <= world.model.active; index++) {
		struct dhp_processor row = { .index = DHP_NO_INDEX };
		uint32_t found = DHP_NO_INDEX;

		if (index == world.model.active) {
			SAYS(dhp_processor_at(world.engine, index, &row), DHP_BAD_INDEX);
			break;
		}
		SAYS(dhp_processor_at(world.engine, index, &row), DHP_OK);
		MUST(row.index == index && row.cpu == cpu_of(world.model.position_of[index]));
		MUST(dhp_sim_position(world.engine, row.number) == world.model.position_of[index]);
		SAYS(dhp_index_of_cpu(world.engine, row.cpu, &found), DHP_OK);
		MUST(found == index);
		SAYS(dhp_index_of_number(world.engine, row.number, &found), DHP_OK);
		MUST(found == index);
		row.number.reserved = 1;
		SAYS(dhp_index_of_number(world.engine, row.number, &found), DHP_BAD_NUMBER);
	}
}

static void check_masks(const struct dhp_snapshot *snapshot)
{
	uint32_t groups_active = 0;

	for (uint32_t group = 0; group < world.model.groups; group++) {
		MUST(snapshot->active_masks[group] == mask_of_group(group, false));
		MUST(snapshot->usable_masks[group] == mask_of_group(group, true));
		MUST(dhp_active_mask(world.engine, group) == mask_of_group(group, false));
		groups_active += mask_of_group(group, false) != 0;
		MUST(dhp_active_count(world.engine, group, NULL) == (uint32_t)__builtin_popcountll(mask_of_group(group, false)));
	}
	MUST(snapshot->counts.groups_active == groups_active);
	MUST(dhp_active_mask(world.engine, world.model.groups) == 0 && dhp_active_mask(world.engine, DHP_ALL_GROUPS) == 0);
	MUST(dhp_active_count(world.engine, DHP_ALL_GROUPS, NULL) == world.model.active);
}

static void check(void)
{
	uint64_t active_masks[MODEL_PROCESSORS], usable_masks[MODEL_PROCESSORS];
	struct dhp_snapshot snapshot = { .masks_capacity = MODEL_PROCESSORS, .active_masks = active_masks,
		.usable_masks = usable_masks };
	const struct dhp_counts *counts = &snapshot.counts;

	SAYS(dhp_snapshot_take(world.engine, &snapshot), DHP_OK);
	MUST(counts->maximum == world.model.maximum && counts->active == world.model.active);
	MUST(counts->usable == world.model.usable && counts->present == world.model.active);
	MUST(counts->groups_maximum <= MODEL_PROCESSORS);
	world.model.groups = counts->groups_maximum;
	/* Nothing changed, and an attempt that failed was one (S-175): the same generation. */
	MUST(world.generation == 0 || (counts->generation > world.generation) == (world.model.changes > world.changes));
	if (counts->generation == world.generation)
		return;
	world.generation = counts->generation;
	world.changes = world.model.changes;
	check_rows();
	check_masks(&snapshot);
}

static bool holds_engine(void)
{
	return false;
}

static void begin(void)
{
	memset(&pin, 0, sizeof(pin));
	kept_index = DHP_NO_INDEX;
	queries_begin();
	check();
}

static void end(void)
{
	if (kept_index != DHP_NO_INDEX)
		drop();
	dhp_sim_exit();
}

static const struct operation operations[] = {
	{ "add", add, false }, { "add", add, false }, { "add", add, false }, { "fail", fail, false },
	{ "set usable", set_usable, true }, { "play", play, false }, { "bad scripts", bad_scripts, false },
	{ "rescan", rescan, false }, { "enter", enter, false }, { "leave", leave, false }, { "confine", affinity_confine, false },
	{ "keep", keep, false }, { "drop", drop, false }, { "ask kept", ask_kept, false },
	{ "confine by mask", affinity_confine_by_mask, false }, { "confine to groups", affinity_confine_to_groups, false },
	{ "ask nodes", queries_nodes, false }, { "ask maxima", queries_maxima, false }, { "ask stats", queries_stats, false },
	{ "ask sources", queries_sources, false },
};

const struct part processors_part = { operations, COUNT(operations), begin, check, holds_engine, end };
