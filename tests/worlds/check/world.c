/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.c - what worlds have in common.
 */
#include "world.h"

void together(const struct part *parts, uint32_t count)
{
	uint32_t fibres[FIBRE_LIMIT];

	for (uint32_t i = 0; i < count; i++)
		fibres[i] = fibre_start(parts[i].run, parts[i].argument, parts[i].name);
	for (uint32_t i = 0; i < count; i++)
		fibre_join(fibres[i]);
}
