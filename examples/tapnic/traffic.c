/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traffic.c - numbered datagrams in many flows, and a count of those that come back late, twice, out of order or never.
 *
 *   traffic SECONDS IP PORT [FLOWS [PER_SECOND]]   send, PER_SECOND in each flow, until then or SIGTERM, and say how it went;
 *                                                  status 1: lost or reordered
 *   traffic echo IP PORT                           send everything back, until killed
 *
 * A flow has no more than WINDOW datagrams on their way, so that one that is lost was not pushed out by others. In each flow
 * they are sent by one thread, in order: what comes back out of order has been reordered.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FLOWS_LIMIT 256u
#define WINDOW 12u
#define PAYLOAD_BYTES 64u
#define GIVE_UP_NS UINT64_C(30000000000) /* nothing is that late, not even in an emulated machine on a busy host */

struct flow {
	int socket;
	uint64_t sent, received; /* datagrams */
	uint64_t expected;       /* the number that comes next if none is lost or reordered */
	uint64_t reordered;
	uint64_t last_ns, longest_silence_ns, silent_ns; /* the last: when that silence was over */
};

static struct flow flows[FLOWS_LIMIT];
static volatile sig_atomic_t is_over;

static void end_sending(int signal)
{
	(void)signal;
	is_over = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool parse_address(const char *ip, const char *port, struct sockaddr_in *out_address)
{
	*out_address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	return inet_pton(AF_INET, ip, &out_address->sin_addr) == 1;
}

static int echo(const struct sockaddr_in *address)
{
	int bytes = 4 << 20, s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0) /* room for every window */
		(void)setsockopt(s, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (s < 0 || bind(s, (const struct sockaddr *)address, sizeof(*address)) != 0) {
		perror("traffic: bind");
		return 2;
	}
	for (;;) {
		struct sockaddr_in from;
		socklen_t length = sizeof(from);
		char data[2048];
		ssize_t got = recvfrom(s, data, sizeof(data), 0, (struct sockaddr *)&from, &length);

		if (got >= 0)
			(void)sendto(s, data, (size_t)got, 0, (const struct sockaddr *)&from, length);
	}
}

static void receive(struct flow *flow, uint64_t now)
{
	uint64_t data[PAYLOAD_BYTES / 8];

	while (recv(flow->socket, data, sizeof(data), MSG_DONTWAIT) == (ssize_t)sizeof(data)) {
		flow->received++;
		if (data[0] < flow->expected)
			flow->reordered++;
		else
			flow->expected = data[0] + 1;
		if (now - flow->last_ns > flow->longest_silence_ns) {
			flow->longest_silence_ns = now - flow->last_ns;
			flow->silent_ns = now;
		}
		flow->last_ns = now;
	}
}

/* Silence is counted only while an answer is due. */
static void send_due(struct flow *flow, uint64_t due, uint64_t now)
{
	while (flow->sent < due && flow->sent - flow->received < WINDOW) {
		uint64_t data[PAYLOAD_BYTES / 8] = { flow->sent };

		if (flow->sent == flow->received)
			flow->last_ns = now;
		if (send(flow->socket, data, sizeof(data), MSG_DONTWAIT) != (ssize_t)sizeof(data))
			return;
		flow->sent++;
	}
}

static bool all_back(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (flows[i].received < flows[i].sent)
			return false;
	return true;
}

/* Returns how long it has been sending. */
static uint64_t run(unsigned int count, uint64_t per_second, uint64_t begin, uint64_t length_ns)
{
	uint64_t now = begin;
	struct pollfd polled[FLOWS_LIMIT];

	for (unsigned int i = 0; i < count; i++)
		polled[i] = (struct pollfd){ .fd = flows[i].socket, .events = POLLIN };
	while (now - begin < length_ns || (!all_back(count) && now - begin < length_ns + GIVE_UP_NS)) {
		(void)poll(polled, count, 1);
		now = now_ns();
		if (is_over && now - begin < length_ns)
			length_ns = now - begin;
		for (unsigned int i = 0; i < count; i++) {
			receive(&flows[i], now);
			if (now - begin < length_ns)
				send_due(&flows[i], (now - begin) * per_second / 1000000000u, now);
		}
	}
	return length_ns;
}

static int report(unsigned int count, uint64_t begin, uint64_t length_ns)
{
	struct flow all = { 0 };

	for (unsigned int i = 0; i < count; i++) {
		all.sent += flows[i].sent;
		all.received += flows[i].received;
		all.reordered += flows[i].reordered;
		if (flows[i].longest_silence_ns > all.longest_silence_ns) {
			all.longest_silence_ns = flows[i].longest_silence_ns;
			all.silent_ns = flows[i].silent_ns;
		}
	}
	(void)printf("%u flows, %llu sent, %.0f/s, %llu lost, %llu reordered, longest silence %.2f ms (over %.2f s after the"
		     " start)\n", count, (unsigned long long)all.sent, (double)all.sent * 1e9 / (double)length_ns,
		     (unsigned long long)(all.sent - all.received), (unsigned long long)all.reordered,
		     (double)all.longest_silence_ns / 1e6, (double)(all.silent_ns - begin) / 1e9);
	return all.sent > 0 && all.received == all.sent && all.reordered == 0 ? 0 : 1;
}

int main(int count, char **arguments)
{
	struct sockaddr_in address;
	unsigned int flow_count = count > 4 ? (unsigned int)atoi(arguments[4]) : 16;
	uint64_t per_second = count > 5 ? (uint64_t)atoi(arguments[5]) : 500, begin, length_ns;

	if (count < 4 || !parse_address(arguments[2], arguments[3], &address) || flow_count == 0 ||
	    flow_count > FLOWS_LIMIT) {
		(void)fprintf(stderr, "usage: traffic SECONDS|echo IP PORT [FLOWS [PER_SECOND]]\n");
		return 2;
	}
	if (strcmp(arguments[1], "echo") == 0)
		return echo(&address);
	length_ns = (uint64_t)(atof(arguments[1]) * 1e9);
	for (unsigned int i = 0; i < flow_count; i++) {
		flows[i].socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (flows[i].socket < 0 || connect(flows[i].socket, (struct sockaddr *)&address, sizeof(address)) != 0) {
			perror("traffic: connect");
			return 2;
		}
	}
	(void)signal(SIGTERM, end_sending);
	begin = now_ns();
	length_ns = run(flow_count, per_second, begin, length_ns);
	return report(flow_count, begin, length_ns);
}
