/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * From a packet to what rules match by. doc/flow.md is its definition.
 */
#ifndef TAP_FLOW_KEY_H
#define TAP_FLOW_KEY_H

#include "tap_parse.h"
#include "tap_policy_abi.h"
#include "tap_tunnel.h"

/** Ethernet header and tags. */
TAP_HOT void
tap_flow_set_l2(struct tap_flow_level *k, const __u8 *eth, const struct tap_l2 *l2)
{
	__builtin_memcpy(k->dst_mac, TAP_WIN_ALIGNED(eth, 2), 12);
	k->kind = TAP_FK_ETH;
	if (l2->n_tags == 0) {
		tap_put16(k->type, l2->type);
		return;
	}
	k->kind |= TAP_FK_VLAN;
	tap_put16(k->type, l2->tpid);
	tap_put16(k->tci, TAP_BE16(l2->tci[0]));
	if (l2->n_tags == 1) {
		tap_put16(k->vlan_type, l2->type);
		return;
	}
	k->kind |= TAP_FK_VLAN2;
	tap_put16(k->vlan_type, l2->tpid2);
	tap_put16(k->vlan2_tci, TAP_BE16(l2->tci[1]));
	tap_put16(k->vlan2_type, l2->type);
}

/** ARP for IPv4 over Ethernet, the only one that rules know; the window has its 28 bytes. */
TAP_HOT void
tap_flow_set_arp(struct tap_flow_level *k, const __u8 *l3)
{
	if (tap_raw32(l3) != tap_be32(0x00010800) || tap_raw16(l3 + 4) != TAP_BE16(0x0604))
		return;
	k->kind |= TAP_FK_ARP;
	tap_put16(k->sport, tap_raw16(l3 + 6));
	__builtin_memcpy(k->addr + 8, TAP_WIN_ALIGNED(l3 + 8, 8), 6);
	tap_put16(k->addr, tap_raw16(l3 + 14));
	tap_put16(k->addr + 2, tap_raw16(l3 + 16));
	__builtin_memcpy(k->addr + 16, TAP_WIN_ALIGNED(l3 + 18, 2), 6);
	tap_put32(k->addr + 4, tap_raw32(TAP_WIN_ALIGNED(l3 + 24, 8)));
}

/** Up to four bytes from @p off on: those of them that are not behind the packet's end. */
TAP_COLD __u32
tap_flow_load(struct tap_pkt *pkt, __u32 off, __u32 end, __u8 *dst)
{
	__u64 less = end - off - 1;

	if (off >= end)
		return 0;
	if (less > 3)
		less = 3;
	/* Bounds that the verifier sees and the compiler cannot take away. */
	tap_forget(less);
	less &= 3;
	tap_forget(less);
	return tap_pkt_load(pkt, off, dst, (__u32)(less + 1)) < 0;
}

/** Ports, or type and code, of a known upper layer; @p behind has what follows the IP header. */
TAP_HOT void
tap_flow_set_l4(struct tap_pkt *pkt, struct tap_flow_level *k, const struct tap_ip *ip,
		const __u8 *behind, const __u32 l3_len)
{
	__u8 b[4] __attribute__((aligned(4))) = { 0 };

	k->kind |= TAP_FK_L4;
	k->l4 = ip->proto;
	if (ip->l4_off + 4 > ip->end)
		tap_flow_load(pkt, ip->l4_off, ip->end, b);
	else if (ip->l4_off == ip->l3_off + l3_len)
		tap_put32(b, tap_raw32(TAP_WIN_ALIGNED(behind, 4)));
	else if (tap_pkt_load(pkt, ip->l4_off, b, 4) < 0)
		return;
	if (ip->proto == TAP_PROTO_TCP || ip->proto == TAP_PROTO_UDP || ip->proto == TAP_PROTO_SCTP)
		tap_put32(k->sport, tap_raw32(b));
	else if (ip->proto == TAP_PROTO_ICMP || ip->proto == TAP_PROTO_ICMP6)
		tap_put16(k->sport, tap_raw16(b));
}

/**
 * Layer 3 and ports of what the window has at @p loc.
 * @return whether that is a valid IP header, which is in @p ip then.
 */
TAP_BODY __u32
tap_flow_set_l3(struct tap_pkt *pkt, struct tap_flow_level *k, const struct tap_win *w, __u64 loc,
		struct tap_ip *ip)
{
	__u32 off = TAP_LOC_OFF(loc), end = TAP_LOC_END(loc);
	const __u8 *l3 = tap_win_l3(w);

	if (TAP_LOC_L3(loc) == TAP_L3_IPV4) {
		if (tap_ip4_parse(l3, off, end, ip) < 0)
			return 0;
		k->kind |= TAP_FK_IPV4;
		k->tos = l3[1];
		k->ttl = l3[8];
		k->proto = l3[9];
		tap_put16(k->word, tap_raw16(l3 + 6));
		__builtin_memcpy(k->addr, TAP_WIN_ALIGNED(l3 + 12, 4), 8);
		if (ip->known)
			tap_flow_set_l4(pkt, k, ip, l3 + TAP_IP4_LEN, TAP_IP4_LEN);
		return 1;
	}
	if (TAP_LOC_L3(loc) == TAP_L3_IPV6) {
		if (tap_ip6_parse(pkt, l3, off, end, ip, 1) < 0)
			return 0;
		k->kind |= TAP_FK_IPV6 | (ip->frag ? TAP_FK_FRAG : 0);
		k->tos = (__u8)(l3[0] << 4 | l3[1] >> 4);
		k->ttl = l3[7];
		k->proto = l3[6];
		tap_put32(k->word, tap_raw32(TAP_WIN_ALIGNED(l3, 8)) & tap_be32(0x000fffff));
		__builtin_memcpy(k->addr, TAP_WIN_ALIGNED(l3 + 8, 8), 32);
		if (ip->known)
			tap_flow_set_l4(pkt, k, ip, l3 + TAP_IP6_LEN, TAP_IP6_LEN);
		return 1;
	}
	if (TAP_LOC_L3(loc) == TAP_L3_ARP && off + 28 <= end)
		tap_flow_set_arp(k, l3);
	return 0;
}

/** The location of what EtherType @p type announces. */
TAP_HOT __u64
tap_flow_loc(__u16 type, __u32 off, __u32 end)
{
	if (type == TAP_BE16(TAP_ETHER_IPV4))
		return TAP_LOC(off, TAP_L3_IPV4, end);
	if (type == TAP_BE16(TAP_ETHER_IPV6))
		return TAP_LOC(off, TAP_L3_IPV6, end);
	return TAP_LOC(off, type == TAP_BE16(TAP_ETHER_ARP) ? TAP_L3_ARP : TAP_L3_NONE, end);
}

/** Whether a fragment header is among the IPv6 headers that were looked through. */
TAP_COLD __u32
tap_flow_atomic(struct tap_pkt *pkt, const struct tap_ip *ip)
{
	__u32 off = ip->l3_off + TAP_IP6_LEN, n = ip->n_ext, proto = ip->first, i;
	__u8 h[4];

	tap_blur(pkt, off);
	for (i = 0; i < TAP_EXT_MAX && i < n; i++) {
		if (proto == TAP_PROTO_FRAGMENT)
			return 1;
		if (tap_pkt_load(pkt, off, h, sizeof(h)) < 0)
			return 0;
		off += tap_ip6_ext_len(proto, h);
		proto = h[0];
	}
	return 0;
}

/** What lies further behind: flags of TCP, words of ICMP and SCTP, atomic fragments. */
TAP_COLD __u32
tap_flow_set_more(struct tap_pkt *pkt, struct tap_flow_level *k, const struct tap_ip *ip)
{
	__u32 l4 = ip->l4_off;

	if (ip->n_ext != 0 && tap_flow_atomic(pkt, ip))
		k->kind |= TAP_FK_FRAG;
	if (!ip->known)
		return 0;
	if (ip->proto == TAP_PROTO_TCP && l4 + 14 <= ip->end)
		tap_pkt_load(pkt, l4 + 13, &k->tcp_flags, 1);
	if (ip->proto == TAP_PROTO_ICMP || ip->proto == TAP_PROTO_ICMP6 ||
	    ip->proto == TAP_PROTO_SCTP)
		tap_flow_load(pkt, l4 + 4, ip->end, k->extra);
	return 0;
}

/** Fields of GRE; the key only if it is there. */
TAP_HOT void
tap_flow_set_gre(struct tap_pkt *pkt, struct tap_flow_tunnel *t, const struct tap_ip *ip)
{
	__u8 h[4] __attribute__((aligned(4)));
	__u32 key = ip->l4_off + 4;

	if (tap_pkt_load(pkt, ip->l4_off, h, 4) < 0)
		return;
	t->kind = TAP_FT_GRE;
	tap_put16(t->flags, tap_raw16(h));
	tap_put16(t->proto, tap_raw16(h + 2));
	key += (h[0] & 0x80) ? 4 : 0;
	if (h[0] & 0x20)
		tap_flow_load(pkt, key, ip->end, t->id);
}

/** Fields of the tunnels in UDP, all of eight bytes. */
TAP_HOT void
tap_flow_set_udp(struct tap_pkt *pkt, struct tap_flow_tunnel *t, const struct tap_ip *ip)
{
	__u8 h[8] __attribute__((aligned(8))), port[2] __attribute__((aligned(2)));

	if (tap_pkt_load(pkt, ip->l4_off + 2, port, 2) < 0 ||
	    tap_pkt_load(pkt, ip->l4_off + TAP_UDP_LEN, h, 8) < 0)
		return;
	tap_put16(t->flags, tap_raw16(h));
	tap_put32(t->id, tap_raw32(h + 4));
	if (tap_raw16(port) == TAP_BE16(TAP_PORT_GENEVE)) {
		t->kind = TAP_FT_GENEVE;
		tap_put16(t->proto, tap_raw16(h + 2));
	} else if (tap_raw16(port) == TAP_BE16(TAP_PORT_VXLAN)) {
		t->kind = TAP_FT_VXLAN;
	} else {
		t->kind = TAP_FT_GTPU;
	}
}

/** Layer 2 of what is in a tunnel: where layer 3 is. */
TAP_COLD __u64
tap_flow_set_inner_l2(struct tap_pkt *pkt, struct tap_flow_level *k, struct tap_win *w, __u64 loc)
{
	__u32 off = TAP_LOC_OFF(loc), end = TAP_LOC_END(loc);
	struct tap_l2 l2 = { .n_tags = 0 };

	if (TAP_LOC_L3(loc) != TAP_L3_ETH)
		return loc;
	tap_blur(pkt, off);
	tap_blur(pkt, end);
	if (off + TAP_ETH_LEN > end || tap_win_load(pkt, off, w) < 0)
		return TAP_LOC_NONE;
	tap_l2_parse_at(w, off, end, &l2);
	tap_flow_set_l2(k, tap_win_eth(w), &l2);
	return tap_flow_loc(l2.type, l2.l3_off, end);
}

/**
 * Make a key all zero. In BPF by a load that fails, which clears: of zeros that it does
 * not know of, the verifier does not make a path for each way to overwrite them.
 */
TAP_HOT void
tap_flow_clear(struct tap_pkt *pkt, union tap_flow_key *k)
{
#ifdef __bpf__
	bpf_skb_load_bytes(pkt, 0xffffffff, k, sizeof(*k));
#else
	(void)pkt;
	__builtin_memset(k, 0, sizeof(*k));
#endif
}

/** An outer IP header as one number, for the look into its tunnel. */
#define TAP_IP_PACK(ip)                                                                            \
	((__u64)(ip)->end << 32 | (__u64)((ip)->l4_off & 0xffff) << 16 |                           \
	 (__u64)((ip)->proto << 8 | (ip)->known))

/** Fill the outer level of @p k. @return a TAP_IP_PACK(), 0 if there is no IP header */
TAP_BODY __u64
tap_flow_build_outer(struct tap_pkt *pkt, union tap_flow_key *k, __u32 flags)
{
	__u32 len = tap_pkt_len(pkt);
	struct tap_win w;
	struct tap_l2 l2;
	struct tap_ip ip;

	if (len < TAP_ETH_LEN || tap_win_start(pkt, &w) < 0)
		return 0;
	tap_l2_parse(pkt, &w, &l2);
	tap_flow_set_l2(&k->outer, tap_win_eth(&w), &l2);
	if (l2.n_data != 0 && tap_win_reload(pkt, l2.l3_off - TAP_ETH_LEN, &w) < 0)
		return 0;
	if (!tap_flow_set_l3(pkt, &k->outer, &w, tap_flow_loc(l2.type, l2.l3_off, len), &ip))
		return 0;
	if (flags & TAP_VIEW_L4)
		tap_flow_set_more(pkt, &k->outer, &ip);
	return TAP_IP_PACK(&ip);
}

/** Fill tunnel and inner level of @p k, of a packet whose outer IP header is @p packed. */
TAP_COLD __u32
tap_flow_build_inner(struct tap_pkt *pkt, union tap_flow_key *k, __u64 packed, __u32 flags)
{
	struct tap_ip ip = {
		.end = (__u32)(packed >> 32),
		.l4_off = (__u32)(packed >> 16) & 0xffff,
		.proto = (__u8)(packed >> 8),
		.known = packed & 1,
	};
	struct tap_win w;
	__u64 loc;

	tap_blur(pkt, ip.end);
	tap_blur(pkt, ip.l4_off);
	loc = tap_tunnel_open(pkt, &ip);
	if (loc == TAP_LOC_NONE)
		return 0;
	if (ip.proto == TAP_PROTO_GRE)
		tap_flow_set_gre(pkt, &k->tunnel, &ip);
	else if (ip.proto == TAP_PROTO_UDP)
		tap_flow_set_udp(pkt, &k->tunnel, &ip);
	else
		k->tunnel.kind = TAP_FT_IP;
	loc = tap_flow_set_inner_l2(pkt, &k->inner, &w, loc);
	if (loc == TAP_LOC_NONE || TAP_LOC_OFF(loc) > TAP_LOC_END(loc) ||
	    tap_win_reload(pkt, TAP_LOC_OFF(loc) - TAP_ETH_LEN, &w) < 0)
		return 0;
	if (tap_flow_set_l3(pkt, &k->inner, &w, loc, &ip) && (flags & TAP_VIEW_L4))
		tap_flow_set_more(pkt, &k->inner, &ip);
	return 0;
}

/** Fill @p k with what rules match of a packet, as far as @p flags of a view want to know. */
TAP_HOT void
tap_flow_build(struct tap_pkt *pkt, union tap_flow_key *k, __u32 flags)
{
	__u64 packed;

	tap_flow_clear(pkt, k);
	packed = tap_flow_build_outer(pkt, k, flags);
	if (packed != 0 && (flags & TAP_VIEW_DEEP))
		tap_flow_build_inner(pkt, k, packed, flags);
}

#endif /* TAP_FLOW_KEY_H */
