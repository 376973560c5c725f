/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_api.c - the public calls by which a simulated processor arrives.
 */
#include "sim.h"

uint32_t dhp_sim_cpu(struct dhp_engine *engine, uint32_t position)
{
	const struct dhpi_sim *sim = engine != NULL ? dhpi_sim_of(engine) : NULL;

	return sim != NULL && position < sim->count ? sim->units[position].cpu : DHP_NO_CPU;
}

uint32_t dhp_sim_position(struct dhp_engine *engine, struct dhp_number number)
{
	const struct dhpi_sim *sim = engine != NULL ? dhpi_sim_of(engine) : NULL;

	for (uint32_t position = 0; sim != NULL && position < sim->count; position++) {
		const struct dhp_number *at = &sim->units[position].number;

		if (at->group == number.group && at->number == number.number && number.reserved == 0)
			return position;
	}
	return DHP_NO_INDEX;
}

/* Argument checks that all calls share. On DHP_OK the simulator is stored. */
static enum dhp_status find_sim(struct dhp_engine *engine, struct dhpi_sim **out_sim)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	*out_sim = dhpi_sim_of(engine);
	return *out_sim != NULL ? DHP_OK : DHP_NOT_SUPPORTED;
}

static enum dhp_status enter_serial(struct dhp_engine *engine)
{
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(&engine->partition->serial))
		return DHP_IN_CALLBACK;
	port_mutex_lock(&engine->partition->serial);
	return DHP_OK;
}

/* Under serial. The platform has the processor only if it arrives: a failed add leaves nothing behind. */
enum dhp_status dhpi_sim_plug(struct dhp_engine *engine, struct dhpi_sim *sim, uint32_t cpu)
{
	struct dhpi_sim_unit *unit = dhpi_sim_unit(sim, cpu);
	enum dhp_status status = dhpi_partition_add(engine->partition, cpu);

	if (!dhp_failed(status) && !unit->plugged) {
		unit->plugged = true;
		sim->plugged_count++;
		sim->online_count++;
		dhpi_set_platform(engine->set, sim->plugged_count, sim->online_count, sim->quota);
		dhpi_change_post(engine->notify); /* where others are away the count online grows only now */
	}
	dhpi_record_add(engine->partition, cpu, !dhp_failed(status));
	return status;
}

enum dhp_status dhp_sim_add(struct dhp_engine *engine, uint32_t cpu)
{
	struct dhpi_sim *sim;
	enum dhp_status status = find_sim(engine, &sim);

	if (dhp_failed(status))
		return status;
	status = enter_serial(engine);
	if (dhp_failed(status))
		return status;
	status = dhpi_sim_plug(engine, sim, cpu);
	port_mutex_unlock(&engine->partition->serial);
	return status;
}

static void set_fault(struct dhpi_sim_unit *unit, enum dhp_step step, enum dhp_status status)
{
	unit->fault_at = step;
	unit->fault = status;
}

enum dhp_status dhp_sim_fail(struct dhp_engine *engine, uint32_t cpu, enum dhp_step step, enum dhp_status fault)
{
	struct dhpi_sim *sim;
	struct dhpi_sim_unit *unit;
	enum dhp_status status = find_sim(engine, &sim);

	if (dhp_failed(status))
		return status;
	unit = dhpi_sim_unit(sim, cpu);
	if (unit == NULL)
		return DHP_BAD_CPU;
	if ((uint32_t)step > DHP_STEP_BRING_UP)
		return DHP_BAD_STEP;
	status = enter_serial(engine);
	if (dhp_failed(status))
		return status;
	set_fault(unit, step, fault);
	port_mutex_unlock(&engine->partition->serial);
	return DHP_OK;
}

/* Serial is taken by callbacks of the channel, so that nobody may wait for the channel under it. */
enum dhp_status dhp_sim_arrivals_hold(struct dhp_engine *engine, bool hold)
{
	struct dhpi_sim *sim;
	enum dhp_status status = find_sim(engine, &sim);

	if (dhp_failed(status))
		return status;
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(&engine->partition->serial))
		return DHP_IN_CALLBACK;
	dhpi_arrival_hold(engine->notify, hold);
	return DHP_OK;
}

/* ---- processors that go away, and come back ---- */

/* Under serial. Somebody must remain. */
enum dhp_status dhpi_sim_set_usable(struct dhp_engine *engine, struct dhpi_sim_unit *unit, bool usable)
{
	uint32_t index = dhpi_set_index_of_cpu(engine->set, unit->cpu);
	struct dhp_counts counts;

	if (!unit->plugged || index == DHP_NO_INDEX)
		return DHP_BAD_CPU;
	dhpi_set_counts(engine->set, &counts);
	if (!usable && !unit->unusable && counts.usable == 1)
		return DHP_IN_USE;
	unit->unusable = !usable;
	dhpi_partition_usable(engine->partition, index, usable);
	dhpi_change_post(engine->notify);
	dhpi_record_usable(engine->partition, unit->cpu, usable);
	return DHP_OK;
}

enum dhp_status dhp_sim_set_usable(struct dhp_engine *engine, uint32_t cpu, bool usable)
{
	struct dhpi_sim *sim;
	struct dhpi_sim_unit *unit;
	enum dhp_status status = find_sim(engine, &sim);

	if (dhp_failed(status))
		return status;
	unit = dhpi_sim_unit(sim, cpu);
	if (unit == NULL)
		return DHP_BAD_CPU;
	status = enter_serial(engine);
	if (dhp_failed(status))
		return status;
	status = dhpi_sim_set_usable(engine, unit, usable);
	port_mutex_unlock(&engine->partition->serial);
	return status;
}

/* ---- scripts ---- */

static uint32_t list_absent(const struct dhpi_sim *sim, struct dhp_sim_event *events, uint32_t capacity)
{
	uint32_t count = 0;

	for (uint32_t position = 0; position < sim->count; position++) {
		if (sim->units[position].plugged)
			continue;
		if (count < capacity)
			events[count] = (struct dhp_sim_event){ .position = position };
		count++;
	}
	return count;
}

static void shuffle(struct dhpi_sim *sim, struct dhp_sim_event *events, uint32_t count)
{
	for (uint32_t i = count; i > 1; i--) {
		uint32_t other = (uint32_t)(dhpi_random(&sim->random) % i);
		struct dhp_sim_event swap = events[other];

		events[other] = events[i - 1];
		events[i - 1] = swap;
	}
}

/* Attempts that fail are put in front of the one that succeeds. Written from the end, so that it happens in place. */
DHPI_WRAPS("a count that runs down goes past zero once")
static void insert_failures(struct dhpi_sim *sim, struct dhp_sim_event *events, uint32_t count, uint32_t failures)
{
	uint32_t to = count + failures;

	for (uint32_t from = count; from-- > 0;) {
		struct dhp_sim_event event = events[from];

		events[--to] = event;
		if (failures > 0 && event.fails) {
			events[to].fails = false;
			events[--to] = event;
			events[to].failing_step = (enum dhp_step)(dhpi_random(&sim->random) % (DHP_STEP_BRING_UP + 1));
			failures--;
		}
	}
}

static uint32_t choose_failures(struct dhpi_sim *sim, struct dhp_sim_event *events, uint32_t count, uint32_t limit,
				uint32_t fail_one_in)
{
	uint32_t failures = 0;

	for (uint32_t i = 0; fail_one_in != 0 && i < count && failures < limit; i++) {
		events[i].fails = dhpi_random(&sim->random) % fail_one_in == 0;
		failures += events[i].fails;
	}
	return failures;
}

static enum dhp_status make_script(struct dhpi_sim *sim, uint32_t delay_limit_us, uint32_t fail_one_in,
				   struct dhp_sim_event *events, uint32_t capacity, uint32_t *out_count)
{
	uint32_t absent = list_absent(sim, events, capacity);
	uint32_t failures;

	/* Room for a failing attempt before each one that succeeds. */
	*out_count = fail_one_in != 0 ? 2 * absent : absent;
	if (*out_count > capacity)
		return DHP_TOO_SMALL;
	shuffle(sim, events, absent);
	failures = choose_failures(sim, events, absent, capacity - absent, fail_one_in);
	insert_failures(sim, events, absent, failures);
	*out_count = absent + failures;
	for (uint32_t i = 0; i < *out_count; i++) /* NOLINTNEXTLINE(*-core.NullDereference): NULL has no capacity, see above */
		events[i].delay_us = (uint32_t)(dhpi_random(&sim->random) % ((uint64_t)delay_limit_us + 1));
	return DHP_OK;
}

enum dhp_status dhp_sim_script(struct dhp_engine *engine, uint32_t delay_limit_us, uint32_t fail_one_in,
			       struct dhp_sim_event *events, uint32_t capacity, uint32_t *out_count)
{
	struct dhpi_sim *sim;
	enum dhp_status status = find_sim(engine, &sim);

	if (dhp_failed(status))
		return status;
	if (out_count == NULL || (events == NULL && capacity != 0))
		return DHP_BAD_RESULT;
	status = enter_serial(engine);
	if (dhp_failed(status))
		return status;
	status = make_script(sim, delay_limit_us, fail_one_in, events, capacity, out_count);
	port_mutex_unlock(&engine->partition->serial);
	return status;
}

static bool play_one(struct dhp_engine *engine, struct dhpi_sim *sim, const struct dhp_sim_event *event)
{
	struct dhpi_sim_unit *unit = &sim->units[event->position];
	enum dhp_status status;

	port_sleep_ns((uint64_t)event->delay_us * 1000);
	port_mutex_lock(&engine->partition->serial);
	if (event->fails)
		set_fault(unit, event->failing_step, DHP_INJECTED);
	status = dhpi_sim_plug(engine, sim, unit->cpu);
	port_mutex_unlock(&engine->partition->serial);
	return !dhp_failed(status);
}

static enum dhp_status check_script(const struct dhpi_sim *sim, const struct dhp_sim_event *events, uint32_t count)
{
	if (events == NULL && count != 0)
		return DHP_BAD_OPTIONS;
	for (uint32_t i = 0; i < count; i++)
		if (events[i].position >= sim->count || (uint32_t)events[i].failing_step > DHP_STEP_BRING_UP)
			return DHP_BAD_OPTIONS;
	return DHP_OK;
}

enum dhp_status dhp_sim_play(struct dhp_engine *engine, const struct dhp_sim_event *events, uint32_t count,
			     uint32_t *out_added)
{
	struct dhpi_sim *sim;
	enum dhp_status status = find_sim(engine, &sim);
	uint32_t added = 0;

	if (dhp_failed(status))
		return status;
	status = check_script(sim, events, count);
	if (dhp_failed(status))
		return status;
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(&engine->partition->serial))
		return DHP_IN_CALLBACK;
	for (uint32_t i = 0; i < count; i++)
		added += play_one(engine, sim, &events[i]);
	if (out_added != NULL)
		*out_added = added;
	return DHP_OK;
}

/* ---- standing on a simulated processor ---- */

enum dhp_status dhp_sim_enter(struct dhp_engine *engine, uint32_t cpu)
{
	struct dhpi_sim *sim;
	enum dhp_status status = find_sim(engine, &sim);

	if (dhp_failed(status))
		return status;
	DHPI_REQUIRE_PASSIVE();
	if (dhpi_sim_unit(sim, cpu) == NULL)
		return DHP_BAD_CPU;
	port_cpu_pretend((int32_t)cpu);
	return DHP_OK;
}

void dhp_sim_exit(void)
{
	DHPI_CHECK(2, !dhpi_in_routine(), "S-041: a call for passive level, from a DPC");
	port_cpu_pretend(-1);
}
