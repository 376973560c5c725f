/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which processors a feed may have: the policies of dhp/rebalance.h, of those that are active now.
 */
#include "world.h"

static bool is_chosen(const struct dhp_feed_options *options, const struct dhp_processor *row)
{
	if (options->policy == DHP_FEED_CHOSEN)
		return row->number.group == options->group && (options->mask >> row->number.number & 1) != 0;
	if (options->one_group && row->number.group != options->group)
		return false;
	return (options->policy != DHP_FEED_ALL_CLOSE && options->policy != DHP_FEED_ONE_CLOSE) || row->node == options->node;
}

uint32_t feed_set(const struct dhp_feed_options *options, uint64_t masks[MODEL_PROCESSORS])
{
	uint32_t count = 0;

	memset(masks, 0, MODEL_PROCESSORS * sizeof(masks[0]));
	for (uint32_t index = 0; index < world.model.active; index++) {
		struct dhp_processor row;

		SAYS(dhp_processor_at(world.engine, index, &row), DHP_OK);
		if (!is_chosen(options, &row))
			continue;
		masks[row.number.group] |= UINT64_C(1) << row.number.number;
		count++;
	}
	return count;
}
