/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * The other half of the plugin for the testpmd of the system tests: telemetry commands for
 * flow rules in numbers (testpmd's console takes milliseconds for each) and for calls that
 * are wrong in ways that the console does not let through.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_telemetry.h>

#define MAX_HELD 40000
#define MAX_ARGS 8
#define TOO_MANY_QUEUES 513

static struct rte_flow *held[MAX_HELD];
static unsigned int n_held;

/* Numbers, separated by commas; returns how many there were. */
static unsigned int
numbers(const char *params, unsigned long *arg)
{
	unsigned int n = 0;
	char *next;

	while (params != NULL && n < MAX_ARGS) {
		arg[n++] = strtoul(params, &next, 10);
		params = *next == ',' ? next + 1 : NULL;
	}
	return n;
}

/* What a call of rte_flow said. */
static int
answer(struct rte_tel_data *d, unsigned int made, int err, const struct rte_flow_error *error)
{
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_int(d, "made", (int)made);
	rte_tel_data_add_dict_int(d, "errno", err);
	rte_tel_data_add_dict_int(d, "type", (int)error->type);
	rte_tel_data_add_dict_string(d, "message", error->message != NULL ? error->message : "");
	return 0;
}

/* Rule number @p number: UDP over IPv4 to the address 10.0.0.0 + number. */
static struct rte_flow *
create(uint16_t port, uint32_t number, uint16_t queue, struct rte_flow_error *error)
{
	const struct rte_flow_attr attr = { .ingress = 1 };
	const struct rte_flow_item_ipv4 spec = {
		.hdr.dst_addr = rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, 0) + number),
	};
	const struct rte_flow_item_ipv4 mask = { .hdr.dst_addr = RTE_BE32(UINT32_MAX) };
	const struct rte_flow_item pattern[] = {
		{ .type = RTE_FLOW_ITEM_TYPE_ETH },
		{ .type = RTE_FLOW_ITEM_TYPE_IPV4, .spec = &spec, .mask = &mask },
		{ .type = RTE_FLOW_ITEM_TYPE_UDP },
		{ .type = RTE_FLOW_ITEM_TYPE_END },
	};
	const struct rte_flow_action_queue to = { .index = queue };
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &to },
		{ .type = RTE_FLOW_ACTION_TYPE_COUNT },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};

	return rte_flow_create(port, &attr, pattern, actions, error);
}

/* PORT,FIRST,COUNT,QUEUE,QUEUES: rule number i leads to queue (QUEUE + i) % QUEUES. */
static int
flow_fill(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	struct rte_flow_error error = { .message = NULL };
	unsigned long arg[MAX_ARGS] = { 0 };
	unsigned int i;

	if (numbers(params, arg) != 5 || arg[4] == 0)
		return -EINVAL;
	for (i = 0; i < arg[2] && n_held < MAX_HELD; i++) {
		uint32_t number = (uint32_t)(arg[1] + i);

		held[n_held] = create((uint16_t)arg[0], number,
				      (uint16_t)((arg[3] + number) % arg[4]), &error);
		if (held[n_held] == NULL)
			return answer(d, i, rte_errno, &error);
		n_held++;
	}
	return answer(d, i, 0, &error);
}

/* PORT: destroy what flow_fill() has made, from both ends to the middle. */
static int
flow_drain(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	struct rte_flow_error error = { .message = NULL };
	unsigned long arg[MAX_ARGS] = { 0 };
	unsigned int low = 0;
	unsigned int made = 0;

	if (numbers(params, arg) != 1)
		return -EINVAL;
	while (low < n_held) {
		struct rte_flow *flow = made % 2 == 0 ? held[--n_held] : held[low++];

		if (rte_flow_destroy((uint16_t)arg[0], flow, &error) != 0)
			return answer(d, made, rte_errno, &error);
		made++;
	}
	n_held = 0;
	return answer(d, made, 0, &error);
}

/* Rules that went with their port: nothing is held any more. */
static int
flow_forget(const char *cmd __rte_unused, const char *params __rte_unused, struct rte_tel_data *d)
{
	const struct rte_flow_error error = { .message = NULL };
	unsigned int n = n_held;

	n_held = 0;
	return answer(d, n, 0, &error);
}

/* PORT,COUNT: create a rule and destroy it, so many times. */
static int
flow_churn(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	struct rte_flow_error error = { .message = NULL };
	unsigned long arg[MAX_ARGS] = { 0 };
	struct rte_flow *flow;
	unsigned int i;

	if (numbers(params, arg) != 2)
		return -EINVAL;
	for (i = 0; i < arg[1]; i++) {
		flow = create((uint16_t)arg[0], 1000000 + i % 5000, 0, &error);
		if (flow == NULL || rte_flow_destroy((uint16_t)arg[0], flow, &error) != 0)
			return answer(d, i, rte_errno, &error);
	}
	return answer(d, i, 0, &error);
}

/* PORT: read the counter of the first rule of flow_fill(), and reset it. */
static int
flow_reset(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	const struct rte_flow_action count[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_COUNT },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	struct rte_flow_query_count query = { .reset = 1 };
	struct rte_flow_error error = { .message = NULL };
	unsigned long arg[MAX_ARGS] = { 0 };
	int ret;

	if (numbers(params, arg) != 1 || n_held == 0)
		return -EINVAL;
	ret = rte_flow_query((uint16_t)arg[0], held[0], count, &query, &error);
	answer(d, 1, ret == 0 ? 0 : rte_errno, &error);
	rte_tel_data_add_dict_u64(d, "hits", query.hits);
	return rte_tel_data_add_dict_u64(d, "bytes", query.bytes);
}

/* Whether and how the port takes a rule with this RSS action. */
static int
try_rss(uint16_t port, const struct rte_flow_action_rss *rss, struct rte_flow_error *error)
{
	const struct rte_flow_attr attr = { .ingress = 1 };
	const struct rte_flow_item pattern[] = { { .type = RTE_FLOW_ITEM_TYPE_END } };
	const struct rte_flow_action actions[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_RSS, .conf = rss },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};

	return rte_flow_validate(port, &attr, pattern, actions, error);
}

static int
try_conf(uint16_t port, enum rte_flow_action_type type, const void *conf,
	 struct rte_flow_error *error)
{
	const struct rte_flow_attr attr = { .ingress = 1 };
	const struct rte_flow_item pattern[] = { { .type = RTE_FLOW_ITEM_TYPE_END } };
	const struct rte_flow_action actions[] = {
		{ .type = type, .conf = conf },
		{ .type = RTE_FLOW_ACTION_TYPE_DROP },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};

	return rte_flow_validate(port, &attr, pattern, actions, error);
}

static int
odd_call(uint16_t port, const char *name, struct rte_flow_error *error)
{
	static const uint16_t zeros[TOO_MANY_QUEUES];
	const struct rte_flow_attr attr = { .ingress = 1 };
	const struct rte_flow_item pattern[] = { { .type = RTE_FLOW_ITEM_TYPE_END } };
	const struct rte_flow_action actions[] = { { .type = RTE_FLOW_ACTION_TYPE_END } };
	const struct rte_flow_action count = { .type = RTE_FLOW_ACTION_TYPE_COUNT };
	struct rte_flow_action_rss rss = { .queue = zeros };
	struct rte_flow_query_count query;
	char foreign[64] = "";

	if (strcmp(name, "no-attributes") == 0)
		return rte_flow_validate(port, NULL, pattern, actions, error);
	if (strcmp(name, "no-pattern") == 0)
		return rte_flow_validate(port, &attr, NULL, actions, error);
	if (strcmp(name, "no-actions") == 0)
		return rte_flow_validate(port, &attr, pattern, NULL, error);
	if (strcmp(name, "queue-without-conf") == 0)
		return try_conf(port, RTE_FLOW_ACTION_TYPE_QUEUE, NULL, error);
	if (strcmp(name, "rss-without-conf") == 0)
		return try_conf(port, RTE_FLOW_ACTION_TYPE_RSS, NULL, error);
	if (strcmp(name, "mark-without-conf") == 0)
		return try_conf(port, RTE_FLOW_ACTION_TYPE_MARK, NULL, error);
	if (strcmp(name, "indirect-foreign") == 0)
		return try_conf(port, RTE_FLOW_ACTION_TYPE_INDIRECT, foreign, error);
	if (strcmp(name, "too-many-queues") == 0) {
		rss.queue_num = TOO_MANY_QUEUES;
		return try_rss(port, &rss, error);
	}
	if (strcmp(name, "as-many-queues-as-allowed") == 0) {
		rss.queue_num = TOO_MANY_QUEUES - 1;
		return try_rss(port, &rss, error);
	}
	if (strcmp(name, "unknown-function") == 0) {
		rss.func = RTE_ETH_HASH_FUNCTION_MAX;
		return try_rss(port, &rss, error);
	}
	if (strcmp(name, "destroy-foreign") == 0)
		return rte_flow_destroy(port, (struct rte_flow *)(void *)foreign, error);
	if (strcmp(name, "destroy-null") == 0)
		return rte_flow_destroy(port, NULL, error);
	if (strcmp(name, "query-foreign") == 0)
		return rte_flow_query(port, (struct rte_flow *)(void *)foreign, &count, &query,
				      error);
	if (strcmp(name, "destroy-foreign-counter") == 0)
		return rte_flow_action_handle_destroy(port, (void *)foreign, error);
	if (strcmp(name, "query-foreign-counter") == 0)
		return rte_flow_action_handle_query(port, (void *)foreign, &query, error);
	/* A rule's handle is no counter's, and not one that was destroyed. */
	if (strcmp(name, "destroy-twice") == 0) {
		struct rte_flow *flow = create(port, 2000000, 0, error);

		if (flow == NULL || rte_flow_destroy(port, flow, error) != 0)
			return -ENOEXEC;
		return rte_flow_destroy(port, flow, error);
	}
	if (strcmp(name, "rule-as-counter") == 0) {
		struct rte_flow *flow = create(port, 2000000, 0, error);
		struct rte_flow_error other;
		int ret;

		if (flow == NULL)
			return -ENOEXEC;
		ret = rte_flow_action_handle_destroy(port, (void *)flow, error);
		return rte_flow_destroy(port, flow, &other) != 0 ? -ENOEXEC : ret;
	}
	return -ENOEXEC;
}

/* PORT,NAME: one of the calls above. */
static int
flow_odd(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	struct rte_flow_error error = { .message = NULL };
	char *name;
	uint16_t port;
	int ret;

	if (params == NULL)
		return -EINVAL;
	port = (uint16_t)strtoul(params, &name, 10);
	if (*name != ',')
		return -EINVAL;
	ret = odd_call(port, name + 1, &error);
	return answer(d, ret == 0, -ret, &error);
}

RTE_INIT(flow_hook_init)
{
	rte_telemetry_register_cmd("/hook/flow_fill", flow_fill, "PORT,FIRST,COUNT,QUEUE,QUEUES");
	rte_telemetry_register_cmd("/hook/flow_drain", flow_drain, "PORT");
	rte_telemetry_register_cmd("/hook/flow_forget", flow_forget, "");
	rte_telemetry_register_cmd("/hook/flow_churn", flow_churn, "PORT,COUNT");
	rte_telemetry_register_cmd("/hook/flow_reset", flow_reset, "PORT");
	rte_telemetry_register_cmd("/hook/flow_odd", flow_odd, "PORT,NAME");
}
