/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arrive_linux.c - this machine. The main thread, whose affinity counts as the process's, is confined to one CPU before
 * the engine is made; a helper process then widens it CPU by CPU from outside, as a service manager would.
 *
 * The helper is forked before there is any thread and lives as long as its pipe.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arrive.h"

#define PATIENCE_MS 20000u

static struct {
	cpu_set_t all;    /* what we were given */
	uint32_t count;
	int to_helper;
	pid_t helper;
} machine;

/* The first `count` CPUs of those we were given. */
static cpu_set_t first_cpus(uint32_t count)
{
	cpu_set_t set;
	size_t cpu;

	CPU_ZERO(&set);
	for (cpu = 0; cpu < CPU_SETSIZE && count > 0; cpu++)
		if (CPU_ISSET(cpu, &machine.all)) {
			CPU_SET(cpu, &set);
			count--;
		}
	return set;
}

/* Reads counts, widens its parent's main thread to so many CPUs. */
static _Noreturn void help(int from_parent, pid_t parent)
{
	uint32_t count;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(from_parent, &count, sizeof(count)) == (ssize_t)sizeof(count)) {
		cpu_set_t set = first_cpus(count);

		sched_setaffinity(parent, sizeof(set), &set);
	}
	_exit(0);
}

static void cannot(const char *what)
{
	perror(what);
	exit(3);
}

/* The helper reads the end of its pipe and goes. */
static void dismiss(void)
{
	close(machine.to_helper);
	waitpid(machine.helper, NULL, 0);
}

static void prepare(void)
{
	pid_t parent = getpid();
	int ends[2];

	if (sched_getaffinity(0, sizeof(machine.all), &machine.all) != 0)
		cannot("torture: sched_getaffinity");
	machine.count = (uint32_t)CPU_COUNT(&machine.all);
	if (machine.count < 2)
		printf("torture: this process may use one CPU only, so that none can arrive\n");
	if (pipe(ends) != 0)
		cannot("torture: pipe");
	fflush(stdout);
	machine.helper = fork();
	if (machine.helper < 0)
		cannot("torture: fork");
	if (machine.helper == 0) {
		close(ends[1]);
		help(ends[0], parent);
	}
	close(ends[0]);
	machine.to_helper = ends[1];
	atexit(dismiss);
}

static void create(struct world *world, struct dice *dice)
{
	struct dhp_engine_options options = {.size = sizeof(options)};
	cpu_set_t one = first_cpus(1);
	enum dhp_status status;

	options.poll_interval_ms = dice_between(dice, 1, 20);
	options.spin_ns = dice_one_in(dice, 2) ? 1 : 0;
	if (sched_setaffinity(0, sizeof(one), &one) != 0)
		cannot("torture: sched_setaffinity");
	world->maximum = machine.count;
	status = dhp_engine_create(&options, &world->engine);
	if (dhp_failed(status)) {
		fprintf(stderr, "torture: no engine on this machine: %s\n", dhp_status_text(status));
		exit(3);
	}
}

static uint32_t active(struct world *world)
{
	struct dhp_counts counts = {.active = 0};

	went_well(world, dhp_counts_read(world->engine, &counts));
	return counts.active;
}

/* Refused by a registrant or a constructor it is tried again at each look. */
static void await(struct world *world, uint32_t wanted)
{
	uint64_t limit = now_ms() + PATIENCE_MS;

	while (active(world) < wanted && now_ms() < limit) {
		enum dhp_status status = dhp_engine_rescan(world->engine);

		if (status == DHP_VETOED)
			deed(world, DEED_ARRIVALS_FAILED);
		else
			went_well(world, status);
		sleep_us(1000);
	}
	if (tally_check(world->tally, RULE_ARRIVED, active(world) >= wanted, active(world), wanted))
		deed(world, DEED_ARRIVALS);
}

static void play(struct world *world, struct dice *dice)
{
	uint32_t count, pause_ms = world->milliseconds / machine.count + 1;

	for (count = 2; count <= machine.count; count++) {
		sleep_us(dice_below(dice, pause_ms * 1000u));
		if (write(machine.to_helper, &count, sizeof(count)) != (ssize_t)sizeof(count))
			cannot("torture: helper");
		if (dice_one_in(dice, 2))
			sleep_us(30000); /* the poll must see it by itself, mostly */
		await(world, count);
	}
}

static void finish(struct world *world)
{
	await(world, machine.count);
}

static void over(struct world *world)
{
	(void)world;
	sched_setaffinity(0, sizeof(machine.all), &machine.all);
}

const struct arrivals arrivals_of_machine = {
	.prepare = prepare, .create = create, .play = play, .finish = finish, .over = over};
