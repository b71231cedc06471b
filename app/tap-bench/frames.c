/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "frames.h"

#define IPV4_LEN 20
#define IPV6_LEN 40
#define UDP_LEN 8
#define TCP_LEN 20
#define VXLAN_PORT 4789

static void
put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

static uint32_t
sum16(const uint8_t *p, unsigned int n, uint32_t sum)
{
	for (unsigned int i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return sum;
}

static uint16_t
fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Spreads flow numbers, so that neighbours differ in all fields. */
static uint32_t
mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352d;
	x ^= x >> 15;
	x *= 0x846ca68b;
	return x ^ x >> 16;
}

static unsigned int
put_ethernet(uint8_t *p, uint8_t vlans, uint16_t type)
{
	static const uint8_t macs[12] = {
		0x02, 0xbe, 0xef, 0x00, 0x00, 0x02, 0x02, 0xbe, 0xef, 0x00, 0x00, 0x01,
	};
	unsigned int at = sizeof(macs);

	memcpy(p, macs, sizeof(macs));
	for (uint8_t i = 0; i < vlans; i++, at += 4) {
		put16(p + at, i + 1 < vlans ? 0x88a8 : ETHERTYPE_VLAN);
		put16(p + at + 2, 100 + i);
	}
	put16(p + at, type);
	return at + 2;
}

static void
put_ipv4(uint8_t *p, uint16_t total, uint16_t id, uint8_t proto, uint32_t src, uint32_t dst)
{
	memset(p, 0, IPV4_LEN);
	p[0] = 0x45;
	put16(p + 2, total);
	put16(p + 4, id);
	put16(p + 6, 0x4000);
	p[8] = 64;
	p[9] = proto;
	put32(p + 12, src);
	put32(p + 16, dst);
	put16(p + 10, (uint16_t)~fold(sum16(p, IPV4_LEN, 0)));
}

static void
put_ipv6(uint8_t *p, uint16_t payload, uint8_t proto, uint32_t a, uint32_t b)
{
	memset(p, 0, IPV6_LEN);
	p[0] = 0x60;
	put16(p + 4, payload);
	p[6] = proto;
	p[7] = 64;
	put32(p + 8, 0x20010db8);
	put32(p + 16, b);
	put32(p + 20, a);
	put32(p + 24, 0x20010db8);
	put32(p + 32, a);
	put32(p + 36, b);
}

/* Bytes of the TCP or UDP header. */
static unsigned int
l4_header_len(const struct frame_spec *spec)
{
	if (!spec->tcp)
		return UDP_LEN;
	return TCP_LEN + (spec->timestamps ? FRAME_TIMESTAMPS : 0);
}

/* Ports differ from the VXLAN port and from each other. */
static void
put_l4(uint8_t *p, const struct frame_spec *spec, uint16_t len, uint32_t ports)
{
	unsigned int header_len = l4_header_len(spec);

	memset(p, 0, header_len);
	put16(p, 1024 + (ports >> 16) % 2048);
	put16(p + 2, 8192 + (ports & 0x3fff));
	if (!spec->tcp) {
		put16(p + 4, len);
		return;
	}
	put32(p + 4, ports + spec->offset);
	p[12] = (uint8_t)(header_len / 4 << 4);
	p[13] = 0x10;
	put16(p + 14, 512);
	if (spec->timestamps)
		put32(p + TCP_LEN, 0x0101080a);
}

/* A device that completes the checksum expects the pseudo-header's part in its place. */
static void
put_l4_sum(uint8_t *ip, uint8_t *l4, const struct frame_spec *spec, uint16_t l4_len)
{
	uint32_t sum = (uint32_t)l4_len + (spec->tcp ? IPPROTO_TCP : IPPROTO_UDP);
	uint8_t *field = l4 + (spec->tcp ? 16 : 6);

	sum = spec->ipv6 ? sum16(ip + 8, 32, sum) : sum16(ip + 12, 8, sum);
	if (spec->sum == FRAME_SUM_PHDR) {
		put16(field, fold(sum));
		return;
	}
	sum = sum16(l4, l4_len & ~1u, sum);
	if (l4_len % 2 != 0)
		sum += (uint32_t)l4[l4_len - 1] << 8;
	sum = fold(sum);
	/* In UDP zero would mean "no checksum": its other representation has to do. */
	put16(field, sum == 0xffff ? 0xffff : (uint16_t)~sum);
}

/* A frame that is not tunnelled. */
static uint16_t
build_plain(uint8_t *buf, const struct frame_spec *spec)
{
	unsigned int l3_len = spec->ipv6 ? IPV6_LEN : IPV4_LEN;
	unsigned int l4_min = l4_header_len(spec);
	uint8_t proto = spec->tcp ? IPPROTO_TCP : IPPROTO_UDP;
	uint32_t a = mix(spec->flow + 1), b = mix(a);
	uint16_t type = spec->ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
	unsigned int l2_len = put_ethernet(buf, spec->vlans, type);
	unsigned int len = l2_len + l3_len + l4_min;
	uint16_t l4_len;
	uint8_t *ip = buf + l2_len;

	if (len < spec->len)
		len = spec->len;
	l4_len = (uint16_t)(len - l2_len - l3_len);
	if (spec->ipv6)
		put_ipv6(ip, l4_len, proto, a, b);
	else
		put_ipv4(ip, (uint16_t)(l3_len + l4_len), spec->ip_id, proto, 0x0a000000 | a >> 8,
			 0x0a000000 | b >> 8);
	put_l4(ip + l3_len, spec, l4_len, mix(b));
	for (uint32_t i = 0; i < l4_len - l4_min; i++)
		ip[l3_len + l4_min + i] = frame_payload_byte(spec->offset + i);
	put_l4_sum(ip, ip + l3_len, spec, l4_len);
	return (uint16_t)len;
}

uint16_t
frame_build(uint8_t *buf, const struct frame_spec *spec)
{
	struct frame_spec inner = *spec;
	const struct frame_spec outer = { .tcp = false };
	unsigned int l2_len;
	uint16_t len;
	uint8_t *ip;

	if (!spec->vxlan)
		return build_plain(buf, spec);

	l2_len = put_ethernet(buf, 0, ETHERTYPE_IP);
	ip = buf + l2_len;
	inner.vxlan = false;
	len = build_plain(ip + IPV4_LEN + UDP_LEN + 8, &inner);
	put_ipv4(ip, IPV4_LEN + UDP_LEN + 8 + len, 0, IPPROTO_UDP, 0x0a000001, 0x0a000002);
	put_l4(ip + IPV4_LEN, &outer, UDP_LEN + 8 + len, mix(spec->flow));
	put16(ip + IPV4_LEN + 2, VXLAN_PORT);
	memset(ip + IPV4_LEN + UDP_LEN, 0, 8);
	ip[IPV4_LEN + UDP_LEN] = 0x08;
	ip[IPV4_LEN + UDP_LEN + 6] = 42;
	return (uint16_t)(l2_len + IPV4_LEN + UDP_LEN + 8 + len);
}
