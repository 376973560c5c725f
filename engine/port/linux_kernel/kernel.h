/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel.h - what a module that contains the engine has to do itself.
 */
#ifndef DHPI_KERNEL_H
#define DHPI_KERNEL_H

/* When the module goes, after the last engine and the last thread that called one: the records of threads. */
void dhpi_kernel_forget_all(void);

#endif
