/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver's own assert.h, which stands beside its sources. dhp/wdk.h must not be the one that includes it.
 */
#ifndef DRIVER_INCLUDES_ITS_ASSERT
#error "somebody else includes the driver's assert.h"
#endif
#undef ASSERT
#define ASSERT(e) ((e) ? (void)0 : __fastfail(FAST_FAIL_FATAL_APP_EXIT))
