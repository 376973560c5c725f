/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - the command: one or two TAP interfaces, commands on the standard input, one a line; its end ends the driver.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tapnic.h"

static const char usage[] =
	"usage: tapnic [options] INTERFACE[@NETNS] [INTERFACE[@NETNS]]\n"
	"  --address IP       whom it answers for: ARP, ping, UDP echo (10.77.0.1)\n"
	"  --queues N         no more than so many at each interface (256)\n"
	"  --backend sim      simulated processors: `add` makes one arrive; otherwise those of this machine\n"
	"  --processors N     simulated, at most (8)\n"
	"commands on the standard input, one a line; its end ends the driver:\n"
	"  rates | totals | quit        frames a second since the last time; counters\n"
	"  look | cancel                look for changes now; a stop of the device that is cancelled\n"
	"  pause | resume               let frames wait; go on\n"
	"  add | fail | away N | back N simulated processors: fail lets the next one fail to come up\n"
	"  short | plenty | module      simulated memory\n";

static struct nic nic = { .address = { .mac = { 0x02, 0, 0, 0, 0x77, 0x01 }, .ip = { 10, 77, 0, 1 } },
			  .queue_limit = QUEUES_LIMIT };

void say(const char *format, ...)
{
	va_list arguments;
	char line[512];

	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	(void)fprintf(stderr, "tapnic: %s\n", line);
}

/* ---- numbers ---- */

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void print_rates(void)
{
	static uint64_t seen[QUEUES_LIMIT][PORTS_LIMIT], then;
	uint64_t now = now_ns();
	double seconds = then == 0 ? 0 : (double)(now - then) / 1e9;

	then = now;
	for (uint32_t i = 0; i < nic.used; i++)
		for (uint32_t port = 0; port < nic.port_count; port++) {
			const struct queue *queue = nic.queues[i];
			uint64_t frames = atomic_load(&queue->frames_count[port]);

			if (seconds > 0)
				(void)printf("rate %s queue %u processor %u at %u: %.0f/s\n", nic.ports[port].name, i,
					     queue->processor, atomic_load(&queue->handled_at),
					     (double)(frames - seen[i][port]) / seconds);
			seen[i][port] = frames;
		}
	(void)printf("rates end\n");
}

static void print_totals(void)
{
	static const char *const counted[] = { "switched", "filtered", "unsent" };
	struct dhp_hold_stats hold = { 0 };

	for (uint32_t i = 0; i < COUNTERS; i++)
		(void)printf("total %s: %" PRIu64 "\n", i < FRAME_FATES ? frame_fate_name((enum frame_fate)i) : counted[i - FRAME_FATES],
			     dhp_counter_sum(nic.counters[i]));
	(void)dhp_hold_stats_read(nic.hold, &hold);
	(void)printf("total stops: %" PRIu64 ", the longest %.2f ms\n", hold.holds_count, (double)hold.longest_hold_ns / 1e6);
	(void)printf("totals end\n");
}

/* ---- commands ---- */

static uint32_t next_cpu(struct dhp_engine *engine)
{
	struct dhp_counts counts = { 0 };

	(void)dhp_counts_read(engine, &counts);
	return dhp_sim_cpu(engine, counts.active);
}

static enum dhp_status cancelled_stop(void)
{
	enum dhp_status status = dhp_device_send(nic.device, DHP_REQUEST_QUERY_STOP);

	return status == DHP_OK ? dhp_device_send(nic.device, DHP_REQUEST_CANCEL_STOP) : status;
}

static enum dhp_status set_free_memory(struct dhp_engine *engine, bool plenty)
{
	struct dhp_memory_info info;
	enum dhp_status status = dhp_memory_read(engine, &info);

	return status == DHP_OK ? dhp_sim_memory_set(engine, info.total_bytes, plenty ? info.total_bytes : 0) : status;
}

/* false: no such command. */
static bool partition_command(struct dhp_engine *engine, const char *word, unsigned int number, enum dhp_status *out_status)
{
	if (strcmp(word, "add") == 0)
		*out_status = dhp_sim_add(engine, next_cpu(engine));
	else if (strcmp(word, "fail") == 0)
		*out_status = dhp_sim_fail(engine, next_cpu(engine), DHP_STEP_BRING_UP, DHP_INJECTED);
	else if (strcmp(word, "away") == 0 || strcmp(word, "back") == 0)
		*out_status = dhp_sim_set_usable(engine, dhp_sim_cpu(engine, number), word[0] == 'b');
	else if (strcmp(word, "short") == 0 || strcmp(word, "plenty") == 0)
		*out_status = set_free_memory(engine, word[0] == 'p');
	else if (strcmp(word, "module") == 0)
		*out_status = dhp_sim_memory_add(engine, (uint64_t)1 << 30, 0);
	else if (strcmp(word, "look") == 0)
		*out_status = dhp_engine_rescan(engine);
	else if (strcmp(word, "cancel") == 0)
		*out_status = cancelled_stop();
	else if (strcmp(word, "pause") == 0)
		*out_status = dhp_pause_all(engine, 0);
	else if (strcmp(word, "resume") == 0)
		*out_status = dhp_resume_all(engine);
	else
		return false;
	return true;
}

/* false: the end. */
static bool command(struct dhp_engine *engine, const char *line)
{
	enum dhp_status status = DHP_OK;
	unsigned int number = 0;
	char word[16];

	if (sscanf(line, "%15s %u", word, &number) < 1)
		return true;
	if (strcmp(word, "quit") == 0)
		return false;
	if (strcmp(word, "rates") == 0)
		print_rates();
	else if (strcmp(word, "totals") == 0)
		print_totals();
	else if (!partition_command(engine, word, number, &status))
		say("no such command: %s", word);
	if (status != DHP_OK)
		say("%s: %s", word, dhp_status_text(status));
	return true;
}

/* ---- the command line ---- */

struct settings {
	bool is_simulated;
	uint32_t processors;
};

static bool take_number(const char *text, uint32_t limit, uint32_t *out_number)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || number == 0 || number > limit)
		return false;
	*out_number = (uint32_t)number;
	return true;
}

static bool take_option(struct settings *settings, const char *name, const char *value)
{
	if (strcmp(name, "--address") == 0)
		return inet_pton(AF_INET, value, nic.address.ip) == 1;
	if (strcmp(name, "--queues") == 0)
		return take_number(value, QUEUES_LIMIT, &nic.queue_limit);
	if (strcmp(name, "--processors") == 0)
		return take_number(value, QUEUES_LIMIT, &settings->processors);
	settings->is_simulated = strcmp(value, "sim") == 0;
	return strcmp(name, "--backend") == 0 && (settings->is_simulated || strcmp(value, "linux") == 0);
}

static bool take_port(char *text)
{
	char *netns = strchr(text, '@');
	struct port *port = &nic.ports[nic.port_count];

	if (netns != NULL)
		*netns++ = '\0';
	if (nic.port_count == PORTS_LIMIT || *text == '\0' || strlen(text) >= sizeof(port->name) ||
	    (netns != NULL && (*netns == '\0' || strlen(netns) > 200)))
		return false;
	(void)strcpy(port->name, text);
	port->netns = netns;
	nic.port_count++;
	return true;
}

/* NULL: all is well; otherwise the argument that is not. */
static const char *take_arguments(struct settings *settings, int count, char **arguments)
{
	for (int i = 1; i < count; i++) {
		bool is_option = strncmp(arguments[i], "--", 2) == 0;

		if (is_option && (i + 1 == count || !take_option(settings, arguments[i], arguments[i + 1])))
			return arguments[i];
		if (!is_option && !take_port(arguments[i]))
			return arguments[i];
		i += is_option;
	}
	return nic.port_count == 0 ? "no interface" : NULL;
}

static enum dhp_status create_engine(const struct settings *settings, struct dhp_engine **out_engine)
{
	const struct dhp_sim_options simulated = { .size = sizeof(simulated), .maximum_count = settings->processors };
	const struct dhp_engine_options options = { .size = sizeof(options),
		.sim = settings->is_simulated ? &simulated : NULL };

	return dhp_engine_create(&options, out_engine);
}

static int refuse(const char *what, enum dhp_status status)
{
	say("%s: %s", what, dhp_status_text(status));
	return 1;
}

int main(int count, char **arguments)
{
	struct settings settings = { .processors = 8 };
	const char *bad = take_arguments(&settings, count, arguments);
	struct dhp_engine *engine;
	enum dhp_status status;
	char line[128];

	if (bad != NULL) {
		(void)fprintf(stderr, "tapnic: %s\n%s", bad, usage);
		return 2;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	status = create_engine(&settings, &engine);
	if (status != DHP_OK)
		return refuse("no engine", status);
	status = nic_start(&nic, engine);
	if (status == DHP_OK) {
		(void)printf("ready\n");
		while (fgets(line, sizeof(line), stdin) != NULL && command(engine, line))
			continue;
		print_totals();
		nic_stop(&nic);
	}
	if (dhp_engine_destroy(engine) != DHP_OK)
		say("something still depends on the engine");
	return status == DHP_OK ? 0 : refuse("not started", status);
}
