/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpus.h - a set of cpu ids, in a bitmap of Concurrency Kit. One owner at a time.
 */
#ifndef DHPI_CPUS_H
#define DHPI_CPUS_H

#include <ck_bitmap.h>

#include "base.h"

struct dhpi_cpus {
	CK_BITMAP_INSTANCE(DHP_CPU_LIMIT) bits;
};

static inline void dhpi_cpus_clear(struct dhpi_cpus *cpus)
{
	CK_BITMAP_INIT(&cpus->bits, DHP_CPU_LIMIT, false);
}

static inline void dhpi_cpus_add(struct dhpi_cpus *cpus, uint32_t cpu)
{
	CK_BITMAP_SET(&cpus->bits, cpu);
}

static inline void dhpi_cpus_remove(struct dhpi_cpus *cpus, uint32_t cpu)
{
	CK_BITMAP_RESET(&cpus->bits, cpu);
}

static inline bool dhpi_cpus_has(const struct dhpi_cpus *cpus, uint32_t cpu)
{
	return cpu < DHP_CPU_LIMIT && CK_BITMAP_TEST(&cpus->bits, cpu);
}

#endif
