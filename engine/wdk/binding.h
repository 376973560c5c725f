/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * binding.h - what the files of the Windows names share. See binding.c.
 */
#ifndef DHPI_WDK_BINDING_H
#define DHPI_WDK_BINDING_H

#include <dhp/wdk.h>

#include "level.h"

/* ---- the engine ---- */

/* NULL: none is bound. */
struct dhp_engine *dhpi_wdk_engine(void);

/* One more, or one less, thing that keeps the engine bound: a registration, a thread, a handle, a work item. */
void dhpi_wdk_hold(void);
void dhpi_wdk_release(void);

/* ---- waiting: see wait.c ---- */

enum dhpi_waitable_kind {
	DHPI_WAIT_NOTIFICATION = 0x4e4f5449, /* stays signalled */
	DHPI_WAIT_SYNCHRONIZATION = 0x53594e43, /* lets one waiter go */
	DHPI_WAIT_SEMAPHORE = 0x53454d41,
	DHPI_WAIT_THREAD = 0x54485244, /* stays signalled */
	DHPI_WAIT_TIMER = 0x54494d52, /* stays signalled until it is set; see timer.c */
	DHPI_WAIT_TIMER_TAKEN = 0x54494d54, /* lets one waiter go at each expiry */
	DHPI_WAIT_MEMORY = 0x4d454d4f, /* follows a condition; see named.c */
	DHPI_WAIT_NEVER = 0x4e455645 /* nobody waits for it: a callback object */
};

/* What KeWaitForSingleObject takes: the beginning of each object. */
struct dhpi_waitable {
	uint32_t kind; /* set once */
	struct at_u32 state;
	uint32_t limit; /* semaphores; set once */
	uint32_t unused;
};

void dhpi_waitable_init(struct dhpi_waitable *object, enum dhpi_waitable_kind kind, uint32_t state);
/* Stores the state; from then on the object belongs to whoever it let go. Gives the state before. */
uint32_t dhpi_waitable_set(struct dhpi_waitable *object, uint32_t state);

/* Sleeps in a place that is found by the address until attempt(object) gives true; false: the time is over. */
#define DHPI_NO_LIMIT UINT64_MAX
bool dhpi_park(void *object, bool (*attempt)(void *object), uint64_t limit_ns);
void dhpi_unpark(const void *object);

/* As 100 ns since 1601; below: in nanoseconds since 1970. */
#define DHPI_WALL_EPOCH 116444736000000000u
uint64_t dhpi_wall_ns_of(int64_t system_time);
/* Units of 100 ns, below zero, as nanoseconds from now. */
uint64_t dhpi_relative_ns_of(int64_t system_time);

/* The two kinds of waitable that the engine keeps; statuses of the native waits. */
enum dhp_status dhpi_timer_wait(struct dhpi_waitable *object, uint64_t limit_ns);
enum dhp_status dhpi_named_wait(struct dhpi_waitable *object, uint64_t limit_ns);
bool dhpi_named_signalled(const struct dhpi_waitable *object);

/* ---- objects with handles: see object.c ---- */

struct dhpi_object {
	struct dhpi_waitable waitable; /* first: what KeWaitForSingleObject takes */
	uint32_t references;           /* under the lock of the objects */
};

struct dhpi_handle;

void dhpi_objects_lock(void);
void dhpi_objects_unlock(void);
/* NULL: no memory. */
struct dhpi_handle *dhpi_handle_make(void);
void dhpi_handle_drop(struct dhpi_handle *handle);
/* From now on the handle is good, and holds a reference and the binding. */
void dhpi_handle_open(struct dhpi_handle *handle, struct dhpi_object *object);
/* Nobody refers to it any more. */
void dhpi_named_end(struct dhpi_object *object);
void dhpi_callback_end(struct dhpi_object *object);

/* A handle to the event of a condition, by its number. */
NTSTATUS dhpi_named_open(uint32_t condition, PHANDLE out_handle);

/* What could not be closed in a DPC; not from one. */
void dhpi_named_reap(void);

/* ---- threads that ended, and events: see thread.c. In a DPC it does nothing ---- */

void dhpi_wdk_reap(void);

/* ---- work items: see workitem.c ---- */

enum dhp_status dhpi_wdk_workers_start(void);
void dhpi_wdk_workers_stop(void);

/* ---- entries that may still be called: see change.c ---- */

void dhpi_wdk_bury_all(void);

/* The link of a device, by its name on the asynchronous channel; gives the bytes without the terminating zero. */
#define DHPI_LINK_LENGTH 128u
USHORT dhpi_wdk_link(WCHAR *link, const char *name);

/* ---- permanent callback objects: see callback.c ---- */

void dhpi_callbacks_end_all(void);

#endif
