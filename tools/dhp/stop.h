/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stop.h - Ctrl-C and SIGTERM as something that is waited for, not something that interrupts.
 */
#ifndef TOOL_STOP_H
#define TOOL_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* Hold both signals back in this thread and in all that it creates. To be called before there are others. */
void stop_prepare(void);

/* Around what may wait for others without end, such as the open of a FIFO: meanwhile the signals end the program. */
void stop_let_through(void);
void stop_hold_back(void);

/* Wait until that moment; true when somebody asked to stop before. */
bool stop_wait_until(uint64_t at_ns);

#endif
