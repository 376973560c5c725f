/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * level.h - the level of the calling thread, as a value that every entry point checks.
 */
#ifndef DHPI_LEVEL_H
#define DHPI_LEVEL_H

#include "port.h"

static inline bool dhpi_at_dispatch(void)
{
	return port_self()->dispatch != 0;
}

/* A threaded DPC runs at passive level and obeys the rules of dispatch level all the same (S-661). */
static inline bool dhpi_in_routine(void)
{
	return dhpi_at_dispatch() || port_self()->threaded != 0;
}

/* What a thread says of itself. A DPC's own level is not kept apart: who raised inside lowers to dispatch again. */
static inline void dhpi_level_set(struct port_self *self, enum dhp_level level)
{
	self->dispatch = level >= DHP_DISPATCH;
	self->apc = level == DHP_APC;
}

static inline enum dhp_level dhpi_level_get(const struct port_self *self)
{
	if (self->dispatch != 0)
		return DHP_DISPATCH;
	return self->apc != 0 ? DHP_APC : DHP_PASSIVE;
}

/* S-041: for calls of passive level. A checked build stops; otherwise the call fails without side effects. */
#define DHPI_REQUIRE_PASSIVE()                                                                                \
	do {                                                                                                  \
		if (DHPI_UNLIKELY(dhpi_in_routine())) {                                                       \
			DHPI_CHECK(2, !dhpi_in_routine(), "S-041: a call for passive level, from a DPC");      \
			return DHP_WRONG_LEVEL;                                                               \
		}                                                                                             \
	} while (0)

#endif
