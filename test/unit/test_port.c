/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
/*
 * Ports of an application that asks for odd things, which testpmd's console, by which the system tests
 * go, does not let through: each has to be done, or refused with a number and words.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_flow.h>
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
	const struct rte_eth_conf scatter = { .rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER };
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
	if (kit_probe() && kit_configure(1, &scatter)) {
		CHECK(rte_eth_dev_set_mtu(kit_id, 65000) == 0, "%s", kit_logged());
		CHECK(rte_eth_rx_queue_setup(kit_id, 0, 256, SOCKET_ID_ANY, NULL, small) == -EINVAL,
		      "a queue that takes too many mbufs for a frame");
		CHECK_WORDS("MTU 65000 needs 66 of 1000 bytes each, 64 are supported");
	}
	kit_gone();
	rte_mempool_free(small);
}

/* Hashes by the number of the frame; false if not all came with one. */
static bool
hashes(struct rte_mempool *from, uint32_t hash[MAX_FRAMES])
{
	const struct rte_eth_conf conf = {
		.rxmode = { .mq_mode = RTE_ETH_MQ_RX_RSS,
			    .offloads = RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_RSS_HASH |
					RTE_ETH_RX_OFFLOAD_CHECKSUM },
		.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP,
	};
	struct rte_mbuf *pkts[MAX_FRAMES];
	unsigned int i, n = 0;
	bool hashed = true;
	uint8_t number;

	if (kit_up(1, &conf, from)) {
		kit_send(MAX_FRAMES);
		n = kit_receive(0, pkts, MAX_FRAMES);
	}
	for (i = 0; i < n; i++) {
		number = *(const uint8_t *)rte_pktmbuf_read(pkts[i], 29, 1, &number);
		hashed = hashed && (pkts[i]->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0 &&
			 pkts[i]->packet_type ==
				 (RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_UDP);
		hash[number % MAX_FRAMES] = pkts[i]->hash.rss;
	}
	rte_pktmbuf_free_bulk(pkts, n);
	kit_gone();
	return hashed && n == MAX_FRAMES;
}

/* Of 24 bytes each, so that the first two have the headers of Ethernet and IP. */
static void
headers_in_pieces(const void *arg)
{
	struct rte_mempool *small = rte_pktmbuf_pool_create(
		"pieces", 2047, 0, 0, RTE_PKTMBUF_HEADROOM + 24, SOCKET_ID_ANY);
	uint32_t whole[MAX_FRAMES], pieces[MAX_FRAMES];

	RTE_SET_USED(arg);
	CHECK(small != NULL, "no pool");
	if (small == NULL)
		return;
	CHECK(hashes(kit_pool, whole), "not all frames with hash and type, whole");
	CHECK(hashes(small, pieces), "not all frames with hash and type, in pieces");
	CHECK(memcmp(whole, pieces, sizeof(whole)) == 0, "other hashes");
	CHECK(rte_mempool_avail_count(small) == 2047, "mbufs are lost");
	rte_mempool_free(small);
}

/* ethdev has places for the first 16. */
static void
statistics_of_many_queues(const void *arg)
{
	const uint16_t n = RTE_ETHDEV_QUEUE_STAT_CNTRS + 4;
	struct rte_mbuf *pkts[MAX_FRAMES];
	uint64_t by_queue = 0, first = 0;
	struct rte_eth_stats stats;
	uint16_t i, got;

	RTE_SET_USED(arg);
	if (kit_up(n, &kit_plain, kit_pool)) {
		kit_send(MAX_FRAMES);
		for (i = 0; i < n; i++) {
			got = rte_eth_rx_burst(kit_id, i, pkts, MAX_FRAMES);
			rte_pktmbuf_free_bulk(pkts, got);
			first += i < RTE_ETHDEV_QUEUE_STAT_CNTRS ? got : 0;
		}
		kit_good("statistics", rte_eth_stats_get(kit_id, &stats));
		for (i = 0; i < RTE_ETHDEV_QUEUE_STAT_CNTRS; i++)
			by_queue += stats.q_ipackets[i];
		CHECK(stats.ipackets == MAX_FRAMES, "%" PRIu64 " packets", stats.ipackets);
		CHECK(by_queue == first && first < MAX_FRAMES,
		      "%" PRIu64 " in the first queues instead of %" PRIu64, by_queue, first);
	}
	kit_gone();
}

static void
dump_tells_the_settings(const void *arg)
{
	const struct rte_eth_conf conf = {
		.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS,
		.rx_adv_conf.rss_conf.rss_hf =
			RTE_ETH_RSS_IP | RTE_ETH_RSS_L3_PRE64 | RTE_ETH_RSS_LEVEL_INNERMOST,
	};
	const bool *rss = arg;
	const char *words = *rss ? "RSS: asked for, algorithm toeplitz over innermost headers, "
				   "IPv6 prefix 64, key" :
				   "RSS: not asked for, algorithm toeplitz, IPv6 prefix 128, key";
	char text[8192] = "";
	FILE *file = fmemopen(text, sizeof(text), "w");

	if (kit_up(2, *rss ? &conf : &kit_plain, kit_pool))
		kit_good("dump", rte_eth_dev_priv_dump(kit_id, file));
	fclose(file);
	CHECK(strstr(text, words) != NULL, "\"%s\" is missing in: %s", words, text);
	kit_gone();
}

/* Flow rules */

static void
calls_without_rules(const void *arg)
{
	const struct rte_flow_indir_action_conf egress = { .egress = 1 },
						ingress = { .ingress = 1 };
	const struct rte_flow_indir_action_conf transfer = { .transfer = 1 };
	const struct rte_flow_action count = { .type = RTE_FLOW_ACTION_TYPE_COUNT };
	const struct rte_flow_action drop = { .type = RTE_FLOW_ACTION_TYPE_DROP };
	struct rte_flow_error error;

	RTE_SET_USED(arg);
	if (kit_up(1, &kit_plain, kit_pool)) {
		kit_good("flush", rte_flow_flush(kit_id, &error));
		kit_good("no isolation", rte_flow_isolate(kit_id, 0, &error));
		CHECK(rte_flow_action_handle_create(kit_id, &egress, &count, &error) == NULL &&
			      rte_errno == ENOTSUP && strstr(error.message, "ingress") != NULL,
		      "a counter for egress");
		CHECK(rte_flow_action_handle_create(kit_id, &transfer, &count, &error) == NULL &&
			      rte_errno == ENOTSUP && strstr(error.message, "ingress") != NULL,
		      "a counter for transfer");
		CHECK(rte_flow_action_handle_create(kit_id, &ingress, &drop, &error) == NULL &&
			      rte_errno == ENOTSUP && strstr(error.message, "count") != NULL,
		      "drop as an indirect action");
	}
	kit_gone();
}

/* A rule with a list of queues keeps them all. */
static void
rule_needs_its_queues(const void *arg)
{
	static const uint16_t queues[] = { 0, 2 };
	const struct rte_flow_attr attr = { .ingress = 1 };
	const struct rte_flow_item items[] = { { .type = RTE_FLOW_ITEM_TYPE_END } };
	const struct rte_flow_action_rss rss = { .queue_num = RTE_DIM(queues), .queue = queues };
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_RSS, .conf = &rss },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	struct rte_flow_error error;

	RTE_SET_USED(arg);
	if (kit_up(4, &kit_plain, kit_pool)) {
		CHECK(rte_flow_create(kit_id, &attr, items, actions, &error) != NULL, "no rule: %s",
		      error.message);
		rte_eth_dev_stop(kit_id);
		CHECK(rte_eth_dev_configure(kit_id, 2, 2, &kit_plain) == -EBUSY, "configured");
		CHECK_WORDS("2 Rx queues, but a flow rule leads to queue 2; destroy the rule, or "
			    "configure 3 queues");
		kit_configure(3, &kit_plain);
		kit_good("flush", rte_flow_flush(kit_id, &error));
		kit_configure(2, &kit_plain);
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
	CHECK(from == NULL || rte_mempool_avail_count(from) == N, "mbufs are lost");
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
	test_run("queues", "headers in pieces have the same hash", headers_in_pieces, NULL);
	test_run("queues", "more than ethdev counts one by one", statistics_of_many_queues, NULL);
	test_run("settings", "flow control is none", flow_control, NULL);
	test_run("settings", "a key without a length is one of 40 bytes", key_lengths, NULL);
	test_run("settings", "a table is read as a whole, and the entries asked for",
		 table_of_another_size, NULL);
	test_run("settings", "more addresses than there is room for", addresses_beyond_the_limits,
		 NULL);
	test_run("settings", "an MTU before all queues are there", mtu_of_a_port_being_set_up,
		 NULL);
	test_run("settings", "the dump tells them", dump_tells_the_settings, &yes);
	test_run("settings", "the dump tells that there is no RSS", dump_tells_the_settings, &no);
	test_run("flow rules", "none: flush, isolation, wrong counters", calls_without_rules, NULL);
	test_run("flow rules", "a list of queues keeps them", rule_needs_its_queues, NULL);
	return test_summary();
}
