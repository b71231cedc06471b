/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * Flow rules of a port: how fast they come and go, whether packets end where they say,
 * and what they cost in the programs.
 */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "flowcases.h"
#include "frames.h"

/* Flows that are sent through the port to see that rules hold. */
#define PROBES 256
/* Polls of all queues after which a probe counts as lost. */
#define PROBE_POLLS (1u << 16)

/* From one command to the next. */
static struct flow_bench bench;

int
flow_fail(struct worker *w, int err, const char *what, const struct rte_flow_error *error)
{
	return worker_fail(w, err, "flow rules: %s: %s", what,
			   error->message != NULL ? error->message : strerror(-err));
}

static double
rules_per_second(const struct worker *w, unsigned int n, uint64_t ticks)
{
	return n * 1e9 / ((double)ticks * w->ns_per_tick);
}

/* Time the making and destroying of some rules after those that are there. */
static int
measure_rates(struct worker *w, unsigned int n, enum bench_flow_rate add,
	      enum bench_flow_rate destroy)
{
	struct rte_flow_error error = { .message = NULL };
	struct flow_set *set = &bench.set;
	unsigned int keep = set->n;
	uint64_t start, made, end;
	int err = 0;

	start = rte_rdtsc_precise();
	for (unsigned int i = 0; i < n && err == 0; i++) {
		const struct flow_spec spec = { .frame = keep + i, .queue = i % BENCH_QUEUES };

		err = flow_set_add(set, &bench.plain, &spec, &error);
	}
	made = rte_rdtsc_precise();
	if (err != 0) {
		flow_fail(w, err, "insert", &error);
		flow_set_cut(set, keep, &error);
		return err;
	}
	err = flow_set_cut(set, keep, &error);
	end = rte_rdtsc_precise();
	if (err != 0)
		return flow_fail(w, err, "destroy", &error);
	worker_sample(w, ROW_COUNT + add, 0, rules_per_second(w, n, made - start));
	worker_sample(w, ROW_COUNT + destroy, 0, rules_per_second(w, n, end - made));
	return 0;
}

/* The first rule of a kind, whose programs the driver has yet to load. */
static int
measure_first(struct worker *w, enum bench_flow_rate row, bool drop)
{
	const struct flow_spec spec = { .frame = 0, .drop = drop };
	struct rte_flow_error error = { .message = NULL };
	uint64_t start = rte_rdtsc_precise();
	int err = flow_set_add(&bench.set, &bench.plain, &spec, &error);

	if (err != 0)
		return flow_fail(w, err, "first rule", &error);
	worker_sample(w, ROW_COUNT + row, 0,
		      (double)(rte_rdtsc_precise() - start) * w->ns_per_tick / 1e6);
	err = flow_set_cut(&bench.set, 0, &error);
	return err == 0 ? 0 : flow_fail(w, err, "destroy", &error);
}

/* Receive one packet. @return its queue, -1 if none came or it is another one */
static int
receive_probe(const struct bench_port *port, const uint8_t *frame, uint16_t len)
{
	struct rte_mbuf *m;

	for (unsigned int i = 0; i < PROBE_POLLS; i++)
		for (uint16_t q = 0; q < port->nb_queues; q++) {
			bool same;

			if (rte_eth_rx_burst(port->id, q, &m, 1) == 0)
				continue;
			same = rte_pktmbuf_data_len(m) == len &&
			       memcmp(rte_pktmbuf_mtod(m, const void *), frame, len) == 0;
			rte_pktmbuf_free(m);
			return same ? q : -1;
		}
	return -1;
}

/* Figures of rules that do not hold would be worthless: send real packets. */
static int
probe_rules(struct worker *w)
{
	const struct bench_port *port = &w->port[MANY_QUEUES];
	struct rte_flow_error error = { .message = NULL };
	int err = 0;

	port_flush(port);
	for (unsigned int i = 0; i < PROBES && err == 0; i++) {
		const struct flow_spec spec = { .frame = i, .queue = i / 2 % BENCH_QUEUES };

		err = flow_set_add(&bench.set, &bench.plain, &spec, &error);
	}
	if (err != 0)
		return flow_fail(w, err, "insert", &error);
	for (unsigned int i = 0; i < PROBES; i++) {
		const uint8_t *frame = flow_frame(&bench.plain, i) + FLOW_PREFIX_LEN;
		int queue = -1;

		if (send(port->to.bypass, frame, bench.plain.len, 0) == bench.plain.len)
			queue = receive_probe(port, frame, bench.plain.len);
		if (queue != (int)(i / 2 % BENCH_QUEUES))
			return worker_fail(w, -EBADMSG,
					   "flow rules: a packet for queue %u came to queue %d",
					   i / 2 % BENCH_QUEUES, queue);
	}
	err = flow_set_cut(&bench.set, 0, &error);
	return err == 0 ? 0 : flow_fail(w, err, "destroy", &error);
}

static int
prepare(struct worker *w)
{
	int err = flow_frames_make(&bench.plain, FLOW_ALL + 1, false, false);

	if (err == 0)
		err = flow_frames_make(&bench.one_flow, FLOW_SOME, false, true);
	if (err == 0)
		err = flow_frames_make(&bench.vxlan, FLOW_SOME, true, false);
	if (err == 0)
		err = flow_set_open(&bench.set, w->port[MANY_QUEUES].id, FLOW_ALL + 1);
	if (err != 0)
		return worker_fail(w, err, "flow rules: %s", strerror(-err));
	err = measure_first(w, FLOW_LOAD_STEERING, false);
	if (err == 0)
		err = measure_first(w, FLOW_LOAD_FILTER, true);
	if (err == 0)
		err = probe_rules(w);
	if (err != 0)
		return err;
	err = flow_programs_find(&bench.prog);
	if (err != 0)
		snprintf(w->reply.info.flow_note, sizeof(w->reply.info.flow_note),
			 "the driver's programs for flow rules are not in the kernel: not timed");
	bench.programs = err == 0;
	bench.ready = true;
	return 0;
}

static int
measure(struct worker *w)
{
	const struct flow_spec first = { .frame = 0 };
	struct rte_flow_error error = { .message = NULL };
	int err = bench.ready ? 0 : prepare(w);

	if (err != 0)
		return err;
	/* Rules that come and go after it leave the port's programs as they are. */
	err = flow_set_add(&bench.set, &bench.plain, &first, &error);
	if (err != 0)
		return flow_fail(w, err, "insert", &error);
	err = measure_rates(w, FLOW_SOME, FLOW_ADD_SOME, FLOW_DESTROY_SOME);
	if (err == 0)
		err = measure_rates(w, FLOW_ALL, FLOW_ADD_ALL, FLOW_DESTROY_ALL);
	flow_set_cut(&bench.set, 0, &error);
	return err == 0 && bench.programs ? flow_cases_measure(w, &bench) : err;
}

int
worker_flow(struct worker *w)
{
	int err;

	if (bench.given_up)
		return 0;
	err = measure(w);
	if (err == 0 || strcmp(w->driver, "stock") != 0)
		return err;
	/* DPDK's own driver needs more of the kernel, and may have less room. */
	bench.given_up = true;
	snprintf(w->reply.info.flow_note, sizeof(w->reply.info.flow_note), "%s", w->reply.text);
	w->reply.text[0] = '\0';
	return 0;
}
