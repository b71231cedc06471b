/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "tap_control.h"
#include "tap_log.h"
#include "tap_rx.h"

/*
 * How long a queue reads on after its last packet, and again after it cleared the
 * doorbell: the bell rings before the packet is in the queue, 20 us cover all but a
 * sender that is preempted in between.
 */
#define TAP_RX_WINDOW_US 50

int
tap_rx_queue_fit(struct rte_eth_dev *dev, struct tap_rxq *q, uint16_t mtu)
{
	uint32_t frame = mtu + (q->port->args.l3 ? 0 : TAP_L2_OVERHEAD);
	uint32_t segs = frame / RTE_MAX(q->room, 1) + 1; /* a full buffer tells truncation */
	bool scatter = dev->data->dev_conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER;

	if (segs > 1 && !scatter) {
		TAP_LOG(ERR,
			"%s: Rx queue %u: mbufs too small: MTU %u needs %u bytes behind the "
			"headroom, the pool \"%s\" has %u; use larger mbufs or "
			"RTE_ETH_RX_OFFLOAD_SCATTER",
			q->port->name, q->id, mtu, frame + 1, q->pool->name, q->room);
		return -EINVAL;
	}
	if (segs > TAP_RX_MAX_SEGS) {
		TAP_LOG(ERR,
			"%s: Rx queue %u: mbufs too small: MTU %u needs %u of %u bytes each, "
			"%u are supported",
			q->port->name, q->id, mtu, segs, q->room, TAP_RX_MAX_SEGS);
		return -EINVAL;
	}
	rte_atomic_store_explicit(&q->n_segs, (uint16_t)segs, rte_memory_order_relaxed);
	return 0;
}

/* The first eight bytes that change in an mbuf, as every packet of the queue has them. */
static void
tap_rx_queue_prepare(struct tap_rxq *q, uint16_t port_id)
{
	struct rte_mbuf m = {
		.data_off = RTE_PKTMBUF_HEADROOM,
		.nb_segs = 1,
		.port = port_id,
	};

	rte_mbuf_refcnt_set(&m, 1);
	memcpy(&q->rearm, &m.rearm_data, sizeof(q->rearm));
	if (rte_pktmbuf_priv_flags(q->pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF)
		q->ol_flags = RTE_MBUF_F_EXTERNAL;
}

/* Room for the vnet header, and the frame in a cache line of its own. */
#define TAP_STAGE_HEADROOM RTE_CACHE_LINE_SIZE

static void
tap_rx_stage_free(struct tap_rxq *q)
{
	if (q->stage != NULL)
		rte_free(q->stage - TAP_STAGE_HEADROOM);
	q->stage = NULL;
	q->spare = NULL;
}

int
tap_rx_queue_stage(struct rte_eth_dev *dev, struct tap_rxq *q)
{
	const struct rte_eth_rxmode *mode = &dev->data->dev_conf.rxmode;
	char *stage;

	q->max_lro = 0;
	if (mode->offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO)
		q->max_lro = mode->max_lro_pkt_size;
	/* With scatter a later MTU may need it. */
	if (q->stage != NULL ||
	    (!q->port->rx_mode.gso && !(mode->offloads & RTE_ETH_RX_OFFLOAD_SCATTER)))
		return 0;
	stage = rte_malloc_socket("net_tap_stage", TAP_STAGE_HEADROOM + 2 * TAP_STAGE_LEN,
				  RTE_CACHE_LINE_SIZE, SOCKET_ID_ANY);
	if (stage == NULL)
		return -ENOMEM;
	q->stage = stage + TAP_STAGE_HEADROOM;
	q->spare = q->stage + TAP_STAGE_LEN;
	return 0;
}

static void
tap_rx_queue_free(struct tap_rxq *q)
{
	if (tap_rxq_stopped(q))
		rte_atomic_fetch_add_explicit(&q->port->orphans, -1, rte_memory_order_release);
	q->port->policy.reader[q->id] = NULL;
	tap_intr_queue_close(q);
	tap_soft_queue_release(q);
	if (q->n_stash != 0)
		rte_mempool_put_bulk(q->pool, (void **)q->stash, q->n_stash);
	tap_rx_stage_free(q);
	rte_free(q);
}

void
tap_rx_queue_release(struct rte_eth_dev *dev, uint16_t id)
{
	struct tap_rxq *q = dev->data->rx_queues[id];

	if (q == NULL)
		return;
	tap_control_lock();
	dev->data->rx_queues[id] = NULL;
	q->port->rxq[id] = NULL;
	tap_rx_queue_free(q);
	tap_control_unlock();
}

int
tap_rx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc, unsigned int socket,
		   const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	struct tap_port *port = tap_port_of(dev);
	uint32_t room = rte_pktmbuf_data_room_size(pool);
	struct tap_rxq *q;
	int ret;

	tap_rx_queue_release(dev, id);
	q = rte_zmalloc_socket("net_tap_rxq", sizeof(*q), RTE_CACHE_LINE_SIZE, (int)socket);
	if (q == NULL)
		return -ENOMEM;
	q->id = id;
	q->port_id = dev->data->port_id;
	q->intr_fd = -1;
	q->wake_fd = -1;
	q->port = port;
	q->pool = pool;
	q->nb_desc = nb_desc;
	q->deferred = conf->rx_deferred_start;
	q->window = rte_get_tsc_hz() / 1000000 * TAP_RX_WINDOW_US;
	q->room = (uint16_t)(room > RTE_PKTMBUF_HEADROOM ? room - RTE_PKTMBUF_HEADROOM : 0);
	tap_rx_queue_prepare(q, dev->data->port_id);
	rte_atomic_store_explicit(&q->stopped, true, rte_memory_order_relaxed);
	rte_atomic_fetch_add_explicit(&port->orphans, 1, rte_memory_order_release);
	rte_spinlock_init(&q->lock);
	ret = tap_rx_queue_fit(dev, q, dev->data->mtu);
	if (ret != 0) {
		tap_rx_queue_free(q);
		return ret;
	}
	tap_control_lock();
	port->policy.reader[id] = &q->reader;
	dev->data->rx_queues[id] = q;
	port->rxq[id] = q;
	tap_control_unlock();
	return 0;
}

void
tap_rxq_info_get(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_rxq_info *info)
{
	const struct tap_rxq *q = dev->data->rx_queues[id];

	info->mp = q->pool;
	info->nb_desc = q->nb_desc;
	info->scattered_rx = rte_atomic_load_explicit(&q->n_segs, rte_memory_order_relaxed) > 1;
	info->conf.rx_deferred_start = q->deferred;
	info->conf.offloads = dev->data->dev_conf.rxmode.offloads;
}

/*
 * Bursts hold the lock for microseconds. A secondary process that was killed in one holds it
 * for ever: after a second it is taken away, if there has been a secondary at all.
 */
static void
tap_rx_queue_lock(struct tap_rxq *q)
{
	uint64_t deadline = rte_rdtsc() + rte_get_tsc_hz();

	while (!rte_spinlock_trylock(&q->lock)) {
		rte_pause();
		if (rte_rdtsc() < deadline || !q->port->policy.mortal)
			continue;
		TAP_LOG(WARNING, "%s: Rx queue %u: took its lock from a process that was killed",
			q->port->name, q->id);
		return;
	}
}

void
tap_rx_queue_recover(struct tap_rxq *q)
{
	tap_rx_queue_lock(q);
	rte_spinlock_unlock(&q->lock);
}

int
tap_rx_queue_start(struct rte_eth_dev *dev, uint16_t id)
{
	struct tap_rxq *q = dev->data->rx_queues[id];

	if (!tap_rxq_stopped(q))
		return 0;
	tap_rx_queue_lock(q);
	/* A NIC's stopped queue drops; with redistribution the others have read the fd. */
	if (!q->port->rx_mode.redistribute)
		tap_stat_add(&q->stats.missed, tap_rx_flush(q));
	tap_soft_queue_flush(q);
	q->state = TAP_RX_ARMED;
	q->state_end = rte_rdtsc() + q->window;
	rte_atomic_store_explicit(&q->stopped, false, rte_memory_order_relaxed);
	rte_spinlock_unlock(&q->lock);
	rte_atomic_fetch_add_explicit(&q->port->orphans, -1, rte_memory_order_release);
	dev->data->rx_queue_state[id] = RTE_ETH_QUEUE_STATE_STARTED;
	return 0;
}

int
tap_rx_queue_stop(struct rte_eth_dev *dev, uint16_t id)
{
	struct tap_rxq *q = dev->data->rx_queues[id];
	uint16_t i;

	if (tap_rxq_stopped(q))
		return 0;
	tap_rx_queue_lock(q);
	rte_atomic_store_explicit(&q->stopped, true, rte_memory_order_relaxed);
	rte_spinlock_unlock(&q->lock);
	rte_atomic_fetch_add_explicit(&q->port->orphans, 1, rte_memory_order_release);
	/* Who sleeps has to watch this queue's fd from now on. */
	for (i = 0; q->port->rx_mode.redistribute && i < dev->data->nb_rx_queues; i++)
		tap_intr_wake(dev->data->rx_queues[i]);
	dev->data->rx_queue_state[id] = RTE_ETH_QUEUE_STATE_STOPPED;
	return 0;
}
