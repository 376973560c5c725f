/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linux.h - readers of what Linux says about processors. Each is small and pure enough to be fed by a test.
 */
#ifndef DHPI_LINUX_H
#define DHPI_LINUX_H

#include "partition.h"

#define DHPI_PATH_BYTES 1024u
#define DHPI_ROOT_BYTES 256u

/* How a look at something went. */
enum dhpi_look {
	DHPI_LOOK_FINE,
	DHPI_LOOK_LATER,     /* nothing is known: the system had no descriptor or memory for it */
	DHPI_LOOK_MALFORMED, /* not believed: counted, and nothing has changed */
	DHPI_LOOK_GONE       /* there is no such thing, or not for us */
};

/* ---- cpulist.c: "0-3,8,10-11" ---- */

struct dhpi_cpulist {
	uint32_t count;
	uint32_t limit; /* one more than the largest id; 0: none */
};

/*
 * Adds the ids to `cpus`, which may be NULL. false: the text is malformed, or an id is not below DHP_CPU_LIMIT; then some
 * ids may have been added. A final newline is allowed; an empty text is an empty list.
 */
bool dhpi_cpulist_parse(const char *text, size_t length, struct dhpi_cpus *cpus, struct dhpi_cpulist *out_list);

/* Enough for any set: every second of 65534 ids, each of at most five digits, and what separates them. */
#define DHPI_CPULIST_TEXT_BYTES (DHP_CPU_LIMIT / 2 * 6 + 8)

/* The same text for the ids below the limit, without a newline. */
void dhpi_cpulist_print(const struct dhpi_cpus *cpus, uint32_t limit, char *text);

/* ---- file.c: files under a root ---- */

/* What `errno` of a call means that opens or reads. */
enum dhpi_look dhpi_file_refused(void);
/* What is there, up to the capacity: a length that equals it means that there may be more. */
enum dhpi_look dhpi_file_read(const char *root, const char *name, char *text, size_t capacity, size_t *out_length);
/* All of it, shorter than the capacity, or malformed. */
enum dhpi_look dhpi_file_text(const char *root, const char *path, char *text, size_t capacity, size_t *out_length);
enum dhpi_look dhpi_file_list(const char *root, const char *path, struct dhpi_cpus *cpus, struct dhpi_cpulist *out_list);
bool dhpi_file_exists(const char *root, const char *path);

/* ---- sysfs.c: what is made of files ---- */

/* false: there is no such file, or it is not of this form. */
bool dhpi_sysfs_list(const char *root, const char *path, struct dhpi_cpus *cpus, struct dhpi_cpulist *out_list);
/* DHP_UNKNOWN, or node 0, where the files do not say. Gives how many of them are malformed. */
uint32_t dhpi_sysfs_topology(const char *root, struct dhp_processor *processor);

/* ---- uevent.c: messages of the kernel ---- */

enum dhpi_uevent_kind {
	DHPI_UEVENT_OTHER,     /* well formed, and not about a processor */
	DHPI_UEVENT_CPU,       /* a processor was added, removed, or went online or offline */
	DHPI_UEVENT_MALFORMED,
	DHPI_UEVENT_MEMORY     /* the same of a memory block */
};

/* Texts inside the message. */
struct dhpi_uevent {
	const char *name;   /* last part of the device's path, such as "cpu3" */
	const char *action; /* "add" */
};

/* Stored only for the second and the last kind. */
enum dhpi_uevent_kind dhpi_uevent_parse(const char *message, size_t length, struct dhpi_uevent *out_event);

/* ---- meminfo.c: /proc/meminfo ---- */

/*
 * false, and nothing is stored: no complete line says how much memory there is, or how much of it is available or free,
 * or a number is not one. Of more than there is all counts as available.
 */
bool dhpi_meminfo_parse(const char *text, size_t length, struct dhpi_memory *out_memory);

/* ---- cgroup.c: control groups ---- */

#define DHPI_FOLDER_BYTES 640u

/* Where our group is, and where what is visible of its hierarchy begins. */
struct dhpi_cgroup {
	uint32_t version; /* of control groups: 1 or 2 */
	size_t length;
	size_t top_length; /* of the part that is the mount point */
	char folder[DHPI_FOLDER_BYTES];
};

/*
 * From /proc/self/cgroup: our path in the hierarchy of that controller, which is of version 1 if there is one. GONE: there
 * is no such hierarchy. MALFORMED: also a path that does not fit. Stored only when FINE, and the version.
 */
enum dhpi_look dhpi_cgroup_path_parse(const char *text, size_t length, const char *controller, char *path,
				      size_t capacity, uint32_t *out_version);
/* From /proc/self/mountinfo, of which incomplete lines are left out: where that path is. GONE: no mount shows it. */
enum dhpi_look dhpi_cgroup_mount_parse(const char *text, size_t length, const char *controller, const char *path,
				       uint32_t version, struct dhpi_cgroup *out_group);

/* Of one line. false: malformed, and nothing is stored. */
bool dhpi_cgroup_bytes_parse(const char *text, size_t length, uint64_t *out_bytes); /* "max": UINT64_MAX */
bool dhpi_cgroup_quota_parse(const char *text, size_t length, uint64_t *out_us);    /* "-1": 0, no limit */
bool dhpi_cgroup_cpu_max_parse(const char *text, size_t length, uint64_t *out_us, uint64_t *out_period_us);
/* Of lines such as "inactive_file 4096". false: none has that key, or a number. */
bool dhpi_cgroup_stat_parse(const char *text, size_t length, const char *key, uint64_t *out_value);
/* So much time in each period is that many processors, rounded up; neither is 0. */
uint32_t dhpi_quota_processors(uint64_t us, uint64_t period_us);

/* ---- base64.c ---- */

/* false: malformed, or the bytes might not fit. */
bool dhpi_base64_parse(const char *text, size_t length, char *out, size_t capacity, size_t *out_length);

#endif
