/* SPDX-License-Identifier: BSD-2-Clause */
/* One inline function of C++ that counts, in two translation units: one copy of it, and of its rseq section, is dropped. */
#include "twice.hpp"

int main()
{
	struct dhp_sim_options sim = {};
	struct dhp_engine_options options = {};
	struct dhp_engine *engine = nullptr;
	struct dhp_counter *counter = nullptr;

	sim.size = sizeof(sim);
	sim.maximum_count = 1;
	options.size = sizeof(options);
	options.sim = &sim;
	if (dhp_engine_create(&options, &engine) != DHP_OK || dhp_counter_create(engine, &counter) != DHP_OK)
		return 1;
	count_inline(counter);
	count_elsewhere(counter);
	const bool right = dhp_counter_sum(counter) == 2;
	dhp_counter_destroy(counter);
	dhp_engine_destroy(engine);
	return right ? 0 : 1;
}
