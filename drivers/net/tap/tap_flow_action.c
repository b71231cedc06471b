/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <string.h>

#include "tap_flow.h"

/* Actions that are being read. */
struct tap_actions {
	const struct tap_port *port;
	struct tap_rule *rule;
	bool fate; /* there is one already */
};

static int
tap_action_conf_error(struct rte_flow_error *error, int code, const struct rte_flow_action *action,
		      const char *message)
{
	return rte_flow_error_set(error, code, RTE_FLOW_ERROR_TYPE_ACTION_CONF, action, message);
}

static bool
tap_queue_exists(const struct tap_port *port, unsigned int queue)
{
	return queue < port->data->nb_rx_queues;
}

static int
tap_action_queue(struct tap_actions *a, const struct rte_flow_action *action,
		 struct rte_flow_error *error)
{
	const struct rte_flow_action_queue *conf = action->conf;

	if (!tap_queue_exists(a->port, conf->index))
		return tap_action_conf_error(error, EINVAL, action,
					     "action queue: there is no such Rx queue; allowed: "
					     "0 to the number of configured Rx queues - 1");
	a->rule->fate = TAP_FATE_QUEUE;
	a->rule->queue = conf->index;
	return 0;
}

/* The redistribution of a rule's own queues: as often as each is in the list. */
static int
tap_action_rss_queues(struct tap_actions *a, const struct rte_flow_action_rss *conf,
		      const struct rte_flow_action *action, struct rte_flow_error *error)
{
	struct tap_rule_rss *rss = &a->rule->rss;
	uint32_t i;

	if (conf->queue_num == 0) {
		rss->port |= TAP_CTX_PORT_RETA;
		return 0;
	}
	if (conf->queue == NULL)
		return tap_action_conf_error(error, EINVAL, action,
					     "action rss: a number of queues needs a list");
	if (conf->queue_num > TAP_RETA_SIZE)
		return tap_action_conf_error(
			error, ENOTSUP, action,
			"action rss: at most " RTE_STR(TAP_RETA_SIZE) " queues are supported");
	for (i = 0; i < conf->queue_num; i++)
		if (!tap_queue_exists(a->port, conf->queue[i]))
			return tap_action_conf_error(error, EINVAL, action,
						     "action rss: there is no such Rx queue; "
						     "allowed: 0 to the number of configured Rx "
						     "queues - 1");
	for (i = 0; i < TAP_RETA_SIZE; i++)
		rss->conf.reta[i] = conf->queue[i % conf->queue_num];
	return 0;
}

static int
tap_action_rss_key(struct tap_actions *a, const struct rte_flow_action_rss *conf,
		   const struct rte_flow_action *action, struct rte_flow_error *error)
{
	struct tap_rule_rss *rss = &a->rule->rss;

	if (conf->key == NULL) {
		rss->port |= TAP_CTX_PORT_KEY;
		return 0;
	}
	if (conf->key_len != TAP_KEY_LEN)
		return tap_action_conf_error(
			error, EINVAL, action,
			"action rss: a key has " RTE_STR(TAP_KEY_LEN) " bytes");
	memcpy(rss->conf.key, conf->key, TAP_KEY_LEN);
	return 0;
}

static int
tap_action_rss_hash(struct tap_actions *a, const struct rte_flow_action_rss *conf,
		    const struct rte_flow_action *action, struct rte_flow_error *error)
{
	struct tap_rule_rss *rss = &a->rule->rss;
	uint64_t types = conf->types;

	if (conf->level > 2)
		return tap_action_conf_error(error, ENOTSUP, action,
					     "action rss: supported levels: 0 and 1 (outermost), "
					     "2 (innermost)");
	if (types == 0 && conf->func == RTE_ETH_HASH_FUNCTION_DEFAULT && conf->level == 0) {
		rss->port |= TAP_CTX_PORT_HASH;
		return 0;
	}
	if (types == 0)
		types = TAP_RSS_DEFAULT_TYPES;
	if (tap_rss_conf_set_types(&rss->conf, a->port, types) != 0)
		return tap_action_conf_error(error, ENOTSUP, action,
					     "action rss: supported types are those of "
					     "rte_eth_dev_info.flow_type_rss_offloads");
	if (conf->level == 2)
		rss->conf.innermost = true;
	if (tap_rss_conf_set_algo(&rss->conf, a->port, conf->func) != 0)
		return tap_action_conf_error(error, ENOTSUP, action,
					     "action rss: supported functions: default, toeplitz, "
					     "simple_xor, symmetric_toeplitz, "
					     "symmetric_toeplitz_sort");
	return 0;
}

static int
tap_action_rss(struct tap_actions *a, const struct rte_flow_action *action,
	       struct rte_flow_error *error)
{
	const struct rte_flow_action_rss *conf = action->conf;
	int ret;

	memset(&a->rule->rss, 0, sizeof(a->rule->rss));
	a->rule->fate = TAP_FATE_RSS;
	a->rule->rss.conf.nb_queues = RTE_MAX(a->port->data->nb_rx_queues, 1);
	ret = tap_action_rss_queues(a, conf, action, error);
	if (ret == 0)
		ret = tap_action_rss_key(a, conf, action, error);
	if (ret == 0)
		ret = tap_action_rss_hash(a, conf, action, error);
	return ret;
}

static int
tap_action_drop(struct tap_actions *a, const struct rte_flow_action *action,
		struct rte_flow_error *error)
{
	RTE_SET_USED(action);
	RTE_SET_USED(error);
	a->rule->fate = TAP_FATE_DROP;
	return 0;
}

static int
tap_action_passthru(struct tap_actions *a, const struct rte_flow_action *action,
		    struct rte_flow_error *error)
{
	RTE_SET_USED(action);
	RTE_SET_USED(error);
	a->rule->fate = TAP_FATE_NONE;
	return 0;
}

static int
tap_action_mark(struct tap_actions *a, const struct rte_flow_action *action,
		struct rte_flow_error *error)
{
	const struct rte_flow_action_mark *conf = action->conf;

	RTE_SET_USED(error);
	a->rule->flags |= TAP_RULE_MARK;
	a->rule->mark = conf->id;
	return 0;
}

static int
tap_action_flag(struct tap_actions *a, const struct rte_flow_action *action,
		struct rte_flow_error *error)
{
	RTE_SET_USED(action);
	RTE_SET_USED(error);
	a->rule->flags |= TAP_RULE_FLAG;
	return 0;
}

static int
tap_action_count(struct tap_actions *a, const struct rte_flow_action *action,
		 struct rte_flow_error *error)
{
	if (a->rule->count || a->rule->counter != 0)
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, action,
					  "action count: one counter for each rule");
	a->rule->count = true;
	return 0;
}

static int
tap_action_indirect(struct tap_actions *a, const struct rte_flow_action *action,
		    struct rte_flow_error *error)
{
	const struct rte_flow *handle = tap_flow_shared_counter(a->port, action->conf);
	int ret;

	if (handle == NULL)
		return tap_action_conf_error(error, EINVAL, action,
					     "action indirect: not a handle of this port");
	ret = tap_action_count(a, action, error);
	if (ret != 0)
		return ret;
	a->rule->count = false;
	a->rule->counter = (uint16_t)(handle - a->port->flows->handle);
	return 0;
}

static const struct {
	enum rte_flow_action_type type;
	bool fate;
	bool conf; /* it needs one */
	int (*parse)(struct tap_actions *a, const struct rte_flow_action *action,
		     struct rte_flow_error *error);
} tap_action_table[] = {
	{ RTE_FLOW_ACTION_TYPE_QUEUE, true, true, tap_action_queue },
	{ RTE_FLOW_ACTION_TYPE_RSS, true, true, tap_action_rss },
	{ RTE_FLOW_ACTION_TYPE_DROP, true, false, tap_action_drop },
	{ RTE_FLOW_ACTION_TYPE_PASSTHRU, true, false, tap_action_passthru },
	{ RTE_FLOW_ACTION_TYPE_MARK, false, true, tap_action_mark },
	{ RTE_FLOW_ACTION_TYPE_FLAG, false, false, tap_action_flag },
	{ RTE_FLOW_ACTION_TYPE_COUNT, false, false, tap_action_count },
	{ RTE_FLOW_ACTION_TYPE_INDIRECT, false, true, tap_action_indirect },
};

static int
tap_actions_add(struct tap_actions *a, const struct rte_flow_action *action,
		struct rte_flow_error *error)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(tap_action_table); i++)
		if (tap_action_table[i].type == action->type)
			break;
	if (i == RTE_DIM(tap_action_table))
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, action,
					  "supported actions: void, queue, rss, drop, passthru, "
					  "mark, flag, count, indirect (count)");
	if (tap_action_table[i].fate && a->fate)
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, action,
					  "one of queue, rss, drop, passthru for each rule");
	if (tap_action_table[i].conf && action->conf == NULL)
		return tap_action_conf_error(error, EINVAL, action,
					     "the action needs a configuration");
	a->fate |= tap_action_table[i].fate;
	return tap_action_table[i].parse(a, action, error);
}

int
tap_flow_parse_actions(const struct tap_port *port, const struct rte_flow_action *actions,
		       struct tap_rule *rule, struct rte_flow_error *error)
{
	struct tap_actions a = { .port = port, .rule = rule };
	int ret = 0;

	if (actions == NULL)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_NUM, NULL,
					  "actions are needed");
	for (; ret == 0 && actions->type != RTE_FLOW_ACTION_TYPE_END; actions++)
		if (actions->type != RTE_FLOW_ACTION_TYPE_VOID)
			ret = tap_actions_add(&a, actions, error);
	if (ret == 0 && !a.fate)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, actions,
					  "a rule needs one of queue, rss, drop, passthru");
	return ret;
}
