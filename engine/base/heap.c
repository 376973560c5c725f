/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.c - a pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986).
 *
 * Problem   the earliest of many timers, of which most are taken away again before their time, without allocating.
 * Idea      a tree in which no child is smaller than its parent, and nothing else: two trees are joined by making the root
 *           with the larger key the first child of the other. An insert is one join. A removal cuts the node with all below
 *           it, joins its children in pairs and the pairs from the last to the first, and joins the rest.
 *
 * I1        key of a node <= keys of its children.
 * I2        node->next->prev == node, node->child->prev == node; the root has neither prev nor next.
 *
 * Progress  insert and a look at the root take constant time. A removal takes O(log n) on average over any sequence of calls; a
 *           single one can be as long as the number of inserts since the last removal.
 */
#include "heap.h"

static void become_first_child(struct dhpi_heap_node *parent, struct dhpi_heap_node *node)
{
	node->prev = parent;
	node->next = parent->child;
	if (node->next != NULL)
		node->next->prev = node;
	parent->child = node;
}

/* Two roots, either of which may be NULL. Of equal keys the first stays above. */
static struct dhpi_heap_node *join(struct dhpi_heap_node *a, struct dhpi_heap_node *b)
{
	if (a == NULL)
		return b;
	if (b == NULL)
		return a;
	if (b->key < a->key) {
		become_first_child(b, a);
		return b;
	}
	become_first_child(a, b);
	return a;
}

static struct dhpi_heap_node *make_root(struct dhpi_heap_node *node)
{
	if (node != NULL)
		node->next = node->prev = NULL;
	return node;
}

/* A list of siblings becomes a list of joined pairs, the last pair first. */
static struct dhpi_heap_node *join_pairs(struct dhpi_heap_node *first)
{
	struct dhpi_heap_node *pairs = NULL;

	while (first != NULL) {
		struct dhpi_heap_node *second = first->next;
		struct dhpi_heap_node *rest = second != NULL ? second->next : NULL;
		struct dhpi_heap_node *pair = join(make_root(first), make_root(second));

		pair->next = pairs;
		pairs = pair;
		first = rest;
	}
	return pairs;
}

static struct dhpi_heap_node *join_siblings(struct dhpi_heap_node *first)
{
	struct dhpi_heap_node *pairs = join_pairs(first), *root = NULL;

	while (pairs != NULL) {
		struct dhpi_heap_node *next = pairs->next;

		root = join(make_root(pairs), root);
		pairs = next;
	}
	return root;
}

static void cut(struct dhpi_heap_node *node)
{
	if (node->prev->child == node)
		node->prev->child = node->next;
	else
		node->prev->next = node->next;
	if (node->next != NULL)
		node->next->prev = node->prev;
}

void dhpi_heap_insert(struct dhpi_heap *heap, struct dhpi_heap_node *node)
{
	DHPI_CHECK(2, node->prev == NULL && node != heap->root, "a node is in one heap once");
	node->child = NULL;
	heap->root = join(heap->root, make_root(node));
}

void dhpi_heap_remove(struct dhpi_heap *heap, struct dhpi_heap_node *node)
{
	struct dhpi_heap_node *below = join_siblings(node->child);

	DHPI_CHECK(2, node == heap->root || node->prev != NULL, "the node is in the heap");
	if (node == heap->root) {
		heap->root = below;
	} else {
		cut(node);
		heap->root = join(heap->root, below);
	}
	node->child = NULL;
	(void)make_root(node);
}
