/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.h - the calling thread confined to chosen processors of a group, for a while; or kept on one of them for good.
 *
 * A thread has its user affinity, which spans all groups (S-549), until the first set; then a system affinity until that is
 * reverted. Two patterns work (S-546): pairs that nest, each set keeping its own previous affinity for its revert; and
 * several sets of which only the first keeps it, with one revert at the end.
 *
 * On a simulated partition nothing is pinned: a thread confined to simulated processors counts as running on one of them,
 * which is what dhp_index_here and dhp_percpu_here say. On the machine the kernel confines it, to those of the chosen
 * processors that the cpuset has.
 *
 * Only the calling thread's affinity is changed. A thread whose affinity counts as the process's (watch_thread) should not
 * be confined: the engine would find fewer usable processors.
 */
#ifndef DHP_THREAD_H
#define DHP_THREAD_H

#include <dhp/base.h>

struct dhp_engine;
struct dhp_affinity_token;

/* Keeps a thread on a processor. The caller's memory, and the library's between dhp_pin_keep and dhp_pin_drop. */
struct dhp_pin {
	uint64_t opaque[24];
} __attribute__((aligned(8))); /* on 32-bit machines too */

struct dhp_pin_state {
	uint32_t index;
	/*
	 * DHP_OK: the thread was on its processor at the last look. DHP_NO_AFFINITY: it is not, because the processor is not
	 * usable or the system refuses. DHP_IN_USE: a system affinity is in force instead. DHP_ENDED: the thread has ended.
	 */
	enum dhp_status status;
	uint64_t restored_count; /* times it was found elsewhere, and pinned again */
	uint64_t refused_count;  /* times the system refused that */
};

/* S-520: a mask, the group it belongs to, and words that must be zero. A zero mask stands for the user affinity. */
struct dhp_affinity {
	uint64_t mask;
	uint16_t group;
	uint16_t reserved[3];
};

DHP_BEGIN_DECLS

/*
 * dhp_thread_affinity_set - from the return on the calling thread runs on the chosen active processors only (S-542, S-544).
 *
 * Processors that are not active are left out, also one that is being added (S-548); one of which Complete tells can be
 * chosen at once (S-547). *out_previous, which may be NULL, becomes the system affinity that was in force, or zero if it was
 * the user affinity (S-543) or the call failed. At dispatch level the call is refused: a routine runs on one processor
 * anyhow.
 *
 * Level     passive; also inside notification callbacks
 * Blocks    until the thread runs on one of them
 * Progress  blocking
 * Orders    nothing
 * Lifetime  until the revert. A thread reverts before the engine is destroyed and before it uses another engine for this.
 * Returns   DHP_OK; DHP_BAD_ENGINE; DHP_BAD_OBJECT (no affinity), DHP_BAD_GROUP, DHP_BAD_MASK (no active processor is
 *           chosen, or reserved words are not zero); DHP_NO_AFFINITY (none of them is usable now, or the system refused);
 *           DHP_IN_USE (another engine's affinity is in force); DHP_WRONG_LEVEL. On failure nothing changes but
 *           *out_previous.
 */
DHP_API enum dhp_status dhp_thread_affinity_set(struct dhp_engine *engine, const struct dhp_affinity *affinity,
						struct dhp_affinity *out_previous);

/*
 * dhp_thread_affinity_revert - back to what a set stored in *out_previous (S-545).
 *
 * A zero mask restores the user affinity: what it was at the first set, or what the user made of it since. Each revert to a
 * system affinity takes effect (S-546).
 *
 * Level     passive; also inside notification callbacks
 * Blocks    as dhp_thread_affinity_set
 * Progress  blocking
 * Orders    nothing
 * Lifetime  -
 * Returns   DHP_OK; DHP_NO_EFFECT without an earlier set; otherwise as dhp_thread_affinity_set
 */
DHP_API enum dhp_status dhp_thread_affinity_revert(struct dhp_engine *engine, const struct dhp_affinity *previous);

/*
 * dhp_thread_mask_set, dhp_thread_mask_revert - the same for the group of dhp_old_group only (S-540, S-541, S-534).
 *
 * *out_previous is 0 also when the system affinity in force was one of another group.
 *
 * Level     as dhp_thread_affinity_set
 * Blocks    as dhp_thread_affinity_set
 * Progress  blocking
 * Orders    nothing
 * Lifetime  as dhp_thread_affinity_set
 * Returns   as dhp_thread_affinity_set and dhp_thread_affinity_revert
 */
DHP_API enum dhp_status dhp_thread_mask_set(struct dhp_engine *engine, uint64_t mask, uint64_t *out_previous);
DHP_API enum dhp_status dhp_thread_mask_revert(struct dhp_engine *engine, uint64_t previous);

/*
 * dhp_affinity_token_create, dhp_affinity_token_destroy - room for an affinity over several groups and for what it replaces.
 * NULL is accepted by the second.
 *
 * Level     passive
 * Blocks    never
 * Progress  wait-free but for the allocation
 * Orders    nothing
 * Lifetime  until it is destroyed, before the engine; a token serves one set at a time, and its revert
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_RESULT, DHP_NO_MEMORY, DHP_WRONG_LEVEL; DHP_IN_USE between set and revert
 */
DHP_API enum dhp_status dhp_affinity_token_create(struct dhp_engine *engine, struct dhp_affinity_token **out_token);
DHP_API enum dhp_status dhp_affinity_token_destroy(struct dhp_affinity_token *token);

/*
 * dhp_thread_affinities_set, dhp_thread_affinities_revert - the same over several groups at once (S-550).
 *
 * Processors that are not active are left out; one has to remain. Pairs nest, each with a token of its own, also inside a
 * pair of the calls above; those are refused with DHP_IN_USE while several groups are in force, as they could not say what
 * they replace.
 *
 * Level     as dhp_thread_affinity_set
 * Blocks    as dhp_thread_affinity_set
 * Progress  blocking
 * Orders    nothing
 * Lifetime  as dhp_thread_affinity_set; the token stays until the revert, by the same thread
 * Returns   DHP_OK; DHP_NO_EFFECT: it is not this token that is in force; DHP_IN_USE: the token is, already, or another
 *           engine's affinity; DHP_BAD_OBJECT, DHP_BAD_COUNT (zero), DHP_BAD_GROUP, DHP_BAD_MASK, DHP_NO_AFFINITY,
 *           DHP_WRONG_LEVEL. On failure nothing changes.
 */
DHP_API enum dhp_status dhp_thread_affinities_set(struct dhp_affinity_token *token, const struct dhp_affinity *affinities,
						  uint32_t count);
DHP_API enum dhp_status dhp_thread_affinities_revert(struct dhp_affinity_token *token);

/*
 * dhp_pin_keep - pin the calling thread to an active processor, and keep it there.
 *
 * The system takes pins away without a sign: when a cpuset is written, when the processor goes offline, when another process
 * sets masks. Each look of the engine (poll_interval_ms, dhp_engine_rescan) restores what it finds lost, from outside: the
 * thread does nothing for it. Above 1024 threads a look without a change of the set takes them in turns. A refusal is told
 * to the trace hook, and tried again after 1, 2, 4 ... looks.
 *
 * While the processor is offline or outside the cpuset the system lets the thread run elsewhere; when it is back, so is the
 * thread. Sets and reverts of a system affinity nest inside: until the last revert the thread is where those say. A
 * simulated processor is entered as by dhp_sim_enter, and nothing has to be restored.
 *
 * Level     passive; also inside notification callbacks
 * Blocks    until the thread runs there, and while a look goes on
 * Progress  blocking
 * Orders    nothing
 * Lifetime  until dhp_pin_drop, which comes before the engine's end; the object has to live so long, also when the thread
 *           does not. It need not be initialised. A watched thread (watch_thread) should not be kept, see above.
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_OBJECT (NULL or not aligned), DHP_BAD_INDEX (not active); DHP_NO_AFFINITY (the
 *           processor is not usable now, or the system refused), DHP_NO_MEMORY; DHP_IN_USE (the thread is kept already, has a
 *           system affinity, or the object keeps another thread); DHP_WRONG_LEVEL. On failure nothing changes.
 */
DHP_API enum dhp_status dhp_pin_keep(struct dhp_engine *engine, struct dhp_pin *pin, uint32_t index);

/*
 * dhp_pin_drop - no longer: the thread may run where it could before, or if none of that is left where the process may.
 *
 * By the thread itself; by anybody when that has ended.
 *
 * Level     as dhp_pin_keep
 * Blocks    while a look goes on
 * Progress  blocking
 * Orders    nothing
 * Lifetime  the object is the caller's at the return
 * Returns   DHP_OK; DHP_BAD_ENGINE; DHP_BAD_OBJECT (it keeps no thread of this engine); DHP_IN_USE (its thread lives and is
 *           not the caller, or a system affinity is in force: revert first); DHP_WRONG_LEVEL. On failure nothing changes.
 */
DHP_API enum dhp_status dhp_pin_drop(struct dhp_engine *engine, struct dhp_pin *pin);

/*
 * dhp_pin_read - whether a thread that is kept is where it should be.
 *
 * Level     as dhp_pin_keep
 * Blocks    while a look goes on
 * Progress  blocking
 * Orders    nothing
 * Lifetime  a copy
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_OBJECT (it keeps no thread of this engine), DHP_BAD_RESULT, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_pin_read(struct dhp_engine *engine, struct dhp_pin *pin, struct dhp_pin_state *out_state);

DHP_END_DECLS

#endif
