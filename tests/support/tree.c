/* SPDX-License-Identifier: BSD-2-Clause */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 512u

static void full_path(const struct tree *tree, const char *path, char *out)
{
	assert_true((size_t)snprintf(out, PATH_BYTES, "%s%s", tree->root, path) < PATH_BYTES);
}

void tree_make(struct tree *tree)
{
	const char *folder = getenv("TMPDIR");

	assert_true((size_t)snprintf(tree->root, sizeof(tree->root), "%s/dhp-tree-XXXXXX",
				     folder != NULL && strlen(folder) < 40 ? folder : "/tmp") < sizeof(tree->root));
	assert_non_null(mkdtemp(tree->root));
}

static void make_folders(const struct tree *tree, char *path)
{
	for (char *at = path + strlen(tree->root) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
		*at = '/';
	}
}

/* By another file and a rename, so that a reader sees the old text or the new one. */
void tree_write(const struct tree *tree, const char *path, const char *text)
{
	char full[PATH_BYTES], fresh[PATH_BYTES];
	size_t length = strlen(text);
	int file;

	full_path(tree, path, full);
	full_path(tree, "/fresh", fresh);
	make_folders(tree, full);
	file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(file >= 0);
	assert_true(write(file, text, length) == (ssize_t)length);
	assert_int_equal(close(file), 0);
	assert_int_equal(rename(fresh, full), 0);
}

void tree_delete(const struct tree *tree, const char *path)
{
	char full[PATH_BYTES];

	full_path(tree, path, full);
	assert_int_equal(unlink(full), 0);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

void tree_remove(struct tree *tree)
{
	assert_int_equal(nftw(tree->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}
