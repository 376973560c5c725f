/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The largest partition. What a processor costs that is absent, and what one costs that is here, is printed.
 */
#include "support.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAXIMUM (UNDER_TSAN || UNDER_ASAN ? 512u : DHP_PROCESSORS_LIMIT)

/* Resident bytes and page tables, of what the process has for itself. */
struct memory {
	long resident, tables;
};

static long kilobytes_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at != NULL ? strtol(at + strlen(name), NULL, 10) * 1024 : 0;
}

static struct memory measure(void)
{
	static char text[16384];
	FILE *file = fopen("/proc/self/status", "re");
	struct memory memory = { 0, 0 };
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	text[length] = '\0';
	memory.resident = kilobytes_of(text, "RssAnon:");
	memory.tables = kilobytes_of(text, "VmPTE:");
	return memory;
}

/* The emulation of another machine's programs keeps a note of each page that they reserve, which counts as theirs. */
static bool reserving_costs_nothing(void)
{
	const size_t bytes = (size_t)1 << 28;
	long before = measure().resident, after;
	void *range = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_true(range != MAP_FAILED);
	after = measure().resident;
	assert_int_equal(munmap(range, bytes), 0);
	return after - before < 65536;
}

static void print_cost(const char *who, struct memory before, struct memory after, uint32_t count)
{
	print_message("%s: %ld bytes resident and %ld of page tables each (%u of them)\n", who,
		      (after.resident - before.resident) / (long)count, (after.tables - before.tables) / (long)count,
		      count);
}

static void add_all(struct dhp_engine *engine)
{
	for (uint32_t position = 1; position < MAXIMUM; position++) {
		enum dhp_status status = add_position(engine, position);

		if (status == DHP_NO_THREAD || status == DHP_NO_MEMORY) {
			print_message("this machine has room for %u workers only\n", position);
			skip();
		}
		assert_ok(status);
	}
}

static void assert_all_there(struct dhp_engine *engine)
{
	static uint64_t masks[DHP_PROCESSORS_LIMIT / 64];
	struct dhp_snapshot snapshot = { .masks_capacity = LENGTH(masks), .active_masks = masks };

	assert_ok(dhp_snapshot_take(engine, &snapshot));
	assert_int_equal(snapshot.counts.active, MAXIMUM);
	assert_int_equal(snapshot.counts.groups_active, MAXIMUM / 64);
	for (uint32_t group = 0; group < MAXIMUM / 64; group++)
		assert_true(masks[group] == UINT64_MAX);
	for (uint32_t index = 0; index < MAXIMUM; index++) {
		struct dhp_processor row;
		uint32_t back = DHP_NO_INDEX;

		assert_ok(dhp_processor_at(engine, index, &row));
		assert_ok(dhp_index_of_cpu(engine, row.cpu, &back));
		assert_int_equal(back, index);
		assert_int_equal(row.number.group * 64u + row.number.number, index);
	}
}

static void memory_of_absent_and_present_processors(void **state)
{
	const struct sim_setup small = { .maximum = 1, .initial = 1, .flags = DHP_ENGINE_NO_WORKERS };
	const struct sim_setup large = { .maximum = MAXIMUM, .initial = 1, .flags = DHP_ENGINE_NO_WORKERS };
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 64 };
	struct memory start, alone, absent, present;
	struct dhp_engine *engine;
	struct dhp_percpu *array = NULL;
	struct dhp_counter *counter = NULL;

	(void)state;
	end_engine(make_sim(&small)); /* whatever is allocated once and for all */
	start = measure();
	engine = make_sim(&small);
	assert_ok(dhp_percpu_create(engine, &options, &array));
	assert_ok(dhp_counter_create(engine, &counter));
	alone = measure();
	assert_ok(dhp_counter_destroy(counter));
	assert_ok(dhp_percpu_destroy(array));
	end_engine(engine);

	engine = make_sim(&large);
	assert_ok(dhp_percpu_create(engine, &options, &array));
	assert_ok(dhp_counter_create(engine, &counter));
	absent = measure();
	add_all(engine);
	present = measure();
	print_message("an engine for one processor, with one array and one counter: %ld bytes\n",
		      alone.resident - start.resident);
	print_cost("absent processor, no workers", alone, absent, MAXIMUM - 1);
	print_cost("present processor, no workers", absent, present, MAXIMUM - 1);
	assert_all_there(engine);
	/* Absent costs a note in the simulator and nothing else; a page each would be a defect. */
	if (!UNDER_ASAN && !UNDER_TSAN && reserving_costs_nothing())
		assert_true((absent.resident - alone.resident) / (long)(MAXIMUM - 1) < 512);
	assert_ok(dhp_counter_destroy(counter));
	assert_ok(dhp_percpu_destroy(array));
	end_engine(engine);
}

static uint64_t runs, elsewhere;

static void routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_2;
	if (dhp_index_here(context) != (uint32_t)(uintptr_t)argument_1)
		(void)bump(&elsewhere);
	(void)bump(&runs);
}

static void each_of_the_largest_partition_has_a_worker(void **state)
{
	const struct sim_setup setup = { .maximum = MAXIMUM, .initial = 1 };
	struct dhp_engine *engine = make_sim(&setup);
	struct dhp_dpc *dpcs = test_calloc(MAXIMUM, sizeof(*dpcs));
	struct memory before = measure(), after;

	(void)state;
	add_all(engine);
	after = measure();
	print_cost("present processor, with its worker", before, after, MAXIMUM - 1);
	assert_all_there(engine);
	for (uint32_t index = 0; index < MAXIMUM; index++) {
		assert_ok(dhp_dpc_init(&dpcs[index], engine, routine, engine));
		assert_ok(dhp_dpc_set_target(&dpcs[index], index));
		assert_ok(dhp_dpc_insert(&dpcs[index], (void *)(uintptr_t)index, NULL));
	}
	assert_ok(dhp_dpc_flush(engine));
	assert_true(peek(&runs) == MAXIMUM);
	assert_true(peek(&elsewhere) == 0);
	end_engine(engine);
	test_free(dpcs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_of_absent_and_present_processors),
		cmocka_unit_test(each_of_the_largest_partition_has_a_worker),
	};

	return cmocka_run_group_tests_name("four_thousand", tests, NULL, NULL);
}
