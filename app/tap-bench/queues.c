/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * What one core drains from 1, 2, 4, 8 queues, while 1, 2 ... threads on other cores send
 * as fast as they can. The kernel drops what finds a queue full.
 */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "worker.h"

/* Of each sender. */
#define FLOWS 256
#define WARM_UP_US 2000
#define MEASURE_US 20000
/* What is not there by then does not come. */
#define PATIENCE_US 1000000
/* With so many packets, of so many flows, no queue stays without. */
#define SPREAD 4096

struct flood_sender {
	pthread_t thread;
	const atomic_bool *stop;
	struct frame_set set;
	int sock;
	int err;
};

/* Threads that send into one tap. */
struct flood {
	struct flood_sender sender[BENCH_MAX_SENDERS];
	unsigned int n; /* running */
	atomic_bool stop;
};

/* Takes what a queue has, up to a burst; a port's or a raw tap's. */
typedef unsigned int (*take_fn)(struct worker *w, unsigned int width, uint16_t queue);

static unsigned int
take_port(struct worker *w, unsigned int width, uint16_t queue)
{
	struct rte_mbuf *m[BENCH_BURST];
	uint16_t n = rte_eth_rx_burst(w->port[width].id, queue, m, BENCH_BURST);

	rte_pktmbuf_free_bulk(m, n);
	return n;
}

static unsigned int
take_raw(struct worker *w, unsigned int width, uint16_t queue)
{
	int fd = w->raw[width].fd[queue];
	unsigned int n = 0;
	char buf[2048];

	while (n < BENCH_BURST && read(fd, buf, sizeof(buf)) > 0)
		n++;
	return n;
}

static void *
send_on(void *arg)
{
	struct flood_sender *s = arg;
	unsigned int at = 0;

	while (s->err == 0 && !atomic_load_explicit(s->stop, memory_order_relaxed)) {
		int n = sendmmsg(s->sock, s->set.msg + at, FLOWS - at, 0);

		/* The kernel tells of a full queue: the next flow may have another one. */
		if (n < 0 && errno == ENOBUFS)
			n = 1;
		else if (n < 0 && errno != EINTR)
			s->err = -errno;
		at = (at + (n > 0 ? (unsigned int)n : 0)) % FLOWS;
	}
	return NULL;
}

static void
sender_close(struct flood_sender *s)
{
	frame_set_free(&s->set);
	if (s->sock >= 0)
		close(s->sock);
}

static int
sender_start(struct worker *w, struct flood *f, const char *ifname)
{
	struct flood_sender *s = &f->sender[f->n];
	int err;

	memset(s, 0, sizeof(*s));
	s->stop = &f->stop;
	s->sock = bypass_socket_open(ifname);
	err = s->sock < 0 ? s->sock :
			    frame_set_make(&s->set, FLOWS, false, false, 60, f->n * FLOWS);
	if (err != 0)
		worker_fail(w, err, "sender into %s: %s", ifname, strerror(-err));
	else
		err = worker_thread_start(w, &s->thread, w->opt->senders[f->n], send_on, s);
	if (err != 0)
		sender_close(s);
	else
		f->n++;
	return err;
}

static int
flood_stop(struct worker *w, struct flood *f)
{
	int err = 0;

	atomic_store(&f->stop, true);
	for (unsigned int i = 0; i < f->n; i++) {
		struct flood_sender *s = &f->sender[i];

		pthread_join(s->thread, NULL);
		if (s->err != 0)
			err = worker_fail(w, s->err, "sender %u: %s", i, strerror(-s->err));
		sender_close(s);
	}
	return err;
}

/* Poll all queues in turn for a time. @return packets by queue, and the time it took in us */
static double
poll_for(struct worker *w, unsigned int width, take_fn take, unsigned int us, uint64_t *got)
{
	uint64_t start = rte_rdtsc();
	uint64_t ticks_us = rte_get_tsc_hz() / 1000000;
	uint64_t now, sum = 0;

	memset(got, 0, BENCH_MAX_QUEUES * sizeof(*got));
	do {
		for (uint16_t q = 0; q < w->raw[width].nb_queues; q++) {
			unsigned int n = take(w, width, q);

			got[q] += n;
			sum += n;
		}
		now = rte_rdtsc();
	} while (now - start < us * ticks_us || (sum == 0 && now - start < PATIENCE_US * ticks_us));
	return (double)(now - start) * w->ns_per_tick / 1000;
}

/* Thousands of packets per second; every queue must have had its part. */
static int
rate(struct worker *w, unsigned int width, const char *ifname, take_fn take, double *kpps)
{
	uint64_t got[BENCH_MAX_QUEUES], sum = 0;
	unsigned int nb_queues = w->raw[width].nb_queues;
	double us;

	poll_for(w, width, take, WARM_UP_US, got);
	us = poll_for(w, width, take, MEASURE_US, got);
	for (unsigned int q = 0; q < nb_queues; q++)
		sum += got[q];
	if (sum == 0)
		return worker_fail(w, -EIO, "%s: nothing of what was sent arrived", ifname);
	for (unsigned int q = 0; q < nb_queues; q++)
		if (sum > SPREAD && got[q] == 0)
			return worker_fail(w, -EIO, "%s: nothing arrived in queue %u of %u", ifname,
					   q, nb_queues);
	*kpps = (double)sum / us * 1000;
	return 0;
}

static int
flood_rate(struct worker *w, unsigned int width, unsigned int senders, bool raw, double *kpps)
{
	const char *ifname = raw ? w->raw[width].name : w->port[width].ifname;
	struct flood f = { .n = 0 };
	int err = 0, stopped;

	while (f.n < senders && err == 0)
		err = sender_start(w, &f, ifname);
	if (err == 0)
		err = rate(w, width, ifname, raw ? take_raw : take_port, kpps);
	stopped = flood_stop(w, &f);
	if (raw)
		raw_flush(&w->raw[width]);
	else
		port_flush(&w->port[width]);
	return err != 0 ? err : stopped;
}

/* Which comes first changes, so that neither has an advantage. */
static int
measure(struct worker *w, unsigned int width, unsigned int senders)
{
	double raw = 0, port = 0;
	bool raw_first = (w->queues_turn + width) % 2 == 0;
	int err = flood_rate(w, width, senders, raw_first, raw_first ? &raw : &port);

	if (err == 0)
		err = flood_rate(w, width, senders, !raw_first, raw_first ? &port : &raw);
	if (err == 0)
		worker_sample(w, ROW_QUEUES + (senders - 1) * BENCH_WIDTHS + width, raw, port);
	return err;
}

int
worker_queues(struct worker *w)
{
	int err = 0;

	for (unsigned int senders = 1; senders <= w->opt->nb_senders && err == 0; senders++)
		for (unsigned int width = 0; width < WIDTHS && err == 0; width++)
			if (w->port[width].open)
				err = measure(w, width, senders);
	w->queues_turn++;
	return err;
}
