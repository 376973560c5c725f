/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree.h - a directory that stands for a machine's root.
 */
#ifndef TESTS_TREE_H
#define TESTS_TREE_H

#include "support.h"

struct tree {
	char root[64];
};

/* All assert. Paths begin with a slash; directories in between are made. */
void tree_make(struct tree *tree);
void tree_write(const struct tree *tree, const char *path, const char *text);
void tree_delete(const struct tree *tree, const char *path);
void tree_remove(struct tree *tree);

#endif
