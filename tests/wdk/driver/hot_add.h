/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hot_add.h - what the test asks of the drivers.
 */
#ifndef TESTS_WDK_HOT_ADD_H
#define TESTS_WDK_HOT_ADD_H

#include <dhp/wdk.h>

DHP_BEGIN_DECLS

/* hot_add.c: counts requests on each processor. */
NTSTATUS HotAddDriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath);
ULONG HotAddCapacity(void);
ULONG HotAddGrowths(void);
ULONG HotAddReady(void);
VOID HotAddRequestAll(void);
LONG64 HotAddRequests(ULONG Index);
VOID HotAddRefuse(BOOLEAN Refuse);

/* old_style.c: the shapes that the driver guide shows. */
NTSTATUS OldStyleStart(PULONG Seen);
VOID OldStyleStop(VOID);
ULONG OldStyleProcessors(void);
LONG OldStyleArrivals(void);

/* guide.c: one callback for each of the three notifications. */
NTSTATUS GuideDriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath);
VOID GuideUnload(PDRIVER_OBJECT DriverObject);
VOID GuideSetLimit(ULONG Count); /* processors for which there is memory */
ULONG GuideShares(VOID);
ULONG GuideArrived(VOID);
ULONG GuideBufferSize(VOID);

/* decorated.c: 0 if all is well. */
int Decorated(void);

/* names.cpp: 0 if all is well. */
int NamesInCxx(void);

DHP_END_DECLS

#endif
