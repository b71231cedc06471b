/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_JOIN_H
#define TAP_JOIN_H

/**
 * @file
 * Packets of a burst that continue one flow, joined to a super-frame for the kernel: the
 * headers once, the payloads from where they lie. What the kernel makes of it are the same
 * packets again, should it have to take it apart.
 */

#include <stdbool.h>
#include <stdint.h>

#include <sys/uio.h>

#include <rte_mbuf.h>

#include "tap_tun.h"

/** Packets in a super-frame. */
#define TAP_JOIN_MAX 64
/** Ethernet with two tags. */
#define TAP_JOIN_L2 22
/** That, IPv6 and TCP with all options. */
#define TAP_JOIN_HDR (TAP_JOIN_L2 + 40 + 60)

/** A super-frame, ready to be written. */
struct tap_join {
	struct iovec iov[TAP_JOIN_MAX + 1]; /**< vnet header and headers first */
	uint16_t n;                         /**< packets in it */
	uint8_t head[TAP_VNET_HDR_LEN + TAP_JOIN_HDR];
};

/**
 * Join as many of @p n packets from the first on as continue one flow: TCP segments of equal
 * length (the last may be shorter) that follow each other, with the same headers, or UDP
 * datagrams likewise if @p udp. A packet is joined only if its checksums are left to the driver by
 * its flags, or are right: a corrupt packet stays what it is, and alone.
 *
 * @param l3  packets begin with the IP header
 * @return packets joined; below 2 there is nothing in @p join
 */
uint16_t tap_join(struct tap_join *join, struct rte_mbuf *const *pkts, uint16_t n, bool udp,
		  bool l3);

#endif /* TAP_JOIN_H */
