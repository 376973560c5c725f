/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * points.c - the enumeration.
 */
#include "points.h"

#include <sched.h>

#include "picture.h"

static FILE *report;
static bool whole; /* with every error of every call */
static uint32_t points_count;

bool points_open(const char *path, bool with_every_error)
{
	whole = with_every_error;
	report = fopen(path, "w");
	return report != NULL;
}

extern const char __executable_start[];

static unsigned long offset_of(const void *address)
{
	return (unsigned long)((const char *)address - __executable_start);
}

void points_close(void)
{
	for (const struct refuse_site *site = refuse_sites(); site->address != NULL; site++)
		(void)fprintf(report, "site %s %lx\n", refuse_name(site->call), offset_of(site->address));
	(void)fclose(report);
	print_message("%u points\n", points_count);
}

void no_world(struct stage *stage)
{
	(void)stage;
}

void clear_nothing(struct stage *stage)
{
	(void)stage;
}

/* ---- one run ---- */

static void count_run(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(context);
}

/* One object to each processor. */
static void assert_works(struct stage *stage)
{
	static struct dhp_dpc dpcs[64];
	uint32_t count = active_count(stage->engine);
	uint64_t runs = peek(&stage->runs);

	for (uint32_t i = 0; i < count; i++) {
		assert_ok(dhp_dpc_init(&dpcs[i], stage->engine, count_run, &stage->runs));
		assert_ok(dhp_dpc_set_target(&dpcs[i], i));
		assert_ok(dhp_dpc_insert(&dpcs[i], NULL, NULL));
	}
	assert_ok(dhp_dpc_flush(stage->engine));
	assert_true(peek(&stage->runs) == runs + count);
	assert_consistent(stage->engine);
}

/* What was asked for is delivered, what was deferred is freed. */
static void settle(const struct stage *stage)
{
	if (stage->engine == NULL)
		return;
	assert_ok(dhp_rebalance_drain(stage->engine));
	assert_ok(dhp_arrival_drain(stage->engine));
	assert_ok(dhp_epoch_drain(stage->engine));
}

static void assert_balance(const struct balance *before, bool keeps)
{
	struct balance after = balance_now(), expected = *before;

	if (keeps) {
		expected.objects = after.objects;
		expected.threads = after.threads;
	}
	if (balance_same(&expected, &after))
		return;
	balance_say(before, &after);
	fail();
}

struct look {
	struct picture picture;
	struct balance balance;
	int64_t slots, blocks;
};

static void take_look(struct stage *stage, struct look *look, bool moves)
{
	settle(stage);
	if (stage->engine != NULL && !moves)
		picture_take(stage->engine, &look->picture);
	look->balance = balance_now();
	look->slots = stage->slots;
	look->blocks = stage->blocks;
}

static void assert_rolled_back(const struct scenario *scenario, struct stage *stage, const struct look *before)
{
	static struct picture after;

	settle(stage);
	if (stage->engine == NULL || (scenario->flags & POINT_LIVES) == 0)
		assert_balance(&before->balance, (scenario->flags & POINT_KEEPS) != 0);
	if (stage->engine != NULL && (scenario->flags & POINT_MOVES) == 0) {
		picture_take(stage->engine, &after);
		assert_same_picture(&before->picture, &after);
	}
	assert_true(stage->slots == before->slots);
	assert_true(stage->blocks == before->blocks);
}

static void finish(const struct scenario *scenario, struct stage *stage, const struct look *before)
{
	assert_true(peek(&stage->starts) == peek(&stage->seconds));
	if (stage->engine != NULL)
		assert_works(stage);
	if (scenario->undo != NULL)
		scenario->undo(stage);
	settle(stage);
	if (scenario->undo != NULL)
		assert_balance(&before->balance, (scenario->flags & (POINT_KEEPS | POINT_LEAVES)) != 0);
}

static struct refused run(const struct scenario *scenario, const struct refusal *refusal, enum dhp_status *out_status)
{
	static struct look before;
	static struct stage stage; /* large, and threads of an engine write into it */
	struct balance nothing = balance_now();
	struct refused refused;
	cpu_set_t cpus, cpus_after;

	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	memset(&stage, 0, sizeof(stage));
	scenario->set(&stage);
	take_look(&stage, &before, (scenario->flags & POINT_MOVES) != 0);
	refuse_arm(refusal);
	*out_status = scenario->act(&stage);
	refused = refuse_disarm();
	if (dhp_failed(*out_status)) {
		assert_true(refused.hit);
		assert_true((scenario->flags & POINT_MUST_SUCCEED) == 0);
		assert_rolled_back(scenario, &stage, &before);
		assert_false(dhp_failed(scenario->act(&stage)));
	}
	finish(scenario, &stage, &before);
	scenario->clear(&stage);
	assert_balance(&nothing, false);
	assert_int_equal(sched_getaffinity(0, sizeof(cpus_after), &cpus_after), 0);
	assert_true(CPU_EQUAL(&cpus, &cpus_after));
	return refused;
}

/* ---- all of them ---- */

/* Where a failing assert was. */
static struct {
	const char *name; /* NULL: in no point */
	struct refusal refusal;
} here;

int points_where(void **state)
{
	struct refused refused = refuse_disarm();

	(void)state;
	if (here.name != NULL)
		print_error("%s: call %u%s, error %u: %s at %lx%s\n", here.name, here.refusal.nth,
			    here.refusal.site != NULL ? " of one place" : "", here.refusal.error,
			    refused.hit ? refuse_name(refused.call) : "not reached", offset_of(refused.site),
			    refused.hit ? "" : ", or another one");
	here.name = NULL;
	return 0;
}

static struct refused one(const struct scenario *scenario, const struct refusal *refusal)
{
	enum dhp_status status = DHP_OK;
	struct refused refused;

	here.name = scenario->name;
	here.refusal = *refusal;
	refused = run(scenario, refusal, &status);
	here.name = NULL;
	if (!refused.hit)
		return refused;
	points_count++;
	(void)fprintf(report, "point %s %s %d %lx %s\n", scenario->name, refuse_name(refused.call), refused.error,
		      offset_of(refused.site), dhp_status_name(status));
	return refused;
}

/* The first was made. Otherwise one for each call, by turns, which takes a third of the time. */
static void all_errors(const struct scenario *scenario, struct refusal refusal, uint32_t call)
{
	const int *errors;
	uint32_t count = refuse_errors(call, &errors);

	for (uint32_t i = 1; whole && i < count; i++) {
		refusal.error++;
		(void)one(scenario, &refusal);
	}
}

#define STRIDE (UNDER_TSAN ? 5u : 1u) /* a sample is enough where each run is that slow */

static void own_calls(const struct scenario *scenario)
{
	for (uint32_t nth = 1;; nth += STRIDE) {
		const struct refusal refusal = { .nth = nth, .error = nth };
		struct refused refused = one(scenario, &refusal);

		if (!refused.hit)
			return;
		all_errors(scenario, refusal, refused.call);
	}
}

static void others_calls(const struct scenario *scenario)
{
	for (const struct refuse_site *site = refuse_sites(); site->address != NULL; site++) {
		for (uint32_t nth = 1; nth <= 2 && site->by_others; nth++) {
			const struct refusal refusal = { .site = site->address, .nth = nth, .error = nth };
			struct refused refused = one(scenario, &refusal);

			if (refused.hit)
				all_errors(scenario, refusal, refused.call);
		}
	}
}

void points_run(const struct scenario *scenario)
{
	const struct refusal none = { .nth = 0 };

	refuse_forget_others();
	if ((scenario->flags & POINT_OTHERS_ONLY) != 0)
		(void)one(scenario, &none);
	else
		own_calls(scenario);
	if ((scenario->flags & (POINT_OTHERS | POINT_OTHERS_ONLY)) != 0)
		others_calls(scenario);
}

void points_test(void **state)
{
	points_run(*state);
}
