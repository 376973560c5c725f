/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checker.c - the checker itself: how many schedules there are where that is known, and that it finds what is wrong.
 */
#include "port.h"
#include "world.h"

struct words {
	struct at_u64 a, b, c;
	struct at_u32 flag, asleep;
	struct port_mutex lock, other_lock;
	struct port_event event;
};

static struct words *words;

static void begin(void)
{
	words = port_alloc(sizeof(*words));
	port_event_init(&words->event);
	port_mutex_init(&words->lock);
	port_mutex_init(&words->other_lock);
}

static void end(void)
{
	port_free(words, sizeof(*words));
}

/* ---- how many ---- */

static void add_twice(void *word)
{
	(void)at_fetch_add_relaxed_u64(word, 1); /* relaxed: the world is sequentially consistent */
	(void)at_fetch_add_relaxed_u64(word, 1); /* relaxed: likewise */
}

static void three_words_of_their_own(void)
{
	begin();
	TOGETHER({ "one", add_twice, &words->a }, { "two", add_twice, &words->b }, { "three", add_twice, &words->c });
	end();
}

/* The orders of two steps each: 6! / (2! 2! 2!). */
static void three_on_one_word(void)
{
	begin();
	TOGETHER({ "one", add_twice, &words->a }, { "two", add_twice, &words->a }, { "three", add_twice, &words->a });
	FIBRE_DEMAND(at_load_relaxed_u64(&words->a) == 6); /* relaxed: all have ended */
	end();
}

static void read_a(void *nothing)
{
	(void)nothing;
	(void)at_load_relaxed_u64(&words->a); /* relaxed: likewise */
}

static void write_a(void *nothing)
{
	(void)nothing;
	at_store_relaxed_u64(&words->a, 1); /* relaxed: likewise */
}

/* Each reader before or after the writer; readers among themselves in no order. */
static void two_readers_one_writer(void)
{
	begin();
	TOGETHER({ "reader", read_a, NULL }, { "reader", read_a, NULL }, { "writer", write_a, NULL });
	end();
}

static void lock_and_add(void *nothing)
{
	(void)nothing;
	port_mutex_lock(&words->lock);
	add_twice(&words->a);
	port_mutex_unlock(&words->lock);
}

/* The orders in which the lock is taken. */
static void three_with_a_lock(void)
{
	begin();
	TOGETHER({ "one", lock_and_add, NULL }, { "two", lock_and_add, NULL }, { "three", lock_and_add, NULL });
	end();
}

/* ---- what is found ---- */

static void add_by_load_and_store(void *nothing)
{
	(void)nothing;
	at_store_relaxed_u64(&words->a, at_load_relaxed_u64(&words->a) + 1); /* relaxed: the fault is another one */
}

static void an_addition_is_lost(void)
{
	begin();
	TOGETHER({ "one", add_by_load_and_store, NULL }, { "two", add_by_load_and_store, NULL });
	FIBRE_DEMAND(at_load_relaxed_u64(&words->a) == 2); /* relaxed: all have ended */
	end();
}

static void sleep_unless_flag(bool announce_first)
{
	uint32_t ticket = port_event_ticket(&words->event);

	if (announce_first)
		at_store_seq_cst_u32(&words->asleep, 1);
	if (at_load_seq_cst_u32(&words->flag) != 0)
		return;
	if (!announce_first)
		at_store_seq_cst_u32(&words->asleep, 1);
	port_event_wait(&words->event, ticket, 0);
}

static void sleep_well(void *nothing)
{
	(void)nothing;
	sleep_unless_flag(true);
}

static void sleep_badly(void *nothing)
{
	(void)nothing;
	sleep_unless_flag(false);
}

static void wake(void *nothing)
{
	(void)nothing;
	at_store_seq_cst_u32(&words->flag, 1);
	if (at_load_seq_cst_u32(&words->asleep) != 0)
		(void)port_event_signal(&words->event);
}

static void no_wake_up_is_lost(void)
{
	begin();
	TOGETHER({ "sleeper", sleep_well, NULL }, { "waker", wake, NULL });
	end();
}

static void a_wake_up_is_lost(void)
{
	begin();
	TOGETHER({ "sleeper", sleep_badly, NULL }, { "waker", wake, NULL });
	end();
}

static void lock_both(void *first)
{
	struct port_mutex *second = first == &words->lock ? &words->other_lock : &words->lock;

	port_mutex_lock(first);
	port_mutex_lock(second);
	port_mutex_unlock(second);
	port_mutex_unlock(first);
}

static void locks_are_taken_crosswise(void)
{
	begin();
	TOGETHER({ "one", lock_both, &words->lock }, { "two", lock_both, &words->other_lock });
	end();
}

static void use_freed(void *word)
{
	(void)at_load_relaxed_u64(word); /* relaxed: the fault is another one */
}

static void free_it(void *block)
{
	port_free(block, sizeof(struct at_u64));
}

static void a_freed_word_is_read(void)
{
	void *block = port_alloc(sizeof(struct at_u64));

	TOGETHER({ "reader", use_freed, block }, { "owner", free_it, block });
}

static void wait_for_flag(void *nothing)
{
	(void)nothing;
	while (at_load_seq_cst_u32(&words->flag) == 0)
		port_relax();
}

static void a_loop_waits_for_ever(void)
{
	begin();
	TOGETHER({ "waiter", wait_for_flag, NULL }, { "adder", add_twice, &words->a });
	end();
}

static void a_loop_ends(void)
{
	begin();
	TOGETHER({ "waiter", wait_for_flag, NULL }, { "waker", wake, NULL });
	end();
}

/* The one that it looked at first may be set while it looks at the other. */
static void wait_for_either(void *nothing)
{
	(void)nothing;
	while (at_load_relaxed_u64(&words->a) == 0 && at_load_relaxed_u64(&words->b) == 0) /* relaxed: as above */
		port_relax();
	at_store_seq_cst_u32(&words->flag, 1);
}

static void a_loop_over_two_words_ends(void)
{
	begin();
	TOGETHER({ "waiter", wait_for_flag, NULL }, { "second waiter", wait_for_either, NULL }, { "writer", write_a, NULL });
	end();
}

static void signal_and_look(void *nothing)
{
	(void)nothing;
	(void)port_event_signal(&words->event);
	FIBRE_DEMAND(at_load_relaxed_u64(&words->a) == 0); /* relaxed: as above */
}

/* The other has ended when this one goes on; or it has not. */
static void who_is_left_goes_on(void)
{
	uint32_t other, ticket;

	begin();
	ticket = port_event_ticket(&words->event);
	other = fibre_start(signal_and_look, NULL, "other");
	port_event_wait(&words->event, ticket, 0);
	write_a(NULL);
	fibre_join(other);
	end();
}

static void hold_lock(void *nothing)
{
	(void)nothing;
	while (at_exchange_acquire_u32(&words->flag, 1) != 0)
		port_relax();
	at_store_release_u32(&words->flag, 0);
}

static void a_handler_waits_for_whom_it_interrupts(void)
{
	uint32_t thread;

	begin();
	thread = fibre_start(hold_lock, NULL, "thread");
	fibre_join(fibre_start_handler(hold_lock, NULL, "handler", thread));
	fibre_join(thread);
	end();
}

static void bump_both(void *nothing)
{
	(void)nothing;
	(void)at_fetch_add_relaxed_u64(&words->a, 1); /* relaxed: the world is sequentially consistent */
	(void)at_fetch_add_relaxed_u64(&words->b, 1); /* relaxed: likewise */
}

static void see_them_equal(void *nothing)
{
	uint64_t a = at_load_relaxed_u64(&words->a), b = at_load_relaxed_u64(&words->b); /* relaxed: likewise */

	(void)nothing;
	FIBRE_DEMAND((a == 0 && b == 0) || (a == 1 && b == 1));
}

static void a_handler_comes_in_the_middle(void)
{
	uint32_t thread;

	begin();
	thread = fibre_start(bump_both, NULL, "thread");
	(void)fibre_start_handler(see_them_equal, NULL, "handler", thread);
	fibre_join(thread);
	end();
}

const struct world worlds[] = {
	{ .name = "three_fibres_on_words_of_their_own", .run = three_words_of_their_own, .exactly = 1 },
	{ .name = "three_fibres_on_one_word", .run = three_on_one_word, .exactly = 90 },
	{ .name = "two_readers_and_a_writer", .run = two_readers_one_writer, .exactly = 4 },
	{ .name = "three_fibres_and_a_lock", .run = three_with_a_lock, .exactly = 6 },
	{ .name = "a_lost_addition_is_found", .run = an_addition_is_lost, .fails = true },
	{ .name = "a_lost_addition_is_found_with_one_preemption", .run = an_addition_is_lost,
	  .strategy = BOUNDED, .bound = 1, .fails = true },
	{ .name = "a_lost_addition_is_found_by_chance", .run = an_addition_is_lost,
	  .strategy = RANDOM, .runs = 100, .fails = true },
	{ .name = "a_lost_addition_is_found_by_priorities", .run = an_addition_is_lost,
	  .strategy = PCT, .bound = 2, .runs = 1000, .fails = true },
	{ .name = "a_sleep_announced_before_the_look_loses_nothing", .run = no_wake_up_is_lost },
	{ .name = "a_lost_wake_up_is_found", .run = a_wake_up_is_lost, .fails = true },
	{ .name = "locks_taken_crosswise_are_found", .run = locks_are_taken_crosswise, .fails = true },
	{ .name = "a_read_of_freed_memory_is_found", .run = a_freed_word_is_read, .fails = true },
	{ .name = "who_is_left_alone_may_have_been_quicker", .run = who_is_left_goes_on, .fails = true },
	{ .name = "a_loop_that_is_woken_ends", .run = a_loop_ends },
	{ .name = "a_loop_that_looks_at_two_words_ends", .run = a_loop_over_two_words_ends, .strategy = RANDOM, .runs = 1000 },
	{ .name = "a_loop_that_waits_for_ever_is_found", .run = a_loop_waits_for_ever, .fails = true },
	{ .name = "a_handler_that_waits_for_its_thread_is_found", .run = a_handler_waits_for_whom_it_interrupts,
	  .fails = true },
	{ .name = "a_handler_comes_between_two_steps", .run = a_handler_comes_in_the_middle, .fails = true },
	{ .name = NULL },
};
