/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel.h - what the files of the port to the Linux kernel, the backend there and the module have with each other.
 */
#ifndef DHPI_KERNEL_H
#define DHPI_KERNEL_H

#include "port.h"

/* The thread of the port that calls; NULL: another's, or an interrupt. */
struct port_thread *dhpi_kernel_thread(void);

/* A record for a thread of the port; NULL: no memory. */
void *dhpi_kernel_record_alloc(void);
void dhpi_kernel_record_free(void *record);
/* As port_self, at passive level: never the record that threads share when there is no memory. */
struct port_self *dhpi_kernel_own_self(void);

/* When the module goes, after the last engine and the last thread that called one: the records of threads. */
void dhpi_kernel_forget_all(void);

/*
 * Built with DHP_KERNEL_FAULTS: true for the one that the module's parameter `fail` names, of all that could fail since the
 * module was loaded. What is taken and given back is counted then, and what is left at the end is told.
 */
#ifdef DHP_KERNEL_FAULTS
bool dhpi_kernel_fault(void);
bool dhpi_kernel_fault_is_wanted(void);
void dhpi_kernel_taken(const void *object);
void dhpi_kernel_given_back(const void *object);
void dhpi_kernel_tell_what_is_left(void);
#else
static inline bool dhpi_kernel_fault(void)
{
	return false;
}

static inline bool dhpi_kernel_fault_is_wanted(void)
{
	return false;
}

static inline void dhpi_kernel_taken(const void *object)
{
	(void)object;
}

static inline void dhpi_kernel_given_back(const void *object)
{
	(void)object;
}

static inline void dhpi_kernel_tell_what_is_left(void)
{
}
#endif

#endif
