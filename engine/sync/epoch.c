/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoch.c - grace periods for what goes away.
 *
 * Problem   somebody unlinks an object that others may be using; when may it be freed?
 * Idea      a number, `now`, that each grace period raises. A reader announces in its record the number it saw when it
 *           entered (0: outside). A grace period raises the number to T and waits until every record says 0 or at
 *           least T: whoever announced T or more entered after the unlink and cannot have the object.
 *
 *             reader    seen=7 .......... seen=0        seen=8 ...
 *             updater        unlink  now=8  wait---|
 *
 * Two kinds of reader, one record:
 *   worker    is inside whenever it is online, and announces between two DPCs, by two loads if no grace period has begun. It
 *             goes offline before it sleeps: an idle processor never holds a grace period back.
 *   explicit  announces at enter and puts a full fence behind it, because the announcement must be visible before its
 *             first read: either the reader sees the unlink or the scan sees the reader.
 *
 * I1        now only grows.
 * I2        a record is never freed before the epoch: a scan may read it at any time.
 * I3        a record that says n (not 0) had loaded now = n after its previous section ended.
 * I4        several may raise the number and wait at the same time: each has a T of its own, and waits for no other.
 *
 * Progress  enter, exit and quiescent are wait-free; defer is lock-free; synchronize blocks.
 * Not       Concurrency Kit's ck_epoch, which costs a locked exchange for each section and is unsound on weakly ordered
 *           machines as packaged (0.7.1); it serves as a rival in bench/.
 *
 * Deferred objects go on one list. A round takes the whole list, waits for one grace period, and calls back: one grace period
 * serves everything that was deferred meanwhile. A lock is held from the taking to the last callback, so that rounds come
 * one after the other, and objects in order. Rounds are run by a thread of the epoch, and by whoever drains, where the objects are
 * in the cache. After one that found something the thread naps before it looks again: who defers much pays for no wake-up, and
 * one round serves many. So a millisecond's objects wait in memory.
 */
#include "epoch.h"
#include "sleeper.h"

/* How long a scan waits for a reader before it looks again: at first a spin, then ever longer sleeps. */
#define SPINS_BEFORE_SLEEP 100
#define LONGEST_SLEEP_NS 1000000u
#define NAP_NS 1000000u

static void reclaimer_run(void *argument);

enum dhp_status dhpi_epoch_init(struct dhpi_epoch *epoch)
{
	at_init_u64(&epoch->now, 1);
	at_init_ptr(&epoch->readers, NULL);
	at_init_ptr(&epoch->deferred, NULL);
	port_event_init(&epoch->event);
	port_mutex_init(&epoch->round);
	return port_thread_start(&epoch->reclaimer, reclaimer_run, epoch, PORT_ANY_CPU, 0, "dhp-reclaim");
}

static void free_records(struct dhpi_epoch *epoch)
{
	struct dhp_reader *reader = at_load_relaxed_ptr(&epoch->readers); /* relaxed: nobody else is left */

	while (reader != NULL) {
		struct dhp_reader *next = reader->next;

		port_free(reader, sizeof(*reader));
		reader = next;
	}
}

void dhpi_epoch_fini(struct dhpi_epoch *epoch)
{
	if (epoch->reclaimer.started) {
		at_store_release_u32(&epoch->stopping, 1); /* [reclaimer-stop] release */
		(void)port_event_signal(&epoch->event);
		port_thread_join(&epoch->reclaimer);
	}
	free_records(epoch);
	port_mutex_fini(&epoch->round);
}

/* ---- records ---- */

static bool try_take(struct dhp_reader *reader)
{
	uint32_t free_mark = 0;

	return at_load_relaxed_u32(&reader->taken) == 0 && /* relaxed: a look before the exchange */
	       at_cas_acquire_u32(&reader->taken, &free_mark, 1); /* [reader-record] acquire */
}

/* Where nobody has left there is nothing to look through, however many readers there are. */
static struct dhp_reader *reuse_record(struct dhpi_epoch *epoch)
{
	struct dhp_reader *reader;

	if (at_load_relaxed_u32(&epoch->free_count) == 0) /* relaxed: a hint; a record too many does no harm */
		return NULL;
	reader = at_load_acquire_ptr(&epoch->readers); /* [reader-record] acquire */
	while (reader != NULL && !try_take(reader))
		reader = reader->next;
	if (reader != NULL)
		(void)at_fetch_sub_relaxed_u32(&epoch->free_count, 1); /* relaxed: a hint */
	return reader;
}

static void link_record(struct dhpi_epoch *epoch, struct dhp_reader *reader)
{
	void *first = at_load_relaxed_ptr(&epoch->readers); /* relaxed: the exchange below decides */

	do
		reader->next = first;
	while (!at_cas_release_ptr(&epoch->readers, &first, reader)); /* [reader-record] release */
}

struct dhp_reader *dhpi_reader_take(struct dhpi_epoch *epoch)
{
	struct dhp_reader *reader = reuse_record(epoch);

	if (reader != NULL)
		return reader;
	reader = port_alloc(sizeof(*reader));
	if (reader == NULL)
		return NULL;
	reader->epoch = epoch;
	at_init_u32(&reader->taken, 1);
	link_record(epoch, reader);
	return reader;
}

void dhpi_reader_give(struct dhp_reader *reader)
{
	DHPI_CHECK(1, reader->depth == 0, "a reader leaves outside its sections");
	(void)at_fetch_add_relaxed_u32(&reader->epoch->free_count, 1); /* relaxed: a hint; before, so that it never wraps */
	at_store_release_u64(&reader->seen, 0);  /* [epoch-exit] release */
	at_store_release_u32(&reader->taken, 0); /* [reader-record] release */
}

/* ---- announcing ---- */

void dhpi_reader_online(struct dhp_reader *reader)
{
	uint64_t now = at_load_acquire_u64(&reader->epoch->now); /* [grace-start] acquire */

	/*
	 * [epoch-enter] either-or a: a full fence between the announcement and every read of the section, whatever its
	 * order. So either the scan finds the announcement, or the reads find what was unlinked before the scan.
	 */
	at_store_fence_seq_cst_u64(&reader->seen, now);
}

void dhpi_reader_offline(struct dhp_reader *reader)
{
	at_store_release_u64(&reader->seen, 0); /* [epoch-exit] release */
}

void dhp_epoch_enter(struct dhp_reader *reader)
{
	if (reader->depth++ == 0) {
		dhpi_reader_online(reader);
		port_self()->sections++;
	}
}

void dhp_epoch_exit(struct dhp_reader *reader)
{
	DHPI_CHECK(1, reader->depth > 0, "an exit closes a section");
	if (--reader->depth == 0) {
		port_self()->sections--;
		dhpi_reader_offline(reader);
	}
}

/* ---- waiting ---- */

static void wait_for_reader(struct dhp_reader *reader, uint64_t target)
{
	uint64_t sleep_ns = 1000;

	for (uint32_t looks = 0;; looks++) {
		/* [epoch-exit] acquire: what the section did happens before the end of the period */
		uint64_t seen = at_load_acquire_u64(&reader->seen);

		if (seen == 0 || seen >= target)
			return;
		if (looks < SPINS_BEFORE_SLEEP) {
			port_relax();
			continue;
		}
		port_sleep_ns(sleep_ns);
		sleep_ns = sleep_ns < LONGEST_SLEEP_NS ? 2 * sleep_ns : sleep_ns;
	}
}

void dhpi_epoch_synchronize(struct dhpi_epoch *epoch)
{
	struct dhp_reader *reader;
	uint64_t target;

	/*
	 * [grace-start] release: whoever sees the new number sees what the caller unlinked.
	 * [epoch-enter] either-or b: a full fence between the unlink, whatever its order, and the scan.
	 */
	target = at_fetch_add_seq_cst_u64(&epoch->now, 1) + 1;
	at_fence_seq_cst();
	/* A record that is linked later belongs to a reader whose fence comes after this one. [reader-record] acquire */
	for (reader = at_load_acquire_ptr(&epoch->readers); reader != NULL; reader = reader->next)
		wait_for_reader(reader, target);
}

/* ---- deferring ---- */

static void wake_reclaimer(struct dhpi_epoch *epoch)
{
	/* [defer-sleep] either-or a: the object was pushed before; the reclaimer looks for it after saying "asleep" */
	uint32_t word = at_load_seq_cst_u32(&epoch->asleep);
	bool first;

	if (word != 0)
		(void)dhpi_sleeper_wake(&epoch->asleep, word, &epoch->event, &first);
}

void dhpi_epoch_defer(struct dhpi_epoch *epoch, struct dhp_deferred *deferred)
{
	void *newest = at_load_relaxed_ptr(&epoch->deferred); /* relaxed: the exchange below decides */

	do
		deferred->next = newest;
	while (!at_cas_seq_cst_ptr(&epoch->deferred, &newest, deferred)); /* [defer] release, and defer-sleep */
	wake_reclaimer(epoch);
}

static struct dhp_deferred *oldest_first(struct dhp_deferred *newest)
{
	struct dhp_deferred *oldest = NULL;

	while (newest != NULL) {
		struct dhp_deferred *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

/* Under `round`. */
static void reclaim_batch(struct dhpi_epoch *epoch, struct dhp_deferred *batch)
{
	dhpi_epoch_synchronize(epoch);
	for (batch = oldest_first(batch); batch != NULL;) {
		struct dhp_deferred *next = batch->next;

		batch->reclaim(batch);
		at_bump_u64(&epoch->reclaimed);
		batch = next;
	}
}

/* false: there was nothing. */
static bool reclaim_all(struct dhpi_epoch *epoch)
{
	struct dhp_deferred *batch;

	port_mutex_lock(&epoch->round);
	batch = at_exchange_acq_rel_ptr(&epoch->deferred, NULL); /* [defer] acquire */
	if (batch != NULL)
		reclaim_batch(epoch, batch);
	port_mutex_unlock(&epoch->round);
	return batch != NULL;
}

static bool reclaimer_has_work(struct dhpi_epoch *epoch)
{
	return at_load_seq_cst_ptr(&epoch->deferred) != NULL || /* [defer-sleep] either-or b */
	       at_load_acquire_u32(&epoch->stopping) != 0;      /* [reclaimer-stop] acquire */
}

static void reclaimer_sleep(struct dhpi_epoch *epoch)
{
	uint32_t ticket = port_event_ticket(&epoch->event);

	dhpi_sleeper_begin(&epoch->asleep, &epoch->sleeps);
	if (!reclaimer_has_work(epoch))
		port_event_wait(&epoch->event, ticket, 0);
	dhpi_sleeper_end(&epoch->asleep, &epoch->sleeps);
}

static void reclaimer_run(void *argument)
{
	struct dhpi_epoch *epoch = argument;
	bool stopping;

	do {
		uint32_t ticket = port_event_ticket(&epoch->event);
		bool found;

		/* Before the last look for objects: what was deferred before the stop is still reclaimed. */
		stopping = at_load_acquire_u32(&epoch->stopping) != 0; /* [reclaimer-stop] acquire */
		found = reclaim_all(epoch);
		if (!stopping && found)
			port_event_wait(&epoch->event, ticket, NAP_NS); /* ended by the stop, not by an object */
		else if (!stopping)
			reclaimer_sleep(epoch);
	} while (!stopping || at_load_relaxed_ptr(&epoch->deferred) != NULL); /* relaxed: own thread's callbacks */
}

bool dhpi_epoch_in_callback(struct dhpi_epoch *epoch)
{
	return port_mutex_mine(&epoch->round);
}

/* Whose round is on has taken its list before: at its end that is reclaimed, and the rest is ours. */
void dhpi_epoch_drain(struct dhpi_epoch *epoch)
{
	(void)reclaim_all(epoch);
}
