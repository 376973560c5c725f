/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes.c - map the files and find a block by its number.
 *
 * The files are mapped, not read: many processors then share one copy, and a file may be larger than memory. Pages
 * are touched once before the run, up to a limit, so that the first round does not measure the disk. The combined
 * checksum is a sum over blocks of a mix of number and CRC; a sum has no order, and the mix makes a block that is
 * read in another's place show.
 */
#define _GNU_SOURCE
#include "bytes.h"
#include "bytes_default.h"
#include "crc32c.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES_TOUCH_LIMIT (UINT64_C(1) << 30)

/* A mapped file that became shorter answers with this signal, in the middle of a block. */
static void bytes_shrunk(int signal)
{
	static const char message[] = "dhp demo: a file became shorter while it was read: take one that stays\n";
	ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);

	(void)ignored;
	(void)signal;
	_exit(TOOL_UNUSABLE);
}

static int bytes_check(const char *name, const struct stat *status)
{
	if (S_ISDIR(status->st_mode))
		return say_unusable("cannot read %s: it is a directory; name a file", name);
	if (!S_ISREG(status->st_mode))
		return say_unusable("cannot read %s: not a regular file, so it cannot be mapped", name);
	if (status->st_size == 0)
		return say_unusable("cannot use %s: it is empty, there is nothing to checksum", name);
	return TOOL_FINE;
}

static int bytes_map(struct bytes_file *file, int descriptor)
{
	struct stat status;
	void *start;

	if (fstat(descriptor, &status) != 0)
		return say_unusable("cannot read %s: %s", file->name, strerror(errno));
	if (bytes_check(file->name, &status) != TOOL_FINE)
		return TOOL_UNUSABLE;
	file->size = (uint64_t)status.st_size;
	if ((size_t)file->size != file->size)
		return say_unusable("cannot map %s: larger than the addresses of a 32-bit program", file->name);
	start = mmap(NULL, (size_t)file->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
	if (start == MAP_FAILED)
		return say_unusable("cannot map %s: %s", file->name, strerror(errno));
	file->start = start;
	return TOOL_FINE;
}

static int bytes_add(struct bytes *bytes, const char *name)
{
	struct bytes_file *file = &bytes->files[bytes->file_count];
	int descriptor = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int status;

	if (descriptor < 0)
		return say_unusable("cannot read %s: %s", name, strerror(errno));
	file->name = name;
	file->first_block = bytes->block_count;
	status = bytes_map(file, descriptor);
	close(descriptor);
	if (status != TOOL_FINE)
		return status;
	bytes->file_count++;
	bytes->size += file->size;
	bytes->block_count += (file->size + BLOCK_BYTES - 1) / BLOCK_BYTES;
	return TOOL_FINE;
}

static void bytes_touch(const struct bytes *bytes)
{
	uint64_t touched = 0;
	uint32_t at;

	for (at = 0; at < bytes->file_count; at++) {
		const volatile uint8_t *start = bytes->files[at].start;
		uint64_t offset;

		for (offset = 0; offset < bytes->files[at].size && touched < BYTES_TOUCH_LIMIT; offset += BLOCK_BYTES) {
			(void)start[offset];
			touched += BLOCK_BYTES;
		}
	}
}

int bytes_open(struct bytes *bytes, char **names, uint32_t name_count)
{
	char *default_name = bytes->default_name;
	uint32_t at;

	if (!name_count) {
		bytes_default(bytes->default_name, sizeof(bytes->default_name));
		names = &default_name;
		name_count = 1;
	}
	bytes->files = calloc(name_count, sizeof(*bytes->files));
	if (!bytes->files)
		return say_status("cannot open the files", DHP_NO_MEMORY);
	for (at = 0; at < name_count; at++)
		if (bytes_add(bytes, names[at]) != TOOL_FINE)
			return TOOL_UNUSABLE;
	signal(SIGBUS, bytes_shrunk);
	bytes_touch(bytes);
	return TOOL_FINE;
}

static void bytes_unmap(const struct bytes_file *file)
{
	munmap((void *)(uintptr_t)file->start, (size_t)file->size);
}

void bytes_close(struct bytes *bytes)
{
	uint32_t at;

	for (at = 0; at < bytes->file_count; at++)
		bytes_unmap(&bytes->files[at]);
	free(bytes->files);
}

/* The last file that begins at or before the block. */
static const struct bytes_file *bytes_file_of(const struct bytes *bytes, uint64_t block)
{
	uint32_t low = 0, high = bytes->file_count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (bytes->files[middle].first_block <= block)
			low = middle;
		else
			high = middle;
	}
	return &bytes->files[low];
}

static uint32_t bytes_length_in(const struct bytes_file *file, uint64_t offset)
{
	uint64_t left = file->size - offset;

	return left < BLOCK_BYTES ? (uint32_t)left : BLOCK_BYTES;
}

uint32_t bytes_length(const struct bytes *bytes, uint64_t block)
{
	const struct bytes_file *file = bytes_file_of(bytes, block);

	return bytes_length_in(file, (block - file->first_block) * BLOCK_BYTES);
}

/* The finaliser of SplitMix64: every bit of the input moves every bit of the result. */
static uint64_t bytes_mix(uint64_t value)
{
	value += UINT64_C(0x9e3779b97f4a7c15);
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

uint64_t bytes_checksum(const struct bytes *bytes, uint64_t block)
{
	const struct bytes_file *file = bytes_file_of(bytes, block);
	uint64_t offset = (block - file->first_block) * BLOCK_BYTES;
	uint32_t crc = crc32c(file->start + offset, bytes_length_in(file, offset));

	return bytes_mix(bytes_mix(block) ^ crc);
}
