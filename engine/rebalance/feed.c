/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * feed.c - a source of work and the processors it may give work to, in place of an interrupt and its affinity (S-466).
 *
 * The set is a list of indices, ascending. A processor that arrives has the highest index, so an old list is the beginning of
 * the new one: who picks while the list is made anew reads the same values.
 *
 * I1        the list changes under `running` only, while `count` is 0; members are stored before the count.
 * I2        nothing but START attaches: a feed whose device is not started again keeps its set (S-467).
 * I3        a processor that is not usable for a while is no reason to stop a device. It stays in the set, and picks go to the
 *           next one that is usable; when there is none, to it, and the work runs elsewhere (S-641).
 */
#include "rebalance.h"

#define MAGIC 0xFEEDu

static size_t feed_bytes(const struct dhpi_set *set)
{
	return sizeof(struct dhp_feed) + set->maximum * sizeof(struct at_u32);
}

static bool is_feed(const struct dhp_feed *feed)
{
	return feed != NULL && feed->magic == MAGIC;
}

/* ---- which processors ---- */

static bool in_group(const struct dhp_feed_options *options, const struct dhp_processor *row)
{
	if (options->policy == DHP_FEED_CHOSEN)
		return row->number.group == options->group && ((options->mask >> row->number.number) & 1) != 0;
	return !options->one_group || row->number.group == options->group;
}

static bool in_policy(const struct dhp_feed_options *options, const struct dhp_processor *row, uint32_t so_far)
{
	switch (options->policy) {
	case DHP_FEED_ALL_CLOSE:
		return row->node == options->node;
	case DHP_FEED_ONE_CLOSE:
		return row->node == options->node && so_far == 0;
	case DHP_FEED_DEFAULT:
	case DHP_FEED_ALL:
	case DHP_FEED_CHOSEN:
	case DHP_FEED_SPREAD:
		return true;
	}
	return false;
}

static bool is_usable(const struct dhpi_set *set, const struct dhp_processor *row)
{
	return (dhpi_set_usable_mask(set, row->number.group) >> row->number.number & 1) != 0;
}

/* Gives the number of members. */
static uint32_t choose(struct dhp_feed *feed, bool usable_only)
{
	const struct dhpi_set *set = feed->rebalance->set;
	uint32_t active = dhpi_set_active(set), count = 0;

	for (uint32_t index = 0; index < active; index++) {
		const struct dhp_processor *row = dhpi_set_row(set, index);

		if (usable_only && !is_usable(set, row))
			continue;
		if (in_group(&feed->options, row) && in_policy(&feed->options, row, count))
			at_store_relaxed_u32(&feed->members[count++], index); /* relaxed: the count comes after */
	}
	return count;
}

/* Others stay members while they are not usable: they may come back, and a pick leaves them out (I3). */
void dhpi_feed_attach(struct dhp_feed *feed)
{
	uint32_t count = feed->options.policy == DHP_FEED_ONE_CLOSE ? choose(feed, true) : 0;

	if (count == 0)
		count = choose(feed, false);
	at_store_release_u32(&feed->count, count); /* [feed-attach] release */
}

void dhpi_feed_detach(struct dhp_feed *feed)
{
	at_store_release_u32(&feed->count, 0); /* [feed-attach] release: for symmetry; nothing depends on it */
}

/* ---- the public calls ---- */

static enum dhp_status check_options(const struct dhp_feed_options *options)
{
	if (options->size != sizeof(*options))
		return DHP_BAD_OPTIONS;
	return (uint32_t)options->policy <= DHP_FEED_SPREAD ? DHP_OK : DHP_BAD_OPTIONS;
}

/* Under running. S-457: an empty set is refused. */
static enum dhp_status add(struct dhpi_rebalance *rebalance, struct dhp_device *device, struct dhp_feed *feed)
{
	dhpi_feed_attach(feed);
	if (at_load_relaxed_u32(&feed->count) == 0) /* relaxed: own store */
		return DHP_NO_PROCESSOR;
	if (device != NULL && !dhpi_device_attached(device))
		dhpi_feed_detach(feed);
	dhpi_list_push_tail(device != NULL ? &device->feeds : &rebalance->free_feeds, &feed->link);
	rebalance->feeds_count++;
	return DHP_OK;
}

static struct dhp_feed *feed_alloc(struct dhpi_rebalance *rebalance, const struct dhp_feed_options *options)
{
	struct dhp_feed *feed = port_alloc(feed_bytes(rebalance->set));

	if (feed != NULL) {
		feed->rebalance = rebalance;
		if (options != NULL)
			feed->options = *options;
		feed->magic = MAGIC;
	}
	return feed;
}

static void feed_free(struct dhp_feed *feed)
{
	feed->magic = 0;
	port_free(feed, feed_bytes(feed->rebalance->set));
}

static enum dhp_status create(struct dhpi_rebalance *rebalance, struct dhp_device *device,
			      const struct dhp_feed_options *options, struct dhp_feed **out_feed)
{
	struct dhp_feed *feed = feed_alloc(rebalance, options);
	enum dhp_status status;

	if (feed == NULL)
		return DHP_NO_MEMORY;
	status = dhpi_rebalance_enter(rebalance);
	if (!dhp_failed(status)) {
		status = add(rebalance, device, feed);
		port_mutex_unlock(&rebalance->running);
	}
	if (dhp_failed(status))
		feed_free(feed);
	else
		*out_feed = feed;
	return status;
}

enum dhp_status dhp_feed_create(struct dhp_engine *engine, struct dhp_device *device,
				const struct dhp_feed_options *options, struct dhp_feed **out_feed)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (device != NULL && (!dhpi_device_valid(device) || device->rebalance != engine->rebalance))
		return DHP_BAD_OBJECT;
	if (options != NULL && dhp_failed(check_options(options)))
		return DHP_BAD_OPTIONS;
	if (out_feed == NULL)
		return DHP_BAD_RESULT;
	DHPI_REQUIRE_PASSIVE();
	return create(engine->rebalance, device, options, out_feed);
}

enum dhp_status dhp_feed_destroy(struct dhp_feed *feed)
{
	struct dhpi_rebalance *rebalance;
	enum dhp_status status;

	if (feed == NULL)
		return DHP_OK;
	DHPI_REQUIRE_PASSIVE();
	rebalance = feed->rebalance;
	status = dhpi_rebalance_enter(rebalance);
	if (dhp_failed(status))
		return status;
	dhpi_list_unlink(&feed->link);
	rebalance->feeds_count--;
	port_mutex_unlock(&rebalance->running);
	feed_free(feed);
	return DHP_OK;
}

/* I3 */
static uint32_t member_in_turn(struct dhp_feed *feed, uint32_t turn, uint32_t count)
{
	const struct dhpi_set *set = feed->rebalance->set;

	for (uint32_t step = 0; step < count; step++) {
		/* relaxed: ordered by the count */
		uint32_t index = at_load_relaxed_u32(&feed->members[(turn % count + step) % count]);

		if (DHPI_LIKELY(is_usable(set, dhpi_set_row(set, index))))
			return index;
	}
	return at_load_relaxed_u32(&feed->members[turn % count]); /* relaxed: likewise */
}

enum dhp_status dhp_feed_pick(struct dhp_feed *feed, uint32_t *out_index)
{
	uint32_t count, turn;

	if (!is_feed(feed))
		return DHP_BAD_OBJECT;
	if (out_index == NULL)
		return DHP_BAD_RESULT;
	count = at_load_acquire_u32(&feed->count); /* [feed-attach] acquire */
	if (count == 0 || at_load_relaxed_u32(&feed->disabled) != 0) /* relaxed: a switch, seen soon */
		return DHP_DETACHED;
	turn = at_fetch_add_relaxed_u32(&feed->next, 1); /* relaxed: only spreads */
	*out_index = member_in_turn(feed, turn, count);
	return DHP_OK;
}

uint64_t dhp_feed_mask(struct dhp_feed *feed, uint32_t group)
{
	uint32_t count = is_feed(feed) ? at_load_acquire_u32(&feed->count) : 0; /* [feed-attach] acquire */
	uint64_t mask = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = at_load_relaxed_u32(&feed->members[i]); /* relaxed: ordered by the count */
		const struct dhp_processor *row = dhpi_set_row(feed->rebalance->set, index);

		if (row->number.group == group)
			mask |= UINT64_C(1) << row->number.number;
	}
	return mask;
}

enum dhp_status dhp_feed_enable(struct dhp_feed *feed, bool enabled)
{
	if (!is_feed(feed))
		return DHP_BAD_OBJECT;
	at_store_relaxed_u32(&feed->disabled, enabled ? 0 : 1); /* relaxed: a switch, seen soon */
	return DHP_OK;
}
