/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packets.h - what a frame wants of the device. Pure: no state, no system, nothing of the library.
 */
#ifndef TAPNIC_PACKETS_H
#define TAPNIC_PACKETS_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_MAC_BYTES 6u
#define FRAME_HEADER_BYTES 14u
#define FRAME_LIMIT_BYTES 1518u /* header, a VLAN tag, 1500 bytes */

/* Who we are on the wire. */
struct address {
	uint8_t mac[FRAME_MAC_BYTES];
	uint8_t ip[4];
};

/* What becomes of a frame; also the index of its counter. All from FRAME_DROPPED on are dropped. */
enum frame_fate {
	FRAME_ANSWERED, /* it has become its own answer, in place: send it back where it came from */
	FRAME_FOR_OTHERS, /* one to be switched */
	FRAME_DROPPED,
	FRAME_TRUNCATED = FRAME_DROPPED, /* shorter than it says, or than its headers */
	FRAME_OVERSIZED,
	FRAME_MALFORMED, /* a field that cannot be so */
	FRAME_BAD_CHECKSUM,
	FRAME_FRAGMENT, /* we do not reassemble */
	FRAME_UNWANTED, /* sound, to us, and nothing that we answer */
	FRAME_FATES
};

const char *frame_fate_name(enum frame_fate fate);

/*
 * Look at a frame of *bytes bytes, and make it the answer if we have one. The answer is never longer than the frame; *bytes
 * becomes its length. Any bytes are accepted, and none beyond *bytes is touched; unless it is answered the frame is unchanged.
 */
enum frame_fate frame_handle(const struct address *self, uint8_t *frame, size_t *bytes);

/* The sum that IP, ICMP and UDP use: 0 over data that contain their own right checksum. */
uint16_t frame_checksum(const uint8_t *data, size_t bytes, uint32_t begin);

#endif
