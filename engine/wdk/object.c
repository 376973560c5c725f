/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object.c - handles and references: to threads, named events and callback objects.
 *
 * I1        a handle is good while it is in the list: others are refused, not followed.
 * I2        an object lives while a handle or reference to it does; a thread's object until it has ended, too.
 */
#include "binding.h"

struct dhpi_handle {
	struct dhpi_handle *next; /* under the lock, as all of it */
	struct dhpi_object *object;
};

static struct {
	KSPIN_LOCK lock;
	struct dhpi_handle *handles; /* I1 */
} objects;

void dhpi_objects_lock(void)
{
	KeAcquireSpinLockAtDpcLevel(&objects.lock);
}

void dhpi_objects_unlock(void)
{
	KeReleaseSpinLockFromDpcLevel(&objects.lock);
}

/* ---- handles ---- */

struct dhpi_handle *dhpi_handle_make(void)
{
	return port_alloc(sizeof(struct dhpi_handle));
}

void dhpi_handle_drop(struct dhpi_handle *handle)
{
	port_free(handle, sizeof(*handle));
}

void dhpi_handle_open(struct dhpi_handle *handle, struct dhpi_object *object)
{
	dhpi_objects_lock();
	object->references++;
	handle->object = object;
	handle->next = objects.handles;
	objects.handles = handle;
	dhpi_objects_unlock();
	dhpi_wdk_hold();
}

/* With the lock held; NULL: no such handle. */
static struct dhpi_handle **find(HANDLE handle)
{
	struct dhpi_handle **at = &objects.handles;

	while (*at != NULL && *at != handle)
		at = &(*at)->next;
	return *at != NULL ? at : NULL;
}

static struct dhpi_handle *take_handle(HANDLE handle)
{
	struct dhpi_handle **at, *found = NULL;

	dhpi_objects_lock();
	at = find(handle);
	if (at != NULL) {
		found = *at;
		*at = found->next;
	}
	dhpi_objects_unlock();
	return found;
}

NTSTATUS ZwClose(HANDLE Handle)
{
	struct dhpi_handle *handle = take_handle(Handle);

	if (handle == NULL)
		return STATUS_INVALID_HANDLE; /* I1 */
	ObDereferenceObject(handle->object);
	dhpi_handle_drop(handle);
	return STATUS_SUCCESS;
}

/* ---- references ---- */

/* Two addresses that differ are all that a type is. */
POBJECT_TYPE *dhp_wdk_object_type(ULONG which)
{
	static char kinds[2];
	static POBJECT_TYPE types[2] = { (POBJECT_TYPE)&kinds[0], (POBJECT_TYPE)&kinds[1] };

	return which < 2 ? &types[which] : NULL;
}

static POBJECT_TYPE type_of(const struct dhpi_object *object)
{
	return object->waitable.kind == DHPI_WAIT_THREAD ? *PsThreadType : *ExEventObjectType;
}

/* With the lock held. */
static NTSTATUS refer_to(HANDLE handle, POBJECT_TYPE type, struct dhpi_object **out_object)
{
	struct dhpi_handle **at = find(handle);

	if (at == NULL)
		return STATUS_INVALID_HANDLE; /* I1 */
	if (type != NULL && type != type_of((*at)->object))
		return STATUS_OBJECT_TYPE_MISMATCH;
	*out_object = (*at)->object;
	(*out_object)->references++;
	return STATUS_SUCCESS;
}

NTSTATUS (ObReferenceObjectByHandle)(HANDLE Handle, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
				     KPROCESSOR_MODE AccessMode, PVOID *Object,
				     POBJECT_HANDLE_INFORMATION HandleInformation)
{
	struct dhpi_object *object;
	NTSTATUS status;

	(void)DesiredAccess;
	(void)AccessMode;
	(void)HandleInformation;
	if (Object == NULL)
		return STATUS_INVALID_PARAMETER;
	dhpi_objects_lock();
	status = refer_to(Handle, ObjectType, &object);
	dhpi_objects_unlock();
	if (!NT_SUCCESS(status))
		return status;
	dhpi_wdk_hold();
	*Object = object;
	return STATUS_SUCCESS;
}

VOID ObDereferenceObject(PVOID Object)
{
	struct dhpi_object *object = Object;
	uint32_t kind;
	bool was_last;

	if (object == NULL)
		return;
	dhpi_objects_lock();
	DHPI_CHECK(1, object->references > 0, "one dereference for each reference");
	was_last = --object->references == 0;
	kind = object->waitable.kind; /* a thread may be gone after the lock */
	dhpi_objects_unlock();
	if (was_last && kind == DHPI_WAIT_MEMORY)
		dhpi_named_end(object); /* I2 */
	if (was_last && kind == DHPI_WAIT_NEVER)
		dhpi_callback_end(object);
	dhpi_wdk_release();
	dhpi_wdk_reap();
}
