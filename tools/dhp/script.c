/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * script.c - play a script of arrivals beside the main thread.
 *
 * Events are played one at a time, so that a request to stop is heard after at most one delay. The order, the
 * delays and the failures are the library's, from the engine's seed: the same seed gives the same lines.
 */
#include "script.h"
#include "say.h"

#include <stdlib.h>

#define SCRIPT_DELAY_LIMIT_US 200000u

struct dhp_sim_event *script_make(struct dhp_engine *engine, uint32_t delay_limit_us, uint32_t fail_one_in,
				  uint32_t *out_count)
{
	struct dhp_sim_event *events = NULL;
	enum dhp_status status;

	*out_count = 0;
	do {
		free(events);
		events = calloc((size_t)*out_count + 1, sizeof(*events));
		if (!events) {
			say_status("cannot make the script", DHP_NO_MEMORY);
			return NULL;
		}
		status = dhp_sim_script(engine, delay_limit_us, fail_one_in, events, *out_count, out_count);
	} while (status == DHP_TOO_SMALL);
	if (status == DHP_OK)
		return events;
	say_status("cannot make the script", status);
	free(events);
	return NULL;
}

static void *script_play(void *context)
{
	struct script *script = context;
	uint32_t at;

	for (at = 0; at < script->count && !atomic_load(&script->stop); at++)
		dhp_sim_play(script->engine, &script->events[at], 1, NULL);
	atomic_store(&script->over, true);
	return NULL;
}

int script_begin(struct script *script, struct dhp_engine *engine)
{
	script->engine = engine;
	script->events = script_make(engine, SCRIPT_DELAY_LIMIT_US, script->fail_one_in, &script->count);
	if (!script->events)
		return TOOL_FAILED;
	if (pthread_create(&script->thread, NULL, script_play, script))
		return say_status("cannot play the script", DHP_NO_THREAD);
	script->runs = true;
	return TOOL_FINE;
}

bool script_is_over(struct script *script)
{
	return atomic_load(&script->over);
}

void script_end(struct script *script)
{
	atomic_store(&script->stop, true);
	if (script->runs)
		pthread_join(script->thread, NULL);
	free(script->events);
}
