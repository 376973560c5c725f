/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refuse_calls.c - the functions that the linker puts between the library and the C library: each refuses when told to, and
 * keeps count of what the library has.
 */
#include "refuse.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static uint64_t live_objects, live_ranges, live_threads, live_folders;

static void lower(uint64_t *counter)
{
	(void)__atomic_fetch_sub(counter, 1, __ATOMIC_RELAXED);
}

#define FILES 256

/* The kernel knows which descriptors are open. */
static int64_t files_open(void)
{
	int64_t count = 0;

	for (int file = 0; file < FILES; file++)
		count += fcntl(file, F_GETFD) >= 0;
	return count;
}

struct balance balance_now(void)
{
	return (struct balance){ (int64_t)peek(&live_objects), (int64_t)peek(&live_ranges), (int64_t)peek(&live_threads),
		files_open(), (int64_t)peek(&live_folders) };
}

/* Declares both ends: what the library calls, and what that calls. */
#define BETWEEN(type, name, parameters) \
	type __real_##name parameters;  \
	type __wrap_##name parameters;  \
	__attribute__((noinline)) type __wrap_##name parameters

/* A call that gives -1 and errno, and does nothing else here. */
#define REFUSED(type, name, parameters, arguments)          \
	BETWEEN(type, name, parameters)                     \
	{                                                   \
		int error = REFUSE_HERE(name);              \
		if (error == 0)                             \
			return __real_##name arguments;     \
		errno = error;                              \
		return -1;                                  \
	}

/* One that gives the error. */
#define TOLD(name, parameters, arguments)                             \
	BETWEEN(int, name, parameters)                                \
	{                                                             \
		int error = REFUSE_HERE(name);                        \
		return error != 0 ? error : __real_##name arguments;  \
	}

/* ---- memory ---- */

#define OBJECTS 8192u
static void *objects[OBJECTS];

static uint32_t slot_of(const void *p)
{
	return (uint32_t)((uintptr_t)p >> 4) * 2654435761u % OBJECTS;
}

static bool change(uint32_t slot, void *from, void *to)
{
	return __atomic_compare_exchange_n(&objects[slot], &from, to, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* A table of who is there, open addressing without order: a search for one that is not there looks at all. */
static bool replace(const void *near, void *from, void *to)
{
	for (uint32_t i = 0, slot = slot_of(near); i < OBJECTS; i++, slot = (slot + 1) % OBJECTS)
		if (peek((const uint64_t *)(void *)&objects[slot]) == (uintptr_t)from && change(slot, from, to))
			return true;
	return false;
}

BETWEEN(void *, aligned_alloc, (size_t alignment, size_t bytes))
{
	int error = REFUSE_HERE(aligned_alloc);
	void *p = error == 0 ? __real_aligned_alloc(alignment, bytes) : NULL;

	if (error != 0)
		errno = error;
	if (p == NULL)
		return NULL;
	if (!replace(p, NULL, p))
		abort();
	(void)bump(&live_objects);
	return p;
}

BETWEEN(void, free, (void *p))
{
	if (p != NULL && replace(p, p, NULL))
		lower(&live_objects);
	__real_free(p);
}

BETWEEN(cpu_set_t *, __sched_cpualloc, (size_t count))
{
	return REFUSE_HERE(__sched_cpualloc) != 0 ? NULL : __real___sched_cpualloc(count);
}

BETWEEN(void *, mmap, (void *address, size_t bytes, int protection, int flags, int file, off_t offset))
{
	int error = REFUSE_HERE(mmap);
	void *p = error == 0 ? __real_mmap(address, bytes, protection, flags, file, offset) : MAP_FAILED;

	if (error != 0)
		errno = error;
	if (p != MAP_FAILED)
		(void)bump(&live_ranges);
	return p;
}

BETWEEN(int, munmap, (void *address, size_t bytes))
{
	lower(&live_ranges);
	return __real_munmap(address, bytes);
}

REFUSED(int, madvise, (void *address, size_t bytes, int advice), (address, bytes, advice))

/* ---- threads ---- */

BETWEEN(int, pthread_create,
	(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument))
{
	int error = REFUSE_HERE(pthread_create);

	if (error == 0)
		error = __real_pthread_create(thread, attributes, run, argument);
	if (error == 0)
		(void)bump(&live_threads);
	return error;
}

BETWEEN(int, pthread_join, (pthread_t thread, void **result))
{
	lower(&live_threads);
	return __real_pthread_join(thread, result);
}

TOLD(pthread_attr_init, (pthread_attr_t *attributes), (attributes))
TOLD(pthread_attr_setstacksize, (pthread_attr_t *attributes, size_t bytes), (attributes, bytes))
TOLD(pthread_attr_setaffinity_np, (pthread_attr_t *attributes, size_t bytes, const cpu_set_t *set), (attributes, bytes, set))
TOLD(pthread_setname_np, (pthread_t thread, const char *name), (thread, name))
TOLD(pthread_mutex_init, (pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes), (mutex, attributes))
TOLD(pthread_mutexattr_init, (pthread_mutexattr_t *attributes), (attributes))
TOLD(pthread_mutexattr_setrobust, (pthread_mutexattr_t *attributes, int robustness), (attributes, robustness))

/* ---- descriptors ---- */

REFUSED(int, eventfd, (unsigned int count, int flags), (count, flags))
REFUSED(int, epoll_create1, (int flags), (flags))
REFUSED(int, epoll_ctl, (int file, int operation, int other, struct epoll_event *event), (file, operation, other, event))
REFUSED(int, timerfd_create, (int clock, int flags), (clock, flags))
REFUSED(int, timerfd_settime, (int file, int flags, const struct itimerspec *at, struct itimerspec *before),
	(file, flags, at, before))
REFUSED(int, socket, (int domain, int type, int protocol), (domain, type, protocol))
REFUSED(int, setsockopt, (int file, int level, int name, const void *value, socklen_t length),
	(file, level, name, value, length))
REFUSED(int, bind, (int file, const struct sockaddr *address, socklen_t length), (file, address, length))
REFUSED(int, connect, (int file, const struct sockaddr *address, socklen_t length), (file, address, length))
REFUSED(ssize_t, recvfrom, (int file, void *to, size_t bytes, int flags, struct sockaddr *sender, socklen_t *length),
	(file, to, bytes, flags, sender, length))
REFUSED(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode))
REFUSED(int, access, (const char *path, int mode), (path, mode))
REFUSED(int, stat, (const char *path, struct stat *status), (path, status))
REFUSED(int, fstat, (int file, struct stat *status), (file, status))
REFUSED(int, poll, (struct pollfd *files, nfds_t count, int limit_ms), (files, count, limit_ms))
REFUSED(int, ppoll, (struct pollfd *files, nfds_t count, const struct timespec *limit, const sigset_t *mask),
	(files, count, limit, mask))

static ssize_t done_or_error(int error)
{
	if (error == NOTHING)
		return 0;
	errno = error;
	return -1;
}

/* Of an eventfd or a timerfd. These refuse one thing only: what is empty, or full, already. */
static bool is_event(size_t bytes)
{
	return bytes == sizeof(uint64_t);
}

BETWEEN(ssize_t, read, (int file, void *to, size_t bytes))
{
	int error = is_event(bytes) ? REFUSE_HERE(read_event) : REFUSE_HERE(read);

	if (error == 0 || error == SHORT_COUNT)
		return __real_read(file, to, error == SHORT_COUNT && bytes > 1 ? 1 : bytes);
	if (is_event(bytes) && __real_read(file, to, bytes) < 0)
		return -1;
	return done_or_error(error);
}

BETWEEN(ssize_t, write, (int file, const void *from, size_t bytes))
{
	int error = is_event(bytes) ? REFUSE_HERE(write_event) : REFUSE_HERE(write);

	if (error == 0 || error == SHORT_COUNT)
		return __real_write(file, from, error == SHORT_COUNT ? 1 : bytes);
	if (is_event(bytes) && __real_write(file, from, bytes) < 0)
		return -1;
	return done_or_error(error);
}

BETWEEN(ssize_t, send, (int file, const void *from, size_t bytes, int flags))
{
	int error = REFUSE_HERE(send);

	if (error == 0 || error == SHORT_COUNT)
		return __real_send(file, from, error == SHORT_COUNT ? 1 : bytes, flags);
	return done_or_error(error);
}

BETWEEN(DIR *, opendir, (const char *path))
{
	int error = REFUSE_HERE(opendir);
	DIR *folder = error == 0 ? __real_opendir(path) : NULL;

	if (error != 0)
		errno = error;
	if (folder != NULL)
		(void)bump(&live_folders);
	return folder;
}

BETWEEN(int, closedir, (DIR *folder))
{
	lower(&live_folders);
	return __real_closedir(folder);
}

BETWEEN(struct dirent *, readdir, (DIR *folder))
{
	int error = REFUSE_HERE(readdir);

	if (error == 0)
		return __real_readdir(folder);
	errno = error;
	return NULL;
}

/* ---- processors and time ---- */

REFUSED(int, sched_getcpu, (void), ())
REFUSED(int, nanosleep, (const struct timespec *time, struct timespec *rest), (time, rest))

static int refused_syscall(long number, long b, const void *site)
{
	switch (number) {
	case SYS_sched_getaffinity:
		return refuse_now(REFUSE_sched_getaffinity, site);
	case SYS_sched_setaffinity:
		return refuse_now(REFUSE_sched_setaffinity, site);
	case SYS_membarrier:
		return refuse_now(REFUSE_membarrier, site);
	case SYS_mbind:
		return refuse_now(REFUSE_mbind, site);
	case SYS_futex: /* a wake-up cannot fail */
		return (b & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET ? refuse_now(REFUSE_futex_wait, site) : 0;
	default:
		return 0;
	}
}

BETWEEN(long, syscall, (long number, long a, long b, long c, long d, long e, long f))
{
	int error = refused_syscall(number, b, __builtin_return_address(0));

	if (error == 0)
		return __real_syscall(number, a, b, c, d, e, f);
	errno = error;
	return -1;
}
