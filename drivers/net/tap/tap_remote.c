/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap_ethdev.h"
#include "tap_log.h"
#include "tap_remote.h"

#ifdef TAP_HAVE_BPF

#include <stddef.h>
#include <stdio.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <linux/if_packet.h>

#include "tap_bpf_reason.h"
#include "tap_control.h"
#include "tap_tc.h"
#include "tap_remote.skel.h"

#define TAP_REMOTE_IN "tap_remote_in"
#define TAP_REMOTE_OUT "tap_remote_out"

struct tap_remote {
	struct tap_remote_bpf *skel;
	unsigned int ifindex;
	struct rte_ether_addr mac; /* its own */
	struct tap_tc in;
	struct tap_tc out;
	int claim;   /* socket whose name tells other ports that the netdev is taken */
	int members; /* packet socket: what the netdev shall receive for us, until it is closed */
	bool raised; /* the netdev was down before */
};

static struct tap_remote_bpf *
tap_remote_load(const struct tap_remote *remote, const struct tap_port *port, bool orphan)
{
	struct tap_remote_bpf *skel = tap_remote_bpf__open();
	int ret;

	if (skel == NULL)
		return NULL;
	skel->rodata->tap_remote_ifindex = remote->ifindex;
	skel->rodata->tap_remote_tap = port->ifindex;
	skel->rodata->tap_remote_orphan = orphan;
	ret = tap_remote_bpf__load(skel);
	if (ret == 0)
		return skel;
	tap_remote_bpf__destroy(skel);
	errno = -ret;
	return NULL;
}

/* Load programs of which those at the remote look for the tap, or not. */
static int
tap_remote_try(struct tap_remote *remote, const struct tap_port *port, bool orphan)
{
	char reason[TAP_REASON_LEN] = "";
	int err;

	tap_remote_bpf__destroy(remote->skel);
	tap_bpf_listen();
	remote->skel = tap_remote_load(remote, port, orphan);
	/* Kernels before 5.12 cannot look. */
	if (remote->skel == NULL && orphan)
		remote->skel = tap_remote_load(remote, port, false);
	err = errno;
	tap_bpf_listen_end();
	if (remote->skel != NULL)
		return 0;
	tap_bpf_explain(reason, TAP_REMOTE_IN, err);
	TAP_LOG(ERR, "%s: remote=%s cannot be had: %s", port->name, port->args.remote, reason);
	return -err;
}

static int
tap_remote_link(struct tap_remote *remote, const struct tap_port *port)
{
	int ret;

	if (getenv("NET_TAP_NO_TCX") != NULL)
		return -EINVAL;
	ret = tap_tc_link(&remote->out, port->ifindex,
			  bpf_program__fd(remote->skel->progs.tap_remote_out));
	if (ret == 0)
		ret = tap_tc_link(&remote->in, remote->ifindex,
				  bpf_program__fd(remote->skel->progs.tap_remote_in));
	return ret;
}

static int
tap_remote_filter(struct tap_remote *remote, const struct tap_port *port)
{
	int ret;

	ret = tap_tc_filter(&remote->out, port->ifindex,
			    bpf_program__fd(remote->skel->progs.tap_remote_out), TAP_REMOTE_OUT);
	if (ret == 0)
		ret = tap_tc_filter(&remote->in, remote->ifindex,
				    bpf_program__fd(remote->skel->progs.tap_remote_in),
				    TAP_REMOTE_IN);
	return ret;
}

static int
tap_remote_attach(struct tap_remote *remote, struct tap_port *port)
{
	bool linked;
	int ret = tap_remote_try(remote, port, false);

	if (ret != 0)
		return ret;
	/* Of an earlier process, perhaps on a kernel or with a libbpf that had no other way. */
	tap_tc_clean(port->ifindex, TAP_REMOTE_OUT);
	tap_tc_clean(remote->ifindex, TAP_REMOTE_IN);
	linked = tap_remote_link(remote, port) == 0;
	if (!linked) {
		tap_tc_detach(&remote->out);
		ret = tap_remote_try(remote, port, true);
		if (ret != 0)
			return ret;
		ret = tap_remote_filter(remote, port);
	}
	if (ret != 0)
		TAP_LOG(ERR,
			"%s: remote=%s: cannot attach a tc program: %s; it takes CAP_NET_ADMIN and "
			"a kernel with CONFIG_NET_CLS_BPF and CONFIG_NET_SCH_INGRESS",
			port->name, port->args.remote, strerror(-ret));
	else
		TAP_LOG(NOTICE, "%s: remote=%s is captured by a %s", port->name, port->args.remote,
			linked ? "tcx link" : "clsact filter");
	return ret;
}

/* The process that has claimed the netdev; pid 0 and root if that cannot be seen. */
static struct ucred
tap_remote_owner(const struct sockaddr_un *name, socklen_t len)
{
	struct ucred owner = { .pid = 0 };
	socklen_t size = sizeof(owner);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return owner;
	if (connect(fd, (const struct sockaddr *)name, len) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &size) != 0)
		owner = (struct ucred){ .pid = 0 };
	close(fd);
	return owner;
}

/* The port of this process that has the netdev; NULL if none. The caller holds the control lock. */
static const char *
tap_remote_port_of(unsigned int ifindex)
{
	uint16_t id;

	/* Those that belong to other ports, of bonding for instance, too. */
	for (id = rte_eth_find_next(0); id < RTE_MAX_ETHPORTS; id = rte_eth_find_next(id + 1)) {
		const struct rte_eth_dev *dev = &rte_eth_devices[id];

		if (dev->dev_ops == &tap_ops && tap_port_of(dev)->remote != NULL &&
		    tap_port_of(dev)->remote->ifindex == ifindex)
			return dev->data->name;
	}
	return NULL;
}

/* Somebody has the name already: -EBUSY, or 0 if it is nobody who could have a port. */
static int
tap_remote_claimed(const struct tap_port *port, unsigned int ifindex,
		   const struct sockaddr_un *name, socklen_t len)
{
	const struct ucred owner = tap_remote_owner(name, len);
	const char *other;

	if (owner.uid != 0 && owner.uid != geteuid()) {
		TAP_LOG(WARNING,
			"%s: remote=%s is claimed by process %d of user %u, which is not heeded",
			port->name, port->args.remote, (int)owner.pid, owner.uid);
		return 0;
	}
	tap_control_lock();
	other = tap_remote_port_of(ifindex);
	if (other != NULL)
		TAP_LOG(ERR, "%s: remote=%s is captured by port %s already; allowed: one port",
			port->name, port->args.remote, other);
	else if (owner.pid != 0)
		TAP_LOG(ERR,
			"%s: remote=%s is captured by a port of process %d already; allowed: one "
			"port",
			port->name, port->args.remote, (int)owner.pid);
	else
		TAP_LOG(ERR,
			"%s: remote=%s is captured by a port of another process already; allowed: "
			"one port",
			port->name, port->args.remote);
	tap_control_unlock();
	return -EBUSY;
}

/*
 * One port for each netdev. The claim is a name that belongs to the network namespace, needs no
 * privilege and goes with the last process that has the socket, however that ends.
 */
static int
tap_remote_claim(struct tap_remote *remote, const struct tap_port *port)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 1;
	int ret = 0;

	len += (socklen_t)snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1,
				   "net_tap.remote.%u", remote->ifindex);
	remote->claim = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (remote->claim < 0 || bind(remote->claim, (const struct sockaddr *)&name, len) != 0 ||
	    listen(remote->claim, SOMAXCONN) != 0)
		ret = -errno;
	if (ret == -EADDRINUSE)
		return tap_remote_claimed(port, remote->ifindex, &name, len);
	if (ret != 0)
		TAP_LOG(ERR, "%s: remote=%s cannot be claimed: %s", port->name, port->args.remote,
			strerror(-ret));
	return ret;
}

/* Which netdev it is, and what the port takes over of it. */
static int
tap_remote_find(struct tap_remote *remote, struct tap_port *port)
{
	struct tap_link_state state;
	int ret;

	if (strcmp(port->name, port->args.remote) == 0) {
		TAP_LOG(ERR, "%s: remote=%s is the port's own tap; allowed: another netdev",
			port->name, port->args.remote);
		return -EINVAL;
	}
	ret = tap_link_find(port->link, port->args.remote, &state);
	if (ret != 0) {
		TAP_LOG(ERR, "%s: remote=%s: there is no such netdev in this network namespace: %s",
			port->name, port->args.remote, strerror(-ret));
		return ret;
	}
	if (rte_is_zero_ether_addr(&state.mac)) {
		TAP_LOG(ERR, "%s: remote=%s has no MAC address; allowed: a netdev that is Ethernet",
			port->name, port->args.remote);
		return -EINVAL;
	}
	remote->ifindex = state.ifindex;
	remote->mac = state.mac;
	ret = tap_remote_claim(remote, port);
	if (ret != 0)
		return ret;
	port->args.mac_source = TAP_MAC_GIVEN;
	port->args.mac = state.mac;
	port->data->mtu = (uint16_t)RTE_MIN(state.mtu, (uint32_t)TAP_MAX_MTU);
	ret = tap_link_set_mtu(port->link, port->ifindex, port->data->mtu);
	if (ret != 0)
		TAP_LOG(ERR, "%s: cannot set the MTU of remote=%s, %u: %s", port->name,
			port->args.remote, port->data->mtu, strerror(-ret));
	return ret;
}

int
tap_remote_open(struct tap_port *port)
{
	struct tap_remote *remote;
	int ret;

	if (port->args.remote[0] == '\0') {
		tap_tc_clean(port->ifindex, TAP_REMOTE_OUT);
		return 0;
	}
	remote = calloc(1, sizeof(*remote));
	if (remote == NULL)
		return -ENOMEM;
	remote->claim = -1;
	/* Protocol 0: it receives nothing. */
	remote->members = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (remote->members < 0)
		TAP_LOG(WARNING,
			"%s: remote=%s: what the netdev filters out is not received (%s); give the "
			"process CAP_NET_RAW",
			port->name, port->args.remote, strerror(errno));
	port->remote = remote;
	ret = tap_remote_find(remote, port);
	if (ret == 0)
		ret = tap_remote_attach(remote, port);
	if (ret == 0)
		ret = tap_remote_allow(port, &port->args.mac);
	return ret;
}

void
tap_remote_close(struct tap_port *port)
{
	struct tap_remote *remote = port->remote;

	if (remote == NULL)
		return;
	tap_tc_detach(&remote->in);
	tap_tc_detach(&remote->out);
	if (remote->members >= 0)
		close(remote->members);
	if (remote->raised)
		tap_link_set_up(port->link, remote->ifindex, false);
	if (remote->claim >= 0)
		close(remote->claim);
	tap_remote_bpf__destroy(remote->skel);
	tap_control_lock();
	port->remote = NULL;
	tap_control_unlock();
	free(remote);
}

void
tap_remote_run(struct tap_port *port, bool on)
{
	struct tap_remote *remote = port->remote;
	struct tap_link_state state;
	int ret;

	if (remote == NULL)
		return;
	remote->skel->bss->tap_remote_running = on;
	if (!on)
		return;
	ret = tap_link_get(port->link, remote->ifindex, &state);
	if (ret == 0 && !(state.flags & IFF_UP)) {
		ret = tap_link_set_up(port->link, remote->ifindex, true);
		remote->raised = ret == 0;
	}
	if (ret != 0)
		TAP_LOG(WARNING, "%s: remote=%s cannot be set up: %s", port->name,
			port->args.remote, strerror(-ret));
	else if (state.mtu > port->data->mtu)
		TAP_LOG(WARNING, "%s: remote=%s has MTU %u, the port %u: longer frames may be lost",
			port->name, port->args.remote, state.mtu, port->data->mtu);
}

/* Have the netdev receive for us what it would filter out. */
static void
tap_remote_member(const struct tap_port *port, bool join, unsigned short type,
		  const struct rte_ether_addr *mac)
{
	struct packet_mreq request = {
		.mr_ifindex = (int)port->remote->ifindex,
		.mr_type = type,
	};

	/* Many netdevs become promiscuous for a second address; the first needs no request. */
	if (port->remote->members < 0 ||
	    (mac != NULL && rte_is_same_ether_addr(mac, &port->remote->mac)))
		return;
	if (mac != NULL) {
		request.mr_alen = sizeof(*mac);
		memcpy(request.mr_address, mac, sizeof(*mac));
	}
	if (setsockopt(port->remote->members, SOL_PACKET,
		       join ? PACKET_ADD_MEMBERSHIP : PACKET_DROP_MEMBERSHIP, &request,
		       sizeof(request)) != 0 &&
	    join)
		TAP_LOG(WARNING, "%s: remote=%s cannot be told to receive more: %s", port->name,
			port->args.remote, strerror(errno));
}

/* Switch on or off; what is so already is left alone, for memberships are counted. */
static void
tap_remote_switch(const struct tap_port *port, volatile __u32 *flag, bool on, unsigned short type)
{
	if (*flag == on)
		return;
	*flag = on;
	tap_remote_member(port, on, type, NULL);
}

void
tap_remote_set_promiscuous(struct tap_port *port, bool on)
{
	if (port->remote != NULL)
		tap_remote_switch(port, &port->remote->skel->bss->tap_remote_promiscuous, on,
				  PACKET_MR_PROMISC);
}

void
tap_remote_set_allmulticast(struct tap_port *port, bool on)
{
	if (port->remote != NULL)
		tap_remote_switch(port, &port->remote->skel->bss->tap_remote_allmulticast, on,
				  PACKET_MR_ALLMULTI);
}

static unsigned short
tap_remote_mac_type(const struct rte_ether_addr *mac)
{
	return rte_is_multicast_ether_addr(mac) ? PACKET_MR_MULTICAST : PACKET_MR_UNICAST;
}

int
tap_remote_allow(struct tap_port *port, const struct rte_ether_addr *mac)
{
	const __u8 yes = 1;
	__u64 key = 0;
	int ret;

	if (port->remote == NULL)
		return 0;
	memcpy(&key, mac, sizeof(*mac));
	ret = bpf_map_update_elem(bpf_map__fd(port->remote->skel->maps.tap_remote_macs), &key, &yes,
				  BPF_NOEXIST);
	if (ret == 0)
		tap_remote_member(port, true, tap_remote_mac_type(mac), mac);
	return ret == -EEXIST ? 0 : ret;
}

void
tap_remote_forbid(struct tap_port *port, const struct rte_ether_addr *mac)
{
	__u64 key = 0;

	if (port->remote == NULL)
		return;
	memcpy(&key, mac, sizeof(*mac));
	if (bpf_map_delete_elem(bpf_map__fd(port->remote->skel->maps.tap_remote_macs), &key) == 0)
		tap_remote_member(port, false, tap_remote_mac_type(mac), mac);
}

int
tap_remote_set_multicast(struct tap_port *port, const struct rte_ether_addr *list, uint32_t n)
{
	const struct tap_mac_filter *filter = &port->filter;
	uint32_t i, k;
	int ret = 0;

	for (i = 0; ret == 0 && i < n; i++)
		ret = tap_remote_allow(port, &list[i]);
	for (i = 0; ret == 0 && i < filter->n_multicast; i++) {
		for (k = 0; k < n; k++)
			if (rte_is_same_ether_addr(&filter->multicast[i], &list[k]))
				break;
		if (k == n)
			tap_remote_forbid(port, &filter->multicast[i]);
	}
	return ret;
}

int
tap_remote_set_mtu(struct tap_port *port, uint16_t mtu)
{
	int ret = 0;

	if (port->remote != NULL)
		ret = tap_link_set_mtu(port->link, port->remote->ifindex, mtu);
	if (ret != 0)
		TAP_LOG(ERR, "%s: cannot set the MTU of remote=%s to %u: %s", port->name,
			port->args.remote, mtu, strerror(-ret));
	return ret;
}

#else /* !TAP_HAVE_BPF */

int
tap_remote_open(struct tap_port *port)
{
	if (port->args.remote[0] == '\0')
		return 0;
	TAP_LOG(ERR, "%s: remote=%s cannot be had: the driver was built without BPF", port->name,
		port->args.remote);
	return -ENOTSUP;
}

void
tap_remote_close(struct tap_port *port)
{
	RTE_SET_USED(port);
}

void
tap_remote_run(struct tap_port *port, bool on)
{
	RTE_SET_USED(port);
	RTE_SET_USED(on);
}

void
tap_remote_set_promiscuous(struct tap_port *port, bool on)
{
	RTE_SET_USED(port);
	RTE_SET_USED(on);
}

void
tap_remote_set_allmulticast(struct tap_port *port, bool on)
{
	RTE_SET_USED(port);
	RTE_SET_USED(on);
}

int
tap_remote_allow(struct tap_port *port, const struct rte_ether_addr *mac)
{
	RTE_SET_USED(port);
	RTE_SET_USED(mac);
	return 0;
}

void
tap_remote_forbid(struct tap_port *port, const struct rte_ether_addr *mac)
{
	RTE_SET_USED(port);
	RTE_SET_USED(mac);
}

int
tap_remote_set_multicast(struct tap_port *port, const struct rte_ether_addr *list, uint32_t n)
{
	RTE_SET_USED(port);
	RTE_SET_USED(list);
	RTE_SET_USED(n);
	return 0;
}

int
tap_remote_set_mtu(struct tap_port *port, uint16_t mtu)
{
	RTE_SET_USED(port);
	RTE_SET_USED(mtu);
	return 0;
}

#endif /* TAP_HAVE_BPF */
