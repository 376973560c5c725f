/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refuse.c - which call is refused, and which places of calls have been reached.
 */
#include "refuse.h"

#include <fcntl.h>

#define ERRORS_LIMIT 6u

static const struct {
	const char *name;
	bool waits;
	int errors[ERRORS_LIMIT]; /* 0: behind the last */
} calls[REFUSE_CALL_COUNT] = {
#define REFUSE_ROW(name, waits, ...) [REFUSE_##name] = { #name, waits, { __VA_ARGS__ } },
	REFUSE_CALLS(REFUSE_ROW)
#undef REFUSE_ROW
};

const char *refuse_name(uint32_t call)
{
	return calls[call].name;
}

uint32_t refuse_errors(uint32_t call, const int **out_errors)
{
	uint32_t count = 0;

	while (count < ERRORS_LIMIT && calls[call].errors[count] != 0)
		count++;
	*out_errors = calls[call].errors;
	return count;
}

/* ---- places ---- */

static struct refuse_site sites[REFUSE_SITES + 1];

const struct refuse_site *refuse_sites(void)
{
	return sites;
}

void refuse_forget_others(void)
{
	for (uint32_t i = 0; i < REFUSE_SITES; i++)
		__atomic_store_n(&sites[i].by_others, false, __ATOMIC_RELAXED);
}

static struct refuse_site *note(enum refuse_call call, const void *address)
{
	for (uint32_t i = 0; i < REFUSE_SITES; i++) {
		const void *known = __atomic_load_n(&sites[i].address, __ATOMIC_RELAXED);

		if (known == NULL && __atomic_compare_exchange_n(&sites[i].address, &known, address, false, __ATOMIC_RELAXED,
								 __ATOMIC_RELAXED)) {
			__atomic_store_n(&sites[i].call, call, __ATOMIC_RELAXED);
			return &sites[i];
		}
		if (known == address)
			return &sites[i];
	}
	return &sites[REFUSE_SITES - 1];
}

/* ---- the plan ---- */

static struct refusal plan;     /* written while no run is armed and the engine's threads of the last are gone, or by one store */
static struct refused result;
static uint64_t armed, left, fired;
static _Thread_local bool is_mine;

void refuse_arm(const struct refusal *refusal)
{
	plan = *refusal;
	result = (struct refused){ .hit = false };
	poke(&left, refusal->nth);
	poke(&fired, 0);
	is_mine = true;
	__atomic_store_n(&armed, 1, __ATOMIC_RELEASE);
}

struct refused refuse_disarm(void)
{
	__atomic_store_n(&armed, 0, __ATOMIC_RELEASE);
	is_mine = false;
	if (__atomic_load_n(&fired, __ATOMIC_ACQUIRE) == 0)
		return (struct refused){ .hit = false };
	return result;
}

bool refuse_fired(void)
{
	return __atomic_load_n(&fired, __ATOMIC_ACQUIRE) != 0;
}

/* True to the one who comes last. */
static bool is_its_turn(void)
{
	uint64_t now = peek(&left);

	while (now != 0)
		if (__atomic_compare_exchange_n(&left, &now, now - 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return now == 1;
	return false;
}

static void fire(enum refuse_call call, int error, const void *address)
{
	result = (struct refused){ .hit = true, .call = call, .error = error, .site = address };
	__atomic_store_n(&fired, 1, __ATOMIC_RELEASE);
}

static bool takes_memory(enum refuse_call call)
{
	const int *errors;
	uint32_t count = refuse_errors(call, &errors);

	for (uint32_t i = 0; i < count && !calls[call].waits; i++)
		if (errors[i] == ENOMEM)
			return true;
	return false;
}

/* A thread without a stack is one too many to the C library. */
static int no_memory_for(enum refuse_call call)
{
	return call == REFUSE_pthread_create ? EAGAIN : ENOMEM;
}

static int without_memory(enum refuse_call call, const void *address)
{
	if (!takes_memory(call))
		return 0;
	if (refuse_fired())
		return no_memory_for(call);
	if (!is_mine || !is_its_turn())
		return 0;
	fire(call, no_memory_for(call), address);
	return no_memory_for(call);
}

int refuse_now(enum refuse_call call, const void *address)
{
	struct refuse_site *site = note(call, address);
	const int *errors;
	uint32_t count;

	if (__atomic_load_n(&armed, __ATOMIC_ACQUIRE) == 0)
		return 0;
	if (plan.memory)
		return without_memory(call, address);
	if (!is_mine || calls[call].waits)
		__atomic_store_n(&site->by_others, true, __ATOMIC_RELAXED);
	if (plan.site != NULL ? plan.site != address : !is_mine || calls[call].waits)
		return 0;
	if (!is_its_turn())
		return 0;
	count = refuse_errors(call, &errors);
	fire(call, errors[plan.error % count], address);
	return result.error;
}

__attribute__((noinline)) enum dhp_status callback_status(void)
{
	return (enum dhp_status)REFUSE_HERE(callback);
}

/* ---- what is left ---- */

bool balance_same(const struct balance *a, const struct balance *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

void balance_say(const struct balance *before, const struct balance *after)
{
	print_error("left: %lld objects, %lld ranges, %lld threads, %lld descriptors, %lld folders\n",
		    (long long)(after->objects - before->objects), (long long)(after->ranges - before->ranges),
		    (long long)(after->threads - before->threads), (long long)(after->files - before->files),
		    (long long)(after->folders - before->folders));
}
