/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <rte_byteorder.h>

#include "tap_flow.h"

#define TAP_ITEM_MAX 64

/* Bytes of an item that rules can match, and where they lie in a level or the tunnel. */
struct tap_field {
	uint8_t at;
	uint8_t size;
	uint8_t key;
};

/* The layers of a pattern, outside in; an item stands behind those of lower ones. */
enum tap_layer {
	TAP_LAYER_START,
	TAP_LAYER_ETH,
	TAP_LAYER_VLAN,
	TAP_LAYER_VLAN2,
	TAP_LAYER_L3,
	TAP_LAYER_L4,
	TAP_LAYER_TUNNEL,
};

/* Spec, last and mask of an item, as rules want them. */
struct tap_item_copy {
	uint8_t spec[TAP_ITEM_MAX];
	uint8_t last[TAP_ITEM_MAX];
	uint8_t mask[TAP_ITEM_MAX];
};

/* A pattern that is being read. */
struct tap_pattern {
	struct tap_rule *rule;
	struct tap_flow_level *key; /* the current level of the rule's key and mask */
	struct tap_flow_level *mask;
	enum tap_layer layer;
	enum rte_flow_item_type before; /* the item before this one */
	bool l3;                        /* packets have no layer 2 */
	bool contradicts;               /* two items ask for different values of one bit */
};

struct tap_item {
	enum rte_flow_item_type type;
	enum tap_layer layer;
	const char *unsupported; /* said if another field is to be matched */
	const char *range;       /* said of a range that is no prefix */
	const void *mask;        /* of an item that has none */
	uint8_t size;
	uint8_t header; /* bytes of it that are the header's */
	uint8_t kind;   /* TAP_FK_*, or TAP_FT_* on the tunnel's layer */
	uint8_t l4;     /* on layer 4: the protocol */
	uint8_t n_fields;
	const struct tap_field *fields;
	const char *not_l3; /* why packets of net_tun have it not; NULL if they can */
	/* What is no plain field; NULL, or what is wrong. */
	const char *(*special)(struct tap_pattern *p, struct tap_item_copy *item);
};

#define TAP_LEVEL_FIELD(at, size, member)                                                          \
	{                                                                                          \
		at, size, offsetof(struct tap_flow_level, member)                                  \
	}
#define TAP_TUNNEL_FIELD(at, size, member)                                                         \
	{                                                                                          \
		at, size, offsetof(struct tap_flow_tunnel, member)                                 \
	}

static const struct tap_field tap_fields_eth[] = {
	TAP_LEVEL_FIELD(0, 6, dst_mac),
	TAP_LEVEL_FIELD(6, 6, src_mac),
	TAP_LEVEL_FIELD(12, 2, type),
};
static const struct tap_field tap_fields_vlan[] = {
	TAP_LEVEL_FIELD(0, 2, tci),
	TAP_LEVEL_FIELD(2, 2, vlan_type),
};
static const struct tap_field tap_fields_vlan2[] = {
	TAP_LEVEL_FIELD(0, 2, vlan2_tci),
	TAP_LEVEL_FIELD(2, 2, vlan2_type),
};
static const struct tap_field tap_fields_ipv4[] = {
	TAP_LEVEL_FIELD(1, 1, tos),      TAP_LEVEL_FIELD(6, 2, word[0]),
	TAP_LEVEL_FIELD(8, 1, ttl),      TAP_LEVEL_FIELD(9, 1, proto),
	TAP_LEVEL_FIELD(12, 4, addr[0]), TAP_LEVEL_FIELD(16, 4, addr[4]),
};
/* The first four bytes as tap_item_ipv6() leaves them. */
static const struct tap_field tap_fields_ipv6[] = {
	TAP_LEVEL_FIELD(0, 1, tos),      TAP_LEVEL_FIELD(1, 3, word[1]),
	TAP_LEVEL_FIELD(6, 1, proto),    TAP_LEVEL_FIELD(7, 1, ttl),
	TAP_LEVEL_FIELD(8, 16, addr[0]), TAP_LEVEL_FIELD(24, 16, addr[16]),
};
static const struct tap_field tap_fields_arp[] = {
	TAP_LEVEL_FIELD(6, 2, sport),
	TAP_LEVEL_FIELD(TAP_ARP_ITEM_AT(sha, arp_sha), 6, addr[8]),
	TAP_LEVEL_FIELD(TAP_ARP_ITEM_AT(spa, arp_sip), 4, addr[0]),
	TAP_LEVEL_FIELD(TAP_ARP_ITEM_AT(tha, arp_tha), 6, addr[16]),
	TAP_LEVEL_FIELD(TAP_ARP_ITEM_AT(tpa, arp_tip), 4, addr[4]),
};
static const struct tap_field tap_fields_tcp[] = {
	TAP_LEVEL_FIELD(0, 2, sport),
	TAP_LEVEL_FIELD(2, 2, dport),
	TAP_LEVEL_FIELD(13, 1, tcp_flags),
};
static const struct tap_field tap_fields_udp[] = {
	TAP_LEVEL_FIELD(0, 2, sport),
	TAP_LEVEL_FIELD(2, 2, dport),
};
static const struct tap_field tap_fields_sctp[] = {
	TAP_LEVEL_FIELD(0, 2, sport),
	TAP_LEVEL_FIELD(2, 2, dport),
	TAP_LEVEL_FIELD(4, 4, extra),
};
static const struct tap_field tap_fields_icmp[] = {
	TAP_LEVEL_FIELD(0, 1, sport[0]),
	TAP_LEVEL_FIELD(1, 1, sport[1]),
	TAP_LEVEL_FIELD(4, 2, extra[0]),
	TAP_LEVEL_FIELD(6, 2, extra[2]),
};
static const struct tap_field tap_fields_icmp6[] = {
	TAP_LEVEL_FIELD(0, 1, sport[0]),
	TAP_LEVEL_FIELD(1, 1, sport[1]),
};
static const struct tap_field tap_fields_gre[] = {
	TAP_TUNNEL_FIELD(0, 2, flags),
	TAP_TUNNEL_FIELD(2, 2, proto),
};
static const struct tap_field tap_fields_gre_key[] = {
	TAP_TUNNEL_FIELD(0, 4, id),
};
/* NVGRE and GENEVE. */
static const struct tap_field tap_fields_nvgre[] = {
	TAP_TUNNEL_FIELD(0, 2, flags),
	TAP_TUNNEL_FIELD(2, 2, proto),
	TAP_TUNNEL_FIELD(4, 3, id),
	TAP_TUNNEL_FIELD(7, 1, id[3]),
};
static const struct tap_field tap_fields_vxlan[] = {
	TAP_TUNNEL_FIELD(0, 1, flags),
	TAP_TUNNEL_FIELD(1, 1, flags[1]),
	TAP_TUNNEL_FIELD(4, 3, id),
	TAP_TUNNEL_FIELD(7, 1, id[3]),
};
static const struct tap_field tap_fields_gtpu[] = {
	TAP_TUNNEL_FIELD(0, 1, flags),
	TAP_TUNNEL_FIELD(1, 1, flags[1]),
	TAP_TUNNEL_FIELD(4, 4, id),
};

/* Match bits of a byte of the rule. */
static void
tap_match_bits(struct tap_pattern *p, uint8_t *key, uint8_t *mask, uint8_t value, uint8_t bits)
{
	p->contradicts |= ((*key ^ value) & *mask & bits) != 0;
	*mask |= bits;
	*key = (uint8_t)((*key & ~bits) | (value & bits));
}

static void
tap_match_kind(struct tap_pattern *p, uint8_t kind, bool there)
{
	tap_match_bits(p, &p->key->kind, &p->mask->kind, there ? kind : 0, kind);
}

/* A field of one bit: that a header is there. From 0 to 1 is no condition. */
static void
tap_match_flag(struct tap_pattern *p, uint8_t kind, bool spec, bool last, bool mask)
{
	if (mask && (spec || !last))
		tap_match_kind(p, kind, spec);
}

static void
tap_match_l4(struct tap_pattern *p, uint8_t proto)
{
	tap_match_kind(p, TAP_FK_L4, true);
	tap_match_bits(p, &p->key->l4, &p->mask->l4, proto, 0xff);
}

static void
tap_match_tunnel(struct tap_pattern *p, uint8_t kind)
{
	tap_match_bits(p, &p->rule->key.tunnel.kind, &p->rule->mask.tunnel.kind, kind, 0xff);
}

/* That the header has a key, of GRE. */
static void
tap_match_gre_key(struct tap_pattern *p)
{
	tap_match_bits(p, &p->rule->key.tunnel.flags[0], &p->rule->mask.tunnel.flags[0], 0x20,
		       0x20);
}

static const char *
tap_item_eth(struct tap_pattern *p, struct tap_item_copy *item)
{
	struct rte_flow_item_eth spec;
	struct rte_flow_item_eth last;
	struct rte_flow_item_eth mask;

	memcpy(&spec, item->spec, sizeof(spec));
	memcpy(&last, item->last, sizeof(last));
	memcpy(&mask, item->mask, sizeof(mask));
	if (mask.reserved)
		return "item eth: reserved bits";
	tap_match_flag(p, TAP_FK_VLAN, spec.has_vlan, last.has_vlan, mask.has_vlan);
	return NULL;
}

static const char *
tap_item_vlan(struct tap_pattern *p, struct tap_item_copy *item)
{
	struct rte_flow_item_vlan spec;
	struct rte_flow_item_vlan last;
	struct rte_flow_item_vlan mask;

	memcpy(&spec, item->spec, sizeof(spec));
	memcpy(&last, item->last, sizeof(last));
	memcpy(&mask, item->mask, sizeof(mask));
	if (mask.reserved)
		return "item vlan: reserved bits";
	if (mask.has_more_vlan && p->layer == TAP_LAYER_VLAN2)
		return "item vlan: has_more_vlan of a second tag; two tags are looked at";
	tap_match_flag(p, TAP_FK_VLAN2, spec.has_more_vlan, last.has_more_vlan, mask.has_more_vlan);
	return NULL;
}

/* Version, traffic class and flow label do not keep to bytes: take them apart. */
static void
tap_ipv6_spread(uint8_t *b)
{
	uint8_t tc = (uint8_t)(b[0] << 4 | b[1] >> 4);

	b[0] = tc;
	b[1] &= 0x0f;
}

static const char *
tap_item_ipv6(struct tap_pattern *p, struct tap_item_copy *item)
{
	struct rte_flow_item_ipv6 spec;
	struct rte_flow_item_ipv6 last;
	struct rte_flow_item_ipv6 mask;
	const char *others = "item ipv6: supported: src, dst, proto, traffic class, flow label, "
			     "hop limit, has_frag_ext";

	memcpy(&spec, item->spec, sizeof(spec));
	memcpy(&last, item->last, sizeof(last));
	memcpy(&mask, item->mask, sizeof(mask));
	if (mask.has_hop_ext || mask.has_route_ext || mask.has_auth_ext || mask.has_esp_ext ||
	    mask.has_dest_ext || mask.has_mobil_ext || mask.has_hip_ext || mask.has_shim6_ext ||
	    mask.reserved)
		return others;
	/* The version is that of the item; nothing else can be asked for. */
	if (((item->spec[0] ^ 0x60) & item->mask[0] & 0xf0) != 0)
		return others;
	tap_ipv6_spread(item->spec);
	tap_ipv6_spread(item->last);
	tap_ipv6_spread(item->mask);
	tap_match_flag(p, TAP_FK_FRAG, spec.has_frag_ext, last.has_frag_ext, mask.has_frag_ext);
	return NULL;
}

/* What an application's mask has in the gaps of the struct means nothing. */
static const char *
tap_item_arp(struct tap_pattern *p, struct tap_item_copy *item)
{
	const size_t sha_end = TAP_ARP_ITEM_AT(sha, arp_sha) + RTE_ETHER_ADDR_LEN;
	const size_t tha_end = TAP_ARP_ITEM_AT(tha, arp_tha) + RTE_ETHER_ADDR_LEN;

	RTE_SET_USED(p);
	memset(item->mask + sha_end, 0, TAP_ARP_ITEM_AT(spa, arp_sip) - sha_end);
	memset(item->mask + tha_end, 0, TAP_ARP_ITEM_AT(tpa, arp_tip) - tha_end);
	return NULL;
}

static const char *
tap_item_gre_key(struct tap_pattern *p, struct tap_item_copy *item)
{
	RTE_SET_USED(item);
	tap_match_gre_key(p);
	return NULL;
}

static const char *
tap_item_nvgre(struct tap_pattern *p, struct tap_item_copy *item)
{
	struct tap_flow_tunnel *key = &p->rule->key.tunnel;
	struct tap_flow_tunnel *mask = &p->rule->mask.tunnel;

	RTE_SET_USED(item);
	tap_match_gre_key(p);
	tap_match_bits(p, &key->proto[0], &mask->proto[0], 0x65, 0xff);
	tap_match_bits(p, &key->proto[1], &mask->proto[1], 0x58, 0xff);
	return NULL;
}

static const rte_be32_t tap_gre_key_mask = RTE_BE32(UINT32_MAX);

#define TAP_ITEM(TYPE, struct_name, on, header_len, what, table, fields_text)                      \
	.type = RTE_FLOW_ITEM_TYPE_##TYPE, .layer = TAP_LAYER_##on, .kind = (what),                \
	.mask = &rte_flow_item_##struct_name##_mask,                                               \
	.size = sizeof(struct rte_flow_item_##struct_name), .header = (header_len),                \
	.fields = (table), .n_fields = RTE_DIM(table),                                             \
	.unsupported = "item " #struct_name ": supported: " fields_text,                           \
	.range = "item " #struct_name ": last: supported are ranges that a mask can say "          \
		 "(from n * 2^k to n * 2^k + 2^k - 1)"

static const struct tap_item tap_items[] = {
	{ TAP_ITEM(ETH, eth, ETH, 14, TAP_FK_ETH, tap_fields_eth, "dst, src, type, has_vlan"),
	  .special = tap_item_eth,
	  .not_l3 =
		  "item eth: packets of net_tun have no Ethernet header; supported there: eth without spec" },
	{ TAP_ITEM(VLAN, vlan, VLAN, 4, TAP_FK_VLAN, tap_fields_vlan,
		   "tci, inner_type, has_more_vlan"),
	  .special = tap_item_vlan,
	  .not_l3 = "item vlan: packets of net_tun have no Ethernet header, so no tags" },
	{ TAP_ITEM(IPV4, ipv4, L3, 20, TAP_FK_IPV4, tap_fields_ipv4,
		   "src, dst, proto, tos, ttl, fragment_offset") },
	{ TAP_ITEM(IPV6, ipv6, L3, 40, TAP_FK_IPV6, tap_fields_ipv6,
		   "src, dst, proto, traffic class, flow label, hop limit, has_frag_ext"),
	  .special = tap_item_ipv6 },
	{ TAP_ITEM(ARP_ETH_IPV4, arp_eth_ipv4, L3, TAP_ARP_ITEM_AT(tpa, arp_tip) + 4, TAP_FK_ARP,
		   tap_fields_arp, "op, sha, spa, tha, tpa"),
	  .special = tap_item_arp, .not_l3 = "item arp_eth_ipv4: packets of net_tun are IP" },
	{ TAP_ITEM(TCP, tcp, L4, 20, TAP_FK_L4, tap_fields_tcp, "src, dst, flags"),
	  .l4 = IPPROTO_TCP },
	{ TAP_ITEM(UDP, udp, L4, 8, TAP_FK_L4, tap_fields_udp, "src, dst"), .l4 = IPPROTO_UDP },
	{ TAP_ITEM(SCTP, sctp, L4, 12, TAP_FK_L4, tap_fields_sctp, "src, dst, tag"),
	  .l4 = IPPROTO_SCTP },
	{ TAP_ITEM(ICMP, icmp, L4, 8, TAP_FK_L4, tap_fields_icmp, "type, code, ident, seq"),
	  .l4 = IPPROTO_ICMP },
	{ TAP_ITEM(ICMP6, icmp6, L4, 4, TAP_FK_L4, tap_fields_icmp6, "type, code"),
	  .l4 = IPPROTO_ICMPV6 },
	{ TAP_ITEM(GRE, gre, TUNNEL, 4, TAP_FT_GRE, tap_fields_gre, "c_rsvd0_ver, protocol") },
	{ TAP_ITEM(NVGRE, nvgre, TUNNEL, 8, TAP_FT_GRE, tap_fields_nvgre,
		   "c_k_s_rsvd0_ver, protocol, tni, flow_id"),
	  .special = tap_item_nvgre },
	{ TAP_ITEM(VXLAN, vxlan, TUNNEL, 8, TAP_FT_VXLAN, tap_fields_vxlan,
		   "flags, rsvd0 (its first byte), vni, rsvd1") },
	{ TAP_ITEM(GENEVE, geneve, TUNNEL, 8, TAP_FT_GENEVE, tap_fields_nvgre,
		   "ver_opt_len_o_c_rsvd0, protocol, vni, rsvd1") },
	{ TAP_ITEM(GTPU, gtp, TUNNEL, 8, TAP_FT_GTPU, tap_fields_gtpu,
		   "v_pt_rsv_flags, msg_type, teid") },
	{ .type = RTE_FLOW_ITEM_TYPE_GRE_KEY,
	  .layer = TAP_LAYER_TUNNEL,
	  .mask = &tap_gre_key_mask,
	  .size = sizeof(rte_be32_t),
	  .header = sizeof(rte_be32_t),
	  .kind = TAP_FT_GRE,
	  .fields = tap_fields_gre_key,
	  .n_fields = RTE_DIM(tap_fields_gre_key),
	  .unsupported = "item gre_key",
	  .range = "item gre_key: last: supported are ranges that a mask can say",
	  .special = tap_item_gre_key },
};

static const struct tap_item *
tap_item_of(enum rte_flow_item_type type)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(tap_items); i++)
		if (tap_items[i].type == type)
			return &tap_items[i];
	return NULL;
}

/*
 * Take a range's bits out of the mask, if it is one that a mask can say: equal above some
 * bit, all zero to all one below. The bytes are in network order.
 */
static bool
tap_range_reduce(const uint8_t *first, const uint8_t *last, uint8_t *mask, size_t n)
{
	bool below = false;
	size_t i;

	for (i = 0; i < n; i++) {
		uint8_t differ = (uint8_t)((first[i] ^ last[i]) & mask[i]);

		if (below && differ != 0xff)
			return false;
		if ((differ & (differ + 1)) != 0 || (first[i] & differ) != 0)
			return false;
		below |= differ != 0;
		mask[i] &= (uint8_t)~differ;
	}
	return true;
}

/* rte_flow: a field of last that is zero makes no range. */
static void
tap_last_default(const uint8_t *spec, uint8_t *last, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (last[i] != 0)
			return;
	memcpy(last, spec, n);
}

static bool
tap_item_covers(const struct tap_item *item, unsigned int at)
{
	unsigned int i;

	for (i = 0; i < item->n_fields; i++)
		if (at >= item->fields[i].at &&
		    at < (unsigned int)item->fields[i].at + item->fields[i].size)
			return true;
	return false;
}

/* Fields of an item into the rule: those of @p table, at @p key and @p mask. */
static int
tap_item_set_fields(struct tap_pattern *p, const struct tap_item *item,
		    const struct tap_field *table, struct tap_item_copy *copy, uint8_t *key,
		    uint8_t *mask)
{
	unsigned int i;
	unsigned int j;

	for (i = 0; i < item->n_fields; i++) {
		const struct tap_field *f = &table[i];

		tap_last_default(copy->spec + f->at, copy->last + f->at, f->size);
		if (!tap_range_reduce(copy->spec + f->at, copy->last + f->at, copy->mask + f->at,
				      f->size))
			return -ENOTSUP;
		for (j = 0; j < f->size; j++)
			tap_match_bits(p, key + f->key + j, mask + f->key + j,
				       copy->spec[f->at + j], copy->mask[f->at + j]);
	}
	return 0;
}

static int
tap_item_match(struct tap_pattern *p, const struct tap_item *item,
	       const struct rte_flow_item *flow_item, struct rte_flow_error *error)
{
	const struct tap_field *table = item->fields;
	bool tunnel = item->layer == TAP_LAYER_TUNNEL;
	uint8_t *key = tunnel ? (uint8_t *)&p->rule->key.tunnel : (uint8_t *)p->key;
	uint8_t *mask = tunnel ? (uint8_t *)&p->rule->mask.tunnel : (uint8_t *)p->mask;
	struct tap_item_copy copy = { .spec = { 0 } };
	const char *wrong = NULL;
	unsigned int i;

	if (flow_item->spec == NULL && (flow_item->mask != NULL || flow_item->last != NULL))
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM_SPEC, flow_item,
					  "an item with mask or last needs a spec");
	if (flow_item->spec != NULL) {
		memcpy(copy.spec, flow_item->spec, item->size);
		memcpy(copy.last, flow_item->last != NULL ? flow_item->last : flow_item->spec,
		       item->size);
		memcpy(copy.mask, flow_item->mask != NULL ? flow_item->mask : item->mask,
		       item->size);
	}
	if (item->special != NULL)
		wrong = item->special(p, &copy);
	for (i = 0; i < item->header && wrong == NULL; i++)
		if (copy.mask[i] != 0 && !tap_item_covers(item, i))
			wrong = item->unsupported;
	if (wrong != NULL)
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_MASK, flow_item,
					  wrong);
	if (item->type == RTE_FLOW_ITEM_TYPE_VLAN && p->layer == TAP_LAYER_VLAN2)
		table = tap_fields_vlan2;
	if (tap_item_set_fields(p, item, table, &copy, key, mask) != 0)
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_LAST, flow_item,
					  item->range);
	return 0;
}

/* Go on behind a tunnel's header. */
static void
tap_pattern_go_in(struct tap_pattern *p)
{
	p->key = &p->rule->key.inner;
	p->mask = &p->rule->mask.inner;
	p->layer = TAP_LAYER_START;
}

static bool
tap_pattern_is_inner(const struct tap_pattern *p)
{
	return p->key == &p->rule->key.inner;
}

static bool
tap_item_is_ip(enum rte_flow_item_type type)
{
	return type == RTE_FLOW_ITEM_TYPE_IPV4 || type == RTE_FLOW_ITEM_TYPE_IPV6;
}

/* The place of an item in the pattern: NULL, or why it cannot stand there. */
static const char *
tap_pattern_step(struct tap_pattern *p, const struct tap_item *item)
{
	enum tap_layer layer = item->layer;

	if (item->type == RTE_FLOW_ITEM_TYPE_GRE_KEY)
		return p->before == RTE_FLOW_ITEM_TYPE_GRE ?
			       NULL :
			       "item gre_key: stands right behind gre";
	if (tap_item_is_ip(item->type) && tap_item_is_ip(p->before) && !tap_pattern_is_inner(p)) {
		tap_match_tunnel(p, TAP_FT_IP);
		tap_pattern_go_in(p);
	}
	if (layer == TAP_LAYER_TUNNEL && tap_pattern_is_inner(p))
		return "a tunnel in a tunnel; one is looked into";
	if (layer == TAP_LAYER_VLAN && p->layer >= TAP_LAYER_VLAN && p->layer < TAP_LAYER_L3)
		layer = p->layer + 1;
	if (item->layer == TAP_LAYER_VLAN && layer == TAP_LAYER_L3)
		return "more than two vlan items; two tags are looked at";
	if (layer <= p->layer)
		return "items have to stand in the order of the headers: eth, vlan, vlan, one of "
		       "ipv4 ipv6 arp_eth_ipv4, one of tcp udp sctp icmp icmp6, a tunnel, and "
		       "the inner ones likewise";
	p->layer = layer;
	return NULL;
}

/* What the presence of an item says. */
static void
tap_pattern_match_kind(struct tap_pattern *p, const struct tap_item *item)
{
	if (item->layer == TAP_LAYER_TUNNEL)
		tap_match_tunnel(p, item->kind);
	else if (item->layer == TAP_LAYER_L4)
		tap_match_l4(p, item->l4);
	else
		tap_match_kind(p, p->layer == TAP_LAYER_VLAN2 ? TAP_FK_VLAN2 : item->kind, true);
}

static int
tap_pattern_add(struct tap_pattern *p, const struct rte_flow_item *flow_item,
		struct rte_flow_error *error)
{
	const struct tap_item *item = tap_item_of(flow_item->type);
	const char *wrong;
	int ret;

	if (item == NULL)
		return rte_flow_error_set(
			error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM, flow_item,
			"supported items: void, eth, vlan, ipv4, ipv6, "
			"arp_eth_ipv4, tcp, udp, sctp, icmp, icmp6, gre, gre_key, "
			"nvgre, vxlan, geneve, gtpu");
	wrong = tap_pattern_step(p, item);
	/* An eth item that asks for nothing stands in many a pattern as a matter of course. */
	if (p->l3 && !tap_pattern_is_inner(p) &&
	    (item->type != RTE_FLOW_ITEM_TYPE_ETH || flow_item->spec != NULL) && item->not_l3)
		wrong = item->not_l3;
	if (wrong != NULL)
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM, flow_item,
					  wrong);
	tap_pattern_match_kind(p, item);
	ret = tap_item_match(p, item, flow_item, error);
	if (ret == 0 && p->contradicts)
		return rte_flow_error_set(
			error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM, flow_item,
			"contradicts itself or an item before it: no packet is both");
	if (ret == 0 && item->layer == TAP_LAYER_TUNNEL)
		tap_pattern_go_in(p);
	p->before = item->type;
	return ret;
}

int
tap_flow_parse_pattern(const struct rte_flow_item *items, bool l3, struct tap_rule *rule,
		       struct rte_flow_error *error)
{
	struct tap_pattern p = {
		.rule = rule,
		.key = &rule->key.outer,
		.mask = &rule->mask.outer,
		.l3 = l3,
	};
	int ret = 0;

	memset(&rule->key, 0, sizeof(rule->key));
	memset(&rule->mask, 0, sizeof(rule->mask));
	if (items == NULL)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM_NUM, NULL,
					  "a pattern is needed");
	for (; ret == 0 && items->type != RTE_FLOW_ITEM_TYPE_END; items++)
		if (items->type != RTE_FLOW_ITEM_TYPE_VOID)
			ret = tap_pattern_add(&p, items, error);
	return ret;
}
