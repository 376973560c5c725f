/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refuse.h - every call by which the library asks the system for something, counted and made to fail, one at a time.
 *
 * The linker puts refuse_calls.c between the library and the C library (--wrap). A run is armed by a thread. Of its own calls
 * the n-th is refused; calls that wait, and calls of the engine's threads, come in no fixed number or order, so of those the
 * n-th at one place of the code is.
 */
#ifndef TESTS_REFUSE_H
#define TESTS_REFUSE_H

#include "support.h"

#include <errno.h>

/* Name; errno of each way in which it fails, that is as many refusals; and whether it only waits. */
#define REFUSE_CALLS(call)                                                                                      \
	call(aligned_alloc, false, ENOMEM)                                                                      \
	call(__sched_cpualloc, false, ENOMEM)                                                                   \
	call(mmap, false, ENOMEM, EPERM)                                                                        \
	call(madvise, false, ENOMEM, EINVAL, EIO)                                                               \
	call(pthread_create, false, EAGAIN, ENOMEM, EPERM, EINVAL)                                              \
	call(pthread_attr_init, false, ENOMEM)                                                                  \
	call(pthread_attr_setstacksize, false, EINVAL)                                                          \
	call(pthread_attr_setaffinity_np, false, ENOMEM)                                                        \
	call(pthread_setname_np, false, ERANGE)                                                                 \
	call(pthread_mutex_init, false, EAGAIN, ENOMEM)                                                         \
	call(pthread_mutexattr_init, false, ENOMEM)                                                             \
	call(pthread_mutexattr_setrobust, false, ENOTSUP)                                                       \
	call(eventfd, false, EMFILE, ENFILE, ENOMEM)                                                            \
	call(epoll_create1, false, EMFILE, ENOMEM)                                                              \
	call(epoll_ctl, false, ENOMEM, ENOSPC)                                                                  \
	call(timerfd_create, false, EMFILE, ENOMEM, EINVAL)                                                     \
	call(timerfd_settime, false, EINVAL, ECANCELED)                                                         \
	call(socket, false, EMFILE, EPERM, EAFNOSUPPORT)                                                        \
	call(setsockopt, false, ENOMEM)                                                                         \
	call(bind, false, EPERM, ENOMEM)                                                                        \
	call(connect, false, ECONNREFUSED, EACCES, EINTR)                                                       \
	call(send, false, EPIPE, EAGAIN, SHORT_COUNT)                                                           \
	call(recvfrom, false, EINTR, EAGAIN, ENOBUFS, EIO)                                                      \
	call(open, false, EMFILE, ENOENT, EACCES, EINTR)                                                        \
	call(access, false, ENOENT, EACCES, ENOMEM)                                                             \
	call(stat, false, ENOENT, EACCES, ENOMEM)                                                               \
	call(fstat, false, ENOMEM, EIO)                                                                         \
	call(read, false, EINTR, EAGAIN, EIO, SHORT_COUNT, NOTHING)                                             \
	call(write, false, EINTR, EAGAIN, EIO, SHORT_COUNT)                                                     \
	call(read_event, false, EAGAIN)                                                                         \
	call(write_event, false, EAGAIN)                                                                        \
	call(opendir, false, EMFILE, ENOENT, ENOMEM)                                                            \
	call(readdir, false, EIO)                                                                               \
	call(sched_getcpu, false, ENOSYS)                                                                       \
	call(sched_getaffinity, false, EPERM, ENOSYS, EINVAL)                                                   \
	call(sched_setaffinity, false, EPERM, EINVAL, ESRCH)                                                    \
	call(membarrier, false, ENOSYS, EPERM, ENOMEM)                                                          \
	call(mbind, false, ENOSYS, EPERM, ENOMEM)                                                               \
	call(futex_wait, true, EINTR, EAGAIN)                                                                   \
	call(poll, true, EINTR, ENOMEM)                                                                         \
	call(ppoll, true, EINTR, ENOMEM)                                                                        \
	call(nanosleep, true, EINTR)                                                                            \
	call(callback, false, DHP_INJECTED, DHP_NO_MEMORY)

/* In place of an errno: the call does less than it could. */
#define SHORT_COUNT 10001 /* one byte */
#define NOTHING 10002     /* the end of the file */

enum refuse_call {
#define REFUSE_ENUM(name, waits, ...) REFUSE_##name,
	REFUSE_CALLS(REFUSE_ENUM) REFUSE_CALL_COUNT
#undef REFUSE_ENUM
};

const char *refuse_name(uint32_t call);
uint32_t refuse_errors(uint32_t call, const int **out_errors);

/* Which call of a run is refused. */
struct refusal {
	const void *site; /* NULL: the nth of all calls of the thread that arms, but those that wait */
	uint32_t nth;     /* 0: none */
	uint32_t error;   /* index into those of the call */
	bool memory;      /* of those that take memory; from then on there is none for anybody, until the end of the run */
};

struct refused {
	bool hit;
	uint32_t call;
	int error;
	const void *site; /* the return address */
};

void refuse_arm(const struct refusal *refusal);
struct refused refuse_disarm(void);
bool refuse_fired(void);

/* For refuse_calls.c, and for callbacks of a scenario. 0: go on; otherwise the error. */
int refuse_now(enum refuse_call call, const void *site);
#define REFUSE_HERE(call) refuse_now(REFUSE_##call, __builtin_return_address(0))

/* In a callback that may fail. */
enum dhp_status callback_status(void);

/* ---- places ---- */

#define REFUSE_SITES 1024u

struct refuse_site {
	const void *address; /* NULL: behind the last */
	uint32_t call;
	bool by_others;      /* seen in an armed run, in another thread or as a call that waits */
};

/* Every place of a call that was reached since the start of the program, armed or not. */
const struct refuse_site *refuse_sites(void);
void refuse_forget_others(void);

/* ---- what the library has at the moment ---- */

struct balance {
	int64_t objects, ranges, threads, files, folders;
};

struct balance balance_now(void);
bool balance_same(const struct balance *a, const struct balance *b);
void balance_say(const struct balance *before, const struct balance *after);

#endif
