/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * partition.c - keeps the set of processors equal to what the backend has: a look, and the arrivals that follow from it.
 *
 * A control thread waits for a sign of change and looks; it looks every now and then without a sign, because much of what
 * changes gives none. A processor that failed to arrive is left alone until it has gone and come back, or somebody asks:
 * else a veto would be repeated at every look. If it failed for want of memory, a thread or a pin it is tried again all the
 * same, at the next look and then ever more seldom: Linux shows a CPU that is coming up a moment before a thread can be
 * pinned to it. That is found out before anybody hears Start (lifecycle.c).
 */
#include "record.h"

/* At most; at the default interval this is six seconds. A power of two. */
#define LOOKS_FOR_WIRING 64u

static void hear_source(void *context, const struct dhp_source_event *event)
{
	struct dhpi_partition *partition = context;

	if (partition->source_hook != NULL)
		partition->source_hook(partition->source_context, event);
	dhpi_record_said(partition, event);
}

enum dhp_status dhpi_partition_open(struct dhpi_partition *partition, const struct dhp_engine_options *options)
{
	struct dhp_engine_options tapped = *options;

	port_mutex_init(&partition->serial);
	port_mutex_init(&partition->recording);
	tapped.source_hook = hear_source;
	tapped.source_context = partition;
	partition->trace = options->trace;
	partition->trace_context = options->trace_context;
	partition->poll_interval_ms = options->poll_interval_ms;
	partition->last_group = (options->flags & DHP_ENGINE_LAST_GROUP) != 0;
	partition->source_hook = options->source_hook;
	partition->source_context = options->source_context;
	partition->backend = options->sim != NULL ? &dhpi_backend_sim : &dhpi_backend_machine;
	dhpi_cpus_clear(&partition->refused);
	dhpi_cpus_clear(&partition->postponed);
	dhpi_pins_init(&partition->pins);
	return partition->backend->open(&tapped, &partition->state);
}

void dhpi_partition_close(struct dhpi_partition *partition)
{
	if (partition->state != NULL)
		partition->backend->close(partition->state);
	dhpi_pins_fini(&partition->pins);
	port_mutex_fini(&partition->recording);
	port_mutex_fini(&partition->serial);
}

/* ---- looking ---- */

/*
 * Of an active processor. Its queue is told, but not left yet: perhaps the one to go to is told next. One that is back is
 * usable when its worker is there: the work that comes is aimed at it.
 */
static void set_usable(struct dhpi_partition *partition, uint32_t index, bool usable)
{
	if (usable && dhpi_work_is_away(partition->engine->work, index))
		usable = dhpi_pins_return(partition, index);
	dhpi_work_usable(partition->engine->work, index, usable); /* first: who knows of a return finds the queue ready */
	dhpi_set_usable(partition->engine->set, index, usable);
}

void dhpi_partition_usable(struct dhpi_partition *partition, uint32_t index, bool usable)
{
	set_usable(partition, index, usable);
	dhpi_work_leave(partition->engine->work);
}

/*
 * Narrower than before is no reason to take a processor away (S-006): only the usable count and mask follow, and work that
 * was meant for it.
 */
static void follow_usable(struct dhpi_partition *partition)
{
	const struct dhpi_set *set = partition->engine->set;
	uint32_t active = dhpi_set_active(set);

	for (uint32_t index = 0; index < active; index++) {
		uint32_t cpu = dhpi_set_row(set, index)->cpu;

		set_usable(partition, index, dhpi_cpus_has(&partition->scan.usable, cpu));
	}
	dhpi_work_leave(partition->engine->work);
}

static bool may_pass(enum dhp_status status)
{
	return status == DHP_NO_MEMORY || status == DHP_NO_THREAD || status == DHP_NO_AFFINITY;
}

static enum dhp_status try_newcomer(struct dhpi_partition *partition, uint32_t cpu)
{
	enum dhp_status status = dhpi_partition_add(partition, cpu);

	if (may_pass(status)) {
		partition->postponed_any = true;
		dhpi_cpus_add(&partition->postponed, cpu);
	} else if (dhp_failed(status)) {
		dhpi_cpus_add(&partition->refused, cpu);
	}
	return status;
}

static enum dhp_status add_newcomers(struct dhpi_partition *partition)
{
	const struct dhpi_set *set = partition->engine->set;
	enum dhp_status first = DHP_OK;

	for (uint32_t cpu = 0; cpu < set->cpu_limit; cpu++) {
		enum dhp_status status = DHP_OK;

		if (!dhpi_cpus_has(&partition->scan.usable, cpu)) {
			dhpi_cpus_remove(&partition->refused, cpu);
			dhpi_cpus_remove(&partition->postponed, cpu);
		} else if (dhpi_set_index_of_cpu(set, cpu) == DHP_NO_INDEX &&
			   !dhpi_cpus_has(&partition->refused, cpu) && !dhpi_cpus_has(&partition->postponed, cpu)) {
			status = try_newcomer(partition, cpu);
		}
		if (!dhp_failed(first) && dhp_failed(status))
			first = status;
	}
	return first;
}

/* true: the postponed ones have another try at this look. */
static bool forget_failures(struct dhpi_partition *partition, bool all)
{
	partition->postponed_any = false;
	if (all)
		dhpi_cpus_clear(&partition->refused);
	if (!all && ++partition->looks_since_retry < partition->looks_before_retry)
		return false;
	dhpi_cpus_clear(&partition->postponed);
	partition->looks_since_retry = 0;
	return true;
}

/* After 1, 2, 4 ... looks without success; after none when there is nobody to try. */
static void pace_retries(struct dhpi_partition *partition)
{
	uint32_t looks = partition->looks_before_retry;

	partition->looks_before_retry = partition->postponed_any ? dhpi_looks_after(looks) : 0;
}

/* ---- how newcomers are wired ---- */

static bool is_wired(const struct dhp_processor *row)
{
	return row->package != DHP_UNKNOWN && row->core != DHP_UNKNOWN && row->thread != DHP_UNKNOWN;
}

static bool same_wiring(const struct dhp_processor *a, const struct dhp_processor *b)
{
	return a->package == b->package && a->core == b->core && a->thread == b->thread;
}

static void keep_known(uint32_t *now, uint32_t before)
{
	if (before != DHP_UNKNOWN)
		*now = before;
}

static void ask_for_wiring(struct dhpi_partition *partition, uint32_t index)
{
	struct dhp_processor row, now;

	if (!dhpi_set_read(partition->engine->set, index, &row) || is_wired(&row))
		return;
	now = row;
	if (dhp_failed(partition->backend->describe(partition->state, row.cpu, &now)))
		return;
	keep_known(&now.package, row.package);
	keep_known(&now.core, row.core);
	keep_known(&now.thread, row.thread);
	if (!same_wiring(&row, &now)) {
		dhpi_record_processor(partition, &now);
		dhpi_set_wired(partition->engine->set, &now);
	}
}

/* Where it is unknown it is asked for again 1, 2, 4 ... looks after the last arrival; then hardly anything will change. */
static void complete_wiring(struct dhpi_partition *partition, bool now)
{
	uint32_t looks = ++partition->looks_since_arrival;

	if (!now && (looks > LOOKS_FOR_WIRING || (looks & (looks - 1)) != 0))
		return;
	for (uint32_t index = 0; index < dhpi_set_active(partition->engine->set); index++)
		ask_for_wiring(partition, index);
}

static enum dhp_status look(struct dhpi_partition *partition, bool retry_refused)
{
	enum dhp_status memory = dhpi_partition_memory(partition, retry_refused);
	enum dhp_status scan = partition->backend->scan(partition->state, retry_refused, &partition->scan), status;
	bool tried;

	at_bump_u64(&partition->rescans);
	dhpi_record_scan(partition, scan);
	if (dhp_failed(scan) && dhpi_set_active(partition->engine->set) == 0)
		return scan; /* nothing is known yet */
	tried = forget_failures(partition, retry_refused);
	if (!partition->scan.usable_unknown)
		follow_usable(partition);
	dhpi_set_platform(partition->engine->set, partition->scan.present_count, partition->scan.online_count,
			  partition->scan.quota);
	complete_wiring(partition, retry_refused);
	dhpi_change_post(partition->engine->notify);
	status = add_newcomers(partition);
	if (tried)
		pace_retries(partition);
	dhpi_pins_look(partition, retry_refused);
	if (!dhp_failed(status))
		status = scan;
	return dhp_failed(status) ? status : memory;
}

enum dhp_status dhpi_partition_rescan(struct dhpi_partition *partition, bool retry_refused)
{
	enum dhp_status status = look(partition, retry_refused);

	dhpi_record_look(partition, retry_refused ? DHPI_BY_RESCAN : DHPI_BY_POLL);
	return status;
}

/* ---- watching ---- */

static bool told_to_stop(struct dhpi_partition *partition)
{
	return at_load_acquire_u32(&partition->stopping) != 0; /* [control-stop] acquire */
}

static void control_thread(void *argument)
{
	struct dhpi_partition *partition = argument;

	while (!told_to_stop(partition)) {
		partition->backend->wait(partition->state, partition->poll_interval_ms);
		port_mutex_lock(&partition->serial);
		/* The registrants of one that failed have been told; the next look may see more. */
		if (!told_to_stop(partition))
			(void)dhpi_partition_rescan(partition, false);
		port_mutex_unlock(&partition->serial);
	}
}

static enum dhp_status first_processors(struct dhpi_partition *partition)
{
	enum dhp_status status;

	port_mutex_lock(&partition->serial);
	do
		status = dhpi_partition_rescan(partition, true);
	while (!dhp_failed(status) && partition->scan.more);
	partition->first_look_over = true;
	port_mutex_unlock(&partition->serial);
	if (!dhp_failed(status) && dhpi_set_active(partition->engine->set) == 0)
		status = DHP_NO_PROCESSOR;
	return status;
}

enum dhp_status dhpi_partition_start(struct dhpi_partition *partition, struct dhp_engine *engine, bool watch)
{
	enum dhp_status status;

	partition->engine = engine;
	status = first_processors(partition);
	if (dhp_failed(status) || !watch || partition->backend->wait == NULL)
		return status;
	return port_thread_start(&partition->control, control_thread, partition, PORT_ANY_CPU, 0, "dhp-control");
}

void dhpi_partition_stop(struct dhpi_partition *partition)
{
	if (!partition->control.started)
		return;
	at_store_release_u32(&partition->stopping, 1); /* [control-stop] release */
	partition->backend->interrupt(partition->state);
	port_thread_join(&partition->control);
}

/* ---- the public calls ---- */

enum dhp_status dhp_engine_rescan(struct dhp_engine *engine)
{
	struct dhpi_partition *partition;
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	DHPI_REQUIRE_PASSIVE();
	partition = engine->partition;
	if (port_mutex_mine(&partition->serial))
		return DHP_IN_CALLBACK; /* S-196 */
	port_mutex_lock(&partition->serial);
	status = dhpi_partition_rescan(partition, true);
	port_mutex_unlock(&partition->serial);
	return status;
}

enum dhp_status dhp_sources(struct dhp_engine *engine, dhp_source_visit *visit, void *context)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (visit == NULL)
		return DHP_BAD_CALLBACK;
	DHPI_REQUIRE_PASSIVE();
	engine->partition->backend->sources(engine->partition->state, visit, context);
	return DHP_OK;
}
