/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The learning table of examples/tapnic: stations come and move while every processor asks, and caches never lie for long. It is
 * looked at from inside: that a cache is used is seen only by what is not asked for again.
 */
#include "support.h"

#include "../../examples/tapnic/table.c"

#include <dhp/thread.h>

static const uint8_t one[6] = { 2, 0, 0, 0, 1, 1 }, two[6] = { 2, 0, 0, 0, 1, 2 };

struct stand {
	struct dhp_engine *engine;
	struct table *table;
	struct dhp_reader *reader;
};

void say(const char *format, ...)
{
	(void)format;
}

static void set_up(struct stand *stand, uint32_t processors)
{
	stand->engine = make_sim_of(8, processors);
	assert_ok(table_create(stand->engine, &stand->table));
	assert_ok(dhp_reader_join(stand->engine, &stand->reader));
}

static void take_down(struct stand *stand)
{
	assert_ok(dhp_reader_leave(stand->reader));
	table_destroy(stand->table);
	end_engine(stand->engine);
}

static void learn(struct stand *stand, const uint8_t *mac, uint32_t port)
{
	dhp_epoch_enter(stand->reader);
	table_learn(stand->table, mac, port);
	dhp_epoch_exit(stand->reader);
}

static uint32_t port_of(struct stand *stand, const uint8_t *mac)
{
	uint32_t port;

	dhp_epoch_enter(stand->reader);
	port = table_port(stand->table, mac);
	dhp_epoch_exit(stand->reader);
	return port;
}

static void a_station_is_known_once_it_is_learned(void **state)
{
	struct stand stand;

	(void)state;
	set_up(&stand, 1);
	assert_int_equal(port_of(&stand, one), NO_PORT);
	learn(&stand, one, 1);
	learn(&stand, two, 0);
	for (uint32_t again = 0; again < 2; again++) { /* from the table, then from the cache */
		assert_int_equal(port_of(&stand, one), 1);
		assert_int_equal(port_of(&stand, two), 0);
	}
	take_down(&stand);
}

/* The shared table forgets behind the caches' backs: who has asked knows, who has not does not. */
static void each_processor_has_a_cache_of_its_own(void **state)
{
	struct stand stand;
	struct entry *entry;

	(void)state;
	set_up(&stand, 2);
	learn(&stand, one, 1);
	assert_ok(dhp_sim_enter(stand.engine, dhp_sim_cpu(stand.engine, 0)));
	assert_int_equal(port_of(&stand, one), 1);
	entry = atomic_exchange(&stand.table->slots[hash(station_of(one)) % SLOTS], NULL);
	assert_int_equal(port_of(&stand, one), 1);
	dhp_sim_exit();
	assert_ok(dhp_sim_enter(stand.engine, dhp_sim_cpu(stand.engine, 1)));
	assert_int_equal(port_of(&stand, one), NO_PORT);
	dhp_sim_exit();
	dhp_lookaside_free(stand.table->entries, entry);
	take_down(&stand);
}

/* Nobody is in a section: then, and not before, what was replaced can be handed out again. */
static void what_is_replaced_lives_as_long_as_somebody_may_have_it(void **state)
{
	struct stand stand;
	struct entry *old;

	(void)state;
	set_up(&stand, 1);
	learn(&stand, one, 0);
	dhp_epoch_enter(stand.reader);
	old = atomic_load(&stand.table->slots[hash(station_of(one)) % SLOTS]);
	table_learn(stand.table, one, 1);
	for (uint32_t i = 0; i < 100; i++)
		table_learn(stand.table, two, i % 2);
	assert_int_equal(old->station, station_of(one));
	assert_int_equal(old->port, 0);
	dhp_epoch_exit(stand.reader);
	take_down(&stand);
}

static void a_station_that_moves_is_found_from_every_processor(void **state)
{
	struct stand stand;

	(void)state;
	set_up(&stand, 4);
	for (uint32_t round = 0; round < 10; round++) {
		learn(&stand, one, round % 2);
		for (uint32_t position = 0; position < 4; position++) {
			assert_ok(dhp_sim_enter(stand.engine, dhp_sim_cpu(stand.engine, position)));
			assert_int_equal(port_of(&stand, one), round % 2);
			dhp_sim_exit();
		}
	}
	take_down(&stand);
}

/* A station that shares its place in the table with `one`. */
static void find_rival(uint8_t *mac)
{
	for (uint32_t i = 0; hash(station_of(mac)) % SLOTS != hash(station_of(one)) % SLOTS; i++) {
		mac[4] = (uint8_t)(i >> 8);
		mac[5] = (uint8_t)i;
	}
}

/* Between two entries of its own it had none: nobody could see it move. */
static void a_station_that_was_forgotten_before_it_moved_is_found_too(void **state)
{
	uint8_t rival[FRAME_MAC_BYTES] = { 2, 0, 0, 1 };
	struct stand stand;

	(void)state;
	set_up(&stand, 1);
	find_rival(rival);
	learn(&stand, one, 0);
	assert_int_equal(port_of(&stand, one), 0); /* it is in the cache now */
	learn(&stand, rival, 0);
	learn(&stand, one, 1);
	assert_int_equal(port_of(&stand, one), 1);
	take_down(&stand);
}

/* More stations than places: what is forgotten is not known, and what is known is right. */
static void what_is_full_forgets_and_never_lies(void **state)
{
	struct stand stand;
	uint32_t known = 0;

	(void)state;
	set_up(&stand, 1);
	for (uint32_t i = 0; i < 4096; i++)
		learn(&stand, (const uint8_t[]){ 2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i }, i % 2);
	for (uint32_t i = 0; i < 4096; i++) {
		uint32_t port = port_of(&stand, (const uint8_t[]){ 2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i });

		assert_true(port == NO_PORT || port == i % 2);
		known += port != NO_PORT;
	}
	assert_in_range(known, 256, 1024);
	take_down(&stand);
}

static uint64_t wrong_ports;

/* All learn the same station, here at one port and there at the other, and ask for one that stays. */
static void meet(struct dhp_dpc *dpc, void *context, void *argument, void *unused)
{
	struct stand *stand = context;
	uint32_t port = argument != NULL;

	(void)dpc, (void)unused;
	table_learn(stand->table, one, port);
	port = table_port(stand->table, one);
	if (port > 1 || table_port(stand->table, two) != 1)
		(void)bump(&wrong_ports);
}

static void many_learn_at_once_while_processors_arrive(void **state)
{
	static struct dhp_dpc dpcs[64];
	struct stand stand;

	(void)state;
	poke(&wrong_ports, 0);
	set_up(&stand, 2);
	learn(&stand, two, 1);
	for (uint32_t i = 0; i < LENGTH(dpcs); i++)
		assert_ok(dhp_dpc_init(&dpcs[i], stand.engine, meet, &stand));
	for (uint32_t round = 0; round < TIMES(400u); round++) {
		for (uint32_t i = 0; i < LENGTH(dpcs); i++)
			(void)dhp_dpc_insert(&dpcs[i], i % 2 != 0 ? &stand : NULL, NULL);
		if (round % 20 == 19 && active_count(stand.engine) < 8)
			assert_ok(add_position(stand.engine, active_count(stand.engine)));
	}
	assert_ok(dhp_dpc_flush(stand.engine));
	assert_int_equal(peek(&wrong_ports), 0);
	take_down(&stand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_station_is_known_once_it_is_learned),
		cmocka_unit_test(each_processor_has_a_cache_of_its_own),
		cmocka_unit_test(what_is_replaced_lives_as_long_as_somebody_may_have_it),
		cmocka_unit_test(a_station_that_moves_is_found_from_every_processor),
		cmocka_unit_test(a_station_that_was_forgotten_before_it_moved_is_found_too),
		cmocka_unit_test(what_is_full_forgets_and_never_lies),
		cmocka_unit_test(many_learn_at_once_while_processors_arrive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
