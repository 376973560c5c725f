/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pins.c - a thread that is kept on a processor: pinned again while that is meant, and left alone as soon as it is not, whoever
 * looks, takes pins away, or takes the processor away and gives it back meanwhile (pin.c, pins.c, thread.c).
 *
 * The system is four words: the processors that there are, and where each thread may run.
 */
#include "partition.h"

#include "world.h"

static enum port_pinned look_in_system(int32_t thread, uint32_t cpu);
static bool pin_in_system(int32_t thread, uint32_t cpu);
static bool read_own(struct port_affinity *out_affinity);
static bool write_own(const struct port_affinity *affinity);

#define port_pin_look look_in_system
#define port_pin_write pin_in_system
#define port_affinity_read read_own
#define port_affinity_write write_own
#include "../../engine/work/pin.c"
#include "../../engine/partition/pins.c"
#include "../../engine/partition/thread.c"

#include "shop.h"

#define ALL 3u /* processors, as a mask */
#define KEPT 0u
#define OTHER 1u

static struct {
	struct shop *shop;
	struct dhpi_partition *partition;
	struct at_u64 *allowed;    /* the process: a mask */
	struct at_u64 *may_run_on; /* a mask for each thread */
	struct dhp_pin *pin;
	struct at_u64 *over;       /* 1: who ends without a drop is about to */
	bool known_away;           /* KEPT is, and the engine has been told; the looker's */
} yard;

static const struct dhpi_backend backend = { .name = "none" };

/* ---- the system ---- */

static uint64_t mask_of(int32_t thread)
{
	return at_load_relaxed_u64(&yard.may_run_on[thread]); /* relaxed: worlds are sequentially consistent */
}

static bool confine_in_system(int32_t thread, uint64_t mask)
{
	mask &= at_load_relaxed_u64(yard.allowed); /* relaxed: likewise */
	if (mask != 0)
		at_store_relaxed_u64(&yard.may_run_on[thread], mask); /* relaxed: likewise */
	return mask != 0;
}

static bool has_ended(int32_t thread)
{
	return fibre_ended((uint32_t)thread - 1);
}

static enum port_pinned look_in_system(int32_t thread, uint32_t cpu)
{
	uint64_t mask = mask_of(thread);

	if (has_ended(thread))
		return PORT_NO_THREAD;
	return mask == 1u << cpu ? PORT_PINNED : PORT_NOT_PINNED;
}

static bool pin_in_system(int32_t thread, uint32_t cpu)
{
	FIBRE_DEMAND(thread == port_thread_id() || !yard.known_away || cpu != KEPT); /* I2 */
	return !has_ended(thread) && confine_in_system(thread, 1u << cpu);
}

static bool read_own(struct port_affinity *out_affinity)
{
	*out_affinity = (struct port_affinity){ { mask_of(port_thread_id()) } };
	return true;
}

static bool write_own(const struct port_affinity *affinity)
{
	return confine_in_system(port_thread_id(), affinity->words[0]);
}

/* As a cpuset that is written anew: whoever was pinned is no more. */
static void allow(uint64_t mask)
{
	at_store_relaxed_u64(yard.allowed, mask); /* relaxed: likewise */
	for (uint32_t thread = 1; thread <= FIBRE_LIMIT; thread++)
		if (at_load_relaxed_u64(&yard.may_run_on[thread]) != mask)          /* relaxed: likewise */
			at_store_relaxed_u64(&yard.may_run_on[thread], mask); /* relaxed: likewise */
}

/* ---- beginning and end ---- */

static void open(void)
{
	yard.shop = shop_open(2);
	yard.shop->work.simulated = false;
	yard.partition = port_alloc(sizeof(*yard.partition));
	yard.partition->backend = &backend;
	yard.partition->engine = &yard.shop->engine;
	port_mutex_init(&yard.partition->serial);
	dhpi_pins_init(&yard.partition->pins);
	yard.shop->engine.partition = yard.partition;
	yard.allowed = port_alloc(sizeof(*yard.allowed));
	yard.may_run_on = port_alloc((FIBRE_LIMIT + 1) * sizeof(*yard.may_run_on));
	yard.over = port_alloc(sizeof(*yard.over));
	yard.pin = port_alloc(sizeof(*yard.pin));
	yard.known_away = false;
	allow(ALL);
}

static void close(void)
{
	FIBRE_DEMAND(dhpi_pins_count(&yard.partition->pins) == 0);
	dhpi_pins_fini(&yard.partition->pins);
	port_free(yard.pin, sizeof(*yard.pin));
	port_free(yard.over, sizeof(*yard.over));
	port_free(yard.may_run_on, (FIBRE_LIMIT + 1) * sizeof(*yard.may_run_on));
	port_free(yard.allowed, sizeof(*yard.allowed));
	port_free(yard.partition, sizeof(*yard.partition));
	shop_close(yard.shop);
}

/* ---- who looks ---- */

static void look(void *nothing)
{
	(void)nothing;
	port_mutex_lock(&yard.partition->serial);
	dhpi_pins_look(yard.partition, true);
	port_mutex_unlock(&yard.partition->serial);
}

static void tell_usable(bool usable)
{
	port_mutex_lock(&yard.partition->serial);
	yard.known_away = false;
	dhpi_partition_usable(yard.partition, KEPT, usable);
	yard.known_away = !usable;
	dhpi_pins_look(yard.partition, true);
	port_mutex_unlock(&yard.partition->serial);
}

static void go_and_come(void *nothing)
{
	(void)nothing;
	allow(ALL & ~(1u << KEPT));
	tell_usable(false);
	allow(ALL);
	tell_usable(true);
}

/* ---- who is kept ---- */

static uint64_t own_mask(void)
{
	return mask_of(port_thread_id());
}

static void keep_it(void)
{
	FIBRE_DEMAND(dhp_pin_keep(&yard.shop->engine, yard.pin, KEPT) == DHP_OK);
}

static void drop_it(void)
{
	FIBRE_DEMAND(dhp_pin_drop(&yard.shop->engine, yard.pin) == DHP_OK);
}

static void lose_it(void)
{
	FIBRE_DEMAND(confine_in_system(port_thread_id(), ALL));
}

static void keep_and_drop(void *nothing)
{
	(void)nothing;
	keep_it();
	drop_it();
	FIBRE_DEMAND(own_mask() == ALL);
}

static void keep_lose_and_drop(void *nothing)
{
	(void)nothing;
	keep_it();
	lose_it();
	drop_it();
	FIBRE_DEMAND(own_mask() == ALL);
}

/* From the set to the revert it is where it wants to be, and then kept as before. */
static void step_aside(void *nothing)
{
	const struct dhp_affinity other = { .mask = 1u << OTHER };
	struct dhp_affinity previous;

	(void)nothing;
	keep_it();
	FIBRE_DEMAND(dhp_thread_affinity_set(&yard.shop->engine, &other, &previous) == DHP_OK);
	FIBRE_DEMAND(own_mask() == 1u << OTHER);
	FIBRE_DEMAND(dhp_thread_affinity_revert(&yard.shop->engine, &previous) == DHP_OK);
	FIBRE_DEMAND(own_mask() == 1u << KEPT);
	lose_it();
	look(NULL);
	FIBRE_DEMAND(own_mask() == 1u << KEPT);
	drop_it();
}

static void keep_if_it_is_there(void *nothing)
{
	enum dhp_status status = dhp_pin_keep(&yard.shop->engine, yard.pin, KEPT);

	(void)nothing;
	FIBRE_DEMAND(status == DHP_OK || status == DHP_NO_AFFINITY);
	if (status == DHP_OK)
		drop_it();
	FIBRE_DEMAND((own_mask() & ~(1u << KEPT)) != 0);
}

static void keep_and_end(void *nothing)
{
	(void)nothing;
	keep_it();
	at_store_relaxed_u64(yard.over, 1); /* relaxed: likewise */
}

/* It has not begun, it is there, or it has ended. */
static void drop_of_another(void *nothing)
{
	enum dhp_status status = dhp_pin_drop(&yard.shop->engine, yard.pin);
	bool is_over = at_load_relaxed_u64(yard.over) != 0; /* relaxed: likewise */

	(void)nothing;
	FIBRE_DEMAND(status == DHP_BAD_OBJECT || status == DHP_IN_USE || (status == DHP_OK && is_over));
}

/* ---- worlds ---- */

static void dropped(void)
{
	open();
	TOGETHER({ "thread", keep_and_drop, NULL }, { "looker", look, NULL });
	close();
}

static void lost_and_dropped(void)
{
	open();
	TOGETHER({ "thread", keep_lose_and_drop, NULL }, { "looker", look, NULL });
	close();
}

static void stepped_aside(void)
{
	open();
	TOGETHER({ "thread", step_aside, NULL }, { "looker", look, NULL });
	close();
}

static void gone_and_back(void)
{
	open();
	TOGETHER({ "thread", keep_if_it_is_there, NULL }, { "processor", go_and_come, NULL });
	close();
}

static void ended(void)
{
	open();
	TOGETHER({ "thread", keep_and_end, NULL }, { "another", drop_of_another, NULL }, { "looker", look, NULL });
	if (dhpi_pins_count(&yard.partition->pins) != 0)
		drop_it();
	close();
}

const struct world worlds[] = {
	{ .name = "a_thread_that_is_dropped_is_left_alone", .run = dropped },
	{ .name = "a_thread_that_lost_its_pin_is_left_alone_when_dropped", .run = lost_and_dropped },
	{ .name = "a_thread_that_steps_aside_is_left_alone", .run = stepped_aside },
	{ .name = "a_thread_is_kept_while_its_processor_goes_and_comes", .run = gone_and_back },
	{ .name = "a_thread_that_ended_is_dropped_by_another", .run = ended },
	{ .name = NULL },
};
