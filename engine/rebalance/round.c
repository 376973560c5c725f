/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * round.c - one rebalance over all devices: all queries, then all stops, then all starts (S-433).
 *
 * Who takes part is decided at its beginning (S-408), by the device's policy and its class; in a rebalance for another reason
 * than an arrival everybody does (S-407). A stack that refuses stays as it is and the others go on (S-422), unless the options say
 * that one refusal is enough for all.
 *
 * I1        a device that agreed is sent exactly one of STOP and CANCEL_STOP; one that was stopped is sent START.
 */
#include "rebalance.h"

static bool opted_out(struct dhpi_rebalance *rebalance, const struct dhp_device *device)
{
	/* relaxed: a setting, valid from the next rebalance on */
	int32_t policy = (int32_t)at_load_relaxed_u32(&device->policy);

	if (policy == DHP_POLICY_OUT || policy == DHP_POLICY_IN)
		return policy == DHP_POLICY_OUT;
	/* relaxed: likewise */
	return at_load_relaxed_u32(&rebalance->opt_out[device->setup_class]) == DHP_OPT_OUT_TRUE;
}

static bool takes_part(struct dhpi_rebalance *rebalance, const struct dhp_device *device, bool by_other)
{
	enum dhp_device_state state = dhpi_device_state(device);

	if (state != DHP_DEVICE_STARTED && state != DHP_DEVICE_NOT_STARTED)
		return false;
	return by_other || !opted_out(rebalance, device);
}

/* ---- the passes: each over all devices, in order of registration ---- */

struct round {
	struct dhpi_rebalance *rebalance;
	bool by_other;
	bool refused; /* some stack did */
};

static void choose(struct round *round, struct dhp_device *device)
{
	device->takes_part = takes_part(round->rebalance, device, round->by_other);
	device->agreed = false;
	device->moves = false;
}

static void query(struct round *round, struct dhp_device *device)
{
	if (!device->takes_part)
		return;
	device->agreed = dhpi_device_send(device, DHP_REQUEST_QUERY_STOP) == DHP_OK;
	round->refused = round->refused || !device->agreed;
}

/* Who does not move goes on at once. */
static void decide(struct round *round, struct dhp_device *device)
{
	bool abandoned = round->refused && round->rebalance->options.abandon_on_refusal;

	if (!device->agreed)
		return;
	device->moves = !abandoned && dhpi_device_ask_requirements(device);
	if (!device->moves)
		(void)dhpi_device_send(device, DHP_REQUEST_CANCEL_STOP);
}

static void stop(struct round *round, struct dhp_device *device)
{
	(void)round;
	if (!device->moves)
		return;
	device->moves = dhpi_device_send(device, DHP_REQUEST_STOP) == DHP_OK;
	if (!device->moves)
		(void)dhpi_device_send(device, DHP_REQUEST_CANCEL_STOP);
}

static void start(struct round *round, struct dhp_device *device)
{
	if (device->moves && dhpi_device_send(device, DHP_REQUEST_START) == DHP_OK)
		at_bump_u64(&round->rebalance->moved);
}

static void (*const passes[])(struct round *round, struct dhp_device *device) = { choose, query, decide, stop, start };

void dhpi_rebalance_run(struct dhpi_rebalance *rebalance, bool by_arrival, bool by_other)
{
	struct round round = { .rebalance = rebalance, .by_other = by_other };

	dhpi_report(rebalance, (struct dhp_rebalance_event){ .kind = DHP_REBALANCE_BEGAN, .by_arrival = by_arrival });
	for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++)
		for (struct dhpi_link *at = rebalance->devices.next; at != &rebalance->devices; at = at->next)
			passes[i](&round, DHPI_CONTAINER(at, struct dhp_device, link));
	at_bump_u64(&rebalance->runs);
	dhpi_report(rebalance, (struct dhp_rebalance_event){ .kind = DHP_REBALANCE_ENDED, .by_arrival = by_arrival });
}
