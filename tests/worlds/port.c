/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port.c - the fibre port keeps the contract of port.h.
 */
#include "conformance.h"
#include "world.h"

static void conform(void)
{
	const char *fault = port_conformance();

	if (fault != NULL)
		fibre_fail(fault);
}

const struct world worlds[] = {
	{ .name = "the_fibre_port_keeps_its_contract", .run = conform, .strategy = RANDOM, .runs = 1, .long_runs = 20 },
	{ .name = NULL },
};
