/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - register everything, then let Google Benchmark's own options decide.
 *
 * Repetitions in random order by default: the machine changes its mind every few seconds (frequency, where a virtual
 * processor sits), and what runs side by side must see the same moods. Options given on the command line come later and
 * win.
 */
#include <stdio.h>
#include <stdlib.h>

#include "all.h"
#include "bench.h"

static char interleaved[] = "--benchmark_enable_random_interleaving=true";
static char repeated[] = "--benchmark_repetitions=9";
static char short_runs[] = "--benchmark_min_time=0.05";
static char *const defaults[] = {interleaved, repeated, short_runs};

#define DEFAULTS_COUNT ((int)(sizeof(defaults) / sizeof(defaults[0])))

int main(int argc, char **argv)
{
	char **all = calloc((size_t)argc + DEFAULTS_COUNT + 1, sizeof(*all));
	int i, status;

	if (all == NULL) {
		fprintf(stderr, "%s: no memory\n", argv[0]);
		return 1;
	}
	all[0] = argv[0];
	for (i = 0; i < DEFAULTS_COUNT; i++)
		all[1 + i] = defaults[i];
	for (i = 1; i < argc; i++)
		all[DEFAULTS_COUNT + i] = argv[i];

	bench_empty();
	bench_slot();
	bench_count();
	bench_line();
	bench_insert();
	bench_chain();
	bench_arrival();
	status = bench_run(argc + DEFAULTS_COUNT, all);
	free(all);
	return status;
}
