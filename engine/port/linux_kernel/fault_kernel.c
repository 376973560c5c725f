/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_kernel.c - the N-th thing that could fail fails, and an account of what was taken: for tests, built in on request.
 *
 * Debian's kernels have no fault injection of their own. Everything that the port and its backend ask of the kernel and
 * may not get asks here first. `fail` counts down; 0 is never, or not any more.
 */
#ifdef DHP_KERNEL_FAULTS
#include <linux/atomic.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>

#include "kernel.h"

static atomic_t fail = ATOMIC_INIT(0);
static atomic_t left = ATOMIC_INIT(0);
module_param_named(fail, fail.counter, int, 0444);
MODULE_PARM_DESC(fail, "the N-th allocation or start of a thread fails");

bool dhpi_kernel_fault(void)
{
	if (atomic_dec_if_positive(&fail) != 0)
		return false;
	pr_info("dhp: a failure that was asked for, in %ps\n", __builtin_return_address(0));
	return true;
}

bool dhpi_kernel_fault_is_wanted(void)
{
	return atomic_read(&fail) != 0;
}

void dhpi_kernel_taken(const void *object)
{
	atomic_add(object != NULL, &left);
}

void dhpi_kernel_given_back(const void *object)
{
	atomic_sub(object != NULL, &left);
}

void dhpi_kernel_tell_what_is_left(void)
{
	if (atomic_read(&left) != 0)
		pr_err("dhp: %d THINGS ARE LEFT\n", atomic_read(&left));
}
#endif
