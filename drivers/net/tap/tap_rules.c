/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_random.h>

#include "tap_match.h"
#include "tap_rules_store.h"

static void
tap_count_add(const struct tap_tables *tables, uint16_t number, struct tap_rule_count *sum)
{
	uint32_t i;

	for (i = 0; i < tables->banks; i++) {
		const struct tap_flow_count *count = &tables->count[i * TAP_RULES + number];

		sum->hits += rte_atomic_load_explicit((const RTE_ATOMIC(uint64_t) *)&count->hits,
						      rte_memory_order_relaxed);
		sum->bytes += rte_atomic_load_explicit((const RTE_ATOMIC(uint64_t) *)&count->bytes,
						       rte_memory_order_relaxed);
	}
}

/* What programs have counted, and what bursts have. */
static void
tap_count_sum(const struct tap_rules *rules, uint16_t number, struct tap_rule_count *sum)
{
	memset(sum, 0, sizeof(*sum));
	tap_count_add(&rules->tables, number, sum);
	tap_count_add(&rules->kernel, number, sum);
}

struct tap_rules *
tap_rules_open(const struct tap_tables *tables, const struct tap_tables *kernel,
	       struct tap_publisher *pub)
{
	struct tap_rules *rules = calloc(1, sizeof(*rules));
	unsigned int i;

	if (rules == NULL)
		return NULL;
	rules->tables = *tables;
	rules->kernel = *kernel;
	rules->flow = (struct tap_mirror){ tables->flow, kernel->flow };
	rules->rule = (struct tap_mirror){ tables->rule, kernel->rule };
	rules->pub = pub;
	rules->view[0].refs = 1;
	for (i = 0; i < TAP_FLOW_WORDS; i++) {
		tables->flow->seed[i] = rte_rand();
		tables->flow->factor[i] = rte_rand() | 1;
	}
	tap_mirror_update(&rules->flow, tables->flow, sizeof(*tables->flow));
	for (i = TAP_MAX_RULES; i > 0; i--)
		rules->free[rules->n_free++] = (uint16_t)i;
	/* Maps that were handed over may have counted for another port. */
	tap_count_sum(rules, TAP_COUNTER_DROPPED, &rules->base[TAP_COUNTER_DROPPED]);
	return rules;
}

void
tap_rules_close(struct tap_rules *rules)
{
	free(rules);
}

/* Masks */

static bool
tap_mask_has(const union tap_flow_key *mask, unsigned int from, unsigned int to)
{
	uint64_t bits = 0;
	unsigned int i;

	for (i = from; i < to; i++)
		bits |= mask->word[i];
	return bits != 0;
}

/* Where a mask has bits: TAP_PART_*. */
static uint8_t
tap_mask_parts(const union tap_flow_key *mask)
{
	uint8_t parts = 0;

	if (tap_mask_has(mask, TAP_FLOW_NARROW_WORDS, TAP_FLOW_OUTER_WORDS))
		parts |= TAP_PART_WIDE;
	if (tap_mask_has(mask, TAP_FLOW_OUTER_WORDS, TAP_FLOW_WORDS))
		parts |= TAP_PART_DEEP;
	if (tap_mask_has(mask, TAP_FLOW_DEEP_WORDS, TAP_FLOW_WORDS))
		parts |= TAP_PART_DEEP_WIDE;
	return parts;
}

/* Whether it needs what lies behind the ports. */
static bool
tap_level_is_l4(const struct tap_flow_level *l)
{
	return l->tcp_flags != 0 || (l->kind & TAP_FK_FRAG) != 0 || tap_raw32(l->extra) != 0;
}

static bool
tap_mask_fits(const struct tap_rules *rules, unsigned int id, const union tap_flow_key *mask,
	      int pass)
{
	return tap_place_filled(&rules->mask[id]) && rules->info[id].pass == pass &&
	       memcmp(&rules->tables.flow->mask[id], mask, sizeof(*mask)) == 0;
}

static unsigned int
tap_masks_count(const struct tap_rules *rules, bool pass)
{
	unsigned int n = 0;
	unsigned int i;

	for (i = 0; i < TAP_MASKS; i++)
		n += rules->mask[i].refs != 0 && (rules->info[i].pass >= 0) == pass;
	return n;
}

/* A mask of the rules' table for these bits, new or not; its references stay as they are. */
static int
tap_mask_find_id(struct tap_rules *rules, const union tap_flow_key *mask, int pass,
		 const char **limit)
{
	unsigned int i;
	int id;

	if (tap_mask_fits(rules, rules->last_mask, mask, pass))
		return rules->last_mask;
	for (i = 0; i < TAP_MASKS; i++)
		if (tap_mask_fits(rules, i, mask, pass))
			return (int)i;
	*limit = RTE_STR(TAP_MASKS) " different masks";
	if (pass >= 0 && tap_masks_count(rules, true) == TAP_PASS_MASKS) {
		*limit = RTE_STR(TAP_PASS_MASKS) " different masks and priorities of rules with "
						 "action passthru";
		return -ENOSPC;
	}
	id = tap_place_take(rules, rules->mask, TAP_MASKS);
	if (id < 0)
		return -ENOSPC;
	rules->tables.flow->mask[id] = *mask;
	tap_mirror_update(&rules->flow, &rules->tables.flow->mask[id], sizeof(*mask));
	rules->info[id].pass = pass;
	rules->info[id].floor = TAP_MAX_PRIORITY;
	return id;
}

/* Views */

static uint32_t
tap_view_flags(const struct tap_rules *rules)
{
	uint32_t flags =
		(rules->isolated ? TAP_VIEW_ISOLATED : 0) | (rules->alone ? TAP_VIEW_ALONE : 0);
	unsigned int i;

	for (i = 0; i < TAP_MASKS; i++) {
		const union tap_flow_key *mask = &rules->tables.flow->mask[i];

		if (rules->mask[i].refs == 0)
			continue;
		if (tap_mask_parts(mask) & TAP_PART_DEEP)
			flags |= TAP_VIEW_DEEP;
		if (tap_level_is_l4(&mask->outer) || tap_level_is_l4(&mask->inner))
			flags |= TAP_VIEW_L4;
	}
	return flags;
}

static int
tap_view_order(const void *a, const void *b)
{
	const struct tap_flow_view_mask *x = a;
	const struct tap_flow_view_mask *y = b;

	return (x->floor > y->floor) - (x->floor < y->floor);
}

/* The masks of one kind, in the order of their floors. */
static uint16_t
tap_view_fill(const struct tap_rules *rules, struct tap_flow_view_mask *by, bool pass)
{
	uint16_t n = 0;
	unsigned int i;

	for (i = 0; i < TAP_MASKS; i++) {
		const struct tap_mask_info *info = &rules->info[i];

		if (rules->mask[i].refs == 0 || (info->pass >= 0) != pass)
			continue;
		by[n].floor = (uint64_t)info->floor << TAP_PRIORITY_SHIFT;
		by[n].mask = (uint8_t)i;
		by[n].parts = tap_mask_parts(&rules->tables.flow->mask[i]);
		n++;
	}
	qsort(by, n, sizeof(*by), tap_view_order);
	return n;
}

/* Let readers see masks and flags as they are now. */
static void
tap_view_publish(struct tap_rules *rules)
{
	struct tap_flow *flow = rules->tables.flow;
	/* Only the current one is in use: there is always another. */
	uint32_t next = (uint32_t)tap_place_take(rules, rules->view, TAP_VIEWS);
	struct tap_flow_view *view = &flow->views[next];

	memset(view, 0, sizeof(*view));
	view->flags = tap_view_flags(rules);
	view->n_fate = tap_view_fill(rules, view->by, false);
	view->n = view->n_fate + tap_view_fill(rules, view->by + view->n_fate, true);
	tap_mirror_update(&rules->flow, view, sizeof(*view));
	tap_place_put(&rules->view[flow->view]);
	rules->view[next].refs = 1;
	tap_mirror_store32(&rules->flow, &flow->view, next);
}

/* Counters */

void
tap_rules_count(struct tap_rules *rules, uint16_t number, bool reset, struct tap_rule_count *count)
{
	struct tap_rule_count *base = &rules->base[number];
	struct tap_rule_count now;

	tap_count_sum(rules, number, &now);
	count->hits = now.hits - base->hits;
	count->bytes = now.bytes - base->bytes;
	if (reset)
		*base = now;
}

uint64_t
tap_rules_dropped(const struct tap_rules *rules)
{
	struct tap_rule_count count;

	tap_count_sum(rules, TAP_COUNTER_DROPPED, &count);
	return count.hits - rules->base[TAP_COUNTER_DROPPED].hits;
}

int
tap_rules_add_counter(struct tap_rules *rules)
{
	int number = tap_number_take(rules);

	if (number < 0)
		return number;
	tap_count_sum(rules, (uint16_t)number, &rules->base[number]);
	rules->n_counters++;
	return number;
}

void
tap_rules_remove_counter(struct tap_rules *rules, uint16_t number)
{
	rules->n_counters--;
	tap_number_put(rules, number);
}

/* Rules */

static void
tap_rules_tally(struct tap_rules *rules, const struct tap_flow_rule *r, uint32_t by)
{
	rules->n_rules += by;
	rules->n_drop += r->fate == TAP_FATE_DROP ? by : 0;
	rules->n_rss += r->fate == TAP_FATE_RSS ? by : 0;
	rules->n_mark += r->flags != 0 ? by : 0;
	rules->mask[r->mask].refs += by;
}

static void
tap_rule_fill(const struct tap_rules *rules, struct tap_flow_rule *r, const struct tap_rule *rule,
	      uint16_t number, uint8_t mask)
{
	const struct tap_flow *flow = rules->tables.flow;
	uint8_t parts = tap_mask_parts(&flow->mask[mask]);

	memset(r, 0, sizeof(*r));
	r->rank = (uint64_t)rule->priority << TAP_PRIORITY_SHIFT | rules->sequence;
	r->mark = rule->mark;
	r->counter = rule->count ? number : rule->counter;
	r->target = rule->fate == TAP_FATE_QUEUE ? rule->queue : 0;
	r->fate = rule->fate;
	r->flags = rule->flags;
	r->mask = mask;
	r->key = rule->key;
	r->hash = tap_flow_hash(flow, &r->key, &flow->mask[mask], mask, &parts);
}

/* What readers must know before they can meet the rule: its mask at the right place, flags. */
static void
tap_rules_announce(struct tap_rules *rules, const struct tap_flow_rule *r)
{
	struct tap_mask_info *info = &rules->info[r->mask];
	bool first = rules->mask[r->mask].refs == 1;
	bool lower = tap_priority_of(r) < info->floor;

	if (!first && !lower)
		return;
	info->floor = tap_priority_of(r);
	tap_view_publish(rules);
}

/* The same backwards, when the rule has gone. */
static void
tap_rules_retract(struct tap_rules *rules, const struct tap_flow_rule *r)
{
	struct tap_place *mask = &rules->mask[r->mask];

	if (mask->refs != 0)
		return;
	tap_view_publish(rules);
	/* Not before: publishing may wait for readers, and new ones would still find it. */
	mask->stale = true;
}

static int
tap_rules_place(struct tap_rules *rules, struct tap_flow_rule *r, const struct tap_rule *rule,
		uint16_t number, const char **limit)
{
	int ctx = 0;
	int ret;

	if (r->fate == TAP_FATE_RSS) {
		ctx = tap_ctx_get(rules, &rule->rss, limit);
		if (ctx < 0)
			return ctx;
		r->target = (uint16_t)ctx;
	}
	tap_rules_tally(rules, r, 1);
	tap_mirror_update(&rules->rule, r, sizeof(*r));
	tap_rules_announce(rules, r);
	*limit = "room in the hash table";
	ret = tap_table_add(rules, r, number);
	if (ret == 0)
		return 0;
	tap_rules_tally(rules, r, -1);
	tap_rules_retract(rules, r);
	if (r->fate == TAP_FATE_RSS)
		tap_ctx_put(rules, r->target);
	return ret;
}

int
tap_rules_add(struct tap_rules *rules, const struct tap_rule *rule, uint16_t *number,
	      const char **limit)
{
	int pass = rule->fate == TAP_FATE_NONE ? rule->priority : -1;
	struct tap_flow_rule *r;
	int id;
	int n;
	int ret;

	*limit = RTE_STR(TAP_MAX_RULES) " rules and shared counters";
	n = tap_number_take(rules);
	if (n < 0)
		return n;
	*number = (uint16_t)n;
	id = tap_mask_find_id(rules, &rule->mask, pass, limit);
	if (id < 0) {
		ret = id;
		goto undo;
	}
	r = tap_rule_of(rules, *number);
	tap_rule_fill(rules, r, rule, *number, (uint8_t)id);
	if (rule->count)
		tap_count_sum(rules, *number, &rules->base[*number]);
	ret = tap_rules_place(rules, r, rule, *number, limit);
	if (ret != 0)
		goto undo;
	rules->last_mask = (uint16_t)id;
	rules->sequence++;
	rules->used[*number / 64] |= RTE_BIT64(*number % 64);
	return 0;
undo:
	tap_number_put(rules, *number);
	return ret;
}

void
tap_rules_remove(struct tap_rules *rules, uint16_t number)
{
	const struct tap_flow_rule *r = tap_rule_of(rules, number);

	tap_table_remove(rules, number);
	tap_rules_tally(rules, r, -1);
	tap_rules_retract(rules, r);
	if (r->fate == TAP_FATE_RSS)
		tap_ctx_put(rules, r->target);
	rules->used[number / 64] &= ~RTE_BIT64(number % 64);
	tap_number_put(rules, number);
}

void
tap_rules_isolate(struct tap_rules *rules, bool isolated)
{
	if (rules->isolated == isolated)
		return;
	rules->isolated = isolated;
	tap_view_publish(rules);
}

void
tap_rules_set_alone(struct tap_rules *rules, bool alone)
{
	if (rules->alone == alone)
		return;
	rules->alone = alone;
	tap_view_publish(rules);
}

struct tap_rules_needs
tap_rules_needs(const struct tap_rules *rules)
{
	const struct tap_rules_needs needs = {
		.any = rules->n_rules != 0 || rules->isolated,
		.drop = rules->n_drop != 0 || rules->isolated,
		.mark = rules->n_mark != 0,
		.rss = rules->n_rss != 0,
	};

	return needs;
}

uint16_t
tap_rules_max_queue(const struct tap_rules *rules)
{
	uint16_t max = 0;
	unsigned int i;
	unsigned int j;

	for (i = 1; i <= TAP_MAX_RULES; i++) {
		const struct tap_flow_rule *r = tap_rule_of(rules, (uint16_t)i);

		if ((rules->used[i / 64] & RTE_BIT64(i % 64)) && r->fate == TAP_FATE_QUEUE)
			max = RTE_MAX(max, r->target);
	}
	for (i = 0; i < TAP_CTXS; i++) {
		const struct tap_rss_ctx *ctx = &rules->pub->shared->ctx[i];

		if (rules->ctx[i].refs == 0 || (ctx->port & TAP_CTX_PORT_RETA) != 0)
			continue;
		for (j = 0; j < TAP_RETA_SIZE; j++)
			max = RTE_MAX(max, ctx->reta[j]);
	}
	return max;
}

static unsigned int
tap_places_used(const struct tap_place *places, unsigned int n)
{
	unsigned int used = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		used += places[i].refs != 0;
	return used;
}

void
tap_rules_print(const struct tap_rules *rules, FILE *file)
{
	fprintf(file,
		"%u of %d rules (%u drop, %u mark), %u shared counters, %u stashed%s\n"
		"%u of %d masks with fate, %u of %d without\n"
		"%u of %d RSS contexts, %u of %d keys\n",
		rules->n_rules, TAP_MAX_RULES, rules->n_drop, rules->n_mark, rules->n_counters,
		rules->tables.flow->stashed, rules->isolated ? ", isolated" : "",
		tap_masks_count(rules, false), TAP_MASKS, tap_masks_count(rules, true),
		TAP_PASS_MASKS, tap_places_used(rules->ctx, TAP_CTXS), TAP_CTXS,
		tap_places_used(rules->key, TAP_KEYS), TAP_KEYS);
}
