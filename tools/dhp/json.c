/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.c - a writer that knows where commas go.
 *
 * It holds no tree: `follows` says whether a comma is due, and closing an object or array always makes it due,
 * because what was closed is itself a value. Text is escaped, and bytes that are no UTF-8 are replaced.
 */
#include "json.h"
#include "utf8.h"

#include <inttypes.h>

static void json_line(struct json *json)
{
	unsigned at;

	if (json->compact)
		return;
	fputc('\n', json->file);
	for (at = 0; at < json->depth; at++)
		fputs("  ", json->file);
}

static void json_escaped(struct json *json, const char *text)
{
	fputc('"', json->file);
	while (*text) {
		size_t length = utf8_length(text);

		if (!length)
			fputs(UTF8_REPLACEMENT, json->file);
		else if (*text == '"' || *text == '\\')
			fprintf(json->file, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(json->file, "\\u%04x", (unsigned)*text);
		else
			fwrite(text, 1, length, json->file);
		text += length ? length : 1;
	}
	fputc('"', json->file);
}

/* What comes before every value: comma, line, key. */
static void json_before(struct json *json, const char *key)
{
	if (json->follows)
		fputs(json->compact ? ", " : ",", json->file);
	if (json->depth)
		json_line(json);
	json->follows = true;
	if (!key)
		return;
	json_escaped(json, key);
	fputs(": ", json->file);
}

static void json_open(struct json *json, const char *key, char bracket)
{
	json_before(json, key);
	fputc(bracket, json->file);
	json->depth++;
	json->follows = false;
}

static void json_close(struct json *json, char bracket)
{
	bool empty = !json->follows;

	json->depth--;
	if (!empty)
		json_line(json);
	fputc(bracket, json->file);
	json->follows = json->depth != 0;
	if (!json->depth)
		fputc('\n', json->file);
}

void json_object(struct json *json, const char *key)
{
	json_open(json, key, '{');
}

void json_object_end(struct json *json)
{
	json_close(json, '}');
}

void json_array(struct json *json, const char *key)
{
	json_open(json, key, '[');
}

void json_array_end(struct json *json)
{
	json_close(json, ']');
}

void json_text(struct json *json, const char *key, const char *text)
{
	json_before(json, key);
	json_escaped(json, text);
}

void json_count(struct json *json, const char *key, uint64_t count)
{
	json_before(json, key);
	fprintf(json->file, "%" PRIu64, count);
}

void json_real(struct json *json, const char *key, double real)
{
	if (!__builtin_isfinite(real)) {
		json_null(json, key);
		return;
	}
	json_before(json, key);
	fprintf(json->file, "%.9g", real);
}

void json_bool(struct json *json, const char *key, bool value)
{
	json_before(json, key);
	fputs(value ? "true" : "false", json->file);
}

void json_null(struct json *json, const char *key)
{
	json_before(json, key);
	fputs("null", json->file);
}
