/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_uevent.c - the kernel's messages about devices, from its own netlink socket.
 *
 * Those that do not come from the kernel are refused, although a message is only a sign to look: anybody could keep us
 * looking.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "source.h"

#define MESSAGE_BYTES 8192u
#define KERNEL_GROUP 1u

/* So that somebody who sends all the time cannot keep us here. */
#define MESSAGES_AT_ONCE 256u

static int open_socket(void)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	const int receive_bytes = 1 << 20;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	if (bind(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* The first user namespace has all ids, and is the only one with so many of them. */
static bool in_user_namespace(const struct dhpi_sources *all)
{
	char text[128];
	size_t length = 0;

	return dhpi_file_text(all->root, "/proc/self/uid_map", text, sizeof(text), &length) == DHPI_LOOK_FINE &&
	       length != 0 && memmem(text, length, " 4294967295\n", 12) == NULL;
}

static void uevent_describe(struct dhpi_source *source, char *text, size_t capacity)
{
	(void)snprintf(text, capacity, "%s%s", source->ops->sees,
		       in_user_namespace(source->all) ? "; but this is a user namespace, where perhaps none come" : "");
}

static const char *uevent_open(struct dhpi_source *source)
{
	source->file = open_socket();
	source->events = POLLIN;
	return source->file >= 0 ? NULL : "the kernel's socket cannot be opened here; what it would tell is found by poll";
}

static bool from_kernel(const struct sockaddr_nl *sender, socklen_t length)
{
	return length == sizeof(*sender) && sender->nl_family == AF_NETLINK && sender->nl_pid == 0;
}

/* true: it is about a processor or a memory block. */
static bool take(struct dhpi_source *source, const char *message, size_t length)
{
	struct dhpi_uevent event;

	switch (dhpi_uevent_parse(message, length, &event)) {
	case DHPI_UEVENT_CPU:
	case DHPI_UEVENT_MEMORY:
		dhpi_learn_event(source, event.name, event.action);
		return true;
	case DHPI_UEVENT_MALFORMED:
		dhpi_source_refuse(source);
		return false;
	case DHPI_UEVENT_OTHER:
		return false;
	}
	return false;
}

/* Until nothing is left, or enough. */
static enum dhpi_look uevent_ready(struct dhpi_source *source, short revents, bool *out_sign)
{
	(void)revents;
	for (uint32_t i = 0; i < MESSAGES_AT_ONCE; i++) {
		char message[MESSAGE_BYTES];
		struct sockaddr_nl sender = { .nl_family = 0 };
		socklen_t sender_length = sizeof(sender);
		ssize_t length = recvfrom(source->file, message, sizeof(message), 0, (struct sockaddr *)(void *)&sender,
					  &sender_length);

		if (length < 0 && errno == ENOBUFS) { /* the kernel dropped some: they may have been ours */
			*out_sign = true;
			continue;
		}
		if (length < 0)
			return errno == EAGAIN || errno == EINTR || errno == ENOMEM ? DHPI_LOOK_FINE : DHPI_LOOK_GONE;
		if (!from_kernel(&sender, sender_length))
			dhpi_source_refuse(source);
		else if (take(source, message, (size_t)length))
			*out_sign = true;
	}
	return DHPI_LOOK_FINE;
}

const struct dhpi_source_ops dhpi_source_uevent = {
	.name = "uevent",
	.sees = "processors and memory blocks added, removed, online, offline: a sign that makes us look at once",
	.blind = "all of it, in a network namespace of a user namespace (rootless container); changes of affinity and groups",
	.aspect = DHPI_OF_PROCESSORS,
	.every = DHPI_EVERY_LOOK,
	.open = uevent_open,
	.ready = uevent_ready,
	.describe = uevent_describe,
};
