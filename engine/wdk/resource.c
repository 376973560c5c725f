/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resource.c - the two conditions of memory as applications get them: a handle, and errors of the calling thread.
 */
#include "binding.h"

static const struct row {
	NTSTATUS status;
	ULONG error;
} rows[] = {
	{ STATUS_INVALID_PARAMETER, ERROR_INVALID_PARAMETER },
	{ STATUS_INVALID_HANDLE, ERROR_INVALID_HANDLE },
	{ STATUS_OBJECT_TYPE_MISMATCH, ERROR_INVALID_HANDLE },
	{ STATUS_NOT_SUPPORTED, ERROR_NOT_SUPPORTED },
	{ STATUS_DEVICE_NOT_READY, ERROR_NOT_READY },
	{ STATUS_INVALID_DEVICE_STATE, ERROR_BAD_COMMAND },
	{ STATUS_INSUFFICIENT_RESOURCES, ERROR_NO_SYSTEM_RESOURCES },
};

/* true: a success; otherwise the thread's error says why not. */
static bool say(NTSTATUS status)
{
	if (NT_SUCCESS(status))
		return true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			port_self()->error = rows[i].error;
	return false;
}

ULONG dhp_wdk_last_error(void)
{
	return port_self()->error;
}

HANDLE CreateMemoryResourceNotification(MEMORY_RESOURCE_NOTIFICATION_TYPE NotificationType)
{
	HANDLE handle = NULL;
	NTSTATUS status = STATUS_INVALID_PARAMETER;

	if (NotificationType == LowMemoryResourceNotification || NotificationType == HighMemoryResourceNotification)
		status = dhpi_named_open((uint32_t)NotificationType, &handle);
	return say(status) ? handle : NULL; /* S-312 */
}

static NTSTATUS query(HANDLE handle, PBOOL state)
{
	struct dhpi_object *object;
	NTSTATUS status;

	if (state == NULL)
		return STATUS_INVALID_PARAMETER;
	status = ObReferenceObjectByHandle(handle, 0, *ExEventObjectType, UserMode, &object, NULL);
	if (!NT_SUCCESS(status))
		return status;
	*state = dhpi_named_signalled(&object->waitable);
	ObDereferenceObject(object);
	return STATUS_SUCCESS;
}

BOOL QueryMemoryResourceNotification(HANDLE ResourceNotificationHandle, PBOOL ResourceState)
{
	return say(query(ResourceNotificationHandle, ResourceState)); /* S-313 */
}

NTSTATUS ZwWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
	PVOID object;
	NTSTATUS status = ObReferenceObjectByHandle(Handle, 0, NULL, UserMode, &object, NULL);

	if (!NT_SUCCESS(status))
		return status;
	status = KeWaitForSingleObject(object, Executive, UserMode, Alertable, Timeout);
	ObDereferenceObject(object);
	return status;
}
