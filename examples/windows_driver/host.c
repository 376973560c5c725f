/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.c - what Windows would do with driver.c: enter it, let processors and memory arrive, send it requests, unload it.
 *
 * Without an argument the partition is simulated: a machine for eight processors that starts with two. With `machine` it is this
 * one, and what arrives is up to it.
 */
#include <dhp.h>
#include <dhp/wdk.h>

#include <stdio.h>
#include <string.h>

#include "driver.h"

/* One, then three more, the second of which fails at first; then memory. */
static void let_hardware_arrive(struct dhp_engine *engine)
{
	(void)dhp_sim_add(engine, dhp_sim_cpu(engine, 2));
	(void)dhp_sim_fail(engine, dhp_sim_cpu(engine, 4), DHP_STEP_BRING_UP, DHP_INJECTED);
	for (uint32_t position = 3; position < 6; position++)
		(void)dhp_sim_add(engine, dhp_sim_cpu(engine, position));
	(void)dhp_sim_memory_add(engine, (uint64_t)1 << 30, 0);
	(void)dhp_arrival_drain(engine);
}

static int run(struct dhp_engine *engine, bool simulated)
{
	DRIVER_OBJECT driver;
	LONG requests = 0;

	memset(&driver, 0, sizeof(driver));
	if (!NT_SUCCESS(DriverEntry(&driver, NULL)))
		return 1;
	DriverRequest();
	if (simulated)
		let_hardware_arrive(engine);
	KeFlushQueuedDpcs();
	DriverRequest();
	KeFlushQueuedDpcs();
	for (ULONG index = 0; index < KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS); index++)
		requests += DriverRequests(index);
	(void)printf("%d requests on %u processors\n", requests, KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS));
	driver.DriverUnload(&driver);
	return !simulated || requests == 2 + 5 ? 0 : 1; /* one on each of two, then one on each of five */
}

int main(int argc, char **argv)
{
	const struct dhp_sim_options partition = { .size = sizeof(partition), .maximum_count = 8, .initial_count = 2 };
	bool simulated = argc < 2 || strcmp(argv[1], "machine") != 0;
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = simulated ? &partition : NULL };
	struct dhp_engine *engine;
	int status;

	if (dhp_engine_create(&options, &engine) != DHP_OK)
		return 1;
	if (dhp_wdk_bind(engine) != DHP_OK)
		return 1;
	status = run(engine, simulated);
	if (dhp_wdk_unbind() != DHP_OK || dhp_engine_destroy(engine) != DHP_OK)
		return 1;
	return status;
}
