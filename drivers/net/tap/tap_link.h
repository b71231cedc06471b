/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_LINK_H
#define TAP_LINK_H

/**
 * @file
 * The netdev seen over rtnetlink (libmnl): its state, and what can be set of it.
 * Netdevs are named by index, so a rename under way does no harm.
 * All functions return 0 or negative errno; a handle may be used by several threads.
 * Source: rtnetlink(7).
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

struct tap_link;

/** What the kernel says of a netdev. */
struct tap_link_state {
	unsigned int ifindex;
	unsigned int flags; /**< IFF_* */
	uint32_t mtu;
	uint32_t queue_len;  /**< packets that each queue holds */
	uint32_t tun_queues; /**< queues attached to a tun netdev */
	uint64_t tx_dropped; /**< packets that found no room in a queue */
	struct rte_ether_addr mac;
};

/** Open a handle in the calling thread's network namespace; NULL and errno on failure. */
struct tap_link *tap_link_open(void);

/** Close a handle; NULL is allowed. */
void tap_link_close(struct tap_link *link);

/** State of the netdev @p ifindex. */
int tap_link_get(struct tap_link *link, unsigned int ifindex, struct tap_link_state *state);

/** State of the netdev @p name; -ENODEV if there is none. */
int tap_link_find(struct tap_link *link, const char *name, struct tap_link_state *state);

/** Set IFF_UP or clear it. */
int tap_link_set_up(struct tap_link *link, unsigned int ifindex, bool up);

/** Set the MTU, in bytes. */
int tap_link_set_mtu(struct tap_link *link, unsigned int ifindex, uint32_t mtu);

/** Set the length of the netdev's queues, in packets. */
int tap_link_set_queue_len(struct tap_link *link, unsigned int ifindex, uint32_t packets);

/** Set the MAC address. */
int tap_link_set_mac(struct tap_link *link, unsigned int ifindex, const struct rte_ether_addr *mac);

/**
 * From now on, tell of changes of netdevs in the namespace: @p epfd, an epoll instance of the
 * caller's, becomes readable, also after tap_link_reopen().
 */
int tap_link_watch(struct tap_link *link, int epfd);

/** No longer; nothing happens if it was not watched. */
void tap_link_unwatch(struct tap_link *link);

/** Has any netdev changed since the last call? */
bool tap_link_changed(struct tap_link *link);

/** Go on in the calling thread's network namespace, with the watch as well. */
int tap_link_reopen(struct tap_link *link);

#endif /* TAP_LINK_H */
