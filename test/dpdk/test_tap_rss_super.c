/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>

#include <linux/virtio_net.h>
#include <netinet/in.h>

#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "test.h"
#include "test_tap_rss_kit.h"

/* Super-frames of the kernel, cut by the port: in any burst, without mbufs, over stops. */

extern struct unit_test_suite tap_test_super_suite;

#define POOL_SIZE 128
#define ROOM 256
#define HEADERS (RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_tcp_hdr))
#define FLOWS 16
#define QUIET_POLLS 3000

static struct rte_mempool *few;

/* Where each flow is: the next byte to send, and to come. */
static uint32_t sent[FLOWS];
static uint32_t due[FLOWS];

/* Byte of a flow's stream, never the same for long. */
static uint8_t
stream_byte(uint32_t flow, uint32_t at)
{
	return (uint8_t)(at * 7 + (at >> 8) * 13 + flow);
}

static int
with_few(int (*setup)(void))
{
	few = rte_pktmbuf_pool_create("tap_test_few", POOL_SIZE, 0, 0, RTE_PKTMBUF_HEADROOM + ROOM,
				      SOCKET_ID_ANY);
	memset(sent, 0, sizeof(sent));
	memset(due, 0, sizeof(due));
	return few == NULL ? TEST_FAILED : setup();
}

static int
with_few_auto(void)
{
	return with_few(tap_test_port_auto);
}

static int
with_few_soft(void)
{
	return with_few(tap_test_port_soft);
}

static void
without_few(void)
{
	tap_test_port_remove();
	rte_mempool_free(few);
	few = NULL;
}

/* Start, with every frame in as many mbufs as it takes. */
static int
up(uint16_t n)
{
	struct rte_eth_conf conf = tap_test_conf(TAP_TEST_IP_TYPES);

	conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	return tap_test_up(n, n, &conf);
}

/* The next segments of a flow as one super-frame. */
static int
send_super(uint32_t flow, uint32_t segments, uint16_t mss)
{
	static uint8_t buf[sizeof(struct virtio_net_hdr) + 65535];
	struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = HEADERS,
		.gso_size = mss,
		.csum_start = RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr),
		.csum_offset = offsetof(struct rte_tcp_hdr, cksum),
	};
	uint8_t *frame = buf + sizeof(vnet);
	struct tap_test_flow f;
	struct rte_ipv4_hdr ip;
	struct rte_tcp_hdr tcp;
	socklen_t err_len = sizeof(int);
	int err;
	uint32_t payload = segments * mss;
	size_t len = sizeof(vnet) + HEADERS + payload;
	uint32_t i;

	tap_test_flow_make(&f, 4, IPPROTO_TCP, flow);
	f.sport = (uint16_t)flow;
	tap_test_frame(&f, 0, frame);
	memcpy(&ip, frame + RTE_ETHER_HDR_LEN, sizeof(ip));
	memcpy(&tcp, frame + RTE_ETHER_HDR_LEN + sizeof(ip), sizeof(tcp));
	ip.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(ip) + sizeof(tcp) + payload));
	ip.hdr_checksum = 0;
	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	tcp.sent_seq = rte_cpu_to_be_32(sent[flow]);
	tcp.cksum = rte_ipv4_phdr_cksum(&ip, 0);
	memcpy(frame + RTE_ETHER_HDR_LEN, &ip, sizeof(ip));
	memcpy(frame + RTE_ETHER_HDR_LEN + sizeof(ip), &tcp, sizeof(tcp));
	memcpy(buf, &vnet, sizeof(vnet));
	for (i = 0; i < payload; i++)
		frame[HEADERS + i] = stream_byte(flow, sent[flow] + i);
	sent[flow] += payload;
	/* The one packet socket of the kit that speaks of vnet headers. That the netdev was down is history. */
	TEST_ASSERT_SUCCESS(getsockopt(tap_test.from_port, SOL_SOCKET, SO_ERROR, &err, &err_len),
			    "no SO_ERROR");
	TEST_ASSERT_EQUAL(send(tap_test.from_port, buf, len, 0), (ssize_t)len, "not sent: %s",
			  strerror(errno));
	return TEST_SUCCESS;
}

/* A segment is what its place in the stream asks for, in its turn, and its checksums are right. */
static int
check_segment(const struct rte_mbuf *m, bool gaps)
{
	static uint8_t copy[2048];
	const uint8_t *frame = rte_pktmbuf_read(m, 0, m->pkt_len, copy);
	struct rte_ipv4_hdr ip;
	struct rte_tcp_hdr tcp;
	uint32_t flow;
	uint32_t seq;
	uint32_t i;

	TEST_ASSERT_NOT_NULL(frame, "%u bytes in %u segments", m->pkt_len, m->nb_segs);
	memcpy(&ip, frame + RTE_ETHER_HDR_LEN, sizeof(ip));
	memcpy(&tcp, frame + RTE_ETHER_HDR_LEN + sizeof(ip), sizeof(tcp));
	flow = rte_be_to_cpu_16(tcp.src_port);
	seq = rte_be_to_cpu_32(tcp.sent_seq);
	TEST_ASSERT(flow < FLOWS, "flow %u", flow);
	TEST_ASSERT(gaps ? seq >= due[flow] : seq == due[flow], "flow %u: byte %u instead of %u",
		    flow, seq, due[flow]);
	for (i = HEADERS; i < m->pkt_len; i++)
		TEST_ASSERT_EQUAL(frame[i], stream_byte(flow, seq + i - HEADERS),
				  "flow %u, byte %u is another", flow, seq + i - (uint32_t)HEADERS);
	due[flow] = seq + m->pkt_len - (uint32_t)HEADERS;
	TEST_ASSERT_EQUAL(rte_ipv4_hdr_len(&ip), sizeof(ip), "IP header");
	TEST_ASSERT_EQUAL(rte_raw_cksum(&ip, sizeof(ip)), 0xffff, "IP checksum");
	TEST_ASSERT_EQUAL(tap_test_l4_sum(frame + RTE_ETHER_HDR_LEN, 4, IPPROTO_TCP,
					  frame + RTE_ETHER_HDR_LEN + sizeof(ip),
					  m->pkt_len - RTE_ETHER_HDR_LEN - (uint32_t)sizeof(ip)),
			  0xffff, "TCP checksum");
	return TEST_SUCCESS;
}

/*
 * Poll a queue until it has been quiet for long or gave @p most packets; check each.
 * @param hold  they are kept here, unless it is NULL
 * @return packets, or -1
 */
static int
take(uint16_t queue, uint16_t burst, uint32_t most, bool gaps, struct rte_mbuf **hold)
{
	struct rte_mbuf *pkts[64 + 1];
	uint32_t got = 0;
	uint32_t idle;
	uint16_t n;
	uint16_t i;

	for (idle = 0; idle < QUIET_POLLS && got < most; idle++) {
		n = rte_eth_rx_burst(tap_test.id, queue, pkts,
				     (uint16_t)RTE_MIN(burst, most - got));
		TEST_ASSERT(n <= burst, "%u packets in a burst of %u", n, burst);
		for (i = 0; i < n; i++) {
			if (check_segment(pkts[i], gaps) != TEST_SUCCESS)
				return -1;
			if (hold != NULL)
				hold[got] = pkts[i];
			else
				rte_pktmbuf_free(pkts[i]);
			got++;
			idle = 0;
		}
	}
	return (int)got;
}

/* Losses that counters tell of. */
static uint64_t
losses(void)
{
	struct rte_eth_stats stats;

	if (rte_eth_stats_get(tap_test.id, &stats) != 0)
		return UINT64_MAX;
	return stats.imissed + stats.ierrors;
}

/* The port gone, its pool has all its mbufs again. */
static int
nothing_leaks(struct rte_mempool *pool)
{
	unsigned int in_use;

	tap_test_port_remove();
	in_use = rte_mempool_in_use_count(pool);
	TEST_ASSERT_EQUAL(in_use, 0, "%u mbufs are lost", in_use);
	return TEST_SUCCESS;
}

static int
bursts_of_any_size_give_a_super_frame_in_order(void)
{
	static const uint16_t bursts[] = { 1, 2, 3, 31, 32, 33, 64 };
	unsigned int i;

	TEST_ASSERT_SUCCESS(up(1), "cannot start");
	for (i = 0; i < RTE_DIM(bursts); i++) {
		TEST_ASSERT_SUCCESS(send_super(0, 65, 1000), "send");
		TEST_ASSERT_SUCCESS(send_super(0, 2, 1448), "send");
		TEST_ASSERT_SUCCESS(send_super(0, 100, 10), "send");
		TEST_ASSERT_EQUAL(take(0, bursts[i], UINT32_MAX, false, NULL), 167, "bursts of %u",
				  bursts[i]);
	}
	TEST_ASSERT_EQUAL(losses(), 0, "%" PRIu64 " lost", losses());
	return nothing_leaks(tap_test.pool);
}

/* What follows is not mixed with it, or could not be joined again. */
static int
the_rest_of_a_super_frame_comes_alone(void)
{
	static const uint16_t sizes[] = { 32, 13, 32, 1, 2 };
	struct rte_mbuf *pkts[32];
	unsigned int i;
	uint32_t polls;
	uint16_t n;

	TEST_ASSERT_SUCCESS(up(1), "cannot start");
	TEST_ASSERT_SUCCESS(send_super(0, 45, 1000), "send");
	TEST_ASSERT_SUCCESS(send_super(0, 33, 1448), "send");
	TEST_ASSERT_SUCCESS(send_super(0, 2, 10), "send");
	for (i = 0; i < RTE_DIM(sizes); i++) {
		n = 0;
		for (polls = 0; polls < QUIET_POLLS && n == 0; polls++)
			n = rte_eth_rx_burst(tap_test.id, 0, pkts, RTE_DIM(pkts));
		rte_pktmbuf_free_bulk(pkts, n);
		TEST_ASSERT_EQUAL(n, sizes[i], "burst %u: %u packets", i, n);
	}
	return nothing_leaks(tap_test.pool);
}

/* The application keeps what it gets until nothing comes any more; so again and again. */
static int
starve(uint16_t mss, uint32_t segments)
{
	struct rte_mbuf *held[POOL_SIZE];
	struct rte_eth_stats stats;
	uint32_t got = 0;

	TEST_ASSERT_SUCCESS(rte_eth_stats_reset(tap_test.id), "no reset");
	TEST_ASSERT_SUCCESS(send_super(0, segments / 2, mss), "send");
	TEST_ASSERT_SUCCESS(send_super(0, segments - segments / 2, mss), "send");
	while (got < segments) {
		int n = take(0, 31, UINT32_MAX, false, held);

		TEST_ASSERT(n > 0, "%u of %u segments of %u bytes, then nothing: %d", got, segments,
			    mss, n);
		rte_pktmbuf_free_bulk(held, (unsigned int)n);
		got += (uint32_t)n;
	}
	TEST_ASSERT_SUCCESS(rte_eth_stats_get(tap_test.id, &stats), "no statistics");
	TEST_ASSERT(stats.rx_nombuf > 0, "mbufs did not run out");
	TEST_ASSERT_EQUAL(losses(), 0, "%" PRIu64 " lost", losses());
	return TEST_SUCCESS;
}

static int
without_mbufs_a_super_frame_waits(void)
{
	tap_test.pool = few;
	TEST_ASSERT_SUCCESS(up(1), "cannot start");
	TEST_ASSERT_SUCCESS(starve(ROOM - HEADERS, 600), "one mbuf each");
	TEST_ASSERT_SUCCESS(starve(1, 500), "one byte each");
	TEST_ASSERT_SUCCESS(starve(700, 160), "three mbufs each");
	TEST_ASSERT_SUCCESS(starve(1446, 80), "six mbufs each");
	TEST_ASSERT_SUCCESS(starve(1, 300), "one byte each again");
	return nothing_leaks(few);
}

/* LRO would take more mbufs than there are: then the segments come. */
static int
a_pool_too_small_for_lro_gets_segments(void)
{
	struct rte_eth_conf conf = tap_test_conf(TAP_TEST_IP_TYPES);
	struct rte_mempool *tiny = rte_pktmbuf_pool_create(
		"tap_test_tiny", 48, 0, 0, RTE_PKTMBUF_HEADROOM + ROOM, SOCKET_ID_ANY);
	int ret;

	TEST_ASSERT_NOT_NULL(tiny, "no pool");
	tap_test.pool = tiny;
	conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_LRO;
	conf.rxmode.max_lro_pkt_size = 65535;
	TEST_ASSERT_SUCCESS(tap_test_up(1, 1, &conf), "cannot start");
	TEST_ASSERT_SUCCESS(send_super(0, 70, 200), "send");
	TEST_ASSERT_EQUAL(take(0, 32, UINT32_MAX, false, NULL), 70, "segments");
	TEST_ASSERT_EQUAL(losses(), 0, "%" PRIu64 " lost", losses());
	ret = nothing_leaks(tiny);
	rte_mempool_free(tiny);
	return ret;
}

/* A queue or port that stops in the middle of a super-frame loses its rest, and counts it. */
static int
stop_amid(int (*stop)(void), int (*start)(void))
{
	uint32_t rest = 60 - 7;

	TEST_ASSERT_SUCCESS(rte_eth_stats_reset(tap_test.id), "no reset");
	TEST_ASSERT_SUCCESS(send_super(0, 60, 500), "send");
	TEST_ASSERT_EQUAL(take(0, 7, 7, false, NULL), 7, "the first segments");
	TEST_ASSERT_SUCCESS(send_super(0, 60, 500), "send");
	TEST_ASSERT_SUCCESS(stop(), "stop");
	TEST_ASSERT_SUCCESS(start(), "start");
	TEST_ASSERT_EQUAL(losses(), rest + 1, "%" PRIu64 " lost, not %u and a frame", losses(),
			  rest);
	due[0] = sent[0];
	TEST_ASSERT_SUCCESS(send_super(0, 60, 500), "send");
	TEST_ASSERT_EQUAL(take(0, 32, UINT32_MAX, false, NULL), 60, "after the start");
	return TEST_SUCCESS;
}

static int
stop_queue(void)
{
	return rte_eth_dev_rx_queue_stop(tap_test.id, 0);
}

static int
start_queue(void)
{
	return rte_eth_dev_rx_queue_start(tap_test.id, 0);
}

static int
stop_port(void)
{
	return rte_eth_dev_stop(tap_test.id);
}

static int
start_port(void)
{
	return rte_eth_dev_start(tap_test.id);
}

static int
a_stop_in_the_middle_of_a_super_frame_is_counted(void)
{
	TEST_ASSERT_SUCCESS(up(1), "cannot start");
	TEST_ASSERT_SUCCESS(stop_amid(stop_queue, start_queue), "queue");
	TEST_ASSERT_SUCCESS(stop_amid(stop_port, start_port), "port");
	return nothing_leaks(tap_test.pool);
}

/* Two queues, of which the second is polled late, or stops: what is not delivered is counted. */
static int
count_segments(bool stops)
{
	const uint32_t segments = 200;
	uint32_t total = 0;
	uint32_t got = 0;
	uint16_t round;
	uint16_t flow;
	int n[3];

	tap_test.nb_desc = 64;
	TEST_ASSERT_SUCCESS(up(2), "cannot start");
	for (round = 0; round < 4; round++) {
		for (flow = 0; flow < FLOWS; flow++)
			TEST_ASSERT_SUCCESS(send_super(flow, segments, 100), "send");
		total += FLOWS * segments;
		n[0] = take(0, 31, segments / 2 * round, true, NULL);
		if (stops && round % 2 == 1)
			TEST_ASSERT_SUCCESS(rte_eth_dev_rx_queue_stop(tap_test.id, 1), "stop");
		n[1] = take(0, 31, UINT32_MAX, true, NULL);
		if (stops && round % 2 == 1)
			TEST_ASSERT_SUCCESS(rte_eth_dev_rx_queue_start(tap_test.id, 1), "start");
		n[2] = take(1, 3, UINT32_MAX, true, NULL);
		TEST_ASSERT(n[0] >= 0 && n[1] >= 0 && n[2] >= 0, "round %u", round);
		got += (uint32_t)(n[0] + n[1] + n[2]);
		n[0] = take(0, 32, UINT32_MAX, true, NULL);
		TEST_ASSERT(n[0] >= 0, "round %u", round);
		got += (uint32_t)n[0];
	}
	TEST_ASSERT_EQUAL(got + losses(), total, "%u of %u segments, %" PRIu64 " counted as lost",
			  got, total, losses());
	TEST_ASSERT(got >= (stops ? total / 4 : total), "%u of %u segments", got, total);
	return nothing_leaks(tap_test.pool);
}

static int
every_segment_comes_in_order(void)
{
	return count_segments(false);
}

/* Here the other queue reads on for one that is stopped. */
static int
every_segment_comes_in_order_or_is_counted(void)
{
	return count_segments(true);
}

/* Frames that nobody wants are no reason to fall asleep with others behind them. */
static int
a_slow_poll_sees_the_packet_behind_unwanted_ones(void)
{
	struct tap_test_flow flow;
	struct rte_mbuf *m;
	uint8_t frame[256];
	uint32_t len;
	uint32_t i;

	TEST_ASSERT_SUCCESS(up(1), "cannot start");
	tap_test_flow_make(&flow, 4, IPPROTO_UDP, 0);
	len = tap_test_frame(&flow, 20, frame);
	frame[5] ^= 1;
	for (i = 0; i < 40; i++)
		TEST_ASSERT_SUCCESS(tap_test_send(frame, len), "send");
	frame[5] ^= 1;
	TEST_ASSERT_SUCCESS(tap_test_send(frame, len), "send");
	for (i = 0; i < 60; i++) {
		if (rte_eth_rx_burst(tap_test.id, 0, &m, 1) == 1) {
			rte_pktmbuf_free(m);
			return TEST_SUCCESS;
		}
		rte_delay_us_block(150);
	}
	printf("the packet behind 40 unwanted ones was not seen in %u polls\n", i);
	return TEST_FAILED;
}

#define AUTO(fn) TEST_CASE_NAMED_ST(#fn "_auto", with_few_auto, without_few, fn)
#define SOFT(fn) TEST_CASE_NAMED_ST(#fn "_soft", with_few_soft, without_few, fn)

struct unit_test_suite tap_test_super_suite = {
	.suite_name = "net_tap: super-frames",
	.unit_test_cases = {
		AUTO(the_rest_of_a_super_frame_comes_alone),
		AUTO(bursts_of_any_size_give_a_super_frame_in_order),
		SOFT(bursts_of_any_size_give_a_super_frame_in_order),
		AUTO(without_mbufs_a_super_frame_waits),
		SOFT(without_mbufs_a_super_frame_waits),
		AUTO(a_pool_too_small_for_lro_gets_segments),
		AUTO(a_stop_in_the_middle_of_a_super_frame_is_counted),
		SOFT(a_stop_in_the_middle_of_a_super_frame_is_counted),
		AUTO(every_segment_comes_in_order),
		SOFT(every_segment_comes_in_order_or_is_counted),
		AUTO(a_slow_poll_sees_the_packet_behind_unwanted_ones),
		TEST_CASES_END(),
	},
};
