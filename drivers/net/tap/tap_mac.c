/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <string.h>

#include "tap_ethdev.h"
#include "tap_log.h"
#include "tap_netdev.h"
#include "tap_remote.h"

/*
 * The filter of a NIC: the kernel sends all kinds of frames into a tap, so the port
 * itself drops what is not for it. It is exact, and bounded by the tables' sizes.
 */
bool
tap_mac_accept(const struct tap_port *port, const struct rte_ether_addr *dst)
{
	const struct tap_mac_filter *filter = &port->filter;
	const struct rte_ether_addr *list = port->data->mac_addrs;
	uint16_t n = filter->n_unicast;
	uint16_t i;

	if (rte_is_multicast_ether_addr(dst)) {
		if (filter->allmulticast || rte_is_broadcast_ether_addr(dst))
			return true;
		list = filter->multicast;
		n = filter->n_multicast;
	}
	for (i = 0; i < n; i++)
		if (rte_is_same_ether_addr(dst, &list[i]))
			return true;
	return false;
}

int
tap_promiscuous_enable(struct rte_eth_dev *dev)
{
	tap_remote_set_promiscuous(tap_port_of(dev), true);
	tap_port_of(dev)->filter.promiscuous = true;
	return 0;
}

int
tap_promiscuous_disable(struct rte_eth_dev *dev)
{
	tap_remote_set_promiscuous(tap_port_of(dev), false);
	tap_port_of(dev)->filter.promiscuous = tap_port_of(dev)->args.l3;
	return 0;
}

int
tap_allmulticast_enable(struct rte_eth_dev *dev)
{
	tap_remote_set_allmulticast(tap_port_of(dev), true);
	tap_port_of(dev)->filter.allmulticast = true;
	return 0;
}

int
tap_allmulticast_disable(struct rte_eth_dev *dev)
{
	tap_remote_set_allmulticast(tap_port_of(dev), false);
	tap_port_of(dev)->filter.allmulticast = false;
	return 0;
}

/* Refuse what is about addresses on a net_tun port. */
static int
tap_mac_check(const struct tap_port *port, const char *what)
{
	if (!port->args.l3)
		return 0;
	TAP_LOG(ERR, "%s: %s: a tun netdev has no MAC addresses", port->name, what);
	return -ENOTSUP;
}

int
tap_mac_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	struct tap_port *port = tap_port_of(dev);
	struct tap_link_state now;
	int ret;

	/* No application can ask for zero: it is ethdev, which restores what there is. */
	if (port->args.l3 && rte_is_zero_ether_addr(mac))
		return 0;
	ret = tap_mac_check(port, "MAC address to set");
	if (ret != 0)
		return ret;
	ret = tap_netdev_get(port, &now);
	/* ethdev restores the address at each start; what is right needs no privilege. */
	if (ret == 0 && !rte_is_same_ether_addr(&now.mac, mac))
		ret = tap_link_set_mac(port->link, port->ifindex, mac);
	if (ret == 0)
		ret = tap_remote_allow(port, mac);
	if (ret == 0 && !rte_is_same_ether_addr(&port->data->mac_addrs[0], mac))
		tap_remote_forbid(port, &port->data->mac_addrs[0]);
	if (ret != 0)
		TAP_LOG(ERR, "%s: cannot set the MAC address: %s", port->name, strerror(-ret));
	return ret;
}

int
tap_mac_add(struct rte_eth_dev *dev, struct rte_ether_addr *mac, uint32_t index, uint32_t vmdq)
{
	struct tap_port *port = tap_port_of(dev);
	int ret;

	/* ethdev has checked address and index, and writes the table after this. */
	ret = tap_mac_check(port, "MAC address to add");
	if (ret != 0 || vmdq != 0)
		return -ENOTSUP;
	ret = tap_remote_allow(port, mac);
	if (ret != 0)
		return ret;
	port->filter.n_unicast = RTE_MAX(port->filter.n_unicast, (uint16_t)(index + 1));
	return 0;
}

void
tap_mac_remove(struct rte_eth_dev *dev, uint32_t index)
{
	/* ethdev zeroes the entry after this: no frame has the zero address as its destination. */
	tap_remote_forbid(tap_port_of(dev), &dev->data->mac_addrs[index]);
}

int
tap_mcast_set(struct rte_eth_dev *dev, struct rte_ether_addr *list, uint32_t n)
{
	struct tap_mac_filter *filter = &tap_port_of(dev)->filter;
	int ret = n == 0 ? 0 : tap_mac_check(tap_port_of(dev), "list of multicast addresses");

	if (ret != 0)
		return ret;
	if (n > TAP_MAX_MCAST) {
		TAP_LOG(ERR, "%s: %u multicast addresses; at most %u are supported",
			tap_port_of(dev)->name, n, TAP_MAX_MCAST);
		return -ENOSPC;
	}
	ret = tap_remote_set_multicast(tap_port_of(dev), list, n);
	if (ret != 0)
		return ret;
	if (n != 0)
		memcpy(filter->multicast, list, n * sizeof(*list));
	filter->n_multicast = (uint16_t)n;
	return 0;
}
