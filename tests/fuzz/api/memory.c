/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory: modules come, the total and what is free of it change, and the two conditions follow.
 */
#include "world.h"

#include <poll.h>

#define EVENTS 3u

static struct {
	struct dhp_memory_event *event;
	enum dhp_memory_condition condition;
} events[EVENTS];

/* Small and large, also what is refused. */
static uint64_t take_bytes(void)
{
	uint32_t number = take();

	return (uint64_t)(number & 31) << ((number >> 5) * 8 + take_below(8));
}

static void set(void)
{
	uint64_t total = take_bytes(), free = take_bytes();

	SAYS(dhp_sim_memory_set(world.engine, total, free), model_memory_set(&world.model, total, free));
}

static void add(void)
{
	uint64_t bytes = take_bytes();
	uint32_t node = take_below(4), modules = world.model.modules;

	SAYS(dhp_sim_memory_add(world.engine, bytes, node), model_memory_add(&world.model, bytes, node));
	if (world.model.modules > modules)
		notify_module_arrived();
}

static void fail(void)
{
	enum dhp_status status = take() & 1 ? DHP_INJECTED : DHP_OK;

	SAYS(dhp_sim_memory_fail(world.engine, status), DHP_OK);
	world.model.module_fault = status;
}

static bool is_held(enum dhp_memory_condition condition)
{
	return condition == DHP_MEMORY_LOW ? model_is_low(&world.model) : model_is_high(&world.model);
}

static enum dhp_status expected_open(uint32_t condition)
{
	if (condition > DHP_MEMORY_MAXIMUM_COMMIT)
		return DHP_BAD_CONDITION;
	return condition > DHP_MEMORY_HIGH ? DHP_NOT_SUPPORTED : DHP_OK;
}

static void open_event(void)
{
	uint32_t at = take_below(EVENTS), condition = take_below(11);
	const char *name = dhp_memory_condition_name((enum dhp_memory_condition)condition);

	MUST((name != NULL) == (condition <= DHP_MEMORY_MAXIMUM_COMMIT));
	if (events[at].event != NULL)
		return;
	SAYS(dhp_memory_event_open(world.engine, "Low", &events[at].event), DHP_BAD_NAME);
	if (name != NULL && take_below(2) != 0)
		SAYS(dhp_memory_event_open(world.engine, name, &events[at].event), expected_open(condition));
	else
		SAYS(dhp_memory_event_open_condition(world.engine, (enum dhp_memory_condition)condition, &events[at].event),
		     expected_open(condition));
	events[at].condition = (enum dhp_memory_condition)condition;
}

static void wait_for_event(void)
{
	uint32_t at = take_below(EVENTS);
	enum dhp_status expected = DHP_BAD_OBJECT;

	if (events[at].event != NULL)
		expected = is_held(events[at].condition) ? DHP_OK : DHP_TIMED_OUT;
	SAYS(dhp_memory_event_wait(events[at].event, take()), expected);
}

static void close_at(uint32_t at)
{
	SAYS(dhp_memory_event_close(events[at].event), DHP_OK);
	events[at].event = NULL;
}

static void close_event(void)
{
	close_at(take_below(EVENTS));
}

static void descriptor(void)
{
	uint32_t at = take_below(EVENTS);
	int file = -1;

	SAYS(dhp_memory_event_descriptor(events[at].event, &file), events[at].event != NULL ? DHP_OK : DHP_BAD_OBJECT);
	MUST((file >= 0) == (events[at].event != NULL));
	if (file >= 0)
		MUST((poll(&(struct pollfd){ .fd = file, .events = POLLIN }, 1, 0) == 1) == is_held(events[at].condition));
}

static void begin(void)
{
	memset(events, 0, sizeof(events));
}

static void check(void)
{
	struct dhp_memory_info info;

	SAYS(dhp_memory_read(world.engine, &info), DHP_OK);
	MUST(info.total_bytes == world.model.total_bytes && info.available_bytes == world.model.free_bytes);
	MUST(info.low_bytes == world.model.low_bytes && info.high_bytes == world.model.high_bytes);
	MUST(info.modules_count == world.model.modules);
	MUST(info.low == is_held(DHP_MEMORY_LOW) && info.high == is_held(DHP_MEMORY_HIGH));
	for (uint32_t i = 0; i < EVENTS; i++) {
		bool signalled = false;

		SAYS(dhp_memory_event_query(events[i].event, &signalled), events[i].event != NULL ? DHP_OK : DHP_BAD_OBJECT);
		MUST(signalled == (events[i].event != NULL && is_held(events[i].condition)));
	}
}

static bool holds_engine(void)
{
	return events[0].event != NULL || events[1].event != NULL || events[2].event != NULL;
}

static void end(void)
{
	for (uint32_t at = 0; at < EVENTS; at++)
		close_at(at);
}

static const struct operation operations[] = {
	{ "memory set", set, false }, { "memory set", set, false }, { "memory add", add, false }, { "memory fail", fail, false },
	{ "event open", open_event, false }, { "event wait", wait_for_event, false }, { "event close", close_event, false },
	{ "event descriptor", descriptor, false },
};

const struct part memory_part = { operations, COUNT(operations), begin, check, holds_engine, end };
