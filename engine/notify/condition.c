/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * condition.c - memory is short, memory is plentiful: two levels that anybody may wait for.
 *
 * Problem   a condition that comes and goes at once must release every waiter all the same, but who comes later must not
 *           see it; and a question about both must never find both.
 * Idea      one word holds both levels and, for each, how often it has risen. A waiter remembers the number it found: it
 *           goes when the level is set or the number is another.
 * Picture   levels: high rises | low rises | high | low
 *                   31 bits      31 bits     1      1
 *
 * I1        high and low are never both set (S-304).
 * I2        the word changes under the partition's lock only; clients have no way to change it (S-310).
 * I3        a latch shows the level of the last update: it is made, and set, under `lock`, after the word.
 * Not       hysteresis, but for the distance between the thresholds (S-318).
 *
 * The handles need no order among themselves: all waiters sleep on one event count and look again.
 */
#include "notify.h"

#define MIB ((uint64_t)1 << 20)
#define LEVELS 2u
#define RISES_BITS 31u
#define RISES_MASK (((uint64_t)1 << RISES_BITS) - 1)
#define MAGIC 0x4E3E3Fu

/* So that a deadline can be added to the clock. */
#define LONGEST_SLEEP_NS 3600000000000u

struct dhp_memory_event {
	/* set once */
	struct dhpi_conditions *conditions;
	enum dhp_memory_condition condition; /* one of the two */

	struct dhpi_link link;
	uint32_t magic;          /* 0 once it is gone */
	uint32_t waiters;        /* under lock */
	bool has_latch;          /* under lock */
	struct port_latch latch; /* likewise */
};

/* ---- thresholds ---- */

/* At 1 GiB both formulas give 32 MiB: that fixes the base, for which the clause has no number. */
static uint64_t default_low(uint64_t total)
{
	uint64_t low = 4 * MIB;

	if (total > 1024 * MIB)
		low = 32 * MIB + (total - 1024 * MIB) / 128;
	else if (total > 128 * MIB)
		low += (total - 128 * MIB) / 32;
	return low < 64 * MIB ? low : 64 * MIB;
}

void dhpi_conditions_thresholds(uint64_t total_bytes, uint32_t low_mib, uint32_t high_mib, uint64_t *out_low,
				uint64_t *out_high)
{
	*out_low = low_mib != 0 ? low_mib * MIB : default_low(total_bytes);
	*out_high = high_mib != 0 ? high_mib * MIB : 3 * *out_low;
	if (*out_high < *out_low)
		*out_high = *out_low;
}

/* ---- the word ---- */

static bool is_set(uint64_t levels, enum dhp_memory_condition condition)
{
	return (levels >> (uint32_t)condition & 1) != 0;
}

static uint32_t rises_shift(enum dhp_memory_condition condition)
{
	return LEVELS + RISES_BITS * (uint32_t)condition;
}

static uint64_t rises(uint64_t levels, enum dhp_memory_condition condition)
{
	return levels >> rises_shift(condition) & RISES_MASK;
}

static uint64_t with_level(uint64_t levels, enum dhp_memory_condition condition, bool level)
{
	uint64_t bit = (uint64_t)1 << (uint32_t)condition;
	uint64_t next = (rises(levels, condition) + 1) & RISES_MASK;

	if (!level)
		return levels & ~bit;
	if (is_set(levels, condition))
		return levels;
	return (levels & ~(RISES_MASK << rises_shift(condition))) | next << rises_shift(condition) | bit;
}

static uint64_t read_levels(const struct dhpi_conditions *conditions)
{
	return at_load_acquire_u64(&conditions->levels); /* [memory-level] acquire */
}

/* ---- updates: under serial ---- */

static void tell_latches(struct dhpi_conditions *conditions, uint64_t levels)
{
	port_mutex_lock(&conditions->lock);
	for (struct dhpi_link *at = conditions->events.next; at != &conditions->events; at = at->next) {
		struct dhp_memory_event *event = DHPI_CONTAINER(at, struct dhp_memory_event, link);

		if (event->has_latch)
			port_latch_set(&event->latch, is_set(levels, event->condition));
	}
	port_mutex_unlock(&conditions->lock);
}

/* Under spin. With equal thresholds short counts: I1. At or beyond, because changes come in bulk (S-317). */
static void judge(struct dhp_memory_info *info)
{
	info->low = info->available_bytes <= info->low_bytes;
	info->high = info->available_bytes >= info->high_bytes && !info->low;
}

/* Under spin. */
static void take_numbers(struct dhpi_conditions *conditions, uint64_t total_bytes, uint64_t available_bytes)
{
	struct dhp_memory_info *info = &conditions->info;

	if (total_bytes == 0)
		return;
	if (info->total_bytes == 0 && info->high_bytes == 0)
		dhpi_conditions_thresholds(total_bytes, conditions->low_mib, conditions->high_mib, &info->low_bytes,
					   &info->high_bytes);
	info->total_bytes = total_bytes;
	info->available_bytes = available_bytes;
	judge(info);
}

static bool same_state(const struct dhp_memory_info *a, const struct dhp_memory_info *b)
{
	return a->total_bytes == b->total_bytes && a->modules_count == b->modules_count && a->low == b->low &&
	       a->high == b->high;
}

void dhpi_conditions_preset(struct dhpi_conditions *conditions, uint64_t low_bytes, uint64_t high_bytes)
{
	if (conditions->low_mib != 0 || conditions->high_mib != 0)
		return;
	conditions->info.low_bytes = low_bytes;
	conditions->info.high_bytes = high_bytes;
}

void dhpi_conditions_update(struct dhpi_conditions *conditions, uint64_t total_bytes, uint64_t available_bytes,
			    uint32_t modules_count)
{
	struct dhp_memory_info *info = &conditions->info;
	uint64_t old, levels;

	dhpi_spin_lock(&conditions->spin);
	{
		const struct dhp_memory_info before = *info;

		take_numbers(conditions, total_bytes, available_bytes);
		info->modules_count = modules_count;
		info->generation += !same_state(info, &before);
		old = at_load_relaxed_u64(&conditions->levels); /* relaxed: written under serial, which we hold */
		levels = with_level(with_level(old, DHP_MEMORY_LOW, info->low), DHP_MEMORY_HIGH, info->high);
		at_store_release_u64(&conditions->levels, levels); /* [memory-level] release */
	}
	dhpi_spin_unlock(&conditions->spin);
	DHPI_CHECK(1, !is_set(levels, DHP_MEMORY_LOW) || !is_set(levels, DHP_MEMORY_HIGH), "I1");
	if (levels == old)
		return;
	(void)port_event_signal(&conditions->changed);
	tell_latches(conditions, levels);
}

void dhpi_conditions_init(struct dhpi_conditions *conditions, struct port_mutex *serial, uint32_t low_mib,
			  uint32_t high_mib)
{
	conditions->serial = serial;
	conditions->low_mib = low_mib;
	conditions->high_mib = high_mib;
	port_event_init(&conditions->changed);
	port_mutex_init(&conditions->lock);
	dhpi_list_init(&conditions->events);
}

void dhpi_conditions_fini(struct dhpi_conditions *conditions)
{
	port_mutex_fini(&conditions->lock);
}

uint32_t dhpi_conditions_count(struct dhpi_conditions *conditions)
{
	uint32_t count;

	port_mutex_lock(&conditions->lock);
	count = conditions->events_count;
	port_mutex_unlock(&conditions->lock);
	return count;
}

/* ---- names ---- */

static const char *const names[] = {
	[DHP_MEMORY_LOW] = "LowMemoryCondition",
	[DHP_MEMORY_HIGH] = "HighMemoryCondition",
	[DHP_MEMORY_LOW_PAGED_POOL] = "LowPagedPoolCondition",
	[DHP_MEMORY_HIGH_PAGED_POOL] = "HighPagedPoolCondition",
	[DHP_MEMORY_LOW_NONPAGED_POOL] = "LowNonPagedPoolCondition",
	[DHP_MEMORY_HIGH_NONPAGED_POOL] = "HighNonPagedPoolCondition",
	[DHP_MEMORY_LOW_COMMIT] = "LowCommitCondition",
	[DHP_MEMORY_HIGH_COMMIT] = "HighCommitCondition",
	[DHP_MEMORY_MAXIMUM_COMMIT] = "MaximumCommitCondition",
};

#define NAMES_COUNT ((uint32_t)(sizeof(names) / sizeof(names[0])))

const char *dhp_memory_condition_name(enum dhp_memory_condition condition)
{
	return (uint32_t)condition < NAMES_COUNT ? names[condition] : NULL;
}

/* What is left of the text after the prefix; NULL: it has another beginning. */
static const char *after(const char *text, const char *prefix)
{
	while (*prefix != '\0')
		if (*text++ != *prefix++)
			return NULL;
	return text;
}

/* NAMES_COUNT: none has this name. */
static uint32_t find_name(const char *name)
{
	const char *rest = after(name, "\\KernelObjects\\");
	uint32_t found = 0;

	if (rest == NULL)
		rest = name;
	for (; found < NAMES_COUNT; found++) {
		const char *end = after(rest, names[found]);

		if (end != NULL && *end == '\0')
			break;
	}
	return found;
}

/* ---- the public calls ---- */

static void copy_info(struct dhpi_conditions *conditions, struct dhp_memory_info *out_info)
{
	dhpi_spin_lock(&conditions->spin);
	*out_info = conditions->info;
	dhpi_spin_unlock(&conditions->spin);
}

enum dhp_status dhp_memory_read(struct dhp_engine *engine, struct dhp_memory_info *out_info)
{
	struct dhp_memory_info info;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (out_info == NULL)
		return DHP_BAD_RESULT;
	copy_info(&engine->notify->conditions, &info);
	if (info.total_bytes == 0)
		return DHP_NOT_SUPPORTED;
	*out_info = info;
	return DHP_OK;
}

static bool has_source(struct dhpi_conditions *conditions, enum dhp_memory_condition condition)
{
	struct dhp_memory_info info;

	copy_info(conditions, &info);
	return (uint32_t)condition < LEVELS && info.total_bytes != 0;
}

static enum dhp_status open_event(struct dhpi_conditions *conditions, enum dhp_memory_condition condition,
				  struct dhp_memory_event **out_event)
{
	struct dhp_memory_event *event;

	DHPI_REQUIRE_PASSIVE();
	if (!has_source(conditions, condition))
		return DHP_NOT_SUPPORTED;
	event = port_alloc(sizeof(*event));
	if (event == NULL)
		return DHP_NO_MEMORY;
	event->conditions = conditions;
	event->condition = condition;
	event->magic = MAGIC;
	port_mutex_lock(&conditions->lock);
	dhpi_list_push_tail(&conditions->events, &event->link);
	conditions->events_count++;
	port_mutex_unlock(&conditions->lock);
	*out_event = event;
	return DHP_OK;
}

enum dhp_status dhp_memory_event_open_condition(struct dhp_engine *engine, enum dhp_memory_condition condition,
						struct dhp_memory_event **out_event)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if ((uint32_t)condition >= NAMES_COUNT)
		return DHP_BAD_CONDITION;
	if (out_event == NULL)
		return DHP_BAD_RESULT;
	return open_event(&engine->notify->conditions, condition, out_event);
}

enum dhp_status dhp_memory_event_open(struct dhp_engine *engine, const char *name, struct dhp_memory_event **out_event)
{
	uint32_t found;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	found = name != NULL ? find_name(name) : NAMES_COUNT;
	if (found == NAMES_COUNT)
		return DHP_BAD_NAME; /* S-309 */
	return dhp_memory_event_open_condition(engine, (enum dhp_memory_condition)found, out_event);
}

static bool is_event(const struct dhp_memory_event *event)
{
	return event != NULL && event->magic == MAGIC;
}

enum dhp_status dhp_memory_event_close(struct dhp_memory_event *event)
{
	struct dhpi_conditions *conditions;
	bool in_use;

	if (event == NULL)
		return DHP_OK;
	if (!is_event(event))
		return DHP_BAD_OBJECT;
	DHPI_REQUIRE_PASSIVE();
	conditions = event->conditions;
	port_mutex_lock(&conditions->lock);
	in_use = event->waiters != 0;
	if (!in_use) {
		dhpi_list_unlink(&event->link);
		conditions->events_count--;
	}
	port_mutex_unlock(&conditions->lock);
	if (in_use)
		return DHP_IN_USE;
	if (event->has_latch)
		port_latch_close(&event->latch);
	event->magic = 0;
	port_free(event, sizeof(*event));
	return DHP_OK;
}

enum dhp_status dhp_memory_event_query(struct dhp_memory_event *event, bool *out_signalled)
{
	if (!is_event(event))
		return DHP_BAD_OBJECT;
	if (out_signalled == NULL)
		return DHP_BAD_RESULT;
	*out_signalled = is_set(read_levels(event->conditions), event->condition);
	return DHP_OK;
}

/* ---- waiting ---- */

DHPI_WRAPS("to add the negative of a number takes it off")
static void count_waiter(struct dhp_memory_event *event, int32_t more)
{
	port_mutex_lock(&event->conditions->lock);
	event->waiters += (uint32_t)more;
	event->conditions->waiters_count += (uint32_t)more;
	port_mutex_unlock(&event->conditions->lock);
}

/* false: the time is over. */
static bool sleep_until(struct dhpi_conditions *conditions, uint32_t ticket, uint64_t begun, uint64_t timeout_ns)
{
	uint64_t gone = port_now_ns() - begun;
	uint64_t left = gone < timeout_ns ? timeout_ns - gone : 0;

	if (left != 0)
		port_event_wait(&conditions->changed, ticket, left < LONGEST_SLEEP_NS ? left : LONGEST_SLEEP_NS);
	return left != 0;
}

static enum dhp_status wait_for(const struct dhp_memory_event *event, uint64_t timeout_ns, uint64_t first)
{
	struct dhpi_conditions *conditions = event->conditions;
	uint64_t begun = port_now_ns();

	for (;;) {
		uint32_t ticket = port_event_ticket(&conditions->changed);
		uint64_t levels = read_levels(conditions);

		if (is_set(levels, event->condition) || rises(levels, event->condition) != first)
			return DHP_OK;
		if (!sleep_until(conditions, ticket, begun, timeout_ns))
			return DHP_TIMED_OUT;
	}
}

enum dhp_status dhp_memory_event_wait(struct dhp_memory_event *event, uint64_t timeout_ns)
{
	enum dhp_status status;
	uint64_t first;

	if (!is_event(event))
		return DHP_BAD_OBJECT;
	if (timeout_ns == 0)
		return is_set(read_levels(event->conditions), event->condition) ? DHP_OK : DHP_TIMED_OUT;
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(event->conditions->serial))
		return DHP_IN_CALLBACK;
	first = rises(read_levels(event->conditions), event->condition); /* a counted waiter misses no rise */
	count_waiter(event, 1);
	status = wait_for(event, timeout_ns, first);
	count_waiter(event, -1);
	return status;
}

enum dhp_status dhp_memory_event_descriptor(struct dhp_memory_event *event, int *out_descriptor)
{
	struct dhpi_conditions *conditions;
	bool opened;

	if (!is_event(event))
		return DHP_BAD_OBJECT;
	if (out_descriptor == NULL)
		return DHP_BAD_RESULT;
	DHPI_REQUIRE_PASSIVE();
	conditions = event->conditions;
	port_mutex_lock(&conditions->lock);
	if (!event->has_latch) {
		event->has_latch = port_latch_open(&event->latch);
		if (event->has_latch && is_set(read_levels(conditions), event->condition))
			port_latch_set(&event->latch, true); /* I3 */
	}
	opened = event->has_latch;
	port_mutex_unlock(&conditions->lock);
	if (!opened)
		return DHP_NO_DESCRIPTOR;
	*out_descriptor = port_latch_file(&event->latch);
	return DHP_OK;
}
