/* SPDX-License-Identifier: BSD-2-Clause */
/* stdbool.h - the kernel's own. */
#include <linux/types.h>
