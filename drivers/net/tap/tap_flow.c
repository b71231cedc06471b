/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_flow_driver.h>
#include <rte_malloc.h>

#include "tap_control.h"
#include "tap_flow.h"
#include "tap_log.h"
#include "tap_tables.h"

/* Banks of the counters that bursts count in; a power of two. */
#define TAP_QUEUE_BANKS 8

/* What bursts read, those of secondary processes too. */
static int
tap_flow_alloc_tables(struct tap_tables *t)
{
	/* For each queue; queues that share one add atomically. */
	t->banks = TAP_QUEUE_BANKS;
	t->flow = rte_zmalloc("net_tap_flow", sizeof(*t->flow), RTE_CACHE_LINE_SIZE);
	t->rule = rte_zmalloc("net_tap_rules", sizeof(*t->rule) * TAP_RULES, RTE_CACHE_LINE_SIZE);
	t->count = rte_zmalloc("net_tap_counts", sizeof(*t->count) * TAP_RULES * t->banks,
			       RTE_CACHE_LINE_SIZE);
	return t->flow == NULL || t->rule == NULL || t->count == NULL ? -ENOMEM : 0;
}

static void
tap_flow_free_tables(struct tap_tables *t)
{
	rte_free(t->flow);
	rte_free(t->rule);
	rte_free(t->count);
	memset(t, 0, sizeof(*t));
}

void
tap_flow_close(struct tap_port *port)
{
	struct tap_flows *flows = port->flows;

	if (flows == NULL)
		return;
	port->flows = NULL;
	tap_rules_close(flows->rules);
	tap_flow_free_tables(&port->tables);
	free(flows);
}

/* The tables that programs read, if the port stands on the first rung. */
static int
tap_flow_open_kernel(struct tap_port *port, struct tap_tables *tables)
{
	char reason[TAP_REASON_LEN] = "";
	int ret;

	if (port->rung != TAP_RUNG_FULL)
		return -ENOTSUP;
	ret = tap_bpf_open_rules(port->bpf, port->data->name, tables, reason);
	if (ret != 0 && !tap_software_possible(port))
		TAP_LOG(NOTICE, "%s: %s", port->data->name, reason);
	else if (ret != 0)
		TAP_LOG(NOTICE, "%s: flow rules run in software: %s", port->data->name, reason);
	return ret;
}

static int
tap_flow_attach_error(int ret, struct rte_flow_error *error)
{
	return rte_flow_error_set(error, -ret, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
				  "the programs for such a rule cannot be attached, see the log; "
				  "on a port that is stopped rules go to software then");
}

static int
tap_flow_open(struct tap_port *port, struct rte_flow_error *error)
{
	struct tap_flows *flows = port->flows;
	struct tap_tables kernel = { .banks = 0 };

	if (flows != NULL)
		return 0;
	flows = calloc(1, sizeof(*flows));
	if (flows == NULL)
		goto nomem;
	flows->in_kernel = tap_flow_open_kernel(port, &kernel) == 0;
	/* Nothing is kept: the next rule tries it again. */
	if (!flows->in_kernel && !tap_software_possible(port)) {
		free(flows);
		return tap_flow_attach_error(-ENOTSUP, error);
	}
	if (tap_flow_alloc_tables(&port->tables) != 0)
		goto nomem;
	flows->rules = tap_rules_open(&port->tables, &kernel, &port->policy);
	if (flows->rules == NULL)
		goto nomem;
	/* Another thread may read statistics: it sees all of it or nothing. */
	rte_atomic_store_explicit((RTE_ATOMIC(uintptr_t) *)&port->flows, (uintptr_t)flows,
				  rte_memory_order_release);
	return 0;
nomem:
	tap_flow_free_tables(&port->tables);
	free(flows);
	rte_flow_error_set(error, ENOMEM, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			   "no memory for flow rules");
	return -ENOMEM;
}

struct tap_rules_needs
tap_flow_needs(const struct tap_port *port)
{
	const struct tap_rules_needs none = { .any = false };

	return port->flows == NULL ? none : tap_rules_needs(port->flows->rules);
}

bool
tap_flow_in_kernel(const struct tap_port *port)
{
	return port->rung == TAP_RUNG_FULL && (port->flows == NULL || port->flows->in_kernel);
}

uint64_t
tap_flow_dropped(const struct tap_port *port)
{
	/* The store of rules is the primary's. */
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return port->flow_dropped_base;
	return port->flows == NULL ? 0 : tap_rules_dropped(port->flows->rules);
}

void
tap_flow_to_software(struct tap_port *port)
{
	port->flows->in_kernel = false;
}

void
tap_flow_set_alone(struct tap_port *port, bool alone)
{
	if (port->flows != NULL)
		tap_rules_set_alone(port->flows->rules, alone);
}

int
tap_flow_check_queues(const struct tap_port *port, uint16_t n)
{
	uint16_t max;

	if (!tap_flow_needs(port).any)
		return 0;
	max = tap_rules_max_queue(port->flows->rules);
	if (max < RTE_MAX(n, 1))
		return 0;
	TAP_LOG(ERR,
		"%s: %u Rx queues, but a flow rule leads to queue %u; destroy the rule, or "
		"configure %u queues",
		port->data->name, n, max, max + 1u);
	return -EBUSY;
}

/* Attach what rules need, if it is not there already. */
static int
tap_flow_attach(struct tap_port *port, const struct tap_rules_needs *needs)
{
	const struct tap_rules_needs *have = &port->needs;

	if (have->any == needs->any && have->drop == needs->drop && have->mark == needs->mark &&
	    have->rss == needs->rss)
		return 0;
	return tap_attach(port, needs);
}

/* Go back to what is needed now; what has less to do than before always can. */
static void
tap_flow_settle(struct tap_port *port)
{
	struct tap_rules_needs needs = tap_rules_needs(port->flows->rules);

	tap_flow_attach(port, &needs);
}

/* Have the programs and bursts ready for what is about to be added. */
static int
tap_flow_prepare(struct tap_port *port, const struct tap_rules_needs *needs,
		 struct rte_flow_error *error)
{
	int ret = tap_flow_attach(port, needs);

	if (ret == 0)
		return 0;
	tap_flow_settle(port);
	return tap_flow_attach_error(ret, error);
}

static int
tap_flow_parse(const struct tap_port *port, const struct rte_flow_attr *attr,
	       const struct rte_flow_item *items, const struct rte_flow_action *actions,
	       struct tap_rule *rule, struct rte_flow_error *error)
{
	int ret;

	if (attr == NULL)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ATTR, NULL,
					  "attributes are needed");
	if (attr->group != 0)
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_GROUP, attr,
					  "supported groups: 0");
	if (attr->priority > TAP_MAX_PRIORITY)
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_PRIORITY, attr,
					  "supported priorities: 0 (highest) to 65535");
	if (attr->egress)
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_EGRESS, attr,
					  "egress is not supported; supported: ingress");
	if (attr->transfer)
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_TRANSFER, attr,
					  "transfer is not supported; supported: ingress");
	if (!attr->ingress)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ATTR_INGRESS, attr,
					  "a rule needs a direction; supported: ingress");
	memset(rule, 0, sizeof(*rule));
	rule->priority = (uint16_t)attr->priority;
	ret = tap_flow_parse_pattern(items, port->args.l3, rule, error);
	return ret != 0 ? ret : tap_flow_parse_actions(port, actions, rule, error);
}

static int
tap_flow_validate(struct rte_eth_dev *dev, const struct rte_flow_attr *attr,
		  const struct rte_flow_item items[], const struct rte_flow_action actions[],
		  struct rte_flow_error *error)
{
	struct tap_rule rule;

	return tap_flow_parse(tap_port_of(dev), attr, items, actions, &rule, error);
}

static int
tap_flow_add_error(int ret, const char *limit, struct rte_flow_error *error)
{
	if (ret == -EEXIST)
		return rte_flow_error_set(error, EEXIST, RTE_FLOW_ERROR_TYPE_HANDLE, NULL,
					  "there is a rule with the same pattern and priority");
	if (ret == -ENOSPC)
		return rte_flow_error_set(error, ENOSPC, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
					  limit);
	return rte_flow_error_set(error, -ret, RTE_FLOW_ERROR_TYPE_ACTION_CONF, NULL,
				  "action rss: out of range");
}

static struct rte_flow *
tap_flow_add(struct tap_port *port, const struct tap_rule *rule, struct rte_flow_error *error)
{
	struct tap_flows *flows = port->flows;
	struct tap_rules_needs needs = tap_rules_needs(flows->rules);
	const char *limit = NULL;
	struct rte_flow *flow;
	uint16_t number;
	int ret;

	needs.any = true;
	needs.drop |= rule->fate == TAP_FATE_DROP;
	needs.mark |= rule->flags != 0;
	needs.rss |= rule->fate == TAP_FATE_RSS;
	if (tap_flow_prepare(port, &needs, error) != 0)
		return NULL;
	ret = tap_rules_add(flows->rules, rule, &number, &limit);
	if (ret != 0) {
		tap_flow_settle(port);
		tap_flow_add_error(ret, limit, error);
		return NULL;
	}
	flow = &flows->handle[number];
	flow->kind = TAP_HANDLE_RULE;
	if (rule->counter != 0)
		flows->handle[rule->counter].refs++;
	return flow;
}

static struct rte_flow *
tap_flow_create(struct rte_eth_dev *dev, const struct rte_flow_attr *attr,
		const struct rte_flow_item items[], const struct rte_flow_action actions[],
		struct rte_flow_error *error)
{
	struct tap_port *port = tap_port_of(dev);
	struct tap_rule rule = { .priority = 0 };

	if (tap_flow_parse(port, attr, items, actions, &rule, error) != 0 ||
	    tap_flow_open(port, error) != 0)
		return NULL;
	return tap_flow_add(port, &rule, error);
}

struct rte_flow *
tap_flow_handle(const struct tap_port *port, const void *pointer, enum tap_flow_handle_kind kind)
{
	struct tap_flows *flows = port->flows;
	uintptr_t off;

	if (flows == NULL || pointer == NULL)
		return NULL;
	off = (uintptr_t)pointer - (uintptr_t)flows->handle;
	if (off >= sizeof(flows->handle) || off % sizeof(flows->handle[0]) != 0)
		return NULL;
	off /= sizeof(flows->handle[0]);
	return flows->handle[off].kind == kind ? &flows->handle[off] : NULL;
}

struct rte_flow *
tap_flow_shared_counter(const struct tap_port *port, const void *handle)
{
	return tap_flow_handle(port, handle, TAP_HANDLE_COUNTER);
}

uint16_t
tap_flow_number(const struct tap_flows *flows, const struct rte_flow *handle)
{
	return (uint16_t)(handle - flows->handle);
}

int
tap_flow_handle_error(struct rte_flow_error *error, const void *handle)
{
	return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_HANDLE, handle,
				  "not a handle of this port");
}

const struct tap_flow_rule *
tap_flow_rule_of(const struct tap_port *port, const struct rte_flow *flow)
{
	return &port->tables.rule[tap_flow_number(port->flows, flow) - 1];
}

static void
tap_flow_remove(struct tap_port *port, struct rte_flow *flow)
{
	struct tap_flows *flows = port->flows;
	uint16_t number = tap_flow_number(flows, flow);
	uint16_t counter = tap_flow_rule_of(port, flow)->counter;

	tap_rules_remove(flows->rules, number);
	/* A counter of its own has the rule's number. */
	if (counter != 0 && counter != number)
		flows->handle[counter].refs--;
	memset(flow, 0, sizeof(*flow));
}

static int
tap_flow_destroy(struct rte_eth_dev *dev, struct rte_flow *pointer, struct rte_flow_error *error)
{
	struct tap_port *port = tap_port_of(dev);
	struct rte_flow *flow = tap_flow_handle(port, pointer, TAP_HANDLE_RULE);

	if (flow == NULL)
		return tap_flow_handle_error(error, pointer);
	tap_flow_remove(port, flow);
	tap_flow_settle(port);
	return 0;
}

static int
tap_flow_flush(struct rte_eth_dev *dev, struct rte_flow_error *error)
{
	struct tap_port *port = tap_port_of(dev);
	struct tap_flows *flows = port->flows;
	unsigned int i;

	RTE_SET_USED(error);
	if (flows == NULL)
		return 0;
	for (i = 1; i < TAP_RULES; i++)
		if (flows->handle[i].kind == TAP_HANDLE_RULE)
			tap_flow_remove(port, &flows->handle[i]);
	tap_flow_settle(port);
	return 0;
}

static void
tap_flow_query_count(struct tap_flows *flows, uint16_t number, struct rte_flow_query_count *query)
{
	struct tap_rule_count count;

	tap_rules_count(flows->rules, number, query->reset, &count);
	query->hits_set = 1;
	query->bytes_set = 1;
	query->hits = count.hits;
	query->bytes = count.bytes;
}

static int
tap_flow_query(struct rte_eth_dev *dev, struct rte_flow *pointer,
	       const struct rte_flow_action *action, void *data, struct rte_flow_error *error)
{
	const struct tap_port *port = tap_port_of(dev);
	const struct rte_flow *flow = tap_flow_handle(port, pointer, TAP_HANDLE_RULE);
	uint16_t counter;

	if (flow == NULL)
		return tap_flow_handle_error(error, pointer);
	if (action == NULL || action->type != RTE_FLOW_ACTION_TYPE_COUNT)
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, action,
					  "supported actions to query: count");
	counter = tap_flow_rule_of(port, flow)->counter;
	if (counter == 0)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, action,
					  "the rule has no action count");
	tap_flow_query_count(port->flows, counter, data);
	return 0;
}

static int
tap_flow_isolate(struct rte_eth_dev *dev, int set, struct rte_flow_error *error)
{
	struct tap_port *port = tap_port_of(dev);
	struct tap_rules_needs needs;

	if (set == 0 && port->flows == NULL)
		return 0;
	if (tap_flow_open(port, error) != 0)
		return -rte_errno;
	needs = tap_rules_needs(port->flows->rules);
	if (set != 0) {
		needs.any = true;
		needs.drop = true;
		if (tap_flow_prepare(port, &needs, error) != 0)
			return -rte_errno;
	}
	tap_rules_isolate(port->flows->rules, set != 0);
	port->filter.isolated = set != 0;
	tap_flow_settle(port);
	return 0;
}

/* Shared counters: the one indirect action that there is. */

static struct rte_flow_action_handle *
tap_flow_handle_create(struct rte_eth_dev *dev, const struct rte_flow_indir_action_conf *conf,
		       const struct rte_flow_action *action, struct rte_flow_error *error)
{
	struct tap_port *port = tap_port_of(dev);
	struct rte_flow *handle;
	int number;

	if (conf != NULL && (conf->egress || conf->transfer)) {
		rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR, conf,
				   "supported: ingress");
		return NULL;
	}
	if (action == NULL || action->type != RTE_FLOW_ACTION_TYPE_COUNT) {
		rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, action,
				   "supported indirect actions: count");
		return NULL;
	}
	if (tap_flow_open(port, error) != 0)
		return NULL;
	number = tap_rules_add_counter(port->flows->rules);
	if (number < 0) {
		rte_flow_error_set(error, ENOSPC, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
				   RTE_STR(TAP_MAX_RULES) " rules and shared counters");
		return NULL;
	}
	handle = &port->flows->handle[number];
	handle->kind = TAP_HANDLE_COUNTER;
	return (void *)handle;
}

static int
tap_flow_handle_destroy(struct rte_eth_dev *dev, struct rte_flow_action_handle *pointer,
			struct rte_flow_error *error)
{
	const struct tap_port *port = tap_port_of(dev);
	struct rte_flow *handle = tap_flow_shared_counter(port, pointer);

	if (handle == NULL)
		return tap_flow_handle_error(error, pointer);
	if (handle->refs != 0)
		return rte_flow_error_set(error, EBUSY, RTE_FLOW_ERROR_TYPE_HANDLE, pointer,
					  "rules count in it");
	tap_rules_remove_counter(port->flows->rules, tap_flow_number(port->flows, handle));
	memset(handle, 0, sizeof(*handle));
	return 0;
}

static int
tap_flow_handle_query(struct rte_eth_dev *dev, const struct rte_flow_action_handle *pointer,
		      void *data, struct rte_flow_error *error)
{
	const struct tap_port *port = tap_port_of(dev);
	const struct rte_flow *handle = tap_flow_shared_counter(port, pointer);

	if (handle == NULL)
		return tap_flow_handle_error(error, pointer);
	tap_flow_query_count(port->flows, tap_flow_number(port->flows, handle), data);
	return 0;
}

/* Changes of rules, while telemetry does not look at them. */

static struct rte_flow *
tap_flow_locked_create(struct rte_eth_dev *dev, const struct rte_flow_attr *attr,
		       const struct rte_flow_item items[], const struct rte_flow_action actions[],
		       struct rte_flow_error *error)
{
	struct rte_flow *ret;

	tap_control_lock();
	ret = tap_flow_create(dev, attr, items, actions, error);
	tap_control_unlock();
	return ret;
}

static int
tap_flow_locked_destroy(struct rte_eth_dev *dev, struct rte_flow *pointer,
			struct rte_flow_error *error)
{
	int ret;

	tap_control_lock();
	ret = tap_flow_destroy(dev, pointer, error);
	tap_control_unlock();
	return ret;
}

static int
tap_flow_locked_flush(struct rte_eth_dev *dev, struct rte_flow_error *error)
{
	int ret;

	tap_control_lock();
	ret = tap_flow_flush(dev, error);
	tap_control_unlock();
	return ret;
}

static int
tap_flow_locked_isolate(struct rte_eth_dev *dev, int set, struct rte_flow_error *error)
{
	int ret;

	tap_control_lock();
	ret = tap_flow_isolate(dev, set, error);
	tap_control_unlock();
	return ret;
}

static const struct rte_flow_ops tap_flow_ops = {
	.validate = tap_flow_validate,
	.create = tap_flow_locked_create,
	.destroy = tap_flow_locked_destroy,
	.flush = tap_flow_locked_flush,
	.query = tap_flow_query,
	.isolate = tap_flow_locked_isolate,
	.dev_dump = tap_flow_dump,
	.action_handle_create = tap_flow_handle_create,
	.action_handle_destroy = tap_flow_handle_destroy,
	.action_handle_query = tap_flow_handle_query,
};

int
tap_flow_ops_get(struct rte_eth_dev *dev, const struct rte_flow_ops **ops)
{
	RTE_SET_USED(dev);
	*ops = &tap_flow_ops;
	return 0;
}
