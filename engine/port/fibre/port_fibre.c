/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port_fibre.c - the port on fibres: every call that others can see is a step, and time is counted. See fibre.c.
 *
 * Not for production: it is where the worlds of tests/worlds run.
 */
#include <string.h>
#include <unistd.h>

#include "fibre.h"
#include "port.h"

#define CPUS 4096u /* that a thread can be pinned to, or so it is told */
#define HERE __builtin_return_address(0)

static void access_u32(enum fibre_kind kind, const char *name, const uint32_t *at, const void *where)
{
	fibre_point(&(struct fibre_op){ .kind = kind, .name = name, .where = where, .at = (uintptr_t)at, .bytes = sizeof(*at) });
}

static void change_u32(enum fibre_kind kind, const char *name, uint32_t *at, uint32_t value, const void *where)
{
	access_u32(kind, name, at, where);
	*at = value;
	fibre_changed((uintptr_t)at, sizeof(*at));
}

/* ---- the calling thread ---- */

struct port_self *port_self(void)
{
	return fibre_port_self();
}

struct port_pin *port_pin(void)
{
	return fibre_port_pin();
}

struct port_cpu_word port_cpu_word(bool simulated)
{
	(void)simulated;
	return (struct port_cpu_word){ .distance = fibre_cpu_distance(0), .worker_distance = fibre_cpu_distance(0),
				       .none = fibre_cpu_distance(2) };
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

static void set_cpu(uint32_t word, int32_t cpu)
{
	*fibre_cpu(word) = cpu;
	*(int32_t *)(void *)((char *)__builtin_thread_pointer() + fibre_cpu_distance(word)) = cpu;
}

void port_cpu_stand_for(int32_t cpu)
{
	set_cpu(1, cpu);
}

void port_cpu_pretend(int32_t cpu)
{
	set_cpu(0, cpu);
}

int32_t port_cpu_pretended(void)
{
	return *fibre_cpu(0);
}

bool port_affinity_read(struct port_affinity *out_affinity)
{
	*out_affinity = (struct port_affinity){ { 1 } };
	return true;
}

bool port_affinity_write(const struct port_affinity *affinity)
{
	(void)affinity;
	return true;
}

int32_t port_thread_id(void)
{
	return (int32_t)fibre_self() + 1;
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
	*life = (struct port_life){ .fibre = fibre_self() };
	return true;
}

void port_life_end(struct port_life *life)
{
	life->over = true;
}

bool port_life_goes_on(struct port_life *life)
{
	return !life->over && !fibre_ended(life->fibre);
}

void port_life_bury(struct port_life *life)
{
	life->over = true;
}

/* ---- threads ---- */

enum dhp_status port_thread_start(struct port_thread *thread, void (*run)(void *), void *argument, uint32_t cpu,
				  size_t stack_bytes, const char *name)
{
	(void)stack_bytes;
	thread->started = cpu == PORT_ANY_CPU || cpu < CPUS;
	if (!thread->started)
		return DHP_NO_AFFINITY;
	thread->fibre = fibre_start(run, argument, name);
	at_init_u32(&thread->id, thread->fibre + 1);
	return DHP_OK;
}

void port_thread_join(struct port_thread *thread)
{
	if (thread->started)
		fibre_join(thread->fibre);
	at_init_u32(&thread->id, 0);
	thread->started = false;
}

/* ---- locks ---- */

void port_mutex_init(struct port_mutex *mutex)
{
	*mutex = (struct port_mutex){ .locked = 0 };
}

void port_mutex_fini(struct port_mutex *mutex)
{
	FIBRE_DEMAND(mutex->locked == 0);
}

void port_mutex_lock(struct port_mutex *mutex)
{
	DHPI_CHECK(1, !port_mutex_mine(mutex), "a thread takes a lock once");
	change_u32(FIBRE_LOCK, "lock", &mutex->locked, 1, HERE);
	mutex->owner = port_self();
}

void port_mutex_unlock(struct port_mutex *mutex)
{
	FIBRE_DEMAND(port_mutex_mine(mutex));
	mutex->owner = NULL;
	change_u32(FIBRE_UNLOCK, "unlock", &mutex->locked, 0, HERE);
}

bool port_mutex_mine(struct port_mutex *mutex)
{
	return mutex->owner == port_self();
}

void port_mutex_hand_to(struct port_mutex *mutex, struct port_self *holder)
{
	mutex->owner = holder;
}

/* ---- events ---- */

static uint64_t until(uint64_t limit_ns)
{
	return limit_ns == 0 ? 0 : fibre_now_ns() + limit_ns;
}

static void wait_for(const char *name, const uint32_t *at, uint32_t ticket, uint64_t until_ns, const void *where)
{
	fibre_point(&(struct fibre_op){ .kind = FIBRE_WAIT, .name = name, .where = where, .at = (uintptr_t)at,
					.bytes = sizeof(*at), .ticket = ticket, .until_ns = until_ns });
}

void port_event_init(struct port_event *event)
{
	event->count = 0;
}

uint32_t port_event_ticket(struct port_event *event)
{
	access_u32(FIBRE_LOAD, "ticket", &event->count, HERE);
	return event->count;
}

bool port_event_signal(struct port_event *event)
{
	access_u32(FIBRE_STORE, "signal", &event->count, HERE);
	event->count++;
	fibre_goes_on();
	fibre_changed((uintptr_t)&event->count, sizeof(event->count));
	return true;
}

/* A signal is one step: nobody is stopped in the middle of it. */
bool port_event_rouse(struct port_event *event)
{
	return port_event_signal(event);
}

void port_event_wait(struct port_event *event, uint32_t ticket, uint64_t limit_ns)
{
	wait_for("wait", &event->count, ticket, until(limit_ns), HERE);
}

/* ---- latch ---- */

bool port_latch_open(struct port_latch *latch)
{
	latch->level = 0;
	return true;
}

void port_latch_close(struct port_latch *latch)
{
	(void)latch;
}

void port_latch_set(struct port_latch *latch, bool level)
{
	change_u32(FIBRE_STORE, "set latch", &latch->level, level, HERE);
}

int port_latch_file(const struct port_latch *latch)
{
	(void)latch;
	return -1;
}

/* ---- alarm ---- */

enum dhp_status port_alarm_open(struct port_alarm *alarm)
{
	*alarm = (struct port_alarm){ .open = true };
	return DHP_OK;
}

void port_alarm_close(struct port_alarm *alarm)
{
	alarm->open = false;
}

void port_alarm_signal(struct port_alarm *alarm)
{
	access_u32(FIBRE_STORE, "signal alarm", &alarm->count, HERE);
	alarm->count++;
	fibre_goes_on();
	fibre_changed((uintptr_t)&alarm->count, sizeof(alarm->count));
}

/* A time that is over is as good as any: it returns when it is chosen. */
void port_alarm_wait(struct port_alarm *alarm, uint64_t until_ns)
{
	uint64_t now_ns = fibre_now_ns();

	if (until_ns <= now_ns)
		return;
	wait_for("wait for alarm", &alarm->count, alarm->seen, until_ns == UINT64_MAX ? 0 : until_ns, HERE);
	alarm->seen = alarm->count;
}

/* ---- time ---- */

static void pause_until(const char *name, uint64_t until_ns, const void *where)
{
	fibre_point(&(struct fibre_op){ .kind = FIBRE_PAUSE, .name = name, .where = where, .until_ns = until_ns });
}

uint64_t port_now_ns(void)
{
	return fibre_now_ns();
}

#define WALL_AT_START_NS ((uint64_t)1700000000 * 1000000000)

uint64_t port_wall_ns(void)
{
	return WALL_AT_START_NS + fibre_now_ns();
}

void port_sleep_ns(uint64_t ns)
{
	uint64_t until_ns = fibre_now_ns() + ns;

	pause_until("sleep", until_ns, HERE);
	fibre_time_is(until_ns);
}

void port_relax(void)
{
	pause_until("relax", fibre_now_ns() + 1, HERE);
}

void port_yield(void)
{
	pause_until("yield", fibre_now_ns() + 1, HERE);
}

/* ---- text and the end ---- */

void port_write(const char *text, size_t bytes)
{
	if (write(STDERR_FILENO, text, bytes) < 0)
		return;
}

_Noreturn void dhpi_check_failed(const char *where, const char *what, const char *why)
{
	(void)where;
	(void)what;
	fibre_fail(why);
}
