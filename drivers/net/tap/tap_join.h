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

/** A packet that could be part of a super-frame, and where things are in it. */
struct tap_part {
	const uint8_t *data;
	uint32_t seq; /**< of TCP */
	uint16_t l3_off;
	uint16_t l4_off;
	uint16_t payload; /**< where it starts */
	uint16_t len;     /**< of the payload */
	uint16_t ip_id;   /**< of IPv4 */
	uint8_t proto;
	bool ipv4;
	bool push; /**< PSH: nothing follows in the same super-frame */
};

/** Packets in a view: one more than can be joined. */
#define TAP_JOIN_VIEW (TAP_JOIN_MAX + 1)

/** Packets of a burst, and which of them continue a flow. */
struct tap_join_view {
	struct rte_mbuf *const *pkts;
	uint16_t n;
	uint64_t follows; /**< bit i: packet i + 1 continues the flow of packet i */
	struct tap_part part[TAP_JOIN_VIEW];
};

_Static_assert(TAP_JOIN_VIEW - 1 <= 64, "a bit for each pair of neighbours");

/**
 * Look at the headers of @p n packets, TAP_JOIN_VIEW at most, all at once: between system calls
 * it would take longer. TCP segments continue a flow with the same headers and the next sequence
 * number, and are not longer; UDP datagrams likewise if @p udp. A flow ends with the view.
 *
 * @param l3  packets begin with the IP header
 */
void tap_join_look(struct tap_join_view *view, struct rte_mbuf *const *pkts, uint16_t n, bool udp,
		   bool l3);

/** Is packet @p i of a view worth a tap_join()? */
static inline bool
tap_join_pays(const struct tap_join_view *view, uint16_t i)
{
	return i + 1 < view->n && (view->follows >> i & 1);
}

/**
 * Join as many packets of a view, from packet @p i on, as continue one flow and are of equal
 * length; the last may be shorter. A packet is joined only if its checksums are left to the driver
 * by its flags, or are right: a corrupt packet stays what it is, and alone.
 *
 * @param join  with a stage, which is in use until the super-frame is written
 * @return packets joined; below 2 there is nothing in @p join
 */
uint16_t tap_join(struct tap_join *join, const struct tap_join_view *view, uint16_t i);

#endif /* TAP_JOIN_H */
