/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* All rules, as an object by number; of a port that has gone, none. */
static json_t *
rules_of(const struct cli_port *port)
{
	json_t *all = json_object();
	long long first = 1, before = 0;

	/* Only forward, and no further than there can be rules, whatever it says. */
	while (first > before && first < TAP_RULES) {
		json_t *page = cli_ask(&port->link, "/net_tap/rules,%d,%lld", port->id, first);

		json_object_update(all, json_object_get(page, "rules"));
		before = first;
		first = cli_int(page, "next");
		json_decref(page);
	}
	return all;
}

static void
show_names(const char *what, const json_t *names)
{
	json_t *name;
	size_t i;

	printf("  %-11s", what);
	json_array_foreach(names, i, name) printf(" %s", cli_string(name));
	printf(json_array_size(names) == 0 ? " none\n" : "\n");
}

/* Pieces of one text. */
static void
show_reason(const json_t *pieces)
{
	json_t *piece;
	size_t i;

	if (json_array_size(pieces) == 0)
		return;
	printf("  %-11s ", "because");
	json_array_foreach(pieces, i, piece) fputs(cli_string(piece), stdout);
	putchar('\n');
}

static void
show_table(const json_t *reta, size_t queues, bool whole)
{
	size_t share[TAP_MAX_QUEUES] = { 0 };
	json_t *queue;
	size_t i;

	json_array_foreach(reta, i, queue)
	{
		size_t q = (size_t)json_integer_value(queue);

		if (q < TAP_MAX_QUEUES)
			share[q]++;
	}
	printf("  %-11s %zu entries:", "table", json_array_size(reta));
	for (i = 0; i < queues && i < TAP_MAX_QUEUES; i++)
		printf(" %zu to queue %zu%s", share[i], i, i + 1 < queues ? "," : "");
	putchar('\n');
	json_array_foreach(reta, i, queue) if (whole)
		printf("%s%3lld%s", i % 16 == 0 ? "    " : " ",
		       (long long)json_integer_value(queue), i % 16 == 15 ? "\n" : "");
}

static void
show_rules(const json_t *info, const json_t *rules)
{
	const char *number;
	json_t *rule;

	printf("  %-11s %zu, run in %s%s\n", "flow rules", json_object_size(rules),
	       strcmp(cli_text(info, "rules_run_in"), "kernel") == 0 ? "the kernel" : "software",
	       cli_int(info, "isolated") ? "; isolated: what no rule takes is dropped" : "");
	json_object_foreach((json_t *)(uintptr_t)rules, number, rule)
	{
		printf("    %s: priority %lld, %s", number, cli_int(rule, "priority"),
		       cli_text(rule, "fate"));
		if (json_object_get(rule, "queue") != NULL)
			printf(" %lld", cli_int(rule, "queue"));
		if (json_object_get(rule, "context") != NULL)
			printf(" context %lld", cli_int(rule, "context"));
		if (json_object_get(rule, "mark") != NULL)
			printf(", mark %lld", cli_int(rule, "mark"));
		if (json_object_get(rule, "counter") != NULL)
			printf(", %lld hits, %lld bytes", cli_int(rule, "hits"),
			       cli_int(rule, "bytes"));
		printf(", match%s\n", cli_text(rule, "match"));
	}
}

static void
show_queues(const json_t *queues)
{
	static const char *const rx[] = { "packets", "bytes",  "hashed",
					  "steered", "missed", "flow_dropped" };
	size_t n = (size_t)cli_int(queues, "rx_queues");
	char key[32];
	size_t i, k;

	printf("  %-8s", "Rx queue");
	for (k = 0; k < sizeof(rx) / sizeof(rx[0]); k++)
		printf(" %14s", rx[k]);
	for (i = 0; i < n; i++) {
		printf("\n  %8zu", i);
		for (k = 0; k < sizeof(rx) / sizeof(rx[0]); k++) {
			snprintf(key, sizeof(key), "rx_%s", rx[k]);
			printf(" %14" PRIu64, cli_counter(queues, key, i));
		}
	}
	printf("\n  dropped by the kernel for want of room: %lld; by flow rules: %lld\n",
	       cli_int(queues, "kernel_missed"), cli_int(queues, "flow_dropped"));
}

static void
show_port(const struct cli_port *port, const json_t *queues, const json_t *rules, bool table)
{
	const json_t *info = port->info;

	printf("port %d: %s, netdev %s, --file-prefix %s, process %ld%s\n", port->id,
	       cli_text(info, "device"), cli_text(info, "iface"), port->link.prefix, port->link.pid,
	       cli_int(info, "started") ? "" : ", stopped");
	printf("  %-11s %s\n", "RSS runs", cli_rung(port));
	show_reason(json_object_get(info, "reason"));
	printf("  %-11s %s; doorbell %s\n", "programs", cli_text(info, "steering_program"),
	       cli_int(info, "doorbell") ? "on" : "off");
	if (cli_int(info, "rss") == 0)
		printf("  %-11s not asked for: without flow rules the kernel distributes\n", "RSS");
	printf("  %-11s %s%s\n", "algorithm", cli_text(info, "algorithm"),
	       cli_int(info, "innermost") ? ", over the innermost headers" : "");
	printf("  %-11s %s\n", "key", cli_text(info, "key"));
	show_names("types", json_object_get(info, "types"));
	if (json_array_size(json_object_get(info, "modifiers")) != 0)
		show_names("modifiers", json_object_get(info, "modifiers"));
	show_table(json_object_get(info, "reta"), (size_t)cli_int(info, "rx_queues"), table);
	show_rules(info, rules);
	show_queues(queues);
}

static json_t *
json_port(const struct cli_port *port, json_t *queues, json_t *rules)
{
	json_t *o = json_copy(port->info);

	json_object_set_new(o, "file_prefix", json_string(port->link.prefix));
	json_object_set_new(o, "pid", json_integer(port->link.pid));
	json_object_set(o, "queues", queues);
	json_object_set(o, "flow_rules", rules);
	return o;
}

int
cli_show(int argc, char **argv)
{
	static const struct option options[] = { { "table", no_argument, NULL, 't' }, CLI_OPTIONS };
	struct cli cli = { .json = false };
	const char *selector;
	struct cli_port *ports;
	json_t *all;
	bool table = false;
	int c, i, n;

	while ((c = cli_option(&cli, argc, argv, options)) != -1) {
		if (c != 't')
			return CLI_FAILED;
		table = true;
	}
	if (cli_selector(argc, argv, &selector) != 0)
		return CLI_FAILED;
	n = cli_ports(&cli, selector, &ports);
	if (n < 0)
		return CLI_FAILED;
	all = json_array();
	for (i = 0; i < n; i++) {
		json_t *queues = cli_queues(&ports[i]);
		json_t *rules = rules_of(&ports[i]);

		if (cli.json)
			json_array_append_new(all, json_port(&ports[i], queues, rules));
		else
			show_port(&ports[i], queues, rules, table);
		json_decref(queues);
		json_decref(rules);
	}
	cli_ports_free(ports, n);
	if (cli.json)
		return cli_print_json(json_pack("{s:o}", "ports", all));
	json_decref(all);
	return CLI_OK;
}
