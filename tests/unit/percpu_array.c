/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arrays with a slot for every processor: where the slots are, what is in them, who makes and unmakes them.
 */
#include "support.h"

#include <sys/mman.h>

#include "parts.h"
#include "percpu.h"

static struct dhp_percpu *make_array(struct dhp_engine *engine, size_t bytes, size_t alignment, uint32_t placement)
{
	const struct dhp_percpu_options options = {
		.size = sizeof(options), .slot_bytes = bytes, .slot_alignment = alignment, .placement = placement
	};
	struct dhp_percpu *array = NULL;

	assert_ok(dhp_percpu_create(engine, &options, &array));
	assert_non_null(array);
	return array;
}

static bool is_zero(const void *slot, size_t bytes)
{
	const unsigned char *at = slot;

	for (size_t i = 0; i < bytes; i++)
		if (at[i] != 0)
			return false;
	return true;
}

static uintptr_t distance(const void *a, const void *b)
{
	return (uintptr_t)a > (uintptr_t)b ? (uintptr_t)a - (uintptr_t)b : (uintptr_t)b - (uintptr_t)a;
}

/* ---- where slots are ---- */

/* Zeroed, aligned, two lines apart at least, and apart by their own size. */
static void assert_slots_apart(struct dhp_percpu *array, uint32_t count, size_t bytes, size_t alignment, size_t apart)
{
	for (uint32_t index = 0; index <= count; index++) {
		void *slot = index < count ? dhp_percpu_at(array, index) : dhp_percpu_fallback(array);

		assert_non_null(slot);
		assert_int_equal((uintptr_t)slot % alignment, 0);
		assert_true(is_zero(slot, bytes));
		for (uint32_t other = 0; other < index; other++)
			assert_true(distance(slot, dhp_percpu_at(array, other)) >= apart);
		memset(slot, 0xff, bytes);
	}
}

static void slots_are_zeroed_aligned_and_apart(void **state)
{
	static const size_t sizes[] = { 1, 8, 127, 128, 129, 200, 4095, 4096, 4097, 1u << 20 };
	static const size_t alignments[] = { 0, 1, 2, 64, 128, 256, 1024, 4096 };
	const struct sim_setup setup = { .maximum = 6, .initial = 4, .gap = 3, .seed = 9,
		.flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = make_sim(&setup);

	(void)state;
	for (size_t i = 0; i < LENGTH(sizes); i++) {
		for (size_t j = 0; j < LENGTH(alignments); j++) {
			size_t alignment = alignments[j] != 0 ? alignments[j] : DHP_LINE_PAIR_BYTES;
			size_t apart = sizes[i] > DHP_LINE_PAIR_BYTES ? sizes[i] : DHP_LINE_PAIR_BYTES;
			struct dhp_percpu *array = make_array(engine, sizes[i], alignments[j], DHP_PLACE_DENSE);

			assert_slots_apart(array, 4, sizes[i], alignment, apart);
			assert_ok(dhp_percpu_destroy(array));
		}
	}
	end_engine(engine);
}

/* Else a processor's slots in many arrays would share one set of its cache. */
static void arrays_of_small_slots_begin_at_different_distances_from_a_page(void **state)
{
	enum { STARTS = 4096 / DHP_LINE_PAIR_BYTES - 1 };
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct dhp_percpu *arrays[STARTS];
	bool seen[STARTS + 1] = { false };

	(void)state;
	for (uint32_t i = 0; i < STARTS; i++) {
		uintptr_t start;

		arrays[i] = make_array(engine, DHP_LINE_PAIR_BYTES, 0, DHP_PLACE_DENSE);
		start = (uintptr_t)dhp_percpu_at(arrays[i], 0) % 4096 / DHP_LINE_PAIR_BYTES;
		assert_false(seen[start]);
		seen[start] = true;
	}
	for (uint32_t i = 0; i < STARTS; i++)
		assert_ok(dhp_percpu_destroy(arrays[i]));
	end_engine(engine);
}

static void placed_by_node_each_slot_has_its_own_pages(void **state)
{
	const struct sim_setup setup = { .maximum = 6, .initial = 4, .nodes = 2, .flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = make_sim(&setup);
	struct dhp_percpu *array = make_array(engine, 64, 0, DHP_PLACE_NODE);

	(void)state;
	assert_slots_apart(array, 4, 64, 4096, 4096);
	add_positions(engine, 4, 6);
	assert_true(is_zero(dhp_percpu_at(array, 5), 64));
	assert_int_equal((uintptr_t)dhp_percpu_at(array, 5) % 4096, 0);
	assert_ok(dhp_percpu_destroy(array));
	array = make_array(engine, 4097, 128, DHP_PLACE_NODE);
	assert_slots_apart(array, 6, 4097, 4096, 8192);
	assert_ok(dhp_percpu_destroy(array));
	end_engine(engine);
}

static void wrong_options_are_refused(void **state)
{
	const struct dhp_percpu_options good = { .size = sizeof(good), .slot_bytes = 8 };
	static const size_t bad_sizes[] = { 0, (1u << 20) + 1, SIZE_MAX };
	static const size_t bad_alignments[] = { 3, 12, 129, 8192, SIZE_MAX, (SIZE_MAX >> 1) + 1 };
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_percpu *array = NULL;
	struct dhp_percpu_options bad;

	(void)state;
	bad = good;
	bad.size = 0;
	assert_status(dhp_percpu_create(engine, &bad, &array), DHP_BAD_OPTIONS);
	bad.size = sizeof(bad) + 1;
	assert_status(dhp_percpu_create(engine, &bad, &array), DHP_BAD_OPTIONS);
	bad = good;
	bad.placement = 2;
	assert_status(dhp_percpu_create(engine, &bad, &array), DHP_BAD_OPTIONS);
	bad = good;
	bad.flags = 1;
	assert_status(dhp_percpu_create(engine, &bad, &array), DHP_BAD_FLAGS);
	bad = good;
	for (size_t i = 0; i < LENGTH(bad_sizes); i++) {
		bad.slot_bytes = bad_sizes[i];
		assert_status(dhp_percpu_create(engine, &bad, &array), DHP_BAD_SIZE);
	}
	bad = good;
	for (size_t i = 0; i < LENGTH(bad_alignments); i++) {
		bad.slot_alignment = bad_alignments[i];
		assert_status(dhp_percpu_create(engine, &bad, &array), DHP_BAD_ALIGNMENT);
	}
	assert_null(array);
	end_engine(engine);
}

static void slots_stay_where_they_are_and_keep_what_they_hold(void **state)
{
	const struct sim_setup setup = { .maximum = 200, .initial = 1, .gap = 20, .seed = 4,
		.flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = make_sim(&setup);
	struct dhp_percpu *array = make_array(engine, sizeof(uint64_t), 0, DHP_PLACE_DENSE);
	uint64_t *slots[200];

	(void)state;
	for (uint32_t index = 0; index < 200; index++) {
		if (index > 0)
			add_positions(engine, index, index + 1);
		slots[index] = dhp_percpu_at(array, index);
		assert_non_null(slots[index]);
		assert_true(*slots[index] == 0);
		*slots[index] = 1000 + index;
		assert_null(dhp_percpu_at(array, index + 1));
		for (uint32_t other = 0; other <= index; other++) {
			assert_ptr_equal(dhp_percpu_at(array, other), slots[other]);
			assert_true(*slots[other] == 1000 + other);
		}
	}
	assert_ok(dhp_percpu_destroy(array));
	end_engine(engine);
}

static void nothing_lies_beyond_the_active_ones(void **state)
{
	struct dhp_engine *engine = make_sim_of(8, 3);
	struct dhp_percpu *array = make_array(engine, 8, 0, DHP_PLACE_DENSE);

	(void)state;
	assert_non_null(dhp_percpu_at(array, 2));
	assert_null(dhp_percpu_at(array, 3));
	assert_null(dhp_percpu_at(array, 7));
	assert_null(dhp_percpu_at(array, 8));
	assert_null(dhp_percpu_at(array, DHP_NO_INDEX));
	assert_ok(dhp_percpu_destroy(array));
	end_engine(engine);
}

/* ---- the slot of the caller ---- */

static void caller_on_unannounced_processor_has_the_fallback_slot_S035(void **state)
{
	const struct sim_setup setup = { .maximum = 6, .initial = 2, .gap = 4, .seed = 2 };
	struct dhp_engine *engine = make_sim(&setup);
	struct dhp_percpu *array = make_array(engine, 8, 0, DHP_PLACE_DENSE);
	void *fallback = dhp_percpu_fallback(array);

	(void)state;
	assert_ptr_equal(dhp_percpu_here(array), fallback); /* on no simulated processor at all */
	for (uint32_t position = 0; position < 6; position++) {
		assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, position)));
		if (position < 2)
			assert_ptr_equal(dhp_percpu_here(array), dhp_percpu_at(array, position));
		else
			assert_ptr_equal(dhp_percpu_here(array), fallback);
	}
	add_positions(engine, 5, 6);
	assert_ptr_equal(dhp_percpu_here(array), dhp_percpu_at(array, 2)); /* announced meanwhile */
	dhp_sim_exit();
	assert_ptr_equal(dhp_percpu_here(array), fallback);
	for (uint32_t index = 0; index < 3; index++)
		assert_ptr_not_equal(dhp_percpu_at(array, index), fallback);
	assert_ok(dhp_percpu_destroy(array));
	end_engine(engine);
}

/* An id that is in range of one engine may be out of range of another. */
static void caller_on_processor_of_a_larger_partition_has_the_fallback_slot_S035(void **state)
{
	struct dhp_engine *large = make_sim_of(4096, 1), *small = make_sim_of(2, 2);
	struct dhp_percpu *array = make_array(small, 8, 0, DHP_PLACE_DENSE);

	(void)state;
	assert_ok(dhp_sim_enter(large, dhp_sim_cpu(large, 4095)));
	assert_ptr_equal(dhp_percpu_here(array), dhp_percpu_fallback(array));
	assert_int_equal(dhp_index_here(small), 0);
	dhp_sim_exit();
	assert_ok(dhp_percpu_destroy(array));
	end_engine(small);
	end_engine(large);
}

struct stander {
	struct dhp_percpu *array;
	uint64_t right, wrong;
};

static void stand(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct stander *stander = context;
	uint32_t index = (uint32_t)(uintptr_t)argument_1;

	(void)dpc;
	(void)argument_2;
	(void)bump(dhp_percpu_here(stander->array) == dhp_percpu_at(stander->array, index) ? &stander->right
											  : &stander->wrong);
}

static void dpc_has_the_slot_of_its_processor(void **state)
{
	struct dhp_engine *engine = make_sim_of(12, 4);
	struct stander stander = { .array = make_array(engine, 8, 0, DHP_PLACE_DENSE) };
	struct dhp_dpc dpcs[12];

	(void)state;
	add_positions(engine, 4, 12);
	for (uint32_t index = 0; index < 12; index++) {
		assert_ok(dhp_dpc_init(&dpcs[index], engine, stand, &stander));
		assert_ok(dhp_dpc_set_target(&dpcs[index], index));
		assert_ok(dhp_dpc_insert(&dpcs[index], (void *)(uintptr_t)index, NULL));
	}
	assert_ok(dhp_dpc_flush(engine));
	assert_true(peek(&stander.right) == 12);
	assert_true(peek(&stander.wrong) == 0);
	assert_ok(dhp_percpu_destroy(stander.array));
	end_engine(engine);
}

/* ---- constructors and destructors ---- */

#define KEPT 64u

struct maker {
	uint32_t made[KEPT], unmade[KEPT]; /* by index */
	uint32_t made_fallback, unmade_fallback;
	uint32_t order[KEPT];
	uint32_t order_count;
	uint32_t refuse_index; /* DHP_NO_INDEX: nobody; KEPT: the fallback slot */
	uint32_t faults;
	struct dhp_percpu **watched; /* its slot must not be reachable during construction */
};

static enum dhp_status make_slot(void *slot, const struct dhp_processor *processor, void *context)
{
	struct maker *maker = context;
	uint32_t index = processor != NULL ? processor->index : KEPT;

	if (!is_zero(slot, 40))
		maker->faults++;
	memset(slot, 0xab, 40);
	if (maker->refuse_index == index)
		return DHP_NO_MEMORY;
	if (maker->watched != NULL && *maker->watched != NULL && dhp_percpu_at(*maker->watched, index) != NULL)
		maker->faults++;
	if (processor != NULL)
		maker->made[index]++;
	else
		maker->made_fallback++;
	if (maker->order_count < KEPT)
		maker->order[maker->order_count++] = index;
	return DHP_OK;
}

static void unmake_slot(void *slot, const struct dhp_processor *processor, void *context)
{
	struct maker *maker = context;
	const unsigned char *bytes = slot;

	if (bytes[0] != 0xab)
		maker->faults++;
	if (processor != NULL)
		maker->unmade[processor->index]++;
	else
		maker->unmade_fallback++;
}

static enum dhp_status create_made(struct dhp_engine *engine, struct maker *maker, struct dhp_percpu **out_array)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 40,
		.construct = make_slot, .destruct = unmake_slot, .context = maker };

	return dhp_percpu_create(engine, &options, out_array);
}

static void each_slot_is_made_once_and_unmade_once(void **state)
{
	struct dhp_engine *engine = make_sim_of(20, 5);
	struct maker maker = { .refuse_index = DHP_NO_INDEX };
	struct dhp_percpu *array = NULL;

	(void)state;
	maker.watched = &array;
	assert_ok(create_made(engine, &maker, &array));
	assert_int_equal(maker.order_count, 6);
	assert_int_equal(maker.order[0], KEPT); /* the fallback slot first */
	add_positions(engine, 5, 20);
	for (uint32_t index = 0; index < 20; index++) {
		assert_int_equal(maker.made[index], 1);
		assert_int_equal(maker.unmade[index], 0);
	}
	assert_ok(dhp_percpu_destroy(array));
	for (uint32_t index = 0; index < 20; index++)
		assert_int_equal(maker.unmade[index], 1);
	assert_int_equal(maker.made_fallback, 1);
	assert_int_equal(maker.unmade_fallback, 1);
	assert_int_equal(maker.faults, 0);
	end_engine(engine);
}

static void constructor_that_fails_takes_creation_back(void **state)
{
	struct dhp_engine *engine = make_sim_of(20, 5);

	(void)state;
	for (uint32_t refuse = 0; refuse <= 5; refuse++) {
		struct maker maker = { .refuse_index = refuse < 5 ? refuse : KEPT };
		struct dhp_percpu *array = NULL;

		assert_status(create_made(engine, &maker, &array), DHP_NO_MEMORY);
		assert_null(array);
		for (uint32_t index = 0; index < 5; index++) {
			assert_int_equal(maker.made[index], refuse < 5 && index < refuse ? 1 : 0);
			assert_int_equal(maker.unmade[index], maker.made[index]);
		}
		assert_int_equal(maker.made_fallback, refuse < 5 ? 1 : 0);
		assert_int_equal(maker.unmade_fallback, maker.made_fallback);
		assert_int_equal(maker.faults, 0);
	}
	add_positions(engine, 5, 6); /* nothing of the failed arrays is left to be constructed */
	end_engine(engine);
}

/* ---- slots without a constructor ---- */

static void spoil_slot(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)processor;
	(void)context;
	memset(slot, 0xdd, 40);
}

/*
 * The attempt fails in a later array, so this one's slot is unmade, and made again by the next attempt: at once, or when another
 * processor has come first.
 */
static void slot_that_was_unmade_is_zero_when_it_is_made_again(void **state)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 40, .destruct = spoil_slot };
	struct dhp_engine *engine = make_sim_of(4, 1);
	struct maker maker = { .refuse_index = DHP_NO_INDEX };
	struct dhp_percpu *array = NULL, *later = NULL;

	(void)state;
	assert_ok(dhp_percpu_create(engine, &options, &array));
	assert_ok(create_made(engine, &maker, &later));
	maker.refuse_index = 1;
	assert_status(add_position(engine, 1), DHP_NO_MEMORY);
	assert_status(add_position(engine, 2), DHP_NO_MEMORY);
	maker.refuse_index = DHP_NO_INDEX;
	assert_ok(add_position(engine, 1));
	assert_true(is_zero(dhp_percpu_at(array, 1), 40));
	assert_ok(add_position(engine, 2));
	assert_true(is_zero(dhp_percpu_at(array, 2), 40));
	assert_int_equal(maker.faults, 0);
	assert_ok(dhp_percpu_destroy(later));
	assert_ok(dhp_percpu_destroy(array));
	end_engine(engine);
}

/* Who was told of the attempt that failed may still have it in hand. */
static void slot_of_the_engines_own_keeps_what_an_attempt_left(void **state)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 8 };
	struct dhp_engine *engine = make_sim_of(4, 1);
	struct maker maker = { .refuse_index = DHP_NO_INDEX };
	struct dhp_percpu *own = NULL, *later = NULL;
	uint64_t *slot;

	(void)state;
	port_mutex_lock(engine->space->serial);
	assert_ok(dhpi_percpu_create(engine->space, &options, 0, &own));
	port_mutex_unlock(engine->space->serial);
	assert_ok(create_made(engine, &maker, &later));
	slot = dhpi_percpu_slot(own, dhp_sim_cpu(engine, 1));
	maker.refuse_index = 1;
	assert_status(add_position(engine, 1), DHP_NO_MEMORY);
	*slot = 7;
	maker.refuse_index = DHP_NO_INDEX;
	assert_ok(add_position(engine, 1));
	assert_true(*slot == 7);
	assert_int_equal(maker.faults, 0);
	assert_ok(dhp_percpu_destroy(later));
	port_mutex_lock(engine->space->serial);
	dhpi_percpu_destroy(own);
	port_mutex_unlock(engine->space->serial);
	end_engine(engine);
}

/* The emulation of another machine's programs says that pages are there which it did not ask the system for. */
static bool pages_come_when_asked_for(void)
{
	unsigned char resident = 0;
	bool told = false;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(page != MAP_FAILED);
#ifdef MADV_POPULATE_WRITE
	told = madvise(page, 4096, MADV_POPULATE_WRITE) == 0;
#endif
	assert_int_equal(mincore(page, 1, &resident), 0);
	assert_int_equal(munmap(page, 4096), 0);
	return !told || (resident & 1) != 0;
}

/* So that there is memory for it, or the processor does not arrive: nobody who uses the slot waits for a page. */
static bool is_resident(void *page)
{
	unsigned char resident;

	assert_int_equal(mincore(page, 1, &resident), 0);
	return (resident & 1) != 0;
}

static void assert_resident(const struct dhp_percpu *array, uint32_t count)
{
	assert_true(is_resident(dhp_percpu_fallback(array)));
	for (uint32_t index = 0; index < count; index++)
		assert_true(is_resident(dhp_percpu_at(array, index)));
}

static void slot_has_its_memory_before_anybody_uses_it(void **state)
{
	struct dhp_percpu *array;
	struct dhp_engine *engine;

	(void)state;
	if (!pages_come_when_asked_for())
		skip();
	engine = make_sim_of(4, 1);
	array = make_array(engine, 4096, 4096, DHP_PLACE_NODE);
	add_positions(engine, 1, 4);
	assert_resident(array, 4);
	assert_ok(dhp_percpu_destroy(array));
	end_engine(engine);
}

/* What was touched beyond a gap says nothing of the gap. */
static void slot_in_a_gap_has_its_memory_too(void **state)
{
	struct dhp_percpu *array;
	struct dhp_engine *engine;

	(void)state;
	if (!pages_come_when_asked_for())
		skip();
	engine = make_sim_of(6, 1);
	array = make_array(engine, 4096, 4096, DHP_PLACE_NODE);
	add_positions(engine, 4, 5);
	add_positions(engine, 2, 3);
	add_positions(engine, 1, 2);
	add_positions(engine, 3, 4);
	add_positions(engine, 5, 6);
	assert_resident(array, 6);
	assert_ok(dhp_percpu_destroy(array));
	end_engine(engine);
}

/* Wherever an array begins in its page, a neighbour's page is not asked for again, though it is gone. */
static void page_of_small_slots_is_asked_for_once(void **state)
{
	enum { STARTS = 4096 / DHP_LINE_PAIR_BYTES };
	struct dhp_engine *engine;

	(void)state;
	if (!pages_come_when_asked_for())
		skip();
	engine = make_sim_of(2, 1);
	for (uint32_t i = 0; i < STARTS; i++) {
		struct dhp_percpu *array = make_array(engine, DHP_LINE_PAIR_BYTES, 0, DHP_PLACE_DENSE);
		uint32_t cpu = dhp_sim_cpu(engine, 1);
		uintptr_t slot = (uintptr_t)dhpi_percpu_slot(array, cpu);
		void *page = (void *)(slot - slot % 4096);

		if (slot % 4096 >= 2 * DHP_LINE_PAIR_BYTES) { /* the other two are there, too */
			assert_int_equal(madvise(page, 4096, MADV_DONTNEED), 0);
			assert_true(dhpi_percpu_touch(array, cpu, DHP_NO_INDEX));
			assert_false(is_resident(page));
		}
		assert_ok(dhp_percpu_destroy(array));
	}
	end_engine(engine);
}

/* Of these only the beginning is made resident. The second request finds that it was, though the page is gone: it asks for none. */
static void beginning_of_a_long_slot_is_asked_for_once(void **state)
{
	const struct dhp_percpu_options options = {
		.size = sizeof(options), .slot_bytes = 16 * port_page_bytes(), .placement = DHP_PLACE_NODE
	};
	struct dhp_percpu *array = NULL;
	struct dhp_engine *engine;
	void *slots[4];

	(void)state;
	if (!pages_come_when_asked_for())
		skip();
	engine = make_sim_of(4, 1);
	port_mutex_lock(engine->space->serial);
	assert_ok(dhpi_percpu_create(engine->space, &options, 64, &array));
	for (uint32_t cpu = 0; cpu < 4; cpu++)
		slots[cpu] = dhpi_percpu_slot(array, dhp_sim_cpu(engine, cpu));
	assert_true(dhpi_percpu_touch(array, dhp_sim_cpu(engine, 3), DHP_NO_INDEX)); /* beyond a gap */
	assert_true(is_resident(slots[3]));
	for (uint32_t cpu = 1; cpu < 3; cpu++) {
		assert_false(is_resident(slots[cpu]));
		assert_true(dhpi_percpu_touch(array, dhp_sim_cpu(engine, cpu), DHP_NO_INDEX));
		assert_true(is_resident(slots[cpu]));
		assert_false(is_resident((char *)slots[cpu] + port_page_bytes()));
		assert_int_equal(madvise(slots[cpu], port_page_bytes(), MADV_DONTNEED), 0);
		assert_true(dhpi_percpu_touch(array, dhp_sim_cpu(engine, cpu), DHP_NO_INDEX));
		assert_false(is_resident(slots[cpu]));
	}
	dhpi_percpu_destroy(array);
	port_mutex_unlock(engine->space->serial);
	end_engine(engine);
}

/* In Start the newcomer's slot is made, and nobody can reach it (its index is not active). */
struct peeper {
	struct dhp_percpu *array;
	struct maker *maker;
	uint32_t faults, starts;
};

static void peep(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct peeper *peeper = context;

	(void)status;
	if (peeper->maker->made[change->index] != 1)
		peeper->faults++;
	if (change->state == DHP_CHANGE_START) {
		peeper->starts++;
		if (dhp_percpu_at(peeper->array, change->index) != NULL)
			peeper->faults++;
	} else if (dhp_percpu_at(peeper->array, change->index) == NULL) {
		peeper->faults++;
	}
}

static void slot_is_made_before_start_and_reachable_in_complete(void **state)
{
	struct dhp_engine *engine = make_sim_of(6, 1);
	struct maker maker = { .refuse_index = DHP_NO_INDEX };
	struct peeper peeper = { .maker = &maker };
	struct dhp_notify *notify = NULL;

	(void)state;
	assert_ok(create_made(engine, &maker, &peeper.array));
	assert_ok(dhp_notify_register(engine, peep, &peeper, 0, &notify));
	add_positions(engine, 1, 6);
	assert_int_equal(peeper.starts, 5);
	assert_int_equal(peeper.faults, 0);
	dhp_notify_unregister(notify);
	assert_ok(dhp_percpu_destroy(peeper.array));
	end_engine(engine);
}

/* ---- walking ---- */

struct walk {
	uint32_t visits, faults;
	const struct dhp_percpu *array;
};

static void visit(void *slot, const struct dhp_processor *processor, void *context)
{
	struct walk *walk = context;
	bool right = walk->visits == 0 ? processor == NULL && slot == dhp_percpu_fallback(walk->array)
				       : processor != NULL && processor->index == walk->visits - 1 &&
						 slot == dhp_percpu_at(walk->array, processor->index);

	walk->faults += !right;
	walk->visits++;
}

static void walk_visits_fallback_and_then_ascending_indices(void **state)
{
	struct dhp_engine *engine = make_sim_of(30, 1);
	struct walk walk = { .array = make_array(engine, 8, 0, DHP_PLACE_DENSE) };

	(void)state;
	for (uint32_t active = 1; active <= 30; active++) {
		uint64_t generation = 0;

		walk.visits = 0;
		assert_ok(dhp_percpu_each(walk.array, visit, &walk, &generation));
		assert_int_equal(walk.visits, active + 1);
		assert_true(generation == counts_of(engine).generation);
		if (active < 30)
			add_positions(engine, active, active + 1);
	}
	walk.visits = 0;
	assert_ok(dhp_percpu_each(walk.array, visit, &walk, NULL));
	assert_int_equal(walk.faults, 0);
	assert_ok(dhp_percpu_destroy((struct dhp_percpu *)(uintptr_t)walk.array));
	end_engine(engine);
}

/* ---- destruction waits for those inside ---- */

struct holder {
	struct dhp_engine *engine;
	struct dhp_percpu *array;
	struct gate gate;
	uint64_t release, destroyed, too_early;
};

static void *hold_slot(void *argument)
{
	struct holder *holder = argument;
	struct dhp_reader *reader = NULL;
	uint64_t *slot;

	if (dhp_reader_join(holder->engine, &reader) != DHP_OK)
		return NULL;
	dhp_epoch_enter(reader);
	slot = dhp_percpu_at(holder->array, 0);
	gate_pass(&holder->gate);
	for (uint32_t i = 0; i < 2000; i++) {
		++*slot;
		if (peek(&holder->destroyed) != 0)
			(void)bump(&holder->too_early);
		if (i % 100 == 0)
			sleep_us(10);
	}
	dhp_epoch_exit(reader);
	(void)dhp_reader_leave(reader);
	return NULL;
}

static void note_destruction(void *slot, const struct dhp_processor *processor, void *context)
{
	struct holder *holder = context;

	(void)processor;
	memset(slot, 0, 8);
	poke(&holder->destroyed, 1);
}

static void destruction_waits_for_a_reader_that_holds_a_slot(void **state)
{
	(void)state;
	for (int round = 0; round < TIMES(20); round++) {
		struct holder holder = { .engine = make_sim_of(2, 1) };
		const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 8,
			.destruct = note_destruction, .context = &holder };
		struct helper helper;

		gate_init(&holder.gate, 2);
		assert_ok(dhp_percpu_create(holder.engine, &options, &holder.array));
		helper_start(&helper, hold_slot, &holder);
		gate_pass(&holder.gate);
		assert_ok(dhp_percpu_destroy(holder.array));
		assert_true(peek(&holder.destroyed) == 1);
		helper_join(&helper);
		assert_true(peek(&holder.too_early) == 0);
		end_engine(holder.engine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_are_zeroed_aligned_and_apart),
		cmocka_unit_test(arrays_of_small_slots_begin_at_different_distances_from_a_page),
		cmocka_unit_test(placed_by_node_each_slot_has_its_own_pages),
		cmocka_unit_test(wrong_options_are_refused),
		cmocka_unit_test(slots_stay_where_they_are_and_keep_what_they_hold),
		cmocka_unit_test(nothing_lies_beyond_the_active_ones),
		cmocka_unit_test(caller_on_unannounced_processor_has_the_fallback_slot_S035),
		cmocka_unit_test(caller_on_processor_of_a_larger_partition_has_the_fallback_slot_S035),
		cmocka_unit_test(dpc_has_the_slot_of_its_processor),
		cmocka_unit_test(each_slot_is_made_once_and_unmade_once),
		cmocka_unit_test(constructor_that_fails_takes_creation_back),
		cmocka_unit_test(slot_that_was_unmade_is_zero_when_it_is_made_again),
		cmocka_unit_test(slot_of_the_engines_own_keeps_what_an_attempt_left),
		cmocka_unit_test(slot_has_its_memory_before_anybody_uses_it),
		cmocka_unit_test(slot_in_a_gap_has_its_memory_too),
		cmocka_unit_test(page_of_small_slots_is_asked_for_once),
		cmocka_unit_test(beginning_of_a_long_slot_is_asked_for_once),
		cmocka_unit_test(slot_is_made_before_start_and_reachable_in_complete),
		cmocka_unit_test(walk_visits_fallback_and_then_ascending_indices),
		cmocka_unit_test(destruction_waits_for_a_reader_that_holds_a_slot),
	};

	return cmocka_run_group_tests_name("percpu_array", tests, NULL, NULL);
}
