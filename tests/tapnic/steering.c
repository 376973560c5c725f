/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the driver of examples/tapnic shares out its flows: evenly, and only ever towards the newcomer.
 */
#include "support.h"

#include "tapnic.h"

void say(const char *format, ...)
{
	(void)format;
}

static uint32_t load_of(const struct steering *steering, uint32_t queue)
{
	uint32_t load = 0;

	for (uint32_t i = 0; i < BUCKETS; i++)
		load += steering->queue_of[i] == queue;
	return load;
}

static void flows_move_to_the_newcomer_only(void **state)
{
	struct steering steering = { .map = -1, .program = -1 };

	(void)state;
	for (uint32_t queue = 0; queue < QUEUES_LIMIT; queue++) {
		struct steering before = steering;

		steering_move(&steering, queue, queue + 1);
		for (uint32_t i = 0; i < BUCKETS; i++)
			assert_true(steering.queue_of[i] == before.queue_of[i] || steering.queue_of[i] == queue);
	}
}

static void every_queue_has_its_share(void **state)
{
	struct steering steering = { .map = -1, .program = -1 };

	(void)state;
	for (uint32_t queue = 0; queue < QUEUES_LIMIT; queue++) {
		steering_move(&steering, queue, queue + 1);
		for (uint32_t i = 0; i <= queue && queue < BUCKETS; i++)
			assert_in_range(load_of(&steering, i), BUCKETS / (queue + 1), BUCKETS / (queue + 1) * 2);
	}
	for (uint32_t i = 0; i < BUCKETS; i++)
		assert_int_equal(load_of(&steering, i), 1);
}

static void a_kernel_that_accepts_the_program_takes_the_table(void **state)
{
	struct steering steering;

	(void)state;
	steering_create(&steering);
	steering_move(&steering, 0, 1);
	steering_move(&steering, 1, 2);
	steering_wait();
	if (steering.program < 0)
		print_message("the kernel accepts no program here\n");
	assert_int_equal(load_of(&steering, 1), BUCKETS / 2);
	steering_destroy(&steering);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_move_to_the_newcomer_only),
		cmocka_unit_test(every_queue_has_its_share),
		cmocka_unit_test(a_kernel_that_accepts_the_program_takes_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
