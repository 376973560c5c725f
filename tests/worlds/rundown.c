/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rundown.c - the wait returns when the last reference is back, and no reference is given after it began; in one word and counted
 * per processor, also while a processor arrives (edges rundown-last, rundown-again, rundown-begin).
 */
#include <dhp/rundown.h>

#include "shop.h"

static struct {
	struct shop *shop;
	struct dhp_rundown *plain;
	struct dhp_rundown_percpu *percpu; /* NULL: the plain one is meant */
	void *memory;
	size_t bytes;
	struct at_u32 *object; /* freed by the owner */
} down;

static enum dhp_status acquire(void)
{
	return down.percpu != NULL ? dhp_rundown_percpu_acquire(down.percpu, 1) : dhp_rundown_acquire(down.plain, 1);
}

static enum dhp_status release(void)
{
	return down.percpu != NULL ? dhp_rundown_percpu_release(down.percpu, 1) : dhp_rundown_release(down.plain, 1);
}

static void open(bool percpu)
{
	down.shop = port_alloc(sizeof(*down.shop));
	shop_open_base(down.shop);
	shop_add_row(down.shop, 0);
	shop_publish(down.shop, 0);
	down.plain = port_alloc(sizeof(*down.plain));
	(void)dhp_rundown_init(down.plain);
	down.object = port_alloc(sizeof(*down.object));
	down.percpu = NULL;
	down.bytes = dhp_rundown_percpu_bytes(&down.shop->engine);
	down.memory = port_alloc(down.bytes);
	if (percpu)
		FIBRE_DEMAND(dhp_rundown_percpu_init(&down.shop->engine, down.memory, down.bytes, &down.percpu) == DHP_OK);
}

static void close(void)
{
	FIBRE_DEMAND(acquire() == DHP_RUN_DOWN);
	port_free(down.memory, down.bytes);
	port_free(down.plain, sizeof(*down.plain));
	shop_close_base(down.shop);
}

static void use(void)
{
	(void)at_fetch_add_relaxed_u32(down.object, 1); /* relaxed: found freed, or not */
}

static void hold(void *cpu)
{
	port_cpu_pretend((int32_t)(intptr_t)cpu);
	if (acquire() != DHP_OK)
		return;
	use();
	FIBRE_DEMAND(release() == DHP_OK);
}

/* Given back on another processor. */
static void hold_and_move(void *cpu)
{
	port_cpu_pretend((int32_t)(intptr_t)cpu);
	if (acquire() != DHP_OK)
		return;
	use();
	port_cpu_pretend(1 - (int32_t)(intptr_t)cpu);
	FIBRE_DEMAND(release() == DHP_OK);
}

static void run_down(void *nothing)
{
	(void)nothing;
	FIBRE_DEMAND((down.percpu != NULL ? dhp_rundown_percpu_wait(down.percpu) : dhp_rundown_wait(down.plain)) == DHP_OK);
	port_free(down.object, sizeof(*down.object));
}

static void wait_only(void *nothing)
{
	(void)nothing;
	FIBRE_DEMAND(dhp_rundown_percpu_wait(down.percpu) == DHP_OK);
}

static void arrive(void *nothing)
{
	(void)nothing;
	shop_add_row(down.shop, 1);
	shop_publish(down.shop, 1);
}

static void *cpu(intptr_t number)
{
	return (void *)number;
}

static void one_word(void)
{
	open(false);
	TOGETHER({ "owner", run_down, NULL }, { "holder", hold, NULL }, { "holder", hold, NULL });
	close();
}

static void one_slot(void)
{
	open(true);
	TOGETHER({ "owner", run_down, NULL }, { "holder", hold, cpu(0) });
	close();
}

static void two_slots(void)
{
	open(true);
	arrive(NULL);
	TOGETHER({ "owner", run_down, NULL }, { "holder", hold_and_move, cpu(0) }, { "holder", hold_and_move, cpu(1) });
	close();
}

static void during_an_arrival(void)
{
	open(true);
	TOGETHER({ "owner", run_down, NULL }, { "holder", hold_and_move, cpu(1) }, { "arrival", arrive, NULL });
	close();
}

static void two_owners(void)
{
	open(true);
	TOGETHER({ "owner", wait_only, NULL }, { "owner", wait_only, NULL }, { "holder", hold, cpu(0) });
	port_free(down.object, sizeof(*down.object));
	close();
}

/* Used again: who acquires because of that sees what came before. */
static void run_down_and_reinit(void *nothing)
{
	(void)nothing;
	FIBRE_DEMAND(dhp_rundown_wait(down.plain) == DHP_OK);
	FIBRE_DEMAND(dhp_rundown_completed(down.plain) == DHP_OK);
	FIBRE_DEMAND(dhp_rundown_reinit(down.plain) == DHP_OK);
	run_down(NULL);
}

static void used_again(void)
{
	open(false);
	TOGETHER({ "owner", run_down_and_reinit, NULL }, { "holder", hold, NULL });
	close();
}

const struct world worlds[] = {
	{ .name = "one_word_keeps_the_object_for_two_holders", .run = one_word, .runs = 2000, .long_runs = 500000 },
	{ .name = "a_count_per_processor_keeps_the_object", .run = one_slot },
	{ .name = "two_holders_change_their_processors", .run = two_slots },
	{ .name = "a_holder_meets_an_arrival", .run = during_an_arrival },
	{ .name = "two_owners_wait", .run = two_owners },
	{ .name = "one_word_is_used_again", .run = used_again },
	{ .name = NULL },
};
