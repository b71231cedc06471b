/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * Telemetry: what a port is and does, for dpdk-tap-rss and others. The commands run in threads
 * of their own: each holds the control lock while it looks at a port, so a port that is being
 * closed or configured waits for it. An answer is at most 16 KB in DPDK 22.11, with strings of
 * 127 characters: what may be longer comes in pages.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "tap_classify.h"
#include "tap_control.h"
#include "tap_flow.h"
#include "tap_names.h"
#include "tap_telemetry.h"

/* Queues and rules of a page. */
#define TAP_TEL_QUEUES 32
#define TAP_TEL_RULES 32
/* Entries of the redirection table in one command, two digits each; the longest frame. */
#define TAP_TEL_ENTRIES 256
#define TAP_TEL_FRAME 256

/* Ports that are open. */
static struct rte_eth_dev *tap_tel_dev[RTE_MAX_ETHPORTS];

void
tap_telemetry_add(struct rte_eth_dev *dev)
{
	tap_control_lock();
	tap_tel_dev[dev->data->port_id] = dev;
	tap_control_unlock();
}

void
tap_telemetry_remove(const struct rte_eth_dev *dev)
{
	tap_control_lock();
	tap_tel_dev[dev->data->port_id] = NULL;
	tap_control_unlock();
}

/* A number up to a comma or the end; moves @p text behind it. */
static bool
tap_tel_number(const char **text, unsigned long max, unsigned long *value)
{
	char *end;

	if (*text == NULL || **text < '0' || **text > '9')
		return false;
	errno = 0;
	*value = strtoul(*text, &end, 10);
	if (errno != 0 || *value > max || (*end != '\0' && *end != ','))
		return false;
	*text = *end == ',' ? end + 1 : end;
	return true;
}

/* The open port that parameters begin with; moves behind it. The caller holds the lock. */
static struct rte_eth_dev *
tap_tel_port(const char **params)
{
	unsigned long id;

	return tap_tel_number(params, RTE_MAX_ETHPORTS - 1, &id) ? tap_tel_dev[id] : NULL;
}

/* Where a page begins: 0 if it is not said. */
static bool
tap_tel_first(const char *params, unsigned long max, unsigned long *first)
{
	*first = 0;
	return *params == '\0' || (tap_tel_number(&params, max, first) && *params == '\0');
}

/* A container that the answer takes over; NULL if there is no memory. */
static struct rte_tel_data *
tap_tel_array(struct rte_tel_data *d, const char *name, enum rte_tel_value_type type)
{
	struct rte_tel_data *array = rte_tel_data_alloc();

	if (array == NULL)
		return NULL;
	rte_tel_data_start_array(array, type);
	if (rte_tel_data_add_dict_container(d, name, array, 0) == 0)
		return array;
	rte_tel_data_free(array);
	return NULL;
}

/* Names of the bits that are set. */
static int
tap_tel_bits(struct rte_tel_data *d, const char *key, uint32_t bits, const char *const *names,
	     size_t n)
{
	struct rte_tel_data *array = tap_tel_array(d, key, RTE_TEL_STRING_VAL);
	size_t i;

	if (array == NULL)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		if (bits & (1u << i))
			rte_tel_data_add_array_string(array, names[i]);
	return 0;
}

/* A text of any length, in pieces to be read as one. */
static int
tap_tel_text(struct rte_tel_data *d, const char *key, const char *text)
{
	struct rte_tel_data *array = tap_tel_array(d, key, RTE_TEL_STRING_VAL);
	char piece[RTE_TEL_MAX_STRING_LEN];
	size_t len;

	if (array == NULL)
		return -ENOMEM;
	for (; *text != '\0'; text += len) {
		len = strnlen(text, sizeof(piece) - 1);
		memcpy(piece, text, len);
		piece[len] = '\0';
		rte_tel_data_add_array_string(array, piece);
	}
	return 0;
}

static void
tap_tel_hex(char *text, const uint8_t *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

/* What the kernel runs for the port. */
static const char *
tap_steering_program(const struct tap_port *port)
{
	if (port->rung == TAP_RUNG_SOFT)
		return "none";
	if (port->needs.any && tap_flow_in_kernel(port) && port->data->nb_rx_queues > 1)
		return "rules";
	if (!port->steering)
		return "none";
	return port->rung == TAP_RUNG_FULL ? "full" : "basic";
}

static const char *
tap_rules_home(const struct tap_port *port)
{
	return tap_flow_in_kernel(port) ? "kernel" : "software";
}

static unsigned int
tap_rules_number(const struct tap_port *port)
{
	unsigned int i;
	unsigned int n = 0;

	for (i = 1; port->flows != NULL && i < TAP_RULES; i++)
		n += port->flows->handle[i].kind == TAP_HANDLE_RULE;
	return n;
}

static int
tap_tel_list(const char *cmd, const char *params, struct rte_tel_data *d)
{
	unsigned int i;

	RTE_SET_USED(cmd);
	RTE_SET_USED(params);
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	tap_control_lock();
	for (i = 0; i < RTE_MAX_ETHPORTS; i++)
		if (tap_tel_dev[i] != NULL)
			rte_tel_data_add_array_int(d, (int)i);
	tap_control_unlock();
	return 0;
}

static void
tap_tel_place(struct rte_tel_data *d, const struct tap_port *port)
{
	const struct rte_eth_dev_data *data = port->data;

	rte_tel_data_add_dict_int(d, "port", data->port_id);
	rte_tel_data_add_dict_string(d, "device", data->name);
	rte_tel_data_add_dict_string(d, "iface", port->name);
	rte_tel_data_add_dict_int(d, "ifindex", (int)port->ifindex);
	rte_tel_data_add_dict_int(d, "started", data->dev_started);
	rte_tel_data_add_dict_int(d, "rx_queues", data->nb_rx_queues);
	rte_tel_data_add_dict_int(d, "tx_queues", data->nb_tx_queues);
	rte_tel_data_add_dict_int(d, "rung", (int)port->rung);
	rte_tel_data_add_dict_string(d, "steering_program", tap_steering_program(port));
	rte_tel_data_add_dict_int(d, "doorbell", port->doorbell);
	rte_tel_data_add_dict_int(d, "redistribute", port->rx_mode.redistribute);
	rte_tel_data_add_dict_int(d, "hash_offload", port->rx_mode.hash);
	rte_tel_data_add_dict_int(d, "super_frames", port->rx_mode.gso);
}

static int
tap_tel_rss(struct rte_tel_data *d, const struct tap_port *port)
{
	const struct tap_rss_conf *rss = &port->rss;
	char key[2 * TAP_KEY_LEN + 1];
	struct rte_tel_data *reta;
	unsigned int i;

	rte_tel_data_add_dict_int(d, "rss", port->steering);
	rte_tel_data_add_dict_string(d, "algorithm", tap_algo_names[rss->algo]);
	tap_tel_hex(key, rss->key, TAP_KEY_LEN);
	rte_tel_data_add_dict_string(d, "key", key);
	rte_tel_data_add_dict_int(d, "innermost", rss->innermost);
	rte_tel_data_add_dict_int(d, "ipv6_prefix", rss->ipv6_prefix);
	if (tap_tel_bits(d, "types", rss->types, tap_type_names, RTE_DIM(tap_type_names)) != 0 ||
	    tap_tel_bits(d, "modifiers", rss->modifiers, tap_modifier_names,
			 RTE_DIM(tap_modifier_names)) != 0)
		return -ENOMEM;
	reta = tap_tel_array(d, "reta", RTE_TEL_INT_VAL);
	for (i = 0; reta != NULL && i < TAP_RETA_SIZE; i++)
		rte_tel_data_add_array_int(reta, rss->reta[i]);
	return reta == NULL ? -ENOMEM : 0;
}

static void
tap_tel_flow(struct rte_tel_data *d, const struct tap_port *port)
{
	rte_tel_data_add_dict_int(d, "rules", (int)tap_rules_number(port));
	rte_tel_data_add_dict_string(d, "rules_run_in", tap_rules_home(port));
	rte_tel_data_add_dict_int(d, "isolated", port->filter.isolated);
}

static int
tap_tel_info(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct rte_eth_dev *dev;
	int ret = -EINVAL;

	RTE_SET_USED(cmd);
	tap_control_lock();
	dev = tap_tel_port(&params);
	if (dev != NULL && *params == '\0') {
		const struct tap_port *port = tap_port_of(dev);

		rte_tel_data_start_dict(d);
		tap_tel_place(d, port);
		tap_tel_flow(d, port);
		ret = tap_tel_text(d, "reason", port->reason);
		if (ret == 0)
			ret = tap_tel_rss(d, port);
	}
	tap_control_unlock();
	return ret;
}

/* One counter of the queues of a page. */
static int
tap_tel_counter(struct rte_tel_data *d, const struct tap_port *port,
		const struct tap_counter *counter, unsigned long first)
{
	uint16_t n = counter->rx ? port->data->nb_rx_queues : port->data->nb_tx_queues;
	struct rte_tel_data *array;
	char name[32];
	unsigned long i;

	snprintf(name, sizeof(name), "%s_%s", counter->rx ? "rx" : "tx", counter->name);
	array = tap_tel_array(d, name, TAP_TEL_UINT_VAL);
	if (array == NULL)
		return -ENOMEM;
	for (i = first; i < n && i < first + TAP_TEL_QUEUES; i++)
		tap_tel_add_array_uint(array, tap_counter_get(port, counter, (uint16_t)i));
	return 0;
}

static int
tap_tel_queues(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct tap_counter *counters;
	struct rte_eth_dev *dev;
	unsigned int n = tap_counters(&counters);
	unsigned long first;
	unsigned int i;
	int ret = -EINVAL;

	RTE_SET_USED(cmd);
	tap_control_lock();
	dev = tap_tel_port(&params);
	if (dev != NULL && tap_tel_first(params, TAP_MAX_QUEUES, &first)) {
		rte_tel_data_start_dict(d);
		rte_tel_data_add_dict_int(d, "first", (int)first);
		rte_tel_data_add_dict_int(d, "rx_queues", dev->data->nb_rx_queues);
		rte_tel_data_add_dict_int(d, "tx_queues", dev->data->nb_tx_queues);
		tap_tel_add_dict_uint(d, "kernel_missed", tap_kernel_missed(tap_port_of(dev)));
		tap_tel_add_dict_uint(d, "flow_dropped", tap_flow_dropped(tap_port_of(dev)));
		ret = 0;
		for (i = 0; ret == 0 && i < n; i++)
			ret = tap_tel_counter(d, tap_port_of(dev), &counters[i], first);
	}
	tap_control_unlock();
	return ret;
}

static const char *
tap_fate_name(uint8_t fate)
{
	static const char *const names[] = {
		[TAP_FATE_NONE] = "passthru",
		[TAP_FATE_QUEUE] = "queue",
		[TAP_FATE_RSS] = "rss",
		[TAP_FATE_DROP] = "drop",
	};

	return fate < RTE_DIM(names) ? names[fate] : "?";
}

/* What a rule looks at; what does not fit ends with dots. */
static void
tap_tel_match(struct rte_tel_data *d, const struct tap_port *port, const struct tap_flow_rule *r)
{
	char text[RTE_TEL_MAX_STRING_LEN] = "";
	char *whole = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&whole, &size);

	if (file == NULL)
		return;
	tap_flow_dump_match(file, &r->key, &port->tables.flow->mask[r->mask]);
	fclose(file);
	if (size < sizeof(text))
		snprintf(text, sizeof(text), "%s", whole);
	else
		snprintf(text, sizeof(text), "%.*s...", (int)sizeof(text) - 4, whole);
	free(whole);
	rte_tel_data_add_dict_string(d, "match", text);
}

static void
tap_tel_ctx(struct rte_tel_data *d, const struct tap_port *port, const struct tap_flow_rule *r)
{
	const struct tap_rss_ctx *ctx = &port->shared->ctx[r->target];

	rte_tel_data_add_dict_int(d, "context", r->target);
	rte_tel_data_add_dict_int(d, "port_hash", (ctx->port & TAP_CTX_PORT_HASH) != 0);
	rte_tel_data_add_dict_int(d, "port_key", (ctx->port & TAP_CTX_PORT_KEY) != 0);
	rte_tel_data_add_dict_int(d, "port_reta", (ctx->port & TAP_CTX_PORT_RETA) != 0);
	if (!(ctx->port & TAP_CTX_PORT_HASH) && ctx->algo < TAP_ALGO_COUNT) {
		rte_tel_data_add_dict_string(d, "algorithm", tap_algo_names[ctx->algo]);
		tap_tel_bits(d, "types", ctx->types, tap_type_names, RTE_DIM(tap_type_names));
	}
}

static int
tap_tel_rule(struct rte_tel_data *rules, const struct tap_port *port, const struct rte_flow *flow)
{
	const struct tap_flow_rule *r = tap_flow_rule_of(port, flow);
	struct rte_tel_data *d = rte_tel_data_alloc();
	struct tap_rule_count count;
	char number[8];

	if (d == NULL)
		return -ENOMEM;
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_int(d, "priority", tap_priority_of(r));
	rte_tel_data_add_dict_string(d, "fate", tap_fate_name(r->fate));
	if (r->fate == TAP_FATE_QUEUE)
		rte_tel_data_add_dict_int(d, "queue", r->target);
	if (r->fate == TAP_FATE_RSS)
		tap_tel_ctx(d, port, r);
	if (r->flags & TAP_RULE_MARK)
		tap_tel_add_dict_uint(d, "mark", r->mark);
	if (r->flags & TAP_RULE_FLAG)
		rte_tel_data_add_dict_int(d, "flag", 1);
	if (r->counter != 0) {
		tap_rules_count(port->flows->rules, r->counter, false, &count);
		rte_tel_data_add_dict_int(d, "counter", r->counter);
		tap_tel_add_dict_uint(d, "hits", count.hits);
		tap_tel_add_dict_uint(d, "bytes", count.bytes);
	}
	tap_tel_match(d, port, r);
	snprintf(number, sizeof(number), "%u", tap_flow_number(port->flows, flow));
	if (rte_tel_data_add_dict_container(rules, number, d, 0) == 0)
		return 0;
	rte_tel_data_free(d);
	return -ENOMEM;
}

/*
 * The rules from number @p first on that a page holds, by their numbers (22.11 has no arrays of
 * dicts in a dict); and where the next page begins, 0 at the end.
 */
static int
tap_tel_rules_page(struct rte_tel_data *d, const struct tap_port *port, unsigned long first)
{
	struct rte_tel_data *rules = rte_tel_data_alloc();
	unsigned int n = 0;
	unsigned long i;
	int next = 0;

	if (rules == NULL)
		return -ENOMEM;
	rte_tel_data_start_dict(rules);
	if (rte_tel_data_add_dict_container(d, "rules", rules, 0) != 0) {
		rte_tel_data_free(rules);
		return -ENOMEM;
	}
	for (i = RTE_MAX(first, 1ul); port->flows != NULL && i < TAP_RULES; i++) {
		if (port->flows->handle[i].kind != TAP_HANDLE_RULE)
			continue;
		if (n++ == TAP_TEL_RULES) {
			next = (int)i;
			break;
		}
		if (tap_tel_rule(rules, port, &port->flows->handle[i]) != 0)
			return -ENOMEM;
	}
	rte_tel_data_add_dict_int(d, "next", next);
	return 0;
}

static int
tap_tel_rules(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct rte_eth_dev *dev;
	unsigned long first;
	int ret = -EINVAL;

	RTE_SET_USED(cmd);
	tap_control_lock();
	dev = tap_tel_port(&params);
	if (dev != NULL && tap_tel_first(params, TAP_MAX_RULES, &first)) {
		rte_tel_data_start_dict(d);
		rte_tel_data_add_dict_int(d, "total", (int)tap_rules_number(tap_port_of(dev)));
		ret = tap_tel_rules_page(d, tap_port_of(dev), first);
	}
	tap_control_unlock();
	return ret;
}

/* Bytes of a text of hex digits; negative if it is none, or longer than @p max bytes. */
static int
tap_tel_unhex(const char *text, uint8_t *bytes, size_t max)
{
	size_t n = strlen(text);
	size_t i;

	if (n == 0 || n % 2 != 0 || n / 2 > max || strspn(text, "0123456789abcdefABCDEF") != n)
		return -EINVAL;
	for (i = 0; i < n / 2; i++) {
		char digits[3] = { text[2 * i], text[2 * i + 1], '\0' };

		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return (int)(n / 2);
}

/* As a burst in software would classify a frame now; nothing is counted. */
static void
tap_tel_verdict(const struct tap_port *port, const uint8_t *frame, size_t len,
		struct tap_verdict *v)
{
	struct tap_pkt pkt = { .data = frame, .contig = (uint32_t)len, .len = (uint32_t)len };
	uint32_t slot = port->shared->active & (TAP_SLOTS - 1);

	memset(v, 0, sizeof(*v));
	if (port->needs.any)
		tap_classify_rules(&pkt, port->shared, slot, &port->tables,
				   tap_current_view(&port->tables), 0, v);
	else
		tap_classify(&pkt, &port->shared->slot[slot], v);
}

static int
tap_tel_classify(const char *cmd, const char *params, struct rte_tel_data *d)
{
	uint8_t frame[TAP_TEL_FRAME];
	struct rte_eth_dev *dev;
	struct tap_verdict v;
	int ret = -EINVAL;
	int len;

	RTE_SET_USED(cmd);
	tap_control_lock();
	dev = tap_tel_port(&params);
	len = dev == NULL ? -EINVAL : tap_tel_unhex(params, frame, sizeof(frame));
	if (len > 0) {
		tap_tel_verdict(tap_port_of(dev), frame, (size_t)len, &v);
		rte_tel_data_start_dict(d);
		rte_tel_data_add_dict_int(d, "hashed", v.hashed);
		tap_tel_add_dict_uint(d, "hash", v.hash);
		rte_tel_data_add_dict_int(d, "entry", (int)(v.hash & (TAP_RETA_SIZE - 1)));
		rte_tel_data_add_dict_int(d, "queue", v.queue);
		rte_tel_data_add_dict_int(d, "drop", v.drop);
		if (v.flags & TAP_RULE_MARK)
			tap_tel_add_dict_uint(d, "mark", v.mark);
		ret = 0;
	}
	tap_control_unlock();
	return ret;
}

/* Write entries of the redirection table, as rte_eth_dev_rss_reta_update() does. */
static int
tap_tel_reta(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct rte_eth_rss_reta_entry64 reta[TAP_RETA_SIZE / RTE_ETH_RETA_GROUP_SIZE] = { 0 };
	uint8_t queues[TAP_TEL_ENTRIES];
	struct rte_eth_dev *dev;
	unsigned long first;
	int ret = -EINVAL;
	int n = 0;
	int i;

	RTE_SET_USED(cmd);
	tap_control_lock();
	dev = tap_tel_port(&params);
	if (dev != NULL && tap_tel_number(&params, TAP_RETA_SIZE - 1, &first))
		n = tap_tel_unhex(params, queues, RTE_MIN(sizeof(queues), TAP_RETA_SIZE - first));
	for (i = 0; i < n; i++) {
		struct rte_eth_rss_reta_entry64 *group =
			&reta[(first + i) / RTE_ETH_RETA_GROUP_SIZE];

		group->mask |= RTE_BIT64((first + i) % RTE_ETH_RETA_GROUP_SIZE);
		group->reta[(first + i) % RTE_ETH_RETA_GROUP_SIZE] = queues[i];
	}
	if (n > 0)
		ret = tap_rss_reta_update(dev, reta, TAP_RETA_SIZE);
	tap_control_unlock();
	if (ret != 0)
		return ret;
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_int(d, "entries", n);
	return 0;
}

RTE_INIT(tap_telemetry_init)
{
	rte_telemetry_register_cmd("/net_tap/list", tap_tel_list,
				   "Ports of this driver. No parameters");
	rte_telemetry_register_cmd("/net_tap/info", tap_tel_info,
				   "A port: where RSS runs, and its RSS. Parameters: PORT");
	rte_telemetry_register_cmd(
		"/net_tap/queues", tap_tel_queues,
		"Counters of up to 32 queues since the last reset. Parameters: PORT[,FIRST_QUEUE]");
	rte_telemetry_register_cmd(
		"/net_tap/rules", tap_tel_rules,
		"Up to 32 flow rules; next is the following page's FIRST. Parameters: PORT[,FIRST]");
	rte_telemetry_register_cmd("/net_tap/classify", tap_tel_classify,
				   "Hash and queue of a frame. Parameters: PORT,FRAME_IN_HEX");
	rte_telemetry_register_cmd("/net_tap/reta", tap_tel_reta,
				   "Write redirection table entries, two hex digits each. "
				   "Parameters: PORT,FIRST_ENTRY,QUEUES_IN_HEX");
}
