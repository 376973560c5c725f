/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tapnic.h - a network driver in user space whose queues grow with the processors: the page to copy from.
 *
 *   packets.c   what a frame wants; pure
 *   device.c    a queue of the "hardware": a descriptor of the kernel's TUN/TAP device
 *   steering.c  which queue a flow goes to: the indirection table in the "hardware"
 *   table.c     which port a station is at
 *   poller.c    "interrupts": a queue that can be read
 *   queue.c     a processor's queue: its requests, its DPC, its ring of buffers
 *   driver.c    what the driver registers for, and what it does when a processor or memory comes
 *   main.c      the command
 *
 * A newcomer, from Start to its first frame, and why no flow is reordered:
 *
 *   Start (may veto)    its queues are opened and have buffers; no flow is steered to them
 *   arrival, later      its share of the flows is steered there, and waits in the kernel; a rebalance is asked for
 *   stop                requests are held, so no DPC handles frames
 *   start               older queues are emptied first, in order, and then the new ones; from now on they are polled
 *
 * I1  a flow only ever moves to a queue with a higher index.
 * I2  a queue is handled by one thread at a time: its request is submitted once, or the device is stopped.
 * I3  all frames of a flow in lower queues are handled before the first one in the queue it has moved to.
 */
#ifndef TAPNIC_H
#define TAPNIC_H

#include <dhp.h>
#include <pthread.h>
#include <stdatomic.h>

#include "packets.h"

#define PORTS_LIMIT 2u
#define QUEUES_LIMIT 256u /* what TUN/TAP has */
#define RING_LEAST 16u
#define RING_START 64u
#define RING_LIMIT 256u
#define BUFFER_BYTES 2048u
#define BUCKETS 128u
#define NO_PORT UINT32_MAX

/* ---- device.c ---- */

struct port {
	char name[16];       /* of the interface */
	const char *netns;   /* the namespace it is in; NULL: ours */
};

enum read_result { READ_FRAME, READ_EMPTY, READ_GONE };

/* Says what is wrong. DHP_TOO_MANY: the interface has no queue left; DHP_NO_DESCRIPTOR: anything else. */
enum dhp_status device_open(const struct port *port, int *out_descriptor);
enum read_result device_read(int descriptor, uint8_t *frame, size_t *out_bytes);
bool device_write(int descriptor, const uint8_t *frame, size_t bytes);

/* ---- steering.c ---- */

struct steering {
	int map, program; /* -1: the kernel spreads the flows as it likes */
	uint32_t queue_of[BUCKETS];
};

void steering_create(struct steering *steering);
void steering_destroy(struct steering *steering);
bool steering_attach(const struct steering *steering, int descriptor);
/* An even share of the flows goes to this queue, the last of so many, from now on... */
void steering_move(struct steering *steering, uint32_t queue, uint32_t queue_count);
/* ...and at the return of this no frame of them is on its way to an older one. */
void steering_wait(void);

/* ---- table.c ---- */

struct table;

enum dhp_status table_create(struct dhp_engine *engine, struct table **out_table);
void table_destroy(struct table *table);
/* In a DPC routine, or in a section of a reader. */
void table_learn(struct table *table, const uint8_t *mac, uint32_t port);
uint32_t table_port(struct table *table, const uint8_t *mac); /* NO_PORT: not known */

/* ---- queue.c ---- */

struct nic;

struct queue {
	struct nic *nic;     /* these five are set once */
	struct queue *peer;  /* of the same processor at the other port; NULL: there is none */
	uint32_t port;
	uint32_t processor;
	int descriptor;
	struct dhp_request request;
	struct dhp_dpc dpc;
	_Atomic uint32_t target;  /* the processor that handles it; its own while that is usable */
	uint32_t present_target;  /* of the DPC; who has the request */
	uint32_t ring_length;     /* likewise, with the ring */
	uint8_t *ring[RING_LIMIT];
	size_t lengths[RING_LIMIT];
	_Atomic uint64_t frames_count; /* statistics */
};

enum dhp_status queue_open(struct nic *nic, uint32_t port, uint32_t processor, struct queue **out_queue);
void queue_close(struct queue *queue); /* NULL is accepted */
void queue_begin(struct dhp_request *request, void *context, enum dhp_status status); /* the holding queue's routine */
void queue_drain(struct queue *queue); /* all that is in it now; by who has it alone */

/* ---- poller.c ---- */

struct poller {
	int epoll, quit;
	pthread_t thread;
	struct nic *nic;
};

bool poller_start(struct poller *poller, struct nic *nic);
void poller_stop(struct poller *poller);  /* nobody submits any more; queues may still ask */
void poller_close(struct poller *poller);
bool poller_add(struct poller *poller, struct queue *queue);  /* it is told once when it can be read... */
void poller_again(struct poller *poller, struct queue *queue); /* ...and after that once more */
bool poller_add_memory(struct poller *poller, struct dhp_memory_event *event);

/* ---- driver.c ---- */

/* The queues of one processor, at each port the one whose number is that of the channel. */
struct channel {
	struct queue *queues[PORTS_LIMIT];
	uint32_t processor;
	bool complete; /* the processor has come for good */
	bool steered;  /* flows go to it, and none of their frames is still on its way elsewhere */
	bool polled;   /* it has been started */
};

struct nic {
	struct dhp_engine *engine;
	struct address address;
	struct port ports[PORTS_LIMIT];
	uint32_t port_count;
	uint32_t queue_limit;

	struct dhp_counter *fates[FRAME_FATES];
	struct dhp_counter *switched, *filtered, *unsent;
	struct dhp_lookaside *buffers;
	struct table *table;
	struct dhp_reader *reader; /* of START */
	struct dhp_hold *hold;
	struct dhp_device *device;
	struct dhp_notify *processors;
	struct dhp_arrival_notify *arrivals, *modules;
	struct dhp_change_notify *changes;
	struct dhp_memory_event *low, *high; /* NULL: no such source here */
	struct poller poller;
	_Atomic uint32_t ring_wanted;

	pthread_mutex_t lock; /* guards what follows; never taken in a DPC */
	struct steering steering;
	uint32_t channel_count;
	struct channel channels[QUEUES_LIMIT];
	uint64_t usable_masks[DHP_PROCESSORS_LIMIT];
};

/* Zero but for address, ports, port_count and queue_limit. On failure nothing remains. */
enum dhp_status nic_start(struct nic *nic, struct dhp_engine *engine);
void nic_stop(struct nic *nic);
void nic_memory_changed(struct nic *nic, bool more); /* a condition has changed, or there is more */

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
