/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base.h - checks and small arithmetic. No state.
 *
 * DHP_CHECKS says how much is checked: 0 nothing, 1 what is cheap (and on in release), 2 levels and owners, 3 whole
 * structures. A check is for a mistake in this library or in how it is called; what the world does wrong is a status.
 */
#ifndef DHPI_BASE_H
#define DHPI_BASE_H

#include <dhp/base.h>

#ifndef DHP_CHECKS
#define DHP_CHECKS 1
#endif

/* Reports and ends the process; the port writes the text. */
#ifdef __KERNEL__ /* its checker of object code knows only the functions that do not return by name */
#define DHPI_NORETURN
#else
#define DHPI_NORETURN _Noreturn
#endif
DHPI_NORETURN void dhpi_check_failed(const char *where, const char *what, const char *why);

#define DHPI_STRING_2(x) #x
#define DHPI_STRING(x) DHPI_STRING_2(x)

/* `why` names the invariant or the clause, such as "I3" or "S-604". */
#define DHPI_CHECK(level, condition, why)                                                                     \
	do {                                                                                                  \
		if (DHP_CHECKS >= (level) && __builtin_expect(!(condition), 0))                               \
			dhpi_check_failed(__FILE__ ":" DHPI_STRING(__LINE__), #condition, why);               \
	} while (0)

#define DHPI_LIKELY(x) __builtin_expect(!!(x), 1)
#define DHPI_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* On a function in which numbers wrap because they shall; the reason stands beside. Clang's preset `integer` reports the others. */
#ifdef __clang__
#define DHPI_WRAPS(reason) __attribute__((no_sanitize("unsigned-integer-overflow")))
#else
#define DHPI_WRAPS(reason)
#endif

/* For the few steps of a hot path that stand in functions of their own for the reader only. */
#define DHPI_INLINE static inline __attribute__((always_inline))

/* The object of which `pointer` is a member. By way of an integer: a handle may be const where its object is not. */
#define DHPI_CONTAINER(pointer, type, member) ((type *)((uintptr_t)(pointer) - offsetof(type, member)))

/* Keeps what one processor writes away from what another reads. */
#define DHPI_OWN_LINES _Alignas(DHP_LINE_PAIR_BYTES)

static inline bool dhpi_power_of_two(size_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static inline size_t dhpi_round_up(size_t n, size_t power_of_two)
{
	return (n + power_of_two - 1) & ~(power_of_two - 1);
}

/* Smallest k with 1 << k >= n. */
static inline uint32_t dhpi_shift_for(size_t n)
{
	uint32_t shift = 0;

	while (((size_t)1 << shift) < n)
		shift++;
	return shift;
}

/* Not the builtin: without an instruction for it that is a call of the compiler's library, which a kernel has not. */
DHPI_WRAPS("the product's upper bits are the sum")
static inline uint32_t dhpi_count_bits(uint64_t mask)
{
	mask -= mask >> 1 & 0x5555555555555555u;
	mask = (mask & 0x3333333333333333u) + (mask >> 2 & 0x3333333333333333u);
	mask = (mask + (mask >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (uint32_t)(mask * 0x0101010101010101u >> 56);
}

static inline bool dhpi_aligned(const void *p, size_t power_of_two)
{
	return ((uintptr_t)p & (power_of_two - 1)) == 0;
}

/* xorshift64*: enough to spread thieves and to deal out gaps. The state must not be zero. */
DHPI_WRAPS("multiplication modulo 2^64")
static inline uint64_t dhpi_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545F4914F6CDD1Dull;
}

#endif
