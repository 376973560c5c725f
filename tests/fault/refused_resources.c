/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system refuses: each call by which the engine asks for memory, address space, a thread or a file is made to fail once,
 * one after another. The call of the library fails with the right status, nothing remains, and the next attempt succeeds.
 *
 * The linker puts the functions below between the engine and the C library (--wrap, see CMakeLists.txt).
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "picture.h"

#include <dhp/memory.h>

enum kind { MEMORY, SPACE, TOUCH, THREAD, EVENT, SOCKET, BIND, KINDS };

static const char *const kind_names[KINDS] = { "aligned_alloc", "mmap", "madvise", "pthread_create", "eventfd", "socket",
	"bind" };

/* Only calls made by the thread that armed are counted and refused. */
static _Thread_local struct {
	bool armed;
	enum kind kind;
	uint32_t countdown; /* calls until the first refusal */
	uint32_t times;     /* refusals in a row */
	uint32_t hits;
	int error;
} fault;

/* What the engine has at the moment; every thread counts. */
static uint64_t live_objects, live_ranges, live_threads;

static bool refused(enum kind kind)
{
	if (!fault.armed || fault.kind != kind || fault.times == 0)
		return false;
	if (fault.countdown > 1) {
		fault.countdown--;
		return false;
	}
	fault.times--;
	fault.hits++;
	errno = fault.error;
	return true;
}

static void arm(enum kind kind, uint32_t nth, int error)
{
	fault.kind = kind;
	fault.countdown = nth;
	fault.times = 1;
	fault.hits = 0;
	fault.error = error;
	fault.armed = true;
}

/* true: the call that was to fail was reached. */
static bool disarm(void)
{
	fault.armed = false;
	return fault.hits != 0;
}

/* ---- between the engine and the C library ---- */

void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void *__real_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int __real_munmap(void *address, size_t bytes);
int __wrap_munmap(void *address, size_t bytes);
int __real_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __real_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result);
int __real_eventfd(unsigned int count, int flags);
int __wrap_eventfd(unsigned int count, int flags);
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_bind(int file, const struct sockaddr *address, socklen_t length);
int __wrap_bind(int file, const struct sockaddr *address, socklen_t length);
void __real_free(void *p);
void __wrap_free(void *p);

#define OBJECTS 4096u
static void *objects[OBJECTS];

static void remember(void *p)
{
	for (uint32_t i = 0; i < OBJECTS; i++) {
		void *none = NULL;

		if (__atomic_compare_exchange_n(&objects[i], &none, p, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			(void)bump(&live_objects);
			return;
		}
	}
	abort();
}

static void forget(void *p)
{
	for (uint32_t i = 0; p != NULL && i < OBJECTS; i++) {
		void *expected = p;

		if (__atomic_compare_exchange_n(&objects[i], &expected, NULL, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			(void)__atomic_fetch_sub(&live_objects, 1, __ATOMIC_RELAXED);
			return;
		}
	}
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	void *p = refused(MEMORY) ? NULL : __real_aligned_alloc(alignment, bytes);

	if (p != NULL)
		remember(p);
	return p;
}

void __wrap_free(void *p)
{
	forget(p);
	__real_free(p);
}

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
	void *p = refused(SPACE) ? MAP_FAILED : __real_mmap(address, bytes, protection, flags, file, offset);

	if (p != MAP_FAILED)
		(void)bump(&live_ranges);
	return p;
}

int __wrap_munmap(void *address, size_t bytes)
{
	(void)__atomic_fetch_sub(&live_ranges, 1, __ATOMIC_RELAXED);
	return __real_munmap(address, bytes);
}

int __wrap_madvise(void *address, size_t bytes, int advice)
{
	return refused(TOUCH) ? -1 : __real_madvise(address, bytes, advice);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	int error = refused(THREAD) ? fault.error : __real_pthread_create(thread, attributes, run, argument);

	if (error == 0)
		(void)bump(&live_threads);
	return error;
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
	(void)__atomic_fetch_sub(&live_threads, 1, __ATOMIC_RELAXED);
	return __real_pthread_join(thread, result);
}

int __wrap_eventfd(unsigned int count, int flags)
{
	return refused(EVENT) ? -1 : __real_eventfd(count, flags);
}

int __wrap_socket(int domain, int type, int protocol)
{
	return refused(SOCKET) ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_bind(int file, const struct sockaddr *address, socklen_t length)
{
	return refused(BIND) ? -1 : __real_bind(file, address, length);
}

/* ---- what is left ---- */

struct balance {
	uint64_t objects, ranges, threads, files;
};

/* The kernel knows which descriptors are open. */
static uint64_t files_open(void)
{
	uint64_t count = 0;

	for (int file = 0; file < 256; file++)
		count += lseek(file, 0, SEEK_CUR) >= 0 || errno != EBADF;
	return count;
}

static struct balance balance_now(void)
{
	return (struct balance){ peek(&live_objects), peek(&live_ranges), peek(&live_threads), files_open() };
}

static void assert_same_balance(struct balance before, const char *what, uint32_t nth)
{
	struct balance after = balance_now();

	if (memcmp(&before, &after, sizeof(before)) != 0)
		fail_msg("after call %u of %s was refused: %lld objects, %lld ranges, %lld threads, %d files left", nth, what,
			 (long long)(after.objects - before.objects), (long long)(after.ranges - before.ranges),
			 (long long)(after.threads - before.threads), (int)(after.files - before.files));
}

static enum dhp_status expected_status(enum kind kind, int error)
{
	if (kind == THREAD)
		return error == ENOMEM ? DHP_NO_MEMORY : DHP_NO_THREAD;
	return DHP_NO_MEMORY;
}

/* ---- creation of an engine ---- */

static const uint8_t three_and_five[] = { 3, 5 };
static const struct sim_setup simulated = { .maximum = 12, .initial = 4, .group_sizes = three_and_five,
	.group_size_count = 2, .gap = 3 };

static enum dhp_status create_engine(bool sim, struct dhp_engine **out_engine)
{
	const struct dhp_engine_options machine = { .size = sizeof(machine) };

	return sim ? try_sim(&simulated, out_engine) : dhp_engine_create(&machine, out_engine);
}

/* Gives how many calls of that kind a creation makes. */
static uint32_t refuse_creation(bool sim, enum kind kind, int error)
{
	for (uint32_t nth = 1;; nth++) {
		struct balance before = balance_now();
		struct dhp_engine *engine = NULL;
		enum dhp_status status;

		arm(kind, nth, error);
		/* A stack of our own size that is refused is followed by one of the system's size. */
		fault.times = kind == THREAD && error == EINVAL ? 2 : 1;
		status = create_engine(sim, &engine);
		if (!disarm()) {
			assert_ok(status);
			end_engine(engine);
			assert_same_balance(before, "nothing", nth);
			return nth - 1;
		}
		if (kind == THREAD && error == EINVAL)
			assert_true(status == DHP_NO_AFFINITY || status == DHP_NO_THREAD);
		else
			assert_status(status, expected_status(kind, error));
		assert_null(engine);
		assert_same_balance(before, kind_names[kind], nth);
	}
}

static void creation_fails_as_a_whole(void **state)
{
	(void)state;
	assert_true(refuse_creation(true, MEMORY, ENOMEM) >= 4);
	assert_true(refuse_creation(true, SPACE, ENOMEM) >= 8);
	assert_true(refuse_creation(true, TOUCH, ENOMEM) >= 4);
	assert_int_equal(refuse_creation(true, THREAD, EAGAIN), 7); /* reclaimer, timer, notification, four workers */
	assert_int_equal(refuse_creation(true, THREAD, ENOMEM), 7);
}

static void creation_on_the_machine_fails_as_a_whole(void **state)
{
	uint32_t active;
	struct dhp_engine *engine = NULL;

	(void)state;
	assert_ok(create_engine(false, &engine));
	active = active_count(engine);
	end_engine(engine);
	assert_true(refuse_creation(false, MEMORY, ENOMEM) >= 4);
	assert_true(refuse_creation(false, SPACE, ENOMEM) >= 8);
	assert_true(refuse_creation(false, TOUCH, ENOMEM) >= 2);
	assert_int_equal(refuse_creation(false, THREAD, EAGAIN), active + 4); /* and the one that watches */
	assert_int_equal(refuse_creation(false, THREAD, EINVAL), active + 4);
	assert_int_equal(refuse_creation(false, EVENT, EMFILE), 2); /* the control thread's, the timer thread's */
	assert_int_equal(refuse_creation(true, EVENT, EMFILE), 1);
}

struct uevent_source {
	bool seen, works;
};

static void find_uevent(const struct dhp_source *source, void *context)
{
	struct uevent_source *found = context;

	if (strcmp(source->name, "uevent") == 0) {
		found->seen = true;
		found->works = source->works;
	}
}

/* Without the kernel's messages there is still the poll. */
static void machine_without_messages_works(void **state)
{
	static const enum kind kinds[] = { SOCKET, BIND };

	(void)state;
	for (size_t i = 0; i < LENGTH(kinds); i++) {
		struct balance before = balance_now();
		struct uevent_source found = { false, true };
		struct dhp_engine *engine = NULL;

		arm(kinds[i], 1, EPERM);
		assert_ok(create_engine(false, &engine));
		assert_true(disarm());
		assert_ok(dhp_sources(engine, find_uevent, &found));
		assert_true(found.seen && !found.works);
		assert_ok(dhp_engine_rescan(engine));
		end_engine(engine);
		assert_same_balance(before, kind_names[kinds[i]], 1);
	}
}

/* A kernel before 5.14 does not know how to populate: pages are written instead. */
static void old_kernel_without_populate_works(void **state)
{
	(void)state;
	for (uint32_t nth = 1; nth <= 8; nth++) {
		struct dhp_engine *engine = NULL;

		arm(TOUCH, nth, EINVAL);
		assert_ok(create_engine(true, &engine));
		assert_true(disarm());
		assert_consistent(engine);
		end_engine(engine);
	}
}

/* Thread-local storage of the program may need more stack than asked for. */
static void stack_that_is_too_small_is_made_larger(void **state)
{
	struct dhp_engine *engine = NULL;

	(void)state;
	arm(THREAD, 4, EINVAL); /* the first worker */
	assert_ok(create_engine(true, &engine));
	assert_true(disarm());
	assert_consistent(engine);
	end_engine(engine);
}

/* ---- objects of an engine ---- */

static enum dhp_status construct_nothing(void *slot, const struct dhp_processor *processor, void *context)
{
	int64_t *balance = context;

	(void)slot;
	(void)processor;
	++*balance;
	return DHP_OK;
}

static void destruct_nothing(void *slot, const struct dhp_processor *processor, void *context)
{
	int64_t *balance = context;

	(void)slot;
	(void)processor;
	--*balance;
}

static int64_t slots_balance;

static enum dhp_status make_array(struct dhp_engine *engine, struct dhp_percpu **out_array)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 4096, /* each on a page of its own */
		.construct = construct_nothing, .destruct = destruct_nothing, .context = &slots_balance };

	return dhp_percpu_create(engine, &options, out_array);
}

static void array_creation_fails_as_a_whole(void **state)
{
	static const enum kind kinds[] = { MEMORY, SPACE, TOUCH };
	struct dhp_engine *engine = make_sim(&simulated);

	(void)state;
	for (size_t i = 0; i < LENGTH(kinds); i++) {
		for (uint32_t nth = 1;; nth++) {
			struct balance before = balance_now();
			struct dhp_percpu *array = NULL;
			enum dhp_status status;

			arm(kinds[i], nth, ENOMEM);
			status = make_array(engine, &array);
			if (!disarm()) {
				assert_ok(status);
				assert_ok(dhp_percpu_destroy(array));
				assert_true(nth > (kinds[i] == TOUCH ? 5 : 1)); /* the fallback slot and four others */
				break;
			}
			assert_status(status, DHP_NO_MEMORY);
			assert_null(array);
			assert_true(slots_balance == 0);
			assert_same_balance(before, kind_names[kinds[i]], nth);
		}
	}
	end_engine(engine);
}

static void ignore_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	uint32_t *calls = context;

	(void)change;
	(void)status;
	++*calls;
}

static void ignore_arrival(void *context, const struct dhp_arrival *arrival)
{
	uint32_t *calls = context;

	(void)arrival;
	++*calls;
}

static void registrations_and_readers_fail_without_a_trace_S109(void **state)
{
	struct dhp_engine *engine = make_sim(&simulated);
	struct dhp_notify *notify = NULL;
	struct dhp_arrival_notify *arrival = NULL;
	struct dhp_reader *reader = NULL;
	struct dhp_counter *counter = NULL;
	struct balance before;
	uint32_t calls = 0;

	(void)state;
	before = balance_now();
	arm(MEMORY, 1, ENOMEM);
	assert_status(dhp_notify_register(engine, ignore_change, &calls, DHP_NOTIFY_EXISTING, &notify), DHP_NO_MEMORY);
	assert_true(disarm());
	arm(MEMORY, 1, ENOMEM);
	assert_status(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, ignore_arrival, &calls, DHP_NOTIFY_EXISTING,
					   &arrival),
		      DHP_NO_MEMORY);
	assert_true(disarm());
	arm(MEMORY, 1, ENOMEM);
	assert_status(dhp_reader_join(engine, &reader), DHP_NO_MEMORY);
	assert_true(disarm());
	arm(SPACE, 1, ENOMEM);
	assert_status(dhp_counter_create(engine, &counter), DHP_NO_MEMORY);
	assert_true(disarm());
	assert_true(notify == NULL && arrival == NULL && reader == NULL && counter == NULL);
	assert_int_equal(calls, 0);
	assert_same_balance(before, "objects", 1);
	end_engine(engine); /* and is not in use */
}

/* ---- an arrival ---- */

#define REGISTRANTS 3u

struct listener {
	uint32_t starts, completes, failures;
	enum dhp_status reason;
};

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct listener *listener = context;

	(void)status;
	listener->starts += change->state == DHP_CHANGE_START;
	listener->completes += change->state == DHP_CHANGE_COMPLETE;
	listener->failures += change->state == DHP_CHANGE_FAILURE;
	if (change->state == DHP_CHANGE_FAILURE)
		listener->reason = change->status;
}

static void refuse_arrival(struct dhp_engine *engine, struct listener *listeners, uint32_t position, enum kind kind,
			   int error)
{
	static struct picture before, after;
	uint32_t nth;

	for (nth = 1;; nth++) {
		struct balance balance = balance_now();
		int64_t slots = slots_balance;
		enum dhp_status status;

		memset(listeners, 0, sizeof(*listeners) * REGISTRANTS);
		picture_take(engine, &before);
		arm(kind, nth, error);
		status = add_position(engine, position);
		if (!disarm()) {
			assert_ok(status); /* the retry: with the same index, since the count is the same */
			break;
		}
		assert_status(status, expected_status(kind, error));
		picture_take(engine, &after);
		assert_same_picture(&before, &after);
		assert_true(slots_balance == slots);
		/* Not the objects: an epoch record of a failed attempt is kept for the next, and freed with the engine. */
		assert_true(balance_now().ranges == balance.ranges);
		assert_true(balance_now().threads == balance.threads);
		for (uint32_t i = 0; i < REGISTRANTS; i++) {
			assert_int_equal(listeners[i].starts, kind == THREAD ? 1 : 0);
			assert_int_equal(listeners[i].failures, kind == THREAD ? 1 : 0);
			assert_int_equal(listeners[i].completes, 0);
			if (kind == THREAD)
				assert_status(listeners[i].reason, status); /* S-179 */
		}
	}
	assert_true(nth > 1);
	for (uint32_t i = 0; i < REGISTRANTS; i++) {
		assert_int_equal(listeners[i].starts, 1);
		assert_int_equal(listeners[i].completes, 1);
		assert_int_equal(listeners[i].failures, 0);
	}
	assert_consistent(engine);
}

static void arrival_fails_as_a_whole_S147_S175_S179(void **state)
{
	struct balance before = balance_now();
	struct dhp_engine *engine = make_sim(&simulated);
	struct dhp_percpu *arrays[3];
	struct dhp_notify *registrations[REGISTRANTS];
	struct listener listeners[REGISTRANTS];

	(void)state;
	for (size_t i = 0; i < LENGTH(arrays); i++)
		assert_ok(make_array(engine, &arrays[i]));
	for (size_t i = 0; i < REGISTRANTS; i++)
		assert_ok(dhp_notify_register(engine, hear, &listeners[i], 0, &registrations[i]));
	refuse_arrival(engine, listeners, 11, THREAD, EAGAIN);
	refuse_arrival(engine, listeners, 10, MEMORY, ENOMEM);
	refuse_arrival(engine, listeners, 9, TOUCH, ENOMEM);
	refuse_arrival(engine, listeners, 8, THREAD, ENOMEM);
	for (size_t i = 0; i < REGISTRANTS; i++)
		dhp_notify_unregister(registrations[i]);
	for (size_t i = 0; i < LENGTH(arrays); i++)
		assert_ok(dhp_percpu_destroy(arrays[i]));
	assert_true(slots_balance == 0);
	end_engine(engine);
	assert_same_balance(before, "all", 0);
}

/* Reading, announcing and unregistering ask for nothing. */
static void what_is_promised_to_allocate_nothing_does_not(void **state)
{
	struct dhp_engine *engine = make_sim(&simulated);
	struct dhp_percpu *array = NULL;
	struct dhp_snapshot snapshot = { .masks_capacity = 0 };
	uint64_t allocations;

	(void)state;
	assert_ok(make_array(engine, &array));
	allocations = peek(&live_objects) + peek(&live_ranges);
	arm(MEMORY, 1, ENOMEM);
	assert_ok(dhp_snapshot_take(engine, &snapshot));
	assert_non_null(dhp_percpu_here(array));
	assert_ok(dhp_epoch_synchronize(engine));
	assert_ok(dhp_epoch_drain(engine));
	assert_ok(dhp_dpc_flush(engine));
	assert_ok(dhp_engine_rescan(engine));
	assert_false(disarm());
	assert_true(peek(&live_objects) + peek(&live_ranges) == allocations);
	assert_ok(dhp_percpu_destroy(array));
	end_engine(engine);
}

/* ---- memory ---- */

static void count_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)arrival;
	++*(uint32_t *)context;
}

/* S-236: nothing is delivered, nothing is counted, and the next attempt has the same name. */
static void module_without_memory_for_its_row_does_not_arrive(void **state)
{
	struct dhp_engine *engine = make_sim(&simulated);
	struct dhp_arrival_notify *registration;
	struct dhp_memory_info before, after;
	uint32_t heard = 0;

	(void)state;
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_MEMORY, count_arrival, &heard, 0, &registration));
	assert_ok(dhp_memory_read(engine, &before));
	for (uint32_t nth = 1; nth <= 2; nth++) {
		arm(TOUCH, nth, ENOMEM);
		assert_status(dhp_sim_memory_add(engine, 1 << 20, 0), DHP_NO_MEMORY);
		assert_true(disarm());
	}
	assert_ok(dhp_engine_rescan(engine));
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(heard, 0);
	assert_ok(dhp_memory_read(engine, &after));
	assert_memory_equal(&before, &after, sizeof(before));
	assert_ok(dhp_sim_memory_add(engine, 1 << 20, 0));
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(heard, 1);
	assert_ok(dhp_arrival_unregister(registration));
	end_engine(engine);
}

static void handle_of_a_condition_without_memory_is_not_opened(void **state)
{
	struct dhp_engine *engine = make_sim(&simulated);
	struct dhp_memory_event *event = NULL;
	struct balance before = balance_now();
	int file = -7;

	(void)state;
	arm(MEMORY, 1, ENOMEM);
	assert_status(dhp_memory_event_open(engine, "LowMemoryCondition", &event), DHP_NO_MEMORY);
	assert_true(disarm());
	assert_null(event);
	assert_same_balance(before, kind_names[MEMORY], 1);
	assert_ok(dhp_memory_event_open(engine, "LowMemoryCondition", &event));
	arm(EVENT, 1, EMFILE);
	assert_status(dhp_memory_event_descriptor(event, &file), DHP_NO_DESCRIPTOR);
	assert_true(disarm());
	assert_ok(dhp_memory_event_descriptor(event, &file));
	assert_ok(dhp_memory_event_close(event));
	assert_same_balance(before, kind_names[EVENT], 1);
	end_engine(engine);
}

struct here {
	pthread_t thread; /* of the last call */
	uint32_t calls;
};

static void note_thread(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct here *here = context;

	(void)change;
	(void)status;
	here->thread = pthread_self();
	here->calls++;
}

/* Complete cannot fail: in the mode of two threads it comes in the first one if there is no second. */
static void without_a_second_thread_complete_comes_in_the_first_S159_S145(void **state)
{
	const struct sim_setup setup = { .maximum = 3, .initial = 1, .flags = DHP_ENGINE_TWO_THREADS | DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = make_sim(&setup);
	struct dhp_notify *handle;
	struct here here = { .calls = 0 };

	(void)state;
	assert_ok(dhp_notify_register(engine, note_thread, &here, 0, &handle));
	arm(THREAD, 1, EAGAIN);
	assert_ok(add_position(engine, 1));
	assert_true(disarm());
	assert_int_equal(here.calls, 2);
	assert_true(pthread_equal(here.thread, pthread_self()));
	assert_ok(add_position(engine, 2));
	assert_int_equal(here.calls, 4);
	assert_false(pthread_equal(here.thread, pthread_self()));
	assert_ok(dhp_notify_unregister(handle));
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(creation_fails_as_a_whole),
		cmocka_unit_test(creation_on_the_machine_fails_as_a_whole),
		cmocka_unit_test(machine_without_messages_works),
		cmocka_unit_test(old_kernel_without_populate_works),
		cmocka_unit_test(stack_that_is_too_small_is_made_larger),
		cmocka_unit_test(array_creation_fails_as_a_whole),
		cmocka_unit_test(registrations_and_readers_fail_without_a_trace_S109),
		cmocka_unit_test(arrival_fails_as_a_whole_S147_S175_S179),
		cmocka_unit_test(what_is_promised_to_allocate_nothing_does_not),
		cmocka_unit_test(module_without_memory_for_its_row_does_not_arrive),
		cmocka_unit_test(handle_of_a_condition_without_memory_is_not_opened),
		cmocka_unit_test(without_a_second_thread_complete_comes_in_the_first_S159_S145),
	};

	return cmocka_run_group_tests_name("refused_resources", tests, NULL, NULL);
}
