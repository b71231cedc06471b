/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_NAMES_H
#define TAP_NAMES_H

/**
 * @file
 * How the parts of a policy are called, in what users read and write. Tables in which a name's
 * index is its number or its bit.
 */

#include "tap_policy_abi.h"

/** Of enum tap_rss_type: the bit is 1 << index. */
static const char *const tap_type_names[] = {
	"ipv4",    "ipv4-frag",   "ipv4-tcp",    "ipv4-udp", "ipv4-sctp", "ipv4-other",
	"ipv6",    "ipv6-frag",   "ipv6-tcp",    "ipv6-udp", "ipv6-sctp", "ipv6-other",
	"ipv6-ex", "ipv6-tcp-ex", "ipv6-udp-ex", "esp",      "ah",        "s-vlan",
	"c-vlan",  "eth",         "l2-payload",
};

/** Of enum tap_rss_modifier: the bit is 1 << index. */
static const char *const tap_modifier_names[] = {
	"l2-src-only", "l2-dst-only", "l3-src-only", "l3-dst-only", "l4-src-only", "l4-dst-only",
};

/** Of enum tap_hash_algo, as the devarg rss_algo= has them. */
static const char *const tap_algo_names[] = {
	"toeplitz",
	"xor",
	"symmetric",
	"symmetric-sort",
};

_Static_assert(1 << (sizeof(tap_type_names) / sizeof(tap_type_names[0]) - 1) == TAP_RSS_L2_PAYLOAD,
	       "each type has a name");
_Static_assert(sizeof(tap_algo_names) / sizeof(tap_algo_names[0]) == TAP_ALGO_COUNT,
	       "each algorithm has a name");

#endif /* TAP_NAMES_H */
