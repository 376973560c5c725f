/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpus.h - a set of cpu ids, in a bitmap of Concurrency Kit. One owner at a time.
 *
 * CK's bitmap ends in an array of open length, which a structure can hold at its end only; so the words are declared here.
 */
#ifndef DHPI_CPUS_H
#define DHPI_CPUS_H

#include <ck_bitmap.h>

#include "base.h"

#define DHPI_CPUS_WORD_BITS 32u

struct dhpi_cpus {
	unsigned int words[sizeof(ck_bitmap_t) / sizeof(unsigned int) + DHP_CPU_LIMIT / DHPI_CPUS_WORD_BITS + 1];
};

static inline ck_bitmap_t *dhpi_cpus_bits(struct dhpi_cpus *cpus)
{
	return (ck_bitmap_t *)(void *)cpus->words;
}

static inline void dhpi_cpus_clear(struct dhpi_cpus *cpus)
{
	ck_bitmap_init(dhpi_cpus_bits(cpus), DHP_CPU_LIMIT, false);
}

static inline void dhpi_cpus_add(struct dhpi_cpus *cpus, uint32_t cpu)
{
	ck_bitmap_set(dhpi_cpus_bits(cpus), cpu);
}

static inline void dhpi_cpus_remove(struct dhpi_cpus *cpus, uint32_t cpu)
{
	ck_bitmap_reset(dhpi_cpus_bits(cpus), cpu);
}

static inline bool dhpi_cpus_has(const struct dhpi_cpus *cpus, uint32_t cpu)
{
	return cpu < DHP_CPU_LIMIT && ck_bitmap_test((const ck_bitmap_t *)(const void *)cpus->words, cpu);
}

#endif
