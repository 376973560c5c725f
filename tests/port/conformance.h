/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conformance.h - what the algorithms rely on, asked of any port: of the one of the build by a test, of the kernel's by its module.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

/* Takes less than a second. NULL: the port keeps its contract; otherwise the first line of it that does not hold. */
const char *port_conformance(void);

#endif
