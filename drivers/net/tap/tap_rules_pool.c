/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <string.h>

#include "tap_rules_store.h"
#include "tap_toeplitz.h"

static void
tap_places_refresh(struct tap_place *places, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		places[i].stale = false;
}

/* Wait until no reader holds what was taken out of use: all of it can be used again. */
static void
tap_rules_refresh(struct tap_rules *rules)
{
	tap_policy_synchronize(rules->pub);
	tap_places_refresh(rules->mask, TAP_MASKS);
	tap_places_refresh(rules->view, TAP_VIEWS);
	tap_places_refresh(rules->ctx, TAP_CTXS);
	tap_places_refresh(rules->key, TAP_KEYS);
	while (rules->n_stale != 0)
		rules->free[rules->n_free++] = rules->stale[--rules->n_stale];
}

int
tap_place_take(struct tap_rules *rules, struct tap_place *places, unsigned int n)
{
	bool waits = false;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (places[i].refs == 0 && !places[i].stale)
			return (int)i;
		waits |= places[i].refs == 0;
	}
	if (!waits)
		return -1;
	tap_rules_refresh(rules);
	for (i = 0; places[i].refs != 0; i++)
		;
	return (int)i;
}

void
tap_place_put(struct tap_place *place)
{
	if (--place->refs == 0)
		place->stale = true;
}

int
tap_number_take(struct tap_rules *rules)
{
	if (rules->n_free == 0 && rules->n_stale != 0)
		tap_rules_refresh(rules);
	if (rules->n_free == 0)
		return -ENOSPC;
	return rules->free[--rules->n_free];
}

void
tap_number_put(struct tap_rules *rules, uint16_t number)
{
	rules->stale[rules->n_stale++] = number;
}

/* Keys and contexts */

static int
tap_key_get(struct tap_rules *rules, const uint8_t *key, const char **limit)
{
	int id;

	for (id = 0; id < TAP_KEYS; id++)
		if (tap_place_filled(&rules->key[id]) &&
		    memcmp(rules->key_bytes[id], key, TAP_KEY_LEN) == 0) {
			rules->key[id].refs++;
			return id;
		}
	*limit = RTE_STR(TAP_KEYS) " different RSS keys";
	id = tap_place_take(rules, rules->key, TAP_KEYS);
	if (id < 0)
		return -ENOSPC;
	memcpy(rules->key_bytes[id], key, TAP_KEY_LEN);
	tap_toeplitz_table_build(&rules->pub->shared->key[id], key);
	tap_mirror_update(&rules->pub->mirror, &rules->pub->shared->key[id],
			  sizeof(struct tap_toeplitz_table));
	rules->key[id].refs = 1;
	return id;
}

static int
tap_ctx_share(struct tap_rules *rules, const struct tap_rss_ctx *ctx)
{
	int id;

	for (id = 0; id < TAP_CTXS; id++)
		if (tap_place_filled(&rules->ctx[id]) &&
		    memcmp(&rules->pub->shared->ctx[id], ctx, sizeof(*ctx)) == 0)
			return id;
	return -1;
}

static void
tap_ctx_write(struct tap_rules *rules, int id, const struct tap_rss_ctx *ctx)
{
	struct tap_rss_ctx *to = &rules->pub->shared->ctx[id];

	*to = *ctx;
	tap_mirror_update(&rules->pub->mirror, to, sizeof(*to));
}

int
tap_ctx_get(struct tap_rules *rules, const struct tap_rule_rss *rss, const char **limit)
{
	struct tap_rss_ctx ctx = { .types = 0 };
	bool own_key = (rss->port & TAP_CTX_PORT_KEY) == 0;
	int key = 0;
	int id = tap_policy_build_ctx(&ctx, &rss->conf);

	if (id != 0)
		return id;
	if (own_key)
		key = tap_key_get(rules, rss->conf.key, limit);
	if (key < 0)
		return key;
	ctx.key = (uint16_t)key;
	ctx.port = rss->port;
	id = tap_ctx_share(rules, &ctx);
	if (id < 0) {
		*limit = RTE_STR(TAP_CTXS) " different RSS actions";
		id = tap_place_take(rules, rules->ctx, TAP_CTXS);
		if (id >= 0)
			tap_ctx_write(rules, id, &ctx);
	}
	/* A context that is in use has its key's reference; one that was given back has not. */
	if (own_key && (id < 0 || rules->ctx[id].refs != 0))
		tap_place_put(&rules->key[key]);
	if (id < 0)
		return -ENOSPC;
	rules->ctx[id].refs++;
	return id;
}

void
tap_ctx_put(struct tap_rules *rules, uint16_t id)
{
	const struct tap_rss_ctx *ctx = &rules->pub->shared->ctx[id];

	tap_place_put(&rules->ctx[id]);
	if (rules->ctx[id].refs == 0 && (ctx->port & TAP_CTX_PORT_KEY) == 0)
		tap_place_put(&rules->key[ctx->key]);
}
