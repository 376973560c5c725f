/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report_json.c - the result for a program. Units are part of the names; what is not known is null.
 */
#include "json.h"
#include "report.h"

#include <inttypes.h>

static void json_hexadecimal(struct json *json, const char *key, uint64_t value)
{
	char text[24];

	/* as text: most readers of JSON keep 53 bits of a number */
	snprintf(text, sizeof(text), "%016" PRIx64, value);
	json_text(json, key, text);
}

static void json_delay(struct json *json, const char *key, uint64_t ns)
{
	if (ns == RESULT_UNKNOWN)
		json_null(json, key);
	else
		json_count(json, key, ns);
}

static void json_positive(struct json *json, const char *key, double value)
{
	if (value > 0)
		json_real(json, key, value);
	else
		json_null(json, key);
}

static void report_json_head(const struct result *result, struct json *json)
{
	const struct demo *demo = result->demo;
	uint32_t at;

	json_text(json, "backend", backend_name(&demo->options.backend));
	json_bool(json, "fine", result_is_fine(result));
	json_bool(json, "interrupted", demo->interrupted);
	json_real(json, "seconds", result->seconds);
	json_real(json, "step_seconds", seconds_of_ns(demo->plan.step_ns));
	json_array(json, "files");
	for (at = 0; at < demo->bytes.file_count; at++)
		json_text(json, NULL, demo->bytes.files[at].name);
	json_array_end(json);
	json_count(json, "bytes", demo->bytes.size);
	json_count(json, "blocks", demo->bytes.block_count);
	json_count(json, "rounds", flow_tickets(&demo->flow) / demo->bytes.block_count);
}

static void report_json_items(const struct result *result, struct json *json)
{
	json_object(json, "items");
	json_count(json, "submitted", result->submitted);
	json_count(json, "run", result->run);
	json_count(json, "lost", result->lost);
	json_count(json, "doubled", result->doubled);
	json_count(json, "refused", result->refused);
	json_object_end(json);
	json_object(json, "checksum");
	json_hexadecimal(json, "run", result->checksum);
	json_hexadecimal(json, "sequential", result->expected_checksum);
	json_bool(json, "equal", result->checksum == result->expected_checksum);
	json_object_end(json);
	json_real(json, "items_per_second", (double)result->run / result->seconds);
	json_real(json, "sequential_bytes_per_second", result->sequential_bytes_per_second);
}

static void report_json_processor(const struct result *result, const struct result_processor *one, struct json *json)
{
	uint64_t first_ns = lane_read(&one->lane->first_ns);

	json_object(json, NULL);
	json_count(json, "index", one->processor.index);
	json_count(json, "cpu", one->processor.cpu);
	json_count(json, "group", one->processor.number.group);
	json_count(json, "number", one->processor.number.number);
	json_count(json, "node", one->processor.node);
	json_count(json, "run", one->run_count);
	json_count(json, "taken_over", one->stolen_count);
	if (first_ns)
		json_real(json, "first_item_seconds", seconds_of_ns(first_ns - result->demo->timeline.start_ns));
	else
		json_null(json, "first_item_seconds");
	json_object_end(json);
}

static void report_json_gap(const struct result_gap *gap, const char *key, struct json *json)
{
	json_object(json, key);
	json_count(json, "index", gap->index);
	json_count(json, "around_ns", gap->around_ns);
	json_count(json, "without_ns", gap->quiet_ns);
	json_object_end(json);
}

static void report_json_gaps(const struct result_arrival *arrival, struct json *json)
{
	uint32_t at;

	report_json_gap(&arrival->worst, "longest_gap_worst", json);
	json_array(json, "longest_gaps");
	for (at = 0; at < arrival->gap_count; at++)
		report_json_gap(&arrival->gaps[at], NULL, json);
	json_array_end(json);
}

static void report_json_arrival(const struct result_arrival *arrival, struct json *json)
{
	json_object(json, NULL);
	json_count(json, "cpu", arrival->cpu);
	json_bool(json, "arrived", arrival->index != DHP_NO_INDEX);
	if (arrival->index != DHP_NO_INDEX) {
		json_count(json, "index", arrival->index);
		json_real(json, "change_seconds", arrival->at_seconds);
		json_positive(json, "items_per_second_before", arrival->before);
		json_positive(json, "items_per_second_after", arrival->after);
		json_positive(json, "ratio", ratio_of(arrival->after, arrival->before));
		json_delay(json, "to_start_ns", arrival->to_start_ns);
		json_delay(json, "to_complete_ns", arrival->to_complete_ns);
		json_delay(json, "to_first_item_ns", arrival->to_first_ns);
		report_json_gaps(arrival, json);
	}
	json_object_end(json);
}

void report_json(const struct result *result, FILE *file)
{
	struct json json = {.file = file};
	uint32_t at;

	json_object(&json, NULL);
	report_json_head(result, &json);
	report_json_items(result, &json);
	json_array(&json, "processors");
	for (at = 0; at < result->processor_count; at++)
		report_json_processor(result, &result->processors[at], &json);
	json_array_end(&json);
	json_count(&json, "window_ns", 2 * result->window_ns);
	json_array(&json, "arrivals");
	for (at = 0; at < result->arrival_count; at++)
		report_json_arrival(&result->arrivals[at], &json);
	json_array_end(&json);
	json_object_end(&json);
}
