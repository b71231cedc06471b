/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include <rte_version.h>

#include "test.h"
#include "test_tap_rss_kit.h"

/* Where packets land and with which hash, on every rung. */

#define IPV4_UDP RTE_ETH_RSS_NONFRAG_IPV4_UDP

extern struct unit_test_suite tap_test_place_suite;

/* A packet that RSS distinguishes, the type that hashes it, and over what. */
struct kind {
	uint8_t version;
	uint8_t proto;
	uint64_t type;
	enum tap_test_input input;
};

static const struct kind kinds[] = {
	{ 4, IPPROTO_TCP, RTE_ETH_RSS_NONFRAG_IPV4_TCP, TAP_TEST_PORTS },
	{ 4, IPPROTO_UDP, RTE_ETH_RSS_NONFRAG_IPV4_UDP, TAP_TEST_PORTS },
	{ 4, IPPROTO_SCTP, RTE_ETH_RSS_NONFRAG_IPV4_SCTP, TAP_TEST_PORTS },
	{ 4, IPPROTO_ICMP, RTE_ETH_RSS_NONFRAG_IPV4_OTHER, TAP_TEST_ADDRESSES },
	{ 4, IPPROTO_ESP, RTE_ETH_RSS_ESP, TAP_TEST_PORTS },
	{ 4, IPPROTO_AH, RTE_ETH_RSS_AH, TAP_TEST_PORTS },
	{ 6, IPPROTO_TCP, RTE_ETH_RSS_NONFRAG_IPV6_TCP, TAP_TEST_PORTS },
	{ 6, IPPROTO_UDP, RTE_ETH_RSS_NONFRAG_IPV6_UDP, TAP_TEST_PORTS },
	{ 6, IPPROTO_SCTP, RTE_ETH_RSS_NONFRAG_IPV6_SCTP, TAP_TEST_PORTS },
	{ 6, IPPROTO_ICMPV6, RTE_ETH_RSS_NONFRAG_IPV6_OTHER, TAP_TEST_ADDRESSES },
	{ 6, IPPROTO_ESP, RTE_ETH_RSS_ESP, TAP_TEST_PORTS },
	{ 6, IPPROTO_AH, RTE_ETH_RSS_AH, TAP_TEST_PORTS },
};

static int
without_rss_packets_arrive_unhashed_and_updates_are_refused(void)
{
	struct rte_eth_conf conf;
	struct tap_test_flow flow;
	uint8_t frame[256];
	uint32_t i;

	memset(&conf, 0, sizeof(conf));
	TEST_ASSERT_SUCCESS(tap_test_up(4, 4, &conf), "cannot start");
	for (i = 0; i < 64; i++) {
		uint32_t len;
		uint16_t queue;
		struct rte_mbuf *m;
		uint64_t flags;

		tap_test_flow_make(&flow, 4, IPPROTO_UDP, i);
		len = tap_test_frame(&flow, 20, frame);
		m = tap_test_pass(frame, len, &queue);
		TEST_ASSERT_NOT_NULL(m, "flow %u", i);
		flags = m->ol_flags;
		rte_pktmbuf_free(m);
		TEST_ASSERT((flags & RTE_MBUF_F_RX_RSS_HASH) == 0, "a hash flag");
	}
	TEST_ASSERT_FAIL(tap_test_set_types(IPV4_UDP), "types accepted");
	return TEST_SUCCESS;
}

static int
every_kind_of_ip_packet_lands_where_softrss_says(void)
{
	unsigned int i;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	for (i = 0; i < RTE_DIM(kinds); i++)
		TEST_ASSERT_SUCCESS(
			tap_test_expect_flows(kinds[i].version, kinds[i].proto, 24, kinds[i].input),
			"kind %u", i);
	TEST_ASSERT_SUCCESS(tap_test_set_key(tap_test_other_key, TAP_TEST_IP_TYPES), "key refused");
	for (i = 0; i < RTE_DIM(kinds); i++)
		TEST_ASSERT_SUCCESS(
			tap_test_expect_flows(kinds[i].version, kinds[i].proto, 8, kinds[i].input),
			"kind %u, other key", i);
	return tap_test_silent();
}

static int
each_type_hashes_its_own_packets_and_no_others(void)
{
	unsigned int i;
	unsigned int k;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_SUCCESS(tap_test_reserve_entry_0(4), "table refused");
	for (i = 0; i < RTE_DIM(kinds); i++) {
		TEST_ASSERT_SUCCESS(tap_test_set_types(kinds[i].type), "type of kind %u", i);
		for (k = 0; k < RTE_DIM(kinds); k++) {
			bool esp_or_ah =
				kinds[k].proto == IPPROTO_ESP || kinds[k].proto == IPPROTO_AH;
			enum tap_test_input input = TAP_TEST_NOTHING;

			if (kinds[k].type == kinds[i].type)
				input = kinds[k].input;
			else if (esp_or_ah && kinds[i].version == kinds[k].version &&
				 kinds[i].input == TAP_TEST_ADDRESSES)
				input = TAP_TEST_ADDRESSES; /* they are "other", too */
			TEST_ASSERT_SUCCESS(
				tap_test_expect_flows(kinds[k].version, kinds[k].proto, 2, input),
				"type %u, packet %u", i, k);
		}
	}
	return TEST_SUCCESS;
}

static int
the_ip_types_hash_addresses_of_all_ip_packets(void)
{
	unsigned int i;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6),
			    "cannot start");
	for (i = 0; i < RTE_DIM(kinds); i++)
		TEST_ASSERT_SUCCESS(tap_test_expect_flows(kinds[i].version, kinds[i].proto, 8,
							  TAP_TEST_ADDRESSES),
				    "kind %u", i);
	return TEST_SUCCESS;
}

static int
fragments_are_hashed_by_their_addresses(void)
{
	struct tap_test_flow flow;
	uint32_t i;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	for (i = 0; i < 32; i++) {
		tap_test_flow_make(&flow, i % 2 == 0 ? 4 : 6, IPPROTO_UDP, i);
		flow.fragment = true;
		TEST_ASSERT_SUCCESS(tap_test_expect(&flow, TAP_TEST_ADDRESSES), "flow %u", i);
	}
	return TEST_SUCCESS;
}

static int
a_vlan_tag_does_not_change_queue_or_hash(void)
{
	struct tap_test_flow flow;
	uint32_t i;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	for (i = 0; i < 32; i++) {
		tap_test_flow_make(&flow, i % 2 == 0 ? 4 : 6, IPPROTO_TCP, i);
		flow.vlan = (uint16_t)(i + 1);
		TEST_ASSERT_SUCCESS(tap_test_expect(&flow, TAP_TEST_PORTS), "VLAN %u", i + 1);
	}
	return TEST_SUCCESS;
}

static int
arp_goes_where_entry_0_says_and_is_not_flagged(void)
{
	uint8_t frame[60] = { 0 };
	uint16_t queue;
	uint16_t n;

	for (n = 2; n <= 5; n++) {
		struct rte_mbuf *m;
		uint64_t flags;

		TEST_ASSERT_SUCCESS(tap_test_up_rss(n, TAP_TEST_IP_TYPES), "cannot start");
		TEST_ASSERT_SUCCESS(tap_test_reserve_entry_0(n), "table refused");
		memset(frame, 0xff, RTE_ETHER_ADDR_LEN);
		memcpy(frame + RTE_ETHER_ADDR_LEN, &tap_test_sender, RTE_ETHER_ADDR_LEN);
		frame[12] = 0x08;
		frame[13] = 0x06;
		m = tap_test_pass(frame, sizeof(frame), &queue);
		TEST_ASSERT_NOT_NULL(m, "with %u queues", n);
		flags = m->ol_flags;
		rte_pktmbuf_free(m);
		TEST_ASSERT_EQUAL(queue, n - 1, "on queue %u of %u", queue, n);
		TEST_ASSERT((flags & RTE_MBUF_F_RX_RSS_HASH) == 0, "a hash flag");
		TEST_ASSERT_SUCCESS(rte_eth_dev_stop(tap_test.id), "cannot stop");
	}
	return TEST_SUCCESS;
}

static int
a_hash_of_0_is_a_hash(void)
{
	static const uint8_t zero[TAP_TEST_KEY_LEN];

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_SUCCESS(tap_test_set_key(zero, TAP_TEST_IP_TYPES), "key refused");
	TEST_ASSERT_SUCCESS(tap_test_reserve_entry_0(4), "table refused");
	return tap_test_expect_all(4);
}

static int
rss_without_types_leaves_all_packets_to_entry_0(void)
{
	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, 0), "cannot start");
	TEST_ASSERT_SUCCESS(tap_test_reserve_entry_0(4), "table refused");
	return tap_test_expect_flows(4, IPPROTO_TCP, 8, TAP_TEST_NOTHING);
}

static int
without_the_hash_offload_packets_land_alike_and_are_not_flagged(void)
{
	struct rte_eth_conf conf = tap_test_conf(TAP_TEST_IP_TYPES);
	struct tap_test_flow flow;
	uint8_t frame[256];
	uint32_t i;

	conf.rxmode.offloads = 0;
	TEST_ASSERT_SUCCESS(tap_test_up(4, 4, &conf), "cannot start");
	for (i = 0; i < 32; i++) {
		uint16_t want;
		uint16_t queue;
		uint32_t len;
		struct rte_mbuf *m;
		uint64_t flags;

		tap_test_flow_make(&flow, 6, IPPROTO_UDP, i);
		len = tap_test_frame(&flow, 20, frame);
		want = tap_test_rss.reta[tap_test_hash(&flow, TAP_TEST_PORTS) % TAP_TEST_RETA_SIZE];
		m = tap_test_pass(frame, len, &queue);
		TEST_ASSERT_NOT_NULL(m, "flow %u", i);
		flags = m->ol_flags;
		rte_pktmbuf_free(m);
		TEST_ASSERT_EQUAL(queue, want, "flow %u: queue %u instead of %u", i, queue, want);
		TEST_ASSERT((flags & RTE_MBUF_F_RX_RSS_HASH) == 0, "a hash flag");
	}
	return TEST_SUCCESS;
}

/* What the modifiers leave of a flow; what they exclude counts as zero. */
static struct tap_test_flow
modified(const struct tap_test_flow *flow, uint64_t modifier)
{
	struct tap_test_flow f = *flow;

	if (modifier & RTE_ETH_RSS_L3_SRC_ONLY)
		memset(f.dst, 0, sizeof(f.dst));
	if (modifier & RTE_ETH_RSS_L3_DST_ONLY)
		memset(f.src, 0, sizeof(f.src));
	if (modifier & RTE_ETH_RSS_L4_SRC_ONLY)
		f.dport = 0;
	if (modifier & RTE_ETH_RSS_L4_DST_ONLY)
		f.sport = 0;
	if ((modifier & RTE_ETH_RSS_L3_PRE64) && f.version == 6) {
		memset(f.src + 8, 0, 8);
		memset(f.dst + 8, 0, 8);
	}
	return f;
}

static int
expect_modified(uint8_t version, uint64_t modifier, uint32_t n)
{
	struct tap_test_flow effective;
	struct tap_test_flow flow;
	uint8_t frame[256];
	struct rte_mbuf *m;
	uint16_t queue;
	uint32_t want;
	uint32_t hash;

	tap_test_flow_make(&flow, version, IPPROTO_TCP, n);
	effective = modified(&flow, modifier);
	want = tap_test_hash(&effective, TAP_TEST_PORTS);
	m = tap_test_pass(frame, tap_test_frame(&flow, 0, frame), &queue);
	TEST_ASSERT_NOT_NULL(m, "flow %u", n);
	hash = m->hash.rss;
	rte_pktmbuf_free(m);
	TEST_ASSERT_EQUAL(hash, want, "IPv%u: hash %#x instead of %#x", version, hash, want);
	TEST_ASSERT_EQUAL(queue, tap_test_rss.reta[want % TAP_TEST_RETA_SIZE], "queue %u", queue);
	return TEST_SUCCESS;
}

static int
src_only_dst_only_and_prefixes_leave_the_rest_out(void)
{
	static const uint64_t modifiers[] = {
		RTE_ETH_RSS_L3_SRC_ONLY,
		RTE_ETH_RSS_L3_DST_ONLY,
		RTE_ETH_RSS_L4_SRC_ONLY,
		RTE_ETH_RSS_L4_DST_ONLY,
		RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_SRC_ONLY,
		RTE_ETH_RSS_L3_PRE64,
		RTE_ETH_RSS_L3_PRE64 | RTE_ETH_RSS_L3_DST_ONLY,
	};
	unsigned int i;
	uint32_t n;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	for (i = 0; i < RTE_DIM(modifiers); i++) {
		uint64_t types = TAP_TEST_IP_TYPES | modifiers[i];

		TEST_ASSERT_SUCCESS(tap_test_set_types(types), "modifier %u refused", i);
		TEST_ASSERT_SUCCESS(tap_test_check_rss(types), "modifier %u", i);
		for (n = 0; n < 8; n++) {
			TEST_ASSERT_SUCCESS(expect_modified(4, modifiers[i], n), "modifier %u", i);
			TEST_ASSERT_SUCCESS(expect_modified(6, modifiers[i], n), "modifier %u", i);
		}
	}
	return TEST_SUCCESS;
}

/* The hash of a symmetric algorithm in which both directions have been made one. */
static uint32_t
symmetric_hash(const struct tap_test_flow *flow)
{
	struct tap_test_flow both = *flow;
	unsigned int i;

	for (i = 0; i < sizeof(both.src); i++) {
		both.src[i] ^= flow->dst[i];
		both.dst[i] ^= flow->src[i];
	}
	both.sport ^= flow->dport;
	both.dport ^= flow->sport;
	return tap_test_hash(&both, TAP_TEST_PORTS);
}

static int
expect_symmetric(const struct tap_test_flow *flow)
{
	struct tap_test_flow ways[2] = { *flow, tap_test_flow_reverse(flow) };
	uint32_t want = symmetric_hash(flow);
	uint8_t frame[256];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		uint16_t queue;
		uint32_t len = tap_test_frame(&ways[i], 0, frame);
		struct rte_mbuf *m = tap_test_pass(frame, len, &queue);
		uint32_t hash;

		TEST_ASSERT_NOT_NULL(m, "direction %u", i);
		hash = m->hash.rss;
		rte_pktmbuf_free(m);
		TEST_ASSERT_EQUAL(hash, want, "direction %u: hash %#x instead of %#x", i, hash,
				  want);
		TEST_ASSERT_EQUAL(queue, tap_test_rss.reta[want % TAP_TEST_RETA_SIZE],
				  "direction %u: queue %u", i, queue);
	}
	return TEST_SUCCESS;
}

static int
expect_symmetric_flows(void)
{
	struct tap_test_flow flow;
	uint32_t i;

	for (i = 0; i < 32; i++) {
		tap_test_flow_make(&flow, i % 2 == 0 ? 4 : 6, IPPROTO_TCP, i);
		TEST_ASSERT_SUCCESS(expect_symmetric(&flow), "flow %u", i);
	}
	return TEST_SUCCESS;
}

static int
the_symmetric_devarg_brings_both_directions_together(void)
{
	TEST_ASSERT_SUCCESS(tap_test_port_make("rss_algo=symmetric"), "no port");
	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	return expect_symmetric_flows();
}

#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
static int
the_algorithm_can_be_set_and_reads_back(void)
{
	struct rte_eth_rss_conf rss;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	memset(&rss, 0, sizeof(rss));
	rss.rss_hf = TAP_TEST_IP_TYPES;
	rss.algorithm = RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ;
	TEST_ASSERT_SUCCESS(rte_eth_dev_rss_hash_update(tap_test.id, &rss), "refused");
	TEST_ASSERT_SUCCESS(expect_symmetric_flows(), "symmetric");
	memset(&rss, 0, sizeof(rss));
	TEST_ASSERT_SUCCESS(rte_eth_dev_rss_hash_conf_get(tap_test.id, &rss), "no hash conf");
	TEST_ASSERT_EQUAL(rss.algorithm, RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ, "algorithm %d",
			  rss.algorithm);
	rss.algorithm = RTE_ETH_HASH_FUNCTION_DEFAULT;
	TEST_ASSERT_SUCCESS(rte_eth_dev_rss_hash_update(tap_test.id, &rss), "refused");
	return tap_test_expect_all(8);
}
#endif

static int
a_new_key_reads_back_and_places_packets(void)
{
	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_SUCCESS(tap_test_set_key(tap_test_other_key, TAP_TEST_IP_TYPES), "key refused");
	TEST_ASSERT_SUCCESS(tap_test_check_rss(TAP_TEST_IP_TYPES), "key not taken");
	TEST_ASSERT_SUCCESS(tap_test_expect_all(16), "placement");
	/* Types alone: the key stays. */
	TEST_ASSERT_SUCCESS(tap_test_set_types(IPV4_UDP), "types refused");
	TEST_ASSERT_SUCCESS(tap_test_check_rss(IPV4_UDP), "the key went with the types");
	return tap_test_expect_flows(4, IPPROTO_UDP, 16, TAP_TEST_PORTS);
}

static int
a_change_of_the_table_moves_packets_and_loses_none(void)
{
	uint16_t reta[TAP_TEST_RETA_SIZE];
	unsigned int i;
	uint16_t turn;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	for (turn = 0; turn < 8; turn++) {
		for (i = 0; i < TAP_TEST_RETA_SIZE; i++)
			reta[i] = (uint16_t)((i + turn) % 4);
		TEST_ASSERT_SUCCESS(tap_test_set_reta(reta), "table refused");
		TEST_ASSERT_SUCCESS(tap_test_expect_all(8), "turn %u", turn);
	}
	for (i = 0; i < TAP_TEST_RETA_SIZE; i++)
		reta[i] = 2;
	TEST_ASSERT_SUCCESS(tap_test_set_reta(reta), "table refused");
	return tap_test_expect_all(8);
}

static int
stop_and_start_keep_key_types_and_table(void)
{
	uint64_t types = TAP_TEST_IP_TYPES & ~IPV4_UDP;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_SUCCESS(tap_test_set_key(tap_test_other_key, types), "key refused");
	TEST_ASSERT_SUCCESS(tap_test_reserve_entry_0(4), "table refused");
	TEST_ASSERT_SUCCESS(rte_eth_dev_stop(tap_test.id), "cannot stop");
	TEST_ASSERT_SUCCESS(tap_test_check_rss(types), "after stop");
	TEST_ASSERT_SUCCESS(rte_eth_dev_start(tap_test.id), "cannot start again");
	TEST_ASSERT_SUCCESS(tap_test_check_rss(types), "after start");
	TEST_ASSERT_SUCCESS(tap_test_expect_flows(4, IPPROTO_TCP, 16, TAP_TEST_PORTS), "TCP");
	return tap_test_expect_flows(4, IPPROTO_UDP, 4, TAP_TEST_ADDRESSES);
}

static int
reconfigured_with_fewer_and_more_queues_all_of_them_serve(void)
{
	static const uint16_t counts[] = { 4, 2, 8, 1, 3, 64, 4 };
	unsigned int i;

	for (i = 0; i < RTE_DIM(counts); i++) {
		TEST_ASSERT_SUCCESS(tap_test_up_rss(counts[i], TAP_TEST_IP_TYPES), "%u queues",
				    counts[i]);
		TEST_ASSERT_SUCCESS(tap_test_check_rss(TAP_TEST_IP_TYPES), "%u queues", counts[i]);
		TEST_ASSERT_SUCCESS(tap_test_expect_all(counts[i] * 2u), "%u queues", counts[i]);
		TEST_ASSERT_SUCCESS(rte_eth_dev_stop(tap_test.id), "cannot stop");
	}
	return TEST_SUCCESS;
}

static int
rx_and_tx_queue_counts_may_differ(void)
{
	static const uint16_t counts[][2] = { { 4, 1 }, { 1, 4 }, { 3, 8 }, { 8, 3 } };
	struct rte_eth_conf conf = tap_test_conf(TAP_TEST_IP_TYPES);
	struct tap_test_flow flow;
	uint8_t frame[256];
	unsigned int i;
	uint16_t q;

	for (i = 0; i < RTE_DIM(counts); i++) {
		TEST_ASSERT_SUCCESS(tap_test_up(counts[i][0], counts[i][1], &conf), "case %u", i);
		TEST_ASSERT_SUCCESS(tap_test_expect_all(8), "case %u", i);
		for (q = 0; q < counts[i][1]; q++) {
			uint32_t len;

			tap_test_flow_make(&flow, 4, IPPROTO_UDP, q);
			len = tap_test_frame(&flow, 64, frame);
			TEST_ASSERT_SUCCESS(
				tap_test_expect_sent(q, tap_test_mbuf(frame, len, 0), frame, len),
				"case %u, Tx queue %u", i, q);
		}
		TEST_ASSERT_SUCCESS(rte_eth_dev_stop(tap_test.id), "cannot stop");
	}
	return TEST_SUCCESS;
}

#define AUTO(fn) TEST_CASE_ST(tap_test_port_auto, tap_test_port_remove, fn)
#define BASIC(fn) TEST_CASE_NAMED_ST(#fn "_basic", tap_test_port_basic, tap_test_port_remove, fn)
#define SOFT(fn) TEST_CASE_NAMED_ST(#fn "_soft", tap_test_port_soft, tap_test_port_remove, fn)
#define ON_EVERY_RUNG(fn) AUTO(fn), BASIC(fn), SOFT(fn)

struct unit_test_suite tap_test_place_suite = {
	.suite_name = "net_tap: queue and hash",
	.unit_test_cases = {
		ON_EVERY_RUNG(without_rss_packets_arrive_unhashed_and_updates_are_refused),
		ON_EVERY_RUNG(every_kind_of_ip_packet_lands_where_softrss_says),
		ON_EVERY_RUNG(each_type_hashes_its_own_packets_and_no_others),
		ON_EVERY_RUNG(the_ip_types_hash_addresses_of_all_ip_packets),
		ON_EVERY_RUNG(fragments_are_hashed_by_their_addresses),
		ON_EVERY_RUNG(a_vlan_tag_does_not_change_queue_or_hash),
		ON_EVERY_RUNG(arp_goes_where_entry_0_says_and_is_not_flagged),
		ON_EVERY_RUNG(a_hash_of_0_is_a_hash),
		ON_EVERY_RUNG(rss_without_types_leaves_all_packets_to_entry_0),
		ON_EVERY_RUNG(without_the_hash_offload_packets_land_alike_and_are_not_flagged),
		ON_EVERY_RUNG(src_only_dst_only_and_prefixes_leave_the_rest_out),
		ON_EVERY_RUNG(a_new_key_reads_back_and_places_packets),
		ON_EVERY_RUNG(a_change_of_the_table_moves_packets_and_loses_none),
		ON_EVERY_RUNG(stop_and_start_keep_key_types_and_table),
		ON_EVERY_RUNG(reconfigured_with_fewer_and_more_queues_all_of_them_serve),
		ON_EVERY_RUNG(rx_and_tx_queue_counts_may_differ),
		TEST_CASE_ST(NULL, tap_test_port_remove,
			     the_symmetric_devarg_brings_both_directions_together),
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
		ON_EVERY_RUNG(the_algorithm_can_be_set_and_reads_back),
#endif
		TEST_CASES_END(),
	},
};
