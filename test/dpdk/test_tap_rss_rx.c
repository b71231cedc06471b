/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <netinet/in.h>
#include <sys/ioctl.h>

#include "test.h"
#include "test_tap_rss_kit.h"

/* Received packets: their bytes, the mbufs that hold them, and what is told of them. */

extern struct unit_test_suite tap_test_rx_suite;

#define SMALL_ROOM 256
static struct rte_mempool *small_pool;

static int
make_small_pool(unsigned int mbufs)
{
	small_pool = rte_pktmbuf_pool_create("tap_test_small", mbufs, 0, 0,
					     RTE_PKTMBUF_HEADROOM + SMALL_ROOM, SOCKET_ID_ANY);
	TEST_ASSERT_NOT_NULL(small_pool, "no small mbufs");
	return TEST_SUCCESS;
}

static int
with_small_mbufs(void)
{
	return make_small_pool(1023) == 0 ? tap_test_port_auto() : TEST_FAILED;
}

static int
with_small_mbufs_soft(void)
{
	return make_small_pool(1023) == 0 ? tap_test_port_soft() : TEST_FAILED;
}

static int
with_few_mbufs(void)
{
	return make_small_pool(128) == 0 ? tap_test_port_auto() : TEST_FAILED;
}

static int
with_few_mbufs_soft(void)
{
	return make_small_pool(128) == 0 ? tap_test_port_soft() : TEST_FAILED;
}

static void
without_small_mbufs(void)
{
	tap_test_port_remove();
	rte_mempool_free(small_pool);
	small_pool = NULL;
}

static int
up(uint16_t n, uint64_t rx_offloads)
{
	struct rte_eth_conf conf = tap_test_conf(TAP_TEST_IP_TYPES);

	conf.rxmode.offloads |= rx_offloads;
	return tap_test_up(n, n, &conf);
}

static int
frames_of_every_length_pass_unchanged_both_ways(void)
{
	struct tap_test_flow flow;
	static uint8_t frame[TAP_TEST_FRAME_MAX];
	uint16_t queue;
	uint16_t payload;

	TEST_ASSERT_SUCCESS(up(2, 0), "cannot start");
	/* IPv4 and UDP headers take 28 bytes of the MTU; the steps meet the rest exactly. */
	for (payload = 0; payload <= RTE_ETHER_MTU - 28; payload += payload < 128 ? 1 : 56) {
		struct rte_mbuf *m;
		uint32_t len;

		tap_test_flow_make(&flow, 4, IPPROTO_UDP, payload);
		len = tap_test_frame(&flow, payload, frame);
		m = tap_test_pass(frame, len, &queue);
		TEST_ASSERT_NOT_NULL(m, "%u bytes", len);
		/* Sent back from the very mbuf it came in. */
		TEST_ASSERT_SUCCESS(tap_test_expect_sent(payload % 2, m, frame, len), "%u bytes",
				    len);
	}
	return TEST_SUCCESS;
}

static int
received_bursts_keep_their_order(void)
{
	struct rte_mbuf *pkts[32];
	struct tap_test_flow flow;
	uint8_t frame[256];
	uint32_t len;
	uint16_t nb = 0;
	uint16_t i;
	uint32_t polls;

	TEST_ASSERT_SUCCESS(up(1, 0), "cannot start");
	tap_test_flow_make(&flow, 4, IPPROTO_UDP, 0);
	len = tap_test_frame(&flow, 20, frame);
	for (i = 0; i < RTE_DIM(pkts); i++) {
		frame[len - 1] = (uint8_t)i;
		TEST_ASSERT_SUCCESS(tap_test_send(frame, len), "packet %u", i);
	}
	for (polls = 0; nb < RTE_DIM(pkts) && polls < 10000; polls++)
		nb += rte_eth_rx_burst(tap_test.id, 0, pkts + nb, RTE_DIM(pkts) - nb);
	TEST_ASSERT_EQUAL(nb, RTE_DIM(pkts), "%u packets", nb);
	for (i = 0; i < nb; i++)
		TEST_ASSERT_EQUAL(*rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, len - 1), i,
				  "packet %u is another", i);
	rte_pktmbuf_free_bulk(pkts, nb);
	return TEST_SUCCESS;
}

static int
frames_of_9000_bytes_are_scattered(void)
{
	static uint8_t frame[TAP_TEST_FRAME_MAX];
	struct tap_test_flow flow;
	uint16_t queue;
	uint32_t i;

	tap_test.pool = small_pool;
	TEST_ASSERT_SUCCESS(up(4, RTE_ETH_RX_OFFLOAD_SCATTER), "cannot start");
	TEST_ASSERT_SUCCESS(rte_eth_dev_set_mtu(tap_test.id, 9000), "MTU of 9000 refused");
	for (i = 0; i < 64; i++) {
		static const uint16_t payloads[] = { 8972, 0, 4000, 213, 214, 215, 1472, 8971 };
		uint32_t hash;
		uint32_t len;
		uint16_t segs;
		struct rte_mbuf *m;
		uint32_t got;

		tap_test_flow_make(&flow, 4, IPPROTO_UDP, i);
		len = tap_test_frame(&flow, payloads[i % RTE_DIM(payloads)], frame);
		hash = tap_test_hash(&flow, TAP_TEST_PORTS);
		m = tap_test_pass(frame, len, &queue);
		TEST_ASSERT_NOT_NULL(m, "%u bytes", len);
		segs = m->nb_segs;
		got = m->hash.rss;
		rte_pktmbuf_free(m);
		TEST_ASSERT_EQUAL(segs, (len + SMALL_ROOM - 1) / SMALL_ROOM,
				  "%u bytes: %u segments", len, segs);
		TEST_ASSERT_EQUAL(got, hash, "%u bytes: hash %#x instead of %#x", len, got, hash);
		TEST_ASSERT_EQUAL(queue, tap_test_rss.reta[hash % TAP_TEST_RETA_SIZE], "queue %u",
				  queue);
	}
	return TEST_SUCCESS;
}

static int
mbufs_too_small_without_scattered_rx_are_refused(void)
{
	struct rte_eth_conf conf = tap_test_conf(TAP_TEST_IP_TYPES);

	TEST_ASSERT_SUCCESS(tap_test_configure(1, 1, &conf), "cannot configure");
	TEST_ASSERT_FAIL(
		rte_eth_rx_queue_setup(tap_test.id, 0, 64, SOCKET_ID_ANY, NULL, small_pool),
		"mbufs of %u bytes accepted", SMALL_ROOM);
	return TEST_SUCCESS;
}

static int
a_frame_that_is_too_long_is_an_error_and_the_next_one_comes(void)
{
	struct ifreq ifr = { .ifr_mtu = 9000 };
	static uint8_t frame[TAP_TEST_FRAME_MAX];
	struct rte_eth_stats stats;
	struct tap_test_flow flow;
	uint32_t len;

	TEST_ASSERT_SUCCESS(up(1, 0), "cannot start");
	/* Somebody changes the netdev's MTU behind the port's back. */
	TEST_ASSERT_SUCCESS(tap_test_ioctl(SIOCSIFMTU, &ifr), "the netdev's MTU");
	tap_test_flow_make(&flow, 4, IPPROTO_UDP, 0);
	len = tap_test_frame(&flow, 4000, frame);
	TEST_ASSERT_SUCCESS(tap_test_send(frame, len), "long frame");
	TEST_ASSERT_SUCCESS(tap_test_silent(), "a frame that was cut");
	TEST_ASSERT_SUCCESS(tap_test_expect_all(4), "the next");
	TEST_ASSERT_SUCCESS(rte_eth_stats_get(tap_test.id, &stats), "no statistics");
	TEST_ASSERT_EQUAL(stats.ierrors, 1, "%" PRIu64 " errors", stats.ierrors);
	return TEST_SUCCESS;
}

/* Take what a queue gives, up to n packets in a number of polls. */
static uint32_t
take(struct rte_mbuf **pkts, uint32_t n, uint32_t polls)
{
	uint32_t nb = 0;

	while (nb < n && polls-- != 0)
		nb += rte_eth_rx_burst(tap_test.id, 0, pkts + nb, (uint16_t)RTE_MIN(n - nb, 32u));
	return nb;
}

static int
after_exhaustion_rx_goes_on_without_a_new_packet(void)
{
	struct rte_mbuf *pkts[300];
	struct rte_eth_stats stats;
	struct tap_test_flow flow;
	uint8_t frame[256];
	uint32_t held;
	uint32_t len;
	uint32_t i;

	tap_test.pool = small_pool; /* of 128 mbufs */
	TEST_ASSERT_SUCCESS(up(1, RTE_ETH_RX_OFFLOAD_SCATTER), "cannot start");
	tap_test_flow_make(&flow, 4, IPPROTO_UDP, 0);
	len = tap_test_frame(&flow, 20, frame);
	for (i = 0; i < RTE_DIM(pkts); i++)
		TEST_ASSERT_SUCCESS(tap_test_send(frame, len), "packet %u", i);
	/* Polls enough for a queue to fall asleep, were it to take "no mbuf" for "no packet". */
	held = take(pkts, RTE_DIM(pkts), 200000);
	TEST_ASSERT(held > 0 && held <= 128, "%u packets in 128 mbufs", held);
	TEST_ASSERT_SUCCESS(rte_eth_stats_get(tap_test.id, &stats), "no statistics");
	TEST_ASSERT(stats.rx_nombuf > 0, "rx_nombuf is 0");
	for (i = held; i < RTE_DIM(pkts); i += held) {
		rte_pktmbuf_free_bulk(pkts, held);
		held = take(pkts, RTE_DIM(pkts) - i, 5000);
		TEST_ASSERT(held != 0, "asleep with %u packets to come",
			    (unsigned int)RTE_DIM(pkts) - i);
	}
	rte_pktmbuf_free_bulk(pkts, held);
	return TEST_SUCCESS;
}

/* Send with checksums as given and look at the flags that the packet gets. */
static int
expect_cksum_flags(const struct tap_test_flow *flow, bool good_ip, bool good_l4, uint64_t want)
{
	static uint8_t frame[TAP_TEST_FRAME_MAX];
	uint32_t len = tap_test_frame(flow, 77, frame);
	uint32_t l3_len = flow->version == 4 ? 20 : 40;
	struct rte_mbuf *m;
	uint16_t queue;
	uint64_t got;

	if (!good_ip)
		frame[RTE_ETHER_HDR_LEN + 10] ^= 0xff;
	if (!good_l4)
		frame[RTE_ETHER_HDR_LEN + l3_len + (flow->proto == IPPROTO_TCP ? 16 : 6)] ^= 0x0f;
	m = tap_test_pass(frame, len, &queue);
	TEST_ASSERT_NOT_NULL(m, "IPv%u, protocol %u", flow->version, flow->proto);
	got = m->ol_flags & (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	rte_pktmbuf_free(m);
	TEST_ASSERT_EQUAL(got, want, "IPv%u, protocol %u: flags %#" PRIx64 " instead of %#" PRIx64,
			  flow->version, flow->proto, got, want);
	return TEST_SUCCESS;
}

static int
received_checksums_are_judged_when_asked_for(void)
{
	const uint64_t offloads = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
				  RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	struct tap_test_flow flow;
	uint32_t i;

	TEST_ASSERT_SUCCESS(up(2, offloads), "cannot start");
	for (i = 0; i < 16; i++) {
		uint64_t ip = i % 4 < 2 ? RTE_MBUF_F_RX_IP_CKSUM_GOOD : 0;
		bool wrong_ip = i % 4 < 2 && i >= 8;
		uint64_t l4 =
			i < 4 || i >= 12 ? RTE_MBUF_F_RX_L4_CKSUM_GOOD : RTE_MBUF_F_RX_L4_CKSUM_BAD;

		if (wrong_ip)
			ip = RTE_MBUF_F_RX_IP_CKSUM_BAD;
		tap_test_flow_make(&flow, i % 4 < 2 ? 4 : 6, i % 2 ? IPPROTO_TCP : IPPROTO_UDP, i);
		TEST_ASSERT_SUCCESS(expect_cksum_flags(&flow, !wrong_ip,
						       l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD, ip | l4),
				    "case %u", i);
	}
	return TEST_SUCCESS;
}

static int
received_checksums_are_not_judged_unasked(void)
{
	struct tap_test_flow flow;

	TEST_ASSERT_SUCCESS(up(2, 0), "cannot start");
	tap_test_flow_make(&flow, 4, IPPROTO_UDP, 0);
	TEST_ASSERT_SUCCESS(expect_cksum_flags(&flow, true, true, 0), "right");
	return expect_cksum_flags(&flow, false, false, 0);
}

static int
expect_ptype(const struct tap_test_flow *flow, uint32_t want)
{
	uint8_t frame[256];
	uint32_t len = tap_test_frame(flow, 20, frame);
	uint16_t queue;
	struct rte_mbuf *m = tap_test_pass(frame, len, &queue);
	uint32_t got;

	TEST_ASSERT_NOT_NULL(m, "protocol %u", flow->proto);
	got = m->packet_type;
	rte_pktmbuf_free(m);
	TEST_ASSERT_EQUAL(got, want, "IPv%u, protocol %u: type %#x instead of %#x", flow->version,
			  flow->proto, got, want);
	return TEST_SUCCESS;
}

static int
packets_have_their_type(void)
{
	static const struct {
		uint8_t proto;
		uint32_t l4;
	} types[] = {
		{ IPPROTO_TCP, RTE_PTYPE_L4_TCP },
		{ IPPROTO_UDP, RTE_PTYPE_L4_UDP },
		{ IPPROTO_SCTP, RTE_PTYPE_L4_SCTP },
		{ IPPROTO_ICMP, RTE_PTYPE_L4_ICMP },
	};
	uint32_t supported[32];
	struct tap_test_flow flow;
	unsigned int i;

	TEST_ASSERT_EQUAL(rte_eth_dev_get_supported_ptypes(tap_test.id, RTE_PTYPE_L4_MASK,
							   supported, RTE_DIM(supported)),
			  5, "not five L4 types supported");
	TEST_ASSERT_SUCCESS(up(2, 0), "cannot start");
	for (i = 0; i < RTE_DIM(types); i++) {
		tap_test_flow_make(&flow, 4, types[i].proto, i);
		TEST_ASSERT_SUCCESS(
			expect_ptype(&flow, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | types[i].l4),
			"type %u", i);
		flow.vlan = 5;
		TEST_ASSERT_SUCCESS(expect_ptype(&flow, RTE_PTYPE_L2_ETHER_VLAN |
								RTE_PTYPE_L3_IPV4 | types[i].l4),
				    "type %u, VLAN", i);
	}
	tap_test_flow_make(&flow, 6, IPPROTO_UDP, 0);
	TEST_ASSERT_SUCCESS(
		expect_ptype(&flow, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6 | RTE_PTYPE_L4_UDP),
		"IPv6");
	flow.fragment = true;
	return expect_ptype(&flow, RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV6_EXT | RTE_PTYPE_L4_FRAG);
}

#define AUTO(fn) TEST_CASE_ST(tap_test_port_auto, tap_test_port_remove, fn)
#define SOFT(fn) TEST_CASE_NAMED_ST(#fn "_soft", tap_test_port_soft, tap_test_port_remove, fn)
#define SMALL(fn, setup) TEST_CASE_NAMED_ST(#fn "_" #setup, setup, without_small_mbufs, fn)

struct unit_test_suite tap_test_rx_suite = {
	.suite_name = "net_tap: received packets",
	.unit_test_cases = {
		AUTO(frames_of_every_length_pass_unchanged_both_ways),
		SOFT(frames_of_every_length_pass_unchanged_both_ways),
		AUTO(received_bursts_keep_their_order),
		SOFT(received_bursts_keep_their_order),
		SMALL(frames_of_9000_bytes_are_scattered, with_small_mbufs),
		SMALL(frames_of_9000_bytes_are_scattered, with_small_mbufs_soft),
		SMALL(mbufs_too_small_without_scattered_rx_are_refused, with_small_mbufs),
		AUTO(a_frame_that_is_too_long_is_an_error_and_the_next_one_comes),
		SOFT(a_frame_that_is_too_long_is_an_error_and_the_next_one_comes),
		SMALL(after_exhaustion_rx_goes_on_without_a_new_packet, with_few_mbufs),
		SMALL(after_exhaustion_rx_goes_on_without_a_new_packet, with_few_mbufs_soft),
		AUTO(received_checksums_are_judged_when_asked_for),
		SOFT(received_checksums_are_judged_when_asked_for),
		AUTO(received_checksums_are_not_judged_unasked),
		AUTO(packets_have_their_type),
		TEST_CASES_END(),
	},
};
