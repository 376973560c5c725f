/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notify.h - who is told that a processor arrives, and who may say no.
 *
 * Synchronous: Start before anything runs on the processor, with a veto; then Complete or Failure (S-1xx).
 * Asynchronous: an arrival, some time after work can run there; no veto (S-2xx).
 */
#ifndef DHP_NOTIFY_H
#define DHP_NOTIFY_H

#include <dhp/base.h>

struct dhp_engine;
struct dhp_notify;
struct dhp_arrival_notify;

/* S-165 */
enum dhp_change_state {
	DHP_CHANGE_START = 0,
	DHP_CHANGE_COMPLETE = 1,
	DHP_CHANGE_FAILURE = 2
};

/* One registrant's own copy, valid during the call (S-169, S-170). */
struct dhp_processor_change {
	enum dhp_change_state state;
	uint32_t index;           /* S-152: in Start of a hot add the number of active processors */
	enum dhp_status status;   /* the reason, in Failure; otherwise DHP_OK (S-168) */
	struct dhp_number number; /* of the same processor (S-167) */
	uint32_t cpu;
};

/*
 * A synchronous callback. In Start it may store a failing status in *operation_status: the processor is then not added
 * (S-171 to S-173). The first failure counts; later ones, and stores in Complete or Failure, change nothing (S-177).
 *
 * In Start the newcomer has its index and number and can be the target of a DPC (S-154, S-155), and is in no count or mask yet
 * (S-153); who waits there for what has to run on it waits for ever (S-156). From the first Complete on it is in all of them.
 *
 * Two settings of engine.h show whether a callback leans on what is not promised: that both calls of an arrival come in
 * one thread (S-159), and that who vetoed gets Failure (S-178).
 *
 * Level     passive, in the thread that performs the add or the registration (S-158); it may block and allocate. There is
 *           no limit of time; dhp_notify_stats_read says how long the calls took (S-197).
 */
typedef void dhp_notify_callback(void *context, const struct dhp_processor_change *change,
				 enum dhp_status *operation_status);

/* S-105; other bits are refused. */
#define DHP_NOTIFY_EXISTING 1u

enum dhp_device_class {
	DHP_CLASS_PROCESSOR = 0,
	DHP_CLASS_MEMORY = 1 /* a module: in the simulator one of sim.h, on Linux one of its memory blocks (S-237) */
};

enum dhp_arrival_event {
	DHP_EVENT_ARRIVAL = 0,
	DHP_EVENT_REMOVAL = 1 /* not sent so far; a registrant must ignore what is not an arrival (S-235) */
};

/* Says that something came, not what: ask the partition (S-223). Valid during the call (S-224). */
struct dhp_arrival {
	enum dhp_arrival_event event;
	enum dhp_device_class device_class;
	const char *name; /* opaque, the same for one device always (S-225); empty after the call */
};

/*
 * An asynchronous callback. The same device may be reported twice, never more often (S-207).
 *
 * Level     passive, in the engine's notification thread, or in the registering one for what exists already
 */
typedef void dhp_arrival_callback(void *context, const struct dhp_arrival *arrival);

DHP_BEGIN_DECLS

/*
 * dhp_notify_register - hear of every processor before it comes.
 *
 * With DHP_NOTIFY_EXISTING the callback gets, before the return, Start for every active processor by ascending index and
 * then, if it accepted all, Complete for each (S-121, S-122). A veto there gives Failure for those before it, and
 * nothing is registered (S-128 to S-132).
 *
 * Level     passive, not from a notification callback (S-193)
 * Blocks    while a processor arrives (S-139)
 * Progress  blocking
 * Orders    each processor is reported by the replay or by its own arrival, never both, never neither (S-138)
 * Lifetime  until dhp_notify_unregister; context must live as long
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_CALLBACK, DHP_BAD_FLAGS, DHP_BAD_RESULT, DHP_NO_MEMORY, DHP_IN_CALLBACK,
 *           DHP_WRONG_LEVEL; or the status by which the callback vetoed
 */
DHP_API enum dhp_status dhp_notify_register(struct dhp_engine *engine, dhp_notify_callback *callback, void *context,
					    uint32_t flags, struct dhp_notify **out_registration);

/*
 * dhp_notify_unregister - stop hearing. NULL is accepted (S-189).
 *
 * From inside the registration's own callback it does not wait: that call is the last one (S-185). Between Start and
 * the second call the second call is lost (S-187).
 *
 * Level     passive
 * Blocks    until a call that runs in another thread has returned (S-184)
 * Progress  blocking
 * Orders    all calls happen before the return [notify-drain]
 * Lifetime  the caller may free the context after the return. Who holds a lock that the callback wants waits for ever
 *           (S-191); an arrival callback that registers for Start wants the lock that Start callbacks run under.
 * Returns   DHP_OK; DHP_WRONG_LEVEL (S-041) or DHP_IN_CALLBACK: the call in progress waits for this thread, as far as the
 *           library can see (S-243); then the registration goes on. DHP_BAD_OBJECT: it is gone, its last call runs (S-246)
 */
DHP_API enum dhp_status dhp_notify_unregister(struct dhp_notify *registration);

/*
 * dhp_arrival_register - hear of every device of a class after it came.
 *
 * With DHP_NOTIFY_EXISTING the callback runs, before the return, for each one that is there (S-206, S-211); without, only
 * what comes after the registration is reported, and not what came before and is still on its way (S-208). Each class has
 * registrations of its own (S-203), and no order with the other (S-231).
 *
 * Level     passive, not from a synchronous callback
 * Blocks    for deliveries in progress
 * Progress  blocking
 * Orders    events of one class come in the order in which they happened (S-231)
 * Lifetime  until one of the two ways to unregister
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_CLASS, DHP_BAD_CALLBACK, DHP_BAD_FLAGS, DHP_BAD_RESULT, DHP_NO_MEMORY,
 *           DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_arrival_register(struct dhp_engine *engine, enum dhp_device_class device_class,
					     dhp_arrival_callback *callback, void *context, uint32_t flags,
					     struct dhp_arrival_notify **out_registration);

/*
 * dhp_arrival_unregister - stop hearing, and wait (S-241). NULL is accepted.
 *
 * Level     passive; also from inside the registration's own callback, where it does not wait (S-242)
 * Blocks    until a call in progress has returned
 * Progress  blocking
 * Orders    all calls happen before the return [notify-drain]
 * Lifetime  the caller may free the context after the return (S-244)
 * Returns   DHP_OK; DHP_WRONG_LEVEL (S-041) or DHP_IN_CALLBACK: the call in progress waits for this thread, as far as the
 *           library can see (S-243); then the registration goes on. DHP_BAD_OBJECT: it is gone, its last call runs (S-246)
 */
DHP_API enum dhp_status dhp_arrival_unregister(struct dhp_arrival_notify *registration);

/*
 * dhp_arrival_unregister_nowait - stop hearing soon (S-240). NULL is accepted.
 *
 * Level     passive
 * Blocks    never
 * Progress  a few instructions under the registry's lock
 * Orders    none: a call in progress may still run after the return
 * Lifetime  the context must live until dhp_arrival_drain, or for good
 * Returns   DHP_OK; DHP_WRONG_LEVEL, and then the registration goes on (S-041); DHP_BAD_OBJECT: it is gone, its last call
 *           runs (S-246)
 */
DHP_API enum dhp_status dhp_arrival_unregister_nowait(struct dhp_arrival_notify *registration);

/*
 * dhp_arrival_drain - wait until everything that happened before the call has been delivered.
 *
 * Level     passive, not from a notification callback
 * Blocks    until then
 * Progress  blocking
 * Orders    those calls happen before the return [notify-drain]
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_arrival_drain(struct dhp_engine *engine);

DHP_END_DECLS

#endif
