/* SPDX-License-Identifier: BSD-2-Clause */
/* stdlib.h - nothing of it is used. */
