/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parts.h - an engine is its parts. Each folder knows the type of its own part and of those below it; to it the others
 * are pointers it cannot follow.
 */
#ifndef DHPI_PARTS_H
#define DHPI_PARTS_H

struct dhp_engine {
	struct dhpi_set *set;             /* sync */
	struct dhpi_epoch *epoch;         /* sync */
	struct dhpi_space *space;         /* percpu */
	struct dhpi_work *work;           /* work */
	struct dhpi_notify *notify;       /* notify */
	struct dhpi_partition *partition; /* partition */
	struct dhpi_rebalance *rebalance; /* rebalance */
};

#endif
