/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <string.h>

#include "tap_match.h"
#include "tap_rules_store.h"

/* Where the rule with this hash and key is; *way is -1 if there is none. */
static struct tap_flow_bucket *
tap_table_find(const struct tap_rules *rules, const struct tap_flow_rule *like, int *way)
{
	struct tap_flow_bucket *const in[] = {
		&rules->tables.flow->bucket[TAP_HASH_BUCKET(like->hash)],
		&rules->tables.flow->stash,
	};
	unsigned int i;

	for (i = 0; i < RTE_DIM(in); i++)
		for (*way = 0; *way < TAP_BUCKET_WAYS; ++*way) {
			const struct tap_flow_rule *r;

			if (in[i]->print[*way] == 0)
				continue;
			r = tap_rule_of(rules, in[i]->rule[*way]);
			if (r->hash == like->hash && r->mask == like->mask &&
			    memcmp(&r->key, &like->key, sizeof(r->key)) == 0)
				return in[i];
		}
	*way = -1;
	return NULL;
}

/* A place in a bucket for a hash whose fingerprint is not in it yet, or -1. */
static int
tap_bucket_place(const struct tap_flow_bucket *b, uint32_t print)
{
	int place = -1;
	int way;

	for (way = TAP_BUCKET_WAYS - 1; way >= 0; way--) {
		if (b->print[way] == print)
			return -1;
		if (b->print[way] == 0)
			place = way;
	}
	return place;
}

static void
tap_bucket_put(struct tap_rules *rules, struct tap_flow_bucket *b, int way, uint16_t number,
	       uint32_t print)
{
	/* A reader that finds the fingerprint finds the rule. */
	tap_mirror_store16(&rules->flow, b->rule, way, number);
	tap_mirror_store16(&rules->flow, b->print, way, (uint16_t)print);
}

static void
tap_bucket_clear(struct tap_rules *rules, struct tap_flow_bucket *b, int way)
{
	tap_mirror_store16(&rules->flow, b->print, way, 0);
	tap_mirror_store16(&rules->flow, b->rule, way, 0);
}

static void
tap_stash_count(struct tap_rules *rules, uint32_t by)
{
	struct tap_flow *flow = rules->tables.flow;

	tap_mirror_store32(&rules->flow, &flow->stashed, flow->stashed + by);
}

/* Readers take rules with the same hash for the same: 2^64 to one against another one. */
static bool
tap_bucket_has_hash(const struct tap_rules *rules, const struct tap_flow_bucket *b, uint64_t hash)
{
	unsigned int way;

	for (way = 0; way < TAP_BUCKET_WAYS; way++)
		if (b->print[way] != 0 && tap_rule_of(rules, b->rule[way])->hash == hash)
			return true;
	return false;
}

/* A rule whose mask and key no other rule has. */
static int
tap_table_insert(struct tap_rules *rules, const struct tap_flow_rule *r, uint16_t number)
{
	struct tap_flow *flow = rules->tables.flow;
	struct tap_flow_bucket *b = &flow->bucket[TAP_HASH_BUCKET(r->hash)];
	uint32_t print = tap_hash_print(r->hash, 0);
	int way = tap_bucket_place(b, print);

	if (tap_bucket_has_hash(rules, b, r->hash))
		return -ENOSPC;
	if (way >= 0) {
		tap_bucket_put(rules, b, way, number, print);
		return 0;
	}
	print = tap_hash_print(r->hash, 1);
	way = tap_bucket_place(&flow->stash, print);
	if (way < 0)
		return -ENOSPC;
	tap_stash_count(rules, 1);
	tap_bucket_put(rules, &flow->stash, way, number, print);
	return 0;
}

/* Among rules of the same mask and key; the best one is what the table leads to. */
static int
tap_table_join(struct tap_rules *rules, struct tap_flow_bucket *b, int way, struct tap_flow_rule *r,
	       uint16_t number)
{
	uint32_t next = b->rule[way];
	struct tap_flow_rule *before = NULL;

	while (next != 0 && tap_rule_of(rules, (uint16_t)next)->rank < r->rank) {
		before = tap_rule_of(rules, (uint16_t)next);
		/* A younger one of the same priority would never apply. */
		if (tap_priority_of(before) == tap_priority_of(r))
			return -EEXIST;
		next = before->next;
	}
	r->next = next;
	if (before != NULL)
		before->next = number;
	else
		tap_mirror_store16(&rules->flow, b->rule, way, number);
	return 0;
}

int
tap_table_add(struct tap_rules *rules, struct tap_flow_rule *r, uint16_t number)
{
	int way;
	struct tap_flow_bucket *b = tap_table_find(rules, r, &way);

	if (b != NULL)
		return tap_table_join(rules, b, way, r, number);
	return tap_table_insert(rules, r, number);
}

void
tap_table_remove(struct tap_rules *rules, uint16_t number)
{
	struct tap_flow *flow = rules->tables.flow;
	const struct tap_flow_rule *r = tap_rule_of(rules, number);
	struct tap_flow_rule *before;
	int way;
	struct tap_flow_bucket *b = tap_table_find(rules, r, &way);

	if (b->rule[way] != number) {
		before = tap_rule_of(rules, b->rule[way]);
		while (before->next != number)
			before = tap_rule_of(rules, (uint16_t)before->next);
		before->next = r->next;
		return;
	}
	if (r->next != 0) {
		tap_mirror_store16(&rules->flow, b->rule, way, (uint16_t)r->next);
		return;
	}
	tap_bucket_clear(rules, b, way);
	if (b == &flow->stash)
		tap_stash_count(rules, -1);
}
