/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * utf8.h - file names are bytes; JSON and XML are UTF-8.
 */
#ifndef TOOL_UTF8_H
#define TOOL_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed character at text: 1 to 4; 0 when the bytes there are none. */
size_t utf8_length(const char *text);

/* What stands in for a byte that is part of no character. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

#endif
