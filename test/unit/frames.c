/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"

/* In which number space a layer names its successor. */
enum space {
	SPACE_NONE,
	SPACE_ETHERTYPE,
	SPACE_IPPROTO,
};

/* A length field, to be filled in when the frame's end is known. */
struct length {
	unsigned int at;   /* of the two bytes */
	unsigned int from; /* where the counted bytes begin */
	int lie;
};

struct builder {
	struct frame *f;
	enum space space;
	unsigned int link;  /* where the last layer names its successor */
	uint32_t given;     /* the lie about it, or 0 */
	unsigned int depth; /* of tunnels */
	uint8_t (*noise)(void *arg);
	void *noise_arg;
	unsigned int n_length;
	struct length length[FRAME_LAYERS];
};

struct layer_info {
	void (*put)(struct builder *b, const struct layer *l);
	uint16_t ethertype;
	uint8_t ipproto;
};

static uint8_t *
room(struct builder *b, unsigned int n)
{
	uint8_t *p = b->f->data + b->f->len;

	if (n > FRAME_ROOM - b->f->len) {
		fprintf(stderr, "frame_build: no room for %u bytes\n", n);
		abort();
	}
	memset(p, 0, n);
	b->f->len += n;
	return p;
}

static void
put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = v & 0xff;
}

/* Random values in place of the fixed ones, if wanted. */
static void
noise(const struct builder *b, uint8_t *p, unsigned int n)
{
	while (b->noise != NULL && n-- > 0)
		*p++ = b->noise(b->noise_arg);
}

static void
set_link(struct builder *b, enum space space, const uint8_t *at, const struct layer *l)
{
	b->space = space;
	b->link = (unsigned int)(at - b->f->data);
	b->given = l->next;
}

static void
write_link(struct builder *b, unsigned int type)
{
	if (b->given != 0)
		type = b->given & 0xffff;
	if (b->space == SPACE_ETHERTYPE)
		put16(b->f->data + b->link, type);
	else if (b->space == SPACE_IPPROTO)
		b->f->data[b->link] = type & 0xff;
	b->space = SPACE_NONE;
}

static void
add_length(struct builder *b, const uint8_t *at, unsigned int from, int lie)
{
	struct length *length = &b->length[b->n_length++];

	length->at = (unsigned int)(at - b->f->data);
	length->from = from;
	length->lie = lie;
}

static unsigned int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = strchr(digits, c);

	if (at == NULL || c == '\0') {
		fprintf(stderr, "frames: '%c' is no hex digit\n", c);
		abort();
	}
	return (unsigned int)(at - digits);
}

unsigned int
frame_hex(uint8_t *to, unsigned int size, const char *hex)
{
	unsigned int n = 0;

	while (hex != NULL && *hex != '\0') {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		if (n == size)
			abort();
		to[n++] = (uint8_t)(hex_digit(hex[0]) * 16 + hex_digit(hex[1]));
		hex += 2;
	}
	return n;
}

static void
put_eth(struct builder *b, const struct layer *l)
{
	uint8_t *p = room(b, 14);

	p[0] = 2;
	p[4] = (uint8_t)b->depth;
	p[5] = 2;
	p[6] = 2;
	p[10] = (uint8_t)b->depth;
	p[11] = l->a != 0 ? l->a & 0xff : 1;
	put16(p + 12, 0x88b5);
	noise(b, p, 12);
	set_link(b, SPACE_ETHERTYPE, p + 12, l);
}

static void
put_vlan(struct builder *b, const struct layer *l)
{
	uint8_t *p = room(b, 4);

	put16(p, l->a);
	noise(b, p, 2);
	put16(p + 2, 0x88b5);
	set_link(b, SPACE_ETHERTYPE, p + 2, l);
}

static void
put_ip4(struct builder *b, const struct layer *l)
{
	unsigned int start = b->f->len, options;
	uint8_t *p = room(b, 20);
	uint8_t hex[44];

	options = frame_hex(hex, sizeof(hex), l->hex);
	memcpy(room(b, options), hex, options);
	p[0] = l->first != 0 ? l->first : (uint8_t)(0x45 + options / 4);
	add_length(b, p + 2, start, l->lie);
	put16(p + 6, l->a);
	p[8] = 64;
	p[9] = 253;
	if (b->depth == 0) {
		memcpy(p + 12, "\xc0\x00\x02\x01\xc6\x33\x64\x02", 8);
	} else {
		p[12] = 10;
		p[13] = (uint8_t)b->depth;
		p[15] = 1;
		p[16] = 10;
		p[17] = (uint8_t)b->depth;
		p[19] = 2;
	}
	noise(b, p + 12, 8);
	set_link(b, SPACE_IPPROTO, p + 9, l);
}

static void
put_address6(const struct builder *b, uint8_t *p, unsigned int middle, unsigned int last)
{
	memcpy(p, "\x20\x01\x0d\xb8", 4);
	put16(p + 4, b->depth);
	put16(p + 6, middle);
	put16(p + 14, last);
	noise(b, p, 16);
}

static void
put_ip6(struct builder *b, const struct layer *l)
{
	uint8_t *p = room(b, 40);

	p[0] = l->first != 0 ? l->first : 0x60;
	add_length(b, p + 4, b->f->len, l->lie);
	p[6] = 59;
	p[7] = 64;
	put_address6(b, p + 8, 0, l->a != 0 ? l->a : 1);
	put_address6(b, p + 24, 0, 2);
	set_link(b, SPACE_IPPROTO, p + 6, l);
}

/* An extension header: `n` bytes behind the first two, filled up to 8. */
static void
put_extension(struct builder *b, const struct layer *l, const uint8_t *bytes, unsigned int n)
{
	unsigned int len = (2 + n + 7) / 8 * 8;
	uint8_t *p = room(b, len);

	p[0] = 59;
	p[1] = (uint8_t)((int)(len / 8 - 1) + (l->lie == LIE_ZERO ? -(int)(len / 8 - 1) : l->lie));
	memcpy(p + 2, bytes, n);
	set_link(b, SPACE_IPPROTO, p, l);
}

static void
put_options(struct builder *b, const struct layer *l)
{
	uint8_t hex[512];

	put_extension(b, l, hex, frame_hex(hex, sizeof(hex), l->hex));
}

static void
put_home(struct builder *b, const struct layer *l)
{
	uint8_t bytes[22] = { 1, 2, 0, 0, 0xc9, 16 };

	put_address6(b, bytes + 6, 0xaaaa, 1);
	put_extension(b, l, bytes, sizeof(bytes));
}

static void
put_route2(struct builder *b, const struct layer *l)
{
	uint8_t bytes[22] = { 2, 1 };

	put_address6(b, bytes + 6, 0xbbbb, 2);
	put_extension(b, l, bytes, sizeof(bytes));
}

static void
put_frag(struct builder *b, const struct layer *l)
{
	uint8_t *p = room(b, 8);

	p[0] = 59;
	put16(p + 2, l->a);
	set_link(b, SPACE_IPPROTO, p, l);
}

static uint8_t *
put_ports(struct builder *b, const struct layer *l, unsigned int n, unsigned int dst)
{
	uint8_t *p = room(b, n);

	put16(p, l->a != 0 ? l->a : 1234);
	put16(p + 2, l->b != 0 ? l->b : dst);
	noise(b, p, dst == 80 || dst == 53 ? 4 : 2); /* a tunnel keeps its port */
	return p;
}

static void
put_tcp(struct builder *b, const struct layer *l)
{
	uint8_t *p = put_ports(b, l, 20, 80);

	p[12] = 0x50;
}

static void
put_udp(struct builder *b, const struct layer *l)
{
	unsigned int dst = 53, start = b->f->len;
	uint8_t *p;

	if (l[1].id == L_VXLAN)
		dst = 4789;
	else if (l[1].id == L_GENEVE)
		dst = 6081;
	else if (l[1].id == L_GTPU)
		dst = 2152;
	p = put_ports(b, l, 8, dst);
	add_length(b, p + 4, start, l->lie);
}

static void
put_sctp(struct builder *b, const struct layer *l)
{
	put_ports(b, l, 12, 80);
}

static void
put_icmp(struct builder *b, const struct layer *l)
{
	room(b, 8)[0] = l->id == L_ICMP ? 8 : 128;
}

static void
put_esp(struct builder *b, const struct layer *l)
{
	uint8_t *p = room(b, 16);

	(void)l;
	memcpy(p, "\x01\x02\x03\x04", 4);
	noise(b, p, 4);
}

static void
put_ah(struct builder *b, const struct layer *l)
{
	uint8_t *p = room(b, 24);

	p[0] = 59;
	p[1] = 4;
	memcpy(p + 4, "\x05\x06\x07\x08", 4);
	noise(b, p + 4, 4);
	set_link(b, SPACE_IPPROTO, p, l);
}

static void
put_vxlan(struct builder *b, const struct layer *l)
{
	uint8_t *p = room(b, 8);

	p[0] = l->a != 0 ? l->a & 0xff : 0x08;
	p[6] = 42;
	b->depth++;
}

static void
put_geneve(struct builder *b, const struct layer *l)
{
	uint8_t *p = room(b, 8 + 4u * l->a);

	p[0] = (uint8_t)(l->b | (l->a & 0x3f));
	set_link(b, SPACE_ETHERTYPE, p + 2, l);
	b->depth++;
}

static void
put_gre(struct builder *b, const struct layer *l)
{
	unsigned int optional = !!(l->a & 0x8000) + !!(l->a & 0x2000) + !!(l->a & 0x1000);
	uint8_t *p = room(b, 4 + 4 * optional);

	put16(p, l->a);
	memset(p + 4, 0x77, 4 * optional);
	set_link(b, SPACE_ETHERTYPE, p + 2, l);
	b->depth++;
}

static void
put_gtpu(struct builder *b, const struct layer *l)
{
	uint8_t hex[128];
	unsigned int n = frame_hex(hex, sizeof(hex), l->hex);
	uint8_t *p = room(b, 8 + n);

	p[0] = l->a != 0 ? l->a & 0xff : 0x30;
	p[1] = l->b != 0 ? l->b & 0xff : 255;
	add_length(b, p + 2, (unsigned int)(p + 8 - b->f->data), l->lie);
	put16(p + 6, 7);
	memcpy(p + 8, hex, n);
	b->depth++;
}

static void
put_raw(struct builder *b, const struct layer *l)
{
	uint8_t hex[FRAME_ROOM];
	unsigned int n = frame_hex(hex, sizeof(hex), l->hex);

	memcpy(room(b, n), hex, n);
}

/* clang-format off */
static const struct layer_info info[L_COUNT] = {
	[L_ETH] = { put_eth, 0x6558, 143 },
	[L_VLAN] = { put_vlan, 0x8100, 0 },
	[L_IP4] = { put_ip4, 0x0800, 4 },
	[L_IP6] = { put_ip6, 0x86dd, 41 },
	[L_HOP] = { put_options, 0, 0 },
	[L_DST] = { put_options, 0, 60 },
	[L_HOME] = { put_home, 0, 60 },
	[L_ROUTE] = { put_options, 0, 43 },
	[L_ROUTE2] = { put_route2, 0, 43 },
	[L_FRAG] = { put_frag, 0, 44 },
	[L_TCP] = { put_tcp, 0, 6 },
	[L_UDP] = { put_udp, 0, 17 },
	[L_SCTP] = { put_sctp, 0, 132 },
	[L_ICMP] = { put_icmp, 0, 1 },
	[L_ICMP6] = { put_icmp, 0, 58 },
	[L_ESP] = { put_esp, 0, 50 },
	[L_AH] = { put_ah, 0, 51 },
	[L_VXLAN] = { put_vxlan, 0, 0 },
	[L_GENEVE] = { put_geneve, 0, 0 },
	[L_GRE] = { put_gre, 0, 47 },
	[L_GTPU] = { put_gtpu, 0, 0 },
	[L_RAW] = { put_raw, 0, 0 },
};
/* clang-format on */

static void
link_to(struct builder *b, const struct layer *l)
{
	bool ethertype = b->space == SPACE_ETHERTYPE;

	if (l->id == L_RAW && (ethertype ? l->a : l->b) == 0 && b->given == 0)
		return; /* the default of the layer before stands */
	if (l->id == L_RAW)
		write_link(b, ethertype ? l->a : l->b);
	else if (l->id == L_VLAN && ethertype)
		write_link(b, l->b != 0 ? l->b : 0x8100);
	else
		write_link(b, ethertype ? info[l->id].ethertype : info[l->id].ipproto);
}

static void
write_lengths(const struct builder *b)
{
	unsigned int i;

	for (i = 0; i < b->n_length; i++) {
		const struct length *length = &b->length[i];
		int value = (int)(b->f->len - length->from) + length->lie;

		put16(b->f->data + length->at, length->lie == LIE_ZERO ? 0 : (unsigned int)value);
	}
}

void
frame_build(struct frame *f, const struct layer *layers)
{
	frame_build_noisy(f, layers, NULL, NULL);
}

void
frame_build_noisy(struct frame *f, const struct layer *layers, uint8_t (*byte)(void *arg),
		  void *arg)
{
	struct builder b = { .f = f, .noise = byte, .noise_arg = arg };
	const struct layer *l;
	bool in_ip = false;

	memset(f, 0, sizeof(*f));
	for (l = layers; l->id != L_NONE; l++) {
		if (l - layers == FRAME_LAYERS)
			abort();
		/* An IP header directly in an IP packet is a tunnel, too. */
		if ((l->id == L_IP4 || l->id == L_IP6) && in_ip && b.space == SPACE_IPPROTO)
			b.depth++;
		if (l->id == L_IP4 || l->id == L_IP6)
			in_ip = true;
		link_to(&b, l);
		info[l->id].put(&b, l);
	}
	if (b.given != 0)
		write_link(&b, 0);
	write_lengths(&b);
}
