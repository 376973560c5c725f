/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * device.c - one queue of a TAP interface is one descriptor; opening the same name again gives the interface one queue more.
 *
 * The interface may be in another network namespace. A descriptor belongs to the namespace in which it was opened, whoever uses
 * it later; so the thread that opens goes there for a moment.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hardware.h"

static const char *advice(int error)
{
	switch (error) {
	case EPERM:
	case EACCES:
		return " (this needs CAP_NET_ADMIN: run it as root, or have root make the interface with"
		       " `ip tuntap add mode tap multi_queue`)";
	case EINVAL:
	case EBUSY:
		return " (it exists, and is no tap with multi_queue, or somebody else has it)";
	case E2BIG:
		return " (all its queues are in use)";
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return " (this kernel has no TUN/TAP, or its module is not loaded)";
	default:
		return "";
	}
}

static enum dhp_status refuse(const char *what, const char *name, int error)
{
	say("%s %s: %s%s", what, name, strerror(error), advice(error));
	return error == E2BIG ? DHP_TOO_MANY : DHP_NO_DESCRIPTOR;
}

static enum dhp_status open_here(const struct port *port, int *out_descriptor)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE };
	int descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (descriptor < 0)
		return refuse("cannot open", "/dev/net/tun", errno);
	memcpy(request.ifr_name, port->name, sizeof(port->name));
	if (ioctl(descriptor, TUNSETIFF, &request) != 0) {
		int error = errno;

		(void)close(descriptor);
		return refuse("no queue at", port->name, error);
	}
	*out_descriptor = descriptor;
	return DHP_OK;
}

static bool enter(const char *netns, int *out_home)
{
	char path[256];
	int there;
	bool entered;

	(void)snprintf(path, sizeof(path), "/run/netns/%s", netns);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (there < 0)
		return false;
	*out_home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	entered = *out_home >= 0 && setns(there, CLONE_NEWNET) == 0;
	if (!entered && *out_home >= 0)
		(void)close(*out_home);
	(void)close(there);
	return entered;
}

enum dhp_status device_open(const struct port *port, int *out_descriptor)
{
	enum dhp_status status;
	int home;

	if (port->netns == NULL)
		return open_here(port, out_descriptor);
	if (!enter(port->netns, &home))
		return refuse("cannot enter network namespace", port->netns, errno);
	status = open_here(port, out_descriptor);
	if (setns(home, CLONE_NEWNET) != 0)
		say("cannot leave network namespace %s: %s", port->netns, strerror(errno));
	(void)close(home);
	return status;
}

/* A frame that does not fit is cut by the kernel, and is over FRAME_LIMIT_BYTES then. */
enum read_result device_read(int descriptor, uint8_t *frame, size_t *out_bytes)
{
	for (;;) {
		ssize_t bytes = read(descriptor, frame, BUFFER_BYTES);

		if (bytes >= 0) {
			*out_bytes = (size_t)bytes;
			return READ_FRAME;
		}
		if (errno != EINTR)
			return errno == EAGAIN ? READ_EMPTY : READ_GONE;
	}
}

bool device_write(int descriptor, const uint8_t *frame, size_t bytes)
{
	ssize_t written;

	do
		written = write(descriptor, frame, bytes);
	while (written < 0 && errno == EINTR);
	return written == (ssize_t)bytes;
}
