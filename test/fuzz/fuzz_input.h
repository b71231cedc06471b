/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

/** @file What a fuzzer's input is: a configuration in a few bytes, then the frame. */

#include <stdint.h>

/** The configuration. Any bytes are a valid one; little endian. */
struct fuzz_head {
	uint8_t types[3];  /**< set of enum tap_rss_type */
	uint8_t modifiers; /**< set of enum tap_rss_modifier */
	uint8_t algo;      /**< modulo their number */
	uint8_t prefix;    /**< 0 to 9, modulo 10: none, 32, 40 and so on to 96 */
	uint8_t inner;     /**< lowest bit */
	uint8_t key;       /**< 0: the published key; else a random one from this seed */
	uint8_t contig[2]; /**< bytes of the frame that lie together, if fewer than all */
};

_Static_assert(sizeof(struct fuzz_head) == 10, "no padding");

#endif /* FUZZ_INPUT_H */
