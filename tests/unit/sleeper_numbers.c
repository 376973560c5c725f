/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sleeper_numbers.c - who sleeps and who wakes, one instruction's place after another: the call that wakes is ours, and in the middle
 * of it others come, or the sleeper goes.
 */
#include "support.h"

#include "port.h"
#include "sleeper.h"

static struct {
	struct at_u32 asleep;
	uint32_t sleeps, calls;
	struct port_event event;
	void (*meanwhile)(void); /* in the first call */
} bed;

bool __real_port_event_rouse(struct port_event *event);
bool __wrap_port_event_rouse(struct port_event *event);

bool __wrap_port_event_rouse(struct port_event *event)
{
	void (*meanwhile)(void) = bed.meanwhile;

	bed.calls++;
	bed.meanwhile = NULL;
	if (meanwhile != NULL)
		meanwhile();
	return __real_port_event_rouse(event);
}

static void begin_at(uint32_t sleeps)
{
	memset(&bed, 0, sizeof(bed));
	port_event_init(&bed.event);
	bed.sleeps = sleeps;
	dhpi_sleeper_begin(&bed.asleep, &bed.sleeps);
}

static uint32_t word(void)
{
	return at_load_relaxed_u32(&bed.asleep); /* relaxed: one thread */
}

static bool wake(uint32_t seen)
{
	bool first;

	return dhpi_sleeper_wake(&bed.asleep, seen, &bed.event, &first);
}

static void after_the_call_nobody_makes_another(void **state)
{
	(void)state;
	begin_at(0);
	assert_true(wake(word()));
	assert_int_equal(bed.calls, 1);
	assert_int_equal(word(), 0);
}

static uint32_t seen_before;

static void others_come(void)
{
	assert_int_not_equal(word(), 0);
	assert_true(wake(seen_before)); /* looked before the first */
	assert_int_equal(bed.calls, 2);
}

static void others_come_late(void)
{
	assert_true(wake(word()));
	assert_int_equal(bed.calls, 2);
}

static void before_its_end_everybody_makes_it(void **state)
{
	(void)state;
	begin_at(0);
	seen_before = word();
	bed.meanwhile = others_come;
	assert_true(wake(seen_before));
	begin_at(0);
	bed.meanwhile = others_come_late;
	assert_true(wake(word()));
}

static void sleep_again(void)
{
	dhpi_sleeper_end(&bed.asleep, &bed.sleeps);
	dhpi_sleeper_begin(&bed.asleep, &bed.sleeps);
	/* and somebody is stopped before his call */
	at_store_relaxed_u32(&bed.asleep, word() | DHPI_BEING_WOKEN); /* relaxed: one thread */
}

static void who_comes_back_late_ends_no_later_sleep(void **state)
{
	(void)state;
	begin_at(8);
	seen_before = word();
	bed.meanwhile = sleep_again;
	assert_true(wake(seen_before));
	assert_int_not_equal(word(), 0);
	assert_int_not_equal(word(), seen_before | DHPI_BEING_WOKEN);
}

static void who_looked_at_an_earlier_sleep_makes_no_call(void **state)
{
	uint32_t later;

	(void)state;
	begin_at(0);
	seen_before = word();
	assert_true(wake(seen_before));
	dhpi_sleeper_end(&bed.asleep, &bed.sleeps);
	assert_false(wake(seen_before)); /* awake */
	dhpi_sleeper_begin(&bed.asleep, &bed.sleeps);
	later = word();
	assert_int_not_equal(later, seen_before);
	assert_false(wake(seen_before)); /* another sleep */
	assert_int_equal(word(), later);
	assert_int_equal(bed.calls, 1);
}

static void a_sleep_that_nobody_touched_keeps_its_number(void **state)
{
	(void)state;
	begin_at(4);
	seen_before = word();
	dhpi_sleeper_end(&bed.asleep, &bed.sleeps);
	assert_int_equal(word(), 0);
	dhpi_sleeper_begin(&bed.asleep, &bed.sleeps);
	assert_int_equal(word(), seen_before);
}

static void the_number_after_the_last_is_not_awake(void **state)
{
	(void)state;
	begin_at(UINT32_MAX - 3);
	seen_before = word();
	assert_true(wake(seen_before));
	dhpi_sleeper_end(&bed.asleep, &bed.sleeps);
	dhpi_sleeper_begin(&bed.asleep, &bed.sleeps);
	assert_int_not_equal(word(), 0);
	assert_int_not_equal(word(), seen_before);
	assert_true(wake(word()));
	assert_int_equal(word(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_the_call_nobody_makes_another),
		cmocka_unit_test(before_its_end_everybody_makes_it),
		cmocka_unit_test(who_comes_back_late_ends_no_later_sleep),
		cmocka_unit_test(who_looked_at_an_earlier_sleep_makes_no_call),
		cmocka_unit_test(a_sleep_that_nobody_touched_keeps_its_number),
		cmocka_unit_test(the_number_after_the_last_is_not_awake),
	};

	return cmocka_run_group_tests_name("sleeper_numbers", tests, NULL, NULL);
}
