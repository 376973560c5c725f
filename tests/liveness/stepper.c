/* SPDX-License-Identifier: BSD-2-Clause */
#include "stepper.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <time.h>
#include <unistd.h>

#define TRAP_FLAG 0x100
#define HANG_S 20

enum state { IDLE, RUNS, STANDS, ENDED };

static struct {
	uint64_t state; /* enum state */
	uint32_t go;    /* from where it stands: 0 stay, 1 to the next stop, 2 to the end */
	uint64_t stop_at, steps, counted;
	uintptr_t address;
	uint64_t ours_only;
	void (*function)(void *argument);
	void *argument;
	uint64_t begin, end; /* requests to the thread */
	bool stepped;
	pthread_t thread;
	uint64_t thread_id; /* of the one that is stepped */
} at;

extern const char __executable_start[], etext[];

static uint64_t look(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void set(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static void tell(uint32_t go)
{
	__atomic_store_n(&at.go, go, __ATOMIC_RELEASE);
	(void)syscall(SYS_futex, &at.go, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

/* Spins for a moment: whoever is waited for is mostly there at once. */
static void wait_for(const uint64_t *word, uint64_t value)
{
	for (uint32_t i = 0; look(word) < value; i++)
		if (i > 100)
			(void)sched_yield();
}

#if CAN_STEP
static bool is_ours(uintptr_t address)
{
	return address >= (uintptr_t)__executable_start && address < (uintptr_t)etext;
}

static void sleep_until_told(void)
{
	while (__atomic_load_n(&at.go, __ATOMIC_ACQUIRE) == 0)
		(void)syscall(SYS_futex, &at.go, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
}

/* Only what a signal handler may call. */
static void trapped(int signal, siginfo_t *info, void *context)
{
	ucontext_t *machine = context;
	greg_t *flags = &machine->uc_mcontext.gregs[REG_EFL];
	uintptr_t address = (uintptr_t)machine->uc_mcontext.gregs[REG_RIP];
	int saved = errno;
	(void)signal;
	(void)info;
	if (look(&at.thread_id) != (uint64_t)syscall(SYS_gettid)) { /* one that the stepped one has made */
		*flags &= ~(greg_t)TRAP_FLAG;
		return;
	}
	set(&at.steps, at.steps + 1);
	if (look(&at.ours_only) == 0 || is_ours(address))
		at.counted++;
	else
		return;
	if (at.counted < look(&at.stop_at))
		return;
	at.address = address;
	__atomic_store_n(&at.go, 0, __ATOMIC_RELAXED);
	set(&at.state, STANDS);
	sleep_until_told();
	if (at.go == 2)
		*flags &= ~(greg_t)TRAP_FLAG;
	errno = saved;
}

/* Below the red zone of the caller. */
#define CHANGE_FLAGS(operation)                                                                                \
	__asm__ __volatile__("subq $128, %%rsp\n\tpushfq\n\t" operation ", (%%rsp)\n\tpopfq\n\taddq $128, %%rsp" \
			     : : : "memory", "cc")

static void traps_on(void)
{
	CHANGE_FLAGS("orq $0x100");
}

static void traps_off(void)
{
	CHANGE_FLAGS("andq $-257");
}

static bool traps_are_on(void)
{
	uint64_t flags;

	__asm__ __volatile__("subq $128, %%rsp\n\tpushfq\n\tpopq %0\n\taddq $128, %%rsp" : "=r"(flags) : : "memory", "cc");
	return (flags & TRAP_FLAG) != 0;
}

static void install(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };

	action.sa_sigaction = trapped;
	assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
}
#else
static void traps_on(void)
{
}

static void traps_off(void)
{
}

static bool traps_are_on(void)
{
	return false;
}

static void install(void)
{
	(void)__executable_start;
	(void)etext;
}
#endif

/* The C library blocks every signal meanwhile, and a trap that is blocked ends the program. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	bool on = traps_are_on();
	int error;

	if (on)
		traps_off();
	error = __real_pthread_create(thread, attributes, run, argument);
	if (on)
		traps_on();
	return error;
}

static void *step_thread(void *argument)
{
	for (uint64_t turn = 1;; turn++) {
		wait_for(&at.begin, turn);
		if (look(&at.end) != 0)
			return argument;
		set(&at.thread_id, (uint64_t)syscall(SYS_gettid));
		if (at.stepped)
			traps_on();
		at.function(at.argument);
		traps_off();
		set(&at.state, ENDED);
	}
}

void stepper_start(void)
{
	memset(&at, 0, sizeof(at));
	install();
	assert_int_equal(pthread_create(&at.thread, NULL, step_thread, NULL), 0);
}

void stepper_end(void)
{
	set(&at.end, 1);
	set(&at.begin, at.begin + 1);
	assert_int_equal(pthread_join(at.thread, NULL), 0);
	(void)alarm(0);
}

static void begin(void (*function)(void *argument), void *argument, bool stepped)
{
	at.function = function;
	at.argument = argument;
	at.stepped = stepped;
	at.steps = at.counted = 0;
	set(&at.state, RUNS);
	set(&at.begin, at.begin + 1);
}

static struct stepped wait_for_it(void)
{
	while (look(&at.state) == RUNS)
		(void)sched_yield();
	return stepper_look();
}

struct stepped stepper_look(void)
{
	return (struct stepped){ .stopped = look(&at.state) == STANDS, .steps = look(&at.steps), .address = at.address };
}

void stepper_run(void (*function)(void *argument), void *argument)
{
	begin(function, argument, false);
	(void)wait_for_it();
}

struct stepped stepper_stop_at(void (*function)(void *argument), void *argument, uint64_t nth, bool ours_only)
{
	set(&at.stop_at, nth);
	set(&at.ours_only, ours_only);
	begin(function, argument, true);
	return wait_for_it();
}

struct stepped stepper_next(uint64_t more)
{
	set(&at.stop_at, at.counted + more);
	set(&at.state, RUNS);
	tell(1);
	return wait_for_it();
}

void stepper_release(void)
{
	if (look(&at.state) != STANDS)
		return;
	set(&at.state, RUNS);
	tell(2);
	(void)wait_for_it();
}

void stepper_let_go(void)
{
	set(&at.state, RUNS);
	tell(2);
}

void stepper_arm_here(uint64_t nth)
{
	at.steps = at.counted = 0;
	set(&at.ours_only, 0);
	set(&at.stop_at, nth);
	set(&at.state, RUNS);
	set(&at.thread_id, (uint64_t)syscall(SYS_gettid));
	traps_on();
}

/* ---- hangs ---- */

static const char *watched_what = "", *watched_name = "";

static void hangs(int signal)
{
	char text[256];
	int length = snprintf(text, sizeof(text), "HANG: %s: %s, after %llu instructions, at %lx of the program\n",
			      watched_name, watched_what, (unsigned long long)at.steps,
			      (unsigned long)(at.address - (uintptr_t)__executable_start));

	(void)signal;
	if (length > 0 && write(STDERR_FILENO, text, (size_t)length) < 0)
		_exit(3);
	_exit(2);
}

void stepper_watch(const char *what, const char *name)
{
	struct sigaction action = { .sa_flags = 0 };

	watched_what = what;
	watched_name = name;
	action.sa_handler = hangs;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	(void)alarm(HANG_S);
}
