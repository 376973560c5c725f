/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engines.c - see engines.h.
 */
#include <dhp.h>

#include "engines.h"

struct dhp_engine *engine_of_machine(struct bench *bench, uint32_t flags, uint32_t spin_ns)
{
	struct dhp_engine_options options = {
		.size = sizeof(options), .flags = flags | DHP_ENGINE_NO_WATCH, .spin_ns = spin_ns};
	struct dhp_engine *engine = NULL;
	enum dhp_status status = dhp_engine_create(&options, &engine);

	if (dhp_failed(status)) {
		bench_skip(bench, dhp_status_text(status));
		return NULL;
	}
	return engine;
}

void engine_end(struct bench *bench, struct dhp_engine *engine)
{
	enum dhp_status status = dhp_engine_destroy(engine);

	if (dhp_failed(status))
		bench_skip(bench, dhp_status_text(status));
}
