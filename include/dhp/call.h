/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call.h - call one function on all processors at once.
 */
#ifndef DHP_CALL_H
#define DHP_CALL_H

#include <dhp/base.h>

struct dhp_engine;

/*
 * Level: dispatch. It may neither block nor allocate nor take a lock that another thread may hold (S-713): no processor
 * goes on before the slowest has come.
 */
typedef uintptr_t dhp_call_routine(void *argument);

DHP_BEGIN_DECLS

/*
 * dhp_call_all - call one function with one argument on every active processor, together (S-710).
 *
 * The processors meet at a barrier, then all run the function (S-711). The set is that of the active processors at the
 * barrier; one of which the arrival is not complete is not in it (S-715). Concurrent callers take turns (S-714). The result
 * is the value the function returned on the caller's processor (S-712); a thread that runs where no processor of the
 * engine is gets that of index 0. out_result may be NULL.
 *
 * Windows allows it below IPI_LEVEL. Here the caller waits, so it has to be at passive level.
 *
 * Level     passive
 * Blocks    until every processor has run the function to its end; as long as the longest DPC that runs
 * Progress  blocking
 * Orders    what the caller wrote before is visible to each run [call-go]; each run happens before the return [call-ended]
 * Lifetime  argument is used until the return
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_CALLBACK, DHP_WRONG_LEVEL, DHP_NOT_SUPPORTED (the engine has no workers)
 */
DHP_API enum dhp_status dhp_call_all(struct dhp_engine *engine, dhp_call_routine *routine, void *argument,
				     uintptr_t *out_result);

/*
 * dhp_call_meet - inside a function that dhp_call_all runs: go on when all processors of the call have come here.
 *
 * Every run of the function comes to the same meetings.
 *
 * Level     dispatch, inside such a function
 * Blocks    until all have come
 * Progress  blocking
 * Orders    what each did before is visible to all afterwards [call-met]
 * Lifetime  -
 * Returns   true to one of them, the last that came; false at once for a bad engine, or outside such a function
 */
DHP_API bool dhp_call_meet(struct dhp_engine *engine);

DHP_END_DECLS

#endif
