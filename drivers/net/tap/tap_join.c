/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "tap_cksum.h"
#include "tap_join.h"

/*
 * What is verified is copied by the way, which costs no more than reading it. Else a payload is
 * copied if it is not longer than this: the kernel takes as long for an entry of an iovec as for
 * some 2 KB more in one that it has.
 */
#define TAP_JOIN_COPY 2048
/* Headers without payload: nothing shorter is worth a look. */
#define TAP_JOIN_MIN (RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr))

static uint16_t
tap_part_get16(const struct tap_part *p, size_t off)
{
	uint16_t v;

	memcpy(&v, p->data + off, sizeof(v));
	return rte_be_to_cpu_16(v);
}

static bool
tap_part_ipv4(struct tap_part *p, uint16_t data_len)
{
	const uint8_t *ip = p->data + p->l3_off;

	p->l4_off = p->l3_off + sizeof(struct rte_ipv4_hdr);
	if (p->l4_off >= data_len)
		return false;
	p->proto = ip[offsetof(struct rte_ipv4_hdr, next_proto_id)];
	p->ip_id = tap_part_get16(p, p->l3_off + offsetof(struct rte_ipv4_hdr, packet_id));
	return ip[0] == RTE_IPV4_VHL_DEF &&
	       tap_part_get16(p, p->l3_off + offsetof(struct rte_ipv4_hdr, total_length)) ==
		       data_len - p->l3_off &&
	       (tap_part_get16(p, p->l3_off + offsetof(struct rte_ipv4_hdr, fragment_offset)) &
		~RTE_IPV4_HDR_DF_FLAG) == 0;
}

static bool
tap_part_ipv6(struct tap_part *p, uint16_t data_len)
{
	const uint8_t *ip = p->data + p->l3_off;

	p->l4_off = p->l3_off + sizeof(struct rte_ipv6_hdr);
	if (p->l4_off >= data_len)
		return false;
	p->proto = ip[offsetof(struct rte_ipv6_hdr, proto)];
	return ip[0] >> 4 == 6 &&
	       tap_part_get16(p, p->l3_off + offsetof(struct rte_ipv6_hdr, payload_len)) ==
		       data_len - p->l4_off;
}

/*
 * Up to two tags, then an IP header without options, extension headers, fragments and
 * padding behind the packet. At least the shortest IP header is there.
 */
static bool
tap_part_ip(struct tap_part *p, uint16_t data_len)
{
	uint16_t type = tap_part_get16(p, offsetof(struct rte_ether_hdr, ether_type));

	p->l3_off = RTE_ETHER_HDR_LEN;
	while (unlikely(type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ) &&
	       p->l3_off < TAP_JOIN_L2) {
		type = tap_part_get16(p, p->l3_off + offsetof(struct rte_vlan_hdr, eth_proto));
		p->l3_off += RTE_VLAN_HLEN;
	}
	p->ipv4 = type == RTE_ETHER_TYPE_IPV4;
	if (p->ipv4)
		return tap_part_ipv4(p, data_len);
	return type == RTE_ETHER_TYPE_IPV6 && tap_part_ipv6(p, data_len);
}

/* The same without layer 2. */
static bool
tap_part_ip_l3(struct tap_part *p, uint16_t data_len)
{
	p->l3_off = 0;
	p->ipv4 = p->data[0] >> 4 == 4;
	return p->ipv4 ? tap_part_ipv4(p, data_len) : tap_part_ipv6(p, data_len);
}

/* Plain data: ACK, perhaps with PSH. */
static bool
tap_part_tcp(struct tap_part *p, uint16_t data_len)
{
	const uint8_t *tcp = p->data + p->l4_off;
	uint8_t flags;
	uint32_t seq;

	if (data_len < p->l4_off + sizeof(struct rte_tcp_hdr))
		return false;
	flags = tcp[offsetof(struct rte_tcp_hdr, tcp_flags)];
	memcpy(&seq, tcp + offsetof(struct rte_tcp_hdr, sent_seq), sizeof(seq));
	p->seq = rte_be_to_cpu_32(seq);
	p->payload = p->l4_off + (tcp[offsetof(struct rte_tcp_hdr, data_off)] >> 4) * 4;
	p->push = flags & RTE_TCP_PSH_FLAG;
	return (flags & ~RTE_TCP_PSH_FLAG) == RTE_TCP_ACK_FLAG &&
	       tcp[offsetof(struct rte_tcp_hdr, data_off)] >> 4 >= 5 && p->payload < data_len;
}

static bool
tap_part_udp(struct tap_part *p, uint16_t data_len)
{
	p->payload = p->l4_off + sizeof(struct rte_udp_hdr);
	p->push = false;
	return data_len > p->payload &&
	       tap_part_get16(p, p->l4_off + offsetof(struct rte_udp_hdr, dgram_len)) ==
		       data_len - p->l4_off &&
	       tap_part_get16(p, p->l4_off + offsetof(struct rte_udp_hdr, dgram_cksum)) != 0;
}

/* Could the packet be joined to others, as far as its headers tell? */
static bool
tap_part_parse(struct tap_part *p, const struct rte_mbuf *m, bool udp, bool l3)
{
	bool fits;

	if (m->nb_segs != 1 || (m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)) ||
	    m->data_len <= (l3 ? TAP_JOIN_MIN - RTE_ETHER_HDR_LEN : TAP_JOIN_MIN))
		return false;
	p->data = rte_pktmbuf_mtod(m, const uint8_t *);
	if (!(unlikely(l3) ? tap_part_ip_l3(p, m->data_len) : tap_part_ip(p, m->data_len)))
		return false;
	if (p->proto == IPPROTO_TCP)
		fits = tap_part_tcp(p, m->data_len);
	else
		fits = udp && p->proto == IPPROTO_UDP && tap_part_udp(p, m->data_len);
	if (!fits)
		return false;
	p->len = m->data_len - p->payload;
	return p->len != 0;
}

/* Do headers and flags agree, and is IPv4's checksum the driver's business, or right? */
static bool
tap_part_sound(const struct tap_part *p, const struct rte_mbuf *m)
{
	uint64_t l4 = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;

	if ((l4 != 0 || (m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM)) &&
	    (m->l2_len != p->l3_off || m->l2_len + m->l3_len != p->l4_off))
		return false;
	if (l4 != 0 &&
	    l4 != (p->proto == IPPROTO_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM))
		return false;
	return !p->ipv4 || (m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) ||
	       tap_cksum_fold(tap_cksum_header(p->data + p->l3_off, sizeof(struct rte_ipv4_hdr))) ==
		       0xffff;
}

/* Copy the payload; @return false if its checksum is to be verified, and is wrong */
static bool
tap_part_copy(const struct tap_part *p, uint8_t *to, bool verify)
{
	uint32_t hdr_len = p->payload - p->l4_off;
	uint64_t sum;

	if (!verify) {
		memcpy(to, p->data + p->payload, p->len);
		return true;
	}
	sum = tap_cksum_pseudo(p->data + p->l3_off, p->ipv4, p->proto, hdr_len + p->len) +
	      tap_cksum_header(p->data + p->l4_off, hdr_len) +
	      tap_cksum_copy(to, p->data + p->payload, p->len);
	return tap_cksum_fold(sum) == 0xffff;
}

static bool
tap_part_same(const struct tap_part *a, const struct tap_part *b, size_t from, size_t to)
{
	return memcmp(a->data + from, b->data + from, to - from) == 0;
}

/* Has everything but length, identification, checksum the same value in both IP headers? */
static bool
tap_part_same_ip(const struct tap_part *a, const struct tap_part *b)
{
	if (!a->ipv4)
		return tap_part_same(a, b, 0,
				     a->l3_off + offsetof(struct rte_ipv6_hdr, payload_len)) &&
		       tap_part_same(a, b, a->l3_off + offsetof(struct rte_ipv6_hdr, proto),
				     a->l4_off);
	return tap_part_same(a, b, 0, a->l3_off + offsetof(struct rte_ipv4_hdr, total_length)) &&
	       tap_part_same(a, b, a->l3_off + offsetof(struct rte_ipv4_hdr, fragment_offset),
			     a->l3_off + offsetof(struct rte_ipv4_hdr, hdr_checksum)) &&
	       tap_part_same(a, b, a->l3_off + offsetof(struct rte_ipv4_hdr, src_addr), a->l4_off);
}

/* Ports, acknowledgement, window, options; URG is not set, so its pointer means nothing. */
static bool
tap_part_same_l4(const struct tap_part *a, const struct tap_part *b)
{
	if (!tap_part_same(a, b, a->l4_off, a->l4_off + 4u))
		return false;
	if (a->proto == IPPROTO_UDP)
		return true;
	return a->payload == b->payload &&
	       tap_part_same(a, b, a->l4_off + offsetof(struct rte_tcp_hdr, recv_ack),
			     a->l4_off + offsetof(struct rte_tcp_hdr, tcp_flags)) &&
	       tap_part_same(a, b, a->l4_off + offsetof(struct rte_tcp_hdr, rx_win),
			     a->l4_off + offsetof(struct rte_tcp_hdr, cksum)) &&
	       tap_part_same(a, b, a->l4_off + offsetof(struct rte_tcp_hdr, tcp_urp), a->payload);
}

/* Is @p b what follows @p a, with the same headers? */
static bool
tap_part_follows(const struct tap_part *a, const struct tap_part *b)
{
	if (a->push || b->ipv4 != a->ipv4 || b->proto != a->proto || b->len > a->len)
		return false;
	if (b->ipv4 && b->ip_id != (uint16_t)(a->ip_id + 1))
		return false;
	if (b->proto == IPPROTO_TCP && b->seq != a->seq + a->len)
		return false;
	return tap_part_same_ip(a, b) && tap_part_same_l4(a, b);
}

void
tap_join_look(struct tap_join_view *view, struct rte_mbuf *const *pkts, uint16_t n, bool udp,
	      bool l3)
{
	bool fits = false;
	uint16_t i;

	view->pkts = pkts;
	view->n = n;
	view->follows = 0;
	if (n < 2)
		return;
	for (i = 0; i < n; i++) {
		struct tap_part *part = &view->part[i];
		bool fitted = fits;

		fits = tap_part_parse(part, pkts[i], udp, l3);
		if (fits && fitted && tap_part_follows(part - 1, part))
			view->follows |= UINT64_C(1) << (i - 1);
	}
}

/* Headers of the whole: those of the first part, with the lengths of all. */
static void
tap_join_write_head(struct tap_join *join, const struct tap_part *first, uint32_t payload,
		    bool push)
{
	bool tcp = first->proto == IPPROTO_TCP;
	uint8_t *head = join->stage + TAP_VNET_HDR_LEN;
	uint8_t *ip = head + first->l3_off;
	uint8_t *l4 = head + first->l4_off;
	uint16_t l4_len = (uint16_t)(first->payload - first->l4_off + payload);
	struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.hdr_len = first->payload,
		.gso_size = first->len,
		.csum_start = first->l4_off,
		.csum_offset = tcp ? offsetof(struct rte_tcp_hdr, cksum) :
				     offsetof(struct rte_udp_hdr, dgram_cksum),
	};
	struct rte_ipv4_hdr ip4;
	uint16_t v = rte_cpu_to_be_16(l4_len);

	if (!tcp)
		vnet.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
	else
		vnet.gso_type = first->ipv4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
	memcpy(join->stage, &vnet, sizeof(vnet));
	memcpy(head, first->data, first->payload);
	if (first->ipv4) {
		memcpy(&ip4, ip, sizeof(ip4));
		ip4.total_length = rte_cpu_to_be_16((uint16_t)(l4_len + sizeof(ip4)));
		ip4.hdr_checksum = 0;
		ip4.hdr_checksum = rte_ipv4_cksum(&ip4);
		memcpy(ip, &ip4, sizeof(ip4));
	} else {
		memcpy(ip + offsetof(struct rte_ipv6_hdr, payload_len), &v, sizeof(v));
	}
	if (!tcp)
		memcpy(l4 + offsetof(struct rte_udp_hdr, dgram_len), &v, sizeof(v));
	else if (push)
		l4[offsetof(struct rte_tcp_hdr, tcp_flags)] |= RTE_TCP_PSH_FLAG;
	v = tap_cksum_fold(tap_cksum_pseudo(ip, first->ipv4, first->proto, l4_len));
	memcpy(l4 + vnet.csum_offset, &v, sizeof(v));
}

/* Room for the headers of @p first. */
static void
tap_join_begin(struct tap_join *join, const struct tap_part *first)
{
	join->staged = TAP_VNET_HDR_LEN + first->payload;
	join->iov[0].iov_base = join->stage;
	join->iov[0].iov_len = join->staged;
	join->n_iov = 1;
	join->n = 0;
}

/* @return false if the packet's checksums forbid to add it */
static bool
tap_join_add(struct tap_join *join, struct rte_mbuf *m, const struct tap_part *p)
{
	const bool verify = !(m->ol_flags & RTE_MBUF_F_TX_L4_MASK);
	uint8_t *payload = rte_pktmbuf_mtod_offset(m, uint8_t *, p->payload);
	struct iovec *last = &join->iov[join->n_iov - 1];

	if (!tap_part_sound(p, m))
		return false;
	if (verify || p->len <= TAP_JOIN_COPY) {
		payload = join->stage + join->staged;
		if (!tap_part_copy(p, payload, verify))
			return false;
		join->staged += p->len;
	}
	if (payload == (uint8_t *)last->iov_base + last->iov_len) {
		last->iov_len += p->len;
	} else {
		join->iov[join->n_iov].iov_base = payload;
		join->iov[join->n_iov++].iov_len = p->len;
	}
	join->n++;
	return true;
}

uint16_t
tap_join(struct tap_join *join, const struct tap_join_view *view, uint16_t i)
{
	const struct tap_part *first = &view->part[i];
	uint32_t payload = 0;
	bool push = false;

	tap_join_begin(join, first);
	for (;; i++) {
		const struct tap_part *part = &view->part[i];

		if (first->payload - first->l3_off + payload + part->len > TAP_JOIN_BYTES ||
		    !tap_join_add(join, view->pkts[i], part))
			break;
		payload += part->len;
		push = part->push;
		/* What follows the one that follows the first has the first one's headers as well. */
		if (part->len != first->len || join->n == TAP_JOIN_MAX || !tap_join_pays(view, i))
			break;
	}
	if (join->n > 1)
		tap_join_write_head(join, first, payload, push);
	return join->n;
}
