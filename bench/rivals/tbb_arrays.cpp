// SPDX-License-Identifier: BSD-2-Clause
//
// tbb_arrays.cpp - oneTBB: a value for each thread (enumerable_thread_specific), read and counted in.
#include <tbb/enumerable_thread_specific.h>

#include "all.h"
#include "bench.h"

namespace
{

using values = tbb::enumerable_thread_specific<uint64_t>;

void read(bench *one, const void *)
{
	values value(0);

	bench_items(one, BENCH_UNROLLED);
	for (uint64_t i = bench_begin(one); i > 0 || bench_next(one); --i)
		BENCH_UNROLL(bench_keep(value.local()));
}

void add(bench *one, const void *)
{
	values value(0);

	bench_items(one, BENCH_UNROLLED);
	for (uint64_t i = bench_begin(one); i > 0 || bench_next(one); --i)
		BENCH_UNROLL(value.local()++; bench_stored());
}


void enter(const char *name, bench_routine *routine)
{
	bench_spec spec = {};

	spec.name = name;
	spec.routine = routine;
	bench_register(&spec);
}

} // namespace

extern "C" void rival_tbb_arrays(void)
{
	enter("slot_read/tbb_ets", read);
	enter("counter_add/tbb_ets", add);
}
