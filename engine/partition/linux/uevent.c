/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uevent.c - the kernel's messages about devices, from its own netlink socket.
 *
 * A message is a header, "add@/devices/system/cpu/cpu3", and then NAME=value texts, each ended by a zero byte. It is only a
 * sign to look: what there is, sysfs and the affinity say. So a message that is lost, doubled or made up costs one look.
 * Those that do not come from the kernel are refused all the same: anybody could keep us looking.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "linux.h"

#define MESSAGE_BYTES 8192u
#define KERNEL_GROUP 1u

/* So that somebody who sends all the time cannot keep us here. */
#define MESSAGES_AT_ONCE 256u

static bool has_prefix(const char *text, size_t length, const char *prefix)
{
	size_t prefix_length = strlen(prefix);

	return length >= prefix_length && memcmp(text, prefix, prefix_length) == 0;
}

static bool is(const char *text, size_t length, const char *other)
{
	return length == strlen(other) && memcmp(text, other, length) == 0;
}

static bool has_header(const char *message, size_t length)
{
	const char *at = memchr(message, '@', length);

	return at != NULL && at != message && (size_t)(at - message) + 1 < length && at[1] == '/';
}

enum dhpi_uevent_kind dhpi_uevent_parse(const char *message, size_t length)
{
	bool subsystem = false, action = false, about_cpu = false, about_memory = false;
	size_t at;

	if (length == 0 || message[length - 1] != '\0')
		return DHPI_UEVENT_MALFORMED;
	at = strlen(message);
	if (!has_header(message, at))
		return DHPI_UEVENT_MALFORMED;
	for (at++; at < length; at += strlen(message + at) + 1) {
		const char *field = message + at;
		size_t field_length = strlen(field);

		if (memchr(field, '=', field_length) == NULL)
			return DHPI_UEVENT_MALFORMED;
		if (has_prefix(field, field_length, "SUBSYSTEM=")) {
			subsystem = true;
			about_cpu = is(field, field_length, "SUBSYSTEM=cpu");
			about_memory = is(field, field_length, "SUBSYSTEM=memory");
		}
		action = action || has_prefix(field, field_length, "ACTION=");
	}
	if (!subsystem || !action)
		return DHPI_UEVENT_MALFORMED;
	if (about_memory)
		return DHPI_UEVENT_MEMORY;
	return about_cpu ? DHPI_UEVENT_CPU : DHPI_UEVENT_OTHER;
}

int dhpi_uevent_open(void)
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

static bool from_kernel(const struct sockaddr_nl *sender, socklen_t length)
{
	return length == sizeof(*sender) && sender->nl_family == AF_NETLINK && sender->nl_pid == 0;
}

static void count(struct at_u64 *counter)
{
	(void)at_fetch_add_relaxed_u64(counter, 1); /* relaxed: statistics only */
}

bool dhpi_uevent_read(int fd, struct at_u64 *uevents, struct at_u64 *refused)
{
	bool look = false;

	for (uint32_t i = 0; i < MESSAGES_AT_ONCE; i++) {
		char message[MESSAGE_BYTES];
		struct sockaddr_nl sender = { .nl_family = 0 };
		socklen_t sender_length = sizeof(sender);
		ssize_t length = recvfrom(fd, message, sizeof(message), 0, (struct sockaddr *)(void *)&sender,
					  &sender_length);
		enum dhpi_uevent_kind kind;

		if (length < 0 && errno == ENOBUFS) { /* the kernel dropped some: they may have been ours */
			look = true;
			continue;
		}
		if (length < 0)
			break;
		kind = from_kernel(&sender, sender_length) ? dhpi_uevent_parse(message, (size_t)length)
							   : DHPI_UEVENT_MALFORMED;
		if (kind == DHPI_UEVENT_MALFORMED)
			count(refused);
		if (kind == DHPI_UEVENT_CPU || kind == DHPI_UEVENT_MEMORY) {
			count(uevents);
			look = true;
		}
	}
	return look;
}
