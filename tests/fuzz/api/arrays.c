/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arrays and counters: a slot for each processor and one for nobody, which never moves and keeps what was written.
 */
#include "world.h"

#define ARRAYS 3u
#define SLOTS (MODEL_PROCESSORS + 1) /* the last is nobody's */
#define COUNTERS 2u

struct mark {
	uint32_t array, index; /* index + 1; 0 for nobody's */
};

static struct array {
	struct dhp_percpu *view;
	uint32_t failing_index; /* its constructor refuses this one; 0: none */
	uint32_t live;          /* constructed and not destructed */
	struct mark *slots[SLOTS];
} arrays[ARRAYS];
static uint32_t order[ARRAYS], order_count; /* of creation */

static struct {
	struct dhp_counter *counter;
	uint64_t sum;
} counters[COUNTERS];

/* ---- constructors ---- */

static enum dhp_status refusal_of(const struct array *array, uint32_t index)
{
	if (array->failing_index == 0 || array->failing_index != index)
		return DHP_OK;
	return (enum dhp_status)(-100 - (int)(array - arrays));
}

enum dhp_status arrays_would_say(uint32_t index)
{
	for (uint32_t i = 0; i < order_count; i++)
		if (refusal_of(&arrays[order[i]], index) != DHP_OK)
			return refusal_of(&arrays[order[i]], index);
	return DHP_OK;
}

static enum dhp_status construct(void *slot, const struct dhp_processor *processor, void *context)
{
	struct array *array = context;
	struct mark *mark = slot;
	enum dhp_status status = processor != NULL ? refusal_of(array, processor->index) : DHP_OK;

	MUST(mark->array == 0 && mark->index == 0);
	*mark = (struct mark){ .array = (uint32_t)(array - arrays) + 1, .index = processor != NULL ? processor->index + 1 : 0 };
	array->live += status == DHP_OK;
	return status;
}

static void destruct(void *slot, const struct dhp_processor *processor, void *context)
{
	struct array *array = context;
	const struct mark *mark = slot;

	MUST(mark->array == (uint32_t)(array - arrays) + 1);
	MUST(mark->index == (processor != NULL ? processor->index + 1 : 0));
	MUST(array->live-- > 0);
}

/* ---- arrays ---- */

static enum dhp_status first_refusal(const struct array *array)
{
	for (uint32_t index = 0; index < world.model.active; index++)
		if (refusal_of(array, index) != DHP_OK)
			return refusal_of(array, index);
	return DHP_OK;
}

static void create(void)
{
	uint32_t at = take_below(ARRAYS), how = take();
	struct array *array = &arrays[at];
	struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = sizeof(struct mark) + (how >> 5) * 100,
		.slot_alignment = how & 1 ? 64 : 0, .placement = how >> 1 & 1, .construct = construct, .destruct = destruct,
		.context = array };
	enum dhp_status expected;

	if (array->view != NULL)
		return;
	*array = (struct array){ .failing_index = how >> 2 & 7 };
	expected = first_refusal(array);
	SAYS(dhp_percpu_create(world.engine, &options, &array->view), expected);
	if (expected == DHP_OK)
		order[order_count++] = at;
	else
		MUST(array->view == NULL && array->live == 0);
}

static void create_badly(void)
{
	const struct dhp_percpu_options good = { .size = sizeof(good), .slot_bytes = 8 };
	struct dhp_percpu_options options = good;
	struct dhp_percpu *none = NULL;

	options.slot_bytes = 0;
	SAYS(dhp_percpu_create(world.engine, &options, &none), DHP_BAD_SIZE);
	options.slot_bytes = ((size_t)1 << 20) + 1;
	SAYS(dhp_percpu_create(world.engine, &options, &none), DHP_BAD_SIZE);
	options = good;
	options.slot_alignment = 1 + take();
	if ((options.slot_alignment & (options.slot_alignment - 1)) != 0)
		SAYS(dhp_percpu_create(world.engine, &options, &none), DHP_BAD_ALIGNMENT);
	options = good;
	options.flags = 1;
	SAYS(dhp_percpu_create(world.engine, &options, &none), DHP_BAD_FLAGS);
	options = good;
	options.size++;
	SAYS(dhp_percpu_create(world.engine, &options, &none), DHP_BAD_OPTIONS);
	SAYS(dhp_percpu_create(world.engine, NULL, &none), DHP_BAD_OPTIONS);
	SAYS(dhp_percpu_create(world.engine, &good, NULL), DHP_BAD_RESULT);
	MUST(none == NULL);
}

static void destroy_array(struct array *array)
{
	uint32_t count = 0;

	SAYS(dhp_percpu_destroy(array->view), array->view != NULL && world.in_section ? DHP_IN_SECTION : DHP_OK);
	if (array->view == NULL || world.in_section)
		return;
	MUST(array->live == 0);
	for (uint32_t i = 0; i < order_count; i++)
		if (order[i] != (uint32_t)(array - arrays))
			order[count++] = order[i];
	order_count = count;
	array->view = NULL;
}

static void destroy(void)
{
	destroy_array(&arrays[take_below(ARRAYS)]);
}

static void count_slot(void *slot, const struct dhp_processor *processor, void *context)
{
	uint32_t *count = context;

	MUST(((struct mark *)slot)->index == *count);
	MUST((processor != NULL ? processor->index + 1 : 0) == *count);
	++*count;
}

static void check_slot(struct array *array, uint32_t at, void *slot)
{
	if (array->slots[at] == NULL)
		array->slots[at] = slot;
	MUST(slot != NULL && array->slots[at] == slot);
	MUST(array->slots[at]->array == (uint32_t)(array - arrays) + 1);
	MUST(array->slots[at]->index == (at == SLOTS - 1 ? 0 : at + 1));
}

static void check_array(struct array *array)
{
	uint32_t count = 0;
	bool is_here = false;
	void *here = dhp_percpu_here(array->view);

	for (uint32_t index = 0; index < world.model.active; index++)
		check_slot(array, index, dhp_percpu_at(array->view, index));
	check_slot(array, SLOTS - 1, dhp_percpu_fallback(array->view));
	MUST(dhp_percpu_at(array->view, world.model.active) == NULL);
	MUST(array->live == world.model.active + 1);
	SAYS(dhp_percpu_each(array->view, count_slot, &count, NULL), DHP_OK);
	MUST(count == world.model.active + 1);
	for (uint32_t at = 0; at < SLOTS; at++)
		is_here = is_here || here == array->slots[at];
	MUST(is_here);
}

/* ---- counters ---- */

static void create_counter(void)
{
	uint32_t at = take_below(COUNTERS);

	SAYS(dhp_counter_create(world.engine, NULL), DHP_BAD_RESULT);
	if (counters[at].counter != NULL)
		return;
	SAYS(dhp_counter_create(world.engine, &counters[at].counter), DHP_OK);
	counters[at].sum = 0;
}

static void add_to_counter(void)
{
	uint32_t at = take_below(COUNTERS);
	uint64_t amount = (uint64_t)take() << take_below(64);

	if (counters[at].counter == NULL)
		return;
	dhp_counter_add(counters[at].counter, amount);
	counters[at].sum += amount;
}

static void destroy_counter(uint32_t at)
{
	bool is_there = counters[at].counter != NULL;

	SAYS(dhp_counter_destroy(counters[at].counter), is_there && world.in_section ? DHP_IN_SECTION : DHP_OK);
	if (!world.in_section)
		counters[at].counter = NULL;
}

static void destroy_one_counter(void)
{
	destroy_counter(take_below(COUNTERS));
}

/* ---- the part ---- */

static void begin(void)
{
	memset(arrays, 0, sizeof(arrays));
	memset(counters, 0, sizeof(counters));
	order_count = 0;
}

static void check(void)
{
	for (uint32_t i = 0; i < ARRAYS; i++)
		if (arrays[i].view != NULL)
			check_array(&arrays[i]);
	for (uint32_t i = 0; i < COUNTERS; i++)
		if (counters[i].counter != NULL)
			MUST(dhp_counter_sum(counters[i].counter) == counters[i].sum);
}

static bool holds_engine(void)
{
	return order_count > 0 || counters[0].counter != NULL || counters[1].counter != NULL;
}

static void end(void)
{
	for (uint32_t i = 0; i < ARRAYS; i++)
		destroy_array(&arrays[i]);
	for (uint32_t i = 0; i < COUNTERS; i++)
		destroy_counter(i);
}

static const struct operation operations[] = {
	{ "array create", create, false }, { "array create", create, false }, { "array create badly", create_badly, false },
	{ "array destroy", destroy, true }, { "counter create", create_counter, false }, { "counter add", add_to_counter, false },
	{ "counter destroy", destroy_one_counter, true },
};

const struct part arrays_part = { operations, COUNT(operations), begin, check, holds_engine, end };
