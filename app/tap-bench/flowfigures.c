/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* What the measurements of flow rules amount to. */

#include <stdlib.h>
#include <string.h>

#include "bench.h"

const char *const bench_flow_rate_text[FLOW_RATES] = {
	[FLOW_LOAD_STEERING] = "first rule: loads the steering program",
	[FLOW_LOAD_FILTER] = "first rule that drops: loads the filter",
	[FLOW_ADD_SOME] = "insert 16,384 rules",
	[FLOW_DESTROY_SOME] = "destroy them",
	[FLOW_ADD_ALL] = "insert 32,766 rules",
	[FLOW_DESTROY_ALL] = "destroy them all",
};

const char *const bench_flow_rate_unit[FLOW_RATES] = {
	[FLOW_LOAD_STEERING] = "ms",     [FLOW_LOAD_FILTER] = "ms",  [FLOW_ADD_SOME] = "rules/s",
	[FLOW_DESTROY_SOME] = "rules/s", [FLOW_ADD_ALL] = "rules/s", [FLOW_DESTROY_ALL] = "rules/s",
};

const char *const bench_flow_program_text[FLOW_PROGRAMS] = { "steering", "filter" };

const char *const bench_flow_way_text[FLOW_WAYS] = { "frames that differ", "same frame" };

const char *const bench_flow_case_text[FLOW_CASES] = {
	[FLOW_PLAIN] = "no rules: the plain program",
	[FLOW_ONE] = "1 rule, match",
	[FLOW_MANY] = "16,384 rules, matches",
	[FLOW_OUTER] = "1 mask, miss",
	[FLOW_OUTER + 1] = "2 masks",
	[FLOW_OUTER + 2] = "4 masks",
	[FLOW_OUTER + 3] = "8 masks",
	[FLOW_OUTER + 4] = "16 masks",
	[FLOW_OUTER + 5] = "32 masks",
	[FLOW_OUTER + 6] = "64 masks",
	[FLOW_INNER] = "VXLAN, 1 inner mask, miss",
	[FLOW_INNER + 1] = "VXLAN, 2 inner masks",
	[FLOW_INNER + 2] = "VXLAN, 4 inner masks",
	[FLOW_INNER + 3] = "VXLAN, 8 inner masks",
	[FLOW_INNER + 4] = "VXLAN, 16 inner masks",
	[FLOW_INNER + 5] = "VXLAN, 32 inner masks",
	[FLOW_INNER + 6] = "VXLAN, 64 inner masks",
	[FLOW_FIRST] = "match, 63 masks of lower priority",
	[FLOW_FULL] = "match, 63 masks of the same priority",
};

const char *const bench_flow_ratio_text[FLOW_RATIOS] = {
	[FLOW_MANY_OVER_ONE] = "16,384 rules over 1 rule",
	[FLOW_PER_OUTER_MASK] = "each further mask",
	[FLOW_PER_INNER_MASK] = "each further inner mask",
};

static double
net_ns(const struct bench_series *s, unsigned int round)
{
	return s->port[round] - s->raw[round];
}

void
bench_flow_ns(const struct bench_series *s, struct bench_summary *out)
{
	double *v = malloc((s->n + 1) * sizeof(*v));

	memset(out, 0, sizeof(*out));
	if (v == NULL)
		return;
	for (unsigned int i = 0; i < s->n; i++)
		v[i] = net_ns(s, i);
	bench_summarize(v, s->n, out);
	free(v);
}

/* Round by round, so that a change of the machine's speed touches both alike. */
void
bench_flow_ratio(const struct bench_series *flow, enum bench_flow_ratio ratio,
		 enum bench_flow_program program, enum bench_flow_way way,
		 struct bench_summary *out)
{
	static const struct {
		enum bench_flow_case from, to;
	} of[FLOW_RATIOS] = {
		[FLOW_MANY_OVER_ONE] = { FLOW_ONE, FLOW_MANY },
		[FLOW_PER_OUTER_MASK] = { FLOW_OUTER, FLOW_OUTER + FLOW_MASK_STEPS - 1 },
		[FLOW_PER_INNER_MASK] = { FLOW_INNER, FLOW_INNER + FLOW_MASK_STEPS - 1 },
	};
	const struct bench_series *from = &flow[FLOW_ROW(program, way, of[ratio].from)];
	const struct bench_series *to = &flow[FLOW_ROW(program, way, of[ratio].to)];
	unsigned int n = from->n < to->n ? from->n : to->n;
	double *v = malloc((n + 1) * sizeof(*v));

	memset(out, 0, sizeof(*out));
	if (v == NULL)
		return;
	for (unsigned int i = 0; i < n; i++)
		v[i] = ratio == FLOW_MANY_OVER_ONE ? net_ns(to, i) / net_ns(from, i) :
						     (net_ns(to, i) - net_ns(from, i)) /
							     ((1 << (FLOW_MASK_STEPS - 1)) - 1);
	bench_summarize(v, n, out);
	free(v);
}

static void
report_rates(FILE *out, const char *driver, const struct bench_series *flow)
{
	for (unsigned int i = 0; i < FLOW_RATES; i++) {
		struct bench_summary s;

		bench_summarize(flow[i].port, flow[i].n, &s);
		if (s.n != 0)
			fprintf(out, "%-40s %-6s %-7s %9.0f [%9.0f %9.0f]\n",
				bench_flow_rate_text[i], driver, bench_flow_rate_unit[i], s.median,
				s.q1, s.q3);
	}
}

static void
report_cell(FILE *out, const struct bench_summary *s, unsigned int digits)
{
	fprintf(out, "  %7.*f [%7.*f %7.*f]", (int)digits, s->median, (int)digits, s->q1,
		(int)digits, s->q3);
}

/* One program: frames that differ on the left, the same frame on the right. */
static void
report_program(FILE *out, const struct bench_series *flow, unsigned int program)
{
	struct bench_summary s;

	fprintf(out, "\nFlow rules, %-25s  %-26s %-26s\n", bench_flow_program_text[program],
		"ns, frames that differ", "ns, the same frame");
	for (unsigned int i = 0; i < FLOW_CASES; i++) {
		fprintf(out, "%-37s", bench_flow_case_text[i]);
		for (unsigned int way = 0; way < FLOW_WAYS; way++) {
			bench_flow_ns(&flow[FLOW_ROW(program, way, i)], &s);
			report_cell(out, &s, 1);
		}
		fprintf(out, "\n");
	}
	for (unsigned int i = 0; i < FLOW_RATIOS; i++) {
		fprintf(out, "%-37s", bench_flow_ratio_text[i]);
		for (unsigned int way = 0; way < FLOW_WAYS; way++) {
			bench_flow_ratio(flow, i, program, way, &s);
			report_cell(out, &s, 2);
		}
		fprintf(out, "\n");
	}
}

void
bench_flow_report(FILE *out, const struct bench_options *opt, const struct bench_results *res)
{
	if (!(opt->only & SECTION_FLOW))
		return;
	fprintf(out, "\n%-55s %9s %21s\n", "Flow rules", "median", "quartiles");
	for (unsigned int d = 0; d < opt->nb_drivers; d++) {
		const char *name = strcmp(opt->driver[d], "stock") == 0 ? "stock" : "plugin";

		report_rates(out, name, res->flow[d]);
		if (res->info[d].flow_note[0] != '\0')
			fprintf(out, "%s: %s\n", name, res->info[d].flow_note);
	}
	for (unsigned int i = 0; i < FLOW_PROGRAMS; i++)
		if (res->flow[0][FLOW_ROW(i, FLOW_VARIED, FLOW_ONE)].n != 0)
			report_program(out, res->flow[0], i);
}
