/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base64: what is taken is the one text that an encoder writes for those bytes.
 */
#include "fuzz.h"

#include "linux.h"

#define UNTOUCHED ((size_t)0x5a5a5a5a)

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t encode(const uint8_t *bytes, size_t count, char *text)
{
	size_t length = 0;

	for (size_t at = 0; at < count; at += 3) {
		uint32_t bits = (uint32_t)bytes[at] << 16;

		bits |= at + 1 < count ? (uint32_t)bytes[at + 1] << 8 : 0;
		bits |= at + 2 < count ? (uint32_t)bytes[at + 2] : 0;
		for (uint32_t i = 0; i < 4; i++)
			text[length++] = at + i > count ? '=' : letters[bits >> (18 - 6 * i) & 63];
	}
	return length;
}

/* Room of exactly that size, so that a sanitizer sees a write beyond it. */
static bool parse(const uint8_t *data, size_t size, char *room, size_t capacity, size_t *out_length)
{
	uint64_t before = fuzz_allocated();
	bool good = dhpi_base64_parse((const char *)data, size, room, capacity, out_length);

	MUST(fuzz_allocated() == before);
	MUST(good == (*out_length != UNTOUCHED));
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t capacity = size / 4 * 3, length = UNTOUCHED, less = UNTOUCHED;
	char *room = malloc(capacity + 1), *text = malloc(size + 4);

	MUST(room != NULL && text != NULL);
	if (parse(data, size, room, capacity, &length)) {
		MUST(length <= capacity && encode((const uint8_t *)room, length, text) == size);
		MUST(memcmp(text, data, size) == 0);
	}
	if (capacity > 0)
		MUST(!parse(data, size, room, capacity - 1, &less));
	free(room);
	free(text);
	return 0;
}
