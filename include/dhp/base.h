/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base.h - what every header of libdhp shares: export macro, version, status, levels, processor numbers.
 *
 * The contract of each function has the same six keys:
 *   Level     who may call: passive (an ordinary thread), dispatch (inside a DPC routine), signal (a handler)
 *   Blocks    what the call may wait for
 *   Progress  blocking, lock-free or wait-free
 *   Orders    what is visible to whom; names in brackets are rows of the table in engine/README.md
 *   Lifetime  who owns what, and until when
 *   Returns   every status the call can give
 * A function that Progress says is lock-free or wait-free stands by its name in the table of tests/liveness/calls.c, or with a
 * reason in tests/api/liveness_claims.py; tests/liveness/stopped_anywhere.c stops each of the table anywhere.
 * Clause numbers (S-...) name the behavioural contract that docs/semantics.md summarises.
 */
#ifndef DHP_BASE_H
#define DHP_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define DHP_BEGIN_DECLS extern "C" {
#define DHP_END_DECLS }
#else
#define DHP_BEGIN_DECLS
#define DHP_END_DECLS
#endif

#define DHP_API __attribute__((visibility("default")))

#define DHP_VERSION_MAJOR 0
#define DHP_VERSION_MINOR 1
#define DHP_VERSION_PATCH 0

/* Most processors an engine can hold, and one more than the largest cpu id it accepts. */
#define DHP_PROCESSORS_LIMIT 4096u
#define DHP_CPU_LIMIT 65534u

/* Bytes by which data of two processors are kept apart: two lines, since they are fetched in pairs. */
#define DHP_LINE_PAIR_BYTES 128u

/*
 * What a call says. Zero is success, above zero is success with something to know, below zero is failure and
 * then nothing was changed. DHP_BAD_... names the argument that was refused.
 */
enum dhp_status {
	DHP_OK = 0,

	DHP_ALREADY_QUEUED = 1,       /* the DPC was queued before; this call added nothing (S-610) */
	DHP_NOT_QUEUED = 2,           /* the DPC was not queued: idle, running or finished (S-645) */
	DHP_TIMED_OUT = 3,            /* the time was over first */
	DHP_HELD = 4,                 /* the request waits until its device goes on (S-442) */
	DHP_REQUIREMENTS_CHANGED = 5, /* a driver agrees to stop, and wants to be asked for its requirements (S-423) */
	DHP_NOT_HELD = 6,             /* the request was not waiting: idle, begun or over (S-447) */
	DHP_REPLACED = 7,             /* the timer was set already; the earlier setting is cancelled (S-681) */
	DHP_NOT_SET = 8,              /* the timer was not set: never, or it has expired (S-686) */
	DHP_UNCHANGED = 9,            /* the set is the one the caller has seen; nothing was written (S-805) */
	DHP_NO_EFFECT = 10,           /* there was nothing to revert (S-545) */
	DHP_AT_END = 11,              /* the recording has been played to its end */

	DHP_BAD_ENGINE = -1,
	DHP_BAD_OPTIONS = -2,
	DHP_BAD_OBJECT = -3,
	DHP_BAD_CALLBACK = -4,
	DHP_BAD_FLAGS = -5,
	DHP_BAD_INDEX = -6,
	DHP_BAD_NUMBER = -7,
	DHP_BAD_CPU = -8,
	DHP_BAD_SIZE = -9,
	DHP_BAD_ALIGNMENT = -10,
	DHP_BAD_RESULT = -11, /* a pointer for a result is NULL */
	DHP_BAD_IMPORTANCE = -12,
	DHP_BAD_CLASS = -13,
	DHP_BAD_STEP = -14,
	DHP_BAD_GROUPS = -15,
	DHP_BAD_PATH = -16,
	DHP_BAD_NAME = -17,      /* no condition has this name (S-309) */
	DHP_BAD_CONDITION = -18, /* nor this number (S-312) */
	DHP_BAD_NODE = -19,
	DHP_BAD_REQUEST = -20,
	DHP_BAD_POLICY = -21,
	DHP_BAD_GROUP = -22,
	DHP_BAD_MASK = -23,
	DHP_BAD_COUNT = -24,
	DHP_BAD_DEPTH = -25,
	DHP_BAD_RECORD = -26, /* a recording that cannot be played; a note says which line */

	DHP_NO_MEMORY = -32,
	DHP_NO_THREAD = -33,     /* the system refused a thread */
	DHP_NO_AFFINITY = -34,   /* a thread cannot be pinned to that cpu */
	DHP_NO_PROCESSOR = -35,  /* the platform offers no processor at all */
	DHP_ALREADY_THERE = -36, /* that processor has arrived before */
	DHP_TOO_MANY = -37,      /* more processors than the maximum */
	DHP_TOO_SMALL = -38,     /* the caller's array is too small; the needed length was stored */
	DHP_VETOED = -39,        /* a registrant refused, without a status of its own */
	DHP_CLOSED = -40,        /* the engine is being destroyed */
	DHP_WRONG_LEVEL = -41,   /* a call for passive level came from a DPC */
	DHP_IN_CALLBACK = -42,   /* a call that a notification callback may not make */
	DHP_IN_SECTION = -43,    /* a call that an epoch section may not make */
	DHP_IN_USE = -44,        /* something still depends on the object */
	DHP_NOT_SUPPORTED = -45, /* this backend or platform cannot do it */
	DHP_CANNOT_READ = -46,   /* a file of the system could not be read */
	DHP_INJECTED = -47,      /* a failure that a test asked for */
	DHP_NO_DESCRIPTOR = -48, /* the system refused a file descriptor */
	DHP_INVALID_STATE = -49, /* the object's state does not allow it (S-438) */
	DHP_CANCELLED = -50,     /* the held request was cancelled (S-447) */
	DHP_DEVICE_GONE = -51,   /* the device failed to start again (S-430) */
	DHP_NOT_QUIET = -52,     /* requests in flight did not end in time */
	DHP_DETACHED = -53,      /* the feed has no processor at the moment (S-466) */
	DHP_NOT_IN_DPC = -54,    /* a call for a DPC routine came from elsewhere (S-672) */
	DHP_RUN_DOWN = -55,      /* run-down has begun: no reference is given any more (S-721) */
	DHP_NOT_RUN_DOWN = -56,  /* run-down has not begun, or references remain (S-725, S-726) */
	DHP_ENDED = -57,         /* the thread that the object was for has ended */
	DHP_CANNOT_WRITE = -58,  /* a routine of the caller's could not write a line */
	DHP_FULL = -59           /* there is no room: the item was not taken */
};

/* S-043: below zero is failure, everything else is success. */
static inline bool dhp_failed(enum dhp_status status)
{
	return (int)status < 0;
}

enum dhp_level {
	DHP_PASSIVE = 0, /* an ordinary thread: may block and allocate */
	DHP_APC = 1,     /* one that said so (dhp_level_raise); to this library the same as passive */
	DHP_DISPATCH = 2 /* inside a DPC routine, or raised: may do neither (S-040) */
};

/* Group and number inside the group (S-535: the reserved byte is zero). */
struct dhp_number {
	uint16_t group;
	uint8_t number;
	uint8_t reserved;
};

#define DHP_NO_INDEX UINT32_MAX
#define DHP_NO_CPU UINT32_MAX
#define DHP_ALL_GROUPS UINT16_MAX

DHP_BEGIN_DECLS

/*
 * dhp_status_name - the name of a status, such as "DHP_BAD_INDEX".
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  the text is constant
 * Returns   never NULL; "DHP_?" for a value that is no status
 */
DHP_API const char *dhp_status_name(enum dhp_status status);

/*
 * dhp_status_text - one sentence a person can act on.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  the text is constant
 * Returns   never NULL
 */
DHP_API const char *dhp_status_text(enum dhp_status status);

/*
 * dhp_level - the level of the calling thread.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  true until the caller returns from its routine, raises or lowers
 * Returns   DHP_DISPATCH inside a DPC routine of any engine, otherwise what the thread raised itself to, or DHP_PASSIVE
 *           (S-040)
 */
DHP_API enum dhp_level dhp_level(void);

/*
 * dhp_level_raise, dhp_level_lower - let the calling thread count as running at this level, as the holder of a spin lock
 * does (S-040).
 *
 * Who raised lowers to what the raise returned, in the reverse order, before its routine returns. A raise to a level
 * below the present one changes nothing.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  of the calling thread only
 * Returns   the level before
 */
DHP_API enum dhp_level dhp_level_raise(enum dhp_level level);
DHP_API void dhp_level_lower(enum dhp_level level);

DHP_END_DECLS

#endif
