/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <net/if.h>

#include <rte_malloc.h>
#include <rte_string_fns.h>

#include "tap_control.h"
#include "tap_ethdev.h"
#include "tap_log.h"
#include "tap_netdev.h"
#include "tap_remote.h"
#include "tap_rx.h"
#include "tap_telemetry.h"

#define TAP_RX_OFFLOADS                                                                            \
	(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |                            \
	 RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_LRO | RTE_ETH_RX_OFFLOAD_SCATTER |  \
	 RTE_ETH_RX_OFFLOAD_RSS_HASH)
#define TAP_TX_OFFLOADS                                                                            \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |                            \
	 RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO |                               \
	 RTE_ETH_TX_OFFLOAD_MULTI_SEGS)

/* The last ones go first, so that no index moves. */
int
tap_set_queues(struct tap_port *port, uint16_t n)
{
	int ret = 0;

	tap_mp_lock();
	while (port->nb_fds > n) {
		close(port->fd[--port->nb_fds]);
		tap_fds[port->data->port_id][port->nb_fds] = -1;
	}
	while (port->nb_fds < n) {
		ret = tap_netdev_open_queue(port);
		if (ret < 0)
			break;
		tap_fds[port->data->port_id][port->nb_fds] = ret;
		port->fd[port->nb_fds++] = ret;
	}
	tap_mp_unlock();
	return RTE_MIN(ret, 0);
}

/*
 * Super-frames, if they are wanted: because the application takes them as they are, or to be
 * cut by the driver. A kernel that has none of them is no reason to fail.
 */
static int
tap_set_offload(struct tap_port *port, const struct rte_eth_rxmode *rxmode)
{
	bool lro = rxmode->offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO;
	int fd = port->fd[0];
	int ret;

	port->rx_mode.gso = (port->args.gso || lro) &&
			    tap_tun_set_offload(fd, port->udp_gso ? TAP_TUN_UDP : TAP_TUN_TCP) == 0;
	if (port->rx_mode.gso)
		return 0;
	ret = tap_tun_set_offload(fd, port->rx_mode.l4_partial ? TAP_TUN_CKSUM : 0);
	if (ret != 0)
		TAP_LOG(ERR, "%s: cannot set offloads: %s", port->name, strerror(-ret));
	return ret;
}

static int
tap_configure_locked(struct rte_eth_dev *dev)
{
	const struct rte_eth_rxmode *rxmode = &dev->data->dev_conf.rxmode;
	struct tap_port *port = tap_port_of(dev);
	struct tap_rules_needs needs = tap_flow_needs(port);
	const uint64_t l4 = RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	int ret;

	ret = tap_flow_check_queues(port, dev->data->nb_rx_queues);
	if (ret != 0)
		return ret;
	ret = tap_rss_configure(dev);
	if (ret != 0)
		return ret;
	port->steering = (rxmode->mq_mode & RTE_ETH_MQ_RX_RSS_FLAG) != 0;
	ret = tap_set_queues(port, RTE_MAX(dev->data->nb_rx_queues, 1));
	if (ret != 0)
		return ret;
	port->rx_mode.hash = (rxmode->offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH) != 0;
	port->rx_mode.ip_cksum = (rxmode->offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0;
	port->rx_mode.l4_cksum = (rxmode->offloads & l4) != 0;
	port->rx_mode.l4_partial = (rxmode->offloads & l4) == l4;
	ret = tap_set_offload(port, rxmode);
	if (ret != 0)
		return ret;
	return tap_attach(port, &needs);
}

static int
tap_configure(struct rte_eth_dev *dev)
{
	int ret;

	tap_control_lock();
	ret = tap_configure_locked(dev);
	tap_control_unlock();
	return ret;
}

/* Descriptors of the longest queue: the netdev has one length for all. */
static uint16_t
tap_queue_len(const struct rte_eth_dev_data *data)
{
	uint16_t len = 0;
	uint16_t i;

	for (i = 0; i < data->nb_rx_queues; i++) {
		const struct tap_rxq *q = data->rx_queues[i];

		len = RTE_MAX(len, q->nb_desc);
	}
	return len;
}

/*
 * Settings of the netdev that follow from the configuration. What is right already is not
 * set again: a port on a tap that was prepared for it gets by without privileges.
 */
static int
tap_start_netdev(struct rte_eth_dev *dev)
{
	struct tap_port *port = tap_port_of(dev);
	uint16_t queue_len = tap_queue_len(dev->data);
	struct tap_link_state now;
	int ret = tap_netdev_get(port, &now);

	if (ret == 0 && queue_len != 0 && queue_len != now.queue_len)
		ret = tap_link_set_queue_len(port->link, port->ifindex, queue_len);
	if (ret == -EPERM) {
		/* Whoever made the tap has chosen another length; it works as well. */
		TAP_LOG(WARNING, "%s: queues hold %u packets: no permission to make it %u",
			port->name, now.queue_len, queue_len);
		ret = 0;
	}
	if (ret == 0 && dev->data->mtu != now.mtu)
		ret = tap_link_set_mtu(port->link, port->ifindex, dev->data->mtu);
	if (ret != 0)
		TAP_LOG(ERR, "%s: cannot set queue length %u and MTU %u: %s", port->name, queue_len,
			dev->data->mtu, strerror(-ret));
	return ret;
}

void
tap_set_bursts(struct rte_eth_dev *dev)
{
	dev->rx_pkt_burst =
		tap_port_of(dev)->rx_mode.redistribute ? tap_soft_rx_burst : tap_rx_burst;
	dev->tx_pkt_burst = tap_tx_burst;
	dev->tx_pkt_prepare = tap_tx_prepare;
}

static void
tap_start_queues(struct rte_eth_dev *dev)
{
	struct tap_port *port = tap_port_of(dev);
	uint16_t i;

	for (i = 0; i < dev->data->nb_rx_queues; i++) {
		struct tap_rxq *q = dev->data->rx_queues[i];

		q->doorbell = port->doorbell;
		q->state = TAP_RX_ARMED;
		/* Of what waits, the offloads may be those of an earlier configuration. */
		if (port->rx_mode.redistribute)
			tap_stat_add(&q->stats.missed, tap_rx_flush(q));
		if (!q->deferred)
			tap_rx_queue_start(dev, i);
	}
	for (i = 0; i < dev->data->nb_tx_queues; i++) {
		struct tap_txq *q = dev->data->tx_queues[i];

		q->slot = i % port->nb_fds;
		if (!q->deferred)
			tap_tx_queue_start(dev, i);
	}
	tap_set_bursts(dev);
}

static void
tap_stop_queues(struct rte_eth_dev *dev)
{
	uint16_t i;

	for (i = 0; i < dev->data->nb_rx_queues; i++)
		tap_rx_queue_stop(dev, i);
	for (i = 0; i < dev->data->nb_tx_queues; i++)
		tap_tx_queue_stop(dev, i);
}

static int
tap_set_link(struct rte_eth_dev *dev, bool up)
{
	struct tap_port *port = tap_port_of(dev);
	struct tap_link_state now;
	int ret = tap_netdev_get(port, &now);

	if (ret == 0 && up != ((now.flags & IFF_UP) != 0))
		ret = tap_link_set_up(port->link, port->ifindex, up);
	if (ret != 0)
		TAP_LOG(ERR, "%s: cannot set the link %s: %s", port->name, up ? "up" : "down",
			strerror(-ret));
	else
		dev->data->dev_link.link_status = up ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN;
	return ret;
}

static int
tap_set_link_up(struct rte_eth_dev *dev)
{
	return tap_set_link(dev, true);
}

static int
tap_set_link_down(struct rte_eth_dev *dev)
{
	return tap_set_link(dev, false);
}

/* An application may have left out a queue; bursts must not meet the hole. */
static int
tap_check_queues(const struct rte_eth_dev *dev)
{
	const struct rte_eth_dev_data *data = dev->data;
	uint16_t i;

	for (i = 0; i < RTE_MAX(data->nb_rx_queues, data->nb_tx_queues); i++) {
		bool rx = i < data->nb_rx_queues && data->rx_queues[i] == NULL;

		if (!rx && (i >= data->nb_tx_queues || data->tx_queues[i] != NULL))
			continue;
		TAP_LOG(ERR, "%s: %s queue %u is not set up", tap_port_of(dev)->name,
			rx ? "Rx" : "Tx", i);
		return -EINVAL;
	}
	return 0;
}

static int
tap_start(struct rte_eth_dev *dev)
{
	struct tap_port *port = tap_port_of(dev);
	int ret = tap_check_queues(dev);
	uint16_t i;

	for (i = 0; ret == 0 && i < dev->data->nb_rx_queues; i++) {
		ret = tap_rx_queue_fit(dev, dev->data->rx_queues[i], dev->data->mtu);
		if (ret == 0)
			ret = tap_rx_queue_stage(dev, dev->data->rx_queues[i]);
		if (ret == 0 && port->rx_mode.redistribute)
			ret = tap_soft_queue_setup(dev->data->rx_queues[i]);
	}
	if (ret == 0)
		ret = tap_start_netdev(dev);
	if (ret != 0)
		return ret;
	tap_start_queues(dev);
	ret = tap_intr_start(dev);
	if (ret == 0)
		ret = tap_set_link_up(dev);
	if (ret == 0)
		ret = tap_lsc_start(dev);
	if (ret != 0) {
		tap_set_link_down(dev);
		tap_stop_queues(dev);
		tap_intr_stop(dev);
		return ret;
	}
	tap_mp_started(port);
	tap_remote_run(port, true);
	return 0;
}

int
tap_stop(struct rte_eth_dev *dev)
{
	tap_remote_run(tap_port_of(dev), false);
	tap_lsc_stop(dev);
	/* A netdev that has gone, or may not be touched, must not keep the port from closing. */
	tap_set_link_down(dev);
	tap_mp_stopped(tap_port_of(dev));
	tap_stop_queues(dev);
	tap_intr_stop(dev);
	return 0;
}

int
tap_link_update(struct rte_eth_dev *dev, int wait)
{
	struct tap_port *port = tap_port_of(dev);
	const unsigned int want = IFF_UP | IFF_RUNNING;
	struct rte_eth_link link = {
		.link_speed = RTE_ETH_SPEED_NUM_10G,
		.link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
		.link_autoneg = RTE_ETH_LINK_FIXED,
	};
	struct tap_link_state state;

	RTE_SET_USED(wait);
	if (tap_netdev_get(port, &state) == 0)
		link.link_status =
			(state.flags & want) == want ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN;
	return rte_eth_linkstatus_set(dev, &link);
}

static int
tap_mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	struct tap_port *port = tap_port_of(dev);
	struct tap_link_state now;
	uint16_t i;
	int ret;

	for (i = 0; i < dev->data->nb_rx_queues; i++) {
		struct tap_rxq *q = dev->data->rx_queues[i];

		ret = q == NULL ? 0 : tap_rx_queue_fit(dev, q, mtu);
		if (ret != 0)
			goto restore;
	}
	ret = tap_remote_set_mtu(port, mtu);
	if (ret != 0)
		goto restore;
	ret = tap_netdev_get(port, &now);
	if (ret == 0)
		ret = tap_link_set_mtu(port->link, port->ifindex, mtu);
	if (ret == 0)
		return 0;
	TAP_LOG(ERR, "%s: cannot set the MTU to %u: %s", port->name, mtu, strerror(-ret));
restore:
	for (i = 0; i < dev->data->nb_rx_queues; i++)
		if (dev->data->rx_queues[i] != NULL)
			tap_rx_queue_fit(dev, dev->data->rx_queues[i], dev->data->mtu);
	return ret;
}

/* A tap has no pause frames; applications that ask every port are told so. */
static int
tap_flow_ctrl_get(struct rte_eth_dev *dev, struct rte_eth_fc_conf *conf)
{
	RTE_SET_USED(dev);
	conf->mode = RTE_ETH_FC_NONE;
	return 0;
}

static int
tap_flow_ctrl_set(struct rte_eth_dev *dev, struct rte_eth_fc_conf *conf)
{
	if (conf->mode == RTE_ETH_FC_NONE)
		return 0;
	TAP_LOG(ERR, "%s: flow control mode %d: the port has RTE_ETH_FC_NONE only",
		tap_port_of(dev)->name, (int)conf->mode);
	return -ENOTSUP;
}

static int
tap_infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	const struct rte_eth_desc_lim rx_desc = {
		.nb_max = TAP_MAX_DESC,
		.nb_min = TAP_MIN_DESC,
		.nb_align = 1,
	};
	const struct rte_eth_desc_lim tx_desc = {
		.nb_max = TAP_MAX_DESC,
		.nb_min = 1,
		.nb_align = 1,
		.nb_seg_max = TAP_TX_MAX_SEGS,
		.nb_mtu_seg_max = TAP_TX_MAX_SEGS,
	};

	const bool l3 = tap_port_of(dev)->args.l3;

	info->if_index = tap_port_of(dev)->ifindex;
	info->max_mac_addrs = l3 ? 1 : TAP_MAX_MACS;
	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = TAP_MAX_MTU;
	/* Of net_tun as well: were it the MTU, ethdev would take 18 bytes off for layer 2. */
	info->max_rx_pktlen = TAP_MAX_MTU + TAP_L2_OVERHEAD;
	info->max_lro_pkt_size = TAP_MAX_MTU + TAP_L2_OVERHEAD;
	info->min_rx_bufsize = 0;
	info->max_rx_queues = TAP_MAX_QUEUES;
	info->max_tx_queues = TAP_MAX_QUEUES;
	info->rx_offload_capa = TAP_RX_OFFLOADS;
	info->tx_offload_capa = TAP_TX_OFFLOADS;
	if (tap_port_of(dev)->udp_gso)
		info->tx_offload_capa |= RTE_ETH_TX_OFFLOAD_UDP_TSO;
	info->speed_capa = RTE_ETH_LINK_SPEED_10G;
	info->rx_desc_lim = rx_desc;
	info->tx_desc_lim = tx_desc;
	info->default_rxportconf.ring_size = TAP_DEFAULT_DESC;
	info->default_txportconf.ring_size = TAP_DEFAULT_DESC;
	info->default_rxportconf.burst_size = TAP_DEFAULT_BURST;
	info->default_txportconf.burst_size = TAP_DEFAULT_BURST;
	info->default_rxportconf.nb_queues = 1;
	info->default_txportconf.nb_queues = 1;
	info->hash_key_size = TAP_KEY_LEN;
	info->reta_size = TAP_RETA_SIZE;
	info->flow_type_rss_offloads = tap_rss_offloads(tap_port_of(dev));
#if TAP_HAVE_RSS_ALGORITHM
	info->rss_algo_capa = RTE_ETH_HASH_ALGO_CAPA_MASK(DEFAULT) |
			      RTE_ETH_HASH_ALGO_CAPA_MASK(TOEPLITZ) |
			      RTE_ETH_HASH_ALGO_CAPA_MASK(SIMPLE_XOR) |
			      RTE_ETH_HASH_ALGO_CAPA_MASK(SYMMETRIC_TOEPLITZ) |
			      RTE_ETH_HASH_ALGO_CAPA_MASK(SYMMETRIC_TOEPLITZ_SORT);
#endif
	info->dev_capa |=
		RTE_ETH_DEV_CAPA_FLOW_RULE_KEEP | RTE_ETH_DEV_CAPA_FLOW_SHARED_OBJECT_KEEP;
	return 0;
}

static const uint32_t *
tap_supported_ptypes(TAP_PTYPES_ARGS)
{
#define TAP_PTYPES_L3                                                                              \
	RTE_PTYPE_L3_IPV4, RTE_PTYPE_L3_IPV4_EXT, RTE_PTYPE_L3_IPV6, RTE_PTYPE_L3_IPV6_EXT,        \
		RTE_PTYPE_L4_FRAG, RTE_PTYPE_L4_ICMP, RTE_PTYPE_L4_TCP, RTE_PTYPE_L4_UDP,          \
		RTE_PTYPE_L4_SCTP, RTE_PTYPE_UNKNOWN
	static const uint32_t ptypes_l3[] = { TAP_PTYPES_L3 };
	static const uint32_t ptypes[] = {
		RTE_PTYPE_L2_ETHER,
		RTE_PTYPE_L2_ETHER_VLAN,
		RTE_PTYPE_L2_ETHER_QINQ,
		TAP_PTYPES_L3,
	};

	if (tap_port_of(dev)->args.l3) {
		TAP_PTYPES_COUNT(ptypes_l3);
		return ptypes_l3;
	}
	TAP_PTYPES_COUNT(ptypes);
	return ptypes;
}

int
tap_close(struct rte_eth_dev *dev)
{
	uint16_t i;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY) {
		tap_mp_detach(dev);
		return 0;
	}
	tap_telemetry_remove(dev);
	tap_mp_gone(tap_port_of(dev));
	tap_lsc_stop(dev);
	tap_intr_stop(dev);
	for (i = 0; i < dev->data->nb_rx_queues; i++)
		tap_rx_queue_release(dev, i);
	for (i = 0; i < dev->data->nb_tx_queues; i++)
		tap_tx_queue_release(dev, i);
	tap_port_free(tap_port_of(dev));
	return 0;
}

const struct eth_dev_ops tap_ops = {
	.dev_configure = tap_configure,
	.dev_start = tap_start,
	.dev_stop = tap_stop,
	.dev_close = tap_close,
	.dev_infos_get = tap_infos_get,
	.dev_supported_ptypes_get = tap_supported_ptypes,
	.dev_set_link_up = tap_set_link_up,
	.dev_set_link_down = tap_set_link_down,
	.link_update = tap_link_update,
	.mtu_set = tap_mtu_set,
	.flow_ctrl_get = tap_flow_ctrl_get,
	.flow_ctrl_set = tap_flow_ctrl_set,
	.rx_queue_setup = tap_rx_queue_setup,
	.rx_queue_release = tap_rx_queue_release,
	.rxq_info_get = tap_rxq_info_get,
	.txq_info_get = tap_txq_info_get,
	.rx_queue_start = tap_rx_queue_start,
	.rx_queue_stop = tap_rx_queue_stop,
	.rx_queue_intr_enable = tap_rx_intr_enable,
	.rx_queue_intr_disable = tap_rx_intr_disable,
	.tx_queue_setup = tap_tx_queue_setup,
	.tx_queue_release = tap_tx_queue_release,
	.tx_queue_start = tap_tx_queue_start,
	.tx_queue_stop = tap_tx_queue_stop,
	.promiscuous_enable = tap_promiscuous_enable,
	.promiscuous_disable = tap_promiscuous_disable,
	.allmulticast_enable = tap_allmulticast_enable,
	.allmulticast_disable = tap_allmulticast_disable,
	.mac_addr_set = tap_mac_set,
	.mac_addr_add = tap_mac_add,
	.mac_addr_remove = tap_mac_remove,
	.set_mc_addr_list = tap_mcast_set,
	.stats_get = tap_stats_get,
	.stats_reset = tap_stats_reset,
	.xstats_get = tap_xstats_get,
	.xstats_get_names = tap_xstats_get_names,
	.rss_hash_update = tap_rss_hash_update,
	.rss_hash_conf_get = tap_rss_hash_conf_get,
	.reta_update = tap_rss_reta_update,
	.reta_query = tap_rss_reta_query,
	.flow_ops_get = tap_flow_ops_get,
	.eth_dev_priv_dump = tap_priv_dump,
};

/* The primary keeps the link state up to date. */
static int
tap_secondary_link_update(struct rte_eth_dev *dev, int wait)
{
	RTE_SET_USED(dev);
	RTE_SET_USED(wait);
	return 0;
}

const struct eth_dev_ops tap_secondary_ops = {
	.dev_close = tap_close,
	.dev_infos_get = tap_infos_get,
	.dev_supported_ptypes_get = tap_supported_ptypes,
	.link_update = tap_secondary_link_update,
	.rxq_info_get = tap_rxq_info_get,
	.txq_info_get = tap_txq_info_get,
	.stats_get = tap_stats_get,
	.stats_reset = tap_stats_reset,
	.xstats_get = tap_xstats_get,
	.xstats_get_names = tap_xstats_get_names,
	.rss_hash_conf_get = tap_rss_hash_conf_get,
	.reta_query = tap_rss_reta_query,
};

const struct eth_dev_ops tap_gone_ops = {
	.dev_close = tap_close,
};
