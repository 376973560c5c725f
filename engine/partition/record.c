/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.c - writes what an engine sees: first all of it, then each difference.
 *
 * Problem   whoever plays a recording must find the same changes at the same looks, but most looks find nothing: ten a second
 *           would fill a disk.
 * Idea      what is written is what the partition is told, below all sources: lines with facts, then one line that says how
 *           they were found, the act: a look, or a call of the simulator. A look without a difference only counts, and
 *           the next act says how many there were. docs/record-format.md has the lines.
 *
 * I1        facts, and failures of arrivals, stand before their act. Those after the last act have had no effect yet.
 * I2        `usable`, `platform`, ... are what a reader of the lines so far believes.
 * I3        available memory is written when the total or a condition changes, or when it has moved by a 128th of the total,
 *           for it is hardly ever the same twice.
 */
#include "record_write.h"

#define MEMORY_STEPS 128u

const char *const dhpi_cause_names[DHPI_CAUSES] = {
	[DHPI_BY_POLL] = "poll",
	[DHPI_BY_RESCAN] = "rescan",
	[DHPI_BY_MEMORY] = "memory",
};

/* ---- facts ---- */

static void write_processor(struct dhp_record *record, const struct dhp_processor *processor)
{
	const struct dhpi_partition *partition = record->partition;
	struct dhpi_record_line line;

	dhpi_record_line_begin(record, &line, "processor");
	dhpi_record_put(&line, processor->cpu);
	dhpi_record_put(&line, processor->number.group);
	dhpi_record_put(&line, processor->number.number);
	dhpi_record_put(&line, partition->backend->group_size(partition->state, processor->number.group));
	dhpi_record_put(&line, processor->node);
	dhpi_record_put_known(&line, processor->package);
	dhpi_record_put_known(&line, processor->core);
	dhpi_record_put_known(&line, processor->thread);
	dhpi_record_line_end(record, &line);
}

/* Those of `now` that were not in the other state: I2. */
static void write_usable(struct dhp_record *record, const struct dhpi_cpus *now, bool usable)
{
	struct dhpi_record_list list = dhpi_record_list(record, usable ? "usable" : "unusable");

	for (uint32_t cpu = 0; cpu < record->partition->engine->set->cpu_limit; cpu++)
		if (dhpi_cpus_has(now, cpu) == usable && dhpi_cpus_has(&record->usable, cpu) != usable)
			dhpi_record_list_add(&list, cpu);
	dhpi_record_list_end(&list);
}

static void write_platform(struct dhp_record *record, const struct dhpi_record_platform *now)
{
	struct dhpi_record_platform *before = &record->platform;

	if (before->present == now->present && before->online == now->online && before->quota == now->quota)
		return;
	*before = *now;
	dhpi_record_numbers(record, "platform", (const uint64_t[]){ now->present, now->online, now->quota }, 3);
}

/* As the set has it, which is never less than what is active. */
static struct dhpi_record_platform platform_of(const struct dhpi_set *set)
{
	struct dhp_counts counts;

	dhpi_set_counts(set, &counts);
	return (struct dhpi_record_platform){ .present = counts.present, .online = counts.online, .quota = counts.quota };
}

static void write_scan_status(struct dhp_record *record, enum dhp_status status)
{
	struct dhpi_record_line line;

	if (record->scan_status == status)
		return;
	record->scan_status = status;
	dhpi_record_line_begin(record, &line, "scan");
	dhpi_record_put_status(&line, status);
	dhpi_record_line_end(record, &line);
}

/* I3 */
static bool memory_moved(const struct dhp_memory_info *before, const struct dhp_memory_info *now)
{
	uint64_t a = before->available_bytes, b = now->available_bytes;

	return before->total_bytes != now->total_bytes || before->low != now->low || before->high != now->high ||
	       (a > b ? a - b : b - a) > now->total_bytes / MEMORY_STEPS;
}

static void write_memory(struct dhp_record *record)
{
	struct dhpi_conditions *conditions = &record->partition->engine->notify->conditions;
	struct dhp_memory_info now = conditions->info; /* written under serial only */

	if (now.total_bytes == 0 || !memory_moved(&record->memory, &now))
		return;
	record->memory = now;
	dhpi_record_numbers(record, "memory", (const uint64_t[]){ now.total_bytes, now.available_bytes }, 2);
}

static void write_thresholds(struct dhp_record *record)
{
	const struct dhp_memory_info *info = &record->partition->engine->notify->conditions.info;

	if (info->total_bytes != 0)
		dhpi_record_numbers(record, "thresholds", (const uint64_t[]){ info->low_bytes, info->high_bytes }, 2);
}

static void write_modules(struct dhp_record *record)
{
	const struct dhpi_modules *modules = &record->partition->engine->notify->modules;
	struct dhpi_record_list list = dhpi_record_list(record, "module");

	for (; record->modules < modules->ready; record->modules++)
		dhpi_record_list_add(&list, modules->rows[record->modules].id);
	dhpi_record_list_end(&list);
}

/* ---- what the partition tells ---- */

void dhpi_record_memory(struct dhpi_partition *partition)
{
	if (partition->record == NULL)
		return;
	write_memory(partition->record);
	write_modules(partition->record);
}

void dhpi_record_scan(struct dhpi_partition *partition, enum dhp_status status)
{
	struct dhp_record *record = partition->record;

	if (record == NULL)
		return;
	write_scan_status(record, status);
	if (dhp_failed(status))
		return;
	write_platform(record, &(struct dhpi_record_platform){ .present = partition->scan.present_count,
						   .online = partition->scan.online_count,
						   .quota = partition->scan.quota });
	write_usable(record, &partition->scan.usable, true);
	write_usable(record, &partition->scan.usable, false);
	record->usable = partition->scan.usable;
}

void dhpi_record_processor(struct dhpi_partition *partition, const struct dhp_processor *processor)
{
	if (partition->record != NULL)
		write_processor(partition->record, processor);
}

void dhpi_record_fault(struct dhpi_partition *partition, uint32_t cpu, const char *step, enum dhp_status status)
{
	struct dhp_record *record = partition->record;
	struct dhpi_record_line line;

	if (record == NULL)
		return;
	dhpi_record_line_begin(record, &line, "fault");
	dhpi_record_put(&line, cpu);
	dhpi_record_put_string(&line, step);
	dhpi_record_put_status(&line, status);
	dhpi_record_line_end(record, &line);
}

void dhpi_record_look(struct dhpi_partition *partition, enum dhpi_cause cause)
{
	struct dhp_record *record = partition->record;
	struct dhpi_record_line line;

	if (record == NULL)
		return;
	if (!record->any) {
		record->idle_looks++;
		return;
	}
	dhpi_record_line_begin(record, &line, "look");
	dhpi_record_put_string(&line, dhpi_cause_names[cause]);
	dhpi_record_put(&line, record->idle_looks);
	dhpi_record_line_end(record, &line);
	record->idle_looks = 0;
	record->any = false;
}

static void write_call(struct dhp_record *record, const char *key, uint32_t cpu)
{
	dhpi_record_numbers(record, key, (const uint64_t[]){ cpu, record->idle_looks }, 2);
	record->idle_looks = 0;
	record->any = false;
}

/* An attempt that was not one, such as of a processor that is there, leaves nothing to write. */
void dhpi_record_add(struct dhpi_partition *partition, uint32_t cpu, bool added)
{
	struct dhp_record *record = partition->record;

	if (record == NULL || !record->any)
		return;
	write_call(record, "add", cpu);
	if (!added)
		return;
	record->platform = platform_of(partition->engine->set);
	dhpi_cpus_add(&record->usable, cpu);
}

void dhpi_record_usable(struct dhpi_partition *partition, uint32_t cpu, bool usable)
{
	struct dhp_record *record = partition->record;

	if (record == NULL || dhpi_cpus_has(&record->usable, cpu) == usable)
		return;
	write_call(record, usable ? "back" : "away", cpu);
	if (usable)
		dhpi_cpus_add(&record->usable, cpu);
	else
		dhpi_cpus_remove(&record->usable, cpu);
}

/* ---- the start ---- */

/* Of an active one what the engine knows: perhaps the platform knows more by now, and it will hear of that later. */
static bool describe(const struct dhpi_partition *partition, uint32_t cpu, struct dhp_processor *out_processor)
{
	const struct dhpi_set *set = partition->engine->set;

	return dhpi_set_read(set, dhpi_set_index_of_cpu(set, cpu), out_processor) ||
	       partition->backend->describe(partition->state, cpu, out_processor) == DHP_OK;
}

static void write_possible(struct dhp_record *record)
{
	const struct dhpi_set *set = record->partition->engine->set;

	dhpi_record_number(record, "maximum", set->maximum);
	for (uint32_t cpu = 0; cpu < set->cpu_limit; cpu++) {
		struct dhp_processor processor = { .index = DHP_NO_INDEX };

		if (describe(record->partition, cpu, &processor))
			write_processor(record, &processor);
	}
}

static bool is_usable(const struct dhpi_set *set, const struct dhp_processor *row)
{
	return (dhpi_set_usable_mask(set, row->number.group) >> row->number.number & 1) != 0;
}

/* The set's own idea, not the last look's: what was called since is in it. In the order of arrival. */
static void write_active(struct dhp_record *record, const char *key, bool usable_only)
{
	const struct dhpi_set *set = record->partition->engine->set;
	struct dhpi_record_list list = dhpi_record_list(record, key);

	for (uint32_t index = 0; index < dhpi_set_active(set); index++) {
		const struct dhp_processor *row = dhpi_set_row(set, index);

		if (usable_only && !is_usable(set, row))
			continue;
		dhpi_record_list_add(&list, row->cpu);
		if (usable_only)
			dhpi_cpus_add(&record->usable, row->cpu);
	}
	dhpi_record_list_end(&list);
}

static void write_start(struct dhp_record *record)
{
	static const char header[] = "dhp-record 1\n";
	const struct dhpi_partition *partition = record->partition;
	struct dhpi_record_platform platform = platform_of(partition->engine->set);
	struct dhpi_record_line line;

	dhpi_record_send(record, header, sizeof(header) - 1);
	write_possible(record);
	write_active(record, "active", false);
	write_active(record, "usable", true);
	write_platform(record, &platform);
	write_thresholds(record);
	write_memory(record);
	write_modules(record);
	if (partition->backend->retell != NULL)
		partition->backend->retell(partition->state, dhpi_record_retold, record);
	dhpi_record_line_begin(record, &line, "begin");
	dhpi_record_put(&line, DHP_VERSION_MAJOR);
	dhpi_record_put(&line, DHP_VERSION_MINOR);
	dhpi_record_put(&line, DHP_VERSION_PATCH);
	dhpi_record_line_end(record, &line);
	record->any = false;
}

/* Those that failed before have another try, and looks are counted as in an engine after its first ones. */
static void forget_failures(struct dhpi_partition *partition)
{
	partition->looks_since_arrival = 1;
	dhpi_cpus_clear(&partition->refused);
	dhpi_cpus_clear(&partition->postponed);
	partition->looks_since_retry = 0;
	partition->looks_before_retry = 0;
}

static void set_record(struct dhpi_partition *partition, struct dhp_record *record)
{
	port_mutex_lock(&partition->recording);
	partition->record = record;
	port_mutex_unlock(&partition->recording);
}

/* Under one lock: a source that speaks now finds no recording, or its line stands before the last one. */
static void write_end(struct dhp_record *record)
{
	struct dhpi_record_line line;

	dhpi_record_line_begin(record, &line, "end");
	dhpi_record_put(&line, record->idle_looks);
	record->partition->record = NULL;
	dhpi_record_line_end(record, &line);
}

/* Under serial. */
static enum dhp_status begin(struct dhpi_partition *partition, dhp_record_write *write, void *context,
			     struct dhp_record **out_record)
{
	struct dhp_record *record;

	if (partition->record != NULL)
		return DHP_IN_USE;
	record = port_alloc(sizeof(*record));
	if (record == NULL)
		return DHP_NO_MEMORY;
	record->partition = partition;
	record->write = write;
	record->context = context;
	record->started_ns = port_now_ns();
	dhpi_cpus_clear(&record->usable);
	write_start(record);
	if (record->failed) { /* nobody else writes yet */
		port_free(record, sizeof(*record));
		return DHP_CANNOT_WRITE;
	}
	forget_failures(partition);
	set_record(partition, record);
	*out_record = record;
	return DHP_OK;
}

/* ---- the public calls ---- */

enum dhp_status dhp_record_begin(struct dhp_engine *engine, dhp_record_write *write, void *context,
				 struct dhp_record **out_record)
{
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (write == NULL)
		return DHP_BAD_CALLBACK;
	if (out_record == NULL)
		return DHP_BAD_RESULT;
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(&engine->partition->serial))
		return DHP_IN_CALLBACK;
	port_mutex_lock(&engine->partition->serial);
	status = begin(engine->partition, write, context, out_record);
	port_mutex_unlock(&engine->partition->serial);
	return status;
}

enum dhp_status dhp_record_end(struct dhp_record *record)
{
	struct dhpi_partition *partition;
	enum dhp_status status;

	if (record == NULL)
		return DHP_OK;
	DHPI_REQUIRE_PASSIVE();
	partition = record->partition;
	if (port_mutex_mine(&partition->serial))
		return DHP_IN_CALLBACK;
	port_mutex_lock(&partition->serial);
	write_end(record);
	status = record->failed ? DHP_CANNOT_WRITE : DHP_OK;
	port_mutex_unlock(&partition->serial);
	port_free(record, sizeof(*record));
	return status;
}
