/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <stdio.h>
#include <string.h>

#include "generate.h"

#define HEX_ROOM 176

/* A stack of layers that grows, and the hex strings that its layers point to. */
struct stack {
	struct rng *rng;
	unsigned int n;
	struct layer layer[FRAME_LAYERS + 1];
	char hex[FRAME_LAYERS][HEX_ROOM];
};

/* The mixing function is the one of SplitMix64 (Steele, Lea, Flood 2014). */
uint32_t
rng_u32(struct rng *rng)
{
	uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(z >> 32);
}

static uint8_t
rng_byte(void *rng)
{
	return (uint8_t)rng_u32(rng);
}

static uint32_t
random_types(struct rng *rng)
{
	const uint32_t all = TAP_RSS_L2_PAYLOAD * 2 - 1;

	switch (rng_below(rng, 5)) {
	case 0:
		return all;
	case 1:
		return 1u << rng_below(rng, 21);
	case 2:
		return rng_u32(rng) & all;
	case 3:
		return rng_u32(rng) & rng_u32(rng) & all;
	default:
		return all & ~(TAP_RSS_IPV4 | TAP_RSS_IPV6 | TAP_RSS_IPV6_EX);
	}
}

void
random_conf(struct rng *rng, struct tap_rss_conf *conf)
{
	unsigned int i;

	memset(conf, 0, sizeof(*conf));
	conf->types = random_types(rng);
	if (rng_chance(rng, 40))
		conf->modifiers = rng_u32(rng) & (TAP_MOD_L4_DST_ONLY * 2 - 1);
	conf->algo = (uint8_t)rng_below(rng, TAP_ALGO_COUNT);
	if (rng_chance(rng, 30))
		conf->ipv6_prefix = (uint8_t)(32 + 8 * rng_below(rng, 9));
	conf->innermost = rng_chance(rng, 60);
	conf->nb_queues = (uint16_t)(1 + rng_below(rng, TAP_MAX_QUEUES));
	for (i = 0; i < TAP_KEY_LEN; i++)
		conf->key[i] = rng_byte(rng);
	for (i = 0; i < TAP_RETA_SIZE; i++)
		conf->reta[i] = (uint16_t)rng_below(rng, conf->nb_queues);
}

static bool
full(const struct stack *s)
{
	return s->n >= FRAME_LAYERS - 2;
}

static struct layer *
push(struct stack *s, enum layer_id id)
{
	struct layer *l;

	if (s->n == FRAME_LAYERS)
		s->n--;
	l = &s->layer[s->n++];
	memset(l, 0, sizeof(*l));
	l->id = (uint8_t)id;
	if (rng_chance(s->rng, 2))
		l->next = NEXT(rng_u32(s->rng) & 0xffff);
	if (rng_chance(s->rng, 4))
		l->lie = (int16_t)(rng_chance(s->rng, 20) ? LIE_ZERO :
							    (int)rng_below(s->rng, 80) - 50);
	return l;
}

/* Give a layer @p n random bytes, zeros among them in plenty. */
static void
random_hex(struct stack *s, struct layer *l, unsigned int n)
{
	char *hex = s->hex[l - s->layer];
	unsigned int i;

	if (n > HEX_ROOM / 2 - 1)
		n = HEX_ROOM / 2 - 1;
	for (i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", rng_chance(s->rng, 40) ? 0 : rng_byte(s->rng));
	hex[2 * n] = '\0';
	l->hex = hex;
}

static void
push_tags(struct stack *s)
{
	unsigned int n = rng_chance(s->rng, 70) ? 0 : 1 + rng_below(s->rng, 3);

	while (n-- > 0)
		push(s, L_VLAN)->b = rng_chance(s->rng, 50) ? 0x88a8 : 0x8100;
}

/* Options of which some are home addresses, behind a few of other kinds. */
static void
push_options(struct stack *s, enum layer_id id)
{
	struct layer *l = push(s, id);
	char *hex = s->hex[l - s->layer];
	unsigned int n = rng_below(s->rng, 9), i, len;

	l->hex = hex;
	hex[0] = '\0';
	while (n-- > 0) {
		if (rng_chance(s->rng, 40)) {
			strcat(hex, "00");
			continue;
		}
		len = rng_below(s->rng, 5);
		snprintf(hex + strlen(hex), 5, "1e%02x", len);
		for (i = 0; i < len; i++)
			strcat(hex, "55");
	}
	if (rng_chance(s->rng, 60))
		snprintf(hex + strlen(hex), 37, "c910%08x%08x%08x%08x", rng_u32(s->rng),
			 rng_u32(s->rng), rng_u32(s->rng), rng_u32(s->rng));
}

static void
push_extension(struct stack *s)
{
	switch (rng_below(s->rng, 8)) {
	case 0:
		push(s, L_HOME);
		break;
	case 1:
		push(s, L_ROUTE2);
		break;
	case 2:
		random_hex(s, push(s, L_DST), rng_below(s->rng, 30));
		break;
	case 3:
		random_hex(s, push(s, L_ROUTE), rng_below(s->rng, 30));
		break;
	case 4:
		push(s, L_FRAG)->a = (uint16_t)(rng_chance(s->rng, 50) ? 0 : rng_u32(s->rng));
		break;
	default:
		push_options(s, L_DST);
		break;
	}
}

static void
push_ip6(struct stack *s)
{
	struct layer *l = push(s, L_IP6);
	unsigned int n = 0;

	if (rng_chance(s->rng, 45))
		n = rng_chance(s->rng, 8) ? 7 + rng_below(s->rng, 4) : 1 + rng_below(s->rng, 3);
	if (n != 0 && rng_chance(s->rng, 25)) {
		l->next = NEXT(0);
		push_options(s, L_HOP);
	}
	while (n-- > 0 && !full(s))
		push_extension(s);
}

static void
push_ip(struct stack *s)
{
	struct layer *l;

	if (rng_chance(s->rng, 50)) {
		push_ip6(s);
		return;
	}
	l = push(s, L_IP4);
	if (rng_chance(s->rng, 25))
		random_hex(s, l, 4 * rng_below(s->rng, 11));
	if (rng_chance(s->rng, 10))
		l->a = (uint16_t)rng_u32(s->rng);
	if (rng_chance(s->rng, 2))
		l->first = rng_byte(s->rng);
}

static void
push_frame(struct stack *s)
{
	push(s, L_ETH);
	push_tags(s);
	if (rng_chance(s->rng, 95))
		push_ip(s);
}

/* Ethernet or IP behind a tunnel header that can announce both. */
static void
push_either(struct stack *s)
{
	if (rng_chance(s->rng, 50))
		push_frame(s);
	else
		push_ip(s);
}

static void
push_gtpu(struct stack *s)
{
	struct layer *l;
	char *hex;
	unsigned int n, len;

	push(s, L_UDP);
	l = push(s, L_GTPU);
	hex = s->hex[l - s->layer];
	l->a = (uint16_t)(0x30 | (rng_chance(s->rng, 50) ? 0 : rng_below(s->rng, 8)));
	if ((l->a & 7) != 0) {
		n = rng_chance(s->rng, 50) ? 0 : rng_below(s->rng, 6);
		strcpy(hex, n != 0 ? "00000085" : "00000000");
		while (n-- > 0) {
			len = 1 + rng_below(s->rng, 2);
			snprintf(hex + strlen(hex), 17, "%02x0000%s%s", len,
				 len == 2 ? "00000000" : "", n != 0 ? "85" : "00");
		}
		l->hex = hex;
	}
	if (rng_chance(s->rng, 5))
		l->b = (uint16_t)rng_u32(s->rng);
	push_ip(s);
}

static void
push_tunnel(struct stack *s)
{
	struct layer *l;

	switch (rng_below(s->rng, 5)) {
	case 0:
		push_ip(s);
		break;
	case 1:
		l = push(s, L_GRE);
		if (rng_chance(s->rng, 60))
			l->a = (uint16_t)(rng_u32(s->rng) & 0xb000);
		if (rng_chance(s->rng, 5))
			l->a = (uint16_t)rng_u32(s->rng);
		push_either(s);
		break;
	case 2:
		push(s, L_UDP);
		l = push(s, L_VXLAN);
		if (rng_chance(s->rng, 10))
			l->a = rng_byte(s->rng);
		push_frame(s);
		break;
	case 3:
		push(s, L_UDP);
		l = push(s, L_GENEVE);
		l->a = (uint16_t)(rng_chance(s->rng, 50) ? 0 : rng_below(s->rng, 64));
		l->b = rng_chance(s->rng, 5) ? 0x40 : 0;
		push_either(s);
		break;
	default:
		push_gtpu(s);
		break;
	}
}

static void
push_upper(struct stack *s)
{
	static const uint8_t layers[] = {
		L_TCP, L_UDP, L_SCTP, L_ICMP, L_ICMP6, L_ESP, L_AH, L_TCP, L_UDP,
	};

	if (rng_chance(s->rng, 95))
		push(s, layers[rng_below(s->rng, sizeof(layers))]);
	random_hex(s, push(s, L_RAW), rng_below(s->rng, 12));
}

void
mutate_frame(struct rng *rng, struct frame *f)
{
	unsigned int n = 1 + rng_below(rng, 4), at;

	if (rng_chance(rng, 40)) {
		f->len = rng_below(rng, f->len + 1);
		return;
	}
	while (n-- > 0 && f->len != 0) {
		/* Headers are at the front, and so are the interesting bytes. */
		at = rng_below(rng, 1 + rng_below(rng, f->len));
		if (rng_chance(rng, 50))
			f->data[at] ^= (uint8_t)(1u << rng_below(rng, 8));
		else
			f->data[at] = rng_byte(rng);
	}
}

void
random_frame(struct rng *rng, struct frame *f)
{
	struct stack s = { .rng = rng };
	unsigned int tunnels = rng_chance(rng, 50) ? 0 : 1 + rng_below(rng, 3);

	push_frame(&s);
	while (tunnels-- > 0 && !full(&s))
		push_tunnel(&s);
	push_upper(&s);
	s.layer[s.n].id = L_NONE;
	frame_build_noisy(f, s.layer, rng_byte, rng);
	if (rng_chance(rng, 30))
		mutate_frame(rng, f);
}
