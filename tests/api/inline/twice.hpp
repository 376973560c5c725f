/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TWICE_HPP
#define TWICE_HPP

#include <dhp.h>

inline __attribute__((noinline)) void count_inline(struct dhp_counter *counter)
{
	dhp_counter_add(counter, 1);
}

void count_elsewhere(struct dhp_counter *counter);

#endif
