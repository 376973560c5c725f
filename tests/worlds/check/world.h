/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - a world: a small program of two or three threads, whose schedules are tried one after another.
 *
 * It runs as a fibre from its beginning, again and again; so it keeps nothing from run to run: what it needs it takes from
 * port_alloc, and gives back. What must not be is said by FIBRE_DEMAND, at any place. Shared variables of its own are at_
 * types, or used where the steps around them are ordered anyhow.
 */
#ifndef WORLD_H
#define WORLD_H

#include "fibre.h"

enum strategy {
	EVERY,   /* one schedule of each class of those that differ in the order of independent steps only */
	BOUNDED, /* each schedule with at most `bound` pre-emptions */
	RANDOM,
	PCT      /* priorities by chance, which change at `bound` steps */
};

struct world {
	const char *name;
	void (*run)(void);
	enum strategy strategy;
	uint32_t bound;
	uint64_t runs;      /* at most; 0: any number */
	uint64_t long_runs; /* for `make worlds`; 0: as above */
	bool fails;         /* it must: a fault was put in, and has to be found */
	uint64_t exactly;   /* so many schedules there are; 0: not known beforehand */
};

/* Each program of tests/worlds has these. The last one is zeros. */
extern const struct world worlds[];

/* In world.c: fibres that run together, joined before the return. */
struct part {
	const char *name;
	void (*run)(void *argument);
	void *argument;
};

void together(const struct part *parts, uint32_t count);
#define TOGETHER(...)                                                                                         \
	together((const struct part[]){ __VA_ARGS__ }, sizeof((const struct part[]){ __VA_ARGS__ }) / sizeof(struct part))

#endif
