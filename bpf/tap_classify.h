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

/** Where a packet belongs. */
struct tap_verdict {
	__u32 hash;
	__u16 queue;
	__u8 hashed;              /**< hash is valid, be it 0 */
	__u8 kind;                /**< enum tap_kind */
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
	v->hash = r.hash;
	v->kind = r.kind;
	v->hashed = r.kind != TAP_KIND_NONE;
	/* Without a hash, hash is 0: entry 0 of the table. */
	v->queue = pol->ctx.reta[r.hash & (TAP_RETA_SIZE - 1)];
}

/** Hash and queue of a packet by a policy, and its outermost headers. */
TAP_HOT void
tap_classify(struct tap_pkt *pkt, const struct tap_policy *pol, struct tap_verdict *v)
{
	tap_classify_to(pkt, pol, v, TAP_EXTENT_FULL);
}

#endif /* TAP_CLASSIFY_H */
