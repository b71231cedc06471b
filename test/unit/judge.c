/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tap_pkt;
static int slow_load(const struct tap_pkt *pkt, uint32_t off, void *dst, uint32_t n);
#define TAP_PKT_LOAD_SLOW(pkt, off, dst, n) slow_load(pkt, off, dst, n)

#include "tap_classify.h"

#include "judge.h"

/* Here tap_pkt.mbuf is the whole frame once more. */
static int
slow_load(const struct tap_pkt *pkt, uint32_t off, void *dst, uint32_t n)
{
	if (off > pkt->len || n > pkt->len - off)
		return -1;
	memcpy(dst, (const uint8_t *)pkt->mbuf + off, n);
	return 0;
}

static uint8_t *
copy_of(const uint8_t *data, uint32_t len)
{
	uint8_t *copy = malloc(len != 0 ? len : 1);

	if (copy == NULL)
		abort();
	if (len != 0)
		memcpy(copy, data, len);
	return copy;
}

void
user_classify(const struct tap_policy *policy, const uint8_t *data, uint32_t len, uint32_t contig,
	      struct tap_verdict *v)
{
	uint8_t *head = copy_of(data, contig), *whole = copy_of(data, len);
	struct tap_pkt pkt = { .data = head, .contig = contig, .len = len, .mbuf = whole };
	struct tap_headers outer;

	tap_classify(&pkt, policy, v);
	tap_parse(&pkt, &outer);
	if (memcmp(&outer, &v->outer, sizeof(outer)) != 0) {
		printf("tap_parse() and tap_classify() see different headers\n");
		v->kind = UINT8_MAX;
	}
	free(whole);
	free(head);
}

static const enum ref_kind kind_of[] = {
	[TAP_KIND_NONE] = REF_NONE,           [TAP_KIND_2TUPLE] = REF_TUPLE2,
	[TAP_KIND_4TUPLE] = REF_TUPLE4,       [TAP_KIND_SPI] = REF_SPI,
	[TAP_KIND_VLAN] = REF_VLAN,           [TAP_KIND_MAC] = REF_MAC_PAIR,
	[TAP_KIND_ETHERTYPE] = REF_ETHERTYPE,
};

static bool
differ(char *text, size_t size, const char *what, unsigned int is, unsigned int should)
{
	if (is == should)
		return false;
	snprintf(text, size, "%s is %u (0x%x), should be %u (0x%x)", what, is, is, should, should);
	return true;
}

static bool
headers_differ(const struct tap_headers *h, const struct ref_outer *o, char *text, size_t size)
{
	unsigned int version = h->l3 == TAP_L3_IPV4 ? 4 : h->l3 == TAP_L3_IPV6 ? 6 : 0;

	if (differ(text, size, "n_vlan", h->n_vlan, o->n_vlan) ||
	    differ(text, size, "l3_off", h->l3_off, o->l3_off) ||
	    differ(text, size, "IP version", version, o->version))
		return true;
	if (version == 0)
		return differ(text, size, "flags", h->flags, 0);
	return differ(text, size, "l4_off", h->l4_off, o->l4_off) ||
	       differ(text, size, "FRAG", !!(h->flags & TAP_HDR_FRAG), o->fragment) ||
	       differ(text, size, "L3_EXT", !!(h->flags & TAP_HDR_L3_EXT), o->l3_ext) ||
	       differ(text, size, "L4", !!(h->flags & TAP_HDR_L4), o->l4_known) ||
	       (o->l4_known && differ(text, size, "l4_proto", h->l4_proto, o->proto));
}

const char *
verdict_difference(const struct tap_verdict *v, const struct ref_verdict *r)
{
	static char text[128];

	if (v->kind >= sizeof(kind_of) / sizeof(kind_of[0]))
		return "no such kind";
	if (kind_of[v->kind] != r->kind) {
		snprintf(text, sizeof(text), "kind is %s, should be %s",
			 ref_kind_name(kind_of[v->kind]), ref_kind_name(r->kind));
		return text;
	}
	if (differ(text, sizeof(text), "hashed", v->hashed, r->hashed) ||
	    (r->hashed && differ(text, sizeof(text), "hash", v->hash, r->hash)) ||
	    differ(text, sizeof(text), "queue", v->queue, r->queue) ||
	    headers_differ(&v->outer, &r->outer, text, sizeof(text)))
		return text;
	return NULL;
}

static void
print_hex(const uint8_t *p, uint32_t n)
{
	while (n-- > 0)
		printf("%02x", *p++);
	printf("\n");
}

void
print_counterexample(const uint8_t *data, uint32_t len, const struct tap_rss_conf *conf)
{
	printf("    frame (%u bytes): ", len);
	print_hex(data, len);
	printf("    types 0x%x modifiers 0x%x algo %u prefix %u innermost %d nb_queues %u\n"
	       "    key ",
	       conf->types, conf->modifiers, conf->algo, conf->ipv6_prefix, conf->innermost,
	       conf->nb_queues);
	print_hex(conf->key, TAP_KEY_LEN);
}
