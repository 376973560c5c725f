/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz.h - what every harness shares.
 *
 * A harness is one function of a byte string that checks what must hold for any of them. libFuzzer calls it with strings that
 * reach new code (make fuzz); replay.c calls it with those kept in corpus/, in every build (ctest), or with its standard input.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name is libFuzzer's. The bytes are a copy of exactly that size, so that a sanitizer sees a read beyond them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold and does not is a finding, and ends the process. */
#define MUST(condition)                                                                                            \
	do {                                                                                                       \
		if (!(condition)) {                                                                                \
			(void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);       \
			abort();                                                                                   \
		}                                                                                                  \
	} while (0)

/* allocated.c: bytes that this thread has asked for so far, of the C library or as a mapping. */
uint64_t fuzz_allocated(void);

#endif
