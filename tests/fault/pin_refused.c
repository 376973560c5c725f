/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system refuses a pin, or says nothing about affinities: what was refused is counted, told once, tried again after
 * 1, 2, 4 ... looks, and no work is aimed at a processor whose worker cannot be pinned to it.
 *
 * The linker puts __wrap_syscall between the engine and the C library (--wrap, see CMakeLists.txt).
 */
#include "child.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <dhp/thread.h>

#include "partition.h"
#include "queue.h"

static uint64_t pin_refusals;  /* still to come */
static uint64_t empty_answers; /* 1: who asks about the main thread hears of no cpu at all */
static uint64_t no_lives;      /* 1: there are no robust mutexes */

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
int __real_pthread_mutexattr_setrobust(pthread_mutexattr_t *attributes, int robustness);
int __wrap_pthread_mutexattr_setrobust(pthread_mutexattr_t *attributes, int robustness);

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	long result;

	if (number == SYS_sched_setaffinity && peek(&pin_refusals) != 0) {
		poke(&pin_refusals, peek(&pin_refusals) - 1);
		errno = EINVAL;
		return -1;
	}
	result = __real_syscall(number, a, b, c, d, e, f);
	if (number == SYS_sched_getaffinity && a == getpid() && peek(&empty_answers) != 0 && result > 0)
		memset((void *)(uintptr_t)c, 0, (size_t)result);
	return result;
}

int __wrap_pthread_mutexattr_setrobust(pthread_mutexattr_t *attributes, int robustness)
{
	return peek(&no_lives) != 0 ? ENOTSUP : __real_pthread_mutexattr_setrobust(attributes, robustness);
}

#define ALWAYS UINT64_MAX

struct machine {
	uint32_t cpus[2];
	struct dhp_engine *engine;
	uint64_t told_ok, told_refused;
};

static void hear_trace(void *context, const struct dhp_trace_event *event)
{
	struct machine *machine = context;

	if (strcmp(event->step, "pin") == 0)
		(void)bump(event->status == DHP_OK ? &machine->told_ok : &machine->told_refused);
}

/* Two processors, and looks only when a test makes one. */
static void make_machine(struct machine *machine)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .flags = DHP_ENGINE_NO_WATCH,
		.trace = hear_trace, .trace_context = machine };

	memset(machine, 0, sizeof(*machine));
	if (usable_cpus(machine->cpus, 2) < 2) {
		print_message("this process may use one cpu only\n");
		skip();
	}
	assert_true(confine(0, machine->cpus, 2));
	assert_ok(dhp_engine_create(&options, &machine->engine));
	assert_int_equal(active_count(machine->engine), 2);
}

static void end_machine(struct machine *machine)
{
	poke(&pin_refusals, 0);
	assert_ok(dhp_engine_destroy(machine->engine));
}

/* As the control thread does. */
static void look(struct machine *machine)
{
	struct dhpi_partition *partition = machine->engine->partition;

	port_mutex_lock(&partition->serial);
	assert_ok(dhpi_partition_rescan(partition, false));
	port_mutex_unlock(&partition->serial);
}

static bool has_run(void *context)
{
	return at_load_relaxed_u32(&((struct dhpi_queue *)context)->thread.id) != 0;
}

static pid_t worker_of(struct machine *machine, uint32_t index)
{
	struct dhpi_queue *queue = dhpi_queue_of_index(machine->engine->work, index);

	assert_true(wait_until(has_run, queue));
	return (pid_t)at_load_relaxed_u32(&queue->thread.id);
}

static struct dhp_processor_stats stats_of(struct machine *machine, uint32_t index)
{
	struct dhp_processor_stats stats;

	assert_ok(dhp_processor_stats_read(machine->engine, index, &stats));
	return stats;
}

static void a_pin_that_is_refused_is_counted_told_once_and_tried_ever_more_seldom_S618(void **state)
{
	struct machine machine;
	uint64_t tries = 0;

	(void)state;
	make_machine(&machine);
	assert_true(confine(worker_of(&machine, 1), machine.cpus, 2));
	poke(&pin_refusals, ALWAYS);
	for (uint32_t i = 0, next = 0, step = 1; i < 300; i++) {
		look(&machine);
		if (i == next) {
			tries++;
			next += step;
			step = step * 2 < 50 ? step * 2 : 50;
		}
		assert_int_equal(stats_of(&machine, 1).pin_refused_count, tries);
	}
	assert_int_equal(counts_of(machine.engine).usable, 2);
	assert_int_equal(machine.told_refused, 1);
	assert_ok(dhp_engine_rescan(machine.engine)); /* who asks has it tried at once */
	assert_int_equal(stats_of(&machine, 1).pin_refused_count, tries + 1);
	poke(&pin_refusals, 0);
	assert_ok(dhp_engine_rescan(machine.engine));
	assert_int_equal(stats_of(&machine, 1).pin_restored_count, 1);
	assert_int_equal(machine.told_ok, 1);
	assert_int_equal(port_pin_look(worker_of(&machine, 1), machine.cpus[1]), PORT_PINNED);
	/* The next time begins anew. */
	assert_true(confine(worker_of(&machine, 1), machine.cpus, 2));
	poke(&pin_refusals, 1);
	look(&machine);
	look(&machine);
	assert_int_equal(machine.told_refused, 2);
	assert_int_equal(stats_of(&machine, 1).pin_restored_count, 2);
	assert_int_equal(stats_of(&machine, 0).pin_refused_count, 0);
	end_machine(&machine);
}

struct aimed {
	struct dhp_dpc dpc;
	uint64_t cpu;
};

static void note_cpu(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	poke(&((struct aimed *)context)->cpu, (uint64_t)sched_getcpu());
}

static void assert_runs_on(struct machine *machine, uint32_t index, uint32_t cpu)
{
	struct aimed aimed = { .cpu = UINT64_MAX };

	assert_ok(dhp_dpc_init(&aimed.dpc, machine->engine, note_cpu, &aimed));
	assert_ok(dhp_dpc_set_target(&aimed.dpc, index));
	assert_ok(dhp_dpc_insert(&aimed.dpc, NULL, NULL));
	assert_ok(dhp_dpc_flush(machine->engine));
	assert_int_equal(aimed.cpu, cpu);
}

static void a_processor_that_is_back_waits_until_its_worker_can_be_pinned_S641(void **state)
{
	struct machine machine;

	(void)state;
	make_machine(&machine);
	assert_true(confine(0, machine.cpus, 1));
	look(&machine);
	assert_int_equal(counts_of(machine.engine).usable, 1);
	assert_true(confine(worker_of(&machine, 1), machine.cpus, 2));
	assert_true(confine(0, machine.cpus, 2));
	poke(&pin_refusals, 2);
	look(&machine); /* refused */
	look(&machine); /* refused */
	look(&machine); /* not tried */
	assert_int_equal(counts_of(machine.engine).usable, 1);
	assert_runs_on(&machine, 1, machine.cpus[0]);
	look(&machine);
	assert_int_equal(counts_of(machine.engine).usable, 2);
	assert_runs_on(&machine, 1, machine.cpus[1]);
	assert_int_equal(stats_of(&machine, 1).pin_refused_count, 2);
	assert_int_equal(stats_of(&machine, 1).pin_restored_count, 1);
	end_machine(&machine);
}

static void an_affinity_of_nothing_takes_no_processor_away_S006(void **state)
{
	struct machine machine;
	uint64_t generation;

	(void)state;
	make_machine(&machine);
	generation = counts_of(machine.engine).generation;
	poke(&empty_answers, 1);
	for (uint32_t i = 0; i < 5; i++)
		look(&machine);
	assert_int_equal(counts_of(machine.engine).usable, 2);
	assert_int_equal(counts_of(machine.engine).generation, generation);
	assert_runs_on(&machine, 1, machine.cpus[1]);
	poke(&empty_answers, 0);
	assert_true(confine(0, &machine.cpus[1], 1));
	look(&machine);
	assert_int_equal(counts_of(machine.engine).usable, 1);
	assert_runs_on(&machine, 0, machine.cpus[1]);
	assert_true(confine(0, machine.cpus, 2));
	end_machine(&machine);
}

/* ---- threads of the user ---- */

static void what_is_refused_at_once_keeps_nobody(void **state)
{
	struct dhp_pin_state read;
	struct machine machine;
	struct dhp_pin pin;
	uint32_t now[2];

	(void)state;
	make_machine(&machine);
	poke(&pin_refusals, 1);
	assert_status(dhp_pin_keep(machine.engine, &pin, 1), DHP_NO_AFFINITY);
	poke(&no_lives, 1);
	assert_status(dhp_pin_keep(machine.engine, &pin, 1), DHP_NO_MEMORY);
	poke(&no_lives, 0);
	assert_int_equal(usable_cpus(now, 2), 2);
	assert_status(dhp_pin_read(machine.engine, &pin, &read), DHP_BAD_OBJECT);
	assert_ok(dhp_pin_keep(machine.engine, &pin, 1));
	assert_int_equal(usable_cpus(now, 2), 1);
	poke(&pin_refusals, 1); /* where it was before is no more: then anywhere */
	assert_ok(dhp_pin_drop(machine.engine, &pin));
	assert_int_equal(usable_cpus(now, 2), 2);
	end_machine(&machine);
}

struct keeper {
	struct machine *machine;
	struct dhp_pin pin;
	uint64_t id, stage, told, wrong;
};

static void *be_kept(void *argument)
{
	const struct dhp_affinity wanted = { .group = (uint16_t)(((struct keeper *)argument)->machine->cpus[0] / 64),
		.mask = 1ull << ((struct keeper *)argument)->machine->cpus[0] % 64 };
	struct keeper *me = argument;
	struct dhp_engine *engine = me->machine->engine;
	struct dhp_affinity previous;

	poke(&me->id, (uint64_t)port_thread_id());
	me->wrong += dhp_pin_keep(engine, &me->pin, 1) != DHP_OK;
	(void)bump(&me->stage);
	me->wrong += !wait_for_count(&me->told, 1);
	me->wrong += dhp_thread_affinity_set(engine, &wanted, &previous) != DHP_OK;
	poke(&pin_refusals, 1); /* the processor on which it is kept is away */
	me->wrong += dhp_thread_affinity_revert(engine, &previous) != DHP_OK;
	me->wrong += dhp_thread_affinity_set(engine, &wanted, &previous) != DHP_OK;
	poke(&pin_refusals, 2); /* nor where it was before: then anywhere */
	me->wrong += dhp_thread_affinity_revert(engine, &previous) != DHP_OK;
	me->wrong += dhp_thread_affinity_set(engine, &wanted, &previous) != DHP_OK;
	poke(&pin_refusals, 3); /* nothing is allowed at all */
	me->wrong += dhp_thread_affinity_revert(engine, &previous) != DHP_NO_AFFINITY;
	me->wrong += dhp_thread_affinity_revert(engine, &previous) != DHP_OK;
	me->wrong += dhp_pin_drop(engine, &me->pin) != DHP_OK;
	return NULL;
}

static void a_thread_that_cannot_be_kept_says_so_and_can_revert_S545(void **state)
{
	struct dhp_pin_state read;
	struct machine machine;
	struct keeper keeper = { .machine = &machine };
	struct helper helper;

	(void)state;
	make_machine(&machine);
	helper_start(&helper, be_kept, &keeper);
	assert_true(wait_for_count(&keeper.stage, 1));
	assert_true(confine((pid_t)peek(&keeper.id), machine.cpus, 2));
	poke(&pin_refusals, 1);
	look(&machine);
	assert_ok(dhp_pin_read(machine.engine, &keeper.pin, &read));
	assert_status(read.status, DHP_NO_AFFINITY);
	assert_int_equal(read.refused_count, 1);
	assert_int_equal(machine.told_refused, 1);
	look(&machine);
	assert_ok(dhp_pin_read(machine.engine, &keeper.pin, &read));
	assert_status(read.status, DHP_OK);
	assert_int_equal(read.restored_count, 1);
	poke(&keeper.told, 1);
	helper_join(&helper);
	assert_int_equal(keeper.wrong, 0);
	end_machine(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pin_that_is_refused_is_counted_told_once_and_tried_ever_more_seldom_S618),
		cmocka_unit_test(a_processor_that_is_back_waits_until_its_worker_can_be_pinned_S641),
		cmocka_unit_test(an_affinity_of_nothing_takes_no_processor_away_S006),
		cmocka_unit_test(what_is_refused_at_once_keeps_nobody),
		cmocka_unit_test(a_thread_that_cannot_be_kept_says_so_and_can_revert_S545),
	};

	return cmocka_run_group_tests_name("pin_refused", tests, NULL, NULL);
}
