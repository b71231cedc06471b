/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

/**
 * @file
 * Frames that the benchmark sends. Their destination MAC is nobody's, so that a
 * kernel that receives one drops it at once.
 */

#include <stdbool.h>
#include <stdint.h>

/** Longest frame that is built. */
#define FRAME_MAX 1514
/** What frame_build() puts between Ethernet and IP. */
#define FRAME_L2_LEN 14

/** What stands in the TCP or UDP checksum field. */
enum frame_sum {
	FRAME_SUM_FULL, /**< the checksum */
	FRAME_SUM_PHDR, /**< the pseudo-header's part, as checksum offload wants it */
};

/** A frame in plain terms. */
struct frame_spec {
	bool ipv6;
	bool tcp;      /**< else UDP */
	uint8_t vlans; /**< tags in the data, 0..2 */
	bool vxlan;    /**< the whole in VXLAN over IPv4 */
	enum frame_sum sum;
	uint16_t len;  /**< length of the frame; raised to what the headers need */
	uint32_t flow; /**< chooses addresses and ports */
};

/** Build a frame into @p buf (FRAME_MAX bytes). @return its length */
uint16_t frame_build(uint8_t *buf, const struct frame_spec *spec);

#endif /* BENCH_FRAMES_H */
