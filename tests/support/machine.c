/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine.h"

#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

uint32_t largest_cpu(const cpu_set_t *set)
{
	uint32_t largest = 0;

	for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, set))
			largest = cpu;
	return largest;
}

void go_to_cpu(uint32_t cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

void move_thread(pthread_t thread, const cpu_set_t *all, uint64_t *dice)
{
	cpu_set_t one;
	uint32_t cpu;

	do
		cpu = (uint32_t)(roll(dice) % CPU_SETSIZE);
	while (!CPU_ISSET(cpu, all));
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	(void)pthread_setaffinity_np(thread, sizeof(one), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(*all), all), 0);
}

struct dhp_engine *make_machine_of_cpu_0(struct tree *tree, uint32_t flags)
{
	static const char *const files[] = { "possible", "present", "online" };
	const struct dhp_engine_options options = { .size = sizeof(options), .flags = DHP_ENGINE_NO_WATCH | flags,
		.root = tree->root };
	struct dhp_engine *engine = NULL;
	char path[64];

	tree_make(tree);
	for (uint32_t i = 0; i < LENGTH(files); i++) {
		(void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/%s", files[i]);
		tree_write(tree, path, "0\n");
	}
	tree_write(tree, "/proc/meminfo", "MemTotal: 1048576 kB\nMemAvailable: 512000 kB\n");
	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

bool end_sequences(void)
{
	char *thread_pointer;

#if defined(__x86_64__)
	__asm__("movq %%fs:0, %0" : "=r"(thread_pointer));
#else
	thread_pointer = __builtin_thread_pointer();
#endif
	return syscall(SYS_rseq, thread_pointer + __rseq_offset, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG) == 0;
}
