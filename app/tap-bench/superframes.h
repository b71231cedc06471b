/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef BENCH_SUPERFRAMES_H
#define BENCH_SUPERFRAMES_H

/**
 * @file
 * Super-frames of TCP over IPv4, and the segments that they are cut into.
 */

#include <linux/virtio_net.h>

#include <rte_ip.h>

#include "frames.h"
#include "worker.h"

/** Payload of a segment of TCP, which with its headers is a full frame of 1514 bytes. */
#define SUPER_SEGMENT 1448
#define SUPER_HEADERS (FRAME_MAX - SUPER_SEGMENT)
/** Where the headers of TCP and UDP are in it: no tags, no IP options. */
#define SUPER_L4_OFFSET (FRAME_L2_LEN + sizeof(struct rte_ipv4_hdr))
/** Segments of a super-frame that is received, and its payload. */
#define SUPER_SEGMENTS 44
#define SUPER_PAYLOAD (SUPER_SEGMENTS * SUPER_SEGMENT)
/** Super-frames of one stream that are put into a tap before it is drained. */
#define SUPER_FILL 20

/** Progress of a check of what was received. */
struct super_check {
	const struct frame_set *sent;
	bool csum;   /**< checksum offload was asked for: what counts are the flags */
	bool lro;    /**< super-frames come whole */
	uint32_t at; /**< payload bytes so far */
};

/** The vnet header of a super-frame of segments with @p payload bytes. */
struct virtio_net_hdr super_vnet_hdr(bool tcp, uint16_t payload);
/** SUPER_FILL super-frames with their vnet headers, one after the other of a stream. */
int super_set_make(struct frame_set *set);
/** Is @p m what comes next, byte by byte, and are its flags true? */
int super_check_next(struct worker *w, struct super_check *check, const struct rte_mbuf *m);

/* supertx.c */
int super_tx(struct worker *w);

#endif /* BENCH_SUPERFRAMES_H */
