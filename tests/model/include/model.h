/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.h - a model: small worlds in which threads run the engine's unchanged code, and Relacy chooses what happens.
 *
 * A world has up to four threads. `before` makes it and `after` looks at it; both are ordered with all threads. What is not
 * atomic is watched too: two accesses without a happens-before between them, one of them a write, fail the model.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MODEL_THREADS 4

struct model_world {
	const char *name;
	void (*before)(void);
	void (*threads[MODEL_THREADS])(void); /* those that are there, first */
	void (*after)(void);                  /* NULL: nothing to look at */
	uint32_t weight;                      /* its share of the iterations; 0: 1 */
};

/* The file of a model ends with them; the last one has no name. */
extern const struct model_world model_worlds[];

/* Zeroed; gone with the run of the world. */
void *model_alloc(size_t bytes);
/* From now on any access fails; and one before that is not ordered with this. */
void model_free(void *p, size_t bytes);

#define MODEL_ASSERT(condition) model_assert(condition, #condition, __FILE__, __LINE__)
void model_assert(bool condition, const char *text, const char *file, unsigned line);
/* 0 to limit - 1, all of them. */
uint32_t model_choose(uint32_t limit);
/* Another thread gets a chance; and what others have stored becomes visible in the end. */
void model_yield(void);
/* The number of the calling thread. */
uint32_t model_thread(void);

/* A thread of a world that runs what port_thread_start starts, once. */
void model_run_started(void);

/* ---- for port_model.c ---- */

void *model_mutex(void);
void model_mutex_lock(void *mutex);
void model_mutex_unlock(void *mutex);
/* The calling thread sleeps until it is woken; timed: or at any time. */
void model_sleep(bool timed);
void model_wake(uint32_t thread);
void model_begin(void); /* a run of a world begins */
/* What who tells did before happens before what who hears does after. */
uint32_t model_channel(void);
void model_tell(uint32_t channel);
void model_hear(uint32_t channel);

#ifdef __cplusplus
}
#endif

#endif
