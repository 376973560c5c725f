/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pause.c - does an arrival disturb the processors that are already there?
 *
 *	dhp_pause [--arrivals N] [--backend sim|linux] FILE.json
 *
 * Processor 0 runs one DPC after another, each of which measures how long an insert (of itself) and a read of its slot
 * take, and the gap since the one before. A second processor makes the arrivals, one at a time, and is where newcomers run.
 * What processor 0 measured is kept by windows: one around each arrival and one of the same length without, in random
 * order. The program writes for each window the quantiles of the three, and how many interrupts processor 0 got in it by the
 * kernel's counters; bench/report says whether the two kinds of window differ.
 *
 * On the simulator the partition is made anew after some arrivals, as there are only two CPUs for all the workers. On linux
 * the affinity of a thread that stands for the process is widened by the second CPU, in an engine that is made anew each time.
 */
#include <dhp.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "steps.h"
#include "threads.h"

#define LIMIT 16384u /* samples of a window */
#define PER_PARTITION 25u
#define WINDOW_NS 300000u
#define BETWEEN_NS 500000u
#define FEW 100u /* samples of a window */
#define ATTEMPTS 5u

enum metric { INSERT, READ, GAP, METRICS };
static const char *const metric_names[] = {"insert", "read", "gap"};

/* The kernel's names of what one processor does to another. */
static const char *const kinds[] = {"RES", "CAL", "TLB"};
#define KINDS 3u

struct window {
	uint32_t count;
	uint32_t ns[METRICS][LIMIT]; /* in ticks until the end */
};

/* ---- processor 0 ---- */

static struct window *windows; /* two for each arrival: with, without */
static _Alignas(128) atomic_uint open_window; /* its number plus one; 0: none */
static _Alignas(128) atomic_bool stop;
static atomic_uint runs;
static double ns_per_tick;

static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
	uint32_t low, high;

	__asm__ __volatile__("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
#else
	return now_ns();
#endif
}

static void calibrate(void)
{
	uint64_t begin = now_ns(), first = ticks();

	spin_ns(20000000);
	ns_per_tick = (double)(now_ns() - begin) / (double)(ticks() - first);
}

static void keep(uint64_t insert, uint64_t read, uint64_t gap)
{
	unsigned number = atomic_load_explicit(&open_window, memory_order_relaxed);
	struct window *window;

	if (number == 0)
		return;
	window = &windows[number - 1];
	if (window->count == LIMIT)
		return;
	window->ns[INSERT][window->count] = (uint32_t)insert;
	window->ns[READ][window->count] = (uint32_t)read;
	window->ns[GAP][window->count++] = (uint32_t)gap;
}

static void turn(struct dhp_dpc *dpc, void *context, void *array, void *argument_2)
{
	static uint64_t last; /* processor 0's */
	uint64_t begin = ticks(), after_read, after_insert;

	(void)context;
	if (argument_2 != NULL) /* the first turn; a simulated processor's worker may run anywhere */
		threads_pin(WHERE_FIRST);
	(*(uint64_t *)dhp_percpu_here(array))++;
	after_read = ticks();
	if (!atomic_load_explicit(&stop, memory_order_acquire))
		dhp_dpc_insert(dpc, array, NULL);
	after_insert = ticks();
	keep(after_insert - after_read, after_read - begin, begin - last);
	last = begin;
	atomic_store_explicit(&runs, atomic_load_explicit(&runs, memory_order_relaxed) + 1, memory_order_release);
}

/* ---- the kernel's counters ---- */

struct interrupts {
	unsigned long count[KINDS];
};

/* Those of processor 0. Not by stdio, whose buffers would be mapped and unmapped. */
static void read_interrupts(struct interrupts *interrupts)
{
	static char text[1 << 16];
	int file = open("/proc/interrupts", O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t part;

	while (file >= 0 && (part = read(file, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)part;
	if (file >= 0)
		close(file);
	text[length] = '\0';
	for (unsigned kind = 0; kind < KINDS; kind++) {
		char name[8];
		const char *line;

		snprintf(name, sizeof(name), "%s:", kinds[kind]);
		line = strstr(text, name);
		interrupts->count[kind] = 0;
		for (uint32_t cpu = 0; line != NULL && cpu <= threads_cpu(WHERE_FIRST); cpu++) {
			char *end;

			interrupts->count[kind] = strtoul(line + (cpu == 0 ? 4 : 0), &end, 10);
			line = end;
		}
	}
}

/* ---- one partition under load ---- */

struct load {
	struct dhp_engine *engine;
	struct dhp_percpu *array;
	struct dhp_dpc dpc;
	bool linux_backend;
	pthread_t stand_in; /* linux: the thread whose affinity counts; it sleeps until over */
	sem_t over;
	atomic_int tid;
	uint32_t next; /* sim: position of the next arrival */
};

static struct steps steps;

static void *stand_in(void *argument)
{
	struct load *load = argument;

	threads_pin(WHERE_FIRST);
	atomic_store(&load->tid, (int)syscall(SYS_gettid));
	while (sem_wait(&load->over) != 0)
		;
	return NULL;
}

static enum dhp_status make_engine(struct load *load)
{
	struct dhp_sim_options sim = {.size = sizeof(sim), .maximum_count = PER_PARTITION + 1};
	struct dhp_engine_options options = {.size = sizeof(options),
					     .flags = DHP_ENGINE_NO_WATCH,
					     .trace = steps_trace,
					     .trace_context = &steps,
					     .sim = load->linux_backend ? NULL : &sim};

	if (load->linux_backend) {
		sem_init(&load->over, 0, 0);
		if (pthread_create(&load->stand_in, NULL, stand_in, load) != 0)
			return DHP_NO_THREAD;
		while (atomic_load(&load->tid) == 0)
			usleep(100);
		options.watch_thread = atomic_load(&load->tid);
	}
	return dhp_engine_create(&options, &load->engine);
}

static enum dhp_status begin_load(struct load *load)
{
	struct dhp_percpu_options array = {.size = sizeof(array), .slot_bytes = 64};
	enum dhp_status status;

	atomic_store(&stop, false);
	steps.off = true;
	threads_pin(WHERE_SECOND); /* the engine's own threads stay there too */
	status = make_engine(load);
	steps.off = false;
	if (status == DHP_OK)
		status = dhp_percpu_create(load->engine, &array, &load->array);
	if (status == DHP_OK)
		status = dhp_dpc_init(&load->dpc, load->engine, turn, NULL);
	if (status == DHP_OK)
		status = dhp_dpc_set_target(&load->dpc, 0);
	if (status == DHP_OK)
		status = dhp_dpc_insert(&load->dpc, load->array, load);
	usleep(5000);
	return status;
}

static void end_load(struct load *load)
{
	atomic_store_explicit(&stop, true, memory_order_release);
	if (load->engine == NULL)
		return;
	dhp_dpc_flush(load->engine);
	dhp_percpu_destroy(load->array);
	dhp_engine_destroy(load->engine);
	if (load->linux_backend) {
		sem_post(&load->over);
		pthread_join(load->stand_in, NULL);
	}
}

static enum dhp_status arrive(struct load *load)
{
	cpu_set_t both;

	if (!load->linux_backend)
		return dhp_sim_add(load->engine, dhp_sim_cpu(load->engine, load->next++));
	CPU_ZERO(&both);
	CPU_SET(threads_cpu(WHERE_FIRST), &both);
	CPU_SET(threads_cpu(WHERE_SECOND), &both);
	sched_setaffinity((pid_t)atomic_load(&load->tid), sizeof(both), &both);
	return dhp_engine_rescan(load->engine);
}

/* ---- windows ---- */

struct measured {
	struct interrupts interrupts;
	uint64_t length_ns, arrival_ns;
};

static enum dhp_status in_window(struct load *load, uint32_t number, uint64_t length_ns, bool with,
				 struct measured *measured)
{
	struct interrupts before;
	enum dhp_status status = DHP_OK;
	uint64_t begin;

	read_interrupts(&before);
	begin = now_ns();
	atomic_store_explicit(&open_window, number + 1, memory_order_relaxed);
	if (with)
		status = arrive(load);
	measured->arrival_ns = now_ns() - begin;
	while (now_ns() - begin < length_ns)
		relax();
	atomic_store_explicit(&open_window, 0, memory_order_relaxed);
	measured->length_ns = now_ns() - begin;
	read_interrupts(&measured->interrupts);
	for (unsigned kind = 0; kind < KINDS; kind++)
		measured->interrupts.count[kind] -= before.count[kind];
	return status;
}

static int ascending(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static void print_window(FILE *out, uint32_t number, const struct measured *measured)
{
	struct window *window = &windows[number];
	static const double parts[] = {0.5, 0.99, 0.999, 1.0};

	fprintf(out, "%s{\"with\": %s, \"count\": %u, \"length_ns\": %llu, \"arrival_ns\": %llu", number > 0 ? ",\n " : " ",
		number % 2 == 0 ? "true" : "false", window->count, (unsigned long long)measured->length_ns,
		(unsigned long long)(number % 2 == 0 ? measured->arrival_ns : 0));
	for (unsigned kind = 0; kind < KINDS; kind++)
		fprintf(out, ", \"%s\": %lu", kinds[kind], measured->interrupts.count[kind]);
	for (unsigned metric = 0; metric < METRICS; metric++) {
		qsort(window->ns[metric], window->count, sizeof(uint32_t), ascending);
		fprintf(out, ", \"%s\": [", metric_names[metric]);
		for (unsigned i = 0; i < 4 && window->count > 0; i++) {
			uint32_t rank = (uint32_t)(parts[i] * window->count);

			rank = rank < window->count ? rank : window->count - 1;
			fprintf(out, "%s%.1f", i > 0 ? ", " : "", window->ns[metric][rank] * ns_per_tick);
		}
		fprintf(out, "]");
	}
	fprintf(out, "}");
}

/* The pair's first window has the arrival, whichever comes first. */
static enum dhp_status one_pair(struct load *load, uint32_t pair, struct measured *measured)
{
	static uint64_t length_ns = WINDOW_NS;
	enum dhp_status status = DHP_OK;
	bool first = rand() % 2 == 0;

	for (unsigned half = 0; half < 2 && status == DHP_OK; half++) {
		bool with = (half == 0) == first;
		uint32_t number = 2 * pair + (with ? 0 : 1);

		status = in_window(load, number, length_ns, with, &measured[number]);
		if (with && measured[number].arrival_ns > length_ns)
			windows[number].count = 0; /* the second processor was taken away: a pair of unequal lengths says nothing */
		spin_ns(BETWEEN_NS);
	}
	return status;
}

static bool is_good(uint32_t pair)
{
	return windows[2 * pair].count >= FEW && windows[2 * pair + 1].count >= FEW;
}

/* A pair in which a processor was taken away says nothing and is tried again, not for ever. */
static enum dhp_status all_pairs(struct load *load, uint32_t arrivals, struct measured *measured)
{
	uint32_t in_partition = load->linux_backend ? 1 : PER_PARTITION, pair = 0;
	enum dhp_status status = DHP_OK;

	for (uint32_t attempt = 0; pair < arrivals && status == DHP_OK; attempt++) {
		bool patient = attempt < ATTEMPTS * arrivals;

		if (attempt % in_partition == 0) {
			*load = (struct load){.linux_backend = load->linux_backend, .next = 1};
			status = begin_load(load);
		}
		windows[2 * pair].count = windows[2 * pair + 1].count = 0;
		if (status == DHP_OK)
			status = one_pair(load, pair, measured);
		if (is_good(pair) || !patient)
			pair++;
		if (attempt % in_partition == in_partition - 1 || pair == arrivals || status != DHP_OK)
			end_load(load);
	}
	return status;
}

/* steps.h and threads.h report to a benchmark; there is none here. */
static FILE *output;

void bench_counter(struct bench *bench, const char *name, double value)
{
	(void)bench;
	fprintf(output, " \"%s\": %.0f,\n", name, value);
}

void bench_skip(struct bench *bench, const char *reason)
{
	(void)bench;
	fprintf(stderr, "dhp_pause: %s\n", reason);
}

static int write_all(const char *path, const struct load *load, uint32_t arrivals, const struct measured *measured)
{
	output = fopen(path, "we");
	if (output == NULL) {
		perror(path);
		return 1;
	}
	fprintf(output, "{\"backend\": \"%s\",\n", load->linux_backend ? "linux" : "sim");
	steps_report(&steps, NULL);
	fprintf(output, " \"windows\": [\n");
	for (uint32_t number = 0; number < 2 * arrivals; number++)
		print_window(output, number, &measured[number]);
	fprintf(output, "\n]}\n");
	return fclose(output) == 0 ? 0 : 1;
}

static int usage(void)
{
	fprintf(stderr, "usage: dhp_pause [--arrivals N] [--backend sim|linux] FILE.json\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct load load = {.linux_backend = false};
	struct measured *measured;
	uint32_t arrivals = 200;
	enum dhp_status status;
	const char *path = NULL;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--arrivals") == 0 && i + 1 < argc)
			arrivals = (uint32_t)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--backend") == 0 && i + 1 < argc && strcmp(argv[i + 1], "linux") == 0 && ++i > 0)
			load.linux_backend = true;
		else if (strcmp(argv[i], "--backend") == 0 && i + 1 < argc && strcmp(argv[i + 1], "sim") == 0 && ++i > 0)
			load.linux_backend = false;
		else if (argv[i][0] != '-' && path == NULL)
			path = argv[i];
		else
			return usage();
	}
	if (path == NULL || arrivals == 0 || arrivals > 10000)
		return usage();
	threads_note();
	if (threads_cpus() < 2) {
		fprintf(stderr, "dhp_pause: needs two CPUs that this process may use\n");
		return 1;
	}
	windows = calloc((size_t)2 * arrivals, sizeof(*windows));
	measured = calloc((size_t)2 * arrivals, sizeof(*measured));
	if (windows == NULL || measured == NULL)
		return 1;
	for (size_t i = 0; i < (size_t)2 * arrivals * sizeof(*windows); i += 4096)
		((volatile char *)windows)[i] = 0; /* no first touch in a window */
	calibrate();
	status = all_pairs(&load, arrivals, measured);
	if (status != DHP_OK) {
		fprintf(stderr, "dhp_pause: %s\n", dhp_status_text(status));
		return 1;
	}
	return write_all(path, &load, arrivals, measured);
}
