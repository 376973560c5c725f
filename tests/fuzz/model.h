/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.h - what a simulated engine must do, for one caller: the state that its contracts speak of, and what each call says.
 *
 * Only what follows from the calls is here. What threads decide (has a DPC run yet?) is Unknown until a call settles it.
 */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include <dhp/notify.h>
#include <dhp/sim.h>

#define MODEL_PROCESSORS 8u

struct model {
	uint32_t flags, maximum, groups, nodes;
	uint32_t active, usable;
	uint32_t position_of[MODEL_PROCESSORS]; /* by index, in order of arrival (S-529) */
	bool away[MODEL_PROCESSORS];            /* by position: active and not usable (S-006) */
	uint64_t failed;                        /* attempts */
	uint64_t started;                       /* attempts of which every registrant has heard Start (S-176) */
	uint64_t changes;                       /* of the set; the generation grows with each (S-509) */
	struct {
		enum dhp_step step;
		enum dhp_status status;
	} fault[MODEL_PROCESSORS]; /* by position: the next attempt fails there, once */
	uint64_t total_bytes, free_bytes;
	uint64_t low_bytes, high_bytes; /* of the two conditions; constant */
	uint32_t modules;
	enum dhp_status module_fault;
};

static inline uint32_t model_index(const struct model *model, uint32_t position)
{
	for (uint32_t index = 0; index < model->active; index++)
		if (model->position_of[index] == position)
			return index;
	return DHP_NO_INDEX;
}

/* A fault is taken by the attempt that reaches its step. */
static inline enum dhp_status model_step(struct model *model, uint32_t position, enum dhp_step step, enum dhp_status by_user)
{
	enum dhp_status status = model->fault[position].status;

	if (model->fault[position].step == step)
		model->fault[position].status = DHP_OK;
	if (model->fault[position].step == step && dhp_failed(status))
		return status;
	model->started += step == DHP_STEP_START;
	return by_user;
}

/* One arrival: the steps in order, the first that fails decides and nothing has changed (S-175). */
static inline enum dhp_status model_arrival(struct model *model, uint32_t position, enum dhp_status constructed,
					    enum dhp_status vetoed)
{
	const enum dhp_status by_user[] = { DHP_OK, constructed, vetoed, DHP_OK };

	if (position >= model->maximum)
		return DHP_BAD_CPU;
	if (model_index(model, position) != DHP_NO_INDEX)
		return DHP_ALREADY_THERE;
	for (enum dhp_step step = DHP_STEP_RESERVE; step <= DHP_STEP_BRING_UP; step++) {
		enum dhp_status status = model_step(model, position, step, by_user[step]);

		if (dhp_failed(status)) {
			model->failed++;
			return status;
		}
	}
	model->position_of[model->active++] = position;
	model->usable++;
	model->changes++;
	return DHP_OK;
}

/* One must remain that can be used. */
static inline enum dhp_status model_set_usable(struct model *model, uint32_t position, bool usable)
{
	if (position >= model->maximum || model_index(model, position) == DHP_NO_INDEX)
		return DHP_BAD_CPU;
	if (model->away[position] == !usable)
		return DHP_OK;
	if (!usable && model->usable == 1)
		return DHP_IN_USE;
	model->changes++;
	model->away[position] = !usable;
	model->usable += usable ? 1 : UINT32_MAX;
	return DHP_OK;
}

static inline enum dhp_status model_memory_set(struct model *model, uint64_t total_bytes, uint64_t free_bytes)
{
	if (total_bytes == 0 || total_bytes > DHP_SIM_MEMORY_LIMIT || free_bytes > total_bytes)
		return DHP_BAD_SIZE;
	model->total_bytes = total_bytes;
	model->free_bytes = free_bytes;
	return DHP_OK;
}

/* The defaults depend on what there is at the start (S-317); high is never below low (S-316). */
static inline void model_thresholds(struct model *model, uint32_t low_mib, uint32_t high_mib)
{
	const uint64_t mib = (uint64_t)1 << 20, more = model->total_bytes / mib - 1024; /* at least a module of 1 GiB */
	uint64_t low = 32 + more / 128 < 64 ? (32 * mib) + more * mib / 128 : 64 * mib;

	model->low_bytes = low_mib != 0 ? low_mib * mib : low;
	model->high_bytes = high_mib != 0 ? high_mib * mib : 3 * model->low_bytes;
	if (model->high_bytes < model->low_bytes)
		model->high_bytes = model->low_bytes;
}

static inline bool model_is_low(const struct model *model)
{
	return model->free_bytes <= model->low_bytes;
}

static inline bool model_is_high(const struct model *model)
{
	return !model_is_low(model) && model->free_bytes >= model->high_bytes;
}

/* A fault is taken by the first module that there would be room for. */
static inline enum dhp_status model_memory_add(struct model *model, uint64_t bytes, uint32_t node)
{
	enum dhp_status fault = model->module_fault;

	if (node >= model->nodes)
		return DHP_BAD_NODE;
	if (bytes == 0 || bytes > DHP_SIM_MEMORY_LIMIT - model->total_bytes)
		return DHP_BAD_SIZE;
	if (model->modules == DHP_SIM_MODULES_LIMIT)
		return DHP_TOO_MANY;
	model->module_fault = DHP_OK;
	if (dhp_failed(fault))
		return fault;
	model->modules++;
	model->total_bytes += bytes;
	model->free_bytes += bytes;
	return DHP_OK;
}

#endif
