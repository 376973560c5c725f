/* SPDX-License-Identifier: BSD-2-Clause */
/* The same program as C++: one text, two languages. */
#include "main.c"
