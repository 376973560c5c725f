/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * steering.c - the indirection table: a flow's addresses and ports give one of 128 buckets, the table the bucket's queue.
 *
 * Problem   left to itself the kernel spreads flows anew whenever a queue comes, and moves a flow to the queue that last sent one
 *           of its answers: frames of a flow are then in several queues at once, with no order among them.
 * Idea      as in hardware: the table is ours. It is an eBPF map, read by a program of a few instructions that the kernel runs
 *           for each frame; we change it when we are ready, and only towards the newcomer (I1 of tapnic.h).
 *
 * Who sends may have read the old table and not queued its frame yet. It does so in a section of the kernel's RCU, and the
 * slow form of membarrier is a grace period of that.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hardware.h"

enum { R0, R1, R2, R3, R4, R5, CONTEXT, HASH, R8, R9, STACK };

#define OP(c, d, s, o, i)                                                            \
	{                                                                            \
		.code = (uint8_t)(c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) \
	}
#define FRAME(size, at) OP(BPF_LD | BPF_ABS | (size), 0, 0, 0, at) /* to R0; beyond the end the program ends: queue 0 */
#define MOVE(d, s) OP(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define VALUE(d, i) OP(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MIX() OP(BPF_ALU64 | BPF_XOR | BPF_X, HASH, R0, 0, 0)
#define AND(d, i) OP(BPF_ALU64 | BPF_AND | BPF_K, d, 0, 0, i)
#define SKIP_UNLESS(d, i, n) OP(BPF_JMP | BPF_JNE | BPF_K, d, 0, n, i)
#define SKIP_IF(d, i, n) OP(BPF_JMP | BPF_JEQ | BPF_K, d, 0, n, i)
#define EXIT() OP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
	return (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

static int load_program(int map)
{
	const struct bpf_insn program[] = {
		MOVE(CONTEXT, R1), VALUE(HASH, 0),
		FRAME(BPF_H, 12), SKIP_UNLESS(R0, 0x0800, 14), /* only IP has flows; the rest is bucket 0 */
		FRAME(BPF_W, 26), MIX(),                       /* addresses */
		FRAME(BPF_W, 30), MIX(),
		FRAME(BPF_B, 14), SKIP_UNLESS(R0, 0x45, 8),    /* no options, */
		FRAME(BPF_H, 20), AND(R0, 0x3fff), SKIP_UNLESS(R0, 0, 5), /* no fragment, */
		FRAME(BPF_B, 23), SKIP_IF(R0, 6, 1), SKIP_UNLESS(R0, 17, 2), /* TCP or UDP: */
		FRAME(BPF_W, 34), MIX(),                       /* ports */
		OP(BPF_ALU | BPF_MUL | BPF_K, HASH, 0, 0, (int32_t)0x9e3779b1),
		OP(BPF_ALU | BPF_RSH | BPF_K, HASH, 0, 0, 25), /* the upper 7 bits */
		OP(BPF_STX | BPF_MEM | BPF_W, STACK, HASH, -4, 0),
		OP(BPF_LD | BPF_DW | BPF_IMM, R1, BPF_PSEUDO_MAP_FD, 0, map), OP(0, 0, 0, 0, 0),
		MOVE(R2, STACK), OP(BPF_ALU64 | BPF_ADD | BPF_K, R2, 0, 0, -4),
		OP(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		SKIP_IF(R0, 0, 1),
		OP(BPF_LDX | BPF_MEM | BPF_W, R0, R0, 0, 0),
		EXIT(),
	};
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attributes.insns = (uint64_t)(uintptr_t)program;
	attributes.insn_cnt = sizeof(program) / sizeof(program[0]);
	attributes.license = (uint64_t)(uintptr_t) "Dual BSD/GPL";
	return bpf(BPF_PROG_LOAD, &attributes);
}

void steering_create(struct steering *steering)
{
	union bpf_attr attributes;

	memset(steering->queue_of, 0, sizeof(steering->queue_of));
	memset(&attributes, 0, sizeof(attributes));
	attributes.map_type = BPF_MAP_TYPE_ARRAY;
	attributes.key_size = attributes.value_size = sizeof(uint32_t);
	attributes.max_entries = BUCKETS;
	steering->map = bpf(BPF_MAP_CREATE, &attributes);
	steering->program = steering->map >= 0 ? load_program(steering->map) : -1;
	if (steering->program < 0)
		say("the kernel accepts no steering program: %s (it spreads the flows itself, and may reorder them when a"
		    " queue comes)", strerror(errno));
}

void steering_destroy(struct steering *steering)
{
	if (steering->program >= 0)
		(void)close(steering->program);
	if (steering->map >= 0)
		(void)close(steering->map);
}

bool steering_attach(const struct steering *steering, int descriptor)
{
	int program = steering->program;

	return program < 0 || ioctl(descriptor, TUNSETSTEERINGEBPF, &program) == 0;
}

static uint32_t most_loaded(const struct steering *steering, const uint32_t *load, uint32_t queue)
{
	uint32_t bucket = 0;

	for (uint32_t i = 1; i < BUCKETS; i++)
		if (steering->queue_of[bucket] == queue || (steering->queue_of[i] != queue &&
							    load[steering->queue_of[i]] > load[steering->queue_of[bucket]]))
			bucket = i;
	return bucket;
}

static void write_table(const struct steering *steering)
{
	for (uint32_t i = 0; i < BUCKETS; i++) {
		union bpf_attr attributes;

		memset(&attributes, 0, sizeof(attributes));
		attributes.map_fd = (uint32_t)steering->map;
		attributes.key = (uint64_t)(uintptr_t)&i;
		attributes.value = (uint64_t)(uintptr_t)&steering->queue_of[i];
		(void)bpf(BPF_MAP_UPDATE_ELEM, &attributes); /* cannot fail: an array has all its elements */
	}
}

void steering_move(struct steering *steering, uint32_t queue, uint32_t queue_count)
{
	uint32_t load[QUEUES_LIMIT] = { 0 };

	for (uint32_t i = 0; i < BUCKETS; i++)
		load[steering->queue_of[i]]++;
	while (load[queue] < BUCKETS / queue_count) {
		uint32_t bucket = most_loaded(steering, load, queue);

		load[steering->queue_of[bucket]]--;
		steering->queue_of[bucket] = queue;
		load[queue]++;
	}
	if (steering->program >= 0)
		write_table(steering);
}

void steering_wait(void)
{
	const struct timespec long_enough = { .tv_nsec = 100 * 1000 * 1000 };

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) /* some kernels do not offer it */
		(void)nanosleep(&long_enough, NULL);
}
