/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_JOIN_H
#define TAP_JOIN_H

/**
 * @file
 * Packets of a burst that continue one flow, joined to a super-frame for the kernel: the
 * headers once, then the payloads. What the kernel makes of it are the same packets again,
 * should it have to take it apart.
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
/** The longest IP packet. */
#define TAP_JOIN_BYTES 65535
/** Bytes of a stage. */
#define TAP_JOIN_STAGE (TAP_VNET_HDR_LEN + TAP_JOIN_L2 + TAP_JOIN_BYTES)

/** A super-frame, ready to be written. */
struct tap_join {
	uint8_t *stage;  /**< the caller's, TAP_JOIN_STAGE bytes: vnet header, headers, payloads */
	uint32_t staged; /**< bytes on it */
	struct iovec iov[TAP_JOIN_MAX + 1]; /**< the stage, and payloads that stay where they are */
	uint16_t n_iov;
	uint16_t n; /**< packets in it */
};

/**
 * Join as many of @p n packets from the first on as continue one flow: TCP segments of equal
 * length (the last may be shorter) that follow each other, with the same headers, or UDP
 * datagrams likewise if @p udp. A packet is joined only if its checksums are left to the driver by
 * its flags, or are right: a corrupt packet stays what it is, and alone.
 *
 * @param join  with a stage, which is in use until the super-frame is written
 * @param l3  packets begin with the IP header
 * @return packets joined; below 2 there is nothing in @p join
 */
uint16_t tap_join(struct tap_join *join, struct rte_mbuf *const *pkts, uint16_t n, bool udp,
		  bool l3);

#endif /* TAP_JOIN_H */
