/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* The figures that the driver has to reach; all of the first driver. */

#include <string.h>

#include "bench.h"

/* Median of the ratios port/raw, or ratio of the fifth percentiles, or plain median. */
enum limit_kind {
	LIMIT_RATIO,
	LIMIT_P5_RATIO,
	LIMIT_PORT
};

struct row_limit {
	const char *what;
	const char *unit;
	enum bench_row row;
	enum limit_kind kind;
	double limit;
};

static const struct row_limit row_limits[] = {
	{ "Rx 60 B over raw read()", "x", ROW_RX_60, LIMIT_RATIO, 1.12 },
	{ "Tx 60 B over raw write()", "x", ROW_TX_60, LIMIT_RATIO, 1.08 },
	{ "Tx 60 B, UDP checksum offload, over write()", "x", ROW_TX_60_CSUM, LIMIT_RATIO, 1.15 },
	{ "Rx 1500 B over raw read()", "x", ROW_RX_1500, LIMIT_RATIO, 1.15 },
	{ "Tx 1500 B, checksum offload, over raw write()", "x", ROW_TX_1500_CSUM, LIMIT_RATIO,
	  1.10 },
	{ "Rx cut, checksum offload, 1448 B", "ns", ROW_SUPER_RX_CSUM, LIMIT_PORT, 50 },
	{ "Rx cut, checksums in packets, 1448 B", "ns", ROW_SUPER_RX, LIMIT_PORT, 75 },
	{ "Tx joined, checksums by flag, 1448 B", "ns", ROW_SUPER_TX_CSUM, LIMIT_PORT, 60 },
	{ "Tx joined, checksums verified, 1448 B", "ns", ROW_SUPER_TX, LIMIT_PORT, 85 },
	/* The four above are for a machine where read() takes 21.6 ns of a segment and writev() 39.5. */
	{ "Rx cut, checksum offload, over raw read()", "x", ROW_SUPER_RX_CSUM, LIMIT_RATIO, 2.31 },
	{ "Rx cut, checksums in packets, over raw read()", "x", ROW_SUPER_RX, LIMIT_RATIO, 3.47 },
	{ "Tx joined, checksums by flag, over writev()", "x", ROW_SUPER_TX_CSUM, LIMIT_RATIO,
	  1.52 },
	{ "Tx joined, checksums verified, over writev()", "x", ROW_SUPER_TX, LIMIT_RATIO, 2.15 },
	{ "checksum of 1448 bytes", "ns", ROW_CKSUM, LIMIT_PORT, 20 },
	{ "idle poll of one queue", "ns", ROW_IDLE, LIMIT_PORT, 4 },
	{ "sender IPv4 over a raw tap", "x", ROW_SEND_V4_BYPASS, LIMIT_P5_RATIO, 1.03 },
	{ "sender IPv6 over a raw tap", "x", ROW_SEND_V6_BYPASS, LIMIT_P5_RATIO, 1.08 },
	{ "start to first packet, 4 queues", "ms", ROW_START, LIMIT_PORT, 150 },
	{ "Rx 60 B watched over not watched", "x", ROW_WATCH_60, LIMIT_RATIO, 1.01 },
	{ "Rx 1500 B watched over not watched", "x", ROW_WATCH_1500, LIMIT_RATIO, 1.01 },
};

static const struct {
	const char *what;
	const char *packet;
	double limit;
} prog_limits[] = {
	{ "steering program, IPv4/UDP", "IPv4/UDP", 27 },
	{ "steering program, IPv6/TCP", "IPv6/TCP", 46 },
};

struct flow_limit {
	const char *what;
	const char *unit;
	enum bench_flow_ratio ratio;
	double limit;
};

/* Of the programs themselves, with what they read in the caches. */
static const struct flow_limit flow_limits[] = {
	{ "steering, 16,384 rules over 1 rule", "x", FLOW_MANY_OVER_ONE, 1.3 },
	{ "steering, each further mask", "ns", FLOW_PER_OUTER_MASK, 25 },
	{ "steering, each further mask in tunnels", "ns", FLOW_PER_INNER_MASK, 25 },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
set_limit(struct bench_limit *l, const char *what, const char *unit, double limit)
{
	memset(l, 0, sizeof(*l));
	l->what = what;
	l->unit = unit;
	l->limit = limit;
}

static void
set_value(struct bench_limit *l, double value, uint64_t n)
{
	l->value = value;
	l->n = n;
	l->reached = n != 0 && (l->least ? value >= l->limit : value <= l->limit);
}

static void
fill_row(struct bench_limit *l, const struct row_limit *r, const struct bench_series *s)
{
	struct bench_summary sum;

	set_limit(l, r->what, r->unit, r->limit);
	switch (r->kind) {
	case LIMIT_RATIO:
		bench_series_ratio(s, &sum);
		set_value(l, sum.median, s->n);
		break;
	case LIMIT_P5_RATIO:
		set_value(l, bench_series_p5_ratio(s), s->n);
		break;
	case LIMIT_PORT:
		set_value(l, bench_median(s->port, s->n), s->n);
		break;
	}
}

static void
fill_prog(struct bench_limit *l, const struct bench_results *res, const char *packet)
{
	for (unsigned int i = 0; i < res->nb_progs; i++) {
		const struct bench_prog *p = &res->prog[i];

		if (strcmp(p->program, "tap_steer") == 0 && strcmp(p->packet, packet) == 0)
			set_value(l, bench_median(p->ns.port, p->ns.n), p->ns.n);
	}
}

static void
fill_flow_ratio(struct bench_limit *l, const struct bench_results *res,
		const struct flow_limit *limit)
{
	struct bench_summary sum;

	set_limit(l, limit->what, limit->unit, limit->limit);
	bench_flow_ratio(res->flow[0], limit->ratio, FLOW_STEERING, FLOW_SAME, &sum);
	set_value(l, sum.median, sum.n);
}

static void
fill_flow_rate(struct bench_limit *l, const struct bench_series *s)
{
	set_limit(l, "flow rules inserted, thousands", "/s", 400);
	l->least = true;
	set_value(l, bench_median(s->port, s->n) / 1000, s->n);
}

unsigned int
bench_limits(const struct bench_results *res, struct bench_limit *limit, unsigned int max)
{
	uint64_t sent = 0, stranded = 0;
	unsigned int n = 0;

	for (unsigned int i = 0; i < COUNT(row_limits) && n < max; i++)
		fill_row(&limit[n++], &row_limits[i], &res->row[0][row_limits[i].row]);
	for (unsigned int c = 0; c < LONE_CASES; c++) {
		sent += res->lone[0][c].sent;
		stranded += res->lone[0][c].stranded;
	}
	if (n < max) {
		set_limit(&limit[n], "lone packets stranded", "", 0);
		set_value(&limit[n++], (double)stranded, sent);
	}
	for (unsigned int i = 0; i < COUNT(prog_limits) && n < max; i++) {
		set_limit(&limit[n], prog_limits[i].what, "ns", prog_limits[i].limit);
		fill_prog(&limit[n++], res, prog_limits[i].packet);
	}
	if (n < max)
		fill_flow_rate(&limit[n++], &res->flow[0][FLOW_ADD_ALL]);
	for (unsigned int i = 0; i < COUNT(flow_limits) && n < max; i++)
		fill_flow_ratio(&limit[n++], res, &flow_limits[i]);
	return n;
}

/** @return false if a figure that was measured is not reached */
bool
bench_limits_report(FILE *out, const struct bench_limit *limit, unsigned int n)
{
	bool reached = true;

	fprintf(out, "\n%-46s %10s %10s  %s\n", "Figures to reach", "limit", "measured", "");
	for (unsigned int i = 0; i < n; i++) {
		const struct bench_limit *l = &limit[i];

		fprintf(out, "%-46s %7.2f %-2s ", l->what, l->limit, l->unit);
		if (l->n == 0) {
			fprintf(out, "%10s  not measured in this run\n", "-");
			continue;
		}
		fprintf(out, "%7.2f %-2s  %s (n = %llu)\n", l->value, l->unit,
			l->reached ? "reached" : "MISSED", (unsigned long long)l->n);
		reached = reached && l->reached;
	}
	return reached;
}
