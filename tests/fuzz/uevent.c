/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message of the kernel: of the kind that a second reading finds, whatever else stands in it.
 */
#include "fuzz.h"

#include "linux.h"

struct reading {
	size_t fields;
	bool bad, subsystem;
	const char *name, *action;
	enum dhpi_uevent_kind kind;
};

static bool begins_with(const char *field, size_t length, const char *word)
{
	for (size_t i = 0; word[i] != '\0'; i++)
		if (i >= length || field[i] != word[i])
			return false;
	return true;
}

static bool equals(const char *field, size_t length, const char *word)
{
	return length == strlen(word) && begins_with(field, length, word);
}

/* "add@/devices/...": the first @ has something before it and a slash behind it. */
static bool is_header(const char *field, size_t length)
{
	size_t at = 0;

	while (at < length && field[at] != '@')
		at++;
	return at > 0 && at + 1 < length && field[at + 1] == '/';
}

static void read_field(struct reading *reading, const char *field, size_t length)
{
	bool is_value = false;

	if (reading->fields++ == 0) {
		reading->bad = !is_header(field, length);
		for (size_t i = 0; i < length; i++)
			reading->name = field[i] == '/' ? field + i + 1 : reading->name;
		return;
	}
	for (size_t i = 0; i < length; i++)
		is_value = is_value || field[i] == '=';
	reading->bad = reading->bad || !is_value;
	if (begins_with(field, length, "ACTION="))
		reading->action = field + 7;
	if (!begins_with(field, length, "SUBSYSTEM="))
		return;
	reading->subsystem = true;
	reading->kind = equals(field, length, "SUBSYSTEM=cpu")      ? DHPI_UEVENT_CPU
			: equals(field, length, "SUBSYSTEM=memory") ? DHPI_UEVENT_MEMORY
								    : DHPI_UEVENT_OTHER;
}

static enum dhpi_uevent_kind read_all(struct reading *reading, const char *message, size_t length)
{
	size_t from = 0;

	for (size_t at = 0; at < length; at++) {
		if (message[at] != '\0')
			continue;
		read_field(reading, message + from, at - from);
		from = at + 1;
	}
	/* What follows the last zero byte was cut off. */
	if (length == 0 || from != length || reading->bad || !reading->subsystem || reading->action == NULL)
		return DHPI_UEVENT_MALFORMED;
	return reading->kind;
}

/* One more field of another name changes nothing. */
static enum dhpi_uevent_kind parse_longer(const uint8_t *data, size_t size)
{
	static const char field[] = "SEQNUM=4711";
	char *longer = malloc(size + sizeof(field));
	struct dhpi_uevent event;
	enum dhpi_uevent_kind kind;

	MUST(longer != NULL);
	memcpy(longer, data, size);
	memcpy(longer + size, field, sizeof(field));
	kind = dhpi_uevent_parse(longer, size + sizeof(field), &event);
	free(longer);
	return kind;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhpi_uevent event = { NULL, NULL };
	struct reading reading = { .kind = DHPI_UEVENT_OTHER };
	uint64_t before = fuzz_allocated();
	enum dhpi_uevent_kind kind = dhpi_uevent_parse((const char *)data, size, &event);

	MUST(fuzz_allocated() == before);
	MUST(kind == read_all(&reading, (const char *)data, size));
	if (kind == DHPI_UEVENT_CPU || kind == DHPI_UEVENT_MEMORY)
		MUST(event.name == reading.name && event.action == reading.action);
	else
		MUST(event.name == NULL && event.action == NULL);
	if (kind != DHPI_UEVENT_MALFORMED)
		MUST(parse_longer(data, size) == kind);
	return 0;
}
