/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * view.c - measure the rates since the last look, and show them.
 *
 * The lanes are read as they are, without stopping anybody. Lines of text get one second each; bars are redrawn at
 * every look.
 */
#include "view.h"
#include "text.h"
#include "view_bars.h"

#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A look comes every 100 ms, never to the nanosecond: what is nearly a second is one. */
#define VIEW_SLACK_NS (50 * (uint64_t)NS_PER_MS)

/* Of more arrivals the count of processors tells enough. */
#define VIEW_ARRIVALS_MOST 64u

static bool view_is_terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

static void view_head(const struct demo *demo)
{
	const struct bytes *bytes = &demo->bytes;
	const char *backend = backend_name(&demo->options.backend);

	if (bytes->file_count == 1)
		printf("Checksum of %s", bytes->files[0].name);
	else
		printf("Checksum of %u files", (unsigned)bytes->file_count);
	printf(" (%s, %s blocks of 4 KiB)\n", text_bytes((double)bytes->size).s, text_count(bytes->block_count).s);
	printf("1 processor at the start, %u to arrive in steps of %s; backend %s\n\n",
	       (unsigned)demo->plan.count - 1, text_duration(demo->plan.step_ns).s, backend);
	fflush(stdout);
}

bool view_open(struct view *view, const struct demo *demo)
{
	*view = (struct view){.demo = demo};
	view->run_counts = calloc(demo->plan.count, sizeof(*view->run_counts));
	view->rates = calloc(demo->plan.count, sizeof(*view->rates));
	view->told = calloc(demo->plan.count, sizeof(*view->told));
	if (!view->run_counts || !view->rates || !view->told) {
		view_close(view);
		return false;
	}
	setlocale(LC_CTYPE, "");
	view->bars = !demo->options.plain && view_is_terminal();
	view_head(demo);
	view->looked_ns = clock_now_ns();
	return true;
}

void view_close(struct view *view)
{
	free(view->run_counts);
	free(view->rates);
	free(view->told);
}

static void view_measure(struct view *view)
{
	struct dhp_counts counts = {.active = 0};
	uint64_t now = clock_now_ns();
	double seconds = seconds_of_ns(now - view->looked_ns + 1);
	uint32_t at;

	dhp_counts_read(view->demo->engine, &counts);
	view->active_count = counts.active < view->demo->plan.count ? counts.active : view->demo->plan.count;
	view->total = 0;
	for (at = 0; at < view->active_count; at++) {
		const struct lane *lane = dhp_percpu_at(view->demo->lanes, at);
		uint64_t run_count = lane ? lane_read(&lane->run_count) : 0;

		view->rates[at] = (double)(run_count - view->run_counts[at]) / seconds;
		view->run_counts[at] = run_count;
		view->total += view->rates[at];
		view->peak = view->rates[at] > view->peak ? view->rates[at] : view->peak;
	}
	view->looked_ns = now;
}

static double view_seconds(const struct view *view, uint64_t at_ns)
{
	return seconds_of_ns(at_ns - view->demo->timeline.start_ns);
}

static void view_line_arrival(const struct view *view, uint32_t at)
{
	const struct arrival *arrival = &view->demo->arrivals.list[at];
	uint64_t change_ns = lane_read(&view->demo->controller.changes[at].at_ns);
	uint64_t complete_ns = lane_read(&arrival->complete_ns);

	printf("%7.3f s   cpu %" PRIu32 " arrived as index %" PRIu32 ", %s after the change\n",
	       view_seconds(view, complete_ns), arrival->cpu, (uint32_t)atomic_load(&arrival->index),
	       text_duration(complete_ns - change_ns).s);
}

static void view_lines_arrivals(struct view *view)
{
	uint32_t at;

	for (at = 0; at < view->demo->arrivals.count; at++) {
		if (view->told[at] || !lane_read(&view->demo->arrivals.list[at].complete_ns))
			continue;
		view->told[at] = true;
		view_line_arrival(view, at);
	}
}

static void view_lines(struct view *view)
{
	if (view->demo->arrivals.count <= VIEW_ARRIVALS_MOST)
		view_lines_arrivals(view);
	fflush(stdout);
	if (clock_now_ns() - view->looked_ns < NS_PER_S - VIEW_SLACK_NS)
		return;
	view_measure(view);
	printf("%7.3f s   %3u processor%s %12s items/s %12s/s\n", view_seconds(view, view->looked_ns),
	       (unsigned)view->active_count, view->active_count == 1 ? " " : "s", text_count((uint64_t)view->total).s,
	       text_bytes(view->total * BLOCK_BYTES).s);
	fflush(stdout);
}

void view_look(struct view *view)
{
	if (view->bars) {
		view_measure(view);
		view_bars_draw(view);
	} else {
		view_lines(view);
	}
}
