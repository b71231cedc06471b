/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* rte_eth_dev_priv_dump(): what telemetry has, for people. */

#include <inttypes.h>

#include "tap_control.h"
#include "tap_flow.h"
#include "tap_names.h"
#include "tap_telemetry.h"

static void
tap_dump_names(FILE *file, const char *what, uint32_t bits, const char *const *names, size_t n)
{
	size_t i;

	fprintf(file, "  %s:", what);
	for (i = 0; i < n; i++)
		if (bits & (1u << i))
			fprintf(file, " %s", names[i]);
	fprintf(file, bits == 0 ? " none\n" : "\n");
}

/* All entries: which queue a hash leads to. */
static void
tap_dump_reta(FILE *file, const struct tap_rss_conf *rss)
{
	unsigned int i;

	fprintf(file, "  reta (%d entries):", TAP_RETA_SIZE);
	for (i = 0; i < TAP_RETA_SIZE; i++)
		fprintf(file, "%s%u", i % 32 == 0 ? "\n    " : " ", rss->reta[i]);
	fputc('\n', file);
}

static void
tap_dump_rss(FILE *file, const struct tap_port *port)
{
	const struct tap_rss_conf *rss = &port->rss;
	unsigned int i;

	fprintf(file, "  RSS: %s, algorithm %s%s, IPv6 prefix %u, key ",
		port->steering ? "asked for" : "not asked for", tap_algo_names[rss->algo],
		rss->innermost ? " over innermost headers" : "",
		rss->ipv6_prefix == 0 ? 128u : rss->ipv6_prefix);
	for (i = 0; i < TAP_KEY_LEN; i++)
		fprintf(file, "%02x", rss->key[i]);
	fputc('\n', file);
	tap_dump_names(file, "types", rss->types, tap_type_names, RTE_DIM(tap_type_names));
	tap_dump_names(file, "modifiers", rss->modifiers, tap_modifier_names,
		       RTE_DIM(tap_modifier_names));
	tap_dump_reta(file, rss);
}

static void
tap_dump_queues(FILE *file, const struct tap_port *port, bool rx)
{
	const struct rte_eth_dev_data *data = port->data;
	const struct tap_counter *counters;
	unsigned int n = tap_counters(&counters);
	unsigned int i;
	uint16_t id;

	for (id = 0; id < (rx ? data->nb_rx_queues : data->nb_tx_queues); id++) {
		fprintf(file, "  %s queue %u:", rx ? "Rx" : "Tx", id);
		for (i = 0; i < n; i++)
			if (counters[i].rx == rx)
				fprintf(file, " %s %" PRIu64, counters[i].name,
					tap_counter_get(port, &counters[i], id));
		fputc('\n', file);
	}
}

int
tap_priv_dump(struct rte_eth_dev *dev, FILE *file)
{
	const struct tap_port *port = tap_port_of(dev);

	tap_control_lock();
	fprintf(file, "  netdev: %s, index %u\n", port->name, port->ifindex);
	fprintf(file, "  rung: %d of 3%s%s\n", port->rung, port->reason[0] != '\0' ? ": " : "",
		port->reason);
	fprintf(file, "  doorbell: %d, redistribution: %d, super-frames: %d\n", port->doorbell,
		port->rx_mode.redistribute, port->rx_mode.gso);
	tap_dump_rss(file, port);
	tap_flow_dump(dev, NULL, file, NULL);
	tap_dump_queues(file, port, true);
	tap_dump_queues(file, port, false);
	tap_control_unlock();
	return 0;
}
