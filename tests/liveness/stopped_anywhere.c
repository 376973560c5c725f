/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread is stopped in the middle of a call, at every instruction of it, and everybody else goes on.
 *
 * What claims to be lock-free or wait-free is stopped everywhere: meanwhile another thread makes all such calls, DPCs run on
 * every processor, processors arrive. What may block is stopped at points all over it, and who does not block does not wait for
 * it. What claims to be wait-free ends within so many instructions of its own, whatever happens between any two of them.
 */
#include "stepper.h"

#include "calls.h"

#include <sched.h>

static struct world world;
static struct actor victim, other; /* large: they stay */

static void make_call(void *argument)
{
	((const struct call *)argument)->make(&victim);
}

static void set_up(uint32_t maximum, uint32_t workers)
{
	world_make(&world, maximum, workers);
	actor_make(&victim, &world);
	actor_make(&other, &world);
}

static void take_down(void)
{
	actor_end(&victim);
	actor_end(&other);
	world_end(&world);
}

static void all_calls(void)
{
	for (uint32_t i = 0; i < calls_count; i++)
		calls[i].make(&other);
}

/* All that this thread has inserted runs, and each processor runs something. */
static void everybody_works(void)
{
	all_calls();
	while (peek(&other.runs) != other.inserted)
		(void)sched_yield();
}

/* ---- what does not block ---- */

/* Every day a sample; "whole", the first argument, is every instruction of a call, or a thousand of them. */
static bool whole;

#define STRIDE (whole ? 1u : UNDER_ASAN ? 23u : 5u)
#define SAMPLES (whole ? 1000u : 100u)

/* Who repeats when disturbed is let go in the end. */
#define MOST_TIMES 3u
#define MOST_MORE 400u /* another way through the same call */

static uint64_t length_of(const struct call *call)
{
	stepper_run(make_call, (void *)(uintptr_t)call); /* the first use of what is bound late */
	return stepper_stop_at(make_call, (void *)(uintptr_t)call, UINT64_MAX, call->needs == MEMORY).steps;
}

/* Gives the number of stops. */
static uint64_t stop_everywhere(const struct call *call, void (*meanwhile)(void), uint64_t length, uint64_t stride)
{
	struct stepped stepped = stepper_stop_at(make_call, (void *)(uintptr_t)call, 1, call->needs == MEMORY);
	uint64_t stops = 0;

	for (; stepped.stopped && stepped.steps < MOST_TIMES * length + MOST_MORE; stops++) {
		stepper_watch("it was stopped, and stops others", call->names);
		meanwhile();
		stepped = stepper_next(stride);
	}
	stepper_release();
	return stops;
}

static void need_steps(void)
{
	if (CAN_STEP)
		return;
	print_message("no single steps here: x86-64 only, and not under ThreadSanitizer, which delivers signals later\n");
	skip();
}

static void nobody_waits_for_a_call_that_was_stopped_anywhere(void **state)
{
	uint64_t stops = 0;

	(void)state;
	need_steps();
	set_up(8, 3);
	stepper_start();
	for (uint32_t i = 0; i < calls_count; i++) {
		uint64_t length = length_of(&calls[i]);

		stops += stop_everywhere(&calls[i], everybody_works, length, length / SAMPLES + STRIDE);
	}
	stepper_end();
	take_down();
	print_message("%llu points of %u calls\n", (unsigned long long)stops, calls_count);
	assert_true(stops > calls_count);
}

/* ---- an arrival ---- */

static uint32_t arrived;

static void one_arrives(void)
{
	assert_ok(add_position(world.engine, arrived++));
	everybody_works();
}

static void processors_arrive_whoever_was_stopped(void **state)
{
	(void)state;
	need_steps();
	for (uint32_t i = 0; i < calls_count; i++) {
		uint64_t length;

		set_up(32, 2);
		stepper_start();
		arrived = 2;
		length = length_of(&calls[i]);
		(void)stop_everywhere(&calls[i], one_arrives, length, length / 6 + MOST_MORE / 6);
		assert_in_range(arrived, 3, 32);
		stepper_end();
		take_down();
	}
}

/* ---- wait-free: it does not repeat, whatever others do ---- */

static void disturb(void)
{
	static bool usable;

	all_calls();
	(void)dhp_sim_set_usable(world.engine, dhp_sim_cpu(world.engine, 2), usable);
	usable = !usable;
}

static uint64_t disturbed_length(const struct call *call, uint64_t limit)
{
	struct stepped stepped = stepper_stop_at(make_call, (void *)(uintptr_t)call, 1, call->needs == MEMORY);

	while (stepped.stopped && stepped.steps <= limit) {
		stepper_watch("it is disturbed between any two instructions", call->names);
		disturb();
		stepped = stepper_next(1);
	}
	stepper_release();
	return stepped.steps;
}

static void wait_free_calls_end_whatever_happens_between_their_instructions(void **state)
{
	(void)state;
	need_steps();
	set_up(8, 3);
	stepper_start();
	for (uint32_t i = 0; i < calls_count; i++) {
		uint64_t length, limit;

		if (calls[i].claim != WAIT_FREE || calls[i].needs == MEMORY || calls[i].needs == CLOCK)
			continue;
		length = length_of(&calls[i]);
		limit = MOST_TIMES * length + MOST_MORE;
		if (disturbed_length(&calls[i], limit) > limit)
			fail_msg("%s: %llu instructions alone, more than %llu when disturbed", calls[i].names,
				 (unsigned long long)length, (unsigned long long)limit);
	}
	stepper_end();
	assert_ok(dhp_sim_set_usable(world.engine, dhp_sim_cpu(world.engine, 2), true));
	take_down();
}

/* ---- what blocks ---- */

static struct dhp_percpu *made;
static uint32_t position;

static void do_add(void *argument)
{
	(void)argument;
	(void)add_position(world.engine, position++);
}

static void do_array(void *argument)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 64 };

	(void)argument;
	if (dhp_percpu_create(world.engine, &options, &made) == DHP_OK)
		(void)dhp_percpu_destroy(made);
}

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *veto)
{
	(void)context;
	(void)change;
	(void)veto;
}

static void do_register(void *argument)
{
	struct dhp_notify *registration;

	(void)argument;
	if (dhp_notify_register(world.engine, hear, NULL, DHP_NOTIFY_EXISTING, &registration) == DHP_OK)
		(void)dhp_notify_unregister(registration);
}

static bool forget_line(void *context, const char *line, size_t length)
{
	(void)context;
	(void)line;
	return length != 0;
}

static void do_record(void *argument)
{
	struct dhp_record *record;

	(void)argument;
	if (dhp_record_begin(world.engine, forget_line, NULL, &record) == DHP_OK)
		(void)dhp_record_end(record);
}

static void do_rebalance(void *argument)
{
	(void)argument;
	(void)dhp_rebalance_request(world.engine);
	(void)dhp_rebalance_drain(world.engine);
}

static void do_usable(void *argument)
{
	(void)argument;
	(void)dhp_sim_set_usable(world.engine, dhp_sim_cpu(world.engine, 1), false);
	(void)dhp_sim_set_usable(world.engine, dhp_sim_cpu(world.engine, 1), true);
}

static void do_remove(void *argument)
{
	(void)argument;
	for (uint32_t i = 0; i < ACTOR_DPCS; i++)
		if (dhp_dpc_insert(&victim.dpcs[i], NULL, NULL) == DHP_OK && dhp_dpc_remove(&victim.dpcs[i]) != DHP_OK)
			victim.inserted++;
}

static void do_flush(void *argument)
{
	(void)argument;
	(void)dhp_dpc_flush(world.engine);
	(void)dhp_epoch_synchronize(world.engine);
}

static void do_timer(void *argument)
{
	const struct dhp_timer_setting setting = { .size = sizeof(setting), .due_ns = 1000000000 };

	(void)argument;
	(void)dhp_timer_init(&victim.timer, world.engine);
	(void)dhp_timer_set(&victim.timer, &setting);
	(void)dhp_timer_cancel(&victim.timer);
}

static void do_memory(void *argument)
{
	static uint64_t free_mib = 100;

	(void)argument;
	(void)dhp_sim_memory_set(world.engine, 1ull << 30, free_mib++ << 20);
}

static void do_pause(void *argument)
{
	(void)argument;
	if (dhp_pause_all(world.engine, 1000000) == DHP_OK)
		(void)dhp_resume_all(world.engine);
}

static const struct {
	const char *name;
	void (*run)(void *argument);
	bool holds; /* requests: submitting is lock-free only while nothing is held */
} blocking[] = {
	{ "dhp_sim_add", do_add, false },
	{ "dhp_percpu_create, destroy", do_array, false },
	{ "dhp_notify_register, unregister", do_register, false },
	{ "dhp_record_begin, end", do_record, false },
	{ "dhp_rebalance_request, drain", do_rebalance, false },
	{ "dhp_sim_set_usable", do_usable, false },
	{ "dhp_dpc_remove", do_remove, false },
	{ "dhp_dpc_flush, dhp_epoch_synchronize", do_flush, false },
	{ "dhp_timer_set, cancel", do_timer, false },
	{ "dhp_sim_memory_set", do_memory, false },
	{ "dhp_pause_all, resume", do_pause, true },
};

/* Those that take memory from the C library may find its lock taken; the others may not wait for anything. */
static void calls_that_allocate_nothing(bool holds)
{
	for (uint32_t i = 0; i < calls_count; i++)
		if (calls[i].needs != MEMORY && !(calls[i].needs == NO_HOLD && holds))
			calls[i].make(&other);
}

#define MOST_STEPS (whole ? 60000u : 6000u) /* the rest of a call that is longer runs without a stop */
#define BLOCKING_SAMPLES (whole ? 300u : UNDER_ASAN ? 20u : 40u)

static void stop_blocking(const char *name, void (*run)(void *argument), bool holds)
{
	uint64_t length = stepper_stop_at(run, NULL, MOST_STEPS, false).steps, stride = length / BLOCKING_SAMPLES + 1;
	struct stepped stepped;

	stepper_release();
	stepped = stepper_stop_at(run, NULL, 1, false);

	/* Who spins until others have done something does so for long. */
	for (uint32_t stops = 0; stepped.stopped && stops < 2 * BLOCKING_SAMPLES; stops++) {
		stepper_watch("it blocks, was stopped, and who does not block waits for it", name);
		calls_that_allocate_nothing(holds);
		stepped = stepper_next(stride);
	}
	stepper_release();
	assert_true(stepped.steps > stride);
}

static void who_does_not_block_does_not_wait_for_who_does(void **state)
{
	(void)state;
	need_steps();
	for (size_t i = 0; i < LENGTH(blocking); i++) {
		set_up(512, 3);
		position = 3;
		stepper_start();
		stepper_run(blocking[i].run, NULL);
		stop_blocking(blocking[i].name, blocking[i].run, blocking[i].holds);
		stepper_end();
		take_down();
	}
}

/* ---- a worker, or a thief ---- */

static uint64_t step;
static struct dhp_dpc starter;

static void all_inserts(void)
{
	for (uint32_t i = 0; i < ACTOR_DPCS; i++)
		other.inserted += dhp_dpc_insert(&other.dpcs[i], NULL, NULL) == DHP_OK;
}

static void arm(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
	stepper_arm_here(step);
}

#define WORKER_STEPS (UNDER_ASAN ? 800u : 3000u)
#define WORKER_STRIDE (whole ? 3u : 53u)

static void nobody_who_does_not_block_waits_for_a_worker_or_a_thief(void **state)
{
	(void)state;
	need_steps();
	set_up(8, 3);
	stepper_start();
	assert_ok(dhp_dpc_init(&starter, world.engine, arm, NULL));
	for (step = 1; step < WORKER_STEPS; step += WORKER_STRIDE) {
		assert_ok(dhp_dpc_set_target(&starter, (uint32_t)(step % 3)));
		assert_ok(dhp_dpc_insert(&starter, NULL, NULL));
		stepper_watch("the worker, or a thief, was stopped", "dhp-worker");
		while (!stepper_look().stopped) { /* if it sleeps it is woken */
			all_inserts();
			(void)sched_yield();
		}
		calls_that_allocate_nothing(false);
		stepper_let_go();
		assert_ok(dhp_dpc_flush(world.engine));
	}
	stepper_end();
	take_down();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_waits_for_a_call_that_was_stopped_anywhere),
		cmocka_unit_test(processors_arrive_whoever_was_stopped),
		cmocka_unit_test(wait_free_calls_end_whatever_happens_between_their_instructions),
		cmocka_unit_test(who_does_not_block_does_not_wait_for_who_does),
		cmocka_unit_test(nobody_who_does_not_block_waits_for_a_worker_or_a_thief),
	};

	whole = argc > 1 && strcmp(argv[1], "whole") == 0;
	return cmocka_run_group_tests_name("stopped_anywhere", tests, NULL, NULL);
}
