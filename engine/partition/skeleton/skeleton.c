/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * skeleton.c - a machine without a way to say which processors it has: where a new backend begins.
 *
 * open refuses, so none of the other operations is ever called; an engine with a simulated partition does not come here.
 */
#include "partition.h"

static enum dhp_status nothing_open(const struct dhp_engine_options *options, void **out_state)
{
	(void)options;
	*out_state = NULL;
	return DHP_NOT_SUPPORTED;
}

const struct dhpi_backend dhpi_backend_machine = {
	.name = "skeleton",
	.open = nothing_open,
};
