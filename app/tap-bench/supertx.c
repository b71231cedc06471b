/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * Bursts of 32 segments of a flow, each timed without the making of its mbufs, beside one
 * writev() of the same segments as a super-frame.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "superframes.h"
#include "tap_tun.h"

#define DATAGRAM 1400

/* What a row sends. */
struct super_tx_row {
	enum bench_row row;
	bool tcp;
	bool csum; /* left to the driver by flag, else in the packets */
};

static const struct super_tx_row tx_rows[] = {
	{ ROW_SUPER_TX_CSUM, true, true },
	{ ROW_SUPER_TX, true, false },
	{ ROW_SUPER_TX_UDP, false, true },
};

/* Its packets, and the same as one super-frame. */
struct super_burst {
	const struct super_tx_row *row;
	uint16_t header_len;
	uint16_t payload; /* of a packet */
	uint16_t len;     /* of a packet */
	uint8_t packet[BENCH_BURST][FRAME_MAX];
	/* the whole super-frame; what is sent of it are the headers */
	uint8_t head[TAP_VNET_HDR_LEN + (1 << 16)];
	struct iovec iov[BENCH_BURST + 1];
	size_t total; /* bytes of all in iov */
};

static void
burst_make(struct super_burst *b, const struct super_tx_row *row)
{
	struct frame_spec spec = { .tcp = row->tcp, .timestamps = row->tcp };
	struct virtio_net_hdr vnet;

	b->row = row;
	b->payload = row->tcp ? SUPER_SEGMENT : DATAGRAM;
	vnet = super_vnet_hdr(row->tcp, b->payload);
	b->header_len = vnet.hdr_len;
	b->len = b->header_len + b->payload;
	spec.sum = FRAME_SUM_PHDR;
	spec.len = (uint16_t)(b->header_len + BENCH_BURST * b->payload);
	memcpy(b->head, &vnet, sizeof(vnet));
	frame_build(b->head + sizeof(vnet), &spec);
	b->iov[0].iov_base = b->head;
	b->iov[0].iov_len = sizeof(vnet) + b->header_len;
	b->total = sizeof(vnet) + spec.len;
	spec.sum = row->csum ? FRAME_SUM_PHDR : FRAME_SUM_FULL;
	spec.len = b->len;
	for (unsigned int i = 0; i < BENCH_BURST; i++) {
		spec.ip_id = (uint16_t)i;
		spec.offset = i * b->payload;
		frame_build(b->packet[i], &spec);
		b->iov[i + 1].iov_base = b->packet[i] + b->header_len;
		b->iov[i + 1].iov_len = b->payload;
	}
}

static int
make_mbufs(struct worker *w, const struct super_burst *b, struct rte_mbuf **mbufs)
{
	uint64_t l4 = b->row->tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;

	if (rte_pktmbuf_alloc_bulk(w->pool, mbufs, BENCH_BURST) != 0)
		return worker_fail(w, -ENOMEM, "no %u mbufs left", BENCH_BURST);
	for (unsigned int i = 0; i < BENCH_BURST; i++) {
		struct rte_mbuf *m = mbufs[i];

		memcpy(rte_pktmbuf_mtod(m, void *), b->packet[i], b->len);
		m->data_len = b->len;
		m->pkt_len = b->len;
		if (!b->row->csum)
			continue;
		m->l2_len = FRAME_L2_LEN;
		m->l3_len = 20;
		m->ol_flags = RTE_MBUF_F_TX_IPV4 | l4;
	}
	return 0;
}

static int
send_port(struct worker *w, uint16_t port, const struct super_burst *b, double *ns)
{
	struct rte_mbuf *mbufs[BENCH_BURST];
	uint64_t ticks = 0;
	int err = 0;

	for (unsigned int i = 0; i < BENCH_FILL && err == 0; i += BENCH_BURST) {
		err = make_mbufs(w, b, mbufs);
		if (err == 0)
			err = tx_send(w, port, mbufs, BENCH_BURST, BENCH_BURST, &ticks);
	}
	*ns = (double)ticks * w->ns_per_tick / BENCH_FILL;
	return err;
}

static int
write_raw(struct worker *w, const struct super_burst *b, double *ns)
{
	int fd = w->raw[VNET_RAW].fd[0];
	uint64_t ticks = 0;

	for (unsigned int i = 0; i < BENCH_FILL; i += BENCH_BURST) {
		uint64_t start = rte_rdtsc_precise();
		ssize_t n = writev(fd, b->iov, BENCH_BURST + 1);

		ticks += rte_rdtsc_precise() - start;
		if (n != (ssize_t)b->total)
			return worker_fail(w, -EIO, "raw tap, writev: %s",
					   n < 0 ? strerror(errno) : "cut short");
	}
	*ns = (double)ticks * w->ns_per_tick / BENCH_FILL;
	return 0;
}

/* Payload that the kernel has received from a netdev, in packets of any length. */
static int
payload_received(struct worker *w, const char *ifname, uint16_t header_len, uint64_t *payload)
{
	uint64_t packets = 0, bytes = 0;
	int err = netdev_rx_counts(ifname, &packets, &bytes);

	if (err != 0)
		return worker_fail(w, err, "no counters of %s", ifname);
	*payload = bytes - packets * header_len;
	return 0;
}

static int
tx_pairs(struct worker *w, uint16_t port, const struct super_burst *b, double *raw, double *ns)
{
	int err = 0;

	for (unsigned int i = 0; i < BENCH_REPEATS && err == 0; i++) {
		/* Which comes first changes, so that neither has an advantage. */
		if (i % 2 == 0)
			err = write_raw(w, b, &raw[i]);
		if (err == 0)
			err = send_port(w, port, b, &ns[i]);
		if (err == 0 && i % 2 != 0)
			err = write_raw(w, b, &raw[i]);
	}
	return err;
}

/* What was timed must have arrived: a driver that drops would look fast. */
static int
measure(struct worker *w, const struct super_burst *b)
{
	const struct bench_port *port = &w->port[b->row->csum ? CSUM_PORT : ONE_QUEUE];
	const uint64_t want = (uint64_t)BENCH_REPEATS * BENCH_FILL * b->payload;
	double raw[BENCH_REPEATS], ns[BENCH_REPEATS];
	uint64_t before = 0, after = 0;
	int err = payload_received(w, port->ifname, b->header_len, &before);

	if (err == 0)
		err = tx_pairs(w, port->id, b, raw, ns);
	if (err == 0)
		err = payload_received(w, port->ifname, b->header_len, &after);
	if (err == 0 && after - before != want)
		err = worker_fail(w, -EIO, "kernel got %" PRIu64 " of %" PRIu64 " bytes from %s",
				  after - before, want, port->ifname);
	if (err == 0)
		worker_sample(w, b->row->row, bench_median(raw, BENCH_REPEATS),
			      bench_median(ns, BENCH_REPEATS));
	return err;
}

int
super_tx(struct worker *w)
{
	static struct super_burst burst;
	int err = 0;

	for (unsigned int i = 0; i < RTE_DIM(tx_rows) && err == 0; i++) {
		if (!tx_rows[i].tcp && !w->raw[VNET_RAW].uso)
			continue;
		burst_make(&burst, &tx_rows[i]);
		err = measure(w, &burst);
	}
	return err;
}
