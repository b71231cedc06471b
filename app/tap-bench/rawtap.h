/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef BENCH_RAWTAP_H
#define BENCH_RAWTAP_H

/**
 * @file
 * The tap beside which ports are measured, and packet sockets that send into any
 * tap. All in the network namespace of the calling thread.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bench.h"

/** A tap without a driver: plain file descriptors. */
struct raw_tap {
	char name[16];
	unsigned int nb_queues;
	int fd[BENCH_MAX_QUEUES];
	bool uso; /**< has a vnet header, and the kernel has super-frames of UDP */
};

/** Ways into a netdev. */
struct tap_sender {
	int bypass; /**< packet socket that skips the qdisc */
	int qdisc;  /**< packet socket that goes through it */
	/** packet socket that takes a vnet header; through the qdisc: to skip it is to drop
	    super-frames that the netdev does not take */
	int vnet;
};

/** Frames ready for sendmmsg(): entry i of both arrays belongs together. */
struct frame_set {
	unsigned int n;
	struct mmsghdr *msg;
	struct iovec *iov;
	uint8_t *data;
};

/** Move to a new network namespace in which no netdev sends by itself. */
int netns_enter(void);
/** A queue of a tap, which is made if it is not there. @return an fd, or a negative errno value */
int raw_queue_open(const char *name, bool multi_queue, bool vnet);
/** @p vnet  with a vnet header and all offloads that the kernel has */
int raw_tap_open(struct raw_tap *tap, const char *name, unsigned int nb_queues, bool vnet);
/** Set a netdev up and its queue length. */
int netdev_up(const char *name, unsigned int queue_len);
/** Packets that the kernel received from a netdev, or a negative errno value. */
int64_t netdev_rx_packets(const char *name);
/** The same, bytes as well. @return 0 or a negative errno value */
int netdev_rx_counts(const char *name, uint64_t *packets, uint64_t *bytes);
/** A packet socket that skips the qdisc. @return it, or a negative errno value */
int bypass_socket_open(const char *ifname);
int tap_sender_open(struct tap_sender *s, const char *ifname);

/** @p n frames of flows @p first_flow and up. */
int frame_set_make(struct frame_set *set, unsigned int n, bool ipv6, bool tcp, uint16_t len,
		   uint32_t first_flow);
void frame_set_free(struct frame_set *set);
/** Send frames @p from to from + n - 1. @return 0 or a negative errno value */
int frame_set_send(const struct frame_set *set, int sock, unsigned int from, unsigned int n);

#endif /* BENCH_RAWTAP_H */
