/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - tries the worlds of a program, and says what was tried; of a failure the simplest schedule that was found.
 *
 * Results are printed as cmocka prints them, so that the same tools read them.
 */
#define _GNU_SOURCE
#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct options {
	bool long_run, list;
	bool table; /* a row of Markdown for each world */
	int strategy; /* enum strategy; -1: the world's own */
	uint32_t bound;
	uint64_t runs, seed;
	const char *replay;
	const char *only; /* world; NULL: all */
};

void tally_run(struct tally *tally, enum fibre_outcome outcome)
{
	uint32_t steps;

	(void)fibre_trace(&steps);
	tally->steps += steps;
	if (steps > tally->longest)
		tally->longest = steps;
	if (outcome == FIBRE_ABANDONED)
		tally->cut_short++;
	else
		tally->schedules++;
	tally->failed = outcome == FIBRE_FAILED;
}

/* ---- a crash has a schedule too ---- */

static void say(const char *text, size_t bytes)
{
	if (write(STDOUT_FILENO, text, bytes) < 0)
		return;
}

static void say_schedule(void)
{
	static const char text[] = "\ncrashed; --replay ";
	uint32_t steps;
	const struct fibre_event *trace = fibre_trace(&steps);

	say(text, sizeof(text) - 1);
	for (uint32_t i = 0; i < steps;) {
		char block[16], *at = block + sizeof(block);
		uint32_t begin = i, count;

		while (i < steps && trace[i].fibre == trace[begin].fibre)
			i++;
		for (count = i - begin; count != 0; count /= 10)
			*--at = (char)('0' + count % 10);
		*--at = (char)('a' + trace[begin].fibre);
		say(at, (size_t)(block + sizeof(block) - at));
	}
	say("\n", 1);
}

#if defined(__SANITIZE_ADDRESS__)
void __asan_set_death_callback(void (*callback)(void));

static void catch_crashes(void)
{
	__asan_set_death_callback(say_schedule);
}
#else
static void crashed(int number)
{
	(void)number;
	say_schedule();
	_exit(1);
}

static void catch_crashes(void)
{
	static char stack[65536];
	const stack_t alternative = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_flags = SA_ONSTACK };

	action.sa_handler = crashed;
	(void)sigaltstack(&alternative, NULL);
	(void)sigaction(SIGSEGV, &action, NULL);
	(void)sigaction(SIGBUS, &action, NULL);
	(void)sigaction(SIGILL, &action, NULL);
	(void)sigaction(SIGFPE, &action, NULL);
}
#endif

/* ---- one world ---- */

static const char *const strategies[] = { "every", "bounded", "random", "pct" };

static void explore(const struct world *world, const struct options *options, struct tally *tally, char *how)
{
	enum strategy strategy = options->strategy >= 0 ? (enum strategy)options->strategy : world->strategy;
	uint32_t bound = options->bound != 0 ? options->bound : world->bound;
	uint64_t runs = options->runs != 0 ? options->runs
			: options->long_run && world->long_runs != 0 ? world->long_runs : world->runs;

	(void)sprintf(how, strategy == BOUNDED || strategy == PCT ? "%s %u" : "%s", strategies[strategy], bound);
	switch (strategy) {
	case EVERY:
		explore_all(world->run, runs, tally);
		if (!tally->complete && !tally->failed) { /* it has seen one corner only: as many from everywhere */
			(void)strcat(how, ", then random");
			explore_random(world->run, options->seed, runs, tally);
		}
		break;
	case BOUNDED:
		explore_bounded(world->run, bound, runs, tally);
		break;
	case RANDOM:
		explore_random(world->run, options->seed, runs != 0 ? runs : 1000, tally);
		break;
	case PCT:
		explore_pct(world->run, bound, options->seed, runs != 0 ? runs : 1000, tally);
		break;
	}
}

static void report_failure(const struct world *world, const struct tally *tally)
{
	struct schedule *schedule = calloc(1, sizeof(*schedule));
	const char *why = fibre_why();
	uint32_t runs;

	if (schedule == NULL)
		return;
	schedule_of_trace(schedule);
	runs = schedule_shrink(world->run, schedule);
	printf("%s: %s (seed %llu; shrunk in %u runs)\n", world->name, why, (unsigned long long)tally->seed, runs);
	report_trace();
	printf("  --only %s --replay ", world->name);
	schedule_print(schedule);
	printf("\n");
	free(schedule);
}

static double now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool as_it_must_be(const struct world *world, const struct options *options, const struct tally *tally)
{
	if (tally->failed != world->fails)
		return false;
	return world->exactly == 0 || options->strategy >= 0 || options->runs != 0 || world->exactly == tally->schedules;
}

static void print_row(const struct world *world, const struct tally *tally, const char *how, bool good)
{
	printf("| `%s` | %s | %llu | %s | %u |%s\n", world->name, how, (unsigned long long)tally->schedules,
	       tally->complete ? "yes" : tally->failed ? "found" : "no", tally->longest, good ? "" : " FAILED");
}

static void print_result(const struct world *world, const struct tally *tally, const char *how, bool good, double took_s)
{
	printf("%s: %s, %llu schedules, %llu cut short, at most %u steps, %s, %.1f s%s\n", world->name, how,
	       (unsigned long long)tally->schedules, (unsigned long long)tally->cut_short, tally->longest,
	       tally->complete ? "complete" : tally->failed ? "failed" : "not complete", took_s,
	       world->fails && tally->failed ? ", the fault that was put in" : "");
	printf(good ? "[       OK ] %s\n" : "[  FAILED  ] %s\n", world->name);
}

static bool try_world(const struct world *world, const struct options *options)
{
	struct tally tally = { .seed = options->seed };
	double began_s = now_s();
	char how[64];
	bool good;

	if (!options->table)
		printf("[ RUN      ] %s\n", world->name);
	(void)fflush(stdout);
	explore(world, options, &tally, how);
	good = as_it_must_be(world, options, &tally);
	if (tally.failed && (!world->fails || options->only != NULL))
		report_failure(world, &tally);
	if (options->table)
		print_row(world, &tally, how, good);
	else
		print_result(world, &tally, how, good, now_s() - began_s);
	(void)fflush(stdout);
	return good;
}

static int replay(const struct world *world, const char *text)
{
	struct schedule *schedule = calloc(1, sizeof(*schedule));
	enum fibre_outcome outcome;

	if (schedule == NULL || !schedule_parse(text, schedule)) {
		fprintf(stderr, "--replay: not a schedule: %s\n", text);
		free(schedule);
		return 2;
	}
	outcome = schedule_run(world->run, schedule);
	report_trace();
	printf("%s\n", outcome == FIBRE_FAILED ? fibre_why() : "passed");
	free(schedule);
	return outcome == FIBRE_FAILED;
}

/* ---- all ---- */

static const char usage[] =
	"worlds [--long] [--table] [--only WORLD] [--every | --bounded N | --random | --pct N] [--runs N] [--seed N]\n"
	"       --list, or --only WORLD --replay SCHEDULE\n";

static bool take_value(char **argv, int *at, uint64_t *out_value)
{
	char *end;

	if (argv[*at + 1] == NULL)
		return false;
	*out_value = strtoull(argv[++*at], &end, 10);
	return *end == '\0';
}

static bool take_option(char **argv, int *at, struct options *options)
{
	const char *name = argv[*at];
	uint64_t bound = 0;
	bool good = true;

	if (strcmp(name, "--long") == 0)
		options->long_run = true;
	else if (strcmp(name, "--list") == 0)
		options->list = true;
	else if (strcmp(name, "--table") == 0)
		options->table = true;
	else if (strcmp(name, "--every") == 0)
		options->strategy = EVERY;
	else if (strcmp(name, "--random") == 0)
		options->strategy = RANDOM;
	else if (strcmp(name, "--runs") == 0)
		good = take_value(argv, at, &options->runs);
	else if (strcmp(name, "--seed") == 0)
		good = take_value(argv, at, &options->seed);
	else if (strcmp(name, "--only") == 0)
		good = (options->only = argv[++*at]) != NULL;
	else if (strcmp(name, "--replay") == 0)
		good = (options->replay = argv[++*at]) != NULL;
	else if (strcmp(name, "--bounded") == 0 || strcmp(name, "--pct") == 0) {
		options->strategy = strcmp(name, "--pct") == 0 ? PCT : BOUNDED;
		good = take_value(argv, at, &bound);
		options->bound = (uint32_t)bound;
	} else
		good = false;
	return good;
}

static bool wanted(const struct world *world, const struct options *options)
{
	return options->only == NULL || strcmp(options->only, world->name) == 0;
}

int main(int argc, char **argv)
{
	struct options options = { .strategy = -1, .seed = 1 };
	uint32_t tried = 0, failed = 0;

	for (int i = 1; i < argc; i++)
		if (!take_option(argv, &i, &options)) {
			fprintf(stderr, "%s", usage);
			return 2;
		}
	catch_crashes();
	for (const struct world *world = worlds; world->name != NULL; world++) {
		if (!wanted(world, &options))
			continue;
		tried++;
		if (options.list)
			printf("%s\n", world->name);
		else if (options.replay != NULL)
			return replay(world, options.replay);
		else
			failed += !try_world(world, &options);
	}
	if (tried == 0)
		fprintf(stderr, "--only: no such world: %s\n", options.only);
	return tried == 0 ? 2 : failed != 0;
}
