/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kmod.h - the parts of the module. One engine, so one of each.
 */
#ifndef KMOD_H
#define KMOD_H

#include <dhp.h>
#include <linux/seq_file.h>

/* events.c: what a driver registers for. */
int events_open(struct dhp_engine *engine);
void events_close(void);
void events_show(struct seq_file *out);
/* The Start of this cpu is refused; -1: of none. */
void events_veto(int cpu);

/* load.c: work from threads and from an interrupt, aimed and not, as long as the module is there. */
int load_open(struct dhp_engine *engine);
void load_close(void);
void load_show(struct seq_file *out);
/* After load_close: whether all that was inserted ran, once. */
bool load_is_right(void);

/* report.c: /sys/kernel/debug/dhp */
void report_open(struct dhp_engine *engine);
void report_close(void);

#endif
