/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h - numbers as people like to read them.
 *
 * Each gives the text by value: text_count(n).s can stand in an argument list and needs no buffer.
 */
#ifndef TOOL_TEXT_H
#define TOOL_TEXT_H

#include <stdint.h>

struct text {
	char s[40];
};

struct text text_count(uint64_t count);       /* 8,123,456 */
struct text text_duration(uint64_t ns);       /* 3.42 ms */
struct text text_bytes(double bytes);         /* 112.3 MB: decimal, as disks and networks count */
struct text text_ratio(double ratio);         /* 1.98, or - when it is not above zero */
struct text text_or_dash(uint32_t number);    /* 7, or - for UINT32_MAX */

#endif
