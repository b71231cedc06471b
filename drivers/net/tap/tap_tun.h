/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_TUN_H
#define TAP_TUN_H

/**
 * @file
 * The tun character device: one file descriptor per queue of the netdev. All
 * functions take any queue's fd for what belongs to the netdev as a whole.
 * Source: Documentation/networking/tuntap.rst and the TUN* ioctls of linux/if_tun.h.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <unistd.h>

#include <net/if.h>

#include <sys/syscall.h>
#include <sys/uio.h>

#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include <rte_config.h>

/* Younger than the headers that DPDK 22.11 may be built with (linux/virtio_net.h, if_tun.h). */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif

/** Bytes in front of every frame on a queue fd. */
#define TAP_VNET_HDR_LEN sizeof(struct virtio_net_hdr)

/*
 * A system call of the data path: its result, or negative errno. Around libc, because
 * libc's own functions are cancellation points, which in a process with threads costs a
 * tenth of the whole call (231 against 208 ns for 60 bytes); and syscall() shifts all its
 * arguments and touches errno, another hundredth. The tests of faults want it plain.
 */
static inline ssize_t
tap_syscall(long nr, int fd, const void *buf, size_t len)
{
	ssize_t ret;

#if defined(RTE_ARCH_X86_64) && !defined(TAP_PLAIN_SYSCALL)
	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(nr), "D"((long)fd), "S"(buf), "d"(len)
			 : "rcx", "r11", "memory");
#else
	ret = syscall(nr, fd, buf, len);
	if (ret < 0)
		ret = -errno;
#endif
	return ret;
}

/** Read a frame with its vnet header into @p buf; bytes read, or negative errno. */
static inline ssize_t
tap_tun_read(int fd, void *buf, size_t len)
{
	return tap_syscall(SYS_read, fd, buf, len);
}

/** Write a frame with its vnet header; bytes written, or negative errno. */
static inline ssize_t
tap_tun_write(int fd, const void *buf, size_t len)
{
	return tap_syscall(SYS_write, fd, buf, len);
}

/** The same from several buffers. */
static inline ssize_t
tap_tun_writev(int fd, const struct iovec *iov, size_t n)
{
	return tap_syscall(SYS_writev, fd, iov, n);
}

/** What messages call the netdev of a port. */
static inline const char *
tap_tun_kind(bool l3)
{
	return l3 ? "tun" : "tap";
}

/**
 * Open a queue of the tap @p name, and create the netdev if there is none.
 *
 * @param name  netdev name; a %d pattern is replaced by the name that the kernel chose
 * @param l3    a tun netdev, whose packets begin with the IP header; else a tap
 * @return a non-blocking fd, or negative errno after a log message that says what is wrong.
 */
int tap_tun_open(char name[IFNAMSIZ], bool l3);

/** TCP and UDP checksums are left partial, in both directions. */
#define TAP_TUN_CKSUM TUN_F_CSUM
/** The kernel hands over super-frames of TCP; of UDP as well. */
#define TAP_TUN_TCP (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)
#define TAP_TUN_UDP (TAP_TUN_TCP | TUN_F_USO4 | TUN_F_USO6)

/** The name that the netdev has now. */
int tap_tun_name(int fd, char name[IFNAMSIZ]);

/**
 * The network namespace in which the netdev is now: a file descriptor, the caller's. -EBADFD:
 * the netdev is gone. -EPERM: it takes CAP_NET_ADMIN there. -EINVAL: the kernel is older than 5.2.
 */
int tap_tun_netns(int fd);

/** Choose what the kernel may leave to the driver: one of these, or 0; the kernel has UDP since 6.2. */
int tap_tun_set_offload(int fd, unsigned int offload);

/** Keep the netdev when its last queue is closed, or not. */
int tap_tun_set_persist(int fd, bool on);

/**
 * Attach a BPF_PROG_TYPE_SOCKET_FILTER program that chooses the queue of a packet, in
 * place of an earlier one; @p prog_fd -1 detaches and gives the kernel's own distribution.
 */
int tap_tun_set_steering(int fd, int prog_fd);

/** Likewise for the program that every frame passes on its way into a queue. */
int tap_tun_set_filter(int fd, int prog_fd);

/** Throw away what waits in a queue, at most @p most frames; @return frames thrown away. */
uint64_t tap_tun_flush(int fd, uint64_t most);

#endif /* TAP_TUN_H */
