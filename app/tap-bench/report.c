/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* The tables for people. */

#include <string.h>
#include <sys/utsname.h>

#include "bench.h"

static const char *
column_name(const struct bench_options *opt, unsigned int driver)
{
	return strcmp(opt->driver[driver], "stock") == 0 ? "stock" : "plugin";
}

static void
report_head(FILE *out, const struct bench_options *opt, const struct bench_results *res)
{
	double getppid_ns = 0;
	struct utsname u;

	if (uname(&u) == 0)
		fprintf(out, "kernel %s, core %u measures, core %u sends, %u rounds\n", u.release,
			opt->core, opt->sender_core, opt->rounds);
	for (unsigned int d = 0; d < opt->nb_drivers; d++) {
		const struct bench_info *info = &res->info[d];

		if (info->path[0] == '\0')
			continue;
		fprintf(out, "%s: %s\n        delivered: hash %s, packet type %s; %s\n",
			column_name(opt, d), info->path, info->hash ? "yes" : "no",
			info->ptype ? "yes" : "no", info->memory);
		if (d == 0)
			getppid_ns = info->getppid_ns;
		if (info->rung[0] != '\0')
			fprintf(out, "        %s\n", info->rung);
	}
	if (getppid_ns > 0)
		fprintf(out, "speed of this machine now: getppid() takes %.0f ns\n", getppid_ns);
}

static bool
any_row(const struct bench_results *res, unsigned int sections)
{
	for (unsigned int r = 0; r < ROW_COUNT; r++)
		for (unsigned int d = 0; d < BENCH_MAX_DRIVERS; d++)
			if (bench_row_text[r].section & sections && res->row[d][r].n != 0)
				return true;
	return false;
}

/* One driver of one row; the ratio's quartiles tell how far to trust it. */
static void
report_series(FILE *out, const struct bench_options *opt, const struct bench_results *res,
	      unsigned int row, unsigned int d)
{
	const struct bench_row_text *text = &bench_row_text[row];
	const struct bench_series *s = &res->row[d][row];
	struct bench_summary raw, port, ratio;
	char label[64] = "";

	bench_summarize(s->raw, s->n, &raw);
	bench_summarize(s->port, s->n, &port);
	bench_series_ratio(s, &ratio);
	if (d == 0 || res->row[0][row].n == 0)
		bench_row_label(text, label, sizeof(label));
	fprintf(out, "%-33s %-6s %8.1f %8.1f [%7.1f %7.1f]  %5.3f [%5.3f %5.3f]  %5.3f", label,
		column_name(opt, d), raw.median, port.median, port.q1, port.q3, ratio.median,
		ratio.q1, ratio.q3, bench_series_p5_ratio(s));
	if (text->bytes != 0)
		fprintf(out, "  %6.2f %6.2f",
			bench_bytes_per_cycle(text, raw.median, &res->clock[d]),
			bench_bytes_per_cycle(text, port.median, &res->clock[d]));
	fprintf(out, "\n");
}

static void
report_rows(FILE *out, const struct bench_options *opt, const struct bench_results *res,
	    unsigned int sections, const char *title, bool per_cycle)
{
	if (!any_row(res, sections))
		return;
	fprintf(out, "\n%-40s %8s %8s %17s  %-19s  %5s%s\n", title, "raw", "port", "quartiles",
		"ratio, quartiles", "of p5", per_cycle ? "  bytes per cycle" : "");
	for (unsigned int r = 0; r < ROW_COUNT; r++) {
		if (!(bench_row_text[r].section & sections))
			continue;
		for (unsigned int d = 0; d < opt->nb_drivers; d++)
			if (res->row[d][r].n != 0)
				report_series(out, opt, res, r, d);
	}
}

static void
report_start(FILE *out, const struct bench_options *opt, const struct bench_results *res)
{
	if (!any_row(res, SECTION_START))
		return;
	fprintf(out, "\n%-40s %17s %17s\n", "Start of a port of 4 queues, ms", "raw tap, p95",
		"port, p95");
	for (unsigned int r = ROW_START; r <= ROW_START_PACKET; r++) {
		for (unsigned int d = 0; d < opt->nb_drivers; d++) {
			const struct bench_series *s = &res->row[d][r];
			struct bench_summary raw, port;

			bench_summarize(s->raw, s->n, &raw);
			bench_summarize(s->port, s->n, &port);
			fprintf(out, "%-33s %-6s %8.2f %8.2f %8.2f %8.2f\n",
				d == 0 ? bench_row_text[r].name : "", column_name(opt, d),
				raw.median, raw.p95, port.median, port.p95);
		}
	}
}

static void
report_lone_line(FILE *out, const char *name, const char *driver, const struct bench_lone *l)
{
	if (l->sent == 0)
		return;
	fprintf(out, "%-18s %-6s %10llu %8llu %8llu %9.2f %9.2f %9.2f %11.2f %9llu\n", name, driver,
		(unsigned long long)l->sent, (unsigned long long)l->stranded,
		(unsigned long long)l->late, bench_lone_quantile(l, 0.5) / 1e3,
		bench_lone_quantile(l, 0.99) / 1e3, bench_lone_quantile(l, 0.999) / 1e3,
		(double)l->max_ns / 1e3, (unsigned long long)l->max_polls);
}

static void
report_lone(FILE *out, const struct bench_options *opt, const struct bench_results *res)
{
	if (res->lone[0][0].sent == 0)
		return;
	fprintf(out, "\n%-25s %10s %8s %8s %9s %9s %9s %11s %9s\n", "Lone packets, us", "sent",
		"stranded", "> 1 ms", "p50", "p99", "p99.9", "max", "max polls");
	for (unsigned int c = 0; c < LONE_CASES; c++) {
		report_lone_line(out, bench_lone_text[c], "raw", &res->lone_raw[c]);
		for (unsigned int d = 0; d < opt->nb_drivers; d++)
			report_lone_line(out, "", column_name(opt, d), &res->lone[d][c]);
	}
}

static void
report_programs(FILE *out, const struct bench_results *res)
{
	const char *packet = "";

	if (res->prog_note[0] != '\0')
		fprintf(out, "\nBPF programs: %s\n", res->prog_note);
	if (res->nb_progs == 0)
		return;
	fprintf(out, "\n%-23s %-16s %8s %19s %15s\n", "BPF programs, ns", "", "median", "quartiles",
		"without empty");
	for (unsigned int i = 0; i < res->nb_progs; i++) {
		const struct bench_prog *p = &res->prog[i];
		struct bench_summary ns, empty;

		if (p->ns.n == 0)
			continue;
		bench_summarize(p->ns.port, p->ns.n, &ns);
		bench_summarize(p->ns.raw, p->ns.n, &empty);
		fprintf(out, "%-23s %-16s %8.0f [%7.0f %7.0f] %15.0f\n",
			strcmp(packet, p->packet) == 0 ? "" : p->packet, p->program, ns.median,
			ns.q1, ns.q3, ns.median - empty.median);
		packet = p->packet;
	}
}

void
bench_report(FILE *out, const struct bench_options *opt, const struct bench_results *res)
{
	report_head(out, opt, res);
	report_rows(out, opt, res, SECTION_RX | SECTION_TX, "ns per packet", true);
	report_rows(out, opt, res, SECTION_SUPER, "Super-frames, ns per segment", true);
	report_rows(out, opt, res, SECTION_SIZE, "ns per packet", true);
	report_rows(out, opt, res, SECTION_IDLE, "ns per poll (raw: empty read)", false);
	report_rows(out, opt, res, SECTION_QUEUES, "Drained by a core, thousand packets/s", false);
	for (unsigned int d = 0; d < opt->nb_drivers; d++)
		if (res->info[d].queues_note[0] != '\0')
			fprintf(out, "%s: %s\n", column_name(opt, d), res->info[d].queues_note);
	report_rows(out, opt, res, SECTION_SENDER, "cycles per packet sent", false);
	report_rows(out, opt, res, SECTION_WATCH, "Watched (raw: not); CPU (raw: of watch)", false);
	report_start(out, opt, res);
	if (any_row(res, SECTION_ALL & ~(unsigned int)(SECTION_IDLE | SECTION_QUEUES |
						       SECTION_START | SECTION_WATCH)))
		fprintf(out, "cycles: %s\n", res->info[0].cycles);
	report_lone(out, opt, res);
	report_programs(out, res);
	bench_flow_report(out, opt, res);
}
