/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_posix.c - what a failed check does: say what and where, and stop.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base.h"

_Noreturn void dhpi_check_failed(const char *where, const char *what, const char *why)
{
	(void)fprintf(stderr, "libdhp: %s: check failed: %s (%s)\n", where, what, why);
	abort();
}
