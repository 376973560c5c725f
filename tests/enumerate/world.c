/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.c - a simulated engine in which everything is that hears of an arrival: what may be refused there is refused by
 * the callbacks too.
 */
#include "points.h"

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *veto)
{
	struct stage *stage = context;
	enum dhp_status status = DHP_OK;

	if (change->state == DHP_CHANGE_START)
		status = callback_status();
	if (dhp_failed(status))
		*veto = status;
	if (!dhp_failed(status) || !stage->vetoer_untold)
		(void)bump(change->state == DHP_CHANGE_START ? &stage->starts : &stage->seconds);
}

static void hear_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)arrival;
	(void)bump(&((struct stage *)context)->arrivals);
}

static void hear_change(void *context, uint64_t generation)
{
	(void)generation;
	(void)bump(&((struct stage *)context)->changes);
}

static enum dhp_status construct(void *slot, const struct dhp_processor *processor, void *context)
{
	enum dhp_status status = callback_status();

	(void)slot;
	(void)processor;
	if (!dhp_failed(status))
		((struct stage *)context)->slots++;
	return status;
}

static void destruct(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)slot;
	(void)processor;
	((struct stage *)context)->slots--;
}

enum dhp_status make_array(struct stage *stage, struct dhp_percpu **out_array)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 4096, .construct = construct,
		.destruct = destruct, .context = stage };

	return dhp_percpu_create(stage->engine, &options, out_array);
}

enum dhp_status make_registration(struct stage *stage, uint32_t flags, struct dhp_notify **out_registration)
{
	return dhp_notify_register(stage->engine, hear, stage, flags, out_registration);
}

enum dhp_status make_arrival_registration(struct stage *stage, struct dhp_arrival_notify **out_registration)
{
	return dhp_arrival_register(stage->engine, DHP_CLASS_PROCESSOR, hear_arrival, stage, DHP_NOTIFY_EXISTING,
				    out_registration);
}

enum dhp_status make_change_registration(struct stage *stage, struct dhp_change_notify **out_registration)
{
	return dhp_change_register(stage->engine, hear_change, stage, NULL, out_registration);
}

/* ---- a device whose drivers may refuse ---- */

static enum dhp_status answer(void *context, const struct dhp_device_call *call)
{
	(void)context;
	(void)call;
	return callback_status();
}

static void pass(struct dhp_request *request, void *context, enum dhp_status status)
{
	(void)context;
	if (status == DHP_OK)
		(void)dhp_request_complete(request);
}

enum dhp_status make_hold(struct stage *stage, struct dhp_hold **out_hold)
{
	return dhp_hold_create(stage->engine, pass, stage, out_hold);
}

enum dhp_status make_device(struct stage *stage, struct dhp_hold *hold, struct dhp_device **out_device)
{
	const struct dhp_driver driver = { .query_stop = answer, .stop = answer, .start = answer, .cancel_stop = answer,
		.surprise_removal = answer, .context = stage };
	const struct dhp_device_options options = { .size = sizeof(options), .drivers = &driver, .driver_count = 1,
		.hold = hold };

	return dhp_device_register(stage->engine, &options, out_device);
}

/* ---- worlds ---- */

void small_sim(struct stage *stage)
{
	stage->engine = make_sim_of(6, 2);
}

void end_world(struct stage *stage)
{
	end_engine(stage->engine);
	stage->engine = NULL;
}

/* ---- a lookaside list ---- */

enum dhp_status make_list(struct stage *stage)
{
	const struct dhp_lookaside_options options = { .size = sizeof(options), .block_bytes = 64 };

	return dhp_lookaside_create(stage->engine, &options, (struct dhp_lookaside **)&stage->object);
}

void list_gone(struct stage *stage)
{
	assert_ok(dhp_lookaside_destroy(stage->object));
	stage->object = NULL;
}

void end_list(struct stage *stage)
{
	list_gone(stage);
	end_world(stage);
}

/* ---- everything ---- */

enum { FIRST, SECOND, ARRAY, COUNTER, ARRIVALS, CHANGES };

void furnish(struct stage *stage)
{
	assert_ok(make_registration(stage, 0, (struct dhp_notify **)&stage->others[FIRST]));
	assert_ok(make_registration(stage, 0, (struct dhp_notify **)&stage->others[SECOND]));
	assert_ok(make_array(stage, (struct dhp_percpu **)&stage->others[ARRAY]));
	assert_ok(dhp_counter_create(stage->engine, (struct dhp_counter **)&stage->others[COUNTER]));
	assert_ok(make_arrival_registration(stage, (struct dhp_arrival_notify **)&stage->others[ARRIVALS]));
	assert_ok(make_change_registration(stage, (struct dhp_change_notify **)&stage->others[CHANGES]));
}

void full_sim(struct stage *stage)
{
	small_sim(stage);
	furnish(stage);
}

void end_full(struct stage *stage)
{
	assert_ok(dhp_notify_unregister(stage->others[FIRST]));
	assert_ok(dhp_notify_unregister(stage->others[SECOND]));
	assert_ok(dhp_percpu_destroy(stage->others[ARRAY]));
	assert_ok(dhp_counter_destroy(stage->others[COUNTER]));
	assert_ok(dhp_arrival_unregister(stage->others[ARRIVALS]));
	assert_ok(dhp_change_unregister(stage->others[CHANGES]));
	assert_true(stage->slots == 0);
	end_world(stage);
}
