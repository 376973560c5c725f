/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Somebody takes the pins of threads away, as the kernel does without a sign; the next look restores them.
 *
 * Each story has a process of its own: what confines it must not confine the stories after it.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <dhp/counter.h>
#include <dhp/thread.h>

#include "partition.h"
#include "queue.h"

#define CPUS 64u

struct machine {
	uint32_t cpus[CPUS];
	uint32_t count;
	struct dhp_engine *engine;
	uint64_t told_ok, told_refused, told_ended; /* by the trace hook */
};

static void need_two_cpus(struct machine *machine)
{
	memset(machine, 0, sizeof(*machine));
	machine->count = usable_cpus(machine->cpus, CPUS);
	if (machine->count >= 2)
		return;
	print_message("this process may use one cpu only\n");
	skip();
}

static void hear_trace(void *context, const struct dhp_trace_event *event)
{
	struct machine *machine = context;

	if (strcmp(event->step, "pin") != 0)
		return;
	(void)bump(event->status == DHP_OK ? &machine->told_ok :
		   event->status == DHP_ENDED ? &machine->told_ended : &machine->told_refused);
}

static void make_engine(struct machine *machine, uint32_t flags)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .flags = flags, .poll_interval_ms = 5,
		.trace = hear_trace, .trace_context = machine };

	require_ok(dhp_engine_create(&options, &machine->engine));
	require(active_count(machine->engine) == machine->count);
}

static void look(struct machine *machine)
{
	require_ok(dhp_engine_rescan(machine->engine));
}

static uint32_t cpu_of(struct machine *machine, uint32_t index)
{
	struct dhp_processor processor;

	require_ok(dhp_processor_at(machine->engine, index, &processor));
	return processor.cpu;
}

static struct dhp_affinity only(struct machine *machine, uint32_t index)
{
	struct dhp_processor processor;

	require_ok(dhp_processor_at(machine->engine, index, &processor));
	return (struct dhp_affinity){ .group = processor.number.group, .mask = 1ull << processor.number.number };
}

static bool is_pinned_to(pid_t thread, uint32_t cpu)
{
	return port_pin_look(thread, cpu) == PORT_PINNED;
}

/* A thread has stored it. */
static pid_t id_of(const uint64_t *id)
{
	return (pid_t)peek(id);
}

static pid_t worker_of(struct machine *machine, uint32_t index)
{
	struct dhpi_queue *queue = dhpi_queue_of_index(machine->engine->work, index);
	uint32_t id;

	while ((id = at_load_relaxed_u32(&queue->thread.id)) == 0)
		sleep_us(100);
	return (pid_t)id;
}

static struct dhp_processor_stats stats_of_worker(struct machine *machine, uint32_t index)
{
	struct dhp_processor_stats stats = { .run_count = 0 };

	require_ok(dhp_processor_stats_read(machine->engine, index, &stats));
	return stats;
}

static uint32_t usable_count(struct machine *machine)
{
	struct dhp_counts counts = { .usable = 0 };

	require_ok(dhp_counts_read(machine->engine, &counts));
	return counts.usable;
}

static bool all_workers_pinned(void *context)
{
	struct machine *machine = context;
	bool all = true;

	for (uint32_t index = 0; index < active_count(machine->engine); index++)
		all = all && is_pinned_to(worker_of(machine, index), cpu_of(machine, index));
	return all;
}

static void in_a_child(void (*story)(uint64_t *words, void *argument))
{
	struct machine machine;
	struct child child;

	need_two_cpus(&machine);
	child_start(&child, story, &machine);
	child_end(&child);
}

/* ---- workers ---- */

static void unpin_workers(uint64_t *words, void *argument)
{
	struct machine *machine = argument;

	(void)words;
	make_engine(machine, DHP_ENGINE_NO_WATCH);
	for (uint32_t round = 1; round <= 20; round++) {
		require(all_workers_pinned(machine));
		for (uint32_t index = 0; index < machine->count; index++)
			require(confine(worker_of(machine, index), machine->cpus, machine->count));
		look(machine);
		require(all_workers_pinned(machine));
		look(machine); /* finds nothing to do */
		for (uint32_t index = 0; index < machine->count; index++)
			require(stats_of_worker(machine, index).pin_restored_count == round);
	}
	require(stats_of_worker(machine, 0).pin_refused_count == 0);
	require(machine->told_ok == 20 * machine->count && machine->told_refused == 0);
	require_ok(dhp_engine_destroy(machine->engine));
}

static void one_look_pins_every_worker_again_S618(void **state)
{
	(void)state;
	in_a_child(unpin_workers);
}

static void unpin_watched_workers(uint64_t *words, void *argument)
{
	struct machine *machine = argument;

	(void)words;
	make_engine(machine, 0);
	for (uint32_t round = 0; round < 20; round++) {
		uint32_t index = round % machine->count;

		require(confine(worker_of(machine, index), &machine->cpus[(index + 1) % machine->count], 1));
		require(wait_until(all_workers_pinned, machine));
	}
	require_ok(dhp_engine_destroy(machine->engine));
}

static void the_poll_pins_workers_again_without_being_asked_S618(void **state)
{
	(void)state;
	in_a_child(unpin_watched_workers);
}

/* ---- in the middle of a routine ---- */

struct displaced {
	struct machine *machine;
	struct dhp_percpu *array;
	struct dhp_counter *counter;
	struct dhp_dpc dpc;
	uint64_t entered, go_on, over, wrong;
};

/* Whose slot, and does the system agree? */
static void check_place(struct displaced *me, uint32_t index, uint32_t cpu)
{
	if (dhp_percpu_here(me->array) != dhp_percpu_at(me->array, index) ||
	    dhp_percpu_here_slow(me->array) != dhp_percpu_at(me->array, index) ||
	    dhp_index_here(me->machine->engine) != index || sched_getcpu() != (int)cpu)
		(void)bump(&me->wrong);
	for (uint32_t i = 0; i < 1000; i++)
		dhp_counter_add(me->counter, 1);
}

static void run_displaced(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct displaced *me = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	check_place(me, 1, cpu_of(me->machine, 1));
	(void)bump(&me->entered);
	while (peek(&me->go_on) == 0)
		sleep_us(20);
	check_place(me, 1, cpu_of(me->machine, 0));
	(void)bump(&me->entered);
	while (peek(&me->go_on) == 1)
		sleep_us(20);
	check_place(me, 1, cpu_of(me->machine, 1));
	(void)bump(&me->over);
}

static void move_in_a_routine(uint64_t *words, void *argument)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 8 };
	struct displaced me = { .machine = argument };

	(void)words;
	make_engine(me.machine, DHP_ENGINE_NO_WATCH);
	require_ok(dhp_percpu_create(me.machine->engine, &options, &me.array));
	require_ok(dhp_counter_create(me.machine->engine, &me.counter));
	require_ok(dhp_dpc_init(&me.dpc, me.machine->engine, run_displaced, &me));
	require_ok(dhp_dpc_set_target(&me.dpc, 1));
	require_ok(dhp_dpc_insert(&me.dpc, NULL, NULL));
	require(wait_for_count(&me.entered, 1));
	require(confine(worker_of(me.machine, 1), &me.machine->cpus[0], 1)); /* as the kernel does when cpu 1 goes */
	poke(&me.go_on, 1);
	require(wait_for_count(&me.entered, 2));
	look(me.machine);
	require(all_workers_pinned(me.machine)); /* the routine still runs */
	poke(&me.go_on, 2);
	require_ok(dhp_dpc_flush(me.machine->engine));
	require(me.over == 1 && me.wrong == 0);
	require(dhp_counter_sum(me.counter) == 3000);
	require_ok(dhp_counter_destroy(me.counter));
	require_ok(dhp_percpu_destroy(me.array));
	require_ok(dhp_engine_destroy(me.machine->engine));
}

static void a_routine_that_is_moved_keeps_its_processor_S006_S532(void **state)
{
	(void)state;
	in_a_child(move_in_a_routine);
}

/* ---- a processor that goes and comes back ---- */

struct aimed {
	struct dhp_dpc dpc;
	uint64_t cpu;
};

static void note_cpu(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct aimed *aimed = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	poke(&aimed->cpu, (uint64_t)sched_getcpu());
}

static uint32_t run_aimed(struct machine *machine, uint32_t index)
{
	struct aimed aimed = { .cpu = UINT64_MAX };

	require_ok(dhp_dpc_init(&aimed.dpc, machine->engine, note_cpu, &aimed));
	require_ok(dhp_dpc_set_target(&aimed.dpc, index));
	require_ok(dhp_dpc_insert(&aimed.dpc, NULL, NULL));
	require_ok(dhp_dpc_flush(machine->engine));
	return (uint32_t)aimed.cpu;
}

static void go_and_come_back(uint64_t *words, void *argument)
{
	struct machine *machine = argument;

	(void)words;
	make_engine(machine, DHP_ENGINE_NO_WATCH);
	for (uint32_t round = 0; round < 20; round++) {
		require(confine(0, machine->cpus, 1)); /* the watched thread: the process may use the first cpu only */
		look(machine);
		require(usable_count(machine) == 1);
		require(run_aimed(machine, 1) == cpu_of(machine, 0));
		require(confine(worker_of(machine, 1), machine->cpus, machine->count)); /* what Linux 6.1 leaves behind */
		look(machine);
		require(!is_pinned_to(worker_of(machine, 1), cpu_of(machine, 1))); /* there is nothing to restore now */
		require(confine(0, machine->cpus, machine->count));
		look(machine);
		require(usable_count(machine) == machine->count);
		require(all_workers_pinned(machine));
		require(run_aimed(machine, 1) == cpu_of(machine, 1));
	}
	/* The only one changes. */
	for (uint32_t round = 0; round < 20; round++) {
		require(confine(0, &machine->cpus[round % 2], 1));
		look(machine);
		require(usable_count(machine) == 1);
		for (uint32_t index = 0; index < machine->count; index++)
			require(run_aimed(machine, index) == machine->cpus[round % 2]);
	}
	require_ok(dhp_engine_destroy(machine->engine));
}

static void a_worker_is_pinned_before_work_comes_back_S641_S006(void **state)
{
	(void)state;
	in_a_child(go_and_come_back);
}

/* ---- threads of the user ---- */

struct user {
	struct machine *machine;
	struct dhp_pin pin;
	pthread_t thread;
	uint32_t index;
	uint64_t id, stage, told; /* where it is, how far it may go */
	bool leaves;          /* ends without dropping */
};

static void wait_to_be_told(struct user *user, uint64_t stage)
{
	poke(&user->stage, stage);
	require(wait_for_count(&user->told, stage));
}

static struct dhp_pin_state state_of(struct user *user)
{
	struct dhp_pin_state state = { .index = DHP_NO_INDEX };

	require_ok(dhp_pin_read(user->machine->engine, &user->pin, &state));
	require(state.index == user->index);
	return state;
}

static bool is_free(const struct machine *machine)
{
	uint32_t now[CPUS];

	return usable_cpus(now, CPUS) == machine->count;
}

static void *be_kept(void *argument)
{
	struct user *user = argument;
	struct dhp_engine *engine = user->machine->engine;
	const struct dhp_affinity first = only(user->machine, 0);
	struct dhp_affinity previous;

	poke(&user->id, (uint64_t)port_thread_id());
	require_ok(dhp_pin_keep(engine, &user->pin, user->index));
	require(sched_getcpu() == (int)cpu_of(user->machine, user->index));
	wait_to_be_told(user, 1);
	if (user->leaves)
		return NULL;
	require(sched_getcpu() == (int)cpu_of(user->machine, user->index) && dhp_index_here(engine) == user->index);
	require_ok(dhp_thread_affinity_set(engine, &first, &previous));
	require(previous.mask == 0);
	require(dhp_pin_drop(engine, &user->pin) == DHP_IN_USE);
	wait_to_be_told(user, 2);
	require(sched_getcpu() == (int)cpu_of(user->machine, 0));
	require_ok(dhp_thread_affinity_revert(engine, &previous));
	require(sched_getcpu() == (int)cpu_of(user->machine, user->index));
	wait_to_be_told(user, 3);
	require_ok(dhp_pin_drop(engine, &user->pin));
	require(is_free(user->machine));
	require(dhp_pin_drop(engine, &user->pin) == DHP_BAD_OBJECT);
	wait_to_be_told(user, 4);
	return NULL;
}

static void start_user(struct user *user, struct machine *machine, uint32_t index, bool leaves)
{
	memset(user, 0x5a, sizeof(*user)); /* the object need not be initialised */
	user->machine = machine;
	user->index = index;
	user->leaves = leaves;
	user->id = user->stage = user->told = 0;
	require(pthread_create(&user->thread, NULL, be_kept, user) == 0);
	require(wait_for_count(&user->stage, 1));
}

static void let_go(struct user *user, uint64_t stage)
{
	poke(&user->told, stage);
	require(wait_for_count(&user->stage, stage + 1));
}

static void keep_threads(uint64_t *words, void *argument)
{
	struct machine *machine = argument;
	struct user user;

	(void)words;
	make_engine(machine, DHP_ENGINE_NO_WATCH);
	start_user(&user, machine, 1, false);
	require(state_of(&user).status == DHP_OK && state_of(&user).restored_count == 0);
	require(dhp_pin_drop(machine->engine, &user.pin) == DHP_IN_USE); /* not by another thread */
	require(dhp_pin_keep(machine->engine, &user.pin, 0) == DHP_IN_USE);
	for (uint32_t round = 1; round <= 10; round++) {
		require(confine(id_of(&user.id), machine->cpus, round % 2 + 1));
		look(machine);
		require(is_pinned_to(id_of(&user.id), cpu_of(machine, 1)));
		require(state_of(&user).restored_count == round && state_of(&user).refused_count == 0);
	}
	require(confine(0, machine->cpus, 1)); /* its processor goes and comes back */
	look(machine);
	require(state_of(&user).status == DHP_NO_AFFINITY);
	require(confine(id_of(&user.id), machine->cpus, machine->count));
	look(machine);
	require(!is_pinned_to(id_of(&user.id), cpu_of(machine, 1)));
	require(confine(0, machine->cpus, machine->count));
	look(machine);
	require(is_pinned_to(id_of(&user.id), cpu_of(machine, 1)) && state_of(&user).status == DHP_OK);
	let_go(&user, 1); /* it has set an affinity now: that is not taken for a lost pin */
	look(machine);
	require(is_pinned_to(id_of(&user.id), cpu_of(machine, 0)) && state_of(&user).status == DHP_IN_USE);
	let_go(&user, 2);
	require(state_of(&user).status == DHP_OK);
	require(dhp_engine_destroy(machine->engine) == DHP_IN_USE);
	let_go(&user, 3);
	look(machine); /* nobody's concern any more */
	require(!is_pinned_to(id_of(&user.id), cpu_of(machine, 1)));
	poke(&user.told, 4);
	require(pthread_join(user.thread, NULL) == 0);
	require_ok(dhp_engine_destroy(machine->engine));
}

static void a_thread_is_kept_on_its_processor_until_it_is_dropped_S532(void **state)
{
	(void)state;
	in_a_child(keep_threads);
}

/* ---- a thread that ends without a word ---- */

/* The next thread of the system gets the id. false: that cannot be asked for here. */
static bool give_anew(pid_t id)
{
	char text[16];
	int file = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC), length;
	bool written;

	if (file < 0)
		return false;
	length = snprintf(text, sizeof(text), "%d", id - 1);
	written = write(file, text, (size_t)length) == length;
	(void)close(file);
	return written;
}

struct stranger {
	uint64_t id, ready, over;
};

static void *be_a_stranger(void *argument)
{
	struct stranger *stranger = argument;

	poke(&stranger->id, (uint64_t)port_thread_id());
	(void)bump(&stranger->ready);
	require(wait_for_count(&stranger->over, 1));
	return NULL;
}

static void start_stranger(struct stranger *stranger, pthread_t *thread)
{
	memset(stranger, 0, sizeof(*stranger));
	require(pthread_create(thread, NULL, be_a_stranger, stranger) == 0);
	require(wait_for_count(&stranger->ready, 1));
}

static void end_stranger(struct stranger *stranger, pthread_t thread)
{
	poke(&stranger->over, 1);
	require(pthread_join(thread, NULL) == 0);
}

/* Somebody else in the system may be quicker, so a few tries. */
static bool become(struct stranger *stranger, pthread_t *thread, pid_t id)
{
	for (uint32_t tries = 0; tries < 20; tries++) {
		if (!give_anew(id))
			return false;
		start_stranger(stranger, thread);
		if (id_of(&stranger->id) == id)
			return true;
		end_stranger(stranger, *thread);
	}
	return false;
}

static void end_without_a_word(uint64_t *words, void *argument)
{
	struct machine *machine = argument;
	struct stranger stranger;
	struct user user;
	pthread_t thread;
	bool same;

	(void)words;
	make_engine(machine, DHP_ENGINE_NO_WATCH);
	start_user(&user, machine, 1, true);
	poke(&user.told, 1);
	require(pthread_join(user.thread, NULL) == 0);
	require(state_of(&user).status == DHP_ENDED);
	same = become(&stranger, &thread, id_of(&user.id));
	if (!same)
		(void)fprintf(stderr, "the id of a thread cannot be given anew here\n");
	look(machine);
	look(machine);
	require(machine->told_ended == 1 && machine->told_ok == 0 && machine->told_refused == 0);
	require(state_of(&user).status == DHP_ENDED && state_of(&user).restored_count == 0);
	if (same) {
		require(!is_pinned_to(id_of(&stranger.id), cpu_of(machine, 1)));
		end_stranger(&stranger, thread);
	}
	require(dhp_engine_destroy(machine->engine) == DHP_IN_USE);
	require_ok(dhp_pin_drop(machine->engine, &user.pin));
	require(dhp_pin_drop(machine->engine, &user.pin) == DHP_BAD_OBJECT);
	require_ok(dhp_engine_destroy(machine->engine));
}

static void a_thread_that_ends_is_reported_and_its_id_left_alone(void **state)
{
	(void)state;
	in_a_child(end_without_a_word);
}

/* ---- a watched thread that is kept says nothing about the process ---- */

static void keep_the_main_thread(uint64_t *words, void *argument)
{
	struct machine *machine = argument;
	struct dhp_pin pin;

	(void)words;
	make_engine(machine, DHP_ENGINE_NO_WATCH);
	for (uint32_t round = 0; round < 10; round++) {
		require_ok(dhp_pin_keep(machine->engine, &pin, round % 2));
		look(machine);
		require(usable_count(machine) == machine->count);
		require_ok(dhp_pin_drop(machine->engine, &pin));
		require(is_free(machine));
	}
	require_ok(dhp_engine_destroy(machine->engine));
}

static void a_main_thread_that_is_kept_takes_no_processor_away(void **state)
{
	(void)state;
	in_a_child(keep_the_main_thread);
}

/* ---- more than one look takes ---- */

#define MANY 1100u
#define AT_ONCE 1024u

static void *be_kept_and_end(void *argument)
{
	struct user *user = argument;

	require_ok(dhp_pin_keep(user->machine->engine, &user->pin, user->index));
	return NULL;
}

static void look_unasked(struct machine *machine)
{
	struct dhpi_partition *partition = machine->engine->partition;

	port_mutex_lock(&partition->serial);
	require_ok(dhpi_partition_rescan(partition, false));
	port_mutex_unlock(&partition->serial);
}

static void keep_many(uint64_t *words, void *argument)
{
	static struct user users[MANY];
	struct machine *machine = argument;

	(void)words;
	make_engine(machine, DHP_ENGINE_NO_WATCH);
	look_unasked(machine);
	for (uint32_t i = 0; i < MANY; i++) {
		users[i].machine = machine;
		require(pthread_create(&users[i].thread, NULL, be_kept_and_end, &users[i]) == 0);
		require(pthread_join(users[i].thread, NULL) == 0);
	}
	look_unasked(machine);
	require(machine->told_ended == AT_ONCE);
	look_unasked(machine); /* goes on behind them */
	require(machine->told_ended == MANY);
	for (uint32_t i = 0; i < MANY; i++)
		require_ok(dhp_pin_drop(machine->engine, &users[i].pin));
	require_ok(dhp_engine_destroy(machine->engine));
}

static void a_look_goes_over_so_many_at_most(void **state)
{
	(void)state;
	in_a_child(keep_many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_look_pins_every_worker_again_S618),
		cmocka_unit_test(the_poll_pins_workers_again_without_being_asked_S618),
		cmocka_unit_test(a_routine_that_is_moved_keeps_its_processor_S006_S532),
		cmocka_unit_test(a_worker_is_pinned_before_work_comes_back_S641_S006),
		cmocka_unit_test(a_thread_is_kept_on_its_processor_until_it_is_dropped_S532),
		cmocka_unit_test(a_thread_that_ends_is_reported_and_its_id_left_alone),
		cmocka_unit_test(a_main_thread_that_is_kept_takes_no_processor_away),
		cmocka_unit_test(a_look_goes_over_so_many_at_most),
	};

	return cmocka_run_group_tests_name("pins_restored", tests, NULL, NULL);
}
