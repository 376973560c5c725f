/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coverage.c - a child of a test leaves by _exit or by a failed check, which would lose what it counted.
 *
 * Linked only by the preset coverage, which wraps both names: nothing else asks for these.
 */
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
_Noreturn void __real_abort(void);
_Noreturn void __wrap_abort(void);
void __gcov_dump(void);

_Noreturn void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

_Noreturn void __wrap_abort(void)
{
	__gcov_dump();
	__real_abort();
}
