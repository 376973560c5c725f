/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules for clients of the asynchronous channel: clients that follow them, and what becomes of some that do not.
 */
#include "death.h"

#include <dhp/memory.h>
#include <dhp/rebalance.h>

#define MIB ((uint64_t)1 << 20)
#define CALLS 64u

/* Written by one call at a time, read after a drain: a race detector tells if that is not so. */
struct listener {
	struct dhp_engine *engine;
	struct dhp_arrival_notify *handle;
	uint32_t count;
	char names[CALLS][48];    /* copies */
	const char *kept[CALLS];  /* what no client may keep */
	uint64_t strange;         /* no arrival */
	uint32_t inside, deepest; /* calls inside calls */
	void (*also)(struct listener *me);
	void *more;
	enum dhp_status results[4];
	uint64_t entered, go_on, left; /* `slow` waits for the second */
	bool slow;
};

static void listen(void *context, const struct dhp_arrival *arrival)
{
	struct listener *me = context;
	uint32_t at = me->count++ % CALLS;

	me->deepest = ++me->inside > me->deepest ? me->inside : me->deepest;
	me->strange += arrival->event != DHP_EVENT_ARRIVAL;
	(void)snprintf(me->names[at], sizeof(me->names[at]), "%s", arrival->name);
	me->kept[at] = arrival->name;
	(void)bump(&me->entered);
	if (me->also != NULL)
		me->also(me);
	while (me->slow && peek(&me->go_on) == 0)
		sleep_us(50);
	me->inside--;
	(void)bump(&me->left);
}

static enum dhp_status join(struct listener *me, struct dhp_engine *engine, enum dhp_device_class device_class,
			    uint32_t flags)
{
	me->engine = engine;
	return dhp_arrival_register(engine, device_class, listen, me, flags, &me->handle);
}

static void leave(struct listener *me)
{
	assert_ok(dhp_arrival_unregister(me->handle));
}

static void drain(struct dhp_engine *engine)
{
	assert_ok(dhp_arrival_drain(engine));
}

/* What a client that ignores second reports counts. */
static uint32_t devices_of(const struct listener *me)
{
	uint32_t devices = 0;

	for (uint32_t i = 0; i < me->count; i++) {
		bool first = true;

		for (uint32_t k = 0; k < i; k++)
			first = first && strcmp(me->names[i], me->names[k]) != 0;
		devices += first;
	}
	return devices;
}

/* Eight processors at most, two at first, and two memory modules. */
static struct dhp_engine *make_both(void)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 8, .initial_count = 2,
		.memory_module_bytes = 64 * MIB, .memory_module_count = 2 };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

static enum dhp_status add_device(struct dhp_engine *engine, enum dhp_device_class device_class, uint32_t number)
{
	return device_class == DHP_CLASS_MEMORY ? dhp_sim_memory_add(engine, MIB, 0) : add_position(engine, number);
}

/* ---- who must go on first: S-243, S-252 ---- */

struct pair {
	struct dhp_engine *engine;
	struct dhp_arrival_notify *arrival;
	struct dhp_notify *change;
	uint64_t arrival_inside, change_inside;
	enum dhp_status arrival_status, change_status; /* of the removal of the other */
	uint64_t arrivals, changes;
	uint64_t failed;
};

static void arrival_removes_change(void *context, const struct dhp_arrival *arrival)
{
	struct pair *pair = context;

	(void)arrival;
	if (bump(&pair->arrivals) != 0)
		return;
	(void)bump(&pair->arrival_inside);
	(void)wait_for_count(&pair->change_inside, 1);
	pair->change_status = dhp_notify_unregister(pair->change);
}

static void change_removes_arrival(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct pair *pair = context;

	(void)status;
	if (change->state != DHP_CHANGE_START || bump(&pair->changes) != 1) /* the second of three */
		return;
	(void)bump(&pair->change_inside);
	pair->arrival_status = dhp_arrival_unregister(pair->arrival);
}

static void *add_second(void *argument)
{
	struct pair *pair = argument;

	if (add_position(pair->engine, 2) != DHP_OK)
		(void)bump(&pair->failed);
	return NULL;
}

/* Two callbacks, in two threads, each of which unregisters the other one. */
static void unregister_each_other(struct pair *pair)
{
	struct helper helper = { .run = add_second };

	memset(pair, 0, sizeof(*pair));
	pair->engine = make_sim_of(4, 1);
	assert_ok(dhp_arrival_register(pair->engine, DHP_CLASS_PROCESSOR, arrival_removes_change, pair, 0, &pair->arrival));
	assert_ok(dhp_notify_register(pair->engine, change_removes_arrival, pair, 0, &pair->change));
	add_positions(pair->engine, 1, 2);
	assert_true(wait_for_count(&pair->arrival_inside, 1));
	helper_start(&helper, add_second, pair);
	helper_join(&helper);
	drain(pair->engine);
}

#if DHP_CHECKS >= 2

static void make_each_other(void *argument)
{
	unregister_each_other(argument);
}

static void callbacks_that_wait_for_each_other_stop_a_checked_build_S243(void **state)
{
	struct pair pair;

	(void)state;
	assert_stopped(make_each_other, &pair, "S-243", 0); /* one of the two callbacks */
}

#else

static void callbacks_that_wait_for_each_other_are_told_S243(void **state)
{
	struct pair pair;
	uint64_t refused = 0;

	(void)state;
	unregister_each_other(&pair);
	assert_int_equal(pair.failed, 0);
	add_positions(pair.engine, 3, 4); /* who was refused to go is still there, who went is not */
	drain(pair.engine);
	refused += pair.arrival_status == DHP_IN_CALLBACK;
	refused += pair.change_status == DHP_IN_CALLBACK;
	assert_true(refused > 0);
	if (pair.arrival_status == DHP_IN_CALLBACK) {
		assert_int_equal(pair.arrivals, 3);
		assert_ok(dhp_arrival_unregister(pair.arrival));
	} else {
		assert_ok(pair.arrival_status);
		assert_int_equal(pair.arrivals, 1);
	}
	if (pair.change_status == DHP_IN_CALLBACK) {
		assert_int_equal(pair.changes, 3);
		assert_ok(dhp_notify_unregister(pair.change));
	} else {
		assert_ok(pair.change_status);
		assert_int_equal(pair.changes, 2);
	}
	end_engine(pair.engine);
}

#endif

/* ---- removal by a worker: the application's way ---- */

struct worker {
	struct listener *listener;
	uint64_t told, begun, returned;
	uint64_t too_early; /* the removal returned while the callback ran */
	enum dhp_status status;
};

static void *remove_when_told(void *argument)
{
	struct worker *worker = argument;

	(void)wait_for_count(&worker->told, 1);
	(void)bump(&worker->begun);
	worker->status = dhp_arrival_unregister(worker->listener->handle);
	if (peek(&worker->listener->left) == 0)
		(void)bump(&worker->too_early);
	(void)bump(&worker->returned);
	return NULL;
}

/* It waits a moment for what it may not wait for: the removal cannot be over before the callback is. */
static void tell_worker(struct listener *me)
{
	struct worker *worker = me->more;

	(void)bump(&worker->told);
	(void)wait_for_count(&worker->begun, 1);
	sleep_us(20000);
	if (peek(&worker->returned) != 0)
		(void)bump(&worker->too_early);
}

static void removal_goes_to_a_worker_which_waits_for_the_callback_S243_S252(void **state)
{
	struct dhp_engine *engine = make_both();
	struct listener me = { .also = tell_worker };
	struct worker worker = { .listener = &me };
	struct helper helper;

	(void)state;
	me.more = &worker;
	assert_ok(join(&me, engine, DHP_CLASS_PROCESSOR, 0));
	helper_start(&helper, remove_when_told, &worker);
	add_positions(engine, 2, 4);
	helper_join(&helper);
	assert_status(worker.status, DHP_OK);
	assert_int_equal(worker.too_early, 0);
	add_positions(engine, 4, 5);
	drain(engine);
	assert_int_equal(me.count, 1); /* also not for the second, which was on its way */
	end_engine(engine);
}

static void remove_here(struct listener *me)
{
	me->results[0] = dhp_arrival_unregister(me->handle);
}

/* What deadlocks in an application does not wait here, and the call is the last. */
static void removal_in_the_callback_itself_does_not_wait_S252(void **state)
{
	struct dhp_engine *engine = make_both();
	struct listener me = { .also = remove_here };

	(void)state;
	me.results[0] = DHP_VETOED;
	assert_ok(join(&me, engine, DHP_CLASS_MEMORY, 0));
	for (uint32_t i = 0; i < 2; i++)
		assert_ok(dhp_sim_memory_add(engine, MIB, 0));
	drain(engine);
	assert_status(me.results[0], DHP_OK);
	assert_int_equal(me.count, 1);
	end_engine(engine);
}

/* ---- unregistered twice: S-246 ---- */

static __attribute__((noinline)) void remove_twice(struct listener *me)
{
	me->results[0] = dhp_arrival_unregister(me->handle);
	me->results[1] = dhp_arrival_unregister(me->handle);
	me->results[2] = dhp_arrival_unregister_nowait(me->handle);
}

static void make_twice(void *argument)
{
	struct dhp_engine *engine = make_both();
	struct listener me = { .also = remove_twice }, other = { .count = 0 };

	(void)argument;
	assert_ok(join(&me, engine, DHP_CLASS_PROCESSOR, 0));
	assert_ok(join(&other, engine, DHP_CLASS_PROCESSOR, 0));
	add_positions(engine, 2, 5);
	drain(engine);
	assert_int_equal(me.count, 1);
	assert_status(me.results[0], DHP_OK);
	assert_status(me.results[1], DHP_BAD_OBJECT);
	assert_status(me.results[2], DHP_BAD_OBJECT);
	assert_int_equal(other.count, 3); /* unharmed */
	leave(&other);
	end_engine(engine); /* counted once: not in use */
}

#if DHP_CHECKS >= 2

static void second_removal_stops_a_checked_build_S246(void **state)
{
	(void)state;
	assert_stopped(make_twice, NULL, "S-246", DEATH_SITE(remove_twice));
}

#else

static void second_removal_is_noticed_and_harmless_S246(void **state)
{
	struct dhp_engine *engine;
	struct listener me = { .slow = true };

	(void)state;
	make_twice(NULL);
	/* The other form, in another thread than the call. */
	engine = make_both();
	assert_ok(join(&me, engine, DHP_CLASS_PROCESSOR, 0));
	add_positions(engine, 2, 4);
	assert_true(wait_for_count(&me.entered, 1));
	assert_ok(dhp_arrival_unregister_nowait(me.handle));
	assert_status(dhp_arrival_unregister_nowait(me.handle), DHP_BAD_OBJECT);
	assert_status(dhp_arrival_unregister(me.handle), DHP_BAD_OBJECT); /* and does not wait */
	poke(&me.go_on, 1);
	drain(engine);
	assert_int_equal(me.count, 1);
	end_engine(engine);
}

#endif

/* ---- what came before, and what is on its way ---- */

/* In a callback, when another device has come whose arrival waits for this very callback. */
static void register_another(struct listener *me)
{
	struct listener *other = me->more;

	(void)wait_for_count(&me->go_on, 1);
	me->results[0] = join(other, me->engine, other->slow ? DHP_CLASS_MEMORY : DHP_CLASS_PROCESSOR,
			      (uint32_t)other->left);
	me->also = NULL;
}

static void register_behind(struct dhp_engine *engine, enum dhp_device_class device_class, uint32_t flags,
			    struct listener *other)
{
	struct listener me = { .also = register_another, .more = other };

	*other = (struct listener){ .slow = device_class == DHP_CLASS_MEMORY, .left = flags };
	poke(&other->go_on, 1);
	assert_ok(join(&me, engine, device_class, 0));
	assert_ok(add_device(engine, device_class, 2));
	assert_true(wait_for_count(&me.entered, 1));
	assert_ok(add_device(engine, device_class, 3));
	assert_ok(add_device(engine, device_class, 4));
	poke(&me.go_on, 1);
	drain(engine);
	assert_status(me.results[0], DHP_OK);
	assert_int_equal(me.count, 3);
	leave(&me);
}

static void without_the_flag_only_what_comes_after_is_heard_S208(void **state)
{
	(void)state;
	for (uint32_t class = 0; class < 2; class++) {
		struct dhp_engine *engine = make_both();
		struct listener me;

		register_behind(engine, (enum dhp_device_class)class, 0, &me);
		assert_int_equal(me.count, 0); /* two were on their way when it came */
		assert_ok(add_device(engine, (enum dhp_device_class)class, 5));
		drain(engine);
		assert_int_equal(me.count, 1);
		leave(&me);
		end_engine(engine);
	}
}

static void first_devices_of_an_engine_are_no_arrivals_S207_S208(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < TIMES(100); round++) {
		struct dhp_engine *engine = make_sim_of(64, 60);
		struct listener later = { .count = 0 }, all = { .count = 0 };

		assert_ok(join(&later, engine, (enum dhp_device_class)(round % 2), 0));
		assert_ok(join(&all, engine, DHP_CLASS_PROCESSOR, DHP_NOTIFY_EXISTING));
		drain(engine);
		assert_int_equal(later.count, 0);
		assert_int_equal(all.count, 60); /* the replay's only */
		leave(&later);
		leave(&all);
		end_engine(engine);
	}
}

/* Duplicates that are certain: the replay tells of devices whose arrivals are on their way. */
static void second_report_is_ignored_and_there_is_no_third_S207(void **state)
{
	(void)state;
	for (uint32_t class = 0; class < 2; class++) {
		struct dhp_engine *engine = make_both();
		struct listener me;

		register_behind(engine, (enum dhp_device_class)class, DHP_NOTIFY_EXISTING, &me);
		assert_int_equal(me.count, 8); /* five that are there, and three whose arrivals are not over */
		assert_int_equal(devices_of(&me), 5);
		for (uint32_t i = 0; i < 5; i++)
			for (uint32_t k = 0; k < i; k++)
				assert_string_not_equal(me.names[i], me.names[k]);
		for (uint32_t i = 5; i < 8; i++)
			assert_string_equal(me.names[i], me.names[i - 3]);
		assert_ok(dhp_engine_rescan(engine));
		drain(engine);
		assert_int_equal(me.count, 8);
		leave(&me);
		end_engine(engine);
	}
}

/* ---- when to register: S-214 ---- */

struct driver {
	struct listener listener;
	struct dhp_device *device;
	bool operates;
	uint32_t not_yet;     /* calls before it did */
	enum dhp_status joined;
};

static void use_device(struct listener *me)
{
	struct driver *driver = me->more;

	driver->not_yet += !driver->operates;
}

static enum dhp_status start_and_register(void *context, const struct dhp_device_call *call)
{
	struct driver *driver = context;

	(void)call;
	driver->operates = true;
	if (driver->listener.handle == NULL)
		driver->joined = join(&driver->listener, driver->listener.engine, DHP_CLASS_PROCESSOR, DHP_NOTIFY_EXISTING);
	return DHP_OK;
}

static void add_driver(struct driver *driver, struct dhp_engine *engine)
{
	const struct dhp_driver only = { .start = start_and_register, .context = driver };
	const struct dhp_device_options options = { .size = sizeof(options), .drivers = &only, .driver_count = 1,
		.boot_configured = true, .policy = DHP_POLICY_OUT };

	*driver = (struct driver){ .listener = { .engine = engine, .also = use_device, .more = driver } };
	assert_ok(dhp_device_register(engine, &options, &driver->device));
}

static void who_registers_when_the_device_operates_misses_nothing_S214(void **state)
{
	struct dhp_engine *engine = make_both();
	struct driver late, early;

	(void)state;
	add_driver(&late, engine);
	add_driver(&early, engine);
	assert_ok(join(&early.listener, engine, DHP_CLASS_PROCESSOR, DHP_NOTIFY_EXISTING)); /* in its add step */
	add_positions(engine, 2, 4);
	drain(engine);
	assert_int_equal(late.listener.count, 0);
	assert_int_equal(early.listener.count, 4);
	assert_int_equal(early.not_yet, 4); /* it was called for a device that cannot do anything yet */
	assert_ok(dhp_device_send(late.device, DHP_REQUEST_START));
	assert_ok(dhp_device_send(early.device, DHP_REQUEST_START));
	assert_status(late.joined, DHP_OK);
	add_positions(engine, 4, 6);
	drain(engine);
	assert_int_equal(devices_of(&late.listener), 6);
	assert_int_equal(late.not_yet, 0);
	leave(&late.listener);
	leave(&early.listener);
	assert_ok(dhp_device_unregister(late.device));
	assert_ok(dhp_device_unregister(early.device));
	end_engine(engine);
}

/* ---- the record: S-224 ---- */

static void name_is_valid_during_the_call_and_a_copy_afterwards_S224(void **state)
{
	struct dhp_engine *engine = make_both();
	struct listener two[2] = { { .count = 0 }, { .count = 0 } };

	(void)state;
	for (uint32_t i = 0; i < 2; i++)
		assert_ok(join(&two[i], engine, DHP_CLASS_PROCESSOR, DHP_NOTIFY_EXISTING));
	for (uint32_t class = 0; class < 2; class++)
		assert_ok(add_device(engine, (enum dhp_device_class)class, 2));
	drain(engine);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(two[i].count >= 3);
		for (uint32_t k = 0; k < two[i].count; k++) {
			assert_memory_equal(two[i].names[k], "processor-", strlen("processor-"));
			assert_string_equal(two[i].kept[k], ""); /* kept all the same, it says nothing */
		}
	}
	assert_ptr_not_equal(two[0].kept[2], two[1].kept[2]); /* nobody has another's record */
	for (uint32_t i = 0; i < 2; i++)
		leave(&two[i]);
	end_engine(engine);
}

/* ---- what a callback must not do: S-227, S-228 ---- */

static void *do_the_work(void *argument)
{
	struct listener *me = argument, other = { .count = 0 };

	(void)wait_for_count(&me->left, 1); /* it was only told, and is called when the callback is over */
	me->results[0] = add_position(me->engine, 4);
	me->results[1] = join(&other, me->engine, DHP_CLASS_PROCESSOR, DHP_NOTIFY_EXISTING);
	me->results[2] = dhp_arrival_drain(me->engine);
	me->results[3] = dhp_arrival_unregister(other.handle);
	return NULL;
}

static void wait_for_the_device(struct listener *me)
{
	me->results[0] = dhp_arrival_drain(me->engine);
	me->results[1] = dhp_engine_destroy(me->engine);
}

static void work_goes_to_a_worker_and_nobody_waits_in_a_callback_S227(void **state)
{
	struct dhp_engine *engine = make_both();
	struct listener good = { .count = 0 }, bad = { .also = wait_for_the_device };
	struct helper helper;

	(void)state;
	assert_ok(join(&good, engine, DHP_CLASS_PROCESSOR, 0));
	helper_start(&helper, do_the_work, &good);
	add_positions(engine, 2, 4);
	helper_join(&helper);
	drain(engine);
	for (uint32_t i = 0; i < 4; i++)
		assert_status(good.results[i], DHP_OK);
	assert_int_equal(good.count, 3);
	/* Who waits for devices in the callback would wait for itself. */
	assert_ok(join(&bad, engine, DHP_CLASS_PROCESSOR, 0));
	add_positions(engine, 5, 6);
	drain(engine);
	assert_status(bad.results[0], DHP_IN_CALLBACK);
	assert_status(bad.results[1], DHP_IN_CALLBACK);
	leave(&good);
	leave(&bad);
	end_engine(engine);
}

static void count_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)change;
	(void)status;
	++*(uint32_t *)context;
}

static void callback_that_blocks_holds_up_its_channel_and_no_processor_S227(void **state)
{
	struct dhp_engine *engine = make_both();
	struct listener blocks = { .slow = true }, behind = { .count = 0 };
	struct dhp_notify *notify;
	uint32_t changes = 0;

	(void)state;
	assert_ok(join(&blocks, engine, DHP_CLASS_PROCESSOR, 0));
	assert_ok(join(&behind, engine, DHP_CLASS_PROCESSOR, 0));
	assert_ok(dhp_notify_register(engine, count_change, &changes, 0, &notify));
	add_positions(engine, 2, 3);
	assert_true(wait_for_count(&blocks.entered, 1));
	add_positions(engine, 3, 8);
	assert_int_equal(active_count(engine), 8);
	assert_int_equal(changes, 12);
	sleep_us(2000);
	assert_int_equal(peek(&behind.entered), 0); /* it cannot, however long this takes */
	poke(&blocks.go_on, 1);
	drain(engine);
	assert_int_equal(blocks.count, 6);
	assert_int_equal(behind.count, 6);
	assert_ok(dhp_notify_unregister(notify));
	leave(&blocks);
	leave(&behind);
	end_engine(engine);
}

/* "Opens" something that makes the next device come, of either class. */
static void open_next(struct listener *me)
{
	if (me->count < 5)
		me->results[me->count % 4] = add_device(me->engine, me->more != NULL ? DHP_CLASS_MEMORY : DHP_CLASS_PROCESSOR,
							me->count + 2);
}

static void events_caused_in_a_callback_come_after_it_S228(void **state)
{
	(void)state;
	for (uint32_t class = 0; class < 2; class++) {
		struct dhp_engine *engine = make_both();
		struct listener me = { .also = open_next };

		me.more = class == DHP_CLASS_MEMORY ? &me : NULL;
		assert_ok(join(&me, engine, (enum dhp_device_class)class, 0));
		assert_ok(add_device(engine, (enum dhp_device_class)class, 2));
		assert_true(wait_for_count(&me.left, 5));
		drain(engine);
		for (uint32_t i = 0; i < 4; i++)
			assert_status(me.results[i], DHP_OK);
		assert_int_equal(me.count, 5);
		assert_int_equal(devices_of(&me), 5);
		assert_int_equal(me.deepest, 1);
		leave(&me);
		end_engine(engine);
	}
}

/* ---- what makes no event: S-233, S-234 ---- */

static void device_that_is_there_does_not_come_again_S233(void **state)
{
	struct dhp_engine *engine = make_both();
	struct listener two[2] = { { .count = 0 }, { .count = 0 } };

	(void)state;
	for (uint32_t class = 0; class < 2; class++)
		assert_ok(join(&two[class], engine, (enum dhp_device_class)class, 0));
	assert_status(add_position(engine, 0), DHP_ALREADY_THERE);
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 0), true));
	assert_ok(dhp_engine_rescan(engine)); /* finds every module again */
	/* And what never came does not go. */
	assert_status(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 5), false), DHP_BAD_CPU);
	drain(engine);
	assert_int_equal(two[0].count + two[1].count, 0);
	for (uint32_t class = 0; class < 2; class++)
		leave(&two[class]);
	end_engine(engine);
}

static uint64_t stops, starts;

static enum dhp_status count_stop(void *context, const struct dhp_device_call *call)
{
	struct listener *found = context;

	(void)call;
	(void)bump(&stops);
	for (uint32_t class = 0; class < 2; class++) {
		(void)join(&found[class], found[class].engine, (enum dhp_device_class)class, DHP_NOTIFY_EXISTING);
		(void)dhp_arrival_unregister(found[class].handle);
	}
	return DHP_OK;
}

static enum dhp_status count_start(void *context, const struct dhp_device_call *call)
{
	(void)context;
	(void)call;
	(void)bump(&starts);
	return DHP_OK;
}

static void rebalance_and_power_leave_the_interfaces_alone_S234(void **state)
{
	struct dhp_engine *engine = make_both();
	struct listener two[2] = { { .count = 0 }, { .count = 0 } }, found[2] = { { .count = 0 }, { .count = 0 } };
	const struct dhp_driver only = { .stop = count_stop, .start = count_start, .context = found };
	const struct dhp_device_options options = { .size = sizeof(options), .drivers = &only, .driver_count = 1 };
	struct dhp_device *device;

	(void)state;
	poke(&stops, 0);
	poke(&starts, 0);
	drain(engine);
	for (uint32_t class = 0; class < 2; class++) {
		found[class].engine = engine;
		assert_ok(join(&two[class], engine, (enum dhp_device_class)class, 0));
	}
	assert_ok(dhp_device_register(engine, &options, &device));
	assert_ok(dhp_rebalance_request(engine));
	assert_ok(dhp_rebalance_drain(engine));
	assert_int_equal(peek(&stops), 1);
	assert_int_equal(peek(&starts), 1);
	for (uint32_t class = 0; class < 2; class++)
		assert_int_equal(found[class].count, 2); /* all were there in the middle of it */
	/* Power: the machine pauses, a processor sleeps and comes back. */
	assert_ok(dhp_pause_all(engine, 0));
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 1), false));
	assert_ok(dhp_engine_rescan(engine));
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 1), true));
	assert_ok(dhp_engine_rescan(engine));
	assert_ok(dhp_resume_all(engine));
	drain(engine);
	for (uint32_t class = 0; class < 2; class++) {
		assert_int_equal(two[class].count, 0); /* neither arrival nor removal */
		leave(&two[class]);
	}
	assert_ok(dhp_device_unregister(device));
	end_engine(engine);
}

/* ---- applications: S-251, S-253 ---- */

struct application {
	struct listener listener;
	uint32_t view; /* of the processors that there are */
};

static void look_again(struct listener *me)
{
	struct application *application = me->more;

	application->view = active_count(me->engine);
}

static void application_registers_then_lists_S251(void **state)
{
	struct dhp_engine *engine = make_both();
	struct application right = { .view = 0 }, wrong = { .view = 0 };

	(void)state;
	right.listener = (struct listener){ .also = look_again, .more = &right };
	wrong.listener = (struct listener){ .also = look_again, .more = &wrong };
	wrong.view = active_count(engine); /* lists first */
	assert_ok(join(&right.listener, engine, DHP_CLASS_PROCESSOR, 0));
	add_positions(engine, 2, 3); /* a processor comes in between */
	drain(engine);
	assert_ok(join(&wrong.listener, engine, DHP_CLASS_PROCESSOR, 0));
	right.view = active_count(engine);
	drain(engine);
	assert_int_equal(right.listener.count, 1); /* never what exists; and one that it finds listed besides */
	assert_int_equal(right.view, 3);
	assert_int_equal(wrong.listener.count, 0);
	assert_int_equal(wrong.view, 2); /* missed */
	leave(&right.listener);
	leave(&wrong.listener);
	end_engine(engine);
}

struct sizes {
	uint32_t processors;
	uint64_t bytes;
	uint64_t wrong; /* smaller than at the last look */
};

static void read_sizes(struct listener *me)
{
	struct sizes *sizes = me->more;
	struct dhp_memory_info info = { .total_bytes = 0 };
	uint32_t processors = active_count(me->engine);

	if (dhp_memory_read(me->engine, &info) != DHP_OK || processors < sizes->processors ||
	    info.total_bytes < sizes->bytes)
		sizes->wrong++;
	sizes->processors = processors;
	sizes->bytes = info.total_bytes;
}

static void application_reads_count_and_size_again_S253(void **state)
{
	struct dhp_engine *engine = make_both();
	struct sizes sizes = { .wrong = 0 };
	struct listener two[2];

	(void)state;
	for (uint32_t class = 0; class < 2; class++) {
		two[class] = (struct listener){ .also = read_sizes, .more = &sizes };
		assert_ok(join(&two[class], engine, (enum dhp_device_class)class, 0));
	}
	for (uint32_t i = 0; i < 6; i++) {
		assert_ok(add_device(engine, DHP_CLASS_PROCESSOR, 2 + i));
		assert_ok(add_device(engine, DHP_CLASS_MEMORY, 0));
		drain(engine);
		assert_int_equal(sizes.processors, 3 + i);
		assert_int_equal(sizes.bytes, (129 + i) * MIB);
	}
	assert_int_equal(sizes.wrong, 0);
	for (uint32_t class = 0; class < 2; class++)
		leave(&two[class]);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if DHP_CHECKS >= 2
		/* First: before it forks, this process should have no threads. */
		cmocka_unit_test(callbacks_that_wait_for_each_other_stop_a_checked_build_S243),
		cmocka_unit_test(second_removal_stops_a_checked_build_S246),
#endif
		cmocka_unit_test(application_registers_then_lists_S251),
		cmocka_unit_test(application_reads_count_and_size_again_S253),
		cmocka_unit_test(without_the_flag_only_what_comes_after_is_heard_S208),
		cmocka_unit_test(first_devices_of_an_engine_are_no_arrivals_S207_S208),
		cmocka_unit_test(second_report_is_ignored_and_there_is_no_third_S207),
		cmocka_unit_test(who_registers_when_the_device_operates_misses_nothing_S214),
		cmocka_unit_test(name_is_valid_during_the_call_and_a_copy_afterwards_S224),
		cmocka_unit_test(device_that_is_there_does_not_come_again_S233),
		cmocka_unit_test(rebalance_and_power_leave_the_interfaces_alone_S234),
		cmocka_unit_test(removal_goes_to_a_worker_which_waits_for_the_callback_S243_S252),
		cmocka_unit_test(removal_in_the_callback_itself_does_not_wait_S252),
		cmocka_unit_test(work_goes_to_a_worker_and_nobody_waits_in_a_callback_S227),
		cmocka_unit_test(callback_that_blocks_holds_up_its_channel_and_no_processor_S227),
		cmocka_unit_test(events_caused_in_a_callback_come_after_it_S228),
#if DHP_CHECKS < 2
		cmocka_unit_test(second_removal_is_noticed_and_harmless_S246),
		cmocka_unit_test(callbacks_that_wait_for_each_other_are_told_S243),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
