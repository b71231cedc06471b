/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tap_control.h"
#include "tap_netdev.h"

#define TAP_RESET_TRIES 8

/* An extended statistic: a member of the queues' counters. */
struct tap_xstat {
	const char *name;
	size_t offset;
};

static const struct tap_xstat tap_rxq_xstats[] = {
	{ "steered", offsetof(struct tap_rxq_stats, steered) },
	{ "hashed", offsetof(struct tap_rxq_stats, hashed) },
	{ "filtered", offsetof(struct tap_rxq_stats, filtered) },
	{ "truncated", offsetof(struct tap_rxq_stats, errors) },
	{ "handed_over", offsetof(struct tap_rxq_stats, handed_over) },
	{ "missed", offsetof(struct tap_rxq_stats, missed) },
	{ "rescued", offsetof(struct tap_rxq_stats, rescued) },
	{ "flow_dropped", offsetof(struct tap_rxq_stats, dropped) },
	{ "super_frames", offsetof(struct tap_rxq_stats, cut) },
	{ "segments", offsetof(struct tap_rxq_stats, segments) },
	{ "lro", offsetof(struct tap_rxq_stats, whole) },
};

static const struct tap_xstat tap_txq_xstats[] = {
	{ "errors", offsetof(struct tap_txq_stats, errors) },
	{ "full", offsetof(struct tap_txq_stats, full) },
	{ "super_frames", offsetof(struct tap_txq_stats, super_frames) },
	{ "joined", offsetof(struct tap_txq_stats, joined) },
};

/* Counters are read while bursts write them; acquire keeps what is read next behind it. */
static uint64_t
tap_word(const void *at, size_t offset)
{
	return rte_atomic_load_explicit((const RTE_ATOMIC(uint64_t) *)((const char *)at + offset),
					rte_memory_order_acquire);
}

static uint64_t
tap_counter(const void *now, const void *base, size_t offset)
{
	/* In this order: a secondary process reads while the primary moves the base up. */
	uint64_t from = tap_word(base, offset);

	return tap_word(now, offset) - from;
}

/* A counter of either kind of queue since the last reset. */
#define TAP_COUNT(q, member) tap_counter(&(q)->stats.member, &(q)->stats_base.member, 0)

static void
tap_counters_reset(const void *now, void *base, size_t size)
{
	size_t at;

	for (at = 0; at < size; at += sizeof(uint64_t))
		rte_atomic_store_explicit((RTE_ATOMIC(uint64_t) *)((char *)base + at),
					  tap_word(now, at), rte_memory_order_release);
}

static uint64_t
tap_kernel_dropped(struct tap_port *port)
{
	struct tap_link_state state;

	/* The handle is the primary's. */
	if (rte_eal_process_type() != RTE_PROC_PRIMARY || tap_netdev_get(port, &state) != 0)
		return port->kernel_dropped_base;
	return state.tx_dropped;
}

/*
 * What the netdev has dropped without being told to. It counts what the filter program drops for a
 * rule, too, a moment after the program does: so the program's count, read last, has all of those
 * and perhaps more, and the difference may be too small. It never goes back.
 */
uint64_t
tap_kernel_missed(struct tap_port *port)
{
	uint64_t all = tap_kernel_dropped(port) - port->kernel_dropped_base;
	uint64_t flow = tap_flow_dropped(port) - port->flow_dropped_base;

	if (all > flow && all - flow > port->kernel_missed)
		port->kernel_missed = all - flow;
	return port->kernel_missed;
}

static void
tap_rx_stats_get(const struct tap_port *port, struct rte_eth_stats *stats, TAP_QSTATS_TYPE *qstats)
{
	uint16_t i;

	for (i = 0; i < port->data->nb_rx_queues; i++) {
		const struct tap_rxq *q = port->rxq[i];

		if (q == NULL)
			continue;
		stats->ipackets += TAP_COUNT(q, packets);
		stats->ibytes += TAP_COUNT(q, bytes);
		stats->ierrors += TAP_COUNT(q, errors);
		stats->rx_nombuf += TAP_COUNT(q, nombuf);
		stats->imissed += TAP_COUNT(q, missed);
		if (qstats != NULL && i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			qstats->q_ipackets[i] = TAP_COUNT(q, packets);
			qstats->q_ibytes[i] = TAP_COUNT(q, bytes);
			qstats->q_errors[i] = TAP_COUNT(q, errors);
		}
	}
}

static void
tap_tx_stats_get(const struct tap_port *port, struct rte_eth_stats *stats, TAP_QSTATS_TYPE *qstats)
{
	uint16_t i;

	for (i = 0; i < port->data->nb_tx_queues; i++) {
		const struct tap_txq *q = port->txq[i];

		if (q == NULL)
			continue;
		stats->opackets += TAP_COUNT(q, packets);
		stats->obytes += TAP_COUNT(q, bytes);
		stats->oerrors += TAP_COUNT(q, errors);
		if (qstats != NULL && i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			qstats->q_opackets[i] = TAP_COUNT(q, packets);
			qstats->q_obytes[i] = TAP_COUNT(q, bytes);
		}
	}
}

int
tap_stats_get(TAP_STATS_ARGS)
{
	struct tap_port *port = tap_port_of(dev);

	/* Telemetry of ethdev's asks from threads of its own, whatever becomes of the queues meanwhile. */
	tap_control_lock();
	tap_rx_stats_get(port, stats, TAP_QSTATS(stats, qstats));
	tap_tx_stats_get(port, stats, TAP_QSTATS(stats, qstats));
	stats->imissed += tap_kernel_missed(port);
	tap_control_unlock();
	return 0;
}

int
tap_stats_reset(struct rte_eth_dev *dev)
{
	struct tap_port *port = tap_port_of(dev);
	uint16_t i;

	tap_control_lock();
	/* Bases move instead of counters: those have one writer, the burst. */
	for (i = 0; i < dev->data->nb_rx_queues; i++) {
		struct tap_rxq *q = port->rxq[i];

		if (q != NULL)
			tap_counters_reset(&q->stats, &q->stats_base, sizeof(q->stats));
	}
	for (i = 0; i < dev->data->nb_tx_queues; i++) {
		struct tap_txq *q = port->txq[i];

		if (q != NULL)
			tap_counters_reset(&q->stats, &q->stats_base, sizeof(q->stats));
	}
	/* Both at one time, as far as drops between the two allow. */
	port->kernel_missed = 0;
	for (i = 0; i < TAP_RESET_TRIES; i++) {
		port->flow_dropped_base = tap_flow_dropped(port);
		port->kernel_dropped_base = tap_kernel_dropped(port);
		if (tap_flow_dropped(port) == port->flow_dropped_base)
			break;
	}
	tap_control_unlock();
	return 0;
}

static unsigned int
tap_xstats_count(const struct rte_eth_dev_data *data)
{
	return 1 + data->nb_rx_queues * RTE_DIM(tap_rxq_xstats) +
	       data->nb_tx_queues * RTE_DIM(tap_txq_xstats);
}

int
tap_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int n)
{
	const struct rte_eth_dev_data *data = dev->data;
	const struct tap_port *port = tap_port_of(dev);
	unsigned int count = tap_xstats_count(data);
	unsigned int id = 0;
	unsigned int i;
	uint16_t qid;

	if (xstats == NULL || n < count)
		return (int)count;
	tap_control_lock();
	xstats[id].id = id;
	xstats[id++].value = tap_flow_dropped(port) - port->flow_dropped_base;
	for (qid = 0; qid < data->nb_rx_queues; qid++)
		for (i = 0; i < RTE_DIM(tap_rxq_xstats); i++, id++) {
			const struct tap_rxq *q = port->rxq[qid];

			xstats[id].id = id;
			xstats[id].value = q == NULL ? 0 :
						       tap_counter(&q->stats, &q->stats_base,
								   tap_rxq_xstats[i].offset);
		}
	for (qid = 0; qid < data->nb_tx_queues; qid++)
		for (i = 0; i < RTE_DIM(tap_txq_xstats); i++, id++) {
			const struct tap_txq *q = port->txq[qid];

			xstats[id].id = id;
			xstats[id].value = q == NULL ? 0 :
						       tap_counter(&q->stats, &q->stats_base,
								   tap_txq_xstats[i].offset);
		}
	tap_control_unlock();
	return (int)count;
}

int
tap_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n)
{
	const struct rte_eth_dev_data *data = dev->data;
	unsigned int count = tap_xstats_count(data);
	unsigned int id = 0;
	unsigned int i;
	uint16_t qid;

	if (names == NULL || n < count)
		return (int)count;
	snprintf(names[id++].name, sizeof(names->name), "rx_flow_dropped");
	for (qid = 0; qid < data->nb_rx_queues; qid++)
		for (i = 0; i < RTE_DIM(tap_rxq_xstats); i++, id++)
			snprintf(names[id].name, sizeof(names[id].name), "rx_q%u_%s", qid,
				 tap_rxq_xstats[i].name);
	for (qid = 0; qid < data->nb_tx_queues; qid++)
		for (i = 0; i < RTE_DIM(tap_txq_xstats); i++, id++)
			snprintf(names[id].name, sizeof(names[id].name), "tx_q%u_%s", qid,
				 tap_txq_xstats[i].name);
	return (int)count;
}

static const struct tap_counter tap_counter_table[] = {
	{ "packets", true, offsetof(struct tap_rxq_stats, packets) },
	{ "bytes", true, offsetof(struct tap_rxq_stats, bytes) },
	{ "truncated", true, offsetof(struct tap_rxq_stats, errors) },
	{ "nombuf", true, offsetof(struct tap_rxq_stats, nombuf) },
	{ "filtered", true, offsetof(struct tap_rxq_stats, filtered) },
	{ "hashed", true, offsetof(struct tap_rxq_stats, hashed) },
	{ "steered", true, offsetof(struct tap_rxq_stats, steered) },
	{ "handed_over", true, offsetof(struct tap_rxq_stats, handed_over) },
	{ "missed", true, offsetof(struct tap_rxq_stats, missed) },
	{ "rescued", true, offsetof(struct tap_rxq_stats, rescued) },
	{ "flow_dropped", true, offsetof(struct tap_rxq_stats, dropped) },
	{ "super_frames", true, offsetof(struct tap_rxq_stats, cut) },
	{ "segments", true, offsetof(struct tap_rxq_stats, segments) },
	{ "lro", true, offsetof(struct tap_rxq_stats, whole) },
	{ "packets", false, offsetof(struct tap_txq_stats, packets) },
	{ "bytes", false, offsetof(struct tap_txq_stats, bytes) },
	{ "errors", false, offsetof(struct tap_txq_stats, errors) },
	{ "full", false, offsetof(struct tap_txq_stats, full) },
	{ "super_frames", false, offsetof(struct tap_txq_stats, super_frames) },
	{ "joined", false, offsetof(struct tap_txq_stats, joined) },
};

unsigned int
tap_counters(const struct tap_counter **counters)
{
	*counters = tap_counter_table;
	return RTE_DIM(tap_counter_table);
}

uint64_t
tap_counter_get(const struct tap_port *port, const struct tap_counter *counter, uint16_t id)
{
	const struct tap_rxq *rxq = counter->rx ? port->rxq[id] : NULL;
	const struct tap_txq *txq = counter->rx ? NULL : port->txq[id];

	if (rxq != NULL)
		return tap_counter(&rxq->stats, &rxq->stats_base, counter->offset);
	return txq == NULL ? 0 : tap_counter(&txq->stats, &txq->stats_base, counter->offset);
}
