/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * channels.h - a registration on every channel of the library, each of which says what it hears.
 */
#ifndef VM_CHANNELS_H
#define VM_CHANNELS_H

#include <dhp.h>

struct channels_options {
	uint32_t veto_cpu; /* Start of this one is refused; DHP_NO_CPU: of none */
};

bool channels_open(struct dhp_engine *engine, const struct channels_options *options);
void channels_close(void);

#endif
