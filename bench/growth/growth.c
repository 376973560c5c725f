/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * growth.c - what things cost as a simulated partition grows from 1 to 4096 processors.
 *
 *	dhp_growth [--maximum N] FILE.json
 *
 * At each power of two: the median time of the next arrivals, once without workers (the library's own work) and once with them
 * (a thread each), the time of a snapshot with all masks and of a counter's sum, and the memory of each processor that is here.
 * In the end the memory of each that is absent: a partition of one processor that could become so large, against one that
 * could not.
 */
#include <dhp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "threads.h"

#define SAMPLES 15u
#define ARRAYS 4u
#define REPEAT 200u

struct row {
	uint32_t processors;
	double arrival_ns, with_worker_ns, snapshot_ns, sum_ns;
	long resident;
};

struct partition {
	struct dhp_engine *engine;
	struct dhp_percpu *arrays[ARRAYS];
	struct dhp_counter *counter;
	uint64_t masks[2][DHP_PROCESSORS_LIMIT / 64];
	uint32_t count;
};

/* ---- the process's memory: resident and page tables ---- */

static long kilobytes_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at != NULL ? strtol(at + strlen(name), NULL, 10) : 0;
}

static long memory_now(void)
{
	static char text[16384];
	FILE *file = fopen("/proc/self/status", "re");
	size_t length;

	if (file == NULL)
		return 0;
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	return 1024 * (kilobytes_of(text, "RssAnon:") + kilobytes_of(text, "VmPTE:"));
}

/* ---- partitions ---- */

static void need(enum dhp_status status, const char *what)
{
	if (!dhp_failed(status))
		return;
	fprintf(stderr, "dhp_growth: %s: %s\n", what, dhp_status_text(status));
	exit(1);
}

static struct partition *make(uint32_t maximum, uint32_t flags)
{
	struct dhp_sim_options sim = {.size = sizeof(sim), .maximum_count = maximum};
	struct dhp_engine_options options = {
		.size = sizeof(options), .sim = &sim, .flags = flags | DHP_ENGINE_NO_WATCH, .worker_stack_bytes = 65536};
	struct dhp_percpu_options array = {.size = sizeof(array), .slot_bytes = 64};
	struct partition *partition = calloc(1, sizeof(*partition));

	if (partition == NULL)
		exit(1);
	need(dhp_engine_create(&options, &partition->engine), "engine");
	for (uint32_t i = 0; i < ARRAYS; i++)
		need(dhp_percpu_create(partition->engine, &array, &partition->arrays[i]), "array");
	need(dhp_counter_create(partition->engine, &partition->counter), "counter");
	partition->count = 1;
	return partition;
}

static void destroy(struct partition *partition)
{
	for (uint32_t i = 0; i < ARRAYS; i++)
		dhp_percpu_destroy(partition->arrays[i]);
	dhp_counter_destroy(partition->counter);
	dhp_engine_destroy(partition->engine);
	free(partition);
}

static uint64_t add_one(struct partition *partition)
{
	uint64_t begin = now_ns();

	need(dhp_sim_add(partition->engine, dhp_sim_cpu(partition->engine, partition->count)), "an arrival");
	partition->count++;
	return now_ns() - begin;
}

static int ascending(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static double median(uint64_t *samples, size_t count)
{
	qsort(samples, count, sizeof(*samples), ascending);
	return (double)samples[count / 2];
}

/* Of the arrivals around this size, few where it is small: those of the next size are others. */
static double arrivals(struct partition *partition, uint32_t processors, uint32_t maximum)
{
	uint64_t samples[SAMPLES];
	uint32_t count = 0, wanted = processors / 2 + 1 < SAMPLES ? processors / 2 + 1 : SAMPLES;

	while (partition->count + wanted / 2 < processors && partition->count < maximum)
		add_one(partition);
	while (count < wanted && partition->count < maximum)
		samples[count++] = add_one(partition);
	return count > 0 ? median(samples, count) : 0;
}

static double snapshots(struct partition *partition)
{
	struct dhp_snapshot snapshot = {.masks_capacity = DHP_PROCESSORS_LIMIT / 64,
					.active_masks = partition->masks[0],
					.usable_masks = partition->masks[1]};
	uint64_t samples[SAMPLES];

	for (uint32_t i = 0; i < SAMPLES; i++) {
		uint64_t begin = now_ns();

		for (uint32_t j = 0; j < REPEAT; j++)
			need(dhp_snapshot_take(partition->engine, &snapshot), "a snapshot");
		samples[i] = now_ns() - begin;
	}
	return median(samples, SAMPLES) / REPEAT;
}

static double sums(struct partition *partition)
{
	uint64_t samples[SAMPLES];
	volatile uint64_t sum;

	for (uint32_t i = 0; i < SAMPLES; i++) {
		uint64_t begin = now_ns();

		for (uint32_t j = 0; j < REPEAT; j++)
			sum = dhp_counter_sum(partition->counter);
		samples[i] = now_ns() - begin;
	}
	(void)sum;
	return median(samples, SAMPLES) / REPEAT;
}

/* Each size in a partition that can become just as large: a snapshot has masks for all there could ever be. */
static void measure(struct row *rows, uint32_t count, uint32_t maximum)
{
	struct partition *bare = make(maximum, DHP_ENGINE_NO_WORKERS), *full = make(maximum, 0);
	long before = memory_now();

	for (uint32_t i = 0; i < count; i++) {
		struct partition *exact = make(rows[i].processors, DHP_ENGINE_NO_WORKERS);

		while (exact->count < rows[i].processors)
			add_one(exact);
		rows[i].snapshot_ns = snapshots(exact);
		rows[i].sum_ns = sums(exact);
		destroy(exact);
	}
	for (uint32_t i = 0; i < count; i++)
		rows[i].arrival_ns = arrivals(bare, rows[i].processors, maximum);
	destroy(bare);
	before = memory_now();
	for (uint32_t i = 0; i < count; i++) {
		rows[i].with_worker_ns = arrivals(full, rows[i].processors, maximum);
		rows[i].resident = (memory_now() - before) / (long)full->count;
	}
	destroy(full);
}

static double absent(uint32_t maximum)
{
	struct partition *small = make(1, 0), *large;
	long before, after_small, after_large;

	destroy(small); /* what the process touches once is touched */
	before = memory_now();
	small = make(1, 0);
	after_small = memory_now();
	large = make(maximum, 0);
	after_large = memory_now();
	destroy(large);
	destroy(small);
	return (double)((after_large - after_small) - (after_small - before)) / (double)(maximum - 1);
}

/* ---- the report ---- */

/* The slope of a line through the logarithms, from the size on where both are worth looking at. */
static double exponent(const struct row *rows, uint32_t count, double (*value)(const struct row *row))
{
	double n = 0, x = 0, y = 0, xx = 0, xy = 0;

	for (uint32_t i = 0; i < count; i++) {
		double a = log((double)rows[i].processors), b = value(&rows[i]);

		if (b <= 0 || rows[i].processors < 16)
			continue;
		b = log(b);
		n++, x += a, y += b, xx += a * a, xy += a * b;
	}
	return n > 1 ? (n * xy - x * y) / (n * xx - x * x) : 0;
}

static double arrival_of(const struct row *row)
{
	return row->arrival_ns;
}

static double with_worker_of(const struct row *row)
{
	return row->with_worker_ns;
}

static double snapshot_of(const struct row *row)
{
	return row->snapshot_ns;
}

static double sum_of(const struct row *row)
{
	return row->sum_ns;
}

static void print_row(FILE *out, const struct row *row, bool last)
{
	printf("%6u %12.0f %12.0f %12.0f %12.0f %12ld\n", row->processors, row->arrival_ns, row->with_worker_ns,
	       row->snapshot_ns, row->sum_ns, row->resident);
	fprintf(out,
		" {\"processors\": %u, \"arrival_ns\": %.0f, \"with_worker_ns\": %.0f, \"snapshot_ns\": %.0f, \"sum_ns\": %.0f, "
		"\"bytes_each\": %ld}%s\n",
		row->processors, row->arrival_ns, row->with_worker_ns, row->snapshot_ns, row->sum_ns, row->resident,
		last ? "" : ",");
}

static void print_all(FILE *out, const struct row *rows, uint32_t count, double absent_bytes)
{
	double slopes[] = {exponent(rows, count, arrival_of), exponent(rows, count, with_worker_of),
			   exponent(rows, count, snapshot_of), exponent(rows, count, sum_of)};

	printf("%6s %12s %12s %12s %12s %12s\n", "", "arrival ns", "with worker", "snapshot ns", "sum ns", "bytes each");
	fprintf(out, "{\"rows\": [\n");
	for (uint32_t i = 0; i < count; i++)
		print_row(out, &rows[i], i + 1 == count);
	printf("%6s %12.2f %12.2f %12.2f %12.2f\n", "grows^", slopes[0], slopes[1], slopes[2], slopes[3]);
	printf("an absent processor: %.1f bytes\n", absent_bytes);
	fprintf(out, "], \"exponents\": {\"arrival\": %.3f, \"with_worker\": %.3f, \"snapshot\": %.3f, \"sum\": %.3f},\n",
		slopes[0], slopes[1], slopes[2], slopes[3]);
	fprintf(out, " \"absent_bytes\": %.1f}\n", absent_bytes);
}

int main(int argc, char **argv)
{
	struct row rows[13] = {{.processors = 0}};
	uint32_t maximum = DHP_PROCESSORS_LIMIT, count = 0;
	double absent_bytes;
	FILE *out;

	if (argc == 4 && strcmp(argv[1], "--maximum") == 0)
		maximum = (uint32_t)strtoul(argv[2], NULL, 10);
	if ((argc != 2 && argc != 4) || maximum < 2 || maximum > DHP_PROCESSORS_LIMIT) {
		fprintf(stderr, "usage: dhp_growth [--maximum N] FILE.json\n");
		return 2;
	}
	out = fopen(argv[argc - 1], "we");
	if (out == NULL) {
		perror(argv[argc - 1]);
		return 1;
	}
	absent_bytes = absent(maximum);
	for (uint32_t size = 1; size <= maximum; size *= 2)
		rows[count++].processors = size;
	measure(rows, count, maximum);
	print_all(out, rows, count, absent_bytes);
	return fclose(out) == 0 ? 0 : 1;
}
