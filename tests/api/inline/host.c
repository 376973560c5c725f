/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads the plugin named by the argument, lets it count, unloads it, and lets the kernel interrupt this thread: it must
 * find nothing that points into the plugin any more.
 */
#define _GNU_SOURCE
#include <dhp.h>

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define ROUNDS 200u
#define ADDS 2000u

static volatile sig_atomic_t ticks;

static void tick(int number)
{
	(void)number;
	ticks++;
}

static void interrupt_often(void)
{
	const struct itimerval often = { .it_interval = { 0, 200 }, .it_value = { 0, 200 } };
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = tick;
	action.sa_flags = SA_RESTART;
	(void)sigaction(SIGALRM, &action, NULL);
	(void)setitimer(ITIMER_REAL, &often, NULL);
}

static bool use_plugin(const char *path, struct dhp_counter *counter)
{
	void (*count)(struct dhp_counter *, uint64_t);
	void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol;
	sig_atomic_t seen;

	if (plugin == NULL)
		return false;
	symbol = dlsym(plugin, "plugin_count");
	memcpy(&count, &symbol, sizeof(count));
	count(counter, ADDS);
	(void)dlclose(plugin);
	for (seen = ticks; ticks == seen;)
		(void)usleep(100); /* ThreadSanitizer runs a handler at the next call that it intercepts */
	return true;
}

int main(int argc, char **argv)
{
	struct dhp_engine *engine = NULL;
	struct dhp_counter *counter = NULL;
	bool loaded = argc == 2, right;

	if (dhp_engine_create(NULL, &engine) != DHP_OK || dhp_counter_create(engine, &counter) != DHP_OK)
		return 1;
	interrupt_often();
	for (unsigned int round = 0; loaded && round < ROUNDS; round++)
		loaded = use_plugin(argv[1], counter);
	right = dhp_counter_sum(counter) == (uint64_t)ROUNDS * ADDS;
	(void)dhp_counter_destroy(counter);
	(void)dhp_engine_destroy(engine);
	if (!loaded)
		(void)fprintf(stderr, "the plugin cannot be loaded: %s\n", argc == 2 ? dlerror() : "no argument");
	return loaded && right ? 0 : 1;
}
