/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * all.h - what there is to measure. One function a file, each registers its benchmarks together with their floors, so
 * that both run in the same minutes on the same machine.
 */
#ifndef BENCH_ALL_H
#define BENCH_ALL_H

void bench_empty(void);
void bench_slot(void);
void bench_count(void);
void bench_line(void);
void bench_insert(void);
void bench_chain(void);
void bench_arrival(void);

#endif
