/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_ethdev.h>
#include <rte_flow.h>

#include "change.h"
#include "frames.h"

#define PERIOD_NS 3000000
#define NSEC_PER_S 1000000000
#define LINK_DOWN_US 2000
#define KEY_LEN 40
#define MTU_LEAST 600

static uint16_t port;
static uint64_t seed = 3;
static uint64_t types;
static uint16_t reta_size;
static struct rte_flow *rules[SOAK_RULE_PORTS];
static pthread_mutex_t link_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool stop, busy;
static atomic_ullong count;
/* How often each queue was shut and opened (odd: it is shut), and what the poller knows of it. */
static atomic_uint turns[SOAK_DIRECTIONS][SOAK_QUEUES], known[SOAK_DIRECTIONS][SOAK_QUEUES];
static int stopped[SOAK_DIRECTIONS] = { -1, -1 }; /* queue */
static double lasted;                             /* seconds */

static int
change_table(void)
{
	struct rte_eth_rss_reta_entry64 reta[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];
	uint16_t i;

	for (i = 0; i < reta_size; i++) {
		reta[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
		reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
			(uint16_t)soak_below(&seed, SOAK_QUEUES);
	}
	return rte_eth_dev_rss_reta_update(port, reta, reta_size);
}

static int
change_hash(uint64_t rss_hf)
{
	struct rte_eth_rss_conf conf = { .rss_key_len = KEY_LEN, .rss_hf = rss_hf };
	uint8_t key[KEY_LEN];
	uint32_t i;

	for (i = 0; i < KEY_LEN; i++)
		key[i] = (uint8_t)soak_below(&seed, 256);
	conf.rss_key = key;
	return rte_eth_dev_rss_hash_update(port, &conf);
}

static int
change_key(void)
{
	return change_hash(types);
}

static int
change_types(void)
{
	static const uint64_t some[] = { RTE_ETH_RSS_IP, RTE_ETH_RSS_TCP, RTE_ETH_RSS_UDP };

	return change_hash(some[soak_below(&seed, RTE_DIM(some))] & types);
}

static struct rte_flow *
make_rule(rte_be16_t dst_port, const struct rte_flow_action *actions, struct rte_flow_error *error)
{
	const struct rte_flow_attr attr = { .ingress = 1 };
	const struct rte_flow_item_udp udp = { .hdr.dst_port = dst_port };
	const struct rte_flow_item_udp mask = { .hdr.dst_port = RTE_BE16(0xffff) };
	const struct rte_flow_item pattern[] = {
		{ .type = RTE_FLOW_ITEM_TYPE_ETH },
		{ .type = RTE_FLOW_ITEM_TYPE_IPV4 },
		{ .type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &udp, .mask = &mask },
		{ .type = RTE_FLOW_ITEM_TYPE_END },
	};

	return rte_flow_create(port, &attr, pattern, actions, error);
}

/* A rule for one of a few ports comes or goes. */
static int
change_rule(void)
{
	uint32_t i = soak_below(&seed, SOAK_RULE_PORTS);
	const struct rte_flow_action_queue queue = { .index = (uint16_t)soak_below(&seed,
										   SOAK_QUEUES) };
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue },
		{ .type = RTE_FLOW_ACTION_TYPE_COUNT },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	struct rte_flow_error error;
	int err;

	if (rules[i] != NULL) {
		err = rte_flow_destroy(port, rules[i], &error);
		rules[i] = NULL;
		return err;
	}
	rules[i] = make_rule(rte_cpu_to_be_16((uint16_t)(SOAK_RULE_PORT + i)), actions, &error);
	return rules[i] != NULL ? 0 : -rte_errno;
}

/* Wait until the poller leaves a queue alone. */
static void
shut(enum soak_direction direction, int queue)
{
	turns[direction][queue]++;
	while (known[direction][queue] != turns[direction][queue])
		sched_yield();
}

static void
open_again(enum soak_direction direction, int queue)
{
	turns[direction][queue]++;
}

/* One queue stops for as long as the next change of this kind is away. */
static int
change_queue(enum soak_direction direction)
{
	static int (*const start[])(uint16_t port, uint16_t queue) = {
		[SOAK_RX] = rte_eth_dev_rx_queue_start,
		[SOAK_TX] = rte_eth_dev_tx_queue_start,
	};
	static int (*const halt[])(uint16_t port, uint16_t queue) = {
		[SOAK_RX] = rte_eth_dev_rx_queue_stop,
		[SOAK_TX] = rte_eth_dev_tx_queue_stop,
	};
	int queue = stopped[direction];
	int err;

	if (queue >= 0) {
		err = start[direction](port, (uint16_t)queue);
		open_again(direction, queue);
		stopped[direction] = -1;
		return err;
	}
	queue = (int)soak_below(&seed, SOAK_QUEUES);
	shut(direction, queue);
	stopped[direction] = queue;
	return halt[direction](port, (uint16_t)queue);
}

static int
change_rx_queue(void)
{
	return change_queue(SOAK_RX);
}

static int
change_tx_queue(void)
{
	return change_queue(SOAK_TX);
}

/* Set the link while nobody sends from the port. */
static int
link_without_sending(int (*set)(uint16_t port))
{
	int err, q;

	for (q = 0; q < SOAK_QUEUES; q++)
		if (q != stopped[SOAK_TX])
			shut(SOAK_TX, q);
	err = set(port);
	for (q = 0; q < SOAK_QUEUES; q++)
		if (q != stopped[SOAK_TX])
			open_again(SOAK_TX, q);
	return err;
}

/*
 * The link is down for a moment. Nobody sends where no account holds: to the port while it goes
 * down, from it while it goes down or comes up (the netdev takes packets when packet sockets get
 * them not yet, or no longer).
 */
static int
change_link(void)
{
	int err, up;

	pthread_mutex_lock(&link_lock);
	err = link_without_sending(rte_eth_dev_set_link_down);
	pthread_mutex_unlock(&link_lock);
	usleep(LINK_DOWN_US);
	up = link_without_sending(rte_eth_dev_set_link_up);
	return err ? err : up;
}

static int
change_mtu(void)
{
	return rte_eth_dev_set_mtu(
		port, (uint16_t)(MTU_LEAST + soak_below(&seed, RTE_ETHER_MTU - MTU_LEAST + 1)));
}

/* Nothing: counters are read. */
static int
look_at_counters(void)
{
	struct rte_eth_xstat xstats[256];
	int n = rte_eth_xstats_get(port, xstats, RTE_DIM(xstats));
	struct rte_eth_stats stats;

	if (n <= 0 || n > (int)RTE_DIM(xstats))
		return n < 0 ? n : -EMSGSIZE;
	return rte_eth_stats_get(port, &stats);
}

enum {
	TABLE,
	KEY,
	TYPES,
	RULE,
	RX_QUEUE,
	TX_QUEUE,
	LINK,
	MTU,
	LOOK
};

static struct kind {
	const char *name;
	int (*make)(void);
	uint32_t weight;
	uint64_t made, failed;
	int err; /* the last */
} kinds[] = {
	[TABLE] = { "table", change_table, 30, 0, 0, 0 },
	[KEY] = { "key", change_key, 25, 0, 0, 0 },
	[TYPES] = { "hash types", change_types, 10, 0, 0, 0 },
	[RULE] = { "rule", change_rule, 20, 0, 0, 0 },
	[RX_QUEUE] = { "Rx queue", change_rx_queue, 6, 0, 0, 0 },
	[TX_QUEUE] = { "Tx queue", change_tx_queue, 6, 0, 0, 0 },
	[LINK] = { "link", change_link, 4, 0, 0, 0 },
	[MTU] = { "MTU", change_mtu, 5, 0, 0, 0 },
	[LOOK] = { "nothing, but a look at the counters", look_at_counters, 10, 0, 0, 0 },
};

static void
make(struct kind *kind)
{
	int err = kind->make();

	kind->made++;
	if (err != 0) {
		kind->failed++;
		kind->err = err;
	}
	count++;
}

static struct kind *
choose(void)
{
	uint32_t sum = 0, at, i;

	for (i = 0; i < RTE_DIM(kinds); i++)
		sum += kinds[i].weight;
	at = soak_below(&seed, sum);
	for (i = 0; at >= kinds[i].weight; i++)
		at -= kinds[i].weight;
	return &kinds[i];
}

void
change_begin(uint16_t id)
{
	const struct rte_flow_action drop[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_DROP },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	struct rte_flow_error error = { 0 };
	struct rte_eth_dev_info info;

	port = id;
	if (rte_eth_dev_info_get(port, &info) != 0 ||
	    make_rule(RTE_BE16(SOAK_DROP_PORT), drop, &error) == NULL) {
		fprintf(stderr, "soak: the rule that drops: %s\n", error.message);
		exit(EXIT_FAILURE);
	}
	types = info.flow_type_rss_offloads;
	reta_size = info.reta_size;
	busy = true;
}

void *
change_thread(void *arg)
{
	struct timespec first, next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	first = next;
	while (!stop) {
		make(choose());
		next.tv_nsec += PERIOD_NS;
		next.tv_sec += next.tv_nsec / NSEC_PER_S;
		next.tv_nsec %= NSEC_PER_S;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	clock_gettime(CLOCK_MONOTONIC, &next);
	lasted = (double)(next.tv_sec - first.tv_sec) +
		 (double)(next.tv_nsec - first.tv_nsec) / NSEC_PER_S;
	if (stopped[SOAK_RX] >= 0)
		make(&kinds[RX_QUEUE]);
	if (stopped[SOAK_TX] >= 0)
		make(&kinds[TX_QUEUE]);
	busy = false;
	return arg;
}

void
change_stop(void)
{
	stop = true;
}

bool
change_busy(void)
{
	return busy;
}

uint64_t
change_count(void)
{
	return count;
}

unsigned int
change_report(unsigned int rate)
{
	double reached = (double)(kinds[TABLE].made + kinds[KEY].made + kinds[RULE].made) / lasted;
	unsigned int bad = 0, i;

	for (i = 0; i < RTE_DIM(kinds); i++) {
		printf("changes of %s: %" PRIu64 ", %" PRIu64 " failed%s%s\n", kinds[i].name,
		       kinds[i].made, kinds[i].failed, kinds[i].failed ? ": " : "",
		       kinds[i].failed ? strerror(-kinds[i].err) : "");
		bad += kinds[i].failed != 0 || kinds[i].made == 0;
	}
	printf("%s changes\n", bad == 0 ? "ok    " : "FAILED");
	printf("%s changes of table, key and rules per second: %.0f, at least %u\n",
	       reached >= rate ? "ok    " : "FAILED", reached, rate);
	return (bad != 0) + (reached < rate);
}

bool
change_queue_open(enum soak_direction direction, uint16_t queue)
{
	unsigned int turn = turns[direction][queue];

	known[direction][queue] = turn;
	return turn % 2 == 0;
}

void
change_link_hold(void)
{
	pthread_mutex_lock(&link_lock);
}

void
change_link_let(void)
{
	pthread_mutex_unlock(&link_lock);
}
