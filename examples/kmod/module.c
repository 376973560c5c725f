#include <linux/module.h>
#include <dhp.h>
#include "kernel.h"
static struct dhp_engine *engine;
static int __init dhp_kmod_init(void) { return dhp_failed(dhp_engine_create(NULL,&engine)) ? -ENOMEM : 0; }
static void __exit dhp_kmod_exit(void) { (void)dhp_engine_destroy(engine); dhpi_kernel_forget_all(); }
module_init(dhp_kmod_init); module_exit(dhp_kmod_exit);
MODULE_LICENSE("Dual BSD/GPL");
MODULE_DESCRIPTION("x");
