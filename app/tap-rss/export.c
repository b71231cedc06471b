/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* Metrics in the text format of Prometheus. Names and labels are an interface: they stay. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"

/* A metric of queues, and the counter that it is. */
struct metric {
	const char *name;
	const char *counter;
	const char *help;
};

static const struct metric metrics[] = {
	{ "rx_packets", "rx_packets", "Packets received." },
	{ "rx_bytes", "rx_bytes", "Bytes received." },
	{ "rx_truncated", "rx_truncated", "Frames dropped because their mbufs were too small." },
	{ "rx_no_mbuf", "rx_nombuf", "Bursts that found the mbuf pool empty." },
	{ "rx_filtered", "rx_filtered", "Frames for other MAC addresses." },
	{ "rx_hashed", "rx_hashed", "Packets delivered with an RSS hash." },
	{ "rx_steered", "rx_steered", "Packets that the kernel put on the right queue." },
	{ "rx_handed_over", "rx_handed_over", "Packets passed on to another queue in software." },
	{ "rx_missed", "rx_missed", "Packets that found another queue full or stopped." },
	{ "rx_rescued", "rx_rescued", "Packets found by a read without doorbell." },
	{ "rx_flow_dropped", "rx_flow_dropped", "Packets dropped by flow rules in the burst." },
	{ "rx_super_frames", "rx_super_frames", "Super-frames that were cut." },
	{ "rx_segments", "rx_segments", "Packets that these became." },
	{ "rx_lro_frames", "rx_lro", "Super-frames delivered as they were." },
	{ "tx_packets", "tx_packets", "Packets sent." },
	{ "tx_bytes", "tx_bytes", "Bytes sent." },
	{ "tx_errors", "tx_errors", "Packets that the kernel refused." },
	{ "tx_full", "tx_full", "Bursts that the kernel could not take whole." },
	{ "tx_super_frames", "tx_super_frames", "Super-frames made of several packets." },
	{ "tx_joined", "tx_joined", "Packets that were joined to those." },
};

/* What is the same for all queues of a port. */
static void
print_labels(const struct cli_port *port)
{
	const char *c;

	printf("{file_prefix=\"");
	for (c = port->link.prefix; *c != '\0'; c++)
		printf(*c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	printf("\",port=\"%d\",iface=\"%s\"", port->id, cli_text(port->info, "iface"));
}

static void
print_head(const char *name, const char *type, const char *help)
{
	printf("# HELP net_tap_%s %s\n# TYPE net_tap_%s %s\n", name, help, name, type);
}

static void
print_metric(const struct metric *m, const struct cli_port *ports, json_t *const *queues, int n)
{
	char name[64];
	size_t id;
	int i;

	snprintf(name, sizeof(name), "%s_total", m->name);
	print_head(name, "counter", m->help);
	for (i = 0; i < n; i++)
		for (id = 0; id < json_array_size(json_object_get(queues[i], m->counter)); id++) {
			printf("net_tap_%s", name);
			print_labels(&ports[i]);
			printf(",queue=\"%zu\"} %" PRIu64 "\n", id,
			       cli_counter(queues[i], m->counter, id));
		}
}

/* A number that a port has once. */
static void
print_number(const char *name, const char *type, const char *help, const struct cli_port *ports,
	     json_t *const *from, const char *key, int n)
{
	int i;

	print_head(name, type, help);
	for (i = 0; i < n; i++) {
		printf("net_tap_%s", name);
		print_labels(&ports[i]);
		printf("} %lld\n", cli_int(from == NULL ? ports[i].info : from[i], key));
	}
}

static void
print_info(const struct cli_port *ports, int n)
{
	int i;

	print_head("port_info", "gauge", "Where RSS of a port runs; always 1.");
	for (i = 0; i < n; i++) {
		printf("net_tap_port_info");
		print_labels(&ports[i]);
		printf(",rung=\"%lld\",algorithm=\"%s\",program=\"%s\"} 1\n",
		       cli_int(ports[i].info, "rung"), cli_text(ports[i].info, "algorithm"),
		       cli_text(ports[i].info, "steering_program"));
	}
}

static void
print_all(const struct cli_port *ports, json_t *const *queues, int n)
{
	size_t i;

	print_info(ports, n);
	print_number("rung", "gauge", "1: full BPF program, 2: basic BPF program, 3: software.",
		     ports, NULL, "rung", n);
	print_number("started", "gauge", "Whether the port is started.", ports, NULL, "started", n);
	print_number("rx_queues", "gauge", "Receive queues.", ports, NULL, "rx_queues", n);
	print_number("flow_rules", "gauge", "Flow rules.", ports, NULL, "rules", n);
	print_number("kernel_dropped_total", "counter",
		     "Packets that the kernel dropped because a queue was full.", ports, queues,
		     "kernel_missed", n);
	print_number("flow_dropped_total", "counter",
		     "Packets that flow rules dropped in the kernel.", ports, queues,
		     "flow_dropped", n);
	for (i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		print_metric(&metrics[i], ports, queues, n);
}

static json_t *
json_metrics(const struct cli_port *port, const json_t *queues)
{
	json_t *o = json_pack("{s:s, s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "file_prefix",
			      port->link.prefix, "port", port->id, "iface",
			      cli_text(port->info, "iface"), "rung",
			      (json_int_t)cli_int(port->info, "rung"), "started",
			      (json_int_t)cli_int(port->info, "started"), "rx_queues",
			      (json_int_t)cli_int(port->info, "rx_queues"), "flow_rules",
			      (json_int_t)cli_int(port->info, "rules"), "kernel_dropped_total",
			      (json_int_t)cli_int(queues, "kernel_missed"), "flow_dropped_total",
			      (json_int_t)cli_int(queues, "flow_dropped"));
	char name[64];
	size_t i;

	for (i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		snprintf(name, sizeof(name), "%s_total", metrics[i].name);
		json_object_set(o, name, json_object_get(queues, metrics[i].counter));
	}
	return o;
}

/* Ports may go between one question and the next: those that answer are left in. */
static int
gather(struct cli_port *ports, json_t **queues, int n)
{
	int i, kept = 0;

	for (i = 0; i < n; i++) {
		struct cli_port port = ports[i];
		json_t *q = cli_queues(&port);

		/* Those without an answer go behind the others, and are freed with them. */
		ports[i] = ports[kept];
		ports[kept] = port;
		if (q != NULL)
			queues[kept++] = q;
	}
	return kept;
}

int
cli_export(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS };
	struct cli cli = { .json = false };
	struct cli_port *ports;
	const char *selector;
	json_t **queues, *all;
	int i, n, kept, ret = CLI_OK;

	if (cli_option(&cli, argc, argv, options) != -1 || cli_selector(argc, argv, &selector) != 0)
		return CLI_FAILED;
	n = cli_ports(&cli, selector, &ports);
	if (n < 0)
		return CLI_FAILED;
	queues = calloc((size_t)n, sizeof(json_t *)); /* NOLINT(bugprone-sizeof-expression) */
	kept = queues == NULL ? 0 : gather(ports, queues, n);
	all = json_array();
	for (i = 0; cli.json && i < kept; i++)
		json_array_append_new(all, json_metrics(&ports[i], queues[i]));
	if (kept == 0)
		ret = cli_error("the port has gone");
	else if (cli.json)
		ret = cli_print_json(json_pack("{s:O}", "ports", all));
	else
		print_all(ports, queues, kept);
	json_decref(all);
	for (i = 0; i < kept; i++)
		json_decref(queues[i]);
	free(queues);
	cli_ports_free(ports, n);
	return ret;
}
