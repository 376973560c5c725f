/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hardware.h - what a network card has in silicon, made of what Linux offers to a process. It knows nothing of the driver.
 *
 *   device.c      its queues: descriptors of a TAP interface
 *   steering.c    its indirection table, which sends each flow to one queue: an eBPF program
 *   interrupts.c  its interrupts: a thread that waits for descriptors
 */
#ifndef TAPNIC_HARDWARE_H
#define TAPNIC_HARDWARE_H

#include <dhp/base.h>
#include <pthread.h>

#define QUEUES_LIMIT 256u /* what TUN/TAP has */
#define BUFFER_BYTES 2048u
#define BUCKETS 128u

/* ---- device.c ---- */

struct port {
	char name[16];     /* of the interface */
	const char *netns; /* the namespace it is in; NULL: ours */
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

/* ---- interrupts.c ---- */

/*
 * The routine runs when the descriptor can be read. A line is connected masked, and masked again when the routine is called; one
 * of edges never is, and is told of at each.
 */
struct line {
	int descriptor;
	bool is_edge;
	void (*routine)(void *context);
	void *context;
};

struct interrupts {
	int epoll;
	struct line quit;
	pthread_t thread;
};

bool interrupts_start(struct interrupts *interrupts); /* on failure nothing remains */
void interrupts_stop(struct interrupts *interrupts);  /* no routine runs any more; lines may still be unmasked */
void interrupts_close(struct interrupts *interrupts);
bool line_connect(const struct interrupts *interrupts, struct line *line);
void line_unmask(const struct interrupts *interrupts, struct line *line);

/* How all of it speaks. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
