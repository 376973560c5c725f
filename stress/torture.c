/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torture.c - use everything at once while processors arrive, and count what goes wrong.
 *
 * Threads, DPCs and a signal handler insert, remove, flush, read slots and shared pointers, register and unregister, in
 * rounds; each round makes a partition and lets processors arrive in it. Rules are in support/tally.h, what is done in
 * torture/, one file for each part. `torture --help` lists the options.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "options.h"
#include "round.h"
#include "world.h"

#define ROUND_MS 700u

static struct tally tally;
static struct options options;

static void report(void)
{
	uint64_t broken = tally_broken(&tally);

	tally_print(&tally, stdout);
	if (broken != 0)
		printf("%" PRIu64 " violations; ", broken);
	printf("repeat with --seed %" PRIu64 " --backend %s --only %s --threads %" PRIu32 " --processors %" PRIu32 "\n",
	       options.seed, options.simulated ? "sim" : "linux", options_only(&options), options.threads, options.processors);
	fflush(stdout);
}

/* What is known so far, from wherever it happened: the process ends anyhow. A sanitizer says more about it. */
static void say_what_was_broken(int number)
{
	alarm(5); /* who was interrupted may have the lock of stdout */
	printf("ended by signal %d, in: %s\n", number, round_phase());
	report();
	raise(number);
}

static void watch_for_crashes(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	static const int ends[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	struct sigaction action = {.sa_flags = (int)SA_RESETHAND | SA_NODEFER};

	action.sa_handler = say_what_was_broken;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &action, NULL);
#else
	(void)say_what_was_broken;
#endif
}

/* Blocked for ever is a violation as well, and nobody but this thread would say so. */
static void *watch_over(void *argument)
{
	uint64_t before, now = 0;
	uint32_t idle = 0;

	(void)argument;
	for (;;) {
		before = now;
		sleep(1);
		now = tally_progress(&tally);
		idle = now == before ? idle + 1 : 0;
		if (idle == options.patience) {
			tally_check(&tally, RULE_HUNG, false, idle, 0);
			printf("nothing has happened for %u seconds, in: %s\n", idle, round_phase());
			report();
			_Exit(1);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t watcher;
	uint64_t end, round;

	if (!options_parse(&options, argc, argv))
		return 2;
	if (options.help)
		return 0;
	printf("torture: seed %" PRIu64 ", %s, %s, %" PRIu32 " threads, up to %" PRIu32 " processors, %" PRIu32 " s\n",
	       options.seed, options.simulated ? "sim" : "linux", options_only(&options), options.threads,
	       options.processors, options.seconds);
	fflush(stdout);
	watch_for_crashes();
	round_prepare(&options);
	if (pthread_create(&watcher, NULL, watch_over, NULL) != 0) {
		fprintf(stderr, "torture: no thread\n");
		return 3;
	}
	pthread_detach(watcher);
	end = now_ms() + options.seconds * 1000u;
	for (round = 0; now_ms() < end && tally_broken(&tally) == 0; round++)
		round_run(&options, &tally, dice_mix(options.seed) ^ dice_mix(round), ROUND_MS);
	report();
	if (tally_broken(&tally) == 0)
		printf("every rule held\n");
	return tally_broken(&tally) == 0 ? 0 : 1;
}
