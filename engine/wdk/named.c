/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * named.c - the events that Windows gives by name: conditions of memory.
 *
 * Each that is opened is an object with a native handle of its own; the level behind it is one for all (S-314). The native
 * handle is closed at passive level: after the last dereference in a DPC whoever comes next does it, as for a thread.
 */
#include <dhp/memory.h>

#include "binding.h"

#define CONDITIONS 9u
#define NAME_LENGTH 64u

struct named {
	struct dhpi_object object; /* first */
	struct dhp_memory_event *event;
	struct named *next_ended; /* under the lock of the objects */
};

static struct named *ended; /* likewise */

static struct named *named_of(const struct dhpi_waitable *object)
{
	return (struct named *)(uintptr_t)object;
}

/* ---- names ---- */

static char small_letter(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* How many characters of `text` the name `expected` took; 0: it is another. */
static uint32_t match(const UNICODE_STRING *text, uint32_t from, const char *expected, bool any_case)
{
	uint32_t length = 0;

	for (; expected[length] != '\0'; length++) {
		uint32_t at = from + length;
		WCHAR c = at < text->Length / sizeof(WCHAR) ? text->Buffer[at] : 0;

		if (c <= 0 || c > 127)
			return 0;
		if (any_case ? small_letter((char)c) != small_letter(expected[length]) : (char)c != expected[length])
			return 0;
	}
	return length;
}

static bool find_condition(const UNICODE_STRING *text, bool any_case, enum dhp_memory_condition *out_condition)
{
	uint32_t folder = match(text, 0, "\\KernelObjects\\", any_case);

	for (uint32_t i = 0; folder != 0 && i < CONDITIONS; i++) {
		const char *name = dhp_memory_condition_name((enum dhp_memory_condition)i);
		uint32_t length = match(text, folder, name, any_case);

		*out_condition = (enum dhp_memory_condition)i;
		if (length != 0 && folder + length == text->Length / sizeof(WCHAR))
			return true;
	}
	return false;
}

/* ---- opening and the end ---- */

static enum dhp_status open_event(struct named *named, enum dhp_memory_condition condition)
{
	if (named == NULL)
		return DHP_NO_MEMORY;
	return dhp_memory_event_open_condition(dhpi_wdk_engine(), condition, &named->event);
}

static NTSTATUS open_condition(enum dhp_memory_condition condition, PHANDLE out_handle, struct named **out_named)
{
	struct dhpi_handle *handle = dhpi_handle_make();
	struct named *named = handle != NULL ? port_alloc(sizeof(*named)) : NULL;
	enum dhp_status status = open_event(named, condition);

	if (dhp_failed(status)) {
		port_free(named, sizeof(*named));
		dhpi_handle_drop(handle);
		return dhp_wdk_status(status);
	}
	dhpi_waitable_init(&named->object.waitable, DHPI_WAIT_MEMORY, 0);
	dhpi_handle_open(handle, &named->object);
	*out_handle = handle;
	*out_named = named;
	return STATUS_SUCCESS;
}

NTSTATUS dhpi_named_open(uint32_t condition, PHANDLE out_handle)
{
	struct named *named;

	if (dhpi_in_routine()) {
		DHPI_CHECK(2, !dhpi_in_routine(), "S-041: an event is opened at passive level");
		return dhp_wdk_status(DHP_WRONG_LEVEL);
	}
	return open_condition((enum dhp_memory_condition)condition, out_handle, &named);
}

static NTSTATUS open_named(const UNICODE_STRING *name, bool any_case, PHANDLE out_handle, struct named **out_named)
{
	enum dhp_memory_condition condition;

	if (name == NULL || name->Buffer == NULL || out_handle == NULL)
		return STATUS_INVALID_PARAMETER;
	if (dhpi_in_routine()) {
		DHPI_CHECK(2, !dhpi_in_routine(), "S-041: an event is opened at passive level");
		return dhp_wdk_status(DHP_WRONG_LEVEL);
	}
	if (!find_condition(name, any_case, &condition))
		return STATUS_OBJECT_NAME_NOT_FOUND; /* S-309 */
	return open_condition(condition, out_handle, out_named);
}

PKEVENT IoCreateNotificationEvent(PUNICODE_STRING EventName, PHANDLE EventHandle)
{
	struct named *named = NULL;

	return NT_SUCCESS(open_named(EventName, false, EventHandle, &named)) ? (PKEVENT)(PVOID)named : NULL;
}

NTSTATUS ZwOpenEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
	struct named *named;

	(void)DesiredAccess; /* nobody gets more than may wait and read (S-310) */
	if (ObjectAttributes == NULL || ObjectAttributes->RootDirectory != NULL)
		return STATUS_INVALID_PARAMETER;
	return open_named(ObjectAttributes->ObjectName, (ObjectAttributes->Attributes & OBJ_CASE_INSENSITIVE) != 0,
			  EventHandle, &named);
}

static void close_event(struct named *named)
{
	enum dhp_status status = dhp_memory_event_close(named->event);

	DHPI_CHECK(1, status == DHP_OK, "a named event is closed when nobody waits for it");
	if (!dhp_failed(status))
		port_free(named, sizeof(*named));
}

static struct named *take_ended(void)
{
	struct named *named;

	dhpi_objects_lock();
	named = ended;
	if (named != NULL)
		ended = named->next_ended;
	dhpi_objects_unlock();
	return named;
}

void dhpi_named_reap(void)
{
	struct named *named;

	while ((named = take_ended()) != NULL)
		close_event(named);
}

void dhpi_named_end(struct dhpi_object *object)
{
	struct named *named = named_of(&object->waitable);

	dhpi_objects_lock();
	named->next_ended = ended;
	ended = named;
	dhpi_objects_unlock();
}

/* ---- what they tell ---- */

enum dhp_status dhpi_named_wait(struct dhpi_waitable *object, uint64_t limit_ns)
{
	return dhp_memory_event_wait(named_of(object)->event, limit_ns);
}

bool dhpi_named_signalled(const struct dhpi_waitable *object)
{
	bool signalled = false;

	(void)dhp_memory_event_query(named_of(object)->event, &signalled);
	return signalled;
}
