/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Most of the values are asserted by values.h while this is compiled. The rest: GUIDs byte by byte, and the statuses.
 */
#include "support.h"

#include "values.h"

/* Text as the documentation prints a GUID. */
static void check_guid(const GUID *guid, const char *expected)
{
	char text[40];
	const uint8_t *d = guid->Data4;

	(void)snprintf(text, sizeof(text), "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", guid->Data1, guid->Data2,
		       guid->Data3, d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]);
	assert_string_equal(text, expected);
}

static void guids_are_the_documented_ones_S204_S222(void **state)
{
	(void)state;
	check_guid(&GUID_DEVICE_PROCESSOR, "97fadb10-4e33-40ae-359c-8bef029dbdd0");
	check_guid(&GUID_DEVICE_MEMORY, "3fd0f03d-92e0-45fb-b75c-5ed8ffb01021");
	check_guid(&GUID_DEVICE_INTERFACE_ARRIVAL, "cb3a4004-46f0-11d0-b08f-00609713053f");
	check_guid(&GUID_DEVICE_INTERFACE_REMOVAL, "cb3a4005-46f0-11d0-b08f-00609713053f");
	check_guid(&DEVPKEY_Device_DHP_Rebalance_Policy.fmtid, "540b947e-8b40-45bc-a8a2-6a0b894cbda2");
	assert_int_equal(DEVPKEY_Device_DHP_Rebalance_Policy.pid, 2);
	check_guid(&DEVPKEY_DeviceClass_DHPRebalanceOptOut.fmtid, "d14d3ef3-66cf-4ba2-9d38-0ddb37ab4701");
	assert_int_equal(DEVPKEY_DeviceClass_DHPRebalanceOptOut.pid, 2);
	assert_true(IsEqualGUID(&GUID_DEVICE_MEMORY, &GUID_DEVICE_MEMORY));
	assert_false(IsEqualGUID(&GUID_DEVICE_INTERFACE_ARRIVAL, &GUID_DEVICE_INTERFACE_REMOVAL));
}

static const struct pair {
	enum dhp_status ours;
	NTSTATUS theirs;
} pairs[] = {
	{ DHP_OK, STATUS_SUCCESS },
	{ DHP_ALREADY_QUEUED, STATUS_SUCCESS },
	{ DHP_NOT_QUEUED, STATUS_SUCCESS },
	{ DHP_TIMED_OUT, STATUS_TIMEOUT },
	{ DHP_HELD, STATUS_PENDING },
	{ DHP_REQUIREMENTS_CHANGED, STATUS_RESOURCE_REQUIREMENTS_CHANGED },
	{ DHP_NOT_HELD, STATUS_SUCCESS },
	{ DHP_REPLACED, STATUS_SUCCESS },
	{ DHP_NOT_SET, STATUS_SUCCESS },
	{ DHP_UNCHANGED, STATUS_SUCCESS },
	{ DHP_NO_EFFECT, STATUS_SUCCESS },
	{ DHP_BAD_ENGINE, STATUS_DEVICE_NOT_READY },
	{ DHP_BAD_OPTIONS, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_OBJECT, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_CALLBACK, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_FLAGS, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_INDEX, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_NUMBER, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_CPU, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_SIZE, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_ALIGNMENT, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_RESULT, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_IMPORTANCE, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_CLASS, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_STEP, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_GROUPS, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_PATH, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_NAME, STATUS_OBJECT_NAME_NOT_FOUND },
	{ DHP_BAD_CONDITION, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_NODE, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_REQUEST, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_POLICY, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_GROUP, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_MASK, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_COUNT, STATUS_INVALID_PARAMETER },
	{ DHP_BAD_DEPTH, STATUS_INVALID_PARAMETER },
	{ DHP_NO_MEMORY, STATUS_INSUFFICIENT_RESOURCES },
	{ DHP_NO_THREAD, STATUS_INSUFFICIENT_RESOURCES },
	{ DHP_NO_AFFINITY, STATUS_UNSUCCESSFUL },
	{ DHP_NO_PROCESSOR, STATUS_NO_SUCH_DEVICE },
	{ DHP_ALREADY_THERE, STATUS_OBJECTID_EXISTS },
	{ DHP_TOO_MANY, STATUS_INSUFFICIENT_RESOURCES },
	{ DHP_TOO_SMALL, STATUS_BUFFER_OVERFLOW },
	{ DHP_VETOED, STATUS_UNSUCCESSFUL },
	{ DHP_CLOSED, STATUS_DEVICE_NOT_READY },
	{ DHP_WRONG_LEVEL, STATUS_INVALID_DEVICE_STATE },
	{ DHP_IN_CALLBACK, STATUS_INVALID_DEVICE_STATE },
	{ DHP_IN_SECTION, STATUS_INVALID_DEVICE_STATE },
	{ DHP_IN_USE, STATUS_INVALID_DEVICE_STATE },
	{ DHP_NOT_SUPPORTED, STATUS_NOT_SUPPORTED },
	{ DHP_CANNOT_READ, STATUS_IO_DEVICE_ERROR },
	{ DHP_INJECTED, STATUS_UNSUCCESSFUL },
	{ DHP_NO_DESCRIPTOR, STATUS_INSUFFICIENT_RESOURCES },
	{ DHP_INVALID_STATE, STATUS_INVALID_DEVICE_STATE },
	{ DHP_CANCELLED, STATUS_CANCELLED },
	{ DHP_DEVICE_GONE, STATUS_NO_SUCH_DEVICE },
	{ DHP_NOT_QUIET, STATUS_DEVICE_BUSY },
	{ DHP_DETACHED, STATUS_DEVICE_NOT_READY },
	{ DHP_NOT_IN_DPC, STATUS_UNSUCCESSFUL },
	{ DHP_RUN_DOWN, STATUS_DELETE_PENDING },
	{ DHP_NOT_RUN_DOWN, STATUS_INVALID_DEVICE_STATE },
	{ DHP_ENDED, STATUS_UNSUCCESSFUL },
	{ DHP_AT_END, STATUS_SUCCESS },
	{ DHP_BAD_RECORD, STATUS_INVALID_PARAMETER },
	{ DHP_CANNOT_WRITE, STATUS_IO_DEVICE_ERROR },
	{ DHP_FULL, STATUS_INSUFFICIENT_RESOURCES },
};

static bool is_in_the_table(int status)
{
	for (size_t i = 0; i < LENGTH(pairs); i++)
		if ((int)pairs[i].ours == status)
			return true;
	return false;
}

static void each_status_has_its_ntstatus_S043(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(pairs); i++)
		if (dhp_wdk_status(pairs[i].ours) != pairs[i].theirs)
			fail_msg("%s is %#x", dhp_status_name(pairs[i].ours), (ULONG)dhp_wdk_status(pairs[i].ours));
	assert_int_equal(dhp_wdk_status((enum dhp_status)STATUS_NO_MEMORY), STATUS_NO_MEMORY);
	for (int status = -1023; status <= 64; status++) { /* whatever statuses there will be */
		if (strcmp(dhp_status_name((enum dhp_status)status), "DHP_?") != 0 && !is_in_the_table(status))
			fail_msg("%s has no row here", dhp_status_name((enum dhp_status)status));
		assert_int_equal(NT_SUCCESS(dhp_wdk_status((enum dhp_status)status)), status >= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guids_are_the_documented_ones_S204_S222),
		cmocka_unit_test(each_status_has_its_ntstatus_S043),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
