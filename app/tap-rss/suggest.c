/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* A redirection table that evens out what was just seen, by moving as few entries as may be. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define DEFAULT_SECONDS 5

/* Entries that one telemetry command takes. */
#define APPLY_STEP 256

struct suggestion {
	struct tap_rss_conf conf; /**< as the port has it */
	uint16_t reta[TAP_RETA_SIZE];
	uint64_t before[TAP_MAX_QUEUES];
	uint64_t after[TAP_MAX_QUEUES];
	unsigned int moved;
};

static void
sum_up(const uint16_t *reta, const struct cli_sample *s, uint64_t *queue)
{
	unsigned int i;

	memset(queue, 0, sizeof(*queue) * TAP_MAX_QUEUES);
	for (i = 0; i < TAP_RETA_SIZE; i++)
		queue[reta[i]] += s->load[i];
}

static void
extremes(const uint64_t *queue, unsigned int n, unsigned int *hot, unsigned int *cold)
{
	unsigned int i;

	*hot = 0;
	*cold = 0;
	for (i = 1; i < n; i++) {
		if (queue[i] > queue[*hot])
			*hot = i;
		if (queue[i] < queue[*cold])
			*cold = i;
	}
}

/* The entry of queue @p hot whose move brings the two closest together; -1: none does. */
static int
best_entry(const struct suggestion *g, const struct cli_sample *s, unsigned int hot, uint64_t gap)
{
	uint64_t best_gap = gap;
	int best = -1;
	unsigned int i;

	for (i = 0; i < TAP_RETA_SIZE; i++) {
		uint64_t twice = 2 * s->load[i];
		uint64_t left = twice > gap ? twice - gap : gap - twice;

		if (g->reta[i] != hot || s->load[i] == 0 || left >= best_gap)
			continue;
		best_gap = left;
		best = (int)i;
	}
	return best;
}

/* Each move narrows the gap between the hottest and the coldest queue, so this ends. */
static void
even_out(struct suggestion *g, const struct cli_sample *s)
{
	unsigned int hot, cold, i;

	memcpy(g->reta, g->conf.reta, sizeof(g->reta));
	sum_up(g->reta, s, g->before);
	memcpy(g->after, g->before, sizeof(g->after));
	for (;;) {
		int entry;

		extremes(g->after, g->conf.nb_queues, &hot, &cold);
		entry = best_entry(g, s, hot, g->after[hot] - g->after[cold]);
		if (entry < 0)
			break;
		g->reta[entry] = (uint16_t)cold;
		g->after[hot] -= s->load[entry];
		g->after[cold] += s->load[entry];
	}
	for (i = 0; i < TAP_RETA_SIZE; i++)
		g->moved += g->reta[i] != g->conf.reta[i];
}

static int
apply(const struct cli_port *port, const struct suggestion *g)
{
	unsigned int first, i;

	for (first = 0; first < TAP_RETA_SIZE; first += APPLY_STEP) {
		char hex[2 * APPLY_STEP + 1];
		json_t *said;

		for (i = 0; i < APPLY_STEP; i++)
			snprintf(hex + 2 * i, 3, "%02x", g->reta[first + i] & 0xffu);
		said = cli_ask(&port->link, "/net_tap/reta,%d,%u,%s", port->id, first, hex);
		if (said == NULL)
			return cli_error("port %d refuses the table; its log says why", port->id);
		json_decref(said);
	}
	return CLI_OK;
}

static double
percent(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

static void
print_text(const struct cli_port *port, const struct suggestion *g, const struct cli_sample *s,
	   unsigned long seconds, bool applied)
{
	unsigned int i, hot, cold;

	printf("%llu packets in %lu s on %s", (unsigned long long)s->packets, seconds,
	       cli_text(port->info, "iface"));
	if (s->lost != 0)
		printf(" (%llu more were not looked at)", (unsigned long long)s->lost);
	printf("\n  queue    before     after\n");
	for (i = 0; i < g->conf.nb_queues; i++)
		printf("  %5u  %6.1f %%  %6.1f %%\n", i, percent(g->before[i], s->packets),
		       percent(g->after[i], s->packets));
	extremes(g->after, g->conf.nb_queues, &hot, &cold);
	if (cli_int(port->info, "rules") != 0)
		printf("Flow rules place packets past the table; this does not know which.\n");
	if (g->moved == 0) {
		printf("No table is better: what is left are flows that share an entry or stand alone.\n");
		return;
	}
	printf("%u of %d entries %s:\n", g->moved, TAP_RETA_SIZE, applied ? "moved" : "to move");
	for (i = 0; i < TAP_RETA_SIZE; i++)
		if (g->reta[i] != g->conf.reta[i])
			printf("  entry %u: queue %u to %u\n", i, g->conf.reta[i], g->reta[i]);
	if (!applied)
		printf("With --apply the port gets it.\n");
}

static json_t *
shares(const uint64_t *queue, unsigned int n, uint64_t packets)
{
	json_t *array = json_array();
	unsigned int i;

	for (i = 0; i < n; i++)
		json_array_append_new(array, json_real(percent(queue[i], packets)));
	return array;
}

static int
print_json(const struct suggestion *g, const struct cli_sample *s, unsigned long seconds,
	   bool applied)
{
	json_t *reta = json_array();
	unsigned int i;

	for (i = 0; i < TAP_RETA_SIZE; i++)
		json_array_append_new(reta, json_integer(g->reta[i]));
	return cli_print_json(json_pack(
		"{s:I, s:I, s:I, s:o, s:o, s:i, s:b, s:o}", "seconds", (json_int_t)seconds,
		"packets", (json_int_t)s->packets, "not_seen", (json_int_t)s->lost,
		"before_percent", shares(g->before, g->conf.nb_queues, s->packets), "after_percent",
		shares(g->after, g->conf.nb_queues, s->packets), "moved", (int)g->moved, "applied",
		applied, "reta", reta));
}

static int
suggest(const struct cli *cli, const struct cli_port *port, unsigned long seconds, bool want_apply)
{
	struct tap_policy *policy = malloc(sizeof(*policy));
	struct suggestion g = { .moved = 0 };
	struct cli_sample s;
	bool applied;
	int ret;

	if (policy == NULL || !cli_conf_of_port(&g.conf, port->info) ||
	    tap_policy_build(policy, &g.conf) != 0) {
		free(policy);
		return cli_error("port %d has settings that this program does not know", port->id);
	}
	ret = cli_sample(port, policy, seconds, &s);
	free(policy);
	if (ret != CLI_OK)
		return ret;
	even_out(&g, &s);
	applied = want_apply && g.moved != 0;
	if (applied && apply(port, &g) != CLI_OK)
		return CLI_FAILED;
	if (cli->json)
		ret = print_json(&g, &s, seconds, applied);
	else if (s.packets != 0)
		print_text(port, &g, &s, seconds, applied);
	if (s.packets == 0)
		return cli_error("no packet came within %lu s: nothing to go by", seconds), CLI_NO;
	return ret;
}

int
cli_suggest(int argc, char **argv)
{
	static const struct option options[] = { { "seconds", required_argument, NULL, 's' },
						 { "apply", no_argument, NULL, 'a' },
						 CLI_OPTIONS };
	struct cli cli = { .json = false };
	unsigned long seconds = DEFAULT_SECONDS;
	struct cli_port *port;
	const char *selector;
	bool want_apply = false;
	int c, ret;

	while ((c = cli_option(&cli, argc, argv, options)) != -1) {
		if (c == 'a')
			want_apply = true;
		else if (c != 's' || !cli_number("--seconds", optarg, 1, 3600, &seconds))
			return CLI_FAILED;
	}
	if (cli_selector(argc, argv, &selector) != 0)
		return CLI_FAILED;
	port = cli_port(&cli, selector);
	if (port == NULL)
		return CLI_FAILED;
	if (cli_int(port->info, "rss") == 0)
		ret = cli_error("%s is configured without RSS: there is no table to change",
				cli_text(port->info, "iface"));
	else
		ret = suggest(&cli, port, seconds, want_apply);
	cli_ports_free(port, 1);
	return ret;
}
