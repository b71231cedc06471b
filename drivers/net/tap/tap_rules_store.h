/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_RULES_STORE_H
#define TAP_RULES_STORE_H

/**
 * @file
 * The inside of the store of flow rules: pools and hash table.
 */

#include "tap_rules.h"
#include "tap_tables.h"

/** A place of a pool. */
struct tap_place {
	uint32_t refs;
	bool stale; /**< readers may still hold it */
};

/** What is known of a mask besides its bits. */
struct tap_mask_info {
	int pass;       /**< priority of its rules, which have no fate; -1: they have one */
	uint16_t floor; /**< the best priority of its rules, at least */
};

struct tap_rules {
	struct tap_tables tables; /**< what bursts read */
	struct tap_tables kernel; /**< what programs read; all NULL if there are none */
	struct tap_mirror flow;   /**< of tables.flow */
	struct tap_mirror rule;   /**< of tables.rule */
	struct tap_publisher *pub;
	struct tap_place mask[TAP_MASKS];
	struct tap_place view[TAP_VIEWS];
	struct tap_place ctx[TAP_CTXS];
	struct tap_place key[TAP_KEYS];
	struct tap_mask_info info[TAP_MASKS];
	uint8_t key_bytes[TAP_KEYS][TAP_KEY_LEN];
	uint16_t last_mask; /**< the one that the last rule had: nearly always the next one's */
	uint64_t sequence;  /**< of the next rule: ties go to the older one */
	uint32_t n_rules;
	uint32_t n_drop;
	uint32_t n_rss;
	uint32_t n_mark;
	uint32_t n_counters; /**< shared ones */
	bool isolated;
	bool alone;
	uint64_t used[TAP_RULES / 64]; /**< numbers of rules, by bit */
	uint16_t n_free;
	uint16_t n_stale;
	uint16_t free[TAP_RULES];
	uint16_t stale[TAP_RULES];
	struct tap_rule_count base[TAP_RULES]; /**< counters at their last reset */
};

static inline struct tap_flow_rule *
tap_rule_of(const struct tap_rules *rules, uint16_t number)
{
	return &rules->tables.rule[number - 1];
}

/* tap_rules_pool.c */

/** A place that nobody uses or holds; -1 if there is none, after a grace period if needed. */
int tap_place_take(struct tap_rules *rules, struct tap_place *places, unsigned int n);

/** Give back a reference; with the last one the place waits for readers. */
void tap_place_put(struct tap_place *place);

/** Is there something in the place that may be used again, be it what readers still hold? */
static inline bool
tap_place_filled(const struct tap_place *place)
{
	return place->refs != 0 || place->stale;
}

/** A number for a rule or counter, or -ENOSPC. */
int tap_number_take(struct tap_rules *rules);

/** Give back a number that readers may still hold. */
void tap_number_put(struct tap_rules *rules, uint16_t number);

/**
 * A context for a rule, with one more reference to it.
 *
 * @return its number; -ENOSPC with the limit in words; -EINVAL: out of range
 */
int tap_ctx_get(struct tap_rules *rules, const struct tap_rule_rss *rss, const char **limit);

/** Give back a reference to a context. */
void tap_ctx_put(struct tap_rules *rules, uint16_t id);

/* tap_rules_table.c */

/**
 * Let readers find a rule, whose entry is filled.
 *
 * @return 0; -EEXIST: another one has its mask, key and priority; -ENOSPC
 */
int tap_table_add(struct tap_rules *rules, struct tap_flow_rule *r, uint16_t number);

/** Take a rule away from readers. */
void tap_table_remove(struct tap_rules *rules, uint16_t number);

#endif /* TAP_RULES_STORE_H */
