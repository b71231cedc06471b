/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * Super-frames, per segment: received, beside read() of them whole; sent (supertx.c); and
 * the checksum that is needed where nobody vouches for it.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_ip.h>

#include "superframes.h"
#include "tap_cksum.h"
#include "tap_tun.h"

/* Polls without a packet after which the rest counts as lost. */
#define LOST_POLLS (1u << 20)
#define CKSUM_CALLS 1000

static const struct super_rx_row {
	enum bench_row row;
	unsigned int port; /* index into worker.port */
} rx_rows[] = {
	{ ROW_SUPER_RX_CSUM, CSUM_PORT },
	{ ROW_SUPER_RX, ONE_QUEUE },
	{ ROW_SUPER_RX_LRO, LRO_PORT },
};

/* Untimed: is all there, in order, and are the flags true? */
static int
check_port(struct worker *w, const struct bench_port *port, const struct frame_set *set)
{
	struct super_check check = { .sent = set, .csum = port->csum, .lro = port->lro };
	struct rte_mbuf *m[BENCH_BURST];
	unsigned int empty = 0;
	int err = rx_fill(w, set, port->to.vnet, port->ifname);

	while (err == 0 && check.at < set->n * SUPER_PAYLOAD) {
		uint16_t n = rte_eth_rx_burst(port->id, 0, m, BENCH_BURST);

		if (n == 0 && ++empty > LOST_POLLS)
			err = worker_fail(w, -EIO, "%s gave %u of %u bytes", port->ifname, check.at,
					  set->n * SUPER_PAYLOAD);
		for (uint16_t i = 0; i < n && err == 0; i++)
			err = super_check_next(w, &check, m[i]);
		rte_pktmbuf_free_bulk(m, n);
	}
	if (err == 0 && port_flush(port) != 0)
		err = worker_fail(w, -EBADMSG, "%s gave more than was sent", port->ifname);
	return err;
}

static int
drain_raw(struct worker *w, const struct frame_set *set, double *ns)
{
	static uint8_t buf[1 << 17];
	int fd = w->raw[VNET_RAW].fd[0];
	uint64_t start, end, got = 0, want = 0;

	for (unsigned int i = 0; i < set->n; i++)
		want += set->iov[i].iov_len;
	start = rte_rdtsc_precise();
	for (unsigned int i = 0; i < set->n; i++) {
		ssize_t n = read(fd, buf, sizeof(buf));

		got += n > 0 ? (uint64_t)n : 0;
	}
	end = rte_rdtsc_precise();
	if (got != want)
		return worker_fail(w, -EIO, "raw tap gave %lu of %lu bytes", (unsigned long)got,
				   (unsigned long)want);
	*ns = (double)(end - start) * w->ns_per_tick / (set->n * SUPER_SEGMENTS);
	return 0;
}

static int
drain_port(struct worker *w, const struct bench_port *port, const struct frame_set *set, double *ns)
{
	unsigned int segments = set->n * SUPER_SEGMENTS;
	uint64_t ticks = 0;
	int err = rx_drain_port(w, port->id, port->lro ? set->n : segments, BENCH_BURST, &ticks);

	*ns = (double)ticks * w->ns_per_tick / segments;
	return err;
}

/* One pair; which comes first changes, so that neither has an advantage. */
static int
rx_pair(struct worker *w, const struct bench_port *port, const struct frame_set *set,
	unsigned int order, double *raw, double *ns)
{
	int err = 0;

	for (unsigned int i = 0; i < 2 && err == 0; i++) {
		if ((order + i) % 2 == 0) {
			err = rx_fill(w, set, w->raw_to[VNET_RAW].vnet, "raw tap");
			if (err == 0)
				err = drain_raw(w, set, raw);
		} else {
			err = rx_fill(w, set, port->to.vnet, port->ifname);
			if (err == 0)
				err = drain_port(w, port, set, ns);
		}
	}
	return err;
}

static int
measure_rx(struct worker *w, const struct super_rx_row *row, const struct frame_set *set)
{
	const struct bench_port *port = &w->port[row->port];
	double raw[BENCH_REPEATS], ns[BENCH_REPEATS];
	int err;

	if (row->port == LRO_PORT && !port->lro)
		return 0;
	port_flush(port);
	err = check_port(w, port, set);
	for (unsigned int i = 0; i < BENCH_REPEATS && err == 0; i++)
		err = rx_pair(w, port, set, i, &raw[i], &ns[i]);
	if (err == 0)
		worker_sample(w, row->row, bench_median(raw, BENCH_REPEATS),
			      bench_median(ns, BENCH_REPEATS));
	return err;
}

static int
super_rx(struct worker *w)
{
	struct frame_set set;
	int err = super_set_make(&set);

	if (err != 0)
		return worker_fail(w, err, "super-frames: %s", strerror(-err));
	raw_flush(&w->raw[VNET_RAW]);
	for (unsigned int i = 0; i < RTE_DIM(rx_rows) && err == 0; i++)
		err = measure_rx(w, &rx_rows[i], &set);
	frame_set_free(&set);
	return err;
}

/* The driver's own code, beside DPDK's. */
static int
measure_cksum(struct worker *w)
{
	double dpdk_ns[BENCH_REPEATS], ns[BENCH_REPEATS];
	_Alignas(64) uint8_t data[SUPER_SEGMENT];
	double per_call = w->ns_per_tick / CKSUM_CALLS;

	tap_cksum_init();
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = frame_payload_byte(i);
	for (unsigned int r = 0; r < BENCH_REPEATS; r++) {
		uint64_t start, middle, end;
		uint16_t a = 0, b = 0;

		start = rte_rdtsc_precise();
		for (unsigned int i = 0; i < CKSUM_CALLS; i++) {
			a += rte_raw_cksum(data, sizeof(data));
			rte_compiler_barrier();
		}
		middle = rte_rdtsc_precise();
		for (unsigned int i = 0; i < CKSUM_CALLS; i++) {
			b += tap_cksum_fold(tap_cksum_sum(data, sizeof(data)));
			rte_compiler_barrier();
		}
		end = rte_rdtsc_precise();
		if (a != b)
			return worker_fail(w, -EBADMSG, "tap_cksum_sum() is wrong");
		dpdk_ns[r] = (double)(middle - start) * per_call;
		ns[r] = (double)(end - middle) * per_call;
	}
	worker_sample(w, ROW_CKSUM, bench_median(dpdk_ns, BENCH_REPEATS),
		      bench_median(ns, BENCH_REPEATS));
	return 0;
}

int
worker_super(struct worker *w)
{
	int err = super_rx(w);

	if (err == 0)
		err = super_tx(w);
	if (err == 0 && strcmp(w->driver, "stock") != 0)
		err = measure_cksum(w);
	return err;
}
