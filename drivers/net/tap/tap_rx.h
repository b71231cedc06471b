/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_RX_H
#define TAP_RX_H

/**
 * @file
 * Reading frames from a queue of the netdev, for both receive bursts.
 */

#include "tap_ethdev.h"

/* Headers that lie beyond an mbuf's first segment are rare; mbuf's own reader finds them. */
static inline int
tap_mbuf_load(const struct rte_mbuf *m, uint32_t off, void *dst, uint32_t n)
{
	const void *src = rte_pktmbuf_read(m, off, n, dst);

	if (src == NULL)
		return -1;
	if (src != dst)
		memcpy(dst, src, n);
	return 0;
}
#define TAP_PKT_LOAD_SLOW(pkt, off, dst, n) tap_mbuf_load((pkt)->mbuf, off, dst, n)

/* Queues may share a bank of counters. */
#define TAP_COUNT_ADD(counter, n)                                                                  \
	rte_atomic_fetch_add_explicit((RTE_ATOMIC(uint64_t) *)(counter), n,                        \
				      rte_memory_order_relaxed)

#include "tap_classify.h"

/** A frame as it was read: in an mbuf whose lengths and chain are set, no more. */
struct tap_rx_frame {
	struct rte_mbuf *m;
	char *data;   /**< where it starts in the first mbuf */
	uint32_t len; /**< 0 if it was longer than its mbufs */
	bool same;    /**< a segment of the same super-frame as the one before */
};

/** What frames are looked at with: as it is when a burst begins. */
struct tap_rx_look {
	const struct tap_policy *policy;   /**< NULL: headers alone */
	const struct tap_flow_view *rules; /**< NULL: none */
	bool apply;     /**< rules count and drop; else they were applied in the kernel */
	bool described; /**< the last frame was, so that its verdict holds for the same headers */
};

/**
 * Begin to look at frames on behalf of a queue, whose reader holds policy and rules until
 * tap_rx_look_end().
 *
 * @param policy  whether queues or hashes are wanted, rules or not
 */
void tap_rx_look_begin(struct tap_rxq *q, bool policy, struct tap_rx_look *look);

/** End what tap_rx_look_begin() began. */
void tap_rx_look_end(struct tap_rxq *q, const struct tap_rx_look *look);

/**
 * Read frames until @p n are there, at most TAP_RX_CHUNK, or the queue or the pool is empty, or
 * the rest of a super-frame that an earlier call began ends: the next one is for the next burst.
 * Looking at them afterwards, one after the other, finds code and tables in the caches,
 * out of which every system call drives them: 10 ns less for each packet.
 */
uint16_t tap_rx_gather(struct tap_rxq *q, struct tap_rx_frame *frames, uint16_t n);

/**
 * Throw away what waits in the kernel's queue and on the stage.
 *
 * @return frames, and segments of the one that was being cut
 */
uint64_t tap_rx_flush(struct tap_rxq *q);

/**
 * Make a packet of a frame: filter, parse, fill its mbuf.
 *
 * @param look     what to look at it with, as begun by the caller
 * @param verdict  filled if there is a policy; the headers always
 * @return false if the frame was dropped.
 */
bool tap_rx_finish(struct tap_rxq *q, const struct tap_rx_frame *frame, struct tap_rx_look *look,
		   struct tap_verdict *verdict);

#endif /* TAP_RX_H */
