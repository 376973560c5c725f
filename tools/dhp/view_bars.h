/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * view_bars.h - the terminal's half of the view.
 */
#ifndef TOOL_VIEW_BARS_H
#define TOOL_VIEW_BARS_H

#include "view.h"

/* Draw over what was drawn before. */
void view_bars_draw(struct view *view);

#endif
