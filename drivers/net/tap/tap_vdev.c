/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <net/if.h>

#include <rte_malloc.h>
#include <rte_string_fns.h>

#include <bus_vdev_driver.h>
#include <ethdev_vdev.h>

#include "tap_cksum.h"
#include "tap_ethdev.h"
#include "tap_log.h"
#include "tap_remote.h"
#include "tap_telemetry.h"

RTE_LOG_REGISTER_DEFAULT(net_tap_logtype, NOTICE);

void
tap_port_free(struct tap_port *port)
{
	tap_remote_close(port);
	if (port->nb_fds != 0) {
		/* A persistent netdev would keep them and steer the next process's packets. */
		tap_tun_set_steering(port->fd[0], -1);
		tap_tun_set_filter(port->fd[0], -1);
	}
	tap_set_queues(port, 0);
	tap_flow_close(port);
	rte_free(port->shared);
	tap_bpf_close(port->bpf);
	tap_link_close(port->link);
}

/* The netdev: create it or take over one that is there and in nobody's use. */
static int
tap_probe_netdev(struct tap_port *port)
{
	struct tap_link_state state;
	int fd;
	int ret;

	port->link = tap_link_open();
	if (port->link == NULL) {
		ret = -errno;
		TAP_LOG(ERR, "%s: cannot open rtnetlink: %s", port->name, strerror(-ret));
		return ret;
	}
	if (tap_link_find(port->link, port->name, &state) == 0 && state.tun_queues != 0) {
		TAP_LOG(ERR,
			"%s: the %s is in use by another process, with %u queues; choose "
			"another iface=",
			port->name, tap_tun_kind(port->args.l3), state.tun_queues);
		return -EBUSY;
	}
	fd = tap_tun_open(port->name, port->args.l3);
	if (fd < 0)
		return fd;
	tap_fds[port->data->port_id][0] = fd;
	port->fd[port->nb_fds++] = fd;
	/* What the kernel can; what it shall, configure says. */
	port->udp_gso = tap_tun_set_offload(fd, TAP_TUN_UDP) == 0;
	tap_tun_set_offload(fd, 0);
	port->ifindex = if_nametoindex(port->name);
	return 0;
}

/* The last step of a probe: one that fails leaves no netdev behind. */
static int
tap_probe_persist(const struct tap_port *port)
{
	int ret = port->args.persist ? tap_tun_set_persist(port->fd[0], true) : 0;

	if (ret != 0)
		TAP_LOG(ERR, "%s: cannot make the %s persistent: %s", port->name,
			tap_tun_kind(port->args.l3), strerror(-ret));
	return ret;
}

static int
tap_probe_mac(struct rte_eth_dev *dev)
{
	static uint8_t fixed_count;
	struct tap_port *port = tap_port_of(dev);
	struct rte_ether_addr fixed = { .addr_bytes = { 2, 'd', 't', 'a', 'p', '0' } };
	struct tap_link_state state;
	int ret = 0;

	dev->data->mac_addrs =
		rte_calloc("net_tap_macs", TAP_MAX_MACS, sizeof(struct rte_ether_addr), 0);
	if (dev->data->mac_addrs == NULL)
		return -ENOMEM;
	port->filter.n_unicast = 1;
	/* What has no addresses is not filtered by them; ethdev wants their table anyway. */
	port->filter.promiscuous = port->args.l3;
	if (port->args.mac_source == TAP_MAC_FIXED) {
		fixed.addr_bytes[5] += fixed_count++;
		port->args.mac = fixed;
	}
	if (port->args.mac_source != TAP_MAC_NETDEV)
		ret = tap_link_set_mac(port->link, port->ifindex, &port->args.mac);
	if (ret == 0)
		ret = tap_link_get(port->link, port->ifindex, &state);
	if (ret != 0) {
		TAP_LOG(ERR, "%s: cannot set up the MAC address: %s", port->name, strerror(-ret));
		return ret;
	}
	dev->data->mac_addrs[0] = state.mac;
	port->kernel_dropped_base = state.tx_dropped;
	return 0;
}

static void
tap_log_rung(const struct rte_eth_dev *dev)
{
	static const char *const where[] = {
		[TAP_RUNG_FULL] = "in the kernel (rung 1 of 3: full BPF program)",
		[TAP_RUNG_BASIC] = "in the kernel (rung 2 of 3: basic BPF program, corrected in "
				   "software)",
		[TAP_RUNG_SOFT] = "in software (rung 3 of 3)",
	};
	const struct tap_port *port = tap_port_of(dev);

	TAP_LOG(NOTICE, "%s: RSS runs %s%s%s%s", dev->data->name, where[port->rung],
		tap_bpf_is_given(port->bpf) ? ", with objects that were handed over" : "",
		port->reason[0] != '\0' ? ": " : "", port->reason);
}

static int
tap_probe_rss(struct rte_eth_dev *dev)
{
	struct tap_port *port = tap_port_of(dev);
	int ret;

	port->bpf = tap_bpf_open(dev->data->name, &port->args, &port->rung, port->reason);
	if (port->bpf == NULL && port->args.rss == TAP_RSS_BPF) {
		TAP_LOG(ERR, "%s: rss=bpf was asked for and cannot be had: %s", dev->data->name,
			port->reason);
		return -ENOTSUP;
	}
	port->shared = rte_zmalloc("net_tap_policy", sizeof(*port->shared), RTE_CACHE_LINE_SIZE);
	if (port->shared == NULL)
		return -ENOMEM;
	port->policy.shared = port->shared;
	tap_bells[dev->data->port_id] = port->bpf != NULL ? tap_bpf_shared(port->bpf)->bell : NULL;
	port->policy.mirror = (struct tap_mirror){ port->shared, tap_bpf_shared(port->bpf) };
	port->policy.grace = port->bpf != NULL ? tap_bpf_grace : NULL;
	port->policy.grace_arg = port->bpf;
	/* Programs of an earlier process on a persistent tap; and the first proof that it can. */
	ret = tap_tun_set_steering(port->fd[0], -1);
	if (ret == 0)
		ret = tap_tun_set_filter(port->fd[0], -1);
	if (ret != 0 && port->bpf != NULL)
		return tap_fall_back(port, "TUNSETSTEERINGEBPF", ret);
	tap_log_rung(dev);
	return 0;
}

static int
tap_probe_port(struct rte_eth_dev *dev, const struct tap_args *args)
{
	struct tap_port *port = tap_port_of(dev);
	int ret;

	port->data = dev->data;
	port->args = *args;
	port->rx_mode.l3 = args->l3;
	rte_strscpy(port->name, args->iface, sizeof(port->name));
	ret = tap_probe_netdev(port);
	if (ret == 0)
		ret = tap_remote_open(port);
	if (ret == 0)
		ret = tap_probe_mac(dev);
	if (ret == 0)
		ret = tap_probe_rss(dev);
	if (ret == 0)
		ret = tap_probe_persist(port);
	if (ret != 0)
		tap_port_free(port);
	return ret;
}

/* Devargs are the primary's. */
static int
tap_probe_secondary(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *dev = rte_eth_dev_attach_secondary(rte_vdev_device_name(vdev));
	int ret;

	if (dev == NULL) {
		TAP_LOG(ERR, "%s: the primary process has no such port",
			rte_vdev_device_name(vdev));
		return -ENODEV;
	}
	dev->device = &vdev->device;
	dev->dev_ops = &tap_secondary_ops;
	ret = tap_mp_attach(dev);
	if (ret != 0) {
		rte_eth_dev_release_port(dev);
		return ret;
	}
	rte_eth_dev_probing_finish(dev);
	return 0;
}

static int
tap_probe(struct rte_vdev_device *vdev, bool l3)
{
	const char *name = rte_vdev_device_name(vdev);
	struct rte_eth_dev *dev;
	struct tap_args args;
	int ret;

	tap_cksum_init();
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return tap_probe_secondary(vdev);
	tap_mp_init();
	ret = tap_args_parse(name, rte_vdev_device_args(vdev), l3, &args);
	if (ret != 0)
		return ret;
	dev = rte_eth_vdev_allocate(vdev, sizeof(struct tap_port));
	if (dev == NULL) {
		TAP_LOG(ERR, "%s: no memory for the port", name);
		return -ENOMEM;
	}
	ret = tap_probe_port(dev, &args);
	if (ret != 0) {
		rte_eth_dev_release_port(dev);
		return ret;
	}
	dev->dev_ops = &tap_ops;
	dev->data->dev_flags =
		RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS | RTE_ETH_DEV_INTR_LSC | RTE_ETH_DEV_INTR_RMV;
	tap_mp_ready(tap_port_of(dev));
	rte_eth_dev_probing_finish(dev);
	tap_telemetry_add(dev);
	return 0;
}

static int
tap_probe_tap(struct rte_vdev_device *vdev)
{
	return tap_probe(vdev, false);
}

static int
tap_probe_tun(struct rte_vdev_device *vdev)
{
	return tap_probe(vdev, true);
}

static int
tap_remove(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

	if (dev == NULL)
		return 0;
	if (rte_eal_process_type() == RTE_PROC_PRIMARY && dev->data->dev_started)
		tap_stop(dev);
	tap_close(dev);
	return rte_eth_dev_release_port(dev);
}

static struct rte_vdev_driver tap_driver = {
	.probe = tap_probe_tap,
	.remove = tap_remove,
};

/* The same ports without layer 2, over a tun netdev. */
static struct rte_vdev_driver tap_driver_l3 = {
	.probe = tap_probe_tun,
	.remove = tap_remove,
};

RTE_PMD_REGISTER_VDEV(net_tap, tap_driver);
RTE_PMD_REGISTER_ALIAS(net_tap, eth_tap);
RTE_PMD_REGISTER_PARAM_STRING(net_tap, TAP_ARGS_HELP);
RTE_PMD_REGISTER_VDEV(net_tun, tap_driver_l3);
RTE_PMD_REGISTER_PARAM_STRING(net_tun, TAP_ARGS_HELP_L3);
