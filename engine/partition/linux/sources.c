/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sources.c - the collection of sources: opened, waited for, looked at; and the one place that every change passes.
 *
 * Anybody in the process may close a descriptor that is not his, and then its number soon means another file. So a file is
 * known by more than its number (`file_id`), and one that is no longer ours is neither read nor closed: its source is dropped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"

/* A burst of signs is over when none has come for a millisecond; then, or after so many milliseconds, we look. */
#define BURST_MS 20u

#define DETAIL_BYTES 256u

static const char *const set_keys[DHPI_SET_FACTS] = {
	[DHPI_POSSIBLE] = "possible",
	[DHPI_PRESENT] = "present",
	[DHPI_ONLINE] = "online",
	[DHPI_AFFINITY] = "affinity",
	[DHPI_CPUSET] = "cpuset",
};

static const char *const number_keys[DHPI_NUMBER_FACTS] = {
	[DHPI_QUOTA] = "quota",
	[DHPI_TOTAL_BYTES] = "total",
	[DHPI_AVAILABLE_BYTES] = "available",
	[DHPI_LIMIT_BYTES] = "limit",
	[DHPI_ROOM_BYTES] = "room",
};

/* ---- what was found ---- */

/* NULL: nobody hears. */
struct hearer {
	dhp_source_hook *hook;
	void *context;
};

static void tell_to(const struct hearer *hearer, const struct dhpi_source *source, enum dhp_source_event_kind kind,
		    const char *key, const char *value)
{
	const struct dhp_source_event event = {
		.time_ns = hearer->hook != NULL ? port_now_ns() : 0,
		.kind = kind,
		.source = source->ops->name,
		.key = key,
		.value = value,
	};

	if (hearer->hook != NULL)
		hearer->hook(hearer->context, &event);
}

static void tell(const struct dhpi_source *source, enum dhp_source_event_kind kind, const char *key, const char *value)
{
	const struct hearer hearer = { .hook = source->all->hook, .context = source->all->hook_context };

	tell_to(&hearer, source, kind, key, value);
}

static void changed(struct dhpi_source *source, const char *key, const char *value)
{
	at_bump_u64(&source->changes);
	tell(source, DHP_SOURCE_CHANGE, key, value);
}

static void all_due(struct dhpi_sources *sources)
{
	for (uint32_t i = 0; i < sources->count; i++)
		sources->list[i].due = true;
}

static bool same_set(const struct dhpi_known_cpus *a, const struct dhpi_known_cpus *b)
{
	return a->known && a->list.count == b->list.count && a->list.limit == b->list.limit &&
	       memcmp(&a->cpus, &b->cpus, sizeof(a->cpus)) == 0;
}

void dhpi_learn_set(struct dhpi_source *source, enum dhpi_set_fact fact)
{
	struct dhpi_sources *all = source->all;
	struct dhpi_known_cpus *known = &all->facts.sets[fact];

	if (same_set(known, &all->found))
		return;
	if (known->known)
		all_due(all); /* who sees another part of it has no other sign, perhaps */
	*known = all->found;
	known->known = true;
	known->by = source;
	if (all->value != NULL)
		dhpi_cpulist_print(&known->cpus, known->list.limit, all->value);
	changed(source, set_keys[fact], all->value);
}

void dhpi_learn_number(struct dhpi_source *source, enum dhpi_number_fact fact, uint64_t value)
{
	struct dhpi_facts *facts = &source->all->facts;
	char text[24];

	if (facts->numbers[fact].known && facts->numbers[fact].value == value)
		return;
	facts->numbers[fact].known = true;
	facts->numbers[fact].value = value;
	facts->numbers[fact].by = source;
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	changed(source, number_keys[fact], text);
}

void dhpi_learn_event(struct dhpi_source *source, const char *key, const char *value)
{
	changed(source, key, value);
}

void dhpi_source_refuse(struct dhpi_source *source)
{
	at_bump_u64(&source->malformed);
}

const char *dhpi_source_first_look(struct dhpi_source *source, const char *if_malformed)
{
	switch (source->ops->look(source)) {
	case DHPI_LOOK_FINE:
		return NULL;
	case DHPI_LOOK_LATER:
		return "the system had no descriptor or memory for it";
	case DHPI_LOOK_MALFORMED:
		dhpi_source_refuse(source);
		return if_malformed;
	case DHPI_LOOK_GONE:
		return source->why != NULL ? source->why : "there is no such file, or not for us";
	}
	return NULL;
}

/* ---- one source: in use, or not ---- */

/* false: the system does not say. */
static bool read_id(int file, uint64_t *out_id)
{
	struct stat status;

	if (fstat(file, &status) != 0)
		return false;
	*out_id = (uint64_t)status.st_dev << 32 ^ (uint64_t)status.st_ino;
	return true;
}

/* One of which nothing is said is open all the same: that it is another's is less likely than that it is ours. */
static bool is_same(int file, uint64_t id)
{
	uint64_t now;

	if (file < 0)
		return false;
	return read_id(file, &now) ? now == id : errno != EBADF;
}

static bool is_ours(const struct dhpi_source *source)
{
	return is_same(source->file, source->file_id);
}

static void close_source(struct dhpi_source *source)
{
	if (source->in_use && source->ops->close != NULL)
		source->ops->close(source);
	if (is_ours(source)) /* else its number is another file's by now */
		(void)close(source->file);
	source->file = -1;
	source->in_use = false;
}

/* NULL: in use. A descriptor that could not be known again is not kept. */
static const char *try_open(struct dhpi_source *source)
{
	const char *why = source->ops->open(source);

	if (source->file < 0 || read_id(source->file, &source->file_id))
		return why;
	if (source->ops->close != NULL)
		source->ops->close(source);
	(void)close(source->file);
	source->file = -1;
	return "the system does not say what its descriptor is";
}

/* Told when it comes into use, and at the start also when it does not. */
static void open_source(struct dhpi_source *source, bool first)
{
	const char *why = try_open(source);

	source->in_use = why == NULL;
	source->due = true;
	source->last = DHPI_LOOK_FINE;
	if (why == NULL || first)
		source->why = why;
	if (why == NULL)
		tell(source, DHP_SOURCE_OPENED, "source", "in use");
	else if (first)
		tell(source, DHP_SOURCE_ABSENT, "source", why);
}

static void drop(struct dhpi_source *source, const char *why)
{
	close_source(source);
	source->why = why;
	tell(source, DHP_SOURCE_DROPPED, "source", why);
}

static void judge(struct dhpi_source *source, enum dhpi_look look)
{
	source->last = look;
	switch (look) {
	case DHPI_LOOK_FINE:
	case DHPI_LOOK_LATER:
		return;
	case DHPI_LOOK_MALFORMED:
		dhpi_source_refuse(source); /* and it stays in use */
		return;
	case DHPI_LOOK_GONE:
		drop(source, source->why != NULL ? source->why : "it has disappeared");
		return;
	}
}

/* ---- looking ---- */

static bool is_due(struct dhpi_source *source, bool all)
{
	source->looks++;
	if (!all && !source->due && source->looks < source->ops->every)
		return false;
	source->looks = 0;
	source->due = false;
	return true;
}

static void look_at(struct dhpi_source *source, bool all)
{
	if (!source->in_use && all && !source->fresh)
		open_source(source, false);
	source->fresh = false;
	if (source->in_use && source->ops->look != NULL && is_due(source, all))
		judge(source, source->ops->look(source));
}

void dhpi_sources_look(struct dhpi_sources *sources, enum dhpi_aspect aspect, bool all)
{
	for (uint32_t i = 0; i < sources->count; i++)
		if (sources->list[i].ops->aspect == aspect)
			look_at(&sources->list[i], all);
}

/* ---- once more, for somebody who came late ---- */

static void retell_sources(struct dhpi_sources *sources, const struct hearer *hearer)
{
	for (uint32_t i = 0; i < sources->count; i++) {
		const struct dhpi_source *source = &sources->list[i];

		if (source->in_use)
			tell_to(hearer, source, DHP_SOURCE_OPENED, "source", "in use");
		else
			tell_to(hearer, source, DHP_SOURCE_ABSENT, "source", source->why);
	}
}

static void retell_facts(struct dhpi_sources *sources, const struct hearer *hearer)
{
	const struct dhpi_facts *facts = &sources->facts;
	char text[24];

	for (uint32_t i = 0; i < DHPI_SET_FACTS; i++) {
		const struct dhpi_known_cpus *known = &facts->sets[i];

		if (!known->known || sources->value == NULL)
			continue;
		dhpi_cpulist_print(&known->cpus, known->list.limit, sources->value);
		tell_to(hearer, known->by, DHP_SOURCE_CHANGE, set_keys[i], sources->value);
	}
	for (uint32_t i = 0; i < DHPI_NUMBER_FACTS; i++) {
		if (!facts->numbers[i].known)
			continue;
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)facts->numbers[i].value);
		tell_to(hearer, facts->numbers[i].by, DHP_SOURCE_CHANGE, number_keys[i], text);
	}
}

void dhpi_sources_retell(struct dhpi_sources *sources, dhp_source_hook *hook, void *context)
{
	const struct hearer hearer = { .hook = hook, .context = context };

	port_mutex_lock(&sources->lock);
	retell_sources(sources, &hearer);
	retell_facts(sources, &hearer);
	port_mutex_unlock(&sources->lock);
}

/* ---- waiting ---- */

enum woke { WOKE_NOBODY, WOKE_SIGN, WOKE_INTERRUPTED };

/* Under lock. */
static bool serve(struct dhpi_source *source, short revents)
{
	bool sign = false;

	if (!source->in_use || revents == 0)
		return false;
	if ((revents & POLLNVAL) != 0 || !is_ours(source))
		drop(source, "its descriptor was closed by the program");
	else
		judge(source, source->ops->ready(source, revents, &sign));
	if (sign)
		all_due(source->all);
	return sign;
}

static void list_files(struct dhpi_sources *sources, struct pollfd *files)
{
	port_mutex_lock(&sources->lock);
	for (uint32_t i = 0; i < sources->count; i++)
		files[i] = (struct pollfd){ .fd = sources->list[i].in_use ? sources->list[i].file : -1,
					    .events = sources->list[i].events };
	port_mutex_unlock(&sources->lock);
}

static bool serve_all(struct dhpi_sources *sources, const struct pollfd *files)
{
	bool sign = false;

	port_mutex_lock(&sources->lock);
	for (uint32_t i = 0; i < sources->count; i++)
		sign |= serve(&sources->list[i], files[i].revents);
	port_mutex_unlock(&sources->lock);
	return sign;
}

static enum woke wait_once(struct dhpi_sources *sources, uint64_t limit_ms)
{
	struct pollfd files[DHPI_SOURCES_LIMIT + 1]; /* one that is -1 is passed over */
	uint32_t count = sources->count;
	int ready;

	list_files(sources, files);
	/* Without its own it looks every now and then. */
	files[count] = (struct pollfd){ .fd = is_same(sources->interrupt, sources->interrupt_id) ? sources->interrupt : -1,
					.events = POLLIN };
	ready = poll(files, count + 1, (int)(limit_ms < INT32_MAX ? limit_ms : INT32_MAX));
	if (ready <= 0)
		return WOKE_NOBODY;
	if ((files[count].revents & POLLIN) != 0)
		return WOKE_INTERRUPTED;
	return serve_all(sources, files) ? WOKE_SIGN : WOKE_NOBODY;
}

static void await_end_of_burst(struct dhpi_sources *sources)
{
	for (uint32_t i = 0; i < BURST_MS; i++)
		if (wait_once(sources, 1) != WOKE_SIGN)
			return;
}

void dhpi_sources_wait(struct dhpi_sources *sources, uint32_t limit_ms)
{
	uint64_t end = port_now_ns() + (uint64_t)limit_ms * 1000000, now;

	do {
		enum woke woke;

		now = port_now_ns();
		woke = wait_once(sources, now < end ? (end - now + 999999) / 1000000 : 0);
		if (woke == WOKE_SIGN)
			await_end_of_burst(sources);
		if (woke != WOKE_NOBODY)
			return;
	} while (now < end);
}

void dhpi_sources_interrupt(struct dhpi_sources *sources)
{
	const uint64_t one = 1;

	if (!is_same(sources->interrupt, sources->interrupt_id))
		return; /* closed by the program: the wait ends by the clock */
	/* It fails only when the event is pending already. */
	if (write(sources->interrupt, &one, sizeof(one)) < 0)
		return;
}

/* ---- the collection ---- */

static bool reserve_value(struct dhpi_sources *sources)
{
	sources->value = port_reserve(DHPI_CPULIST_TEXT_BYTES);
	return sources->value != NULL;
}

/* false: there is no memory for its state. */
static bool prepare(struct dhpi_sources *sources, struct dhpi_source *source, const struct dhpi_source_ops *ops)
{
	source->ops = ops;
	source->all = sources;
	source->file = -1;
	source->fresh = true;
	if (ops->state_bytes != 0)
		source->state = port_reserve(ops->state_bytes);
	return ops->state_bytes == 0 || source->state != NULL;
}

static void forget(struct dhpi_source *source)
{
	close_source(source);
	if (source->state != NULL)
		port_unreserve(source->state, source->ops->state_bytes);
}

static bool open_interrupt(struct dhpi_sources *sources)
{
	sources->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sources->interrupt >= 0 && !read_id(sources->interrupt, &sources->interrupt_id)) {
		(void)close(sources->interrupt);
		sources->interrupt = -1;
	}
	return sources->interrupt >= 0;
}

bool dhpi_sources_open(struct dhpi_sources *sources, const struct dhpi_source_ops *const *table, uint32_t count)
{
	port_mutex_init(&sources->lock);
	if (!open_interrupt(sources) || (sources->hook != NULL && !reserve_value(sources)))
		return false;
	for (; sources->count < count; sources->count++)
		if (!prepare(sources, &sources->list[sources->count], table[sources->count]))
			return false;
	port_mutex_lock(&sources->lock);
	for (uint32_t i = 0; i < count; i++)
		open_source(&sources->list[i], true);
	port_mutex_unlock(&sources->lock);
	return true;
}

void dhpi_sources_close(struct dhpi_sources *sources)
{
	while (sources->count > 0)
		forget(&sources->list[--sources->count]);
	if (sources->value != NULL)
		port_unreserve(sources->value, DHPI_CPULIST_TEXT_BYTES);
	if (is_same(sources->interrupt, sources->interrupt_id))
		(void)close(sources->interrupt);
	port_mutex_fini(&sources->lock);
}

/* ---- for those who ask ---- */

static struct dhp_source describe(struct dhpi_source *source, char *text)
{
	const struct dhpi_source_ops *ops = source->ops;
	struct dhp_source row = {
		.name = ops->name,
		.works = source->in_use,
		.detail = source->in_use ? ops->sees : source->why,
		.blind = ops->blind,
		.root = ops->root != NULL ? ops->root : "nothing",
		.changes_count = at_load_relaxed_u64(&source->changes),     /* relaxed: statistics only */
		.malformed_count = at_load_relaxed_u64(&source->malformed), /* likewise */
	};

	if (source->in_use && ops->describe != NULL) {
		ops->describe(source, text, DETAIL_BYTES);
		row.detail = text;
	}
	return row;
}

void dhpi_sources_visit(struct dhpi_sources *sources, dhp_source_visit *visit, void *context)
{
	for (uint32_t i = 0; i < sources->count; i++) {
		char text[DETAIL_BYTES] = "";
		struct dhp_source row;

		port_mutex_lock(&sources->lock);
		row = describe(&sources->list[i], text);
		port_mutex_unlock(&sources->lock);
		visit(&row, context);
	}
}
