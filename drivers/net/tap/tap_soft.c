/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>

#include "tap_log.h"
#include "tap_rx.h"

/*
 * Redistribution in the driver. Each queue's burst reads its own fd, keeps what belongs
 * to the queue and passes the rest on over the ring of the queue it belongs to. The fd of
 * a stopped queue is read by whichever running queue finds its own empty.
 */

static void
tap_soft_deliver(struct tap_rxq *q, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t hashed = 0;
	uint64_t bytes = 0;
	uint16_t i;

	for (i = 0; i < n; i++) {
		bytes += pkts[i]->pkt_len;
		hashed += (pkts[i]->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0;
	}
	tap_stat_add(&q->stats.bytes, bytes);
	tap_stat_add(&q->stats.hashed, hashed);
	tap_stat_add(&q->stats.packets, n);
}

static void
tap_soft_hand_over(struct tap_rxq *from, uint16_t to, struct rte_mbuf *m)
{
	struct tap_rxq *target = from->port->data->rx_queues[to];

	if (tap_rxq_stopped(target) || rte_ring_mp_enqueue(target->ring, m) != 0) {
		tap_stat_add(&from->stats.missed, 1);
		rte_pktmbuf_free(m);
		return;
	}
	tap_intr_wake(target);
	tap_stat_add(&from->stats.handed_over, 1);
}

/*
 * Read up to @p n frames of @p source, at most a chunk, for @p self; the caller holds the
 * source's lock. Out of another queue's fd everything goes by rings: whoever read an earlier
 * packet of the flow put it into one.
 * @param pkts  packets that stay with self; NULL if source is another queue
 * @return how many these are; @p done: the burst should not go on.
 */
static uint16_t
tap_soft_read(struct tap_rxq *source, struct tap_rxq *self, struct rte_mbuf **pkts, uint16_t n,
	      bool *done)
{
	struct tap_rx_frame frames[TAP_RX_CHUNK];
	uint16_t want = RTE_MIN(n, TAP_RX_CHUNK);
	uint16_t got = tap_rx_gather(source, frames, want);
	struct tap_verdict verdict = { .hashed = 0 };
	struct tap_rx_look look;
	uint16_t nb = 0;
	uint16_t i;

	*done = got < want;
	tap_rx_look_begin(self, self->port->steering, &look);
	/* Without RSS and rules packets stay where the kernel has put them. */
	verdict.queue = source->id;
	for (i = 0; i < got; i++) {
		if (!tap_rx_finish(source, &frames[i], &look, &verdict))
			continue;
		if (pkts != NULL && verdict.queue == self->id)
			pkts[nb++] = frames[i].m;
		else
			tap_soft_hand_over(source, verdict.queue, frames[i].m);
		tap_stat_add(&source->stats.steered,
			     self->port->steering && verdict.queue == source->id);
	}
	tap_rx_look_end(self, &look);
	return nb;
}

/* Read the fds of stopped queues, up to @p n frames each, for whom they belong to. */
static void
tap_soft_adopt(struct tap_rxq *self, uint16_t n)
{
	const struct rte_eth_dev_data *data = self->port->data;
	uint16_t i;
	bool done;

	for (i = 0; i < data->nb_rx_queues; i++) {
		struct tap_rxq *q = data->rx_queues[i];

		if (!tap_rxq_stopped(q) || !rte_spinlock_trylock(&q->lock))
			continue;
		if (tap_rxq_stopped(q))
			tap_soft_read(q, self, NULL, n, &done);
		rte_spinlock_unlock(&q->lock);
	}
}

/* At most @p n frames of the queue's own fd. */
static uint16_t
tap_soft_read_own(struct tap_rxq *q, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t reads = 0;
	uint16_t nb = 0;
	bool done;

	do {
		nb += tap_soft_read(q, q, pkts + nb, n - reads, &done);
		reads += TAP_RX_CHUNK;
	} while (!done && reads < n);
	return nb;
}

static uint16_t
tap_soft_take(struct tap_rxq *q, struct rte_mbuf **pkts, uint16_t n)
{
	return (uint16_t)rte_ring_sc_dequeue_burst(q->ring, (void **)pkts, n, NULL);
}

/* What the queue has; the caller holds its lock. */
static uint16_t
tap_soft_poll(struct tap_rxq *q, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t nb = 0;

	/* In turn, so that neither a busy ring nor a busy fd keeps the other waiting. */
	q->ring_first = !q->ring_first;
	if (q->ring_first)
		nb = tap_soft_take(q, pkts, n);
	if (nb < n)
		nb += tap_soft_read_own(q, pkts + nb, n - nb);
	if (!q->ring_first && nb < n)
		nb += tap_soft_take(q, pkts + nb, n - nb);
	tap_soft_deliver(q, pkts, nb);
	return nb;
}

uint16_t
tap_soft_rx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap_rxq *q = queue;
	uint16_t nb = 0;

	/* A queue that is being stopped under its burst changes hands only in between. */
	if (!rte_spinlock_trylock(&q->lock))
		return 0;
	if (!tap_rxq_stopped(q))
		nb = tap_soft_poll(q, pkts, n);
	rte_spinlock_unlock(&q->lock);
	if (nb < n && rte_atomic_load_explicit(&q->port->orphans, rte_memory_order_acquire) != 0)
		tap_soft_adopt(q, n - nb);
	return nb;
}

int
tap_soft_queue_setup(struct tap_rxq *q)
{
	char name[RTE_RING_NAMESIZE];

	if (q->ring != NULL)
		return 0;
	snprintf(name, sizeof(name), "net_tap_%u_%u", q->port->data->port_id, q->id);
	q->ring = rte_ring_create(name, rte_align32pow2(q->nb_desc + 1u), SOCKET_ID_ANY,
				  RING_F_SC_DEQ);
	if (q->ring == NULL) {
		int err = rte_errno;

		TAP_LOG(ERR, "%s: Rx queue %u: cannot create its ring: %s", q->port->name, q->id,
			rte_strerror(err));
		return -err;
	}
	return 0;
}

void
tap_soft_queue_flush(struct tap_rxq *q)
{
	struct rte_mbuf *m;

	while (q->ring != NULL && rte_ring_sc_dequeue(q->ring, (void **)&m) == 0) {
		rte_pktmbuf_free(m);
		tap_stat_add(&q->stats.missed, 1);
	}
}

void
tap_soft_queue_release(struct tap_rxq *q)
{
	tap_soft_queue_flush(q);
	rte_ring_free(q->ring);
	q->ring = NULL;
}
