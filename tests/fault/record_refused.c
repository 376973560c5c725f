/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system refuses memory or address space to a recording, to its reader, or to an engine made from it: the call fails with
 * the right status, nothing remains, and the next attempt succeeds. The linker puts the functions below in between (see
 * CMakeLists.txt).
 */
#include "chronicle.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Calls by this thread until one is refused; 0: none is. */
static _Thread_local uint32_t memory_countdown, space_countdown;
static uint64_t objects, ranges; /* that there are */

void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void __real_free(void *p);
void __wrap_free(void *p);
void *__real_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int __real_munmap(void *address, size_t bytes);
int __wrap_munmap(void *address, size_t bytes);

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	if (memory_countdown != 0 && --memory_countdown == 0)
		return NULL;
	(void)bump(&objects);
	return __real_aligned_alloc(alignment, bytes);
}

void __wrap_free(void *p)
{
	if (p != NULL)
		(void)__atomic_fetch_sub(&objects, 1, __ATOMIC_RELAXED);
	__real_free(p);
}

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
	if (space_countdown != 0 && --space_countdown == 0) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	(void)bump(&ranges);
	return __real_mmap(address, bytes, protection, flags, file, offset);
}

int __wrap_munmap(void *address, size_t bytes)
{
	(void)__atomic_fetch_sub(&ranges, 1, __ATOMIC_RELAXED);
	return __real_munmap(address, bytes);
}

static struct tape tape;

static void make_tape(void)
{
	struct dhp_engine *engine = make_sim_of(4, 1);
	struct dhp_record *record = NULL;

	tape = (struct tape){ .length = 0 };
	memory_countdown = 1;
	assert_status(dhp_record_begin(engine, tape_write, &tape, &record), DHP_NO_MEMORY);
	assert_null(record);
	assert_int_equal(tape.length, 0);
	assert_ok(dhp_record_begin(engine, tape_write, &tape, &record));
	add_positions(engine, 1, 4);
	assert_ok(dhp_record_end(record));
	end_engine(engine);
}

static void a_reader_without_memory_leaves_nothing(void **state)
{
	uint64_t objects_before, ranges_before;
	struct dhp_replay *replay = NULL;

	(void)state;
	make_tape();
	objects_before = peek(&objects);
	ranges_before = peek(&ranges);
	for (uint32_t nth = 1; nth <= 5; nth++) {
		struct dhp_replay_note note;
		enum dhp_status status;

		memory_countdown = nth <= 2 ? nth : 0;
		space_countdown = nth > 2 ? nth - 2 : 0;
		status = dhp_replay_open(tape.text, tape.length, &replay, &note);
		assert_status(status, DHP_NO_MEMORY);
		assert_null(note.text);
		assert_null(replay);
		assert_int_equal(peek(&objects), objects_before);
		assert_int_equal(peek(&ranges), ranges_before);
	}
	memory_countdown = space_countdown = 0;
	assert_ok(dhp_replay_open(tape.text, tape.length, &replay, NULL));
	assert_int_equal(peek(&ranges), ranges_before); /* only the copy is kept */
	assert_ok(dhp_replay_close(replay));
	assert_int_equal(peek(&objects), objects_before);
}

static void an_engine_without_memory_leaves_nothing(void **state)
{
	struct dhp_sim_options sim = { .size = sizeof(sim) };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim };
	struct dhp_engine *engine = NULL;
	struct dhp_replay *replay = NULL;

	(void)state;
	make_tape();
	assert_ok(dhp_replay_open(tape.text, tape.length, &replay, NULL));
	sim.replay = replay;
	for (uint32_t kind = 0; kind < 2; kind++) {
		for (uint32_t nth = 1; nth <= 3; nth++) { /* the engine, the simulation; and its three ranges */
			uint64_t objects_before = peek(&objects), ranges_before = peek(&ranges);

			memory_countdown = kind == 0 ? nth : 0;
			space_countdown = kind == 1 ? nth : 0;
			assert_status(dhp_engine_create(&options, &engine), DHP_NO_MEMORY);
			assert_null(engine);
			assert_int_equal(peek(&objects), objects_before);
			assert_int_equal(peek(&ranges), ranges_before);
		}
		memory_countdown = space_countdown = 0;
	}
	assert_ok(dhp_engine_create(&options, &engine));
	assert_ok(dhp_replay_run(engine, DHP_REPLAY_AT_ONCE));
	assert_int_equal(active_count(engine), 4);
	end_engine(engine);
	assert_ok(dhp_replay_close(replay));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_without_memory_leaves_nothing),
		cmocka_unit_test(an_engine_without_memory_leaves_nothing),
	};

	return cmocka_run_group_tests_name("record_refused", tests, NULL, NULL);
}
