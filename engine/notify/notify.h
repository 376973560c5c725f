/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notify.h - the two channels about processors, as the partition sees them: Start, then Complete or Failure; and arrivals.
 */
#ifndef DHPI_NOTIFY_H
#define DHPI_NOTIFY_H

#include <dhp/notify.h>

#include <ck_stack.h>

#include "condition.h"
#include "module.h"
#include "parts.h"
#include "registry.h"
#include "set.h"

#define DHPI_CLASSES 2u

struct dhpi_notify {
	/* set once */
	struct port_mutex *serial; /* the partition's lock: transactions, replays and registrations exclude each other */
	struct dhpi_set *set;
	struct dhpi_arrival_event *processors; /* by index */
	size_t processors_touched; /* so many bytes of them, from the start, are resident; under serial */
	bool two_threads;     /* DHP_ENGINE_TWO_THREADS */
	bool vetoer_excluded; /* DHP_ENGINE_VETOER_EXCLUDED */

	struct dhpi_registry synchronous;
	struct at_u64 callbacks, longest_callback_ns; /* statistics; under serial */

	struct dhpi_registry asynchronous[DHPI_CLASSES];
	struct dhpi_registry changes;
	struct at_u64 changed; /* the last generation that was posted, edge change-post; under serial */
	uint64_t told;         /* the last that was delivered; the notification thread's */
	struct port_mutex delivering; /* held during a delivery and during the replay of a registration */
	bool arrivals_held;           /* a test wants arrivals to wait; under delivering */
	ck_stack_entry_t *waiting;    /* taken from the inbox and not delivered, oldest first; the notification thread's */
	ck_stack_t inbox;             /* newest first; pushed under serial, taken by the notification thread */
	struct at_u64 posted;         /* how many; written under serial */
	struct at_u64 delivered;      /* edge notify-drain */
	struct at_u32 stopping;       /* edge notify-stop */
	struct port_event event;
	struct port_thread thread;

	struct dhpi_modules modules;
	struct dhpi_conditions conditions;
};

enum dhp_status dhpi_notify_init(struct dhpi_notify *notify, struct port_mutex *serial, struct dhpi_set *set);
void dhpi_notify_fini(struct dhpi_notify *notify);
/* Registrations that remain, of all channels. */
uint32_t dhpi_notify_count(struct dhpi_notify *notify);

/* Under serial. Start to every registrant; after a veto Failure to every one, and the first veto is the result. */
enum dhp_status dhpi_notify_start(struct dhpi_notify *notify, const struct dhp_processor *processor);
/* Under serial. The second call, to all that got Start and are still there. */
void dhpi_notify_complete(struct dhpi_notify *notify, const struct dhp_processor *processor);
void dhpi_notify_failure(struct dhpi_notify *notify, const struct dhp_processor *processor, enum dhp_status reason);

/* Under serial, before Start: whatever an announcement needs. false: no memory. */
bool dhpi_arrival_prepare(struct dhpi_notify *notify, const struct dhp_processor *processor);
void dhpi_arrival_post(struct dhpi_notify *notify, const struct dhp_processor *processor);

/* Under serial. Makes the memory module's announcement ready, unless it was; false: no memory. */
bool dhpi_module_prepare(struct dhpi_notify *notify, uint32_t id);
/* Under serial. Those that are ready have come; `tell` who is registered. */
void dhpi_modules_post(struct dhpi_notify *notify, bool tell);

/* arrival.c: the prefix and the number; puts an event into the inbox. */
void dhpi_arrival_name(char *name, const char *prefix, uint32_t number);
void dhpi_arrival_push(struct dhpi_notify *notify, struct dhpi_arrival_event *event);

/* Not under serial. While held, arrivals are not delivered; they keep their order. */
void dhpi_arrival_hold(struct dhpi_notify *notify, bool hold);

/* Under serial, after the set has changed, or may have: tells the registrants of the extension channel. change.c */
void dhpi_change_post(struct dhpi_notify *notify);
/* The notification thread's part; true: there was something to tell. */
bool dhpi_change_deliver(struct dhpi_notify *notify);

/* arrival.c, for notify_init and notify_fini */
enum dhp_status dhpi_arrival_init(struct dhpi_notify *notify);
void dhpi_arrival_fini(struct dhpi_notify *notify);

#endif
