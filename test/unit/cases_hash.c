/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include "cases.h"

/* Tables: laid out by hand. */
/* clang-format off */

/* Offsets of the addresses in an untagged frame; the ports follow IPv4 and IPv6 at once. */
#define AT4 26
#define AT6 22

#define V4 .layers = { L(ETH), L(IP4), L(TCP) }, .at = AT4
#define V6 .layers = { L(ETH), L(IP6), L(TCP) }, .at = AT6
#define ONLY4(m) .types = TAP_RSS_IPV4_TCP, .modifiers = (m), V4, .kind = REF_TUPLE4
#define ONLY6(m) .types = TAP_RSS_IPV6_TCP, .modifiers = (m), V6, .kind = REF_TUPLE4
#define BOTH_L3 (TAP_MOD_L3_SRC_ONLY | TAP_MOD_L3_DST_ONLY)
#define BOTH_L4 (TAP_MOD_L4_SRC_ONLY | TAP_MOD_L4_DST_ONLY)
#define BOTH_L2 (TAP_MOD_L2_SRC_ONLY | TAP_MOD_L2_DST_ONLY)

/* A published vector: source, destination, ports in input order, both hashes. */
#define PUBLISHED(v, type, n, addresses, ports, hash4, hash2) \
	{ .name = "published " #v " vector " #n ", with ports", V##v, .patch = addresses ports, \
	  .types = type | type##_TCP, .kind = REF_TUPLE4, .input = addresses ports, \
	  .exact = true, .hash = hash4 }, \
	{ .name = "published " #v " vector " #n ", addresses only", V##v, \
	  .patch = addresses ports, .types = type, .kind = REF_TUPLE2, .input = addresses, \
	  .exact = true, .hash = hash2 }

/*
 * A key with one bit set, at position k, makes of the input bits k-31 to k, in reverse
 * order, the hash: what these vectors expect can be read off the input.
 */
#define ALGO(a, bit, expected) \
	.algo = TAP_ALGO_##a, .key_bit = bit, .exact = true, .hash = expected

/* Source above destination, destination port above source port; and their reversed words. */
#define DOWN4 "c6336402 c0000201 "
#define UP_PORTS "0050 04d2"
#define ONES64 "ffffffff ffffffff "

static const struct test_case cases[] = {
	PUBLISHED(4, TAP_RSS_IPV4, 1, "420995bb a18e6450", "0aea 06e6", 0x51ccc178, 0x323e8fc2),
	PUBLISHED(4, TAP_RSS_IPV4, 2, "c75c6f02 41458c53", "3796 1283", 0xc626b0ea, 0xd718262a),
	PUBLISHED(4, TAP_RSS_IPV4, 3, "1813c65f 0c16cfb8", "3262 9488", 0x5c2b394a, 0xd2d0a5de),
	PUBLISHED(4, TAP_RSS_IPV4, 4, "261bcd1e d18ea306", "bc64 08a9", 0xafc7327f, 0x82989176),
	PUBLISHED(4, TAP_RSS_IPV4, 5, "9927a3bf cabc7f02", "acdb 0517", 0x10e828a2, 0x5d1809c5),
	PUBLISHED(6, TAP_RSS_IPV6, 1, "3ffe2501 02001fff 00000000 00000007"
		  "3ffe2501 02000003 00000000 00000001", "0aea 06e6", 0x40207d3d, 0x2cc18cd5),
	PUBLISHED(6, TAP_RSS_IPV6, 2, "3ffe0501 00080000 026097ff fe40efab"
		  "ff020000 00000000 00000000 00000001", "3796 1283", 0xdde51bbf, 0x0f0c461c),
	PUBLISHED(6, TAP_RSS_IPV6, 3, "3ffe1900 45450003 0200f8ff fe2167cf"
		  "fe800000 00000000 0200f8ff fe2167cf", "acdb 9488", 0x02d1feef, 0x4b61e985),

	/* Algorithms, expected hashes by hand */
	{ .name = "Toeplitz: key bit 31 reverses the source address", ONLY4(0), .input = IN4 PORTS,
	  ALGO(TOEPLITZ, 31, 0x80400003) },
	{ .name = "Toeplitz: key bit 95 reverses the ports", ONLY4(0), .input = IN4 PORTS,
	  ALGO(TOEPLITZ, 95, 0x0a004b20) },
	{ .name = "Toeplitz: key bit 1 reverses the first two bits", ONLY4(0),
	  .input = "40000201 c6336402" PORTS, .patch = "40000201",
	  .key_bit = 1, .exact = true, .hash = 0x80000000 },
	{ .name = "Toeplitz: key bit 287 reverses the ports of IPv6", ONLY6(0),
	  .input = IN6 PORTS, ALGO(TOEPLITZ, 287, 0x0a004b20) },
	{ .name = "Toeplitz: key bit 318 reaches the last input bit",
	  .types = TAP_RSS_IPV6_TCP, .kind = REF_TUPLE4,
	  .layers = { L(ETH), L(IP6), L(TCP, .b = 1) }, .input = IN6 "04d2 0001",
	  ALGO(TOEPLITZ, 318, 0x00000001) },
	{ .name = "a hash of 0 is a hash", ONLY4(0), .input = "00000000 00000000 04d2 0050",
	  .patch = "00000000 00000000", ALGO(TOEPLITZ, 31, 0) },
	{ .name = "XOR of a 4-tuple", ONLY4(0), .input = IN4 PORTS,
	  .algo = TAP_ALGO_XOR, .exact = true, .hash = 0x02e16653 },
	{ .name = "XOR of a 2-tuple", V4, .types = TAP_RSS_IPV4, .kind = REF_TUPLE2, .input = IN4,
	  .algo = TAP_ALGO_XOR, .exact = true, .hash = 0x06336603 },
	{ .name = "XOR of an IPv6 4-tuple", ONLY6(0), .input = IN6 PORTS,
	  .algo = TAP_ALGO_XOR, .exact = true, .hash = 0x04d20053 },
	{ .name = "XOR of two MACs", .layers = { L(ETH) }, .types = TAP_RSS_ETH,
	  .kind = REF_MAC_PAIR, .input = ETH_INPUT, .algo = TAP_ALGO_XOR, .exact = true,
	  .hash = 0x02010202 },
	{ .name = "XOR of VLAN IDs", .layers = { L(ETH), L(VLAN, .a = 0x123), L(VLAN, .a = 0x456) },
	  .types = TAP_RSS_S_VLAN | TAP_RSS_C_VLAN, .kind = REF_VLAN, .input = "01230456",
	  .algo = TAP_ALGO_XOR, .exact = true, .hash = 0x01230456 },
	{ .name = "XOR of an EtherType is filled up with zero bytes", .layers = { L(ETH) },
	  .types = TAP_RSS_L2_PAYLOAD, .kind = REF_ETHERTYPE, .input = "88b5",
	  .algo = TAP_ALGO_XOR, .exact = true, .hash = 0x88b50000 },
	{ .name = "XOR of an SPI", .layers = { L(ETH), L(IP4), L(ESP) }, .types = TAP_RSS_ESP,
	  .kind = REF_SPI, .input = IN4 "01020304", .algo = TAP_ALGO_XOR, .exact = true,
	  .hash = 0x07316507 },
	{ .name = "symmetric: the XOR of the addresses comes first", ONLY4(0), .input = IN4 PORTS,
	  ALGO(SYM_TOEPLITZ, 31, 0xc066cc60) },
	{ .name = "symmetric: and again", ONLY4(0), .input = IN4 PORTS,
	  ALGO(SYM_TOEPLITZ, 63, 0xc066cc60) },
	{ .name = "symmetric: the XOR of the ports twice", ONLY4(0), .input = IN4 PORTS,
	  ALGO(SYM_TOEPLITZ, 95, 0x41204120) },
	{ .name = "symmetric: the SPI stays", .layers = { L(ETH), L(IP4), L(ESP) },
	  .types = TAP_RSS_ESP, .kind = REF_SPI, .input = IN4 "01020304",
	  ALGO(SYM_TOEPLITZ, 95, 0x20c04080) },
	{ .name = "symmetric: VLAN IDs stay",
	  .layers = { L(ETH), L(VLAN, .a = 1), L(VLAN, .a = 2) },
	  .types = TAP_RSS_S_VLAN | TAP_RSS_C_VLAN, .kind = REF_VLAN, .input = "00010002",
	  ALGO(SYM_TOEPLITZ, 31, 0x40008000) },
	{ .name = "symmetric: MACs XOR as MACs", .layers = { L(ETH) }, .types = TAP_RSS_ETH,
	  .kind = REF_MAC_PAIR, .input = ETH_INPUT, ALGO(SYM_TOEPLITZ, 47, 0xc0000000) },
	{ .name = "symmetric: MACs XOR in both places", .layers = { L(ETH) },
	  .types = TAP_RSS_ETH, .kind = REF_MAC_PAIR, .input = ETH_INPUT,
	  ALGO(SYM_TOEPLITZ, 95, 0xc0000000) },
	{ .name = "symmetric, of the source only: it stands in both places",
	  ONLY4(TAP_MOD_L3_SRC_ONLY), .input = "c0000201 00000000" PORTS,
	  ALGO(SYM_TOEPLITZ, 63, 0x80400003) },
	{ .name = "sorted: addresses in order stay", ONLY4(0), .input = IN4 PORTS,
	  ALGO(SYM_SORT, 31, 0x80400003) },
	{ .name = "sorted: addresses out of order are swapped", ONLY4(0), .patch = DOWN4,
	  .input = DOWN4 PORTS, ALGO(SYM_SORT, 31, 0x80400003) },
	{ .name = "sorted: ports out of order are swapped by themselves", ONLY4(0),
	  .input = IN4 PORTS, ALGO(SYM_SORT, 95, 0x4b200a00) },
	{ .name = "sorted: ports in order stay by themselves", ONLY4(0), .patch = DOWN4 UP_PORTS,
	  .input = DOWN4 UP_PORTS, ALGO(SYM_SORT, 95, 0x4b200a00) },
	{ .name = "sorted: an address is one number", ONLY4(0), .patch = "01000002 02000001",
	  .input = "01000002 02000001 " PORTS, ALGO(SYM_SORT, 31, 0x40000080) },
	{ .name = "sorted: an address may have its top bit set", ONLY4(0),
	  .patch = "80000000 7fffffff", .input = "80000000 7fffffff " PORTS,
	  ALGO(SYM_SORT, 31, 0xfffffffe) },
	{ .name = "sorted: an IPv6 address is one number", ONLY6(0),
	  .patch = "00000001 ffffffff ffffffff ffffffff 00000002 00000000 00000000 00000000",
	  .input = "00000001 ffffffff ffffffff ffffffff 00000002 00000000 00000000 00000000" PORTS,
	  ALGO(SYM_SORT, 31, 0x80000000) },
	{ .name = "sorted: the last word of IPv6 addresses decides", ONLY6(0),
	  .patch = ONES64 ONES64 ONES64 "ffffffff 80000000",
	  .input = ONES64 ONES64 ONES64 "ffffffff 80000000" PORTS,
	  ALGO(SYM_SORT, 127, 0x00000001) },
	{ .name = "sorted: ports have a top bit, too", ONLY4(0), .patch = IN4 "8000 7fff",
	  .input = IN4 "8000 7fff", ALGO(SYM_SORT, 95, 0x0001fffe) },
	{ .name = "sorted: the SPI stays", .layers = { L(ETH), L(IP4), L(ESP) },
	  .types = TAP_RSS_ESP, .kind = REF_SPI, .input = "c6336402 c0000201 04030201",
	  .at = AT4, .patch = DOWN4 "04030201", ALGO(SYM_SORT, 95, 0x8040c020) },
	{ .name = "sorted: MACs out of order are swapped", .layers = { L(ETH, .a = 7) },
	  .types = TAP_RSS_ETH, .kind = REF_MAC_PAIR, .input = "020000000007 020000000002",
	  ALGO(SYM_SORT, 47, 0x40000000) },

	/* Modifiers */
	{ .name = "IPv4 source only", ONLY4(TAP_MOD_L3_SRC_ONLY),
	  .input = "c0000201 00000000" PORTS },
	{ .name = "IPv4 destination only", ONLY4(TAP_MOD_L3_DST_ONLY),
	  .input = "00000000 c6336402" PORTS },
	{ .name = "IPv4 source and destination only are as none", ONLY4(BOTH_L3),
	  .input = IN4 PORTS },
	{ .name = "source port only", ONLY4(TAP_MOD_L4_SRC_ONLY), .input = IN4 "04d2 0000" },
	{ .name = "destination port only", ONLY4(TAP_MOD_L4_DST_ONLY), .input = IN4 "0000 0050" },
	{ .name = "both ports only are as none", ONLY4(BOTH_L4), .input = IN4 PORTS },
	{ .name = "destination address and source port only",
	  .input = "00000000 c6336402 04d2 0000",
	  ONLY4(TAP_MOD_L3_DST_ONLY | TAP_MOD_L4_SRC_ONLY) },
	{ .name = "IPv6 source only", ONLY6(TAP_MOD_L3_SRC_ONLY),
	  .input = "20010db8 00000000 00000000 00000001 00000000000000000000000000000000" PORTS },
	{ .name = "IPv6 destination address and port only",
	  ONLY6(TAP_MOD_L3_DST_ONLY | TAP_MOD_L4_DST_ONLY),
	  .input = "00000000000000000000000000000000"
		   "20010db8 00000000 00000000 00000002 0000 0050" },
	{ .name = "a port modifier leaves an SPI", .layers = { L(ETH), L(IP4), L(ESP) },
	  .types = TAP_RSS_ESP, .modifiers = TAP_MOD_L4_SRC_ONLY, .kind = REF_SPI,
	  .input = IN4 "01020304" },
	{ .name = "a port modifier leaves an SPI over IPv6", .layers = { L(ETH), L(IP6), L(AH) },
	  .types = TAP_RSS_AH, .modifiers = TAP_MOD_L4_DST_ONLY | TAP_MOD_L3_SRC_ONLY,
	  .kind = REF_SPI, .input = "20010db8 00000000 00000000 00000001"
				    "00000000 00000000 00000000 00000000 05060708" },
	{ .name = "source MAC only", .layers = { L(ETH) }, .types = TAP_RSS_ETH,
	  .modifiers = TAP_MOD_L2_SRC_ONLY, .kind = REF_MAC_PAIR,
	  .input = "020000000001 000000000000" },
	{ .name = "destination MAC only", .layers = { L(ETH) }, .types = TAP_RSS_ETH,
	  .modifiers = TAP_MOD_L2_DST_ONLY, .kind = REF_MAC_PAIR,
	  .input = "000000000000 020000000002" },
	{ .name = "both MACs only are as none", .layers = { L(ETH) }, .types = TAP_RSS_ETH,
	  .modifiers = BOTH_L2, .kind = REF_MAC_PAIR, .input = ETH_INPUT },
	{ .name = "modifiers of addresses leave MACs", .layers = { L(ETH) }, .prefix = 32,
	  .types = TAP_RSS_ETH, .modifiers = TAP_MOD_L3_SRC_ONLY | TAP_MOD_L4_DST_ONLY,
	  .kind = REF_MAC_PAIR, .input = ETH_INPUT },
	{ .name = "modifiers leave VLAN IDs",
	  .layers = { L(ETH), L(VLAN, .a = 1), L(VLAN, .a = 2) },
	  .types = TAP_RSS_S_VLAN | TAP_RSS_C_VLAN, .kind = REF_VLAN, .input = "00010002",
	  .modifiers = TAP_MOD_L2_DST_ONLY | TAP_MOD_L3_DST_ONLY | TAP_MOD_L4_SRC_ONLY },
	{ .name = "modifiers leave an EtherType", .layers = { L(ETH) }, .kind = REF_ETHERTYPE,
	  .types = TAP_RSS_L2_PAYLOAD, .input = "88b5",
	  .modifiers = TAP_MOD_L2_DST_ONLY | TAP_MOD_L3_DST_ONLY | TAP_MOD_L4_DST_ONLY },
	{ .name = "a prefix leaves IPv4", ONLY4(0), .prefix = 32, .input = IN4 PORTS },

#define FULL6 "3ffe1900 45451103 02a0f8ff fe2167cf fe81c293 e4a50617 0200f8ff fe2167cf"
#define PREFIX6(bits, src, dst) \
	{ .name = "the first " #bits " bits of IPv6 addresses", ONLY6(0), .patch = FULL6, \
	  .prefix = bits, .input = src " " dst " " PORTS }
	PREFIX6(32, "3ffe1900 00000000 00000000 00000000", "fe81c293 00000000 00000000 00000000"),
	PREFIX6(40, "3ffe1900 45000000 00000000 00000000", "fe81c293 e4000000 00000000 00000000"),
	PREFIX6(48, "3ffe1900 45450000 00000000 00000000", "fe81c293 e4a50000 00000000 00000000"),
	PREFIX6(56, "3ffe1900 45451100 00000000 00000000", "fe81c293 e4a50600 00000000 00000000"),
	PREFIX6(64, "3ffe1900 45451103 00000000 00000000", "fe81c293 e4a50617 00000000 00000000"),
	PREFIX6(96, "3ffe1900 45451103 02a0f8ff 00000000", "fe81c293 e4a50617 0200f8ff 00000000"),
	{ .name = "a prefix and the source only", ONLY6(TAP_MOD_L3_SRC_ONLY), .patch = FULL6,
	  .prefix = 48, .input = "3ffe1900 45450000 00000000 00000000"
				 "00000000 00000000 00000000 00000000" PORTS },
	{ .name = "a prefix holds for home address and route", .types = TAP_RSS_IPV6_TCP_EX,
	  .layers = { L(ETH), L(IP6), L(HOME), L(ROUTE2), L(TCP) }, .prefix = 56,
	  .kind = REF_TUPLE4, .input = "20010db8 0000aa00 00000000 00000000"
				       "20010db8 0000bb00 00000000 00000000" PORTS },
	{ .name = "source only holds for the home address", .types = TAP_RSS_IPV6_TCP_EX,
	  .layers = { L(ETH), L(IP6), L(HOME), L(ROUTE2), L(TCP) },
	  .modifiers = TAP_MOD_L3_SRC_ONLY, .kind = REF_TUPLE4,
	  .input = "20010db8 0000aaaa 00000000 00000001"
		   "00000000 00000000 00000000 00000000" PORTS },
	{ .name = "modifiers hold for inner packets", .types = TAP_RSS_IPV4_UDP, .inner = true,
	  .layers = { L(ETH), L(IP6), L(IP4), L(UDP) }, .modifiers = TAP_MOD_L4_DST_ONLY,
	  .kind = REF_TUPLE4, .input = IN4_1 "0000 0035" },
};

/* clang-format on */

const struct case_list cases_hash = CASE_LIST("hash", cases);
