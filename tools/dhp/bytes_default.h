/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes_default.h - a large file that this system is likely to have.
 */
#ifndef TOOL_BYTES_DEFAULT_H
#define TOOL_BYTES_DEFAULT_H

#include <stddef.h>

/* Always gives a name: at the worst that of the running program. */
void bytes_default(char *name, size_t capacity);

#endif
