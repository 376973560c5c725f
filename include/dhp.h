/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dhp.h - everything of libdhp in one include.
 *
 * A processor may arrive while the program runs. This library keeps per-processor data and work queues that
 * take the newcomer in while the load goes on, and tells who asked to be told. Each part can be used alone:
 * include its header instead of this one.
 */
#ifndef DHP_H
#define DHP_H

#include <dhp/base.h>
#include <dhp/change.h>
#include <dhp/counter.h>
#include <dhp/engine.h>
#include <dhp/epoch.h>
#include <dhp/hold.h>
#include <dhp/memory.h>
#include <dhp/lookaside.h>
#include <dhp/notify.h>
#include <dhp/observe.h>
#include <dhp/partition.h>
#include <dhp/percpu.h>
#include <dhp/rebalance.h>
#include <dhp/record.h>
#include <dhp/rundown.h>
#include <dhp/sim.h>
#include <dhp/thread.h>
#include <dhp/work.h>
#include <dhp/timer.h>
#include <dhp/call.h>
#include <dhp/lanes.h>

#endif
