/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * say.c - a ring of lines between those who report and the thread that writes. Who finds it full waits: no line is lost.
 */
#include "say.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINES 1024u
#define LINE_BYTES 192u

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t writer;
	char lines[LINES][LINE_BYTES];
	uint32_t said;    /* lines put in */
	uint32_t written; /* lines taken out */
	bool ending;
} ring = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

/* In one piece: others write to the same line. */
static void put(const char *line)
{
	size_t length = strlen(line);

	while (length > 0) {
		ssize_t count = write(STDOUT_FILENO, line, length);

		if (count < 0)
			return;
		line += count;
		length -= (size_t)count;
	}
}

static void *write_lines(void *unused)
{
	pthread_mutex_lock(&ring.lock);
	for (;;) {
		char line[LINE_BYTES];

		while (ring.said == ring.written && !ring.ending)
			pthread_cond_wait(&ring.changed, &ring.lock);
		if (ring.said == ring.written)
			break;
		memcpy(line, ring.lines[ring.written % LINES], sizeof(line));
		pthread_mutex_unlock(&ring.lock);
		put(line);
		pthread_mutex_lock(&ring.lock);
		ring.written++;
		pthread_cond_broadcast(&ring.changed);
	}
	pthread_mutex_unlock(&ring.lock);
	return unused;
}

void say_begin(void)
{
	(void)pthread_create(&ring.writer, NULL, write_lines, NULL);
}

void say(uint64_t time_ns, const char *format, ...)
{
	char words[LINE_BYTES - 32];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	pthread_mutex_lock(&ring.lock);
	while (ring.said - ring.written == LINES)
		pthread_cond_wait(&ring.changed, &ring.lock);
	(void)snprintf(ring.lines[ring.said++ % LINES], LINE_BYTES, "! %" PRIu64 " %s\n", time_ns, words);
	pthread_cond_broadcast(&ring.changed);
	pthread_mutex_unlock(&ring.lock);
}

void say_end(void)
{
	pthread_mutex_lock(&ring.lock);
	ring.ending = true;
	pthread_cond_broadcast(&ring.changed);
	pthread_mutex_unlock(&ring.lock);
	(void)pthread_join(ring.writer, NULL);
}
