/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/ioctl.h>

#include <rte_cycles.h>

#include "test.h"
#include "test_tap_rss_kit.h"

/* Queues: how many, how long, running or not; and what is counted of them. */

extern struct unit_test_suite tap_test_queue_suite;

static int
nb_rx_desc_is_the_length_of_the_kernel_s_queue(void)
{
	struct rte_eth_conf conf = tap_test_conf(TAP_TEST_IP_TYPES);
	struct rte_eth_stats stats;
	struct tap_test_flow flow;
	struct rte_mbuf *m;
	struct ifreq ifr;
	uint8_t frame[256];
	uint16_t queue;
	uint32_t len;
	uint32_t n;

	tap_test.nb_desc = 64;
	TEST_ASSERT_SUCCESS(tap_test_up(1, 1, &conf), "cannot start");
	TEST_ASSERT_SUCCESS(tap_test_ioctl(SIOCGIFTXQLEN, &ifr), "no queue length");
	TEST_ASSERT_EQUAL(ifr.ifr_qlen, 64, "queue length %d", ifr.ifr_qlen);
	tap_test_flow_make(&flow, 4, IPPROTO_UDP, 0);
	len = tap_test_frame(&flow, 20, frame);
	/* The kernel tells a packet socket of an overflow; that is what is wanted here. */
	for (n = 0; n < 100; n++)
		(void)!write(tap_test.to_port, frame, len);
	for (n = 0; (m = tap_test_poll(&queue, 2000)) != NULL; n++)
		rte_pktmbuf_free(m);
	TEST_ASSERT_SUCCESS(rte_eth_stats_get(tap_test.id, &stats), "no statistics");
	TEST_ASSERT_EQUAL(n, 64, "%u packets of 100 from a queue of 64", n);
	TEST_ASSERT_EQUAL(stats.imissed, 36, "%" PRIu64 " missed, not 36", stats.imissed);
	TEST_ASSERT_SUCCESS(rte_eth_stats_reset(tap_test.id), "no reset");
	TEST_ASSERT_SUCCESS(rte_eth_stats_get(tap_test.id, &stats), "no statistics");
	TEST_ASSERT_EQUAL(stats.imissed, 0, "%" PRIu64 " missed after reset", stats.imissed);
	return TEST_SUCCESS;
}

static int
queue_numbers_and_descriptors_out_of_range_are_refused(void)
{
	struct rte_eth_conf conf = tap_test_conf(TAP_TEST_IP_TYPES);

	TEST_ASSERT_FAIL(rte_eth_dev_configure(tap_test.id, 257, 1, &conf), "257 Rx queues");
	TEST_ASSERT_FAIL(rte_eth_dev_configure(tap_test.id, 1, 257, &conf), "257 Tx queues");
	TEST_ASSERT_SUCCESS(tap_test_configure(1, 1, &conf), "cannot configure");
	TEST_ASSERT_FAIL(
		rte_eth_rx_queue_setup(tap_test.id, 0, 1, SOCKET_ID_ANY, NULL, tap_test.pool),
		"one descriptor");
	TEST_ASSERT_FAIL(
		rte_eth_rx_queue_setup(tap_test.id, 1, 64, SOCKET_ID_ANY, NULL, tap_test.pool),
		"queue 1 of 1");
	return TEST_SUCCESS;
}

static int
up_to_256_queues_are_served(void)
{
	TEST_ASSERT_SUCCESS(tap_test_up_rss(256, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_SUCCESS(tap_test_check_rss(TAP_TEST_IP_TYPES), "table");
	return tap_test_expect_all(64);
}

/* A packet after a pause, when a queue without packets has long fallen asleep. */
static int
expect_lone_packets(uint16_t n, const struct rte_eth_conf *conf)
{
	struct tap_test_flow flow;
	uint8_t frame[256];
	struct rte_mbuf *m;
	uint16_t queue;
	uint32_t i;

	TEST_ASSERT_SUCCESS(tap_test_up(n, n, conf), "cannot start");
	for (i = 0; i < 100; i++) {
		TEST_ASSERT_SUCCESS(tap_test_silent(), "before packet %u", i);
		rte_delay_us_block(i * 5);
		tap_test_flow_make(&flow, 4, IPPROTO_UDP, i);
		TEST_ASSERT_SUCCESS(tap_test_send(frame, tap_test_frame(&flow, 20, frame)), "send");
		m = tap_test_poll(&queue, 4);
		TEST_ASSERT_NOT_NULL(m, "%u queues: packet %u was not seen at once", n, i);
		rte_pktmbuf_free(m);
	}
	return rte_eth_dev_stop(tap_test.id);
}

static int
a_packet_after_a_pause_is_seen_at_once(void)
{
	struct rte_eth_conf rss = tap_test_conf(TAP_TEST_IP_TYPES);
	struct rte_eth_conf none;

	memset(&none, 0, sizeof(none));
	TEST_ASSERT_SUCCESS(expect_lone_packets(1, &rss), "one queue");
	TEST_ASSERT_SUCCESS(expect_lone_packets(4, &rss), "four queues");
	return expect_lone_packets(4, &none);
}

/* Start with Rx interrupts, every queue's in this thread's epoll instance and on. */
static int
up_asleep(uint16_t n)
{
	struct rte_eth_conf conf = tap_test_conf(TAP_TEST_IP_TYPES);
	uint16_t i;

	conf.intr_conf.rxq = 1;
	TEST_ASSERT_SUCCESS(tap_test_up(n, n, &conf), "cannot start");
	for (i = 0; i < n; i++) {
		TEST_ASSERT_SUCCESS(rte_eth_dev_rx_intr_ctl_q(tap_test.id, i, RTE_EPOLL_PER_THREAD,
							      RTE_INTR_EVENT_ADD,
							      (void *)(uintptr_t)i),
				    "queue %u not added", i);
		TEST_ASSERT_SUCCESS(rte_eth_dev_rx_intr_enable(tap_test.id, i), "queue %u", i);
	}
	return TEST_SUCCESS;
}

/* Sleep until a queue wakes; poll that one alone, once, for @p burst packets; sleep again. */
static int
serve_one_wake(uint16_t burst, int timeout_ms)
{
	struct rte_epoll_event event;
	struct rte_mbuf *m[32];
	uint16_t queue;
	uint16_t n;

	if (rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, timeout_ms) != 1)
		return -1;
	queue = (uint16_t)(uintptr_t)event.epdata.data;
	rte_eth_dev_rx_intr_disable(tap_test.id, queue);
	n = rte_eth_rx_burst(tap_test.id, queue, m, burst);
	rte_pktmbuf_free_bulk(m, n);
	rte_eth_dev_rx_intr_enable(tap_test.id, queue);
	return n;
}

static int
send_flow(uint32_t number)
{
	struct tap_test_flow flow;
	uint8_t frame[256];

	tap_test_flow_make(&flow, 4, IPPROTO_UDP, number);
	return tap_test_send(frame, tap_test_frame(&flow, 20, frame));
}

static int
a_lone_packet_wakes_a_sleeping_thread(void)
{
	uint32_t i;
	int n;

	TEST_ASSERT_SUCCESS(up_asleep(4), "cannot start");
	for (i = 0; i < 100; i++) {
		while (serve_one_wake(32, 5) >= 0)
			;
		TEST_ASSERT_SUCCESS(send_flow(i), "send");
		do
			n = serve_one_wake(32, 500);
		while (n == 0);
		TEST_ASSERT_EQUAL(n, 1, "packet %u did not wake its queue", i);
	}
	return TEST_SUCCESS;
}

static int
what_was_left_unread_wakes_again(void)
{
	uint32_t got = 0;
	uint32_t i;
	int n;

	TEST_ASSERT_SUCCESS(up_asleep(2), "cannot start");
	for (i = 0; i < 64; i++)
		TEST_ASSERT_SUCCESS(send_flow(i), "send");
	while (got < 64 && (n = serve_one_wake(1, 500)) >= 0)
		got += (uint32_t)n;
	TEST_ASSERT_EQUAL(got, 64, "%u packets of 64, the others stranded", got);
	return TEST_SUCCESS;
}

static int
a_stopped_queue_s_packets_wake_the_others(void)
{
	uint16_t none[TAP_TEST_RETA_SIZE];
	uint32_t got = 0;
	uint32_t i;
	int n;

	memset(none, 0, sizeof(none));
	TEST_ASSERT_SUCCESS(up_asleep(2), "cannot start");
	TEST_ASSERT_SUCCESS(tap_test_set_reta(none), "table");
	TEST_ASSERT_SUCCESS(rte_eth_dev_rx_queue_stop(tap_test.id, 1), "cannot stop");
	while (serve_one_wake(32, 20) >= 0)
		;
	for (i = 0; i < 64; i++)
		TEST_ASSERT_SUCCESS(send_flow(i), "send");
	while (got < 64 && (n = serve_one_wake(32, 500)) >= 0)
		got += (uint32_t)n;
	TEST_ASSERT_EQUAL(got, 64, "%u packets of 64, the others stranded", got);
	return TEST_SUCCESS;
}

static int
without_interrupts_configured_they_are_refused(void)
{
	TEST_ASSERT_SUCCESS(tap_test_up_rss(2, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_EQUAL(rte_eth_dev_rx_intr_enable(tap_test.id, 0), -ENOTSUP, "accepted");
	return TEST_SUCCESS;
}

/* Send packets of growing length both ways. */
static int
exchange(uint32_t n, uint32_t *bytes)
{
	struct tap_test_flow flow;
	uint8_t frame[256];
	struct rte_mbuf *m;
	uint16_t queue;
	uint32_t i;

	for (i = 0, *bytes = 0; i < n; i++) {
		uint32_t len;

		tap_test_flow_make(&flow, 4, IPPROTO_UDP, i);
		len = tap_test_frame(&flow, (uint16_t)i, frame);
		*bytes += len;
		m = tap_test_pass(frame, len, &queue);
		TEST_ASSERT_NOT_NULL(m, "packet %u", i);
		rte_pktmbuf_free(m);
		TEST_ASSERT_SUCCESS(tap_test_expect_sent((uint16_t)(i % 4),
							 tap_test_mbuf(frame, len, 0), frame, len),
				    "packet %u", i);
	}
	return TEST_SUCCESS;
}

static int
expect_stats(uint64_t packets, uint64_t bytes)
{
	struct rte_eth_stats stats;

	TEST_ASSERT_SUCCESS(rte_eth_stats_get(tap_test.id, &stats), "no statistics");
	TEST_ASSERT_EQUAL(stats.ipackets - tap_test.foreign, packets, "%" PRIu64 " received",
			  stats.ipackets);
	TEST_ASSERT_EQUAL(stats.opackets, packets, "%" PRIu64 " sent", stats.opackets);
	TEST_ASSERT_EQUAL(stats.obytes, bytes, "%" PRIu64 " bytes sent", stats.obytes);
	TEST_ASSERT(tap_test.foreign != 0 || stats.ibytes == bytes, "%" PRIu64 " bytes received",
		    stats.ibytes);
	TEST_ASSERT_EQUAL((stats.ierrors | stats.oerrors | stats.rx_nombuf | stats.imissed), 0,
			  "errors counted");
	return TEST_SUCCESS;
}

static int
statistics_count_each_packet_once_and_can_be_reset(void)
{
	uint32_t bytes;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_SUCCESS(expect_stats(0, 0), "at start");
	TEST_ASSERT_SUCCESS(exchange(40, &bytes), "traffic");
	TEST_ASSERT_SUCCESS(expect_stats(40, bytes), "after 40 packets");
	TEST_ASSERT_SUCCESS(rte_eth_stats_reset(tap_test.id), "no reset");
	tap_test.foreign = 0;
	TEST_ASSERT_SUCCESS(expect_stats(0, 0), "after reset");
	TEST_ASSERT_SUCCESS(exchange(8, &bytes), "traffic");
	return expect_stats(8, bytes);
}

/* The sum of an extended statistic over the queues. */
static int
xstat_of_queues(const char *form, uint16_t n, uint64_t *sum)
{
	char name[RTE_ETH_XSTATS_NAME_SIZE];
	uint64_t value;
	uint64_t id;
	uint16_t q;

	for (q = 0, *sum = 0; q < n; q++) {
		snprintf(name, sizeof(name), "rx_q%u_%s", q, form);
		TEST_ASSERT_SUCCESS(rte_eth_xstats_get_id_by_name(tap_test.id, name, &id),
				    "no \"%s\"", name);
		TEST_ASSERT_EQUAL(rte_eth_xstats_get_by_id(tap_test.id, &id, &value, 1), 1,
				  "no value of \"%s\"", name);
		*sum += value;
	}
	return TEST_SUCCESS;
}

static int
extended_statistics_have_names_of_their_own_and_count_per_queue(void)
{
	struct rte_eth_xstat_name names[256];
	uint64_t hashed;
	uint64_t packets;
	uint32_t bytes;
	int n;
	int i;
	int k;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	n = rte_eth_xstats_get_names(tap_test.id, names, RTE_DIM(names));
	TEST_ASSERT(n > 0 && n <= (int)RTE_DIM(names), "%d names", n);
	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			TEST_ASSERT(strcmp(names[i].name, names[k].name) != 0, "twice: \"%s\"",
				    names[i].name);
	TEST_ASSERT_SUCCESS(exchange(32, &bytes), "traffic");
	TEST_ASSERT_SUCCESS(xstat_of_queues("packets", 4, &packets), "packets");
	TEST_ASSERT_SUCCESS(xstat_of_queues("hashed", 4, &hashed), "hashed");
	TEST_ASSERT_EQUAL(packets - tap_test.foreign, 32, "%" PRIu64 " packets", packets);
	TEST_ASSERT_EQUAL(hashed, 32, "%" PRIu64 " hashed", hashed);
	TEST_ASSERT_SUCCESS(rte_eth_xstats_reset(tap_test.id), "no reset");
	TEST_ASSERT_SUCCESS(xstat_of_queues("hashed", 4, &hashed), "hashed");
	TEST_ASSERT_EQUAL(hashed, 0, "%" PRIu64 " hashed after reset", hashed);
	return TEST_SUCCESS;
}

static int
expect_queue_state(uint16_t queue, uint8_t state)
{
	struct rte_eth_rxq_info info;

	TEST_ASSERT_SUCCESS(rte_eth_rx_queue_info_get(tap_test.id, queue, &info), "no queue info");
	TEST_ASSERT_EQUAL(info.queue_state, state, "queue %u: state %u", queue, info.queue_state);
	TEST_ASSERT(info.mp == tap_test.pool, "queue %u: another pool", queue);
	TEST_ASSERT_EQUAL(info.nb_desc, TAP_TEST_NB_DESC, "queue %u: %u descriptors", queue,
			  info.nb_desc);
	return TEST_SUCCESS;
}

/* One packet to each queue by a flow found for it; those of stopped queues have to vanish. */
static int
expect_served(uint16_t n)
{
	uint16_t served = 0;
	uint16_t queue;
	uint32_t i;

	for (i = 0; i < 64 && served < n; i++) {
		struct tap_test_flow flow;
		uint8_t frame[256];
		uint16_t want;
		uint32_t len;
		struct rte_mbuf *m;

		tap_test_flow_make(&flow, 4, IPPROTO_TCP, i);
		want = tap_test_rss.reta[tap_test_hash(&flow, TAP_TEST_PORTS) % TAP_TEST_RETA_SIZE];
		if (want != served)
			continue;
		served++;
		len = tap_test_frame(&flow, 0, frame);
		TEST_ASSERT_SUCCESS(tap_test_send(frame, len), "flow %u", i);
		m = tap_test_poll(&queue, 2000);
		rte_pktmbuf_free(m);
		if ((tap_test.idle_rxq & RTE_BIT64(want)) != 0)
			TEST_ASSERT_NULL(m, "a packet of stopped queue %u on %u", want, queue);
		else
			TEST_ASSERT(m != NULL && queue == want, "no packet on queue %u", want);
	}
	TEST_ASSERT_EQUAL(served, n, "no flow for queue %u", served);
	return TEST_SUCCESS;
}

static int
a_stopped_queue_drops_and_the_others_go_on(void)
{
	struct rte_eth_stats stats;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_SUCCESS(expect_served(4), "before");
	TEST_ASSERT_SUCCESS(rte_eth_dev_rx_queue_stop(tap_test.id, 1), "cannot stop queue 1");
	tap_test.idle_rxq = RTE_BIT64(1);
	TEST_ASSERT_SUCCESS(expect_queue_state(1, RTE_ETH_QUEUE_STATE_STOPPED), "stopped");
	TEST_ASSERT_SUCCESS(expect_queue_state(2, RTE_ETH_QUEUE_STATE_STARTED), "the next");
	TEST_ASSERT_SUCCESS(expect_served(4), "stopped");
	TEST_ASSERT_SUCCESS(rte_eth_dev_rx_queue_start(tap_test.id, 1), "cannot start queue 1");
	tap_test.idle_rxq = 0;
	TEST_ASSERT_SUCCESS(expect_queue_state(1, RTE_ETH_QUEUE_STATE_STARTED), "started");
	TEST_ASSERT_SUCCESS(tap_test_silent(), "a packet from the time of the stop");
	TEST_ASSERT_SUCCESS(expect_served(4), "after");
	TEST_ASSERT_SUCCESS(rte_eth_stats_get(tap_test.id, &stats), "no statistics");
	TEST_ASSERT_EQUAL(stats.imissed, 1, "%" PRIu64 " missed", stats.imissed);
	return TEST_SUCCESS;
}

static int
a_deferred_queue_starts_when_it_is_told(void)
{
	struct rte_eth_conf conf = tap_test_conf(TAP_TEST_IP_TYPES);
	struct rte_eth_rxconf rxconf;

	TEST_ASSERT_SUCCESS(tap_test_configure(2, 2, &conf), "cannot configure");
	memset(&rxconf, 0, sizeof(rxconf));
	rxconf.rx_deferred_start = 1;
	TEST_ASSERT_SUCCESS(rte_eth_rx_queue_setup(tap_test.id, 1, TAP_TEST_NB_DESC, SOCKET_ID_ANY,
						   &rxconf, tap_test.pool),
			    "queue 1");
	TEST_ASSERT_SUCCESS(rte_eth_dev_start(tap_test.id), "cannot start");
	TEST_ASSERT_SUCCESS(expect_queue_state(1, RTE_ETH_QUEUE_STATE_STOPPED), "deferred");
	tap_test.idle_rxq = RTE_BIT64(1);
	TEST_ASSERT_SUCCESS(expect_served(2), "deferred");
	TEST_ASSERT_SUCCESS(rte_eth_dev_rx_queue_start(tap_test.id, 1), "cannot start queue 1");
	tap_test.idle_rxq = 0;
	return expect_served(2);
}

static int
tx_queues_stop_and_start(void)
{
	struct tap_test_flow flow;
	struct rte_eth_txq_info info;
	uint8_t frame[256];
	uint32_t len;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(2, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_SUCCESS(rte_eth_dev_tx_queue_stop(tap_test.id, 1), "cannot stop queue 1");
	TEST_ASSERT_SUCCESS(rte_eth_tx_queue_info_get(tap_test.id, 1, &info), "no queue info");
	TEST_ASSERT_EQUAL(info.queue_state, RTE_ETH_QUEUE_STATE_STOPPED, "still started");
	TEST_ASSERT_SUCCESS(rte_eth_dev_tx_queue_start(tap_test.id, 1), "cannot start queue 1");
	TEST_ASSERT_SUCCESS(rte_eth_tx_queue_info_get(tap_test.id, 1, &info), "no queue info");
	TEST_ASSERT_EQUAL(info.queue_state, RTE_ETH_QUEUE_STATE_STARTED, "still stopped");
	TEST_ASSERT_EQUAL(info.nb_desc, TAP_TEST_NB_DESC, "%u descriptors", info.nb_desc);
	tap_test_flow_make(&flow, 4, IPPROTO_UDP, 0);
	len = tap_test_frame(&flow, 20, frame);
	return tap_test_expect_sent(1, tap_test_mbuf(frame, len, 0), frame, len);
}

#define AUTO(fn) TEST_CASE_ST(tap_test_port_auto, tap_test_port_remove, fn)
#define BASIC(fn) TEST_CASE_NAMED_ST(#fn "_basic", tap_test_port_basic, tap_test_port_remove, fn)
#define SOFT(fn) TEST_CASE_NAMED_ST(#fn "_soft", tap_test_port_soft, tap_test_port_remove, fn)

struct unit_test_suite tap_test_queue_suite = {
	.suite_name = "net_tap: queues and counters",
	.unit_test_cases = {
		AUTO(a_packet_after_a_pause_is_seen_at_once),
		BASIC(a_packet_after_a_pause_is_seen_at_once),
		SOFT(a_packet_after_a_pause_is_seen_at_once),
		AUTO(a_lone_packet_wakes_a_sleeping_thread),
		BASIC(a_lone_packet_wakes_a_sleeping_thread),
		SOFT(a_lone_packet_wakes_a_sleeping_thread),
		AUTO(what_was_left_unread_wakes_again),
		BASIC(what_was_left_unread_wakes_again),
		SOFT(what_was_left_unread_wakes_again),
		AUTO(a_stopped_queue_s_packets_wake_the_others),
		BASIC(a_stopped_queue_s_packets_wake_the_others),
		SOFT(a_stopped_queue_s_packets_wake_the_others),
		AUTO(without_interrupts_configured_they_are_refused),
		AUTO(nb_rx_desc_is_the_length_of_the_kernel_s_queue),
		AUTO(queue_numbers_and_descriptors_out_of_range_are_refused),
		AUTO(up_to_256_queues_are_served),
		AUTO(statistics_count_each_packet_once_and_can_be_reset),
		SOFT(statistics_count_each_packet_once_and_can_be_reset),
		AUTO(extended_statistics_have_names_of_their_own_and_count_per_queue),
		AUTO(a_stopped_queue_drops_and_the_others_go_on),
		BASIC(a_stopped_queue_drops_and_the_others_go_on),
		SOFT(a_stopped_queue_drops_and_the_others_go_on),
		AUTO(tx_queues_stop_and_start),
		AUTO(a_deferred_queue_starts_when_it_is_told),
		SOFT(a_deferred_queue_starts_when_it_is_told),
		TEST_CASES_END(),
	},
};
