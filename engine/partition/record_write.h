/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_write.h - a recording, and how its lines are written. See record_write.c.
 */
#ifndef DHPI_RECORD_WRITE_H
#define DHPI_RECORD_WRITE_H

#include <dhp/record.h>

#include "record.h"
#include "text.h"

#define DHPI_RECORD_LINE_BYTES 256u

struct dhpi_record_platform {
	uint32_t present, online, quota;
};

struct dhp_record {
	/* set once */
	struct dhpi_partition *partition;
	dhp_record_write *write;
	void *context;
	uint64_t started_ns;

	bool failed; /* under recording: nothing is written any more */

	/* the rest under serial */
	bool any;    /* a line was written that has no act yet */
	uint64_t idle_looks;
	struct dhpi_cpus usable; /* here to the end what a reader of the lines so far believes */
	struct dhpi_record_platform platform;
	enum dhp_status scan_status;
	struct dhp_memory_info memory;
	uint32_t modules;
};

/* ---- one line ---- */

struct dhpi_record_line {
	char bytes[DHPI_RECORD_LINE_BYTES];
	struct dhpi_text text;
};

/* Under recording: writes what may be no line; the time of a line; its end. */
void dhpi_record_send(struct dhp_record *record, const char *bytes, size_t length);
void dhpi_record_stamp(const struct dhp_record *record, struct dhpi_record_line *line);
void dhpi_record_send_line(struct dhp_record *record, struct dhpi_record_line *line);

/* Under serial: a line of the engine. From the begin to the end `recording` is held. */
void dhpi_record_line_begin(const struct dhp_record *record, struct dhpi_record_line *line, const char *key);
void dhpi_record_line_end(struct dhp_record *record, struct dhpi_record_line *line);
void dhpi_record_put(struct dhpi_record_line *line, uint64_t number);
void dhpi_record_put_known(struct dhpi_record_line *line, uint32_t number); /* or DHP_UNKNOWN */
void dhpi_record_put_string(struct dhpi_record_line *line, const char *string);
void dhpi_record_put_status(struct dhpi_record_line *line, enum dhp_status status);

/* The same with numbers only. */
void dhpi_record_numbers(struct dhp_record *record, const char *key, const uint64_t *numbers, uint32_t count);
void dhpi_record_number(struct dhp_record *record, const char *key, uint64_t number);

/* ---- a list, such as "4-7,9,0": in the order in which the numbers are added; on several lines if need be ---- */

struct dhpi_record_list {
	struct dhp_record *record;
	const char *key;
	struct dhpi_record_line line;
	bool open;
	uint32_t first, last; /* a run that is not written yet; while open */
};

struct dhpi_record_list dhpi_record_list(struct dhp_record *record, const char *key);
void dhpi_record_list_add(struct dhpi_record_list *list, uint32_t number);
void dhpi_record_list_end(struct dhpi_record_list *list);

/* record_said.c; a dhp_source_hook for the start, with the recording as its context. */
void dhpi_record_retold(void *context, const struct dhp_source_event *event);

#endif
