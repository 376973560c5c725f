/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The collection of sources by itself, with sources of the test: who is looked at when, what passes the one place, and what
 * becomes of one that fails.
 */
#include "support.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source.h"

#define EVENTS 64u

/* ---- what the hook heard ---- */

struct heard {
	enum dhp_source_event_kind kind;
	char source[16], key[24], value[96];
	uint64_t time_ns;
};

static struct heard heard[EVENTS];
static uint32_t heard_count;

static void hear(void *context, const struct dhp_source_event *event)
{
	struct heard *at = &heard[heard_count++ % EVENTS];

	(void)context;
	at->kind = event->kind;
	at->time_ns = event->time_ns;
	(void)snprintf(at->source, sizeof(at->source), "%s", event->source);
	(void)snprintf(at->key, sizeof(at->key), "%s", event->key);
	(void)snprintf(at->value, sizeof(at->value), "%s", event->value);
}

static uint32_t heard_of_kind(enum dhp_source_event_kind kind)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < heard_count && i < EVENTS; i++)
		count += heard[i].kind == kind;
	return count;
}

static void assert_heard(uint32_t at, enum dhp_source_event_kind kind, const char *source, const char *key, const char *value)
{
	assert_true(at < heard_count);
	assert_int_equal(heard[at].kind, kind);
	assert_string_equal(heard[at].source, source);
	assert_string_equal(heard[at].key, key);
	assert_string_equal(heard[at].value, value);
}

/* ---- two sources of the test: one has a number, the other has a file too ---- */

struct script {
	uint64_t looks, opens, closes, served;
	uint64_t value;
	enum dhpi_look look;
	const char *refuses; /* to be opened, for this reason */
	uint32_t echoes;     /* so often another sign comes while one is served */
};

static struct script number, bell;

static const char *script_open(struct script *script)
{
	script->opens++;
	return script->refuses;
}

static enum dhpi_look script_look(struct dhpi_source *source, struct script *script, enum dhpi_number_fact fact)
{
	script->looks++;
	if (script->look == DHPI_LOOK_FINE)
		dhpi_learn_number(source, fact, script->value);
	return script->look;
}

static const char *number_open(struct dhpi_source *source)
{
	(void)source;
	return script_open(&number);
}

static void number_close(struct dhpi_source *source)
{
	(void)source;
	number.closes++;
}

static enum dhpi_look number_look(struct dhpi_source *source)
{
	return script_look(source, &number, DHPI_QUOTA);
}

static const struct dhpi_source_ops number_ops = {
	.name = "number", .sees = "a number", .blind = "all else", .aspect = DHPI_OF_PROCESSORS, .every = DHPI_EVERY_LOOK,
	.open = number_open, .close = number_close, .look = number_look,
};

static int other_end = -1;

static void ring(void)
{
	assert_int_equal(write(other_end, "x", 1), 1);
}

static const char *bell_open(struct dhpi_source *source)
{
	int ends[2];

	if (bell.refuses == NULL) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
		source->file = ends[0];
		source->events = POLLIN;
		other_end = ends[1];
	}
	return script_open(&bell);
}

static void bell_close(struct dhpi_source *source)
{
	(void)source;
	(void)close(other_end);
	bell.closes++;
}

static enum dhpi_look bell_look(struct dhpi_source *source)
{
	return script_look(source, &bell, DHPI_TOTAL_BYTES);
}

static enum dhpi_look bell_ready(struct dhpi_source *source, short revents, bool *out_sign)
{
	char byte;

	assert_true((revents & POLLIN) != 0);
	assert_int_equal(read(source->file, &byte, 1), 1);
	bell.served++;
	*out_sign = bell.look == DHPI_LOOK_FINE;
	if (bell.echoes > 0) {
		bell.echoes--;
		ring();
	}
	return bell.look;
}

static void bell_describe(struct dhpi_source *source, char *text, size_t capacity)
{
	(void)source;
	(void)snprintf(text, capacity, "rung %u times", (unsigned)bell.served);
}

static const struct dhpi_source_ops bell_ops = {
	.name = "bell", .sees = "-", .blind = "", .root = "gold", .aspect = DHPI_OF_MEMORY, .every = 3,
	.open = bell_open, .close = bell_close, .look = bell_look, .ready = bell_ready, .describe = bell_describe,
};

static const struct dhpi_source_ops *const table[] = { &number_ops, &bell_ops };

static struct dhpi_sources *begin(void)
{
	static struct dhpi_sources sources;

	memset(&sources, 0, sizeof(sources));
	memset(&number, 0, sizeof(number));
	memset(&bell, 0, sizeof(bell));
	heard_count = 0;
	sources.hook = hear;
	return &sources;
}

static struct dhpi_sources *begin_open(void)
{
	struct dhpi_sources *sources = begin();

	assert_true(dhpi_sources_open(sources, table, LENGTH(table)));
	return sources;
}

static void look(struct dhpi_sources *sources, enum dhpi_aspect aspect, bool all)
{
	port_mutex_lock(&sources->lock);
	dhpi_sources_look(sources, aspect, all);
	port_mutex_unlock(&sources->lock);
}

/* ---- one place ---- */

static void every_change_passes_one_place_and_only_changes_do(void **state)
{
	struct dhpi_sources *sources = begin_open();

	(void)state;
	assert_heard(0, DHP_SOURCE_OPENED, "number", "source", "in use");
	assert_heard(1, DHP_SOURCE_OPENED, "bell", "source", "in use");
	number.value = 7;
	for (int i = 0; i < 3; i++)
		look(sources, DHPI_OF_PROCESSORS, false);
	assert_int_equal(number.looks, 3);
	assert_int_equal(heard_count, 3);
	assert_heard(2, DHP_SOURCE_CHANGE, "number", "quota", "7");
	assert_true(sources->facts.numbers[DHPI_QUOTA].known && sources->facts.numbers[DHPI_QUOTA].value == 7);
	number.value = UINT64_MAX;
	look(sources, DHPI_OF_PROCESSORS, false);
	assert_heard(3, DHP_SOURCE_CHANGE, "number", "quota", "18446744073709551615");
	assert_true(heard[3].time_ns >= heard[2].time_ns && heard[2].time_ns > 0);
	assert_int_equal(sources->list[0].changes.value, 2);
	assert_int_equal(bell.looks, 0);
	dhpi_sources_close(sources);
}

static void sets_are_told_as_lists(void **state)
{
	struct dhpi_sources *sources = begin_open();
	struct dhpi_source *source = &sources->list[0];

	(void)state;
	port_mutex_lock(&sources->lock);
	for (int i = 0; i < 2; i++) {
		dhpi_cpus_clear(&sources->found.cpus);
		assert_true(dhpi_cpulist_parse("0-2,9", 5, &sources->found.cpus, &sources->found.list));
		dhpi_learn_set(source, DHPI_ONLINE);
	}
	assert_int_equal(heard_count, 3);
	assert_heard(2, DHP_SOURCE_CHANGE, "number", "online", "0-2,9");
	dhpi_cpus_clear(&sources->found.cpus);
	sources->found.list = (struct dhpi_cpulist){ 0, 0 };
	dhpi_learn_set(source, DHPI_ONLINE);
	assert_heard(3, DHP_SOURCE_CHANGE, "number", "online", "");
	dhpi_learn_event(source, "cpu3", "add");
	dhpi_learn_event(source, "cpu3", "add"); /* what happens twice is told twice */
	assert_int_equal(heard_count, 6);
	assert_heard(5, DHP_SOURCE_CHANGE, "number", "cpu3", "add");
	port_mutex_unlock(&sources->lock);
	dhpi_sources_close(sources);
}

static void without_a_hook_all_goes_on(void **state)
{
	struct dhpi_sources *sources = begin();

	(void)state;
	sources->hook = NULL;
	assert_true(dhpi_sources_open(sources, table, LENGTH(table)));
	look(sources, DHPI_OF_PROCESSORS, false);
	port_mutex_lock(&sources->lock);
	dhpi_cpus_clear(&sources->found.cpus);
	dhpi_learn_set(&sources->list[0], DHPI_ONLINE);
	port_mutex_unlock(&sources->lock);
	assert_int_equal(sources->list[0].changes.value, 2);
	number.look = DHPI_LOOK_GONE;
	look(sources, DHPI_OF_PROCESSORS, false);
	assert_false(sources->list[0].in_use);
	dhpi_sources_close(sources);
	assert_int_equal(heard_count, 0);
}

/* ---- sources that fail ---- */

static void source_that_disappears_is_told_once_and_the_others_go_on(void **state)
{
	struct dhpi_sources *sources = begin_open();

	(void)state;
	number.value = 7;
	look(sources, DHPI_OF_PROCESSORS, false);
	number.look = DHPI_LOOK_GONE;
	for (int i = 0; i < 5; i++) {
		look(sources, DHPI_OF_PROCESSORS, false);
		look(sources, DHPI_OF_MEMORY, true);
	}
	assert_int_equal(number.looks, 2);
	assert_int_equal(number.closes, 1);
	assert_int_equal(number.opens, 1);
	assert_int_equal(heard_of_kind(DHP_SOURCE_DROPPED), 1);
	assert_heard(3, DHP_SOURCE_DROPPED, "number", "source", "it has disappeared");
	assert_int_equal(bell.looks, 5);
	assert_true(sources->facts.numbers[DHPI_QUOTA].value == 7); /* what is known stays */
	dhpi_sources_close(sources);
	assert_int_equal(number.closes, 1);
	assert_int_equal(bell.closes, 1);
}

static void source_that_is_lost_comes_back_when_somebody_asks(void **state)
{
	struct dhpi_sources *sources = begin_open();

	(void)state;
	number.look = DHPI_LOOK_GONE;
	look(sources, DHPI_OF_PROCESSORS, false);
	number.look = DHPI_LOOK_FINE;
	number.value = 9;
	look(sources, DHPI_OF_PROCESSORS, false);
	assert_int_equal(number.opens, 1);
	number.refuses = "not yet";
	look(sources, DHPI_OF_PROCESSORS, true);
	assert_int_equal(number.opens, 2);
	assert_false(sources->list[0].in_use);
	number.refuses = NULL;
	look(sources, DHPI_OF_PROCESSORS, true);
	assert_true(sources->list[0].in_use);
	assert_int_equal(heard_of_kind(DHP_SOURCE_OPENED), 3);
	assert_int_equal(heard_of_kind(DHP_SOURCE_DROPPED), 1);
	assert_int_equal(heard_of_kind(DHP_SOURCE_ABSENT), 0);
	assert_true(sources->facts.numbers[DHPI_QUOTA].value == 9);
	dhpi_sources_close(sources);
}

static void source_that_cannot_be_opened_is_told_at_the_start(void **state)
{
	struct dhpi_sources *sources = begin();

	(void)state;
	number.refuses = "no numbers here";
	assert_true(dhpi_sources_open(sources, table, LENGTH(table)));
	assert_heard(0, DHP_SOURCE_ABSENT, "number", "source", "no numbers here");
	look(sources, DHPI_OF_PROCESSORS, true); /* it has only just been tried */
	assert_int_equal(number.opens, 1);
	look(sources, DHPI_OF_PROCESSORS, true);
	assert_int_equal(number.opens, 2);
	assert_int_equal(heard_count, 2);
	dhpi_sources_close(sources);
	assert_int_equal(number.closes, 0);
}

static void malformed_is_counted_and_changes_nothing(void **state)
{
	struct dhpi_sources *sources = begin_open();

	(void)state;
	number.value = 7;
	look(sources, DHPI_OF_PROCESSORS, false);
	number.look = DHPI_LOOK_MALFORMED;
	number.value = 8;
	for (int i = 0; i < 3; i++)
		look(sources, DHPI_OF_PROCESSORS, false);
	number.look = DHPI_LOOK_LATER; /* the system's trouble is not the file's */
	look(sources, DHPI_OF_PROCESSORS, false);
	assert_int_equal(sources->list[0].malformed.value, 3);
	assert_int_equal(sources->list[0].changes.value, 1);
	assert_true(sources->list[0].in_use && sources->facts.numbers[DHPI_QUOTA].value == 7);
	assert_int_equal(heard_count, 3);
	number.look = DHPI_LOOK_FINE;
	look(sources, DHPI_OF_PROCESSORS, false);
	assert_true(sources->facts.numbers[DHPI_QUOTA].value == 8);
	dhpi_sources_close(sources);
}

/* ---- whose turn it is ---- */

static void source_without_a_sign_is_looked_at_seldom(void **state)
{
	struct dhpi_sources *sources = begin_open();

	(void)state;
	look(sources, DHPI_OF_MEMORY, false); /* the first */
	assert_int_equal(bell.looks, 1);
	for (int i = 0; i < 9; i++)
		look(sources, DHPI_OF_MEMORY, false);
	assert_int_equal(bell.looks, 4);
	look(sources, DHPI_OF_MEMORY, true); /* somebody asks */
	assert_int_equal(bell.looks, 5);
	look(sources, DHPI_OF_MEMORY, false);
	assert_int_equal(bell.looks, 5);
	ring();
	dhpi_sources_wait(sources, 60000);
	look(sources, DHPI_OF_MEMORY, false);
	assert_int_equal(bell.looks, 6);
	look(sources, DHPI_OF_MEMORY, false);
	assert_int_equal(bell.looks, 6);
	dhpi_sources_close(sources);
}

/* Another affinity: perhaps a processor came, and there is more to see. */
static void another_set_is_a_sign_for_all(void **state)
{
	struct dhpi_sources *sources = begin_open();

	(void)state;
	look(sources, DHPI_OF_MEMORY, false);
	assert_int_equal(bell.looks, 1);
	port_mutex_lock(&sources->lock);
	for (const char *text = "0"; text != NULL; text = *text == '0' ? "1" : NULL) {
		dhpi_cpus_clear(&sources->found.cpus);
		assert_true(dhpi_cpulist_parse(text, 1, &sources->found.cpus, &sources->found.list));
		assert_false(sources->list[1].due);
		dhpi_learn_set(&sources->list[0], DHPI_AFFINITY);
	}
	port_mutex_unlock(&sources->lock);
	look(sources, DHPI_OF_MEMORY, false);
	assert_int_equal(bell.looks, 2);
	dhpi_sources_close(sources);
}

static void burst_of_signs_is_one(void **state)
{
	struct dhpi_sources *sources = begin_open();

	(void)state;
	bell.echoes = 10;
	ring();
	dhpi_sources_wait(sources, 60000);
	assert_int_equal(bell.served, 11);
	dhpi_sources_close(sources);
}

static void endless_signs_do_not_keep_us(void **state)
{
	struct dhpi_sources *sources = begin_open();

	(void)state;
	bell.echoes = UINT32_MAX;
	ring();
	dhpi_sources_wait(sources, 60000);
	assert_true(bell.served > 1 && bell.served < 100);
	dhpi_sources_close(sources);
}

static void sign_that_means_nothing_does_not_end_the_wait(void **state)
{
	struct dhpi_sources *sources = begin_open();

	(void)state;
	bell.look = DHPI_LOOK_MALFORMED; /* and no sign */
	ring();
	dhpi_sources_wait(sources, 30);
	assert_int_equal(bell.served, 1);
	assert_int_equal(sources->list[1].malformed.value, 1);
	assert_false(sources->list[0].due && number.looks != 0);
	dhpi_sources_close(sources);
}

static void interrupt_ends_the_wait(void **state)
{
	struct dhpi_sources *sources = begin_open();

	(void)state;
	dhpi_sources_interrupt(sources);
	dhpi_sources_wait(sources, UINT32_MAX);
	assert_int_equal(bell.served, 0);
	dhpi_sources_close(sources);
}

/* ---- descriptors that the program closes ---- */

static void closed_descriptor_is_told_once(void **state)
{
	struct dhpi_sources *sources = begin_open();

	(void)state;
	assert_int_equal(close(sources->list[1].file), 0);
	dhpi_sources_wait(sources, 20);
	dhpi_sources_wait(sources, 1);
	assert_int_equal(heard_of_kind(DHP_SOURCE_DROPPED), 1);
	assert_heard(2, DHP_SOURCE_DROPPED, "bell", "source", "its descriptor was closed by the program");
	assert_false(sources->list[1].in_use);
	look(sources, DHPI_OF_PROCESSORS, false);
	assert_int_equal(number.looks, 1);
	dhpi_sources_close(sources);
}

/* The number of a closed descriptor is soon another file's: that is the program's, to read and to close. */
static void file_of_the_program_is_neither_read_nor_closed(void **state)
{
	struct dhpi_sources *sources = begin_open();
	int ends[2], taken;
	char byte = 0;

	(void)state;
	taken = sources->list[1].file;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(dup2(ends[0], taken), taken);
	assert_int_equal(write(ends[1], "p", 1), 1);
	dhpi_sources_wait(sources, 20);
	assert_int_equal(bell.served, 0);
	assert_int_equal(heard_of_kind(DHP_SOURCE_DROPPED), 1);
	dhpi_sources_close(sources);
	assert_int_equal(read(taken, &byte, 1), 1);
	assert_int_equal(byte, 'p');
	assert_int_equal(close(taken), 0);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(close(ends[1]), 0);
}

static void without_its_own_descriptor_it_waits_by_the_clock(void **state)
{
	struct dhpi_sources *sources = begin_open();

	(void)state;
	assert_int_equal(close(sources->interrupt), 0);
	dhpi_sources_wait(sources, 5);
	dhpi_sources_wait(sources, 0);
	dhpi_sources_close(sources);
	assert_int_equal(heard_of_kind(DHP_SOURCE_DROPPED), 0);
}

/* Nor is it written to, and what comes there is no interruption; the signs of the others are seen as before. */
static void file_of_the_program_is_not_taken_for_the_interrupt(void **state)
{
	struct dhpi_sources *sources = begin_open();
	int ends[2], taken;
	char byte = 0;

	(void)state;
	taken = sources->interrupt;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(dup2(ends[0], taken), taken);
	assert_int_equal(write(ends[1], "p", 1), 1);
	dhpi_sources_interrupt(sources);
	assert_int_equal(read(ends[1], &byte, 1), -1);
	ring();
	dhpi_sources_wait(sources, 20);
	assert_int_equal(bell.served, 1);
	dhpi_sources_close(sources);
	assert_int_equal(read(taken, &byte, 1), 1);
	assert_int_equal(close(taken), 0);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(close(ends[1]), 0);
}

/* ---- what is said of them ---- */

struct rows {
	uint32_t count;
	struct dhp_source rows[2];
	char details[2][64];
	struct dhpi_sources *sources;
};

static void note_row(const struct dhp_source *source, void *context)
{
	struct rows *rows = context;

	assert_true(rows->count < 2);
	assert_false(port_mutex_mine(&rows->sources->lock));
	rows->rows[rows->count] = *source;
	(void)snprintf(rows->details[rows->count++], sizeof(rows->details[0]), "%s", source->detail);
}

static void each_says_what_it_sees_and_what_not(void **state)
{
	struct dhpi_sources *sources = begin();
	struct rows rows = { .sources = sources };

	(void)state;
	number.refuses = "no numbers here";
	assert_true(dhpi_sources_open(sources, table, LENGTH(table)));
	ring();
	dhpi_sources_wait(sources, 60000);
	bell.look = DHPI_LOOK_MALFORMED;
	look(sources, DHPI_OF_MEMORY, true);
	bell.look = DHPI_LOOK_FINE;
	look(sources, DHPI_OF_MEMORY, true);
	dhpi_sources_visit(sources, note_row, &rows);
	assert_int_equal(rows.count, 2);
	assert_false(rows.rows[0].works);
	assert_string_equal(rows.rows[0].name, "number");
	assert_string_equal(rows.details[0], "no numbers here");
	assert_string_equal(rows.rows[0].root, "nothing");
	assert_string_equal(rows.rows[0].blind, "all else");
	assert_true(rows.rows[1].works);
	assert_string_equal(rows.details[1], "rung 1 times");
	assert_string_equal(rows.rows[1].root, "gold");
	assert_int_equal(rows.rows[1].malformed_count, 1);
	assert_int_equal(rows.rows[1].changes_count, 1);
	dhpi_sources_close(sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_passes_one_place_and_only_changes_do),
		cmocka_unit_test(sets_are_told_as_lists),
		cmocka_unit_test(without_a_hook_all_goes_on),
		cmocka_unit_test(source_that_disappears_is_told_once_and_the_others_go_on),
		cmocka_unit_test(source_that_is_lost_comes_back_when_somebody_asks),
		cmocka_unit_test(source_that_cannot_be_opened_is_told_at_the_start),
		cmocka_unit_test(malformed_is_counted_and_changes_nothing),
		cmocka_unit_test(source_without_a_sign_is_looked_at_seldom),
		cmocka_unit_test(another_set_is_a_sign_for_all),
		cmocka_unit_test(burst_of_signs_is_one),
		cmocka_unit_test(endless_signs_do_not_keep_us),
		cmocka_unit_test(sign_that_means_nothing_does_not_end_the_wait),
		cmocka_unit_test(interrupt_ends_the_wait),
		cmocka_unit_test(closed_descriptor_is_told_once),
		cmocka_unit_test(file_of_the_program_is_neither_read_nor_closed),
		cmocka_unit_test(without_its_own_descriptor_it_waits_by_the_clock),
		cmocka_unit_test(file_of_the_program_is_not_taken_for_the_interrupt),
		cmocka_unit_test(each_says_what_it_sees_and_what_not),
	};

	return cmocka_run_group_tests_name("sources_collection", tests, NULL, NULL);
}
