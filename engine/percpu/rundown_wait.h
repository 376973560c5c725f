/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rundown_wait.h - pauses that grow: short for those who wait for a moment, cheap for those who wait long.
 */
#ifndef DHPI_RUNDOWN_WAIT_H
#define DHPI_RUNDOWN_WAIT_H

#include "port.h"

struct dhpi_pause {
	uint64_t sleep_ns;
};

#define DHPI_PAUSE_FIRST { 10000u }
#define DHPI_PAUSE_LONGEST_NS 1000000u

static inline void dhpi_pause(struct dhpi_pause *pause)
{
	port_sleep_ns(pause->sleep_ns);
	if (pause->sleep_ns < DHPI_PAUSE_LONGEST_NS)
		pause->sleep_ns *= 2;
}

#endif
