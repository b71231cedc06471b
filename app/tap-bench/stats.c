/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* Quantiles, paired series and the latency histogram. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Linear interpolation between the two nearest ranks. */
static double
sorted_quantile(const double *v, unsigned int n, double q)
{
	double at = q * (n - 1);
	unsigned int low = (unsigned int)at;

	if (low + 1 >= n)
		return v[n - 1];
	return v[low] + (at - low) * (v[low + 1] - v[low]);
}

void
bench_summarize(const double *v, unsigned int n, struct bench_summary *s)
{
	double *sorted;

	memset(s, 0, sizeof(*s));
	if (n == 0)
		return;
	sorted = malloc(n * sizeof(*sorted));
	if (sorted == NULL)
		return;
	memcpy(sorted, v, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_doubles);
	s->n = n;
	s->p5 = sorted_quantile(sorted, n, 0.05);
	s->q1 = sorted_quantile(sorted, n, 0.25);
	s->median = sorted_quantile(sorted, n, 0.5);
	s->q3 = sorted_quantile(sorted, n, 0.75);
	s->p95 = sorted_quantile(sorted, n, 0.95);
	free(sorted);
}

double
bench_median(const double *v, unsigned int n)
{
	struct bench_summary s;

	bench_summarize(v, n, &s);
	return s.median;
}

double
bench_trimmed_mean(double *v, unsigned int n)
{
	unsigned int counted = n - n / 20;
	double sum = 0;

	qsort(v, n, sizeof(*v), compare_doubles);
	for (unsigned int i = 0; i < counted; i++)
		sum += v[i];
	return sum / counted;
}

int
bench_series_add(struct bench_series *s, double raw, double port)
{
	if (s->n == s->cap) {
		unsigned int cap = s->cap == 0 ? 64 : 2 * s->cap;
		double *p;

		p = realloc(s->raw, cap * sizeof(*p));
		if (p == NULL)
			return -ENOMEM;
		s->raw = p;
		p = realloc(s->port, cap * sizeof(*p));
		if (p == NULL)
			return -ENOMEM;
		s->port = p;
		s->cap = cap;
	}
	s->raw[s->n] = raw;
	s->port[s->n] = port;
	s->n++;
	return 0;
}

/** Quantiles of port/raw, pair by pair. */
void
bench_series_ratio(const struct bench_series *s, struct bench_summary *out)
{
	double *ratio = malloc((s->n + 1) * sizeof(*ratio));

	memset(out, 0, sizeof(*out));
	if (ratio == NULL)
		return;
	for (unsigned int i = 0; i < s->n; i++)
		ratio[i] = s->port[i] / s->raw[i];
	bench_summarize(ratio, s->n, out);
	free(ratio);
}

/** Ratio of the fifth percentiles: least disturbed by what else the machine does. */
double
bench_series_p5_ratio(const struct bench_series *s)
{
	struct bench_summary raw, port;

	bench_summarize(s->raw, s->n, &raw);
	bench_summarize(s->port, s->n, &port);
	return s->n == 0 ? 0 : port.p5 / raw.p5;
}

void
bench_series_free(struct bench_series *s)
{
	free(s->raw);
	free(s->port);
	memset(s, 0, sizeof(*s));
}

/** Values below 32 have a bucket each; above, 32 buckets share a power of two. */
unsigned int
bench_hist_bucket(uint64_t ns)
{
	unsigned int shift = 0;
	unsigned int bucket;

	while ((ns >> shift) >= 2 * BENCH_HIST_STEPS)
		shift++;
	bucket = shift * BENCH_HIST_STEPS + (unsigned int)(ns >> shift);
	return bucket < BENCH_HIST_BUCKETS ? bucket : BENCH_HIST_BUCKETS - 1;
}

/* The upper end of a bucket, so that a quantile is never understated. */
static uint64_t
hist_bucket_end(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < 2 * BENCH_HIST_STEPS)
		return bucket;
	shift = bucket / BENCH_HIST_STEPS - 1;
	return (((uint64_t)bucket - shift * BENCH_HIST_STEPS + 1) << shift) - 1;
}

void
bench_lone_add(struct bench_lone *l, uint64_t ns)
{
	l->bucket[bench_hist_bucket(ns)]++;
	if (ns > l->max_ns)
		l->max_ns = ns;
	if (ns > 1000000)
		l->late++;
}

void
bench_lone_merge(struct bench_lone *to, const struct bench_lone *from)
{
	to->sent += from->sent;
	to->stranded += from->stranded;
	to->late += from->late;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	if (from->max_polls > to->max_polls)
		to->max_polls = from->max_polls;
	for (unsigned int i = 0; i < BENCH_HIST_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

uint64_t
bench_lone_delivered(const struct bench_lone *l)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < BENCH_HIST_BUCKETS; i++)
		n += l->bucket[i];
	return n;
}

uint64_t
bench_lone_quantile(const struct bench_lone *l, double q)
{
	uint64_t want = (uint64_t)(q * (double)bench_lone_delivered(l));
	uint64_t seen = 0;

	for (unsigned int i = 0; i < BENCH_HIST_BUCKETS; i++) {
		uint64_t end = hist_bucket_end(i);

		seen += l->bucket[i];
		if (seen > want)
			return end < l->max_ns ? end : l->max_ns;
	}
	return l->max_ns;
}
