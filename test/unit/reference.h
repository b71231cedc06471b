/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef REFERENCE_H
#define REFERENCE_H

/**
 * @file
 * An independent reading of doc/rss.md: slow, one byte and one bit at a time,
 * sharing no code with the classifier that it judges.
 */

#include <stdbool.h>
#include <stdint.h>

#include "tap_policy.h"

/** What was hashed: the column "kind" of doc/rss.md. */
enum ref_kind {
	REF_NONE,
	REF_TUPLE2,
	REF_TUPLE4,
	REF_SPI,
	REF_VLAN,
	REF_MAC_PAIR,
	REF_ETHERTYPE,
};

/** A VLAN tag that stands beside the data. */
struct ref_tag {
	bool present;
	uint16_t tpid;
	uint16_t tci;
};

/** The outermost headers. */
struct ref_outer {
	unsigned int n_vlan;  /**< tags in the data */
	unsigned int version; /**< 4, 6, or 0 for a non-IP frame */
	unsigned int l3_off;  /**< behind the last EtherType */
	unsigned int l4_off;  /**< of an IP packet: behind the headers looked through */
	bool fragment;
	bool l3_ext; /**< IPv4 options, or an extension header, be it cut off */
	bool l4_known;
	uint8_t proto; /**< if l4_known */
};

/** The whole answer for one frame. */
struct ref_verdict {
	bool hashed;
	uint32_t hash;
	uint16_t queue;
	enum ref_kind kind;
	uint8_t input[TAP_INPUT_LEN]; /**< after the modifiers, before the algorithm */
	unsigned int input_len;
	struct ref_outer outer;
};

/** Classify @p len bytes at @p frame; @p meta may be NULL. */
void ref_classify(const uint8_t *frame, unsigned int len, const struct ref_tag *meta,
		  const struct tap_rss_conf *conf, struct ref_verdict *v);

/** The hash that @p algo makes of an input of @p kind. */
uint32_t ref_hash(uint8_t algo, const uint8_t key[TAP_KEY_LEN], enum ref_kind kind,
		  const uint8_t *input, unsigned int len);

/** A kind's name, for messages. */
const char *ref_kind_name(enum ref_kind kind);

#endif /* REFERENCE_H */
