/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file.c - files under a root that stands for a machine, read as a whole.
 *
 * That a file is not there and that the process has no descriptor left are different things: the one is a fact about the
 * machine, the other passes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "linux.h"

/* A file of sysfs is shorter than a page. */
#define LIST_BYTES 4096u

static bool make_path(char *path, const char *root, const char *name)
{
	int length = snprintf(path, DHPI_PATH_BYTES, "%s%s", root, name);

	return length > 0 && (size_t)length < DHPI_PATH_BYTES;
}

enum dhpi_look dhpi_file_refused(void)
{
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EINTR:
	case EAGAIN:
		return DHPI_LOOK_LATER;
	default:
		return DHPI_LOOK_GONE;
	}
}

static enum dhpi_look read_all(int file, char *text, size_t capacity, size_t *out_length)
{
	size_t length = 0;

	while (length < capacity) {
		ssize_t more = read(file, text + length, capacity - length);

		if (more < 0)
			return dhpi_file_refused();
		if (more == 0)
			break;
		length += (size_t)more;
	}
	*out_length = length;
	return DHPI_LOOK_FINE;
}

enum dhpi_look dhpi_file_read(const char *root, const char *name, char *text, size_t capacity, size_t *out_length)
{
	char path[DHPI_PATH_BYTES];
	enum dhpi_look look;
	int file;

	if (!make_path(path, root, name))
		return DHPI_LOOK_GONE;
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0)
		return dhpi_file_refused();
	look = read_all(file, text, capacity, out_length);
	(void)close(file);
	return look;
}

enum dhpi_look dhpi_file_text(const char *root, const char *path, char *text, size_t capacity, size_t *out_length)
{
	enum dhpi_look look = dhpi_file_read(root, path, text, capacity, out_length);

	return look == DHPI_LOOK_FINE && *out_length == capacity ? DHPI_LOOK_MALFORMED : look;
}

enum dhpi_look dhpi_file_list(const char *root, const char *path, struct dhpi_cpus *cpus, struct dhpi_cpulist *out_list)
{
	char text[LIST_BYTES];
	size_t length = 0;
	enum dhpi_look look = dhpi_file_text(root, path, text, sizeof(text), &length);

	if (look == DHPI_LOOK_FINE && !dhpi_cpulist_parse(text, length, cpus, out_list))
		look = DHPI_LOOK_MALFORMED;
	return look;
}

bool dhpi_file_exists(const char *root, const char *name)
{
	char path[DHPI_PATH_BYTES];

	return make_path(path, root, name) && access(path, F_OK) == 0;
}
