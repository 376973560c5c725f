/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.c - a recording is begun and ended while others look and sources speak: one write at a time, none after the end, and what
 * was written is a recording that can be played (record.c, record_write.c, record_said.c).
 */
#include "../../engine/partition/record.h"

#include <dhp/record.h>

#include "shop.h"

#define BYTES 2048u

/* Where a recording goes; freed as soon as it is ended. */
struct book {
	struct at_u32 writing;
	uint32_t lines, fails_at; /* 0: never */
	size_t length;
	char text[BYTES];
};

static struct {
	struct shop *shop;
	struct dhpi_partition *partition;
	uint32_t begun; /* recordings */
	bool recording; /* one is begun, and its end has not been asked for */
} yard;

/* ---- as much of a partition as a recording asks for ---- */

static enum dhp_status describe(void *state, uint32_t cpu, struct dhp_processor *out_processor)
{
	(void)state;
	(void)cpu;
	(void)out_processor;
	return DHP_BAD_CPU;
}

static uint32_t group_size(void *state, uint32_t group)
{
	(void)state;
	(void)group;
	return 64;
}

static const struct dhpi_backend backend = { .name = "none", .describe = describe, .group_size = group_size };

static void open(void)
{
	struct dhpi_conditions *conditions;

	yard.shop = port_alloc(sizeof(*yard.shop));
	shop_open_base(yard.shop);
	for (uint32_t index = 0; index < SHOP_QUEUES; index++) {
		shop_add_row(yard.shop, index);
		shop_publish(yard.shop, index);
	}
	yard.shop->engine.notify = port_alloc(sizeof(*yard.shop->engine.notify));
	conditions = &yard.shop->engine.notify->conditions;
	conditions->info = (struct dhp_memory_info){ .total_bytes = 1000, .available_bytes = 500, .low_bytes = 10,
						     .high_bytes = 900 };
	yard.partition = port_alloc(sizeof(*yard.partition));
	yard.partition->backend = &backend;
	yard.partition->engine = &yard.shop->engine;
	port_mutex_init(&yard.partition->serial);
	port_mutex_init(&yard.partition->recording);
	yard.shop->engine.partition = yard.partition;
	yard.begun = 0;
	yard.recording = false;
}

static void close(void)
{
	FIBRE_DEMAND(yard.partition->record == NULL);
	port_free(yard.partition, sizeof(*yard.partition));
	port_free(yard.shop->engine.notify, sizeof(*yard.shop->engine.notify));
	shop_close_base(yard.shop);
}

/* ---- of what ---- */

static void speak(void *nothing)
{
	const struct dhp_source_event event = { .source = "uevent", .key = "cpu1", .value = "online" };

	(void)nothing;
	dhpi_record_said(yard.partition, &event);
}

static void look_once(bool finds)
{
	port_mutex_lock(&yard.partition->serial);
	if (finds)
		dhpi_record_fault(yard.partition, 1, "bring-up", DHP_NO_AFFINITY);
	dhpi_record_look(yard.partition, DHPI_BY_POLL);
	port_mutex_unlock(&yard.partition->serial);
}

static void look(void *nothing)
{
	(void)nothing;
	look_once(true);
	look_once(false);
}

/* ---- who writes ---- */

static bool write_line(void *context, const char *line, size_t length)
{
	struct book *book = context;

	FIBRE_DEMAND(at_exchange_acq_rel_u32(&book->writing, 1) == 0);
	FIBRE_DEMAND(book->fails_at == 0 || book->lines < book->fails_at);
	FIBRE_DEMAND(book->length + length < BYTES && line[length - 1] == '\n');
	for (size_t i = 0; i < length; i++)
		book->text[book->length++] = line[i];
	book->lines++;
	at_store_release_u32(&book->writing, 0);
	return book->lines != book->fails_at;
}

static void demand_it_can_be_played(const struct book *book)
{
	struct dhp_replay *replay;
	struct dhp_replay_note note;

	FIBRE_DEMAND(dhp_replay_open(book->text, book->length, &replay, &note) == DHP_OK);
	FIBRE_DEMAND(note.text == NULL);
	FIBRE_DEMAND(dhp_replay_close(replay) == DHP_OK);
}

static enum dhp_status end(struct dhp_record *record)
{
	yard.recording = false;
	return dhp_record_end(record);
}

static void record_and_close(struct book *book)
{
	struct dhp_record *record;
	enum dhp_status status = dhp_record_begin(&yard.shop->engine, write_line, book, &record);

	if (status == DHP_OK) {
		yard.begun++;
		FIBRE_DEMAND(!yard.recording);
		yard.recording = true;
		look(NULL);
		status = end(record);
		FIBRE_DEMAND(status == (book->fails_at == 0 ? DHP_OK : DHP_CANNOT_WRITE));
		if (book->fails_at == 0)
			demand_it_can_be_played(book);
	} else {
		FIBRE_DEMAND(status == DHP_IN_USE);
	}
	port_free(book, sizeof(*book));
}

static void record(void *nothing)
{
	(void)nothing;
	record_and_close(port_alloc(sizeof(struct book)));
}

#define LINES_OF_START 10u

static void record_until_it_fails(void *nothing)
{
	struct book *book = port_alloc(sizeof(*book));

	(void)nothing;
	book->fails_at = LINES_OF_START + 1;
	record_and_close(book);
}

/* ---- worlds ---- */

static void said(void)
{
	open();
	TOGETHER({ "recorder", record, NULL }, { "source", speak, NULL });
	close();
}

static void looked(void)
{
	open();
	TOGETHER({ "recorder", record, NULL }, { "looker", look, NULL });
	close();
}

static void said_and_looked(void)
{
	open();
	TOGETHER({ "recorder", record, NULL }, { "looker", look, NULL }, { "source", speak, NULL });
	close();
}

static void two_recorders(void)
{
	open();
	TOGETHER({ "recorder", record, NULL }, { "another", record, NULL }, { "source", speak, NULL });
	FIBRE_DEMAND(yard.begun != 0);
	close();
}

static void failed(void)
{
	open();
	TOGETHER({ "recorder", record_until_it_fails, NULL }, { "looker", look, NULL }, { "source", speak, NULL });
	close();
}

const struct world worlds[] = {
	{ .name = "a_source_speaks_while_a_recording_ends", .run = said },
	{ .name = "a_look_meets_a_recording", .run = looked },
	{ .name = "a_look_and_a_source_meet_a_recording", .run = said_and_looked },
	{ .name = "two_recordings_take_turns_or_one_is_refused", .run = two_recorders },
	{ .name = "nothing_is_written_after_a_write_that_failed", .run = failed },
	{ .name = NULL },
};
