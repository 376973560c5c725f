/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * steps.c - see steps.h. The hook is called by one thread at a time, so nothing here is atomic.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "steps.h"

static struct step *step_named(struct steps *steps, const char *name)
{
	uint32_t i;

	for (i = 0; i < steps->kinds; i++)
		if (strcmp(steps->step[i].name, name) == 0)
			return &steps->step[i];
	if (steps->kinds == STEP_KINDS)
		return NULL;
	steps->step[steps->kinds].name = name;
	return &steps->step[steps->kinds++];
}

void steps_trace(void *context, const struct dhp_trace_event *event)
{
	struct steps *steps = context;
	struct step *step = steps->off ? NULL : step_named(steps, event->step);

	if (step == NULL)
		return;
	if (event->kind == DHP_TRACE_ENTER)
		step->entered_ns = event->time_ns;
	if (event->kind == DHP_TRACE_LEAVE && step->entered_ns != 0 && step->count < STEP_SAMPLES) {
		step->samples_ns[step->count++] = event->time_ns - step->entered_ns;
		step->entered_ns = 0;
	}
}

static int ascending(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

uint64_t median_ns(uint64_t *samples, uint32_t count)
{
	if (count == 0)
		return 0;
	qsort(samples, count, sizeof(*samples), ascending);
	return samples[count / 2];
}

void steps_report(struct steps *steps, struct bench *bench)
{
	char name[64];
	uint32_t i;

	for (i = 0; i < steps->kinds; i++) {
		struct step *step = &steps->step[i];

		/* the library prints counters by name: the number keeps them in the order of the steps */
		snprintf(name, sizeof(name), "step_%u_%s_ns", (unsigned)i + 1, step->name);
		bench_counter(bench, name, (double)median_ns(step->samples_ns, step->count));
	}
}
