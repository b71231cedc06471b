/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef FLOW_TEXT_H
#define FLOW_TEXT_H

/** @file Flow rules as words of a line, for flow_harness.c. */

#include <stdbool.h>
#include <stdint.h>

#include <rte_flow.h>

#define FLOW_ITEMS 24
#define FLOW_ACTIONS 16
/** The longest item's struct, and room to see that no more of it is read. */
#define FLOW_ITEM_ROOM 64
#define FLOW_QUEUES 600

/** A rule, with memory for all that its parts point to. */
struct flow_text {
	struct rte_flow_attr attr;
	struct rte_flow_item items[FLOW_ITEMS];
	struct rte_flow_action actions[FLOW_ACTIONS];
	unsigned int n_items;
	unsigned int n_actions;
	uint8_t bytes[FLOW_ITEMS][3][FLOW_ITEM_ROOM]; /**< spec, last, mask */
	union {
		struct rte_flow_action_queue queue;
		struct rte_flow_action_mark mark;
		struct rte_flow_action_rss rss;
	} conf[FLOW_ACTIONS];
	uint16_t queues[FLOW_QUEUES];
	uint8_t key[64];
};

/** Hex digits to bytes, "-" to none. @return how many, or -1 */
int flow_text_hex(const char *text, uint8_t *bytes, unsigned int room);

/**
 * The next word of a rule:
 *
 *     prio=N group=N attr=[iet]             attributes: ingress, egress, transfer
 *     item=NAME[:SPEC:LAST:MASK]            in hex, "-" for none
 *     act=queue:N act=mark:N act=count ...  actions
 *     act=rss:FUNC:LEVEL:TYPES:KEY:Q,Q,...  types and key in hex, "-" for none
 *     act=shared                            a shared counter, @p shared
 *
 * @return false if it is none of these
 */
bool flow_text_word(struct flow_text *t, char *word, const void *shared);

#endif /* FLOW_TEXT_H */
