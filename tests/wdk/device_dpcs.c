/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DPC that is part of a device object, which is the program's to define.
 */
#include "bound.h"

struct _DEVICE_OBJECT {
	uint64_t runs, wrong;
	PIRP irp;
	KDPC Dpc;
};

static IO_DPC_ROUTINE complete_request;

static VOID complete_request(PKDPC dpc, PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
	if (dpc != &device->Dpc || irp != device->irp || context != &device->irp)
		(void)bump(&device->wrong);
	if (KeGetCurrentIrql() != DISPATCH_LEVEL)
		(void)bump(&device->wrong);
	(void)bump(&device->runs);
}

static void the_routine_gets_device_request_and_context(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	uint64_t request = 0;
	DEVICE_OBJECT device = { .irp = (PIRP)(void *)&request };

	(void)state;
	IoInitializeDpcRequest(&device, complete_request);
	for (uint64_t i = 1; i <= 3; i++) {
		IoRequestDpc(&device, device.irp, &device.irp);
		KeFlushQueuedDpcs();
		assert_int_equal(peek(&device.runs), i);
	}
	assert_int_equal(peek(&device.wrong), 0);
	unbind_sim(engine);
}

static uint64_t holds, lets_go;

static VOID hold_processor(struct _KDPC *dpc, PVOID context, PVOID argument_1, PVOID argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&holds);
	while (peek(&lets_go) == 0)
		sleep_us(50);
}

static void a_request_while_it_is_queued_is_not_another_run(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	uint64_t request = 0;
	DEVICE_OBJECT device = { .irp = (PIRP)(void *)&request };
	KDPC holder;

	(void)state;
	KeInitializeDpc(&holder, hold_processor, NULL);
	assert_true(KeInsertQueueDpc(&holder, NULL, NULL));
	assert_true(wait_for_count(&holds, 1));
	IoInitializeDpcRequest(&device, complete_request);
	IoRequestDpc(&device, device.irp, &device.irp);
	IoRequestDpc(&device, NULL, NULL); /* nor does it change what the routine gets */
	poke(&lets_go, 1);
	KeFlushQueuedDpcs();
	assert_int_equal(peek(&device.runs), 1);
	assert_int_equal(peek(&device.wrong), 0);
	unbind_sim(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_routine_gets_device_request_and_context),
		cmocka_unit_test(a_request_while_it_is_queued_is_not_another_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
