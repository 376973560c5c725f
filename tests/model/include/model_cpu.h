/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model_cpu.h - before all else in each C file of a model: the processor on which a thread runs is what it pretends. The
 * library reads it by instructions, which Relacy cannot see.
 */
#include <dhp/percpu.h>

int32_t port_cpu_pretended(void);

#define dhp_cpu_word_read(word) ((void)(word), (uint32_t)port_cpu_pretended())
#define dhp_percpu_cpu_here(array) ((void)(array), (uint32_t)port_cpu_pretended())
#define dhp_percpu_here(array) dhp_percpu_here_slow(array)
