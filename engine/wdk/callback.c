/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * callback.c - callback objects: a name, and routines that are told something by whoever has the object.
 *
 * Problem   the list of an object changes while it is walked, and no lock may be held in a call (S-815).
 * Idea      who calls a routine counts itself in its registration, which is then not unlinked. A removal marks it, so that
 *           nobody calls it any more, and waits until the count is down to the calls of the removing thread itself; the
 *           last of those takes it off. The object of processors has no list of its own: its registrants are on the
 *           engine's (S-816).
 *
 * I1        a registration is linked while `busy` is not zero, so that its `next` can be followed after a call.
 * I2        an object with no reference is found by no name, unless it is permanent; that one goes with the binding.
 */
#include "binding.h"

struct registration {
	struct registration *next; /* this and what follows, but for what is set once: under the lock of the objects */
	uint32_t busy;             /* calls that are running (I1) */
	uint32_t own;              /* those of them in the thread that removes it */
	bool removed;
	PCALLBACK_OBJECT object; /* set once, as the rest */
	PCALLBACK_FUNCTION routine;
	PVOID context;
	PVOID change; /* its place on the engine's list */
};

struct _CALLBACK_OBJECT {
	struct dhpi_object object; /* first */
	struct _CALLBACK_OBJECT *next; /* under the lock of the objects, as the next one */
	struct registration *first;
	bool takes_many; /* set once, as the rest */
	bool is_permanent;
	bool is_of_processors;
	uint32_t length; /* in characters; 0: it has no name */
	WCHAR name[];
};

/* A running call: who makes it. */
struct call {
	struct call *next;
	const struct port_self *who;
	const struct registration *registration;
};

static PCALLBACK_OBJECT objects;
static struct call *calls; /* both under the lock of the objects */

/* ---- names ---- */

static const WCHAR of_processors[] = L"\\Callback\\ProcessorAdd";

static WCHAR small_letter(WCHAR c)
{
	return c >= L'A' && c <= L'Z' ? c - L'A' + L'a' : c;
}

static bool same(const WCHAR *a, uint32_t a_length, const WCHAR *b, uint32_t b_length, bool any_case)
{
	uint32_t at = 0;

	if (a_length != b_length)
		return false;
	while (at < a_length && (a[at] == b[at] || (any_case && small_letter(a[at]) == small_letter(b[at]))))
		at++;
	return at == a_length;
}

/* What is asked for. */
struct wanted {
	const WCHAR *name;
	uint32_t length;
	bool any_case, create, takes_many, is_permanent, is_of_processors;
};

static NTSTATUS read_name(struct wanted *wanted, const UNICODE_STRING *name)
{
	uint32_t system_length = sizeof(of_processors) / sizeof(WCHAR) - 1;

	if (name == NULL)
		return wanted->create ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
	if (name->Buffer == NULL || name->Length < sizeof(WCHAR) || name->Buffer[0] != L'\\')
		return STATUS_OBJECT_PATH_SYNTAX_BAD;
	wanted->name = name->Buffer;
	wanted->length = name->Length / (uint32_t)sizeof(WCHAR);
	if (!same(wanted->name, wanted->length, of_processors, system_length, wanted->any_case))
		return STATUS_SUCCESS;
	wanted->name = of_processors; /* S-811: it exists */
	wanted->is_of_processors = wanted->create = wanted->takes_many = true;
	return STATUS_SUCCESS;
}

/* ---- objects ---- */

static size_t size_of(uint32_t length)
{
	return sizeof(struct _CALLBACK_OBJECT) + length * sizeof(WCHAR);
}

static void free_object(PCALLBACK_OBJECT object)
{
	if (object != NULL)
		port_free(object, size_of(object->length));
}

static PCALLBACK_OBJECT make_object(const struct wanted *wanted)
{
	PCALLBACK_OBJECT object = port_alloc(size_of(wanted->length));

	if (object == NULL)
		return NULL;
	dhpi_waitable_init(&object->object.waitable, DHPI_WAIT_NEVER, 0);
	object->takes_many = wanted->takes_many;
	object->is_permanent = wanted->is_permanent && wanted->length != 0;
	object->is_of_processors = wanted->is_of_processors;
	object->length = wanted->length;
	for (uint32_t at = 0; at < wanted->length; at++)
		object->name[at] = wanted->name[at];
	return object;
}

/* With the lock held. */
static PCALLBACK_OBJECT find(const struct wanted *wanted)
{
	PCALLBACK_OBJECT at = wanted->length != 0 ? objects : NULL;

	while (at != NULL && ((at->object.references == 0 && !at->is_permanent) || /* I2 */
			      !same(at->name, at->length, wanted->name, wanted->length, wanted->any_case)))
		at = at->next;
	return at;
}

/* The one there is, or `made`, of which NULL means none; with a reference. */
static PCALLBACK_OBJECT find_or_list(const struct wanted *wanted, PCALLBACK_OBJECT made)
{
	PCALLBACK_OBJECT object;

	dhpi_objects_lock();
	object = find(wanted);
	if (object == NULL && made != NULL) {
		object = made;
		object->next = objects;
		objects = object;
	}
	if (object != NULL)
		object->object.references++;
	dhpi_objects_unlock();
	if (object != NULL)
		dhpi_wdk_hold();
	return object;
}

static NTSTATUS open_object(const struct wanted *wanted, PCALLBACK_OBJECT *out_object)
{
	PCALLBACK_OBJECT made = wanted->create ? make_object(wanted) : NULL, object;

	if (wanted->create && made == NULL)
		return STATUS_INSUFFICIENT_RESOURCES;
	object = find_or_list(wanted, made);
	if (object != made)
		free_object(made);
	if (object == NULL)
		return STATUS_OBJECT_NAME_NOT_FOUND;
	*out_object = object;
	return STATUS_SUCCESS;
}

NTSTATUS ExCreateCallback(PCALLBACK_OBJECT *CallbackObject, POBJECT_ATTRIBUTES ObjectAttributes, BOOLEAN Create,
			  BOOLEAN AllowMultipleCallbacks)
{
	struct wanted wanted = { .create = Create != FALSE, .takes_many = AllowMultipleCallbacks != FALSE };
	NTSTATUS status;

	if (CallbackObject == NULL || ObjectAttributes == NULL || ObjectAttributes->RootDirectory != NULL)
		return STATUS_INVALID_PARAMETER;
	if (dhpi_in_routine()) {
		DHPI_CHECK(2, !dhpi_in_routine(), "S-041: a callback object is opened at passive level");
		return dhp_wdk_status(DHP_WRONG_LEVEL);
	}
	if (dhpi_wdk_engine() == NULL)
		return dhp_wdk_status(DHP_BAD_ENGINE);
	wanted.any_case = (ObjectAttributes->Attributes & OBJ_CASE_INSENSITIVE) != 0;
	wanted.is_permanent = (ObjectAttributes->Attributes & OBJ_PERMANENT) != 0;
	status = read_name(&wanted, ObjectAttributes->ObjectName);
	return NT_SUCCESS(status) ? open_object(&wanted, CallbackObject) : status;
}

static void unlist(const struct _CALLBACK_OBJECT *object)
{
	PCALLBACK_OBJECT *at = &objects;

	while (*at != object)
		at = &(*at)->next;
	*at = object->next;
}

void dhpi_callback_end(struct dhpi_object *object)
{
	PCALLBACK_OBJECT callback = (PCALLBACK_OBJECT)(void *)object;

	if (callback->is_permanent)
		return; /* I2 */
	dhpi_objects_lock();
	unlist(callback);
	dhpi_objects_unlock();
	free_object(callback);
}

/* No other thread is in a routine of this layer, and nothing is referred to. */
void dhpi_callbacks_end_all(void)
{
	while (objects != NULL) {
		PCALLBACK_OBJECT object = objects;

		objects = object->next;
		free_object(object);
	}
}

/* ---- registrations ---- */

/* I1 of change.c: it is read before the call and not afterwards. */
static VOID tell_of_processor(PVOID context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT change, PNTSTATUS status)
{
	const struct registration *registration = context;

	registration->routine(registration->context, change, status); /* S-811 */
}

/* false: the object allows one, and has it (S-814). */
static bool link_last(struct registration *registration)
{
	struct registration **at = &registration->object->first;
	bool allowed;

	dhpi_objects_lock();
	allowed = *at == NULL || registration->object->takes_many;
	while (*at != NULL)
		at = &(*at)->next;
	if (allowed)
		*at = registration; /* S-813: in their order */
	dhpi_objects_unlock();
	return allowed;
}

static bool join(struct registration *registration)
{
	if (!registration->object->is_of_processors)
		return link_last(registration);
	registration->change = KeRegisterProcessorChangeCallback(tell_of_processor, registration, 0); /* S-816 */
	return registration->change != NULL;
}

static void refer_to(PCALLBACK_OBJECT object)
{
	dhpi_objects_lock();
	object->object.references++;
	dhpi_objects_unlock();
	dhpi_wdk_hold();
}

PVOID ExRegisterCallback(PCALLBACK_OBJECT CallbackObject, PCALLBACK_FUNCTION CallbackFunction, PVOID CallbackContext)
{
	struct registration *registration;

	if (CallbackObject == NULL || CallbackFunction == NULL)
		return NULL;
	if (dhpi_in_routine()) {
		DHPI_CHECK(2, !dhpi_in_routine(), "S-041: a callback is registered below dispatch level");
		return NULL;
	}
	registration = port_alloc(sizeof(*registration));
	if (registration == NULL)
		return NULL;
	registration->object = CallbackObject;
	registration->routine = CallbackFunction;
	registration->context = CallbackContext;
	if (!join(registration)) {
		port_free(registration, sizeof(*registration));
		return NULL;
	}
	refer_to(CallbackObject);
	return registration;
}

/* ---- the walk, under the lock but for the calls ---- */

static uint32_t calls_of_this_thread(const struct registration *registration)
{
	uint32_t count = 0;

	for (const struct call *at = calls; at != NULL; at = at->next)
		count += at->registration == registration && at->who == port_self();
	return count;
}

static void call_ends(const struct call *call)
{
	struct call **at = &calls;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
}

static void call_one(struct registration *registration, PVOID argument_1, PVOID argument_2)
{
	struct call call = { .next = calls, .who = port_self(), .registration = registration };

	calls = &call;
	registration->busy++;
	dhpi_objects_unlock();
	registration->routine(registration->context, argument_1, argument_2);
	dhpi_objects_lock();
	registration->busy--;
	call_ends(&call);
	if (registration->removed)
		dhpi_unpark(registration);
}

static void unlink_one(struct registration *registration)
{
	struct registration **at = &registration->object->first;

	while (*at != registration)
		at = &(*at)->next;
	*at = registration->next;
}

static void free_registration(struct registration *registration)
{
	PCALLBACK_OBJECT object = registration->object;

	port_free(registration, sizeof(*registration));
	ObDereferenceObject(object);
}

VOID ExNotifyCallback(PVOID CallbackObject, PVOID Argument1, PVOID Argument2)
{
	PCALLBACK_OBJECT object = CallbackObject;
	struct registration *at, *next, *gone = NULL;

	DHPI_CHECK(2, object == NULL || !object->is_of_processors, "S-813: nobody but the system notifies its objects");
	if (object == NULL || object->is_of_processors)
		return;
	dhpi_objects_lock();
	for (at = object->first; at != NULL; at = next) {
		bool is_called = !at->removed;

		if (is_called)
			call_one(at, Argument1, Argument2);
		next = at->next; /* I1, or the lock was held all the time */
		if (is_called && at->own != 0 && at->busy == 0) {
			unlink_one(at); /* it removed itself, and this was its last call */
			at->next = gone;
			gone = at;
		}
	}
	dhpi_objects_unlock();
	for (; gone != NULL; gone = next) {
		next = gone->next;
		free_registration(gone);
	}
}

/* ---- removal ---- */

static bool is_quiet(void *context)
{
	const struct registration *registration = context;
	bool quiet;

	dhpi_objects_lock();
	quiet = registration->busy == registration->own;
	dhpi_objects_unlock();
	return quiet;
}

static void leave(struct registration *registration)
{
	uint32_t own;

	dhpi_objects_lock();
	registration->removed = true;
	own = registration->own = calls_of_this_thread(registration);
	dhpi_objects_unlock();
	(void)dhpi_park(registration, is_quiet, DHPI_NO_LIMIT); /* S-815 */
	if (own != 0)
		return; /* the last of its own calls takes it off */
	dhpi_objects_lock();
	unlink_one(registration);
	dhpi_objects_unlock();
	free_registration(registration);
}

VOID ExUnregisterCallback(PVOID CbRegistration)
{
	struct registration *registration = CbRegistration;

	DHPI_CHECK(2, !dhpi_in_routine(), "S-041: a callback is unregistered below dispatch level");
	if (registration == NULL || dhpi_in_routine())
		return;
	if (registration->change == NULL) {
		leave(registration);
		return;
	}
	KeDeregisterProcessorChangeCallback(registration->change);
	free_registration(registration);
}
