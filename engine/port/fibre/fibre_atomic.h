/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fibre_atomic.h - the compiler's atomic builtins as scheduling points. Included before everything else (-include).
 *
 * Each stops before the access until the scheduler says that it is this fibre's turn, and then is done at once. So every
 * execution is sequentially consistent: what a weaker order allows is not seen here. The names are the builtins' own, so that
 * the public headers and Concurrency Kit (by engine/port/tsan/ck_pr.h) come this way too.
 */
#ifndef DHPI_FIBRE_ATOMIC_H
#define DHPI_FIBRE_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>

void fibre_load(const volatile void *at, size_t bytes, const char *name);
/* Before and after whatever may write. */
void fibre_store(const volatile void *at, size_t bytes, const char *name);
void fibre_stored(void);

#define __atomic_load_n(a, order)                                                                             \
	__extension__({                                                                                       \
		__typeof__(a) fl_at = (a);                                                                    \
		(void)(order);                                                                                \
		fibre_load(fl_at, sizeof(*fl_at), "load");                                                    \
		*fl_at;                                                                                       \
	})

#define __atomic_store_n(a, v, order)                                                                         \
	__extension__({                                                                                       \
		__typeof__(a) fs_at = (a);                                                                    \
		__typeof__(*fs_at) fs_value = (v);                                                            \
		(void)(order);                                                                                \
		fibre_store(fs_at, sizeof(*fs_at), "store");                                                  \
		*fs_at = fs_value;                                                                            \
		fibre_stored();                                                                               \
	})

/* What is stored is an expression of fr_old, what was there, and fr_value. */
#define FIBRE_READ_MODIFY_WRITE(a, v, name, expression)                                                       \
	__extension__({                                                                                       \
		__typeof__(a) fr_at = (a);                                                                    \
		__typeof__(*fr_at) fr_value = (v), fr_old;                                                    \
		fibre_store(fr_at, sizeof(*fr_at), name);                                                     \
		fr_old = *fr_at;                                                                              \
		*fr_at = (__typeof__(*fr_at))(expression);                                                    \
		fibre_stored();                                                                               \
		fr_old;                                                                                       \
	})

#define __atomic_exchange_n(a, v, order) FIBRE_READ_MODIFY_WRITE(a, v, "exchange", fr_value)
#define __atomic_fetch_add(a, v, order) FIBRE_READ_MODIFY_WRITE(a, v, "add", fr_old + fr_value)
#define __atomic_fetch_sub(a, v, order) FIBRE_READ_MODIFY_WRITE(a, v, "sub", fr_old - fr_value)
#define __atomic_fetch_and(a, v, order) FIBRE_READ_MODIFY_WRITE(a, v, "and", fr_old & fr_value)
#define __atomic_fetch_or(a, v, order) FIBRE_READ_MODIFY_WRITE(a, v, "or", fr_old | fr_value)
#define __atomic_fetch_xor(a, v, order) FIBRE_READ_MODIFY_WRITE(a, v, "xor", fr_old ^ fr_value)

#define __atomic_compare_exchange_n(a, e, v, weak, success, failure)                                          \
	__extension__({                                                                                       \
		__typeof__(a) fc_at = (a);                                                                    \
		__typeof__(e) fc_expected = (e);                                                              \
		__typeof__(*fc_at) fc_value = (v);                                                            \
		bool fc_done;                                                                                 \
		fibre_store(fc_at, sizeof(*fc_at), "compare and exchange");                                   \
		fc_done = *fc_at == *fc_expected;                                                             \
		if (fc_done)                                                                                  \
			*fc_at = fc_value;                                                                    \
		else                                                                                          \
			*fc_expected = *fc_at;                                                                \
		fibre_stored();                                                                               \
		fc_done;                                                                                      \
	})

#endif
