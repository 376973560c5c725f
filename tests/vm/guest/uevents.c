/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uevents.c - a netlink socket of our own, so that the time of the kernel's message is known whatever the library does.
 */
#include "uevents.h"
#include "say.h"

#include <linux/netlink.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define MESSAGE_BYTES 8192

static const char *field(const char *message, size_t length, const char *name)
{
	size_t name_length = strlen(name);

	for (const char *at = message; at < message + length; at += strlen(at) + 1)
		if (strncmp(at, name, name_length) == 0)
			return at + name_length;
	return "";
}

/* "ACTION@PATH", then "NAME=VALUE" texts, each ended by a zero. */
static void tell(const char *message, size_t length, uint64_t time_ns)
{
	const char *subsystem = field(message, length, "SUBSYSTEM="), *name = strrchr(message, '/');

	if (name != NULL && (strcmp(subsystem, "cpu") == 0 || strcmp(subsystem, "memory") == 0))
		say(time_ns, "uevent %s %s %s", field(message, length, "ACTION="), subsystem, name + 1);
}

static void *listen_on(void *argument)
{
	int fd = (int)(intptr_t)argument;
	static char message[MESSAGE_BYTES];

	for (;;) {
		ssize_t length = recv(fd, message, sizeof(message) - 1, 0);
		uint64_t time_ns = now_ns();

		if (length < 0) {
			say(time_ns, "uevent lost - -");
			continue;
		}
		message[length] = '\0';
		tell(message, (size_t)length, time_ns);
	}
	return NULL;
}

bool uevents_watch(void)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	const int receive_bytes = 4 << 20;
	pthread_t thread;

	if (fd < 0 || bind(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) != 0)
		return false;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes));
	return pthread_create(&thread, NULL, listen_on, (void *)(intptr_t)fd) == 0;
}
