/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * controller_process.h - between the two files of the controller.
 */
#ifndef TOOL_CONTROLLER_PROCESS_H
#define TOOL_CONTROLLER_PROCESS_H

#include "controller.h"

/* Map the changes for both processes. TOOL_FINE, or the error has been said. */
int controller_share(struct controller *controller, const struct plan *plan);

/* End and reap the process, if there is one. */
void controller_end_process(struct controller *controller);

#endif
