/* SPDX-License-Identifier: BSD-2-Clause */
#include "cpuset.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES sizeof(((struct cpuset *)NULL)->path)

static bool write_file(const char *folder, const char *name, const char *text)
{
	char path[PATH_BYTES + 64];
	ssize_t written;
	int file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	written = write(file, text, strlen(text));
	(void)close(file);
	return written == (ssize_t)strlen(text);
}

static bool make_folder(struct cpuset *set, const char *parent)
{
	(void)snprintf(set->path, PATH_BYTES, "%s/dhp-test-%d", parent, (int)getpid());
	return mkdir(set->path, 0755) == 0;
}

bool cpuset_write(const struct cpuset *set, const uint32_t *cpus, uint32_t count)
{
	char text[512];
	size_t length = 0;

	for (uint32_t i = 0; i < count && length < sizeof(text); i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, i == 0 ? "%u" : ",%u", cpus[i]);
	return length < sizeof(text) && write_file(set->path, "cpuset.cpus", text);
}

bool cpuset_make(struct cpuset *set, uint32_t cpu)
{
	set->second_version = false;
	if (make_folder(set, "/sys/fs/cgroup/cpuset")) {
		if (write_file(set->path, "cpuset.mems", "0") && cpuset_write(set, &cpu, 1))
			return true;
		(void)rmdir(set->path);
	}
	set->second_version = true;
	(void)write_file("/sys/fs/cgroup", "cgroup.subtree_control", "+cpuset");
	if (make_folder(set, "/sys/fs/cgroup")) {
		if (cpuset_write(set, &cpu, 1))
			return true;
		(void)rmdir(set->path);
	}
	return false;
}

bool cpuset_enter(const struct cpuset *set, pid_t process)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)process);
	return write_file(set->path, "cgroup.procs", text);
}

static bool is_removed(void *context)
{
	const struct cpuset *set = context;

	return rmdir(set->path) == 0 || errno == ENOENT;
}

void cpuset_remove(struct cpuset *set)
{
	assert_true(wait_until(is_removed, set));
}
