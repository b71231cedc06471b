/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <rte_flow_driver.h>

#include "fuzz_port.h"
#include "tap_rules_store.h"

struct tap_port fuzz_port;
struct rte_eth_dev_data fuzz_dev_data = { .dev_private = &fuzz_port, .name = "fuzz" };
struct rte_eth_dev fuzz_dev = { .data = &fuzz_dev_data };
const struct rte_flow_ops *fuzz_flow_ops;
struct tap_shared *fuzz_kernel_shared;
struct tap_tables fuzz_kernel_tables;

/* Nothing is attached, and no reader runs beside: grace periods need not be waited for. */
int __wrap_tap_attach(struct tap_port *port, const struct tap_rules_needs *needs);
bool __wrap_tap_software_possible(const struct tap_port *port);
int __wrap_tap_bpf_open_rules(struct tap_bpf *bpf, const char *name, struct tap_tables *tables,
			      char reason[TAP_REASON_LEN]);
long __wrap_syscall(long number, ...);

int
__wrap_tap_attach(struct tap_port *port, const struct tap_rules_needs *needs)
{
	port->needs = *needs;
	return 0;
}

bool
__wrap_tap_software_possible(const struct tap_port *port)
{
	(void)port;
	return true;
}

int
__wrap_tap_bpf_open_rules(struct tap_bpf *bpf, const char *name, struct tap_tables *tables,
			  char reason[TAP_REASON_LEN])
{
	(void)bpf;
	(void)name;
	(void)reason;
	*tables = fuzz_kernel_tables;
	return 0;
}

long
__wrap_syscall(long number, ...)
{
	(void)number;
	return 0;
}

static void *
zeroed(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		abort();
	return p;
}

void
fuzz_port_open(bool kernel)
{
	struct rte_eth_conf *conf = &fuzz_dev_data.dev_conf;
	struct rte_flow_error error;

	if (fuzz_flow_ops != NULL)
		return;
	fuzz_eal();
	fuzz_port.data = &fuzz_dev_data;
	fuzz_port.rung = TAP_RUNG_SOFT;
	fuzz_port.shared = zeroed(sizeof(*fuzz_port.shared));
	fuzz_port.policy.shared = fuzz_port.shared;
	fuzz_port.steering = true;
	if (kernel) {
		fuzz_port.rung = TAP_RUNG_FULL;
		fuzz_kernel_shared = zeroed(sizeof(*fuzz_kernel_shared));
		fuzz_kernel_tables = (struct tap_tables){
			.flow = zeroed(sizeof(struct tap_flow)),
			.rule = zeroed(sizeof(struct tap_flow_rule) * TAP_RULES),
			.count = zeroed(sizeof(struct tap_flow_count) * TAP_RULES * 2),
			.banks = 2,
		};
		fuzz_port.policy.mirror =
			(struct tap_mirror){ fuzz_port.shared, fuzz_kernel_shared };
	}
	fuzz_dev_data.nb_rx_queues = FUZZ_QUEUES;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = TAP_RSS_DEFAULT_TYPES;
	tap_flow_ops_get(&fuzz_dev, &fuzz_flow_ops);
	/* Opens the tables. */
	if (tap_rss_configure(&fuzz_dev) != 0 ||
	    fuzz_flow_ops->isolate(&fuzz_dev, 1, &error) != 0 ||
	    fuzz_flow_ops->isolate(&fuzz_dev, 0, &error) != 0)
		abort();
}

static const struct {
	enum rte_flow_item_type type;
	uint8_t size;
} items[] = {
	{ RTE_FLOW_ITEM_TYPE_ETH, sizeof(struct rte_flow_item_eth) },
	{ RTE_FLOW_ITEM_TYPE_VLAN, sizeof(struct rte_flow_item_vlan) },
	{ RTE_FLOW_ITEM_TYPE_IPV4, sizeof(struct rte_flow_item_ipv4) },
	{ RTE_FLOW_ITEM_TYPE_IPV6, sizeof(struct rte_flow_item_ipv6) },
	{ RTE_FLOW_ITEM_TYPE_ARP_ETH_IPV4, sizeof(struct rte_flow_item_arp_eth_ipv4) },
	{ RTE_FLOW_ITEM_TYPE_TCP, sizeof(struct rte_flow_item_tcp) },
	{ RTE_FLOW_ITEM_TYPE_UDP, sizeof(struct rte_flow_item_udp) },
	{ RTE_FLOW_ITEM_TYPE_SCTP, sizeof(struct rte_flow_item_sctp) },
	{ RTE_FLOW_ITEM_TYPE_ICMP, sizeof(struct rte_flow_item_icmp) },
	{ RTE_FLOW_ITEM_TYPE_ICMP6, sizeof(struct rte_flow_item_icmp6) },
	{ RTE_FLOW_ITEM_TYPE_GRE, sizeof(struct rte_flow_item_gre) },
	{ RTE_FLOW_ITEM_TYPE_GRE_KEY, sizeof(rte_be32_t) },
	{ RTE_FLOW_ITEM_TYPE_NVGRE, sizeof(struct rte_flow_item_nvgre) },
	{ RTE_FLOW_ITEM_TYPE_VXLAN, sizeof(struct rte_flow_item_vxlan) },
	{ RTE_FLOW_ITEM_TYPE_GENEVE, sizeof(struct rte_flow_item_geneve) },
	{ RTE_FLOW_ITEM_TYPE_GTPU, sizeof(struct rte_flow_item_gtp) },
	{ RTE_FLOW_ITEM_TYPE_VOID, 0 },
	{ RTE_FLOW_ITEM_TYPE_ANY, sizeof(struct rte_flow_item_any) },
	{ RTE_FLOW_ITEM_TYPE_RAW, sizeof(struct rte_flow_item_raw) },
};

static const struct {
	enum rte_flow_action_type type;
	uint8_t size;
} actions[] = {
	{ RTE_FLOW_ACTION_TYPE_QUEUE, sizeof(struct rte_flow_action_queue) },
	{ RTE_FLOW_ACTION_TYPE_RSS, sizeof(struct rte_flow_action_rss) },
	{ RTE_FLOW_ACTION_TYPE_DROP, 0 },
	{ RTE_FLOW_ACTION_TYPE_PASSTHRU, 0 },
	{ RTE_FLOW_ACTION_TYPE_MARK, sizeof(struct rte_flow_action_mark) },
	{ RTE_FLOW_ACTION_TYPE_FLAG, 0 },
	{ RTE_FLOW_ACTION_TYPE_COUNT, sizeof(struct rte_flow_action_count) },
	{ RTE_FLOW_ACTION_TYPE_INDIRECT, 0 },
	{ RTE_FLOW_ACTION_TYPE_VOID, 0 },
	{ RTE_FLOW_ACTION_TYPE_JUMP, sizeof(struct rte_flow_action_jump) },
};

/* Bytes of the input, in memory of their own. */
static void *
take(struct fuzz_input *in, struct fuzz_rule *rule, size_t size)
{
	void *p = calloc(1, size != 0 ? size : 1);

	if (p == NULL || rule->n_memory == RTE_DIM(rule->memory))
		abort();
	fuzz_take(in, p, size);
	rule->memory[rule->n_memory++] = p;
	return p;
}

static void
read_item(struct fuzz_input *in, struct fuzz_rule *rule, struct rte_flow_item *item, uint8_t kind)
{
	unsigned int i = (kind & 0x1f) % RTE_DIM(items);
	size_t size = items[i].size;

	item->type = items[i].type;
	if (size == 0)
		return;
	if (kind & 0x20)
		item->spec = take(in, rule, size);
	if (kind & 0x40)
		item->mask = take(in, rule, size);
	if (kind & 0x80)
		item->last = take(in, rule, size);
}

static void
read_rss(struct fuzz_input *in, struct fuzz_rule *rule, struct rte_flow_action_rss *rss)
{
	uint8_t what = fuzz_u8(in);

	memset(rss, 0, sizeof(*rss));
	rss->func = what & 7;
	rss->level = what >> 3 & 3;
	rss->types = what & 0x80 ? fuzz_u64(in) : RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP;
	if (what & 0x20) {
		rss->key_len = fuzz_u8(in) & 1 ? TAP_KEY_LEN : fuzz_u8(in);
		rss->key = take(in, rule, rss->key_len);
	}
	rss->queue_num = what & 0x40 ? fuzz_u16(in) % (TAP_RETA_SIZE + 2) : 2;
	if (fuzz_u8(in) != 0xff) {
		uint16_t *queue = take(in, rule, rss->queue_num * sizeof(*queue));
		unsigned int i;

		for (i = 0; i < rss->queue_num; i++)
			queue[i] %= FUZZ_QUEUES + ((what & 0x40) != 0);
		rss->queue = queue;
	}
}

static void
read_action(struct fuzz_input *in, struct fuzz_rule *rule, struct rte_flow_action *action,
	    uint8_t kind, const void *counter)
{
	unsigned int i = (kind & 0x0f) % RTE_DIM(actions);

	action->type = actions[i].type;
	if (action->type == RTE_FLOW_ACTION_TYPE_INDIRECT)
		action->conf = kind & 0x40 ? (const void *)rule : counter;
	if (actions[i].size == 0 || (kind & 0x80))
		return;
	action->conf = take(in, rule, actions[i].size);
	if (action->type == RTE_FLOW_ACTION_TYPE_RSS)
		read_rss(in, rule, (void *)(uintptr_t)action->conf);
}

void
fuzz_rule_read(struct fuzz_input *in, struct fuzz_rule *rule, const void *counter)
{
	uint8_t head = fuzz_u8(in);
	unsigned int i, n;

	memset(rule, 0, sizeof(*rule));
	rule->attr.ingress = 1;
	rule->attr.priority = head & 0x0f;
	if (head & 0x80)
		fuzz_take(in, &rule->attr, sizeof(rule->attr));
	n = fuzz_u8(in) % RTE_DIM(rule->items);
	for (i = 0; i < n; i++)
		read_item(in, rule, &rule->items[i], fuzz_u8(in));
	rule->items[n].type = RTE_FLOW_ITEM_TYPE_END;
	n = fuzz_u8(in) % RTE_DIM(rule->actions);
	for (i = 0; i < n; i++)
		read_action(in, rule, &rule->actions[i], fuzz_u8(in), counter);
	rule->actions[n].type = RTE_FLOW_ACTION_TYPE_END;
}

void
fuzz_rule_free(struct fuzz_rule *rule)
{
	unsigned int i;

	for (i = 0; i < rule->n_memory; i++)
		free(rule->memory[i]);
	rule->n_memory = 0;
}

static unsigned int
references(const struct tap_place *places, unsigned int n)
{
	unsigned int sum = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		sum += places[i].refs;
	return sum;
}

void
fuzz_port_check_empty(bool deep)
{
	const struct tap_rules *r = fuzz_port.flows->rules;
	const struct tap_flow *flow = fuzz_port.tables.flow;
	unsigned int i, way;

	FUZZ_CHECK(r->n_rules == 0 && r->n_drop == 0 && r->n_rss == 0 && r->n_mark == 0,
		   "%u rules, %u drop, %u have RSS, %u mark", r->n_rules, r->n_drop, r->n_rss,
		   r->n_mark);
	FUZZ_CHECK(references(r->mask, TAP_MASKS) == 0, "masks");
	FUZZ_CHECK(references(r->ctx, TAP_CTXS) == 0, "contexts");
	FUZZ_CHECK(references(r->key, TAP_KEYS) == 0, "keys");
	FUZZ_CHECK(references(r->view, TAP_VIEWS) == 1, "views");
	FUZZ_CHECK(r->n_free + r->n_stale + r->n_counters == TAP_MAX_RULES, "%u, %u, %u", r->n_free,
		   r->n_stale, r->n_counters);
	for (i = 0; deep && i < TAP_BUCKETS; i++)
		for (way = 0; way < TAP_BUCKET_WAYS; way++)
			FUZZ_CHECK(flow->bucket[i].print[way] == 0, "bucket %u", i);
}
