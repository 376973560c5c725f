/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * view_bars.c - one bar for each processor, redrawn in place.
 *
 * Four escape sequences suffice: up n lines, clear to the end of the line and of the screen, and wrapping off while
 * we draw, so that a line is a line in a narrow window too. Every line is rewritten at each look, so one that somebody
 * else writes in between disappears. Processors to come have a
 * place already, so that the picture does not jump; what does not fit into the window becomes one line.
 */
#include "view_bars.h"
#include "text.h"

#include <inttypes.h>
#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_EIGHTHS      8
#define OTHER_LINES      6 /* title, empty lines, arrivals, and the line with the cursor */
#define TEXT_COLUMNS     36 /* left and right of the bar */
#define BAR_COLUMNS_MOST 60

struct bars_space {
	uint32_t lines;
	uint32_t columns; /* of a full bar */
	bool blocks;      /* the terminal has block characters */
};

static struct bars_space bars_space(void)
{
	struct bars_space space = {.lines = 24, .columns = 80};
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
		space.lines = size.ws_row;
		space.columns = size.ws_col;
	}
	space.lines = space.lines > OTHER_LINES + 2 ? space.lines - OTHER_LINES : 2;
	space.columns = space.columns > TEXT_COLUMNS + 10 ? space.columns - TEXT_COLUMNS : 10;
	if (space.columns > BAR_COLUMNS_MOST)
		space.columns = BAR_COLUMNS_MOST;
	space.blocks = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	return space;
}

static void bars_bar(const struct bars_space *space, double part)
{
	/* U+2588 is the full block, U+2589 to U+258F are seven to one eighths of it */
	uint32_t eighths = (uint32_t)(part * space->columns * BAR_EIGHTHS + 0.5);
	uint32_t full = eighths / BAR_EIGHTHS, rest = eighths % BAR_EIGHTHS, at;

	for (at = 0; at < full; at++)
		fputs(space->blocks ? "\xe2\x96\x88" : "#", stdout);
	if (rest && space->blocks)
		printf("\xe2\x96%c", (char)(0x90 - (int)rest));
	else if (rest)
		putchar(rest >= BAR_EIGHTHS / 2 ? '=' : '-');
	printf("%*s", (int)(space->columns - full - (rest != 0)), "");
}

static void bars_end_line(struct view *view)
{
	fputs("\033[K\n", stdout);
	view->drawn++;
}

static void bars_processor(struct view *view, const struct bars_space *space, uint32_t index)
{
	struct dhp_processor processor = {.cpu = 0};

	if (index >= view->active_count) {
		printf("%5" PRIu32 "  -", index);
	} else {
		dhp_processor_at(view->demo->engine, index, &processor);
		printf("%5" PRIu32 "  cpu %-5" PRIu32 " ", index, processor.cpu);
		bars_bar(space, view->peak > 0 ? view->rates[index] / view->peak : 0);
		printf(" %11s items/s", text_count((uint64_t)view->rates[index]).s);
	}
	bars_end_line(view);
}

static void bars_title(struct view *view)
{
	const struct demo *demo = view->demo;

	printf("%6.1f of %.1f s   %u of %u processors   %s items/s   %s/s",
	       seconds_of_ns(view->looked_ns - demo->timeline.start_ns), seconds_of_ns(demo->length_ns),
	       (unsigned)view->active_count, (unsigned)demo->plan.count, text_count((uint64_t)view->total).s,
	       text_bytes(view->total * BLOCK_BYTES).s);
	bars_end_line(view);
	bars_end_line(view);
}

static void bars_rest(struct view *view, uint32_t shown)
{
	double rest = 0;
	uint32_t at;

	if (shown == view->demo->plan.count)
		return;
	for (at = shown; at < view->active_count; at++)
		rest += view->rates[at];
	printf("       and %u more, together %s items/s", (unsigned)(view->demo->plan.count - shown),
	       text_count((uint64_t)rest).s);
	bars_end_line(view);
}

/* The newest arrival. */
static void bars_arrival(struct view *view)
{
	const struct arrivals *arrivals = &view->demo->arrivals;
	uint32_t at = arrivals->count;

	while (at && !lane_read(&arrivals->list[at - 1].complete_ns))
		at--;
	bars_end_line(view);
	if (at) {
		uint64_t change_ns = lane_read(&view->demo->controller.changes[at - 1].at_ns);

		printf("       cpu %" PRIu32 " arrived at %.3f s, %s after the change", arrivals->list[at - 1].cpu,
		       seconds_of_ns(change_ns - view->demo->timeline.start_ns),
		       text_duration(lane_read(&arrivals->list[at - 1].complete_ns) - change_ns).s);
	}
	bars_end_line(view);
}

void view_bars_draw(struct view *view)
{
	struct bars_space space = bars_space();
	uint32_t count = view->demo->plan.count, shown = count <= space.lines ? count : space.lines - 1, at;

	fputs("\033[?7l", stdout);
	if (view->drawn)
		printf("\033[%uA", (unsigned)view->drawn);
	view->drawn = 0;
	bars_title(view);
	for (at = 0; at < shown; at++)
		bars_processor(view, &space, at);
	bars_rest(view, shown);
	bars_arrival(view);
	fputs("\033[J\033[?7h", stdout);
	fflush(stdout);
}
