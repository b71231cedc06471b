/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* Receive: fill a tap with 512 packets, then time the draining alone. Idle polls. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "worker.h"

/* Polls without a packet after which the rest of a fill counts as lost. */
#define LOST_POLLS (1u << 24)
#define IDLE_POLLS 100000
#define IDLE_READS 2000

static const struct rx_row rx_rows[] = {
	{ ROW_RX_60, ONE_QUEUE, 60, BENCH_BURST, false },
	{ ROW_RX_60_KEEP, ONE_QUEUE, 60, BENCH_BURST, true },
	{ ROW_RX_60_CSUM, CSUM_PORT, 60, BENCH_BURST, false },
	{ ROW_RX_1500, ONE_QUEUE, 1500, BENCH_BURST, false },
	{ ROW_RX_1500_CSUM, CSUM_PORT, 1500, BENCH_BURST, false },
};

/* For draining without giving mbufs back: the next ones are cache-cold. */
static struct rte_mbuf *kept[BENCH_FILL];

int
rx_fill(struct worker *w, const struct frame_set *set, int sock, const char *name)
{
	int err = frame_set_send(set, sock, 0, set->n);

	if (err != 0)
		return worker_fail(w, err, "sending into %s: %s", name, strerror(-err));
	worker_spin_us(20);
	return 0;
}

static int
drain_raw(struct worker *w, double *ns)
{
	int fd = w->raw[ONE_QUEUE].fd[0];
	uint64_t start, end;
	char buf[2048];

	start = rte_rdtsc_precise();
	for (unsigned int i = 0; i < BENCH_FILL; i++)
		if (read(fd, buf, sizeof(buf)) <= 0)
			return worker_fail(w, -EIO, "raw tap gave %u of %u packets", i, BENCH_FILL);
	end = rte_rdtsc_precise();
	*ns = (double)(end - start) * w->ns_per_tick / BENCH_FILL;
	return 0;
}

int
rx_drain_port(struct worker *w, uint16_t port, unsigned int packets, uint16_t burst,
	      uint64_t *ticks)
{
	struct rte_mbuf *m[BENCH_MAX_BURST];
	unsigned int got = 0, empty = 0;
	uint64_t start;

	start = rte_rdtsc_precise();
	while (got < packets) {
		uint16_t n = rte_eth_rx_burst(port, 0, m, burst);

		if (n == 0 && ++empty > LOST_POLLS)
			return worker_fail(w, -EIO, "port gave %u of %u packets", got, packets);
		rte_pktmbuf_free_bulk(m, n);
		got += n;
	}
	*ticks += rte_rdtsc_precise() - start;
	return 0;
}

static int
drain_port_free(struct worker *w, uint16_t port, uint16_t burst, double *ns)
{
	uint64_t ticks = 0;
	int err = rx_drain_port(w, port, BENCH_FILL, burst, &ticks);

	*ns = (double)ticks * w->ns_per_tick / BENCH_FILL;
	return err;
}

static int
drain_port_keep(struct worker *w, uint16_t port, double *ns)
{
	unsigned int got = 0, empty = 0;
	uint64_t start, end;

	start = rte_rdtsc_precise();
	while (got < BENCH_FILL) {
		uint16_t want = RTE_MIN(BENCH_FILL - got, (unsigned int)BENCH_BURST);
		uint16_t n = rte_eth_rx_burst(port, 0, kept + got, want);

		if (n == 0 && ++empty > LOST_POLLS)
			return worker_fail(w, -EIO, "port gave %u of %u packets", got, BENCH_FILL);
		got += n;
	}
	end = rte_rdtsc_precise();
	*ns = (double)(end - start) * w->ns_per_tick / BENCH_FILL;
	rte_pktmbuf_free_bulk(kept, BENCH_FILL);
	return 0;
}

/* One pair; which comes first changes, so that neither has an advantage. */
static int
rx_pair(struct worker *w, const struct rx_row *row, const struct frame_set *set, unsigned int order,
	double *raw, double *ns)
{
	const struct bench_port *port = &w->port[row->port];
	int err = 0;

	for (unsigned int i = 0; i < 2 && err == 0; i++) {
		if ((order + i) % 2 == 0) {
			err = rx_fill(w, set, w->raw_to[ONE_QUEUE].bypass, "raw tap");
			if (err == 0)
				err = drain_raw(w, raw);
		} else {
			err = rx_fill(w, set, port->to.bypass, "port");
			if (err == 0)
				err = row->keep ? drain_port_keep(w, port->id, ns) :
						  drain_port_free(w, port->id, row->burst, ns);
		}
	}
	return err;
}

int
rx_row_measure(struct worker *w, const struct rx_row *row)
{
	double raw[BENCH_REPEATS], port[BENCH_REPEATS];
	struct frame_set set;
	int err = frame_set_make(&set, BENCH_FILL, false, false, row->len, 0);

	if (err != 0)
		return worker_fail(w, err, "frames: %s", strerror(-err));
	for (unsigned int i = 0; i < BENCH_REPEATS && err == 0; i++)
		err = rx_pair(w, row, &set, i, &raw[i], &port[i]);
	frame_set_free(&set);
	if (err == 0)
		worker_sample(w, row->row, bench_median(raw, BENCH_REPEATS),
			      bench_median(port, BENCH_REPEATS));
	return err;
}

int
worker_rx(struct worker *w)
{
	int err = 0;

	port_flush(&w->port[ONE_QUEUE]);
	port_flush(&w->port[CSUM_PORT]);
	raw_flush(&w->raw[ONE_QUEUE]);
	for (unsigned int i = 0; i < RTE_DIM(rx_rows) && err == 0; i++)
		err = rx_row_measure(w, &rx_rows[i]);
	return err;
}

/* Both loops are short enough to fit between two disturbances. */
static int
idle_pair(struct worker *w, double *read_ns, double *poll_ns)
{
	uint16_t port = w->port[ONE_QUEUE].id;
	int fd = w->raw[ONE_QUEUE].fd[0];
	struct rte_mbuf *m[BENCH_BURST];
	uint64_t start, middle, end;
	unsigned int got = 0;
	char buf[64];

	start = rte_rdtsc_precise();
	for (unsigned int i = 0; i < IDLE_POLLS; i++)
		got += rte_eth_rx_burst(port, 0, m, BENCH_BURST);
	middle = rte_rdtsc_precise();
	for (unsigned int i = 0; i < IDLE_READS; i++)
		got += read(fd, buf, sizeof(buf)) > 0;
	end = rte_rdtsc_precise();
	if (got != 0)
		return worker_fail(w, -EIO, "%u packets on an idle tap", got);
	*poll_ns = (double)(middle - start) * w->ns_per_tick / IDLE_POLLS;
	*read_ns = (double)(end - middle) * w->ns_per_tick / IDLE_READS;
	return 0;
}

int
worker_idle(struct worker *w)
{
	double read_ns[BENCH_REPEATS], poll_ns[BENCH_REPEATS];
	int err = 0;

	port_flush(&w->port[ONE_QUEUE]);
	raw_flush(&w->raw[ONE_QUEUE]);
	for (unsigned int i = 0; i < BENCH_REPEATS && err == 0; i++)
		err = idle_pair(w, &read_ns[i], &poll_ns[i]);
	if (err == 0)
		worker_sample(w, ROW_IDLE, bench_median(read_ns, BENCH_REPEATS),
			      bench_median(poll_ns, BENCH_REPEATS));
	return err;
}
