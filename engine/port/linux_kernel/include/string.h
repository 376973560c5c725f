/* SPDX-License-Identifier: BSD-2-Clause */
/* string.h - the kernel's own. */
#include <linux/string.h>
