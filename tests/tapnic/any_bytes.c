/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fuzzer's harness for frames, with sound frames of which a few bytes are changed and some are cut off. A finding aborts.
 */
#include "support.h"

#include "../fuzz/fuzz.h"
#include "frames.h"

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 33) % limit;
}

static void make_any(struct frame *frame)
{
	switch (random_below(4)) {
	case 0:
		frame_arp(frame);
		break;
	case 1:
		frame_ping(frame, random_below(100));
		break;
	case 2:
		(void)frame_udp(frame, random_below(11) * 4, random_below(100));
		break;
	default:
		store16(frame_udp(frame, random_below(3) * 4, random_below(20)) + 6, 0);
		break;
	}
}

/* Half of them get a right header checksum again, and so come further in. */
static void spoil(struct frame *frame)
{
	for (uint32_t n = random_below(4); n > 0; n--)
		frame->bytes[random_below((uint32_t)frame->length)] = (uint8_t)random_below(256);
	if (random_below(2) == 0 && frame->bytes[12] == 8 && frame->bytes[13] == 0)
		frame_sum_ip(frame);
	if (random_below(8) == 0)
		frame->length = random_below((uint32_t)frame->length + 1);
}

static void spoiled_frames_are_no_worse_than_dropped(void **state)
{
	struct frame frame;

	(void)state;
	random_state = 7;
	for (uint32_t i = 0; i < TIMES(200000u); i++) {
		make_any(&frame);
		spoil(&frame);
		assert_int_equal(LLVMFuzzerTestOneInput(frame.bytes, frame.length), 0);
	}
}

static void frames_of_every_length_are_no_worse_than_dropped(void **state)
{
	uint8_t bytes[FRAME_LIMIT_BYTES + 10];

	(void)state;
	random_state = 8;
	for (size_t length = 0; length <= sizeof(bytes); length++) {
		for (size_t i = 0; i < length; i++)
			bytes[i] = (uint8_t)random_below(256);
		assert_int_equal(LLVMFuzzerTestOneInput(bytes, length), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoiled_frames_are_no_worse_than_dropped),
		cmocka_unit_test(frames_of_every_length_are_no_worse_than_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
