/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rebalance.h - devices that are stopped for a moment when a processor has come, and started again with it (S-4xx).
 *
 * A device is a stack of drivers and, if wanted, a queue that holds its requests meanwhile (hold.h) and feeds: sources of
 * work, each with the set of processors it may give work to. A rebalance asks all devices first (QUERY_STOP), then stops
 * those that agreed, then starts them with the new set (S-433):
 *
 *             QUERY_STOP               STOP                  START
 *   Started -------------> Stop-pending ----> Stopped ---------------> Started
 *      ^  ^                      |               |
 *      |  |  refused: CANCEL_STOP|               | START failed: SURPRISE_REMOVAL
 *      +--+----------------------+               +------------------> Removed
 *
 * A device registered as configured at boot is Not-started until its first START, and can be stopped before that (S-427).
 */
#ifndef DHP_REBALANCE_H
#define DHP_REBALANCE_H

#include <dhp/base.h>
#include <dhp/hold.h>

struct dhp_engine;
struct dhp_device;
struct dhp_feed;

/* ---- devices ---- */

/* In the order of the values of their PnP minor codes where there is one (S-415). */
enum dhp_device_request {
	DHP_REQUEST_START = 0x00,
	DHP_REQUEST_STOP = 0x04,
	DHP_REQUEST_QUERY_STOP = 0x05,
	DHP_REQUEST_CANCEL_STOP = 0x06,
	DHP_REQUEST_SURPRISE_REMOVAL = 0x17
};

enum dhp_device_state {
	DHP_DEVICE_STARTED = 0,
	DHP_DEVICE_STOP_PENDING = 1,
	DHP_DEVICE_STOPPED = 2,
	DHP_DEVICE_REMOVED = 3,           /* it failed to start again; only unregistration is left */
	DHP_DEVICE_NOT_STARTED = 4,       /* configured at boot, before its first START */
	DHP_DEVICE_NOT_STARTED_PENDING = 5 /* likewise, and asked to stop */
};

/* The setup classes that a rebalance knows; the rest is the caller's to number. */
enum dhp_setup_class {
	DHP_SETUP_OTHER = 0,
	DHP_SETUP_NETWORK = 1 /* does not take part unless somebody says so (S-405) */
};
#define DHP_SETUP_CLASSES 64u

/* The class property of S-404. At first TRUE for DHP_SETUP_NETWORK and absent for every other (S-405). */
enum dhp_opt_out {
	DHP_OPT_OUT_ABSENT = 0,
	DHP_OPT_OUT_EMPTY = 1,
	DHP_OPT_OUT_FALSE = 2,
	DHP_OPT_OUT_TRUE = 3
};

/* The device property of S-402. 1 and 2 decide, anything else leaves it to the class (S-403, S-406). */
#define DHP_POLICY_ABSENT 0
#define DHP_POLICY_OUT 1
#define DHP_POLICY_IN 2
#define DHP_POLICY_EMPTY INT32_MIN

/* Valid during the call. */
struct dhp_device_call {
	struct dhp_device *device;
	enum dhp_device_request request;
	enum dhp_device_state state; /* before the request */
	uint32_t active_count;       /* START: processors its feeds may have now; may differ from last time (S-429) */
	uint64_t generation;         /* START: of the set they were taken from */
};

/*
 * One request to one driver. QUERY_STOP: DHP_OK or DHP_REQUIREMENTS_CHANGED (S-423) agree, anything else refuses (S-421), which
 * a driver never should (S-419). STOP, CANCEL_STOP and SURPRISE_REMOVAL cannot fail (S-418, S-425): a failing status is counted
 * and reported, and changes nothing. START: a failing status removes the device (S-430).
 *
 * Level     passive, in the engine's thread "dhp-rebalance" (S-415); it may block and allocate
 */
typedef enum dhp_status dhp_driver_routine(void *context, const struct dhp_device_call *call);

/* A driver answers by what it stores; at first nothing_to_move is as the device was registered. */
struct dhp_requirements {
	bool nothing_to_move; /* CANCEL_STOP comes in place of STOP and START (S-424) */
};

/* Asked in the stop-pending state, after all queries, of a device whose stack said DHP_REQUIREMENTS_CHANGED (S-423, S-428). */
typedef void dhp_requirements_routine(void *context, struct dhp_device *device, struct dhp_requirements *requirements);

/* One driver of a stack; NULL: it agrees and does nothing. */
struct dhp_driver {
	dhp_driver_routine *query_stop;
	dhp_driver_routine *stop;
	dhp_driver_routine *start;
	dhp_driver_routine *cancel_stop;
	dhp_driver_routine *surprise_removal;
	dhp_requirements_routine *requirements;
	void *context;
};

#define DHP_DRIVERS_LIMIT 16u

/* Zero means the default in every field but size, drivers and driver_count. */
struct dhp_device_options {
	size_t size;                      /* sizeof(struct dhp_device_options) */
	uint32_t setup_class;             /* below DHP_SETUP_CLASSES */
	int32_t policy;                   /* DHP_POLICY_... or any other value */
	const struct dhp_driver *drivers; /* the top of the stack first; copied */
	uint32_t driver_count;            /* 1 to DHP_DRIVERS_LIMIT */
	struct dhp_hold *hold;            /* NULL: its requests may be lost without harm (S-450); of no other device */
	bool hold_in_stop;                /* the flag is set in STOP instead of in QUERY_STOP (S-441) */
	bool nothing_to_move;             /* S-424 */
	bool boot_configured;             /* S-427 */
};

/* ---- feeds ---- */

/* Which processors a feed may have (S-461). */
enum dhp_feed_policy {
	DHP_FEED_DEFAULT = 0,     /* all */
	DHP_FEED_ALL_CLOSE = 1,   /* all of one node */
	DHP_FEED_ONE_CLOSE = 2,   /* the first of one node */
	DHP_FEED_ALL = 3,
	DHP_FEED_CHOSEN = 4,      /* those in `mask` of `group` */
	DHP_FEED_SPREAD = 5       /* all */
};

/* Zero means the default in every field but size. */
struct dhp_feed_options {
	size_t size;
	enum dhp_feed_policy policy;
	uint32_t node;   /* of the two close policies */
	bool one_group;  /* only processors of `group` (S-458, S-459); CHOSEN means so anyway */
	uint16_t group;
	uint64_t mask;   /* of CHOSEN */
};

/* ---- rebalances ---- */

enum dhp_rebalance_kind {
	DHP_REBALANCE_BEGAN = 0,
	DHP_REBALANCE_ENDED = 1,
	DHP_REBALANCE_ENTER = 2,    /* a request goes to a driver */
	DHP_REBALANCE_LEAVE = 3,    /* it has returned, with its status */
	DHP_REBALANCE_REFUSED = 4,  /* a stack refused QUERY_STOP, which no driver should (S-419, S-420) */
	DHP_REBALANCE_BROKEN = 5,   /* a request that cannot fail failed (S-418, S-425) */
	DHP_REBALANCE_NOT_QUIET = 6, /* requests in flight did not end in time: CANCEL_STOP comes in place of STOP */
	DHP_REBALANCE_LATE = 7,     /* a driver has not returned in time, and is waited for */
	DHP_REBALANCE_HELD = 8      /* requests begin again after `ns` (S-451) */
};

/* Valid during the call. */
struct dhp_rebalance_event {
	uint64_t time_ns;
	enum dhp_rebalance_kind kind;
	bool by_arrival;             /* of the rebalance: DHP_REBALANCE_BEGAN */
	struct dhp_device *device;   /* NULL in BEGAN and ENDED */
	uint32_t driver;             /* its place in the stack: 0 is the top */
	enum dhp_device_request request;
	enum dhp_status status;
	uint64_t ns;
};

/* Level: passive, in a thread of the engine; one call at a time. It may not call into the engine. */
typedef void dhp_rebalance_hook(void *context, const struct dhp_rebalance_event *event);

/* Zero means the default in every field but size. */
struct dhp_rebalance_options {
	size_t size;
	uint64_t stop_limit_ns;   /* how long a stop may take before it is reported; 5 s */
	bool abandon_on_refusal;  /* one refusal ends the rebalance for all (C-08); otherwise best effort (S-422) */
	dhp_rebalance_hook *hook; /* NULL: nobody */
	void *context;
};

struct dhp_rebalance_stats {
	uint64_t requested_count; /* by arrivals and by calls */
	uint64_t run_count;       /* several requests may be merged into one (S-410) */
	uint64_t moved_count;     /* devices that were stopped and started */
	uint64_t cancelled_count; /* devices that got CANCEL_STOP */
	uint64_t refused_count;
	uint64_t broken_count;
	uint64_t not_quiet_count;
	uint64_t late_count;
	uint64_t removed_count;
	uint64_t longest_hold_ns; /* S-451 */
};

DHP_BEGIN_DECLS

/*
 * dhp_device_register - a device that takes part in rebalances; Started at once, or Not-started if configured at boot.
 *
 * The first one of an engine starts two threads: one that sends the requests, one that watches over it.
 *
 * Level     passive, neither from a driver nor from a synchronous callback (notify.h)
 * Blocks    while a rebalance runs
 * Progress  blocking
 * Orders    nothing
 * Lifetime  until dhp_device_unregister; the drivers' contexts and the queue must live as long
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_OPTIONS, DHP_BAD_CLASS, DHP_BAD_OBJECT (the queue), DHP_BAD_RESULT; DHP_IN_USE:
 *           another device has the queue, or had it when it was removed; DHP_NO_MEMORY, DHP_NO_THREAD, DHP_IN_CALLBACK,
 *           DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_device_register(struct dhp_engine *engine, const struct dhp_device_options *options,
					    struct dhp_device **out_device);

/*
 * dhp_device_unregister - no request comes any more. Requests that the device holds begin. NULL is accepted.
 *
 * Level     passive, neither from a driver nor from a synchronous callback (notify.h)
 * Blocks    while a rebalance runs
 * Progress  blocking
 * Orders    all calls happen before the return
 * Lifetime  the drivers' contexts may be freed after DHP_OK
 * Returns   DHP_OK; DHP_IN_USE: it has feeds; DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_device_unregister(struct dhp_device *device);

/*
 * dhp_device_send - have one request sent outside of a rebalance.
 *
 * A request that is not in the table for the device's state is refused and not delivered (S-438, S-439). Before STOP the
 * requirements are asked for if the stack said that they have changed; whether it is sent is for the caller to decide.
 *
 * Level     passive, neither from a driver nor from a synchronous callback (notify.h)
 * Blocks    while a rebalance runs, and for the request
 * Progress  blocking
 * Orders    the drivers' calls happen before the return
 * Lifetime  -
 * Returns   DHP_OK; DHP_INVALID_STATE; what the stack refused with; DHP_NOT_QUIET; DHP_BAD_OBJECT, DHP_BAD_REQUEST,
 *           DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_device_send(struct dhp_device *device, enum dhp_device_request request);

/*
 * dhp_device_state_read, dhp_device_set_policy - what it is in; whether it takes part, from the next rebalance on (S-408).
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_BAD_RESULT
 */
DHP_API enum dhp_status dhp_device_state_read(struct dhp_device *device, enum dhp_device_state *out_state);
DHP_API enum dhp_status dhp_device_set_policy(struct dhp_device *device, int32_t policy);

/*
 * dhp_setup_class_set - the opt-out of a class, from the next rebalance on (S-404, S-408).
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_CLASS, DHP_BAD_POLICY
 */
DHP_API enum dhp_status dhp_setup_class_set(struct dhp_engine *engine, uint32_t setup_class, enum dhp_opt_out opt_out);

/*
 * dhp_feed_create - a source of work, attached to the processors there are now, if its device is not stopped.
 *
 * It gets the set that includes a newcomer when its device is started again (S-466); without a device, or with one that does
 * not take part, never (S-409, S-467). options may be NULL.
 *
 * Level     passive, neither from a driver nor from a synchronous callback (notify.h)
 * Blocks    while a rebalance runs
 * Progress  blocking
 * Orders    nothing
 * Lifetime  until dhp_feed_destroy
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_OBJECT (a device of another engine), DHP_BAD_OPTIONS, DHP_BAD_RESULT;
 *           DHP_NO_PROCESSOR: the set would be empty (S-457); DHP_NO_MEMORY, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_feed_create(struct dhp_engine *engine, struct dhp_device *device,
					const struct dhp_feed_options *options, struct dhp_feed **out_feed);

/*
 * dhp_feed_destroy - NULL is accepted. Nobody may use the feed any more.
 *
 * Level     passive, neither from a driver nor from a synchronous callback (notify.h)
 * Blocks    while a rebalance runs
 * Progress  blocking
 * Orders    nothing
 * Lifetime  the feed is gone
 * Returns   DHP_OK, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_feed_destroy(struct dhp_feed *feed);

/*
 * dhp_feed_pick - the index of a processor of the set, each in turn: a target for dhp_dpc_set_target.
 *
 * A processor that is not usable (change.h) stays in the set and is passed over, unless none of the set is usable.
 *
 * Level     any
 * Blocks    never
 * Progress  lock-free: again while the set of usable processors changes
 * Orders    the processor is complete, as by dhp_counts_read [feed-attach]
 * Lifetime  a hint of this moment; the index stays valid
 * Returns   DHP_OK; DHP_DETACHED: stopped, or disabled; DHP_BAD_OBJECT, DHP_BAD_RESULT
 */
DHP_API enum dhp_status dhp_feed_pick(struct dhp_feed *feed, uint32_t *out_index);

/*
 * dhp_feed_mask - the processors of one group that the feed has (S-464); 0 when it is detached.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    as dhp_feed_pick
 * Lifetime  a copy
 * Returns   the mask
 */
DHP_API uint64_t dhp_feed_mask(struct dhp_feed *feed, uint32_t group);

/*
 * dhp_feed_enable - switch the picks off for a while, or on again; the set is unchanged (S-465).
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing: a pick in progress may still succeed
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_OBJECT
 */
DHP_API enum dhp_status dhp_feed_enable(struct dhp_feed *feed, bool enabled);

/*
 * dhp_rebalance_configure - limit, behaviour after a refusal, and who hears of it; NULL: the defaults.
 *
 * Level     passive, neither from a driver nor from a synchronous callback (notify.h)
 * Blocks    while a rebalance runs
 * Progress  blocking
 * Orders    no call of an earlier hook runs after the return
 * Lifetime  context until the next call, or the end of the engine
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_OPTIONS, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_rebalance_configure(struct dhp_engine *engine, const struct dhp_rebalance_options *options);

/*
 * dhp_rebalance_request - a rebalance for another reason than an arrival: every device takes part (S-407).
 *
 * Level     passive
 * Blocks    never for a rebalance
 * Progress  a few instructions under a lock
 * Orders    what the caller did before is visible to the drivers
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_rebalance_request(struct dhp_engine *engine);

/*
 * dhp_rebalance_drain - wait until every rebalance asked for before the call, by arrivals too, has ended.
 *
 * A driver that does not return keeps it waiting; the hook and the counters say so.
 *
 * Level     passive, neither from a driver or hook nor from a synchronous callback
 * Blocks    until then
 * Progress  blocking
 * Orders    the drivers' calls happen before the return
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_rebalance_drain(struct dhp_engine *engine);

/*
 * dhp_rebalance_stats_read - the counters.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing: statistics only
 * Lifetime  a copy
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_RESULT
 */
DHP_API enum dhp_status dhp_rebalance_stats_read(struct dhp_engine *engine, struct dhp_rebalance_stats *out_stats);

DHP_END_DECLS

#endif
