/* SPDX-License-Identifier: BSD-2-Clause */
#include "chronicle.h"

#include "partition.h"

static void tell(struct chronicle *chronicle, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* No asserts here: a callback may run in another thread. A text that is full stays as it is, and is unlike any other. */
static void tell(struct chronicle *chronicle, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(chronicle->text + chronicle->length, CHRONICLE_BYTES - chronicle->length, format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < CHRONICLE_BYTES - chronicle->length)
		chronicle->length += (size_t)length;
}

static void hear_change(void *context, const struct dhp_processor_change *change, enum dhp_status *operation_status)
{
	static const char *const names[] = { "start", "complete", "failure" };
	struct chronicle *chronicle = context;

	tell(chronicle, "%s cpu %u index %u number %u:%u %s\n", names[change->state], change->cpu, change->index,
	     change->number.group, change->number.number, dhp_status_name(change->status));
	if (change->state == DHP_CHANGE_START && change->cpu == chronicle->veto_cpu)
		*operation_status = chronicle->veto;
}

static void hear_arrival(void *context, const struct dhp_arrival *arrival)
{
	tell(context, "arrival %s\n", arrival->name);
}

static void tell_counts(struct chronicle *chronicle)
{
	struct dhp_counts now = counts_of(chronicle->engine);

	if (now.generation == chronicle->counts.generation)
		return;
	tell(chronicle, "set +%u maximum %u present %u online %u quota %u active %u usable %u groups %u of %u\n",
	     (unsigned)(now.generation - chronicle->counts.generation), now.maximum, now.present, now.online, now.quota,
	     now.active, now.usable, now.groups_active, now.groups_maximum);
	for (uint32_t group = 0; group < now.groups_maximum; group++)
		tell(chronicle, " %llx", (unsigned long long)dhp_active_mask(chronicle->engine, group));
	tell(chronicle, "\n");
	for (uint32_t index = 0; index < now.active; index++) {
		struct dhp_processor row;

		assert_ok(dhp_processor_at(chronicle->engine, index, &row));
		tell(chronicle, " %u: cpu %u node %u package %u core %u thread %u\n", index, row.cpu, row.node,
		     row.package, row.core, row.thread);
	}
	chronicle->counts = now;
}

static void tell_memory(struct chronicle *chronicle)
{
	struct dhp_memory_info now;

	if (dhp_memory_read(chronicle->engine, &now) != DHP_OK || now.generation == chronicle->memory.generation)
		return;
	tell(chronicle, "memory +%u total %llu modules %u low %u high %u", (unsigned)(now.generation - chronicle->memory.generation),
	     (unsigned long long)now.total_bytes, now.modules_count, now.low, now.high);
	if (chronicle->counts_memory)
		tell(chronicle, " available %llu", (unsigned long long)now.available_bytes);
	tell(chronicle, "\n");
	chronicle->memory = now;
}

void chronicle_look(struct chronicle *chronicle)
{
	tell_counts(chronicle);
	tell_memory(chronicle);
}

void chronicle_begin(struct chronicle *chronicle, struct dhp_engine *engine)
{
	struct dhp_counts counts = counts_of(engine);

	*chronicle = (struct chronicle){ .engine = engine, .veto_cpu = DHP_NO_CPU };
	chronicle->counts.generation = counts.generation - 1; /* so that the first look tells */
	if (dhp_memory_read(engine, &chronicle->memory) == DHP_OK)
		chronicle->memory.generation--;
	chronicle_look(chronicle);
	assert_ok(dhp_notify_register(engine, hear_change, chronicle, DHP_NOTIFY_EXISTING, &chronicle->changes));
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, hear_arrival, chronicle, DHP_NOTIFY_EXISTING,
				       &chronicle->processors));
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_MEMORY, hear_arrival, chronicle, DHP_NOTIFY_EXISTING,
				       &chronicle->modules));
}

void chronicle_end(struct chronicle *chronicle)
{
	assert_ok(dhp_notify_unregister(chronicle->changes));
	assert_ok(dhp_arrival_unregister(chronicle->processors));
	assert_ok(dhp_arrival_unregister(chronicle->modules));
	assert_true(chronicle->length < CHRONICLE_BYTES - 256);
}

void chronicle_hold(struct chronicle *chronicle)
{
	dhpi_arrival_hold(chronicle->engine->notify, true); /* of a real machine too */
}

void chronicle_release(struct chronicle *chronicle)
{
	dhpi_arrival_hold(chronicle->engine->notify, false);
	assert_ok(dhp_arrival_drain(chronicle->engine));
	chronicle_look(chronicle);
}

/* ---- a recording in memory ---- */

bool tape_write(void *context, const char *line, size_t length)
{
	struct tape *tape = context;

	if ((tape->room != 0 && tape->lines == tape->room) || length > sizeof(tape->text) - tape->length) {
		tape->refused++;
		return false;
	}
	memcpy(tape->text + tape->length, line, length);
	tape->length += length;
	tape->lines++;
	return true;
}

void tape_forget_times(struct tape *tape)
{
	size_t to = 0;
	bool in_time = false; /* the first line has none */

	for (size_t at = 0; at < tape->length; at++) {
		bool digit = tape->text[at] >= '0' && tape->text[at] <= '9';

		if (in_time && digit)
			continue;
		in_time = false;
		tape->text[to++] = tape->text[at];
		in_time = tape->text[at] == '\n';
	}
	tape->length = to;
}

struct dhp_engine *tape_engine(const struct tape *tape, struct dhp_replay **out_replay)
{
	struct dhp_sim_options sim = { .size = sizeof(sim) };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim };
	struct dhp_engine *engine = NULL;
	struct dhp_replay_note note;

	if (dhp_replay_open(tape->text, tape->length, out_replay, &note) != DHP_OK)
		fail_msg("line %u: %s", note.line, note.text);
	sim.replay = *out_replay;
	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

uint32_t tape_play(struct chronicle *chronicle)
{
	enum dhp_status status = DHP_OK;
	uint32_t count = 0;

	for (; status == DHP_OK; count++) {
		chronicle_hold(chronicle);
		status = dhp_replay_step(chronicle->engine);
		chronicle_release(chronicle);
	}
	assert_status(status, DHP_AT_END);
	return count - 1;
}
