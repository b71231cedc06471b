/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "tap_cksum.h"
#include "tap_cut.h"
#include "tap_tun.h"

/* IPv4's or TCP's, with all options. */
#define TAP_CUT_MAX_HDR 60

#define TAP_TCP_CUT_FLAGS (RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG)

static uint16_t
tap_cut_get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return rte_be_to_cpu_16(v);
}

/* In network order already, as sums always are. */
static void
tap_cut_put_be(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void
tap_cut_put16(uint8_t *p, uint16_t v)
{
	tap_cut_put_be(p, rte_cpu_to_be_16(v));
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
	if (cut->ipv4) {
		ip_len = (ip[0] & 15u) * 4;
		if (ip_len < sizeof(struct rte_ipv4_hdr))
			return false;
	}
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

/*
 * Sums of all that is the same in the headers of all segments. What is written anew for each
 * counts as zero: lengths, identification, checksums, sequence number and flags.
 */
static void
tap_cut_sum(struct tap_cut *cut)
{
	uint8_t hdr[TAP_CUT_MAX_HDR];
	const uint8_t *ip = cut->frame + cut->l3_off;
	uint32_t l4_len = cut->first - cut->l4_off;
	uint32_t ip_len;

	if (cut->ipv4) {
		ip_len = (ip[0] & 15u) * 4;
		memcpy(hdr, ip, ip_len);
		memset(hdr + offsetof(struct rte_ipv4_hdr, total_length), 0, 2 * sizeof(uint16_t));
		tap_cut_put_be(hdr + offsetof(struct rte_ipv4_hdr, hdr_checksum), 0);
		cut->ip_sum = tap_cksum_fold(tap_cksum_header(hdr, ip_len));
	}
	cut->pseudo_sum = tap_cksum_fold(
		tap_cksum_pseudo(ip, cut->ipv4, cut->tcp ? IPPROTO_TCP : IPPROTO_UDP, 0));
	memcpy(hdr, cut->frame + cut->l4_off, l4_len);
	tap_cut_put_be(hdr + tap_cut_cksum_offset(cut), 0);
	if (cut->tcp) {
		memset(hdr + offsetof(struct rte_tcp_hdr, sent_seq), 0, sizeof(uint32_t));
		hdr[offsetof(struct rte_tcp_hdr, tcp_flags)] = 0;
	} else {
		tap_cut_put_be(hdr + offsetof(struct rte_udp_hdr, dgram_len), 0);
	}
	cut->l4_sum = tap_cksum_fold(tap_cksum_header(hdr, l4_len));
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
	tap_cut_sum(cut);
	return true;
}

/* Lengths, identification and checksum of the IP header. */
static void
tap_cut_write_ip(struct tap_cut *cut, uint8_t *dst, uint32_t len)
{
	uint8_t *ip = dst + cut->l3_off;
	uint16_t ip_len;
	uint16_t id;

	if (!cut->ipv4) {
		tap_cut_put16(ip + offsetof(struct rte_ipv6_hdr, payload_len),
			      (uint16_t)(len - cut->l3_off - sizeof(struct rte_ipv6_hdr)));
		return;
	}
	ip_len = rte_cpu_to_be_16((uint16_t)(len - cut->l3_off));
	id = rte_cpu_to_be_16(cut->ip_id++);
	tap_cut_put_be(ip + offsetof(struct rte_ipv4_hdr, total_length), ip_len);
	tap_cut_put_be(ip + offsetof(struct rte_ipv4_hdr, packet_id), id);
	tap_cut_put_be(ip + offsetof(struct rte_ipv4_hdr, hdr_checksum),
		       (uint16_t)~tap_cksum_fold(cut->ip_sum + ip_len + id));
}

/* FIN and PSH belong to the last segment, CWR to the first. @return sum of what was written */
static uint64_t
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
	return (uint64_t)seq + rte_cpu_to_be_16(*flags);
}

void
tap_cut_next(struct tap_cut *cut, uint8_t *dst, bool complete)
{
	uint32_t len = tap_cut_len(cut);
	uint32_t payload = len - cut->first;
	const uint8_t *src = cut->frame + cut->next;
	uint16_t l4_len = rte_cpu_to_be_16((uint16_t)(len - cut->l4_off));
	uint8_t *l4 = dst + cut->l4_off;
	uint64_t sum = 0;
	uint16_t folded;

	memcpy(dst, cut->frame, cut->first);
	if (complete)
		sum = tap_cksum_copy(dst + cut->first, src, payload);
	else
		memcpy(dst + cut->first, src, payload);
	tap_cut_write_ip(cut, dst, len);
	if (cut->tcp) {
		sum += tap_cut_write_tcp(cut, dst, payload);
	} else {
		tap_cut_put_be(l4 + offsetof(struct rte_udp_hdr, dgram_len), l4_len);
		sum += l4_len;
	}
	folded = tap_cksum_fold(cut->pseudo_sum + l4_len);
	if (complete) {
		folded = (uint16_t)~tap_cksum_fold(sum + cut->l4_sum + folded);
		if (folded == 0 && !cut->tcp)
			folded = 0xffff;
	}
	tap_cut_put_be(l4 + tap_cut_cksum_offset(cut), folded);
	cut->next += payload;
}
