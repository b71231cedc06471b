/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

/**
 * @file
 * A worker process: one driver, two of its ports, two raw taps, one network
 * namespace. Functions that take a worker and return int return 0, or a negative
 * errno value after worker_fail() told what went wrong.
 */

#include <pthread.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "bench.h"
#include "rawtap.h"

/** Index into worker.raw: one queue or BENCH_QUEUES queues. */
enum worker_width {
	ONE_QUEUE,
	MANY_QUEUES,
	WIDTHS
};
/** Index into worker.port: the same two, and one with one queue and checksum offloads. */
enum worker_port {
	CSUM_PORT = WIDTHS,
	PORTS
};

/** A port of the driver under test. */
struct bench_port {
	uint16_t id;
	uint16_t nb_queues;
	bool csum; /**< checksum offloads, as far as the driver has them */
	char ifname[16];
	struct tap_sender to;
};

struct worker {
	const struct bench_options *opt;
	const char *driver; /**< plugin path, or "stock" */
	struct raw_tap raw[WIDTHS];
	struct tap_sender raw_to[WIDTHS];
	struct bench_port port[PORTS];
	struct rte_mempool *pool;
	double ns_per_tick;       /**< of the TSC */
	struct bench_reply reply; /**< to the command being worked on */
};

/** Note what went wrong for the reply. @return @p err */
int worker_fail(struct worker *w, int err, const char *fmt, ...) __rte_format_printf(3, 4);
void worker_sample(struct worker *w, uint32_t row, double raw, double port);
/** Start a thread on a core of its own choice, deaf to signals. */
int worker_thread_start(struct worker *w, pthread_t *thread, void *(*fn)(void *), void *arg);
/** Keep the core busy for @p us microseconds: it stays warm, unlike in a sleep. */
void worker_spin_us(unsigned int us);
/** Receive and free until the port was quiet for a while. @return packets */
uint64_t port_flush(const struct bench_port *port);
/** The same for a raw tap. */
uint64_t raw_flush(const struct raw_tap *tap);

/* ports.c */
int worker_open(struct worker *w);
void worker_close(struct worker *w);

/* rx.c, tx.c, sender.c, lone.c, flow.c: one command each */
int worker_rx(struct worker *w);
int worker_idle(struct worker *w);
int worker_tx(struct worker *w);
int worker_send(struct worker *w, const struct bench_cmd *cmd);
int worker_lone(struct worker *w, const struct bench_cmd *cmd);
int worker_flow(struct worker *w);

#endif /* BENCH_WORKER_H */
