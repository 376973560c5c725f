/* SPDX-License-Identifier: BSD-2-Clause */
/* stddef.h - the kernel's own. */
#include <linux/stddef.h>
#include <linux/types.h>
