/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Callback objects of the driver's own: names, order, and removal while calls are running.
 */
#include "bound.h"

static NTSTATUS create(PCWSTR name, ULONG attributes, BOOLEAN create, BOOLEAN many, PCALLBACK_OBJECT *out_object)
{
	OBJECT_ATTRIBUTES description;
	UNICODE_STRING text;

	RtlInitUnicodeString(&text, name);
	InitializeObjectAttributes(&description, name != NULL ? &text : NULL, attributes, NULL, NULL);
	return ExCreateCallback(out_object, &description, create, many);
}

static PCALLBACK_OBJECT made(PCWSTR name, ULONG attributes, BOOLEAN many)
{
	PCALLBACK_OBJECT object = NULL;

	assert_int_equal(create(name, attributes, TRUE, many, &object), STATUS_SUCCESS);
	assert_non_null(object);
	return object;
}

static void an_object_lives_while_somebody_refers_to_it(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	PCALLBACK_OBJECT first = made(L"\\Callback\\Mine", 0, TRUE), second = NULL, other;

	(void)state;
	assert_int_equal(create(L"\\Callback\\Mine", 0, FALSE, FALSE, &second), STATUS_SUCCESS);
	assert_ptr_equal(first, second);
	assert_int_equal(create(L"\\callback\\MINE", OBJ_CASE_INSENSITIVE, TRUE, FALSE, &second), STATUS_SUCCESS);
	assert_ptr_equal(first, second);
	assert_int_equal(create(L"\\callback\\MINE", 0, FALSE, FALSE, &second), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(create(L"\\callback\\MIN{", OBJ_CASE_INSENSITIVE, FALSE, FALSE, &second), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(create(L"\\callback\\MIN3", OBJ_CASE_INSENSITIVE, FALSE, FALSE, &second), STATUS_OBJECT_NAME_NOT_FOUND);
	other = made(NULL, 0, FALSE);
	assert_ptr_not_equal(first, other);
	second = made(NULL, 0, FALSE); /* without a name it is found by nobody */
	assert_ptr_not_equal(second, other);
	ObDereferenceObject(other);
	ObDereferenceObject(second);
	for (uint32_t i = 0; i < 3; i++) {
		assert_status(dhp_wdk_unbind(), DHP_IN_USE);
		assert_int_equal(create(L"\\Callback\\Mine", 0, FALSE, FALSE, &second), STATUS_SUCCESS);
		ObDereferenceObject(second);
		ObDereferenceObject(first);
	}
	assert_int_equal(create(L"\\Callback\\Mine", 0, FALSE, FALSE, &second), STATUS_OBJECT_NAME_NOT_FOUND);
	unbind_sim(engine);
}

static void a_permanent_one_stays_until_the_binding_ends(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	PCALLBACK_OBJECT object = made(L"\\Callback\\Stays", OBJ_PERMANENT, TRUE), again = NULL;

	(void)state;
	ObDereferenceObject(object);
	assert_int_equal(create(L"\\Callback\\Stays", 0, FALSE, FALSE, &again), STATUS_SUCCESS);
	assert_ptr_equal(object, again);
	ObDereferenceObject(again);
	unbind_sim(engine);
	engine = bind_sim_of(2, 1);
	assert_int_equal(create(L"\\Callback\\Stays", 0, FALSE, FALSE, &again), STATUS_OBJECT_NAME_NOT_FOUND);
	unbind_sim(engine);
}

static VOID ignore(PVOID context, PVOID argument_1, PVOID argument_2)
{
	(void)context;
	(void)argument_1;
	(void)argument_2;
}

static void bad_arguments_are_refused_and_nothing_is_made(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	PCALLBACK_OBJECT object = NULL;
	OBJECT_ATTRIBUTES description;
	UNICODE_STRING text, nothing = { .Length = 2 };

	(void)state;
	RtlInitUnicodeString(&text, L"\\Callback\\Mine");
	InitializeObjectAttributes(&description, &text, 0, NULL, NULL);
	assert_int_equal(ExCreateCallback(NULL, &description, TRUE, TRUE), STATUS_INVALID_PARAMETER);
	assert_int_equal(ExCreateCallback(&object, NULL, TRUE, TRUE), STATUS_INVALID_PARAMETER);
	InitializeObjectAttributes(&description, &text, 0, engine, NULL);
	assert_int_equal(ExCreateCallback(&object, &description, TRUE, TRUE), STATUS_INVALID_PARAMETER);
	assert_int_equal(create(NULL, 0, FALSE, TRUE, &object), STATUS_UNSUCCESSFUL);
	assert_int_equal(create(L"", 0, TRUE, TRUE, &object), STATUS_OBJECT_PATH_SYNTAX_BAD);
	InitializeObjectAttributes(&description, &nothing, 0, NULL, NULL);
	assert_int_equal(ExCreateCallback(&object, &description, TRUE, TRUE), STATUS_OBJECT_PATH_SYNTAX_BAD);
	assert_int_equal(create(L"Mine", 0, TRUE, TRUE, &object), STATUS_OBJECT_PATH_SYNTAX_BAD);
	assert_int_equal(create(L"\\Callback\\Mine", 0, FALSE, TRUE, &object), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(create(L"\\Callback\\ProcessorAddX", 0, FALSE, TRUE, &object), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_null(object);
	ExNotifyCallback(NULL, NULL, NULL);
#if DHP_CHECKS < 2
	{
		KIRQL old;
		PVOID registration;

		object = made(L"\\Callback\\Mine", 0, FALSE);
		registration = ExRegisterCallback(object, ignore, NULL);
		assert_non_null(registration);
		KeRaiseIrql(DISPATCH_LEVEL, &old);
		assert_int_equal(create(L"\\Callback\\Mine", 0, TRUE, TRUE, &object), STATUS_INVALID_DEVICE_STATE);
		assert_null(ExRegisterCallback(object, ignore, NULL));
		ExUnregisterCallback(registration);
		KeLowerIrql(old);
		assert_null(ExRegisterCallback(object, ignore, NULL)); /* it goes on */
		ExUnregisterCallback(registration);
		ObDereferenceObject(object);
	}
#endif
	unbind_sim(engine);
	assert_int_equal(create(L"\\Callback\\ProcessorAdd", 0, FALSE, TRUE, &object), STATUS_DEVICE_NOT_READY);
	assert_null(ExRegisterCallback(NULL, ignore, NULL));
}

/* ---- calls ---- */

#define CLIENTS 4u

struct client {
	PCALLBACK_OBJECT object;
	PVOID registration;
	PVOID argument_1, argument_2;
	uint64_t calls, place, stays, go_on, returned;
	uint32_t leaves_at, nests_at; /* the call in which it does; 0: none */
	KIRQL level;
};

static uint64_t places;

static VOID on_call(PVOID context, PVOID argument_1, PVOID argument_2)
{
	struct client *client = context;
	uint64_t call = bump(&client->calls) + 1;

	client->argument_1 = argument_1;
	client->argument_2 = argument_2;
	client->level = KeGetCurrentIrql();
	client->place = bump(&places);
	if (client->leaves_at == call)
		ExUnregisterCallback(client->registration);
	if (client->nests_at == call)
		ExNotifyCallback(client->object, NULL, NULL);
	if (peek(&client->stays) != 0) {
		poke(&client->stays, 2);
		while (peek(&client->go_on) == 0)
			sleep_us(50);
		(void)bump(&client->returned);
	}
}

static void join_all(PCALLBACK_OBJECT object, struct client *clients)
{
	for (uint32_t i = 0; i < CLIENTS; i++) {
		clients[i].object = object;
		clients[i].registration = ExRegisterCallback(object, on_call, &clients[i]);
		assert_non_null(clients[i].registration);
	}
}

static void they_are_called_in_order_at_the_notifiers_level_with_both_arguments_S813(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	PCALLBACK_OBJECT object = made(L"\\Callback\\Order", 0, TRUE);
	struct client clients[CLIENTS] = { { .calls = 0 } };
	KIRQL old;

	(void)state;
	join_all(object, clients);
	ObDereferenceObject(object); /* who is registered keeps it */
	ExUnregisterCallback(clients[1].registration);
	clients[1].registration = ExRegisterCallback(object, on_call, &clients[1]); /* now behind the others */
	for (KIRQL level = PASSIVE_LEVEL; level <= DISPATCH_LEVEL; level += DISPATCH_LEVEL) {
		static const uint32_t order[CLIENTS] = { 0, 2, 3, 1 };

		poke(&places, 0);
		KeRaiseIrql(level, &old);
		ExNotifyCallback(object, &clients[0], &clients[level]);
		KeLowerIrql(old);
		for (uint32_t i = 0; i < CLIENTS; i++) {
			assert_int_equal(clients[order[i]].place, i);
			assert_int_equal(clients[i].level, level);
			assert_ptr_equal(clients[i].argument_1, &clients[0]);
			assert_ptr_equal(clients[i].argument_2, &clients[level]);
		}
	}
	for (uint32_t i = 0; i < CLIENTS; i++) {
		assert_status(dhp_wdk_unbind(), DHP_IN_USE);
		ExUnregisterCallback(clients[i].registration);
	}
	unbind_sim(engine);
}

static void who_removes_itself_in_a_call_is_not_called_again_S815(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	PCALLBACK_OBJECT object = made(L"\\Callback\\Own", 0, TRUE);
	struct client clients[CLIENTS] = { { .calls = 0 } };

	(void)state;
	clients[0].leaves_at = clients[0].nests_at = 1;
	clients[2].leaves_at = 2; /* the inner one of two calls */
	clients[2].nests_at = 1;
	clients[3].leaves_at = 3;
	join_all(object, clients);
	for (uint32_t i = 0; i < 3; i++)
		ExNotifyCallback(object, NULL, NULL);
	assert_int_equal(clients[0].calls, 1);
	assert_int_equal(clients[1].calls, 5);
	assert_int_equal(clients[2].calls, 2);
	assert_int_equal(clients[3].calls, 3);
	ExUnregisterCallback(clients[1].registration);
	ObDereferenceObject(object);
	unbind_sim(engine); /* all of them are gone */
}

struct action {
	struct client *client;
	uint64_t begun, done, returned_before;
};

static void *notify(void *argument)
{
	struct action *action = argument;

	ExNotifyCallback(action->client->object, NULL, NULL);
	(void)bump(&action->done);
	return NULL;
}

static void *remove_it(void *argument)
{
	struct action *action = argument;

	(void)bump(&action->begun);
	ExUnregisterCallback(action->client->registration);
	poke(&action->returned_before, peek(&action->client->returned));
	(void)bump(&action->done);
	return NULL;
}

static bool is_called(void *context)
{
	const struct client *client = context;

	return peek(&client->stays) == 2;
}

/* The call of the first one lasts: the next is removed meanwhile, so no lock is held; it itself cannot be. */
static void no_lock_is_held_in_a_call_the_removed_are_skipped_and_removal_waits_S815(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	PCALLBACK_OBJECT object = made(L"\\Callback\\Waits", 0, TRUE);
	struct client clients[CLIENTS] = { { .stays = 1 } };
	struct action notifies = { .client = &clients[0] }, next = { .client = &clients[1] }, running = { .client = &clients[0] };
	struct helper helpers[3];

	(void)state;
	join_all(object, clients);
	helper_start(&helpers[0], notify, &notifies);
	assert_true(wait_until(is_called, &clients[0]));
	helper_start(&helpers[1], remove_it, &next);
	assert_true(wait_for_count(&next.done, 1));
	assert_int_equal(peek(&clients[0].returned), 0); /* that call goes on */
	helper_start(&helpers[2], remove_it, &running);
	assert_true(wait_for_count(&running.begun, 1));
	sleep_us(20000);
	assert_int_equal(peek(&running.done), 0);
	poke(&clients[0].go_on, 1);
	for (uint32_t i = 0; i < 3; i++)
		helper_join(&helpers[i]);
	assert_int_equal(running.returned_before, 1);
	ExNotifyCallback(object, NULL, NULL);
	assert_int_equal(clients[0].calls, 1);
	assert_int_equal(clients[1].calls, 0);
	assert_int_equal(clients[2].calls, 2);
	assert_int_equal(clients[3].calls, 2);
	ExUnregisterCallback(clients[2].registration);
	ExUnregisterCallback(clients[3].registration);
	ObDereferenceObject(object);
	unbind_sim(engine);
}

/* ---- from many threads ---- */

/* ---- two calls at once ---- */

struct stay {
	PCALLBACK_OBJECT object;
	uint64_t entered, may_leave, left;
};

static VOID stay_inside(PVOID context, PVOID argument_1, PVOID argument_2)
{
	struct stay *stay = argument_1;

	(void)context;
	(void)argument_2;
	poke(&stay->entered, 1);
	(void)wait_for_count(&stay->may_leave, 1);
}

static void *notify_and_stay(void *argument)
{
	struct stay *stay = argument;

	ExNotifyCallback(stay->object, stay, NULL);
	poke(&stay->left, 1);
	return NULL;
}

/* Each lasts as long as its own routine does, whichever began first; then nothing keeps the registration. */
static void of_two_calls_at_once_either_may_end_first(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	PCALLBACK_OBJECT object = made(L"\\Callback\\Two", 0, TRUE);
	PVOID registration = ExRegisterCallback(object, stay_inside, NULL);

	(void)state;
	for (uint32_t first = 0; first < 2; first++) {
		struct stay stays[2] = { { .object = object }, { .object = object } };
		struct helper helpers[2];

		for (uint32_t i = 0; i < 2; i++) {
			helper_start(&helpers[i], notify_and_stay, &stays[i]);
			assert_true(wait_for_count(&stays[i].entered, 1));
		}
		poke(&stays[first].may_leave, 1);
		helper_join(&helpers[first]);
		assert_int_equal(peek(&stays[1 - first].left), 0);
		poke(&stays[1 - first].may_leave, 1);
		helper_join(&helpers[1 - first]);
	}
	ExUnregisterCallback(registration);
	ObDereferenceObject(object);
	unbind_sim(engine);
}

struct guest {
	PCALLBACK_OBJECT object;
	uint64_t stop, wrong;
};

struct visit {
	struct guest *guest;
	uint64_t open; /* calls outside of a registration are wrong */
};

static VOID on_visit(PVOID context, PVOID argument_1, PVOID argument_2)
{
	struct visit *visit = context;

	(void)argument_1;
	(void)argument_2;
	if (peek(&visit->open) == 0)
		(void)bump(&visit->guest->wrong);
}

static void *come_and_go(void *argument)
{
	struct guest *guest = argument;

	for (int i = 0; i < TIMES(300); i++) {
		struct visit visit = { .guest = guest, .open = 1 };
		PVOID registration = ExRegisterCallback(guest->object, on_visit, &visit);

		if (registration == NULL)
			(void)bump(&guest->wrong);
		ExUnregisterCallback(registration);
		poke(&visit.open, 0);
	}
	return NULL;
}

static void *notify_always(void *argument)
{
	struct guest *guest = argument;

	while (peek(&guest->stop) == 0)
		ExNotifyCallback(guest->object, NULL, NULL);
	return NULL;
}

static void many_come_and_go_while_many_notify_S815(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	struct guest guest = { .object = made(L"\\Callback\\Many", 0, TRUE) };
	struct helper guests[2], notifiers[2];

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		helper_start(&notifiers[i], notify_always, &guest);
		helper_start(&guests[i], come_and_go, &guest);
	}
	for (uint32_t i = 0; i < 2; i++)
		helper_join(&guests[i]);
	poke(&guest.stop, 1);
	for (uint32_t i = 0; i < 2; i++)
		helper_join(&notifiers[i]);
	assert_int_equal(peek(&guest.wrong), 0);
	ObDereferenceObject(guest.object);
	unbind_sim(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_lives_while_somebody_refers_to_it),
		cmocka_unit_test(a_permanent_one_stays_until_the_binding_ends),
		cmocka_unit_test(bad_arguments_are_refused_and_nothing_is_made),
		cmocka_unit_test(they_are_called_in_order_at_the_notifiers_level_with_both_arguments_S813),
		cmocka_unit_test(who_removes_itself_in_a_call_is_not_called_again_S815),
		cmocka_unit_test(no_lock_is_held_in_a_call_the_removed_are_skipped_and_removal_waits_S815),
		cmocka_unit_test(of_two_calls_at_once_either_may_end_first),
		cmocka_unit_test(many_come_and_go_while_many_notify_S815),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
