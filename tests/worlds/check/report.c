/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c - the steps of a run, for people. Places in the sources come from addr2line, if there is one.
 */
#define _GNU_SOURCE
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACE_BYTES 160u
#define LAST_STEPS 400u /* so many are printed */
#define QUIET_STEPS 8u  /* and so many of those in which nothing happens */

extern const char __executable_start[];

static bool is_wrapper(const char *line)
{
	static const char *const names[] = { "atomic.h", "ck_pr.h", "ck_bitmap.h", "ck_stack.h", "spin.h", "??" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strstr(line, names[i]) != NULL)
			return true;
	return false;
}

/* "function file:line" of the innermost frame that is not a wrapper's. */
static void find_place(const void *where, char *place)
{
	char command[256], function[PLACE_BYTES], line[PLACE_BYTES], program[128];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	FILE *pipe;

	place[0] = '\0';
	if (where == NULL || length <= 0)
		return;
	program[length] = '\0';
	(void)snprintf(command, sizeof(command), "addr2line -i -f -s -e %s 0x%lx 2>/dev/null", program,
		       (unsigned long)((const char *)where - __executable_start - 1));
	pipe = popen(command, "r");
	if (pipe == NULL)
		return;
	while (fgets(function, sizeof(function), pipe) != NULL && fgets(line, sizeof(line), pipe) != NULL) {
		function[strcspn(function, "\n")] = '\0';
		line[strcspn(line, " \n")] = '\0';
		(void)snprintf(place, PLACE_BYTES, "%.70s %.70s", function, line);
		if (!is_wrapper(line))
			break;
	}
	(void)pclose(pipe);
}

static void print_object(const struct fibre_op *op)
{
	uint32_t block;
	size_t offset;

	if (op->bytes == 0)
		printf("%-14s", "");
	else if (fibre_block_of(op->at, &block, &offset))
		printf("m%u+%-10zu", block, offset);
	else
		printf("%-14lx", (unsigned long)(op->at & 0xffffffffffu));
}

/* The same place comes again and again. */
struct known {
	const void *where;
	char place[PLACE_BYTES];
};

static const char *place_of(struct known *known, uint32_t *count, uint32_t limit, const void *where)
{
	for (uint32_t i = 0; i < *count; i++)
		if (known[i].where == where)
			return known[i].place;
	if (*count == limit)
		return "";
	known[*count].where = where;
	find_place(where, known[*count].place);
	return known[(*count)++].place;
}

void report_trace(void)
{
	enum { LIMIT = 400 };
	struct known *known = calloc(LIMIT, sizeof(*known));
	uint32_t steps, count = 0;
	const struct fibre_event *trace = fibre_trace(&steps);

	if (known == NULL)
		return;
	if (steps > fibre_quiet_since() + QUIET_STEPS)
		steps = fibre_quiet_since() + QUIET_STEPS;
	for (uint32_t i = steps > LAST_STEPS ? steps - LAST_STEPS : 0; i < steps; i++) {
		const struct fibre_event *event = &trace[i];

		if (i == 0 || trace[i - 1].fibre != event->fibre)
			printf("  %c %s\n", 'a' + event->fibre, fibre_name(event->fibre));
		printf("  %5u    %-22s", i, event->op.name);
		print_object(&event->op);
		printf("%s\n", place_of(known, &count, LIMIT, event->op.where));
	}
	for (uint32_t fibre = 0; fibre < FIBRE_LIMIT; fibre++) {
		const struct fibre_op *op = fibre_next_op(fibre);

		if (op != NULL)
			printf("  %c %s is before: %s %s\n", 'a' + fibre, fibre_name(fibre), op->name,
			       place_of(known, &count, LIMIT, op->where));
	}
	free(known);
}
