/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uevents.h - the kernel's own word about processors and memory, heard beside the library.
 */
#ifndef VM_UEVENTS_H
#define VM_UEVENTS_H

#include <stdbool.h>

/* From now on each is said: "uevent ACTION SUBSYSTEM NAME". The thread ends with the program. */
bool uevents_watch(void);

#endif
