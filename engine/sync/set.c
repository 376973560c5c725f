/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * set.c - the set of processors: a table that only grows, and counts and masks that are read together.
 *
 * Problem   counts, masks and generation must be read as of one moment (S-509), at dispatch level too, while one writer
 *           changes them; and an arrival must not cost more the more processors there are.
 * Idea      two copies, a latch. The writer raises a sequence number to odd, changes copy 0, raises it to even,
 *           changes copy 1. A reader uses the copy that is not being changed, and starts again only if the number moved
 *           meanwhile: no reader ever waits for a writer that was preempted.
 *
 *             sequence   8           9            10
 *             writer     |  copy 0   |   copy 1   |
 *             readers    | use 0     | use 1      | use 0      (even: copy 0, odd: copy 1)
 *
 *           so while the sequence is odd copy 0 is being changed, and copy 1 while it is even again.
 *
 * I1        a row of the table below `active` never changes. What was unknown in it and becomes known stands beside it, in
 *           `wiring`, and is added to each copy.
 * I2        the words of a copy are stored by release and loaded by acquire: a reader that saw a new word sees the raise
 *           that came before it, and starts again.
 * I3        one writer at a time: the holder of the partition's lock.
 * I4        the processor being added is not in the table yet: its words are stored by release before, and loaded by acquire
 *           between two looks at, the number of the attempt. A reader that mixed two attempts sees the number change.
 *
 * Progress  readers are lock-free: a retry means that the writer completed a change.
 */
#include "set.h"

/* ---- memory: ranges that cost nothing until they are touched ---- */

static size_t masks_bytes(const struct dhpi_set *set)
{
	return set->groups_maximum * sizeof(struct at_u64);
}

static size_t numbers_bytes(const struct dhpi_set *set)
{
	return (size_t)set->groups_maximum * DHPI_GROUP_SIZE * sizeof(struct at_u32);
}

static size_t table_bytes(const struct dhpi_set *set)
{
	return set->maximum * sizeof(struct dhp_processor);
}

static size_t wiring_bytes(const struct dhpi_set *set)
{
	return set->maximum * sizeof(struct dhpi_wiring);
}

static void unreserve(void *p, size_t bytes)
{
	if (p != NULL)
		port_unreserve(p, bytes);
}

void dhpi_set_fini(struct dhpi_set *set)
{
	for (uint32_t i = 0; i < 2; i++) {
		unreserve(set->images[i].active_masks, masks_bytes(set));
		unreserve(set->images[i].usable_masks, masks_bytes(set));
	}
	unreserve(set->announced, DHPI_CPU_IDS);
	unreserve(set->index_of_number, numbers_bytes(set));
	unreserve(set->index_of_cpu, DHPI_CPU_IDS * sizeof(struct at_u32));
	unreserve(set->wiring, wiring_bytes(set));
	unreserve(set->table, table_bytes(set));
}

enum dhp_status dhpi_set_init(struct dhpi_set *set, uint32_t maximum, uint32_t groups_maximum, uint32_t cpu_limit)
{
	bool complete;

	set->maximum = maximum;
	set->groups_maximum = groups_maximum;
	set->cpu_limit = cpu_limit;
	set->table = port_reserve(table_bytes(set));
	set->wiring = port_reserve(wiring_bytes(set));
	set->index_of_cpu = port_reserve(DHPI_CPU_IDS * sizeof(struct at_u32));
	set->index_of_number = port_reserve(numbers_bytes(set));
	set->announced = port_reserve(DHPI_CPU_IDS);
	complete = set->table != NULL && set->wiring != NULL && set->index_of_cpu != NULL && set->index_of_number != NULL &&
		   set->announced != NULL;
	for (uint32_t i = 0; i < 2; i++) {
		set->images[i].active_masks = port_reserve(masks_bytes(set));
		set->images[i].usable_masks = port_reserve(masks_bytes(set));
		complete = complete && set->images[i].active_masks != NULL && set->images[i].usable_masks != NULL;
	}
	return complete ? DHP_OK : DHP_NO_MEMORY;
}

/* ---- the table ---- */

static size_t place_of(struct dhp_number number)
{
	return (size_t)number.group * DHPI_GROUP_SIZE + number.number;
}

_Static_assert(DHPI_ROW_WORDS * sizeof(uint32_t) == sizeof(struct dhp_processor), "a row is words without padding");

/* A row as words: it is copied while it may be written, see I4. */
union row {
	struct dhp_processor processor;
	uint32_t words[DHPI_ROW_WORDS];
};

static void map_to(struct dhpi_set *set, const struct dhp_processor *row, uint32_t index_plus_1)
{
	/* relaxed: whoever looks them up confirms by the row */
	at_store_relaxed_u32(&set->index_of_cpu[row->cpu], index_plus_1);
	at_store_relaxed_u32(&set->index_of_number[place_of(row->number)], index_plus_1);
}

void dhpi_set_offer(struct dhpi_set *set, const struct dhp_processor *processor)
{
	union row row = { .processor = *processor };

	DHPI_CHECK(1, processor->index == at_load_relaxed_u32(&set->active), "S-152"); /* relaxed: own store */
	for (uint32_t i = 0; i < DHPI_ROW_WORDS; i++)
		at_store_release_u32(&set->offer[i], row.words[i]); /* [set-offer] release: see I4 */
	map_to(set, processor, processor->index + 1);
	at_store_release_u64(&set->offered, ++set->attempts); /* [set-offer] release */
}

static struct dhp_processor offered_row(const struct dhpi_set *set)
{
	union row row;

	for (uint32_t i = 0; i < DHPI_ROW_WORDS; i++)
		row.words[i] = at_load_acquire_u32(&set->offer[i]); /* [set-offer] acquire: see I4 */
	return row.processor;
}

void dhpi_set_withdraw(struct dhpi_set *set)
{
	struct dhp_processor row = offered_row(set);

	at_store_relaxed_u64(&set->offered, 0); /* relaxed: the words stay readable, they only stop to be valid */
	map_to(set, &row, 0);
}

const struct dhp_processor *dhpi_set_row(const struct dhpi_set *set, uint32_t index)
{
	return index < dhpi_set_active(set) ? &set->table[index] : NULL;
}

/* relaxed: each says something by itself, and who was told of the generation that followed sees them: edge set-image */
DHPI_WRAPS("unknown is the largest number, stored as zero")
static void add_wiring(const struct dhpi_wiring *wiring, struct dhp_processor *processor)
{
	if (processor->package == DHP_UNKNOWN)
		processor->package = at_load_relaxed_u32(&wiring->package) - 1;
	if (processor->core == DHP_UNKNOWN)
		processor->core = at_load_relaxed_u32(&wiring->core) - 1;
	if (processor->thread == DHP_UNKNOWN)
		processor->thread = at_load_relaxed_u32(&wiring->thread) - 1;
}

bool dhpi_set_read(const struct dhpi_set *set, uint32_t index, struct dhp_processor *out_processor)
{
	const struct dhp_processor *row = dhpi_set_row(set, index);
	uint64_t attempt;

	if (row != NULL) {
		*out_processor = *row;
		add_wiring(&set->wiring[index], out_processor);
		return true;
	}
	attempt = at_load_acquire_u64(&set->offered); /* [set-offer] acquire */
	*out_processor = offered_row(set);
	/* relaxed: I4. One that was published meanwhile is found active by the caller's next call. */
	return attempt != 0 && out_processor->index == index && at_load_relaxed_u64(&set->offered) == attempt;
}

bool dhpi_set_offering(const struct dhpi_set *set)
{
	return at_load_relaxed_u64(&set->offered) != 0; /* relaxed: own store */
}

/* A mapping may be older or newer than the row: it counts if the row says the same. */
static bool confirmed(const struct dhpi_set *set, uint32_t index_plus_1, struct dhp_processor *out_row)
{
	return index_plus_1 != 0 && dhpi_set_read(set, index_plus_1 - 1, out_row);
}

uint32_t dhpi_set_index_of_cpu(const struct dhpi_set *set, uint32_t cpu)
{
	struct dhp_processor row;

	if (cpu >= set->cpu_limit)
		return DHP_NO_INDEX;
	/* relaxed: confirmed */
	return confirmed(set, at_load_relaxed_u32(&set->index_of_cpu[cpu]), &row) && row.cpu == cpu ? row.index
												    : DHP_NO_INDEX;
}

static bool same_number(struct dhp_number a, struct dhp_number b)
{
	return a.group == b.group && a.number == b.number;
}

uint32_t dhpi_set_index_of_number(const struct dhpi_set *set, struct dhp_number number)
{
	struct dhp_processor row;
	uint32_t index_plus_1;

	if (number.group >= set->groups_maximum || number.number >= DHPI_GROUP_SIZE || number.reserved != 0)
		return DHP_NO_INDEX;
	index_plus_1 = at_load_relaxed_u32(&set->index_of_number[place_of(number)]); /* relaxed: confirmed */
	return confirmed(set, index_plus_1, &row) && same_number(row.number, number) ? row.index : DHP_NO_INDEX;
}

/* ---- the latch: writing ---- */

/* What an image is to become; fields that do not change hold what they were. */
struct change {
	struct dhp_counts counts;
	uint32_t group;
	uint64_t active_mask;
	uint64_t usable_mask;
};

/* [set-image] release: for each word, see I2 */
static void change_image(struct dhpi_image *image, const struct change *change)
{
	at_store_release_u64(&image->generation, change->counts.generation); /* [set-image] release */
	at_store_release_u32(&image->present, change->counts.present);       /* [set-image] release */
	at_store_release_u32(&image->active, change->counts.active);         /* [set-image] release */
	at_store_release_u32(&image->usable, change->counts.usable);         /* [set-image] release */
	at_store_release_u32(&image->groups_active, change->counts.groups_active); /* [set-image] release */
	at_store_release_u32(&image->online, change->counts.online);         /* [set-image] release */
	at_store_release_u32(&image->quota, change->counts.quota);           /* [set-image] release */
	at_store_release_u64(&image->active_masks[change->group], change->active_mask); /* [set-image] release */
	at_store_release_u64(&image->usable_masks[change->group], change->usable_mask); /* [set-image] release */
}

static struct change change_begin(const struct dhpi_set *set, uint32_t group)
{
	const struct dhpi_image *image = &set->images[0]; /* relaxed: the writer reads its own stores */

	return (struct change){
		.counts = {
			.generation = at_load_relaxed_u64(&image->generation) + 1,
			.present = at_load_relaxed_u32(&image->present),
			.active = at_load_relaxed_u32(&image->active),
			.usable = at_load_relaxed_u32(&image->usable),
			.groups_active = at_load_relaxed_u32(&image->groups_active),
			.online = at_load_relaxed_u32(&image->online),
			.quota = at_load_relaxed_u32(&image->quota),
		},
		.group = group,
		.active_mask = at_load_relaxed_u64(&image->active_masks[group]),
		.usable_mask = at_load_relaxed_u64(&image->usable_masks[group]),
	};
}

/* What is active is present, and what is usable online, whatever the platform can count. */
static void settle(struct dhp_counts *counts)
{
	if (counts->online < counts->usable)
		counts->online = counts->usable;
	if (counts->present < counts->active)
		counts->present = counts->active;
	if (counts->present < counts->online)
		counts->present = counts->online;
}

static void change_commit(struct dhpi_set *set, const struct change *change)
{
	uint64_t sequence = at_load_relaxed_u64(&set->sequence); /* relaxed: own store */

	at_store_release_u64(&set->sequence, sequence + 1); /* [set-image] release: copy 1 is complete */
	change_image(&set->images[0], change);
	at_store_release_u64(&set->sequence, sequence + 2); /* [set-image] release: copy 0 is complete */
	change_image(&set->images[1], change);
}

/*
 * The row first, then `active`: who reads index < active finds it complete. `offered` goes last, so that the index is valid
 * all the time.
 */
void dhpi_set_publish(struct dhpi_set *set, bool usable)
{
	uint32_t index = at_load_relaxed_u32(&set->active); /* relaxed: own store */
	struct dhp_processor row = offered_row(set);
	struct change change = change_begin(set, row.number.group);
	uint64_t bit = 1ull << row.number.number;

	if (change.active_mask == 0)
		change.counts.groups_active++;
	change.active_mask |= bit;
	change.counts.active++;
	if (usable) {
		change.usable_mask |= bit;
		change.counts.usable++;
	}
	settle(&change.counts);
	set->table[index] = row;
	if (row.cpu == index && at_load_relaxed_u32(&set->straight) == index) /* relaxed: own store */
		at_store_relaxed_u32(&set->straight, index + 1);               /* relaxed: `active` comes after */
	at_store_release_u32(&set->active, index + 1); /* [set-publish] release */
	at_store_relaxed_u64(&set->offered, 0);        /* relaxed: the row is active now */
	change_commit(set, &change);
}

void dhpi_set_announce(struct dhpi_set *set, uint32_t cpu)
{
	at_store_release_u8(&set->announced[cpu], 1); /* [slot-publish] release: the slots are constructed */
}

void dhpi_set_platform(struct dhpi_set *set, uint32_t present, uint32_t online, uint32_t quota)
{
	struct change change = change_begin(set, 0);
	const struct dhp_counts before = change.counts;

	change.counts.present = present;
	change.counts.online = online;
	change.counts.quota = quota;
	settle(&change.counts);
	if (change.counts.present != before.present || change.counts.online != before.online ||
	    change.counts.quota != before.quota)
		change_commit(set, &change);
}

DHPI_WRAPS("to add the negative of a number takes it off")
void dhpi_set_usable(struct dhpi_set *set, uint32_t index, bool usable)
{
	const struct dhp_processor *row = &set->table[index];
	struct change change = change_begin(set, row->number.group);
	uint64_t bit = 1ull << row->number.number;

	if (((change.usable_mask & bit) != 0) == usable)
		return;
	change.usable_mask ^= bit;
	change.counts.usable += usable ? 1u : UINT32_MAX;
	settle(&change.counts);
	change_commit(set, &change);
}

/* relaxed: see add_wiring */
DHPI_WRAPS("unknown is the largest number, stored as zero")
void dhpi_set_wired(struct dhpi_set *set, const struct dhp_processor *processor)
{
	struct dhpi_wiring *wiring = &set->wiring[processor->index];
	struct change change = change_begin(set, processor->number.group);

	at_store_relaxed_u32(&wiring->package, processor->package + 1);
	at_store_relaxed_u32(&wiring->core, processor->core + 1);
	at_store_relaxed_u32(&wiring->thread, processor->thread + 1);
	change_commit(set, &change);
}

/* ---- the latch: reading ---- */

/* [set-image] acquire: for each word, see I2 */
static void read_counts(const struct dhpi_image *image, struct dhp_counts *counts)
{
	counts->generation = at_load_acquire_u64(&image->generation); /* [set-image] acquire */
	counts->present = at_load_acquire_u32(&image->present);       /* [set-image] acquire */
	counts->active = at_load_acquire_u32(&image->active);         /* [set-image] acquire */
	counts->usable = at_load_acquire_u32(&image->usable);         /* [set-image] acquire */
	counts->groups_active = at_load_acquire_u32(&image->groups_active); /* [set-image] acquire */
	counts->online = at_load_acquire_u32(&image->online);         /* [set-image] acquire */
	counts->quota = at_load_acquire_u32(&image->quota);           /* [set-image] acquire */
}

static void read_masks(uint64_t *masks, const struct at_u64 *words, uint32_t count)
{
	for (uint32_t group = 0; masks != NULL && group < count; group++)
		masks[group] = at_load_acquire_u64(&words[group]); /* [set-image] acquire */
}

static void read_image(const struct dhpi_set *set, struct dhp_snapshot *snapshot)
{
	uint64_t sequence;

	do {
		const struct dhpi_image *image;

		sequence = at_load_acquire_u64(&set->sequence); /* [set-image] acquire */
		image = &set->images[sequence & 1];
		read_counts(image, &snapshot->counts);
		read_masks(snapshot->active_masks, image->active_masks, set->groups_maximum);
		read_masks(snapshot->usable_masks, image->usable_masks, set->groups_maximum);
	} while (at_load_relaxed_u64(&set->sequence) != sequence); /* relaxed: I2 orders it */
	snapshot->counts.maximum = set->maximum;
	snapshot->counts.groups_maximum = set->groups_maximum;
}

void dhpi_set_counts(const struct dhpi_set *set, struct dhp_counts *out_counts)
{
	struct dhp_snapshot snapshot = { .active_masks = NULL };

	read_image(set, &snapshot);
	*out_counts = snapshot.counts;
}

enum dhp_status dhpi_set_snapshot(const struct dhpi_set *set, struct dhp_snapshot *snapshot)
{
	bool wants_masks = snapshot->active_masks != NULL || snapshot->usable_masks != NULL;

	snapshot->masks_count = set->groups_maximum;
	if (wants_masks && snapshot->masks_capacity < set->groups_maximum)
		return DHP_TOO_SMALL;
	read_image(set, snapshot);
	return DHP_OK;
}

uint64_t dhpi_set_active_mask(const struct dhpi_set *set, uint32_t group)
{
	uint64_t sequence, mask;

	if (group >= set->groups_maximum)
		return 0;
	do {
		sequence = at_load_acquire_u64(&set->sequence); /* [set-image] acquire */
		mask = at_load_acquire_u64(&set->images[sequence & 1].active_masks[group]); /* [set-image] acquire */
	} while (at_load_relaxed_u64(&set->sequence) != sequence); /* relaxed: I2 orders it */
	return mask;
}

uint64_t dhpi_set_usable_mask(const struct dhpi_set *set, uint32_t group)
{
	uint64_t sequence, mask;

	if (group >= set->groups_maximum)
		return 0;
	do {
		sequence = at_load_acquire_u64(&set->sequence); /* [set-image] acquire */
		mask = at_load_acquire_u64(&set->images[sequence & 1].usable_masks[group]); /* [set-image] acquire */
	} while (at_load_relaxed_u64(&set->sequence) != sequence); /* relaxed: I2 orders it */
	return mask;
}
