/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include "cases.h"

/* Tables: laid out by hand. */
/* clang-format off */

#define ESP_SPI "01020304"
#define AH_SPI "05060708"
#define V4_TCP .layers = { L(ETH), L(IP4), L(TCP) }
#define V4_UDP .layers = { L(ETH), L(IP4), L(UDP) }
#define V4_SCTP .layers = { L(ETH), L(IP4), L(SCTP) }
#define V4_ICMP .layers = { L(ETH), L(IP4), L(ICMP) }
#define V4_FRAG .layers = { L(ETH), L(IP4, .a = 0x2000), L(TCP) }
#define V6_TCP .layers = { L(ETH), L(IP6), L(TCP) }
#define V6_UDP .layers = { L(ETH), L(IP6), L(UDP) }
#define V6_SCTP .layers = { L(ETH), L(IP6), L(SCTP) }
#define V6_ICMP .layers = { L(ETH), L(IP6), L(ICMP6) }
#define V6_FRAG .layers = { L(ETH), L(IP6), L(FRAG, .a = 1), L(TCP) }
#define V6_EX_TCP .layers = { L(ETH), L(IP6), L(HOME), L(ROUTE2), L(TCP) }
#define V6_EX_UDP .layers = { L(ETH), L(IP6), L(HOME), L(ROUTE2), L(UDP) }
#define EX_IN6 "20010db8 0000aaaa 00000000 00000001 20010db8 0000bbbb 00000000 00000002 "
#define ARP .layers = { L(ETH), L(RAW, .a = 0x0806, .hex = "00010800") }
#define Q_IN_Q L(VLAN, .a = 0x6123, .b = 0x88a8), L(VLAN, .a = 0x8456)

static const struct test_case cases[] = {
	/* IPv4: each type alone, with what it takes and what it leaves */
	{ .name = "no types: no hash", V4_TCP },
	{ .name = "IPV4 takes TCP as 2-tuple", .types = TAP_RSS_IPV4, V4_TCP,
	  .kind = REF_TUPLE2, .input = IN4 },
	{ .name = "IPV4 takes ICMP", .types = TAP_RSS_IPV4, V4_ICMP, .kind = REF_TUPLE2,
	  .input = IN4 },
	{ .name = "IPV4 takes fragments", .types = TAP_RSS_IPV4, V4_FRAG, .kind = REF_TUPLE2,
	  .input = IN4 },
	{ .name = "IPV4 takes ESP as 2-tuple", .types = TAP_RSS_IPV4, .kind = REF_TUPLE2,
	  .layers = { L(ETH), L(IP4), L(ESP) }, .input = IN4 },
	{ .name = "IPV4 leaves IPv6", .types = TAP_RSS_IPV4, V6_TCP },
	{ .name = "IPV4_TCP goes before IPV4", .types = TAP_RSS_IPV4 | TAP_RSS_IPV4_TCP, V4_TCP,
	  .kind = REF_TUPLE4, .input = IN4 PORTS },
	{ .name = "IPV4_TCP leaves UDP", .types = TAP_RSS_IPV4_TCP, V4_UDP },
	{ .name = "IPV4_TCP leaves fragments of TCP", .types = TAP_RSS_IPV4_TCP, V4_FRAG },
	{ .name = "IPV4_TCP leaves TCP over IPv6", .types = TAP_RSS_IPV4_TCP, V6_TCP },
	{ .name = "IPV4_UDP takes UDP", .types = TAP_RSS_IPV4_UDP, V4_UDP, .kind = REF_TUPLE4,
	  .input = IN4 PORTS_DNS },
	{ .name = "IPV4_UDP leaves SCTP", .types = TAP_RSS_IPV4_UDP, V4_SCTP },
	{ .name = "IPV4_SCTP takes SCTP", .types = TAP_RSS_IPV4_SCTP, V4_SCTP,
	  .kind = REF_TUPLE4, .input = IN4 PORTS },
	{ .name = "IPV4_SCTP leaves TCP", .types = TAP_RSS_IPV4_SCTP, V4_TCP },
	{ .name = "IPV4_OTHER takes ICMP", .types = TAP_RSS_IPV4_OTHER, V4_ICMP,
	  .kind = REF_TUPLE2, .input = IN4 },
	{ .name = "IPV4_OTHER leaves TCP", .types = TAP_RSS_IPV4_OTHER, V4_TCP },
	{ .name = "IPV4_OTHER leaves fragments", .types = TAP_RSS_IPV4_OTHER, V4_FRAG },
	{ .name = "IPV4_OTHER takes ESP as 2-tuple", .types = TAP_RSS_IPV4_OTHER,
	  .layers = { L(ETH), L(IP4), L(ESP) }, .kind = REF_TUPLE2, .input = IN4 },
	{ .name = "IPV4_OTHER takes AH as 2-tuple", .types = TAP_RSS_IPV4_OTHER | TAP_RSS_ESP,
	  .layers = { L(ETH), L(IP4), L(AH), L(TCP) }, .kind = REF_TUPLE2, .input = IN4 },
	{ .name = "FRAG_IPV4 takes fragments", .types = TAP_RSS_IPV4_FRAG, V4_FRAG,
	  .kind = REF_TUPLE2, .input = IN4 },
	{ .name = "FRAG_IPV4 leaves what is no fragment", .types = TAP_RSS_IPV4_FRAG, V4_TCP },

	/* IPv6 */
	{ .name = "IPV6 takes TCP as 2-tuple", .types = TAP_RSS_IPV6, V6_TCP,
	  .kind = REF_TUPLE2, .input = IN6 },
	{ .name = "IPV6 takes fragments", .types = TAP_RSS_IPV6, V6_FRAG, .kind = REF_TUPLE2,
	  .input = IN6 },
	{ .name = "IPV6 leaves IPv4", .types = TAP_RSS_IPV6, V4_TCP },
	{ .name = "IPV6_TCP takes TCP", .types = TAP_RSS_IPV6_TCP, V6_TCP, .kind = REF_TUPLE4,
	  .input = IN6 PORTS },
	{ .name = "IPV6_TCP leaves UDP", .types = TAP_RSS_IPV6_TCP, V6_UDP },
	{ .name = "IPV6_UDP takes UDP", .types = TAP_RSS_IPV6_UDP, V6_UDP, .kind = REF_TUPLE4,
	  .input = IN6 PORTS_DNS },
	{ .name = "IPV6_SCTP takes SCTP", .types = TAP_RSS_IPV6_SCTP, V6_SCTP,
	  .kind = REF_TUPLE4, .input = IN6 PORTS },
	{ .name = "IPV6_OTHER takes ICMP", .types = TAP_RSS_IPV6_OTHER, V6_ICMP,
	  .kind = REF_TUPLE2, .input = IN6 },
	{ .name = "IPV6_OTHER leaves SCTP", .types = TAP_RSS_IPV6_OTHER, V6_SCTP },
	{ .name = "FRAG_IPV6 takes fragments", .types = TAP_RSS_IPV6_FRAG, V6_FRAG,
	  .kind = REF_TUPLE2, .input = IN6 },
	{ .name = "FRAG_IPV6 leaves what is no fragment", .types = TAP_RSS_IPV6_FRAG, V6_TCP },

	/* IPv6 with home address and route: which type replaces the addresses */
	{ .name = "IPV6_TCP keeps the header's addresses", .types = TAP_RSS_IPV6_TCP,
	  V6_EX_TCP, .kind = REF_TUPLE4, .input = IN6 PORTS },
	{ .name = "IPV6_TCP_EX replaces the addresses", .types = TAP_RSS_IPV6_TCP_EX,
	  V6_EX_TCP, .kind = REF_TUPLE4, .input = EX_IN6 PORTS },
	{ .name = "IPV6_TCP_EX holds beside IPV6_TCP",
	  .types = TAP_RSS_IPV6_TCP | TAP_RSS_IPV6_TCP_EX, V6_EX_TCP, .kind = REF_TUPLE4,
	  .input = EX_IN6 PORTS },
	{ .name = "IPV6_TCP_EX leaves UDP", .types = TAP_RSS_IPV6_TCP_EX, V6_EX_UDP },
	{ .name = "IPV6_UDP_EX replaces the addresses", .types = TAP_RSS_IPV6_UDP_EX,
	  V6_EX_UDP, .kind = REF_TUPLE4, .input = EX_IN6 PORTS_DNS },
	{ .name = "IPV6_UDP_EX takes UDP without them", .types = TAP_RSS_IPV6_UDP_EX, V6_UDP,
	  .kind = REF_TUPLE4, .input = IN6 PORTS_DNS },
	{ .name = "IPV6_EX takes TCP as 2-tuple", .types = TAP_RSS_IPV6_EX, V6_EX_TCP,
	  .kind = REF_TUPLE2, .input = EX_IN6 },
	{ .name = "IPV6_EX takes any IPv6", .types = TAP_RSS_IPV6_EX, V6_ICMP,
	  .kind = REF_TUPLE2, .input = IN6 },
	{ .name = "IPV6_EX takes fragments", .types = TAP_RSS_IPV6_EX, V6_FRAG,
	  .kind = REF_TUPLE2, .input = IN6 },
	{ .name = "IPV6_EX holds beside IPV6", .types = TAP_RSS_IPV6 | TAP_RSS_IPV6_EX,
	  V6_EX_UDP, .kind = REF_TUPLE2, .input = EX_IN6 },
	{ .name = "IPV6_EX holds for what IPV6_OTHER takes",
	  .types = TAP_RSS_IPV6_OTHER | TAP_RSS_IPV6_EX, .kind = REF_TUPLE2, .input = EX_IN6,
	  .layers = { L(ETH), L(IP6), L(HOME), L(ROUTE2), L(ICMP6) } },
	{ .name = "IPV6_EX does not touch a 4-tuple", .kind = REF_TUPLE4, V6_EX_TCP,
	  .types = TAP_RSS_IPV6_TCP | TAP_RSS_IPV6_EX | TAP_RSS_IPV6_UDP_EX,
	  .input = IN6 PORTS },
	{ .name = "no _EX type touches SCTP", .types = TAP_RSS_IPV6_SCTP | T_EX,
	  .layers = { L(ETH), L(IP6), L(HOME), L(ROUTE2), L(SCTP) }, .kind = REF_TUPLE4,
	  .input = IN6 PORTS },
	{ .name = "no _EX type touches ESP", .types = TAP_RSS_ESP | T_EX,
	  .layers = { L(ETH), L(IP6), L(HOME), L(ROUTE2), L(ESP) }, .kind = REF_SPI,
	  .input = IN6 ESP_SPI },

	/* ESP and AH */
	{ .name = "ESP over IPv4", .types = TAP_RSS_ESP | TAP_RSS_IPV4 | TAP_RSS_IPV4_OTHER,
	  .layers = { L(ETH), L(IP4), L(ESP) }, .kind = REF_SPI, .input = IN4 ESP_SPI },
	{ .name = "ESP over IPv6", .types = TAP_RSS_ESP,
	  .layers = { L(ETH), L(IP6), L(DST), L(ESP) }, .kind = REF_SPI, .input = IN6 ESP_SPI },
	{ .name = "AH over IPv4", .types = TAP_RSS_AH | TAP_RSS_IPV4,
	  .layers = { L(ETH), L(IP4), L(AH), L(TCP) }, .kind = REF_SPI, .input = IN4 AH_SPI },
	{ .name = "AH over IPv6, not looked through", .types = TAP_RSS_AH | T6,
	  .layers = { L(ETH), L(IP6), L(AH), L(TCP) }, .kind = REF_SPI, .input = IN6 AH_SPI },
	{ .name = "AH does not take ESP", .types = TAP_RSS_AH,
	  .layers = { L(ETH), L(IP4), L(ESP) } },
	{ .name = "ESP without its SPI", .types = TAP_RSS_ESP | TAP_RSS_IPV4_OTHER, .keep = 37,
	  .layers = { L(ETH), L(IP4), L(ESP) } },
	{ .name = "AH without its SPI", .types = TAP_RSS_AH | TAP_RSS_IPV4_OTHER, .keep = 41,
	  .layers = { L(ETH), L(IP4), L(AH) } },
	{ .name = "AH up to its SPI", .types = TAP_RSS_AH, .keep = 42, .kind = REF_SPI,
	  .layers = { L(ETH), L(IP4), L(AH) }, .input = IN4 AH_SPI },
	{ .name = "a fragment of ESP has no SPI", .types = TAP_RSS_ESP | TAP_RSS_IPV4_FRAG,
	  .layers = { L(ETH), L(IP4, .a = 0x2000), L(ESP) }, .kind = REF_TUPLE2, .input = IN4 },

	/* Layer 2 */
	{ .name = "ETH takes ARP", .types = TAP_RSS_ETH, ARP, .kind = REF_MAC_PAIR,
	  .input = ETH_INPUT },
	{ .name = "ETH takes IP that nothing else takes", .types = TAP_RSS_ETH | TAP_RSS_IPV6,
	  V4_TCP, .kind = REF_MAC_PAIR, .input = ETH_INPUT },
	{ .name = "ETH leaves IP that another type takes", .types = TAP_RSS_ETH | TAP_RSS_IPV4,
	  V4_TCP, .kind = REF_TUPLE2, .input = IN4 },
	{ .name = "L2_PAYLOAD takes ARP", .types = TAP_RSS_L2_PAYLOAD, ARP,
	  .kind = REF_ETHERTYPE, .input = "0806" },
	{ .name = "L2_PAYLOAD leaves IP", .types = TAP_RSS_L2_PAYLOAD, V4_TCP },
	{ .name = "ETH goes before L2_PAYLOAD", .types = TAP_RSS_L2_PAYLOAD | TAP_RSS_ETH, ARP,
	  .kind = REF_MAC_PAIR, .input = ETH_INPUT },
	{ .name = "L2_PAYLOAD takes the EtherType behind the tags",
	  .types = TAP_RSS_L2_PAYLOAD, .kind = REF_ETHERTYPE, .input = "0806",
	  .layers = { L(ETH), Q_IN_Q, L(RAW, .a = 0x0806, .hex = "0001") } },
	{ .name = "both VLAN types, two tags", .types = TAP_RSS_S_VLAN | TAP_RSS_C_VLAN,
	  .layers = { L(ETH), Q_IN_Q, L(IP4), L(TCP) }, .kind = REF_VLAN, .input = "0123 0456" },
	{ .name = "S_VLAN, two tags", .types = TAP_RSS_S_VLAN, .kind = REF_VLAN,
	  .layers = { L(ETH), Q_IN_Q, L(IP4), L(TCP) }, .input = "0123 0000" },
	{ .name = "C_VLAN, two tags", .types = TAP_RSS_C_VLAN, .kind = REF_VLAN,
	  .layers = { L(ETH), Q_IN_Q, L(IP4), L(TCP) }, .input = "0000 0456" },
	{ .name = "of two tags the outer is the S-VLAN whatever the TPIDs",
	  .types = TAP_RSS_S_VLAN | TAP_RSS_C_VLAN, .kind = REF_VLAN, .input = "0001 0002",
	  .layers = { L(ETH), L(VLAN, .a = 1), L(VLAN, .a = 2, .b = 0x88a8), L(IP4) } },
	{ .name = "one tag of TPID 0x8100 is the C-VLAN",
	  .types = TAP_RSS_S_VLAN | TAP_RSS_C_VLAN, .kind = REF_VLAN, .input = "0000 0fff",
	  .layers = { L(ETH), L(VLAN, .a = 0xffff), L(IP4) } },
	{ .name = "one tag of TPID 0x88a8 is the S-VLAN",
	  .types = TAP_RSS_S_VLAN | TAP_RSS_C_VLAN, .kind = REF_VLAN, .input = "0fff 0000",
	  .layers = { L(ETH), L(VLAN, .a = 0xffff, .b = 0x88a8), L(IP4) } },
	{ .name = "S_VLAN leaves one tag of TPID 0x8100", .types = TAP_RSS_S_VLAN,
	  .layers = { L(ETH), L(VLAN, .a = 5), L(IP4), L(TCP) } },
	{ .name = "C_VLAN leaves one tag of TPID 0x88a8", .types = TAP_RSS_C_VLAN,
	  .layers = { L(ETH), L(VLAN, .a = 5, .b = 0x88a8), L(IP4), L(TCP) } },
	{ .name = "VLAN types leave an untagged frame",
	  .types = TAP_RSS_S_VLAN | TAP_RSS_C_VLAN | TAP_RSS_ETH, V4_TCP,
	  .kind = REF_MAC_PAIR, .input = ETH_INPUT },
	{ .name = "a VLAN ID of 0 is a tag", .types = TAP_RSS_C_VLAN | TAP_RSS_ETH,
	  .layers = { L(ETH), L(VLAN, .a = 0xe000), L(IP4) }, .kind = REF_VLAN,
	  .input = "00000000" },
	{ .name = "a VLAN type goes behind IP types", .types = TAP_RSS_C_VLAN | TAP_RSS_IPV4,
	  .layers = { L(ETH), L(VLAN, .a = 5), L(IP4), L(TCP) }, .kind = REF_TUPLE2,
	  .input = IN4 },
	{ .name = "a VLAN type goes before ETH", .types = TAP_RSS_C_VLAN | TAP_RSS_ETH,
	  .layers = { L(ETH), L(VLAN, .a = 5), L(RAW, .a = 0x0806) }, .kind = REF_VLAN,
	  .input = "00000005" },
	{ .name = "with a third tag the first two count",
	  .types = TAP_RSS_C_VLAN | TAP_RSS_S_VLAN, .kind = REF_VLAN, .input = "0001 0002",
	  .layers = { L(ETH), L(VLAN, .a = 1), L(VLAN, .a = 2), L(VLAN, .a = 3), L(IP4) } },
	{ .name = "a tag that is cut off does not count",
	  .types = TAP_RSS_C_VLAN | TAP_RSS_S_VLAN, .kind = REF_VLAN, .input = "0000 0001",
	  .layers = { L(ETH), L(VLAN, .a = 1), L(VLAN, .a = 2), L(IP4) }, .keep = 21 },
	{ .name = "a tag beside the data is the C-VLAN", .types = TAP_RSS_C_VLAN | TAP_RSS_S_VLAN,
	  .layers = { L(ETH), L(IP4), L(TCP) }, .meta_tpid = 0x8100, .meta_tci = 0x2007,
	  .kind = REF_VLAN, .input = "0000 0007" },
	{ .name = "a tag beside the data is the S-VLAN", .types = TAP_RSS_C_VLAN | TAP_RSS_S_VLAN,
	  .layers = { L(ETH), L(IP4), L(TCP) }, .meta_tpid = 0x88a8, .meta_tci = 0x2007,
	  .kind = REF_VLAN, .input = "0007 0000" },
	{ .name = "a tag beside the data is the outer one",
	  .types = TAP_RSS_C_VLAN | TAP_RSS_S_VLAN,
	  .layers = { L(ETH), L(VLAN, .a = 9, .b = 0x88a8), L(IP4), L(TCP) },
	  .meta_tpid = 0x8100, .meta_tci = 7, .kind = REF_VLAN, .input = "0007 0009" },
	{ .name = "inner level: the VLAN of the outermost frame counts", .inner = true,
	  .types = TAP_RSS_C_VLAN, .kind = REF_VLAN, .input = "0000 0005",
	  .layers = { L(ETH), L(VLAN, .a = 5), L(IP4), L(GRE), L(ETH), L(VLAN, .a = 6), L(IP4) } },
};

/* clang-format on */

const struct case_list cases_kind = CASE_LIST("kind", cases);
