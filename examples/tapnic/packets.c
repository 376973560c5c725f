/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packets.c - ARP requests, ICMP echo and UDP echo (port 7) become their own answers.
 *
 * Problem   a frame is whatever somebody else has sent; each length and offset in it may be a lie.
 * Idea      one look per layer, outside in. Each gets the bytes that the layer around it has vouched for, takes its header off,
 *           and hands on the rest; only when all have agreed is anything written.
 * I1        no byte is read that lies beyond the bytes handed on.
 * I2        an answer swaps addresses and flips a type: it has the length of the request, without padding.
 */
#include "packets.h"

#include <stdbool.h>
#include <string.h>

enum { TYPE_IP = 0x0800, TYPE_ARP = 0x0806, PROTOCOL_ICMP = 1, PROTOCOL_UDP = 17, UDP_ECHO_PORT = 7 };
enum { ARP_BYTES = 28, IP_BYTES = 20, ICMP_BYTES = 8, UDP_BYTES = 8 };
enum { IP_OPTION_END = 0, IP_OPTION_NOTHING = 1 };
enum { TIME_TO_LIVE = 64 };

static const uint8_t everybody[FRAME_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

const char *frame_fate_name(enum frame_fate fate)
{
	static const char *const names[FRAME_FATES] = {
		[FRAME_ANSWERED] = "answered",	 [FRAME_FOR_OTHERS] = "for others",	[FRAME_TRUNCATED] = "truncated",
		[FRAME_OVERSIZED] = "oversized", [FRAME_MALFORMED] = "malformed",	[FRAME_BAD_CHECKSUM] = "bad checksum",
		[FRAME_FRAGMENT] = "fragment",	 [FRAME_UNWANTED] = "unwanted",
	};

	return (unsigned int)fate < FRAME_FATES ? names[fate] : "?";
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void swap(uint8_t *a, uint8_t *b, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		uint8_t kept = a[i];

		a[i] = b[i];
		b[i] = kept;
	}
}

uint16_t frame_checksum(const uint8_t *data, size_t bytes, uint32_t begin)
{
	uint64_t sum = begin;

	for (size_t i = 0; i + 1 < bytes; i += 2)
		sum += get16(data + i);
	if (bytes % 2 != 0)
		sum += (uint32_t)data[bytes - 1] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* ---- ARP ---- */

static const uint8_t arp_request[] = { 0, 1, 8, 0, 6, 4, 0, 1 }; /* Ethernet, IP, their address lengths, request */

static enum frame_fate arp_handle(const struct address *self, uint8_t *arp, size_t bytes)
{
	uint8_t *sender = arp + 8, *target = arp + 18; /* each a MAC and an IP address */

	if (bytes < ARP_BYTES)
		return FRAME_TRUNCATED;
	if (memcmp(arp, arp_request, 6) != 0)
		return FRAME_MALFORMED;
	if (memcmp(arp, arp_request, sizeof(arp_request)) != 0 || memcmp(target + FRAME_MAC_BYTES, self->ip, 4) != 0)
		return FRAME_FOR_OTHERS;
	memcpy(target, self->mac, FRAME_MAC_BYTES);
	swap(sender, target, FRAME_MAC_BYTES + 4);
	arp[7] = 2; /* reply */
	return FRAME_ANSWERED;
}

/* ---- IP and what is in it ---- */

static enum frame_fate icmp_handle(uint8_t *icmp, size_t bytes)
{
	if (bytes < ICMP_BYTES)
		return FRAME_TRUNCATED;
	if (frame_checksum(icmp, bytes, 0) != 0)
		return FRAME_BAD_CHECKSUM;
	if (icmp[0] != 8 || icmp[1] != 0)
		return FRAME_UNWANTED;
	icmp[0] = 0; /* echo reply */
	put16(icmp + 2, 0);
	put16(icmp + 2, frame_checksum(icmp, bytes, 0));
	return FRAME_ANSWERED;
}

/* The sum covers addresses, protocol and length too; an exchange of sender and receiver leaves it as it is. */
static bool udp_sum_is_right(const uint8_t *ip, const uint8_t *udp, size_t bytes)
{
	uint32_t begin = PROTOCOL_UDP + (uint32_t)bytes;

	for (size_t i = 12; i < 20; i += 2)
		begin += get16(ip + i);
	return get16(udp + 6) == 0 || frame_checksum(udp, bytes, begin) == 0;
}

static enum frame_fate udp_handle(const uint8_t *ip, uint8_t *udp, size_t bytes)
{
	size_t length;

	if (bytes < UDP_BYTES)
		return FRAME_TRUNCATED;
	length = get16(udp + 4);
	if (length < UDP_BYTES)
		return FRAME_MALFORMED;
	if (length > bytes)
		return FRAME_TRUNCATED;
	if (!udp_sum_is_right(ip, udp, length))
		return FRAME_BAD_CHECKSUM;
	if (get16(udp + 2) != UDP_ECHO_PORT || get16(udp) == UDP_ECHO_PORT) /* two echoes would never end */
		return FRAME_UNWANTED;
	swap(udp, udp + 2, 2);
	return FRAME_ANSWERED;
}

/* Options are a list of kind, length and data; two kinds have neither length nor data. We heed none of them. */
static bool options_are_sound(const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != IP_OPTION_END) {
		if (*at == IP_OPTION_NOTHING) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			return false;
		at += at[1];
	}
	return true;
}

/* What is wrong with the header, or FRAME_ANSWERED. *length becomes that of the packet, *header that of the header. */
static enum frame_fate ip_check(const uint8_t *ip, size_t bytes, size_t *length, size_t *header)
{
	if (bytes < IP_BYTES)
		return FRAME_TRUNCATED;
	*header = (ip[0] & 15u) * 4;
	*length = get16(ip + 2);
	if (ip[0] >> 4 != 4 || *header < IP_BYTES || *length < *header)
		return FRAME_MALFORMED;
	if (*length > bytes)
		return FRAME_TRUNCATED;
	if (frame_checksum(ip, *header, 0) != 0)
		return FRAME_BAD_CHECKSUM;
	if (!options_are_sound(ip + IP_BYTES, ip + *header))
		return FRAME_MALFORMED;
	return (get16(ip + 6) & 0x3fff) == 0 ? FRAME_ANSWERED : FRAME_FRAGMENT; /* offset, and "more follow" */
}

static enum frame_fate ip_handle(const struct address *self, uint8_t *ip, size_t *bytes)
{
	size_t length, header;
	enum frame_fate fate = ip_check(ip, *bytes, &length, &header);

	if (fate != FRAME_ANSWERED)
		return fate;
	if (memcmp(ip + 16, self->ip, 4) != 0 || (ip[9] != PROTOCOL_ICMP && ip[9] != PROTOCOL_UDP))
		return FRAME_UNWANTED;
	fate = ip[9] == PROTOCOL_ICMP ? icmp_handle(ip + header, length - header) :
					udp_handle(ip, ip + header, length - header);
	if (fate != FRAME_ANSWERED)
		return fate;
	swap(ip + 12, ip + 16, 4);
	ip[8] = TIME_TO_LIVE;
	put16(ip + 10, 0);
	put16(ip + 10, frame_checksum(ip, header, 0));
	*bytes = length;
	return FRAME_ANSWERED;
}

/* ---- the frame ---- */

static enum frame_fate payload_handle(const struct address *self, uint8_t *frame, size_t *bytes)
{
	bool is_ours = memcmp(frame, self->mac, FRAME_MAC_BYTES) == 0;
	bool is_everybodys = memcmp(frame, everybody, FRAME_MAC_BYTES) == 0;
	uint16_t type = get16(frame + 12);

	if (type == TYPE_ARP && (is_ours || is_everybodys)) {
		enum frame_fate fate = arp_handle(self, frame + FRAME_HEADER_BYTES, *bytes);

		*bytes = fate == FRAME_ANSWERED ? ARP_BYTES : *bytes;
		return fate == FRAME_FOR_OTHERS && is_ours ? FRAME_UNWANTED : fate;
	}
	if (!is_ours)
		return FRAME_FOR_OTHERS;
	return type == TYPE_IP ? ip_handle(self, frame + FRAME_HEADER_BYTES, bytes) : FRAME_UNWANTED;
}

enum frame_fate frame_handle(const struct address *self, uint8_t *frame, size_t *bytes)
{
	enum frame_fate fate;
	size_t payload;

	if (*bytes < FRAME_HEADER_BYTES)
		return FRAME_TRUNCATED;
	if (*bytes > FRAME_LIMIT_BYTES)
		return FRAME_OVERSIZED;
	if ((frame[FRAME_MAC_BYTES] & 1) != 0) /* nobody is a group */
		return FRAME_MALFORMED;
	payload = *bytes - FRAME_HEADER_BYTES;
	fate = payload_handle(self, frame, &payload);
	if (fate != FRAME_ANSWERED)
		return fate;
	memcpy(frame, frame + FRAME_MAC_BYTES, FRAME_MAC_BYTES);
	memcpy(frame + FRAME_MAC_BYTES, self->mac, FRAME_MAC_BYTES);
	*bytes = FRAME_HEADER_BYTES + payload;
	return FRAME_ANSWERED;
}
