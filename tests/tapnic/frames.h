/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.h - sound frames to the device, for tests to break.
 */
#ifndef TESTS_TAPNIC_FRAMES_H
#define TESTS_TAPNIC_FRAMES_H

#include <stdint.h>
#include <string.h>

#include "packets.h"

struct frame {
	uint8_t bytes[2048];
	size_t length;
};

static const struct address device = { { 2, 0, 0, 0, 0, 1 }, { 10, 0, 0, 1 } };
static const struct address station = { { 2, 0, 0, 0, 0, 9 }, { 10, 0, 0, 9 } };

enum { AT_ARP = 14, AT_IP = 14, AT_INNER = 34 };

static inline void store16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void frame_begin(struct frame *frame, uint32_t type)
{
	memset(frame, 0, sizeof(*frame));
	memcpy(frame->bytes, device.mac, 6);
	memcpy(frame->bytes + 6, station.mac, 6);
	store16(frame->bytes + 12, type);
}

static inline void frame_arp(struct frame *frame)
{
	static const uint8_t request[] = { 0, 1, 8, 0, 6, 4, 0, 1 };

	frame_begin(frame, 0x0806);
	memset(frame->bytes, 0xff, 6);
	memcpy(frame->bytes + AT_ARP, request, sizeof(request));
	memcpy(frame->bytes + AT_ARP + 8, station.mac, 6);
	memcpy(frame->bytes + AT_ARP + 14, station.ip, 4);
	memcpy(frame->bytes + AT_ARP + 24, device.ip, 4);
	frame->length = 60; /* as padded on the wire */
}

/* After a change of the header. */
static inline void frame_sum_ip(struct frame *frame)
{
	uint8_t *ip = frame->bytes + AT_IP;

	store16(ip + 10, 0);
	store16(ip + 10, frame_checksum(ip, (ip[0] & 15u) * 4u, 0));
}

/* An IP packet with options of so many bytes, all of kind "nothing", and room for so many inside. */
static inline uint8_t *frame_ip(struct frame *frame, uint32_t protocol, uint32_t options, uint32_t inside)
{
	uint8_t *ip = frame->bytes + AT_IP;

	frame_begin(frame, 0x0800);
	ip[0] = (uint8_t)(0x45 + options / 4);
	store16(ip + 2, 20 + options + inside);
	ip[8] = 3;
	ip[9] = (uint8_t)protocol;
	memcpy(ip + 12, station.ip, 4);
	memcpy(ip + 16, device.ip, 4);
	memset(ip + 20, 1, options);
	frame_sum_ip(frame);
	frame->length = 34 + options + inside;
	return ip + 20 + options;
}

static inline void frame_ping(struct frame *frame, uint32_t data)
{
	uint8_t *icmp = frame_ip(frame, 1, 0, 8 + data);

	icmp[0] = 8;
	for (uint32_t i = 0; i < data; i++)
		icmp[8 + i] = (uint8_t)i;
	store16(icmp + 2, frame_checksum(icmp, 8 + data, 0));
}

/* The sum over the UDP part and what belongs to it of the header. */
static inline uint16_t frame_udp_sum(const struct frame *frame, const uint8_t *udp, uint32_t length)
{
	uint32_t begin = 17 + length;

	for (uint32_t i = 12; i < 20; i += 2)
		begin += (uint32_t)(frame->bytes[AT_IP + i] << 8) + frame->bytes[AT_IP + i + 1];
	return frame_checksum(udp, length, begin);
}

static inline uint8_t *frame_udp(struct frame *frame, uint32_t options, uint32_t data)
{
	uint8_t *udp = frame_ip(frame, 17, options, 8 + data);

	store16(udp, 5000);
	store16(udp + 2, 7);
	store16(udp + 4, 8 + data);
	memset(udp + 8, 'x', data);
	store16(udp + 6, frame_udp_sum(frame, udp, 8 + data));
	return udp;
}

#endif
