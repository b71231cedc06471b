/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <inttypes.h>
#include <stddef.h>

#include "tap_flow.h"

/* Parts of a key, by the names of the ABI's members. */
struct tap_dump_part {
	const char *name;
	uint8_t at;
	uint8_t size;
};

#define TAP_DUMP_LEVEL(member)                                                                     \
	{                                                                                          \
#member, offsetof(struct tap_flow_level, member),                                  \
			sizeof(((struct tap_flow_level *)0)->member)                               \
	}
#define TAP_DUMP_TUNNEL(member)                                                                    \
	{                                                                                          \
#member, offsetof(struct tap_flow_tunnel, member),                                 \
			sizeof(((struct tap_flow_tunnel *)0)->member)                              \
	}

static const struct tap_dump_part tap_dump_level[] = {
	TAP_DUMP_LEVEL(kind),      TAP_DUMP_LEVEL(dst_mac),    TAP_DUMP_LEVEL(src_mac),
	TAP_DUMP_LEVEL(type),      TAP_DUMP_LEVEL(tci),        TAP_DUMP_LEVEL(vlan_type),
	TAP_DUMP_LEVEL(vlan2_tci), TAP_DUMP_LEVEL(vlan2_type), TAP_DUMP_LEVEL(addr),
	TAP_DUMP_LEVEL(proto),     TAP_DUMP_LEVEL(tos),        TAP_DUMP_LEVEL(ttl),
	TAP_DUMP_LEVEL(word),      TAP_DUMP_LEVEL(l4),         TAP_DUMP_LEVEL(sport),
	TAP_DUMP_LEVEL(dport),     TAP_DUMP_LEVEL(tcp_flags),  TAP_DUMP_LEVEL(extra),
};

static const struct tap_dump_part tap_dump_tunnel[] = {
	TAP_DUMP_TUNNEL(kind),
	TAP_DUMP_TUNNEL(flags),
	TAP_DUMP_TUNNEL(proto),
	TAP_DUMP_TUNNEL(id),
};

/* Bytes up to the last one that the mask has bits in. */
static size_t
tap_dump_len(const uint8_t *mask, size_t size)
{
	while (size > 0 && mask[size - 1] == 0)
		size--;
	return size;
}

static void
tap_dump_bytes(FILE *file, const uint8_t *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		fprintf(file, "%02x", bytes[i]);
}

/* The parts that a rule looks at, as value/mask. */
static void
tap_dump_parts(FILE *file, const char *where, const struct tap_dump_part *parts, size_t n_parts,
	       const uint8_t *key, const uint8_t *mask)
{
	size_t i;

	for (i = 0; i < n_parts; i++) {
		const struct tap_dump_part *part = &parts[i];
		size_t n = tap_dump_len(mask + part->at, part->size);

		if (n == 0)
			continue;
		fprintf(file, " %s%s=", where, part->name);
		tap_dump_bytes(file, key + part->at, n);
		fputc('/', file);
		tap_dump_bytes(file, mask + part->at, n);
	}
}

void
tap_flow_dump_match(FILE *file, const union tap_flow_key *key, const union tap_flow_key *mask)
{
	tap_dump_parts(file, "", tap_dump_level, RTE_DIM(tap_dump_level),
		       (const uint8_t *)&key->outer, (const uint8_t *)&mask->outer);
	tap_dump_parts(file, "tunnel.", tap_dump_tunnel, RTE_DIM(tap_dump_tunnel),
		       (const uint8_t *)&key->tunnel, (const uint8_t *)&mask->tunnel);
	tap_dump_parts(file, "inner.", tap_dump_level, RTE_DIM(tap_dump_level),
		       (const uint8_t *)&key->inner, (const uint8_t *)&mask->inner);
}

static void
tap_dump_ctx(const struct tap_port *port, const struct tap_flow_rule *r, FILE *file)
{
	const struct tap_rss_ctx *ctx = &port->shared->ctx[r->target];

	fprintf(file, "rss context %u (", r->target);
	if (ctx->port & TAP_CTX_PORT_HASH)
		fprintf(file, "hash of the port, ");
	else
		fprintf(file, "types 0x%x algorithm %u%s, ", ctx->types, ctx->algo,
			ctx->flags & TAP_CTX_INNER ? " innermost" : "");
	if (ctx->port & TAP_CTX_PORT_KEY)
		fprintf(file, "key of the port, ");
	else
		fprintf(file, "key %u, ", ctx->key);
	if (ctx->port & TAP_CTX_PORT_RETA)
		fprintf(file, "table of the port)");
	else
		fprintf(file, "table %u %u %u %u ...)", ctx->reta[0], ctx->reta[1], ctx->reta[2],
			ctx->reta[3]);
}

static void
tap_dump_fate(const struct tap_port *port, const struct tap_flow_rule *r, FILE *file)
{
	switch (r->fate) {
	case TAP_FATE_QUEUE:
		fprintf(file, "queue %u", r->target);
		break;
	case TAP_FATE_RSS:
		tap_dump_ctx(port, r, file);
		break;
	default:
		fprintf(file, r->fate == TAP_FATE_DROP ? "drop" : "passthru");
		break;
	}
}

static void
tap_dump_rule(const struct tap_port *port, const struct rte_flow *flow, FILE *file)
{
	const struct tap_flow_rule *r = tap_flow_rule_of(port, flow);
	struct tap_rule_count count;

	fprintf(file, "  rule %u: priority %u, mask %u, ", tap_flow_number(port->flows, flow),
		tap_priority_of(r), r->mask);
	tap_dump_fate(port, r, file);
	if (r->flags & TAP_RULE_MARK)
		fprintf(file, ", mark 0x%x", r->mark);
	if (r->flags & TAP_RULE_FLAG)
		fprintf(file, ", flag");
	if (r->counter != 0) {
		tap_rules_count(port->flows->rules, r->counter, false, &count);
		fprintf(file, ", counter %u: %" PRIu64 " packets, %" PRIu64 " bytes", r->counter,
			count.hits, count.bytes);
	}
	fprintf(file, "\n    match");
	tap_flow_dump_match(file, &r->key, &port->tables.flow->mask[r->mask]);
	fprintf(file, "\n");
}

int
tap_flow_dump(struct rte_eth_dev *dev, struct rte_flow *pointer, FILE *file,
	      struct rte_flow_error *error)
{
	const struct tap_port *port = tap_port_of(dev);
	const struct rte_flow *flow;
	unsigned int i;

	if (pointer != NULL) {
		flow = tap_flow_handle(port, pointer, TAP_HANDLE_RULE);
		if (flow == NULL)
			return tap_flow_handle_error(error, pointer);
		tap_dump_rule(port, flow, file);
		return 0;
	}
	fprintf(file, "%s: flow rules are applied in %s\n", port->data->name,
		tap_flow_in_kernel(port) ? "the kernel" : "software");
	if (port->flows == NULL) {
		fprintf(file, "no rules\n");
		return 0;
	}
	tap_rules_print(port->flows->rules, file);
	for (i = 1; i < TAP_RULES; i++)
		if (port->flows->handle[i].kind == TAP_HANDLE_RULE)
			tap_dump_rule(port, &port->flows->handle[i], file);
	return 0;
}
