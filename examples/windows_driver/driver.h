/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DRIVER_H
#define DRIVER_H

DRIVER_INITIALIZE DriverEntry;
VOID DriverRequest(VOID);
LONG DriverRequests(ULONG Index);

#endif
