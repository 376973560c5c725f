/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h - three ways to tell a result: to a person, to a program, as a picture.
 */
#ifndef TOOL_REPORT_H
#define TOOL_REPORT_H

#include "result.h"

void report_print(const struct result *result);
void report_json(const struct result *result, FILE *file);
void report_svg(const struct result *result, FILE *file);

#endif
