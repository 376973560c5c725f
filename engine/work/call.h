/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call.h - one call on all processors at once. See call.c.
 */
#ifndef DHPI_CALL_H
#define DHPI_CALL_H

#include <dhp/call.h>

#include "port.h"

struct dhpi_call {
	struct port_mutex calling; /* one call at a time (S-714); what follows is under it */
	dhp_call_routine *routine;
	void *argument;
	uint32_t index;        /* the processor whose result counts (S-712) */
	uintptr_t result;      /* that processor writes */
	struct at_u32 arrived; /* edge call-arrived */
	struct at_u32 go;      /* edge call-go */
	struct at_u32 ended;   /* edge call-ended */
	struct at_u32 met;     /* who came to a meeting, of all meetings of this call; edge call-met */
	uint32_t count;        /* processors of the call; set before `go` */
	struct port_event event;
};

#endif
