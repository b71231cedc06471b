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

/** Longest frame that is built of what is not a super-frame. */
#define FRAME_MAX 1514
/** Bytes of TCP's timestamps option, padded. */
#define FRAME_TIMESTAMPS 12
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
	uint16_t len;    /**< length of the frame; raised to what the headers need */
	uint32_t flow;   /**< chooses addresses and ports */
	bool timestamps; /**< TCP with that option */
	uint16_t ip_id;  /**< of IPv4 */
	uint32_t offset; /**< of TCP's payload in its stream, of which frame_payload_byte() tells */
};

/** What a payload has @p offset bytes from the start of its stream. */
static inline uint8_t
frame_payload_byte(uint32_t offset)
{
	return (uint8_t)(offset ^ offset >> 8);
}

/** Build a frame into @p buf (FRAME_MAX bytes, or len if that is more). @return its length */
uint16_t frame_build(uint8_t *buf, const struct frame_spec *spec);

#endif /* BENCH_FRAMES_H */
