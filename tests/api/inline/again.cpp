/* SPDX-License-Identifier: BSD-2-Clause */
#include "twice.hpp"

void count_elsewhere(struct dhp_counter *counter)
{
	count_inline(counter);
}
