/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The heap gives the smallest key, whatever was put in and taken out before, and loses nothing.
 */
#include "support.h"

#include "heap.h"

#define NODES 200u

static struct dhpi_heap_node nodes[NODES];
static bool inside[NODES];

static uint64_t smallest(void)
{
	uint64_t key = UINT64_MAX;

	for (uint32_t i = 0; i < NODES; i++)
		if (inside[i] && nodes[i].key < key)
			key = nodes[i].key;
	return key;
}

static void toggle(struct dhpi_heap *heap, uint32_t i, uint64_t key)
{
	if (inside[i]) {
		dhpi_heap_remove(heap, &nodes[i]);
	} else {
		nodes[i].key = key;
		dhpi_heap_insert(heap, &nodes[i]);
	}
	inside[i] = !inside[i];
}

static void the_root_is_smallest_after_any_inserts_and_removals(void **state)
{
	struct dhpi_heap heap = { NULL };
	uint64_t dice = 3;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		toggle(&heap, (uint32_t)(roll(&dice) % NODES), roll(&dice) % 50);
		if (heap.root == NULL)
			assert_int_equal(smallest(), UINT64_MAX);
		else
			assert_int_equal(heap.root->key, smallest());
	}
}

static void taking_the_root_sorts_and_gives_each_once(void **state)
{
	struct dhpi_heap heap = { NULL };
	uint64_t dice = 9, last = 0;
	uint32_t count = 0;

	(void)state;
	memset(nodes, 0, sizeof(nodes));
	for (uint32_t i = 0; i < NODES; i++) {
		nodes[i].key = roll(&dice) % 1000;
		dhpi_heap_insert(&heap, &nodes[i]);
	}
	while (heap.root != NULL) {
		struct dhpi_heap_node *root = heap.root;

		assert_true(root->key >= last);
		last = root->key;
		dhpi_heap_remove(&heap, root);
		assert_null(root->child);
		assert_null(root->next);
		assert_null(root->prev);
		count++;
	}
	assert_int_equal(count, NODES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_root_is_smallest_after_any_inserts_and_removals),
		cmocka_unit_test(taking_the_root_sorts_and_gives_each_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
