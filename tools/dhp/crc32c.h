/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crc32c.h - the checksum of iSCSI, ext4 and Btrfs (Castagnoli's polynomial).
 */
#ifndef TOOL_CRC32C_H
#define TOOL_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Make the tables and check them against the published value; false when they are wrong. Before any other use. */
bool crc32c_prepare(void);

uint32_t crc32c(const uint8_t *bytes, size_t length);

#endif
