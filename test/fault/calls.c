/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * The wrappers: the linker makes each call of NAME in this program one of __wrap_NAME, and
 * __real_NAME the way to the function itself. meson.build has the list of names.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include <libelf.h>
#include <libmnl/libmnl.h>

#include <linux/bpf.h>

#include <rte_interrupts.h>
#include <rte_kvargs.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include <ethdev_driver.h>

#include "fault.h"

/*
 * A function that fails with the value @p failed, and with one of these errno values; the
 * type stands last but for them, so that the parameters may have commas.
 */
#define CAN_FAIL(type, name, parameters, arguments, failed, ...)                                   \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		static const struct fault_kind kind = { #name, { __VA_ARGS__ } };                  \
		if (fault_strikes(&kind))                                                          \
			return failed;                                                             \
		return __real_##name arguments;                                                    \
	}

/* The same for one that gives memory. */
#define CAN_FAIL_MEMORY(name, parameters, arguments)                                               \
	void *__real_##name parameters;                                                            \
	void *__wrap_##name parameters;                                                            \
	void *__wrap_##name parameters                                                             \
	{                                                                                          \
		static const struct fault_kind kind = { #name, { ENOMEM } };                       \
		void *p;                                                                           \
		if (fault_strikes(&kind))                                                          \
			return NULL;                                                               \
		p = __real_##name arguments;                                                       \
		fault_came(p, false);                                                              \
		return p;                                                                          \
	}

/* Memory of libc */

CAN_FAIL_MEMORY(malloc, (size_t size), (size))
CAN_FAIL_MEMORY(calloc, (size_t n, size_t size), (n, size))
CAN_FAIL_MEMORY(strdup, (const char *s), (s))

void __real_free(void *p);
void __wrap_free(void *p);
void
__wrap_free(void *p)
{
	fault_went(p, false);
	__real_free(p);
}

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *
__wrap_realloc(void *p, size_t size)
{
	static const struct fault_kind kind = { "realloc", { ENOMEM } };
	void *moved;

	if (fault_strikes(&kind))
		return NULL;
	moved = __real_realloc(p, size);
	/* libbpf never asks for nothing, for which realloc() may give NULL as well. */
	if (moved != NULL) {
		fault_went(p, false);
		fault_came(moved, false);
	}
	return moved;
}

/* glibc's streams may take memory that is freed here. */
CAN_FAIL(int, vasprintf, (char **p, const char *format, va_list args), (p, format, args), -1,
	 ENOMEM)
CAN_FAIL(FILE *, open_memstream, (char **p, size_t *size), (p, size), NULL, ENOMEM)

/* Files */

CAN_FAIL(FILE *, fopen64, (const char *path, const char *how), (path, how), NULL, EMFILE, ENOMEM)
CAN_FAIL(FILE *, fmemopen, (void *p, size_t size, const char *how), (p, size, how), NULL, ENOMEM)
CAN_FAIL(char *, fgets, (char *p, int n, FILE *file), (p, n, file), NULL, EIO)
CAN_FAIL(int, unlink, (const char *path), (path), -1, EACCES, EROFS)
CAN_FAIL(int, faccessat, (int at, const char *path, int mode, int flags), (at, path, mode, flags),
	 -1, EACCES)
CAN_FAIL(int, poll, (struct pollfd * fds, nfds_t n, int timeout), (fds, n, timeout), -1, EINTR)
CAN_FAIL(int, eventfd, (unsigned int count, int flags), (count, flags), -1, EMFILE)
CAN_FAIL(int, epoll_create1, (int flags), (flags), -1, EMFILE)
CAN_FAIL(int, epoll_ctl, (int epfd, int op, int fd, struct epoll_event *event),
	 (epfd, op, fd, event), -1, ENOMEM, ENOSPC)
CAN_FAIL(int, flock, (int fd, int op), (fd, op), -1, EWOULDBLOCK, EINTR)
CAN_FAIL(int, setns, (int fd, int type), (fd, type), -1, EPERM)
CAN_FAIL(int, statfs64, (const char *path, struct statfs64 *fs), (path, fs), -1, EACCES)
CAN_FAIL(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), -1, EIO, EAGAIN, EINTR)
CAN_FAIL(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), -1, EIO, EAGAIN)
CAN_FAIL(unsigned int, if_nametoindex, (const char *name), (name), 0, ENODEV, EMFILE)

/* Variadic, with one further argument at most. */
#define CAN_FAIL_VARIADIC(type, name, first, second, ...)                                          \
	int __real_##name(first a, second b, ...);                                                 \
	int __wrap_##name(first a, second b, ...);                                                 \
	int __wrap_##name(first a, second b, ...)                                                  \
	{                                                                                          \
		static const struct fault_kind kind = { #name, { __VA_ARGS__ } };                  \
		va_list args;                                                                      \
		type c;                                                                            \
		va_start(args, b);                                                                 \
		c = va_arg(args, type);                                                            \
		va_end(args);                                                                      \
		return fault_strikes(&kind) ? -1 : __real_##name(a, b, c);                         \
	}

CAN_FAIL_VARIADIC(int, open64, const char *, int, ENOENT, EMFILE, EACCES)
CAN_FAIL_VARIADIC(long, fcntl64, int, int, EMFILE)
CAN_FAIL_VARIADIC(void *, ioctl, int, unsigned long, EINVAL, EPERM, ENOMEM, EBUSY)

/* One that says it failed, has closed nevertheless. */
#define CLOSE_CAN_FAIL(name, type, ...)                                                            \
	int __real_##name(type what);                                                              \
	int __wrap_##name(type what);                                                              \
	int __wrap_##name(type what)                                                               \
	{                                                                                          \
		static const struct fault_kind kind = { #name, { __VA_ARGS__ } };                  \
		int error;                                                                         \
		if (!fault_strikes(&kind))                                                         \
			return __real_##name(what);                                                \
		error = errno;                                                                     \
		__real_##name(what);                                                               \
		errno = error;                                                                     \
		return -1;                                                                         \
	}

CLOSE_CAN_FAIL(close, int, EIO, EINTR)
CLOSE_CAN_FAIL(fclose, FILE *, ENOMEM, EIO)
CLOSE_CAN_FAIL(mnl_socket_close, struct mnl_socket *, EIO)

/* fscanf(), by the names that glibc gives it. */
#define SCANF_CAN_FAIL(name)                                                                       \
	int __wrap_##name(FILE *file, const char *format, ...);                                    \
	int __wrap_##name(FILE *file, const char *format, ...)                                     \
	{                                                                                          \
		static const struct fault_kind kind = { "fscanf", { EIO } };                       \
		va_list args;                                                                      \
		int ret = EOF;                                                                     \
		if (fault_strikes(&kind))                                                          \
			return ret;                                                                \
		va_start(args, format);                                                            \
		ret = vfscanf(file, format, args);                                                 \
		va_end(args);                                                                      \
		return ret;                                                                        \
	}

SCANF_CAN_FAIL(__isoc99_fscanf)
SCANF_CAN_FAIL(__isoc23_fscanf)

void *__real_mmap64(void *at, size_t size, int access, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t size, int access, int flags, int fd, off_t offset);
void *
__wrap_mmap64(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
	static const struct fault_kind kind = { "mmap", { ENOMEM, EPERM } };
	void *p;

	if (fault_strikes(&kind))
		return MAP_FAILED;
	p = __real_mmap64(at, size, access, flags, fd, offset);
	/* MAP_FIXED: in place of another one. */
	fault_went(p, true);
	if (p != MAP_FAILED)
		fault_came(p, true);
	return p;
}

int __real_munmap(void *p, size_t size);
int __wrap_munmap(void *p, size_t size);
int
__wrap_munmap(void *p, size_t size)
{
	fault_went(p, true);
	return __real_munmap(p, size);
}

/* System calls: BPF, the data path, membarrier */

static const struct fault_kind *
kind_of_syscall(long number)
{
	static const struct fault_kind bpf = { "bpf", { EPERM, EINVAL, ENOMEM, EAGAIN } };
	static const struct fault_kind barrier = { "membarrier", { EINVAL, EPERM } };
	static const struct fault_kind reads = { "syscall read", { EIO, EAGAIN, EINTR } };
	static const struct fault_kind writes = { "syscall write", { EIO, EAGAIN, ENOBUFS } };

	switch (number) {
	case SYS_bpf:
		return &bpf;
	case SYS_membarrier:
		return &barrier;
	case SYS_read:
		return &reads;
	case SYS_write:
	case SYS_writev:
		return &writes;
	default:
		return NULL;
	}
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long
__wrap_syscall(long number, ...)
{
	const struct fault_kind *kind;
	long a, b, c;
	va_list args;
	long ret;

	va_start(args, number);
	a = va_arg(args, long);
	b = va_arg(args, long);
	c = va_arg(args, long);
	va_end(args);
	kind = kind_of_syscall(number);
	if (kind != NULL && fault_strikes(kind))
		return -1;
	ret = __real_syscall(number, a, b, c);
	if (number == SYS_bpf && ret >= 0 &&
	    (a == BPF_PROG_LOAD || a == BPF_MAP_CREATE || a == BPF_LINK_CREATE))
		fault_bpf_came((int)ret);
	return ret;
}

/* Sockets, and netlink by libmnl */

CAN_FAIL(int, socket, (int family, int type, int protocol), (family, type, protocol), -1, EMFILE,
	 EPERM, ENOMEM)
CAN_FAIL(int, bind, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len), -1,
	 EADDRINUSE, ENOMEM)
CAN_FAIL(int, connect, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len),
	 -1, ECONNREFUSED, EINTR)
CAN_FAIL(int, getsockname, (int fd, struct sockaddr *address, socklen_t *len), (fd, address, len),
	 -1, ENOBUFS)
CAN_FAIL(int, setsockopt, (int fd, int level, int name, const void *p, socklen_t n),
	 (fd, level, name, p, n), -1, ENOPROTOOPT, ENOBUFS)
CAN_FAIL(int, getsockopt, (int fd, int level, int name, void *p, socklen_t *n),
	 (fd, level, name, p, n), -1, ENOPROTOOPT)
CAN_FAIL(int, listen, (int fd, int backlog), (fd, backlog), -1, EADDRINUSE)
CAN_FAIL(ssize_t, send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags), -1,
	 ENOBUFS, EPERM)
CAN_FAIL(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags), -1,
	 ENOMEM, EINTR)
CAN_FAIL(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags),
	 -1, EPIPE, ENOBUFS)
CAN_FAIL(struct mnl_socket *, mnl_socket_open2, (int bus, int flags), (bus, flags), NULL, EMFILE,
	 ENOMEM)
CAN_FAIL(int, mnl_socket_bind, (struct mnl_socket * nl, unsigned int groups, pid_t pid),
	 (nl, groups, pid), -1, EADDRINUSE, ENOMEM)
/* What is not sent has the same end as what the kernel refuses: an errno, and no change. */
CAN_FAIL(ssize_t, mnl_socket_sendto, (const struct mnl_socket *nl, const void *p, size_t n),
	 (nl, p, n), -1, EPERM, ENODEV, ENOBUFS, EBUSY)
CAN_FAIL(ssize_t, mnl_socket_recvfrom, (const struct mnl_socket *nl, void *p, size_t n), (nl, p, n),
	 -1, ENOBUFS, EINTR, ENOMEM)

/* Answers that say nonsense. */
CAN_FAIL(int, mnl_cb_run,
	 (const void *p, size_t n, unsigned int sequence, unsigned int portid, mnl_cb_t cb,
	  void *arg),
	 (p, n, sequence, portid, cb, arg), -1, EPROTO, EINTR)
CAN_FAIL(int, mnl_attr_validate, (const struct nlattr *attr, enum mnl_attr_data_type type),
	 (attr, type), -1, ERANGE)
CAN_FAIL(int, mnl_attr_parse,
	 (const struct nlmsghdr *message, unsigned int offset, mnl_attr_cb_t cb, void *arg),
	 (message, offset, cb, arg), -1, EPROTO)
CAN_FAIL(int, mnl_attr_parse_nested, (const struct nlattr *attr, mnl_attr_cb_t cb, void *arg),
	 (attr, cb, arg), -1, EPROTO)

/* libelf on behalf of libbpf, and libbpf's own */

CAN_FAIL(Elf *, elf_memory, (char *p, size_t n), (p, n), NULL, ENOMEM)
CAN_FAIL(Elf64_Ehdr *, elf64_getehdr, (Elf * elf), (elf), NULL, ENOMEM)
CAN_FAIL(int, elf_getshdrstrndx, (Elf * elf, size_t *to), (elf, to), -1, EINVAL)
CAN_FAIL(int, uname, (struct utsname * name), (name), -1, EFAULT)
CAN_FAIL(int, libbpf_num_possible_cpus, (void), (), -errno, ENOENT)

/* Threads */

struct thread {
	void *(*start)(void *arg);
	void *arg;
};

static void *
thread_inside(void *arg)
{
	const struct thread *thread = arg;

	fault_enter();
	return thread->start(thread->arg);
}

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*start)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*start)(void *),
			  void *arg);
int
__wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	static const struct fault_kind kind = { "pthread_create", { EAGAIN, EPERM } };
	/* The driver has one such thread at a time, and waits for its end. */
	static struct thread thread;
	int ret;

	if (fault_strikes(&kind))
		return errno;
	if (!fault_inside())
		return __real_pthread_create(id, attr, start, arg);
	thread = (struct thread){ start, arg };
	ret = __real_pthread_create(id, attr, thread_inside, &thread);
	/* It may be over before its creator goes on. */
	usleep(5000);
	return ret;
}

/* DPDK; how much of its memory is in use, DPDK knows itself */

CAN_FAIL(void *, rte_zmalloc, (const char *type, size_t size, unsigned int align),
	 (type, size, align), NULL, ENOMEM)
CAN_FAIL(void *, rte_zmalloc_socket,
	 (const char *type, size_t size, unsigned int align, int socket),
	 (type, size, align, socket), NULL, ENOMEM)
CAN_FAIL(void *, rte_malloc_socket, (const char *type, size_t size, unsigned int align, int socket),
	 (type, size, align, socket), NULL, ENOMEM)
CAN_FAIL(void *, rte_calloc, (const char *type, size_t n, size_t size, unsigned int align),
	 (type, n, size, align), NULL, ENOMEM)
CAN_FAIL(struct rte_ring *, rte_ring_create,
	 (const char *name, unsigned int count, int socket, unsigned int flags),
	 (name, count, socket, flags), NULL, ENOMEM, EEXIST)
CAN_FAIL(struct rte_kvargs *, rte_kvargs_parse, (const char *args, const char *const keys[]),
	 (args, keys), NULL, ENOMEM)
CAN_FAIL(struct rte_eth_dev *, rte_eth_dev_allocate, (const char *name), (name), NULL, ENOMEM)
CAN_FAIL(struct rte_intr_handle *, rte_intr_instance_alloc, (uint32_t flags), (flags), NULL, ENOMEM)
CAN_FAIL(int, rte_intr_fd_set, (struct rte_intr_handle * handle, int fd), (handle, fd), -errno,
	 EINVAL)
CAN_FAIL(int, rte_intr_type_set, (struct rte_intr_handle * handle, enum rte_intr_handle_type type),
	 (handle, type), -errno, EINVAL)
CAN_FAIL(int, rte_intr_nb_efd_set, (struct rte_intr_handle * handle, int n), (handle, n), -errno,
	 EINVAL)
CAN_FAIL(int, rte_intr_efds_index_set, (struct rte_intr_handle * handle, int i, int fd),
	 (handle, i, fd), -errno, EINVAL)
CAN_FAIL(int, rte_intr_vec_list_alloc, (struct rte_intr_handle * handle, const char *name, int n),
	 (handle, name, n), -errno, ENOMEM)
CAN_FAIL(int, rte_intr_vec_list_index_set, (struct rte_intr_handle * handle, int i, int vec),
	 (handle, i, vec), -errno, EINVAL)

/* The driver takes mbufs inline: a pool with operations of its own, those of DPDK's ring behind them. */

static const struct rte_mempool_ops *
ring_ops(void)
{
	unsigned int i = 0;

	while (strcmp(rte_mempool_ops_table.ops[i].name, "ring_mp_mc") != 0)
		i++;
	return &rte_mempool_ops_table.ops[i];
}

static int
pool_alloc(struct rte_mempool *pool)
{
	return ring_ops()->alloc(pool);
}

static void
pool_free(struct rte_mempool *pool)
{
	ring_ops()->free(pool);
}

static int
pool_enqueue(struct rte_mempool *pool, void *const *objects, unsigned int n)
{
	return ring_ops()->enqueue(pool, objects, n);
}

static int
pool_dequeue(struct rte_mempool *pool, void **objects, unsigned int n)
{
	static const struct fault_kind kind = { "mbufs", { ENOBUFS } };

	return fault_strikes(&kind) ? -ENOBUFS : ring_ops()->dequeue(pool, objects, n);
}

static unsigned int
pool_count(const struct rte_mempool *pool)
{
	return ring_ops()->get_count(pool);
}

static const struct rte_mempool_ops fault_pool = {
	.name = FAULT_POOL,
	.alloc = pool_alloc,
	.free = pool_free,
	.enqueue = pool_enqueue,
	.dequeue = pool_dequeue,
	.get_count = pool_count,
};

RTE_MEMPOOL_REGISTER_OPS(fault_pool)
