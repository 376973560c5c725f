/* SPDX-License-Identifier: BSD-2-Clause */
#include "death.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* No function of these tests is longer, even with a sanitizer's code in it. */
#define LONGEST_FUNCTION 1024u

static _Noreturn void make_the_mistake(void (*mistake)(void *argument), void *argument, int to)
{
	const struct rlimit none = { 0, 0 };

	(void)signal(SIGABRT, SIG_DFL);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)dup2(to, STDERR_FILENO);
	mistake(argument);
	_exit(0);
}

static void read_all(int from, char *text, size_t bytes)
{
	size_t length = 0;
	ssize_t got;

	while (length + 1 < bytes && (got = read(from, text + length, bytes - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
}

/* Addresses stand in brackets; those of the child are those of its parent. */
static bool names_place(const char *text, uintptr_t site)
{
	for (const char *at = text; (at = strstr(at, "[0x")) != NULL; at++) {
		uintptr_t address = (uintptr_t)strtoull(at + 1, NULL, 16);

		if (address > site && address - site < LONGEST_FUNCTION)
			return true;
	}
	return false;
}

void assert_stopped(void (*mistake)(void *argument), void *argument, const char *clause, uintptr_t site)
{
	static char text[8192];
	int ends[2], status = 0;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	(void)fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		make_the_mistake(mistake, argument, ends[1]);
	(void)close(ends[1]);
	read_all(ends[0], text, sizeof(text));
	(void)close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		fail_msg("ended with status %#x and said: %s", (unsigned)status, text);
	if (strstr(text, clause) == NULL || (site != 0 && !names_place(text, site)))
		fail_msg("no %s, or no place in %#jx: %s", clause, (uintmax_t)site, text);
}

static void make(void *mistake)
{
	((const struct misuse *)mistake)->make();
}

void assert_each_stopped(const struct misuse *mistakes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (DHP_CHECKS >= mistakes[i].level)
			assert_stopped(make, (void *)(uintptr_t)&mistakes[i], mistakes[i].text, 0);
}
