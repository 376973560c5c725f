/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * change.c - the two channels of notification: a record of ours becomes a record of theirs.
 *
 * I1        an entry is read before its callback is called and not afterwards: the callback may unregister itself, and
 *           then the entry is gone. A checked build keeps it, for a handle that is used twice (S-190, S-246).
 * I2        an entry that went by IoUnregisterPlugPlayNotification may still be read by a delivery; it stays, among the
 *           buried, until the binding ends and everything on its way has been delivered.
 */
#include <dhp/notify.h>

#include "binding.h"

/* ---- synchronous ---- */

struct change_entry {
	struct change_entry *next_ended; /* under the lock of the buried */
	PPROCESSOR_CALLBACK_FUNCTION callback;
	PVOID context;
	struct dhp_notify *registration;
};

static void tell_change(void *context, const struct dhp_processor_change *change, enum dhp_status *operation_status)
{
	const struct change_entry *entry = context;
	NTSTATUS on_entry = dhp_wdk_status(*operation_status), status = on_entry;
	KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT record = {
		.State = (KE_PROCESSOR_CHANGE_NOTIFY_STATE)change->state,
		.NtNumber = change->index,
		.Status = dhp_wdk_status(change->status),
		.ProcNumber = { .Group = change->number.group, .Number = change->number.number },
	};

	entry->callback(entry->context, &record, &status); /* I1 */
	if (status != on_entry)
		*operation_status = NT_SUCCESS(status) ? DHP_OK : (enum dhp_status)status;
}

PVOID KeRegisterProcessorChangeCallback(PPROCESSOR_CALLBACK_FUNCTION CallbackFunction, PVOID CallbackContext, ULONG Flags)
{
	uint32_t flags = (Flags & KE_PROCESSOR_CHANGE_ADD_EXISTING) != 0 ? DHP_NOTIFY_EXISTING : 0; /* S-106 */
	struct change_entry *entry;

	if (CallbackFunction == NULL)
		return NULL; /* S-108 */
	entry = port_alloc(sizeof(*entry));
	if (entry == NULL)
		return NULL; /* S-109 */
	entry->callback = CallbackFunction;
	entry->context = CallbackContext;
	if (dhp_failed(dhp_notify_register(dhpi_wdk_engine(), tell_change, entry, flags, &entry->registration))) {
		port_free(entry, sizeof(*entry));
		return NULL; /* S-132, S-041 */
	}
	dhpi_wdk_hold();
	return entry;
}

static struct {
	KSPIN_LOCK lock;
	struct pnp_entry *first;           /* I2 */
	struct change_entry *first_change; /* I1 */
} buried;

static void end_change(struct change_entry *entry)
{
	if (DHP_CHECKS < 2) {
		port_free(entry, sizeof(*entry));
		return;
	}
	KeAcquireSpinLockAtDpcLevel(&buried.lock);
	entry->next_ended = buried.first_change;
	buried.first_change = entry;
	KeReleaseSpinLockFromDpcLevel(&buried.lock);
}

VOID KeDeregisterProcessorChangeCallback(PVOID CallbackHandle)
{
	struct change_entry *entry = CallbackHandle;

	if (entry == NULL || dhp_failed(dhp_notify_unregister(entry->registration)))
		return; /* S-189, S-041 */
	end_change(entry);
	dhpi_wdk_release();
}

/* ---- asynchronous ---- */

struct pnp_entry {
	struct pnp_entry *next_buried; /* under the lock of the buried */
	bool going;                    /* likewise: unregistered, or about to be */
	PDRIVER_NOTIFICATION_CALLBACK_ROUTINE callback;
	PVOID context;
	struct dhp_arrival_notify *registration; /* NULL: of a class of which nothing arrives */
};

/* S-225: \??\ and the device's name, the same always. */
USHORT dhpi_wdk_link(WCHAR *link, const char *name)
{
	static const WCHAR prefix[] = L"\\??\\";
	uint32_t at = 0;

	for (; prefix[at] != 0; at++)
		link[at] = prefix[at];
	for (; *name != '\0' && at < DHPI_LINK_LENGTH - 1; name++)
		link[at++] = (WCHAR)*name;
	link[at] = 0;
	return (USHORT)(at * sizeof(WCHAR));
}

static void tell_arrival(void *context, const struct dhp_arrival *arrival)
{
	const struct pnp_entry *entry = context;
	WCHAR text[DHPI_LINK_LENGTH];
	USHORT bytes = dhpi_wdk_link(text, arrival->name);
	UNICODE_STRING link = {
		.Length = bytes,
		.MaximumLength = (USHORT)(bytes + sizeof(WCHAR)),
		.Buffer = text,
	};
	bool arrives = arrival->event == DHP_EVENT_ARRIVAL;
	bool is_processor = arrival->device_class == DHP_CLASS_PROCESSOR;
	DEVICE_INTERFACE_CHANGE_NOTIFICATION record = {
		.Version = 1,
		.Size = sizeof(record),
		.Event = arrives ? GUID_DEVICE_INTERFACE_ARRIVAL : GUID_DEVICE_INTERFACE_REMOVAL,
		.InterfaceClassGuid = is_processor ? GUID_DEVICE_PROCESSOR : GUID_DEVICE_MEMORY,
		.SymbolicLinkName = &link,
	};

	(void)entry->callback(&record, entry->context); /* S-226; I1 */
}

static enum dhp_status listen_to(struct pnp_entry *entry, const GUID *guid, ULONG flags)
{
	enum dhp_device_class device_class;

	if (IsEqualGUID(guid, &GUID_DEVICE_PROCESSOR))
		device_class = DHP_CLASS_PROCESSOR;
	else if (IsEqualGUID(guid, &GUID_DEVICE_MEMORY))
		device_class = DHP_CLASS_MEMORY;
	else
		return dhpi_wdk_engine() != NULL ? DHP_OK : DHP_BAD_ENGINE;
	if ((flags & PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES) != 0)
		flags = DHP_NOTIFY_EXISTING;
	else
		flags = 0;
	return dhp_arrival_register(dhpi_wdk_engine(), device_class, tell_arrival, entry, flags, &entry->registration);
}

NTSTATUS (IoRegisterPlugPlayNotification)(IO_NOTIFICATION_EVENT_CATEGORY EventCategory, ULONG EventCategoryFlags,
					  PVOID EventCategoryData, PDRIVER_OBJECT DriverObject,
					  PDRIVER_NOTIFICATION_CALLBACK_ROUTINE CallbackRoutine, PVOID Context,
					  PVOID *NotificationEntry)
{
	struct pnp_entry *entry;
	enum dhp_status status;

	(void)DriverObject; /* S-205: the binding holds what a reference to it would */
	if (EventCategory != EventCategoryDeviceInterfaceChange)
		return STATUS_NOT_SUPPORTED; /* S-212 */
	if (CallbackRoutine == NULL || EventCategoryData == NULL || NotificationEntry == NULL)
		return STATUS_INVALID_PARAMETER; /* S-213 */
	entry = port_alloc(sizeof(*entry));
	if (entry == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	entry->callback = CallbackRoutine;
	entry->context = Context;
	status = listen_to(entry, EventCategoryData, EventCategoryFlags);
	if (dhp_failed(status)) {
		port_free(entry, sizeof(*entry));
		return dhp_wdk_status(status);
	}
	dhpi_wdk_hold();
	*NotificationEntry = entry;
	return STATUS_SUCCESS;
}

static bool set_going(struct pnp_entry *entry, bool going)
{
	bool before;

	KeAcquireSpinLockAtDpcLevel(&buried.lock);
	before = entry->going;
	entry->going = going;
	KeReleaseSpinLockFromDpcLevel(&buried.lock);
	return before;
}

/* S-246: a second time it is noticed and harmless, as long as the entry is there. */
static NTSTATUS unregister_once(struct pnp_entry *entry, enum dhp_status (*unregister)(struct dhp_arrival_notify *))
{
	bool before = entry == NULL || set_going(entry, true);
	enum dhp_status status;

	DHPI_CHECK(2, entry == NULL || !before, "S-246: an entry is unregistered once");
	if (before)
		return STATUS_INVALID_PARAMETER;
	status = unregister(entry->registration);
	if (dhp_failed(status))
		(void)set_going(entry, false);
	return dhp_wdk_status(status);
}

static void bury(struct pnp_entry *entry)
{
	KeAcquireSpinLockAtDpcLevel(&buried.lock);
	entry->next_buried = buried.first;
	buried.first = entry;
	KeReleaseSpinLockFromDpcLevel(&buried.lock);
}

NTSTATUS IoUnregisterPlugPlayNotificationEx(PVOID NotificationEntry)
{
	struct pnp_entry *entry = NotificationEntry;
	NTSTATUS status = unregister_once(entry, dhp_arrival_unregister);

	if (!NT_SUCCESS(status))
		return status;
	if (DHP_CHECKS < 2)
		port_free(entry, sizeof(*entry));
	else
		bury(entry); /* I1 */
	dhpi_wdk_release();
	return STATUS_SUCCESS;
}

NTSTATUS IoUnregisterPlugPlayNotification(PVOID NotificationEntry)
{
	struct pnp_entry *entry = NotificationEntry;
	NTSTATUS status = unregister_once(entry, dhp_arrival_unregister_nowait);

	if (!NT_SUCCESS(status))
		return status;
	bury(entry); /* I2 */
	dhpi_wdk_release();
	return STATUS_SUCCESS;
}

/* No other thread is in a routine of this layer, and no delivery on its way. */
void dhpi_wdk_bury_all(void)
{
	while (buried.first_change != NULL) {
		struct change_entry *entry = buried.first_change;

		buried.first_change = entry->next_ended;
		port_free(entry, sizeof(*entry));
	}
	while (buried.first != NULL) {
		struct pnp_entry *entry = buried.first;

		buried.first = entry->next_buried;
		port_free(entry, sizeof(*entry));
	}
}
