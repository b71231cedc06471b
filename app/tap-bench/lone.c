/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * Lone packets: a thread on the other core sends one packet, waits until it was
 * received, pauses for a random time, and sends the next. A packet that the driver
 * overlooks has no successor that could bring it along, so it shows.
 */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frames.h"
#include "worker.h"

/* Both kinds of frames have room for a stamp behind their headers. */
#define LONE_LEN 98
/* Frames prepared, half of each kind. */
#define LONE_FLOWS 1024
/* Every so often a pause is this many times as long, beyond any armed window. */
#define LONG_PAUSE_EVERY 4
#define LONG_PAUSE_TIMES 8

static const uint64_t stamp_magic = 0x7461702d6c6f6e65;

/* At the end of every frame. */
struct stamp {
	uint64_t magic;
	uint64_t seq;
	uint64_t tsc;
};

struct lone {
	struct worker *w;
	int sock;
	uint64_t count;
	uint64_t gap_ticks;
	uint64_t random;
	int err;
	struct frame_set v4, v6;
	struct bench_lone *out; /* sent, stranded: the sender's; the rest the receiver's */
	_Alignas(64) _Atomic uint64_t received; /* newest sequence number that arrived */
	_Atomic uint64_t polls;                 /* made so far, of each queue */
	_Alignas(64) _Atomic uint64_t sent; /* newest sequence number that send() was done with */
	_Atomic uint64_t polls_then;        /* polls made when it was */
	_Atomic bool done;
};

/* xorshift64: the same seed gives the same pauses and flows again. */
static uint64_t
next_random(struct lone *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random;
}

static void
pause_randomly(struct lone *l)
{
	uint64_t r = next_random(l);
	uint64_t span = l->gap_ticks;
	uint64_t end;

	if (r % LONG_PAUSE_EVERY == 0)
		span *= LONG_PAUSE_TIMES;
	end = rte_rdtsc() + (r >> 8) % span;
	while (rte_rdtsc() < end)
		rte_pause();
}

static int
send_stamped(struct lone *l, uint64_t seq)
{
	uint64_t r = next_random(l);
	const struct frame_set *set = r & 1 ? &l->v6 : &l->v4;
	const struct iovec *iov = &set->iov[(r >> 1) % set->n];
	struct stamp stamp = { .magic = stamp_magic, .seq = seq };

	stamp.tsc = rte_rdtsc_precise();
	memcpy((uint8_t *)iov->iov_base + iov->iov_len - sizeof(stamp), &stamp, sizeof(stamp));
	return send(l->sock, iov->iov_base, iov->iov_len, 0) < 0 ? -errno : 0;
}

/* Whether packet @p seq arrived within a second. */
static bool
wait_received(struct lone *l, uint64_t seq)
{
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz();

	while (atomic_load_explicit(&l->received, memory_order_acquire) < seq) {
		if (rte_rdtsc() > end)
			return false;
		rte_pause();
	}
	return true;
}

static void *
lone_sender(void *arg)
{
	struct lone *l = arg;

	for (uint64_t seq = 1; seq <= l->count && l->err == 0; seq++) {
		l->err = send_stamped(l, seq);
		if (l->err != 0)
			break;
		atomic_store_explicit(&l->polls_then,
				      atomic_load_explicit(&l->polls, memory_order_relaxed),
				      memory_order_relaxed);
		atomic_store_explicit(&l->sent, seq, memory_order_release);
		l->out->sent++;
		if (!wait_received(l, seq))
			l->out->stranded++;
		pause_randomly(l);
	}
	atomic_store_explicit(&l->done, true, memory_order_release);
	return NULL;
}

/* Polls in vain; a packet that is here before its send() returned had none. */
static void
count_polls(struct lone *l, uint64_t seq)
{
	uint64_t polls;

	if (atomic_load_explicit(&l->sent, memory_order_acquire) != seq)
		return;
	polls = atomic_load_explicit(&l->polls, memory_order_relaxed) -
		atomic_load_explicit(&l->polls_then, memory_order_relaxed);
	if (polls > l->out->max_polls)
		l->out->max_polls = polls;
}

static void
receive_frame(struct lone *l, const uint8_t *frame, size_t len)
{
	uint64_t now = rte_rdtsc_precise();
	struct stamp stamp;

	if (len != LONE_LEN)
		return;
	memcpy(&stamp, frame + len - sizeof(stamp), sizeof(stamp));
	if (stamp.magic != stamp_magic ||
	    stamp.seq <= atomic_load_explicit(&l->received, memory_order_relaxed))
		return;
	count_polls(l, stamp.seq);
	bench_lone_add(l->out, (uint64_t)((double)(now - stamp.tsc) * l->w->ns_per_tick));
	atomic_store_explicit(&l->received, stamp.seq, memory_order_release);
}

static void
poll_done(struct lone *l)
{
	uint64_t polls = atomic_load_explicit(&l->polls, memory_order_relaxed);

	atomic_store_explicit(&l->polls, polls + 1, memory_order_relaxed);
}

static void
poll_port(struct lone *l, const struct bench_port *port)
{
	struct rte_mbuf *m[BENCH_BURST];

	while (!atomic_load_explicit(&l->done, memory_order_relaxed)) {
		for (uint16_t q = 0; q < port->nb_queues; q++) {
			uint16_t n = rte_eth_rx_burst(port->id, q, m, BENCH_BURST);

			for (uint16_t i = 0; i < n; i++)
				receive_frame(l, rte_pktmbuf_mtod(m[i], const uint8_t *),
					      m[i]->pkt_len);
			rte_pktmbuf_free_bulk(m, n);
		}
		poll_done(l);
	}
}

static void
poll_raw(struct lone *l, const struct raw_tap *tap)
{
	uint8_t buf[2048];

	while (!atomic_load_explicit(&l->done, memory_order_relaxed)) {
		for (unsigned int q = 0; q < tap->nb_queues; q++) {
			ssize_t n = read(tap->fd[q], buf, sizeof(buf));

			if (n > 0)
				receive_frame(l, buf, (size_t)n);
		}
		poll_done(l);
	}
}

static int
lone_run(struct lone *l, const struct bench_cmd *cmd, enum worker_width width)
{
	struct worker *w = l->w;
	pthread_t thread;
	int err = worker_thread_start(w, &thread, w->opt->sender_core, lone_sender, l);

	if (err != 0)
		return err;
	if (cmd->raw)
		poll_raw(l, &w->raw[width]);
	else
		poll_port(l, &w->port[width]);
	pthread_join(thread, NULL);
	if (l->err != 0)
		return worker_fail(w, l->err, "lone packet: %s", strerror(-l->err));
	return 0;
}

int
worker_lone(struct worker *w, const struct bench_cmd *cmd)
{
	bool qdisc = cmd->lone_case == LONE_QDISC_1Q || cmd->lone_case == LONE_QDISC_4Q;
	bool many = cmd->lone_case == LONE_BYPASS_4Q || cmd->lone_case == LONE_QDISC_4Q;
	enum worker_width width = many ? MANY_QUEUES : ONE_QUEUE;
	const struct tap_sender *to = cmd->raw ? &w->raw_to[width] : &w->port[width].to;
	struct lone l = {
		.w = w,
		.sock = qdisc ? to->qdisc : to->bypass,
		.count = cmd->count,
		.gap_ticks = cmd->gap_us * rte_get_tsc_hz() / 1000000,
		.random = cmd->seed,
		.out = &w->reply.lone,
	};
	int err;

	port_flush(&w->port[width]);
	raw_flush(&w->raw[width]);
	err = frame_set_make(&l.v4, LONE_FLOWS / 2, false, false, LONE_LEN, 0);
	if (err == 0)
		err = frame_set_make(&l.v6, LONE_FLOWS / 2, true, true, LONE_LEN, LONE_FLOWS);
	if (err == 0)
		err = lone_run(&l, cmd, width);
	else
		worker_fail(w, err, "frames: %s", strerror(-err));
	frame_set_free(&l.v4);
	frame_set_free(&l.v6);
	return err;
}
