/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * From a frame to its headers. doc/rss.md defines what is valid.
 *
 * A window of the frame is loaded with one call, and placed so that the IP header
 * always lies at the same offset of the stack: tags in the data and tunnels move the
 * window, not the header in it. What the hash needs is then hashed where it lies.
 */
#ifndef TAP_PARSE_H
#define TAP_PARSE_H

#include "tap_packet.h"
#include "tap_policy_abi.h"

#define TAP_VLAN_LEN 4u
#define TAP_IP4_LEN 20u
#define TAP_IP6_LEN 40u
/** Bytes of a full window: Ethernet, IPv6, and ports or SPI. */
#define TAP_WIN_LEN 58u

#define TAP_ETHER_IPV4 0x0800
#define TAP_ETHER_ARP 0x0806
#define TAP_ETHER_IPV6 0x86dd
#define TAP_ETHER_C_VLAN 0x8100
#define TAP_ETHER_S_VLAN 0x88a8

/** IP protocol numbers. */
enum tap_ip_proto {
	TAP_PROTO_HOPOPTS = 0,
	TAP_PROTO_ICMP = 1,
	TAP_PROTO_IPV4 = 4,
	TAP_PROTO_TCP = 6,
	TAP_PROTO_UDP = 17,
	TAP_PROTO_IPV6 = 41,
	TAP_PROTO_ROUTING = 43,
	TAP_PROTO_FRAGMENT = 44,
	TAP_PROTO_GRE = 47,
	TAP_PROTO_ESP = 50,
	TAP_PROTO_AH = 51,
	TAP_PROTO_ICMP6 = 58,
	TAP_PROTO_DSTOPTS = 60,
	TAP_PROTO_SCTP = 132,
};

enum tap_l3 {
	TAP_L3_NONE,
	TAP_L3_IPV4,
	TAP_L3_IPV6,
	TAP_L3_ARP, /**< for rules only */
	TAP_L3_ETH, /**< in a tunnel: Ethernet, before it is looked into */
};

/** A fragment, first or later. */
#define TAP_HDR_FRAG 0x01
/** IPv4 options or IPv6 extension headers are present. */
#define TAP_HDR_L3_EXT 0x02
/** The upper layer is known: l4_proto is valid. */
#define TAP_HDR_L4 0x04

/** The outermost headers of a frame, for packet types and offloads. */
struct tap_headers {
	__u16 l3_off;  /**< of the IP header, or where the last EtherType's payload starts */
	__u16 l4_off;  /**< behind the IP header and its options or extension headers */
	__u8 n_vlan;   /**< tags in the data */
	__u8 l3;       /**< enum tap_l3 */
	__u8 l4_proto; /**< upper layer protocol, with TAP_HDR_L4 */
	__u8 flags;    /**< TAP_HDR_* */
};

/** A window of the frame. */
struct tap_win {
#ifndef __bpf__
	const __u8 *frame; /**< where it lies: in the packet itself, or in bytes[] */
#endif
	__u8 pad[2];    /**< so that the IP header is aligned */
	__u8 bytes[70]; /**< to the verifier a load may write 64 */
} __attribute__((aligned(8)));

/** The layer 2 of a frame. */
struct tap_l2 {
	__u32 l3_off; /**< behind the last EtherType */
	__u16 type;   /**< last EtherType, as in the packet */
	__u16 n_data; /**< tags in the data */
	__u16 n_tags; /**< these and the one beside the data */
	__u16 tpid;   /**< of the outermost tag, as in the packet */
	__u16 tpid2;  /**< of the next one */
	__u16 tci[2]; /**< from the outermost on, as numbers */
};

/** A valid IP header and what follows it. */
struct tap_ip {
	__u32 l3_off;
	__u32 l4_off;
	__u32 end;        /**< of the packet, in the frame */
	__u8 first;       /**< of IPv6: the first next header */
	__u8 n_ext;       /**< of IPv6: extension headers looked through */
	__u8 proto;       /**< of the upper layer, if it is known */
	__u8 known;       /**< the upper layer is known */
	__u8 frag;        /**< a fragment, first or later */
	__u8 ext;         /**< IPv4 options or IPv6 extension headers are present */
	__u32 l4_types;   /**< RSS types that give it a 4-tuple or an SPI */
	__u32 pair_types; /**< RSS types that give it a 2-tuple, if none of those is enabled */
};

/** A copy that the frame's end cuts: the rest is zero. @p n is 14 to 57. */
TAP_HOT long
tap_win_copy_short(struct tap_pkt *pkt, __u32 off, __u32 n, struct tap_win *w)
{
	__u64 less = n - 1;

	__builtin_memset(w, 0, sizeof(*w));
	/* Bounds of 1 and 64 that the verifier sees and the compiler cannot take away. */
	tap_forget(less);
	less &= 63;
	tap_forget(less);
	return tap_pkt_load(pkt, off, w->bytes, (__u32)(less + 1));
}

/** Copy the window from @p off on. */
TAP_HOT long
tap_win_copy(struct tap_pkt *pkt, __u32 off, struct tap_win *w)
{
	__u32 n = tap_pkt_len(pkt) - off;

	if (tap_likely(n >= TAP_WIN_LEN))
		return tap_pkt_load(pkt, off, w->bytes, TAP_WIN_LEN);
	return tap_win_copy_short(pkt, off, n, w);
}

#ifdef __bpf__

/** Load the window from @p off on, where the frame has at least an Ethernet header. */
TAP_HOT long
tap_win_load(struct tap_pkt *pkt, __u32 off, struct tap_win *w)
{
	return tap_win_copy(pkt, off, w);
}

/** The Ethernet header, or the 14 bytes before the IP header. */
TAP_HOT const __u8 *
tap_win_eth(const struct tap_win *w)
{
	return w->bytes;
}

#else

TAP_COLD long
tap_win_load_copy(struct tap_pkt *pkt, __u32 off, struct tap_win *w)
{
	if (tap_win_copy(pkt, off, w) < 0)
		return -1;
	w->frame = w->bytes;
	return 0;
}

TAP_HOT long
tap_win_load(struct tap_pkt *pkt, __u32 off, struct tap_win *w)
{
	/* No header is read beyond the frame's end, so a short frame needs no copy either. */
	if (tap_likely(pkt->contig >= off + TAP_WIN_LEN || pkt->contig >= pkt->len)) {
		w->frame = pkt->data + off;
		return 0;
	}
	return tap_win_load_copy(pkt, off, w);
}

TAP_HOT const __u8 *
tap_win_eth(const struct tap_win *w)
{
	return w->frame;
}

#endif /* __bpf__ */

/** The IP header. */
TAP_HOT const __u8 *
tap_win_l3(const struct tap_win *w)
{
	return tap_win_eth(w) + TAP_ETH_LEN;
}

/** The EtherType that the first byte of an IP packet tells, as in a packet; 0 of what is not IP. */
TAP_HOT __u16
tap_type_of(__u8 first)
{
	if (first >> 4 == 4)
		return TAP_BE16(TAP_ETHER_IPV4);
	return first >> 4 == 6 ? TAP_BE16(TAP_ETHER_IPV6) : 0;
}

#if defined(__bpf__) && defined(TAP_L3)

/** Load the window of the packet's start, behind an Ethernet header that is made up. */
TAP_HOT long
tap_win_start(struct tap_pkt *pkt, struct tap_win *w)
{
	__u64 less = pkt->len - 1;
	long ret;

	__builtin_memset(w, 0, sizeof(*w));
	if (less > TAP_WIN_LEN - TAP_ETH_LEN - 1)
		less = pkt->len == 0 ? 0 : TAP_WIN_LEN - TAP_ETH_LEN - 1;
	/* Bounds that the verifier sees and the compiler cannot take away. */
	tap_forget(less);
	if (less > TAP_WIN_LEN - TAP_ETH_LEN - 1)
		return -1;
	ret = tap_pkt_load(pkt, TAP_ETH_LEN, w->bytes + TAP_ETH_LEN, (__u32)less + 1);
	tap_put16(w->bytes + 12, tap_type_of(w->bytes[TAP_ETH_LEN]));
	return ret;
}

#else

/** Load the window of the frame's start, of which at least 14 bytes are there. */
TAP_HOT long
tap_win_start(struct tap_pkt *pkt, struct tap_win *w)
{
	return tap_win_load(pkt, 0, w);
}

#endif

/** Load the window again, elsewhere: off the straight path. */
TAP_COLD long
tap_win_reload(struct tap_pkt *pkt, __u32 off, struct tap_win *w)
{
	return tap_win_load(pkt, off, w);
}

TAP_HOT int
tap_is_vlan(__u16 type)
{
	return type == TAP_BE16(TAP_ETHER_C_VLAN) || type == TAP_BE16(TAP_ETHER_S_VLAN);
}

/** Look through one tag in the data; @p behind has its TCI and the next EtherType. */
TAP_HOT int
tap_l2_tag(struct tap_l2 *l2, __u32 len, const __u8 *behind)
{
	if (!tap_is_vlan(l2->type) || l2->n_tags == 2 || len < l2->l3_off + TAP_VLAN_LEN)
		return 0;
	if (l2->n_tags == 0) {
		l2->tpid = l2->type;
		l2->tci[0] = (__u16)tap_get16(behind);
	} else {
		l2->tpid2 = l2->type;
		l2->tci[1] = (__u16)tap_get16(behind);
	}
	l2->type = tap_raw16(behind + 2);
	l2->l3_off += TAP_VLAN_LEN;
	l2->n_data++;
	l2->n_tags++;
	return 1;
}

/** The Ethernet header at @p off, where the window starts, and its tags up to @p limit. */
TAP_HOT void
tap_l2_parse_at(const struct tap_win *w, __u32 off, __u32 limit, struct tap_l2 *l2)
{
	l2->l3_off = off + TAP_ETH_LEN;
	l2->type = tap_raw16(tap_win_eth(w) + 12);
	l2->n_data = 0;
	l2->tpid2 = 0;
	if (tap_l2_tag(l2, limit, tap_win_l3(w)))
		tap_l2_tag(l2, limit, tap_win_l3(w) + TAP_VLAN_LEN);
}

/**
 * Layer 2 of the outermost frame, which is not under 14 bytes. The window is that of
 * the frame's start.
 */
TAP_HOT void
tap_l2_parse(struct tap_pkt *pkt, const struct tap_win *w, struct tap_l2 *l2)
{
	l2->tci[0] = 0;
	l2->tci[1] = 0;
	l2->tpid = tap_pkt_tag(pkt, &l2->tci[0]);
	l2->n_tags = l2->tpid != 0;
	tap_l2_parse_at(w, 0, tap_pkt_len(pkt), l2);
}

/** Types for IPv6 are those for IPv4, this much higher. */
#define TAP_RSS_V6_SHIFT 6
_Static_assert(TAP_RSS_IPV6 == TAP_RSS_IPV4 << TAP_RSS_V6_SHIFT, "IPv6 types are IPv4's, shifted");
_Static_assert(TAP_RSS_IPV6_OTHER == TAP_RSS_IPV4_OTHER << TAP_RSS_V6_SHIFT,
	       "IPv6 types are IPv4's, shifted");

/**
 * Decide whether the upper layer is known, and which types apply: one switch for both.
 * @p lost: the extension headers did not lead to it.
 */
TAP_HOT void
tap_ip_upper(struct tap_ip *ip, const enum tap_l3 l3, int lost)
{
	const __u32 v6 = l3 == TAP_L3_IPV6, up = v6 ? TAP_RSS_V6_SHIFT : 0;
	const __u32 pair = TAP_RSS_IPV4 << up | (v6 ? TAP_RSS_IPV6_EX : 0);
	__u32 need = 4, types, other = 0;

	ip->known = 0;
	ip->l4_types = 0;
	ip->pair_types = pair;
	if (tap_unlikely(ip->frag))
		ip->pair_types |= TAP_RSS_IPV4_FRAG << up;
	if (tap_unlikely(ip->frag || lost))
		return;
	if (tap_likely(ip->proto == TAP_PROTO_UDP)) {
		types = TAP_RSS_IPV4_UDP << up | (v6 ? TAP_RSS_IPV6_UDP_EX : 0);
	} else if (tap_likely(ip->proto == TAP_PROTO_TCP)) {
		types = TAP_RSS_IPV4_TCP << up | (v6 ? TAP_RSS_IPV6_TCP_EX : 0);
	} else if (ip->proto == TAP_PROTO_SCTP) {
		types = TAP_RSS_IPV4_SCTP << up;
	} else {
		other = TAP_RSS_IPV4_OTHER << up;
		types = ip->proto == TAP_PROTO_ESP ? TAP_RSS_ESP : 0;
		need = ip->proto == TAP_PROTO_ESP ? 4 : 0;
		if (ip->proto == TAP_PROTO_AH) {
			types = TAP_RSS_AH;
			need = 8;
		}
	}
	if (ip->l4_off + need > ip->end)
		return;
	ip->known = 1;
	ip->l4_types = types;
	ip->pair_types |= other;
}

/** IPv4 header at @p l3; the frame, or the packet around this one, ends at @p limit. */
TAP_HOT int
tap_ip4_parse(const __u8 *l3, __u32 l3_off, __u32 limit, struct tap_ip *ip)
{
	__u32 hlen, total;

	if (l3_off + TAP_IP4_LEN > limit || l3[0] >> 4 != 4)
		return -1;
	hlen = (l3[0] & 15u) * 4;
	total = tap_get16(&l3[2]);
	if (hlen < TAP_IP4_LEN || l3_off + hlen > limit || (total != 0 && total < hlen))
		return -1;
	ip->l3_off = l3_off;
	ip->l4_off = l3_off + hlen;
	ip->end = total != 0 && l3_off + total < limit ? l3_off + total : limit;
	ip->proto = l3[9];
	ip->first = 0;
	ip->n_ext = 0;
	ip->ext = hlen > TAP_IP4_LEN;
	ip->frag = (tap_raw16(&l3[6]) & TAP_BE16(0x3fff)) != 0;
	tap_ip_upper(ip, TAP_L3_IPV4, 0);
	return 0;
}

#define TAP_EXT_MAX 8

TAP_HOT int
tap_ip6_is_ext(__u32 proto)
{
	return proto == TAP_PROTO_HOPOPTS || proto == TAP_PROTO_ROUTING ||
	       proto == TAP_PROTO_FRAGMENT || proto == TAP_PROTO_DSTOPTS;
}

/** Length of an extension header of which @p h has the first bytes. */
TAP_HOT __u32
tap_ip6_ext_len(__u32 proto, const __u8 *h)
{
	return proto == TAP_PROTO_FRAGMENT ? 8 : (h[1] + 1u) * 8;
}

/** The walk ended at a fragment header. */
#define TAP_WALK_FRAG 0x01
/** The walk could not reach the upper layer. */
#define TAP_WALK_LOST 0x02
/** What a walk gives: where it ended, how many headers it looked through, what it met there. */
#define TAP_WALK_RESULT(off, n, proto, flags)                                                      \
	((__u64)(off) << 32 | (__u64)((n) << 16 | (proto) << 8 | (flags)))
#define TAP_WALK_OFF(r) ((__u32)((r) >> 32))
#define TAP_WALK_N(r) ((__u8)((r) >> 16))
#define TAP_WALK_PROTO(r) ((__u8)((r) >> 8))

/**
 * Walk over IPv6 extension headers, the first of which is @p proto at @p off.
 * @return a TAP_WALK_RESULT()
 */
TAP_COLD __u64
tap_ip6_walk(struct tap_pkt *pkt, __u32 off, __u32 end, __u32 proto)
{
	__u32 i, hlen;
	__u8 h[4];

	TAP_UNROLL
	for (i = 0; i < TAP_EXT_MAX; i++) {
		if (!tap_ip6_is_ext(proto))
			return TAP_WALK_RESULT(off, i, proto, 0);
		if (off + 8 > end || tap_pkt_load(pkt, off, h, sizeof(h)) < 0)
			return TAP_WALK_RESULT(off, i, proto, TAP_WALK_LOST);
		hlen = tap_ip6_ext_len(proto, h);
		if (off + hlen > end)
			return TAP_WALK_RESULT(off, i, proto, TAP_WALK_LOST);
		off += hlen;
		/* Offset and M; an atomic fragment has neither. */
		if (proto == TAP_PROTO_FRAGMENT && (tap_raw16(&h[2]) & TAP_BE16(0xfff9)))
			return TAP_WALK_RESULT(off, i, h[0], TAP_WALK_FRAG);
		proto = h[0];
	}
	return TAP_WALK_RESULT(off, i, proto, tap_ip6_is_ext(proto) ? TAP_WALK_LOST : 0);
}

/** IPv6 with extension headers: the rest of tap_ip6_parse(). */
TAP_HOT void
tap_ip6_extended(struct tap_pkt *pkt, struct tap_ip *ip)
{
	__u64 r;

	tap_blur(pkt, ip->l4_off);
	tap_blur(pkt, ip->end);
	r = tap_ip6_walk(pkt, ip->l4_off, ip->end, ip->proto);
	/* Wherever it ended, the rest is one and the same for the verifier. */
	tap_blur(pkt, r);
	ip->l4_off = TAP_WALK_OFF(r);
	ip->n_ext = TAP_WALK_N(r);
	ip->proto = TAP_WALK_PROTO(r);
	ip->frag = (r & TAP_WALK_FRAG) != 0;
	tap_ip_upper(ip, TAP_L3_IPV6, (r & TAP_WALK_LOST) != 0);
}

/** IPv6 header at @p l3, as tap_ip4_parse(). Without @p walk, extension headers are unknown. */
TAP_HOT int
tap_ip6_parse(struct tap_pkt *pkt, const __u8 *l3, __u32 l3_off, __u32 limit, struct tap_ip *ip,
	      const int walk)
{
	__u32 total;

	if (l3_off + TAP_IP6_LEN > limit || l3[0] >> 4 != 6)
		return -1;
	total = tap_get16(&l3[4]);
	ip->l3_off = l3_off;
	ip->l4_off = l3_off + TAP_IP6_LEN;
	ip->end = limit;
	if (total != 0 && ip->l4_off + total < limit)
		ip->end = ip->l4_off + total;
	ip->proto = l3[6];
	ip->first = ip->proto;
	ip->n_ext = 0;
	ip->frag = 0;
	ip->ext = (__u8)tap_ip6_is_ext(ip->proto);
	if (walk && (TAP_WALK_ALWAYS || tap_unlikely(ip->ext)))
		tap_ip6_extended(pkt, ip);
	else
		tap_ip_upper(ip, TAP_L3_IPV6, ip->ext);
	return 0;
}

/** Describe a frame whose layer 2 is known and whose last EtherType is not IP. */
TAP_HOT void
tap_headers_set_l2(struct tap_headers *h, const struct tap_l2 *l2)
{
	if (!TAP_WANT_OUTER)
		return;
	h->l3_off = (__u16)l2->l3_off;
	h->l4_off = (__u16)l2->l3_off;
	h->n_vlan = (__u8)l2->n_data;
	h->l3 = TAP_L3_NONE;
	h->l4_proto = 0;
	h->flags = 0;
}

/** Add the IP header. */
TAP_HOT void
tap_headers_set_ip(struct tap_headers *h, const struct tap_ip *ip, enum tap_l3 l3)
{
	if (!TAP_WANT_OUTER)
		return;
	h->l3 = (__u8)l3;
	h->l4_off = (__u16)ip->l4_off;
	h->l4_proto = ip->proto;
	h->flags = (__u8)((ip->frag ? TAP_HDR_FRAG : 0) | (ip->ext ? TAP_HDR_L3_EXT : 0) |
			  (ip->known ? TAP_HDR_L4 : 0));
}

/** Parse the outermost headers, nothing else. */
TAP_HOT void
tap_parse(struct tap_pkt *pkt, struct tap_headers *h)
{
	__u32 len = tap_pkt_len(pkt);
	struct tap_win w;
	struct tap_l2 l2;
	struct tap_ip ip;

	__builtin_memset(h, 0, sizeof(*h));
	if (len < TAP_ETH_LEN || tap_win_start(pkt, &w) < 0)
		return;
	tap_l2_parse(pkt, &w, &l2);
	tap_headers_set_l2(h, &l2);
	if (l2.n_data != 0 && tap_win_reload(pkt, l2.l3_off - TAP_ETH_LEN, &w) < 0)
		return;
	if (l2.type == TAP_BE16(TAP_ETHER_IPV4)) {
		if (tap_ip4_parse(tap_win_l3(&w), l2.l3_off, len, &ip) == 0)
			tap_headers_set_ip(h, &ip, TAP_L3_IPV4);
	} else if (l2.type == TAP_BE16(TAP_ETHER_IPV6)) {
		if (tap_ip6_parse(pkt, tap_win_l3(&w), l2.l3_off, len, &ip, 1) == 0)
			tap_headers_set_ip(h, &ip, TAP_L3_IPV6);
	}
}

#endif /* TAP_PARSE_H */
