/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/self/mountinfo, after a first line that is the path of our group: the folder is a mount point and the end of that path.
 */
#include "fuzz.h"

#include "linux.h"

static void parse(const char *text, size_t length, const char *path, uint32_t version, enum dhpi_look *look,
		  struct dhpi_cgroup *group)
{
	uint64_t before = fuzz_allocated();

	memset(group, '?', sizeof(*group));
	*look = dhpi_cgroup_mount_parse(text, length, "memory", path, version, group);
	MUST(fuzz_allocated() == before);
}

static bool ends_with(const char *text, const char *end)
{
	return strlen(end) <= strlen(text) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static void check_group(const struct dhpi_cgroup *group, const char *path, uint32_t version)
{
	char end[DHPI_FOLDER_BYTES];
	size_t length = strlen(path);

	MUST(group->version == version && group->length < DHPI_FOLDER_BYTES && group->top_length <= group->length);
	MUST(group->folder[0] == '/' && strlen(group->folder) == group->length && group->top_length > 0);
	memcpy(end, path, length + 1);
	while (length > 0 && end[length - 1] == '/')
		end[--length] = '\0';
	MUST(ends_with(end, group->folder + group->top_length));
	MUST(group->length == group->top_length || group->top_length == 1 || group->folder[group->top_length] == '/');
	MUST(strncmp(group->folder + group->top_length, "/..", 4) != 0);
}

/* Another mount before it, or a line that was cut off behind it, changes nothing. */
static void check_longer(const char *text, size_t size, const char *path, uint32_t version, enum dhpi_look look,
			 const struct dhpi_cgroup *group)
{
	static const char line[] = "22 1 0:21 / /proc rw,nosuid shared:12 - proc proc rw\n";
	const size_t length = sizeof(line) - 1;
	char *longer = malloc(length + size + length);
	struct dhpi_cgroup again;
	enum dhpi_look look_again;

	MUST(longer != NULL);
	memcpy(longer, line, length);
	memcpy(longer + length, text, size);
	memcpy(longer + length + size, line, length);
	parse(longer, length + size, path, version, &look_again, &again);
	MUST(look_again == look && (look != DHPI_LOOK_FINE || memcmp(&again, group, sizeof(again)) == 0));
	if (size > 0 && text[size - 1] == '\n') {
		parse(longer, length + size + length - 1, path, version, &look_again, &again);
		MUST(look_again == look && (look != DHPI_LOOK_FINE || memcmp(&again, group, sizeof(again)) == 0));
	}
	free(longer);
}

static bool is_untouched(const struct dhpi_cgroup *group)
{
	const unsigned char *bytes = (const unsigned char *)group;

	for (size_t i = 0; i < sizeof(*group); i++)
		if (bytes[i] != '?')
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
	char path[DHPI_FOLDER_BYTES];
	const char *text;
	size_t length;

	if (end == NULL || data[0] != '/' || (size_t)(end - data) >= sizeof(path) || memchr(data, '\0', (size_t)(end - data)) != NULL)
		return 0;
	memcpy(path, data, (size_t)(end - data));
	path[end - data] = '\0';
	text = (const char *)end + 1;
	length = size - (size_t)(end + 1 - data);
	for (uint32_t version = 1; version <= 2; version++) {
		struct dhpi_cgroup group;
		enum dhpi_look look;

		parse(text, length, path, version, &look, &group);
		if (look == DHPI_LOOK_FINE)
			check_group(&group, path, version);
		else
			MUST(is_untouched(&group));
		check_longer(text, length, path, version, look, &group);
	}
	return 0;
}
