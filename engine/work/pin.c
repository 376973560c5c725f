/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pin.c - a thread that was pinned stays pinned.
 *
 * Problem   the system takes a thread's pin away behind its back: when a cpuset is written anew (Linux 6.1), when the cpu goes
 *           offline and comes back, when another process sets masks. There is no sign, and a worker that looked for itself
 *           would pay for it all the time.
 * Idea      what is meant is kept here, and whoever looks for processors compares it with what the system says: a system call
 *           that disturbs nobody. A thread that has lost its pin is pinned from outside, by its id; it need not wake up for
 *           that, and what it runs at the moment goes on on its cpu.
 *
 * I1        only a thread that lives is set, because ids are given anew. A worker lives until the partition looks no more; how
 *           it is known of a thread of the user see partition/pins.c.
 * I2        once a look at most: somebody who sets masks all the time cannot keep us busy. What is refused is tried again
 *           after 1, 2, 4 ... looks.
 */
#include "pin.h"

static enum dhpi_pin_found note_refusal(struct dhpi_pin *pin)
{
	bool first = pin->looks_refused == 0;

	pin->looks_refused = dhpi_looks_after(pin->looks_refused);
	pin->looks_left = pin->looks_refused;
	at_bump_u64(&pin->refused);
	return first ? DHPI_PIN_REFUSED : DHPI_PIN_STILL_REFUSED;
}

enum dhpi_pin_found dhpi_pin_look(struct dhpi_pin *pin, int32_t thread, bool at_once)
{
	enum port_pinned found;

	if (pin->looks_left > 1 && !at_once) {
		pin->looks_left--;
		return DHPI_PIN_STILL_REFUSED;
	}
	found = port_pin_look(thread, pin->cpu);
	if (found == PORT_NO_THREAD)
		return DHPI_PIN_NO_THREAD;
	if (found == PORT_NOT_PINNED && !port_pin_write(thread, pin->cpu))
		return note_refusal(pin);
	dhpi_pin_forget(pin);
	if (found == PORT_PINNED)
		return DHPI_PIN_HOLDS;
	at_bump_u64(&pin->restored);
	return DHPI_PIN_RESTORED;
}

void dhpi_pin_forget(struct dhpi_pin *pin)
{
	pin->looks_left = 0;
	pin->looks_refused = 0;
}
