/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rebalance_log.h - devices whose drivers write down every request they get, and do what a test tells them.
 */
#ifndef TESTS_REBALANCE_LOG_H
#define TESTS_REBALANCE_LOG_H

#include "support.h"

#include <dhp/rebalance.h>

#define STACK 3u
#define SENT_LENGTH 512u

/* One request to one driver. */
struct sent {
	uint32_t device, driver;
	enum dhp_device_request request;
	enum dhp_device_state state;
	uint32_t active_count;
	uint64_t generation;
	enum dhp_level level;
	pthread_t thread;
};

/* Plain memory: one thread sends, and a drain orders it before the test looks. */
static struct sent sent[SENT_LENGTH];
static uint32_t sent_count;

struct probe_driver {
	struct probe *probe;
	uint32_t place;
	enum dhp_status answers[6]; /* by place_of */
	bool nothing_to_move;       /* the answer to the question for requirements */
	uint64_t asked;             /* for requirements */
	enum dhp_device_state asked_in;
};

struct probe {
	uint32_t who;
	struct dhp_engine *engine;
	struct dhp_device *device;
	struct dhp_driver drivers[STACK];
	struct probe_driver mine[STACK];
	struct dhp_device_options options;
	void (*also)(struct probe *probe, uint32_t driver, const struct dhp_device_call *call);
	enum dhp_status results[12];
	uint64_t seen, go_on;
};

static inline uint32_t place_of(enum dhp_device_request request)
{
	switch (request) {
	case DHP_REQUEST_START:
		return 0;
	case DHP_REQUEST_STOP:
		return 1;
	case DHP_REQUEST_QUERY_STOP:
		return 2;
	case DHP_REQUEST_CANCEL_STOP:
		return 3;
	case DHP_REQUEST_SURPRISE_REMOVAL:
		return 4;
	}
	return 5;
}

static inline enum dhp_status log_request(void *context, const struct dhp_device_call *call)
{
	struct probe_driver *mine = context;
	struct probe *probe = mine->probe;

	sent[sent_count++ % SENT_LENGTH] = (struct sent){
		.device = probe->who,
		.driver = mine->place,
		.request = call->request,
		.state = call->state,
		.active_count = call->active_count,
		.generation = call->generation,
		.level = dhp_level(),
		.thread = pthread_self(),
	};
	if (probe->also != NULL)
		probe->also(probe, mine->place, call);
	return mine->answers[place_of(call->request)];
}

static inline void log_requirements(void *context, struct dhp_device *device, struct dhp_requirements *requirements)
{
	struct probe_driver *mine = context;

	mine->asked++;
	(void)dhp_device_state_read(device, &mine->asked_in);
	if (mine->nothing_to_move)
		requirements->nothing_to_move = true;
}

/* Not registered yet: options may be changed. */
static inline void probe_init(struct probe *probe, uint32_t who, struct dhp_engine *engine, uint32_t driver_count)
{
	memset(probe, 0, sizeof(*probe));
	probe->who = who;
	probe->engine = engine;
	for (uint32_t at = 0; at < driver_count; at++) {
		probe->mine[at] = (struct probe_driver){ .probe = probe, .place = at };
		probe->drivers[at] = (struct dhp_driver){
			.query_stop = log_request,
			.stop = log_request,
			.start = log_request,
			.cancel_stop = log_request,
			.surprise_removal = log_request,
			.requirements = log_requirements,
			.context = &probe->mine[at],
		};
	}
	probe->options = (struct dhp_device_options){
		.size = sizeof(probe->options), .drivers = probe->drivers, .driver_count = driver_count };
}

static inline void probe_join(struct probe *probe)
{
	assert_ok(dhp_device_register(probe->engine, &probe->options, &probe->device));
}

static inline void probe_leave(struct probe *probe)
{
	assert_ok(dhp_device_unregister(probe->device));
}

static inline enum dhp_device_state state_of(struct probe *probe)
{
	enum dhp_device_state state = DHP_DEVICE_REMOVED;

	assert_ok(dhp_device_state_read(probe->device, &state));
	return state;
}

static inline void rebalance(struct dhp_engine *engine)
{
	assert_ok(dhp_rebalance_request(engine));
	assert_ok(dhp_rebalance_drain(engine));
}

static inline struct dhp_rebalance_stats rebalance_stats(struct dhp_engine *engine)
{
	struct dhp_rebalance_stats stats;

	assert_ok(dhp_rebalance_stats_read(engine, &stats));
	return stats;
}

/* One line of a story: device, driver, request. */
struct line {
	uint32_t device, driver;
	enum dhp_device_request request;
};

static inline void assert_story(const struct line *lines, uint32_t count)
{
	for (uint32_t i = 0; i < count && i < sent_count; i++) {
		assert_int_equal(sent[i].device, lines[i].device);
		assert_int_equal(sent[i].driver, lines[i].driver);
		assert_int_equal(sent[i].request, lines[i].request);
	}
	assert_int_equal(sent_count, count);
	sent_count = 0;
}

#define QUERY DHP_REQUEST_QUERY_STOP
#define STOP DHP_REQUEST_STOP
#define START DHP_REQUEST_START
#define CANCEL DHP_REQUEST_CANCEL_STOP
#define REMOVAL DHP_REQUEST_SURPRISE_REMOVAL

#define assert_sent(...) \
	assert_story((const struct line[]){ __VA_ARGS__ }, sizeof((const struct line[]){ __VA_ARGS__ }) / sizeof(struct line))

#endif
