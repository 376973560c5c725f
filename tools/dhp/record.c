/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.c - dhp record: a file with every change of every source, to be played again and attached to a bug report.
 *
 * Each line leaves with one write, so that a kill costs the last one at most. The library calls in whatever thread saw the
 * change; the main thread only waits, and ends when a line could not be written.
 */
#define _GNU_SOURCE
#include "backend.h"
#include "clock.h"
#include "commands.h"
#include "say.h"
#include "script.h"
#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECORD_LOOK_MS 50u

struct recorder {
	struct backend backend;
	const char *name;
	double seconds; /* 0: no end */
	int file;
	struct dhp_engine *engine;
	atomic_int error; /* errno of the write that failed; 0: none */
	_Atomic uint64_t line_count;
};

static bool recorder_write(void *context, const char *line, size_t length)
{
	struct recorder *recorder = context;

	while (length > 0) {
		ssize_t written = write(recorder->file, line, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			atomic_store(&recorder->error, written < 0 ? errno : ENOSPC);
			return false;
		}
		line += written;
		length -= (size_t)written;
	}
	atomic_fetch_add(&recorder->line_count, 1);
	return true;
}

static int recorder_broken(struct recorder *recorder)
{
	return say_failed("cannot write %s: %s; the recording ends after %" PRIu64 " lines", recorder->name,
			  strerror(atomic_load(&recorder->error)), atomic_load(&recorder->line_count));
}

/* Until the time is over, somebody asks to stop, the script has been played, or nothing can be written. */
static void recorder_watch(struct recorder *recorder, struct script *script)
{
	uint64_t until_ns = recorder->seconds > 0 ? clock_now_ns() + ns_of_seconds(recorder->seconds) : UINT64_MAX;

	while (!atomic_load(&recorder->error) && clock_now_ns() < until_ns &&
	       !(script && script_is_over(script) && until_ns == UINT64_MAX)) {
		uint64_t next = clock_now_ns() + RECORD_LOOK_MS * NS_PER_MS;

		if (stop_wait_until(until_ns < next ? until_ns : next))
			return;
	}
}

static int recorder_run(struct recorder *recorder, struct script *script)
{
	struct dhp_record *record = NULL;
	enum dhp_status status = dhp_record_begin(recorder->engine, recorder_write, recorder, &record);
	int result = TOOL_FINE;

	if (status == DHP_CANNOT_WRITE)
		return recorder_broken(recorder);
	if (dhp_failed(status))
		return say_status("cannot begin to record", status);
	if (script)
		result = script_begin(script, recorder->engine);
	if (result == TOOL_FINE)
		recorder_watch(recorder, script);
	if (script)
		script_end(script);
	status = dhp_record_end(record);
	return status == DHP_CANNOT_WRITE ? recorder_broken(recorder) : result;
}

static int recorder_open(struct recorder *recorder)
{
	struct script script = {.fail_one_in = 0};
	bool is_stdout = strcmp(recorder->name, "-") == 0;
	int status = backend_create(&recorder->backend, DHP_ENGINE_NO_WORKERS, 1, &recorder->engine);

	if (status != TOOL_FINE)
		return status;
	stop_let_through();
	recorder->file = is_stdout ? STDOUT_FILENO
				   : open(recorder->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	stop_hold_back();
	if (recorder->file < 0)
		status = say_unusable("cannot write %s: %s", recorder->name, strerror(errno));
	else
		status = recorder_run(recorder, recorder->backend.simulated ? &script : NULL);
	if (!is_stdout && recorder->file >= 0 && close(recorder->file) != 0 && status == TOOL_FINE)
		status = say_failed("cannot write %s: %s", recorder->name, strerror(errno));
	dhp_engine_destroy(recorder->engine);
	if (status == TOOL_FINE && !is_stdout)
		printf("%s: %" PRIu64 " lines; dhp monitor --replay plays them\n", recorder->name,
		       atomic_load(&recorder->line_count));
	return status;
}

static enum options_outcome recorder_parse(struct recorder *recorder, int argument_count, char **arguments,
					   int *out_operand_count)
{
	struct command command = {
		.name = "record",
		.operands = "FILE",
		.about = "Write every change of processors and memory that this process can see to FILE (-: the output),\n"
			 "one line each, from now until Ctrl-C or SIGTERM.",
		.notes = "Inside: how many processors there can be; which are present, active and usable, with node,\n"
			 "package and core; how much memory there is; then each change with its time since the start, and\n"
			 "what each source said. No names of hosts, users or files, no wall clock, nothing of other\n"
			 "processes: it is text and safe to attach to a bug report. `dhp monitor --replay FILE` plays it on\n"
			 "any machine. docs/record-format.md describes the lines. With --backend sim a script from the seed\n"
			 "makes all processors arrive (8 without --processors).",
	};

	command_option(&command, &(struct option){.name = "seconds", .argument = "S", .kind = OPTION_SECONDS,
						  .into.seconds = &recorder->seconds, .least = 0.01, .most = 1e9,
						  .help = "end after so long"});
	backend_options(&recorder->backend, &command);
	return options_parse(&command, argument_count, arguments, out_operand_count);
}

int record_command(int argument_count, char **arguments)
{
	struct recorder recorder = {.seconds = 0};
	int operand_count, status;

	switch (recorder_parse(&recorder, argument_count, arguments, &operand_count)) {
	case OPTIONS_HELPED:
		return TOOL_FINE;
	case OPTIONS_WRONG:
		return TOOL_UNUSABLE;
	case OPTIONS_READ:
		break;
	}
	status = backend_check(&recorder.backend, 8);
	if (status != TOOL_FINE)
		return status;
	if (operand_count != 1)
		return say_usage("one FILE is needed, %d were given", operand_count);
	recorder.name = arguments[0];
	stop_prepare();
	return recorder_open(&recorder);
}
