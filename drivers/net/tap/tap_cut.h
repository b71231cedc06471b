/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_CUT_H
#define TAP_CUT_H

/**
 * @file
 * A super-frame of the kernel, cut into the packets that the kernel would have made of it:
 * byte for byte what an application sees where the tap has no segmentation offload.
 * Source of the rules: what Linux does in its software segmentation of TCP and UDP.
 */

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_net.h>

#include <rte_tcp.h>
#include <rte_udp.h>

/** A super-frame that is being cut; all zero: there is none. */
struct tap_cut {
	const uint8_t *frame; /**< with all its bytes in memory until the last segment */
	uint32_t next;        /**< where the next segment's payload starts */
	uint32_t end;         /**< of the frame */
	uint32_t seq;         /**< TCP: sequence number of the next segment */
	uint32_t first;       /**< where the first segment's payload starts: bytes of headers */
	uint16_t mss;         /**< payload of all segments but the last */
	uint16_t l3_off;
	uint16_t l4_off;
	uint16_t ip_id;      /**< IPv4: of the next segment */
	uint16_t ip_sum;     /**< of what all segments have in common in the IPv4 header, */
	uint16_t pseudo_sum; /**< the pseudo header */
	uint16_t l4_sum;     /**< and the upper layer's */
	bool ipv4;
	bool tcp;
};

/** Is something left to cut? */
static inline bool
tap_cut_pending(const struct tap_cut *cut)
{
	return cut->next < cut->end;
}

/** Segments that are left to cut. */
static inline uint32_t
tap_cut_left(const struct tap_cut *cut)
{
	return tap_cut_pending(cut) ? (cut->end - cut->next + cut->mss - 1) / cut->mss : 0;
}

/** Where the checksum is in the header of the upper layer. */
static inline uint16_t
tap_cut_cksum_offset(const struct tap_cut *cut)
{
	return cut->tcp ? offsetof(struct rte_tcp_hdr, cksum) :
			  offsetof(struct rte_udp_hdr, dgram_cksum);
}

/** Length of the next segment. */
static inline uint32_t
tap_cut_len(const struct tap_cut *cut)
{
	uint32_t left = cut->end - cut->next;

	return cut->first + (left < cut->mss ? left : cut->mss);
}

/**
 * Begin to cut.
 *
 * @param frame   starts at the destination MAC; stays in place until all is cut
 * @param l3_off  where the IP header is, by the classifier's parse
 * @param ipv4    whether it is IPv4; else IPv6
 * @return false if it is nothing that can be cut: headers and vnet header contradict
 */
bool tap_cut_begin(struct tap_cut *cut, const uint8_t *frame, uint32_t len, uint16_t l3_off,
		   bool ipv4, const struct virtio_net_hdr *vnet);

/**
 * Write the next segment, of tap_cut_len() bytes, to @p dst.
 *
 * @param complete  fill in the L4 checksum; else leave the sum of the pseudo header in its
 *                  place, for an offload to fill in
 */
void tap_cut_next(struct tap_cut *cut, uint8_t *dst, bool complete);

#endif /* TAP_CUT_H */
