/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* From the hotplug of a port with BENCH_QUEUES queues to its first packet; a raw tap beside it. */

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_errno.h>

#include "worker.h"

/* Starts of each kind in a round. */
#define STARTS 3
/* Parts of a start: the rows after ROW_START. */
#define PARTS (ROW_START_PACKET - ROW_START)
/* Behind those of the worker's ports. */
#define DEVICE "net_tap99"
#define PORT_NETDEV "bench_start"
#define RAW_NETDEV "bench_rstart"

/* What both kinds of start need. */
struct starter {
	struct worker *w;
	int sock; /* a packet socket that is bound to nothing: no time goes into its opening */
	struct frame_set frame;
	uint64_t at[PARTS + 1]; /* TSC before the first part, and after each */
};

static int
send_first(struct starter *s, const char *ifname)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	const struct iovec *iov = &s->frame.iov[0];

	to.sll_ifindex = (int)if_nametoindex(ifname);
	if (sendto(s->sock, iov->iov_base, iov->iov_len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return worker_fail(s->w, -errno, "sending into %s: %s", ifname, strerror(errno));
	return 0;
}

static int
poll_port(struct starter *s, const struct bench_port *port)
{
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz();
	struct rte_mbuf *m;

	while (rte_rdtsc() < end) {
		for (uint16_t q = 0; q < port->nb_queues; q++) {
			if (rte_eth_rx_burst(port->id, q, &m, 1) == 1) {
				rte_pktmbuf_free(m);
				return 0;
			}
		}
	}
	return worker_fail(s->w, -EIO, "%s: the first packet did not arrive", port->ifname);
}

static int
poll_raw(struct starter *s, const struct raw_tap *tap)
{
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz();
	char buf[2048];

	while (rte_rdtsc() < end)
		for (unsigned int q = 0; q < tap->nb_queues; q++)
			if (read(tap->fd[q], buf, sizeof(buf)) > 0)
				return 0;
	return worker_fail(s->w, -EIO, "%s: the first packet did not arrive", tap->name);
}

static int
port_up(struct starter *s, struct bench_port *port, const char *args)
{
	int err;

	s->at[0] = rte_rdtsc_precise();
	err = rte_eal_hotplug_add("vdev", DEVICE, args);
	if (err == 0)
		err = rte_eth_dev_get_port_by_name(DEVICE, &port->id);
	if (err != 0)
		return worker_fail(s->w, err, "hotplug of " DEVICE ": %s", rte_strerror(-err));
	port->open = true;
	s->at[1] = rte_rdtsc_precise();
	err = port_configure(port, s->w);
	s->at[2] = rte_rdtsc_precise();
	if (err == 0)
		err = rte_eth_dev_start(port->id);
	if (err == 0)
		err = rte_eth_promiscuous_enable(port->id);
	if (err != 0)
		return worker_fail(s->w, err, "start of " DEVICE ": %s", rte_strerror(-err));
	s->at[3] = rte_rdtsc_precise();
	err = send_first(s, port->ifname);
	if (err == 0)
		err = poll_port(s, port);
	s->at[4] = rte_rdtsc_precise();
	return err;
}

static int
port_down(struct starter *s, const struct bench_port *port)
{
	int err;

	if (!port->open)
		return 0;
	rte_eth_dev_stop(port->id);
	rte_eth_dev_close(port->id);
	err = rte_eal_hotplug_remove("vdev", DEVICE);
	return err == 0 ? 0 :
			  worker_fail(s->w, err, "removal of " DEVICE ": %s", rte_strerror(-err));
}

static int
start_port(struct starter *s)
{
	struct bench_port port = { .nb_queues = BENCH_QUEUES, .ifname = PORT_NETDEV };
	char args[96];
	int err, down;

	port_devargs(s->w, port.ifname, args, sizeof(args));
	err = port_up(s, &port, args);
	down = port_down(s, &port);
	return err != 0 ? err : down;
}

static int
raw_up(struct starter *s, struct raw_tap *tap)
{
	int err = 0;

	s->at[0] = rte_rdtsc_precise();
	while (tap->nb_queues < BENCH_QUEUES) {
		int fd = raw_queue_open(tap->name, true, false);

		if (fd < 0)
			return worker_fail(s->w, fd, "tap %s: %s", tap->name, strerror(-fd));
		tap->fd[tap->nb_queues++] = fd;
		if (tap->nb_queues == 1)
			s->at[1] = rte_rdtsc_precise();
	}
	s->at[2] = rte_rdtsc_precise();
	err = netdev_up(tap->name, 2 * BENCH_FILL);
	if (err != 0)
		return worker_fail(s->w, err, "tap %s: %s", tap->name, strerror(-err));
	s->at[3] = rte_rdtsc_precise();
	err = send_first(s, tap->name);
	if (err == 0)
		err = poll_raw(s, tap);
	s->at[4] = rte_rdtsc_precise();
	return err;
}

static int
start_raw(struct starter *s)
{
	struct raw_tap tap = { .name = RAW_NETDEV };
	int err = raw_up(s, &tap);

	for (unsigned int q = 0; q < tap.nb_queues; q++)
		close(tap.fd[q]);
	return err;
}

static double
ms_between(const struct starter *s, unsigned int from, unsigned int to)
{
	return (double)(s->at[to] - s->at[from]) * s->w->ns_per_tick / 1e6;
}

/* A start of each kind; which comes first changes. */
static int
measure(struct starter *raw, struct starter *port, bool raw_first)
{
	int err = raw_first ? start_raw(raw) : start_port(port);

	if (err == 0)
		err = raw_first ? start_port(port) : start_raw(raw);
	if (err != 0)
		return err;
	worker_sample(raw->w, ROW_START, ms_between(raw, 0, PARTS), ms_between(port, 0, PARTS));
	for (unsigned int i = 0; i < PARTS; i++)
		worker_sample(raw->w, ROW_START_PROBE + i, ms_between(raw, i, i + 1),
			      ms_between(port, i, i + 1));
	return 0;
}

int
worker_start(struct worker *w)
{
	struct starter raw = { .w = w }, port;
	int err = frame_set_make(&raw.frame, 1, false, false, 60, 0);

	if (err != 0)
		return worker_fail(w, err, "frames: %s", strerror(-err));
	raw.sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (raw.sock < 0)
		err = worker_fail(w, -errno, "packet socket: %s", strerror(errno));
	port = raw;
	for (unsigned int i = 0; i < STARTS && err == 0; i++)
		err = measure(&raw, &port, i % 2 == 0);
	if (raw.sock >= 0)
		close(raw.sock);
	frame_set_free(&raw.frame);
	return err;
}
