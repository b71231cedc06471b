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

/** Index into worker.raw and worker.port: by number of queues. */
enum worker_width {
	ONE_QUEUE,
	TWO_QUEUES,
	MANY_QUEUES, /**< BENCH_QUEUES */
	EIGHT_QUEUES,
	WIDTHS
};
_Static_assert((int)WIDTHS == BENCH_WIDTHS, "the queues section has one of each");
/** Index into worker.raw: one queue, with vnet header and all offloads. */
enum worker_raw {
	VNET_RAW = WIDTHS,
	RAWS
};
/** Index into worker.port: one queue, with checksum offloads; with LRO as well. */
enum worker_port {
	CSUM_PORT = WIDTHS,
	LRO_PORT,
	PORTS
};

/** A port of the driver under test. */
struct bench_port {
	uint16_t id;
	uint16_t nb_queues;
	bool csum; /**< checksum offloads, as far as the driver has them */
	bool lro;  /**< asked for; once it is open: given */
	bool open;
	char ifname[16];
	struct tap_sender to;
};

struct worker {
	const struct bench_options *opt;
	const char *driver; /**< plugin path, or "stock" */
	struct raw_tap raw[RAWS];
	struct tap_sender raw_to[RAWS];
	struct bench_port port[PORTS];
	struct rte_mempool *pool;
	double ns_per_tick;       /**< of the TSC */
	int counter;              /**< of cycles of this thread, or -1 */
	unsigned int queues_turn; /**< rounds of the queues section so far */
	unsigned int watch_turn;  /**< the same of the watch section */
	struct bench_reply reply; /**< to the command being worked on */
};

/** Note what went wrong for the reply. @return @p err */
int worker_fail(struct worker *w, int err, const char *fmt, ...) __rte_format_printf(3, 4);
void worker_sample(struct worker *w, uint32_t row, double raw, double port);
/** Start a thread on a core, deaf to signals. */
int worker_thread_start(struct worker *w, pthread_t *thread, unsigned int core, void *(*fn)(void *),
			void *arg);
/** Keep the core busy for @p us microseconds: it stays warm, unlike in a sleep. */
void worker_spin_us(unsigned int us);
/** Receive and free until the port was quiet for a while. @return packets */
uint64_t port_flush(const struct bench_port *port);
/** The same for a raw tap. */
uint64_t raw_flush(const struct raw_tap *tap);

/* ports.c */
int worker_open(struct worker *w);
void worker_close(struct worker *w);
/** Devargs of a port of the driver under test whose netdev is @p ifname. */
void port_devargs(const struct worker *w, const char *ifname, char *args, size_t size);
/** Configure and set up all queues, with RSS and hash if the driver has them. */
int port_configure(struct bench_port *port, struct worker *w);
/** This worker's --file-prefix. */
void worker_prefix(char *prefix, size_t size);

/* rx.c */
/** A row to measure: which port, which frames, when mbufs are freed. */
struct rx_row {
	unsigned int row;
	unsigned int port; /**< index into worker.port */
	uint16_t len;
	uint16_t burst;
	bool keep;
};
int rx_row_measure(struct worker *w, const struct rx_row *row);
/** Send all of @p set into a tap, and wait until it is there; @p name: for an error. */
int rx_fill(struct worker *w, const struct frame_set *set, int sock, const char *name);
/** Receive and free @p packets of queue 0 in bursts; adds to @p ticks. */
int rx_drain_port(struct worker *w, uint16_t port, unsigned int packets, uint16_t burst,
		  uint64_t *ticks);

/* tx.c */
/** Send @p n mbufs through queue 0 in bursts; adds to @p ticks. */
int tx_send(struct worker *w, uint16_t port, struct rte_mbuf **mbufs, uint16_t n, uint16_t burst,
	    uint64_t *ticks);
/** A row to measure: which frames, with checksum offload or not. */
struct tx_row {
	unsigned int row;
	uint16_t len;
	uint16_t burst;
	bool csum;
};
int tx_row_measure(struct worker *w, const struct tx_row *row);

/* The rest is commands, one each; most in a file of that name. */
int worker_rx(struct worker *w);
int worker_idle(struct worker *w);
int worker_tx(struct worker *w);
int worker_send(struct worker *w, const struct bench_cmd *cmd);
int worker_lone(struct worker *w, const struct bench_cmd *cmd);
int worker_flow(struct worker *w);
int worker_super(struct worker *w);
int worker_size(struct worker *w);
int worker_queues(struct worker *w);
int worker_start(struct worker *w);
int worker_watch(struct worker *w);

#endif /* BENCH_WORKER_H */
