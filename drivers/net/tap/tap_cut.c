/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_memcpy.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "tap_cksum.h"
#include "tap_cut.h"
#include "tap_tun.h"

#define TAP_TCP_CUT_FLAGS (RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG)

static uint16_t
tap_cut_get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return rte_be_to_cpu_16(v);
}

static void
tap_cut_put16(uint8_t *p, uint16_t v)
{
	v = rte_cpu_to_be_16(v);
	memcpy(p, &v, sizeof(v));
}

static void
tap_cut_put_sum(uint8_t *p, uint16_t sum)
{
	memcpy(p, &sum, sizeof(sum));
}

/* Where the TCP header ends; 0 if it is not all there. */
static uint32_t
tap_cut_tcp_end(const struct tap_cut *cut)
{
	const uint8_t *tcp = cut->frame + cut->l4_off;
	uint32_t len;

	if (cut->l4_off + sizeof(struct rte_tcp_hdr) > cut->end)
		return 0;
	len = (tcp[offsetof(struct rte_tcp_hdr, data_off)] >> 4) * 4u;
	return len < sizeof(struct rte_tcp_hdr) ? 0 : cut->l4_off + len;
}

/* What is to be cut, and whether that and the IP header agree. */
static bool
tap_cut_kind(struct tap_cut *cut, uint8_t gso_type)
{
	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		cut->tcp = true;
		return cut->ipv4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		cut->tcp = true;
		return !cut->ipv4;
	default:
		return gso_type == VIRTIO_NET_HDR_GSO_UDP_L4;
	}
}

/*
 * Where the upper layer starts. A sender of this machine leaves the checksum to us and says
 * where; TCP that came from elsewhere, and was joined and verified on its way, does not.
 */
static bool
tap_cut_find_l4(struct tap_cut *cut, const struct virtio_net_hdr *vnet)
{
	uint32_t ip_len = cut->ipv4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr);
	const uint8_t *ip = cut->frame + cut->l3_off;
	uint8_t proto;

	if (cut->l3_off + ip_len > cut->end)
		return false;
	if (cut->ipv4)
		ip_len = (ip[0] & 15u) * 4;
	proto = ip[cut->ipv4 ? offsetof(struct rte_ipv4_hdr, next_proto_id) :
			       offsetof(struct rte_ipv6_hdr, proto)];
	cut->l4_off = (uint16_t)(cut->l3_off + ip_len);
	if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		/* Only IPv6 has headers in between. */
		if (cut->ipv4 ? vnet->csum_start != cut->l4_off : vnet->csum_start < cut->l4_off)
			return false;
		if (vnet->csum_start != cut->l4_off) {
			cut->l4_off = vnet->csum_start;
			return true;
		}
	} else if (!cut->tcp) {
		return false;
	}
	return proto == (cut->tcp ? IPPROTO_TCP : IPPROTO_UDP);
}

static bool
tap_cut_headers(struct tap_cut *cut, const struct virtio_net_hdr *vnet)
{
	const uint8_t *ip = cut->frame + cut->l3_off;
	uint32_t seq;

	if (!tap_cut_kind(cut, vnet->gso_type) || !tap_cut_find_l4(cut, vnet))
		return false;
	cut->first = cut->tcp ? tap_cut_tcp_end(cut) :
				cut->l4_off + (uint32_t)sizeof(struct rte_udp_hdr);
	if (cut->first == 0 || cut->first >= cut->end)
		return false;
	if (cut->ipv4)
		cut->ip_id = tap_cut_get16(ip + offsetof(struct rte_ipv4_hdr, packet_id));
	if (cut->tcp) {
		memcpy(&seq, cut->frame + cut->l4_off + offsetof(struct rte_tcp_hdr, sent_seq),
		       sizeof(seq));
		cut->seq = rte_be_to_cpu_32(seq);
	}
	return true;
}

bool
tap_cut_begin(struct tap_cut *cut, const uint8_t *frame, uint32_t len, uint16_t l3_off, bool ipv4,
	      const struct virtio_net_hdr *vnet)
{
	memset(cut, 0, sizeof(*cut));
	cut->frame = frame;
	cut->end = len;
	cut->mss = vnet->gso_size;
	cut->l3_off = l3_off;
	cut->ipv4 = ipv4;
	if (cut->mss == 0 || !tap_cut_headers(cut, vnet)) {
		memset(cut, 0, sizeof(*cut));
		return false;
	}
	cut->next = cut->first;
	return true;
}

/* Lengths, identification and checksum of the IP header. */
static void
tap_cut_write_ip(struct tap_cut *cut, uint8_t *dst, uint32_t len)
{
	uint8_t *ip = dst + cut->l3_off;
	uint8_t *sum = ip + offsetof(struct rte_ipv4_hdr, hdr_checksum);

	if (!cut->ipv4) {
		tap_cut_put16(ip + offsetof(struct rte_ipv6_hdr, payload_len),
			      (uint16_t)(len - cut->l3_off - sizeof(struct rte_ipv6_hdr)));
		return;
	}
	tap_cut_put16(ip + offsetof(struct rte_ipv4_hdr, total_length),
		      (uint16_t)(len - cut->l3_off));
	tap_cut_put16(ip + offsetof(struct rte_ipv4_hdr, packet_id), cut->ip_id++);
	tap_cut_put_sum(sum, 0);
	tap_cut_put_sum(sum, (uint16_t)~rte_raw_cksum(ip, (ip[0] & 15u) * 4));
}

/* FIN and PSH belong to the last segment, CWR to the first. */
static void
tap_cut_write_tcp(struct tap_cut *cut, uint8_t *dst, uint32_t payload)
{
	uint8_t *tcp = dst + cut->l4_off;
	uint8_t *flags = tcp + offsetof(struct rte_tcp_hdr, tcp_flags);
	uint32_t seq = rte_cpu_to_be_32(cut->seq);

	memcpy(tcp + offsetof(struct rte_tcp_hdr, sent_seq), &seq, sizeof(seq));
	if (cut->next + payload < cut->end)
		*flags &= (uint8_t)~TAP_TCP_CUT_FLAGS;
	if (cut->next != cut->first)
		*flags &= (uint8_t)~RTE_TCP_CWR_FLAG;
	cut->seq += payload;
}

void
tap_cut_next(struct tap_cut *cut, uint8_t *dst, bool complete)
{
	uint32_t len = tap_cut_len(cut);
	uint32_t payload = len - cut->first;
	const uint8_t *src = cut->frame + cut->next;
	uint8_t *l4 = dst + cut->l4_off;
	uint8_t *field = l4 + tap_cut_cksum_offset(cut);
	uint64_t sum = 0;
	uint16_t folded;

	rte_memcpy(dst, cut->frame, cut->first);
	if (complete)
		sum = tap_cksum_copy(dst + cut->first, src, payload);
	else
		rte_memcpy(dst + cut->first, src, payload);
	tap_cut_write_ip(cut, dst, len);
	if (cut->tcp)
		tap_cut_write_tcp(cut, dst, payload);
	else
		tap_cut_put16(l4 + offsetof(struct rte_udp_hdr, dgram_len),
			      (uint16_t)(len - cut->l4_off));
	folded = tap_cksum_fold(tap_cksum_pseudo(dst + cut->l3_off, cut->ipv4,
						 cut->tcp ? IPPROTO_TCP : IPPROTO_UDP,
						 len - cut->l4_off));
	if (complete) {
		tap_cut_put_sum(field, 0);
		sum += folded + (uint64_t)rte_raw_cksum(l4, cut->first - cut->l4_off);
		folded = (uint16_t)~tap_cksum_fold(sum);
		if (folded == 0 && !cut->tcp)
			folded = 0xffff;
	}
	tap_cut_put_sum(field, folded);
	cut->next += payload;
}
