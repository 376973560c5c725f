/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * insert_in_handler.c - never compiled: for a check that looks whether a signal handler calls anything it may not.
 *
 * dhp_dpc_insert may be called in one. The check follows calls within a file only, so here is all that an insert can reach.
 */
#include <signal.h>

#include "../../engine/work/dpc.c"
#include "../../engine/work/insert.c"
#include "../../engine/work/queue.c"
#include "../../engine/percpu/array.c"
#include "../../engine/sync/set.c"
/* Names that two of the files have, each for its own. */
#define create create_thread
#define table_bytes table_bytes_of_work
#define take_out take_out_of_heap
#define wake wake_alarm
#include "../../engine/work/timers.c"
#undef wake
#define told_to_stop worker_told_to_stop
#include "../../engine/work/work.c"
#include "../../engine/work/worker.c"
#include "../../engine/port/posix/alarm_posix.c"
#include "../../engine/port/posix/cpu_posix.c"
#include "../../engine/port/posix/event_posix.c"
#include "../../engine/port/posix/thread_posix.c"

static struct dhp_dpc *object;

static void insert(int number)
{
	(void)number;
	(void)dhp_dpc_insert(object, NULL, NULL);
	(void)dhp_dpc_insert_batch(&object, 1, NULL, NULL, NULL);
}

int main(void)
{
	return signal(SIGALRM, insert) == SIG_ERR;
}
