/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refuse.h - a CPU to which no thread can be pinned, as the system refuses it for one that is outside the cpuset.
 */
#ifndef VM_REFUSE_H
#define VM_REFUSE_H

#include <stdint.h>

/* From now on, instead of the one before. DHP_NO_CPU: none. Each refusal is said: "refused cpu=N". */
void refuse_pins_to(uint32_t cpu);

#endif
