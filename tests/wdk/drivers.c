/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers, as they are written for Windows, on a simulated partition that grows.
 */
#include "bound.h"

#include "driver/hot_add.h"

static void a_driver_is_ready_before_each_processor_runs_S011_S015_S032_S122_S145_S155(void **state)
{
	static const uint8_t sizes[] = { 3, 5 };
	const struct sim_setup setup = { .maximum = 24, .initial = 2, .group_sizes = sizes, .group_size_count = 2, .gap = 3 };
	struct dhp_engine *engine = bind_sim(&setup);
	DRIVER_OBJECT driver = { .DeviceObject = NULL };
	UNICODE_STRING path;

	(void)state;
	RtlInitUnicodeString(&path, L"\\Registry\\Machine\\Drivers\\HotAdd");
	assert_int_equal(HotAddDriverEntry(&driver, &path), STATUS_SUCCESS);
	assert_int_equal(HotAddCapacity(), 24);
	assert_int_equal(HotAddReady(), 2);
	assert_int_equal(HotAddGrowths(), 0);
	for (uint32_t position = 24; position-- > 2;) { /* the last first: gaps in groups */
		add_positions(engine, position, position + 1);
		assert_int_equal(HotAddReady(), KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS));
		HotAddRequestAll();
		KeFlushQueuedDpcs();
	}
	assert_int_equal(HotAddGrowths(), 22);
	for (ULONG index = 2; index < 24; index++)
		assert_int_equal(HotAddRequests(index), 24 - index); /* every request ran, and where it was aimed */
	assert_int_equal(HotAddRequests(0), 22);
	driver.DriverUnload(&driver);
	unbind_sim(engine);
}

static void a_driver_without_memory_refuses_the_processor_S132_S134_S172_S175_S182(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	DRIVER_OBJECT driver = { .DeviceObject = NULL };

	(void)state;
	assert_int_equal(HotAddDriverEntry(&driver, NULL), STATUS_SUCCESS);
	HotAddRefuse(TRUE);
	assert_int_equal(add_position(engine, 2), STATUS_NO_MEMORY);
	assert_int_equal(KeQueryActiveProcessorCount(NULL), 2);
	assert_int_equal(HotAddReady(), 2);
	HotAddRefuse(FALSE);
	assert_ok(add_position(engine, 2));
	assert_int_equal(HotAddReady(), 3);
	driver.DriverUnload(&driver);
	unbind_sim(engine);
}

static void a_driver_frees_what_it_made_when_bring_up_fails_S147_S148(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 1);
	DRIVER_OBJECT driver = { .DeviceObject = NULL };

	(void)state;
	assert_int_equal(HotAddDriverEntry(&driver, NULL), STATUS_SUCCESS);
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 1), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(engine, 1), DHP_INJECTED);
	assert_ok(add_position(engine, 1)); /* a leak checker would see the first structure */
	driver.DriverUnload(&driver);
	unbind_sim(engine);
}

static void callbacks_in_the_old_style_do_their_job_S122_S202_S222(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 3);
	ULONG seen = 0;

	(void)state;
	assert_int_equal(OldStyleStart(&seen), STATUS_SUCCESS);
	assert_int_equal(seen, 3);
	add_positions(engine, 3, 8);
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(OldStyleProcessors(), 8);
	assert_int_equal(OldStyleArrivals(), 5);
	OldStyleStop();
	unbind_sim(engine);
}

static void callbacks_in_the_shape_of_the_guide_do_their_job_S016_S122_S202_S203_S745_S746(void **state)
{
	struct dhp_engine *engine = bind_sim_of(16, 3);
	DRIVER_OBJECT driver = { .DeviceObject = NULL };

	(void)state;
	assert_int_equal(GuideDriverEntry(&driver, NULL), STATUS_SUCCESS);
	assert_int_equal(GuideShares(), 3);
	assert_int_equal(GuideBufferSize(), 4096);
	add_positions(engine, 3, 8);
	assert_int_equal(GuideShares(), 8);
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(GuideArrived(), 8);
	assert_int_equal(GuideBufferSize(), 4096); /* a processor is no memory */
	assert_ok(dhp_sim_memory_add(engine, 1u << 30, 0));
	assert_ok(dhp_sim_memory_add(engine, 1u << 30, 0));
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(GuideBufferSize(), 4 * 4096);
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 8), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(engine, 8), DHP_INJECTED);
	assert_int_equal(GuideShares(), 8);
	driver.DriverUnload(&driver);
	unbind_sim(engine);
}

static void an_entry_in_the_shape_of_the_guide_reports_its_callbacks_status_S132_S134(void **state)
{
	struct dhp_engine *engine = bind_sim_of(16, 3);
	DRIVER_OBJECT driver = { .DeviceObject = NULL };

	(void)state;
	GuideSetLimit(2);
	assert_int_equal(GuideDriverEntry(&driver, NULL), STATUS_INSUFFICIENT_RESOURCES);
	unbind_sim(engine); /* it is not registered, and a leak checker would see what it kept */
	GuideSetLimit(64);
	assert_int_equal(GuideDriverEntry(&driver, NULL), STATUS_UNSUCCESSFUL); /* no engine: no callback, no status */
}

static bool unbound(void *context)
{
	(void)context;
	return dhp_wdk_unbind() == DHP_OK;
}

static void decorations_and_rare_types_compile_where_they_stand(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);

	(void)state;
	assert_int_equal(Decorated(), 0);
	assert_true(wait_until(unbound, NULL)); /* the item's thread counts until it has come back */
	end_engine(engine);
}

#ifdef WITH_CXX
static void the_same_in_cxx(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 3);

	(void)state;
	assert_int_equal(NamesInCxx(), 0);
	unbind_sim(engine);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_driver_is_ready_before_each_processor_runs_S011_S015_S032_S122_S145_S155),
		cmocka_unit_test(a_driver_without_memory_refuses_the_processor_S132_S134_S172_S175_S182),
		cmocka_unit_test(a_driver_frees_what_it_made_when_bring_up_fails_S147_S148),
		cmocka_unit_test(callbacks_in_the_old_style_do_their_job_S122_S202_S222),
		cmocka_unit_test(callbacks_in_the_shape_of_the_guide_do_their_job_S016_S122_S202_S203_S745_S746),
		cmocka_unit_test(an_entry_in_the_shape_of_the_guide_reports_its_callbacks_status_S132_S134),
		cmocka_unit_test(decorations_and_rare_types_compile_where_they_stand),
#ifdef WITH_CXX
		cmocka_unit_test(the_same_in_cxx),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
