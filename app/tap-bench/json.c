/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* All figures, the machine and the method, for programs that plot or compare. */

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "bench.h"

/* Value of the first line of /proc/cpuinfo that starts with @p key. */
static void
cpu_text(const char *key, char *value, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];

	value[0] = '\0';
	if (f == NULL)
		return;
	while (value[0] == '\0' && fgets(line, sizeof(line), f) != NULL) {
		char *colon = strchr(line, ':');

		if (colon == NULL || strncmp(line, key, strlen(key)) != 0)
			continue;
		colon += strspn(colon, ": ");
		colon[strcspn(colon, "\n")] = '\0';
		snprintf(value, size, "%s", colon);
	}
	fclose(f);
}

static void
set_text(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, json_string(value));
}

static void
set_int(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void
set_real(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, json_real(value));
}

static void
set_bool(json_t *object, const char *key, bool value)
{
	json_object_set_new(object, key, json_boolean(value));
}

static json_t *
machine_json(const struct bench_results *res)
{
	char model[128], mhz[32], when[32] = "";
	json_t *o = json_object();
	time_t now = time(NULL);
	struct utsname u;
	struct tm tm;

	memset(&u, 0, sizeof(u));
	uname(&u);
	cpu_text("model name", model, sizeof(model));
	cpu_text("cpu MHz", mhz, sizeof(mhz));
	if (gmtime_r(&now, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	set_text(o, "kernel", u.release);
	set_text(o, "architecture", u.machine);
	set_text(o, "cpu", model);
	set_text(o, "cpu_mhz", mhz);
	set_int(o, "tsc_hz", res->info[0].tsc_hz);
	set_real(o, "getppid_ns", res->info[0].getppid_ns);
	set_int(o, "cores", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	set_text(o, "time", when);
	return o;
}

static json_t *
method_json(const struct bench_options *opt, const struct bench_results *res)
{
	json_t *o = json_object();

	set_int(o, "rounds", opt->rounds);
	set_int(o, "repeats_per_round", BENCH_REPEATS);
	set_int(o, "fill", BENCH_FILL);
	set_int(o, "burst", BENCH_BURST);
	set_int(o, "core", opt->core);
	set_int(o, "sender_core", opt->sender_core);
	set_int(o, "lone_gap_us", opt->lone_gap_us);
	set_text(o, "cycles", res->info[0].cycles);
	set_text(
		o, "rx",
		"One queue, with hash and packet type if the driver has them. 512 packets are put "
		"into the tap by a packet socket, then drained; the draining alone is timed: read() "
		"into one buffer, or rte_eth_rx_burst() of 32 and rte_pktmbuf_free_bulk(). In rows "
		"'mbufs kept' all 512 are freed afterwards, untimed.");
	set_text(
		o, "tx",
		"512 packets: write() of one buffer, or rte_eth_tx_burst() of 32 mbufs made just "
		"before. Their making is not timed, their freeing is. The kernel drops all alike.");
	set_text(
		o, "super",
		"Per segment of TCP over IPv4 with 1448 bytes. Rx: 20 super-frames of 44 segments are "
		"put into the tap, then drained as above; raw: read() of them whole. Tx: bursts of "
		"32 segments that follow each other, or of 32 datagrams; raw: one writev() of the "
		"same as a super-frame. All bytes are checked to have come. Checksum: the driver's "
		"code; raw: rte_raw_cksum().");
	set_text(o, "size", "As rx and tx, one queue, no checksum offload.");
	set_text(
		o, "queues",
		"Threads on other cores send 60 bytes of 256 flows each as fast as they can, one core "
		"polls all queues in turn for 20 ms: read() until a queue is empty, or 32 packets.");
	set_text(
		o, "bytes_per_cycle",
		"Of the frame, or of the payload in rows of super-frames. Cycles: the time times the "
		"cycles per ns of the core that measures, during the same sections.");
	set_text(
		o, "sender",
		"Batches of 256 frames of different flows by sendmmsg() on the other core, in turn "
		"into a raw tap and a port of 4 queues each, which are drained between batches.");
	set_text(
		o, "lone",
		"One packet at a time. Stranded: not there within 1 s. Latency: from before send() "
		"to the receiver's hands. Max polls: polls in vain after send() returned.");
	set_text(o, "programs", "BPF_PROG_TEST_RUN, harness included; 'empty' is the harness.");
	set_text(
		o, "flow",
		"Rules of addresses and ports, by rte_flow_create() and rte_flow_destroy() of a port "
		"of 4 queues, the first rule apart. Then the port's own programs, over the tables "
		"filled so, by BPF_PROG_TEST_RUN. Frames that differ: one run for each frame, in an "
		"order that no cache foresees, mean of the lower 95 %. The same frame: mean of many "
		"runs. Both without what an empty program takes. Each further mask: 64 less 1, by "
		"63.");
	set_text(
		o, "start",
		"In a process that runs already: a port of 4 queues is made by hotplug, configured, "
		"with RSS and hash if the driver has them, and started; one packet is sent by a packet "
		"socket and polled for. Raw: the first queue of a tap, the others, its netdev set up, "
		"the packet. Closing is not timed.");
	set_text(
		o, "watch",
		"Rx as in rx, for 1.1 s without and 1.1 s with dpdk-tap-rss watch on this port, at its "
		"default interval, on the other core; which comes first changes. ns are of the CPU time "
		"of the thread that drains, means of all packets, so that a poll's effect is in them. "
		"Raw: without. CPU time of watch: raw the "
		"process, port the threads of the application that answer it.");
	return o;
}

static json_t *
summary_json(const struct bench_summary *s)
{
	json_t *o = json_object();

	set_int(o, "n", s->n);
	set_real(o, "p5", s->p5);
	set_real(o, "q1", s->q1);
	set_real(o, "median", s->median);
	set_real(o, "q3", s->q3);
	set_real(o, "p95", s->p95);
	return o;
}

static json_t *
drivers_json(const struct bench_options *opt, const struct bench_results *res)
{
	json_t *list = json_array();

	for (unsigned int d = 0; d < opt->nb_drivers; d++) {
		const struct bench_info *i = &res->info[d];
		json_t *o = json_object();

		set_text(o, "name", opt->driver[d]);
		set_text(o, "path", i->path);
		set_text(o, "rss", i->rung);
		set_bool(o, "hash", i->hash);
		set_bool(o, "packet_type", i->ptype);
		set_text(o, "memory", i->memory);
		set_text(o, "queues_note", i->queues_note);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
series_json(const struct bench_row_text *row, const char *driver, const struct bench_series *s,
	    const struct bench_series *clock)
{
	struct bench_summary raw, port, ratio;
	json_t *o = json_object();

	bench_summarize(s->raw, s->n, &raw);
	bench_summarize(s->port, s->n, &port);
	bench_series_ratio(s, &ratio);
	set_text(o, "section", bench_section_name(row->section));
	set_text(o, "what", row->name);
	if (row->x_name != NULL) {
		set_text(o, "x_name", row->x_name);
		set_int(o, "x", row->x);
	}
	set_text(o, "unit", row->unit);
	set_text(o, "driver", driver);
	json_object_set_new(o, "raw", summary_json(&raw));
	json_object_set_new(o, "port", summary_json(&port));
	json_object_set_new(o, "ratio", summary_json(&ratio));
	set_real(o, "ratio_of_p5", bench_series_p5_ratio(s));
	if (row->bytes != 0) {
		json_t *per_cycle = json_object();

		set_real(per_cycle, "raw", bench_bytes_per_cycle(row, raw.median, clock));
		set_real(per_cycle, "port", bench_bytes_per_cycle(row, port.median, clock));
		json_object_set_new(o, "bytes_per_cycle", per_cycle);
	}
	return o;
}

static json_t *
rows_json(const struct bench_options *opt, const struct bench_results *res)
{
	json_t *list = json_array();

	for (unsigned int r = 0; r < ROW_COUNT; r++) {
		for (unsigned int d = 0; d < opt->nb_drivers; d++) {
			const struct bench_series *s = &res->row[d][r];

			if (s->n != 0)
				json_array_append_new(list, series_json(&bench_row_text[r],
									opt->driver[d], s,
									&res->clock[d]));
		}
	}
	return list;
}

static void
lone_append(json_t *list, const char *what, const char *driver, const struct bench_lone *l)
{
	json_t *o;

	if (l->sent == 0)
		return;
	o = json_object();
	set_text(o, "what", what);
	set_text(o, "driver", driver);
	set_int(o, "sent", l->sent);
	set_int(o, "stranded", l->stranded);
	set_int(o, "late_1ms", l->late);
	set_int(o, "p50_ns", bench_lone_quantile(l, 0.5));
	set_int(o, "p99_ns", bench_lone_quantile(l, 0.99));
	set_int(o, "p999_ns", bench_lone_quantile(l, 0.999));
	set_int(o, "max_ns", l->max_ns);
	set_int(o, "max_polls", l->max_polls);
	json_array_append_new(list, o);
}

static json_t *
lone_json(const struct bench_options *opt, const struct bench_results *res)
{
	json_t *list = json_array();

	for (unsigned int c = 0; c < LONE_CASES; c++) {
		lone_append(list, bench_lone_text[c], "raw", &res->lone_raw[c]);
		for (unsigned int d = 0; d < opt->nb_drivers; d++)
			lone_append(list, bench_lone_text[c], opt->driver[d], &res->lone[d][c]);
	}
	return list;
}

static json_t *
programs_json(const struct bench_results *res)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < res->nb_progs; i++) {
		const struct bench_prog *p = &res->prog[i];
		struct bench_summary ns, empty;
		json_t *o;

		if (p->ns.n == 0)
			continue;
		bench_summarize(p->ns.port, p->ns.n, &ns);
		bench_summarize(p->ns.raw, p->ns.n, &empty);
		o = json_object();
		set_text(o, "packet", p->packet);
		set_text(o, "program", p->program);
		json_object_set_new(o, "ns", summary_json(&ns));
		json_object_set_new(o, "empty_ns", summary_json(&empty));
		json_array_append_new(list, o);
	}
	return list;
}

/* One figure of flow rules; a program's is what it takes beyond the empty one. */
static void
flow_append(json_t *list, const char *driver, const char *what, const char *unit,
	    const struct bench_summary *s, const struct bench_series *series)
{
	struct bench_summary gross;
	json_t *o;

	if (s->n == 0)
		return;
	o = json_object();
	set_text(o, "driver", driver);
	set_text(o, "what", what);
	set_text(o, "unit", unit);
	json_object_set_new(o, "value", summary_json(s));
	if (series != NULL) {
		bench_summarize(series->port, series->n, &gross);
		json_object_set_new(o, "program_ns", summary_json(&gross));
		bench_summarize(series->raw, series->n, &gross);
		json_object_set_new(o, "empty_ns", summary_json(&gross));
	}
	json_array_append_new(list, o);
}

static void
flow_programs_append(json_t *list, const char *driver, const struct bench_series *flow,
		     unsigned int program, unsigned int way)
{
	struct bench_summary s;
	char what[96];

	for (unsigned int i = 0; i < FLOW_CASES; i++) {
		const struct bench_series *series = &flow[FLOW_ROW(program, way, i)];

		bench_flow_ns(series, &s);
		snprintf(what, sizeof(what), "%s, %s, %s", bench_flow_program_text[program],
			 bench_flow_way_text[way], bench_flow_case_text[i]);
		flow_append(list, driver, what, "ns", &s, series);
	}
	for (unsigned int i = 0; i < FLOW_RATIOS; i++) {
		bench_flow_ratio(flow, i, program, way, &s);
		snprintf(what, sizeof(what), "%s, %s, %s", bench_flow_program_text[program],
			 bench_flow_way_text[way], bench_flow_ratio_text[i]);
		flow_append(list, driver, what, i == FLOW_MANY_OVER_ONE ? "x" : "ns", &s, NULL);
	}
}

static json_t *
flow_json(const struct bench_options *opt, const struct bench_results *res)
{
	json_t *list = json_array();

	for (unsigned int d = 0; d < opt->nb_drivers; d++) {
		const struct bench_series *flow = res->flow[d];
		struct bench_summary s;

		for (unsigned int i = 0; i < FLOW_RATES; i++) {
			bench_summarize(flow[i].port, flow[i].n, &s);
			flow_append(list, opt->driver[d], bench_flow_rate_text[i],
				    bench_flow_rate_unit[i], &s, NULL);
		}
		for (unsigned int i = 0; i < FLOW_PROGRAMS * FLOW_WAYS; i++)
			flow_programs_append(list, opt->driver[d], flow, i / FLOW_WAYS,
					     i % FLOW_WAYS);
	}
	return list;
}

static json_t *
limits_json(const struct bench_limit *limit, unsigned int n)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < n; i++) {
		json_t *o;

		if (limit[i].n == 0)
			continue;
		o = json_object();
		set_text(o, "what", limit[i].what);
		set_text(o, "unit", limit[i].unit);
		set_real(o, "limit", limit[i].limit);
		set_bool(o, "at_least", limit[i].least);
		set_real(o, "measured", limit[i].value);
		set_int(o, "n", limit[i].n);
		set_bool(o, "reached", limit[i].reached);
		json_array_append_new(list, o);
	}
	return list;
}

int
bench_json_write(const struct bench_options *opt, const struct bench_results *res,
		 const struct bench_limit *limit, unsigned int nb_limits)
{
	json_t *root = json_object();
	int err;

	set_text(root, "program", "dpdk-tap-bench");
	json_object_set_new(root, "machine", machine_json(res));
	json_object_set_new(root, "method", method_json(opt, res));
	json_object_set_new(root, "drivers", drivers_json(opt, res));
	json_object_set_new(root, "rows", rows_json(opt, res));
	json_object_set_new(root, "lone_packets", lone_json(opt, res));
	json_object_set_new(root, "programs", programs_json(res));
	set_text(root, "programs_note", res->prog_note);
	json_object_set_new(root, "flow", flow_json(opt, res));
	set_text(root, "flow_note", res->info[0].flow_note);
	json_object_set_new(root, "limits", limits_json(limit, nb_limits));
	errno = EIO;
	err = json_dump_file(root, opt->json, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	if (err != 0)
		err = -errno;
	json_decref(root);
	return err;
}
