/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uevent.c - the kernel's messages about devices, as texts.
 *
 * A message is a header, "add@/devices/system/cpu/cpu3", and then NAME=value texts, each ended by a zero byte. It is only a
 * sign to look: what there is, sysfs and the affinity say. So a message that is lost, doubled or made up costs one look.
 */
#include <string.h>

#include "linux.h"

static const char action_key[] = "ACTION=";

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

/* The last part of the path in the header, which ends where the header does. */
static const char *name_of(const char *header)
{
	return strrchr(header, '/') + 1;
}

enum dhpi_uevent_kind dhpi_uevent_parse(const char *message, size_t length, struct dhpi_uevent *out_event)
{
	bool subsystem = false, about_cpu = false, about_memory = false;
	const char *action = NULL;
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
		if (has_prefix(field, field_length, action_key))
			action = field + sizeof(action_key) - 1;
	}
	if (!subsystem || action == NULL)
		return DHPI_UEVENT_MALFORMED;
	if (!about_cpu && !about_memory)
		return DHPI_UEVENT_OTHER;
	*out_event = (struct dhpi_uevent){ .name = name_of(message), .action = action };
	return about_memory ? DHPI_UEVENT_MEMORY : DHPI_UEVENT_CPU;
}
