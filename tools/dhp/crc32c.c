/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crc32c.c - CRC-32C, eight bytes a step.
 *
 * Table k holds what a byte contributes when k bytes follow it, so that eight bytes need eight look-ups that do not
 * wait for each other (slicing by eight). No special instructions: the demo wants work that keeps a processor busy
 * for some microseconds a block, not the fastest checksum.
 */
#include "crc32c.h"

#define CRC32C_POLYNOMIAL 0x82f63b78u /* reversed */
#define CRC32C_SLICES     8

static uint32_t crc32c_table[CRC32C_SLICES][256]; /* written by crc32c_prepare, before there are threads */

static uint32_t crc32c_of_byte(uint32_t crc)
{
	int bit;

	for (bit = 0; bit < 8; bit++)
		crc = crc >> 1 ^ (crc & 1 ? CRC32C_POLYNOMIAL : 0);
	return crc;
}

static uint32_t crc32c_step(uint32_t crc, uint8_t byte)
{
	return crc32c_table[0][(crc ^ byte) & 0xff] ^ crc >> 8;
}

static uint32_t crc32c_word(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint32_t crc32c_four(uint32_t word, int slice)
{
	return crc32c_table[slice][word & 0xff] ^ crc32c_table[slice - 1][word >> 8 & 0xff] ^
	       crc32c_table[slice - 2][word >> 16 & 0xff] ^ crc32c_table[slice - 3][word >> 24];
}

uint32_t crc32c(const uint8_t *bytes, size_t length)
{
	uint32_t crc = UINT32_MAX;

	for (; length >= 8; bytes += 8, length -= 8)
		crc = crc32c_four(crc ^ crc32c_word(bytes), 7) ^ crc32c_four(crc32c_word(bytes + 4), 3);
	for (; length; bytes++, length--)
		crc = crc32c_step(crc, *bytes);
	return ~crc;
}

bool crc32c_prepare(void)
{
	static const uint8_t digits[] = "123456789";
	static const uint8_t zeros[32];
	uint32_t byte;
	int slice;

	for (byte = 0; byte < 256; byte++)
		crc32c_table[0][byte] = crc32c_of_byte(byte);
	for (slice = 1; slice < CRC32C_SLICES; slice++)
		for (byte = 0; byte < 256; byte++)
			crc32c_table[slice][byte] = crc32c_step(crc32c_table[slice - 1][byte], 0);
	/* The check value of the CRC catalogues, and the first example of RFC 3720, B.4. */
	return crc32c(digits, 9) == 0xe3069283u && crc32c(zeros, 32) == 0x8a9136aau;
}
