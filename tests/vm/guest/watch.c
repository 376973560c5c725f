/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.c - a program that uses the library on this machine, keeps it busy, listens on every channel, and says what
 * happens, one line for each event (say.h). It runs in the guest; the host reads the lines and judges.
 *
 *     vm_watch [--items N] [--spin US] [--rest US] [--poll MS] [--veto CPU] [--unpinnable CPU] [--low MIB] [--high MIB]
 *
 * SIGUSR1: one line for each processor. SIGUSR2: threads can be pinned to the unpinnable one from now on. SIGTERM: end, with an account of all items. Exit status: 0, 1 when something was
 * lost or refused, 2 when it could not start.
 */
#include "channels.h"
#include "load.h"
#include "refuse.h"
#include "say.h"
#include "uevents.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
	struct load_options load;
	struct channels_options channels;
	uint32_t poll_ms, low_mib, high_mib, unpinnable_cpu;
};

static bool read_settings(struct settings *settings, int argc, char **argv)
{
	const struct {
		const char *name;
		uint32_t *into;
	} known[] = {
		{ "--items", &settings->load.items },         { "--spin", &settings->load.spin_us },
		{ "--rest", &settings->load.rest_us },        { "--poll", &settings->poll_ms },
		{ "--veto", &settings->channels.veto_cpu },   { "--low", &settings->low_mib },
		{ "--high", &settings->high_mib },	    { "--unpinnable", &settings->unpinnable_cpu },
	};
	size_t count = sizeof(known) / sizeof(known[0]), at;

	for (int i = 1; i < argc; i += 2) {
		for (at = 0; at < count && strcmp(argv[i], known[at].name) != 0; at++)
			;
		if (at == count || i + 1 == argc)
			return false;
		*known[at].into = (uint32_t)strtoul(argv[i + 1], NULL, 10);
	}
	return true;
}

static struct dhp_engine *make_engine(const struct settings *settings)
{
	const struct dhp_engine_options options = {
		.size = sizeof(options),
		.poll_interval_ms = settings->poll_ms,
		.low_memory_mib = settings->low_mib,
		.high_memory_mib = settings->high_mib,
	};
	struct dhp_engine *engine = NULL;
	enum dhp_status status = dhp_engine_create(&options, &engine);

	if (dhp_failed(status))
		say(now_ns(), "cannot %s", dhp_status_name(status));
	return engine;
}

static void say_stats(struct dhp_engine *engine)
{
	struct dhp_engine_stats stats;

	if (!dhp_failed(dhp_engine_stats_read(engine, &stats)))
		say(now_ns(), "stats arrivals=%" PRIu64 " failed=%" PRIu64 " rescans=%" PRIu64 " uevents=%" PRIu64
				   " refused=%" PRIu64 " diverted=%" PRIu64,
		    stats.arrivals_count, stats.arrivals_failed_count, stats.rescans_count, stats.uevents_count,
		    stats.uevents_refused_count, stats.diverted_count);
}

static void serve(struct dhp_engine *engine, const sigset_t *signals)
{
	int number = 0;

	say(now_ns(), "ready");
	while (sigwait(signals, &number) == 0 && number != SIGTERM) {
		if (number == SIGUSR2)
			refuse_pins_to(DHP_NO_CPU);
		else
			load_report();
	}
	load_report();
	say_stats(engine);
	load_end();
}

static int run_until_told(const struct settings *settings, const sigset_t *signals)
{
	struct dhp_engine *engine;
	enum dhp_status status;

	refuse_pins_to(settings->unpinnable_cpu);
	engine = make_engine(settings);
	if (engine == NULL)
		return 2;
	if (!uevents_watch() || !channels_open(engine, &settings->channels) || !load_begin(engine, &settings->load)) {
		say(now_ns(), "cannot begin");
		return 2;
	}
	serve(engine, signals);
	channels_close();
	status = dhp_engine_destroy(engine);
	say(now_ns(), "destroyed %s", dhp_status_name(status));
	return dhp_failed(status) ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct settings settings = {
		.load = { .items = 32, .spin_us = 50 },
		.channels = { .veto_cpu = DHP_NO_CPU },
		.poll_ms = 100,
		.unpinnable_cpu = DHP_NO_CPU,
	};
	sigset_t signals;
	int status;

	if (!read_settings(&settings, argc, argv)) {
		fprintf(stderr, "usage: vm_watch [--items N] [--spin US] [--rest US] [--poll MS] [--veto CPU] "
				"[--unpinnable CPU] [--low MIB] [--high MIB]\n");
		return 2;
	}
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGUSR1);
	(void)sigaddset(&signals, SIGUSR2);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL); /* before there is a second thread */
	say_begin();
	status = run_until_told(&settings, &signals);
	say_end();
	return status;
}
