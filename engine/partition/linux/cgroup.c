/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cgroup.c - texts about control groups: which is ours, where it can be seen, what its files say.
 *
 * Each is a pure function of a text that may come from anywhere. A line counts only with its end, so that a text that was
 * cut off in the middle of a number is not believed.
 */
#include <string.h>

#include "linux.h"

struct span {
	const char *at;
	size_t length;
};

static bool same(struct span span, const char *text)
{
	return span.length == strlen(text) && memcmp(span.at, text, span.length) == 0;
}

/* What is before the mark, which is taken away too. false: there is no mark. */
static bool cut(struct span *rest, char mark, struct span *out_part)
{
	const char *found = rest->length != 0 ? memchr(rest->at, mark, rest->length) : NULL;

	if (found == NULL)
		return false;
	*out_part = (struct span){ rest->at, (size_t)(found - rest->at) };
	rest->length -= out_part->length + 1;
	rest->at = found + 1;
	return true;
}

/* The same; what is left is the last part. */
static bool cut_last(struct span *rest, char mark, struct span *out_part)
{
	if (cut(rest, mark, out_part))
		return true;
	*out_part = *rest;
	rest->length = 0;
	return out_part->length != 0;
}

static bool lists(struct span list, const char *name)
{
	struct span one;

	while (cut_last(&list, ',', &one))
		if (same(one, name))
			return true;
	return false;
}

static bool read_number(struct span span, uint64_t *out_number)
{
	uint64_t number = 0;

	if (span.length == 0)
		return false;
	for (size_t i = 0; i < span.length; i++) {
		if (span.at[i] < '0' || span.at[i] > '9' || number > UINT64_MAX / 10 - 1)
			return false;
		number = number * 10 + (uint64_t)(span.at[i] - '0');
	}
	*out_number = number;
	return true;
}

/* ---- /proc/self/cgroup: "4:cpu,cpuacct:/path" for each hierarchy of version 1, "0::/path" for that of version 2 ---- */

static bool copy(struct span from, char *to, size_t capacity)
{
	if (from.length == 0 || from.at[0] != '/' || from.length >= capacity || memchr(from.at, '\0', from.length) != NULL)
		return false;
	memcpy(to, from.at, from.length);
	to[from.length] = '\0';
	return true;
}

enum dhpi_look dhpi_cgroup_path_parse(const char *text, size_t length, const char *controller, char *path,
				      size_t capacity, uint32_t *out_version)
{
	struct span rest = { text, length }, line, number, controllers, first = { NULL, 0 }, second = { NULL, 0 };

	while (cut(&rest, '\n', &line)) {
		uint64_t hierarchy;

		if (!cut(&line, ':', &number) || !cut(&line, ':', &controllers) || !read_number(number, &hierarchy))
			return DHPI_LOOK_MALFORMED;
		if (hierarchy == 0 && controllers.length == 0)
			second = line;
		else if (lists(controllers, controller))
			first = line;
	}
	if (rest.length != 0)
		return DHPI_LOOK_MALFORMED;
	if (first.at == NULL && second.at == NULL)
		return DHPI_LOOK_GONE;
	*out_version = first.at != NULL ? 1 : 2;
	return copy(first.at != NULL ? first : second, path, capacity) ? DHPI_LOOK_FINE : DHPI_LOOK_MALFORMED;
}

/* ---- /proc/self/mountinfo: "31 23 0:28 /root /point options [more] - type source options" ---- */

struct mount {
	struct span root, point, type, options;
};

static bool read_mount(struct span line, struct mount *out_mount)
{
	struct span part;

	for (uint32_t i = 0; i < 3; i++)
		if (!cut(&line, ' ', &part))
			return false;
	if (!cut(&line, ' ', &out_mount->root) || !cut(&line, ' ', &out_mount->point) || !cut(&line, ' ', &part))
		return false;
	do {
		if (!cut(&line, ' ', &part))
			return false;
	} while (!same(part, "-"));
	out_mount->options = (struct span){ NULL, 0 };
	return cut(&line, ' ', &out_mount->type) && cut(&line, ' ', &part) &&
	       cut_last(&line, ' ', &out_mount->options);
}

static bool is_octal(const char *at)
{
	return at[0] >= '0' && at[0] <= '3' && at[1] >= '0' && at[1] <= '7' && at[2] >= '0' && at[2] <= '7';
}

/* With "\040" for a space. false: it does not fit, or is no path. */
static bool unescape(struct span from, char *to, size_t capacity, size_t *out_length)
{
	size_t length = 0;

	for (size_t i = 0; i < from.length; i++) {
		char c = from.at[i];

		if (c == '\\' && from.length - i > 3 && is_octal(from.at + i + 1)) {
			c = (char)((from.at[i + 1] - '0') << 6 | (from.at[i + 2] - '0') << 3 | (from.at[i + 3] - '0'));
			i += 3;
		}
		if (c == '\0' || length + 1 >= capacity)
			return false;
		to[length++] = c;
	}
	to[length] = '\0';
	*out_length = length;
	return length != 0 && to[0] == '/';
}

/* The part of `path` below the mount's root. NULL: the mount does not show it. */
static const char *below(const char *path, const char *root, size_t root_length)
{
	if (root_length == 1)
		return path;
	if (strncmp(path, root, root_length) != 0 || (path[root_length] != '\0' && path[root_length] != '/'))
		return NULL;
	return path + root_length;
}

/* false: this mount does not show our group, or the place of it is too long. */
static bool place(const struct mount *mount, const char *path, struct dhpi_cgroup *out_group)
{
	char root[DHPI_FOLDER_BYTES];
	size_t root_length, length, point_length;
	const char *rest;

	if (!unescape(mount->root, root, sizeof(root), &root_length) ||
	    !unescape(mount->point, out_group->folder, sizeof(out_group->folder), &point_length))
		return false;
	rest = below(path, root, root_length);
	if (rest == NULL || (strncmp(rest, "/..", 3) == 0 && (rest[3] == '/' || rest[3] == '\0')))
		return false;
	length = strlen(rest);
	while (length > 0 && rest[length - 1] == '/')
		length--;
	if (point_length + length >= sizeof(out_group->folder))
		return false;
	memcpy(out_group->folder + point_length, rest, length);
	out_group->folder[point_length + length] = '\0';
	out_group->length = point_length + length;
	out_group->top_length = point_length;
	return true;
}

enum dhpi_look dhpi_cgroup_mount_parse(const char *text, size_t length, const char *controller, const char *path,
				       uint32_t version, struct dhpi_cgroup *out_group)
{
	struct span rest = { text, length }, line;

	while (cut(&rest, '\n', &line)) {
		struct dhpi_cgroup group = { .version = version };
		struct mount mount;

		if (!read_mount(line, &mount))
			return DHPI_LOOK_MALFORMED;
		if (version == 1 ? !same(mount.type, "cgroup") || !lists(mount.options, controller)
				 : !same(mount.type, "cgroup2"))
			continue;
		if (!place(&mount, path, &group))
			continue;
		*out_group = group;
		return DHPI_LOOK_FINE;
	}
	return DHPI_LOOK_GONE;
}

/* ---- the files of a group ---- */

static bool read_line(const char *text, size_t length, struct span *out_line)
{
	struct span rest = { text, length };

	return cut(&rest, '\n', out_line) && rest.length == 0;
}

bool dhpi_cgroup_bytes_parse(const char *text, size_t length, uint64_t *out_bytes)
{
	struct span line;

	if (!read_line(text, length, &line))
		return false;
	if (!same(line, "max"))
		return read_number(line, out_bytes);
	*out_bytes = UINT64_MAX;
	return true;
}

static bool read_quota(struct span quota, const char *none, uint64_t *out_us)
{
	uint64_t us = 0;

	if (!same(quota, none) && (!read_number(quota, &us) || us == 0))
		return false;
	*out_us = us;
	return true;
}

bool dhpi_cgroup_quota_parse(const char *text, size_t length, uint64_t *out_us)
{
	struct span line;

	return read_line(text, length, &line) && read_quota(line, "-1", out_us);
}

bool dhpi_cgroup_cpu_max_parse(const char *text, size_t length, uint64_t *out_us, uint64_t *out_period_us)
{
	struct span line, quota;
	uint64_t us, period;

	if (!read_line(text, length, &line) || !cut(&line, ' ', &quota) || !read_quota(quota, "max", &us) ||
	    !read_number(line, &period) || period == 0)
		return false;
	*out_us = us;
	*out_period_us = period;
	return true;
}

bool dhpi_cgroup_stat_parse(const char *text, size_t length, const char *key, uint64_t *out_value)
{
	struct span rest = { text, length }, line, name;

	while (cut(&rest, '\n', &line))
		if (cut(&line, ' ', &name) && same(name, key))
			return read_number(line, out_value);
	return false;
}

uint32_t dhpi_quota_processors(uint64_t us, uint64_t period_us)
{
	uint64_t processors = us / period_us + (us % period_us != 0);

	return processors < UINT32_MAX ? (uint32_t)processors : UINT32_MAX;
}
