/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>

#include <rte_interrupts.h>

#include "tap_ethdev.h"
#include "tap_log.h"

/*
 * Link state and removal as events. EAL's interrupt thread watches an epoll instance, in which
 * the rtnetlink socket can be exchanged when the netdev moves to another namespace.
 */

/* Is this thread in the handler, in the application's callback for example? */
static __thread bool tap_lsc_inside;

static void
tap_lsc_tell(struct rte_eth_dev *dev)
{
	const struct rte_eth_intr_conf *conf = &dev->data->dev_conf.intr_conf;
	struct tap_port *port = tap_port_of(dev);
	uint16_t status = dev->data->dev_link.link_status;
	bool lsc = conf->lsc && status != port->lsc_told;
	bool rmv = conf->rmv && port->gone && !port->rmv_told;

	port->lsc_told = status;
	port->rmv_told = port->gone;
	/* The port may be stopped in there: no look at it afterwards. */
	if (lsc)
		rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_LSC, NULL);
	if (rmv)
		rte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_RMV, NULL);
}

static void
tap_lsc_handler(void *arg)
{
	struct rte_eth_dev *dev = arg;

	if (!tap_link_changed(tap_port_of(dev)->link))
		return;
	tap_lsc_inside = true;
	tap_link_update(dev, 0);
	tap_lsc_tell(dev);
	tap_lsc_inside = false;
}

/* EAL has a copy of the handle, which it frees after this. */
static void
tap_lsc_release(struct rte_intr_handle *handle, void *arg)
{
	RTE_SET_USED(arg);
	close(rte_intr_fd_get(handle));
}

static int
tap_lsc_register(struct rte_eth_dev *dev, int epfd)
{
	struct tap_port *port = tap_port_of(dev);
	int ret;

	port->lsc = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	if (port->lsc == NULL)
		return -ENOMEM;
	ret = tap_link_watch(port->link, epfd);
	/* What changes after this look is told, as soon as EAL's thread watches. */
	tap_link_update(dev, 0);
	port->lsc_told = dev->data->dev_link.link_status;
	if (ret == 0 && (rte_intr_fd_set(port->lsc, epfd) != 0 ||
			 rte_intr_type_set(port->lsc, RTE_INTR_HANDLE_EXT) != 0))
		ret = -EINVAL;
	if (ret == 0)
		ret = rte_intr_callback_register(port->lsc, tap_lsc_handler, dev);
	if (ret == 0)
		return 0;
	tap_link_unwatch(port->link);
	rte_intr_instance_free(port->lsc);
	port->lsc = NULL;
	return ret;
}

int
tap_lsc_start(struct rte_eth_dev *dev)
{
	const struct rte_eth_intr_conf *conf = &dev->data->dev_conf.intr_conf;
	struct tap_port *port = tap_port_of(dev);
	int epfd;
	int ret;

	if (!conf->lsc && !conf->rmv)
		return 0;
	epfd = epoll_create1(EPOLL_CLOEXEC);
	ret = epfd < 0 ? -errno : tap_lsc_register(dev, epfd);
	if (ret == 0)
		return 0;
	TAP_LOG(ERR, "%s: cannot watch the link state: %s", port->name, strerror(-ret));
	if (epfd >= 0)
		close(epfd);
	return ret;
}

void
tap_lsc_stop(struct rte_eth_dev *dev)
{
	struct tap_port *port = tap_port_of(dev);

	if (port->lsc == NULL)
		return;
	tap_link_unwatch(port->link);
	if (tap_lsc_inside) {
		/* To wait for the handler's end would be to wait for ourselves. */
		rte_intr_callback_unregister_pending(port->lsc, tap_lsc_handler, dev,
						     tap_lsc_release);
	} else {
		rte_intr_callback_unregister_sync(port->lsc, tap_lsc_handler, dev);
		tap_lsc_release(port->lsc, NULL);
	}
	rte_intr_instance_free(port->lsc);
	port->lsc = NULL;
}
