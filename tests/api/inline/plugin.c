/* SPDX-License-Identifier: BSD-2-Clause */
/* A plugin that counts by the header's inline code, and is unloaded afterwards. */
#include <dhp/counter.h>

DHP_API void plugin_count(struct dhp_counter *counter, uint64_t times);

void plugin_count(struct dhp_counter *counter, uint64_t times)
{
	while (times-- > 0)
		dhp_counter_add(counter, 1);
}
