// SPDX-License-Identifier: BSD-2-Clause
//
// shim.cpp - bench.h over Google Benchmark. Nothing of the engine or of Concurrency Kit is included here: their headers
// are not C++, and what is measured must be what a C compiler makes of it.

#include "bench.h"

#include <algorithm>

#include <benchmark/benchmark.h>

#include "calm.h"

struct bench {
	benchmark::State &state;
	bool skipped; // SkipWithError has stopped the clock already: asking once more would stop it twice
};

namespace
{

int64_t divisor = 1; // of fixed counts of iterations

void run(benchmark::State &state, bench_routine *routine, const void *argument)
{
	bench one{state, false};
	calm before;

	calm_now(&before);
	routine(&one, argument);
	calm_report(&before, &one);
}

} // namespace

extern "C" {

void bench_quicken(int64_t by)
{
	divisor = by;
}

void bench_register(const bench_spec *spec)
{
	bench_routine *routine = spec->routine;
	const void *argument = spec->argument;
	auto *made = benchmark::RegisterBenchmark(
		spec->name, [routine, argument](benchmark::State &state) { run(state, routine, argument); });

	for (size_t i = 0; i < spec->range_count; i++)
		made->Arg(spec->ranges[i]);
	if (spec->threads > 0)
		made->Threads(spec->threads);
	if (spec->clock == BENCH_CLOCK_WALL)
		made->UseRealTime();
	if (spec->clock == BENCH_CLOCK_MANUAL)
		made->UseManualTime();
	if (spec->iterations > 0)
		made->Iterations(std::max<int64_t>(spec->iterations / divisor, std::min<int64_t>(spec->iterations, 8)));
}

uint64_t bench_begin(bench *one)
{
	if (one->skipped)
		return 0;
	auto count = one->state.max_iterations;
	return one->state.KeepRunningBatch(count) ? static_cast<uint64_t>(count) : 0;
}

bool bench_next(bench *one)
{
	return !one->skipped && one->state.KeepRunningBatch(one->state.max_iterations);
}

bool bench_next_one(bench *one)
{
	return !one->skipped && one->state.KeepRunning();
}

int64_t bench_range(const bench *one)
{
	return one->state.range(0);
}

int bench_thread(const bench *one)
{
	return one->state.thread_index();
}

void bench_items(bench *one, uint64_t count)
{
	one->state.counters["items"] = benchmark::Counter(static_cast<double>(count), benchmark::Counter::kAvgThreads);
}

void bench_counter(bench *one, const char *name, double value)
{
	one->state.counters[name] = benchmark::Counter(value, benchmark::Counter::kAvgThreads);
}

void bench_context(const char *key, const char *value)
{
	benchmark::AddCustomContext(key, value);
}

void bench_label(bench *one, const char *text)
{
	one->state.SetLabel(text);
}

void bench_skip(bench *one, const char *reason)
{
	if (!one->skipped)
		one->state.SkipWithError(reason);
	one->skipped = true;
}

void bench_time_add(bench *one, uint64_t ns)
{
	// The library keeps the time of one iteration and multiplies nothing: it adds what it is given.
	one->state.SetIterationTime(static_cast<double>(ns) * 1e-9);
}

int bench_run(int argc, char **argv)
{
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 2;
	benchmark::RunSpecifiedBenchmarks();
	benchmark::Shutdown();
	return 0;
}

} // extern "C"
