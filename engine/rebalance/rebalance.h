/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rebalance.h - devices, feeds and the thread that rebalances; what the partition tells it is one call.
 */
#ifndef DHPI_REBALANCE_H
#define DHPI_REBALANCE_H

#include <dhp/rebalance.h>

#include "hold.h"
#include "level.h"
#include "list.h"
#include "parts.h"
#include "set.h"

struct dhp_feed {
	struct dhpi_link link; /* under running: of its device, or alone */
	struct dhpi_rebalance *rebalance;
	struct dhp_feed_options options;
	uint32_t magic;
	DHPI_OWN_LINES struct at_u32 count; /* members; 0: detached, edge feed-attach */
	struct at_u32 disabled;
	struct at_u32 next;      /* picks so far */
	struct at_u32 members[]; /* indices, ascending; room for the maximum */
};

struct dhp_device {
	struct dhpi_link link; /* under running */
	struct dhpi_rebalance *rebalance;
	struct at_u32 state;  /* enum dhp_device_state; written under running */
	struct at_u32 policy; /* an int32_t; anybody writes */
	uint32_t setup_class;
	struct dhp_hold *hold;
	bool hold_in_stop;
	bool nothing_to_move;
	uint32_t magic;

	/* under running */
	struct dhpi_link feeds;
	bool pending; /* the queue holds what blocks a stop */
	bool holding; /* the queue holds for this device */
	uint64_t holding_since_ns;
	bool requirements_changed;
	bool takes_part, agreed, moves; /* in the rebalance that runs */

	uint32_t driver_count;
	struct dhp_driver drivers[DHP_DRIVERS_LIMIT];
};

/* The call to a driver that runs now, for who watches. Under reporting. */
struct dhpi_driver_call {
	struct dhp_device *device;
	uint32_t driver;
	enum dhp_device_request request;
	uint64_t began_ns; /* 0: none runs */
	bool reported;
};

/* A request from outside a rebalance: handed to the thread. Under asking. */
struct dhpi_errand {
	struct dhp_device *device;
	enum dhp_device_request request;
	enum dhp_status status;
};

struct dhpi_rebalance {
	/* set once */
	struct dhpi_set *set;
	struct port_mutex *serial; /* the partition's lock: never held by who waits for `running`, see thread.c I3 */

	struct dhpi_holds holds;

	struct port_mutex running;  /* held through a rebalance, so also during the calls of drivers */
	struct dhpi_link devices;   /* under running, in order of registration */
	struct dhpi_link free_feeds; /* under running: those without a device */
	uint32_t devices_count;     /* under running */
	uint32_t feeds_count;       /* under running */
	struct dhp_rebalance_options options; /* under running and reporting: read under either */

	struct port_mutex asking;   /* for a few instructions */
	uint64_t wanted;            /* under asking: how many rebalances were asked for */
	uint64_t done;              /* under asking: of those, how many have ended */
	bool for_arrival;           /* under asking: one of those not begun yet is for an arrival... */
	bool for_other;             /* ...or for another reason */
	struct dhpi_errand *errand; /* under asking */
	bool started;               /* under asking: the thread is there, or somebody is starting it */
	bool stopping;              /* under asking */
	struct port_event asked;    /* wanted, errand or stopping has changed */
	struct port_event ended;    /* done has changed, or an errand has ended */
	struct port_thread thread;

	struct port_mutex reporting; /* held during a call of the hook */
	struct dhpi_driver_call call; /* under reporting */
	bool watched;               /* under reporting: a rebalance runs */
	bool watch_stopping;        /* under reporting */
	struct port_event watch;
	struct port_thread watcher;

	struct at_u32 opt_out[DHP_SETUP_CLASSES];

	/* statistics */
	struct at_u64 runs, moved, cancelled, refused, broken, not_quiet, late, removed, longest_hold_ns;
	struct at_u64 requested;
};

void dhpi_rebalance_init(struct dhpi_rebalance *rebalance, struct dhpi_set *set, struct port_mutex *serial);
/* Nobody asks any more, and nothing is registered. Accepts what was never initialised. */
void dhpi_rebalance_fini(struct dhpi_rebalance *rebalance);
/* S-017: after the asynchronous arrival was queued. */
void dhpi_rebalance_post(struct dhpi_rebalance *rebalance, bool by_arrival);
/* Of a driver, a hook, a routine that a resume begins, or of a registrant of synchronous notification. */
bool dhpi_rebalance_in_callback(struct dhpi_rebalance *rebalance);
/* Devices, feeds and queues that remain. */
uint32_t dhpi_rebalance_count(struct dhpi_rebalance *rebalance);

/* thread.c. Under running. Starts both threads at the first call. */
enum dhp_status dhpi_rebalance_threads(struct dhpi_rebalance *rebalance);
/* DHP_OK: running is held. */
enum dhp_status dhpi_rebalance_enter(struct dhpi_rebalance *rebalance);

/* round.c. Under running. */
void dhpi_rebalance_run(struct dhpi_rebalance *rebalance, bool by_arrival, bool by_other);

/* device.c. Under running, in the rebalance thread. */
enum dhp_status dhpi_device_send(struct dhp_device *device, enum dhp_device_request request);
bool dhpi_device_ask_requirements(struct dhp_device *device);
bool dhpi_device_valid(const struct dhp_device *device);
enum dhp_device_state dhpi_device_state(const struct dhp_device *device);
bool dhpi_device_attached(const struct dhp_device *device);
/* Its requests go on, whatever it is in. */
void dhpi_device_let_go(struct dhp_device *device);

/* feed.c. Under running. */
void dhpi_feed_attach(struct dhp_feed *feed);
void dhpi_feed_detach(struct dhp_feed *feed);

/* watch.c */
void dhpi_report(struct dhpi_rebalance *rebalance, struct dhp_rebalance_event event);
void dhpi_call_begins(struct dhp_device *device, uint32_t driver, enum dhp_device_request request);
void dhpi_call_ends(struct dhp_device *device, enum dhp_status status);
void dhpi_watch(struct dhpi_rebalance *rebalance, bool watched);
enum dhp_status dhpi_watch_start(struct dhpi_rebalance *rebalance);
void dhpi_watch_stop(struct dhpi_rebalance *rebalance);

#endif
