/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

/* Bytes of a frame; `end` is where the enclosing packet ends. */
struct span {
	const uint8_t *byte;
	unsigned int end;
};

enum upper {
	UPPER_UNKNOWN,
	UPPER_FRAGMENT,
	UPPER_PORTS,
	UPPER_SPI,
	UPPER_OTHER,
};

/* One IP packet, as far as its headers tell. */
struct ref_ip {
	unsigned int version;
	unsigned int addr_len;
	uint8_t src[16];
	uint8_t dst[16];
	bool has_home;
	uint8_t home[16];
	bool has_route;
	uint8_t route[16];
	bool ext;
	enum upper upper;
	uint8_t proto;
	uint8_t field[4]; /* both ports, or the SPI */
	unsigned int upper_off;
	unsigned int end;
};

struct eth {
	unsigned int n_data_tags;
	unsigned int n_tags;
	uint16_t tpid[2];
	uint16_t vid[2];
	uint16_t type;
	unsigned int payload;
};

static bool
fits(struct span s, unsigned int off, unsigned int n)
{
	return off <= s.end && s.end - off >= n;
}

/* A read beyond the end is a bug of this file: stop at once. */
static unsigned int
byte_at(struct span s, unsigned int off)
{
	if (!fits(s, off, 1)) {
		fprintf(stderr, "reference: byte %u of %u\n", off, s.end);
		abort();
	}
	return s.byte[off];
}

static unsigned int
word_at(struct span s, unsigned int off)
{
	return byte_at(s, off) * 256 + byte_at(s, off + 1);
}

static void
copy_from(struct span s, unsigned int off, uint8_t *to, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		to[i] = (uint8_t)byte_at(s, off + i);
}

static unsigned int
smaller(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static bool
is_tpid(unsigned int type)
{
	return type == 0x8100 || type == 0x88a8;
}

static void
add_tag(struct eth *eth, unsigned int tpid, unsigned int tci)
{
	eth->tpid[eth->n_tags] = (uint16_t)tpid;
	eth->vid[eth->n_tags] = tci & 0x0fff;
	eth->n_tags++;
}

/* Ethernet header at `off`; false if it is not all there. */
static bool
parse_eth(struct span s, unsigned int off, const struct ref_tag *meta, struct eth *eth)
{
	memset(eth, 0, sizeof(*eth));
	if (!fits(s, off, 14))
		return false;
	if (meta != NULL && meta->present)
		add_tag(eth, meta->tpid, meta->tci);
	eth->type = (uint16_t)word_at(s, off + 12);
	eth->payload = off + 14;
	while (is_tpid(eth->type) && eth->n_tags < 2 && fits(s, eth->payload, 4)) {
		add_tag(eth, eth->type, word_at(s, eth->payload));
		eth->type = (uint16_t)word_at(s, eth->payload + 2);
		eth->payload += 4;
		eth->n_data_tags++;
	}
	return true;
}

/* What follows the IP header: fills upper, proto and field. */
static void
parse_upper(struct span s, struct ref_ip *ip)
{
	unsigned int skip = 0;

	s.end = ip->end;
	ip->upper = UPPER_OTHER;
	switch (ip->proto) {
	case 6:   /* TCP */
	case 17:  /* UDP */
	case 132: /* SCTP */
		ip->upper = UPPER_PORTS;
		break;
	case 50: /* ESP */
		ip->upper = UPPER_SPI;
		break;
	case 51: /* AH */
		ip->upper = UPPER_SPI;
		skip = 4;
		break;
	default:
		return;
	}
	if (!fits(s, ip->upper_off, skip + 4)) {
		ip->upper = UPPER_UNKNOWN;
		return;
	}
	copy_from(s, ip->upper_off + skip, ip->field, 4);
}

static bool
parse_ip4(struct span s, unsigned int off, struct ref_ip *ip)
{
	unsigned int header, total, frag;

	memset(ip, 0, sizeof(*ip));
	if (!fits(s, off, 20))
		return false;
	header = byte_at(s, off) % 16 * 4;
	total = word_at(s, off + 2);
	if (byte_at(s, off) / 16 != 4 || header < 20 || !fits(s, off, header))
		return false;
	if (total != 0 && total < header)
		return false;
	ip->version = 4;
	ip->addr_len = 4;
	ip->ext = header > 20;
	ip->end = total == 0 ? s.end : smaller(off + total, s.end);
	ip->upper_off = off + header;
	ip->proto = (uint8_t)byte_at(s, off + 9);
	copy_from(s, off + 12, ip->src, 4);
	copy_from(s, off + 16, ip->dst, 4);
	frag = word_at(s, off + 6);
	if ((frag & 0x2000) != 0 || (frag & 0x1fff) != 0)
		ip->upper = UPPER_FRAGMENT;
	else
		parse_upper(s, ip);
	return true;
}

/* The Home Address option of the destination options header that `opts` spans. */
static void
find_home(struct span opts, unsigned int off, struct ref_ip *ip)
{
	unsigned int n, len;

	off += 2;
	for (n = 0; n < 8 && off < opts.end; n++) {
		if (byte_at(opts, off) == 0) {
			off++;
			continue;
		}
		if (!fits(opts, off, 2))
			return;
		len = byte_at(opts, off + 1);
		if (!fits(opts, off + 2, len))
			return;
		if (byte_at(opts, off) == 0xc9 && len == 16 && !ip->has_home) {
			ip->has_home = true;
			copy_from(opts, off + 2, ip->home, 16);
		}
		off += 2 + len;
	}
}

/* One extension header that is known to lie in the packet, `len` bytes long. */
static void
note_addresses(struct span s, unsigned int off, unsigned int type, unsigned int len,
	       struct ref_ip *ip)
{
	if (type == 60) {
		s.end = off + len;
		find_home(s, off, ip);
	}
	if (type == 43 && byte_at(s, off + 2) == 2 && len == 24 && !ip->has_route) {
		ip->has_route = true;
		copy_from(s, off + 8, ip->route, 16);
	}
}

/* Walk the extension headers from upper_off; leaves upper as UNKNOWN, FRAGMENT or set. */
static void
walk(struct span s, struct ref_ip *ip)
{
	unsigned int seen = 0, off, len, frag;

	s.end = ip->end;
	ip->upper = UPPER_UNKNOWN;
	while (ip->proto == 0 || ip->proto == 43 || ip->proto == 44 || ip->proto == 60) {
		ip->ext = true;
		off = ip->upper_off;
		if (seen == 8 || !fits(s, off, 8))
			return;
		len = ip->proto == 44 ? 8 : 8 + 8 * byte_at(s, off + 1);
		if (!fits(s, off, len))
			return;
		seen++;
		ip->upper_off = off + len;
		if (ip->proto == 44) {
			frag = word_at(s, off + 2);
			if ((frag & 0xfff8) != 0 || (frag & 1) != 0) {
				ip->upper = UPPER_FRAGMENT;
				return;
			}
		}
		note_addresses(s, off, ip->proto, len, ip);
		ip->proto = (uint8_t)byte_at(s, off);
	}
	parse_upper(s, ip);
}

static bool
parse_ip6(struct span s, unsigned int off, struct ref_ip *ip)
{
	unsigned int payload;

	memset(ip, 0, sizeof(*ip));
	if (!fits(s, off, 40) || byte_at(s, off) / 16 != 6)
		return false;
	ip->version = 6;
	ip->addr_len = 16;
	payload = word_at(s, off + 4);
	ip->end = payload == 0 ? s.end : smaller(off + 40 + payload, s.end);
	ip->upper_off = off + 40;
	ip->proto = (uint8_t)byte_at(s, off + 6);
	copy_from(s, off + 8, ip->src, 16);
	copy_from(s, off + 24, ip->dst, 16);
	walk(s, ip);
	return true;
}

static bool
parse_ip(struct span s, unsigned int off, unsigned int ethertype, struct ref_ip *ip)
{
	if (ethertype == 0x0800)
		return parse_ip4(s, off, ip);
	if (ethertype == 0x86dd)
		return parse_ip6(s, off, ip);
	return false;
}

/* What a tunnel's protocol field announces: Ethernet or IP. */
static bool
parse_payload(struct span s, unsigned int off, unsigned int ethertype, struct ref_ip *ip)
{
	struct eth eth;

	if (ethertype != 0x6558)
		return parse_ip(s, off, ethertype, ip);
	return parse_eth(s, off, NULL, &eth) && parse_ip(s, eth.payload, eth.type, ip);
}

static bool
open_gre(struct span s, unsigned int off, struct ref_ip *inner)
{
	unsigned int flags, len = 4;

	if (!fits(s, off, 4))
		return false;
	flags = word_at(s, off);
	if ((flags & 0x0007) != 0 || (flags & 0x4000) != 0)
		return false;
	if ((flags & 0x8000) != 0)
		len += 4;
	if ((flags & 0x2000) != 0)
		len += 4;
	if ((flags & 0x1000) != 0)
		len += 4;
	return parse_payload(s, off + len, word_at(s, off + 2), inner);
}

static bool
open_vxlan(struct span s, unsigned int off, struct ref_ip *inner)
{
	if (!fits(s, off, 8) || (byte_at(s, off) & 0x08) == 0)
		return false;
	return parse_payload(s, off + 8, 0x6558, inner);
}

static bool
open_geneve(struct span s, unsigned int off, struct ref_ip *inner)
{
	unsigned int options;

	if (!fits(s, off, 8) || byte_at(s, off) / 64 != 0)
		return false;
	options = byte_at(s, off) % 64 * 4;
	return parse_payload(s, off + 8 + options, word_at(s, off + 2), inner);
}

/* Behind the extension headers of GTP-U, the first of which is at *off. */
static bool
skip_gtp_extensions(struct span s, unsigned int *off, unsigned int type)
{
	unsigned int n, len;

	for (n = 0; type != 0; n++) {
		if (n == 4 || !fits(s, *off, 1))
			return false;
		len = byte_at(s, *off) * 4;
		if (len == 0 || !fits(s, *off, len))
			return false;
		type = byte_at(s, *off + len - 1);
		*off += len;
	}
	return true;
}

static bool
open_gtpu(struct span s, unsigned int off, struct ref_ip *inner)
{
	unsigned int flags, version;

	if (!fits(s, off, 8))
		return false;
	flags = byte_at(s, off);
	if (flags / 32 != 1 || (flags & 0x10) == 0 || byte_at(s, off + 1) != 255)
		return false;
	if ((flags & 0x07) == 0) {
		off += 8;
	} else {
		unsigned int type;

		if (!fits(s, off, 12))
			return false;
		type = (flags & 0x04) != 0 ? byte_at(s, off + 11) : 0;
		off += 12;
		if (!skip_gtp_extensions(s, &off, type))
			return false;
	}
	if (!fits(s, off, 1))
		return false;
	version = byte_at(s, off) / 16;
	if (version != 4 && version != 6)
		return false;
	return parse_ip(s, off, version == 4 ? 0x0800 : 0x86dd, inner);
}

static bool
open_tunnel(struct span s, const struct ref_ip *outer, struct ref_ip *inner)
{
	unsigned int off = outer->upper_off;

	s.end = outer->end;
	if (outer->upper == UPPER_OTHER && outer->proto == 4)
		return parse_ip4(s, off, inner);
	if (outer->upper == UPPER_OTHER && outer->proto == 41)
		return parse_ip6(s, off, inner);
	if (outer->upper == UPPER_OTHER && outer->proto == 47)
		return open_gre(s, off, inner);
	if (outer->upper != UPPER_PORTS || outer->proto != 17)
		return false;
	switch (outer->field[2] * 256 + outer->field[3]) {
	case 4789:
		return open_vxlan(s, off + 8, inner);
	case 6081:
		return open_geneve(s, off + 8, inner);
	case 2152:
		return open_gtpu(s, off + 8, inner);
	default:
		return false;
	}
}

static bool
any(const struct tap_rss_conf *conf, uint32_t types)
{
	return (conf->types & types) != 0;
}

/* The rows of both tables, from the first to the last; they differ in the types only. */
static enum ref_kind
kind_of_ip(const struct ref_ip *ip, const struct tap_rss_conf *conf)
{
	bool v4 = ip->version == 4;
	uint32_t plain = v4 ? TAP_RSS_IPV4 : TAP_RSS_IPV6 | TAP_RSS_IPV6_EX;
	uint32_t frag = v4 ? TAP_RSS_IPV4_FRAG : TAP_RSS_IPV6_FRAG;
	uint32_t tcp = v4 ? TAP_RSS_IPV4_TCP : TAP_RSS_IPV6_TCP | TAP_RSS_IPV6_TCP_EX;
	uint32_t udp = v4 ? TAP_RSS_IPV4_UDP : TAP_RSS_IPV6_UDP | TAP_RSS_IPV6_UDP_EX;
	uint32_t sctp = v4 ? TAP_RSS_IPV4_SCTP : TAP_RSS_IPV6_SCTP;
	uint32_t other = v4 ? TAP_RSS_IPV4_OTHER : TAP_RSS_IPV6_OTHER;

	if (ip->upper == UPPER_FRAGMENT && any(conf, frag | plain))
		return REF_TUPLE2;
	if (ip->upper == UPPER_PORTS && ip->proto == 6 && any(conf, tcp))
		return REF_TUPLE4;
	if (ip->upper == UPPER_PORTS && ip->proto == 17 && any(conf, udp))
		return REF_TUPLE4;
	if (ip->upper == UPPER_PORTS && ip->proto == 132 && any(conf, sctp))
		return REF_TUPLE4;
	if (ip->upper == UPPER_SPI && ip->proto == 50 && any(conf, TAP_RSS_ESP))
		return REF_SPI;
	if (ip->upper == UPPER_SPI && ip->proto == 51 && any(conf, TAP_RSS_AH))
		return REF_SPI;
	if ((ip->upper == UPPER_OTHER || ip->upper == UPPER_SPI) && any(conf, other))
		return REF_TUPLE2;
	return any(conf, plain) ? REF_TUPLE2 : REF_NONE;
}

/* The S-VLAN and C-VLAN IDs as the enabled types show them; false without any. */
static bool
vlan_input(const struct eth *eth, const struct tap_rss_conf *conf, uint8_t *input)
{
	int s = -1, c = -1;

	if (eth->n_tags == 2) {
		s = 0;
		c = 1;
	} else if (eth->n_tags == 1 && eth->tpid[0] == 0x88a8) {
		s = 0;
	} else if (eth->n_tags == 1) {
		c = 0;
	}
	memset(input, 0, 4);
	if (s >= 0 && any(conf, TAP_RSS_S_VLAN)) {
		input[0] = (uint8_t)(eth->vid[s] >> 8);
		input[1] = eth->vid[s] & 0xff;
	}
	if (c >= 0 && any(conf, TAP_RSS_C_VLAN)) {
		input[2] = (uint8_t)(eth->vid[c] >> 8);
		input[3] = eth->vid[c] & 0xff;
	}
	return (s >= 0 && any(conf, TAP_RSS_S_VLAN)) || (c >= 0 && any(conf, TAP_RSS_C_VLAN));
}

/* A pair of `n`-byte halves, of which a lone SRC_ONLY or DST_ONLY leaves one. */
static void
apply_only(uint8_t *pair, unsigned int n, uint32_t modifiers, uint32_t src_only, uint32_t dst_only)
{
	bool src = (modifiers & src_only) != 0;
	bool dst = (modifiers & dst_only) != 0;

	if (src && !dst)
		memset(pair + n, 0, n);
	if (dst && !src)
		memset(pair, 0, n);
}

static void
keep_prefix(uint8_t *addr, unsigned int bits)
{
	unsigned int bit;

	for (bit = bits; bit < 128; bit++)
		addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

/* The input of an IP kind, modifiers applied; returns its length. */
static unsigned int
ip_input(const struct ref_ip *ip, enum ref_kind kind, const struct tap_rss_conf *conf,
	 uint8_t *input)
{
	unsigned int n = ip->addr_len;
	bool ex;

	memcpy(input, ip->src, n);
	memcpy(input + n, ip->dst, n);
	ex = (kind == REF_TUPLE2 && any(conf, TAP_RSS_IPV6_EX)) ||
	     (kind == REF_TUPLE4 && ip->proto == 6 && any(conf, TAP_RSS_IPV6_TCP_EX)) ||
	     (kind == REF_TUPLE4 && ip->proto == 17 && any(conf, TAP_RSS_IPV6_UDP_EX));
	if (ex && ip->has_home)
		memcpy(input, ip->home, 16);
	if (ex && ip->has_route)
		memcpy(input + 16, ip->route, 16);
	apply_only(input, n, conf->modifiers, TAP_MOD_L3_SRC_ONLY, TAP_MOD_L3_DST_ONLY);
	if (ip->version == 6 && conf->ipv6_prefix != 0) {
		keep_prefix(input, conf->ipv6_prefix);
		keep_prefix(input + 16, conf->ipv6_prefix);
	}
	if (kind == REF_TUPLE2)
		return 2 * n;
	memcpy(input + 2 * n, ip->field, 4);
	if (kind == REF_TUPLE4)
		apply_only(input + 2 * n, 2, conf->modifiers, TAP_MOD_L4_SRC_ONLY,
			   TAP_MOD_L4_DST_ONLY);
	return 2 * n + 4;
}

/* What the outermost frame's layer 2 gives. */
static void
layer2(const uint8_t *frame, const struct eth *eth, bool is_ip, const struct tap_rss_conf *conf,
       struct ref_verdict *v)
{
	if (vlan_input(eth, conf, v->input)) {
		v->kind = REF_VLAN;
		v->input_len = 4;
	} else if (any(conf, TAP_RSS_ETH)) {
		v->kind = REF_MAC_PAIR;
		v->input_len = 12;
		memcpy(v->input, frame + 6, 6);
		memcpy(v->input + 6, frame, 6);
		apply_only(v->input, 6, conf->modifiers, TAP_MOD_L2_SRC_ONLY, TAP_MOD_L2_DST_ONLY);
	} else if (!is_ip && any(conf, TAP_RSS_L2_PAYLOAD)) {
		v->kind = REF_ETHERTYPE;
		v->input_len = 2;
		v->input[0] = (uint8_t)(eth->type >> 8);
		v->input[1] = eth->type & 0xff;
	}
}

static void
note_outer(const struct eth *eth, bool is_ip, const struct ref_ip *ip, struct ref_outer *o)
{
	o->n_vlan = eth->n_data_tags;
	o->l3_off = eth->payload;
	if (!is_ip)
		return;
	o->version = ip->version;
	o->l4_off = ip->upper_off;
	o->l3_ext = ip->ext;
	o->fragment = ip->upper == UPPER_FRAGMENT;
	o->l4_known = ip->upper != UPPER_FRAGMENT && ip->upper != UPPER_UNKNOWN;
	if (o->l4_known)
		o->proto = ip->proto;
}

void
ref_classify(const uint8_t *frame, unsigned int len, const struct ref_tag *meta,
	     const struct tap_rss_conf *conf, struct ref_verdict *v)
{
	struct span s = { .byte = frame, .end = len };
	struct ref_ip ip, inner;
	struct eth eth;
	unsigned int depth;
	bool is_ip;

	memset(v, 0, sizeof(*v));
	v->queue = conf->reta[0];
	if (!parse_eth(s, 0, meta, &eth))
		return;
	is_ip = parse_ip(s, eth.payload, eth.type, &ip);
	note_outer(&eth, is_ip, &ip, &v->outer);
	for (depth = 0; is_ip && conf->innermost && depth < 2; depth++) {
		if (!open_tunnel(s, &ip, &inner))
			break;
		ip = inner;
	}
	if (is_ip) {
		v->kind = kind_of_ip(&ip, conf);
		if (v->kind != REF_NONE)
			v->input_len = ip_input(&ip, v->kind, conf, v->input);
	}
	if (v->kind == REF_NONE)
		layer2(frame, &eth, is_ip, conf, v);
	if (v->kind == REF_NONE)
		return;
	v->hashed = true;
	v->hash = ref_hash(conf->algo, conf->key, v->kind, v->input, v->input_len);
	v->queue = conf->reta[v->hash % TAP_RETA_SIZE];
}
