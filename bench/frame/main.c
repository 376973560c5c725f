/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - register everything, then let Google Benchmark's own options decide. Two are ours:
 *
 *   --group=NAME[,NAME...]   these groups only
 *   --quick                  fewer repetitions, of fewer bursts
 *
 * Repetitions in random order by default: the machine changes its mind every few seconds (frequency, where a virtual
 * processor sits), and what runs side by side must see the same moods. Options given on the command line come later and
 * win.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "all.h"
#include "bench.h"
#include "calm.h"
#include "threads.h"

static char interleaved[] = "--benchmark_enable_random_interleaving=true";
static char repeated[] = "--benchmark_repetitions=15";
static char short_runs[] = "--benchmark_min_time=0.02";
static char *const defaults[] = {interleaved, repeated, short_runs};

static char few[] = "--benchmark_repetitions=3";
static char filter[1024];

#define DEFAULTS_COUNT ((int)(sizeof(defaults) / sizeof(defaults[0])))

/* Into what the library understands. */
static char *translated(char *argument)
{
	static const char group[] = "--group=";
	char *comma;

	if (strcmp(argument, "--quick") == 0) {
		bench_quicken(4);
		return few;
	}
	if (strncmp(argument, group, sizeof(group) - 1) != 0)
		return argument;
	snprintf(filter, sizeof(filter), "--benchmark_filter=^(%s)/", argument + sizeof(group) - 1);
	while ((comma = strchr(filter, ',')) != NULL)
		*comma = '|';
	return filter;
}

#define CALL(name) name();

static void say_where(void)
{
	char warnings[512];

	calm_warnings(warnings, sizeof(warnings));
	if (warnings[0] != 0)
		fprintf(stderr, "dhp_bench: not a quiet machine: %s\n", warnings);
	if (BENCH_MISSING[0] != 0)
		fprintf(stderr, "dhp_bench: left out: %s\n", BENCH_MISSING);
	bench_context("warnings", warnings);
	bench_context("missing", BENCH_MISSING);
	bench_context("compiler", "gcc-compatible " __VERSION__);
}

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
		all[DEFAULTS_COUNT + i] = translated(argv[i]);

	threads_note();
	say_where();
	BENCH_ALL(CALL);
	status = bench_run(argc + DEFAULTS_COUNT, all);
	free(all);
	return status;
}
