/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.h - write down every change that an engine sees, and let a simulated partition go through the same again.
 *
 * A recording is text, one change a line (docs/record-format.md): first what there is at its start, then what each look and
 * each call found, with its time. It names no host, no user and no file, so that it can be attached to a bug report. An
 * engine made from it (dhp_sim_options.replay) begins with the same processors under the same indices and finds the same
 * changes at the same looks; whoever is registered with it hears what was heard then, as often as one likes, at any speed.
 */
#ifndef DHP_RECORD_H
#define DHP_RECORD_H

#include <dhp/base.h>

struct dhp_engine;
struct dhp_record;
struct dhp_replay;

/*
 * Takes one line, its end included. false: it could not be kept; nothing is written any more, and the engine goes on.
 *
 * Level: passive, in whatever thread saw the change, one call at a time, while a processor may arrive: be brief. It may not
 * call into the engine.
 */
typedef bool dhp_record_write(void *context, const char *line, size_t length);

/* What there is to say about a recording, and about which of its lines, from 1; 0 and NULL: nothing. */
struct dhp_replay_note {
	uint32_t line;
	const char *text; /* constant */
};

/* As fast as possible: for dhp_replay_run. */
#define DHP_REPLAY_AT_ONCE 0u

DHP_BEGIN_DECLS

/*
 * dhp_record_begin - write what there is now, and from now on every change.
 *
 * A processor that was refused before is tried again at the next look, as after dhp_engine_rescan, so that the recording
 * tells why. An engine has one recording at a time.
 *
 * Level     passive, not from a Start, Complete or Failure callback
 * Blocks    while a processor arrives, and for the writing
 * Progress  blocking
 * Orders    what comes after the return is in the recording
 * Lifetime  until dhp_record_end; context must live as long, and the engine cannot be destroyed before
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_CALLBACK, DHP_BAD_RESULT, DHP_IN_USE, DHP_NO_MEMORY, DHP_CANNOT_WRITE,
 *           DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_record_begin(struct dhp_engine *engine, dhp_record_write *write, void *context,
					 struct dhp_record **out_record);

/*
 * dhp_record_end - write no more; after the return no write runs. NULL is accepted.
 *
 * Level     passive, not from a Start, Complete or Failure callback
 * Blocks    while a processor arrives
 * Progress  blocking
 * Orders    every write happens before the return
 * Lifetime  the handle is gone at the return, but after DHP_IN_CALLBACK and DHP_WRONG_LEVEL
 * Returns   DHP_OK; DHP_CANNOT_WRITE: a write failed, the recording ends before that line; DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_record_end(struct dhp_record *record);

/*
 * dhp_replay_open - check a recording and keep a copy of it. One may serve several engines.
 *
 * Every line is checked, so that nothing can be wrong later. A last line without its end is left out, and so are changes
 * whose look is missing: that is how a recording ends whose program was killed. *out_note, which may be NULL, says so; or
 * what is wrong and where.
 *
 * Level     passive
 * Blocks    no
 * Progress  wait-free, but for the memory
 * Orders    nothing
 * Lifetime  until dhp_replay_close; text may go after the return
 * Returns   DHP_OK; DHP_BAD_RECORD, DHP_BAD_RESULT, DHP_NO_MEMORY, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_replay_open(const char *text, size_t length, struct dhp_replay **out_replay,
					struct dhp_replay_note *out_note);

/*
 * dhp_replay_close - forget a recording. NULL is accepted.
 *
 * Level     passive
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  the engines made from it must be gone
 * Returns   DHP_OK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_replay_close(struct dhp_replay *replay);

/*
 * dhp_replay_next - when the next change is due, in ns since the recording's start.
 *
 * Level     passive, not from a Start, Complete or Failure callback
 * Blocks    while a processor arrives
 * Progress  blocking
 * Orders    nothing
 * Lifetime  -
 * Returns   DHP_OK; DHP_AT_END: there is none; DHP_BAD_ENGINE, DHP_BAD_RESULT, DHP_IN_CALLBACK, DHP_WRONG_LEVEL;
 *           DHP_NOT_SUPPORTED: the engine was not made from a recording
 */
DHP_API enum dhp_status dhp_replay_next(struct dhp_engine *engine, uint64_t *out_time_ns);

/*
 * dhp_replay_step - the next change happens now, in the calling thread: one look or call of the recording, with all arrivals
 * that follow from it.
 *
 * The synchronous callbacks have returned at the return. The asynchronous channel speaks some time later; who wants one
 * order over both calls dhp_sim_arrivals_hold around the step, and dhp_arrival_drain after.
 *
 * Level     passive, not from a Start, Complete or Failure callback (S-196)
 * Blocks    for the arrivals
 * Progress  blocking
 * Orders    as dhp_engine_rescan
 * Lifetime  -
 * Returns   DHP_OK, also when an arrival failed, as it may have then; DHP_AT_END; DHP_BAD_ENGINE, DHP_NOT_SUPPORTED,
 *           DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_replay_step(struct dhp_engine *engine);

/*
 * dhp_replay_run - all that is left, at percent of the recorded speed; DHP_REPLAY_AT_ONCE: without waiting.
 *
 * Level     passive, not from a Start, Complete or Failure callback (S-196)
 * Blocks    to the end of the recording
 * Progress  blocking
 * Orders    as dhp_replay_step, one after another
 * Lifetime  -
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_NOT_SUPPORTED, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_replay_run(struct dhp_engine *engine, uint32_t percent);

DHP_END_DECLS

#endif
