/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * Transmit: bursts, mostly of 32, timed without the making of their mbufs, which are
 * then as warm as those that an application has just received or written.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "frames.h"
#include "worker.h"

/* A burst function that takes nothing for so long is not going to. */
#define STUCK_BURSTS 1000

static int
write_burst(struct worker *w, const uint8_t *frame, uint16_t len, uint64_t *ticks)
{
	int fd = w->raw[ONE_QUEUE].fd[0];
	uint64_t start = rte_rdtsc_precise();

	for (unsigned int i = 0; i < BENCH_BURST; i++)
		if (write(fd, frame, len) != len)
			return worker_fail(w, -errno, "raw tap, write: %s", strerror(errno));
	*ticks += rte_rdtsc_precise() - start;
	return 0;
}

static int
make_mbufs(struct worker *w, struct rte_mbuf **mbufs, uint16_t n, const uint8_t *frame,
	   const struct tx_row *row)
{
	if (rte_pktmbuf_alloc_bulk(w->pool, mbufs, n) != 0)
		return worker_fail(w, -ENOMEM, "no %u mbufs left", n);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];

		memcpy(rte_pktmbuf_mtod(m, void *), frame, row->len);
		m->data_len = row->len;
		m->pkt_len = row->len;
		if (!row->csum)
			continue;
		m->l2_len = FRAME_L2_LEN;
		m->l3_len = 20;
		m->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
	}
	return 0;
}

int
tx_send(struct worker *w, uint16_t port, struct rte_mbuf **mbufs, uint16_t n, uint16_t burst,
	uint64_t *ticks)
{
	uint64_t start = rte_rdtsc_precise();
	unsigned int stuck = 0;
	uint16_t sent = 0;

	while (sent < n) {
		uint16_t want = RTE_MIN(burst, n - sent);
		uint16_t done = rte_eth_tx_burst(port, 0, mbufs + sent, want);

		if (done == 0 && ++stuck > STUCK_BURSTS)
			return worker_fail(w, -EIO, "port takes no packets");
		sent += done;
	}
	*ticks += rte_rdtsc_precise() - start;
	return 0;
}

static int
write_raw(struct worker *w, const uint8_t *frame, uint16_t len, double *ns)
{
	uint64_t ticks = 0;
	int err = 0;

	for (unsigned int i = 0; i < BENCH_FILL / BENCH_BURST && err == 0; i++)
		err = write_burst(w, frame, len, &ticks);
	*ns = (double)ticks * w->ns_per_tick / BENCH_FILL;
	return err;
}

static int
send_port(struct worker *w, const uint8_t *frame, const struct tx_row *row, double *ns)
{
	uint16_t port = w->port[row->csum ? CSUM_PORT : ONE_QUEUE].id;
	/* Of short bursts several are timed together, so that looking at the clock is not. */
	uint16_t made = RTE_MAX(row->burst, BENCH_BURST);
	struct rte_mbuf *mbufs[BENCH_MAX_BURST];
	uint64_t ticks = 0;
	int err = 0;

	for (unsigned int i = 0; i < BENCH_FILL && err == 0; i += made) {
		err = make_mbufs(w, mbufs, made, frame, row);
		if (err == 0)
			err = tx_send(w, port, mbufs, made, row->burst, &ticks);
	}
	*ns = (double)ticks * w->ns_per_tick / BENCH_FILL;
	return err;
}

/* What was timed must have arrived: a driver that drops would look fast. */
static int
check_arrived(struct worker *w, const char *ifname, int64_t before)
{
	int64_t now = netdev_rx_packets(ifname);

	if (before < 0 || now < 0)
		return worker_fail(w, -ENODEV, "no counters of %s", ifname);
	if (now - before != BENCH_REPEATS * BENCH_FILL)
		return worker_fail(w, -EIO, "kernel got %" PRId64 " of %d packets from %s",
				   now - before, BENCH_REPEATS * BENCH_FILL, ifname);
	return 0;
}

static int
tx_pairs(struct worker *w, const uint8_t *frame, const struct tx_row *row, double *raw,
	 double *port)
{
	int err = 0;

	for (unsigned int i = 0; i < BENCH_REPEATS && err == 0; i++) {
		/* Which comes first changes, so that neither has an advantage. */
		if (i % 2 == 0)
			err = write_raw(w, frame, row->len, &raw[i]);
		if (err == 0)
			err = send_port(w, frame, row, &port[i]);
		if (err == 0 && i % 2 != 0)
			err = write_raw(w, frame, row->len, &raw[i]);
	}
	return err;
}

int
tx_row_measure(struct worker *w, const struct tx_row *row)
{
	const struct frame_spec spec = {
		.len = row->len,
		.sum = row->csum ? FRAME_SUM_PHDR : FRAME_SUM_FULL,
	};
	const char *ifname = w->port[row->csum ? CSUM_PORT : ONE_QUEUE].ifname;
	double raw[BENCH_REPEATS], port[BENCH_REPEATS];
	int64_t before = netdev_rx_packets(ifname);
	uint8_t frame[FRAME_MAX];
	int err;

	frame_build(frame, &spec);
	err = tx_pairs(w, frame, row, raw, port);
	if (err == 0)
		err = check_arrived(w, ifname, before);
	if (err == 0)
		worker_sample(w, row->row, bench_median(raw, BENCH_REPEATS),
			      bench_median(port, BENCH_REPEATS));
	return err;
}

int
worker_tx(struct worker *w)
{
	static const struct tx_row rows[] = {
		{ ROW_TX_60, 60, BENCH_BURST, false },
		{ ROW_TX_60_CSUM, 60, BENCH_BURST, true },
		{ ROW_TX_1500, 1500, BENCH_BURST, false },
		{ ROW_TX_1500_CSUM, 1500, BENCH_BURST, true },
	};
	int err = 0;

	for (unsigned int i = 0; i < RTE_DIM(rows) && err == 0; i++)
		err = tx_row_measure(w, &rows[i]);
	return err;
}
