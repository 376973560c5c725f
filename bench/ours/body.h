/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * body.h - the routine of a DPC whose context is a job.
 */
#ifndef BENCH_BODY_H
#define BENCH_BODY_H

#include <dhp.h>

#include "pool.h"

static inline void run_body(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct job *job = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	job->body(job);
}

#endif
