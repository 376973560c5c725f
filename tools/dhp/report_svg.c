/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report_svg.c - the run as a picture, written by hand.
 *
 * Above, throughput: one band for each processor, stacked, so that the outline is the total and a newcomer is a band
 * that begins where it arrived. Below, on a logarithmic scale, the longest gap between completions in each point of
 * time, with the windows of the report: the marks show what the report compares. One time axis for both.
 */
#include "report.h"
#include "series.h"
#include "text.h"
#include "utf8.h"

#include <inttypes.h>

#define PAGE_WIDTH  1000
#define PAGE_HEIGHT 640
#define PLOT_LEFT   92.0
#define PLOT_RIGHT  850.0
#define RATE_TOP    112.0
#define RATE_BOTTOM 376.0
#define GAP_TOP     440.0
#define GAP_BOTTOM  580.0

/* Arrivals that get lines and labels; with more they would cover each other, or the picture. */
#define ARRIVAL_LINES_MOST  40u
#define ARRIVAL_LABELS_MOST 12u
#define GAP_LABELS_MOST     5u

#define COLOUR_ARRIVAL "#c0392b"
#define COLOUR_QUIET   "#2c7a7b"

static const char *const band_colours[] = {"#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#edc948", "#76b7b2",
					   "#e15759", "#9c755f", "#86bcb6", "#d37295", "#a0cbe8", "#ffbe7d",
					   "#8cd17d", "#d4a6c8", "#79706e", "#bab0ac"};

struct picture {
	FILE *file;
	const struct result *result;
	struct series series;
	double rate_limit; /* of the axis */
	double gap_least_us, gap_most_us;
};

static double x_of(const struct picture *picture, double seconds)
{
	return PLOT_LEFT + (PLOT_RIGHT - PLOT_LEFT) * seconds / picture->result->seconds;
}

static double y_of_rate(const struct picture *picture, double rate)
{
	return RATE_BOTTOM - (RATE_BOTTOM - RATE_TOP) * rate / picture->rate_limit;
}

/* For a value of at least 1: whole part by halving, sixteen more bits by squaring. Spares the mathematics library. */
static double binary_logarithm(double value)
{
	double logarithm = 0, bit;

	for (; value >= 2; value /= 2)
		logarithm += 1;
	for (bit = 0.5; bit > 1e-5; bit /= 2) {
		value *= value;
		if (value >= 2) {
			value /= 2;
			logarithm += bit;
		}
	}
	return logarithm;
}

static double y_of_gap(const struct picture *picture, uint64_t gap_ns)
{
	double us = (double)gap_ns / NS_PER_US;
	double part;

	if (us < picture->gap_least_us)
		us = picture->gap_least_us;
	part = binary_logarithm(us / picture->gap_least_us) /
	       binary_logarithm(picture->gap_most_us / picture->gap_least_us);
	return GAP_BOTTOM - (GAP_BOTTOM - GAP_TOP) * part;
}

/* 1, 2 or 5 times a power of ten, so that `most` is covered in at most `count` steps. */
static double step_of(double most, double count)
{
	static const double factors[] = {2, 2.5, 2};
	double step = 1e-3;
	int at;

	for (at = 0; step * count < most * 0.999; at++)
		step *= factors[at % 3];
	return step;
}

static void svg_escaped(FILE *file, const char *text)
{
	while (*text) {
		size_t length = utf8_length(text);

		if (!length || (unsigned char)*text < 0x20)
			fputs(UTF8_REPLACEMENT, file);
		else if (*text == '<')
			fputs("&lt;", file);
		else if (*text == '&')
			fputs("&amp;", file);
		else
			fwrite(text, 1, length, file);
		text += length ? length : 1;
	}
}

static void svg_text(const struct picture *picture, double x, double y, const char *class_name, const char *text)
{
	fprintf(picture->file, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class_name, x, y);
	svg_escaped(picture->file, text);
	fputs("</text>\n", picture->file);
}

static void svg_line(const struct picture *picture, const char *class_name, double x1, double y1, double x2, double y2)
{
	fprintf(picture->file, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class_name, x1,
		y1, x2, y2);
}

static void svg_head(const struct picture *picture)
{
	fprintf(picture->file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n"
		"<style>\n"
		"text { font-family: 'DejaVu Sans', Helvetica, Arial, sans-serif; font-size: 12px; fill: #333 }\n"
		".title { font-size: 18px; font-weight: bold; fill: #111 }\n"
		".part { font-size: 13px; font-weight: bold }\n"
		".right { text-anchor: end }\n"
		".middle { text-anchor: middle }\n"
		".arrival { text-anchor: middle; fill: " COLOUR_ARRIVAL "; font-weight: bold }\n"
		".grid { stroke: #ddd; stroke-width: 1 }\n"
		".axis { stroke: #555; stroke-width: 1 }\n"
		".when { stroke: " COLOUR_ARRIVAL "; stroke-width: 1.5; stroke-dasharray: 5 3 }\n"
		".tick { stroke: " COLOUR_ARRIVAL "; stroke-width: 1 }\n"
		"</style>\n"
		"<rect width=\"%d\" height=\"%d\" fill=\"#fdfdfb\"/>\n",
		PAGE_WIDTH, PAGE_HEIGHT, PAGE_WIDTH, PAGE_HEIGHT, PAGE_WIDTH, PAGE_HEIGHT);
}

static void svg_titles(const struct picture *picture)
{
	const struct result *result = picture->result;
	char line[256];

	svg_text(picture, PLOT_LEFT, 32, "title", "Processors arrive under load");
	snprintf(line, sizeof(line),
		 "%u processors (%s), %s items of 4 KiB in %.1f s: lost %s, doubled %s, checksum %s",
		 (unsigned)result->processor_count, backend_name(&result->demo->options.backend),
		 text_count(result->run).s, result->seconds, text_count(result->lost).s,
		 text_count(result->doubled).s,
		 result->checksum == result->expected_checksum ? "right" : "WRONG");
	svg_text(picture, PLOT_LEFT, 54, "note", line);
}

/* The outline of the bands up to and without `band`, forwards or backwards. */
static void svg_outline(const struct picture *picture, uint32_t band, bool forwards)
{
	const struct series *series = &picture->series;
	uint32_t step, at;

	for (step = 0; step < series->bin_count; step++) {
		uint32_t bin = forwards ? step : series->bin_count - 1 - step;
		double sum = 0, edge = (bin + (forwards ? 1 : 0)) * series->bin_seconds;

		for (at = 0; at < band; at++)
			sum += series_rate(series, at, bin);
		fprintf(picture->file, "V%.1fH%.1f", y_of_rate(picture, sum), x_of(picture, edge));
	}
}

static void svg_bands(const struct picture *picture)
{
	uint32_t band;

	for (band = 0; band < picture->series.band_count; band++) {
		fprintf(picture->file, "<path fill=\"%s\" d=\"M%.1f,%.1f", band_colours[band], PLOT_LEFT, RATE_BOTTOM);
		svg_outline(picture, band + 1, true);
		svg_outline(picture, band, false);
		fputs("Z\"/>\n", picture->file);
	}
}

static void svg_legend(const struct picture *picture)
{
	const struct result *result = picture->result;
	uint32_t band;
	char line[64];

	for (band = 0; band < picture->series.band_count; band++) {
		uint32_t first = series_band_first(&picture->series, result, band);
		uint32_t end = series_band_first(&picture->series, result, band + 1);
		double y = RATE_BOTTOM - 17.0 * band;

		fprintf(picture->file, "<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"12\" fill=\"%s\"/>\n",
			PLOT_RIGHT + 16, y - 12, band_colours[band]);
		if (end - first == 1)
			snprintf(line, sizeof(line), "%u (cpu %u)", (unsigned)first,
				 (unsigned)result->processors[first].processor.cpu);
		else
			snprintf(line, sizeof(line), "%u to %u", (unsigned)first, (unsigned)end - 1);
		svg_text(picture, PLOT_RIGHT + 34, y - 2, "note", line);
	}
	svg_text(picture, PLOT_RIGHT + 16, RATE_BOTTOM - 17.0 * band - 6, "part", "Processor");
}

static void svg_rate_axis(const struct picture *picture)
{
	double step = step_of(picture->rate_limit, 5), rate;

	svg_text(picture, PLOT_LEFT, RATE_TOP - 28, "part", "Throughput, items a second");
	for (rate = 0; rate <= picture->rate_limit * 1.001; rate += step) {
		double y = y_of_rate(picture, rate);

		svg_line(picture, "grid", PLOT_LEFT, y, PLOT_RIGHT, y);
		svg_text(picture, PLOT_LEFT - 8, y + 4, "right", text_count((uint64_t)(rate + 0.5)).s);
	}
}

static void svg_gap_axis(const struct picture *picture)
{
	double us;

	svg_text(picture, PLOT_LEFT, GAP_TOP - 12, "part", "Longest gap between completions on any processor");
	for (us = picture->gap_least_us; us <= picture->gap_most_us * 1.001; us *= 10) {
		double y = y_of_gap(picture, (uint64_t)(us * NS_PER_US));
		char line[32];

		if (us < 1000)
			snprintf(line, sizeof(line), "%.0f \xc2\xb5s", us);
		else
			snprintf(line, sizeof(line), us < 1e6 ? "%.0f ms" : "%.0f s", us < 1e6 ? us / 1e3 : us / 1e6);
		svg_line(picture, "grid", PLOT_LEFT, y, PLOT_RIGHT, y);
		svg_text(picture, PLOT_LEFT - 8, y + 4, "right", line);
	}
}

static void svg_time_axis(const struct picture *picture)
{
	double step = step_of(picture->result->seconds, 15), at;
	char line[32];

	for (at = 0; at <= picture->result->seconds * 1.001; at += step) {
		svg_line(picture, "axis", x_of(picture, at), GAP_BOTTOM, x_of(picture, at), GAP_BOTTOM + 5);
		snprintf(line, sizeof(line), "%g", at);
		svg_text(picture, x_of(picture, at), GAP_BOTTOM + 20, "middle", line);
	}
	svg_text(picture, (PLOT_LEFT + PLOT_RIGHT) / 2, GAP_BOTTOM + 42, "middle", "seconds since the start");
	svg_line(picture, "axis", PLOT_LEFT, GAP_BOTTOM, PLOT_RIGHT, GAP_BOTTOM);
	svg_line(picture, "axis", PLOT_LEFT, RATE_BOTTOM, PLOT_RIGHT, RATE_BOTTOM);
}

static void svg_gaps(const struct picture *picture)
{
	const struct series *series = &picture->series;
	uint32_t bin;

	fprintf(picture->file, "<path fill=\"#9aa5b1\" d=\"M%.1f,%.1f", PLOT_LEFT, GAP_BOTTOM);
	for (bin = 0; bin < series->bin_count; bin++)
		fprintf(picture->file, "V%.1fH%.1f", y_of_gap(picture, series->gaps_ns[bin]),
			x_of(picture, (bin + 1) * series->bin_seconds));
	fprintf(picture->file, "V%.1fZ\"/>\n", GAP_BOTTOM);
}

static void svg_gap_label(const struct picture *picture, double x, double y, uint64_t gap_ns)
{
	char line[48];

	if (gap_ns < NS_PER_MS)
		snprintf(line, sizeof(line), "%u \xc2\xb5s", (unsigned)(gap_ns / NS_PER_US));
	else
		snprintf(line, sizeof(line), "%s", text_duration(gap_ns).s);
	svg_text(picture, x, y, "note", line);
}

/* A window of the report with its longest gap as a mark. */
static void svg_window(const struct picture *picture, double middle, uint64_t gap_ns, const char *colour)
{
	double half = seconds_of_ns(picture->result->window_ns), y = y_of_gap(picture, gap_ns);
	double left = x_of(picture, middle - half), right = x_of(picture, middle + half), x = x_of(picture, middle);

	if (picture->result->arrival_count > ARRIVAL_LINES_MOST) {
		fprintf(picture->file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"1.5\" fill=\"%s\"/>\n", x, y, colour);
		return;
	}
	fprintf(picture->file,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" fill-opacity=\"0.15\"/>\n",
		left, GAP_TOP, right - left, GAP_BOTTOM - GAP_TOP, colour);
	fprintf(picture->file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\" stroke=\"#fff\"/>\n", x, y, colour);
	if (picture->result->arrival_count <= GAP_LABELS_MOST)
		svg_gap_label(picture, x + 8, y - 6, gap_ns);
}

static void svg_arrival(const struct picture *picture, const struct result_arrival *arrival)
{
	double quiet = arrival->at_seconds - seconds_of_ns(picture->result->demo->plan.step_ns) / 2;
	double x = x_of(picture, arrival->at_seconds);
	char line[32];

	if (arrival->index == DHP_NO_INDEX)
		return;
	svg_window(picture, quiet, arrival->worst.quiet_ns, COLOUR_QUIET);
	svg_window(picture, arrival->at_seconds, arrival->worst.around_ns, COLOUR_ARRIVAL);
	if (picture->result->arrival_count > ARRIVAL_LINES_MOST) {
		svg_line(picture, "tick", x, RATE_TOP - 10, x, RATE_TOP - 3);
		return;
	}
	svg_line(picture, "when", x, RATE_TOP - 4, x, RATE_BOTTOM);
	svg_line(picture, "when", x, GAP_TOP, x, GAP_BOTTOM);
	if (picture->result->arrival_count > ARRIVAL_LABELS_MOST)
		return;
	snprintf(line, sizeof(line), "+ cpu %u", (unsigned)arrival->cpu);
	svg_text(picture, x, RATE_TOP - 9, "arrival", line);
}

static void svg_key(const struct picture *picture)
{
	static const char *const lines[][2] = {{COLOUR_ARRIVAL, "around an arrival"}, {COLOUR_QUIET, "without one"}};
	int at;

	svg_text(picture, PLOT_RIGHT + 16, GAP_BOTTOM - 42, "part", "Longest gap");
	for (at = 0; at < 2; at++) {
		double y = GAP_BOTTOM - 22 + 18 * at;

		fprintf(picture->file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n",
			PLOT_RIGHT + 22, y - 4, lines[at][0]);
		svg_text(picture, PLOT_RIGHT + 34, y, "note", lines[at][1]);
	}
}

static void svg_scales(struct picture *picture)
{
	double top = picture->series.rate_top > 0 ? picture->series.rate_top : 1;
	double step = step_of(top, 5);

	while (picture->rate_limit < top)
		picture->rate_limit += step;
	picture->gap_least_us = 1;
	picture->gap_most_us = 1000;
	while (picture->gap_most_us * NS_PER_US < (double)picture->series.gap_top_ns)
		picture->gap_most_us *= 10;
}

void report_svg(const struct result *result, FILE *file)
{
	struct picture picture = {.file = file, .result = result};
	uint32_t at;

	if (series_make(&picture.series, result)) {
		svg_scales(&picture);
		svg_head(&picture);
		svg_titles(&picture);
		svg_rate_axis(&picture);
		svg_gap_axis(&picture);
		svg_bands(&picture);
		svg_gaps(&picture);
		svg_time_axis(&picture);
		svg_legend(&picture);
		svg_key(&picture);
		for (at = 0; at < result->arrival_count; at++)
			svg_arrival(&picture, &result->arrivals[at]);
		fputs("</svg>\n", file);
	}
	series_free(&picture.series);
}
