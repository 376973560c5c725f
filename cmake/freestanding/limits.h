/* SPDX-License-Identifier: BSD-2-Clause */
/* limits.h - the compiler's own one asks for the next in line; it needs nothing of it. */
