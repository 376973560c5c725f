/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's messages about devices, good and bad.
 */
#include "support.h"

#include "linux.h"

/* The literal's own final zero byte ends its last field. */
#define PARSE(literal) parse(literal, sizeof(literal))

static enum dhpi_uevent_kind parse(const char *text, size_t length)
{
	/* A copy of the exact length, so that a sanitizer sees a read beyond the end. */
	char *exact = test_malloc(length + (length == 0));
	struct dhpi_uevent event = { NULL, NULL };
	enum dhpi_uevent_kind kind;

	memcpy(exact, text, length);
	kind = dhpi_uevent_parse(exact, length, &event);
	test_free(exact);
	return kind;
}

static const char cpu_add[] = "add@/devices/system/cpu/cpu1\0ACTION=add\0DEVPATH=/devices/system/cpu/cpu1\0SUBSYSTEM=cpu\0"
			      "DRIVER=processor\0MODALIAS=cpu:type:x86\0SEQNUM=1234";

static void processor_messages_are_signs(void **state)
{
	(void)state;
	assert_int_equal(PARSE(cpu_add), DHPI_UEVENT_CPU);
	assert_int_equal(PARSE("online@/devices/system/cpu/cpu1\0ACTION=online\0DEVPATH=/devices/system/cpu/cpu1\0"
			       "SUBSYSTEM=cpu\0SEQNUM=2"),
			 DHPI_UEVENT_CPU);
	assert_int_equal(PARSE("offline@/devices/system/cpu/cpu1\0ACTION=offline\0SUBSYSTEM=cpu"), DHPI_UEVENT_CPU);
	assert_int_equal(PARSE("remove@/devices/system/cpu/cpu1\0SUBSYSTEM=cpu\0ACTION=remove"), DHPI_UEVENT_CPU);
	assert_int_equal(PARSE("add@/devices/system/cpu/cpu1\0SYNTH_UUID=0\0ACTION=add\0SUBSYSTEM=cpu"), DHPI_UEVENT_CPU);
}

static void memory_messages_are_signs_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(PARSE("online@/devices/system/memory/memory40\0ACTION=online\0"
			       "DEVPATH=/devices/system/memory/memory40\0SUBSYSTEM=memory\0SEQNUM=2"),
			 DHPI_UEVENT_MEMORY);
	assert_int_equal(PARSE("add@/devices/system/memory/memory40\0SUBSYSTEM=memory\0ACTION=add"), DHPI_UEVENT_MEMORY);
	assert_int_equal(PARSE("add@/x\0ACTION=add\0SUBSYSTEM=memory_tiering"), DHPI_UEVENT_OTHER);
	assert_int_equal(PARSE("add@/x\0ACTION=add\0SUBSYSTEM=mem"), DHPI_UEVENT_OTHER);
	assert_int_equal(PARSE("add@/devices/system/memory/memory40\0SUBSYSTEM=memory"), DHPI_UEVENT_MALFORMED);
	/* The last one of two counts, as for processors. */
	assert_int_equal(PARSE("add@/x\0ACTION=add\0SUBSYSTEM=memory\0SUBSYSTEM=net"), DHPI_UEVENT_OTHER);
}

static void other_subsystems_are_passed_over(void **state)
{
	(void)state;
	assert_int_equal(PARSE("add@/devices/virtual/net/veth0\0ACTION=add\0SUBSYSTEM=net"), DHPI_UEVENT_OTHER);
	assert_int_equal(PARSE("add@/devices/system/cpu/x\0ACTION=add\0SUBSYSTEM=cpuidle"), DHPI_UEVENT_OTHER);
	assert_int_equal(PARSE("add@/devices/system/cpu/x\0ACTION=add\0SUBSYSTEM=cp"), DHPI_UEVENT_OTHER);
	assert_int_equal(PARSE("add@/devices/system/cpu/x\0ACTION=add\0SUBSYSTEM="), DHPI_UEVENT_OTHER);
	assert_int_equal(PARSE("add@/devices/system/cpu/x\0ACTION=add\0XSUBSYSTEM=cpu\0SUBSYSTEM=net"), DHPI_UEVENT_OTHER);
	assert_int_equal(PARSE("change@/x\0ACTION=change\0SUBSYSTEM=net\0EXTRA=SUBSYSTEM=cpu"), DHPI_UEVENT_OTHER);
}

static void malformed_messages_are_refused(void **state)
{
	static const char no_end[] = { 'a', 'd', 'd', '@', '/', 'x' };

	(void)state;
	assert_int_equal(parse("", 0), DHPI_UEVENT_MALFORMED);
	assert_int_equal(parse("\0", 1), DHPI_UEVENT_MALFORMED);
	assert_int_equal(parse("\0\0\0\0", 4), DHPI_UEVENT_MALFORMED);
	assert_int_equal(parse(no_end, sizeof(no_end)), DHPI_UEVENT_MALFORMED);
	assert_int_equal(PARSE("add"), DHPI_UEVENT_MALFORMED);
	assert_int_equal(PARSE("@/devices\0ACTION=add\0SUBSYSTEM=cpu"), DHPI_UEVENT_MALFORMED);
	assert_int_equal(PARSE("add@\0ACTION=add\0SUBSYSTEM=cpu"), DHPI_UEVENT_MALFORMED);
	assert_int_equal(PARSE("add@devices\0ACTION=add\0SUBSYSTEM=cpu"), DHPI_UEVENT_MALFORMED);
	assert_int_equal(PARSE("add@/devices/system/cpu/cpu1"), DHPI_UEVENT_MALFORMED);
	assert_int_equal(PARSE("add@/devices/system/cpu/cpu1\0ACTION=add"), DHPI_UEVENT_MALFORMED);
	assert_int_equal(PARSE("add@/devices/system/cpu/cpu1\0SUBSYSTEM=cpu"), DHPI_UEVENT_MALFORMED);
	assert_int_equal(PARSE("add@/devices/system/cpu/cpu1\0ACTION=add\0NOTHING\0SUBSYSTEM=cpu"), DHPI_UEVENT_MALFORMED);
	assert_int_equal(PARSE("add@/devices/system/cpu/cpu1\0ACTION=add\0\0SUBSYSTEM=cpu"), DHPI_UEVENT_MALFORMED);
	assert_int_equal(PARSE("ACTION=add\0SUBSYSTEM=cpu"), DHPI_UEVENT_MALFORMED);
	/* What udev passes on to its listeners has a header of another form. */
	assert_int_equal(PARSE("libudev\0\xfe\xed\xca\xfe\0ACTION=add\0SUBSYSTEM=cpu"), DHPI_UEVENT_MALFORMED);
}

/* Cut off in the middle of a field there is no zero byte at the end; cut off between fields something is missing. */
static void truncated_messages_are_refused_or_harmless(void **state)
{
	size_t complete = 0;

	(void)state;
	for (size_t length = 0; length < sizeof(cpu_add); length++) {
		bool ends_field = length > 0 && cpu_add[length - 1] == '\0';
		enum dhpi_uevent_kind kind = parse(cpu_add, length);

		if (!ends_field)
			assert_int_equal(kind, DHPI_UEVENT_MALFORMED);
		else if (kind == DHPI_UEVENT_CPU)
			complete++;
		else
			assert_int_equal(complete, 0);
	}
	assert_int_equal(complete, 3); /* after SUBSYSTEM, DRIVER and MODALIAS */
}

static void random_messages_are_safe(void **state)
{
	uint64_t dice = 7;
	uint32_t refused = 0;

	(void)state;
	for (int round = 0; round < TIMES(50000); round++) {
		char message[sizeof(cpu_add)];

		memcpy(message, cpu_add, sizeof(message));
		for (uint32_t i = 0; i < 4; i++)
			message[roll(&dice) % sizeof(message)] = (char)roll(&dice);
		refused += parse(message, (size_t)(1 + roll(&dice) % sizeof(message))) == DHPI_UEVENT_MALFORMED;
	}
	assert_true(refused > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(processor_messages_are_signs),
		cmocka_unit_test(memory_messages_are_signs_of_their_own),
		cmocka_unit_test(other_subsystems_are_passed_over),
		cmocka_unit_test(malformed_messages_are_refused),
		cmocka_unit_test(truncated_messages_are_refused_or_harmless),
		cmocka_unit_test(random_messages_are_safe),
	};

	return cmocka_run_group_tests_name("uevent_parse", tests, NULL, NULL);
}
