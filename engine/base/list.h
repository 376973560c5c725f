/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list.h - a doubly linked ring through a head. Its owner, or a lock, excludes others.
 *
 * Concurrency Kit's CK_LIST has no tail, and its queues no removal from the middle in constant time; a queue of work
 * needs both.
 */
#ifndef DHPI_LIST_H
#define DHPI_LIST_H

#include "base.h"

struct dhpi_link {
	struct dhpi_link *next;
	struct dhpi_link *prev;
};

static inline void dhpi_list_init(struct dhpi_link *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool dhpi_list_empty(const struct dhpi_link *head)
{
	return head->next == head;
}

static inline void dhpi_list_insert_between(struct dhpi_link *link, struct dhpi_link *prev, struct dhpi_link *next)
{
	link->prev = prev;
	link->next = next;
	prev->next = link;
	next->prev = link;
}

static inline void dhpi_list_push_head(struct dhpi_link *head, struct dhpi_link *link)
{
	dhpi_list_insert_between(link, head, head->next);
}

static inline void dhpi_list_push_tail(struct dhpi_link *head, struct dhpi_link *link)
{
	dhpi_list_insert_between(link, head->prev, head);
}

static inline void dhpi_list_unlink(struct dhpi_link *link)
{
	DHPI_CHECK(2, link->next->prev == link && link->prev->next == link, "a list is a ring");
	link->next->prev = link->prev;
	link->prev->next = link->next;
}

#endif
