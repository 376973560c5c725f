/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_posix.c - what a failed check does: say what and where, and stop. And what a program says otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "port.h"

_Noreturn void dhpi_check_failed(const char *where, const char *what, const char *why)
{
	(void)fprintf(stderr, "libdhp: %s: check failed: %s (%s)\n", where, what, why);
	abort();
}

void port_write(const char *text, size_t bytes)
{
	if (write(STDERR_FILENO, text, bytes) < 0)
		return; /* nobody could be told */
}
