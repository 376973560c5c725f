/* SPDX-License-Identifier: BSD-2-Clause */
/* Code that goes: a callback in a plugin. See notify_unload.c. */
#include <dhp/notify.h>

DHP_API void plugin_callback(void *context, const struct dhp_processor_change *change, enum dhp_status *status);

/* It stays here for a while, so that unloading has something to meet. */
void plugin_callback(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	uint64_t *calls = context;

	(void)change;
	(void)status;
	for (uint64_t spins = 0; spins < 20000; spins++)
		__asm__ volatile("" : : : "memory");
	(void)__atomic_fetch_add(calls, 1, __ATOMIC_RELAXED);
}
