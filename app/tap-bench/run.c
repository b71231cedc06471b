/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* The main process: starts workers, has them measure in turn, collects samples. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

/* Batches per row of the sender section, over all rounds. */
#define SENDER_BATCHES 300
/* Lone packets of one command: short enough to alternate between drivers. */
#define LONE_SLICE 50000

struct peer {
	pid_t pid;
	int sock;
	const char *driver;
};

struct run {
	const struct bench_options *opt;
	struct bench_results *res;
	struct peer worker[BENCH_MAX_DRIVERS];
	struct bench_reply reply;
	uint64_t seed;
};

void
bench_progress(const char *what, uint64_t done, uint64_t all)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 " %s", what, done, all,
			done == all ? "\n" : "");
}

static int
transfer(int sock, void *data, size_t len, bool out)
{
	char *p = data;

	while (len > 0) {
		ssize_t n = out ? send(sock, p, len, MSG_NOSIGNAL) : recv(sock, p, len, 0);

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
receive_reply(struct run *run, unsigned int driver)
{
	struct peer *h = &run->worker[driver];

	if (transfer(h->sock, &run->reply, sizeof(run->reply), false) != 0) {
		fprintf(stderr, "dpdk-tap-bench: worker for %s ended\n", h->driver);
		return -EPIPE;
	}
	if (run->reply.err != 0)
		fprintf(stderr, "dpdk-tap-bench: %s: %s\n", h->driver,
			run->reply.text[0] != '\0' ? run->reply.text : strerror(-run->reply.err));
	return run->reply.err;
}

static int
start_worker(struct run *run, unsigned int driver)
{
	struct peer *h = &run->worker[driver];
	int sock[2];

	h->driver = run->opt->driver[driver];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) != 0)
		return -errno;
	fflush(NULL);
	h->pid = fork();
	if (h->pid < 0)
		return -errno;
	if (h->pid == 0) {
		/* The end of the main process must be the end of every socket to it. */
		for (unsigned int i = 0; i < driver; i++)
			close(run->worker[i].sock);
		close(sock[0]);
		bench_worker(run->opt, driver, sock[1]);
	}
	close(sock[1]);
	h->sock = sock[0];
	if (receive_reply(run, driver) != 0)
		return -EIO;
	run->res->info[driver] = run->reply.info;
	return 0;
}

static void
stop_workers(struct run *run)
{
	for (unsigned int i = 0; i < run->opt->nb_drivers; i++) {
		struct bench_cmd quit = { .op = OP_QUIT };
		struct peer *h = &run->worker[i];

		if (h->pid <= 0)
			continue;
		transfer(h->sock, &quit, sizeof(quit), true);
		close(h->sock);
		waitpid(h->pid, NULL, 0);
	}
}

static struct bench_series *
series_of(struct bench_results *res, unsigned int driver, uint32_t row)
{
	return row < ROW_COUNT ? &res->row[driver][row] : &res->flow[driver][row - ROW_COUNT];
}

static int
collect_samples(struct run *run, unsigned int driver)
{
	const struct bench_reply *r = &run->reply;

	for (unsigned int i = 0; i < r->nb_samples; i++) {
		const struct bench_sample *s = &r->sample[i];

		if (s->row >= ROW_COUNT + FLOW_ROWS ||
		    bench_series_add(series_of(run->res, driver, s->row), s->raw, s->port) != 0)
			return -ENOMEM;
	}
	if (r->info.flow_note[0] != '\0')
		memcpy(run->res->info[driver].flow_note, r->info.flow_note,
		       sizeof(r->info.flow_note));
	return bench_series_add(&run->res->clock[driver], 1, r->cycles_per_ns);
}

static int
command(struct run *run, unsigned int driver, struct bench_cmd *cmd)
{
	int err = transfer(run->worker[driver].sock, cmd, sizeof(*cmd), true);

	if (err == 0)
		err = receive_reply(run, driver);
	return err == 0 ? collect_samples(run, driver) : err;
}

/* One command per section and driver; the drivers take turns. */
static int
run_round(struct run *run)
{
	static const struct {
		unsigned int section, op;
	} step[] = {
		{ SECTION_RX, OP_RX },       { SECTION_TX, OP_TX },
		{ SECTION_SUPER, OP_SUPER }, { SECTION_SIZE, OP_SIZE },
		{ SECTION_IDLE, OP_IDLE },   { SECTION_QUEUES, OP_QUEUES },
		{ SECTION_SENDER, OP_SEND }, { SECTION_FLOW, OP_FLOW },
		{ SECTION_START, OP_START }, { SECTION_WATCH, OP_WATCH },
	};
	unsigned int batches = (SENDER_BATCHES + run->opt->rounds - 1) / run->opt->rounds;
	int err = 0;

	if (batches > BENCH_MAX_SAMPLES / 4)
		batches = BENCH_MAX_SAMPLES / 4;
	for (unsigned int i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		struct bench_cmd cmd = { .op = step[i].op, .count = batches };

		if (!(run->opt->only & step[i].section))
			continue;
		for (unsigned int d = 0; d < run->opt->nb_drivers && err == 0; d++)
			err = command(run, d, &cmd);
	}
	return err;
}

static int
run_rounds(struct run *run)
{
	int err = 0;

	if (!(run->opt->only & ~(unsigned int)(SECTION_LONE | SECTION_BPF)))
		return 0;
	for (unsigned int i = 0; i < run->opt->rounds && err == 0; i++) {
		bench_progress("rounds", i, run->opt->rounds);
		err = run_round(run);
	}
	bench_progress("rounds", run->opt->rounds, run->opt->rounds);
	return err;
}

static int
lone_slice(struct run *run, unsigned int driver, unsigned int lone_case, bool raw, uint64_t count)
{
	struct bench_cmd cmd = {
		.op = OP_LONE,
		.lone_case = lone_case,
		.raw = raw,
		.gap_us = run->opt->lone_gap_us,
		.count = count,
	};
	int err;

	run->seed += 0x9e3779b97f4a7c15;
	cmd.seed = run->seed | 1;
	err = command(run, driver, &cmd);
	if (err == 0)
		bench_lone_merge(raw ? &run->res->lone_raw[lone_case] :
				       &run->res->lone[driver][lone_case],
				 &run->reply.lone);
	return err;
}

static uint64_t
slice(uint64_t want, uint64_t at)
{
	if (at >= want)
		return 0;
	return want - at < LONE_SLICE ? want - at : LONE_SLICE;
}

/* The first driver gets all packets; the others and the raw tap are for comparison. */
static int
run_lone_case(struct run *run, unsigned int lone_case)
{
	uint64_t all = run->opt->lone_packets / LONE_CASES;
	uint64_t some = run->opt->lone_reference / LONE_CASES;
	int err = 0;

	if (some > all)
		some = all;
	for (uint64_t at = 0; at < all && err == 0; at += LONE_SLICE) {
		bench_progress(bench_lone_text[lone_case], at, all);
		if (slice(some, at) != 0)
			err = lone_slice(run, 0, lone_case, true, slice(some, at));
		for (unsigned int d = 0; d < run->opt->nb_drivers && err == 0; d++) {
			uint64_t n = slice(d == 0 ? all : some, at);

			if (n != 0)
				err = lone_slice(run, d, lone_case, false, n);
		}
	}
	bench_progress(bench_lone_text[lone_case], all, all);
	return err;
}

int
bench_run(const struct bench_options *opt, struct bench_results *res)
{
	struct run *run = calloc(1, sizeof(*run));
	int err = 0;

	if (run == NULL)
		return -ENOMEM;
	run->opt = opt;
	run->res = res;
	run->seed = 1;
	if (opt->only & ~(unsigned int)SECTION_BPF) {
		for (unsigned int d = 0; d < opt->nb_drivers && err == 0; d++)
			err = start_worker(run, d);
		if (err == 0)
			err = run_rounds(run);
		for (unsigned int c = 0; c < LONE_CASES && err == 0; c++)
			if (opt->only & SECTION_LONE)
				err = run_lone_case(run, c);
		stop_workers(run);
	}
	if (err == 0 && opt->only & SECTION_BPF)
		err = bench_programs(opt, res);
	free(run);
	return err;
}

void
bench_results_free(struct bench_results *res)
{
	for (unsigned int d = 0; d < BENCH_MAX_DRIVERS; d++) {
		bench_series_free(&res->clock[d]);
		for (uint32_t r = 0; r < ROW_COUNT + FLOW_ROWS; r++)
			bench_series_free(series_of(res, d, r));
	}
	for (unsigned int i = 0; i < res->nb_progs; i++)
		bench_series_free(&res->prog[i].ns);
}
