/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calm.c - see calm.h.
 */
#include "calm.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "threads.h"

static double busy_ms(void)
{
	unsigned long long user = 0, nice = 0, system = 0, idle, iowait, irq = 0, softirq = 0, steal = 0;
	FILE *file = fopen("/proc/stat", "r");
	int read = 0;

	if (file == NULL)
		return 0;
	read = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &iowait, &irq,
		      &softirq, &steal);
	fclose(file);
	if (read != 8)
		return 0;
	return (double)(user + nice + system + irq + softirq + steal) * 1000.0 / (double)sysconf(_SC_CLK_TCK);
}

static double milliseconds(const struct timeval *time)
{
	return (double)time->tv_sec * 1e3 + (double)time->tv_usec * 1e-3;
}

void calm_now(struct calm *calm)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	calm->wall_ms = (double)now_ns() * 1e-6 * (double)sysconf(_SC_NPROCESSORS_ONLN);
	calm->busy_ms = busy_ms();
	calm->own_ms = milliseconds(&usage.ru_utime) + milliseconds(&usage.ru_stime);
}

void calm_report(const struct calm *before, struct bench *bench)
{
	struct calm after;

	calm_now(&after);
	bench_counter(bench, "wall_ms", after.wall_ms - before->wall_ms);
	bench_counter(bench, "busy_ms", after.busy_ms - before->busy_ms);
	bench_counter(bench, "own_ms", after.own_ms - before->own_ms);
}

static bool first_word(const char *path, char *word, size_t size)
{
	FILE *file = fopen(path, "r");
	bool read;

	if (file == NULL)
		return false;
	read = fgets(word, (int)size, file) != NULL;
	fclose(file);
	if (read)
		word[strcspn(word, " \n")] = 0;
	return read;
}

static void append(char *text, size_t size, const char *more)
{
	size_t length = strlen(text);

	snprintf(text + length, size - length, "%s%s", length == 0 ? "" : "; ", more);
}

void calm_warnings(char *text, size_t size)
{
	char word[64], line[128];
	double load = 0;

	text[0] = 0;
	if (threads_cpus() < 2)
		append(text, size, "one CPU only: what needs two is left out");
	if (first_word("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", word, sizeof(word)) &&
	    strcmp(word, "performance") != 0) {
		snprintf(line, sizeof(line), "frequency scaling (governor %s)", word);
		append(text, size, line);
	}
	if (first_word("/proc/loadavg", word, sizeof(word)) && sscanf(word, "%lf", &load) == 1 && load > 0.5) {
		snprintf(line, sizeof(line), "a load of %.1f before the start", load);
		append(text, size, line);
	}
}
