/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * groups.c - the control groups we are in, found and walked from ours up to the visible root.
 *
 * A process can be moved to another group at any time, so /proc/self/cgroup is read at every look; the long list of mounts
 * only when it has changed, or when a source is opened.
 */
#include <stdio.h>
#include <string.h>

#include "source.h"

#define PATH "/proc/self/cgroup"
#define MOUNTS "/proc/self/mountinfo"

static const char *const controllers[DHPI_CONTROLLERS] = {
	[DHPI_CONTROLLER_CPUSET] = "cpuset",
	[DHPI_CONTROLLER_CPU] = "cpu",
	[DHPI_CONTROLLER_MEMORY] = "memory",
};

static enum dhpi_look find(struct dhpi_sources *all, size_t mounts_length, enum dhpi_controller controller)
{
	struct dhpi_groups *groups = &all->groups;
	char path[DHPI_FOLDER_BYTES];
	uint32_t version;
	enum dhpi_look look = dhpi_cgroup_path_parse(groups->text, groups->length, controllers[controller], path,
						     sizeof(path), &version);

	if (look == DHPI_LOOK_FINE)
		look = dhpi_cgroup_mount_parse(all->scratch, mounts_length, controllers[controller], path, version,
					       &groups->found[controller]);
	return look;
}

/* Of a list that is longer than we take the beginning counts: control groups are mounted early. */
static enum dhpi_look find_all(struct dhpi_sources *all)
{
	struct dhpi_groups *groups = &all->groups;
	size_t length = 0;
	enum dhpi_look look = dhpi_file_read(all->root, MOUNTS, all->scratch, sizeof(all->scratch), &length);

	if (look == DHPI_LOOK_LATER)
		return look;
	for (uint32_t i = 0; i < DHPI_CONTROLLERS; i++)
		groups->looks[i] = look == DHPI_LOOK_FINE ? find(all, length, (enum dhpi_controller)i) : look;
	groups->known = true;
	return DHPI_LOOK_FINE;
}

static enum dhpi_look refresh(struct dhpi_sources *all)
{
	struct dhpi_groups *groups = &all->groups;
	char text[sizeof(groups->text)];
	size_t length = 0;
	enum dhpi_look look = dhpi_file_text(all->root, PATH, text, sizeof(text), &length);

	if (look != DHPI_LOOK_FINE)
		return look;
	if (groups->known && groups->length == length && memcmp(groups->text, text, length) == 0)
		return DHPI_LOOK_FINE;
	groups->known = false;
	memcpy(groups->text, text, length);
	groups->length = length;
	return find_all(all);
}

enum dhpi_look dhpi_groups_find(struct dhpi_source *source, enum dhpi_controller controller, bool anew)
{
	struct dhpi_groups *groups = &source->all->groups;
	enum dhpi_look look;

	groups->known = groups->known && !anew;
	look = refresh(source->all);
	if (look == DHPI_LOOK_FINE)
		look = groups->looks[controller];
	if (look == DHPI_LOOK_FINE && !dhpi_file_exists(source->all->root, groups->found[controller].folder))
		look = DHPI_LOOK_GONE;
	if (look == DHPI_LOOK_GONE)
		source->why = "our control group is not visible here";
	return look;
}

bool dhpi_group_up(struct dhpi_cgroup *group)
{
	if (group->length == group->top_length)
		return false;
	do
		group->length--;
	while (group->length > group->top_length && group->folder[group->length] != '/');
	group->folder[group->length] = '\0';
	return true;
}

enum dhpi_look dhpi_group_text(struct dhpi_source *source, const struct dhpi_cgroup *group, const char *name,
			       size_t *out_length)
{
	char path[DHPI_PATH_BYTES];

	(void)snprintf(path, sizeof(path), "%s/%s", group->folder, name);
	return dhpi_file_text(source->all->root, path, source->all->scratch, DHPI_SCRATCH_BYTES, out_length);
}

bool dhpi_group_has(const struct dhpi_source *source, const struct dhpi_cgroup *group, const char *name)
{
	char path[DHPI_PATH_BYTES];

	(void)snprintf(path, sizeof(path), "%s/%s", group->folder, name);
	return dhpi_file_exists(source->all->root, path);
}
