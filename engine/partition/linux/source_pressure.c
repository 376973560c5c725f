/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_pressure.c - a sign that memory is getting short, so that the amounts are read at once.
 *
 * The kernel wakes us when tasks have waited for memory for so long in a window. A service manager may name another file, and
 * what to write to it, by two variables of the environment: a file like the kernel's, or a FIFO or socket that becomes
 * readable.
 *
 * That tasks have waited says nothing about how much memory is available; so it is a sign, and by itself no condition.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "source.h"

#define KERNEL_FILE "/proc/pressure/memory"
#define WRITE_BYTES 256u
#define READS_AT_ONCE 16u

/* 0.2 s in 2 s: without a privilege the window must be a multiple of that. With its final zero byte. */
static const char kernel_trigger[] = "some 200000 2000000";

struct watch {
	char path[DHPI_PATH_BYTES]; /* with the root */
	char text[WRITE_BYTES];     /* to be written at first */
	size_t length;
};

static const char not_writable[] = "no trigger can be set here; before Linux 6.4 only root can";
static const char not_a_file[] = "what MEMORY_PRESSURE_WATCH names cannot be watched";

static const char *environment(const char *name)
{
	return getenv(name); /* NOLINT(concurrency-mt-unsafe): a program that changes it beside other threads is wrong anyway */
}

/* NULL: found what to watch. */
static const char *find_watch(struct dhpi_source *source, struct watch *watch)
{
	const char *path = environment("MEMORY_PRESSURE_WATCH"), *text = environment("MEMORY_PRESSURE_WRITE");
	int length;

	if (path == NULL) {
		path = KERNEL_FILE;
		watch->length = sizeof(kernel_trigger);
		memcpy(watch->text, kernel_trigger, sizeof(kernel_trigger));
	} else if (strcmp(path, "/dev/null") == 0) {
		return "MEMORY_PRESSURE_WATCH says that nothing shall be watched";
	} else if (text != NULL &&
		   !dhpi_base64_parse(text, strlen(text), watch->text, sizeof(watch->text), &watch->length)) {
		dhpi_source_refuse(source);
		return "MEMORY_PRESSURE_WRITE is malformed";
	}
	length = snprintf(watch->path, sizeof(watch->path), "%s%s", source->all->root, path);
	if (path[0] == '/' && length > 0 && (size_t)length < sizeof(watch->path))
		return NULL;
	dhpi_source_refuse(source);
	return "MEMORY_PRESSURE_WATCH is no path of a file";
}

static int open_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int file;

	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path));
	file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (file >= 0 && connect(file, (const struct sockaddr *)(const void *)&address, sizeof(address)) != 0) {
		(void)close(file);
		return -1;
	}
	return file;
}

static bool write_trigger(int file, bool is_socket, const struct watch *watch)
{
	ssize_t written;

	if (watch->length == 0)
		return true;
	written = is_socket ? send(file, watch->text, watch->length, MSG_NOSIGNAL)
			    : write(file, watch->text, watch->length);
	return written == (ssize_t)watch->length;
}

static const char *pressure_open(struct dhpi_source *source)
{
	struct watch watch = { .length = 0 };
	const char *why = find_watch(source, &watch);
	struct stat status;
	int file;

	if (why != NULL)
		return why;
	if (stat(watch.path, &status) != 0)
		return environment("MEMORY_PRESSURE_WATCH") == NULL ? "this kernel does not tell of pressure" : not_a_file;
	file = S_ISSOCK(status.st_mode) ? open_socket(watch.path)
					: open(watch.path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (file >= 0 && !write_trigger(file, S_ISSOCK(status.st_mode), &watch)) {
		(void)close(file);
		file = -1;
	}
	if (file < 0)
		return environment("MEMORY_PRESSURE_WATCH") == NULL ? not_writable : not_a_file;
	source->file = file;
	source->events = S_ISSOCK(status.st_mode) || S_ISFIFO(status.st_mode) ? POLLIN : POLLPRI;
	return NULL;
}

/* What came means nothing, but that it came. */
static enum dhpi_look read_away(int file)
{
	char text[4096];

	for (uint32_t i = 0; i < READS_AT_ONCE; i++) {
		ssize_t length = read(file, text, sizeof(text));

		if (length < 0)
			return errno == EAGAIN || errno == EINTR ? DHPI_LOOK_FINE : DHPI_LOOK_GONE;
		if (length == 0)
			return DHPI_LOOK_GONE;
	}
	return DHPI_LOOK_FINE;
}

static enum dhpi_look pressure_ready(struct dhpi_source *source, short revents, bool *out_sign)
{
	enum dhpi_look look = DHPI_LOOK_FINE;

	if (source->events == POLLIN)
		look = read_away(source->file);
	else if ((revents & (POLLERR | POLLHUP)) != 0) /* neither would end */
		look = DHPI_LOOK_GONE;
	if (look == DHPI_LOOK_FINE) {
		dhpi_learn_event(source, "pressure", "some");
		*out_sign = true;
	}
	return look;
}

const struct dhpi_source_ops dhpi_source_pressure = {
	.name = "pressure",
	.sees = "that tasks wait for memory: a sign that makes us look at once",
	.blind = "that it is over; less than 0.2 s in 2 s, unless the environment asks for something else",
	.root = "a trigger on kernels before 6.4",
	.aspect = DHPI_OF_MEMORY,
	.every = DHPI_EVERY_LOOK,
	.open = pressure_open,
	.ready = pressure_ready,
};
