/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h - a command's options as a table, from which it is parsed and its help is printed.
 */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
	OPTION_FLAG,    /* takes nothing; sets a bool */
	OPTION_COUNT,   /* a whole number from least to most */
	OPTION_SEED,    /* any 64-bit number, decimal or 0x... */
	OPTION_SECONDS, /* a decimal number from least to most */
	OPTION_TEXT,    /* anything */
	OPTION_CHOICE   /* one of the texts in choices; stores its place */
};

struct option {
	const char *name;     /* without the two dashes */
	const char *argument; /* what the help calls it; NULL for a flag */
	const char *help;     /* may hold line ends */
	enum option_kind kind;
	union {
		bool *flag;
		uint32_t *count; /* choices too */
		uint64_t *seed;
		double *seconds;
		const char **text;
	} into;
	double least, most;
	const char *const *choices; /* ends with NULL */
};

#define OPTIONS_LIMIT 24

struct command {
	const char *name;
	const char *operands; /* as the usage line shows them; NULL: takes none */
	const char *about;    /* what --help says before the options */
	const char *notes;    /* and after them; may be NULL */
	struct option options[OPTIONS_LIMIT];
	uint32_t option_count;
};

void command_option(struct command *command, const struct option *option);

enum options_outcome {
	OPTIONS_READ,  /* go on */
	OPTIONS_HELPED, /* --help was asked for and printed: end well */
	OPTIONS_WRONG  /* the error has been said: end with TOOL_UNUSABLE */
};

/* Operands are moved to the front of arguments; their number is stored. */
enum options_outcome options_parse(const struct command *command, int argument_count, char **arguments,
				   int *out_operand_count);

#endif
