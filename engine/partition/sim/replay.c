/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c - plays a recording: the same facts, found by the same looks and calls, in the same order.
 *
 * Problem   what an engine did follows from what it was told and in which look; times and threads have no part in it, but
 *           for failed arrivals, which have another try after some looks, and for what failed outside.
 * Idea      a step is what stands up to the next act: so many looks that find nothing, then the facts, then the act. What
 *           failed then is made to fail again, at a step where the registrants hear the same.
 *
 * I1        the lines of a recording were all taken once when it was opened: nothing is wrong with them any more.
 * I2        `at` stands behind an act, or at the begin.
 * I3        indices follow from the order of arrival. At the start processors are added by ascending cpu id, so each first
 *           look shows as many as ascend in the recorded order; the last one shows who is usable.
 */
#include "replay.h"

/* The line at *at, which moves behind it: I1. */
static struct dhpi_line line_at(const struct dhp_replay *replay, size_t *at)
{
	struct dhpi_reader text = { .at = replay->text + *at, .end = replay->text + *at };
	struct dhpi_line line = { .take = NULL };

	while (*text.end != '\n')
		text.end++;
	*at = (size_t)(text.end + 1 - replay->text);
	(void)dhpi_line_parse(text, &line);
	return line;
}

/* Behind the first line. */
static size_t first_line_end(const struct dhp_replay *replay)
{
	size_t at = 0;

	while (replay->text[at] != '\n')
		at++;
	return at + 1;
}

void dhpi_replay_begin(struct dhpi_sim *sim, const struct dhp_replay *replay)
{
	sim->replay = replay;
	sim->at = first_line_end(replay);
	while (sim->at < replay->begin) {
		struct dhpi_line line = line_at(replay, &sim->at);

		(void)dhpi_line_take(sim, &line);
	}
}

/* I3 */
bool dhpi_replay_scan(struct dhpi_sim *sim, struct dhpi_scan *out_scan)
{
	if (sim->started == sim->start_count)
		return false;
	do
		sim->started++;
	while (sim->started < sim->start_count && sim->start[sim->started] > sim->start[sim->started - 1]);
	for (uint32_t at = 0; at < sim->started; at++)
		dhpi_cpus_add(&out_scan->usable, sim->start[at]);
	return true;
}

/* ---- a step ---- */

/* Takes nothing of the simulation but its `act`. */
static uint64_t find_act(struct dhpi_sim *sim)
{
	uint64_t time_ns = 0;
	bool first = true;

	for (size_t at = sim->at; at < sim->replay->end;) {
		struct dhpi_line line = line_at(sim->replay, &at);

		if (first && line.kind != DHPI_LINE_SAID) {
			time_ns = line.time_ns;
			first = false;
		}
		if (line.kind == DHPI_LINE_ACT) {
			(void)dhpi_line_take(sim, &line);
			break;
		}
	}
	return time_ns;
}

/* Tries of what has failed are so many looks apart at most: as many looks without a difference do what more of them do. */
static void look_in_vain(struct dhp_engine *engine, uint64_t count)
{
	if (count > UINT64_C(2) * DHPI_LOOKS_LIMIT)
		count = UINT64_C(2) * DHPI_LOOKS_LIMIT;
	for (; count > 0; count--)
		(void)dhpi_partition_rescan(engine->partition, false);
}

/* true: arrivals are to fail. */
static bool take_facts(struct dhpi_sim *sim)
{
	bool faults = false;

	for (;;) {
		struct dhpi_line line = line_at(sim->replay, &sim->at);

		if (line.kind == DHPI_LINE_ACT)
			return faults;
		(void)dhpi_line_take(sim, &line);
		faults = faults || line.kind == DHPI_LINE_NEWS;
	}
}

static void forget_faults(struct dhpi_sim *sim)
{
	for (uint32_t position = 0; position < sim->count; position++)
		sim->units[position].fault = DHP_OK;
}

static void act(struct dhp_engine *engine, struct dhpi_sim *sim)
{
	struct dhpi_sim_unit *unit = dhpi_sim_unit(sim, sim->act.cpu);

	switch (sim->act.kind) {
	case DHPI_ACT_LOOK:
		if (sim->act.cause != DHPI_BY_MEMORY) {
			(void)dhpi_partition_rescan(engine->partition, sim->act.cause == DHPI_BY_RESCAN);
			return;
		}
		(void)dhpi_partition_memory(engine->partition, true);
		dhpi_record_look(engine->partition, DHPI_BY_MEMORY);
		return;
	case DHPI_ACT_ADD:
		(void)dhpi_sim_plug(engine, sim, unit->cpu);
		return;
	case DHPI_ACT_AWAY:
	case DHPI_ACT_BACK:
		(void)dhpi_sim_set_usable(engine, unit, sim->act.kind == DHPI_ACT_BACK);
		return;
	}
}

/* Under serial. */
static enum dhp_status step(struct dhp_engine *engine, struct dhpi_sim *sim)
{
	bool faults;

	if (sim->at >= sim->replay->end)
		return DHP_AT_END;
	sim->act = (struct dhpi_act){ .idle_looks = 0 };
	(void)find_act(sim);
	look_in_vain(engine, sim->act.idle_looks);
	faults = take_facts(sim);
	act(engine, sim);
	if (faults) /* one that did not come to pass is not for later */
		forget_faults(sim);
	return DHP_OK;
}

/* ---- the public calls ---- */

/* On DHP_OK the simulation is stored and serial is held. */
static enum dhp_status enter(struct dhp_engine *engine, struct dhpi_sim **out_sim)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	*out_sim = dhpi_sim_of(engine);
	if (*out_sim == NULL || (*out_sim)->replay == NULL)
		return DHP_NOT_SUPPORTED;
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(&engine->partition->serial))
		return DHP_IN_CALLBACK;
	port_mutex_lock(&engine->partition->serial);
	return DHP_OK;
}

enum dhp_status dhp_replay_next(struct dhp_engine *engine, uint64_t *out_time_ns)
{
	struct dhpi_sim *sim;
	enum dhp_status status;

	if (engine != NULL && out_time_ns == NULL)
		return DHP_BAD_RESULT;
	status = enter(engine, &sim);
	if (dhp_failed(status))
		return status;
	if (sim->at < sim->replay->end)
		*out_time_ns = find_act(sim);
	else
		status = DHP_AT_END;
	port_mutex_unlock(&engine->partition->serial);
	return status;
}

enum dhp_status dhp_replay_step(struct dhp_engine *engine)
{
	struct dhpi_sim *sim;
	enum dhp_status status = enter(engine, &sim);

	if (dhp_failed(status))
		return status;
	status = step(engine, sim);
	port_mutex_unlock(&engine->partition->serial);
	return status;
}

static void sleep_until(uint64_t at_ns)
{
	uint64_t now = port_now_ns();

	if (now < at_ns)
		port_sleep_ns(at_ns - now);
}

/* Without the C library's 128 bits: a time that does not fit is never. */
static uint64_t scaled(uint64_t time_ns, uint32_t percent)
{
	uint64_t whole = time_ns / percent, part = time_ns % percent;

	return whole > UINT64_MAX / 100 - 1 ? UINT64_MAX / 2 : whole * 100 + part * 100 / percent;
}

enum dhp_status dhp_replay_run(struct dhp_engine *engine, uint32_t percent)
{
	uint64_t start_ns = port_now_ns(), time_ns;
	enum dhp_status status;

	while ((status = dhp_replay_next(engine, &time_ns)) == DHP_OK) {
		if (percent != DHP_REPLAY_AT_ONCE)
			sleep_until(start_ns + scaled(time_ns, percent));
		status = dhp_replay_step(engine);
		if (status != DHP_OK)
			break;
	}
	return status == DHP_AT_END ? DHP_OK : status;
}
