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
	assert_true(IsEqualGUID(&GUID_DEVICE_MEMORY, &GUID_DEVICE_MEMORY));
	assert_false(IsEqualGUID(&GUID_DEVICE_INTERFACE_ARRIVAL, &GUID_DEVICE_INTERFACE_REMOVAL));
}

static void each_status_has_its_ntstatus_S043(void **state)
{
	(void)state;
	assert_int_equal(dhp_wdk_status(DHP_OK), STATUS_SUCCESS);
	assert_int_equal(dhp_wdk_status(DHP_ALREADY_QUEUED), STATUS_SUCCESS);
	assert_int_equal(dhp_wdk_status(DHP_BAD_ENGINE), STATUS_DEVICE_NOT_READY);
	assert_int_equal(dhp_wdk_status(DHP_BAD_INDEX), STATUS_INVALID_PARAMETER);
	assert_int_equal(dhp_wdk_status(DHP_BAD_PATH), STATUS_INVALID_PARAMETER);
	assert_int_equal(dhp_wdk_status(DHP_NO_MEMORY), STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(dhp_wdk_status(DHP_NO_THREAD), STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(dhp_wdk_status(DHP_TOO_MANY), STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(dhp_wdk_status(DHP_ALREADY_THERE), STATUS_OBJECTID_EXISTS);
	assert_int_equal(dhp_wdk_status(DHP_TOO_SMALL), STATUS_BUFFER_OVERFLOW);
	assert_int_equal(dhp_wdk_status(DHP_CLOSED), STATUS_DEVICE_NOT_READY);
	assert_int_equal(dhp_wdk_status(DHP_WRONG_LEVEL), STATUS_INVALID_DEVICE_STATE);
	assert_int_equal(dhp_wdk_status(DHP_NOT_SUPPORTED), STATUS_NOT_SUPPORTED);
	assert_int_equal(dhp_wdk_status(DHP_VETOED), STATUS_UNSUCCESSFUL);
	assert_int_equal(dhp_wdk_status(DHP_INJECTED), STATUS_UNSUCCESSFUL);
	assert_int_equal(dhp_wdk_status((enum dhp_status)STATUS_NO_MEMORY), STATUS_NO_MEMORY);
	for (int status = -1023; status <= 64; status++) /* whatever statuses there will be */
		assert_int_equal(NT_SUCCESS(dhp_wdk_status((enum dhp_status)status)), status >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guids_are_the_documented_ones_S204_S222),
		cmocka_unit_test(each_status_has_its_ntstatus_S043),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
