/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.h - a pairing heap whose nodes are parts of the caller's objects: the smallest key first. See heap.c.
 */
#ifndef DHPI_HEAP_H
#define DHPI_HEAP_H

#include "base.h"

/* Made of zeros when it is in no heap. */
struct dhpi_heap_node {
	struct dhpi_heap_node *child; /* the first; the others follow it by `next` */
	struct dhpi_heap_node *next;
	struct dhpi_heap_node *prev; /* the one whose `child` or `next` this is; NULL: the root */
	uint64_t key;                /* not to be changed while the node is in a heap */
};

/* Made of zeros when it is empty. The root, which has a smallest key, is for anybody to look at. */
struct dhpi_heap {
	struct dhpi_heap_node *root;
};

void dhpi_heap_insert(struct dhpi_heap *heap, struct dhpi_heap_node *node);
/* The node is in this heap. It is made of zeros afterwards, but for its key. */
void dhpi_heap_remove(struct dhpi_heap *heap, struct dhpi_heap_node *node);

#endif
