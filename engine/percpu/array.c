/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * array.c - arrays with a slot for every processor, that grow while they are read.
 *
 * Problem   readers index an array by their cpu while processors arrive; a reader may pay one load more than for a
 *           static array, never wait, and keep a slot's address as long as it likes.
 * Idea      reserve address space for every cpu id there could ever be. It costs nothing until it is touched. The slot
 *           of a cpu is base + cpu * stride: no directory, so no dependent load, and nothing to replace.
 * Picture             base
 *           | fallback | cpu 0 | cpu 1 | ....... | cpu n |      touched: fallback, and each processor that is here
 *
 *           One byte for each cpu id, shared by all arrays of the engine, says whether the slot may be used. It is read
 *           beside the slot and not before it: the branch is predicted, so it adds nothing to the latency.
 *
 * I1        a slot never moves and is never given back before its array.
 * I2        the byte of a cpu is set after its slots were constructed in every array, and never cleared.
 * I3        an array is made between arrivals, and has a slot for every processor of that moment before its handle
 *           is known to anybody.
 *
 * Progress  reading is wait-free. Creation, destruction and growth block; no reader waits for them.
 * Not       a way to free the slot of one processor: what is in a slot may go away, by an epoch; the slot stays.
 */
#include "percpu.h"

#define SLOT_BYTES_LIMIT ((size_t)1 << 20)

struct array {
	struct dhp_percpu view; /* what readers have; first, so that the handle is a pointer to both */
	struct dhpi_space *space;
	struct dhpi_link link; /* under space->serial */
	struct dhp_percpu_options options;
	void *range;
	size_t range_bytes;
	size_t resident; /* so many bytes of a slot, from its start, are made resident before its processor comes */
	struct at_u64 touched; /* what is to be resident of so many bytes of the range, from its start, is; neighbours share pages */
	uint32_t ready; /* under serial: slots of lower cpu ids need nothing: no constructor, resident, and zeros or long made */
	bool internal;  /* one of the engine's own */
	bool stale;     /* under serial: an attempt has failed, slots beyond those that are here may hold what it left */
};

static struct array *array_of(const struct dhp_percpu *view)
{
	return DHPI_CONTAINER(view, struct array, view);
}

static struct array *array_at(struct dhpi_link *link)
{
	return DHPI_CONTAINER(link, struct array, link);
}

void dhpi_space_init(struct dhpi_space *space, struct port_mutex *serial, struct dhpi_set *set,
		     struct dhpi_epoch *epoch, bool simulated)
{
	space->serial = serial;
	space->set = set;
	space->epoch = epoch;
	space->cpu_word = port_cpu_word(simulated);
	dhpi_list_init(&space->arrays);
}

/* ---- one slot ---- */

/* Of what is made resident. */
static size_t end_of_slot(const struct array *array, const void *slot)
{
	return (size_t)((const char *)slot - (const char *)array->range) + array->resident;
}

static bool is_touched(const struct array *array, const void *slot)
{
	return end_of_slot(array, slot) <= at_load_relaxed_u64(&array->touched); /* relaxed: the kernel maps a page for all */
}

/* A system call for each page, not for each slot. A slot beyond a gap is touched by itself. */
static bool touch_slot(struct array *array, void *slot, uint32_t node)
{
	size_t end = end_of_slot(array, slot), begin = end - array->resident, page, left_out;

	if (is_touched(array, slot))
		return true;
	if (!port_touch(slot, array->resident, node))
		return false;
	page = port_page_bytes();
	left_out = (array->view.stride - array->resident) & ~(page - 1); /* whole pages, at the end of a slot */
	if (begin < at_load_relaxed_u64(&array->touched) + left_out + page) /* its first page is the next one, or shared */
		at_store_relaxed_u64(&array->touched, dhpi_round_up(end, page)); /* relaxed: an older number costs a call */
	return true;
}

bool dhpi_percpu_touch(struct dhp_percpu *view, uint32_t cpu, uint32_t node)
{
	return touch_slot(array_of(view), dhpi_percpu_slot(view, cpu), node);
}

/* Zeros that are there are a slot. */
static uint32_t touched_cpus(const struct array *array)
{
	size_t touched = (size_t)at_load_relaxed_u64(&array->touched); /* relaxed: as in is_touched */
	size_t first = end_of_slot(array, array->view.base);

	return touched < first ? 0 : (uint32_t)((touched - first) / array->view.stride) + 1;
}

static enum dhp_status make_slot(struct array *array, void *slot, const struct dhp_processor *processor)
{
	uint32_t node = processor != NULL && array->options.placement == DHP_PLACE_NODE ? processor->node : DHP_NO_INDEX;
	unsigned char *bytes = slot;

	if (!touch_slot(array, slot, node))
		return DHP_NO_MEMORY;
	/* The engine's own slots are not cleared: who was told of the attempt that failed may still have one in hand. */
	for (size_t i = 0; array->stale && !array->internal && i < array->options.slot_bytes; i++)
		bytes[i] = 0;
	if (array->options.construct != NULL)
		return array->options.construct(slot, processor, array->options.context);
	if (!array->stale)
		array->ready = touched_cpus(array);
	return DHP_OK;
}

static void destruct_slot(struct array *array, void *slot, const struct dhp_processor *processor)
{
	if (array->options.destruct != NULL)
		array->options.destruct(slot, processor, array->options.context);
}

/* ---- one processor, all arrays ---- */

static void spoil(struct array *array)
{
	array->stale = true;
	array->ready = 0;
}

static void destruct_before(struct dhpi_space *space, struct dhpi_link *end, const struct dhp_processor *processor)
{
	for (struct dhpi_link *at = end->prev; at != &space->arrays; at = at->prev) {
		spoil(array_at(at));
		destruct_slot(array_at(at), dhpi_percpu_slot(&array_at(at)->view, processor->cpu), processor);
	}
}

/* The first from `at` on that has something to do for this cpu; the end: none. Most arrays of most arrivals have nothing. */
static inline struct dhpi_link *next_to_make(const struct dhpi_space *space, struct dhpi_link *at, uint32_t cpu)
{
	while (at != &space->arrays && cpu < array_at(at)->ready)
		at = at->next;
	return at;
}

/* Apart: its frame would be paid for where there is nothing to do. */
static __attribute__((__noinline__)) enum dhp_status make_from(struct dhpi_space *space, struct dhpi_link *at,
							      const struct dhp_processor *processor)
{
	for (; at != &space->arrays; at = next_to_make(space, at->next, processor->cpu)) {
		struct array *array = array_at(at);
		enum dhp_status status = make_slot(array, dhpi_percpu_slot(&array->view, processor->cpu), processor);

		if (dhp_failed(status)) {
			spoil(array); /* its constructor may have begun */
			destruct_before(space, at, processor);
			return status;
		}
	}
	return DHP_OK;
}

enum dhp_status dhpi_space_prepare(struct dhpi_space *space, const struct dhp_processor *processor)
{
	struct dhpi_link *first = next_to_make(space, space->arrays.next, processor->cpu);

	return first == &space->arrays ? DHP_OK : make_from(space, first, processor);
}

void dhpi_space_unprepare(struct dhpi_space *space, const struct dhp_processor *processor)
{
	destruct_before(space, &space->arrays, processor);
}

/* ---- one array, all processors ---- */

DHPI_WRAPS("a count that runs down goes past zero once")
static void destruct_slots(struct array *array, uint32_t count)
{
	while (count-- > 0) {
		const struct dhp_processor *row = dhpi_set_row(array->space->set, count);

		destruct_slot(array, dhpi_percpu_slot(&array->view, row->cpu), row);
	}
	destruct_slot(array, dhp_percpu_fallback(&array->view), NULL);
}

static enum dhp_status construct_slots(struct array *array)
{
	uint32_t active = dhpi_set_active(array->space->set);
	enum dhp_status status = make_slot(array, dhp_percpu_fallback(&array->view), NULL);

	if (dhp_failed(status))
		return status;
	for (uint32_t index = 0; index < active; index++) {
		const struct dhp_processor *row = dhpi_set_row(array->space->set, index);

		status = make_slot(array, dhpi_percpu_slot(&array->view, row->cpu), row);
		if (dhp_failed(status)) {
			destruct_slots(array, index);
			return status;
		}
	}
	return DHP_OK;
}

/* Strides are powers of two, at least two lines: slots are aligned and neighbours share no line. */
static uint32_t stride_of(const struct dhp_percpu_options *options)
{
	size_t bytes = options->slot_bytes;

	if (bytes < DHP_LINE_PAIR_BYTES)
		bytes = DHP_LINE_PAIR_BYTES;
	if (bytes < options->slot_alignment)
		bytes = options->slot_alignment;
	if (options->placement == DHP_PLACE_NODE && bytes < port_page_bytes())
		bytes = port_page_bytes();
	return 1u << dhpi_shift_for(bytes);
}

/*
 * How far cpu 0 is from the start of the range. In front of it lie the fallback slot and, of small slots, what a cpu word's -2
 * leads to where it is taken as a signed number. Small slots begin elsewhere in each array: else all of a processor's would lie
 * equally far from a page's start, share one set of its first cache, and a load from one would wait for a store to another,
 * because addresses are compared by their distance from a page's start first. The fallback slot stays in the first page: what is touched
 * is noted from the start of the range on.
 */
static size_t front_of(struct dhpi_space *space, size_t stride)
{
	size_t starts = port_page_bytes() / stride;

	return starts > 1 ? (2 + space->arrays_made++ % (starts - 1)) * stride : stride;
}

/*
 * All that the word can say is in the range, whether it is announced or not. It starts on a page, so that slots are aligned to their
 * stride.
 */
static bool reserve_range(struct array *array, struct dhpi_space *space)
{
	uint32_t cpus = space->set->cpu_limit > space->cpu_word.limit ? space->set->cpu_limit : space->cpu_word.limit;
	size_t front = front_of(space, array->view.stride);

	array->range_bytes = front + (size_t)cpus * array->view.stride;
	array->range = port_reserve(array->range_bytes);
	if (array->range == NULL)
		return false;
	array->view.base = (unsigned char *)array->range + front;
	return true;
}

static struct array *array_alloc(struct dhpi_space *space, const struct dhp_percpu_options *options, size_t resident)
{
	struct array *array = port_alloc(sizeof(*array));

	if (array == NULL)
		return NULL;
	array->space = space;
	array->options = *options;
	array->view.announced = (const uint8_t *)(const void *)space->set->announced;
	array->view.cpu_word = space->cpu_word.distance;
	array->view.restartable = space->cpu_word.restartable;
	array->view.worker_word = space->cpu_word.worker_distance;
	array->view.stride = stride_of(options);
	array->resident = resident != 0 ? resident : array->view.stride;
	if (reserve_range(array, space))
		return array;
	port_free(array, sizeof(*array));
	return NULL;
}

static void array_free(struct array *array)
{
	port_unreserve(array->range, array->range_bytes);
	port_free(array, sizeof(*array));
}

static enum dhp_status create(struct dhpi_space *space, const struct dhp_percpu_options *options, bool internal, size_t resident,
			      struct dhp_percpu **out_array)
{
	struct array *array = array_alloc(space, options, resident);
	enum dhp_status status;

	if (array == NULL)
		return DHP_NO_MEMORY;
	array->internal = internal;
	status = construct_slots(array);
	if (dhp_failed(status)) {
		array_free(array);
		return status;
	}
	dhpi_list_push_tail(&space->arrays, &array->link);
	*out_array = &array->view;
	return DHP_OK;
}

enum dhp_status dhpi_percpu_create(struct dhpi_space *space, const struct dhp_percpu_options *options, size_t resident,
				   struct dhp_percpu **out_array)
{
	return create(space, options, true, resident, out_array);
}

void dhpi_percpu_destroy(struct dhp_percpu *view)
{
	struct array *array = array_of(view);

	dhpi_list_unlink(&array->link);
	destruct_slots(array, dhpi_set_active(array->space->set));
	array_free(array);
}

/* ---- the public calls ---- */

static enum dhp_status check_options(const struct dhp_percpu_options *options)
{
	if (options == NULL || options->size != sizeof(*options) || options->placement > DHP_PLACE_NODE)
		return DHP_BAD_OPTIONS;
	if (options->slot_bytes == 0 || options->slot_bytes > SLOT_BYTES_LIMIT)
		return DHP_BAD_SIZE;
	if (options->slot_alignment != 0 &&
	    (!dhpi_power_of_two(options->slot_alignment) || options->slot_alignment > 4096))
		return DHP_BAD_ALIGNMENT;
	return options->flags == 0 ? DHP_OK : DHP_BAD_FLAGS;
}

enum dhp_status dhp_percpu_create(struct dhp_engine *engine, const struct dhp_percpu_options *options,
				  struct dhp_percpu **out_array)
{
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	status = check_options(options);
	if (dhp_failed(status))
		return status;
	if (out_array == NULL)
		return DHP_BAD_RESULT;
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(engine->space->serial))
		return DHP_IN_CALLBACK;
	port_mutex_lock(engine->space->serial);
	status = create(engine->space, options, false, 0, out_array);
	if (status == DHP_OK)
		(void)at_fetch_add_relaxed_u32(&engine->space->user_arrays, 1); /* relaxed: under serial */
	port_mutex_unlock(engine->space->serial);
	return status;
}

enum dhp_status dhp_percpu_destroy(struct dhp_percpu *view)
{
	struct dhpi_space *space;

	if (view == NULL)
		return DHP_OK;
	space = array_of(view)->space;
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(space->serial))
		return DHP_IN_CALLBACK;
	if (port_self()->sections != 0)
		return DHP_IN_SECTION;
	dhpi_epoch_synchronize(space->epoch);
	port_mutex_lock(space->serial);
	dhpi_percpu_destroy(view);
	(void)at_fetch_sub_relaxed_u32(&space->user_arrays, 1); /* relaxed: under serial */
	port_mutex_unlock(space->serial);
	return DHP_OK;
}

void *dhp_percpu_fallback(const struct dhp_percpu *array)
{
	return array->base - array->stride;
}

const struct dhpi_set *dhpi_percpu_set(const struct dhp_percpu *array)
{
	return array_of(array)->space->set;
}

void *dhp_percpu_at(const struct dhp_percpu *array, uint32_t index)
{
	const struct dhpi_set *set = dhpi_percpu_set(array);

	return index < dhpi_set_active(set) ? dhpi_percpu_slot(array, set->table[index].cpu) : NULL;
}

/* A word that says "none" belongs to a thread without an rseq area, or without a simulated processor. */
void *dhp_percpu_here_slow(const struct dhp_percpu *array)
{
	const struct dhpi_set *set = dhpi_percpu_set(array);
	uint32_t cpu = dhp_percpu_cpu_here(array);

	if ((int32_t)cpu < 0 && array_of(array)->space->cpu_word.ask)
		cpu = port_cpu_ask();
	if (cpu < set->cpu_limit && at_load_acquire_u8(&set->announced[cpu]) != 0) /* [slot-publish] acquire */
		return dhpi_percpu_slot(array, cpu);
	return dhp_percpu_fallback(array);
}

enum dhp_status dhp_percpu_each(const struct dhp_percpu *array, dhp_slot_visit *visit, void *context,
				uint64_t *out_generation)
{
	const struct dhpi_set *set;
	struct dhp_counts counts;

	if (array == NULL)
		return DHP_BAD_OBJECT;
	if (visit == NULL)
		return DHP_BAD_CALLBACK;
	set = dhpi_percpu_set(array);
	dhpi_set_counts(set, &counts);
	visit(dhp_percpu_fallback(array), NULL, context);
	for (uint32_t index = 0; index < counts.active; index++) {
		const struct dhp_processor *row = dhpi_set_row(set, index);

		visit(dhpi_percpu_slot(array, row->cpu), row, context);
	}
	if (out_generation != NULL)
		*out_generation = counts.generation;
	return DHP_OK;
}
