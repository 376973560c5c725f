/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sum.c - the sum of a per-processor counter over so many processors, cached.
 *
 * The floor is a loop over a static array whose cells lie as far apart.
 */
#include <dhp.h>

#include "all.h"
#include "bench.h"
#include "rseq.h"

#define MOST 1024u

static struct floor_cell cells[MOST];

static struct dhp_engine *engine_of(struct bench *bench, uint32_t processors)
{
	struct dhp_sim_options sim = {.size = sizeof(sim), .maximum_count = processors, .initial_count = processors};
	struct dhp_engine_options options = {
		.size = sizeof(options), .sim = &sim, .flags = DHP_ENGINE_NO_WORKERS | DHP_ENGINE_NO_WATCH};
	struct dhp_engine *engine = NULL;
	enum dhp_status status = dhp_engine_create(&options, &engine);

	if (dhp_failed(status))
		bench_skip(bench, dhp_status_text(status));
	return engine;
}

static void ours(struct bench *bench, const void *argument)
{
	uint32_t processors = (uint32_t)bench_range(bench);
	struct dhp_engine *engine = engine_of(bench, processors);
	struct dhp_counter *counter = NULL;
	enum dhp_status status;
	uint64_t i;

	(void)argument;
	if (engine == NULL)
		return;
	bench_items(bench, processors);
	status = dhp_counter_create(engine, &counter);
	if (dhp_failed(status))
		bench_skip(bench, dhp_status_text(status));
	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		bench_keep(dhp_counter_sum(counter));
	dhp_counter_destroy(counter);
	dhp_engine_destroy(engine);
}

static void by_hand(struct bench *bench, const void *argument)
{
	uint32_t processors = (uint32_t)bench_range(bench);
	uint64_t i;

	(void)argument;
	bench_items(bench, processors);
	for (uint32_t cpu = 0; cpu < MOST; cpu++)
		cells[cpu].value = cpu; /* else all pages would be the one of zeros */
	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i) {
		const struct floor_cell *at = cells;
		uint64_t sum = 0;

		__asm__ __volatile__("" : "+r"(at) : : "memory"); /* it might hold anything */
		for (uint32_t cpu = 0; cpu < processors; cpu++)
			sum += at[cpu].value;
		bench_keep(sum);
	}
}

void group_sum(void)
{
	static const int64_t processors[] = {64, MOST};
	struct bench_spec spec = {.ranges = processors, .range_count = 2};

	spec.name = "counter_sum/ours";
	spec.routine = ours;
	bench_register(&spec);
	spec.name = "counter_sum/floor";
	spec.routine = by_hand;
	bench_register(&spec);
}
