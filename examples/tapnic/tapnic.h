/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tapnic.h - a network driver in user space with a queue for each processor, also for those that arrive: the page to copy from.
 *
 *   driver.c   what the driver registers for, and what it does when a processor or memory comes
 *   queue.c    a processor's queue: its interrupts, its request, its DPC, its ring of buffers
 *   table.c    which port a station is at: a shared table, and a cache for each processor
 *
 * A newcomer, from Start to its first frame, and why no flow is reordered:
 *
 *   Start (may veto)   its queue is opened and has buffers; no flow is steered to it
 *   arrival, later     its share of the flows is steered there, and waits in the kernel; a rebalance is asked for
 *   stop               requests are held, so no DPC handles frames
 *   start              older queues are emptied first, in order, and then the new one; from now on it interrupts
 *
 * I1  a flow only ever moves to a queue with a higher number.
 * I2  a queue is handled by one thread at a time: its request is submitted once, or the device is stopped.
 * I3  all frames of a flow in lower queues are handled before the first one in the queue it has moved to.
 */
#ifndef TAPNIC_H
#define TAPNIC_H

#include <dhp.h>
#include <stdatomic.h>

#include "hardware.h"
#include "packets.h"

#define PORTS_LIMIT 2u
#define RING_LEAST 16u
#define RING_START 64u
#define RING_LIMIT 256u
#define NO_PORT UINT32_MAX

/* What is counted: the fates of packets.h, and then these. */
enum { COUNT_SWITCHED = FRAME_FATES, COUNT_FILTERED, COUNT_UNSENT, COUNTERS };

/* ---- table.c ---- */

struct table;

enum dhp_status table_create(struct dhp_engine *engine, struct table **out_table);
void table_destroy(struct table *table); /* NULL is accepted */
/* In a DPC routine, or in a section of a reader. */
void table_learn(struct table *table, const uint8_t *mac, uint32_t port);
uint32_t table_port(struct table *table, const uint8_t *mac); /* NO_PORT: not known */

/* ---- queue.c ---- */

struct nic;

/* Of one processor: one queue at each port, of the same number, with one DPC for both. */
struct queue {
	struct nic *nic; /* these three are set once */
	uint32_t processor;
	struct line lines[PORTS_LIMIT];
	struct dhp_request request;
	struct dhp_dpc dpc;
	uint32_t ring_length; /* these four are of who has the request */
	uint8_t *ring[RING_LIMIT];
	size_t lengths[RING_LIMIT];
	bool is_gone[PORTS_LIMIT];                  /* the interface */
	_Atomic uint64_t frames_count[PORTS_LIMIT]; /* statistics, as the next */
	_Atomic uint32_t handled_at;                /* the processor of the last run */
};

enum dhp_status queue_open(struct nic *nic, uint32_t processor, struct queue **out_queue);
void queue_close(struct queue *queue); /* NULL is accepted */
void queue_begin(struct dhp_request *request, void *context, enum dhp_status status); /* the holding queue's routine */
void queue_drain(struct queue *queue); /* all that is in it now; by who has it alone */

/* ---- driver.c ---- */

/*
 * Queues are numbered as they are opened, and come to each stage in that order. So a stage is a count, with one writer:
 *
 *   0 ........ used ........ steered ........ here ........ opened
 *     interrupt      flows wait      no flows       may still fail
 */
struct nic {
	struct address address; /* these four are the user's */
	struct port ports[PORTS_LIMIT];
	uint32_t port_count;
	uint32_t queue_limit;

	struct dhp_engine *engine;
	struct dhp_counter *counters[COUNTERS];
	struct dhp_lookaside *buffers;
	struct table *table;
	struct dhp_reader *reader; /* of START */
	struct dhp_hold *hold;
	struct dhp_device *device;
	struct dhp_notify *processors;
	struct dhp_arrival_notify *arrivals, *modules;
	struct dhp_memory_event *conditions[2];
	struct line condition_lines[2];
	struct interrupts interrupts;
	struct steering steering;
	_Atomic uint32_t ring_wanted;

	struct queue *queues[QUEUES_LIMIT]; /* constant below `here` */
	uint32_t opened;          /* of the synchronous channel */
	_Atomic uint32_t here;    /* the synchronous channel writes it */
	_Atomic uint32_t steered; /* the asynchronous channel */
	_Atomic uint32_t used;    /* rebalances */
};

/* Zero but for what is the user's. On failure nothing remains. */
enum dhp_status nic_start(struct nic *nic, struct dhp_engine *engine);
void nic_stop(struct nic *nic);

#endif
