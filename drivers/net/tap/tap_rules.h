/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_RULES_H
#define TAP_RULES_H

/**
 * @file
 * The flow rules of a port in plain terms: which there are, and what the classifier reads
 * of them. Knows nothing of rte_flow.
 *
 * There is one hash table, in memory that the programs and the driver both read: a rule
 * becomes visible to all of them with one store, without a system call. What readers may
 * still hold (rules, masks, contexts, keys, views) is reused only after a grace period,
 * which is waited for when a pool has run dry, not before.
 *
 * One thread at a time may call; any number of receive bursts and programs may read.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tap_policy.h"

struct tap_rules;
struct tap_tables;

/** Priorities are 0 (highest) to this. */
#define TAP_MAX_PRIORITY 0xffff
/** Rules and shared counters that a port holds: number 0 means none. */
#define TAP_MAX_RULES 32767

_Static_assert(TAP_MAX_RULES == TAP_RULES - 1, "number 0 is none");

/** Where the priority stands in a rank. */
#define TAP_PRIORITY_SHIFT 48

/** The priority of a rule. */
static inline uint16_t
tap_priority_of(const struct tap_flow_rule *r)
{
	return (uint16_t)(r->rank >> TAP_PRIORITY_SHIFT);
}

/** The RSS of a rule. */
struct tap_rule_rss {
	struct tap_rss_conf conf;
	uint16_t port; /**< TAP_CTX_PORT_*: what is the port's, as it is at any time */
};

/** A rule. */
struct tap_rule {
	union tap_flow_key key; /**< what to match; zero where the mask has no bits */
	union tap_flow_key mask;
	uint16_t priority; /**< 0 wins over 1; of equal ones the rule that was there first */
	uint8_t fate;      /**< enum tap_fate */
	uint8_t flags;     /**< TAP_RULE_* */
	uint32_t mark;
	uint16_t queue;   /**< of TAP_FATE_QUEUE */
	bool count;       /**< in a counter of its own */
	uint16_t counter; /**< in this shared one, unless 0 */
	struct tap_rule_rss rss;
};

/** A counter's value. */
struct tap_rule_count {
	uint64_t hits;
	uint64_t bytes;
};

/** What the rules of a port need of programs and bursts. */
struct tap_rules_needs {
	bool any;  /**< there is a rule, or isolated mode */
	bool drop; /**< something can drop */
	bool mark; /**< a rule marks or flags */
	bool rss;  /**< a rule has RSS of its own */
};

/**
 * @param tables  zeroed memory, for bursts; owned by the caller, in use until tap_rules_close()
 * @param kernel  the same for programs, all NULL if none runs
 * @param pub     the publisher of the same port
 * @return the store, NULL if there is no memory
 */
struct tap_rules *tap_rules_open(const struct tap_tables *tables, const struct tap_tables *kernel,
				 struct tap_publisher *pub);

/** Forget all rules. NULL is allowed. */
void tap_rules_close(struct tap_rules *rules);

/**
 * Add a rule; it is in force when this returns, and no packet sees half of it.
 *
 * @param number  its number, 1 to TAP_MAX_RULES
 * @param limit   with -ENOSPC: the limit that was hit, in words
 * @return 0; -EEXIST: there is a rule with the same priority, mask and key, with or without fate
 *         as this one; -ENOSPC; -EINVAL: its RSS is out of range
 */
int tap_rules_add(struct tap_rules *rules, const struct tap_rule *rule, uint16_t *number,
		  const char **limit);

/** Remove a rule that is there. */
void tap_rules_remove(struct tap_rules *rules, uint16_t number);

/** Take a counter for several rules. @return its number, or -ENOSPC */
int tap_rules_add_counter(struct tap_rules *rules);

/** Give back a counter that no rule uses. */
void tap_rules_remove_counter(struct tap_rules *rules, uint16_t number);

/** A counter since its last reset, and reset it if @p reset. */
void tap_rules_count(struct tap_rules *rules, uint16_t number, bool reset,
		     struct tap_rule_count *count);

/** What the filter program has dropped: frames as the netdev counts them. */
uint64_t tap_rules_dropped(const struct tap_rules *rules);

/** Drop what no rule takes, or not. */
void tap_rules_isolate(struct tap_rules *rules, bool isolated);

/** Tell whether the filter is the only program that runs. */
void tap_rules_set_alone(struct tap_rules *rules, bool alone);

/** What the rules in force need. */
struct tap_rules_needs tap_rules_needs(const struct tap_rules *rules);

/** The highest queue that a rule leads to; 0 if there is none. */
uint16_t tap_rules_max_queue(const struct tap_rules *rules);

/** Print what is held, in a line for each kind. */
void tap_rules_print(const struct tap_rules *rules, FILE *file);

#endif /* TAP_RULES_H */
