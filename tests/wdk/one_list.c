/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One list of registrants, whoever registered and by which name. A client of the older callback object for the same event
 * is a registrant without replay: its first argument is the record, its second the status. The stories are told twice, of
 * native registrants and of those of \Callback\ProcessorAdd.
 */
#include "bound.h"

#include "death.h"

/* ---- who was called, in order ---- */

struct heard {
	uint32_t who;
	enum dhp_change_state state;
	uint32_t index;
	enum dhp_status reason, on_entry;
	enum dhp_level level;
};

/* Calls exclude each other (S-199), so that plain memory does. */
static struct heard heard[64];
static uint32_t heard_count;

struct client {
	uint32_t who;
	struct dhp_engine *engine;
	struct dhp_notify *handle;
	PVOID registration; /* with the object */
	enum dhp_status refuses; /* Start, by the three conditions; DHP_OK: it does not */
	bool careless;           /* stores whatever is there */
	enum dhp_status call;    /* what calls got that try to tell the others */
	uint64_t stays, go_on, returned;
};

static void write_down(uint32_t who, enum dhp_change_state state, uint32_t index, enum dhp_status reason,
		       enum dhp_status on_entry)
{
	heard[heard_count++ % 64] = (struct heard){
		.who = who, .state = state, .index = index, .reason = reason, .on_entry = on_entry, .level = dhp_level(),
	};
}

/* ---- the older shape: context, and two arguments of no type ---- */

static void on_processor_add(void *context, void *argument_1, void *argument_2)
{
	struct client *client = context;
	const struct dhp_processor_change *change = argument_1;
	enum dhp_status *status = argument_2;

	write_down(client->who, change->state, change->index, change->status, *status);
	if (dhp_failed(client->refuses) && change->state == DHP_CHANGE_START && (*status == DHP_OK || client->careless))
		*status = client->refuses;
	if (peek(&client->stays) != 0) {
		poke(&client->stays, 2);
		while (peek(&client->go_on) == 0)
			sleep_us(50);
		(void)bump(&client->returned);
	}
}

static void pass_on(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	on_processor_add(context, (void *)(uintptr_t)change, status);
}

static PCALLBACK_OBJECT object; /* NULL: native registrants */

static VOID on_object(PVOID context, PVOID argument_1, PVOID argument_2)
{
	PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT record = argument_1;
	PNTSTATUS status = argument_2;
	enum dhp_status copy = (enum dhp_status)*status;
	struct dhp_processor_change change = {
		.state = (enum dhp_change_state)record->State,
		.index = record->NtNumber,
		.status = (enum dhp_status)record->Status,
	};

	on_processor_add(context, &change, &copy);
	*status = (NTSTATUS)copy;
}

static PCALLBACK_OBJECT open_object(PCWSTR name, BOOLEAN create)
{
	PCALLBACK_OBJECT opened = NULL;
	OBJECT_ATTRIBUTES attributes;
	UNICODE_STRING text;

	RtlInitUnicodeString(&text, name);
	InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE, NULL, NULL);
	assert_int_equal(ExCreateCallback(&opened, &attributes, create, FALSE), STATUS_SUCCESS);
	return opened;
}

static enum dhp_status join(struct client *client)
{
	if (object != NULL) {
		client->registration = ExRegisterCallback(object, on_object, client);
		return client->registration != NULL ? DHP_OK : DHP_BAD_OBJECT;
	}
	return dhp_notify_register(client->engine, pass_on, client, 0, &client->handle);
}

static enum dhp_status try_to_leave(struct client *client)
{
	if (object == NULL)
		return dhp_notify_unregister(client->handle);
	ExUnregisterCallback(client->registration);
	return DHP_OK;
}

static void leave(struct client *client)
{
	assert_ok(try_to_leave(client));
}

#define CLIENTS 4u

static struct client clients[CLIENTS];

static struct dhp_engine *begin(void)
{
	struct dhp_engine *engine = bind_sim_of(8, 3);

	heard_count = 0;
	for (uint32_t i = 0; i < CLIENTS; i++)
		clients[i] = (struct client){ .who = i, .engine = engine };
	return engine;
}

static void both_ways(void (*story)(struct dhp_engine *engine))
{
	struct dhp_engine *engine = begin();

	object = NULL;
	story(engine);
	unbind_sim(engine);
	engine = begin();
	object = open_object(L"\\Callback\\ProcessorAdd", FALSE);
	story(engine);
	ObDereferenceObject(object);
	object = NULL;
	unbind_sim(engine);
}

static void join_all(void)
{
	for (uint32_t i = 0; i < CLIENTS; i++)
		assert_ok(join(&clients[i]));
}

static void all_leave(void)
{
	for (uint32_t i = 0; i < CLIENTS; i++)
		leave(&clients[i]);
}

static void expect(uint32_t at, uint32_t who, enum dhp_change_state state, uint32_t index)
{
	assert_true(at < heard_count);
	assert_int_equal(heard[at].who, who);
	assert_int_equal(heard[at].state, state);
	assert_int_equal(heard[at].index, index);
}

static void get_record_and_status(struct dhp_engine *engine)
{
	join_all();
	assert_int_equal(heard_count, 0);
	assert_ok(add_position(engine, 3));
	assert_int_equal(heard_count, 2 * CLIENTS);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		expect(i, i, DHP_CHANGE_START, 3);
		expect(CLIENTS + i, i, DHP_CHANGE_COMPLETE, 3);
	}
	clients[1].refuses = (enum dhp_status)STATUS_NO_MEMORY; /* by its second argument */
	assert_status(add_position(engine, 4), (enum dhp_status)STATUS_NO_MEMORY);
	all_leave();
}

static void the_arguments_are_record_and_status_and_nothing_is_replayed_S811(void **state)
{
	(void)state;
	both_ways(get_record_and_status);
}

/* ---- S-812 ---- */

static void assert_refused_by(struct dhp_engine *engine, uint32_t first)
{
	heard_count = 0;
	assert_status(add_position(engine, 3), clients[first].refuses);
	assert_int_equal(heard_count, 2 * CLIENTS);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		expect(i, i, DHP_CHANGE_START, 3);
		assert_status(heard[i].on_entry, i > first ? clients[first].refuses : DHP_OK);
		expect(CLIENTS + i, i, DHP_CHANGE_FAILURE, 3);
		assert_status(heard[CLIENTS + i].reason, clients[first].refuses);
		assert_status(heard[CLIENTS + i].on_entry, clients[first].refuses);
	}
	assert_int_equal(active_count(engine), 3);
}

static void two_refuse(struct dhp_engine *engine)
{
	join_all();
	clients[1].refuses = (enum dhp_status)STATUS_BUFFER_OVERFLOW;
	clients[2].refuses = (enum dhp_status)STATUS_NO_MEMORY;
	assert_refused_by(engine, 1); /* the second one keeps to the rule */
	clients[2].careless = true;
	assert_refused_by(engine, 1); /* and if it does not, nothing is overwritten */
	clients[1].refuses = DHP_OK;
	assert_refused_by(engine, 2);
	all_leave();
}

/* All get Start, whoever refuses. */
static void of_two_that_refuse_the_first_gives_the_reason_S812_S177_S176(void **state)
{
	(void)state;
	both_ways(two_refuse);
}

/* ---- S-813 ---- */

static void try_to_tell(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct client *client = context;

	pass_on(context, change, status);
	if (change->state == DHP_CHANGE_START)
		client->call = dhp_sim_add(client->engine, dhp_sim_cpu(client->engine, 5));
}

/* Nobody but the notifier tells the list: a registrant that starts an add, which would, is refused. */
static void are_called_in_order(struct dhp_engine *engine)
{
	struct dhp_notify *teller;
	struct client last = { .who = CLIENTS, .engine = engine };

	join_all();
	leave(&clients[1]);
	assert_ok(join(&clients[1])); /* now behind the others */
	assert_ok(dhp_notify_register(engine, try_to_tell, &last, 0, &teller));
	assert_ok(add_position(engine, 3));
	assert_int_equal(heard_count, 2 * (CLIENTS + 1));
	for (uint32_t i = 0; i < 2; i++) {
		static const uint32_t order[] = { 0, 2, 3, 1, CLIENTS };

		for (uint32_t at = 0; at < LENGTH(order); at++) {
			expect(5 * i + at, order[at], i == 0 ? DHP_CHANGE_START : DHP_CHANGE_COMPLETE, 3);
			assert_int_equal(heard[5 * i + at].level, DHP_PASSIVE);
		}
	}
	assert_status(last.call, DHP_IN_CALLBACK);
#if DHP_CHECKS < 2
	if (object != NULL)
		ExNotifyCallback(object, NULL, NULL);
	assert_int_equal(heard_count, 2 * (CLIENTS + 1));
#endif
	assert_ok(dhp_notify_unregister(teller));
	all_leave();
}

static void they_are_called_in_order_of_registration_at_the_notifiers_level_S813(void **state)
{
	(void)state;
	both_ways(are_called_in_order);
}

/* ---- S-814 ---- */

static VOID ignore(PVOID context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT change, PNTSTATUS status)
{
	(void)context;
	(void)change;
	(void)status;
}

static VOID register_again(PVOID context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT change, PNTSTATUS status)
{
	PVOID *result = context;

	(void)change;
	(void)status;
	*result = KeRegisterProcessorChangeCallback(ignore, NULL, 0);
}

/* The list takes as many as come; each has a handle of its own. */
static void a_registration_gives_a_handle_or_null_S814_S103(void **state)
{
	struct dhp_engine *engine = begin();
	PVOID one = KeRegisterProcessorChangeCallback(ignore, NULL, 0);
	PVOID two = KeRegisterProcessorChangeCallback(ignore, NULL, 0);
	PVOID result = engine, registers;
	struct dhp_notify *native = NULL;
	PCALLBACK_OBJECT processors = open_object(L"\\Callback\\ProcessorAdd", FALSE);
	PCALLBACK_OBJECT for_one = open_object(L"\\Callback\\ForOne", TRUE);
	struct client client = { .engine = engine };
	PVOID three = ExRegisterCallback(processors, on_object, &client), four, other;

	(void)state;
	four = ExRegisterCallback(processors, on_object, &client);
	assert_non_null(three);
	assert_non_null(four);
	assert_ptr_not_equal(three, four);
	assert_null(ExRegisterCallback(processors, NULL, &client));
	assert_null(ExRegisterCallback(NULL, on_object, &client));
	ExUnregisterCallback(three);
	ExUnregisterCallback(four);
	ExUnregisterCallback(NULL);
	other = ExRegisterCallback(for_one, on_object, &client);
	assert_non_null(other);
	assert_null(ExRegisterCallback(for_one, on_object, &client));
	ExUnregisterCallback(other);
	other = ExRegisterCallback(for_one, on_object, &client);
	assert_non_null(other);
	ExUnregisterCallback(other);
	ObDereferenceObject(for_one);
	ObDereferenceObject(processors);
	assert_non_null(one);
	assert_non_null(two);
	assert_ptr_not_equal(one, two);
	assert_null(KeRegisterProcessorChangeCallback(NULL, NULL, 0));
	assert_status(dhp_notify_register(engine, NULL, NULL, 0, &native), DHP_BAD_CALLBACK);
	assert_null(native); /* not written */
	registers = KeRegisterProcessorChangeCallback(register_again, &result, 0);
	assert_ok(add_position(engine, 3));
	assert_null(result);
	KeDeregisterProcessorChangeCallback(registers);
	KeDeregisterProcessorChangeCallback(one);
	KeDeregisterProcessorChangeCallback(two);
	unbind_sim(engine);
	assert_null(KeRegisterProcessorChangeCallback(ignore, NULL, 0)); /* no engine */
}

/* ---- S-815 ---- */

struct remover {
	struct client *client;
	uint64_t begun, done, wrong, returned_before;
};

static void *remove_it(void *argument)
{
	struct remover *remover = argument;

	(void)bump(&remover->begun);
	if (try_to_leave(remover->client) != DHP_OK)
		(void)bump(&remover->wrong);
	poke(&remover->returned_before, peek(&remover->client->returned));
	(void)bump(&remover->done);
	return NULL;
}

static void *add_one(void *argument)
{
	struct client *client = argument;

	client->call = add_position(client->engine, 3);
	return NULL;
}

static bool is_called(void *context)
{
	const struct client *client = context;

	return peek(&client->stays) == 2;
}

/* The call of the first one lasts: another is removed meanwhile, so no lock is held; it itself cannot be. */
static void are_removed_in_a_call(struct dhp_engine *engine)
{
	struct remover next = { .client = &clients[1] }, running = { .client = &clients[0] };
	struct helper adder, removers[2];

	(void)engine;
	clients[0].stays = 1;
	join_all();
	helper_start(&adder, add_one, &clients[0]);
	assert_true(wait_until(is_called, &clients[0]));
	helper_start(&removers[0], remove_it, &next);
	assert_true(wait_for_count(&next.done, 1));
	assert_int_equal(peek(&next.returned_before), 0);
	assert_int_equal(peek(&clients[0].returned), 0); /* that call goes on */
	helper_start(&removers[1], remove_it, &running);
	assert_true(wait_for_count(&running.begun, 1));
	sleep_us(20000);
	assert_int_equal(peek(&running.done), 0);
	poke(&clients[0].go_on, 1);
	helper_join(&adder);
	for (uint32_t i = 0; i < 2; i++)
		helper_join(&removers[i]);
	assert_int_equal(running.wrong + next.wrong, 0);
	assert_int_equal(running.returned_before, 1);
	assert_ok(clients[0].call);
	assert_int_equal(heard_count, 5);
	expect(0, 0, DHP_CHANGE_START, 3);
	expect(1, 2, DHP_CHANGE_START, 3);
	expect(2, 3, DHP_CHANGE_START, 3);
	expect(3, 2, DHP_CHANGE_COMPLETE, 3);
	expect(4, 3, DHP_CHANGE_COMPLETE, 3);
	leave(&clients[2]);
	leave(&clients[3]);
}

static void no_lock_is_held_in_a_call_the_removed_are_skipped_and_removal_waits_S815(void **state)
{
	(void)state;
	both_ways(are_removed_in_a_call);
}

/* ---- S-816 ---- */

static VOID by_windows_name(PVOID context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT change, PNTSTATUS status)
{
	const struct client *client = context;

	write_down(client->who, (enum dhp_change_state)change->State, change->NtNumber, (enum dhp_status)change->Status,
		   (enum dhp_status)*status);
}

static void there_is_one_list_by_whatever_name_they_registered_S816_S192(void **state)
{
	struct dhp_engine *engine = begin();
	PCALLBACK_OBJECT processors = open_object(L"\\callback\\processoradd", TRUE);
	PVOID handles[2];

	(void)state;
	assert_ok(join(&clients[0]));
	handles[0] = KeRegisterProcessorChangeCallback(by_windows_name, &clients[1], KE_PROCESSOR_CHANGE_ADD_EXISTING);
	assert_ok(dhp_notify_register(engine, pass_on, &clients[2], DHP_NOTIFY_EXISTING, &clients[2].handle));
	handles[1] = ExRegisterCallback(processors, on_object, &clients[3]);
	assert_non_null(handles[1]);
	heard_count = 0;
	assert_ok(add_position(engine, 3));
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 4), DHP_STEP_BRING_UP, DHP_NO_THREAD));
	assert_status(add_position(engine, 4), DHP_NO_THREAD);
	assert_int_equal(heard_count, 4 * CLIENTS);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		expect(i, i, DHP_CHANGE_START, 3);
		expect(CLIENTS + i, i, DHP_CHANGE_COMPLETE, 3);
		expect(2 * CLIENTS + i, i, DHP_CHANGE_START, 4);
		expect(3 * CLIENTS + i, i, DHP_CHANGE_FAILURE, 4);
	}
	KeDeregisterProcessorChangeCallback(handles[0]);
	ExUnregisterCallback(handles[1]);
	ObDereferenceObject(processors);
	leave(&clients[0]);
	leave(&clients[2]);
	unbind_sim(engine);
}

/* ---- S-190 by its Windows name ---- */

#if DHP_CHECKS >= 2
static volatile uint32_t after;

static __attribute__((noinline)) void deregister_twice(void *none)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	PVOID handle = KeRegisterProcessorChangeCallback(ignore, none, 0);

	(void)engine;
	KeDeregisterProcessorChangeCallback(handle);
	KeDeregisterProcessorChangeCallback(handle);
	after = 1;
}

static void a_handle_used_twice_stops_a_checked_build_S190(void **state)
{
	(void)state;
	assert_stopped(deregister_twice, NULL, "S-190", DEATH_SITE(deregister_twice));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#if DHP_CHECKS >= 2
		/* First: before it forks, this process should have no threads. */
		cmocka_unit_test(a_handle_used_twice_stops_a_checked_build_S190),
#endif
		cmocka_unit_test(the_arguments_are_record_and_status_and_nothing_is_replayed_S811),
		cmocka_unit_test(of_two_that_refuse_the_first_gives_the_reason_S812_S177_S176),
		cmocka_unit_test(they_are_called_in_order_of_registration_at_the_notifiers_level_S813),
		cmocka_unit_test(a_registration_gives_a_handle_or_null_S814_S103),
		cmocka_unit_test(no_lock_is_held_in_a_call_the_removed_are_skipped_and_removal_waits_S815),
		cmocka_unit_test(there_is_one_list_by_whatever_name_they_registered_S816_S192),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
