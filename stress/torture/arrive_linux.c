/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arrive_linux.c - this machine. The main thread, whose affinity counts as the process's, is confined to one CPU before
 * the engine is made; a helper process then widens it CPU by CPU from outside, as a service manager would. In
 * half of the rounds it goes on to take CPUs away and to give them back: from the main thread, or from every thread, so that
 * pins are lost.
 *
 * The helper is forked before there is any thread and lives as long as its pipe. It says when an order is done, since it may
 * take its time: at the end of a round nothing that was ordered may still be to come.
 *
 * Somebody else may change what this process is allowed at any time, so a CPU has to arrive only while it is allowed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
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
	int to_helper, from_helper;
	uint32_t ordered; /* and not known to be done */
	pid_t helper;
} machine;

/* What the helper is told: so many CPUs from the first-th on. */
struct order {
	uint32_t first;
	uint32_t count;
	bool everybody; /* every thread; otherwise the main thread */
};

static cpu_set_t some_cpus(uint32_t first, uint32_t count)
{
	cpu_set_t set;
	size_t cpu;

	CPU_ZERO(&set);
	for (cpu = 0; cpu < CPU_SETSIZE && count > 0; cpu++) {
		if (!CPU_ISSET(cpu, &machine.all))
			continue;
		if (first > 0) {
			first--;
			continue;
		}
		CPU_SET(cpu, &set);
		count--;
	}
	return set;
}

/* Threads come and go meanwhile. */
static void confine_everybody(pid_t process, const cpu_set_t *set)
{
	char path[64];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
	folder = opendir(path);
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.')
			sched_setaffinity((pid_t)strtol(entry->d_name, NULL, 10), sizeof(*set), set);
	if (folder != NULL)
		closedir(folder);
}

static _Noreturn void help(int from_parent, int to_parent, pid_t parent)
{
	const char done = 'd';
	struct order order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(from_parent, &order, sizeof(order)) == (ssize_t)sizeof(order)) {
		cpu_set_t set = some_cpus(order.first, order.count);

		sched_setaffinity(parent, sizeof(set), &set);
		if (order.everybody)
			confine_everybody(parent, &set);
		if (write(to_parent, &done, 1) != 1)
			break;
	}
	_exit(0);
}

static void cannot(const char *what)
{
	perror(what);
	exit(3);
}

static void tell_helper(uint32_t first, uint32_t count, bool everybody)
{
	struct order order = {.first = first, .count = count, .everybody = everybody};

	if (write(machine.to_helper, &order, sizeof(order)) != (ssize_t)sizeof(order))
		cannot("torture: helper");
	machine.ordered++;
}

static void await_helper(void)
{
	char done[256];

	while (machine.ordered > 0) {
		size_t most = machine.ordered < sizeof(done) ? machine.ordered : sizeof(done);
		ssize_t got = read(machine.from_helper, done, most);

		if (got == 0 || (got < 0 && errno != EINTR))
			cannot("torture: helper");
		machine.ordered -= got > 0 ? (uint32_t)got : 0;
	}
}

/* The helper reads the end of its pipe and goes. */
static void dismiss(void)
{
	close(machine.to_helper);
	close(machine.from_helper);
	waitpid(machine.helper, NULL, 0);
}

static void prepare(void)
{
	pid_t parent = getpid();
	int orders[2], answers[2];

	if (sched_getaffinity(0, sizeof(machine.all), &machine.all) != 0)
		cannot("torture: sched_getaffinity");
	machine.count = (uint32_t)CPU_COUNT(&machine.all);
	if (machine.count < 2)
		printf("torture: this process may use one CPU only, so that none can arrive\n");
	if (pipe(orders) != 0 || pipe(answers) != 0)
		cannot("torture: pipe");
	fflush(stdout);
	machine.helper = fork();
	if (machine.helper < 0)
		cannot("torture: fork");
	if (machine.helper == 0) {
		close(orders[1]);
		close(answers[0]);
		help(orders[0], answers[1], parent);
	}
	close(orders[0]);
	close(answers[1]);
	machine.to_helper = orders[1];
	machine.from_helper = answers[0];
	atexit(dismiss);
}

/* To the first CPU that is allowed just now; perhaps none of ours is, for a moment. */
static void confine_to_one(void)
{
	uint64_t limit = now_ms() + PATIENCE_MS;
	uint32_t tries;

	for (tries = 0; now_ms() < limit; tries++) {
		cpu_set_t one = some_cpus(tries % machine.count, 1);

		if (sched_setaffinity(0, sizeof(one), &one) == 0)
			return;
		sleep_us(1000);
	}
	cannot("torture: sched_setaffinity");
}

static struct dhp_counts counts_of(struct world *world)
{
	struct dhp_counts counts = {.active = 0};

	went_well(world, dhp_counts_read(world->engine, &counts));
	return counts;
}

static void create(struct world *world, struct dice *dice)
{
	struct dhp_engine_options options = {.size = sizeof(options)};
	uint64_t limit = now_ms() + PATIENCE_MS;
	enum dhp_status status;

	options.poll_interval_ms = dice_between(dice, 1, 20);
	options.spin_ns = dice_one_in(dice, 2) ? 1 : 0;
	options.flags = dice_one_in(dice, 4) ? DHP_ENGINE_TWO_THREADS : 0;
	options.watchdog_run_ns = dice_one_in(dice, 2) ? 100000 : 0;
	options.watchdog_sequence_ns = dice_one_in(dice, 2) ? 1000000 : 0;
	options.ready_ahead = dice_below(dice, 2);
	do {
		confine_to_one();
		status = dhp_engine_create(&options, &world->engine);
	} while (status == DHP_NO_AFFINITY && now_ms() < limit); /* the CPU has left in the middle */
	if (dhp_failed(status)) {
		fprintf(stderr, "torture: no engine on this machine: %s\n", dhp_status_text(status));
		exit(3);
	}
	world->maximum = counts_of(world).maximum;
}

/* CPUs that the main thread may use at this moment and that have not arrived. */
static uint32_t missing(struct world *world)
{
	uint32_t cpu, index, count = 0;
	cpu_set_t now;

	if (sched_getaffinity(0, sizeof(now), &now) != 0)
		cannot("torture: sched_getaffinity");
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		count += CPU_ISSET(cpu, &now) && dhp_index_of_cpu(world->engine, cpu, &index) != DHP_OK;
	return count;
}

/* A CPU may leave in the middle of its arrival. */
static void look(struct world *world)
{
	enum dhp_status status = dhp_engine_rescan(world->engine);

	if (status == DHP_VETOED || status == DHP_NO_AFFINITY || status == DHP_NO_MEMORY || status == DHP_NO_THREAD)
		deed(world, DEED_ARRIVALS_FAILED);
	else
		went_well(world, status);
}

/* Refused by a registrant or a constructor it is tried again at each look. */
static void await(struct world *world, uint32_t wanted)
{
	uint64_t limit = now_ms() + PATIENCE_MS;
	uint32_t left;

	while ((left = missing(world)) != 0 && now_ms() < limit) {
		look(world);
		sleep_us(1000);
	}
	tally_check(world->tally, RULE_ARRIVED, left == 0, left, wanted);
}

/* Some leave, and come back. Nobody waits until the engine has seen it. */
static void shrink(struct world *world, struct dice *dice)
{
	uint64_t until = now_ms() + world->milliseconds;

	while (now_ms() < until) {
		uint32_t first = dice_below(dice, machine.count);
		uint32_t count = dice_between(dice, 1, machine.count - first);

		tell_helper(first, count, dice_one_in(dice, 2));
		deed(world, DEED_LEFT);
		sleep_us(dice_below(dice, 40000));
		tell_helper(0, machine.count, dice_one_in(dice, 2));
		sleep_us(dice_below(dice, 40000));
	}
}

static void play(struct world *world, struct dice *dice)
{
	uint32_t count, pause_ms = world->milliseconds / machine.count + 1;

	for (count = 2; count <= machine.count; count++) {
		sleep_us(dice_below(dice, pause_ms * 1000u));
		tell_helper(0, count, false);
		if (dice_one_in(dice, 2))
			sleep_us(30000); /* the poll must see it by itself, mostly */
		await(world, count);
	}
	if (world->shrinks)
		shrink(world, dice);
}

static void note_cpu(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc, (void)argument_1, (void)argument_2;
	atomic_store_explicit((atomic_int *)context, sched_getcpu(), memory_order_relaxed);
}

static void visit(struct world *world, uint32_t index)
{
	struct dhp_processor processor = {.cpu = DHP_NO_CPU};
	struct dhp_dpc dpc;
	atomic_int cpu;

	atomic_init(&cpu, -1);
	went_well(world, dhp_processor_at(world->engine, index, &processor));
	went_well(world, dhp_dpc_init(&dpc, world->engine, note_cpu, &cpu));
	went_well(world, dhp_dpc_set_target(&dpc, index));
	went_well(world, dhp_dpc_insert(&dpc, NULL, NULL));
	went_well(world, dhp_dpc_flush(world->engine));
	tally_equal(world->tally, RULE_PLACE, (uint64_t)atomic_load_explicit(&cpu, memory_order_relaxed), processor.cpu);
}

static bool all_allowed(void)
{
	cpu_set_t now;

	return sched_getaffinity(0, sizeof(now), &now) == 0 && CPU_EQUAL(&now, &machine.all);
}

/* All has come back, and everything is where it was. */
static void restore(struct world *world)
{
	uint64_t limit = now_ms() + PATIENCE_MS;
	struct dhp_counts counts;
	uint32_t index;

	tell_helper(0, machine.count, true);
	await_helper();
	while (!all_allowed() && now_ms() < limit) /* somebody else may have taken some */
		sleep_us(1000);
	look(world);
	counts = counts_of(world);
	tally_equal(world->tally, RULE_ARRIVED, counts.usable, counts.active);
	for (index = 0; index < counts.active; index++)
		visit(world, index);
}

static void finish(struct world *world)
{
	await_helper();
	await(world, machine.count);
	tally_add(world->tally, DEED_ARRIVALS, counts_of(world).active - 1);
	if (world->shrinks)
		restore(world);
}

static void over(struct world *world)
{
	(void)world;
	sched_setaffinity(0, sizeof(machine.all), &machine.all);
}

const struct arrivals arrivals_of_machine = {
	.prepare = prepare, .create = create, .play = play, .finish = finish, .over = over};
