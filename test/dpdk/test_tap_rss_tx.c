/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include "test.h"
#include "test_tap_rss_kit.h"

/* Sent packets, as the kernel gets them; and what is left of their mbufs. */

extern struct unit_test_suite tap_test_tx_suite;

#define CKSUM_TX_OFFLOADS                                                                          \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |                            \
	 RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS)

/* Start the port with these transmit offloads. */
static int
up(uint16_t n, uint64_t tx_offloads)
{
	struct rte_eth_conf conf = tap_test_conf(TAP_TEST_IP_TYPES);

	conf.txmode.offloads = tx_offloads;
	return tap_test_up(n, n, &conf);
}

static int
a_burst_of_packets_keeps_its_order(void)
{
	struct rte_mbuf *pkts[64];
	struct tap_test_flow flow;
	uint8_t frame[256];
	uint8_t got[TAP_TEST_FRAME_MAX];
	uint32_t len = 0;
	uint16_t i;

	TEST_ASSERT_SUCCESS(up(1, 0), "cannot start");
	tap_test_flow_make(&flow, 4, IPPROTO_UDP, 0);
	for (i = 0; i < RTE_DIM(pkts); i++) {
		flow.sport = i;
		len = tap_test_frame(&flow, 20, frame);
		pkts[i] = tap_test_mbuf(frame, len, 0);
		TEST_ASSERT_NOT_NULL(pkts[i], "packet %u", i);
	}
	TEST_ASSERT_EQUAL(rte_eth_tx_burst(tap_test.id, 0, pkts, RTE_DIM(pkts)), RTE_DIM(pkts),
			  "not the whole burst was taken");
	for (i = 0; i < RTE_DIM(pkts); i++) {
		flow.sport = i;
		len = tap_test_frame(&flow, 20, frame);
		TEST_ASSERT_EQUAL(tap_test_kernel_recv(got), len, "packet %u", i);
		TEST_ASSERT(memcmp(got, frame, len) == 0, "packet %u is another", i);
	}
	return TEST_SUCCESS;
}

static int
packets_of_many_segments_are_sent_as_one_frame(void)
{
	static const uint32_t seg_sizes[] = { 1, 13, 14, 20, 64, 333, 2000 };
	static uint8_t frame[TAP_TEST_FRAME_MAX];
	struct tap_test_flow flow;
	unsigned int i;

	TEST_ASSERT_SUCCESS(up(1, RTE_ETH_TX_OFFLOAD_MULTI_SEGS), "cannot start");
	for (i = 0; i < RTE_DIM(seg_sizes); i++) {
		uint32_t seg = seg_sizes[i];
		uint32_t len;

		tap_test_flow_make(&flow, 6, IPPROTO_TCP, i);
		len = tap_test_frame(&flow, seg == 1 ? 100 : 1400, frame);
		TEST_ASSERT_SUCCESS(
			tap_test_expect_sent(0, tap_test_mbuf(frame, len, seg), frame, len),
			"segments of %u", seg);
	}
	return TEST_SUCCESS;
}

/* A packet with offload flags for its checksums, which it has wrong. */
static struct rte_mbuf *
unsummed(const struct tap_test_flow *flow, const uint8_t *frame, uint32_t len, uint32_t seg)
{
	static uint8_t wrong[TAP_TEST_FRAME_MAX];
	uint32_t l3_len = flow->version == 4 ? 20 : 40;
	uint32_t l4 = RTE_ETHER_HDR_LEN + l3_len + (flow->proto == IPPROTO_TCP ? 16 : 6);
	struct rte_mbuf *m;

	memcpy(wrong, frame, len);
	memset(wrong + l4, 0xbd, 2);
	if (flow->version == 4)
		memset(wrong + RTE_ETHER_HDR_LEN + 10, 0xdb, 2);
	m = tap_test_mbuf(wrong, len, seg);
	if (m == NULL)
		return NULL;
	m->l2_len = RTE_ETHER_HDR_LEN;
	m->l3_len = l3_len;
	m->l4_len = flow->proto == IPPROTO_TCP ? 20 : 8;
	m->ol_flags |= flow->version == 4 ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM :
					    RTE_MBUF_F_TX_IPV6;
	m->ol_flags |=
		flow->proto == IPPROTO_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	return m;
}

static int
checksums_left_to_the_port_arrive_right(void)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };
	static uint8_t frame[TAP_TEST_FRAME_MAX];
	struct tap_test_flow flow;
	uint32_t i;

	TEST_ASSERT_SUCCESS(up(2, CKSUM_TX_OFFLOADS), "cannot start");
	for (i = 0; i < 96; i++) {
		static const uint32_t seg_sizes[] = { 0, 17, 50, 500 };
		uint32_t seg = seg_sizes[i / 4 % RTE_DIM(seg_sizes)];
		struct rte_mbuf *m;
		uint32_t len;

		tap_test_flow_make(&flow, i % 4 < 2 ? 4 : 6, protos[i % 2], i);
		len = tap_test_frame(&flow, (uint16_t)(i * 11 + i % 3), frame);
		m = unsummed(&flow, frame, len, seg);
		TEST_ASSERT_SUCCESS(tap_test_expect_sent(i % 2, m, frame, len),
				    "IPv%u, protocol %u, segments of %u", flow.version, flow.proto,
				    seg);
	}
	return TEST_SUCCESS;
}

static int
without_flags_a_wrong_checksum_stays_as_it_is(void)
{
	static uint8_t frame[TAP_TEST_FRAME_MAX];
	struct tap_test_flow flow;
	uint32_t len;

	TEST_ASSERT_SUCCESS(up(1, CKSUM_TX_OFFLOADS), "cannot start");
	tap_test_flow_make(&flow, 4, IPPROTO_TCP, 0);
	len = tap_test_frame(&flow, 100, frame);
	frame[RTE_ETHER_HDR_LEN + 20 + 16] ^= 0x55;
	return tap_test_expect_sent(0, tap_test_mbuf(frame, len, 0), frame, len);
}

/* Hold a second reference, send, and see whether a byte of the buffer changed. */
static int
send_shared(struct rte_mbuf *m, const uint8_t *frame, uint32_t len)
{
	static uint8_t before[RTE_MBUF_DEFAULT_BUF_SIZE];
	int changed;

	TEST_ASSERT_NOT_NULL(m, "no packet");
	memcpy(before, m->buf_addr, m->buf_len);
	rte_mbuf_refcnt_update(m, 1);
	TEST_ASSERT_SUCCESS(tap_test_expect_sent(0, m, frame, len), "%u bytes", len);
	changed = memcmp(before, m->buf_addr, m->buf_len);
	TEST_ASSERT_EQUAL(rte_mbuf_refcnt_read(m), 1, "reference count %u",
			  rte_mbuf_refcnt_read(m));
	rte_pktmbuf_free(m);
	TEST_ASSERT_EQUAL(changed, 0, "the buffer was written to");
	return TEST_SUCCESS;
}

static int
a_shared_packet_is_sent_and_not_written_to(void)
{
	static uint8_t frame[TAP_TEST_FRAME_MAX];
	struct tap_test_flow flow;
	uint32_t len;
	uint32_t i;

	TEST_ASSERT_SUCCESS(up(1, CKSUM_TX_OFFLOADS), "cannot start");
	for (i = 0; i < 4; i++) {
		tap_test_flow_make(&flow, i < 2 ? 4 : 6, i % 2 ? IPPROTO_TCP : IPPROTO_UDP, i);
		len = tap_test_frame(&flow, 200, frame);
		TEST_ASSERT_SUCCESS(send_shared(tap_test_mbuf(frame, len, 0), frame, len), "as is");
		TEST_ASSERT_SUCCESS(send_shared(unsummed(&flow, frame, len, 0), frame, len),
				    "with checksum offload");
	}
	return TEST_SUCCESS;
}

static int
an_indirect_packet_is_sent_and_its_owner_not_written_to(void)
{
	static uint8_t before[RTE_MBUF_DEFAULT_BUF_SIZE];
	static uint8_t frame[TAP_TEST_FRAME_MAX];
	struct tap_test_flow flow;
	struct rte_mbuf *owner;
	struct rte_mbuf *clone;
	uint32_t len;
	int changed;

	TEST_ASSERT_SUCCESS(up(1, CKSUM_TX_OFFLOADS), "cannot start");
	tap_test_flow_make(&flow, 4, IPPROTO_UDP, 0);
	len = tap_test_frame(&flow, 200, frame);
	owner = unsummed(&flow, frame, len, 0);
	TEST_ASSERT_NOT_NULL(owner, "no packet");
	clone = rte_pktmbuf_clone(owner, tap_test.pool);
	TEST_ASSERT_NOT_NULL(clone, "no clone");
	memcpy(before, owner->buf_addr, owner->buf_len);
	TEST_ASSERT_SUCCESS(tap_test_expect_sent(0, clone, frame, len), "clone");
	changed = memcmp(before, owner->buf_addr, owner->buf_len);
	rte_pktmbuf_free(owner);
	TEST_ASSERT_EQUAL(changed, 0, "the owner was written to");
	return TEST_SUCCESS;
}

/* Send one packet that cannot be sent; the mbuf must be free and the error counted once. */
static int
expect_refused(struct rte_mbuf *m)
{
	unsigned int free_mbufs = rte_mempool_avail_count(tap_test.pool);
	struct rte_eth_stats stats;

	TEST_ASSERT_NOT_NULL(m, "no packet");
	free_mbufs += m->nb_segs;
	TEST_ASSERT_SUCCESS(rte_eth_stats_reset(tap_test.id), "no reset");
	TEST_ASSERT_EQUAL(rte_eth_tx_burst(tap_test.id, 0, &m, 1), 1, "kept for later");
	TEST_ASSERT_SUCCESS(rte_eth_stats_get(tap_test.id, &stats), "no statistics");
	TEST_ASSERT_EQUAL(stats.oerrors, 1, "%" PRIu64 " errors", stats.oerrors);
	TEST_ASSERT_EQUAL(stats.opackets, 0, "%" PRIu64 " sent", stats.opackets);
	TEST_ASSERT_EQUAL(stats.obytes, 0, "%" PRIu64 " bytes sent", stats.obytes);
	TEST_ASSERT_EQUAL(rte_mempool_avail_count(tap_test.pool), free_mbufs, "not freed");
	return TEST_SUCCESS;
}

static int
packets_that_cannot_be_sent_are_freed_and_counted_once(void)
{
	static uint8_t frame[TAP_TEST_FRAME_MAX];
	struct tap_test_flow flow;
	struct rte_mbuf *m;
	uint32_t len;

	TEST_ASSERT_SUCCESS(up(1, CKSUM_TX_OFFLOADS), "cannot start");
	tap_test_flow_make(&flow, 4, IPPROTO_UDP, 0);
	len = tap_test_frame(&flow, 20, frame);
	m = unsummed(&flow, frame, len, 0);
	TEST_ASSERT_NOT_NULL(m, "no packet");
	m->l3_len = 200;
	TEST_ASSERT_SUCCESS(expect_refused(m), "header lengths beyond the packet");
	m = unsummed(&flow, frame, len, 0);
	TEST_ASSERT_NOT_NULL(m, "no packet");
	m->l2_len = 0;
	m->l3_len = 0;
	TEST_ASSERT_SUCCESS(expect_refused(m), "header lengths of 0");
	len = tap_test_frame(&flow, 1000, frame);
	m = unsummed(&flow, frame, len, 100);
	TEST_ASSERT_NOT_NULL(m, "no packet");
	m->l3_len = 500;
	TEST_ASSERT_SUCCESS(expect_refused(m), "a longer header than any");
	TEST_ASSERT_SUCCESS(expect_refused(tap_test_mbuf(frame, 13, 0)), "no Ethernet header");
	TEST_ASSERT_SUCCESS(rte_eth_dev_set_link_down(tap_test.id), "cannot set it down");
	TEST_ASSERT_SUCCESS(expect_refused(unsummed(&flow, frame, len, 0)), "link down");
	TEST_ASSERT_SUCCESS(expect_refused(unsummed(&flow, frame, len, 20)), "link down, segments");
	TEST_ASSERT_SUCCESS(rte_eth_dev_set_link_up(tap_test.id), "cannot set it up");
	return tap_test_expect_sent(0, unsummed(&flow, frame, len, 0), frame, len);
}

#define AUTO(fn) TEST_CASE_ST(tap_test_port_auto, tap_test_port_remove, fn)

struct unit_test_suite tap_test_tx_suite = {
	.suite_name = "net_tap: sent packets",
	.unit_test_cases = {
		AUTO(a_burst_of_packets_keeps_its_order),
		AUTO(packets_of_many_segments_are_sent_as_one_frame),
		AUTO(checksums_left_to_the_port_arrive_right),
		AUTO(without_flags_a_wrong_checksum_stays_as_it_is),
		AUTO(a_shared_packet_is_sent_and_not_written_to),
		AUTO(an_indirect_packet_is_sent_and_its_owner_not_written_to),
		AUTO(packets_that_cannot_be_sent_are_freed_and_counted_once),
		TEST_CASES_END(),
	},
};
