/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c - the result for a person: what happened to the items first, then the arrivals, then the verdict.
 */
#include "report.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>

/* More rows than a screen has are not read: of many processors the worst one is named. */
#define REPORT_ROWS_LIMIT 16u

static struct text report_delay(uint64_t ns)
{
	struct text never = {"never"};

	return ns == RESULT_UNKNOWN ? never : text_duration(ns);
}

static void report_items(const struct result *result)
{
	const struct bytes *bytes = &result->demo->bytes;
	uint64_t tickets = flow_tickets(&result->demo->flow);

	printf("\nItems      submitted %s   run %s   lost %s   doubled %s\n", text_count(result->submitted).s,
	       text_count(result->run).s, text_count(result->lost).s, text_count(result->doubled).s);
	if (result->refused)
		printf("           refused %s\n", text_count(result->refused).s);
	printf("Checksum   %016" PRIx64 ", a sequential pass gives %016" PRIx64 ": %s\n", result->checksum,
	       result->expected_checksum,
	       result->checksum == result->expected_checksum ? "equal" : "DIFFERENT");
	printf("Reading    %s blocks, %s whole rounds; %s/s on average, a plain loop on one CPU %s/s\n",
	       text_count(bytes->block_count).s, text_count(tickets / bytes->block_count).s,
	       text_bytes((double)result->run * result_bytes_per_item(result) / result->seconds).s,
	       text_bytes(result->sequential_bytes_per_second).s);
}

static void report_processors(const struct result *result)
{
	uint32_t at;

	if (result->processor_count > REPORT_ROWS_LIMIT)
		return;
	printf("\nIndex    CPU  Number          items  share  taken over from others\n");
	for (at = 0; at < result->processor_count; at++) {
		const struct result_processor *one = &result->processors[at];

		printf("%5" PRIu32 "  %5" PRIu32 "  %3u:%-3u  %13s  %4.1f%%  %s\n", one->processor.index,
		       one->processor.cpu, (unsigned)one->processor.number.group,
		       (unsigned)one->processor.number.number, text_count(one->run_count).s,
		       result->run ? 100.0 * (double)one->run_count / (double)result->run : 0.0,
		       text_count(one->stolen_count).s);
	}
}

/* Why it did not come. */
static const char *report_reason(const struct result *result, const struct result_arrival *arrival)
{
	if (arrival->error && result->demo->options.backend.simulated)
		return dhp_status_text((enum dhp_status)arrival->error);
	if (arrival->error)
		return strerror(arrival->error);
	if (arrival->failure)
		return dhp_status_text((enum dhp_status)arrival->failure);
	return arrival->asked ? "the engine did not tell" : "the run ended before";
}

static void report_arrival(const struct result *result, const struct result_arrival *arrival)
{
	if (arrival->index == DHP_NO_INDEX) {
		printf("        -  %5" PRIu32 "      -  did not arrive: %s\n", arrival->cpu,
		       report_reason(result, arrival));
		return;
	}
	printf("%7.3f s  %5" PRIu32 "  %5" PRIu32 "  %11s  %11s  %5s  %9s  %9s  %9s\n", arrival->at_seconds,
	       arrival->cpu, arrival->index, text_count((uint64_t)arrival->before).s,
	       text_count((uint64_t)arrival->after).s, text_ratio(ratio_of(arrival->after, arrival->before)).s,
	       report_delay(arrival->to_start_ns).s, report_delay(arrival->to_complete_ns).s,
	       report_delay(arrival->to_first_ns).s);
}

static void report_arrivals(const struct result *result)
{
	uint32_t at;

	printf("\nArrivals                   items/s                            from the change to\n"
	       "     time    CPU  index       before        after  ratio      Start   Complete  first item\n");
	for (at = 0; at < result->arrival_count && at < REPORT_ROWS_LIMIT; at++)
		report_arrival(result, &result->arrivals[at]);
	if (at < result->arrival_count)
		printf("      and %u more: see --json\n", (unsigned)(result->arrival_count - at));
}

static void report_gap(const struct result_arrival *arrival, const struct result_gap *gap, const char *note)
{
	printf("%7.3f s  %5" PRIu32 "  %9" PRIu32 "  %12s  %12s%s\n", arrival->at_seconds, arrival->cpu, gap->index,
	       text_duration(gap->around_ns).s, text_duration(gap->quiet_ns).s, note);
}

static void report_gaps_of(const struct result_arrival *arrival, bool each)
{
	uint32_t at;

	if (!arrival->gap_count)
		return;
	if (!each) {
		report_gap(arrival, &arrival->worst, arrival->gap_count > 1 ? "  (worst of each)" : "");
		return;
	}
	for (at = 0; at < arrival->gap_count; at++)
		report_gap(arrival, &arrival->gaps[at], "");
}

static void report_gaps(const struct result *result)
{
	uint32_t rows = 0, at;

	for (at = 0; at < result->arrival_count; at++)
		rows += result->arrivals[at].gap_count;
	if (!rows)
		return;
	printf("\nLongest gap between completions on a processor that was there, in %s around the arrival\n"
	       "and in as long a time without one\n"
	       "     time    CPU  processor        around       without\n",
	       text_duration(2 * result->window_ns).s);
	for (at = 0; at < result->arrival_count && at < REPORT_ROWS_LIMIT; at++)
		report_gaps_of(&result->arrivals[at], rows <= REPORT_ROWS_LIMIT);
}

static void report_verdict(const struct result *result)
{
	if (result->demo->options.backend.simulated)
		printf("\nSimulated processors share the CPUs of this machine: the ratios say nothing about speed.\n");
	putchar('\n');
	if (result->demo->interrupted)
		printf("Interrupted after %.1f s.\n", result->seconds);
	if (result->missing_count)
		printf("%u of %u processors never ran an item.\n", (unsigned)result->missing_count,
		       (unsigned)result->demo->plan.count);
	if (result_is_fine(result))
		printf("Fine: every item ran exactly once, on %u processors of which %u arrived on the way.\n",
		       (unsigned)result->processor_count, (unsigned)result->arrival_count);
	else
		printf("NOT fine.\n");
}

void report_print(const struct result *result)
{
	report_items(result);
	report_processors(result);
	report_arrivals(result);
	report_gaps(result);
	report_verdict(result);
}
