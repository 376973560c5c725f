/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists, pool, interlocked operations, strings, and lines for people.
 */
#include "bound.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct entry {
	uint32_t number;
	LIST_ENTRY link;
};

static void a_ring_list(void **state)
{
	struct entry entries[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
	LIST_ENTRY head;

	(void)state;
	InitializeListHead(&head);
	assert_int_equal(IsListEmpty(&head), TRUE);
	assert_ptr_equal(RemoveHeadList(&head), &head);
	InsertTailList(&head, &entries[1].link);
	InsertTailList(&head, &entries[2].link);
	InsertHeadList(&head, &entries[0].link);
	assert_int_equal(IsListEmpty(&head), FALSE);
	assert_int_equal(RemoveEntryList(&entries[1].link), FALSE);
	assert_int_equal(CONTAINING_RECORD(RemoveHeadList(&head), struct entry, link)->number, 0);
	assert_ptr_equal(head.Flink, &entries[2].link);
	assert_ptr_equal(head.Blink, &entries[2].link);
	assert_int_equal(RemoveEntryList(&entries[2].link), TRUE);
	assert_int_equal(IsListEmpty(&head), TRUE);
}

static void pool_blocks_are_aligned_and_zeroed(void **state)
{
	static const POOL_TYPE types[] = { NonPagedPool, PagedPool, NonPagedPoolNx };
	static const uint8_t zeros[100];

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		uint8_t *block = ExAllocatePoolZero(types[i], sizeof(zeros), 0x48616c6f);
		PVOID other = ExAllocatePoolWithTag(types[i], 1, 0x48616c6f);

		assert_non_null(block);
		assert_non_null(other);
		assert_int_equal((uintptr_t)block % 16, 0);
		assert_memory_equal(block, zeros, sizeof(zeros));
		memset(block, 0xff, sizeof(zeros));
		ExFreePoolWithTag(block, 0x48616c6f);
		ExFreePool(other);
	}
	assert_null(ExAllocatePoolWithTag(NonPagedPool, SIZE_MAX, 0x48616c6f));
	assert_null(ExAllocatePoolZero(NonPagedPool, SIZE_MAX - 8, 0x48616c6f));
	ExFreePool(NULL);
	ExFreePoolWithTag(NULL, 0);
}

static void memory_is_zeroed_and_copied(void **state)
{
	char from[4] = "abc", to[4] = "xyz";

	(void)state;
	RtlCopyMemory(to, from, sizeof(to));
	assert_string_equal(to, "abc");
	RtlZeroMemory(to, sizeof(to));
	assert_memory_equal(to, "\0\0\0", 4);
}

static void interlocked_operations_give_what_is_documented(void **state)
{
	LONG volatile n = 5;
	LONG64 volatile big = ((LONG64)1 << 40);
	int a, b;
	PVOID volatile p = &a;
	CHAR volatile c = 0x0f;
	ULONG volatile u = 7;

	(void)state;
	assert_int_equal(InterlockedIncrement(&n), 6);
	assert_int_equal(InterlockedDecrement(&n), 5);
	assert_true(InterlockedIncrement64(&big) == ((LONG64)1 << 40) + 1);
	assert_true(InterlockedIncrementNoFence64(&big) == ((LONG64)1 << 40) + 2);
	assert_true(InterlockedDecrementRelease64(&big) == ((LONG64)1 << 40) + 1);
	assert_true(ReadAcquire64(&big) == ((LONG64)1 << 40) + 1);
	assert_ptr_equal(InterlockedExchangePointer(&p, &b), &a);
	assert_ptr_equal(p, &b);
	WritePointerRelease(&p, &a);
	assert_ptr_equal(p, &a);
	assert_int_equal(InterlockedExchange8(&c, 0x3c), 0x0f);
	assert_int_equal(InterlockedAndRelease8(&c, 0x0f), 0x3c);
	assert_int_equal(c, 0x0c);
	assert_int_equal(ReadULongNoFence(&u), 7);
	PrefetchForWrite(&u);
	MemoryBarrier();
	KeMemoryBarrier();
	YieldProcessor();
}

static void a_large_integer_has_two_halves(void **state)
{
	LARGE_INTEGER n;

	(void)state;
	n.QuadPart = -2;
	assert_int_equal(n.LowPart, 0xfffffffe);
	assert_int_equal(n.HighPart, -1);
	n.u.HighPart = 1;
	assert_true(n.QuadPart == 0x1fffffffe);
	assert_int_equal(min(3, 4), 3);
	assert_int_equal(max(3, 4), 4);
}

static void a_string_is_described(void **state)
{
	UNICODE_STRING string;
	OBJECT_ATTRIBUTES attributes;
	WCHAR *longest = calloc(40000, sizeof(WCHAR));

	(void)state;
	RtlInitUnicodeString(&string, L"abc");
	assert_int_equal(string.Length, 3 * sizeof(WCHAR));
	assert_int_equal(string.MaximumLength, 4 * sizeof(WCHAR));
	assert_int_equal(string.Buffer[2], L'c');
	InitializeObjectAttributes(&attributes, &string, OBJ_KERNEL_HANDLE, NULL, NULL);
	assert_int_equal(attributes.Length, sizeof(attributes));
	assert_ptr_equal(attributes.ObjectName, &string);
	assert_int_equal(attributes.Attributes, OBJ_KERNEL_HANDLE);
	assert_null(attributes.RootDirectory);
	for (uint32_t i = 0; i < 39999; i++)
		longest[i] = L'x';
	RtlInitUnicodeString(&string, longest);
	assert_int_equal(string.Length, 65528);
	assert_int_equal(string.MaximumLength, 65532);
	free(longest);
	RtlInitUnicodeString(&string, NULL);
	assert_int_equal(string.Length, 0);
	assert_null(string.Buffer);
}

/* ---- what is printed: the standard error is a pipe for the length of a call ---- */

static char printed[1024];
static int kept_stderr, ends[2];

static void capture(void)
{
	assert_int_equal(pipe(ends), 0);
	kept_stderr = dup(STDERR_FILENO);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
}

static void end_capture(void)
{
	ssize_t count;

	(void)dup2(kept_stderr, STDERR_FILENO);
	(void)close(kept_stderr);
	(void)close(ends[1]);
	count = read(ends[0], printed, sizeof(printed) - 1);
	printed[count > 0 ? count : 0] = '\0';
	(void)close(ends[0]);
}

#define PRINTS(expected, ...)                                                                                 \
	do {                                                                                                  \
		capture();                                                                                    \
		(void)DbgPrintEx(DPFLTR_DEFAULT_ID, DPFLTR_TRACE_LEVEL, __VA_ARGS__);                         \
		end_capture();                                                                                \
		assert_string_equal(printed, expected);                                                       \
	} while (0)

static void lines_in_the_formats_of_windows(void **state)
{
	UNICODE_STRING name, empty = { .Length = 2 };
	ULONG all = 0xffffffff;

	(void)state;
	RtlInitUnicodeString(&name, L"disk\u00e9");
	PRINTS("plain 100%\n", "plain 100%%\n");
	PRINTS("-1 4294967295 ffffffff FFFFFFFF", "%d %u %x %X", -1, all, all, all);
	PRINTS("4294967295 -1 ffffffff", "%lu %ld %lx", all, (LONG)-1, all); /* l is 32 bits */
	PRINTS("-5000000000 18446744073709551615", "%lld %I64u", (LONG64)-5000000000, UINT64_MAX);
	PRINTS("7 9 ff -1", "%I32u %Iu %hhx %hd", 7u, (SIZE_T)9, 0x1ff, 0xffff);
	PRINTS("[   42][42   ][00042][ 0x2a][+42][ 42][052]", "[%5d][%-5d][%05d][%#5x][%+d][% d][%.3o]", 42, 42, 42, 42,
	       42, 42, 42);
	PRINTS("[   ab][ab   ][a]", "[%5s][%-5s][%.1s]", "ab", "ab", "ab");
	PRINTS("[  7][7  ]", "[%*d][%-*d]", 3, 7, 3, 7);
	PRINTS("ab cd ef g", "%s %ws %S %c", "ab", L"cd", L"ef", 'g');
	PRINTS("disk\xc3\xa9 (null) (null)", "%wZ %s %wZ", &name, (char *)NULL, (UNICODE_STRING *)NULL);
	PRINTS("-1 \xe2\x82\xac ?", "%hhd %ws %ws", 0xff, L"\u20ac", L"\U0001f600"); /* beyond UTF-16's first plane: no character */
	PRINTS("0000000000001234", "%p", (void *)(uintptr_t)0x1234);
	PRINTS("[  2A][0X2A][42   ][123][00042]", "[%*X][%#X][%-05d][%.2d][%0*d]", 4, all & 42, all & 42, 42, 123, 5, 42);
	PRINTS("[3  ][7][007][ab][cd][di]", "[%*d][%.*d][%.*d][%.*s][%.*ws][%.2wZ]", -3, 3, -1, 7, 3, 7, -1, "ab", 2, L"cde", &name);
	PRINTS("1 2 (null)", "%zu %td %wZ", (SIZE_T)1, (SSIZE_T)2, &empty);
	PRINTS("%q", "%q");
	PRINTS("end", "end%");
}

static void a_long_line_is_cut(void **state)
{
	char text[600];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture();
	assert_int_equal(DbgPrintEx(DPFLTR_DEFAULT_ID, DPFLTR_TRACE_LEVEL, "%s%s", text, text), STATUS_SUCCESS);
	end_capture();
	assert_int_equal(strlen(printed), 511);
	capture(); /* nor does what is asked for take longer */
	(void)DbgPrintEx(DPFLTR_DEFAULT_ID, DPFLTR_TRACE_LEVEL, "%*d%.*d%600d", INT32_MAX, 1, INT32_MAX, 1, 1);
	end_capture();
	assert_int_equal(strlen(printed), 511);
}

/* ---- what ends the process ---- */

static void assert_something(void)
{
	ASSERT(2 + 2 == 4);
	ASSERT(printed[0] == 'q');
}

static void fail_fast(void)
{
	__fastfail(FAST_FAIL_CORRUPT_LIST_ENTRY);
}

static void expect_abort(void (*run)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		(void)freopen("/dev/null", "w", stderr);
		(void)signal(SIGABRT, SIG_DFL);
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void assertions_and_fast_fail_end_the_process(void **state)
{
	(void)state;
	printed[0] = '\0';
	expect_abort(assert_something);
	expect_abort(fail_fast);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_list),
		cmocka_unit_test(pool_blocks_are_aligned_and_zeroed),
		cmocka_unit_test(memory_is_zeroed_and_copied),
		cmocka_unit_test(interlocked_operations_give_what_is_documented),
		cmocka_unit_test(a_large_integer_has_two_halves),
		cmocka_unit_test(a_string_is_described),
		cmocka_unit_test(lines_in_the_formats_of_windows),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(assertions_and_fast_fail_end_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
