/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_FLOW_H
#define TAP_FLOW_H

/**
 * @file
 * From rte_flow to rules in plain terms, for the parts of the translation.
 * doc/flow.md is the definition of what it gives.
 */

#include <rte_flow.h>

#include "tap_ethdev.h"
#include "tap_rules.h"

/** A shared counter or a rule, by its number in tap_rules; what applications hold pointers to. */
struct rte_flow {
	uint32_t refs; /**< of a shared counter: rules that count in it */
	uint8_t kind;  /**< enum tap_flow_handle_kind */
};

enum tap_flow_handle_kind {
	TAP_HANDLE_FREE,
	TAP_HANDLE_RULE,
	TAP_HANDLE_COUNTER,
};

/** The flow rules of a port, from the first one until it is closed. */
struct tap_flows {
	struct tap_rules *rules;
	bool in_kernel; /**< programs apply them, not the bursts */
	struct rte_flow handle[TAP_RULES];
};

/** The handle that a pointer of the application means; NULL if it means none of that kind. */
struct rte_flow *tap_flow_handle(const struct tap_port *port, const void *pointer,
				 enum tap_flow_handle_kind kind);

/** The number of a handle among rules and counters. */
uint16_t tap_flow_number(const struct tap_flows *flows, const struct rte_flow *handle);

/** The rule of a handle. */
const struct tap_flow_rule *tap_flow_rule_of(const struct tap_port *port,
					     const struct rte_flow *flow);

/** Fill @p error for a pointer that means nothing; -EINVAL. */
int tap_flow_handle_error(struct rte_flow_error *error, const void *handle);

/** rte_flow_dev_dump(): the tables, and each rule or one. */
int tap_flow_dump(struct rte_eth_dev *dev, struct rte_flow *pointer, FILE *file,
		  struct rte_flow_error *error);

/** Print what a rule looks at, as " NAME=VALUE/MASK" for each part. */
void tap_flow_dump_match(FILE *file, const union tap_flow_key *key, const union tap_flow_key *mask);

/** The counter that a handle of rte_flow means; NULL if it is none of this port's. */
struct rte_flow *tap_flow_shared_counter(const struct tap_port *port, const void *handle);

/**
 * Fill key and mask of @p rule.
 *
 * @param l3  of a net_tun port, whose packets have no layer 2
 * @return 0, or what rte_flow_error_set() gives: its cause is the item
 */
int tap_flow_parse_pattern(const struct rte_flow_item *items, bool l3, struct tap_rule *rule,
			   struct rte_flow_error *error);

/** Fill what becomes of the packets; as tap_flow_parse_pattern(), its cause is the action. */
int tap_flow_parse_actions(const struct tap_port *port, const struct rte_flow_action *actions,
			   struct tap_rule *rule, struct rte_flow_error *error);

#endif /* TAP_FLOW_H */
