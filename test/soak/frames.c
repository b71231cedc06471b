/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <netinet/in.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "frames.h"

/* The first bytes of each payload. */
struct mark {
	rte_be32_t magic;
	rte_be32_t number;
	rte_be32_t segment;
} __rte_packed;

#define MAGIC 0x736f616bu
/* An EtherType for experiments (IEEE 802, 5.1). */
#define TYPE_OTHER 0x88b5
#define SHORTEST                                                                                   \
	(sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr) + \
	 sizeof(struct mark))
#define TRAIN_PAYLOAD 1000

uint32_t
soak_below(uint64_t *seed, uint32_t n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33) % n;
}

static void
put_mark(uint8_t *at, uint32_t number, uint32_t segment)
{
	struct mark mark = { RTE_BE32(MAGIC), rte_cpu_to_be_32(number), rte_cpu_to_be_32(segment) };

	memcpy(at, &mark, sizeof(mark));
}

static uint32_t
put_ethernet(uint8_t *data, bool tagged, uint16_t type)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)data;
	struct rte_vlan_hdr *vlan = (struct rte_vlan_hdr *)(eth + 1);

	/* Of nobody: no stack answers. */
	memset(eth->dst_addr.addr_bytes, 0x02, RTE_ETHER_ADDR_LEN);
	memset(eth->src_addr.addr_bytes, 0x06, RTE_ETHER_ADDR_LEN);
	eth->ether_type = rte_cpu_to_be_16(tagged ? RTE_ETHER_TYPE_VLAN : type);
	if (!tagged)
		return sizeof(*eth);
	vlan->vlan_tci = RTE_BE16(5);
	vlan->eth_proto = rte_cpu_to_be_16(type);
	return sizeof(*eth) + sizeof(*vlan);
}

static uint32_t
put_ip(uint8_t *at, bool v6, uint8_t proto, uint32_t flow, uint32_t l4_len)
{
	struct rte_ipv4_hdr *ip4 = (struct rte_ipv4_hdr *)at;
	struct rte_ipv6_hdr *ip6 = (struct rte_ipv6_hdr *)at;

	if (v6) {
		memset(ip6, 0, sizeof(*ip6));
		ip6->vtc_flow = RTE_BE32(0x60000000);
		ip6->payload_len = rte_cpu_to_be_16((uint16_t)l4_len);
		ip6->proto = proto;
		ip6->hop_limits = 9;
		/* 2001:db8::/32, for documents */
		memcpy(at + 8, "\x20\x01\x0d\xb8", 4);
		memcpy(at + 24, "\x20\x01\x0d\xb8", 4);
		memcpy(at + 20, &flow, sizeof(flow));
		return sizeof(*ip6);
	}
	memset(ip4, 0, sizeof(*ip4));
	ip4->version_ihl = RTE_IPV4_VHL_DEF;
	ip4->total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip4) + l4_len));
	ip4->time_to_live = 9;
	ip4->next_proto_id = proto;
	ip4->src_addr = rte_cpu_to_be_32(0xc6120000 + (flow & 0xffff)); /* 198.18.0.0/15 */
	ip4->dst_addr = RTE_BE32(0xc6130001);
	ip4->hdr_checksum = rte_ipv4_cksum(ip4);
	return sizeof(*ip4);
}

static uint16_t
pseudo_sum(const uint8_t *ip, bool v6)
{
	return v6 ? rte_ipv6_phdr_cksum((const struct rte_ipv6_hdr *)ip, 0) :
		    rte_ipv4_phdr_cksum((const struct rte_ipv4_hdr *)ip, 0);
}

static void
note_headers(struct soak_frame *frame, uint32_t l3, uint32_t l4, bool v6, bool tcp)
{
	frame->l3 = (uint16_t)l3;
	frame->l4 = (uint16_t)l4;
	frame->v6 = v6;
	frame->tcp = tcp;
}

static void
put_tcp(struct soak_frame *frame, uint32_t l3, bool v6, uint32_t flow, uint32_t seq,
	uint32_t payload)
{
	uint32_t l4 = l3 + put_ip(frame->data + l3, v6, IPPROTO_TCP, flow,
				  (uint32_t)sizeof(struct rte_tcp_hdr) + payload);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(frame->data + l4);

	memset(tcp, 0, sizeof(*tcp));
	tcp->src_port = rte_cpu_to_be_16((uint16_t)(1024 + flow % 50000));
	tcp->dst_port = RTE_BE16(80);
	tcp->sent_seq = rte_cpu_to_be_32(seq);
	tcp->data_off = sizeof(*tcp) / 4 << 4;
	tcp->tcp_flags = RTE_TCP_ACK_FLAG;
	tcp->rx_win = RTE_BE16(1000);
	tcp->cksum = pseudo_sum(frame->data + l3, v6);
	frame->vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	frame->vnet.csum_start = (uint16_t)l4;
	frame->vnet.csum_offset = offsetof(struct rte_tcp_hdr, cksum);
	note_headers(frame, l3, l4, v6, true);
	frame->vnet.hdr_len = (uint16_t)(l4 + sizeof(*tcp));
	frame->len = l4 + (uint32_t)sizeof(*tcp) + payload;
}

static void
make_super(struct soak_frame *frame, uint32_t number, uint32_t l3, bool v6, uint64_t *seed)
{
	uint32_t size = 100 + soak_below(seed, 400);
	uint32_t n = 2 + soak_below(seed, 19);
	uint32_t last = sizeof(struct mark) + soak_below(seed, size - sizeof(struct mark));
	uint32_t i;

	put_tcp(frame, l3, v6, soak_below(seed, 1000), number, (n - 1) * size + last);
	frame->vnet.gso_type = v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	frame->vnet.gso_size = (uint16_t)size;
	for (i = 0; i < n; i++)
		put_mark(frame->data + frame->vnet.hdr_len + i * size, number, i);
	frame->marks = (uint16_t)n;
}

static void
make_udp(struct soak_frame *frame, uint32_t number, uint32_t l3, bool v6, uint32_t payload,
	 uint64_t *seed)
{
	uint32_t len = (uint32_t)sizeof(struct rte_udp_hdr) + payload;
	uint32_t l4 = l3 + put_ip(frame->data + l3, v6, IPPROTO_UDP, soak_below(seed, 1000), len);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(frame->data + l4);

	udp->src_port = rte_cpu_to_be_16((uint16_t)(1024 + soak_below(seed, 50000)));
	udp->dst_port = soak_below(seed, 16) == 0 ?
				RTE_BE16(SOAK_DROP_PORT) :
				rte_cpu_to_be_16((uint16_t)(SOAK_RULE_PORT +
							    soak_below(seed, SOAK_RULE_PORTS)));
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)len);
	udp->dgram_cksum = pseudo_sum(frame->data + l3, v6);
	frame->vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	frame->vnet.csum_start = (uint16_t)l4;
	frame->vnet.csum_offset = offsetof(struct rte_udp_hdr, dgram_cksum);
	note_headers(frame, l3, l4, v6, false);
	put_mark(frame->data + l4 + sizeof(*udp), number, 0);
	frame->len = l4 + len;
}

void
soak_frame_make(struct soak_frame *frame, uint32_t number, uint32_t room, uint64_t *seed)
{
	bool v6 = soak_below(seed, 2) != 0;
	bool tagged = soak_below(seed, 8) == 0;
	uint32_t kind = soak_below(seed, 16);
	uint32_t payload;
	uint32_t l3;

	memset(&frame->vnet, 0, sizeof(frame->vnet));
	frame->marks = 1;
	frame->l4 = 0;
	/* What is left beside the longest headers: two Ethernet ones count for the tag. */
	payload = sizeof(struct mark) + soak_below(seed, room - 90 - sizeof(struct mark));
	if (kind == 0) {
		l3 = put_ethernet(frame->data, tagged, TYPE_OTHER);
		put_mark(frame->data + l3, number, 0);
		frame->len = RTE_MAX(l3 + payload, (uint32_t)RTE_ETHER_MIN_LEN);
		return;
	}
	l3 = put_ethernet(frame->data, tagged, v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	if (kind < 8) {
		make_udp(frame, number, l3, v6, payload, seed);
	} else if (kind < 12) {
		put_tcp(frame, l3, v6, soak_below(seed, 1000), number, payload);
		put_mark(frame->data + frame->vnet.hdr_len, number, 0);
	} else {
		make_super(frame, number, l3, v6, seed);
	}
}

void
soak_frame_train(struct soak_frame *frame, uint32_t number, struct soak_train *train,
		 uint64_t *seed)
{
	uint32_t l3 = put_ethernet(frame->data, false, RTE_ETHER_TYPE_IPV4);

	memset(&frame->vnet, 0, sizeof(frame->vnet));
	if (soak_below(seed, 6) == 0)
		train->flow = train->first + soak_below(seed, SOAK_TRAIN_FLOWS);
	put_tcp(frame, l3, false, train->flow, train->seq, TRAIN_PAYLOAD);
	put_mark(frame->data + frame->vnet.hdr_len, number, 0);
	train->seq += TRAIN_PAYLOAD;
	frame->marks = 1;
}

/* Where the payload begins; 0: no frame of ours. */
static uint32_t
payload_of(const uint8_t *data, uint32_t len)
{
	const struct rte_ether_hdr *eth = (const struct rte_ether_hdr *)data;
	rte_be16_t type = eth->ether_type;
	uint32_t at = sizeof(*eth);
	uint8_t proto;

	if (len < SHORTEST)
		return 0;
	if (type == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
		type = ((const struct rte_vlan_hdr *)(data + at))->eth_proto;
		at += sizeof(struct rte_vlan_hdr);
	}
	if (type == RTE_BE16(TYPE_OTHER))
		return at;
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) {
		proto = ((const struct rte_ipv4_hdr *)(data + at))->next_proto_id;
		at += sizeof(struct rte_ipv4_hdr);
	} else {
		proto = ((const struct rte_ipv6_hdr *)(data + at))->proto;
		at += sizeof(struct rte_ipv6_hdr);
	}
	return at +
	       (proto == IPPROTO_TCP ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr));
}

unsigned int
soak_frame_numbers(const uint8_t *data, uint32_t len, uint32_t gso_size,
		   void (*seen)(void *arg, uint32_t number, uint32_t segment), void *arg)
{
	uint32_t at = payload_of(data, len);
	unsigned int n = 0;
	struct mark mark;

	while (at != 0 && at + sizeof(mark) <= len) {
		memcpy(&mark, data + at, sizeof(mark));
		if (mark.magic != RTE_BE32(MAGIC))
			return 0;
		seen(arg, rte_be_to_cpu_32(mark.number), rte_be_to_cpu_32(mark.segment));
		n++;
		at = gso_size != 0 ? at + gso_size : 0;
	}
	return n;
}
