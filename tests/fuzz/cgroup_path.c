/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/self/cgroup: a path is one of those in the text, and only of a text that is complete; refused, nothing is stored.
 */
#include "fuzz.h"

#include "linux.h"

#define CAPACITY 64u

static const char *const controllers[] = { "cpu", "cpuset", "memory" };

struct answer {
	enum dhpi_look look;
	uint32_t version;
	char path[CAPACITY];
};

static void parse(const char *text, size_t length, const char *controller, struct answer *answer)
{
	uint64_t before = fuzz_allocated();

	*answer = (struct answer){ .version = 0 };
	memset(answer->path, '?', CAPACITY);
	answer->look = dhpi_cgroup_path_parse(text, length, controller, answer->path, CAPACITY, &answer->version);
	MUST(fuzz_allocated() == before);
}

static bool is_untouched(const struct answer *answer)
{
	for (uint32_t i = 0; i < CAPACITY; i++)
		if (answer->path[i] != '?')
			return false;
	return true;
}

/* ":/path" and the end of the line. */
static bool stands_in(const char *path, const char *text, size_t size)
{
	size_t length = strlen(path);

	for (size_t at = 0; at + length + 2 <= size; at++)
		if (text[at] == ':' && memcmp(text + at + 1, path, length) == 0 && text[at + 1 + length] == '\n')
			return true;
	return false;
}

static void check_printed(const struct answer *answer, const char *controller)
{
	struct answer again;
	char text[CAPACITY + 32];
	int length = answer->version == 1 ? snprintf(text, sizeof(text), "7:x,%s:%s\n", controller, answer->path)
					  : snprintf(text, sizeof(text), "0::%s\n", answer->path);

	parse(text, (size_t)length, controller, &again);
	MUST(again.look == DHPI_LOOK_FINE && again.version == answer->version && strcmp(again.path, answer->path) == 0);
}

/* Another controller's line changes nothing, and one that was cut off everything. */
static void check_longer(const uint8_t *data, size_t size, const char *controller, const struct answer *answer)
{
	static const char line[] = "12:freezer:/somewhere/else\n";
	const size_t length = sizeof(line) - 1;
	char *longer = malloc(length + size + length);
	struct answer again;

	MUST(longer != NULL);
	memcpy(longer, line, length);
	memcpy(longer + length, data, size);
	memcpy(longer + length + size, line, length);
	parse(longer, length + size, controller, &again);
	MUST(again.look == answer->look && memcmp(again.path, answer->path, CAPACITY) == 0);
	parse(longer, length + size + length - 1, controller, &again);
	MUST(again.look == DHPI_LOOK_MALFORMED);
	free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (uint32_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++) {
		struct answer answer;

		parse((const char *)data, size, controllers[i], &answer);
		check_longer(data, size, controllers[i], &answer);
		if (answer.look != DHPI_LOOK_FINE) {
			MUST(is_untouched(&answer));
			continue;
		}
		MUST(answer.path[0] == '/' && memchr(answer.path, '\0', CAPACITY) != NULL);
		MUST(answer.version == 1 || answer.version == 2);
		MUST(stands_in(answer.path, (const char *)data, size));
		check_printed(&answer, controllers[i]);
	}
	return 0;
}
