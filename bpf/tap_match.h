/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * From what rules match by to a rule: tuple space search. Rules that look at the same
 * bits share a mask; each mask costs one look-up in the hash table, however many rules
 * there are. Masks come sorted by the best rank of their rules, so that the search ends
 * where no better rule can follow.
 */
#ifndef TAP_MATCH_H
#define TAP_MATCH_H

#include "tap_flow_key.h"
#include "tap_tables.h"

#ifdef __bpf__

/** The rule of a number, NULL for 0. */
TAP_HOT const struct tap_flow_rule *
tap_rule_at(const struct tap_tables *t, __u32 number)
{
	__u32 index = number - 1;

	(void)t;
	return bpf_map_lookup_elem(&tap_rules, &index);
}

/** One TCP packet's headers, which each segment of a super-packet has. */
TAP_COLD __u32
tap_headers_len(struct tap_pkt *pkt)
{
	struct tap_win w;
	struct tap_l2 l2;
	struct tap_ip ip;
	__u8 words = 0;

	if (tap_pkt_len(pkt) < TAP_ETH_LEN || tap_win_start(pkt, &w) < 0)
		return 0;
	tap_l2_parse(pkt, &w, &l2);
	if (l2.n_data != 0 && tap_win_reload(pkt, l2.l3_off - TAP_ETH_LEN, &w) < 0)
		return 0;
	if (l2.type == TAP_BE16(TAP_ETHER_IPV4)) {
		if (tap_ip4_parse(tap_win_l3(&w), l2.l3_off, tap_pkt_len(pkt), &ip) < 0)
			return 0;
	} else if (tap_ip6_parse(pkt, tap_win_l3(&w), l2.l3_off, tap_pkt_len(pkt), &ip, 1) < 0) {
		return 0;
	}
	if (ip.proto != TAP_PROTO_TCP)
		return ip.l4_off - TAP_PKT_ABSENT(pkt) + TAP_UDP_LEN;
	tap_pkt_load(pkt, ip.l4_off + 12, &words, 1);
	return ip.l4_off - TAP_PKT_ABSENT(pkt) + (words >> 4) * 4u;
}

/** Packets that the kernel makes of this one. */
TAP_HOT __u64
tap_pkt_hits(const struct tap_pkt *pkt)
{
	return pkt->gso_segs > 1 ? pkt->gso_segs : 1;
}

/** Bytes of these. */
TAP_HOT __u64
tap_pkt_bytes(struct tap_pkt *pkt)
{
	__u32 tag = pkt->vlan_present ? TAP_VLAN_LEN : 0;
	__u64 bytes = pkt->len + tag;

	if (tap_unlikely(pkt->gso_segs > 1))
		bytes += (pkt->gso_segs - 1) * (__u64)(tap_headers_len(pkt) + tag);
	return bytes;
}

/** Add to a counter. */
TAP_COLD __u32
tap_count(struct tap_pkt *pkt, const struct tap_tables *t, __u32 number, __u64 hits, __u64 bytes)
{
	__u32 index = (bpf_get_smp_processor_id() & tap_bank_mask) * TAP_RULES + number;
	struct tap_flow_count *count = bpf_map_lookup_elem(&tap_counts, &index);

	(void)pkt;
	(void)t;
	if (!count)
		return 0;
	__sync_fetch_and_add(&count->hits, hits);
	__sync_fetch_and_add(&count->bytes, bytes);
	return 0;
}

#else /* user space */

/** Add to a counter that others may add to. The includer may know how. */
#ifndef TAP_COUNT_ADD
#define TAP_COUNT_ADD(counter, n) (*(counter) += (n))
#endif

/** The rule of a number, NULL for 0. */
TAP_HOT const struct tap_flow_rule *
tap_rule_at(const struct tap_tables *t, __u32 number)
{
	return number - 1 < TAP_RULES ? &t->rule[number - 1] : NULL;
}

TAP_HOT __u64
tap_pkt_hits(const struct tap_pkt *pkt)
{
	(void)pkt;
	return 1;
}

TAP_HOT __u64
tap_pkt_bytes(const struct tap_pkt *pkt)
{
	return tap_pkt_len(pkt) - TAP_PKT_ABSENT(pkt);
}

/** Add to a counter. */
TAP_HOT void
tap_count(const struct tap_pkt *pkt, const struct tap_tables *t, __u32 number, __u64 hits,
	  __u64 bytes)
{
	__u32 bank = pkt->bank & (t->banks - 1);
	struct tap_flow_count *count = &t->count[bank * TAP_RULES + (number & (TAP_RULES - 1))];

	TAP_COUNT_ADD(&count->hits, hits);
	TAP_COUNT_ADD(&count->bytes, bytes);
}

#endif /* __bpf__ */

/** The masks in force. */
TAP_HOT const struct tap_flow_view *
tap_current_view(const struct tap_tables *t)
{
	__u32 view = tap_load_published(&t->flow->view);

	return &t->flow->views[view & (TAP_VIEWS - 1)];
}

/**
 * A word of a key, with all its bits over the whole of the result. The second factor is the
 * word's own: by a common one, changes of two words could cancel each other, whatever the seeds.
 */
TAP_HOT __u64
tap_flow_mix(__u64 word, __u64 seed, __u64 factor)
{
	word = (word ^ seed) * 0x9e3779b97f4a7c15ULL;
	word ^= word >> 32;
	return word * factor;
}

/** Hash of the masked words of a key from number @p from up to @p to. */
TAP_HOT __u64
tap_flow_hash_words(const struct tap_flow *f, const union tap_flow_key *k,
		    const union tap_flow_key *mask, const __u32 from, const __u32 to)
{
	__u64 h = 0;
	__u32 i;

	TAP_UNROLL
	for (i = from; i < to; i++)
		h += tap_flow_mix(k->word[i] & mask->word[i], f->seed[i], f->factor[i]);
	return h;
}

/** What differs in the masked words of a packet and a rule. */
TAP_HOT __u64
tap_flow_differ(const union tap_flow_key *k, const union tap_flow_key *mask,
		const union tap_flow_key *rule, const __u32 from, const __u32 to)
{
	__u64 differ = 0;
	__u32 i;

	TAP_UNROLL
	for (i = from; i < to; i++)
		differ |= (k->word[i] & mask->word[i]) ^ rule->word[i];
	return differ;
}

/** What a rule of mask @p id, which has bits in @p parts, has as its hash if it matches @p k. */
TAP_HOT __u64
tap_flow_hash(const struct tap_flow *f, const union tap_flow_key *k, const union tap_flow_key *mask,
	      __u32 id, const volatile __u8 *parts)
{
	__u64 h = tap_flow_hash_words(f, k, mask, 0, TAP_FLOW_NARROW_WORDS) + id;

	if (*parts & TAP_PART_WIDE)
		h += tap_flow_hash_words(f, k, mask, TAP_FLOW_NARROW_WORDS, TAP_FLOW_OUTER_WORDS);
	if (*parts & TAP_PART_DEEP)
		h += tap_flow_hash_words(f, k, mask, TAP_FLOW_OUTER_WORDS, TAP_FLOW_DEEP_WORDS);
	if (*parts & TAP_PART_DEEP_WIDE)
		h += tap_flow_hash_words(f, k, mask, TAP_FLOW_DEEP_WORDS, TAP_FLOW_WORDS);
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9ULL;
	return h ^ h >> 32;
}

/** Bucket of a hash. */
#define TAP_HASH_BUCKET(hash) ((__u32)(hash) & (TAP_BUCKETS - 1))

/** Fingerprint of a hash in its bucket; in the stash, of other bits. Never 0. */
TAP_HOT __u32
tap_hash_print(__u64 hash, const int stash)
{
	__u32 print = (__u32)(hash >> (stash ? 32 : 48)) & 0xffff;

	return print + (print == 0);
}

/** Whether the masked words of a packet are those of a rule. */
TAP_HOT int
tap_flow_same(const union tap_flow_key *k, const union tap_flow_key *mask,
	      const union tap_flow_key *rule, const volatile __u8 *parts)
{
	__u64 differ = tap_flow_differ(k, mask, rule, 0, TAP_FLOW_NARROW_WORDS);

	if (*parts & TAP_PART_WIDE)
		differ |=
			tap_flow_differ(k, mask, rule, TAP_FLOW_NARROW_WORDS, TAP_FLOW_OUTER_WORDS);
	if (*parts & TAP_PART_DEEP)
		differ |= tap_flow_differ(k, mask, rule, TAP_FLOW_OUTER_WORDS, TAP_FLOW_DEEP_WORDS);
	if (*parts & TAP_PART_DEEP_WIDE)
		differ |= tap_flow_differ(k, mask, rule, TAP_FLOW_DEEP_WORDS, TAP_FLOW_WORDS);
	return differ == 0;
}

#define TAP_HALVES 0x0001000100010001ULL

/**
 * Of four rules, the one whose fingerprint is @p print, or 0; without a branch. A number
 * older or newer than the fingerprint does no harm: the rule's key is compared.
 */
TAP_HOT __u64
tap_bucket_pick(const __u16 *prints, const __u16 *rules, __u64 print)
{
	const __u64 low = 0x7fff * TAP_HALVES;
	__u64 differ = tap_load_published((const __u64 *)prints) ^ print * TAP_HALVES, equal;

	/* The top bit of each half that is zero, and of no other: then all bits of it. */
	equal = ~(((differ & low) + low) | differ | low);
	return tap_load_published((const __u64 *)rules) & (equal >> 15) * 0xffff;
}

/** The rule of a bucket whose fingerprint is @p print: its number, or 0. */
TAP_HOT __u32
tap_bucket_find(const struct tap_flow_bucket *b, __u32 print)
{
	__u64 n = tap_bucket_pick(b->print, b->rule, print) |
		  tap_bucket_pick(b->print + 4, b->rule + 4, print);

	n |= n >> 32;
	n |= n >> 16;
	return n & 0xffff;
}

/**
 * The best rule by one mask of a view that matches.
 * @return its number, 0 if there is none.
 */
TAP_BODY __u32
tap_mask_find(const struct tap_tables *t, const struct tap_flow_view_mask *by,
	      const union tap_flow_key *k)
{
	const struct tap_flow *f = t->flow;
	const union tap_flow_key *mask = &f->mask[by->mask & (TAP_MASKS - 1)];
	/* Read each time: of what it knows from the time before, the verifier would make paths. */
	const volatile __u8 *parts = &by->parts;
	__u64 h = tap_flow_hash(f, k, mask, by->mask, parts);
	__u32 n = tap_bucket_find(&f->bucket[TAP_HASH_BUCKET(h)], tap_hash_print(h, 0));
	const struct tap_flow_rule *r = tap_rule_at(t, n);

	/* No two rules have the same hash. */
	if (!r || r->hash != h) {
		if (tap_likely(tap_load_published(&f->stashed) == 0))
			return 0;
		n = tap_bucket_find(&f->stash, tap_hash_print(h, 1));
		r = tap_rule_at(t, n);
		if (!r)
			return 0;
	}
	return r->mask == by->mask && tap_flow_same(k, mask, &r->key, parts) ? n : 0;
}

/** What the rules say of a packet, as one number: which rule's fate it has, TAP_RULE_*, mark. */
#define TAP_MATCH(rule, flags, mark) ((__u64)(rule) << 48 | (__u64)(flags) << 32 | (mark))
#define TAP_MATCH_RULE(match) ((__u32)((match) >> 48))
#define TAP_MATCH_FLAGS(match) ((__u8)((match) >> 32))
#define TAP_MATCH_MARK(match) ((__u32)(match))

/** Count packets that pass. */
#define TAP_COUNT_PASSED (1 << 0)
/** Count packets that are dropped. */
#define TAP_COUNT_DROPPED (1 << 1)

/** The best rule with a fate: its number, 0 if there is none. */
TAP_HOT __u32
tap_rules_find_fate(struct tap_pkt *pkt, const struct tap_tables *t,
		    const struct tap_flow_view *view, const union tap_flow_key *k)
{
	const struct tap_flow_rule *r;
	__u64 best = TAP_RANK_LAST;
	__u32 found = 0, n, i;

	for (i = 0; i < TAP_MASKS; i++) {
		tap_blur(pkt, found);
		tap_blur(pkt, best);
		if (i >= view->n_fate || best < view->by[i].floor)
			break;
		n = tap_mask_find(t, &view->by[i], k);
		r = tap_rule_at(t, n);
		if (r && r->rank < best) {
			best = r->rank;
			found = n;
		}
	}
	return found;
}

/** Whether what the rules say of a packet is that it is dropped. */
TAP_HOT int
tap_is_drop(const struct tap_flow_view *view, const struct tap_flow_rule *fate)
{
	return fate ? fate->fate == TAP_FATE_DROP : (view->flags & TAP_VIEW_ISOLATED) != 0;
}

/**
 * What the rules of a view say of a packet. Counts it in those that apply if it is of a
 * kind in @p count: TAP_COUNT_*. Of several marks, that of the highest rank stays.
 * @return a TAP_MATCH()
 */
TAP_BODY __u64
tap_rules_match(struct tap_pkt *pkt, const struct tap_tables *t, const struct tap_flow_view *view,
		__u32 count)
{
	const struct tap_flow_rule *fate, *r;
	__u64 match, rank, bytes, marked = 0;
	union tap_flow_key k;
	__u32 found, own, n, i;

	tap_blur(pkt, count);
	tap_flow_build(pkt, &k, view->flags);
	found = tap_rules_find_fate(pkt, t, view, &k);
	fate = tap_rule_at(t, found);
	count &= tap_is_drop(view, fate) ? TAP_COUNT_DROPPED : TAP_COUNT_PASSED;
	rank = fate ? fate->rank : TAP_RANK_LAST;
	match = TAP_MATCH(found, fate ? fate->flags : 0, fate ? fate->mark : 0);
	own = TAP_MATCH_FLAGS(match);
	bytes = count != 0 ? tap_pkt_bytes(pkt) : 0;
	if (fate && fate->counter != 0 && count != 0)
		tap_count(pkt, t, fate->counter, tap_pkt_hits(pkt), bytes);
	tap_blur(pkt, count);
	tap_blur(pkt, own);
	for (i = 0; i < TAP_PASS_MASKS; i++) {
		tap_blur(pkt, rank);
		tap_blur(pkt, match);
		tap_blur(pkt, marked);
		n = view->n_fate + i;
		if (n >= view->n || n >= TAP_MASKS || rank < view->by[n].floor)
			break;
		r = tap_rule_at(t, tap_mask_find(t, &view->by[n], &k));
		if (!r || r->rank > rank)
			continue;
		if (r->counter != 0 && count != 0)
			tap_count(pkt, t, r->counter, tap_pkt_hits(pkt), bytes);
		if (r->flags && r->rank >= marked && own == 0) {
			match = TAP_MATCH(found, r->flags, r->mark);
			marked = r->rank;
		}
	}
	return match;
}

#endif /* TAP_MATCH_H */
