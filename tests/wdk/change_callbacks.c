/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The synchronous channel by its Windows names: what a registration gives, what a callback gets, whose veto counts.
 */
#include "bound.h"

struct driver {
	uint32_t count;
	KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT calls[64];
	NTSTATUS on_entry[64];
	ULONG veto_at;
	NTSTATUS veto;
	NTSTATUS stored_later; /* in the second call */
	bool registers;
	PVOID handle;      /* deregistered in the next call, if set */
	PVOID registered;
	PROCESSOR_NUMBER from_index; /* what the mapping says inside the call */
};

static PROCESSOR_CALLBACK_FUNCTION on_change;

static VOID on_change(PVOID context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT change, PNTSTATUS status)
{
	struct driver *driver = context;
	uint32_t at = driver->count++ % 64;

	driver->calls[at] = *change;
	driver->on_entry[at] = *status;
	(void)KeGetProcessorNumberFromIndex(change->NtNumber, &driver->from_index);
	if (change->State == KeProcessorAddStartNotify && change->NtNumber == driver->veto_at)
		*status = driver->veto;
	if (change->State != KeProcessorAddStartNotify && driver->stored_later != 0)
		*status = driver->stored_later;
	if (driver->registers)
		driver->registered = KeRegisterProcessorChangeCallback(on_change, driver, 0);
	if (driver->handle != NULL)
		KeDeregisterProcessorChangeCallback(driver->handle);
	driver->handle = NULL;
	memset(change, 0x77, sizeof(*change)); /* S-169: its own copy */
}

static struct driver driver_of(void)
{
	return (struct driver){ .veto_at = INVALID_PROCESSOR_INDEX };
}

static void expect(const struct driver *driver, uint32_t at, KE_PROCESSOR_CHANGE_NOTIFY_STATE state, ULONG index)
{
	assert_true(at < driver->count);
	assert_int_equal(driver->calls[at].State, state);
	assert_int_equal(driver->calls[at].NtNumber, index);
}

static void replay_then_adds_S101_S103_S104_S105_S113_S121_S122_S165(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 2);
	struct driver driver = driver_of();
	PVOID handle = KeRegisterProcessorChangeCallback(on_change, &driver, KE_PROCESSOR_CHANGE_ADD_EXISTING);

	(void)state;
	assert_non_null(handle);
	assert_int_equal(driver.count, 4);
	expect(&driver, 0, KeProcessorAddStartNotify, 0);
	expect(&driver, 1, KeProcessorAddStartNotify, 1);
	expect(&driver, 2, KeProcessorAddCompleteNotify, 0);
	expect(&driver, 3, KeProcessorAddCompleteNotify, 1);
	add_positions(engine, 2, 3);
	assert_int_equal(driver.count, 6);
	expect(&driver, 4, KeProcessorAddStartNotify, 2);
	expect(&driver, 5, KeProcessorAddCompleteNotify, 2);
	KeDeregisterProcessorChangeCallback(handle);
	add_positions(engine, 3, 4);
	assert_int_equal(driver.count, 6);
	unbind_sim(engine);
}

static void without_the_flag_nothing_is_replayed_S107(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 2);
	struct driver driver = driver_of();
	PVOID handle = KeRegisterProcessorChangeCallback(on_change, &driver, 0);

	(void)state;
	assert_non_null(handle);
	assert_int_equal(driver.count, 0);
	KeDeregisterProcessorChangeCallback(handle);
	unbind_sim(engine);
}

static void undefined_flags_are_ignored_S106(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 2);
	struct driver two = driver_of(), three = driver_of(), all = driver_of();
	PVOID handles[3];

	(void)state;
	handles[0] = KeRegisterProcessorChangeCallback(on_change, &two, 2);
	handles[1] = KeRegisterProcessorChangeCallback(on_change, &three, 3);
	handles[2] = KeRegisterProcessorChangeCallback(on_change, &all, 0xffffffff);
	assert_int_equal(two.count, 0);
	assert_int_equal(three.count, 4);
	assert_int_equal(all.count, 4);
	for (uint32_t i = 0; i < 3; i++) {
		assert_non_null(handles[i]);
		KeDeregisterProcessorChangeCallback(handles[i]);
	}
	unbind_sim(engine);
}

static void no_callback_no_handle_S108_S189(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);

	(void)state;
	assert_null(KeRegisterProcessorChangeCallback(NULL, NULL, 1));
	KeDeregisterProcessorChangeCallback(NULL);
	unbind_sim(engine);
}

static void the_record_has_index_and_number_S154_S166_S167(void **state)
{
	static const uint8_t sizes[] = { 3, 5 };
	const struct sim_setup setup = { .maximum = 8, .initial = 3, .group_sizes = sizes, .group_size_count = 2 };
	struct dhp_engine *engine = bind_sim(&setup);
	struct driver driver = driver_of();
	PVOID handle = KeRegisterProcessorChangeCallback(on_change, &driver, 0);

	(void)state;
	assert_ok(add_position(engine, 5));
	expect(&driver, 0, KeProcessorAddStartNotify, 3);
	assert_int_equal(driver.calls[0].ProcNumber.Group, 1);
	assert_int_equal(driver.calls[0].ProcNumber.Number, 2);
	assert_int_equal(driver.calls[0].ProcNumber.Reserved, 0);
	assert_int_equal(driver.calls[0].Status, STATUS_SUCCESS);
	assert_int_equal(driver.on_entry[0], STATUS_SUCCESS);
	assert_int_equal(driver.from_index.Group, 1);
	assert_int_equal(driver.from_index.Number, 2);
	KeDeregisterProcessorChangeCallback(handle);
	unbind_sim(engine);
}

static void a_vetoed_replay_gives_no_handle_S128_S129_S132_S134_S135(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 4);
	struct driver driver = driver_of();

	(void)state;
	driver.veto_at = 2;
	driver.veto = STATUS_NO_MEMORY;
	assert_null(KeRegisterProcessorChangeCallback(on_change, &driver, KE_PROCESSOR_CHANGE_ADD_EXISTING));
	assert_int_equal(driver.count, 5);
	expect(&driver, 2, KeProcessorAddStartNotify, 2);
	expect(&driver, 3, KeProcessorAddFailureNotify, 0);
	expect(&driver, 4, KeProcessorAddFailureNotify, 1);
	assert_int_equal(driver.calls[4].Status, STATUS_NO_MEMORY);
	assert_int_equal(driver.on_entry[4], STATUS_NO_MEMORY);
	add_positions(engine, 4, 5);
	assert_int_equal(driver.count, 5); /* not registered */
	unbind_sim(engine);
}

static void the_first_veto_reaches_everybody_unchanged_S173_S174_S176_S177_S178_S179(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct driver before = driver_of(), first = driver_of(), second = driver_of(), resets = driver_of();
	struct driver *drivers[] = { &before, &first, &second, &resets };
	PVOID handles[4];

	(void)state;
	first.veto_at = second.veto_at = resets.veto_at = 1;
	first.veto = (NTSTATUS)0xE0001234; /* one of its own */
	second.veto = STATUS_NO_MEMORY;
	resets.veto = STATUS_SUCCESS;
	for (uint32_t i = 0; i < 4; i++)
		handles[i] = KeRegisterProcessorChangeCallback(on_change, drivers[i], 0);
	assert_int_equal(add_position(engine, 1), (NTSTATUS)0xE0001234);
	assert_int_equal(KeQueryActiveProcessorCount(NULL), 1);
	assert_int_equal(before.on_entry[0], STATUS_SUCCESS);
	assert_int_equal(second.on_entry[0], (NTSTATUS)0xE0001234);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(drivers[i]->count, 2);
		expect(drivers[i], 1, KeProcessorAddFailureNotify, 1);
		assert_int_equal(drivers[i]->calls[1].Status, (NTSTATUS)0xE0001234);
		assert_int_equal(drivers[i]->on_entry[1], (NTSTATUS)0xE0001234);
		KeDeregisterProcessorChangeCallback(handles[i]);
	}
	unbind_sim(engine);
}

static void a_warning_vetoes_and_an_information_does_not_S043_S173(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct driver driver = driver_of();
	PVOID handle = KeRegisterProcessorChangeCallback(on_change, &driver, 0);

	(void)state;
	driver.veto_at = 1;
	driver.veto = STATUS_BUFFER_OVERFLOW;
	assert_true(dhp_failed(add_position(engine, 1)));
	assert_int_equal(driver.calls[1].Status, STATUS_BUFFER_OVERFLOW);
	driver.veto = 0x40000001;
	assert_ok(add_position(engine, 1));
	KeDeregisterProcessorChangeCallback(handle);
	unbind_sim(engine);
}

static void bring_up_fails_without_a_veto_S147_S168(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct driver driver = driver_of();
	PVOID handle = KeRegisterProcessorChangeCallback(on_change, &driver, 0);

	(void)state;
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 1), DHP_STEP_BRING_UP, DHP_NO_MEMORY));
	assert_status(add_position(engine, 1), DHP_NO_MEMORY);
	expect(&driver, 1, KeProcessorAddFailureNotify, 1);
	assert_int_equal(driver.calls[1].Status, STATUS_INSUFFICIENT_RESOURCES);
	KeDeregisterProcessorChangeCallback(handle);
	unbind_sim(engine);
}

static void what_is_stored_in_complete_has_no_effect_S136_S180(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 2);
	struct driver driver = driver_of();
	PVOID handle;

	(void)state;
	driver.stored_later = STATUS_UNSUCCESSFUL;
	handle = KeRegisterProcessorChangeCallback(on_change, &driver, KE_PROCESSOR_CHANGE_ADD_EXISTING);
	assert_non_null(handle);
	assert_int_equal(driver.on_entry[3], STATUS_SUCCESS); /* S-137 */
	assert_ok(add_position(engine, 2));
	KeDeregisterProcessorChangeCallback(handle);
	unbind_sim(engine);
}

static void no_registration_from_a_callback_S193(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct driver driver = driver_of();
	PVOID handle = KeRegisterProcessorChangeCallback(on_change, &driver, 0);

	(void)state;
	driver.registers = true;
	driver.registered = &driver;
	assert_ok(add_position(engine, 1));
	assert_null(driver.registered);
	KeDeregisterProcessorChangeCallback(handle);
	unbind_sim(engine);
}

static void deregistered_in_its_own_callback_S185_S187(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct driver driver = driver_of();

	(void)state;
	driver.handle = KeRegisterProcessorChangeCallback(on_change, &driver, 0);
	assert_ok(add_position(engine, 1));
	assert_int_equal(driver.count, 1); /* the second call is lost */
	unbind_sim(engine);
}

static void two_registrations_of_one_function_S110(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct driver driver = driver_of();
	PVOID one = KeRegisterProcessorChangeCallback(on_change, &driver, 0);
	PVOID two = KeRegisterProcessorChangeCallback(on_change, &driver, 0);

	(void)state;
	assert_ptr_not_equal(one, two);
	assert_ok(add_position(engine, 1));
	assert_int_equal(driver.count, 4);
	KeDeregisterProcessorChangeCallback(one);
	KeDeregisterProcessorChangeCallback(two);
	unbind_sim(engine);
}

#if DHP_CHECKS < 2
static void at_dispatch_level_registration_fails_S041_S102_S183(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct driver driver = driver_of();
	PVOID handle = KeRegisterProcessorChangeCallback(on_change, &driver, 0);
	KIRQL old = KeRaiseIrqlToDpcLevel();

	(void)state;
	assert_null(KeRegisterProcessorChangeCallback(on_change, &driver, 0));
	KeDeregisterProcessorChangeCallback(handle); /* refused: it goes on */
	KeLowerIrql(old);
	assert_ok(add_position(engine, 1));
	assert_int_equal(driver.count, 2);
	KeDeregisterProcessorChangeCallback(handle);
	unbind_sim(engine);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replay_then_adds_S101_S103_S104_S105_S113_S121_S122_S165),
		cmocka_unit_test(without_the_flag_nothing_is_replayed_S107),
		cmocka_unit_test(undefined_flags_are_ignored_S106),
		cmocka_unit_test(no_callback_no_handle_S108_S189),
		cmocka_unit_test(the_record_has_index_and_number_S154_S166_S167),
		cmocka_unit_test(a_vetoed_replay_gives_no_handle_S128_S129_S132_S134_S135),
		cmocka_unit_test(the_first_veto_reaches_everybody_unchanged_S173_S174_S176_S177_S178_S179),
		cmocka_unit_test(a_warning_vetoes_and_an_information_does_not_S043_S173),
		cmocka_unit_test(bring_up_fails_without_a_veto_S147_S168),
		cmocka_unit_test(what_is_stored_in_complete_has_no_effect_S136_S180),
		cmocka_unit_test(no_registration_from_a_callback_S193),
		cmocka_unit_test(deregistered_in_its_own_callback_S185_S187),
		cmocka_unit_test(two_registrations_of_one_function_S110),
#if DHP_CHECKS < 2
		cmocka_unit_test(at_dispatch_level_registration_fails_S041_S102_S183),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
