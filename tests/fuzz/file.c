/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of the system, read as text and as a list: all of it or nothing.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#include "linux.h"

#define FILE_BYTES_LIMIT 4096u

static struct dhpi_cpus cpus;

/* A file without a name; its path stands under /proc. */
static int make_file(const uint8_t *data, size_t size)
{
	int file = memfd_create("fuzz", MFD_CLOEXEC);

	MUST(file >= 0);
	MUST(write(file, data, size) == (ssize_t)size);
	return file;
}

static void check_text(const char *root, const char *path, const uint8_t *data, size_t size)
{
	char text[FILE_BYTES_LIMIT];
	size_t capacities[] = { 1, 16, sizeof(text) };

	for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		size_t length = 0;
		enum dhpi_look look = dhpi_file_text(root, path, text, capacities[i], &length);

		MUST(look == (size < capacities[i] ? DHPI_LOOK_FINE : DHPI_LOOK_MALFORMED));
		MUST(length == (size < capacities[i] ? size : capacities[i]) && memcmp(text, data, length) == 0);
	}
}

static void check_list(const char *root, const char *path, const uint8_t *data, size_t size)
{
	struct dhpi_cpulist list = { 0, 0 }, expected;
	bool good = dhpi_cpulist_parse((const char *)data, size, NULL, &expected) && size < FILE_BYTES_LIMIT;

	dhpi_cpus_clear(&cpus);
	MUST(dhpi_file_list(root, path, &cpus, &list) == (good ? DHPI_LOOK_FINE : DHPI_LOOK_MALFORMED));
	MUST(!good || (list.count == expected.count && list.limit == expected.limit));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t before = fuzz_allocated();
	int file = make_file(data, size);
	char path[16];

	(void)snprintf(path, sizeof(path), "/%d", file);
	check_text("/proc/self/fd", path, data, size);
	check_list("/proc/self/fd", path, data, size);
	MUST(fuzz_allocated() == before);
	(void)close(file);
	return 0;
}
