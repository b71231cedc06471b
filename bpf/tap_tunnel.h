/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * Through tunnels to the innermost IP header. doc/rss.md says which are opened, and
 * when. All of this is off the path of a port that hashes outermost headers.
 */
#ifndef TAP_TUNNEL_H
#define TAP_TUNNEL_H

#include "tap_parse.h"

#define TAP_TUNNEL_MAX 2
#define TAP_PORT_GTPU 2152
#define TAP_PORT_VXLAN 4789
#define TAP_PORT_GENEVE 6081
#define TAP_ETHER_TEB 0x6558
#define TAP_UDP_LEN 8u

/**
 * Where an IP header lies and where the packet around it ends, as one number. 16 bits are
 * enough for the offset: two tunnels and all extension headers take less than 52,000 bytes.
 */
#define TAP_LOC(l3_off, l3, end) ((__u64)(end) << 32 | (__u64)((l3_off)&0xffff) << 8 | (__u64)(l3))
#define TAP_LOC_NONE 0ULL
#define TAP_LOC_L3(loc) ((__u32)(loc)&0xff)
#define TAP_LOC_OFF(loc) ((__u32)(loc) >> 8 & 0xffff)
#define TAP_LOC_END(loc) ((__u32)((loc) >> 32))
#define TAP_LOC_TYPE(loc)                                                                          \
	(TAP_LOC_L3(loc) == TAP_L3_IPV4 ? TAP_BE16(TAP_ETHER_IPV4) : TAP_BE16(TAP_ETHER_IPV6))

/** What an EtherType (as in the packet) announces at @p off. */
TAP_COLD __u64
tap_tunnel_type(__u16 type, __u32 off, __u32 end)
{
	if (type == TAP_BE16(TAP_ETHER_IPV4))
		return TAP_LOC(off, TAP_L3_IPV4, end);
	if (type == TAP_BE16(TAP_ETHER_IPV6))
		return TAP_LOC(off, TAP_L3_IPV6, end);
	return TAP_LOC_NONE;
}

/** An Ethernet header at @p off, with at most two tags. */
TAP_COLD __u64
tap_tunnel_eth(struct tap_pkt *pkt, __u32 off, __u32 end)
{
	__u8 b[10] = { 0 };
	__u32 next = off + TAP_ETH_LEN;
	__u16 type;

	if (next > end || tap_pkt_load(pkt, off + 12, b, 2) < 0)
		return TAP_LOC_NONE;
	type = tap_raw16(b);
	if (!tap_is_vlan(type))
		return tap_tunnel_type(type, next, end);
	if (next + 4 > end || tap_pkt_load(pkt, next, b, 4) < 0)
		return TAP_LOC_NONE;
	type = tap_raw16(b + 2);
	if (!tap_is_vlan(type))
		return tap_tunnel_type(type, next + 4, end);
	if (next + 8 > end || tap_pkt_load(pkt, next + 4, b, 4) < 0)
		return TAP_LOC_NONE;
	return tap_tunnel_type(tap_raw16(b + 2), next + 8, end);
}

/**
 * What follows a tunnel header that names an EtherType: Ethernet or IP; TAP_L3_NONE at
 * its place if it is something else.
 */
TAP_HOT __u64
tap_tunnel_payload(__u16 type, __u32 off, __u32 end)
{
	__u64 loc = tap_tunnel_type(type, off, end);

	if (loc != TAP_LOC_NONE)
		return loc;
	return TAP_LOC(off, type == TAP_BE16(TAP_ETHER_TEB) ? TAP_L3_ETH : TAP_L3_NONE, end);
}

TAP_COLD __u64
tap_tunnel_gre(struct tap_pkt *pkt, __u32 off, __u32 end)
{
	__u8 h[4];

	if (off + 4 > end || tap_pkt_load(pkt, off, h, sizeof(h)) < 0)
		return TAP_LOC_NONE;
	if ((h[0] & 0x40) || (h[1] & 7))
		return TAP_LOC_NONE;
	off += 4;
	/* Checksum, key, sequence number. */
	off += (h[0] & 0x80) ? 4 : 0;
	off += (h[0] & 0x20) ? 4 : 0;
	off += (h[0] & 0x10) ? 4 : 0;
	return tap_tunnel_payload(tap_raw16(h + 2), off, end);
}

#define TAP_GTP_EXT_MAX 4

/** Behind the extension headers of GTP-U, the first of which is not none; or 0. */
TAP_COLD __u32
tap_gtp_walk(struct tap_pkt *pkt, __u32 off, __u32 end)
{
	__u32 i, len;
	__u8 b;

	tap_blur(pkt, off);
	tap_blur(pkt, end);
	for (i = 0; i < TAP_GTP_EXT_MAX; i++) {
		if (off + 4 > end || tap_pkt_load(pkt, off, &b, 1) < 0 || b == 0)
			return 0;
		len = b * 4u;
		if (off + len > end || tap_pkt_load(pkt, off + len - 1, &b, 1) < 0)
			return 0;
		off += len;
		if (b == 0)
			return off;
	}
	return 0;
}

TAP_COLD __u64
tap_tunnel_gtpu(struct tap_pkt *pkt, __u32 off, __u32 end)
{
	__u32 next = off + 8;
	__u8 h[2], b;

	if (next > end || tap_pkt_load(pkt, off, h, sizeof(h)) < 0)
		return TAP_LOC_NONE;
	/* Version 1, protocol type 1; a G-PDU. */
	if ((h[0] & 0xf0) != 0x30 || h[1] != 255)
		return TAP_LOC_NONE;
	if (h[0] & 7) {
		next += 4;
		if (next > end || tap_pkt_load(pkt, next - 1, &b, 1) < 0)
			return TAP_LOC_NONE;
		if ((h[0] & 4) && b != 0)
			next = tap_gtp_walk(pkt, next, end);
		if (next == 0)
			return TAP_LOC_NONE;
	}
	if (next + 1 > end || tap_pkt_load(pkt, next, &b, 1) < 0)
		b = 0;
	if (b >> 4 == 4)
		return TAP_LOC(next, TAP_L3_IPV4, end);
	/* Rules match its header, whatever it carries. */
	return TAP_LOC(next, b >> 4 == 6 ? TAP_L3_IPV6 : TAP_L3_NONE, end);
}

TAP_HOT __u64
tap_tunnel_udp(struct tap_pkt *pkt, __u32 off, __u32 end)
{
	__u32 next = off + TAP_UDP_LEN;
	__u8 h[4];
	__u16 port;

	if (tap_pkt_load(pkt, off + 2, h, 2) < 0)
		return TAP_LOC_NONE;
	port = tap_raw16(h);
	if (port == TAP_BE16(TAP_PORT_GTPU))
		return tap_tunnel_gtpu(pkt, next, end);
	if (port != TAP_BE16(TAP_PORT_VXLAN) && port != TAP_BE16(TAP_PORT_GENEVE))
		return TAP_LOC_NONE;
	if (next + 8 > end || tap_pkt_load(pkt, next, h, sizeof(h)) < 0)
		return TAP_LOC_NONE;
	if (port == TAP_BE16(TAP_PORT_VXLAN))
		return (h[0] & 8) ? TAP_LOC(next + 8, TAP_L3_ETH, end) : TAP_LOC_NONE;
	next += 8 + (h[0] & 63u) * 4;
	if (h[0] >> 6 != 0 || next > end)
		return TAP_LOC_NONE;
	return tap_tunnel_payload(tap_raw16(h + 2), next, end);
}

/** Load and parse the IP header at @p loc. */
TAP_HOT int
tap_loc_parse(struct tap_pkt *pkt, __u64 loc, struct tap_ip *ip)
{
	__u32 off = TAP_LOC_OFF(loc), end = TAP_LOC_END(loc);
	__u8 l3[TAP_IP6_LEN];

	tap_blur(pkt, off);
	tap_blur(pkt, end);
	if (TAP_LOC_L3(loc) == TAP_L3_IPV4) {
		if (off + TAP_IP4_LEN > end || tap_pkt_load(pkt, off, l3, TAP_IP4_LEN) < 0)
			return -1;
		return tap_ip4_parse(l3, off, end, ip);
	}
	if (TAP_LOC_L3(loc) == TAP_L3_IPV6) {
		if (off + TAP_IP6_LEN > end || tap_pkt_load(pkt, off, l3, TAP_IP6_LEN) < 0)
			return -1;
		return tap_ip6_parse(pkt, l3, off, end, ip, 1);
	}
	return -1;
}

/**
 * What the tunnel header at the upper layer of @p ip leads to; TAP_LOC_NONE if there is
 * none, or it is not one to look into.
 */
TAP_COLD __u64
tap_tunnel_open(struct tap_pkt *pkt, const struct tap_ip *ip)
{
	if (!ip->known)
		return TAP_LOC_NONE;
	switch (ip->proto) {
	case TAP_PROTO_IPV4:
		return TAP_LOC(ip->l4_off, TAP_L3_IPV4, ip->end);
	case TAP_PROTO_IPV6:
		return TAP_LOC(ip->l4_off, TAP_L3_IPV6, ip->end);
	case TAP_PROTO_GRE:
		return tap_tunnel_gre(pkt, ip->l4_off, ip->end);
	case TAP_PROTO_UDP:
		return tap_tunnel_udp(pkt, ip->l4_off, ip->end);
	default:
		return TAP_LOC_NONE;
	}
}

/**
 * One step inwards: where the IP header inside the packet at @p loc is said to be,
 * not validated; TAP_LOC_NONE if this is no tunnel or no valid IP header.
 */
TAP_COLD __u64
tap_tunnel_step(struct tap_pkt *pkt, __u64 loc)
{
	struct tap_ip ip;

	if (tap_loc_parse(pkt, loc, &ip) < 0)
		return TAP_LOC_NONE;
	loc = tap_tunnel_open(pkt, &ip);
	if (TAP_LOC_L3(loc) == TAP_L3_ETH)
		return tap_tunnel_eth(pkt, TAP_LOC_OFF(loc), TAP_LOC_END(loc));
	return loc;
}

/** Whether there is a valid IP header. */
TAP_COLD __u32
tap_loc_valid(struct tap_pkt *pkt, __u64 loc)
{
	__u32 off = TAP_LOC_OFF(loc), end = TAP_LOC_END(loc);
	__u8 l3[TAP_IP4_LEN];
	struct tap_ip ip;

	tap_blur(pkt, off);
	tap_blur(pkt, end);
	if (off + TAP_IP4_LEN > end || tap_pkt_load(pkt, off, l3, sizeof(l3)) < 0)
		return 0;
	if (TAP_LOC_L3(loc) == TAP_L3_IPV4)
		return tap_ip4_parse(l3, off, end, &ip) == 0;
	return TAP_LOC_L3(loc) == TAP_L3_IPV6 && off + TAP_IP6_LEN <= end && l3[0] >> 4 == 6;
}

/**
 * The innermost valid IP header within the one that EtherType @p type announces at
 * @p l3_off: a TAP_LOC, or TAP_LOC_NONE if there is no tunnel.
 */
TAP_COLD __u64
tap_innermost(struct tap_pkt *pkt, __u16 type, __u32 l3_off, __u32 limit)
{
	__u64 loc = tap_tunnel_type(type, l3_off, limit), found = TAP_LOC_NONE;
	__u32 i;

	for (i = 0; i < TAP_TUNNEL_MAX; i++) {
		loc = tap_tunnel_step(pkt, loc);
		if (loc == TAP_LOC_NONE || !tap_loc_valid(pkt, loc))
			break;
		found = loc;
	}
	return found;
}

#endif /* TAP_TUNNEL_H */
