/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoch_api.c - the public calls about grace periods: arguments and levels checked here, done by epoch.c.
 */
#include "epoch.h"
#include "level.h"
#include "parts.h"

enum dhp_status dhp_reader_join(struct dhp_engine *engine, struct dhp_reader **out_reader)
{
	struct dhp_reader *reader;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (out_reader == NULL)
		return DHP_BAD_RESULT;
	DHPI_REQUIRE_PASSIVE();
	reader = dhpi_reader_take(engine->epoch);
	if (reader == NULL)
		return DHP_NO_MEMORY;
	(void)at_fetch_add_relaxed_u32(&engine->epoch->readers_count, 1); /* relaxed: read when all have left */
	*out_reader = reader;
	return DHP_OK;
}

enum dhp_status dhp_reader_leave(struct dhp_reader *reader)
{
	struct dhpi_epoch *epoch;

	if (reader == NULL)
		return DHP_OK;
	if (reader->depth != 0)
		return DHP_IN_SECTION;
	epoch = reader->epoch;
	dhpi_reader_give(reader);
	(void)at_fetch_sub_relaxed_u32(&epoch->readers_count, 1); /* relaxed: as in join */
	return DHP_OK;
}

enum dhp_status dhp_epoch_synchronize(struct dhp_engine *engine)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	DHPI_REQUIRE_PASSIVE();
	if (port_self()->sections != 0)
		return DHP_IN_SECTION;
	dhpi_epoch_synchronize(engine->epoch);
	return DHP_OK;
}

enum dhp_status dhp_epoch_defer(struct dhp_engine *engine, struct dhp_deferred *deferred, dhp_reclaim *reclaim)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (deferred == NULL || !dhpi_aligned(deferred, _Alignof(struct dhp_deferred)))
		return DHP_BAD_OBJECT;
	if (reclaim == NULL)
		return DHP_BAD_CALLBACK;
	deferred->reclaim = reclaim;
	dhpi_epoch_defer(engine->epoch, deferred);
	return DHP_OK;
}

enum dhp_status dhp_epoch_drain(struct dhp_engine *engine)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	DHPI_REQUIRE_PASSIVE();
	if (port_self()->sections != 0)
		return DHP_IN_SECTION;
	if (dhpi_epoch_in_callback(engine->epoch))
		return DHP_IN_CALLBACK;
	dhpi_epoch_drain(engine->epoch);
	return DHP_OK;
}
