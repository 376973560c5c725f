/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.h - write JSON, one value after another.
 *
 * The key is NULL inside an array. A compact writer puts everything on one line, for one object a line.
 */
#ifndef TOOL_JSON_H
#define TOOL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *file;
	unsigned depth;
	bool compact;
	bool follows; /* something stands before in this object or array: a comma is due */
};

void json_object(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array(struct json *json, const char *key);
void json_array_end(struct json *json);
void json_text(struct json *json, const char *key, const char *text);
void json_count(struct json *json, const char *key, uint64_t count);
void json_real(struct json *json, const char *key, double real); /* null when it is no finite number */
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);

#endif
