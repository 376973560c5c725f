/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay_keys.c - what each key of a recording does to the simulation. All of it is state: an act is only remembered here.
 *
 * The same functions check a recording when it is opened, on a simulation that nobody uses, and play it later. So what was
 * opened cannot fail, as long as each judges by what the lines before have said and by nothing else.
 */
#include "replay.h"

#define NODES_LIMIT 1024u /* as many as Linux knows */

static const char bad_number[] = "a number is missing, malformed or too large";
static const char no_such_cpu[] = "no line before has a processor with this cpu id";

/* A number; then the end, or a space and more. */
static bool next(struct dhpi_reader *value, uint64_t most, uint64_t *out_number)
{
	return dhpi_read_number(value, most, out_number) &&
	       (value->at == value->end || (dhpi_read_char(value, ' ') && value->at != value->end));
}

static bool next_small(struct dhpi_reader *value, uint32_t most, uint32_t *out_number)
{
	uint64_t number;

	if (!next(value, most, &number))
		return false;
	*out_number = (uint32_t)number;
	return true;
}

/* Or "-": the platform does not say. */
static bool next_known(struct dhpi_reader *value, uint32_t *out_number)
{
	if (!dhpi_read_char(value, '-'))
		return next_small(value, DHP_UNKNOWN - 1, out_number);
	*out_number = DHP_UNKNOWN;
	return value->at == value->end || (dhpi_read_char(value, ' ') && value->at != value->end);
}

static const char *next_unit(struct dhpi_sim *sim, struct dhpi_reader *value, struct dhpi_sim_unit **out_unit)
{
	uint32_t cpu;

	if (!next_small(value, DHP_CPU_LIMIT - 1, &cpu))
		return bad_number;
	*out_unit = dhpi_sim_unit(sim, cpu);
	return *out_unit != NULL ? NULL : no_such_cpu;
}

/* "4-7,9,0": each in turn. */
static const char *each(struct dhpi_sim *sim, struct dhpi_reader *value, uint32_t most,
			const char *(*visit)(struct dhpi_sim *sim, uint32_t number))
{
	do {
		uint64_t first, last;

		if (!dhpi_read_number(value, most, &first))
			return bad_number;
		last = first;
		if (dhpi_read_char(value, '-') && (!dhpi_read_number(value, most, &last) || last < first))
			return bad_number;
		for (uint64_t number = first; number <= last; number++) {
			const char *wrong = visit(sim, (uint32_t)number);

			if (wrong != NULL)
				return wrong;
		}
	} while (dhpi_read_char(value, ','));
	return NULL;
}

/* ---- the start ---- */

static const char *take_maximum(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	if (!next_small(value, DHP_PROCESSORS_LIMIT, &sim->maximum) || sim->maximum == 0)
		return bad_number;
	return NULL;
}

/* Ids and numbers ascend: then none is there twice. */
static bool may_follow(const struct dhpi_sim *sim, const struct dhpi_sim_unit *unit)
{
	const struct dhpi_sim_unit *last = sim->count != 0 ? &sim->units[sim->count - 1] : NULL;

	if (unit->number.number >= unit->group_size || unit->number.group > unit->cpu)
		return false;
	if (last == NULL)
		return true;
	if (unit->number.group == last->number.group &&
	    (unit->number.number <= last->number.number || unit->group_size != last->group_size))
		return false;
	return unit->cpu > last->cpu && unit->number.group >= last->number.group;
}

static const char *read_unit(struct dhpi_reader *value, struct dhpi_sim_unit *unit)
{
	uint32_t group, number;

	if (!next_small(value, DHP_CPU_LIMIT - 1, &unit->cpu) || !next_small(value, DHP_CPU_LIMIT - 1, &group) ||
	    !next_small(value, DHPI_GROUP_SIZE - 1, &number) || !next_small(value, DHPI_GROUP_SIZE, &unit->group_size) ||
	    !next_small(value, NODES_LIMIT - 1, &unit->node) || !next_known(value, &unit->package) ||
	    !next_known(value, &unit->core) || !next_known(value, &unit->thread))
		return bad_number;
	unit->number = (struct dhp_number){ .group = (uint16_t)group, .number = (uint8_t)number };
	return NULL;
}

static const char *add_unit(struct dhpi_sim *sim, const struct dhpi_sim_unit *unit)
{
	if (!may_follow(sim, unit))
		return "processors stand in the order of their cpu ids and numbers, each below its group's size, and a group has one";
	sim->units[sim->count++] = *unit;
	sim->groups = unit->number.group + 1u;
	return NULL;
}

/* Before the start's end there is one more; after it more is known of one that stands there. */
static const char *take_processor(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	struct dhpi_sim_unit unit = { .fault = DHP_OK }, *known;
	const char *wrong = read_unit(value, &unit);

	if (wrong != NULL)
		return wrong;
	if (unit.node >= sim->nodes)
		sim->nodes = unit.node + 1;
	if (!sim->begun)
		return add_unit(sim, &unit);
	known = dhpi_sim_unit(sim, unit.cpu);
	if (known == NULL || known->number.group != unit.number.group || known->number.number != unit.number.number)
		return "a processor keeps its cpu id and number, and none is added after the start";
	known->node = unit.node;
	known->package = unit.package;
	known->core = unit.core;
	known->thread = unit.thread;
	return NULL;
}

static const char *start_one(struct dhpi_sim *sim, uint32_t cpu)
{
	struct dhpi_sim_unit *unit = dhpi_sim_unit(sim, cpu);

	if (unit == NULL)
		return no_such_cpu;
	if (unit->plugged)
		return "a processor is active once";
	if (sim->start_count == sim->maximum)
		return "more processors are active than the maximum";
	unit->plugged = unit->unusable = true;
	sim->start[sim->start_count++] = cpu;
	return NULL;
}

static const char *take_active(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	return each(sim, value, DHP_CPU_LIMIT - 1, start_one);
}

static const char *take_begin(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	uint32_t version;

	for (uint32_t part = 0; part < 3; part++)
		if (!next_small(value, UINT16_MAX, &version))
			return bad_number;
	if (sim->start_count == 0)
		return "nobody is active at the start";
	sim->begun = true;
	return NULL;
}

/* ---- facts ---- */

static const char *one_usable(struct dhpi_sim *sim, uint32_t cpu)
{
	struct dhpi_sim_unit *unit = dhpi_sim_unit(sim, cpu);

	if (unit == NULL)
		return no_such_cpu;
	if (!sim->begun && !unit->plugged)
		return "whoever is usable at the start is active";
	unit->plugged = true;
	unit->unusable = false;
	return NULL;
}

static const char *take_usable(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	return each(sim, value, DHP_CPU_LIMIT - 1, one_usable);
}

static const char *one_unusable(struct dhpi_sim *sim, uint32_t cpu)
{
	struct dhpi_sim_unit *unit = dhpi_sim_unit(sim, cpu);

	if (unit == NULL)
		return no_such_cpu;
	unit->unusable = true;
	return NULL;
}

static const char *take_unusable(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	return each(sim, value, DHP_CPU_LIMIT - 1, one_unusable);
}

static const char *take_platform(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	if (!next_small(value, DHP_CPU_LIMIT, &sim->plugged_count) || !next_small(value, DHP_CPU_LIMIT, &sim->online_count) ||
	    !next_small(value, UINT32_MAX, &sim->quota))
		return bad_number;
	return NULL;
}

static const char *take_memory(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	uint64_t total, available;

	if (!next(value, DHP_SIM_MEMORY_LIMIT, &total) || total == 0 || !next(value, total, &available))
		return bad_number;
	sim->memory = (struct dhpi_memory){ .total_bytes = total, .available_bytes = available };
	return NULL;
}

static const char *take_thresholds(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	uint64_t low, high;

	if (!next(value, DHP_SIM_MEMORY_LIMIT, &low) || !next(value, DHP_SIM_MEMORY_LIMIT, &high) || high == 0 || low > high)
		return bad_number;
	sim->low_bytes = low;
	sim->high_bytes = high;
	return NULL;
}

static const char *one_module(struct dhpi_sim *sim, uint32_t id)
{
	return dhpi_sim_module_add(sim, id) ? NULL : "there are more memory modules than there can be";
}

static const char *take_module(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	return each(sim, value, DHPI_MODULES_LIMIT - 1, one_module);
}

static const char *take_scan(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	return dhpi_read_status(value, &sim->scan_status) ? NULL : "no status has this name";
}

/* Whoever vetoed has heard Start, as have all others: so has whoever hears that the bring-up failed. */
static bool read_step(struct dhpi_reader *value, enum dhp_step *out_step)
{
	static const struct {
		const char *name;
		enum dhp_step step;
	} steps[] = {
		{ "reserve", DHP_STEP_RESERVE },
		{ "prepare", DHP_STEP_PREPARE },
		{ "start", DHP_STEP_START },
		{ "veto", DHP_STEP_BRING_UP },
		{ "bring-up", DHP_STEP_BRING_UP },
	};
	struct dhpi_reader word;

	if (!dhpi_read_word(value, &word) || !dhpi_read_char(value, ' '))
		return false;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (dhpi_reads_as(&word, steps[i].name)) {
			*out_step = steps[i].step;
			return true;
		}
	return false;
}

static const char *take_fault(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	struct dhpi_sim_unit *unit;
	const char *wrong = next_unit(sim, value, &unit);
	enum dhp_status status;
	enum dhp_step step;

	if (wrong != NULL)
		return wrong;
	if (!read_step(value, &step))
		return "no step that can fail has this name";
	if (!dhpi_read_status(value, &status) || !dhp_failed(status))
		return "no failure has this name";
	unit->fault_at = step;
	unit->fault = status;
	return NULL;
}

/* ---- acts ---- */

static const char *take_look(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	struct dhpi_reader word;
	uint32_t cause = 0;

	if (!dhpi_read_word(value, &word) || !dhpi_read_char(value, ' '))
		return "a look has a cause and a number";
	while (cause < DHPI_CAUSES && !dhpi_reads_as(&word, dhpi_cause_names[cause]))
		cause++;
	if (cause == DHPI_CAUSES)
		return "no cause of a look has this name";
	if (!next(value, UINT64_MAX, &sim->act.idle_looks))
		return bad_number;
	sim->act.kind = DHPI_ACT_LOOK;
	sim->act.cause = (enum dhpi_cause)cause;
	return NULL;
}

static const char *take_call(struct dhpi_sim *sim, struct dhpi_reader *value, enum dhpi_act_kind kind)
{
	struct dhpi_sim_unit *unit;
	const char *wrong = next_unit(sim, value, &unit);

	if (wrong != NULL)
		return wrong;
	sim->act.kind = kind;
	sim->act.cpu = unit->cpu;
	return next(value, UINT64_MAX, &sim->act.idle_looks) ? NULL : bad_number;
}

static const char *take_add(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	return take_call(sim, value, DHPI_ACT_ADD);
}

static const char *take_away(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	return take_call(sim, value, DHPI_ACT_AWAY);
}

static const char *take_back(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	return take_call(sim, value, DHPI_ACT_BACK);
}

static const char *take_end(struct dhpi_sim *sim, struct dhpi_reader *value)
{
	uint64_t idle_looks;

	(void)sim;
	return next(value, UINT64_MAX, &idle_looks) ? NULL : bad_number;
}

/* ---- the table ---- */

bool dhpi_line_find(const struct dhpi_reader *key, struct dhpi_line *line)
{
	static const struct {
		const char *name;
		enum dhpi_line_kind kind;
		const char *(*take)(struct dhpi_sim *sim, struct dhpi_reader *value);
	} keys[] = {
		{ "maximum", DHPI_LINE_START, take_maximum },
		{ "active", DHPI_LINE_START, take_active },
		{ "thresholds", DHPI_LINE_START, take_thresholds },
		{ "begin", DHPI_LINE_BEGIN, take_begin },
		{ "processor", DHPI_LINE_FACT, take_processor },
		{ "usable", DHPI_LINE_FACT, take_usable },
		{ "unusable", DHPI_LINE_FACT, take_unusable },
		{ "platform", DHPI_LINE_FACT, take_platform },
		{ "memory", DHPI_LINE_FACT, take_memory },
		{ "module", DHPI_LINE_FACT, take_module },
		{ "scan", DHPI_LINE_NEWS, take_scan },
		{ "fault", DHPI_LINE_NEWS, take_fault },
		{ "look", DHPI_LINE_ACT, take_look },
		{ "add", DHPI_LINE_ACT, take_add },
		{ "away", DHPI_LINE_ACT, take_away },
		{ "back", DHPI_LINE_ACT, take_back },
		{ "end", DHPI_LINE_END, take_end },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (dhpi_reads_as(key, keys[i].name)) {
			line->kind = keys[i].kind;
			line->take = keys[i].take;
			return true;
		}
	return false;
}
