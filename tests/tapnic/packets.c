/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the driver of examples/tapnic makes of a frame: its own answer, somebody else's, or one to be dropped, and why.
 */
#include "support.h"

#include "frames.h"

/* What is not answered must be as it was. */
static enum frame_fate handle(struct frame *frame)
{
	struct frame before = *frame;
	enum frame_fate fate = frame_handle(&device, frame->bytes, &frame->length);

	if (fate != FRAME_ANSWERED) {
		assert_int_equal(frame->length, before.length);
		assert_memory_equal(frame->bytes, before.bytes, sizeof(before.bytes));
	}
	return fate;
}

static void assert_goes_back(const struct frame *frame)
{
	assert_memory_equal(frame->bytes, station.mac, 6);
	assert_memory_equal(frame->bytes + 6, device.mac, 6);
}

static void assert_packet_goes_back(const struct frame *frame)
{
	assert_goes_back(frame);
	assert_memory_equal(frame->bytes + AT_IP + 12, device.ip, 4);
	assert_memory_equal(frame->bytes + AT_IP + 16, station.ip, 4);
	assert_int_equal(frame->bytes[AT_IP + 8], 64);
	assert_int_equal(frame_checksum(frame->bytes + AT_IP, (frame->bytes[AT_IP] & 15u) * 4u, 0), 0);
}

static void a_request_for_our_address_is_answered(void **state)
{
	struct frame frame;

	(void)state;
	frame_arp(&frame);
	assert_int_equal(handle(&frame), FRAME_ANSWERED);
	assert_int_equal(frame.length, 42);
	assert_goes_back(&frame);
	assert_int_equal(frame.bytes[AT_ARP + 7], 2);
	assert_memory_equal(frame.bytes + AT_ARP + 8, device.mac, 6);
	assert_memory_equal(frame.bytes + AT_ARP + 14, device.ip, 4);
	assert_memory_equal(frame.bytes + AT_ARP + 18, station.mac, 6);
	assert_memory_equal(frame.bytes + AT_ARP + 24, station.ip, 4);
}

static void other_arp_frames_are_for_others_or_malformed(void **state)
{
	struct frame frame;

	(void)state;
	frame_arp(&frame);
	frame.bytes[AT_ARP + 27] = 2; /* another address */
	assert_int_equal(handle(&frame), FRAME_FOR_OTHERS);
	memcpy(frame.bytes, device.mac, 6);
	assert_int_equal(handle(&frame), FRAME_UNWANTED);
	frame_arp(&frame);
	frame.bytes[AT_ARP + 7] = 2; /* a reply */
	assert_int_equal(handle(&frame), FRAME_FOR_OTHERS);
	frame_arp(&frame);
	frame.bytes[AT_ARP + 4] = 8; /* length of a MAC */
	assert_int_equal(handle(&frame), FRAME_MALFORMED);
	frame_arp(&frame);
	frame.length = 41;
	assert_int_equal(handle(&frame), FRAME_TRUNCATED);
}

static void a_ping_comes_back_with_its_data(void **state)
{
	struct frame frame;

	(void)state;
	for (uint32_t data = 0; data < 64; data++) {
		frame_ping(&frame, data);
		assert_int_equal(handle(&frame), FRAME_ANSWERED);
		assert_packet_goes_back(&frame);
		assert_int_equal(frame.length, 42 + data);
		assert_int_equal(frame.bytes[AT_INNER], 0);
		assert_int_equal(frame_checksum(frame.bytes + AT_INNER, 8 + data, 0), 0);
		for (uint32_t i = 0; i < data; i++)
			assert_int_equal(frame.bytes[AT_INNER + 8 + i], i);
	}
}

static void a_datagram_for_the_echo_port_comes_back(void **state)
{
	struct frame frame;

	(void)state;
	for (uint32_t options = 0; options <= 40; options += 4) {
		uint8_t *udp = frame_udp(&frame, options, 33);

		assert_int_equal(handle(&frame), FRAME_ANSWERED);
		assert_packet_goes_back(&frame);
		assert_int_equal(udp[1] | udp[0] << 8, 7);
		assert_int_equal(udp[3] | udp[2] << 8, 5000);
		assert_int_equal(frame_udp_sum(&frame, udp, 41), 0);
	}
}

static void a_datagram_without_a_sum_comes_back(void **state)
{
	struct frame frame;
	uint8_t *udp = frame_udp(&frame, 0, 5);

	(void)state;
	store16(udp + 6, 0);
	assert_int_equal(handle(&frame), FRAME_ANSWERED);
	assert_int_equal(udp[6] | udp[7], 0);
}

static void padding_is_not_sent_back(void **state)
{
	struct frame frame;

	(void)state;
	frame_ping(&frame, 4);
	frame.length = 60;
	assert_int_equal(handle(&frame), FRAME_ANSWERED);
	assert_int_equal(frame.length, 46);
}

static void what_we_do_not_serve_is_unwanted(void **state)
{
	struct frame frame;
	uint8_t *udp;

	(void)state;
	udp = frame_udp(&frame, 0, 5);
	store16(udp + 2, 8); /* another port */
	store16(udp + 6, 0);
	assert_int_equal(handle(&frame), FRAME_UNWANTED);
	udp = frame_udp(&frame, 0, 5);
	store16(udp, 7); /* from an echo to an echo */
	store16(udp + 6, 0);
	assert_int_equal(handle(&frame), FRAME_UNWANTED);
	(void)frame_ip(&frame, 6, 0, 20);
	assert_int_equal(handle(&frame), FRAME_UNWANTED);
	frame_ping(&frame, 5);
	frame.bytes[AT_IP + 19] = 2; /* another address */
	frame_sum_ip(&frame);
	assert_int_equal(handle(&frame), FRAME_UNWANTED);
	frame_begin(&frame, 0x86dd);
	frame.length = 60;
	assert_int_equal(handle(&frame), FRAME_UNWANTED);
	frame_ip(&frame, 1, 0, 8)[0] = 13; /* a timestamp request */
	store16(frame.bytes + AT_INNER + 2, frame_checksum(frame.bytes + AT_INNER, 8, 0));
	assert_int_equal(handle(&frame), FRAME_UNWANTED);
}

static void frames_to_others_and_to_groups_are_for_others(void **state)
{
	struct frame frame;

	(void)state;
	frame_ping(&frame, 5);
	frame.bytes[5] = 7;
	assert_int_equal(handle(&frame), FRAME_FOR_OTHERS);
	frame.bytes[0] = 0x33;
	assert_int_equal(handle(&frame), FRAME_FOR_OTHERS);
}

static void nobody_sends_as_a_group(void **state)
{
	struct frame frame;

	(void)state;
	frame_ping(&frame, 5);
	frame.bytes[6] |= 1;
	assert_int_equal(handle(&frame), FRAME_MALFORMED);
}

static void a_frame_cut_anywhere_is_truncated(void **state)
{
	struct frame frame, cut;

	(void)state;
	(void)frame_udp(&frame, 8, 5);
	for (size_t length = 0; length < frame.length; length++) {
		cut = frame;
		cut.length = length;
		assert_int_equal(handle(&cut), FRAME_TRUNCATED);
	}
	assert_int_equal(handle(&frame), FRAME_ANSWERED);
}

static void the_longest_frame_is_answered_and_a_longer_one_oversized(void **state)
{
	struct frame frame;

	(void)state;
	frame_ping(&frame, FRAME_LIMIT_BYTES - 42);
	assert_int_equal(frame.length, FRAME_LIMIT_BYTES);
	assert_int_equal(handle(&frame), FRAME_ANSWERED);
	frame_ping(&frame, FRAME_LIMIT_BYTES - 41);
	assert_int_equal(handle(&frame), FRAME_OVERSIZED);
}

static void a_packet_longer_than_its_frame_is_truncated(void **state)
{
	struct frame frame;
	uint8_t *udp;

	(void)state;
	frame_ping(&frame, 5);
	store16(frame.bytes + AT_IP + 2, 34);
	frame_sum_ip(&frame);
	assert_int_equal(handle(&frame), FRAME_TRUNCATED);
	udp = frame_udp(&frame, 0, 5);
	store16(udp + 4, 14);
	assert_int_equal(handle(&frame), FRAME_TRUNCATED);
	(void)frame_ip(&frame, 17, 0, 7);
	assert_int_equal(handle(&frame), FRAME_TRUNCATED);
	(void)frame_ip(&frame, 1, 0, 7);
	assert_int_equal(handle(&frame), FRAME_TRUNCATED);
}

static void fields_that_cannot_be_so_are_malformed(void **state)
{
	struct frame frame;

	(void)state;
	frame_ping(&frame, 5);
	frame.bytes[AT_IP] = 0x65;
	assert_int_equal(handle(&frame), FRAME_MALFORMED);
	frame.bytes[AT_IP] = 0x44;
	assert_int_equal(handle(&frame), FRAME_MALFORMED);
	frame_ping(&frame, 5);
	store16(frame.bytes + AT_IP + 2, 19);
	assert_int_equal(handle(&frame), FRAME_MALFORMED);
	store16(frame_udp(&frame, 0, 5) + 4, 7);
	assert_int_equal(handle(&frame), FRAME_MALFORMED);
}

static enum frame_fate with_options(const uint8_t *options)
{
	struct frame frame;

	(void)frame_udp(&frame, 4, 5);
	memcpy(frame.bytes + AT_IP + 20, options, 4);
	frame_sum_ip(&frame);
	return handle(&frame);
}

static void options_whose_lengths_lie_are_malformed(void **state)
{
	(void)state;
	assert_int_equal(with_options((const uint8_t[]){ 7, 4, 0, 0 }), FRAME_ANSWERED);
	assert_int_equal(with_options((const uint8_t[]){ 1, 7, 3, 0 }), FRAME_ANSWERED);
	assert_int_equal(with_options((const uint8_t[]){ 0, 7, 9, 9 }), FRAME_ANSWERED); /* after the end */
	assert_int_equal(with_options((const uint8_t[]){ 7, 5, 0, 0 }), FRAME_MALFORMED);
	assert_int_equal(with_options((const uint8_t[]){ 7, 0, 0, 0 }), FRAME_MALFORMED);
	assert_int_equal(with_options((const uint8_t[]){ 7, 1, 0, 0 }), FRAME_MALFORMED);
	assert_int_equal(with_options((const uint8_t[]){ 1, 1, 1, 7 }), FRAME_MALFORMED); /* no room for a length */
}

static void a_flipped_bit_is_a_bad_checksum(void **state)
{
	struct frame frame;
	static const size_t places[] = { AT_IP + 4, AT_IP + 18, AT_INNER + 3, AT_INNER + 9 };

	(void)state;
	for (size_t i = 0; i < LENGTH(places); i++) {
		frame_ping(&frame, 5);
		frame.bytes[places[i]] ^= 4;
		assert_int_equal(handle(&frame), FRAME_BAD_CHECKSUM);
	}
	(void)frame_udp(&frame, 0, 5);
	frame.bytes[AT_INNER + 12] ^= 1;
	assert_int_equal(handle(&frame), FRAME_BAD_CHECKSUM);
}

static void parts_of_packets_are_fragments(void **state)
{
	struct frame frame;

	(void)state;
	frame_ping(&frame, 5);
	frame.bytes[AT_IP + 6] = 0x20; /* more follow */
	frame_sum_ip(&frame);
	assert_int_equal(handle(&frame), FRAME_FRAGMENT);
	frame_ping(&frame, 5);
	frame.bytes[AT_IP + 7] = 1; /* an offset */
	frame_sum_ip(&frame);
	assert_int_equal(handle(&frame), FRAME_FRAGMENT);
	frame_ping(&frame, 5);
	frame.bytes[AT_IP + 6] = 0x40; /* may not be parted: whole */
	frame_sum_ip(&frame);
	assert_int_equal(handle(&frame), FRAME_ANSWERED);
}

static void every_fate_has_a_name(void **state)
{
	(void)state;
	for (enum frame_fate fate = 0; fate < FRAME_FATES; fate++)
		assert_string_not_equal(frame_fate_name(fate), "?");
	assert_string_equal(frame_fate_name(FRAME_FATES), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_for_our_address_is_answered),
		cmocka_unit_test(other_arp_frames_are_for_others_or_malformed),
		cmocka_unit_test(a_ping_comes_back_with_its_data),
		cmocka_unit_test(a_datagram_for_the_echo_port_comes_back),
		cmocka_unit_test(a_datagram_without_a_sum_comes_back),
		cmocka_unit_test(padding_is_not_sent_back),
		cmocka_unit_test(what_we_do_not_serve_is_unwanted),
		cmocka_unit_test(frames_to_others_and_to_groups_are_for_others),
		cmocka_unit_test(nobody_sends_as_a_group),
		cmocka_unit_test(a_frame_cut_anywhere_is_truncated),
		cmocka_unit_test(the_longest_frame_is_answered_and_a_longer_one_oversized),
		cmocka_unit_test(a_packet_longer_than_its_frame_is_truncated),
		cmocka_unit_test(fields_that_cannot_be_so_are_malformed),
		cmocka_unit_test(options_whose_lengths_lie_are_malformed),
		cmocka_unit_test(a_flipped_bit_is_a_bad_checksum),
		cmocka_unit_test(parts_of_packets_are_fragments),
		cmocka_unit_test(every_fate_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
