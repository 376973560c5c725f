/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inbox.c - the least that handing a job to a worker can cost: one exchange of the worker's list head, and before it, for
 * those that claim, one exchange of the job's link ("idle" against "busy").
 *
 * Problem   a list is chased: each line that another processor has written costs its whole transfer.
 * Idea      each job also points to the one that the same submitter queued AHEAD before it. The worker goes from the
 *           newest to the oldest, so it can fetch that one while it runs this one.
 *           The worker takes the whole list with one exchange, and after a short batch waits a little: who looks all the
 *           time takes the line of the head away from the submitter. Where latency counts it does not wait.
 *
 * The head is exchanged before the link is written, so the worker may meet a job whose link still says "busy" and then
 * waits the few instructions that its submitter needs.
 *
 * "floor_ahead" has the thread of the worker that will be added already: it sleeps on a futex, and adding it is to wake it.
 * Both floors of add_worker are in a process with as many threads as an engine has: the kernel keeps the stacks of two ended
 * threads for each processor, so a thread is made 4 us sooner where each pool of the contest is made of two.
 *
 * "floor" of handover claims, since ours does; of first_instruction it spins, of asleep it sleeps on a futex at once.
 * Balanced: one inbox for each worker, filled by who submits on its CPU; who has nothing takes a whole inbox of the other.
 * Not: order, importance, removal, flush, arrivals.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "all.h"
#include "pool.h"
#include "rseq.h"
#include "threads.h"

#define AHEAD 10u
#define SHORT_BATCH 16u
#define POLITE_NS 500u
#define SPIN_NS 50000u /* where submitters want the same CPUs */
#define COMPANY 3u
#define COMPANYS_STACK 262144u

struct node {
	_Atomic(struct node *) link; /* idle, busy (claimed, not linked yet), or the next one */
	struct node *ahead;
	job_body *body;
};

struct worker {
	_Alignas(128) _Atomic(struct node *) head;
	atomic_uint asleep; /* futex: 1 while it sleeps, or is about to */
	_Alignas(128) pthread_t thread;
	struct inboxes *inboxes;
};

/* What a contestant does. Constant at each use, so that the compiler leaves out what is not wanted. */
struct manner {
	bool claims, polite, sleeps;
	bool ahead; /* the second worker's thread is made with the first */
	bool company; /* as many more threads as an engine has, which sleep */
	uint64_t spin_ns; /* before it sleeps */
};

struct inboxes {
	struct manner manner;
	_Alignas(128) atomic_uint workers;
	atomic_bool stop;
	atomic_uint added; /* futex, ahead: 0 while the second worker's thread has to wait */
	atomic_bool waits; /* ahead: it is about to */
	atomic_uint leave; /* futex: 0 while the company has to stay */
	unsigned companions;
	pthread_t companion[COMPANY];
	struct worker worker[2];
};

static struct node idle, busy; /* only their addresses matter */

static struct node *node_of(struct job *job)
{
	return (struct node *)(void *)job->room;
}

static void prepare(void *pool, struct job *job)
{
	struct node *node = node_of(job);

	(void)pool;
	atomic_init(&node->link, &idle);
	node->ahead = node;
	node->body = job->body;
}

/* ---- submit ---- */

static long futex(atomic_uint *word, int operation, unsigned value)
{
	return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void wake(struct worker *worker)
{
	if (atomic_exchange_explicit(&worker->asleep, 0, memory_order_acq_rel) != 0)
		futex(&worker->asleep, FUTEX_WAKE, 1);
}

static inline void push(struct worker *worker, struct node *node, struct manner manner)
{
	struct node *before;

	if (manner.claims && atomic_exchange_explicit(&node->link, &busy, memory_order_acq_rel) != &idle)
		return; /* the floor has no second claimant: it only pays for the question */
	if (!manner.claims)
		atomic_store_explicit(&node->link, &busy, memory_order_relaxed);
	before = atomic_exchange_explicit(&worker->head, node, memory_order_seq_cst);
	atomic_store_explicit(&node->link, before, memory_order_release);
	if (manner.sleeps && atomic_load_explicit(&worker->asleep, memory_order_relaxed) != 0)
		wake(worker); /* the exchange above and the sleeper's look at the head order the two */
}

static inline void push_all(struct worker *worker, struct job *const *jobs, size_t count, struct manner manner)
{
	for (size_t i = 0; i < count; i++) {
		struct node *node = node_of(jobs[i]);

		node->ahead = node_of(jobs[i >= AHEAD ? i - AHEAD : i]);
		push(worker, node, manner);
	}
}

/* ---- worker ---- */

static size_t run_all(struct node *node)
{
	size_t count = 0;

	while (node != NULL) {
		job_body *body = node->body;
		struct node *next;

		__builtin_prefetch(node->ahead, 1);
		while ((next = atomic_load_explicit(&node->link, memory_order_acquire)) == &busy)
			relax();
		atomic_store_explicit(&node->link, &idle, memory_order_release);
		body((struct job *)(void *)node);
		node = next;
		count++;
	}
	return count;
}

static size_t take(struct worker *worker)
{
	if (atomic_load_explicit(&worker->head, memory_order_relaxed) == NULL)
		return 0;
	return run_all(atomic_exchange_explicit(&worker->head, NULL, memory_order_acq_rel));
}

static size_t take_any(struct worker *worker)
{
	struct inboxes *inboxes = worker->inboxes;
	size_t count = take(worker);

	for (unsigned i = 0; count == 0 && i < inboxes->workers; i++)
		if (&inboxes->worker[i] != worker)
			count = take(&inboxes->worker[i]);
	return count;
}

static void sleep_unless(struct worker *worker)
{
	atomic_store_explicit(&worker->asleep, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&worker->head, memory_order_seq_cst) == NULL &&
	    !atomic_load_explicit(&worker->inboxes->stop, memory_order_seq_cst))
		futex(&worker->asleep, FUTEX_WAIT, 1);
	atomic_store_explicit(&worker->asleep, 0, memory_order_relaxed);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct inboxes *inboxes = worker->inboxes;
	uint64_t idle_since = 0;

	while (!atomic_load_explicit(&inboxes->stop, memory_order_relaxed)) {
		size_t count = take_any(worker);

		if (count != 0)
			idle_since = 0;
		if (count != 0 && count < SHORT_BATCH && inboxes->manner.polite)
			spin_ns(POLITE_NS);
		if (count != 0)
			continue;
		relax();
		if (!inboxes->manner.sleeps)
			continue;
		if (idle_since == 0)
			idle_since = now_ns();
		if (now_ns() - idle_since >= inboxes->manner.spin_ns)
			sleep_unless(worker);
	}
	return NULL;
}

/* ---- a thread that is made ahead ---- */

static void add_ahead(struct inboxes *inboxes)
{
	atomic_store_explicit(&inboxes->added, 1, memory_order_release);
	futex(&inboxes->added, FUTEX_WAKE, 1);
}

static void *wait_and_work(void *argument)
{
	struct worker *worker = argument;

	atomic_store_explicit(&worker->inboxes->waits, true, memory_order_release);
	while (atomic_load_explicit(&worker->inboxes->added, memory_order_acquire) == 0)
		futex(&worker->inboxes->added, FUTEX_WAIT, 0);
	return work(worker);
}

/* ---- company ---- */

static void *stay(void *argument)
{
	struct inboxes *inboxes = argument;

	while (atomic_load_explicit(&inboxes->leave, memory_order_acquire) == 0)
		futex(&inboxes->leave, FUTEX_WAIT, 0);
	return NULL;
}

static void invite(struct inboxes *inboxes)
{
	pthread_attr_t small; /* stacks of ended threads are kept up to 40 MiB */

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, COMPANYS_STACK);
	while (inboxes->companions < COMPANY &&
	       pthread_create(&inboxes->companion[inboxes->companions], &small, stay, inboxes) == 0)
		inboxes->companions++;
	pthread_attr_destroy(&small);
}

static void send_home(struct inboxes *inboxes)
{
	atomic_store_explicit(&inboxes->leave, 1, memory_order_release);
	futex(&inboxes->leave, FUTEX_WAKE, COMPANY);
	while (inboxes->companions > 0)
		pthread_join(inboxes->companion[--inboxes->companions], NULL);
}

/* ---- contestants ---- */

static void destroy(void *pool)
{
	struct inboxes *inboxes = pool;

	send_home(inboxes);

	atomic_store_explicit(&inboxes->stop, true, memory_order_seq_cst);
	if (inboxes->manner.ahead && inboxes->workers == 1) {
		inboxes->workers = 2;
		add_ahead(inboxes);
	}
	for (unsigned i = 0; i < inboxes->workers; i++) {
		wake(&inboxes->worker[i]);
		pthread_join(inboxes->worker[i].thread, NULL);
	}
	free(inboxes);
}

static void prepare_worker(struct inboxes *inboxes, struct worker *worker)
{
	atomic_init(&worker->head, NULL);
	atomic_init(&worker->asleep, 0);
	worker->inboxes = inboxes;
}

/* Two workers are pinned, one to each of the two CPUs. */
static bool start(struct inboxes *inboxes, unsigned workers)
{
	struct worker *worker = &inboxes->worker[inboxes->workers];

	if (workers > 1)
		threads_pin(inboxes->workers == 0 ? WHERE_FIRST : WHERE_SECOND);
	if (pthread_create(&worker->thread, NULL, work, worker) != 0)
		return false;
	inboxes->workers++;
	return true;
}

static void *create(unsigned workers, struct manner manner)
{
	struct inboxes *inboxes = aligned_alloc(128, sizeof(*inboxes));

	if (inboxes == NULL)
		return NULL;
	inboxes->manner = manner;
	atomic_init(&inboxes->workers, 0);
	atomic_init(&inboxes->stop, false);
	atomic_init(&inboxes->added, 0);
	atomic_init(&inboxes->waits, false);
	atomic_init(&inboxes->leave, 0);
	inboxes->companions = 0;
	if (manner.company)
		invite(inboxes);
	for (unsigned i = 0; i < 2; i++) /* all before the first thread, which looks into every inbox and may sleep at once */
		prepare_worker(inboxes, &inboxes->worker[i]);
	for (unsigned i = 0; i < workers; i++) {
		if (!start(inboxes, workers)) {
			destroy(inboxes);
			return NULL;
		}
	}
	if (manner.ahead && pthread_create(&inboxes->worker[1].thread, NULL, wait_and_work, &inboxes->worker[1]) != 0) {
		inboxes->manner.ahead = false;
		destroy(inboxes);
		return NULL;
	}
	while (manner.ahead && !atomic_load_explicit(&inboxes->waits, memory_order_acquire))
		sched_yield();
	if (manner.ahead)
		usleep(POOL_SETTLE_US);
	return inboxes;
}

/*
 * One more worker with an inbox of its own, which looks into the other's too. Where the first one waits inside a job, it
 * finds what is queued there; submitters notice nothing.
 */
static bool add_worker(void *pool)
{
	struct inboxes *inboxes = pool;

	if (inboxes->workers >= 2)
		return false;
	if (!inboxes->manner.ahead)
		return start(inboxes, 1);
	inboxes->workers = 2;
	add_ahead(inboxes);
	return true;
}

#define INBOX(name, ...)                                                                                               \
	static const struct manner name##_manner = {__VA_ARGS__};                                                      \
	static void *name##_create(unsigned workers)                                                                   \
	{                                                                                                              \
		return create(workers, name##_manner);                                                                 \
	}                                                                                                              \
	static void name##_submit(void *pool, struct job *const *jobs, size_t count)                                   \
	{                                                                                                              \
		push_all(&((struct inboxes *)pool)->worker[0], jobs, count, name##_manner);                            \
	}                                                                                                              \
	static const struct pool_ops name = {.create = name##_create, .destroy = destroy, .prepare = prepare,          \
					     .submit = name##_submit, .add_worker = add_worker, .workers = 1}

INBOX(claiming, .claims = true, .polite = true);
INBOX(plain, .polite = true);
INBOX(eager, .claims = true);
INBOX(crowded, .claims = true, .company = true);
INBOX(made_ahead, .claims = true, .ahead = true, .company = true);
INBOX(sleeping, .claims = true, .sleeps = true);

static const struct manner shared_manner = {.claims = true, .sleeps = true, .spin_ns = SPIN_NS};

static void *shared_create(unsigned workers)
{
	return create(workers, shared_manner);
}

/* On the CPU that one runs on; the workers lie in the order of their CPUs. */
static void shared_submit(void *pool, struct job *const *jobs, size_t count)
{
	unsigned index = floor_cpu() == threads_cpu(WHERE_FIRST) ? 0 : 1;

	push_all(&((struct inboxes *)pool)->worker[index], jobs, count, shared_manner);
}

void floor_inbox(void)
{
	static const struct pool_ops shared = {.create = shared_create, .destroy = destroy, .prepare = prepare, .submit = shared_submit,
					     .workers = 2};

	bench_pool_in("handover", "floor", &claiming);
	bench_pool_in("handover", "floor_no_claim", &plain);
	bench_pool_in("handover", "floor_sleeping", &sleeping);
	bench_pool_in("two_submitters", "floor_inbox", &claiming);
	bench_pool_in("balanced_empty", "floor", &shared);
	bench_pool_in("balanced_200ns", "floor_inbox", &shared);
	bench_pool_in("first_instruction", "floor", &eager);
	bench_pool_in("first_instruction", "floor_sleeping", &sleeping);
	bench_pool_in("asleep", "floor", &sleeping);
	bench_pool_in("add_worker", "floor", &crowded);
	bench_pool_in("add_worker", "floor_ahead", &made_ahead);
	bench_pool_in("add_stall", "floor", &eager);
}
