/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "tap_control.h"
#include "tap_log.h"
#include "tap_netdev.h"

/* What is to be done in another network namespace, and its result. */
struct tap_abroad {
	int netns;
	int (*run)(struct tap_port *port);
	struct tap_port *port;
	int ret;
};

static void *
tap_abroad_thread(void *arg)
{
	struct tap_abroad *job = arg;

	job->ret = setns(job->netns, CLONE_NEWNET) == 0 ? job->run(job->port) : -errno;
	return NULL;
}

/* By a thread of its own, so that no other one is anywhere else for a moment. */
static int
tap_run_abroad(struct tap_port *port, int (*run)(struct tap_port *port))
{
	struct tap_abroad job = { .netns = tap_tun_netns(port->fd[0]), .run = run, .port = port };
	pthread_t thread;
	int ret;

	if (job.netns < 0)
		return job.netns;
	ret = -pthread_create(&thread, NULL, tap_abroad_thread, &job);
	/* The thread may have been faster: job.ret is its alone. */
	if (ret == 0) {
		pthread_join(thread, NULL);
		ret = job.ret;
	}
	close(job.netns);
	return ret;
}

static int
tap_netdev_settle(struct tap_port *port)
{
	struct tap_link_state state;
	int ret;

	/* Whatever fails below: to open a queue elsewhere would make another netdev. */
	port->moved = true;
	ret = tap_link_reopen(port->link);
	if (ret == 0)
		ret = tap_link_find(port->link, port->name, &state);
	if (ret == 0)
		port->ifindex = state.ifindex;
	return ret;
}

static void
tap_netdev_explain(const struct tap_port *port, int ret)
{
	if (port->gone)
		TAP_LOG(ERR, "%s: the netdev was removed; close the port", port->name);
	else if (ret == -EPERM)
		TAP_LOG(ERR,
			"%s: the netdev is in another network namespace; to follow it, for link "
			"state, MTU, MAC address and drops, takes CAP_NET_ADMIN and CAP_SYS_ADMIN",
			port->name);
	else if (ret == -EINVAL)
		TAP_LOG(ERR,
			"%s: the netdev is in another network namespace; to follow it takes a "
			"kernel of 5.2 or later",
			port->name);
	else
		TAP_LOG(ERR, "%s: cannot follow the netdev to another network namespace: %s",
			port->name, strerror(-ret));
}

static int
tap_netdev_follow(struct tap_port *port)
{
	struct tap_link_state state;
	int ret;

	tap_control_lock();
	/* The thread of link events may have been there first, or another one. */
	if (tap_link_get(port->link, port->ifindex, &state) == 0) {
		tap_control_unlock();
		return 0;
	}
	ret = tap_tun_name(port->fd[0], port->name);
	if (ret == 0)
		ret = tap_run_abroad(port, tap_netdev_settle);
	port->gone = ret == -EBADFD;
	if (ret == 0)
		TAP_LOG(NOTICE, "%s: the netdev has moved to another network namespace, index %u",
			port->name, port->ifindex);
	else if (!port->lost)
		tap_netdev_explain(port, ret);
	port->lost = ret != 0;
	tap_control_unlock();
	return ret;
}

int
tap_netdev_get(struct tap_port *port, struct tap_link_state *state)
{
	int ret = tap_link_get(port->link, port->ifindex, state);

	if (ret == -ENODEV && tap_netdev_follow(port) == 0)
		ret = tap_link_get(port->link, port->ifindex, state);
	return ret;
}

static int
tap_netdev_attach(struct tap_port *port)
{
	return tap_tun_open(port->name, port->args.l3);
}

int
tap_netdev_open_queue(struct tap_port *port)
{
	struct tap_link_state state;
	int ret;

	/* To attach by an old name, or in a namespace that it has left, would make another netdev. */
	ret = tap_netdev_get(port, &state);
	if (ret == 0)
		ret = tap_tun_name(port->fd[0], port->name);
	if (ret == 0)
		return port->moved ? tap_run_abroad(port, tap_netdev_attach) :
				     tap_tun_open(port->name, port->args.l3);
	TAP_LOG(ERR, "%s: cannot add a queue: %s", port->name, strerror(-ret));
	return ret;
}
