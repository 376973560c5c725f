/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_posix.c - what a failed check does: say what and where, and stop. And what a program says otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __has_include
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define KNOWS_CALLERS
#endif
#endif

#include "port.h"

#define CALLERS 32

/* Return addresses, for addr2line: behind the library's own frames comes the call site. */
static void say_callers(void)
{
#ifdef KNOWS_CALLERS
	void *callers[CALLERS];
	int count = backtrace(callers, CALLERS);

	(void)fprintf(stderr, "libdhp: called from, the latest call first:\n");
	(void)fflush(stderr);
	backtrace_symbols_fd(callers + 1, count - 1, STDERR_FILENO);
#endif
}

_Noreturn void dhpi_check_failed(const char *where, const char *what, const char *why)
{
	(void)fprintf(stderr, "libdhp: %s: check failed: %s (%s)\n", where, what, why);
	say_callers();
	abort();
}

void port_write(const char *text, size_t bytes)
{
	if (write(STDERR_FILENO, text, bytes) < 0)
		return; /* nobody could be told */
}
