/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pin.h - one thread that is meant to stay on one cpu, and what was done about it. See pin.c.
 */
#ifndef DHPI_PIN_H
#define DHPI_PIN_H

#include "port.h"

/* All but the counts under the partition's lock, or before anybody looks. */
struct dhpi_pin {
	uint32_t cpu;
	uint32_t looks_left;    /* after a refusal: until the next try, that one included */
	uint32_t looks_refused; /* how many that were at first; 0: nothing is refused */
	struct at_u64 restored, refused; /* statistics */
};

enum dhpi_pin_found {
	DHPI_PIN_HOLDS,
	DHPI_PIN_RESTORED,
	DHPI_PIN_REFUSED,
	DHPI_PIN_STILL_REFUSED,
	DHPI_PIN_NO_THREAD
};

/* Looks, and pins again if need be. at_once: also if the last refusal was just now. The thread lives. */
enum dhpi_pin_found dhpi_pin_look(struct dhpi_pin *pin, int32_t thread, bool at_once);
/* Its cpu is not usable: there is nothing to look at until it is back, and then at once. */
void dhpi_pin_forget(struct dhpi_pin *pin);

/* What is refused for want of something is tried again after 1, 2, 4 ... looks; at most, at the default poll, 5 seconds. */
#define DHPI_LOOKS_LIMIT 50u

static inline uint32_t dhpi_looks_after(uint32_t looks)
{
	uint32_t next = looks == 0 ? 1 : looks * 2;

	return next < DHPI_LOOKS_LIMIT ? next : DHPI_LOOKS_LIMIT;
}

#endif
