/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pins.c - which threads are to stay where they were pinned: the workers, and those of the user that asked for it.
 *
 * The look for processors ends here: each pin is compared with what the system says, and restored (work/pin.c has the why).
 * A look that found a change of the set goes over all of them, since a change is what takes pins away; any other over so many
 * at most, and the next one goes on behind them.
 *
 * I1        a thread of the user is set while it lives only: its object holds something that the system marks at its end.
 * I2        nobody is set whose processor is not usable: the system has chosen where it runs, and would refuse. When the
 *           processor is back its worker is pinned first; until then it is not usable (partition.c).
 * I3        nobody is set who has a system affinity of thread.c: that is meant to be so until its revert.
 * I4        an object is on the list from keep to drop, and only what is on the list is looked into: so an object need not be
 *           initialised, and one that was not kept is found out.
 *
 * Locks: serial, then `lock`, then the backend's own about the watched thread. No look takes the last one under `lock`.
 */
#include <dhp/thread.h>

#include "partition.h"

/* With 1024 threads and an interval of 100 ms: 0.3 % of a processor. */
#define PINS_AT_ONCE 1024u

/* What struct dhp_pin holds. Under the lock but for what is set once. */
struct kept {
	struct dhpi_link link;
	struct dhpi_pins *pins; /* set once, as what follows up to `life` */
	uint32_t index;
	int32_t thread;
	bool simulated;
	struct port_life life;
	struct dhpi_pin pin; /* under serial too */
	bool stepped_back;   /* I3 */
	bool end_told;
};

_Static_assert(sizeof(struct kept) <= sizeof(struct dhp_pin), "the public object is too small");
_Static_assert(_Alignof(struct kept) <= _Alignof(struct dhp_pin), "the public object is aligned too little");

void dhpi_pins_init(struct dhpi_pins *pins)
{
	port_mutex_init(&pins->lock);
	dhpi_list_init(&pins->kept);
}

void dhpi_pins_fini(struct dhpi_pins *pins)
{
	port_mutex_fini(&pins->lock);
}

uint32_t dhpi_pins_count(struct dhpi_pins *pins)
{
	uint32_t count;

	port_mutex_lock(&pins->lock);
	count = pins->kept_count;
	port_mutex_unlock(&pins->lock);
	return count;
}

/* ---- looking: under serial ---- */

static bool is_usable(struct dhp_engine *engine, uint32_t index)
{
	const struct dhp_number *number = &dhpi_set_row(engine->set, index)->number;

	return (dhpi_set_usable_mask(engine->set, number->group) >> number->number & 1) != 0;
}

static void tell(struct dhpi_partition *partition, uint32_t index, enum dhp_status status)
{
	const struct dhp_trace_event event = {
		.time_ns = partition->trace != NULL ? port_now_ns() : 0,
		.kind = DHP_TRACE_LEAVE,
		.cpu = dhpi_set_row(partition->engine->set, index)->cpu,
		.index = index,
		.step = "pin",
		.status = status,
	};

	if (partition->trace != NULL)
		partition->trace(partition->trace_context, &event);
}

static void tell_found(struct dhpi_partition *partition, uint32_t index, enum dhpi_pin_found found)
{
	if (found == DHPI_PIN_RESTORED)
		tell(partition, index, DHP_OK);
	else if (found == DHPI_PIN_REFUSED)
		tell(partition, index, DHP_NO_AFFINITY);
}

bool dhpi_pins_return(struct dhpi_partition *partition, uint32_t index)
{
	enum dhpi_pin_found found = dhpi_work_pin(partition->engine->work, index, false);

	tell_found(partition, index, found);
	return found == DHPI_PIN_HOLDS || found == DHPI_PIN_RESTORED;
}

static void look_at_workers(struct dhpi_partition *partition, uint32_t limit, bool all)
{
	struct dhpi_work *work = partition->engine->work;
	uint32_t active = dhpi_set_active(work->set), index = partition->pins.next_worker;

	for (uint32_t i = 0; i < active && i < limit; i++) {
		index = index < active ? index : 0;
		if (!dhpi_work_is_away(work, index)) /* I2 */
			tell_found(partition, index, dhpi_work_pin(work, index, all));
		index++;
	}
	partition->pins.next_worker = index;
}

static void look_at_kept(struct dhpi_partition *partition, struct kept *kept, bool all)
{
	enum dhpi_pin_found found;

	if (kept->end_told || kept->simulated || kept->stepped_back) /* I3 */
		return;
	if (!port_life_goes_on(&kept->life)) { /* I1 */
		kept->end_told = true;
		tell(partition, kept->index, DHP_ENDED);
		return;
	}
	if (!is_usable(partition->engine, kept->index)) { /* I2 */
		dhpi_pin_forget(&kept->pin);
		return;
	}
	found = dhpi_pin_look(&kept->pin, kept->thread, all);
	tell_found(partition, kept->index, found);
}

static void look_at_users(struct dhpi_partition *partition, uint32_t limit, bool all)
{
	struct dhpi_pins *pins = &partition->pins;

	port_mutex_lock(&pins->lock);
	for (uint32_t i = 0; i < pins->kept_count && i < limit; i++) {
		struct kept *kept = DHPI_CONTAINER(pins->kept.next, struct kept, link);

		dhpi_list_unlink(&kept->link);
		dhpi_list_push_tail(&pins->kept, &kept->link);
		look_at_kept(partition, kept, all);
	}
	port_mutex_unlock(&pins->lock);
}

void dhpi_pins_look(struct dhpi_partition *partition, bool all)
{
	struct dhp_counts counts;
	uint32_t limit;

	dhpi_set_counts(partition->engine->set, &counts);
	limit = all || counts.generation != partition->pins.generation_seen ? UINT32_MAX : PINS_AT_ONCE;
	partition->pins.generation_seen = counts.generation;
	look_at_workers(partition, limit, all);
	look_at_users(partition, limit, all);
}

/* ---- threads of the user: under the lock ---- */

static struct kept *find(struct dhpi_pins *pins, struct dhp_pin *object)
{
	struct dhpi_link *at = pins->kept.next;

	while (at != &pins->kept && (void *)DHPI_CONTAINER(at, struct kept, link) != (void *)object)
		at = at->next;
	return at != &pins->kept ? DHPI_CONTAINER(at, struct kept, link) : NULL;
}

static bool confine_thread(struct kept *kept)
{
	struct port_pin *thread = port_pin();

	if (kept->simulated) {
		thread->before_kept_cpu = port_cpu_pretended();
		port_cpu_pretend((int32_t)kept->pin.cpu);
		return true;
	}
	return port_affinity_read(&thread->before_kept) && port_pin_write(kept->thread, kept->pin.cpu);
}

/* What it was before may have gone, as the processor where it was kept. */
bool dhpi_pins_let_run(const struct port_pin *thread)
{
	struct port_affinity anywhere;

	if (thread->kept == NULL || port_affinity_write(&thread->before_kept))
		return thread->kept != NULL;
	for (size_t i = 0; i < sizeof(anywhere.words) / sizeof(anywhere.words[0]); i++)
		anywhere.words[i] = UINT64_MAX;
	return port_affinity_write(&anywhere);
}

static void free_thread(const struct kept *kept)
{
	if (kept->simulated)
		port_cpu_pretend(port_pin()->before_kept_cpu);
	else
		(void)dhpi_pins_let_run(port_pin());
}

static enum dhp_status keep(struct dhp_engine *engine, struct kept *kept)
{
	bool confined;

	if (!is_usable(engine, kept->index))
		return DHP_NO_AFFINITY;
	if (!port_life_begin(&kept->life))
		return DHP_NO_MEMORY;
	dhpi_thread_affinity_begins(engine);
	confined = confine_thread(kept);
	if (confined)
		port_pin()->kept = kept;
	dhpi_thread_affinity_ends(engine);
	if (!confined) {
		port_life_end(&kept->life);
		return DHP_NO_AFFINITY;
	}
	dhpi_list_push_tail(&kept->pins->kept, &kept->link);
	kept->pins->kept_count++;
	return DHP_OK;
}

static enum dhp_status drop_own(struct dhp_engine *engine, struct kept *kept)
{
	if (port_pin()->owner != NULL)
		return DHP_IN_USE;
	dhpi_thread_affinity_begins(engine);
	free_thread(kept);
	port_pin()->kept = NULL;
	dhpi_thread_affinity_ends(engine);
	port_life_end(&kept->life);
	return DHP_OK;
}

static enum dhp_status drop_another(struct kept *kept)
{
	if (port_life_goes_on(&kept->life))
		return DHP_IN_USE;
	port_life_bury(&kept->life);
	return DHP_OK;
}

static enum dhp_status drop(struct dhp_engine *engine, struct kept *kept)
{
	enum dhp_status status = port_pin()->kept == kept ? drop_own(engine, kept) : drop_another(kept);

	if (dhp_failed(status))
		return status;
	dhpi_list_unlink(&kept->link);
	kept->pins->kept_count--;
	return DHP_OK;
}

static enum dhp_status status_of(struct dhp_engine *engine, struct kept *kept)
{
	if (!port_life_goes_on(&kept->life))
		return DHP_ENDED;
	if (kept->stepped_back)
		return DHP_IN_USE;
	return is_usable(engine, kept->index) && kept->pin.looks_refused == 0 ? DHP_OK : DHP_NO_AFFINITY;
}

void dhpi_pins_step_back(bool back)
{
	struct kept *kept = port_pin()->kept;

	if (kept == NULL)
		return;
	port_mutex_lock(&kept->pins->lock);
	kept->stepped_back = back;
	port_mutex_unlock(&kept->pins->lock);
}

/* ---- the public calls ---- */

static enum dhp_status check(struct dhp_engine *engine, const struct dhp_pin *object)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	return object != NULL && dhpi_aligned(object, _Alignof(struct dhp_pin)) ? DHP_OK : DHP_BAD_OBJECT;
}

enum dhp_status dhp_pin_keep(struct dhp_engine *engine, struct dhp_pin *object, uint32_t index)
{
	struct kept *kept = (struct kept *)(void *)object;
	enum dhp_status status = check(engine, object);
	struct dhpi_pins *pins;

	if (dhp_failed(status))
		return status;
	if (index >= dhpi_set_active(engine->set))
		return DHP_BAD_INDEX;
	DHPI_REQUIRE_PASSIVE();
	if (port_pin()->kept != NULL || port_pin()->owner != NULL)
		return DHP_IN_USE;
	pins = &engine->partition->pins;
	port_mutex_lock(&pins->lock);
	status = DHP_IN_USE;
	if (find(pins, object) == NULL) {
		*kept = (struct kept){ .pins = pins, .index = index, .thread = port_thread_id(),
				       .simulated = engine->work->simulated,
				       .pin.cpu = dhpi_set_row(engine->set, index)->cpu };
		status = keep(engine, kept);
	}
	port_mutex_unlock(&pins->lock);
	return status;
}

enum dhp_status dhp_pin_drop(struct dhp_engine *engine, struct dhp_pin *object)
{
	enum dhp_status status = check(engine, object);
	struct dhpi_pins *pins;
	struct kept *kept;

	if (dhp_failed(status))
		return status;
	DHPI_REQUIRE_PASSIVE();
	pins = &engine->partition->pins;
	port_mutex_lock(&pins->lock);
	kept = find(pins, object);
	status = kept != NULL ? drop(engine, kept) : DHP_BAD_OBJECT;
	port_mutex_unlock(&pins->lock);
	return status;
}

enum dhp_status dhp_pin_read(struct dhp_engine *engine, struct dhp_pin *object, struct dhp_pin_state *out_state)
{
	enum dhp_status status = check(engine, object);
	struct dhpi_pins *pins;
	struct kept *kept;

	if (dhp_failed(status))
		return status;
	if (out_state == NULL)
		return DHP_BAD_RESULT;
	DHPI_REQUIRE_PASSIVE();
	pins = &engine->partition->pins;
	port_mutex_lock(&pins->lock);
	kept = find(pins, object);
	if (kept != NULL)
		*out_state = (struct dhp_pin_state){
			.index = kept->index,
			.status = status_of(engine, kept),
			.restored_count = at_load_relaxed_u64(&kept->pin.restored), /* relaxed: under the lock */
			.refused_count = at_load_relaxed_u64(&kept->pin.refused),   /* likewise */
		};
	port_mutex_unlock(&pins->lock);
	return kept != NULL ? DHP_OK : DHP_BAD_OBJECT;
}
