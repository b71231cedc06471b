/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * What a packet into the tap costs the one who sends it: batches go in turn into a
 * raw multi-queue tap and into the port, from a thread on the other core. Queues
 * are drained between batches, untimed.
 */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "cycles.h"
#include "worker.h"

/* Frames in one batch, all of different flows. */
#define BATCH 256
/* Flows in all; batches walk through them. */
#define FLOWS 2048
/* Batches to throw away at the start of a row. */
#define WARM_UP 2

enum sender_state {
	SENDER_IDLE,
	SENDER_GO,
	SENDER_DONE,
	SENDER_EXIT
};

/* Mailbox between the measuring thread and the sending one. */
struct sender {
	pthread_t thread;
	_Atomic unsigned int state; /* enum sender_state */
	/* The batch: valid from SENDER_GO to SENDER_DONE. */
	const struct frame_set *set;
	int sock;
	unsigned int from;
	int err;
	uint64_t cycles;
};

/* A row of the table: which frames, which way in. */
struct send_row {
	enum bench_row row;
	bool ipv6_tcp;
	bool qdisc;
	uint16_t len;
};

static const struct send_row send_rows[] = {
	{ ROW_SEND_V4_BYPASS, false, false, 60 },
	{ ROW_SEND_V6_BYPASS, true, false, 74 },
	{ ROW_SEND_V4_QDISC, false, true, 60 },
	{ ROW_SEND_V6_QDISC, true, true, 74 },
};

static void *
sender_main(void *arg)
{
	struct sender *s = arg;
	int counter = cycles_open();
	unsigned int state;

	while ((state = atomic_load_explicit(&s->state, memory_order_acquire)) != SENDER_EXIT) {
		uint64_t start;

		if (state != SENDER_GO) {
			rte_pause();
			continue;
		}
		start = cycles_read(counter);
		s->err = frame_set_send(s->set, s->sock, s->from, BATCH);
		s->cycles = cycles_read(counter) - start;
		atomic_store_explicit(&s->state, SENDER_DONE, memory_order_release);
	}
	cycles_close(counter);
	return NULL;
}

/* Cycles per packet of one batch through @p sock. */
static int
send_batch(struct sender *s, const struct frame_set *set, int sock, unsigned int from,
	   double *cycles)
{
	s->set = set;
	s->sock = sock;
	s->from = from;
	atomic_store_explicit(&s->state, SENDER_GO, memory_order_release);
	while (atomic_load_explicit(&s->state, memory_order_acquire) != SENDER_DONE)
		rte_pause();
	*cycles = (double)s->cycles / BATCH;
	return s->err;
}

static int
send_pair(struct worker *w, struct sender *s, const struct frame_set *set, bool qdisc,
	  unsigned int i, double *raw, double *port)
{
	const struct tap_sender *raw_to = &w->raw_to[MANY_QUEUES];
	const struct tap_sender *port_to = &w->port[MANY_QUEUES].to;
	unsigned int from = i * BATCH % FLOWS;
	uint64_t got;
	int err;

	err = send_batch(s, set, qdisc ? raw_to->qdisc : raw_to->bypass, from, raw);
	got = raw_flush(&w->raw[MANY_QUEUES]);
	if (err != 0 || got != BATCH)
		return worker_fail(w, err != 0 ? err : -EIO, "raw tap: sent %s, %u of %u arrived",
				   strerror(-err), (unsigned int)got, BATCH);
	err = send_batch(s, set, qdisc ? port_to->qdisc : port_to->bypass, from, port);
	got = port_flush(&w->port[MANY_QUEUES]);
	if (err != 0 || got != BATCH)
		return worker_fail(w, err != 0 ? err : -EIO, "port: sent %s, %u of %u arrived",
				   strerror(-err), (unsigned int)got, BATCH);
	return 0;
}

static int
send_row(struct worker *w, struct sender *s, const struct send_row *row, uint64_t batches)
{
	struct frame_set set;
	int err = frame_set_make(&set, FLOWS, row->ipv6_tcp, row->ipv6_tcp, row->len, 0);

	if (err != 0)
		return worker_fail(w, err, "frames: %s", strerror(-err));
	for (unsigned int i = 0; i < batches + WARM_UP && err == 0; i++) {
		double raw = 0, port = 0;

		err = send_pair(w, s, &set, row->qdisc, i, &raw, &port);
		if (err == 0 && i >= WARM_UP)
			worker_sample(w, row->row, raw, port);
	}
	frame_set_free(&set);
	return err;
}

int
worker_send(struct worker *w, const struct bench_cmd *cmd)
{
	struct sender s = { .state = SENDER_IDLE };
	int err;

	if (cmd->count > BENCH_MAX_SAMPLES / RTE_DIM(send_rows))
		return worker_fail(w, -EINVAL, "too many batches for one reply");
	port_flush(&w->port[MANY_QUEUES]);
	raw_flush(&w->raw[MANY_QUEUES]);
	err = worker_thread_start(w, &s.thread, w->opt->sender_core, sender_main, &s);
	if (err != 0)
		return err;
	for (unsigned int i = 0; i < RTE_DIM(send_rows) && err == 0; i++)
		err = send_row(w, &s, &send_rows[i], cmd->count);
	atomic_store(&s.state, SENDER_EXIT);
	pthread_join(s.thread, NULL);
	return err;
}
