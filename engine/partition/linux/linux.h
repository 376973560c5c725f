/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linux.h - readers of what Linux says about processors. Each is small and pure enough to be fed by a test.
 */
#ifndef DHPI_LINUX_H
#define DHPI_LINUX_H

#include "partition.h"

#define DHPI_PATH_BYTES 512u
#define DHPI_ROOT_BYTES 256u

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

/* ---- sysfs.c: files under a root ---- */

/* false: there is no such file, or it is not of this form. */
bool dhpi_sysfs_list(const char *root, const char *path, struct dhpi_cpus *cpus, struct dhpi_cpulist *out_list);
/* -1: cannot be read, or not shorter than the capacity. */
long dhpi_sysfs_text(const char *root, const char *path, char *text, size_t capacity);
bool dhpi_sysfs_number(const char *root, const char *path, uint32_t *out_number);
/* DHP_UNKNOWN, or node 0, where the files do not say. */
void dhpi_sysfs_topology(const char *root, struct dhp_processor *processor);

/* ---- uevent.c: messages of the kernel ---- */

enum dhpi_uevent_kind {
	DHPI_UEVENT_OTHER,     /* well formed, and not about a processor */
	DHPI_UEVENT_CPU,       /* a processor was added, removed, or went online or offline */
	DHPI_UEVENT_MALFORMED,
	DHPI_UEVENT_MEMORY     /* the same of a memory block */
};

enum dhpi_uevent_kind dhpi_uevent_parse(const char *message, size_t length);

/* Under the sources' lock-free counts: see linux.c. -1: not possible here. */
int dhpi_uevent_open(void);
/* Reads what is there. true: something about processors or memory may have happened. */
bool dhpi_uevent_read(int socket, struct at_u64 *uevents, struct at_u64 *refused);

/* ---- meminfo.c: /proc/meminfo ---- */

/*
 * false, and nothing is stored: no complete line says how much memory there is, or how much of it is available or free,
 * or a number is not one. Of more than there is all counts as available.
 */
bool dhpi_meminfo_parse(const char *text, size_t length, struct dhpi_memory *out_memory);
bool dhpi_meminfo_read(const char *root, struct dhpi_memory *out_memory);

/* ---- blocks.c: /sys/devices/system/memory ---- */

/* One bit for each block, by its number: it was visited and taken. */
struct dhpi_blocks {
	uint8_t taken[DHPI_MODULES_LIMIT / 8];
};

/* Visits the number of each block that is online and was not taken before. false: there is no such folder. */
bool dhpi_blocks_visit(const char *root, struct dhpi_blocks *blocks, dhpi_module_visit *visit, void *context);

/* ---- affinity.c ---- */

/* The cpus on which that thread may run. false: the kernel does not say. */
bool dhpi_affinity_read(int32_t thread, struct dhpi_cpus *cpus, struct dhpi_cpulist *out_list);

#endif
