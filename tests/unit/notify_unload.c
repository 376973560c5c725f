/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The code of a callback is unloaded, as soon as its registration has been removed, while processors come. A call that was
 * still to come, or still running, would end this program.
 */
#include "support.h"

#include <dlfcn.h>

#define MAXIMUM 400u

struct coming {
	struct dhp_engine *engine;
	uint64_t registered, over, failed;
};

static void *come(void *argument)
{
	struct coming *coming = argument;

	coming->failed += !wait_for_count(&coming->registered, 1); /* so that one is called, however late it is */
	for (uint32_t position = 1; position < MAXIMUM; position++) {
		coming->failed += add_position(coming->engine, position) != DHP_OK;
		sleep_us(20); /* a registration waits for the end of a transaction, and is not alone in that */
	}
	poke(&coming->over, 1);
	return NULL;
}

static dhp_notify_callback *callback_of(void *plugin)
{
	void *symbol = dlsym(plugin, "plugin_callback");
	dhp_notify_callback *callback;

	assert_non_null(symbol);
	memcpy(&callback, &symbol, sizeof(callback));
	return callback;
}

/* Gives the calls it got. */
static uint64_t load_and_unload(struct coming *coming, bool wait)
{
	void *plugin = dlopen(NOTIFY_PLUGIN, RTLD_NOW | RTLD_LOCAL);
	struct dhp_notify *handle = NULL;
	uint64_t calls = 0;

	assert_non_null(plugin);
	assert_ok(dhp_notify_register(coming->engine, callback_of(plugin), &calls, wait ? 0 : DHP_NOTIFY_EXISTING,
				      &handle));
	(void)bump(&coming->registered);
	while (wait && peek(&calls) < 1 && peek(&coming->over) == 0)
		sleep_us(10);
	assert_ok(dhp_notify_unregister(handle));
	assert_int_equal(dlclose(plugin), 0);
	assert_null(dlopen(NOTIFY_PLUGIN, RTLD_NOW | RTLD_NOLOAD)); /* the code is gone */
	return calls;
}

static void the_code_of_a_callback_may_go_when_its_registration_has_gone_S112_S184(void **state)
{
	struct coming coming = { .engine = make_sim_of(MAXIMUM, 1) };
	struct helper helper;
	uint64_t calls = 0, rounds = 0;

	(void)state;
	helper_start(&helper, come, &coming);
	for (; peek(&coming.over) == 0; rounds++)
		calls += load_and_unload(&coming, rounds % 4 != 3);
	helper_join(&helper);
	assert_int_equal(coming.failed, 0);
	assert_true(calls > 0);
	assert_int_equal(active_count(coming.engine), MAXIMUM);
	end_engine(coming.engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_code_of_a_callback_may_go_when_its_registration_has_gone_S112_S184),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
