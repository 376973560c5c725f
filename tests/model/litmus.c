/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * litmus.c - the framework itself: of the known small programs, what C11 forbids never happens, and what it allows does.
 *
 * Problem   if relacy.cpp ordered more than C11, a model would miss what is wrong; if less, it would cry for nothing.
 * Idea      each world is one of the small programs of the literature, with the orders or fences in its name. `forbid` is
 *           asserted after each execution; `want` remembers that its outcome was seen, and the last world asserts that all were.
 *
 * Not       load buffering without fences, two writes against two: C11 allows outcomes there that no interleaving has.
 */
#include "model.h"

#include "atomic.h"

#define WORLDS 16

static struct world {
	struct at_u32 x, y, before, behind;
	uint32_t plain;
	uint32_t r[MODEL_THREADS][2]; /* each its thread's */
} *world;

/* Over all executions: how many, and how many had the outcome. By the line that asks. */
static struct { unsigned line; uint32_t ran, seen; } wanted[WORLDS];

static void before(void)
{
	world = model_alloc(sizeof(*world));
}

static void want_at(unsigned line, bool outcome)
{
	uint32_t i = 0;

	while (wanted[i].line != 0 && wanted[i].line != line)
		i++;
	MODEL_ASSERT(i < WORLDS - 1);
	wanted[i].line = line;
	wanted[i].ran++;
	wanted[i].seen += outcome;
}

#define want(outcome) want_at(__LINE__, outcome)
#define forbid(outcome) MODEL_ASSERT(!(outcome))

static void nothing(void)
{
}

static void all_were_seen(void)
{
	for (uint32_t i = 0; wanted[i].line != 0; i++)
		if (wanted[i].seen == 0)
			model_assert(false, "an outcome that C11 allows was never seen", __FILE__, wanted[i].line);
}

/* One thread: operations on the words, what is read goes into its r[0] and r[1]. */
#define R (world->r[model_thread()])
#define THREAD(name, ...) static void name(void) { __VA_ARGS__; }
#define READ(n, word, order) R[n] = at_load_##order##_u32(&world->word)
#define WRITE(word, order) at_store_##order##_u32(&world->word, 1)
#define SWAP(word, order) (void)at_exchange_##order##_u32(&world->word, 1)
#define FENCE at_fence_seq_cst()
#define AFTER(name, what, outcome) static void name(void) { uint32_t (*r)[2] = world->r; what(outcome); }

/* ---- SB: store, then look at what the other stores ---- */

THREAD(sb_x, WRITE(x, release); READ(0, y, acquire))
THREAD(sb_y, WRITE(y, release); READ(0, x, acquire))
THREAD(sb_x_swap, SWAP(x, acq_rel); READ(0, y, acquire))
THREAD(sb_y_swap, SWAP(y, acq_rel); READ(0, x, acquire))
THREAD(sb_x_fence, WRITE(x, relaxed); FENCE; READ(0, y, relaxed))
THREAD(sb_y_fence, WRITE(y, relaxed); FENCE; READ(0, x, relaxed))
THREAD(sb_x_seq_cst, WRITE(x, seq_cst); READ(0, y, seq_cst))
THREAD(sb_y_seq_cst, SWAP(y, seq_cst); READ(0, x, seq_cst))
THREAD(sb_y_half, SWAP(y, seq_cst); READ(0, x, acquire))
AFTER(sb_wanted, want, r[0][0] == 0 && r[1][0] == 0)
AFTER(sb_swap_wanted, want, r[0][0] == 0 && r[1][0] == 0)
AFTER(sb_one_fence_wanted, want, r[0][0] == 0 && r[1][0] == 0)
AFTER(sb_half_wanted, want, r[0][0] == 0 && r[1][0] == 0)
AFTER(sb_forbidden, forbid, r[0][0] == 0 && r[1][0] == 0)

/* ---- MP: store, then say so ---- */

THREAD(mp_write, WRITE(x, relaxed); WRITE(y, release))
THREAD(mp_write_relaxed, WRITE(x, relaxed); WRITE(y, relaxed))
THREAD(mp_write_fence, world->plain = 1; WRITE(x, relaxed); FENCE; WRITE(y, relaxed))
THREAD(mp_read, READ(0, y, acquire); READ(1, x, relaxed))
THREAD(mp_read_relaxed, READ(0, y, relaxed); READ(1, x, relaxed))
THREAD(mp_read_plain, READ(0, y, relaxed); FENCE; if (R[0] != 0) MODEL_ASSERT(world->plain == 1))
AFTER(mp_no_release, want, r[1][0] == 1 && r[1][1] == 0)
AFTER(mp_no_acquire, want, r[1][0] == 1 && r[1][1] == 0)
AFTER(mp_one_fence, want, r[1][0] == 1 && r[1][1] == 0)
AFTER(mp_forbidden, forbid, r[1][0] == 1 && r[1][1] == 0)

/* ---- LB: look, then store what the other looks for ---- */

THREAD(lb_x, READ(0, x, relaxed); FENCE; WRITE(y, relaxed))
THREAD(lb_y, READ(0, y, relaxed); FENCE; WRITE(x, relaxed))
AFTER(lb_forbidden, forbid, r[0][0] == 1 && r[1][0] == 1)

/* ---- WRC: what one has seen, told to a third ---- */

THREAD(write_x, WRITE(x, relaxed))
THREAD(write_y, WRITE(y, relaxed))
THREAD(wrc_tell, READ(0, x, acquire); if (R[0] != 0) WRITE(y, release))
THREAD(wrc_tell_relaxed, READ(0, x, relaxed); if (R[0] != 0) WRITE(y, relaxed))
THREAD(wrc_tell_fence, READ(0, x, relaxed); FENCE; if (R[0] != 0) WRITE(y, relaxed))
AFTER(wrc_wanted, want, r[2][0] == 1 && r[2][1] == 0)
AFTER(wrc_forbidden, forbid, r[2][0] == 1 && r[2][1] == 0)

/* ---- IRIW: do two see two stores in one order? Fences between relaxed loads do not say so in C11. ---- */

THREAD(write_x_seq_cst, WRITE(x, seq_cst))
THREAD(write_y_seq_cst, WRITE(y, seq_cst))
THREAD(x_then_y, READ(0, x, acquire); READ(1, y, acquire))
THREAD(y_then_x, READ(0, y, acquire); READ(1, x, acquire))
THREAD(x_then_y_seq_cst, READ(0, x, seq_cst); READ(1, y, seq_cst))
THREAD(y_then_x_seq_cst, READ(0, y, seq_cst); READ(1, x, seq_cst))
THREAD(x_then_y_fence, READ(0, x, relaxed); FENCE; READ(1, y, relaxed))
THREAD(y_then_x_fence, READ(0, y, relaxed); FENCE; READ(1, x, relaxed))
#define IRIW_SPLIT (r[2][0] == 1 && r[2][1] == 0 && r[3][0] == 1 && r[3][1] == 0)
AFTER(iriw_wanted, want, IRIW_SPLIT)
AFTER(iriw_fences_wanted, want, IRIW_SPLIT)
AFTER(iriw_forbidden, forbid, IRIW_SPLIT)

/* ---- a fence tells nothing to who has acquired what was released before it, though x comes first, and it before who looks ---- */

THREAD(late_x, SWAP(x, seq_cst); READ(0, before, seq_cst))
THREAD(late_fence, WRITE(before, relaxed); WRITE(y, release); FENCE; READ(0, behind, relaxed))
THREAD(late_look, SWAP(behind, seq_cst); READ(0, y, acquire); READ(1, x, relaxed))
AFTER(late_wanted, want, r[0][0] == 0 && r[1][0] == 0 && r[2][0] == 1 && r[2][1] == 0)

/* ---- a compare and exchange that fails may have found what is old ---- */

THREAD(fail_and_read, uint32_t none = 7; READ(0, y, relaxed);
       (void)at_cas_relaxed_u32(&world->x, &none, 8); R[1] = none)
AFTER(fail_wanted, want, r[1][0] == 1 && r[1][1] == 0)

const struct model_world model_worlds[] = {
	{ "sb", before, { sb_x, sb_y }, sb_wanted, 1 },
	{ "sb_swap", before, { sb_x_swap, sb_y_swap }, sb_swap_wanted, 1 },
	{ "sb_one_fence", before, { sb_x_fence, sb_y }, sb_one_fence_wanted, 1 },
	{ "sb_half_seq_cst", before, { sb_x_seq_cst, sb_y_half }, sb_half_wanted, 1 },
	{ "sb_fences", before, { sb_x_fence, sb_y_fence }, sb_forbidden, 1 },
	{ "sb_seq_cst", before, { sb_x_seq_cst, sb_y_seq_cst }, sb_forbidden, 1 },
	{ "sb_fence_and_seq_cst", before, { sb_x_fence, sb_y_seq_cst }, sb_forbidden, 1 },
	{ "mp", before, { mp_write, mp_read }, mp_forbidden, 1 },
	{ "mp_no_release", before, { mp_write_relaxed, mp_read }, mp_no_release, 1 },
	{ "mp_no_acquire", before, { mp_write, mp_read_relaxed }, mp_no_acquire, 1 },
	{ "mp_one_fence", before, { mp_write_fence, mp_read_relaxed }, mp_one_fence, 1 },
	{ "mp_fences", before, { mp_write_fence, y_then_x_fence }, mp_forbidden, 1 },
	{ "mp_plain", before, { mp_write_fence, mp_read_plain }, NULL, 1 },
	{ "lb_fences", before, { lb_x, lb_y }, lb_forbidden, 1 },
	{ "wrc", before, { write_x, wrc_tell_relaxed, mp_read }, wrc_wanted, 4 },
	{ "wrc_release", before, { write_x, wrc_tell, mp_read }, wrc_forbidden, 1 },
	{ "wrc_fences", before, { write_x, wrc_tell_fence, y_then_x_fence }, wrc_forbidden, 1 },
	{ "iriw_acquire", before, { write_x, write_y, x_then_y, y_then_x }, iriw_wanted, 4 },
	{ "iriw_fences", before, { write_x, write_y, x_then_y_fence, y_then_x_fence }, iriw_fences_wanted, 4 },
	{ "iriw_seq_cst", before, { write_x_seq_cst, write_y_seq_cst, x_then_y_seq_cst, y_then_x_seq_cst }, iriw_forbidden, 1 },
	{ "late_fence", before, { late_x, late_fence, late_look }, late_wanted, 16 },
	{ "failing_cas", before, { mp_write_relaxed, fail_and_read }, fail_wanted, 1 },
	{ "all_were_seen", nothing, { nothing }, all_were_seen, 1 },
	{ .name = NULL },
};
