/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "tap_cksum.h"
#include "tap_control.h"
#include "tap_ethdev.h"
#include "tap_join.h"
#include "tap_log.h"

/* Headers that checksum offload may have to write to: Ethernet with tags, IP and TCP at their longest. */
#define TAP_TX_MAX_HDR 256

#define TAP_TX_SEG (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)
/* Flags of packets whose headers change on their way. */
#define TAP_TX_CHANGE (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK | TAP_TX_SEG)

_Static_assert(TAP_DEFAULT_BURST <= TAP_JOIN_MAX, "a burst as advised can be joined to one");

/* A copy of what the offloads change, to undo it if the kernel does not take the packet. */
struct tap_tx_undo {
	uint8_t *ip;
	uint8_t *l4;
	uint16_t ip_cksum;
	uint16_t l4_cksum;
};

static void
tap_tx_undo(const struct tap_tx_undo *undo)
{
	if (undo->ip != NULL)
		memcpy(undo->ip, &undo->ip_cksum, sizeof(undo->ip_cksum));
	if (undo->l4 != NULL)
		memcpy(undo->l4, &undo->l4_cksum, sizeof(undo->l4_cksum));
}

/* Where the L4 checksum lies in its header; 0 if none is asked for. */
static inline uint16_t
tap_tx_l4_cksum_offset(uint64_t ol_flags)
{
	/* Segmentation implies it. */
	if (ol_flags & RTE_MBUF_F_TX_TCP_SEG)
		return offsetof(struct rte_tcp_hdr, cksum);
	if (ol_flags & RTE_MBUF_F_TX_UDP_SEG)
		return offsetof(struct rte_udp_hdr, dgram_cksum);
	switch (ol_flags & RTE_MBUF_F_TX_L4_MASK) {
	case RTE_MBUF_F_TX_TCP_CKSUM:
		return offsetof(struct rte_tcp_hdr, cksum);
	case RTE_MBUF_F_TX_UDP_CKSUM:
		return offsetof(struct rte_udp_hdr, dgram_cksum);
	default:
		return 0;
	}
}

/* Bytes of headers that the offloads of @p m read and write. */
static inline uint32_t
tap_tx_hdr_len(const struct rte_mbuf *m)
{
	uint32_t len = m->l2_len + m->l3_len;
	uint16_t l4 = tap_tx_l4_cksum_offset(m->ol_flags);

	if (m->ol_flags & TAP_TX_SEG)
		return len + m->l4_len;
	return l4 == 0 ? len : len + l4 + sizeof(uint16_t);
}

/* As rte_ipv6_phdr_cksum(), which looks at the fixed header alone, without extension headers. */
static uint16_t
tap_tx_phdr6(const struct rte_mbuf *m, const uint8_t *l3)
{
	struct rte_ipv6_hdr ip;
	uint16_t extensions = m->l3_len - sizeof(ip);

	memcpy(&ip, l3, sizeof(ip));
	ip.payload_len = rte_cpu_to_be_16(rte_be_to_cpu_16(ip.payload_len) - extensions);
	ip.proto = tap_tx_l4_cksum_offset(m->ol_flags) == offsetof(struct rte_tcp_hdr, cksum) ?
			   IPPROTO_TCP :
			   IPPROTO_UDP;
	return rte_ipv6_phdr_cksum(&ip, 0);
}

/* What the kernel needs to cut the packet. */
static void
tap_tx_segment(const struct rte_mbuf *m, const uint8_t *l4, struct virtio_net_hdr *vnet)
{
	vnet->hdr_len = (uint16_t)tap_tx_hdr_len(m);
	vnet->gso_size = m->tso_segsz;
	if (m->ol_flags & RTE_MBUF_F_TX_UDP_SEG) {
		vnet->gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
		return;
	}
	vnet->gso_type = (m->ol_flags & RTE_MBUF_F_TX_IPV6) ? VIRTIO_NET_HDR_GSO_TCPV6 :
							      VIRTIO_NET_HDR_GSO_TCPV4;
	if (l4[offsetof(struct rte_tcp_hdr, tcp_flags)] & RTE_TCP_CWR_FLAG)
		vnet->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
}

/*
 * Bytes to send: what lies behind the IP packet, as padding to the least length of a frame does,
 * would count in the kernel's sum and not in the receiver's.
 */
static inline uint32_t
tap_tx_len(const struct rte_mbuf *m, const uint8_t *l3)
{
	uint32_t len = m->l2_len + tap_cksum_ip_len(l3, !(m->ol_flags & RTE_MBUF_F_TX_IPV6));

	return unlikely(len < m->pkt_len) && len >= tap_tx_hdr_len(m) ? len : m->pkt_len;
}

/*
 * IPv4's checksum is computed here, TCP's and UDP's is left to the kernel by the vnet
 * header; it expects the sum over the pseudo header in their place.
 * @param hdr  the packet's headers, writable
 * @return bytes of the packet to send
 */
static uint32_t
tap_tx_offload(const struct rte_mbuf *m, uint8_t *hdr, struct virtio_net_hdr *vnet,
	       struct tap_tx_undo *undo)
{
	uint16_t l4_offset = tap_tx_l4_cksum_offset(m->ol_flags);
	uint8_t *l3 = hdr + m->l2_len;
	uint16_t sum;

	if (m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) {
		undo->ip = l3 + offsetof(struct rte_ipv4_hdr, hdr_checksum);
		memcpy(&undo->ip_cksum, undo->ip, sizeof(sum));
		memset(undo->ip, 0, sizeof(sum));
		sum = (uint16_t)~rte_raw_cksum(l3, m->l3_len);
		memcpy(undo->ip, &sum, sizeof(sum));
	}
	if (l4_offset == 0)
		return m->pkt_len;
	undo->l4 = l3 + m->l3_len + l4_offset;
	memcpy(&undo->l4_cksum, undo->l4, sizeof(sum));
	sum = (m->ol_flags & RTE_MBUF_F_TX_IPV6) ? tap_tx_phdr6(m, l3) :
						   rte_ipv4_phdr_cksum((const void *)l3, 0);
	memcpy(undo->l4, &sum, sizeof(sum));
	vnet->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	vnet->csum_start = (uint16_t)(m->l2_len + m->l3_len);
	vnet->csum_offset = l4_offset;
	if ((m->ol_flags & TAP_TX_SEG) && m->pkt_len > tap_tx_hdr_len(m) + m->tso_segsz) {
		tap_tx_segment(m, l3 + m->l3_len, vnet);
		return m->pkt_len;
	}
	return tap_tx_len(m, l3);
}

/* May the driver write to the packet and to the headroom in front of it? */
static inline bool
tap_tx_writable(const struct rte_mbuf *m)
{
	return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 && m->nb_segs == 1 &&
	       rte_pktmbuf_headroom(m) >= TAP_VNET_HDR_LEN;
}

/* One write(), the vnet header in the headroom. */
static inline ssize_t
tap_tx_write(const struct tap_txq *q, struct rte_mbuf *m)
{
	char *frame = rte_pktmbuf_mtod(m, char *);
	struct tap_tx_undo undo = { NULL, NULL, 0, 0 };
	struct virtio_net_hdr vnet = { .flags = 0 };
	uint32_t len = m->data_len;
	ssize_t ret;

	if (m->ol_flags & TAP_TX_CHANGE)
		len = tap_tx_offload(m, (uint8_t *)frame, &vnet, &undo);
	memcpy(frame - TAP_VNET_HDR_LEN, &vnet, sizeof(vnet));
	ret = tap_tun_write(tap_txq_fd(q), frame - TAP_VNET_HDR_LEN, len + TAP_VNET_HDR_LEN);
	if (unlikely(ret < 0))
		tap_tx_undo(&undo);
	return ret;
}

/* Bytes @p skip to @p end of a packet; @return entries filled, 0 if there are too many. */
static size_t
tap_tx_fill_iov(const struct rte_mbuf *m, uint32_t skip, uint32_t end, struct iovec *iov,
		size_t room)
{
	size_t n = 0;

	for (; m != NULL && end != 0; m = m->next) {
		uint32_t len = RTE_MIN(end, m->data_len);
		uint32_t cut = RTE_MIN(skip, len);

		skip -= cut;
		end -= len;
		if (cut == len)
			continue;
		if (n == room)
			return 0;
		iov[n].iov_base = rte_pktmbuf_mtod_offset(m, void *, cut);
		iov[n++].iov_len = len - cut;
	}
	return n;
}

/* Several segments, or a packet that is not ours to write to: headers go by a copy. */
static ssize_t
tap_tx_writev(const struct tap_txq *q, const struct rte_mbuf *m)
{
	uint8_t head[TAP_VNET_HDR_LEN + TAP_TX_MAX_HDR];
	struct iovec iov[TAP_TX_MAX_SEGS + 1];
	struct tap_tx_undo undo = { NULL, NULL, 0, 0 };
	struct virtio_net_hdr vnet = { .flags = 0 };
	uint32_t hdr_len = (m->ol_flags & TAP_TX_CHANGE) ? tap_tx_hdr_len(m) : 0;
	uint32_t len = m->pkt_len;
	const void *hdr;
	size_t n;

	if (hdr_len != 0) {
		hdr = rte_pktmbuf_read(m, 0, hdr_len, head + TAP_VNET_HDR_LEN);
		if (hdr != head + TAP_VNET_HDR_LEN)
			memcpy(head + TAP_VNET_HDR_LEN, hdr, hdr_len);
		len = tap_tx_offload(m, head + TAP_VNET_HDR_LEN, &vnet, &undo);
	}
	memcpy(head, &vnet, sizeof(vnet));
	iov[0].iov_base = head;
	iov[0].iov_len = TAP_VNET_HDR_LEN + hdr_len;
	n = tap_tx_fill_iov(m, hdr_len, len, iov + 1, TAP_TX_MAX_SEGS);
	if (n == 0 && len > hdr_len)
		return -EMSGSIZE;
	return tap_tun_writev(tap_txq_fd(q), iov, n + 1);
}

/* Offload flags whose header lengths cannot be true: the packet must not be touched. */
static inline bool
tap_tx_lies(const struct tap_txq *q, const struct rte_mbuf *m)
{
	uint32_t hdr_len = tap_tx_hdr_len(m);

	if ((m->ol_flags & TAP_TX_SEG) &&
	    (m->tso_segsz == 0 ||
	     m->l4_len < ((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) ? sizeof(struct rte_tcp_hdr) :
								  sizeof(struct rte_udp_hdr))))
		return true;
	if (q->l3 ? m->l2_len != 0 : m->l2_len < RTE_ETHER_HDR_LEN)
		return true;
	return hdr_len > m->pkt_len || hdr_len > TAP_TX_MAX_HDR ||
	       m->l3_len < ((m->ol_flags & RTE_MBUF_F_TX_IPV6) ? sizeof(struct rte_ipv6_hdr) :
								 sizeof(struct rte_ipv4_hdr));
}

uint16_t
tap_tx_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct tap_txq *q = queue;
	const uint64_t supported = TAP_TX_CHANGE | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6;
	uint16_t i;

	for (i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];

		if ((m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK & ~supported) != 0 ||
		    (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_SCTP_CKSUM ||
		    ((m->ol_flags & RTE_MBUF_F_TX_UDP_SEG) && !q->port->udp_gso)) {
			rte_errno = ENOTSUP;
			break;
		}
		if (m->nb_segs > TAP_TX_MAX_SEGS || m->pkt_len > TAP_MAX_MTU + TAP_L2_OVERHEAD ||
		    ((m->ol_flags & TAP_TX_CHANGE) && tap_tx_lies(q, m))) {
			rte_errno = EINVAL;
			break;
		}
	}
	return i;
}

static inline ssize_t
tap_tx_one(const struct tap_txq *q, struct rte_mbuf *m)
{
	if (unlikely((m->ol_flags & TAP_TX_CHANGE) && tap_tx_lies(q, m)))
		return -EINVAL;
	if (likely(tap_tx_writable(m)))
		return tap_tx_write(q, m);
	return tap_tx_writev(q, m);
}

/* The kernel has no room just now; anything else is wrong with the packet or the link. */
static bool
tap_tx_try_later(ssize_t err)
{
	return err == -EAGAIN || err == -ENOBUFS || err == -ENOMEM || err == -EINTR;
}

/*
 * Packets from number @p i of the view on, joined if they can be.
 *
 * @param ret  as a system call's; an error with 1: the kernel does not take them joined
 * @return how many were joined; 1: none
 */
static uint16_t
tap_tx_joined(struct tap_txq *q, const struct tap_join_view *view, uint16_t i, ssize_t *ret)
{
	struct tap_join join;
	uint16_t joined;

	join.stage = q->stage;
	joined = tap_join(&join, view, i);
	if (joined < 2)
		return 1;
	*ret = tap_tun_writev(tap_txq_fd(q), join.iov, join.n_iov);
	if (unlikely(*ret < 0 && !tap_tx_try_later(*ret)))
		return 1;
	if (likely(*ret >= 0)) {
		tap_stat_add(&q->stats.super_frames, 1);
		tap_stat_add(&q->stats.joined, joined);
	}
	return joined;
}

uint16_t
tap_tx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap_txq *q = queue;
	struct tap_join_view view;
	uint16_t end = q->stage != NULL ? 0 : n; /* of the view, which begins at base */
	uint16_t base = 0;
	uint64_t bytes = 0;
	uint16_t bad = 0;
	uint16_t step;
	uint16_t i;
	uint16_t j;

	view.n = 0;
	for (i = 0; i < n; i += step) {
		ssize_t ret = 0;

		if (i >= end) {
			base = i;
			tap_join_look(&view, pkts + i, RTE_MIN(n - i, TAP_JOIN_VIEW),
				      q->port->udp_gso, q->l3);
			/* The last one may continue in the next view. */
			end = i + RTE_MIN(n - i, TAP_JOIN_VIEW - 1);
		}
		step = 1;
		if (tap_join_pays(&view, i - base)) {
			step = tap_tx_joined(q, &view, i - base, &ret);
			/* Then it will not take the rest of the burst so either. */
			if (unlikely(step == 1 && ret < 0)) {
				view.n = 0;
				end = n;
			}
		}
		if (step == 1)
			ret = tap_tx_one(q, pkts[i]);
		if (likely(ret >= 0)) {
			for (j = i; j < i + step; j++)
				bytes += pkts[j]->pkt_len;
		} else if (tap_tx_try_later(ret)) {
			tap_stat_add(&q->stats.full, 1);
			break;
		} else {
			bad++;
		}
	}
	if (i != 0)
		rte_pktmbuf_free_bulk(pkts, i);
	tap_stat_add(&q->stats.packets, i - bad);
	tap_stat_add(&q->stats.errors, bad);
	tap_stat_add(&q->stats.bytes, bytes);
	return i;
}

int
tap_tx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc, unsigned int socket,
		   const struct rte_eth_txconf *conf)
{
	struct tap_txq *q;

	tap_tx_queue_release(dev, id);
	q = rte_zmalloc_socket("net_tap_txq", sizeof(*q), RTE_CACHE_LINE_SIZE, (int)socket);
	if (q == NULL)
		return -ENOMEM;
	if (tap_port_of(dev)->args.gro) {
		q->stage = rte_malloc_socket("net_tap_stage", TAP_JOIN_STAGE, RTE_CACHE_LINE_SIZE,
					     (int)socket);
		if (q->stage == NULL) {
			rte_free(q);
			return -ENOMEM;
		}
	}
	q->id = id;
	q->port_id = dev->data->port_id;
	q->port = tap_port_of(dev);
	q->l3 = q->port->args.l3;
	q->nb_desc = nb_desc;
	q->deferred = conf->tx_deferred_start;
	tap_control_lock();
	dev->data->tx_queues[id] = q;
	q->port->txq[id] = q;
	tap_control_unlock();
	return 0;
}

void
tap_txq_info_get(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_txq_info *info)
{
	const struct tap_txq *q = dev->data->tx_queues[id];

	info->nb_desc = q->nb_desc;
	info->conf.tx_deferred_start = q->deferred;
	info->conf.offloads = dev->data->dev_conf.txmode.offloads;
}

int
tap_tx_queue_start(struct rte_eth_dev *dev, uint16_t id)
{
	dev->data->tx_queue_state[id] = RTE_ETH_QUEUE_STATE_STARTED;
	return 0;
}

int
tap_tx_queue_stop(struct rte_eth_dev *dev, uint16_t id)
{
	dev->data->tx_queue_state[id] = RTE_ETH_QUEUE_STATE_STOPPED;
	return 0;
}

void
tap_tx_queue_release(struct rte_eth_dev *dev, uint16_t id)
{
	struct tap_txq *q = dev->data->tx_queues[id];

	if (q == NULL)
		return;
	tap_control_lock();
	dev->data->tx_queues[id] = NULL;
	tap_port_of(dev)->txq[id] = NULL;
	tap_control_unlock();
	rte_free(q->stage);
	rte_free(q);
}
