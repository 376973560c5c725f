// SPDX-License-Identifier: BSD-2-Clause
//
// relacy.cpp - runs the worlds of a model under Relacy.
//
// Problem   the engine is C, and compiled as it is in the library; Relacy wants its own types for whatever threads share.
// Idea      an atomic operation of the models' atomic.h is a call of this file, with the address of the word. Beside each
//           word that is used so there is one of Relacy's atomics, made at the first use. Relacy keeps the history of the
//           stores and decides which of them a load finds; the word in memory has the newest value.
//           The C files are compiled for ThreadSanitizer but linked to this file: each plain access calls __tsan_read4
//           and the like. A vector clock for each byte, compared with Relacy's clock of the thread, says whether all
//           accesses that matter happened before. So every plain field of the engine is watched, and none is marked.
//
// Not       a proof: the scheduler is random (--full: exhaustive, for tiny worlds). A read-modify-write finds the newest value
//           of an interleaving, and nothing is found before it is stored.
#include <relacy/pch.hpp>

// Relacy keeps the last three values of a word; here a load may find one of eight, a power of two because indices wrap.
#define atomic_history_size atomic_history_size_of_relacy
#include <relacy/defs.hpp>
#undef atomic_history_size
namespace rl {
size_t const atomic_history_size = 8;
}
#include <relacy/relacy.hpp>

#include <cstdio>
#include <cstring>
#include <ostream>
#include <streambuf>

#include "include/model.h"
#include "include/model_atomic.h"

#undef $
#define HERE rl::debug_info("", "", 0)

namespace {

typedef rl::timestamp_t clock_type;

const unsigned WORDS = 1u << 14, BYTES = 1u << 17, ARENA = 1u << 18, REGIONS = 64, CHANNELS = 64;

struct Word {
	uintptr_t address;
	uint64_t run;
	uint64_t history[rl::atomic_history_size];
	uint64_t newest;
	rl::atomic_data *data;
};

struct Byte {
	uintptr_t address;
	uint64_t run;
	clock_type wrote[MODEL_THREADS], read[MODEL_THREADS], at_wrote[MODEL_THREADS], at_read[MODEL_THREADS];
};

struct Region {
	uintptr_t begin, end;
};

Word words[WORDS];
Word *words_used[WORDS];
Byte bytes_table[BYTES];
Region freed[REGIONS];
clock_type told[CHANNELS][MODEL_THREADS];
rl::generic_mutex_data *mutexes[REGIONS];
char arena[ARENA] __attribute__((aligned(128)));
unsigned words_count, freed_count, arena_used, mutexes_count;
uint64_t run_number;
unsigned thread_count;
bool in_threads;
const model_world *world;
const char *program;
unsigned channels_count;
void (*init_data)(rl::atomic_data *);
void (*fence_data)(rl::atomic_data *);

rl::thread_info_base &self()
{
	return *rl::ctx().threadx_;
}

void fail(const char *text, rl::test_result_e result = rl::test_result_user_assert_failed)
{
	rl::ctx().fail_test(text, result, HERE);
}

// The place in the engine's file, past the inlined wrapper. Only for the one run that is printed. No C++ strings: Relacy counts
// what operator new gives.
const char *place(void *address)
{
	static char command[300], line[300], found[300];
	strcpy(found, "?");
	snprintf(command, sizeof(command), "addr2line -i -s -e %s %p", program, (void *)((char *)address - 1));
	FILE *pipe = popen(command, "r");

	while (pipe != NULL && fgets(line, sizeof(line), pipe) != NULL) {
		line[strcspn(line, " (\n")] = 0;
		strcpy(found, line);
		if (strncmp(line, "atomic.h", 8) != 0 && strncmp(line, "model_atomic.h", 14) != 0)
			break;
	}
	if (pipe != NULL)
		pclose(pipe);
	return found;
}

void note(const char *what, const void *word, uint64_t value, void *caller)
{
	rl::context &c = rl::ctx();

	if (!c.collecting_history() || !in_threads)
		return;
	static char line[400];
	uintptr_t at = (uintptr_t)word - (uintptr_t)arena;
	snprintf(line, sizeof(line), "%s %s of %s%#zx: %#llx", place(caller), what, at < ARENA ? "arena+" : "", 
		 (size_t)(at < ARENA ? at : (uintptr_t)word), (unsigned long long)value);
	// Relacy keeps what it is given in its own memory.
	char *kept = (char *)(::malloc)(strlen(line) + 1);
	strcpy(kept, line);
	c.exec_log_msg(HERE, kept);
}

// Relacy's scheduler tosses for each step, so that threads run side by side and nobody is ever far behind. So some wait here
// for up to some hundred steps of the others, as one that was preempted.
void step()
{
	rl::context &c = rl::ctx();

	c.sched();
	if (!in_threads || !c.is_random_sched() || c.rand(24, rl::sched_type_user) != 0)
		return;
	for (unsigned left = c.rand(1u << c.rand(9, rl::sched_type_user), rl::sched_type_user); left > 0; left--)
		c.sched();
}

// ---- plain accesses ----

Byte &place_of(uintptr_t address)
{
	unsigned slot = (unsigned)((address >> 3) * 0x9E3779B1u * 8 + (address & 7)) % BYTES;

	while (bytes_table[slot].run == run_number && bytes_table[slot].address != address)
		slot = (slot + 8) % BYTES;
	return bytes_table[slot];
}

Byte &byte_at(uintptr_t address)
{
	Byte &byte = place_of(address);
	if (byte.run != run_number) {
		memset(&byte, 0, sizeof(byte));
		byte.run = run_number;
		byte.address = address;
	}
	return byte;
}

bool seen(const clock_type *when)
{
	const clock_type *known = self().acq_rel_order_;

	for (unsigned i = 0; i < thread_count; i++)
		if (known[i] < when[i])
			return false;
	return true;
}

void stamp(clock_type *when)
{
	when[self().index_] = ++self().own_acq_rel_order_;
}

void live(uintptr_t address, void *caller)
{
	for (unsigned i = 0; i < freed_count; i++)
		if (address >= freed[i].begin && address < freed[i].end) {
			note("access after free", (void *)address, 0, caller);
			fail("access after free", rl::test_result_access_to_freed_memory);
		}
}

void race(const char *what, uintptr_t address, void *caller)
{
	note(what, (void *)address, 0, caller);
	fail("data race", rl::test_result_data_race);
}

void plain_read(uintptr_t address, size_t size, void *caller)
{
	if (!in_threads || rl::ctx().invariant_executing)
		return;
	live(address, caller);
	note("plain read", (void *)address, size, caller);
	for (uintptr_t at = address; at < address + size; at++) {
		Byte &byte = byte_at(at);
		if (!seen(byte.wrote) || !seen(byte.at_wrote))
			race("racing read", at, caller);
		stamp(byte.read);
	}
}

void plain_write(uintptr_t address, size_t size, void *caller)
{
	if (!in_threads || rl::ctx().invariant_executing)
		return;
	live(address, caller);
	note("plain write", (void *)address, size, caller);
	for (uintptr_t at = address; at < address + size; at++) {
		Byte &byte = byte_at(at);
		if (!seen(byte.wrote) || !seen(byte.at_wrote) || !seen(byte.read) || !seen(byte.at_read))
			race("racing write", at, caller);
		stamp(byte.wrote);
	}
}

void atomic_access(uintptr_t address, bool writes, void *caller)
{
	if (!in_threads)
		return;
	live(address, caller);
	Byte &byte = byte_at(address);
	if (!seen(byte.wrote) || (writes && !seen(byte.read)))
		race("atomic access races with a plain one", address, caller);
	stamp(writes ? byte.at_wrote : byte.at_read);
}

// ---- words ----

uint64_t in_memory(const void *word, uint32_t size)
{
	uint64_t value = 0;

	memcpy(&value, word, size); // least significant byte first
	return value;
}

void give_history(Word &word, uint64_t value)
{
	word.data = rl::ctx().atomic_ctor(&word);
	init_data(word.data);
	word.history[0] = word.newest = value;
}

Word &word_at(const void *p, uint32_t size)
{
	uintptr_t address = (uintptr_t)p;
	unsigned slot = (unsigned)((address >> 2) * 0x9E3779B1u >> 8) % WORDS;

	while (words[slot].run == run_number && words[slot].address != address)
		slot = (slot + 1) % WORDS;
	Word &word = words[slot];
	uint64_t value = in_memory(p, size);
	if (word.run != run_number) {
		word.run = run_number;
		word.address = address;
		words_used[words_count++] = &word;
		give_history(word, value);
	} else if (word.data == NULL) {
		give_history(word, value);
	} else if (word.newest != value) { // initialised anew, by plain stores
		rl::ctx().atomic_dtor(word.data);
		give_history(word, value);
	}
	return word;
}

uint64_t mask(uint32_t size)
{
	return size == 8 ? ~0ull : (1ull << size * 8) - 1;
}

void put(Word &word, void *p, uint32_t size, unsigned index, uint64_t value)
{
	word.history[index] = word.newest = value;
	memcpy(p, &value, size);
}

unsigned read_modify_write(rl::atomic_data *data, model_order order)
{
	bool aba;

	switch (order) {
	case MODEL_RELAXED: return self().atomic_rmw_relaxed(data, aba);
	case MODEL_ACQUIRE: return self().atomic_rmw_acquire(data, aba);
	case MODEL_RELEASE: return self().atomic_rmw_release(data, aba);
	case MODEL_ACQ_REL: return self().atomic_rmw_acq_rel(data, aba);
	case MODEL_SEQ_CST: return self().atomic_rmw_seq_cst(data, aba);
	}
	return 0;
}

const char *const order_names[] = { "relaxed", "acquire", "release", "acq_rel", "seq_cst" };

void note_operation(const char *what, model_order order, const void *word, uint64_t value, void *caller)
{
	char text[60];

	if (!rl::ctx().collecting_history())
		return;
	snprintf(text, sizeof(text), "%s %s", what, order_names[order]);
	note(text, word, value, caller);
}

} // namespace

#define CALLER __builtin_return_address(0)

extern "C" {

uint64_t model_load(const void *p, uint32_t size, enum model_order order)
{
	step();
	Word &word = word_at(p, size);
	atomic_access((uintptr_t)p, false, CALLER);
	unsigned index = order == MODEL_RELAXED ? self().atomic_load_relaxed(word.data) :
			 order == MODEL_ACQUIRE ? self().atomic_load_acquire(word.data) :
						  self().atomic_load_seq_cst(word.data);
	note_operation("load", order, p, word.history[index], CALLER);
	return word.history[index];
}

void model_store(void *p, uint32_t size, uint64_t value, enum model_order order)
{
	step();
	Word &word = word_at(p, size);
	atomic_access((uintptr_t)p, true, CALLER);
	unsigned index = order == MODEL_RELAXED ? self().atomic_store_relaxed(word.data) :
			 order == MODEL_RELEASE ? self().atomic_store_release(word.data) :
						  self().atomic_store_seq_cst(word.data);
	put(word, p, size, index, value & mask(size));
	note_operation("store", order, p, value, CALLER);
}

uint64_t model_exchange(void *p, uint32_t size, uint64_t value, enum model_order order)
{
	step();
	Word &word = word_at(p, size);
	uint64_t before = word.newest;
	atomic_access((uintptr_t)p, true, CALLER);
	put(word, p, size, read_modify_write(word.data, order), value & mask(size));
	note_operation("exchange", order, p, value, CALLER);
	return before;
}

uint64_t model_add(void *p, uint32_t size, uint64_t amount, enum model_order order)
{
	step();
	Word &word = word_at(p, size);
	uint64_t before = word.newest;
	atomic_access((uintptr_t)p, true, CALLER);
	put(word, p, size, read_modify_write(word.data, order), (before + amount) & mask(size));
	note_operation("add", order, p, word.newest, CALLER);
	return before;
}

bool model_cas(void *p, uint32_t size, uint64_t *expected, uint64_t value, enum model_order order)
{
	step();
	Word &word = word_at(p, size);
	// What fails is a load, which may find what is old.
	uint64_t found = word.history[self().atomic_load_relaxed(word.data)];
	if (found == *expected) {
		(void)self().atomic_load_relaxed_rmw(word.data);
		found = word.newest;
	}
	if (found != *expected) {
		atomic_access((uintptr_t)p, false, CALLER);
		*expected = found;
		note_operation("failing compare and exchange", order, p, found, CALLER);
		return false;
	}
	atomic_access((uintptr_t)p, true, CALLER);
	put(word, p, size, read_modify_write(word.data, order), value & mask(size));
	note_operation("compare and exchange", order, p, value, CALLER);
	return true;
}

void model_fence_seq_cst(void)
{
	step();
	++self().own_acq_rel_order_; // what was released before tells nobody of this fence
	rl::ctx().atomic_thread_fence_acq_rel();
	for (unsigned i = 0; i < words_count; i++)
		fence_data(words_used[i]->data);
	note("seq_cst fence", arena, 0, CALLER);
}

void model_forget(void *p)
{
	// What is stored plainly and differs is noticed at the next use; the same value is the same history.
	(void)p;
}

// ---- what the models and their port call ----

void *model_alloc(size_t size)
{
	void *p = arena + arena_used;

	arena_used += (unsigned)((size + 127) / 128 * 128 + 128);
	if (arena_used > ARENA) {
		fail("the arena is too small");
		return NULL;
	}
	memset(p, 0, size);
	return p;
}

void model_free(void *p, size_t size)
{
	uintptr_t begin = (uintptr_t)p;

	if (in_threads)
		for (uintptr_t at = begin; at < begin + size; at++) {
			Byte &byte = place_of(at);
			if (byte.run == run_number && !(seen(byte.wrote) && seen(byte.read) && seen(byte.at_wrote) && seen(byte.at_read)))
				race("free without a happens-before", at, CALLER);
		}
	live(begin, CALLER);
	note("free", p, size, CALLER);
	if (freed_count == REGIONS)
		fail("too much is freed");
	freed[freed_count].begin = begin;
	freed[freed_count++].end = begin + size;
}

void model_assert(bool condition, const char *text, const char *file, unsigned line)
{
	if (condition)
		return;
	static char all[400];
	snprintf(all, sizeof(all), "%s:%u: %s", file, line, text);
	fail(all);
}

uint32_t model_choose(uint32_t limit)
{
	return rl::ctx().rand(limit, rl::sched_type_user);
}

void model_yield(void)
{
	rl::ctx().yield(1, HERE);
}

uint32_t model_thread(void)
{
	return (uint32_t)self().index_;
}

void *model_mutex(void)
{
	if (mutexes_count == REGIONS)
		fail("too many mutexes");
	return mutexes[mutexes_count++] = rl::ctx().mutex_ctor(false, false, false, false);
}

void model_mutex_lock(void *mutex)
{
	static_cast<rl::generic_mutex_data *>(mutex)->lock_exclusive(false, HERE);
}

void model_mutex_unlock(void *mutex)
{
	static_cast<rl::generic_mutex_data *>(mutex)->unlock_exclusive(HERE);
}

void model_sleep(bool timed)
{
	rl::ctx().park_current_thread(timed, false, false, HERE);
}

void model_wake(uint32_t thread)
{
	rl::ctx().unpark_thread((rl::thread_id_t)thread, false, HERE);
}

uint32_t model_channel(void)
{
	if (channels_count == CHANNELS)
		fail("too many channels");
	return channels_count++;
}

void model_tell(uint32_t channel)
{
	++self().own_acq_rel_order_;
	for (unsigned i = 0; i < thread_count; i++)
		if (told[channel][i] < self().acq_rel_order_[i])
			told[channel][i] = self().acq_rel_order_[i];
}

void model_hear(uint32_t channel)
{
	for (unsigned i = 0; i < thread_count; i++)
		if (self().acq_rel_order_[i] < told[channel][i])
			self().acq_rel_order_[i] = told[channel][i];
	++self().own_acq_rel_order_;
}

// ---- what the compiler calls ----

#define PLAIN(size)                                                                                           \
	void __tsan_read##size(void *p) { plain_read((uintptr_t)p, size, CALLER); }                           \
	void __tsan_write##size(void *p) { plain_write((uintptr_t)p, size, CALLER); }
#define PLAIN_UNALIGNED(size)                                                                                 \
	void __tsan_unaligned_read##size(void *p) { plain_read((uintptr_t)p, size, CALLER); }                 \
	void __tsan_unaligned_write##size(void *p) { plain_write((uintptr_t)p, size, CALLER); }

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)
PLAIN_UNALIGNED(2)
PLAIN_UNALIGNED(4)
PLAIN_UNALIGNED(8)
PLAIN_UNALIGNED(16)

void __tsan_read_range(void *p, size_t size) { plain_read((uintptr_t)p, size, CALLER); }
void __tsan_write_range(void *p, size_t size) { plain_write((uintptr_t)p, size, CALLER); }
void __tsan_func_entry(void *) {}
void __tsan_func_exit(void) {}
void __tsan_init(void) {}

} // extern "C"

// clang: these instead of plain ones.
extern "C" void *__tsan_memset(void *p, int c, size_t size)
{
	plain_write((uintptr_t)p, size, CALLER);
	return memset(p, c, size);
}
extern "C" void *__tsan_memcpy(void *to, const void *from, size_t size)
{
	plain_read((uintptr_t)from, size, CALLER);
	plain_write((uintptr_t)to, size, CALLER);
	return memcpy(to, from, size);
}

namespace {

// ---- a world under Relacy ----

// The value that the word had before any thread: everybody may find it, and nobody has yet.
template <unsigned threads> void init_data_of(rl::atomic_data *data)
{
	rl::atomic_data_impl<threads> &impl = *static_cast<rl::atomic_data_impl<threads> *>(data);
	typename rl::atomic_data_impl<threads>::history_record &record = impl.history_[0];

	record.busy_ = true;
	record.seq_cst_ = false;
	record.thread_id_ = 0;
	record.acq_rel_timestamp_ = 0;
	for (unsigned i = 0; i < threads; i++) {
		record.acq_rel_order_[i] = 0;
		record.first_seen_order_[i] = (rl::timestamp_t)-1;
	}
}

// Relacy's own fence orders all fences among each other, which C11 does not. C11, 7.17.3: a load behind a fence finds the last seq_cst store before the fence,
// or a later one; and a seq_cst load after the fence finds what the fence's thread stored before it, or later.
template <unsigned threads> void fence_data_of(rl::atomic_data *data)
{
	rl::atomic_data_impl<threads> &impl = *static_cast<rl::atomic_data_impl<threads> *>(data);
	rl::thread_info_base &me = self();

	for (unsigned i = 0; i <= impl.current_index_ && i < rl::atomic_history_size - 1; i++) {
		typename rl::atomic_data_impl<threads>::history_record &record =
			impl.history_[(impl.current_index_ - i) % rl::atomic_history_size];

		if (record.seq_cst_ && record.first_seen_order_[me.index_] > me.own_acq_rel_order_)
			record.first_seen_order_[me.index_] = me.own_acq_rel_order_;
		if (record.thread_id_ == me.index_)
			record.seq_cst_ = true;
	}
}

template <unsigned threads> struct suite : rl::test_suite<suite<threads>, threads> {
	void before()
	{
		run_number++;
		words_count = freed_count = arena_used = mutexes_count = 0;
		memset(told, 0, sizeof(told));
		thread_count = threads;
		channels_count = 0;
		init_data = init_data_of<threads>;
		fence_data = fence_data_of<threads>;
		in_threads = false;
		model_begin();
		world->before();
		in_threads = true;
	}

	void thread(unsigned index)
	{
		// Nobody has to begin first.
		if (rl::ctx().is_random_sched())
			for (unsigned left = model_choose(1u << model_choose(9)); left > 0; left--)
				rl::ctx().sched();
		world->threads[index]();
	}

	void after()
	{
		in_threads = false;
		if (world->after != NULL)
			world->after();
		for (unsigned i = 0; i < words_count; i++)
			rl::ctx().atomic_dtor(words_used[i]->data);
		for (unsigned i = 0; i < mutexes_count; i++)
			rl::ctx().mutex_dtor(mutexes[i]);
	}
};

template <unsigned threads> bool simulate(rl::test_params &params)
{
	return rl::simulate<suite<threads> >(params);
}

bool run(rl::test_params &params)
{
	unsigned count = 0;

	while (count < MODEL_THREADS && world->threads[count] != NULL)
		count++;
	switch (count) {
	case 1: return simulate<1>(params);
	case 2: return simulate<2>(params);
	case 3: return simulate<3>(params);
	case 4: return simulate<4>(params);
	}
	return false;
}

// What Relacy writes, in memory that it does not count.
struct Said : std::streambuf {
	char *text;
	size_t length, room;

	Said() : text(NULL), length(0), room(0) {}
	std::streamsize xsputn(const char *from, std::streamsize count)
	{
		if (length + (size_t)count + 1 > room) {
			room = 2 * (length + (size_t)count + 1);
			text = (char *)(::realloc)(text, room);
		}
		memcpy(text + length, from, (size_t)count);
		length += (size_t)count;
		text[length] = 0;
		return count;
	}
	int overflow(int c)
	{
		char one = (char)c;
		return xsputn(&one, 1) == 1 ? c : EOF;
	}
};

int usage()
{
	printf("usage: %s [--iterations N] [--world NAME] [--full] [--trace] [--steps N] [--list]\n", program);
	return 2;
}

} // namespace

int main(int argc, char **argv)
{
	unsigned long long iterations = 10000, steps = 40000;
	const char *only = NULL;
	bool full = false, trace = false;

	program = argv[0];
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--full") == 0)
			full = true;
		else if (strcmp(argv[i], "--trace") == 0)
			trace = true;
		else if (strcmp(argv[i], "--list") == 0) {
			for (world = model_worlds; world->name != NULL; world++)
				printf("%s\n", world->name);
			return 0;
		} else if (i + 1 < argc && strcmp(argv[i], "--iterations") == 0)
			iterations = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--steps") == 0)
			steps = strtoull(argv[++i], NULL, 10);
		else if (i + 1 < argc && strcmp(argv[i], "--world") == 0)
			only = argv[++i];
		else
			return usage();
	}
	for (world = model_worlds; world->name != NULL; world++) {
		if (only != NULL && strcmp(only, world->name) != 0)
			continue;
		Said said, progress;
		std::ostream said_stream(&said), progress_stream(&progress);
		rl::test_params params;
		params.iteration_count = iterations * (world->weight == 0 ? 1 : world->weight);
		params.output_stream = &said_stream;
		params.progress_stream = &progress_stream;
		params.execution_depth_limit = (unsigned)steps;
		params.search_type = full ? rl::sched_full : rl::sched_random;
		bool passed = run(params);
		printf("%s: %s, %llu executions\n", world->name, passed ? "passed" : "FAILED",
		       (unsigned long long)params.stop_iteration);
		if (!passed) {
			// The first line is a name, the second what is wrong, the others are the way there.
			char *wrong = strchr(said.text, '\n') + 1;
			printf("%.*s\n", trace ? (int)strlen(wrong) : (int)strcspn(wrong, "\n"), wrong);
			fflush(stdout);
			_exit(1);
		}
		fflush(stdout);
	}
	return 0;
}
