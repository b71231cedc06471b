/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* The worker process: answers the main process' commands, one at a time. */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cycles.h"
#include "worker.h"

/* A tap is taken for empty after this many polls in a row without a packet. */
#define QUIET_POLLS 4096

int
worker_fail(struct worker *w, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	/* What was said first is the cause of what comes later. */
	if (w->reply.text[0] == '\0')
		vsnprintf(w->reply.text, sizeof(w->reply.text), fmt, ap);
	va_end(ap);
	return err;
}

void
worker_sample(struct worker *w, uint32_t row, double raw, double port)
{
	struct bench_reply *r = &w->reply;

	if (r->nb_samples == BENCH_MAX_SAMPLES)
		return;
	r->sample[r->nb_samples].row = row;
	r->sample[r->nb_samples].raw = raw;
	r->sample[r->nb_samples].port = port;
	r->nb_samples++;
}

int
worker_thread_start(struct worker *w, pthread_t *thread, unsigned int core, void *(*fn)(void *),
		    void *arg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	cpu_set_t cpus;
	int err;

	CPU_ZERO(&cpus);
	CPU_SET(core, &cpus);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	/* A driver's signals are for the thread that polls, not for the sender. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(thread, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return err == 0 ? 0 : worker_fail(w, -err, "thread on core %u: %s", core, strerror(err));
}

void
worker_spin_us(unsigned int us)
{
	uint64_t end = rte_rdtsc() + us * (rte_get_tsc_hz() / 1000000);

	while (rte_rdtsc() < end)
		rte_pause();
}

uint64_t
port_flush(const struct bench_port *port)
{
	struct rte_mbuf *m[BENCH_BURST];
	unsigned int quiet = 0;
	uint64_t total = 0;

	while (quiet < QUIET_POLLS) {
		uint16_t got = 0;

		for (uint16_t q = 0; q < port->nb_queues; q++) {
			uint16_t n = rte_eth_rx_burst(port->id, q, m, BENCH_BURST);

			rte_pktmbuf_free_bulk(m, n);
			got += n;
		}
		total += got;
		quiet = got == 0 ? quiet + 1 : 0;
	}
	return total;
}

uint64_t
raw_flush(const struct raw_tap *tap)
{
	char buf[2048];
	uint64_t total = 0;

	for (unsigned int q = 0; q < tap->nb_queues; q++)
		while (read(tap->fd[q], buf, sizeof(buf)) > 0)
			total++;
	return total;
}

static int
transfer(int sock, void *data, size_t len, bool out)
{
	char *p = data;

	while (len > 0) {
		ssize_t n = out ? write(sock, p, len) : read(sock, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
run_command(struct worker *w, const struct bench_cmd *cmd)
{
	switch (cmd->op) {
	case OP_RX:
		return worker_rx(w);
	case OP_TX:
		return worker_tx(w);
	case OP_IDLE:
		return worker_idle(w);
	case OP_SEND:
		return worker_send(w, cmd);
	case OP_LONE:
		return worker_lone(w, cmd);
	case OP_FLOW:
		return worker_flow(w);
	case OP_SUPER:
		return worker_super(w);
	case OP_SIZE:
		return worker_size(w);
	case OP_QUEUES:
		return worker_queues(w);
	case OP_START:
		return worker_start(w);
	case OP_WATCH:
		return worker_watch(w);
	default:
		return worker_fail(w, -EINVAL, "unknown command %u", cmd->op);
	}
}

static void
serve(struct worker *w, int sock)
{
	struct bench_cmd cmd;

	while (transfer(sock, &cmd, sizeof(cmd), false) == 0 && cmd.op != OP_QUIT) {
		uint64_t ticks, cycles;

		memset(&w->reply, 0, sizeof(w->reply));
		cycles = cycles_read(w->counter);
		ticks = rte_rdtsc_precise();
		w->reply.err = run_command(w, &cmd);
		cycles = cycles_read(w->counter) - cycles;
		ticks = rte_rdtsc_precise() - ticks;
		w->reply.cycles_per_ns = (double)cycles / ((double)ticks * w->ns_per_tick);
		if (transfer(sock, &w->reply, sizeof(w->reply), true) != 0)
			break;
	}
}

void
bench_worker(const struct bench_options *opt, unsigned int driver, int sock)
{
	struct worker *w = calloc(1, sizeof(*w));
	int err;

	if (w == NULL)
		_exit(EXIT_FAILURE);
	/* No orphan keeps polling should the main process be killed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w->opt = opt;
	w->driver = opt->driver[driver];
	err = worker_open(w);
	w->reply.err = err;
	if (transfer(sock, &w->reply, sizeof(w->reply), true) == 0 && err == 0)
		serve(w, sock);
	if (err == 0)
		worker_close(w);
	free(w);
	exit(err == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
