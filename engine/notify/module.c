/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * module.c - memory modules on the asynchronous channel; no other channel hears of them (S-018).
 *
 * A module has a row with its announcement, made ready before anything is changed, so that what follows cannot fail. What
 * is ready is posted later and together, when the memory has been counted: a callback that asks finds it (S-223).
 *
 * I1        a module has one row, and its row is never taken away: it is announced once, also if it goes and comes back.
 * I2        posted <= ready. A row below `posted` is not written any more, but for its place in the inbox and its number there.
 */
#include "notify.h"

#define ROWS_BYTES (DHPI_MODULES_LIMIT * sizeof(struct dhpi_arrival_event))
#define KNOWN_BYTES (DHPI_MODULES_LIMIT / 8u)

bool dhpi_modules_init(struct dhpi_modules *modules)
{
	modules->rows = port_reserve(ROWS_BYTES);
	modules->known = port_reserve(KNOWN_BYTES);
	return modules->rows != NULL && modules->known != NULL;
}

void dhpi_modules_fini(struct dhpi_modules *modules)
{
	if (modules->rows != NULL)
		port_unreserve(modules->rows, ROWS_BYTES);
	if (modules->known != NULL)
		port_unreserve(modules->known, KNOWN_BYTES);
}

uint32_t dhpi_modules_count(const struct dhpi_modules *modules)
{
	return at_load_acquire_u32(&modules->posted); /* [module-publish] acquire */
}

static bool is_known(const struct dhpi_modules *modules, uint32_t id)
{
	return (modules->known[id / 8] >> id % 8 & 1) != 0;
}

bool dhpi_module_prepare(struct dhpi_notify *notify, uint32_t id)
{
	struct dhpi_modules *modules = &notify->modules;
	struct dhpi_arrival_event *row = &modules->rows[modules->ready];

	if (id >= DHPI_MODULES_LIMIT || is_known(modules, id))
		return true; /* one beyond the limit is counted by its bytes only */
	if (!port_touch(row, sizeof(*row), DHP_NO_INDEX) || !port_touch(&modules->known[id / 8], 1, DHP_NO_INDEX))
		return false;
	modules->known[id / 8] = (uint8_t)(modules->known[id / 8] | 1u << id % 8);
	row->device_class = DHP_CLASS_MEMORY;
	row->id = id;
	dhpi_arrival_name(row->name.text, "memory-", id);
	modules->ready++;
	return true;
}

void dhpi_modules_post(struct dhpi_notify *notify, bool tell)
{
	struct dhpi_modules *modules = &notify->modules;
	uint32_t first = at_load_relaxed_u32(&modules->posted); /* relaxed: written under serial, which we hold */

	/* Before the inbox: who registers now finds it in the replay or is on the list when it is delivered (S-210). */
	at_store_release_u32(&modules->posted, modules->ready); /* [module-publish] release */
	for (uint32_t at = first; tell && at < modules->ready; at++)
		dhpi_arrival_push(notify, &modules->rows[at]);
}
