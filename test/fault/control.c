/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <string.h>

#include <ethdev_driver.h>
#include <rte_errno.h>

#include "channels.h"
#include "scenarios.h"

/* Calls on a running port. */

static int
hash_update(struct kit_port *port)
{
	uint8_t key[sizeof(port->key)];
	struct rte_eth_rss_conf conf = { .rss_key = key,
					 .rss_key_len = sizeof(key),
					 .rss_hf = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP };
	unsigned int i;
	int ret;

	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 91 + 5);
	ret = rte_eth_dev_rss_hash_update(port->id, &conf);
	if (ret == 0)
		memcpy(port->key, key, sizeof(key));
	return ret;
}

static int
hash_get(struct kit_port *port)
{
	uint8_t key[sizeof(port->key)];
	struct rte_eth_rss_conf conf = { .rss_key = key, .rss_key_len = sizeof(key) };
	int ret = rte_eth_dev_rss_hash_conf_get(port->id, &conf);

	if (ret == 0 && memcmp(key, port->key, sizeof(key)) != 0)
		kit_complain(port, "another key than the one that was set");
	return ret;
}

static int
reta_update(struct kit_port *port)
{
	struct rte_eth_rss_reta_entry64 reta[KIT_RETA / RTE_ETH_RETA_GROUP_SIZE] = { 0 };
	unsigned int i;
	int ret;

	for (i = 0; i < KIT_RETA; i++) {
		struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];

		group->mask = UINT64_MAX;
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = (uint16_t)((i / 3) % port->queues);
	}
	ret = rte_eth_dev_rss_reta_update(port->id, reta, KIT_RETA);
	for (i = 0; ret == 0 && i < KIT_RETA; i++)
		port->reta[i] = (uint16_t)((i / 3) % port->queues);
	return ret;
}

static int
mtu_set(struct kit_port *port)
{
	return rte_eth_dev_set_mtu(port->id, 1300);
}

static struct rte_ether_addr
address(uint8_t first, uint8_t last)
{
	return (struct rte_ether_addr){ .addr_bytes = { first, 0, 0, 0, 7, last } };
}

static int
mac_set(struct kit_port *port)
{
	struct rte_ether_addr mac = address(2, 1);

	return rte_eth_dev_default_mac_addr_set(port->id, &mac);
}

static int
mac_add(struct kit_port *port)
{
	struct rte_ether_addr mac = address(2, 2);

	return rte_eth_dev_mac_addr_add(port->id, &mac, 0);
}

static int
mac_remove(struct kit_port *port)
{
	struct rte_ether_addr mac = address(2, 2);

	return rte_eth_dev_mac_addr_remove(port->id, &mac);
}

static int
multicast_set(struct kit_port *port)
{
	struct rte_ether_addr list[2] = { address(3, 1), address(3, 2) };

	return rte_eth_dev_set_mc_addr_list(port->id, list, RTE_DIM(list));
}

static int
multicast_change(struct kit_port *port)
{
	struct rte_ether_addr list[2] = { address(3, 2), address(3, 3) };

	return rte_eth_dev_set_mc_addr_list(port->id, list, RTE_DIM(list));
}

static int
multicast_clear(struct kit_port *port)
{
	return rte_eth_dev_set_mc_addr_list(port->id, NULL, 0);
}

static int
promiscuous_on(struct kit_port *port)
{
	return rte_eth_promiscuous_enable(port->id);
}

static int
promiscuous_off(struct kit_port *port)
{
	return rte_eth_promiscuous_disable(port->id);
}

static int
allmulticast_on(struct kit_port *port)
{
	return rte_eth_allmulticast_enable(port->id);
}

static int
allmulticast_off(struct kit_port *port)
{
	return rte_eth_allmulticast_disable(port->id);
}

static int
stats(struct kit_port *port)
{
	struct rte_eth_xstat xstats[512];
	struct rte_eth_xstat_name names[512];
	struct rte_eth_stats basic;
	int n = rte_eth_xstats_get_names(port->id, names, RTE_DIM(names));
	int ret = rte_eth_stats_get(port->id, &basic);

	if (ret == 0 && n >= 0)
		ret = rte_eth_xstats_get(port->id, xstats, RTE_DIM(xstats)) == n ? 0 : -EIO;
	return n < 0 ? n : ret;
}

static int
stats_reset(struct kit_port *port)
{
	return rte_eth_xstats_reset(port->id);
}

static int
link_down(struct kit_port *port)
{
	return rte_eth_dev_set_link_down(port->id);
}

static int
link_up(struct kit_port *port)
{
	return rte_eth_dev_set_link_up(port->id);
}

static int
link_get(struct kit_port *port)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(port->id, &link);
}

/* As telemetry may find a port, too: ethdev, while it configures one, has no tables of queues. */
static int
dump(struct kit_port *port)
{
	struct rte_eth_dev_data *data = rte_eth_devices[port->id].data;
	void **rx_queues = data->rx_queues;
	void **tx_queues = data->tx_queues;
	FILE *file = fopen("/dev/null", "we");
	int ret;

	if (file == NULL)
		return -errno;
	data->rx_queues = NULL;
	data->tx_queues = NULL;
	ret = rte_eth_dev_priv_dump(port->id, file);
	data->rx_queues = rx_queues;
	data->tx_queues = tx_queues;
	fclose(file);
	return ret;
}

struct named_call {
	const char *name;
	int (*call)(struct kit_port *port);
};

static bool
call_all(struct kit_port *port, const struct named_call *calls, unsigned int n)
{
	unsigned int i;
	bool good = true;

	for (i = 0; good && i < n; i++)
		good = kit_step(port, calls[i].name, calls[i].call);
	return good;
}

void
control_run(struct kit_port *port)
{
	static const struct named_call calls[] = {
		{ "hash update", hash_update },
		{ "hash get", hash_get },
		{ "table update", reta_update },
		{ "MTU", mtu_set },
		{ "MAC address", mac_set },
		{ "second MAC address", mac_add },
		{ "no second MAC address", mac_remove },
		{ "multicast list", multicast_set },
		{ "another multicast list", multicast_change },
		{ "promiscuous", promiscuous_on },
		{ "not promiscuous", promiscuous_off },
		{ "all multicast", allmulticast_on },
		{ "not all multicast", allmulticast_off },
		{ "statistics", stats },
		{ "reset of statistics", stats_reset },
		{ "link down", link_down },
		{ "link up", link_up },
		{ "link", link_get },
		{ "dump", dump },
	};
	static const struct named_call last[] = { { "no multicast list", multicast_clear } };

	if (kit_probe(port) && kit_start(port, KIT_QUEUES) &&
	    call_all(port, calls, RTE_DIM(calls)) && kit_traffic(port))
		call_all(port, last, RTE_DIM(last));
}

static int
interrupt_on(struct kit_port *port)
{
	uint16_t i;
	int ret = 0;

	for (i = 0; ret == 0 && i < port->queues; i++)
		ret = rte_eth_dev_rx_intr_enable(port->id, i);
	return ret;
}

static int
interrupt_off(struct kit_port *port)
{
	uint16_t i;
	int ret = 0;

	for (i = 0; ret == 0 && i < port->queues; i++)
		ret = rte_eth_dev_rx_intr_disable(port->id, i);
	return ret;
}

static int
queue_stop(struct kit_port *port)
{
	return rte_eth_dev_rx_queue_stop(port->id, 1);
}

static int
queue_start(struct kit_port *port)
{
	return rte_eth_dev_rx_queue_start(port->id, 1);
}

/* What EAL's thread would do at an event of the link, which has come meanwhile or not. */
static int
link_event(struct kit_port *port)
{
	RTE_SET_USED(port);
	channels.interrupt(channels.interrupt_arg);
	return 0;
}

void
interrupts_run(struct kit_port *port)
{
	static const struct named_call calls[] = {
		{ "interrupts on", interrupt_on },   { "queue stop", queue_stop },
		{ "interrupts on", interrupt_on },   { "queue start", queue_start },
		{ "interrupts off", interrupt_off }, { "link down", link_down },
		{ "link event", link_event },        { "link up", link_up },
		{ "link event", link_event },
	};

	if (kit_probe(port) && kit_start(port, KIT_QUEUES) && call_all(port, calls, RTE_DIM(calls)))
		kit_traffic(port);
}

/* Flow rules: the port of UDP says what becomes of a packet. */

#define DROPPED 4001
#define QUEUED 4002

static int
rule_make(struct kit_port *port, unsigned int slot, uint16_t udp_port,
	  const struct rte_flow_action *actions)
{
	const struct rte_flow_attr attr = { .ingress = 1, .priority = slot };
	const struct rte_flow_item_udp mask = { .hdr.dst_port = RTE_BE16(0xffff) };
	const struct rte_flow_item_udp udp = { .hdr.dst_port = rte_cpu_to_be_16(udp_port) };
	const struct rte_flow_item items[] = {
		{ .type = RTE_FLOW_ITEM_TYPE_ETH },
		{ .type = RTE_FLOW_ITEM_TYPE_IPV4 },
		{ .type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &udp, .mask = &mask },
		{ .type = RTE_FLOW_ITEM_TYPE_END },
	};
	struct rte_flow_error error;

	rte_errno = 0;
	port->flow[slot] = rte_flow_create(port->id, &attr, items, actions, &error);
	return port->flow[slot] != NULL ? 0 : -rte_errno;
}

static int
rule_queue(struct kit_port *port)
{
	const struct rte_flow_action_queue queue = { .index = 3 };
	const struct rte_flow_action_mark mark = { .id = 7 };
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_MARK, .conf = &mark },
		{ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	int ret = rule_make(port, 0, QUEUED, actions);

	if (ret == 0) {
		port->queue_port = QUEUED;
		port->rule_queue = queue.index;
	}
	return ret;
}

static int
rule_drop(struct kit_port *port)
{
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_COUNT },
		{ .type = RTE_FLOW_ACTION_TYPE_DROP },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	int ret = rule_make(port, 1, DROPPED, actions);

	if (ret == 0)
		port->drop_port = DROPPED;
	return ret;
}

static int
rule_rss(struct kit_port *port)
{
	static const uint16_t queues[] = { 0, 1 };
	const struct rte_flow_action_rss rss = {
		.types = RTE_ETH_RSS_IP,
		.queue_num = RTE_DIM(queues),
		.queue = queues,
	};
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_FLAG },
		{ .type = RTE_FLOW_ACTION_TYPE_RSS, .conf = &rss },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};

	return rule_make(port, 2, 9999, actions);
}

static int
rule_query(struct kit_port *port)
{
	const struct rte_flow_action count = { .type = RTE_FLOW_ACTION_TYPE_COUNT };
	struct rte_flow_query_count query = { .reset = 1 };
	struct rte_flow_error error;
	int ret = rte_flow_query(port->id, port->flow[1], &count, &query, &error);

	if (ret == 0 && query.hits != 1)
		kit_complain(port, "the dropping rule has counted %" PRIu64 " packets", query.hits);
	return ret;
}

static int
rule_destroy(struct kit_port *port)
{
	struct rte_flow_error error;
	int ret = rte_flow_destroy(port->id, port->flow[0], &error);

	if (ret == 0)
		port->queue_port = 0;
	return ret;
}

static int
rules_flush(struct kit_port *port)
{
	struct rte_flow_error error;
	int ret = rte_flow_flush(port->id, &error);

	if (ret == 0) {
		port->queue_port = 0;
		port->drop_port = 0;
	}
	return ret;
}

static int
isolate_on(struct kit_port *port)
{
	struct rte_flow_error error;

	return rte_flow_isolate(port->id, 1, &error);
}

static int
isolate_off(struct kit_port *port)
{
	struct rte_flow_error error;

	return rte_flow_isolate(port->id, 0, &error);
}

static int
counter(struct kit_port *port)
{
	const struct rte_flow_indir_action_conf conf = { .ingress = 1 };
	const struct rte_flow_action count = { .type = RTE_FLOW_ACTION_TYPE_COUNT };
	struct rte_flow_error error;
	struct rte_flow_action_handle *handle;

	rte_errno = 0;
	handle = rte_flow_action_handle_create(port->id, &conf, &count, &error);
	return handle == NULL ? -rte_errno :
				rte_flow_action_handle_destroy(port->id, handle, &error);
}

void
flow_run(struct kit_port *port)
{
	static const struct named_call make[] = {
		{ "rule queue", rule_queue }, { "rule drop", rule_drop }, { "rule rss", rule_rss },
		{ "statistics", stats },      { "dump", dump },
	};
	static const struct named_call change[] = {
		{ "query", rule_query },
		{ "destroy", rule_destroy },
	};
	static const struct named_call finish[] = {
		{ "isolate", isolate_on },    { "no isolation", isolate_off },
		{ "flush", rules_flush },     { "counter", counter },
		{ "rule queue", rule_queue },
	};

	if (kit_probe(port) && kit_start(port, KIT_QUEUES) && call_all(port, make, RTE_DIM(make)) &&
	    kit_traffic(port) && call_all(port, change, RTE_DIM(change)) && kit_traffic(port) &&
	    call_all(port, finish, RTE_DIM(finish)))
		kit_traffic(port);
}

bool
flow_rules(struct kit_port *port)
{
	static const struct named_call make[] = {
		{ "rule queue", rule_queue },
		{ "rule drop", rule_drop },
		{ "rule rss", rule_rss },
	};

	return call_all(port, make, RTE_DIM(make));
}

/* Without a started port rules may go to software; the queue must exist first. */
void
flow_stopped_run(struct kit_port *port)
{
	static const struct named_call make[] = { { "rule drop", rule_drop },
						  { "rule queue", rule_queue } };

	if (kit_probe(port) && kit_start(port, KIT_QUEUES) && kit_stop(port) &&
	    call_all(port, make, RTE_DIM(make)) && kit_start(port, KIT_QUEUES))
		kit_traffic(port);
}
