/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
/* Applications that sleep until they are told of packets, of the link or of the netdev's removal. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_interrupts.h>

#include "portkit.h"
#include "tap_ethdev.h"

#define MAX_FRAMES 64

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
told(unsigned int ms)
{
	struct rte_epoll_event event;

	return rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, (int)ms) > 0;
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

static unsigned int told_of[RTE_ETH_EVENT_MAX];

static int
count_event(uint16_t port, enum rte_eth_event_type type, void *arg, void *result)
{
	RTE_SET_USED(port);
	RTE_SET_USED(arg);
	RTE_SET_USED(result);
	__atomic_fetch_add(&told_of[type], 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* An application that asks for removal events alone is told of no link. */
static void
removal_alone(const void *arg)
{
	const struct rte_eth_conf conf = { .intr_conf.rmv = 1 };
	unsigned int ms;

	RTE_SET_USED(arg);
	if (kit_up(1, &conf, kit_pool)) {
		rte_eth_dev_callback_register(kit_id, RTE_ETH_EVENT_INTR_LSC, count_event, NULL);
		rte_eth_dev_callback_register(kit_id, RTE_ETH_EVENT_INTR_RMV, count_event, NULL);
		CHECK(kit_shell("ip link set " KIT_IFACE " down && ip link set " KIT_IFACE " up"),
		      "cannot change the link");
		rte_delay_us_sleep(100000);
		CHECK(told_of[RTE_ETH_EVENT_INTR_RMV] == 0, "told before it is removed");
		CHECK(kit_shell("ip link del " KIT_IFACE), "cannot remove the netdev");
		for (ms = 0; ms < KIT_WAIT_MS; ms++) {
			if (__atomic_load_n(&told_of[RTE_ETH_EVENT_INTR_RMV], __ATOMIC_SEQ_CST))
				break;
			rte_delay_us_sleep(1000);
		}
		CHECK(told_of[RTE_ETH_EVENT_INTR_RMV] == 1, "told %u times of the removal",
		      told_of[RTE_ETH_EVENT_INTR_RMV]);
		CHECK(told_of[RTE_ETH_EVENT_INTR_LSC] == 0, "told of the link");
	}
	kit_gone();
}

int
main(void)
{
	static const bool yes = true, no = false;

	if (geteuid() != 0)
		return test_skip_all("it takes root to make netdevs", "TAP_TEST_REQUIRE_BPF");
	if (!kit_init())
		return EXIT_FAILURE;
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
	test_run("events", "removal alone is told", removal_alone, NULL);
	return test_summary();
}
