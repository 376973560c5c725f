/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shop.h - as much of an engine as queues and workers need, with no thread but the world's own.
 *
 * A world that includes worker.c or queue.c has that file's own copy, unchanged, and may call its static functions.
 */
#ifndef SHOP_H
#define SHOP_H

#include "parts.h"
#include "queue.h"
#include "world.h"

#ifndef SHOP_QUEUES
#define SHOP_QUEUES 2u
#endif

struct shop {
	struct dhpi_set set;
	struct dhpi_epoch epoch;
	struct dhpi_space space;
	struct dhpi_work work;
	struct port_mutex serial;
	struct dhp_engine engine;
	struct dhp_processor rows[SHOP_QUEUES];
	struct dhpi_queue *queues[SHOP_QUEUES];
};

static inline void shop_add_row(struct shop *shop, uint32_t index)
{
	shop->rows[index] = (struct dhp_processor){ .index = index, .cpu = index, .number = { .number = (uint8_t)index } };
	dhpi_set_offer(&shop->set, &shop->rows[index]);
	FIBRE_DEMAND(dhpi_space_prepare(&shop->space, &shop->rows[index]) == DHP_OK);
}

static inline void shop_publish(struct shop *shop, uint32_t index)
{
	dhpi_set_publish(&shop->set, true);
	dhpi_set_announce(&shop->set, index);
}

static inline void shop_add_queue(struct shop *shop, uint32_t index)
{
	shop_add_row(shop, index);
	dhpi_work_prepare(&shop->work, &shop->rows[index]);
	shop_publish(shop, index);
	shop->queues[index] = dhpi_queue_of_index(&shop->work, index);
	fibre_ignore(shop->queues[index]->recent, sizeof(shop->queues[index]->recent)); /* hints for prefetches */
}

/* Without the epoch's thread. */
static inline void shop_open_base(struct shop *shop)
{
	FIBRE_DEMAND(dhpi_set_init(&shop->set, SHOP_QUEUES, 1, SHOP_QUEUES) == DHP_OK);
	at_init_u64(&shop->epoch.now, 1);
	port_event_init(&shop->epoch.event);
	port_mutex_init(&shop->serial);
	dhpi_space_init(&shop->space, &shop->serial, &shop->set, &shop->epoch, true);
	shop->engine = (struct dhp_engine){ .set = &shop->set, .epoch = &shop->epoch, .space = &shop->space,
					    .work = &shop->work };
}

/* Without the timer thread. */
static inline struct shop *shop_open(uint32_t queues)
{
	const struct dhpi_work_options options = { .simulated = true, .without_workers = true };
	struct shop *shop = port_alloc(sizeof(*shop));

	shop_open_base(shop);
	FIBRE_DEMAND(dhpi_work_init(&shop->work, &shop->space, &options) == DHP_OK);
	shop->work.without_workers = false;
	for (uint32_t index = 0; index < queues; index++)
		shop_add_queue(shop, index);
	fibre_ignore(&shop->work.wakes, sizeof(shop->work.wakes));
	fibre_ignore(&shop->work.deferred_wakes, sizeof(shop->work.deferred_wakes));
	return shop;
}

static inline void shop_close_base(struct shop *shop)
{
	struct dhp_reader *next;

	for (struct dhp_reader *reader = at_load_relaxed_ptr(&shop->epoch.readers); reader != NULL; reader = next) {
		next = reader->next; /* relaxed: nobody else is left */
		port_free(reader, sizeof(*reader));
	}
	dhpi_set_fini(&shop->set);
	port_free(shop, sizeof(*shop));
}

static inline void shop_close(struct shop *shop)
{
	dhpi_work_fini(&shop->work);
	shop_close_base(shop);
}

#endif
