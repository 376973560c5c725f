/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.c - wiring only: the parts up in order, down in reverse.
 *
 *       partition opens its backend    (how many processors there could be)
 *       set, epoch, space, work, notify, rebalance
 *       partition starts               (the first processors arrive, then it watches)
 */
#include "partition.h"

struct engine {
	struct dhp_engine parts; /* first: what the public handle points to */
	struct dhpi_partition partition;
	struct dhpi_set set;
	struct dhpi_epoch epoch;
	struct dhpi_space space;
	struct dhpi_work work;
	struct dhpi_notify notify;
	struct dhpi_rebalance rebalance;
	uint32_t up; /* how many of the layers below are up */
};

/* ---- options ---- */

#define ALL_FLAGS                                                                                          \
	((uint32_t)DHP_ENGINE_NO_WATCH | (uint32_t)DHP_ENGINE_NO_WORKERS | (uint32_t)DHP_ENGINE_NO_THREADED_DPCS | \
	 (uint32_t)DHP_ENGINE_LAST_GROUP | (uint32_t)DHP_ENGINE_TWO_THREADS | (uint32_t)DHP_ENGINE_VETOER_EXCLUDED)

#define DEFAULT_POLL_INTERVAL_MS 100u
#define DEFAULT_SPIN_NS 10000u /* about as long as it takes from a wake-up to the first instruction */
#define DEFAULT_STACK_BYTES 262144u
#define DEFAULT_TICK_US 1000u

static void set_default(uint32_t *value, uint32_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static enum dhp_status complete_options(struct dhp_engine_options *options)
{
	if (options->group_limit > DHPI_GROUP_SIZE)
		return DHP_BAD_OPTIONS;
	if ((options->flags & ~ALL_FLAGS) != 0)
		return DHP_BAD_FLAGS;
	set_default(&options->poll_interval_ms, DEFAULT_POLL_INTERVAL_MS);
	set_default(&options->spin_ns, DEFAULT_SPIN_NS);
	set_default(&options->worker_stack_bytes, DEFAULT_STACK_BYTES);
	set_default(&options->group_limit, DHPI_GROUP_SIZE);
	set_default(&options->tick_us, DEFAULT_TICK_US);
	return DHP_OK;
}

/* ---- layers ---- */

static enum dhp_status partition_up(struct engine *engine, const struct dhp_engine_options *options)
{
	return dhpi_partition_open(&engine->partition, options);
}

static void partition_down(struct engine *engine)
{
	dhpi_partition_close(&engine->partition);
}

static enum dhp_status set_up(struct engine *engine, const struct dhp_engine_options *options)
{
	struct dhpi_limits limits;

	(void)options;
	engine->partition.backend->limits(engine->partition.state, &limits);
	return dhpi_set_init(&engine->set, limits.maximum, limits.groups_maximum, limits.cpu_limit);
}

static void set_down(struct engine *engine)
{
	dhpi_set_fini(&engine->set);
}

static enum dhp_status epoch_up(struct engine *engine, const struct dhp_engine_options *options)
{
	(void)options;
	return dhpi_epoch_init(&engine->epoch);
}

static void epoch_down(struct engine *engine)
{
	dhpi_epoch_fini(&engine->epoch);
}

static enum dhp_status work_up(struct engine *engine, const struct dhp_engine_options *options)
{
	const struct dhpi_work_options work = {
		.simulated = options->sim != NULL,
		.without_workers = (options->flags & DHP_ENGINE_NO_WORKERS) != 0,
		.spin_ns = options->spin_ns,
		.stack_bytes = options->worker_stack_bytes,
		.without_threaded = (options->flags & DHP_ENGINE_NO_THREADED_DPCS) != 0,
		.tick_us = options->tick_us,
		.run_limit_ns = options->watchdog_run_ns,
		.sequence_limit_ns = options->watchdog_sequence_ns,
		.ready_ahead = options->ready_ahead,
	};

	dhpi_space_init(&engine->space, &engine->partition.serial, &engine->set, &engine->epoch, work.simulated);
	return dhpi_work_init(&engine->work, &engine->space, &work);
}

static void work_down(struct engine *engine)
{
	dhpi_work_fini(&engine->work);
}

static enum dhp_status notify_up(struct engine *engine, const struct dhp_engine_options *options)
{
	struct dhpi_limits limits = { .high_bytes = 0 };

	dhpi_conditions_init(&engine->notify.conditions, &engine->partition.serial, options->low_memory_mib,
			     options->high_memory_mib);
	engine->partition.backend->limits(engine->partition.state, &limits);
	if (limits.high_bytes != 0)
		dhpi_conditions_preset(&engine->notify.conditions, limits.low_bytes, limits.high_bytes);
	engine->notify.two_threads = (options->flags & DHP_ENGINE_TWO_THREADS) != 0;
	engine->notify.vetoer_excluded = (options->flags & DHP_ENGINE_VETOER_EXCLUDED) != 0;
	return dhpi_notify_init(&engine->notify, &engine->partition.serial, &engine->set);
}

static void notify_down(struct engine *engine)
{
	dhpi_notify_fini(&engine->notify);
	dhpi_conditions_fini(&engine->notify.conditions);
}

static enum dhp_status rebalance_up(struct engine *engine, const struct dhp_engine_options *options)
{
	(void)options;
	dhpi_rebalance_init(&engine->rebalance, &engine->set, &engine->partition.serial);
	return DHP_OK;
}

static void rebalance_down(struct engine *engine)
{
	dhpi_rebalance_fini(&engine->rebalance);
}

static enum dhp_status processors_up(struct engine *engine, const struct dhp_engine_options *options)
{
	return dhpi_partition_start(&engine->partition, &engine->parts, (options->flags & DHP_ENGINE_NO_WATCH) == 0);
}

/* Arrivals end first; then all that is queued runs; what the routines deferred is reclaimed by the epoch's end. */
static void processors_down(struct engine *engine)
{
	dhpi_partition_stop(&engine->partition);
	dhpi_work_stop(&engine->work);
}

/* A layer whose `up` failed is taken down all the same: `down` accepts what is half built. */
static const struct layer {
	enum dhp_status (*up)(struct engine *engine, const struct dhp_engine_options *options);
	void (*down)(struct engine *engine);
} layers[] = {
	{ partition_up, partition_down },
	{ set_up, set_down },
	{ epoch_up, epoch_down },
	{ work_up, work_down },
	{ notify_up, notify_down },
	{ rebalance_up, rebalance_down },
	{ processors_up, processors_down },
};

static void take_down(struct engine *engine)
{
	while (engine->up > 0)
		layers[--engine->up].down(engine);
	port_free(engine, sizeof(*engine));
}

static enum dhp_status bring_up(struct engine *engine, const struct dhp_engine_options *options)
{
	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		enum dhp_status status = layers[i].up(engine, options);

		engine->up++;
		if (dhp_failed(status))
			return status;
	}
	return DHP_OK;
}

static struct engine *engine_alloc(void)
{
	struct engine *engine = port_alloc(sizeof(*engine));

	if (engine != NULL)
		engine->parts = (struct dhp_engine){
			.set = &engine->set,
			.epoch = &engine->epoch,
			.space = &engine->space,
			.work = &engine->work,
			.notify = &engine->notify,
			.rebalance = &engine->rebalance,
			.partition = &engine->partition,
		};
	return engine;
}

/* ---- the public calls ---- */

enum dhp_status dhp_engine_create(const struct dhp_engine_options *options, struct dhp_engine **out_engine)
{
	struct dhp_engine_options complete = { .size = sizeof(complete) };
	struct engine *engine;
	enum dhp_status status;

	if (out_engine == NULL)
		return DHP_BAD_RESULT;
	DHPI_REQUIRE_PASSIVE();
	if (options != NULL && options->size != sizeof(*options))
		return DHP_BAD_OPTIONS; /* nothing beyond the size may be read */
	if (options != NULL)
		complete = *options;
	status = complete_options(&complete);
	if (dhp_failed(status))
		return status;
	engine = engine_alloc();
	if (engine == NULL)
		return DHP_NO_MEMORY;
	status = bring_up(engine, &complete);
	if (dhp_failed(status))
		take_down(engine);
	else
		*out_engine = &engine->parts;
	return status;
}

static bool in_use(struct dhp_engine *engine)
{
	return engine->partition->record != NULL || dhpi_notify_count(engine->notify) != 0 ||
	       dhpi_rebalance_count(engine->rebalance) != 0 ||
	       dhpi_timers_count(&engine->work->timers) != 0 || dhpi_pins_count(&engine->partition->pins) != 0 ||
	       at_load_relaxed_u32(&engine->space->user_arrays) != 0 || /* relaxed: no other thread uses the engine */
	       at_load_relaxed_u32(&engine->epoch->readers_count) != 0; /* relaxed: likewise */
}

enum dhp_status dhp_engine_destroy(struct dhp_engine *engine)
{
	if (engine == NULL)
		return DHP_OK;
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(&engine->partition->serial) || port_mutex_mine(&engine->notify->delivering) ||
	    dhpi_epoch_in_callback(engine->epoch) || dhpi_rebalance_in_callback(engine->rebalance))
		return DHP_IN_CALLBACK;
	if (in_use(engine))
		return DHP_IN_USE;
	take_down(DHPI_CONTAINER(engine, struct engine, parts));
	return DHP_OK;
}
