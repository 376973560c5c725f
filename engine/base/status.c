/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status.c - one row for each status: its name, and a sentence a person can act on.
 */
#include "base.h"

struct row {
	enum dhp_status status;
	const char *name;
	const char *text;
};

#define ROW(status, text) { status, #status, text }

static const struct row rows[] = {
	ROW(DHP_OK, "done"),
	ROW(DHP_ALREADY_QUEUED, "the DPC was queued already; nothing was added"),
	ROW(DHP_NOT_QUEUED, "the DPC was not queued"),
	ROW(DHP_BAD_ENGINE, "the engine is NULL"),
	ROW(DHP_BAD_OPTIONS, "the options are NULL or have the wrong size, or a value in them is out of range"),
	ROW(DHP_BAD_OBJECT, "the object is NULL, misaligned or was not initialised"),
	ROW(DHP_BAD_CALLBACK, "the callback is NULL"),
	ROW(DHP_BAD_FLAGS, "the flags have a bit that is not defined"),
	ROW(DHP_BAD_INDEX, "no active processor has this index"),
	ROW(DHP_BAD_NUMBER, "no active processor has this group and number"),
	ROW(DHP_BAD_CPU, "the platform has no processor with this cpu id"),
	ROW(DHP_BAD_SIZE, "the size is zero or too large"),
	ROW(DHP_BAD_ALIGNMENT, "the alignment is not a power of two up to 4096"),
	ROW(DHP_BAD_RESULT, "the pointer for the result is NULL"),
	ROW(DHP_BAD_IMPORTANCE, "the importance is not one of the four"),
	ROW(DHP_BAD_CLASS, "the device class is neither processor nor memory"),
	ROW(DHP_BAD_STEP, "the step is not one that can fail"),
	ROW(DHP_BAD_GROUPS, "a group size is not between 1 and 64"),
	ROW(DHP_BAD_PATH, "the path is too long"),
	ROW(DHP_NO_MEMORY, "the system has no memory left for this"),
	ROW(DHP_NO_THREAD, "the system refused to create a thread; see the limits on threads and processes"),
	ROW(DHP_NO_AFFINITY, "a thread cannot be pinned to that cpu; it is offline or outside the cpuset"),
	ROW(DHP_NO_PROCESSOR, "the platform offers no processor at all"),
	ROW(DHP_ALREADY_THERE, "that processor has arrived before"),
	ROW(DHP_TOO_MANY, "there would be more processors than the maximum"),
	ROW(DHP_TOO_SMALL, "the array is too small; the length needed was stored"),
	ROW(DHP_VETOED, "a registrant refused the processor"),
	ROW(DHP_CLOSED, "the engine is being destroyed"),
	ROW(DHP_WRONG_LEVEL, "this call is for passive level, not for a DPC routine"),
	ROW(DHP_IN_CALLBACK, "this call may not be made from a notification callback"),
	ROW(DHP_IN_SECTION, "this call may not be made inside an epoch section"),
	ROW(DHP_IN_USE, "registrations, arrays, counters, readers, timers or a recording of the engine still exist"),
	ROW(DHP_NOT_SUPPORTED, "this backend or platform cannot do it"),
	ROW(DHP_CANNOT_READ, "a file of the system could not be read"),
	ROW(DHP_INJECTED, "a failure that a test asked for"),
	ROW(DHP_TIMED_OUT, "the time was over before it came"),
	ROW(DHP_BAD_NAME, "the name is NULL or not exactly that of a memory condition"),
	ROW(DHP_BAD_CONDITION, "the number is not that of a memory condition"),
	ROW(DHP_BAD_NODE, "the simulation has no such NUMA node"),
	ROW(DHP_NO_DESCRIPTOR, "the system refused a file descriptor; see the limit on open files"),
	ROW(DHP_HELD, "the request waits until its device goes on"),
	ROW(DHP_REQUIREMENTS_CHANGED, "the driver agrees to stop; its resource requirements have changed"),
	ROW(DHP_NOT_HELD, "the request was not waiting"),
	ROW(DHP_INVALID_STATE, "the state of the object does not allow this"),
	ROW(DHP_CANCELLED, "the request was cancelled while it waited"),
	ROW(DHP_DEVICE_GONE, "the device failed to start again and is gone"),
	ROW(DHP_NOT_QUIET, "requests in flight did not end in time"),
	ROW(DHP_DETACHED, "the feed is detached: its device is stopped, or it was disabled"),
	ROW(DHP_BAD_REQUEST, "the request is not one that a device knows"),
	ROW(DHP_BAD_POLICY, "the value is not one that the class property can have"),
	ROW(DHP_REPLACED, "the timer was set already; its earlier setting is cancelled"),
	ROW(DHP_NOT_SET, "the timer was not set"),
	ROW(DHP_NOT_IN_DPC, "this call is for DPC routines only"),
	ROW(DHP_UNCHANGED, "the set of processors has not changed since the number given"),
	ROW(DHP_NO_EFFECT, "the thread has no system affinity to revert"),
	ROW(DHP_BAD_GROUP, "there is no group of this number"),
	ROW(DHP_BAD_MASK, "the mask names no active processor of its group, or reserved words are not zero"),
	ROW(DHP_BAD_COUNT, "the count is zero or too large, or more references are given back than were taken"),
	ROW(DHP_BAD_DEPTH, "the depth is the library's to choose: it must be zero"),
	ROW(DHP_RUN_DOWN, "run-down has begun; no reference is given any more"),
	ROW(DHP_NOT_RUN_DOWN, "run-down has not begun, or references remain"),
	ROW(DHP_ENDED, "the thread that the object was for has ended"),
	ROW(DHP_AT_END, "the recording has been played to its end"),
	ROW(DHP_BAD_RECORD, "the text is not a recording that can be played; the note says which line is wrong"),
	ROW(DHP_CANNOT_WRITE, "a line of the recording could not be written; it ends before that line"),
	ROW(DHP_FULL, "there is no room for the item now, so it was not taken; some has to run first"),
};

static const struct row *find(enum dhp_status status)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return &rows[i];
	return NULL;
}

const char *dhp_status_name(enum dhp_status status)
{
	const struct row *row = find(status);

	return row != NULL ? row->name : "DHP_?";
}

const char *dhp_status_text(enum dhp_status status)
{
	const struct row *row = find(status);

	return row != NULL ? row->text : "a status of a callback's own";
}
