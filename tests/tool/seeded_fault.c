/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seeded_fault.c - linked into a copy of the tool, between it and dhp_dpc_insert: one item lost, one doubled.
 *
 * SEEDED_FAULT=lose drops one insertion and says that it was accepted; =double runs one twice, by means of a copy of its
 * object made before the insertion, while it is idle; =both does both, so that sums alone would agree.
 */
#include <dhp.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LOST_CALL    1000
#define DOUBLED_CALL 2000

enum dhp_status __real_dhp_dpc_insert(struct dhp_dpc *dpc, void *argument_1, void *argument_2);
enum dhp_status __wrap_dhp_dpc_insert(struct dhp_dpc *dpc, void *argument_1, void *argument_2);

static struct dhp_dpc copy;
static atomic_uint calls;

static bool asked_for(const char *fault)
{
	const char *mode = getenv("SEEDED_FAULT");

	return mode && (strcmp(mode, fault) == 0 || strcmp(mode, "both") == 0);
}

enum dhp_status __wrap_dhp_dpc_insert(struct dhp_dpc *dpc, void *argument_1, void *argument_2)
{
	unsigned call = atomic_fetch_add(&calls, 1);

	if (call == LOST_CALL && asked_for("lose"))
		return DHP_OK;
	if (call == DOUBLED_CALL && asked_for("double")) {
		copy = *dpc;
		__real_dhp_dpc_insert(&copy, argument_1, argument_2);
	}
	return __real_dhp_dpc_insert(dpc, argument_1, argument_2);
}
