/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scatter.c - see scatter.h. The same order in each run.
 */
#include "scatter.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static void shuffle(void **order, size_t count)
{
	uint64_t state = 1;

	for (size_t last = count - 1; last > 0; last--) {
		size_t other = (size_t)(next_random(&state) % (last + 1));
		void *kept = order[last];

		order[last] = order[other];
		order[other] = kept;
	}
}

void *scatter(void ***out_order, size_t count, size_t bytes)
{
	unsigned char *memory = aligned_alloc(128, count * bytes);
	void **order = calloc(count, sizeof(*order));

	*out_order = order;
	if (memory == NULL || order == NULL) {
		free(memory);
		return NULL;
	}
	memset(memory, 0, count * bytes);
	for (size_t i = 0; i < count; i++)
		order[i] = memory + i * bytes;
	shuffle(order, count);
	return memory;
}
