/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <rte_cycles.h>
#include <rte_interrupts.h>

#include "tap_log.h"
#include "tap_rx.h"

/*
 * Rx interrupts. What an application waits for is, for each queue, an epoll instance with
 * the queue's fd and an eventfd: the latter tells what the kernel does not know of, that is
 * packets in the queue's ring or on its stage, and what was there before it was asked.
 */

static int
tap_intr_watch(int epfd, int op, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(epfd, op, fd, &event) == 0 ? 0 : -errno;
}

static int
tap_intr_open(struct tap_rxq *q)
{
	int ret;

	q->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (q->wake_fd < 0)
		return -errno;
	q->intr_fd = epoll_create1(EPOLL_CLOEXEC);
	if (q->intr_fd < 0)
		return -errno;
	ret = tap_intr_watch(q->intr_fd, EPOLL_CTL_ADD, tap_rxq_fd(q));
	return ret != 0 ? ret : tap_intr_watch(q->intr_fd, EPOLL_CTL_ADD, q->wake_fd);
}

void
tap_intr_queue_close(struct tap_rxq *q)
{
	if (q->intr_fd >= 0)
		close(q->intr_fd);
	if (q->wake_fd >= 0)
		close(q->wake_fd);
	q->intr_fd = -1;
	q->wake_fd = -1;
	q->adopts = false;
	rte_atomic_store_explicit(&q->asleep, 0, rte_memory_order_relaxed);
}

static int
tap_intr_register(struct rte_intr_handle *handle, struct tap_rxq *q)
{
	int ret = tap_intr_open(q);

	if (ret == 0)
		ret = rte_intr_efds_index_set(handle, q->id, q->intr_fd);
	if (ret == 0)
		ret = rte_intr_vec_list_index_set(handle, q->id, RTE_INTR_VEC_RXTX_OFFSET + q->id);
	return ret;
}

int
tap_intr_start(struct rte_eth_dev *dev)
{
	struct rte_eth_dev_data *data = dev->data;
	struct rte_intr_handle *handle;
	int ret = 0;
	uint16_t i;

	if (!data->dev_conf.intr_conf.rxq || data->nb_rx_queues == 0)
		return 0;
	handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	if (handle == NULL)
		return -ENOMEM;
	dev->intr_handle = handle;
	if (rte_intr_type_set(handle, RTE_INTR_HANDLE_VDEV) != 0 ||
	    rte_intr_vec_list_alloc(handle, NULL, data->nb_rx_queues) != 0)
		ret = -ENOMEM;
	for (i = 0; ret == 0 && i < data->nb_rx_queues; i++)
		ret = tap_intr_register(handle, data->rx_queues[i]);
	if (ret == 0)
		ret = rte_intr_nb_efd_set(handle, data->nb_rx_queues);
	if (ret == 0)
		return 0;
	TAP_LOG(ERR, "%s: cannot set up Rx interrupts: %s", tap_port_of(dev)->name, strerror(-ret));
	tap_intr_stop(dev);
	return ret;
}

void
tap_intr_stop(struct rte_eth_dev *dev)
{
	uint16_t i;

	if (dev->intr_handle == NULL)
		return;
	/* Out of the application's epoll instances first, so that it may add them anew. */
	rte_intr_free_epoll_fd(dev->intr_handle);
	for (i = 0; i < dev->data->nb_rx_queues; i++)
		if (dev->data->rx_queues[i] != NULL)
			tap_intr_queue_close(dev->data->rx_queues[i]);
	rte_intr_vec_list_free(dev->intr_handle);
	rte_intr_instance_free(dev->intr_handle);
	dev->intr_handle = NULL;
}

void
tap_intr_wake(struct tap_rxq *q)
{
	static const uint64_t one = 1;

	/* The eventfd is the primary process's, and so is the sleeper. */
	if (likely(q->wake_fd < 0) || rte_eal_process_type() != RTE_PROC_PRIMARY)
		return;
	/* Against the fence in tap_rx_intr_enable(): the packet first, then the look. */
	rte_atomic_thread_fence(rte_memory_order_seq_cst);
	if (rte_atomic_load_explicit(&q->asleep, rte_memory_order_relaxed) == 0)
		return;
	rte_atomic_store_explicit(&q->asleep, 0, rte_memory_order_relaxed);
	/* Fails only if the count is at its end, and then it wakes anyway. */
	(void)!write(q->wake_fd, &one, sizeof(one));
}

/* The fds of stopped queues are everybody's, as far as bursts redistribute. */
static void
tap_intr_adopt(struct tap_rxq *q)
{
	const struct rte_eth_dev_data *data = q->port->data;
	bool orphans = rte_atomic_load_explicit(&q->port->orphans, rte_memory_order_acquire) != 0;
	uint16_t i;

	if (!q->port->rx_mode.redistribute || (!orphans && !q->adopts))
		return;
	q->adopts = orphans;
	for (i = 0; i < data->nb_rx_queues; i++) {
		const struct tap_rxq *other = data->rx_queues[i];

		if (other != q)
			tap_intr_watch(q->intr_fd,
				       tap_rxq_stopped(other) ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
				       tap_rxq_fd(other));
	}
}

static bool
tap_intr_waiting(const struct tap_rxq *q)
{
	struct pollfd pfd = { .fd = q->intr_fd, .events = POLLIN };

	return q->staged != 0 || (q->ring != NULL && !rte_ring_empty(q->ring)) ||
	       poll(&pfd, 1, 0) == 1;
}

int
tap_rx_intr_enable(struct rte_eth_dev *dev, uint16_t id)
{
	struct tap_rxq *q = dev->data->rx_queues[id];

	if (q->intr_fd < 0)
		return -ENOTSUP;
	/* The first poll after the sleep has to read, whatever the bell says. */
	q->state = TAP_RX_ARMED;
	q->state_end = rte_rdtsc() + q->window;
	rte_atomic_store_explicit(&q->asleep, 1, rte_memory_order_relaxed);
	rte_atomic_thread_fence(rte_memory_order_seq_cst);
	/* A queue that is stopped from now on finds the sleeper. */
	tap_intr_adopt(q);
	/* The application's epoll is told of changes only: what is there already is one. */
	if (tap_intr_waiting(q))
		tap_intr_wake(q);
	return 0;
}

int
tap_rx_intr_disable(struct rte_eth_dev *dev, uint16_t id)
{
	struct tap_rxq *q = dev->data->rx_queues[id];
	uint64_t count;

	if (q->intr_fd < 0)
		return -ENOTSUP;
	rte_atomic_store_explicit(&q->asleep, 0, rte_memory_order_relaxed);
	q->state = TAP_RX_ARMED;
	q->state_end = rte_rdtsc() + q->window;
	(void)!read(q->wake_fd, &count, sizeof(count));
	return 0;
}
