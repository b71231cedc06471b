/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/epoll.h>

#include <libmnl/libmnl.h>

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <rte_spinlock.h>

#include "tap_link.h"

/* A netdev with many queues and virtual functions needs more than a page. */
#define TAP_LINK_BUF 32768

struct tap_link {
	struct mnl_socket *socket;
	struct mnl_socket *events; /* NULL: not watched */
	int epfd;                  /* whose epoll instance has the events */
	rte_spinlock_t lock;       /* one request and its answer at a time */
	uint32_t sequence;
	char buf[TAP_LINK_BUF];
};

static struct mnl_socket *
tap_link_socket(int flags, unsigned int groups)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);

	if (socket == NULL || mnl_socket_bind(socket, groups, MNL_SOCKET_AUTOPID) == 0)
		return socket;
	mnl_socket_close(socket);
	return NULL;
}

struct tap_link *
tap_link_open(void)
{
	struct tap_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	rte_spinlock_init(&link->lock);
	link->sequence = (uint32_t)time(NULL);
	link->socket = tap_link_socket(0, 0);
	if (link->socket == NULL) {
		tap_link_close(link);
		return NULL;
	}
	return link;
}

void
tap_link_close(struct tap_link *link)
{
	if (link == NULL)
		return;
	tap_link_unwatch(link);
	if (link->socket != NULL)
		mnl_socket_close(link->socket);
	free(link);
}

/* An answer, or a part of one, into the buffer; past what an earlier request failed to take. */
static ssize_t
tap_link_receive(struct tap_link *link, uint32_t sequence)
{
	const struct nlmsghdr *answer = (const struct nlmsghdr *)link->buf;
	ssize_t len;

	do
		len = mnl_socket_recvfrom(link->socket, link->buf, sizeof(link->buf));
	while (len < 0 ? errno == EINTR :
			 len >= (ssize_t)sizeof(*answer) && answer->nlmsg_seq != sequence);
	return len;
}

/* Send a request and feed the answer to @p cb; the caller holds the lock. */
static int
tap_link_talk(struct tap_link *link, struct nlmsghdr *request, mnl_cb_t cb, void *arg)
{
	unsigned int portid = mnl_socket_get_portid(link->socket);
	uint32_t sequence = ++link->sequence;
	ssize_t len;
	int ret;

	request->nlmsg_seq = sequence;
	if (mnl_socket_sendto(link->socket, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		len = tap_link_receive(link, sequence);
		if (len < 0)
			return -errno;
		ret = mnl_cb_run(link->buf, (size_t)len, sequence, portid, cb, arg);
	} while (ret > MNL_CB_STOP);
	return ret < 0 ? -errno : 0;
}

/* What is no number of 32 bits leaves @p value as it is. */
static void
tap_link_parse_u32(const struct nlattr *attr, uint32_t *value)
{
	if (mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		*value = mnl_attr_get_u32(attr);
}

static int
tap_link_parse_tun(const struct nlattr *attr, void *arg)
{
	struct tap_link_state *state = arg;

	if (mnl_attr_get_type(attr) == IFLA_TUN_NUM_QUEUES)
		tap_link_parse_u32(attr, &state->tun_queues);
	return MNL_CB_OK;
}

/* The kind comes first; the data of other kinds means other things. */
static int
tap_link_parse_info(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND &&
	    (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0 ||
	     strcmp(mnl_attr_get_str(attr), "tun") != 0))
		return MNL_CB_STOP;
	if (mnl_attr_get_type(attr) == IFLA_INFO_DATA)
		return mnl_attr_parse_nested(attr, tap_link_parse_tun, arg);
	return MNL_CB_OK;
}

static int
tap_link_parse_attr(const struct nlattr *attr, void *arg)
{
	struct tap_link_state *state = arg;
	struct rtnl_link_stats64 stats;

	switch (mnl_attr_get_type(attr)) {
	case IFLA_MTU:
		tap_link_parse_u32(attr, &state->mtu);
		break;
	case IFLA_TXQLEN:
		tap_link_parse_u32(attr, &state->queue_len);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == sizeof(state->mac))
			memcpy(&state->mac, mnl_attr_get_payload(attr), sizeof(state->mac));
		break;
	case IFLA_STATS64:
		memset(&stats, 0, sizeof(stats));
		memcpy(&stats, mnl_attr_get_payload(attr),
		       RTE_MIN(sizeof(stats), mnl_attr_get_payload_len(attr)));
		state->tx_dropped = stats.tx_dropped;
		break;
	case IFLA_LINKINFO:
		return mnl_attr_parse_nested(attr, tap_link_parse_info, state) < 0 ? MNL_CB_ERROR :
										     MNL_CB_OK;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int
tap_link_parse(const struct nlmsghdr *answer, void *arg)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(answer);
	struct tap_link_state *state = arg;

	if (mnl_nlmsg_get_payload_len(answer) < sizeof(*info)) {
		errno = EPROTO;
		return MNL_CB_ERROR;
	}
	state->ifindex = (unsigned int)info->ifi_index;
	state->flags = info->ifi_flags;
	/* One request, one answer: without a stop libmnl's caller would wait for more. */
	return mnl_attr_parse(answer, sizeof(*info), tap_link_parse_attr, state) < 0 ?
		       MNL_CB_ERROR :
		       MNL_CB_STOP;
}

static struct ifinfomsg *
tap_link_request(char *buf, uint16_t type, uint16_t flags, unsigned int ifindex)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *info;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = (int)ifindex;
	return info;
}

static int
tap_link_query(struct tap_link *link, unsigned int ifindex, const char *name,
	       struct tap_link_state *state)
{
	int ret;

	memset(state, 0, sizeof(*state));
	rte_spinlock_lock(&link->lock);
	tap_link_request(link->buf, RTM_GETLINK, 0, ifindex);
	if (name != NULL)
		mnl_attr_put_strz((struct nlmsghdr *)link->buf, IFLA_IFNAME, name);
	ret = tap_link_talk(link, (struct nlmsghdr *)link->buf, tap_link_parse, state);
	rte_spinlock_unlock(&link->lock);
	return ret;
}

int
tap_link_get(struct tap_link *link, unsigned int ifindex, struct tap_link_state *state)
{
	return tap_link_query(link, ifindex, NULL, state);
}

int
tap_link_find(struct tap_link *link, const char *name, struct tap_link_state *state)
{
	return tap_link_query(link, 0, name, state);
}

/* Change one attribute; the answer is an acknowledgement. */
static int
tap_link_set(struct tap_link *link, unsigned int ifindex, uint16_t attr, const void *value,
	     size_t len)
{
	int ret;

	rte_spinlock_lock(&link->lock);
	tap_link_request(link->buf, RTM_NEWLINK, NLM_F_ACK, ifindex);
	mnl_attr_put((struct nlmsghdr *)link->buf, attr, len, value);
	ret = tap_link_talk(link, (struct nlmsghdr *)link->buf, NULL, NULL);
	rte_spinlock_unlock(&link->lock);
	return ret;
}

int
tap_link_set_up(struct tap_link *link, unsigned int ifindex, bool up)
{
	struct ifinfomsg *info;
	int ret;

	rte_spinlock_lock(&link->lock);
	info = tap_link_request(link->buf, RTM_NEWLINK, NLM_F_ACK, ifindex);
	info->ifi_change = IFF_UP;
	info->ifi_flags = up ? IFF_UP : 0;
	ret = tap_link_talk(link, (struct nlmsghdr *)link->buf, NULL, NULL);
	rte_spinlock_unlock(&link->lock);
	return ret;
}

int
tap_link_set_mtu(struct tap_link *link, unsigned int ifindex, uint32_t mtu)
{
	return tap_link_set(link, ifindex, IFLA_MTU, &mtu, sizeof(mtu));
}

int
tap_link_set_queue_len(struct tap_link *link, unsigned int ifindex, uint32_t packets)
{
	return tap_link_set(link, ifindex, IFLA_TXQLEN, &packets, sizeof(packets));
}

int
tap_link_set_mac(struct tap_link *link, unsigned int ifindex, const struct rte_ether_addr *mac)
{
	return tap_link_set(link, ifindex, IFLA_ADDRESS, mac, sizeof(*mac));
}

/* In place of the socket for events that there is, if any; the caller holds the lock. */
static int
tap_link_watch_locked(struct tap_link *link, int epfd)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct mnl_socket *events = tap_link_socket(SOCK_NONBLOCK, RTMGRP_LINK);
	int ret;

	if (events == NULL)
		return -errno;
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, mnl_socket_get_fd(events), &event) != 0) {
		ret = -errno;
		mnl_socket_close(events);
		return ret;
	}
	if (link->events != NULL)
		mnl_socket_close(link->events);
	link->events = events;
	link->epfd = epfd;
	return 0;
}

int
tap_link_watch(struct tap_link *link, int epfd)
{
	int ret;

	rte_spinlock_lock(&link->lock);
	ret = tap_link_watch_locked(link, epfd);
	rte_spinlock_unlock(&link->lock);
	return ret;
}

void
tap_link_unwatch(struct tap_link *link)
{
	rte_spinlock_lock(&link->lock);
	if (link->events != NULL)
		mnl_socket_close(link->events);
	link->events = NULL;
	rte_spinlock_unlock(&link->lock);
}

bool
tap_link_changed(struct tap_link *link)
{
	bool changed = false;
	ssize_t len;

	/* What they say does not matter: lost events and those that are too long tell as much. */
	rte_spinlock_lock(&link->lock);
	while (link->events != NULL) {
		len = mnl_socket_recvfrom(link->events, link->buf, sizeof(link->buf));
		if (len < 0 && errno != ENOBUFS && errno != ENOSPC)
			break;
		changed = true;
	}
	rte_spinlock_unlock(&link->lock);
	return changed;
}

int
tap_link_reopen(struct tap_link *link)
{
	struct mnl_socket *socket = tap_link_socket(0, 0);
	int ret = 0;

	if (socket == NULL)
		return -errno;
	rte_spinlock_lock(&link->lock);
	mnl_socket_close(link->socket);
	link->socket = socket;
	if (link->events != NULL) {
		ret = tap_link_watch_locked(link, link->epfd);
		/* Events of the move are lost with the old socket; any answer wakes as well. */
		tap_link_request(link->buf, RTM_GETLINK, 0, 1);
		if (ret == 0 && mnl_socket_sendto(link->events, link->buf,
						  ((struct nlmsghdr *)link->buf)->nlmsg_len) < 0)
			ret = -errno;
	}
	rte_spinlock_unlock(&link->lock);
	return ret;
}
