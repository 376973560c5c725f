/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port_model.c - the models' port: as much of port.h as what they drive calls. One world at a time.
 *
 * A signal is a release and a ticket an acquire, as in an event count; a wake-up by itself orders nothing. A mutex and the end
 * of a thread order what they must. Time is a number that grows.
 */
#include "model.h"
#include "port.h"

#include <string.h>

static struct port_self selves[MODEL_THREADS];
static struct port_pin pins[MODEL_THREADS];
static int32_t pretended[MODEL_THREADS];
static uint64_t now_ns;

/* Who sleeps, on what. */
static const struct port_event *sleeps_on[MODEL_THREADS];

/* What port_thread_start has started. */
static struct {
	void (*run)(void *);
	void *argument;
	bool taken, ended;
	uint32_t start_channel, end_channel;
} started[MODEL_THREADS];
static uint32_t started_count;
static struct port_event start_event, end_event;

void model_begin(void)
{
	memset(selves, 0, sizeof(selves));
	memset(pins, 0, sizeof(pins));
	memset(sleeps_on, 0, sizeof(sleeps_on));
	memset(started, 0, sizeof(started));
	for (uint32_t i = 0; i < MODEL_THREADS; i++)
		pretended[i] = -1;
	started_count = 0;
	now_ns = 0;
	memset(&start_event, 0, sizeof(start_event));
	memset(&end_event, 0, sizeof(end_event));
}

void dhpi_check_failed(const char *where, const char *what, const char *why)
{
	(void)what;
	for (;;)
		model_assert(false, why, where, 0);
}

/* ---- the calling thread ---- */

struct port_self *port_self(void)
{
	return &selves[model_thread()];
}

struct port_pin *port_pin(void)
{
	return &pins[model_thread()];
}

void port_cpu_pretend(int32_t cpu)
{
	pretended[model_thread()] = cpu;
}

int32_t port_cpu_pretended(void)
{
	return pretended[model_thread()];
}

void port_cpu_stand_for(int32_t cpu)
{
	pretended[model_thread()] = cpu;
}

uint32_t port_cpu_ask(void)
{
	return (uint32_t)pretended[model_thread()];
}

int32_t port_thread_id(void)
{
	return (int32_t)model_thread() + 1;
}

/* ---- memory ---- */

void *port_alloc(size_t bytes)
{
	return model_alloc(bytes);
}

void port_free(void *p, size_t bytes)
{
	model_free(p, bytes);
}

void *port_block_alloc(size_t bytes)
{
	return model_alloc(bytes);
}

void port_block_free(void *p)
{
	model_free(p, 1);
}

/* Of a large range there is only the beginning. */
#define RESERVED 8192u

void *port_reserve(size_t bytes)
{
	return model_alloc(bytes < RESERVED ? bytes : RESERVED);
}

void port_unreserve(void *p, size_t bytes)
{
	model_free(p, bytes < RESERVED ? bytes : RESERVED);
}

bool port_touch(void *p, size_t bytes, uint32_t node)
{
	(void)p;
	(void)bytes;
	(void)node;
	return true;
}

size_t port_page_bytes(void)
{
	return 4096;
}

/* ---- mutexes ---- */

void port_mutex_init(struct port_mutex *mutex)
{
	mutex->lock = model_mutex();
	mutex->owner = NULL;
}

void port_mutex_fini(struct port_mutex *mutex)
{
	(void)mutex;
}

void port_mutex_lock(struct port_mutex *mutex)
{
	model_mutex_lock(mutex->lock);
	mutex->owner = port_self();
}

void port_mutex_unlock(struct port_mutex *mutex)
{
	mutex->owner = NULL;
	model_mutex_unlock(mutex->lock);
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

static uint32_t channel_of(struct port_event *event)
{
	if (event->channel == 0)
		event->channel = model_channel() + 1;
	return event->channel - 1;
}

void port_event_init(struct port_event *event)
{
	event->count = 0;
}

uint32_t port_event_ticket(struct port_event *event)
{
	model_hear(channel_of(event));
	return event->count;
}

bool port_event_signal(struct port_event *event)
{
	bool woke = false;

	model_tell(channel_of(event));
	event->count++;
	for (uint32_t thread = 0; thread < MODEL_THREADS; thread++)
		if (sleeps_on[thread] == event) {
			sleeps_on[thread] = NULL;
			model_wake(thread);
			woke = true;
		}
	return woke;
}

/* A signal is one step here. */
bool port_event_rouse(struct port_event *event)
{
	return port_event_signal(event);
}

void port_event_wait(struct port_event *event, uint32_t ticket, uint64_t limit_ns)
{
	uint32_t thread = model_thread();

	model_yield();
	if (event->count != ticket)
		return;
	sleeps_on[thread] = event;
	model_sleep(limit_ns != 0);
	sleeps_on[thread] = NULL;
}

enum dhp_status port_alarm_open(struct port_alarm *alarm)
{
	memset(alarm, 0, sizeof(*alarm));
	return DHP_OK;
}

void port_alarm_close(struct port_alarm *alarm)
{
	(void)alarm;
}

void port_alarm_signal(struct port_alarm *alarm)
{
	alarm->signalled = true;
	(void)port_event_signal(&alarm->event);
}

void port_alarm_wait(struct port_alarm *alarm, uint64_t until_ns)
{
	if (!alarm->signalled)
		port_event_wait(&alarm->event, alarm->event.count, until_ns == UINT64_MAX ? 0 : 1);
	alarm->signalled = false;
	(void)port_event_ticket(&alarm->event); /* what was signalled is heard */
}

/* ---- threads ---- */

enum dhp_status port_thread_start(struct port_thread *thread, void (*run)(void *), void *argument, uint32_t cpu,
				  size_t stack_bytes, const char *name)
{
	(void)cpu;
	(void)stack_bytes;
	(void)name;
	thread->number = started_count;
	thread->started = true;
	started[started_count].run = run;
	started[started_count].argument = argument;
	started[started_count].start_channel = model_channel();
	started[started_count].end_channel = model_channel();
	model_tell(started[started_count++].start_channel);
	(void)port_event_signal(&start_event);
	return DHP_OK;
}

void model_run_started(void)
{
	uint32_t number = 0;

	for (;;) {
		uint32_t ticket = port_event_ticket(&start_event);

		for (number = 0; number < started_count && started[number].taken; number++)
			;
		if (number < started_count)
			break;
		port_event_wait(&start_event, ticket, 0);
	}
	started[number].taken = true;
	model_hear(started[number].start_channel);
	started[number].run(started[number].argument);
	model_tell(started[number].end_channel);
	started[number].ended = true;
	(void)port_event_signal(&end_event);
}

void port_thread_join(struct port_thread *thread)
{
	if (!thread->started)
		return;
	while (!started[thread->number].ended)
		port_event_wait(&end_event, port_event_ticket(&end_event), 0);
	model_hear(started[thread->number].end_channel);
	thread->started = false;
}

/* ---- time ---- */

uint64_t port_now_ns(void)
{
	return now_ns += 1000;
}

uint64_t port_wall_ns(void)
{
	return port_now_ns();
}

void port_sleep_ns(uint64_t ns)
{
	(void)ns;
	model_yield();
}

void port_relax(void)
{
	model_yield();
}

void port_yield(void)
{
	model_yield();
}

void port_write(const char *text, size_t bytes)
{
	(void)text;
	(void)bytes;
}
