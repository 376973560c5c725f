/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port_skeleton.c - a port that refuses everything: where a new one begins.
 *
 * Problem   a port is some forty small functions. Written from nothing, it compiles when the last one is there.
 * Idea      this one compiles and links from the first day, and an engine on it says DHP_NO_MEMORY. Copy the folder, give
 *           each function its meaning in the order of docs/porting.md, and tests/unit/port_posix.c fails at the first that is
 *           still missing.
 *
 * Refusals are those that the engine expects: no memory, no thread, no affinity. What cannot refuse does nothing.
 */
#include "port.h"

/* ---- 1. the calling thread ---- */

/* One for all: right as long as there is one thread. */
static struct port_self only_self;
static struct port_pin only_pin;

struct port_self *port_self(void)
{
	return &only_self;
}

struct port_pin *port_pin(void)
{
	return &only_pin;
}

struct port_cpu_word port_cpu_word(bool simulated)
{
	(void)simulated;
	return (struct port_cpu_word){ .ask = true };
}

bool port_sequences_abort_open(void)
{
	return false;
}

bool port_sequences_abort(void)
{
	return false;
}

bool port_sequence_store(uint32_t cpu, const struct at_u64 *there, uint64_t expected, struct at_u64 *to, uint64_t value)
{
	(void)cpu;
	(void)there;
	(void)expected;
	(void)to;
	(void)value;
	return false;
}

uint32_t port_cpu_ask(void)
{
	return DHP_NO_CPU;
}

void port_cpu_stand_for(int32_t cpu)
{
	(void)cpu;
}

void port_cpu_pretend(int32_t cpu)
{
	(void)cpu;
}

int32_t port_cpu_pretended(void)
{
	return -1;
}

bool port_affinity_read(struct port_affinity *out_affinity)
{
	(void)out_affinity;
	return false;
}

bool port_affinity_write(const struct port_affinity *affinity)
{
	(void)affinity;
	return false;
}

int32_t port_thread_id(void)
{
	return 1;
}

enum port_pinned port_pin_look(int32_t thread, uint32_t cpu)
{
	(void)thread;
	(void)cpu;
	return PORT_NOT_PINNED;
}

bool port_pin_write(int32_t thread, uint32_t cpu)
{
	(void)thread;
	(void)cpu;
	return false;
}

bool port_life_begin(struct port_life *life)
{
	(void)life;
	return false;
}

void port_life_end(struct port_life *life)
{
	(void)life;
}

bool port_life_goes_on(struct port_life *life)
{
	(void)life;
	return true;
}

void port_life_bury(struct port_life *life)
{
	(void)life;
}

/* ---- 2. memory ---- */

void *port_alloc(size_t bytes)
{
	(void)bytes;
	return NULL;
}

void port_free(void *p, size_t bytes)
{
	(void)p;
	(void)bytes;
}

void *port_block_alloc(size_t bytes)
{
	(void)bytes;
	return NULL;
}

void port_block_free(void *p)
{
	(void)p;
}

void *port_reserve(size_t bytes)
{
	(void)bytes;
	return NULL;
}

void port_unreserve(void *p, size_t bytes)
{
	(void)p;
	(void)bytes;
}

bool port_touch(void *p, size_t bytes, uint32_t node)
{
	(void)p;
	(void)bytes;
	(void)node;
	return false;
}

size_t port_page_bytes(void)
{
	return 4096;
}

/* ---- 3. time ---- */

uint64_t port_now_ns(void)
{
	return 0;
}

uint64_t port_wall_ns(void)
{
	return 0;
}

void port_sleep_ns(uint64_t ns)
{
	(void)ns;
}

void port_relax(void)
{
}

void port_yield(void)
{
}

/* ---- 4. locks and sleeping ---- */

void port_mutex_init(struct port_mutex *mutex)
{
	at_init_ptr(&mutex->owner, NULL);
}

void port_mutex_fini(struct port_mutex *mutex)
{
	(void)mutex;
}

void port_mutex_lock(struct port_mutex *mutex)
{
	at_store_relaxed_ptr(&mutex->owner, port_self()); /* relaxed: there is one thread */
}

void port_mutex_unlock(struct port_mutex *mutex)
{
	at_store_relaxed_ptr(&mutex->owner, NULL); /* relaxed: likewise */
}

bool port_mutex_mine(struct port_mutex *mutex)
{
	return at_load_relaxed_ptr(&mutex->owner) == port_self(); /* relaxed: likewise */
}

void port_mutex_hand_to(struct port_mutex *mutex, struct port_self *holder)
{
	at_store_relaxed_ptr(&mutex->owner, holder); /* relaxed: likewise */
}

void port_event_init(struct port_event *event)
{
	at_init_u32(&event->count, 0);
}

uint32_t port_event_ticket(struct port_event *event)
{
	return at_load_relaxed_u32(&event->count); /* relaxed: there is one thread */
}

bool port_event_signal(struct port_event *event)
{
	(void)at_fetch_add_relaxed_u32(&event->count, 1); /* relaxed: likewise */
	return false;
}

bool port_event_rouse(struct port_event *event)
{
	return port_event_signal(event);
}

void port_event_wait(struct port_event *event, uint32_t ticket, uint64_t limit_ns)
{
	(void)event;
	(void)ticket;
	(void)limit_ns;
}

/* ---- 5. threads ---- */

enum dhp_status port_thread_start(struct port_thread *thread, void (*run)(void *), void *argument, uint32_t cpu,
				  size_t stack_bytes, const char *name)
{
	(void)run;
	(void)argument;
	(void)cpu;
	(void)stack_bytes;
	(void)name;
	thread->started = false;
	return DHP_NO_THREAD;
}

void port_thread_join(struct port_thread *thread)
{
	thread->started = false;
}

/* ---- 6. what the outside can wait for ---- */

bool port_latch_open(struct port_latch *latch)
{
	(void)latch;
	return false;
}

void port_latch_close(struct port_latch *latch)
{
	(void)latch;
}

void port_latch_set(struct port_latch *latch, bool level)
{
	latch->level = level;
}

int port_latch_file(const struct port_latch *latch)
{
	(void)latch;
	return -1;
}

enum dhp_status port_alarm_open(struct port_alarm *alarm)
{
	(void)alarm;
	return DHP_NO_MEMORY;
}

void port_alarm_close(struct port_alarm *alarm)
{
	(void)alarm;
}

void port_alarm_signal(struct port_alarm *alarm)
{
	(void)alarm;
}

void port_alarm_wait(struct port_alarm *alarm, uint64_t until_ns)
{
	(void)alarm;
	(void)until_ns;
}

/* ---- 7. text ---- */

void port_write(const char *text, size_t bytes)
{
	(void)text;
	(void)bytes;
}

/* Does not return, whatever else there is to do. */
_Noreturn void dhpi_check_failed(const char *where, const char *what, const char *why)
{
	(void)where;
	(void)what;
	(void)why;
	__builtin_trap();
}
