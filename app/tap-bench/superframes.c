/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "superframes.h"
#include "tap_tun.h"

struct virtio_net_hdr
super_vnet_hdr(bool tcp, uint16_t payload)
{
	struct virtio_net_hdr hdr = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = tcp ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_UDP_L4,
		.hdr_len = tcp ? SUPER_HEADERS : SUPER_L4_OFFSET + sizeof(struct rte_udp_hdr),
		.gso_size = payload,
		.csum_start = SUPER_L4_OFFSET,
		.csum_offset = tcp ? offsetof(struct rte_tcp_hdr, cksum) :
				     offsetof(struct rte_udp_hdr, dgram_cksum),
	};

	return hdr;
}

int
super_set_make(struct frame_set *set)
{
	const struct virtio_net_hdr vnet = super_vnet_hdr(true, SUPER_SEGMENT);
	const size_t room = 1 << 16;

	set->n = SUPER_FILL;
	set->msg = calloc(SUPER_FILL, sizeof(*set->msg));
	set->iov = calloc(SUPER_FILL, sizeof(*set->iov));
	set->data = calloc(SUPER_FILL, room);
	if (set->msg == NULL || set->iov == NULL || set->data == NULL) {
		frame_set_free(set);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < SUPER_FILL; i++) {
		const struct frame_spec spec = {
			.tcp = true,
			.timestamps = true,
			.sum = FRAME_SUM_PHDR,
			.len = SUPER_HEADERS + SUPER_PAYLOAD,
			.ip_id = (uint16_t)(i * SUPER_SEGMENTS),
			.offset = i * SUPER_PAYLOAD,
		};
		uint8_t *data = set->data + i * room;

		memcpy(data, &vnet, sizeof(vnet));
		set->iov[i].iov_base = data;
		set->iov[i].iov_len = sizeof(vnet) + frame_build(data + sizeof(vnet), &spec);
		set->msg[i].msg_hdr.msg_iov = &set->iov[i];
		set->msg[i].msg_hdr.msg_iovlen = 1;
	}
	return 0;
}

static uint32_t
tcp_seq(const uint8_t *frame)
{
	uint32_t seq;

	memcpy(&seq, frame + SUPER_L4_OFFSET + offsetof(struct rte_tcp_hdr, sent_seq), sizeof(seq));
	return rte_be_to_cpu_32(seq);
}

/* Both checksums, in the packet itself or, with the offload, by its flags. */
static const char *
checksum_error(const struct super_check *check, const struct rte_mbuf *m, const uint8_t *frame)
{
	uint64_t flag = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	_Alignas(4) uint8_t packet[SUPER_HEADERS + SUPER_PAYLOAD];
	const struct rte_ipv4_hdr *ip = (const void *)packet;

	if (check->csum && flag == RTE_MBUF_F_RX_L4_CKSUM_NONE)
		return NULL;
	if (check->csum && flag != RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return "no flag that its checksum is good";
	memcpy(packet, frame + FRAME_L2_LEN, m->pkt_len - FRAME_L2_LEN);
	if (rte_raw_cksum(ip, sizeof(*ip)) != 0xffff)
		return "a wrong IPv4 checksum";
	if (rte_ipv4_udptcp_cksum_verify(ip, ip + 1) != 0)
		return "a wrong TCP checksum";
	return NULL;
}

int
super_check_next(struct worker *w, struct super_check *check, const struct rte_mbuf *m)
{
	uint32_t payload = check->lro ? SUPER_PAYLOAD : SUPER_SEGMENT;
	const struct frame_set *sent = check->sent;
	static uint8_t copy[SUPER_HEADERS + SUPER_PAYLOAD];
	uint32_t frame_nb = check->at / SUPER_PAYLOAD, at = check->at % SUPER_PAYLOAD;
	const uint8_t *want, *got;
	const char *wrong = NULL;

	if (frame_nb >= sent->n || m->pkt_len != SUPER_HEADERS + payload)
		return worker_fail(w, -EBADMSG, "a packet of %u bytes too much", m->pkt_len);
	want = (const uint8_t *)sent->iov[frame_nb].iov_base + TAP_VNET_HDR_LEN;
	got = rte_pktmbuf_read(m, 0, m->pkt_len, copy);
	if (got == NULL || tcp_seq(got) != tcp_seq(want) + at ||
	    memcmp(got + SUPER_HEADERS, want + SUPER_HEADERS + at, payload) != 0)
		wrong = "other bytes than were sent";
	else if (check->lro &&
		 (!(m->ol_flags & RTE_MBUF_F_RX_LRO) || m->tso_segsz != SUPER_SEGMENT))
		wrong = "no word of its segments";
	else
		wrong = checksum_error(check, m, got);
	if (wrong != NULL)
		return worker_fail(w, -EBADMSG, "super-frame %u, byte %u: the packet has %s",
				   frame_nb, at, wrong);
	check->at += payload;
	return 0;
}
