/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
/*
 * Ports of an application that asks for odd things, which testpmd's console, by which the system tests
 * go, does not let through: each has to be done, or refused with a number and words.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_interrupts.h>
#include <rte_malloc.h>

#include "portkit.h"
#include "tap_ethdev.h"

#define MAX_FRAMES 64

static void
missing_queue(const void *arg)
{
	const bool *rx = arg;

	if (kit_probe() && kit_configure(2, &kit_plain) && kit_set_up(1, kit_pool)) {
		if (*rx)
			rte_eth_tx_queue_setup(kit_id, 1, 256, SOCKET_ID_ANY, NULL);
		else
			rte_eth_rx_queue_setup(kit_id, 1, 256, SOCKET_ID_ANY, NULL, kit_pool);
		CHECK(rte_eth_dev_start(kit_id) == -EINVAL, "was started");
		CHECK_WORDS(*rx ? "Rx queue 1 is not set up" : "Tx queue 1 is not set up");
		kit_set_up(2, kit_pool);
		kit_good("start", rte_eth_dev_start(kit_id));
	}
	kit_gone();
}

static void
statistics_without_queues(const void *arg)
{
	struct rte_eth_stats stats = { .ipackets = 1 };
	struct rte_eth_xstat xstats[256];
	int n, i;

	RTE_SET_USED(arg);
	if (kit_probe() && kit_configure(2, &kit_plain)) {
		kit_good("statistics", rte_eth_stats_get(kit_id, &stats));
		CHECK(stats.ipackets == 0 && stats.opackets == 0 && stats.imissed == 0, "not zero");
		n = rte_eth_xstats_get(kit_id, xstats, RTE_DIM(xstats));
		CHECK(n > 20 && n < (int)RTE_DIM(xstats), "%d extended statistics", n);
		for (i = 0; i < n; i++)
			CHECK(xstats[i].value == 0, "number %d is not zero", i);
		kit_good("reset", rte_eth_stats_reset(kit_id));
	}
	kit_gone();
}

static void
deferred_queues(const void *arg)
{
	const struct rte_eth_rxconf rx = { .rx_deferred_start = 1 };
	const struct rte_eth_txconf tx = { .tx_deferred_start = 1 };
	struct rte_mbuf *pkts[4];
	uint16_t i;

	RTE_SET_USED(arg);
	if (kit_probe() && kit_configure(1, &kit_plain)) {
		kit_good("Rx",
			 rte_eth_rx_queue_setup(kit_id, 0, 256, SOCKET_ID_ANY, &rx, kit_pool));
		kit_good("Tx", rte_eth_tx_queue_setup(kit_id, 0, 256, SOCKET_ID_ANY, &tx));
		kit_good("start", rte_eth_dev_start(kit_id));
		for (i = 0; i < 2; i++) {
			const uint8_t *state =
				i == 0 ? rte_eth_devices[kit_id].data->rx_queue_state :
					 rte_eth_devices[kit_id].data->tx_queue_state;

			CHECK(state[0] == RTE_ETH_QUEUE_STATE_STOPPED, "queue %u runs", i);
		}
		kit_good("Tx start", rte_eth_dev_tx_queue_start(kit_id, 0));
		kit_good("Rx start", rte_eth_dev_rx_queue_start(kit_id, 0));
		kit_send(2);
		i = (uint16_t)kit_receive(0, pkts, 2);
		CHECK(i == 2, "%u packets", i);
		rte_pktmbuf_free_bulk(pkts, i);
	}
	kit_gone();
}

static void
flow_control(const void *arg)
{
	struct rte_eth_fc_conf conf = { .mode = RTE_ETH_FC_FULL };

	RTE_SET_USED(arg);
	if (kit_up(1, &kit_plain, kit_pool)) {
		CHECK(rte_eth_dev_flow_ctrl_set(kit_id, &conf) == -ENOTSUP, "was set");
		CHECK_WORDS("the port has RTE_ETH_FC_NONE only");
		kit_good("get", rte_eth_dev_flow_ctrl_get(kit_id, &conf));
		CHECK(conf.mode == RTE_ETH_FC_NONE, "mode %d", conf.mode);
		kit_good("set to none", rte_eth_dev_flow_ctrl_set(kit_id, &conf));
	}
	kit_gone();
}

/* The length of the key: 0 in a configuration means the one that all have. */
static void
key_lengths(const void *arg)
{
	uint8_t key[TAP_KEY_LEN], got[TAP_KEY_LEN] = { 0 };
	struct rte_eth_conf conf = { .rxmode.mq_mode = RTE_ETH_MQ_RX_RSS,
				     .rx_adv_conf.rss_conf = { .rss_key = key,
							       .rss_hf = RTE_ETH_RSS_IP } };
	struct rte_eth_rss_conf rss = { .rss_key = got, .rss_key_len = TAP_KEY_LEN - 1 };

	RTE_SET_USED(arg);
	memset(key, 0x5a, sizeof(key));
	if (kit_up(2, &conf, kit_pool)) {
		rte_eth_dev_rss_hash_conf_get(kit_id, &rss);
		CHECK(got[0] == 0, "a key where there is no room for it");
		rss.rss_key_len = TAP_KEY_LEN;
		kit_good("get", rte_eth_dev_rss_hash_conf_get(kit_id, &rss));
		CHECK(memcmp(key, got, sizeof(key)) == 0, "another key");
	}
	kit_gone();
}

static void
table_of_another_size(const void *arg)
{
	struct rte_eth_rss_reta_entry64 reta[TAP_RETA_SIZE / RTE_ETH_RETA_GROUP_SIZE];
	const struct rte_eth_conf conf = { .rxmode.mq_mode = RTE_ETH_MQ_RX_RSS };

	RTE_SET_USED(arg);
	memset(reta, 0xff, sizeof(reta));
	if (kit_up(4, &conf, kit_pool)) {
		CHECK(rte_eth_dev_rss_reta_query(kit_id, reta, TAP_RETA_SIZE / 2) == -EINVAL,
		      "was read");
		CHECK_WORDS("a redirection table of 256 entries; allowed: 512");
		reta[0].mask = RTE_BIT64(5);
		kit_good("query", rte_eth_dev_rss_reta_query(kit_id, reta, TAP_RETA_SIZE));
		CHECK(reta[0].reta[5] == 1 && reta[0].reta[6] == 0xffff && reta[1].reta[6] == 2,
		      "not the entries that were asked for");
	}
	kit_gone();
}

static void
addresses_beyond_the_limits(const void *arg)
{
	struct rte_ether_addr mac = { .addr_bytes = { 2, 0, 0, 0, 1, 0 } };
	struct rte_ether_addr list[TAP_MAX_MCAST + 1] = { 0 };
	unsigned int i;
	int ret = 0;

	RTE_SET_USED(arg);
	if (kit_up(1, &kit_plain, kit_pool)) {
		for (i = 1; ret == 0 && i <= TAP_MAX_MACS; i++) {
			mac.addr_bytes[5] = (uint8_t)i;
			ret = rte_eth_dev_mac_addr_add(kit_id, &mac, 0);
		}
		CHECK(ret == -ENOSPC && i == TAP_MAX_MACS + 1, "%u addresses, %d", i, ret);
		kit_good("remove", rte_eth_dev_mac_addr_remove(
					   kit_id, &rte_eth_devices[kit_id].data->mac_addrs[1]));
		CHECK(rte_eth_dev_mac_addr_add(kit_id, &mac, 1) == -ENOTSUP, "added to a pool");
		for (i = 0; i < RTE_DIM(list); i++)
			list[i].addr_bytes[0] = 1;
		CHECK(rte_eth_dev_set_mc_addr_list(kit_id, list, RTE_DIM(list)) == -ENOSPC,
		      "a longer list was taken");
		CHECK_WORDS("257 multicast addresses; at most 256 are supported");
		kit_good("longest list", rte_eth_dev_set_mc_addr_list(kit_id, list, TAP_MAX_MCAST));
	}
	kit_gone();
}

/* Before there are queues, and with one whose mbufs are too small for it. */
static void
mtu_of_a_port_being_set_up(const void *arg)
{
	struct rte_mempool *small = rte_pktmbuf_pool_create(
		"small", 63, 0, 0, RTE_PKTMBUF_HEADROOM + 1000, SOCKET_ID_ANY);
	uint16_t mtu;

	RTE_SET_USED(arg);
	if (kit_probe() && kit_configure(2, &kit_plain)) {
		CHECK(rte_eth_rx_queue_setup(kit_id, 1, 256, SOCKET_ID_ANY, NULL, small) == -EINVAL,
		      "a queue with mbufs that are too small");
		CHECK_WORDS("the pool \"small\" has 1000; use larger mbufs");
		kit_good("MTU", rte_eth_dev_set_mtu(kit_id, 900));
		kit_good("queue",
			 rte_eth_rx_queue_setup(kit_id, 1, 256, SOCKET_ID_ANY, NULL, small));
		CHECK(rte_eth_dev_set_mtu(kit_id, 1000) == -EINVAL, "a longer MTU was taken");
		CHECK(rte_eth_dev_get_mtu(kit_id, &mtu) == 0 && mtu == 900, "the MTU is %u", mtu);
	}
	kit_gone();
	rte_mempool_free(small);
}

/* Interrupts */

static void
no_interrupts(const void *arg)
{
	RTE_SET_USED(arg);
	if (kit_up(1, &kit_plain, kit_pool)) {
		CHECK(rte_eth_dev_rx_intr_enable(kit_id, 0) == -ENOTSUP, "enabled");
		CHECK(rte_eth_dev_rx_intr_disable(kit_id, 0) == -ENOTSUP, "disabled");
	}
	kit_gone();
}

static void
no_queues_to_wait_for(const void *arg)
{
	const struct rte_eth_conf conf = { .intr_conf.rxq = 1 };

	RTE_SET_USED(arg);
	if (kit_probe() && kit_good("configure", rte_eth_dev_configure(kit_id, 0, 1, &conf)) &&
	    kit_good("Tx", rte_eth_tx_queue_setup(kit_id, 0, 256, SOCKET_ID_ANY, NULL)))
		kit_good("start", rte_eth_dev_start(kit_id));
	kit_gone();
}

/* Is the thread, which waits for a queue, told within so many ms? */
static bool
told(int ms)
{
	struct rte_epoll_event event;

	return rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, ms) > 0;
}

static bool
wait_for(uint16_t queue)
{
	return kit_good("epoll", rte_eth_dev_rx_intr_ctl_q(kit_id, queue, RTE_EPOLL_PER_THREAD,
							   RTE_INTR_EVENT_ADD, NULL));
}

static void
sleeper_is_woken(const void *arg)
{
	const struct rte_eth_conf conf = { .intr_conf.rxq = 1 };
	struct rte_mbuf *pkts[4];
	unsigned int n;

	RTE_SET_USED(arg);
	if (kit_up(1, &conf, kit_pool) && wait_for(0)) {
		kit_good("enable", rte_eth_dev_rx_intr_enable(kit_id, 0));
		CHECK(!told(50), "told of nothing");
		kit_send(1);
		CHECK(told(KIT_WAIT_MS), "not told of a packet");
		kit_good("disable", rte_eth_dev_rx_intr_disable(kit_id, 0));
		n = kit_receive(0, pkts, 1);
		rte_pktmbuf_free_bulk(pkts, n);
		kit_send(1);
		/* It is there already, and no edge will come. */
		kit_good("enable", rte_eth_dev_rx_intr_enable(kit_id, 0));
		CHECK(told(KIT_WAIT_MS), "not told of what was there before");
	}
	kit_gone();
}

/* All packets are queue 1's; those that came by queue 0's fd are in the ring. */
static void
sleeper_is_woken_by_another_queue(const void *arg)
{
	const bool *before = arg;
	struct rte_eth_rss_reta_entry64 reta[TAP_RETA_SIZE / RTE_ETH_RETA_GROUP_SIZE];
	const struct rte_eth_conf conf = { .rxmode.mq_mode = RTE_ETH_MQ_RX_RSS,
					   .intr_conf.rxq = 1 };
	struct rte_mbuf *pkts[MAX_FRAMES];
	unsigned int i;

	for (i = 0; i < RTE_DIM(reta); i++) {
		unsigned int k;

		reta[i].mask = UINT64_MAX;
		for (k = 0; k < RTE_ETH_RETA_GROUP_SIZE; k++)
			reta[i].reta[k] = 1;
	}
	if (kit_up(2, &conf, kit_pool) && wait_for(1) &&
	    kit_good("table", rte_eth_dev_rss_reta_update(kit_id, reta, TAP_RETA_SIZE))) {
		kit_send(MAX_FRAMES);
		/* Away with what came by its own fd, so that this is not what wakes. */
		for (i = 0; i < 2; i++)
			rte_pktmbuf_free_bulk(pkts, rte_eth_rx_burst(kit_id, 1, pkts, MAX_FRAMES));
		if (!*before) {
			kit_good("enable", rte_eth_dev_rx_intr_enable(kit_id, 1));
			CHECK(!told(50), "told of nothing");
		}
		CHECK(rte_eth_rx_burst(kit_id, 0, pkts, MAX_FRAMES) == 0, "packets in queue 0");
		if (*before)
			kit_good("enable", rte_eth_dev_rx_intr_enable(kit_id, 1));
		CHECK(told(KIT_WAIT_MS), "not told of what queue 0 has handed over");
	}
	kit_gone();
}

static unsigned int stops;

/* In the thread of events. */
static int
stop_the_port(uint16_t port, enum rte_eth_event_type type, void *arg, void *result)
{
	RTE_SET_USED(type);
	RTE_SET_USED(arg);
	RTE_SET_USED(result);
	rte_eth_dev_stop(port);
	__atomic_fetch_add(&stops, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void
stopped_from_its_own_event(const void *arg)
{
	const struct rte_eth_conf conf = { .intr_conf.lsc = 1 };
	unsigned int i, ms;

	RTE_SET_USED(arg);
	stops = 0;
	if (kit_up(1, &conf, kit_pool)) {
		rte_eth_dev_callback_register(kit_id, RTE_ETH_EVENT_INTR_LSC, stop_the_port, NULL);
		for (i = 1; i <= 3; i++) {
			CHECK(kit_shell("ip link set " KIT_IFACE " down"),
			      "cannot set the link down");
			for (ms = 0;
			     ms < KIT_WAIT_MS && __atomic_load_n(&stops, __ATOMIC_SEQ_CST) < i;
			     ms++)
				rte_delay_us_sleep(1000);
			CHECK(stops == i, "%u events after %u changes", stops, i);
			kit_good("start", rte_eth_dev_start(kit_id));
		}
		rte_eth_dev_callback_unregister(kit_id, RTE_ETH_EVENT_INTR_LSC, stop_the_port,
						NULL);
	}
	kit_gone();
}

/* Mbufs whose data lie in memory of the application. */
static void
external_buffers(const void *arg)
{
	enum {
		N = 255,
		SIZE = 2048 + RTE_PKTMBUF_HEADROOM
	};
	void *memory = rte_malloc("ext", N * SIZE, RTE_CACHE_LINE_SIZE);
	const struct rte_pktmbuf_extmem ext = {
		.buf_ptr = memory,
		.buf_iova = rte_malloc_virt2iova(memory),
		.buf_len = N * SIZE,
		.elt_size = SIZE,
	};
	struct rte_mempool *from =
		rte_pktmbuf_pool_create_extbuf("ext", N, 0, 0, SIZE, SOCKET_ID_ANY, &ext, 1);
	struct rte_mbuf *pkts[4];
	unsigned int i, n;

	RTE_SET_USED(arg);
	CHECK(from != NULL, "no pool");
	if (from != NULL && kit_up(1, &kit_plain, from)) {
		kit_send(3);
		n = kit_receive(0, pkts, 3);
		CHECK(n == 3, "%u packets", n);
		for (i = 0; i < n; i++) {
			const uint8_t *frame = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

			CHECK(RTE_MBUF_HAS_EXTBUF(pkts[i]), "flags of packet %u", i);
			CHECK(frame[14] == 0x45 && frame[29] == i, "bytes of packet %u", i);
		}
		rte_pktmbuf_free_bulk(pkts, n);
	}
	kit_gone();
	CHECK(rte_mempool_avail_count(from) == N, "mbufs are lost");
	rte_mempool_free(from);
	rte_free(memory);
}

int
main(void)
{
	static const bool yes = true, no = false;

	if (geteuid() != 0)
		return test_skip_all("it takes root to make netdevs", "TAP_TEST_REQUIRE_BPF");
	if (!kit_init())
		return EXIT_FAILURE;
	test_run("queues", "an Rx queue that was not set up is named", missing_queue, &yes);
	test_run("queues", "a Tx queue that was not set up is named", missing_queue, &no);
	test_run("queues", "deferred ones run once they are started", deferred_queues, NULL);
	test_run("queues", "mbufs with external buffers", external_buffers, NULL);
	test_run("queues", "none: statistics are zero", statistics_without_queues, NULL);
	test_run("settings", "flow control is none", flow_control, NULL);
	test_run("settings", "a key without a length is one of 40 bytes", key_lengths, NULL);
	test_run("settings", "a table is read as a whole, and the entries asked for",
		 table_of_another_size, NULL);
	test_run("settings", "more addresses than there is room for", addresses_beyond_the_limits,
		 NULL);
	test_run("settings", "an MTU before all queues are there", mtu_of_a_port_being_set_up,
		 NULL);
	test_run("interrupts", "none asked for: refused", no_interrupts, NULL);
	test_run("interrupts", "no queues: nothing to wait for", no_queues_to_wait_for, NULL);
	test_run("interrupts", "a packet wakes, and one that was there before", sleeper_is_woken,
		 NULL);
	test_run("interrupts", "what another queue hands over wakes",
		 sleeper_is_woken_by_another_queue, &no);
	test_run("interrupts", "and what it has handed over before",
		 sleeper_is_woken_by_another_queue, &yes);
	test_run("events", "the port is stopped in its own event", stopped_from_its_own_event,
		 NULL);
	return test_summary();
}
