/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interface.c - the state of a device's interface, by its link.
 *
 * There is no table of interfaces: those that are enabled are those that a replay of the asynchronous channel tells of, so
 * a short registration finds out.
 */
#include <dhp/notify.h>

#include "binding.h"

struct question {
	const UNICODE_STRING *link;
	bool enabled; /* the answer: one was there */
};

static bool same_text(const UNICODE_STRING *one, const WCHAR *other, USHORT bytes)
{
	if (one->Length != bytes)
		return false;
	for (uint32_t at = 0; at < bytes / sizeof(WCHAR); at++)
		if (one->Buffer[at] != other[at])
			return false;
	return true;
}

static void compare(void *context, const struct dhp_arrival *arrival)
{
	struct question *question = context;
	WCHAR text[DHPI_LINK_LENGTH];
	USHORT bytes = dhpi_wdk_link(text, arrival->name);

	if (same_text(question->link, text, bytes))
		question->enabled = true;
}

static enum dhp_status ask(struct question *question, enum dhp_device_class device_class)
{
	struct dhp_arrival_notify *registration;
	enum dhp_status status = dhp_arrival_register(dhpi_wdk_engine(), device_class, compare, question,
						      DHP_NOTIFY_EXISTING, &registration);

	return dhp_failed(status) ? status : dhp_arrival_unregister(registration);
}

NTSTATUS IoSetDeviceInterfaceState(PUNICODE_STRING SymbolicLinkName, BOOLEAN Enable)
{
	struct question question = { .link = SymbolicLinkName };
	enum dhp_status status;

	if (SymbolicLinkName == NULL || SymbolicLinkName->Buffer == NULL || SymbolicLinkName->Length == 0)
		return STATUS_INVALID_PARAMETER;
	status = ask(&question, DHP_CLASS_PROCESSOR);
	if (!dhp_failed(status) && !question.enabled)
		status = ask(&question, DHP_CLASS_MEMORY);
	if (dhp_failed(status))
		return dhp_wdk_status(status);
	if (!question.enabled)
		return STATUS_OBJECT_NAME_NOT_FOUND; /* S-233 */
	return Enable ? STATUS_OBJECT_NAME_EXISTS : STATUS_NOT_SUPPORTED;
}
