/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes.h - the files of the demo as one row of blocks.
 */
#ifndef TOOL_BYTES_H
#define TOOL_BYTES_H

#include <stddef.h>
#include <stdint.h>

#define BLOCK_BYTES 4096u

struct bytes_file {
	const char *name;
	const uint8_t *start;
	uint64_t size;
	uint64_t first_block;
};

/* Constant after bytes_open. The last block of a file may be short. */
struct bytes {
	struct bytes_file *files;
	uint32_t file_count;
	uint64_t block_count;
	uint64_t size;
	char default_name[512];
};

/* No names: a large file of the system. Returns TOOL_FINE, or says which file cannot be used and why. */
int bytes_open(struct bytes *bytes, char **names, uint32_t name_count);
void bytes_close(struct bytes *bytes);

/* What a block adds to the combined checksum: its number and its CRC-32C, mixed so that no two cancel out. */
uint64_t bytes_checksum(const struct bytes *bytes, uint64_t block);
uint32_t bytes_length(const struct bytes *bytes, uint64_t block);

#endif
