/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes_default.c - the largest shared library of the system, within reason.
 *
 * Shared libraries are on every machine, readable by everybody, and do not change while the demo runs. Within reason:
 * reading hundreds of megabytes from a slow disk would be longer than the demo.
 */
#define _GNU_SOURCE
#include "bytes_default.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_SIZE_LIMIT (256L << 20)

static const char *const folders[] = {
	"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib/riscv64-linux-gnu",
	"/usr/lib64",                "/usr/lib",
};

static bool default_suits(int folder, const char *name, off_t larger_than, off_t *out_size)
{
	struct stat status;

	if (!strstr(name, ".so") || fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (!S_ISREG(status.st_mode) || status.st_size <= larger_than || status.st_size > DEFAULT_SIZE_LIMIT)
		return false;
	*out_size = status.st_size;
	return faccessat(folder, name, R_OK, 0) == 0;
}

static void default_search(const char *folder, char *name, size_t capacity, off_t *largest)
{
	DIR *stream = opendir(folder);
	struct dirent *entry;

	if (!stream)
		return;
	while ((entry = readdir(stream))) {
		off_t size;

		if (strlen(folder) + strlen(entry->d_name) + 2 > capacity)
			continue;
		if (!default_suits(dirfd(stream), entry->d_name, *largest, &size))
			continue;
		*largest = size;
		snprintf(name, capacity, "%s/%s", folder, entry->d_name);
	}
	closedir(stream);
}

void bytes_default(char *name, size_t capacity)
{
	off_t largest = 0;
	size_t at;

	snprintf(name, capacity, "/proc/self/exe");
	for (at = 0; at < sizeof(folders) / sizeof(folders[0]); at++)
		default_search(folders[at], name, capacity, &largest);
}
