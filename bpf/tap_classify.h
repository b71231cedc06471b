/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * The classifier: from a packet and a policy to a hash and a queue. The only one;
 * the BPF programs and the driver compile this. doc/rss.md is its definition.
 */
#ifndef TAP_CLASSIFY_H
#define TAP_CLASSIFY_H

#include "tap_hash.h"
#include "tap_match.h"

/** Where a packet belongs. */
struct tap_verdict {
	__u32 hash;
	__u16 queue;
	__u8 hashed; /**< hash is valid, be it 0 */
	__u8 kind;   /**< enum tap_kind */
	__u8 drop;   /**< by a rule, or for want of one */
	__u8 flags;  /**< TAP_RULE_* */
	__u8 reserved[2];
	__u32 mark;               /**< with TAP_RULE_MARK */
	struct tap_headers outer; /**< filled in user space only */
};

/** How much of the definition a program implements. */
enum tap_extent {
	TAP_EXTENT_BASIC, /**< IP without extension headers, plain Toeplitz, as if the policy said so */
	TAP_EXTENT_FULL,
};

/** tap_classify() to a given extent, a constant. */
TAP_HOT void
tap_classify_to(struct tap_pkt *pkt, const struct tap_policy *pol, struct tap_verdict *v,
		const enum tap_extent extent)
{
	struct tap_result r = { 0 };

	__builtin_memset(&v->outer, 0, sizeof(v->outer));
	if (extent == TAP_EXTENT_FULL)
		tap_hash_full(pkt, &pol->ctx, &pol->key, &v->outer, &r);
	else
		tap_hash_basic(pkt, &pol->ctx, &pol->key, &v->outer, &r);
	v->drop = 0;
	v->flags = 0;
	v->hash = r.hash;
	v->kind = r.kind;
	v->hashed = r.kind != TAP_KIND_NONE;
	/* Without a hash, hash is 0: entry 0 of the table. */
	v->queue = pol->ctx.reta[r.hash & (TAP_RETA_SIZE - 1)];
}

/**
 * Where the parts of an RSS context lie in struct tap_shared, as offsets: so to the verifier
 * all contexts are one, and it walks what follows only once.
 */
struct tap_ctx_parts {
	__u32 hash; /**< the context whose types, algorithm, flags and masks count */
	__u32 key;  /**< the key's table */
	__u32 reta; /**< the context whose table counts */
};

#define TAP_SLOT_OFF(slot)                                                                         \
	((__u32)(__builtin_offsetof(struct tap_shared, slot) +                                     \
		 ((slot) & (TAP_SLOTS - 1)) * sizeof(struct tap_policy)))
#define TAP_KEY_OFF(slot) (TAP_SLOT_OFF(slot) + (__u32) __builtin_offsetof(struct tap_policy, key))

/** The parts of the context that rule @p r hashes by; the port's if it has none. */
TAP_HOT void
tap_ctx_find(const struct tap_shared *shared, __u32 slot, const struct tap_flow_rule *r,
	     struct tap_ctx_parts *at)
{
	const struct tap_rss_ctx *ctx;
	__u32 own;

	at->hash = TAP_SLOT_OFF(slot);
	at->key = TAP_KEY_OFF(slot);
	at->reta = TAP_SLOT_OFF(slot);
	if (!r || r->fate != TAP_FATE_RSS)
		return;
	ctx = &shared->ctx[r->target & (TAP_CTXS - 1)];
	own = (__u32)(__builtin_offsetof(struct tap_shared, ctx) +
		      (r->target & (TAP_CTXS - 1)) * sizeof(*ctx));
	if (!(ctx->port & TAP_CTX_PORT_HASH))
		at->hash = own;
	if (!(ctx->port & TAP_CTX_PORT_RETA))
		at->reta = own;
	if (!(ctx->port & TAP_CTX_PORT_KEY))
		at->key = (__u32)(__builtin_offsetof(struct tap_shared, key) +
				  (ctx->key & (TAP_KEYS - 1)) * sizeof(struct tap_toeplitz_table));
}

/** tap_ctx_find(), after which all rules are alike to the verifier. */
TAP_HOT void
tap_ctx_parts(struct tap_pkt *pkt, const struct tap_shared *shared, __u32 slot,
	      const struct tap_flow_rule *r, struct tap_ctx_parts *at)
{
	tap_ctx_find(shared, slot, r, at);
	tap_blur(pkt, at->hash);
	tap_blur(pkt, at->key);
	tap_blur(pkt, at->reta);
}

/** What lies at an offset of struct tap_shared. */
TAP_HOT const void *
tap_shared_at(const struct tap_shared *shared, __u32 off, const __u32 size)
{
	if (off > sizeof(*shared) - size)
		off = 0;
	tap_forget(off);
	return (const __u8 *)shared + off;
}

/** Hash a packet by the parts of a context. */
TAP_BODY __u64
tap_hash_parts(struct tap_pkt *pkt, const struct tap_rss_ctx *ctx,
	       const struct tap_toeplitz_table *key, struct tap_headers *outer)
{
	struct tap_result r = { 0 };

	tap_hash_full(pkt, ctx, key, outer, &r);
	return tap_result_pack(&r);
}

/**
 * Hash and queue of a packet by slot @p slot of the policy and the rules of a view, its
 * outermost headers, mark and flags. A program is content with the queue; it chooses one
 * for a packet to be dropped too, because the filter may see newer rules.
 */
TAP_HOT void
tap_classify_rules(struct tap_pkt *pkt, const struct tap_shared *shared, __u32 slot,
		   const struct tap_tables *t, const struct tap_flow_view *view, __u32 count,
		   struct tap_verdict *v)
{
	__u64 match = tap_rules_match(pkt, t, view, count), packed;
	const struct tap_flow_rule *r = tap_rule_at(t, TAP_MATCH_RULE(match));
	const struct tap_rss_ctx *ctx;
	struct tap_ctx_parts at;
	int fixed;

	__builtin_memset(&v->outer, 0, sizeof(v->outer));
	v->drop = (__u8)tap_is_drop(view, r);
	v->flags = TAP_MATCH_FLAGS(match);
	v->mark = TAP_MATCH_MARK(match);
	fixed = r && r->fate == TAP_FATE_QUEUE;
	v->queue = fixed ? r->target : 0;
	if (!TAP_WANT_OUTER && fixed)
		return;
	tap_ctx_parts(pkt, shared, slot, r, &at);
	ctx = tap_shared_at(shared, at.hash, sizeof(*ctx));
	/* In a program nobody keeps the outermost headers: without a pointer into it, the verdict
	 * needs no stack, of which kernels before 6.8 leave none over.
	 */
	packed = tap_hash_parts(pkt, ctx,
				tap_shared_at(shared, at.key, sizeof(struct tap_toeplitz_table)),
				TAP_WANT_OUTER ? &v->outer : (struct tap_headers *)0);
	v->hash = (__u32)packed;
	v->kind = (__u8)TAP_RESULT_KIND(packed);
	v->hashed = v->kind != TAP_KIND_NONE;
	ctx = tap_shared_at(shared, at.reta, sizeof(*ctx));
	if (!fixed)
		v->queue = ctx->reta[v->hash & (TAP_RETA_SIZE - 1)];
}

/** Hash and queue of a packet by a policy, and its outermost headers. */
TAP_HOT void
tap_classify(struct tap_pkt *pkt, const struct tap_policy *pol, struct tap_verdict *v)
{
	tap_classify_to(pkt, pol, v, TAP_EXTENT_FULL);
}

#endif /* TAP_CLASSIFY_H */
