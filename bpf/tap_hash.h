/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * From a packet and an RSS context to a hash. doc/rss.md is its definition.
 */
#ifndef TAP_HASH_H
#define TAP_HASH_H

#include "tap_parse.h"
#include "tap_policy_abi.h"
#include "tap_toeplitz.h"
#include "tap_tunnel.h"

/** What was hashed. */
enum tap_kind {
	TAP_KIND_NONE,
	TAP_KIND_2TUPLE,
	TAP_KIND_4TUPLE,
	TAP_KIND_SPI,
	TAP_KIND_VLAN,
	TAP_KIND_MAC,
	TAP_KIND_ETHERTYPE,
};

/** An RSS context and the table of the key that goes with it. */
struct tap_hasher {
	const struct tap_rss_ctx *ctx;
	const struct tap_toeplitz_table *key;
};

#define TAP_RSS_L2 (TAP_RSS_S_VLAN | TAP_RSS_C_VLAN | TAP_RSS_ETH | TAP_RSS_L2_PAYLOAD)

/** The kind of an IP packet. */
TAP_HOT enum tap_kind
tap_kind_ip(__u32 types, const struct tap_ip *ip)
{
	if (types & ip->l4_types)
		return (ip->l4_types & (TAP_RSS_ESP | TAP_RSS_AH)) ? TAP_KIND_SPI : TAP_KIND_4TUPLE;
	return (types & ip->pair_types) ? TAP_KIND_2TUPLE : TAP_KIND_NONE;
}

#define TAP_OPT_MAX 8
#define TAP_OPT_HOME 0xc9

/** Where the address of a Home Address option lies among the options, or 0. */
TAP_COLD __u32
tap_ip6_find_home(struct tap_pkt *pkt, __u32 off, __u32 end)
{
	__u8 opt[2];
	__u32 i;

	TAP_UNROLL
	for (i = 0; i < TAP_OPT_MAX; i++) {
		/* A last byte alone can only be Pad1. */
		if (off + 2 > end || tap_pkt_load(pkt, off, opt, sizeof(opt)) < 0)
			break;
		if (opt[0] == 0) {
			off++;
			continue;
		}
		if (off + 2 + opt[1] > end)
			break;
		if (opt[0] == TAP_OPT_HOME && opt[1] == 16)
			return off + 2;
		off += 2u + opt[1];
	}
	return 0;
}

/**
 * Put home address and type 2 routing header's address, where the packet has them, in
 * place of @p addresses. The @p n headers from @p off on have been walked, so they are whole.
 */
TAP_COLD long
tap_ip6_fetch_ex(struct tap_pkt *pkt, __u32 off, __u32 proto, __u32 n, __u8 *addresses)
{
	__u32 home = 0, route = 0, i, hlen;
	__u8 h[4];

	tap_blur(pkt, off);
	TAP_UNROLL
	for (i = 0; i < TAP_EXT_MAX; i++) {
		if (i >= n)
			continue;
		/* What was found so far is not to multiply the walks from here on. */
		tap_blur(pkt, home);
		tap_blur(pkt, route);
		if (tap_pkt_load(pkt, off, h, sizeof(h)) < 0)
			return -1;
		hlen = tap_ip6_ext_len(proto, h);
		if (proto == TAP_PROTO_DSTOPTS && home == 0) {
			home = tap_ip6_find_home(pkt, off + 2, off + hlen);
			if (home != 0 && tap_pkt_load(pkt, home, addresses, 16) < 0)
				return -1;
		}
		if (proto == TAP_PROTO_ROUTING && route == 0 && hlen == 24 && h[2] == 2) {
			route = off + 8;
			if (tap_pkt_load(pkt, route, addresses + 16, 16) < 0)
				return -1;
		}
		proto = h[0];
		off += hlen;
	}
	return 0;
}

/** The type that puts the _EX addresses into the input of such a packet. */
TAP_HOT __u32
tap_type_ex(enum tap_kind kind, __u32 proto)
{
	if (kind == TAP_KIND_2TUPLE)
		return TAP_RSS_IPV6_EX;
	if (kind == TAP_KIND_4TUPLE && proto == TAP_PROTO_TCP)
		return TAP_RSS_IPV6_TCP_EX;
	if (kind == TAP_KIND_4TUPLE && proto == TAP_PROTO_UDP)
		return TAP_RSS_IPV6_UDP_EX;
	return 0;
}

/** Apply masks to @p n words. */
TAP_HOT void
tap_mask(__u8 *in, const __u32 *mask, const __u32 n)
{
	__u32 i;

#pragma GCC unroll 9
	for (i = 0; i < n; i++)
		tap_put32(in + i * 4, tap_raw32(in + i * 4) & mask[i]);
}

/** Make two fields of @p n bytes each symmetric: both their XOR, or the lower first. */
TAP_HOT void
tap_symmetric(__u8 *in, const __u32 n, int sort)
{
	__u64 a[2] = { 0 }, b[2] = { 0 }, x[2];

	__builtin_memcpy(a, in, n);
	__builtin_memcpy(b, in + n, n);
	x[0] = a[0] ^ b[0];
	x[1] = a[1] ^ b[1];
	if (!sort) {
		__builtin_memcpy(in, x, n);
		__builtin_memcpy(in + n, x, n);
	} else if (tap_be64(a[0]) > tap_be64(b[0]) ||
		   (x[0] == 0 && tap_be64(a[1]) > tap_be64(b[1]))) {
		__builtin_memcpy(in, b, n);
		__builtin_memcpy(in + n, a, n);
	}
}

/** XOR of @p n words, as a number. */
TAP_HOT __u32
tap_xor_words(const __u8 *in, const __u32 n)
{
	__u32 h = 0, i;

#pragma GCC unroll 8
	for (i = 0; i < n; i++)
		h ^= tap_raw32(in + i * 4);
	return tap_be32(h);
}

/** Hash of an IP input by the context's algorithm and masks; changes the input. */
TAP_HOT __u32
tap_hash_input(const struct tap_hasher *by, __u8 *in, enum tap_kind kind, const __u32 addr)
{
	const __u32 *mask = addr == 8 ? by->ctx->mask_ip4 : by->ctx->mask_ip6;
	__u32 algo = by->ctx->algo;

	if (by->ctx->flags & TAP_CTX_MASKED) {
		tap_mask(in, mask, addr / 4);
		/* An SPI is no port. */
		if (kind == TAP_KIND_4TUPLE)
			tap_mask(in + addr, mask + addr / 4, 1);
	}
	if (algo == TAP_ALGO_XOR)
		return tap_xor_words(in, addr / 4) ^
		       (kind == TAP_KIND_2TUPLE ? 0 : tap_xor_words(in + addr, 1));
	if (algo != TAP_ALGO_TOEPLITZ) {
		tap_symmetric(in, addr / 2, algo == TAP_ALGO_SYM_SORT);
		if (kind == TAP_KIND_4TUPLE)
			tap_symmetric(in + addr, 2, algo == TAP_ALGO_SYM_SORT);
	}
	return tap_toeplitz(by->key, in, addr, kind != TAP_KIND_2TUPLE);
}

/** Kind and hash, and what a fallback to layer 2 has to know. */
struct tap_result {
	__u32 hash;
	__u8 kind;  /**< enum tap_kind */
	__u8 is_ip; /**< there is a valid IP header */
};

/** The same as one number, the way it leaves a subprogram. */
TAP_HOT __u64
tap_result_pack(const struct tap_result *r)
{
	return (__u64)r->kind << 32 | (__u64)r->is_ip << 40 | r->hash;
}

#define TAP_RESULT_KIND(packed) ((__u32)((packed) >> 32) & 0xff)
#define TAP_RESULT_IS_IP(packed) ((int)((packed) >> 40))

TAP_HOT void
tap_result_unpack(struct tap_result *r, __u64 packed)
{
	r->hash = (__u32)packed;
	r->kind = (__u8)(packed >> 32);
}

/** Build the input of an IP packet, of which the window has the addresses; @p ex: _EX counts. */
TAP_HOT long
tap_build_input(struct tap_pkt *pkt, const __u8 *addresses, const struct tap_ip *ip,
		enum tap_kind kind, __u32 ex, const __u32 addr, __u8 *in)
{
	if (addr == 8)
		__builtin_memcpy(in, TAP_WIN_ALIGNED(addresses, 4), 8);
	else
		__builtin_memcpy(in, TAP_WIN_ALIGNED(addresses, 8), 32);
	if (ex && tap_ip6_fetch_ex(pkt, ip->l3_off + TAP_IP6_LEN, ip->first, ip->n_ext, in) < 0)
		return -1;
	if (kind == TAP_KIND_2TUPLE)
		return 0;
	if (ip->l4_off != ip->l3_off + (addr == 8 ? TAP_IP4_LEN : TAP_IP6_LEN) ||
	    ip->proto == TAP_PROTO_AH)
		return tap_pkt_load(pkt, ip->l4_off + (ip->proto == TAP_PROTO_AH ? 4 : 0),
				    in + addr, 4);
	__builtin_memcpy(in + addr, TAP_WIN_ALIGNED(addresses + addr, 4), 4);
	return 0;
}

/** Hash an IP packet that is not to be hashed just as it lies. */
TAP_HOT __u64
tap_hash_built(struct tap_pkt *pkt, const struct tap_hasher *by, const __u8 *addresses,
	       const struct tap_ip *ip, enum tap_kind kind, const __u32 addr)
{
	__u8 in[TAP_INPUT_LEN] __attribute__((aligned(8)));
	struct tap_result r = { .is_ip = 1 };
	__u32 ex = 0;

	if (addr == 32 && ip->n_ext != 0)
		ex = by->ctx->types & tap_type_ex(kind, ip->proto);
	/* One path for all kinds from here on. */
	tap_blur(pkt, kind);
	if (tap_build_input(pkt, addresses, ip, kind, ex, addr, in) == 0) {
		r.kind = (__u8)kind;
		r.hash = tap_hash_input(by, in, kind, addr);
	}
	return tap_result_pack(&r);
}

TAP_COLD __u64
tap_hash_built4(struct tap_pkt *pkt, const struct tap_hasher *by, const __u8 *addresses,
		const struct tap_ip *ip, enum tap_kind kind)
{
	return tap_hash_built(pkt, by, addresses, ip, kind, 8);
}

TAP_COLD __u64
tap_hash_built6(struct tap_pkt *pkt, const struct tap_hasher *by, const __u8 *addresses,
		const struct tap_ip *ip, enum tap_kind kind)
{
	return tap_hash_built(pkt, by, addresses, ip, kind, 32);
}

/** VLAN IDs of the tags that are there and enabled, as a number; sets @p any if one is. */
TAP_HOT __u32
tap_vlan_ids(__u32 types, const struct tap_l2 *l2, int *any)
{
	__u32 ids = 0;
	const int s_vlan = l2->n_tags == 2 || l2->tpid == TAP_BE16(TAP_ETHER_S_VLAN);
	const int c_vlan = l2->n_tags == 2 || l2->tpid == TAP_BE16(TAP_ETHER_C_VLAN);

	if (l2->n_tags == 0)
		return 0;
	if (s_vlan && (types & TAP_RSS_S_VLAN)) {
		*any = 1;
		ids = (l2->tci[0] & 0xfffu) << 16;
	}
	if (c_vlan && (types & TAP_RSS_C_VLAN)) {
		*any = 1;
		ids |= (l2->n_tags == 2 ? l2->tci[1] : l2->tci[0]) & 0xfffu;
	}
	return ids;
}

/** Input of layer 2, at the length of a MAC pair; what is shorter is filled up with zero. */
TAP_HOT enum tap_kind
tap_input_l2(const struct tap_l2 *l2, const struct tap_win *w, __u32 types, int is_ip, __u8 *in)
{
	int any_vlan = 0;
	__u32 ids = tap_vlan_ids(types, l2, &any_vlan);

	__builtin_memset(in, 0, 12);
	if (any_vlan) {
		tap_put32(in, tap_be32(ids));
		return TAP_KIND_VLAN;
	}
	if (types & TAP_RSS_ETH) {
		__builtin_memcpy(in, tap_win_eth(w) + 6, 6);
		__builtin_memcpy(in + 6, tap_win_eth(w), 6);
		return TAP_KIND_MAC;
	}
	if (!is_ip && (types & TAP_RSS_L2_PAYLOAD)) {
		tap_put16(in, l2->type);
		return TAP_KIND_ETHERTYPE;
	}
	return TAP_KIND_NONE;
}

/** The hash of a packet for which IP gave none, by the outermost frame's layer 2. */
TAP_COLD __u64
tap_hash_l2(struct tap_pkt *pkt, const struct tap_hasher *by, int is_ip)
{
	struct tap_result r = { 0 };
	__u8 in[12] __attribute__((aligned(4)));
	__u32 algo = by->ctx->algo;
	struct tap_win w;
	struct tap_l2 l2;

	if (tap_win_start(pkt, &w) < 0)
		return 0;
	tap_l2_parse(pkt, &w, &l2);
	r.kind = (__u8)tap_input_l2(&l2, &w, by->ctx->types, is_ip, in);
	if (r.kind == TAP_KIND_MAC) {
		if (by->ctx->flags & TAP_CTX_MASKED)
			tap_mask(in, by->ctx->mask_eth, 3);
		if (algo == TAP_ALGO_SYM_TOEPLITZ || algo == TAP_ALGO_SYM_SORT)
			tap_symmetric(in, 6, algo == TAP_ALGO_SYM_SORT);
	}
	if (r.kind == TAP_KIND_NONE)
		return 0;
	if (algo == TAP_ALGO_XOR)
		r.hash = tap_xor_words(in, 3);
	else
		r.hash = tap_toeplitz(by->key, in, 12, 0);
	return tap_result_pack(&r);
}

/** Hash an IP packet whose headers are known, if it has a kind. */
TAP_HOT __u64
tap_hash_ip(struct tap_pkt *pkt, const struct tap_hasher *by, const struct tap_win *w,
	    const struct tap_ip *ip, const enum tap_l3 l3)
{
	const enum tap_kind kind = tap_kind_ip(by->ctx->types, ip);
	const struct tap_result none = { .is_ip = 1 };

	if (kind == TAP_KIND_NONE)
		return tap_result_pack(&none);
	if (l3 == TAP_L3_IPV4)
		return tap_hash_built4(pkt, by, tap_win_l3(w) + 12, ip, kind);
	return tap_hash_built6(pkt, by, tap_win_l3(w) + 8, ip, kind);
}

/** Parse and hash what the window has behind EtherType @p type. */
TAP_HOT __u64
tap_hash_window(struct tap_pkt *pkt, const struct tap_hasher *by, const struct tap_win *w,
		__u16 type, __u32 l3_off, __u32 limit, struct tap_headers *outer)
{
	struct tap_ip ip;

	if (type == TAP_BE16(TAP_ETHER_IPV4) &&
	    tap_ip4_parse(tap_win_l3(w), l3_off, limit, &ip) == 0) {
		tap_headers_set_ip(outer, &ip, TAP_L3_IPV4);
		return tap_hash_ip(pkt, by, w, &ip, TAP_L3_IPV4);
	}
	if (type == TAP_BE16(TAP_ETHER_IPV6) &&
	    tap_ip6_parse(pkt, tap_win_l3(w), l3_off, limit, &ip, 1) == 0) {
		tap_headers_set_ip(outer, &ip, TAP_L3_IPV6);
		return tap_hash_ip(pkt, by, w, &ip, TAP_L3_IPV6);
	}
	return 0;
}

/** Any frame by any context; the window is that of the frame's start, and will be moved. */
TAP_COLD __u64
tap_hash_any(struct tap_pkt *pkt, const struct tap_rss_ctx *ctx,
	     const struct tap_toeplitz_table *key, struct tap_win *w, struct tap_headers *outer)
{
	const struct tap_hasher by = { ctx, key };
	__u32 limit = tap_pkt_len(pkt), l3_off;
	struct tap_headers inner;
	__u64 loc = 0, result;
	struct tap_l2 l2;
	__u16 type;

	tap_l2_parse(pkt, w, &l2);
	tap_headers_set_l2(outer, &l2);
	type = l2.type;
	l3_off = l2.l3_off;
	tap_blur(pkt, type);
	tap_blur(pkt, l3_off);
	if ((ctx->flags & TAP_CTX_INNER) &&
	    (type == TAP_BE16(TAP_ETHER_IPV4) || type == TAP_BE16(TAP_ETHER_IPV6)))
		loc = tap_innermost(pkt, type, l3_off, limit);
	if (loc != 0) {
		if (TAP_WANT_OUTER)
			tap_parse(pkt, outer);
		outer = &inner;
		type = TAP_LOC_TYPE(loc);
		l3_off = TAP_LOC_OFF(loc);
		limit = TAP_LOC_END(loc);
	}
	if (l3_off != TAP_ETH_LEN && tap_win_reload(pkt, l3_off - TAP_ETH_LEN, w) < 0)
		return 0;
	result = tap_hash_window(pkt, &by, w, type, l3_off, limit, outer);
	if (TAP_RESULT_KIND(result) == TAP_KIND_NONE && (ctx->types & TAP_RSS_L2))
		result = tap_hash_l2(pkt, &by, TAP_RESULT_IS_IP(result));
	return result;
}

/** Hash the addresses in the window, and the ports behind them if the kind says so. */
TAP_HOT void
tap_hash_in_place(const struct tap_hasher *by, const __u8 *addresses, const __u32 addr,
		  enum tap_kind kind, struct tap_result *r)
{
	r->kind = (__u8)kind;
	r->hash = tap_toeplitz(by->key, addresses, addr, kind == TAP_KIND_4TUPLE);
}

/**
 * The short way, for a context of Toeplitz without masks over the outermost headers, and
 * nearly all packets: IP at @p l3_off without options and extension headers.
 * @return whether the packet was such.
 */
TAP_HOT int
tap_hash_plain(struct tap_pkt *pkt, const struct tap_hasher *by, const struct tap_win *w,
	       __u32 l3_off, struct tap_headers *outer, struct tap_result *r)
{
	__u16 type = tap_raw16(tap_win_l3(w) - 2);
	__u32 len = tap_pkt_len(pkt);
	enum tap_kind kind;
	struct tap_ip ip;

	if (TAP_WANT_OUTER)
		outer->l3_off = (__u16)l3_off;
	if (type == TAP_BE16(TAP_ETHER_IPV4)) {
		/* No options: known beforehand, this makes constants of many things. */
		if (len < l3_off + TAP_IP4_LEN || tap_win_l3(w)[0] != 0x45 ||
		    tap_ip4_parse(tap_win_l3(w), l3_off, len, &ip) < 0)
			return 0;
		tap_headers_set_ip(outer, &ip, TAP_L3_IPV4);
		kind = tap_kind_ip(by->ctx->types, &ip);
		if (tap_unlikely(kind != TAP_KIND_4TUPLE && kind != TAP_KIND_2TUPLE))
			return 0;
		tap_hash_in_place(by, tap_win_l3(w) + 12, 8, kind, r);
		return 1;
	}
	if (type == TAP_BE16(TAP_ETHER_IPV6)) {
		if (tap_ip6_parse(pkt, tap_win_l3(w), l3_off, len, &ip, 0) < 0 || ip.ext)
			return 0;
		tap_headers_set_ip(outer, &ip, TAP_L3_IPV6);
		kind = tap_kind_ip(by->ctx->types, &ip);
		if (tap_unlikely(kind != TAP_KIND_4TUPLE && kind != TAP_KIND_2TUPLE))
			return 0;
		tap_hash_in_place(by, tap_win_l3(w) + 8, 32, kind, r);
		return 1;
	}
	return 0;
}

/** Hash a packet by the whole definition. */
TAP_HOT void
tap_hash_full(struct tap_pkt *pkt, const struct tap_rss_ctx *ctx,
	      const struct tap_toeplitz_table *key, struct tap_headers *outer, struct tap_result *r)
{
	const struct tap_hasher by = { ctx, key };
	struct tap_win w;

	if (tap_pkt_len(pkt) < TAP_ETH_LEN || tap_win_start(pkt, &w) < 0)
		return;
	if (tap_likely((ctx->algo | ctx->flags) == 0) &&
	    tap_hash_plain(pkt, &by, &w, TAP_ETH_LEN, outer, r))
		return;
	tap_result_unpack(r, tap_hash_any(pkt, ctx, key, &w, outer));
}

/** Hash a packet by what a simple program can do: no subprograms, no loops. */
TAP_HOT void
tap_hash_basic(struct tap_pkt *pkt, const struct tap_rss_ctx *ctx,
	       const struct tap_toeplitz_table *key, struct tap_headers *outer,
	       struct tap_result *r)
{
	const struct tap_hasher by = { ctx, key };
	struct tap_win w;
	struct tap_l2 l2;

	if (tap_pkt_len(pkt) < TAP_ETH_LEN || tap_win_start(pkt, &w) < 0)
		return;
	tap_l2_parse(pkt, &w, &l2);
	if (l2.n_data == 0 || tap_win_load(pkt, l2.l3_off - TAP_ETH_LEN, &w) == 0)
		tap_hash_plain(pkt, &by, &w, l2.l3_off, outer, r);
}

#endif /* TAP_HASH_H */
