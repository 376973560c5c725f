// SPDX-License-Identifier: BSD-2-Clause
/*
 * module.c - the engine inside the Linux kernel: processors that come online are those of a partition, and have work at once.
 *
 * The sources of the engine are those of the library. What differs is the port (engine/port/linux_kernel) and the backend
 * (engine/partition/linux_kernel), for which the kernel's own steps of bringing up a processor are the arrival.
 */
#include <linux/init.h>
#include <linux/module.h>

#include "conformance.h"
#include "kernel.h"
#include "kmod.h"

static struct dhp_engine *engine;

static int error_of(enum dhp_status status)
{
	if (!dhp_failed(status))
		return 0;
	pr_err("dhp: %s: %s\n", dhp_status_name(status), dhp_status_text(status));
	if (status == DHP_NO_MEMORY)
		return -ENOMEM;
	return status == DHP_NO_THREAD ? -EAGAIN : -EINVAL;
}

static int test_port(void)
{
	const char *fault = port_conformance();

	if (fault == NULL)
		return 0;
	pr_err("dhp: the port does not keep its contract: %s\n", fault);
	return -EINVAL;
}

static int open_parts(void)
{
	int error = events_open(engine);

	if (error != 0)
		return error;
	error = load_open(engine);
	if (error != 0)
		events_close();
	return error;
}

static int __init dhp_init(void)
{
	int error = dhpi_kernel_fault_is_wanted() ? 0 : test_port(); /* the test would be what fails */

	if (error == 0)
		error = error_of(dhp_engine_create(NULL, &engine));
	if (error == 0) {
		error = open_parts();
		if (error != 0)
			(void)dhp_engine_destroy(engine);
	}
	if (error != 0)
		dhpi_kernel_forget_all();
	else
		report_open(engine);
	return error;
}

static void __exit dhp_exit(void)
{
	report_close();
	load_close();
	events_close();
	(void)dhp_engine_destroy(engine);
	dhpi_kernel_forget_all();
	pr_info("dhp: gone, %s\n", load_is_right() ? "nothing lost" : "WORK WAS LOST");
}

module_init(dhp_init);
module_exit(dhp_exit);
MODULE_LICENSE("Dual BSD/GPL");
MODULE_DESCRIPTION("libdhp: per-processor data, work and notification for machines that grow");
