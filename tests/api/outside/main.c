/* SPDX-License-Identifier: BSD-2-Clause */
/* A program of somebody else. It refers to every public function, and calls nothing that needs a machine of some kind. */
#include <dhp.h>
#include <dhp/wdk.h>
#include <stdio.h>

typedef void any_function(void);

static any_function *const used[] = {
#define USE(name) (any_function *)name,
#include "names.h"
};

int main(void)
{
	size_t count = sizeof(used) / sizeof(used[0]);
	size_t i;

	for (i = 0; i < count; i++) {
		if (used[i] == NULL)
			return 1;
	}
	printf("libdhp %d.%d.%d, %zu functions\n", DHP_VERSION_MAJOR, DHP_VERSION_MINOR, DHP_VERSION_PATCH, count);
	return 0;
}
