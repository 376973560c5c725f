/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * device_api.c - devices come and go, between rebalances; their settings and the counters.
 */
#include "rebalance.h"

#define MAGIC 0xDE71CEu

bool dhpi_device_valid(const struct dhp_device *device)
{
	return device != NULL && device->magic == MAGIC;
}

/* ---- registration ---- */

static enum dhp_status check_options(const struct dhp_device_options *options)
{
	if (options == NULL || options->size != sizeof(*options) || options->drivers == NULL)
		return DHP_BAD_OPTIONS;
	if (options->driver_count == 0 || options->driver_count > DHP_DRIVERS_LIMIT)
		return DHP_BAD_OPTIONS;
	if (options->setup_class >= DHP_SETUP_CLASSES)
		return DHP_BAD_CLASS;
	return options->hold == NULL || dhpi_hold_valid(options->hold) ? DHP_OK : DHP_BAD_OBJECT;
}

static struct dhp_device *device_alloc(struct dhpi_rebalance *rebalance, const struct dhp_device_options *options)
{
	struct dhp_device *device = port_alloc(sizeof(*device));

	if (device == NULL)
		return NULL;
	device->rebalance = rebalance;
	at_init_u32(&device->state, options->boot_configured ? DHP_DEVICE_NOT_STARTED : DHP_DEVICE_STARTED);
	at_init_u32(&device->policy, (uint32_t)options->policy);
	device->setup_class = options->setup_class;
	device->hold = options->hold;
	device->hold_in_stop = options->hold_in_stop;
	device->nothing_to_move = options->nothing_to_move;
	dhpi_list_init(&device->feeds);
	device->driver_count = options->driver_count;
	for (uint32_t at = 0; at < options->driver_count; at++)
		device->drivers[at] = options->drivers[at];
	device->magic = MAGIC;
	return device;
}

/* Under running. */
static enum dhp_status add(struct dhpi_rebalance *rebalance, const struct dhp_device_options *options,
			   struct dhp_device **out_device)
{
	enum dhp_status status = dhpi_rebalance_threads(rebalance);
	struct dhp_device *device;

	if (dhp_failed(status))
		return status;
	device = device_alloc(rebalance, options);
	if (device == NULL)
		return DHP_NO_MEMORY;
	if (device->hold != NULL && !dhpi_hold_take(device->hold)) {
		port_free(device, sizeof(*device));
		return DHP_IN_USE;
	}
	dhpi_list_push_tail(&rebalance->devices, &device->link);
	rebalance->devices_count++;
	*out_device = device;
	return DHP_OK;
}

enum dhp_status dhp_device_register(struct dhp_engine *engine, const struct dhp_device_options *options,
				    struct dhp_device **out_device)
{
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	status = check_options(options);
	if (dhp_failed(status))
		return status;
	if (out_device == NULL)
		return DHP_BAD_RESULT;
	DHPI_REQUIRE_PASSIVE();
	status = dhpi_rebalance_enter(engine->rebalance);
	if (dhp_failed(status))
		return status;
	status = add(engine->rebalance, options, out_device);
	port_mutex_unlock(&engine->rebalance->running);
	return status;
}

/* Under running. */
static void take_out(struct dhp_device *device)
{
	if (dhpi_device_state(device) != DHP_DEVICE_REMOVED) /* what a removed one holds was refused, and stays so */
		dhpi_device_let_go(device);
	if (device->hold != NULL)
		dhpi_hold_give(device->hold);
	dhpi_list_unlink(&device->link);
	device->rebalance->devices_count--;
	device->magic = 0;
}

enum dhp_status dhp_device_unregister(struct dhp_device *device)
{
	struct dhpi_rebalance *rebalance;
	enum dhp_status status;
	bool has_feeds;

	if (device == NULL)
		return DHP_OK;
	DHPI_REQUIRE_PASSIVE();
	rebalance = device->rebalance;
	status = dhpi_rebalance_enter(rebalance);
	if (dhp_failed(status))
		return status;
	has_feeds = !dhpi_list_empty(&device->feeds);
	if (!has_feeds)
		take_out(device);
	port_mutex_unlock(&rebalance->running);
	if (has_feeds)
		return DHP_IN_USE;
	port_free(device, sizeof(*device));
	return DHP_OK;
}

/* ---- settings and counters ---- */

enum dhp_status dhp_device_state_read(struct dhp_device *device, enum dhp_device_state *out_state)
{
	if (!dhpi_device_valid(device))
		return DHP_BAD_OBJECT;
	if (out_state == NULL)
		return DHP_BAD_RESULT;
	*out_state = dhpi_device_state(device);
	return DHP_OK;
}

enum dhp_status dhp_device_set_policy(struct dhp_device *device, int32_t policy)
{
	if (!dhpi_device_valid(device))
		return DHP_BAD_OBJECT;
	at_store_relaxed_u32(&device->policy, (uint32_t)policy); /* relaxed: a setting, read by the next rebalance */
	return DHP_OK;
}

enum dhp_status dhp_setup_class_set(struct dhp_engine *engine, uint32_t setup_class, enum dhp_opt_out opt_out)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (setup_class >= DHP_SETUP_CLASSES)
		return DHP_BAD_CLASS;
	if ((uint32_t)opt_out > DHP_OPT_OUT_TRUE)
		return DHP_BAD_POLICY;
	/* relaxed: a setting, read by the next rebalance */
	at_store_relaxed_u32(&engine->rebalance->opt_out[setup_class], (uint32_t)opt_out);
	return DHP_OK;
}

/* relaxed: statistics only */
static uint64_t read(const struct at_u64 *counter)
{
	return at_load_relaxed_u64(counter);
}

enum dhp_status dhp_rebalance_stats_read(struct dhp_engine *engine, struct dhp_rebalance_stats *out_stats)
{
	const struct dhpi_rebalance *rebalance;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (out_stats == NULL)
		return DHP_BAD_RESULT;
	rebalance = engine->rebalance;
	*out_stats = (struct dhp_rebalance_stats){
		.requested_count = read(&rebalance->requested),
		.run_count = read(&rebalance->runs),
		.moved_count = read(&rebalance->moved),
		.cancelled_count = read(&rebalance->cancelled),
		.refused_count = read(&rebalance->refused),
		.broken_count = read(&rebalance->broken),
		.not_quiet_count = read(&rebalance->not_quiet),
		.late_count = read(&rebalance->late),
		.removed_count = read(&rebalance->removed),
		.longest_hold_ns = read(&rebalance->longest_hold_ns),
	};
	return DHP_OK;
}
