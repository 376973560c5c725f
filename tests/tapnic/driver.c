/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of examples/tapnic on hardware of our own: its queues are sockets of which we hold the other ends, what it does to
 * hardware is written down in order, and hardware fails when told to. So nothing here needs an interface, or root.
 */
#include "support.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frames.h"
#include "tapnic.h"

#define FILES_LIMIT 1024
#define EVENTS_LIMIT 1024u
#define FRAME_BYTES 60u

/* ---- what happened ---- */

enum happening { OPENED, MOVED, WAITED, SENT };

struct event {
	enum happening kind;
	uint32_t what, count; /* OPENED: port. MOVED: queue, of how many. SENT: a frame's number, port */
};

static struct {
	pthread_mutex_t lock;
	struct event events[EVENTS_LIMIT];
	uint64_t count;
	char said[4096];
	uint32_t port_of[FILES_LIMIT];  /* by the driver's end */
	int far_end_of[FILES_LIMIT];    /* likewise; 0: none */
	uint32_t opens_until_failure;   /* 0: none fails */
	enum dhp_status failure;
	uint64_t is_jammed;             /* what is sent waits */
	uint64_t starved;               /* 1: there is no memory for buffers, 2: for queues, 3: for interrupts */
	struct nic *sends_when_waiting; /* to its newest queue */
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void note(enum happening kind, uint32_t what, uint32_t count)
{
	(void)pthread_mutex_lock(&seen.lock);
	if (seen.count < EVENTS_LIMIT)
		seen.events[seen.count++] = (struct event){ kind, what, count };
	(void)pthread_mutex_unlock(&seen.lock);
}

static uint32_t events_of(enum happening kind, struct event *events)
{
	uint32_t count = 0;

	(void)pthread_mutex_lock(&seen.lock);
	for (uint64_t i = 0; i < seen.count; i++)
		if (seen.events[i].kind == kind)
			events[count++] = seen.events[i];
	(void)pthread_mutex_unlock(&seen.lock);
	return count;
}

void say(const char *format, ...)
{
	va_list arguments;
	size_t length;

	(void)pthread_mutex_lock(&seen.lock);
	length = strlen(seen.said);
	va_start(arguments, format);
	(void)vsnprintf(seen.said + length, sizeof(seen.said) - length, format, arguments);
	va_end(arguments);
	(void)pthread_mutex_unlock(&seen.lock);
}

static bool was_said(void *text)
{
	bool found;

	(void)pthread_mutex_lock(&seen.lock);
	found = strstr(seen.said, text) != NULL;
	(void)pthread_mutex_unlock(&seen.lock);
	return found;
}

static void forget(void)
{
	(void)pthread_mutex_lock(&seen.lock);
	seen.count = 0;
	seen.said[0] = '\0';
	(void)pthread_mutex_unlock(&seen.lock);
}

/* ---- hardware ---- */

enum dhp_status device_open(const struct port *port, int *out_descriptor)
{
	uint32_t number = port->name[3] == '1';
	int ends[2];

	if (seen.opens_until_failure != 0 && --seen.opens_until_failure == 0)
		return seen.failure;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0 || ends[0] >= FILES_LIMIT)
		return DHP_NO_DESCRIPTOR;
	(void)pthread_mutex_lock(&seen.lock);
	seen.port_of[ends[0]] = number;
	if (seen.far_end_of[ends[0]] != 0)
		(void)close(seen.far_end_of[ends[0]]);
	seen.far_end_of[ends[0]] = ends[1];
	(void)pthread_mutex_unlock(&seen.lock);
	note(OPENED, number, 0);
	*out_descriptor = ends[0];
	return DHP_OK;
}

enum read_result device_read(int descriptor, uint8_t *frame, size_t *out_bytes)
{
	ssize_t bytes = recv(descriptor, frame, BUFFER_BYTES, MSG_DONTWAIT);

	*out_bytes = bytes > 0 ? (size_t)bytes : 0;
	return bytes > 0 ? READ_FRAME : bytes < 0 && errno == EAGAIN ? READ_EMPTY : READ_GONE;
}

bool device_write(int descriptor, const uint8_t *frame, size_t bytes)
{
	note(SENT, frame[FRAME_HEADER_BYTES], seen.port_of[descriptor]);
	while (peek(&seen.is_jammed) != 0)
		sleep_us(100);
	return bytes == FRAME_BYTES;
}

void steering_create(struct steering *steering)
{
	*steering = (struct steering){ .map = -1, .program = -1 };
}

void steering_destroy(struct steering *steering)
{
	(void)steering;
}

bool steering_attach(const struct steering *steering, int descriptor)
{
	(void)steering;
	return descriptor >= 0;
}

void steering_move(struct steering *steering, uint32_t queue, uint32_t queue_count)
{
	(void)steering;
	note(MOVED, queue, queue_count);
}

static int far_end(const struct nic *nic, uint32_t queue, uint32_t port)
{
	int end;

	(void)pthread_mutex_lock(&seen.lock);
	end = seen.far_end_of[nic->queues[queue]->lines[port].descriptor];
	(void)pthread_mutex_unlock(&seen.lock);
	return end;
}

/* From somebody at that port to somebody who is not known: it is sent to the other port. */
static bool send_frame(const struct nic *nic, uint32_t queue, uint32_t port, uint8_t number)
{
	uint8_t frame[FRAME_BYTES] = { 2, 0, 0, 0, 9, 9, 2, 0, 0, 0, 1, (uint8_t)port, 8, 0, number };

	return send(far_end(nic, queue, port), frame, sizeof(frame), MSG_DONTWAIT) == (ssize_t)sizeof(frame);
}

void steering_wait(void)
{
	for (uint8_t i = 0; i < 10 && seen.sends_when_waiting != NULL; i++)
		(void)send_frame(seen.sends_when_waiting, seen.sends_when_waiting->opened - 1, 0, 100 + i);
	if (seen.sends_when_waiting != NULL)
		sleep_us(20000); /* who hears of them too early has time for it */
	note(WAITED, 0, 0);
}

/* ---- memory that can be short ---- */

void *__real_dhp_lookaside_allocate_slow(struct dhp_lookaside *list);
void *__wrap_dhp_lookaside_allocate_slow(struct dhp_lookaside *list);
void *__real_calloc(size_t count, size_t bytes);
int __real_epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event);
void *__wrap_calloc(size_t count, size_t bytes);

void *__wrap_dhp_lookaside_allocate_slow(struct dhp_lookaside *list)
{
	return peek(&seen.starved) == 1 ? NULL : __real_dhp_lookaside_allocate_slow(list);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return peek(&seen.starved) == 2 && bytes == sizeof(struct queue) ? NULL : __real_calloc(count, bytes);
}

int __wrap_epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event)
{
	return peek(&seen.starved) == 3 ? -1 : __real_epoll_ctl(epoll, operation, descriptor, event);
}

/* ---- a driver ---- */

struct stand {
	struct dhp_engine *engine;
	struct nic nic;
};

static enum dhp_status try_to_start(struct stand *stand, uint32_t processors, uint32_t queue_limit)
{
	forget();
	*stand = (struct stand){ .engine = make_sim_of(8, processors),
		.nic = { .address = { { 2, 0, 0, 0, 0, 1 }, { 10, 0, 0, 1 } }, .ports = { { .name = "nic0" }, { .name = "nic1" } },
			 .port_count = 2, .queue_limit = queue_limit } };
	return nic_start(&stand->nic, stand->engine);
}

/* Rings have become long, as there is plenty of memory: from here on queues run because of frames. */
static void set_up(struct stand *stand, uint32_t processors)
{
	assert_ok(try_to_start(stand, processors, QUEUES_LIMIT));
	assert_int_equal(stand->nic.used, processors);
	assert_true(wait_until(was_said, (char[]){ "256 buffers" }));
	assert_ok(dhp_dpc_flush(stand->engine)); /* it is said at the beginning of a run, which would take a frame too */
}

static void take_down(struct stand *stand)
{
	nic_stop(&stand->nic);
	end_engine(stand->engine);
}

/* Until everything that an arrival leads to has happened. */
static void settle(struct stand *stand)
{
	assert_ok(dhp_arrival_drain(stand->engine));
	assert_ok(dhp_rebalance_drain(stand->engine));
}

static void add(struct stand *stand)
{
	assert_ok(add_position(stand->engine, active_count(stand->engine)));
	settle(stand);
}

static uint64_t expected_sent;

static bool all_sent(void *context)
{
	struct event events[EVENTS_LIMIT];

	(void)context;
	return events_of(SENT, events) >= expected_sent;
}

static void wait_for_sent(uint32_t count)
{
	expected_sent = count;
	assert_true(wait_until(all_sent, NULL));
}

/* How many the driver has not closed: at one that is there is nothing to read yet, at others an end, or a reset. */
static uint32_t open_ends(void)
{
	uint32_t count = 0;
	char byte;

	for (int i = 0; i < FILES_LIMIT; i++)
		count += seen.far_end_of[i] != 0 && recv(seen.far_end_of[i], &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 &&
			 errno == EAGAIN;
	return count;
}

/* ---- processors come ---- */

static void a_newcomer_has_its_queue_first_then_flows_then_frames(void **state)
{
	static const enum happening expected[] = { OPENED, OPENED, MOVED, WAITED };
	struct stand stand;

	(void)state;
	set_up(&stand, 1);
	forget();
	add(&stand);
	assert_int_equal(seen.count, LENGTH(expected));
	for (uint32_t i = 0; i < LENGTH(expected); i++)
		assert_int_equal(seen.events[i].kind, expected[i]);
	assert_int_equal(seen.events[2].what, 1);
	assert_int_equal(seen.events[2].count, 2);
	assert_int_equal(stand.nic.used, 2);
	assert_true(was_said((char[]){ "queues in use: 2" }));
	take_down(&stand);
	assert_int_equal(open_ends(), 0);
}

static void who_is_here_already_has_a_queue_when_the_driver_starts(void **state)
{
	struct stand stand;

	(void)state;
	set_up(&stand, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(stand.nic.queues[i]->processor, i);
	take_down(&stand);
}

static void every_queue_is_handled_by_its_processor_at_both_ports(void **state)
{
	struct stand stand;
	struct event sent[EVENTS_LIMIT];

	(void)state;
	set_up(&stand, 2);
	add(&stand);
	for (uint32_t round = 0; round < 6; round++) {
		uint32_t i = round % 3;

		forget();
		for (uint32_t port = 0; port < 2; port++)
			assert_true(send_frame(&stand.nic, i, port, 1));
		wait_for_sent(2);
		assert_int_equal(events_of(SENT, sent), 2);
		assert_int_equal(sent[0].count + sent[1].count, 1); /* each to the other port */
		assert_ok(dhp_dpc_flush(stand.engine));
		assert_int_equal(stand.nic.queues[i]->handled_at, i);
	}
	take_down(&stand);
}

static void the_queue_of_a_processor_that_is_away_is_handled_by_another(void **state)
{
	struct stand stand;

	(void)state;
	set_up(&stand, 2);
	assert_ok(dhp_sim_set_usable(stand.engine, dhp_sim_cpu(stand.engine, 1), false));
	assert_true(send_frame(&stand.nic, 1, 0, 1));
	wait_for_sent(1);
	assert_ok(dhp_dpc_flush(stand.engine));
	assert_int_equal(stand.nic.queues[1]->handled_at, 0);
	take_down(&stand);
}

/* Frames wait in the old queue and in the new one: those of the old one are handled first, and before the stop is over. */
static void frames_of_older_queues_come_first(void **state)
{
	struct stand stand;
	struct event sent[EVENTS_LIMIT];

	(void)state;
	set_up(&stand, 1);
	assert_ok(dhp_pause_all(stand.engine, 0));
	for (uint8_t i = 0; i < 100; i++)
		assert_true(send_frame(&stand.nic, 0, 0, i));
	seen.sends_when_waiting = &stand.nic;
	add(&stand);
	seen.sends_when_waiting = NULL;
	assert_int_equal(events_of(SENT, sent), 110);
	for (uint32_t i = 0; i < 110; i++)
		assert_int_equal(sent[i].what, i);
	assert_ok(dhp_resume_all(stand.engine));
	assert_true(send_frame(&stand.nic, 1, 0, 200));
	wait_for_sent(111);
	take_down(&stand);
}

static void a_new_queue_is_not_heard_before_the_start(void **state)
{
	struct stand stand;

	(void)state;
	set_up(&stand, 1);
	forget();
	seen.sends_when_waiting = &stand.nic;
	add(&stand);
	seen.sends_when_waiting = NULL;
	assert_int_equal(seen.count, 2 + 1 + 1 + 10);
	assert_int_equal(seen.events[3].kind, WAITED); /* opened at both ports, moved, waited; then all frames */
	take_down(&stand);
}

static bool is_waiting(void *hold)
{
	struct dhp_hold_stats stats = { 0 };

	return dhp_hold_stats_read(hold, &stats) == DHP_OK && stats.waiting_count > 0;
}

static void frames_wait_while_the_device_is_asked_to_stop(void **state)
{
	struct stand stand;
	struct event sent[EVENTS_LIMIT];

	(void)state;
	set_up(&stand, 1);
	assert_ok(dhp_device_send(stand.nic.device, DHP_REQUEST_QUERY_STOP));
	assert_true(send_frame(&stand.nic, 0, 0, 1));
	assert_true(wait_until(is_waiting, stand.nic.hold));
	assert_int_equal(events_of(SENT, sent), 0);
	assert_ok(dhp_device_send(stand.nic.device, DHP_REQUEST_CANCEL_STOP));
	wait_for_sent(1);
	take_down(&stand);
}

static void one_stop_is_enough_for_an_arrival(void **state)
{
	struct stand stand;
	struct dhp_hold_stats before, after;

	(void)state;
	set_up(&stand, 1);
	assert_ok(dhp_hold_stats_read(stand.nic.hold, &before));
	add(&stand);
	assert_ok(dhp_hold_stats_read(stand.nic.hold, &after));
	assert_int_equal(after.holds_count, before.holds_count + 1);
	take_down(&stand);
}

static void after_a_stop_that_was_cancelled_it_asks_for_another(void **state)
{
	struct stand stand;
	struct dhp_rebalance_stats before, after;

	(void)state;
	set_up(&stand, 1);
	assert_ok(dhp_rebalance_stats_read(stand.engine, &before));
	assert_ok(dhp_device_send(stand.nic.device, DHP_REQUEST_QUERY_STOP));
	assert_ok(dhp_device_send(stand.nic.device, DHP_REQUEST_CANCEL_STOP));
	settle(&stand);
	assert_ok(dhp_rebalance_stats_read(stand.engine, &after));
	assert_int_equal(after.requested_count, before.requested_count + 1);
	take_down(&stand);
}

/* ---- frames ---- */

static void what_is_asked_is_answered_where_it_came_from(void **state)
{
	struct stand stand;
	struct event sent[EVENTS_LIMIT];
	struct frame frames[3];

	(void)state;
	set_up(&stand, 1);
	frame_arp(&frames[0]);
	frame_ping(&frames[1], 32);
	(void)frame_udp(&frames[2], 0, 32);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(send(far_end(&stand.nic, 0, 1), frames[i].bytes, frames[i].length, 0) > 0);
	wait_for_sent(3);
	assert_int_equal(events_of(SENT, sent), 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(sent[i].count, 1);
	assert_int_equal(dhp_counter_sum(stand.nic.counters[FRAME_ANSWERED]), 3);
	take_down(&stand);
}

/* From one station to another, either of them at either port. */
static void send_between(const struct nic *nic, uint32_t port, uint8_t from, uint8_t to)
{
	uint8_t frame[FRAME_BYTES] = { 2, 0, 0, 0, 5, to, 2, 0, 0, 0, 5, from, 8, 0, from };

	assert_true(send(far_end(nic, 0, port), frame, sizeof(frame), 0) > 0);
}

static bool is_one(void *counter)
{
	return dhp_counter_sum(counter) == 1;
}

static void a_frame_goes_where_its_station_was_heard_last(void **state)
{
	struct stand stand;
	struct event sent[EVENTS_LIMIT];

	(void)state;
	set_up(&stand, 1);
	send_between(&stand.nic, 0, 1, 2); /* nobody knows 2: to the other port */
	wait_for_sent(1);
	send_between(&stand.nic, 0, 2, 1); /* 1 is where 2 is */
	assert_true(wait_until(is_one, stand.nic.counters[COUNT_FILTERED]));
	send_between(&stand.nic, 1, 1, 2); /* 1 has moved */
	wait_for_sent(2);
	send_between(&stand.nic, 0, 2, 1);
	wait_for_sent(3);
	assert_int_equal(events_of(SENT, sent), 3);
	assert_int_equal(sent[1].count, 0);
	assert_int_equal(sent[2].count, 1);
	assert_int_equal(dhp_counter_sum(stand.nic.counters[COUNT_SWITCHED]), 3);
	assert_int_equal(dhp_counter_sum(stand.nic.counters[COUNT_FILTERED]), 1);
	take_down(&stand);
}

static void what_does_not_fit_into_one_run_is_handled_in_the_next(void **state)
{
	struct stand stand;
	struct dhp_memory_info info;

	(void)state;
	set_up(&stand, 1);
	assert_ok(dhp_memory_read(stand.engine, &info));
	assert_ok(dhp_sim_memory_set(stand.engine, info.total_bytes, 0)); /* small rings */
	assert_true(wait_until(was_said, (char[]){ "16 buffers" }));
	assert_ok(dhp_pause_all(stand.engine, 0));
	for (uint8_t i = 0; i < 100; i++)
		assert_true(send_frame(&stand.nic, 0, 0, i));
	assert_ok(dhp_resume_all(stand.engine));
	wait_for_sent(100);
	take_down(&stand);
}

/* ---- processors do not come ---- */

/* At either port: what was opened before is closed, and the next attempt succeeds. */
static void without_a_queue_of_the_device_nobody_comes(void **state)
{
	static const enum dhp_status failures[] = { DHP_TOO_MANY, DHP_NO_DESCRIPTOR };

	(void)state;
	for (uint32_t port = 0; port < 2; port++) {
		struct stand stand;

		set_up(&stand, 1);
		seen.failure = failures[port];
		seen.opens_until_failure = port + 1;
		assert_status(add_position(stand.engine, 1), failures[port]);
		assert_int_equal(active_count(stand.engine), 1);
		assert_int_equal(open_ends(), 2);
		assert_true(was_said((char[]){ "no queue for processor 1: " }));
		add(&stand);
		assert_int_equal(stand.nic.used, 2);
		take_down(&stand);
	}
}

static void without_buffers_queue_or_interrupts_nobody_comes(void **state)
{
	static const enum dhp_status reasons[] = { DHP_OK, DHP_NO_MEMORY, DHP_NO_MEMORY, DHP_NO_DESCRIPTOR };
	struct stand stand;

	(void)state;
	set_up(&stand, 1);
	for (uint32_t what = 1; what <= 3; what++) {
		assert_ok(dhp_lookaside_flush(stand.nic.buffers));
		poke(&seen.starved, what);
		assert_status(add_position(stand.engine, 1), reasons[what]);
		poke(&seen.starved, 0);
		assert_int_equal(open_ends(), 2);
	}
	add(&stand);
	assert_int_equal(stand.nic.used, 2);
	take_down(&stand);
}

static void beyond_the_limit_nobody_comes(void **state)
{
	struct stand stand;

	(void)state;
	assert_ok(try_to_start(&stand, 1, 2));
	add(&stand);
	assert_status(add_position(stand.engine, 2), DHP_TOO_MANY);
	assert_true(was_said((char[]){ "no queue for processor 2: the limit is 2" }));
	assert_int_equal(stand.nic.used, 2);
	assert_true(send_frame(&stand.nic, 1, 0, 1)); /* and the driver goes on with those it has */
	wait_for_sent(1);
	take_down(&stand);
}

static void who_fails_to_come_up_leaves_no_queue(void **state)
{
	struct stand stand;

	(void)state;
	set_up(&stand, 1);
	assert_ok(dhp_sim_fail(stand.engine, dhp_sim_cpu(stand.engine, 1), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(stand.engine, 1), DHP_INJECTED);
	assert_int_equal(stand.nic.opened, 1);
	assert_int_equal(open_ends(), 2);
	add(&stand);
	assert_int_equal(stand.nic.queues[1]->processor, 1);
	take_down(&stand);
}

static void who_was_here_before_can_do_without_a_queue(void **state)
{
	struct stand stand;

	(void)state;
	assert_ok(try_to_start(&stand, 3, 2));
	assert_int_equal(stand.nic.used, 2);
	assert_true(was_said((char[]){ "going on with 2" }));
	take_down(&stand);
}

static void without_any_queue_the_driver_does_not_start(void **state)
{
	struct stand stand;

	(void)state;
	seen.failure = DHP_NO_DESCRIPTOR;
	seen.opens_until_failure = 1;
	assert_status(try_to_start(&stand, 1, QUEUES_LIMIT), DHP_NO_DESCRIPTOR);
	assert_int_equal(open_ends(), 0);
	end_engine(stand.engine); /* nothing depends on it */
}

static void an_interface_that_goes_takes_nothing_with_it(void **state)
{
	struct stand stand;

	(void)state;
	set_up(&stand, 1);
	(void)shutdown(far_end(&stand.nic, 0, 0), SHUT_RDWR);
	assert_true(wait_until(was_said, (char[]){ "port nic0: the interface is gone" }));
	forget();
	for (uint32_t i = 1; i <= 10; i++) { /* the other one is heard */
		assert_true(send_frame(&stand.nic, 0, 1, 1));
		wait_for_sent(i);
	}
	assert_false(was_said((char[]){ "gone" })); /* again */
	take_down(&stand);
}

/* ---- memory ---- */

static uint64_t in_rings(struct stand *stand)
{
	struct dhp_lookaside_counts counts;

	assert_ok(dhp_dpc_flush(stand->engine));
	assert_ok(dhp_lookaside_counts_read(stand->nic.buffers, &counts));
	return counts.made - counts.returned - counts.kept;
}

static void wait_for_rings(struct stand *stand, uint32_t buffers)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%u buffers a queue", buffers);
	assert_true(wait_until(was_said, text));
	assert_int_equal(in_rings(stand), (uint64_t)buffers * stand->nic.opened);
	forget();
}

/* Between the two conditions, where only a module is a reason to grow. */
static void set_between(struct stand *stand)
{
	struct dhp_memory_info info;

	assert_ok(dhp_memory_read(stand->engine, &info));
	assert_ok(dhp_sim_memory_set(stand->engine, info.total_bytes, (info.low_bytes + info.high_bytes) / 2));
}

static void rings_follow_the_conditions_and_give_their_buffers_back(void **state)
{
	struct stand stand;
	struct dhp_memory_info info;
	struct dhp_lookaside_counts counts;

	(void)state;
	set_up(&stand, 2);
	assert_int_equal(in_rings(&stand), 2 * RING_LIMIT);
	assert_ok(dhp_memory_read(stand.engine, &info));
	assert_ok(dhp_sim_memory_set(stand.engine, info.total_bytes, 0));
	wait_for_rings(&stand, RING_LEAST);
	assert_ok(dhp_lookaside_counts_read(stand.nic.buffers, &counts));
	assert_int_equal(counts.kept, 0);
	set_between(&stand);
	add(&stand);
	assert_int_equal(in_rings(&stand), 3 * RING_LEAST); /* what is in use stays as it is, also for a newcomer */
	take_down(&stand);
}

static bool ring_is_to_be_small(void *nic)
{
	return atomic_load(&((struct nic *)nic)->ring_wanted) == RING_LEAST;
}

/* The run that is under way had its ring fitted before. */
static void a_ring_in_use_gives_its_buffers_back_when_its_run_is_over(void **state)
{
	struct stand stand;
	struct dhp_memory_info info;

	(void)state;
	set_up(&stand, 1);
	forget();
	assert_ok(dhp_memory_read(stand.engine, &info));
	poke(&seen.is_jammed, 1);
	assert_true(send_frame(&stand.nic, 0, 0, 1));
	wait_for_sent(1);
	assert_ok(dhp_sim_memory_set(stand.engine, info.total_bytes, 0));
	assert_true(wait_until(ring_is_to_be_small, &stand.nic));
	sleep_us(20000); /* who asks too early for another run has been refused by then */
	poke(&seen.is_jammed, 0);
	wait_for_rings(&stand, RING_LEAST);
	take_down(&stand);
}

static void rings_grow_with_a_module(void **state)
{
	struct stand stand;
	struct dhp_memory_info info;

	(void)state;
	set_up(&stand, 1);
	assert_ok(dhp_memory_read(stand.engine, &info));
	assert_ok(dhp_sim_memory_set(stand.engine, info.total_bytes, 0));
	wait_for_rings(&stand, RING_LEAST);
	set_between(&stand);
	assert_ok(dhp_sim_memory_add(stand.engine, 1 << 20, 0));
	wait_for_rings(&stand, 2 * RING_LEAST);
	take_down(&stand);
}

/* ---- the end ---- */

/* In small rings, so that queues have more than one run to do, and one of them may wait for the next. */
static void it_ends_while_frames_come(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < TIMES(100u); round++) {
		struct stand stand;
		struct dhp_memory_info info;

		set_up(&stand, 2);
		assert_ok(dhp_memory_read(stand.engine, &info));
		assert_ok(dhp_sim_memory_set(stand.engine, info.total_bytes, 0));
		assert_true(wait_until(was_said, (char[]){ "16 buffers" }));
		for (uint32_t i = 0; i < 400; i++)
			(void)send_frame(&stand.nic, i % 2, i / 2 % 2, 1);
		take_down(&stand);
		assert_int_equal(open_ends(), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_newcomer_has_its_queue_first_then_flows_then_frames),
		cmocka_unit_test(who_is_here_already_has_a_queue_when_the_driver_starts),
		cmocka_unit_test(every_queue_is_handled_by_its_processor_at_both_ports),
		cmocka_unit_test(the_queue_of_a_processor_that_is_away_is_handled_by_another),
		cmocka_unit_test(frames_of_older_queues_come_first),
		cmocka_unit_test(a_new_queue_is_not_heard_before_the_start),
		cmocka_unit_test(frames_wait_while_the_device_is_asked_to_stop),
		cmocka_unit_test(one_stop_is_enough_for_an_arrival),
		cmocka_unit_test(after_a_stop_that_was_cancelled_it_asks_for_another),
		cmocka_unit_test(what_is_asked_is_answered_where_it_came_from),
		cmocka_unit_test(a_frame_goes_where_its_station_was_heard_last),
		cmocka_unit_test(what_does_not_fit_into_one_run_is_handled_in_the_next),
		cmocka_unit_test(without_a_queue_of_the_device_nobody_comes),
		cmocka_unit_test(without_buffers_queue_or_interrupts_nobody_comes),
		cmocka_unit_test(beyond_the_limit_nobody_comes),
		cmocka_unit_test(who_fails_to_come_up_leaves_no_queue),
		cmocka_unit_test(who_was_here_before_can_do_without_a_queue),
		cmocka_unit_test(without_any_queue_the_driver_does_not_start),
		cmocka_unit_test(an_interface_that_goes_takes_nothing_with_it),
		cmocka_unit_test(rings_follow_the_conditions_and_give_their_buffers_back),
		cmocka_unit_test(a_ring_in_use_gives_its_buffers_back_when_its_run_is_over),
		cmocka_unit_test(rings_grow_with_a_module),
		cmocka_unit_test(it_ends_while_frames_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
