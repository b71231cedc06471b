/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "tap_cksum.h"
#include "tap_rx.h"

/*
 * Frames out of the kernel. Where every frame fits one mbuf, it is read in place. Else it is
 * read into the queue's stage, which takes the longest one, and copied to its mbufs: a second
 * buffer for one system call costs more than a copy of 1500 bytes (1.16 to 1.24 of a plain
 * read against 1.06), and a super-frame's segments lie apart anyway.
 */

/*
 * Have the mbufs of one frame at hand. They come raw, as they lie in the pool: all that a
 * packet needs of them is written when it is there, and their second cache line stays cold.
 */
static bool
tap_rx_refill(struct tap_rxq *q, uint16_t n_segs)
{
	uint16_t n = RTE_MAX(n_segs, TAP_RX_STASH);
	uint16_t i;

	if (rte_mempool_get_bulk(q->pool, (void **)(q->stash + q->n_stash), n) != 0) {
		/* A small or nearly empty pool: what one frame takes will do. */
		n = n_segs - q->n_stash;
		if (rte_mempool_get_bulk(q->pool, (void **)(q->stash + q->n_stash), n) != 0) {
			tap_stat_add(&q->stats.nombuf, 1);
			return false;
		}
	}
	/* All at once here they overlap; one by one each would wait for the cache. */
	for (i = q->n_stash; i < q->n_stash + n; i++)
		q->frame[i] = (char *)q->stash[i]->buf_addr + RTE_PKTMBUF_HEADROOM;
	q->n_stash += n;
	return true;
}

static inline bool
tap_rx_have(struct tap_rxq *q, uint16_t n_segs)
{
	return likely(q->n_stash >= n_segs) || tap_rx_refill(q, n_segs);
}

/* Data offset, reference count, segments and port with one store. */
static inline void
tap_rx_rearm(const struct tap_rxq *q, struct rte_mbuf *m)
{
	memcpy(&m->rearm_data, &q->rearm, sizeof(q->rearm));
}

/* The mbuf on top of the stash, as a frame. */
static inline void
tap_rx_take(struct tap_rxq *q, struct tap_rx_frame *frame, uint32_t len)
{
	q->n_stash--;
	frame->m = q->stash[q->n_stash];
	frame->data = q->frame[q->n_stash];
	frame->len = len;
	frame->same = false;
	tap_rx_rearm(q, frame->m);
	frame->m->pkt_len = len;
	frame->m->data_len = (uint16_t)RTE_MIN(len, q->room);
}

/* In place. */
static inline bool
tap_rx_read_direct(struct tap_rxq *q, struct tap_rx_frame *frame)
{
	ssize_t len;

	if (unlikely(!tap_rx_have(q, 1)))
		return false;
	len = tap_tun_read(tap_rxq_fd(q), q->frame[q->n_stash - 1] - TAP_VNET_HDR_LEN,
			   q->room + TAP_VNET_HDR_LEN);
	if (len <= (ssize_t)TAP_VNET_HDR_LEN)
		return false;
	len -= TAP_VNET_HDR_LEN;
	tap_rx_take(q, frame, (uint32_t)len);
	/* A full buffer tells truncation. */
	if (unlikely(len >= q->room))
		frame->len = 0;
	return true;
}

/* Mbufs that so many bytes take. */
static inline uint32_t
tap_rx_segs(const struct tap_rxq *q, uint32_t len)
{
	return likely(len <= q->room) ? 1 : (len + q->room - 1) / q->room;
}

/* Copy a frame, whose mbufs are in the stash, behind a vnet header. */
static void
tap_rx_store(struct tap_rxq *q, struct tap_rx_frame *frame, const char *src, uint32_t len,
	     const struct virtio_net_hdr *vnet)
{
	struct rte_mbuf *tail;
	uint32_t done;

	tap_rx_take(q, frame, len);
	memcpy(frame->data - TAP_VNET_HDR_LEN, vnet, sizeof(*vnet));
	done = frame->m->data_len;
	memcpy(frame->data, src, done);
	for (tail = frame->m; done < len; done += tail->data_len) {
		struct rte_mbuf *m = q->stash[--q->n_stash];

		tap_rx_rearm(q, m);
		m->ol_flags = q->ol_flags;
		m->data_len = (uint16_t)RTE_MIN(len - done, q->room);
		memcpy(q->frame[q->n_stash], src + done, m->data_len);
		tail->next = m;
		tail = m;
		frame->m->nb_segs++;
	}
}

/* Fill in the checksum that the kernel has left to us, if the application does not take it so. */
static void
tap_rx_complete(char *frame, uint32_t len, struct virtio_net_hdr *vnet)
{
	uint32_t field = (uint32_t)vnet->csum_start + vnet->csum_offset;
	uint16_t sum;

	if (field + sizeof(sum) > len)
		return;
	sum = (uint16_t)~tap_cksum_fold(
		tap_cksum_sum(frame + vnet->csum_start, len - vnet->csum_start));
	/* Of UDP 0 means that there is none; of TCP both are the same. */
	if (sum == 0)
		sum = 0xffff;
	memcpy(frame + field, &sum, sizeof(sum));
	vnet->flags = VIRTIO_NET_HDR_F_DATA_VALID;
}

static bool
tap_rx_is_tcp(const struct virtio_net_hdr *vnet)
{
	uint8_t type = vnet->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;

	return type == VIRTIO_NET_HDR_GSO_TCPV4 || type == VIRTIO_NET_HDR_GSO_TCPV6;
}

/* Does the application take this super-frame as it is? */
static bool
tap_rx_whole(const struct tap_rxq *q, const struct virtio_net_hdr *vnet)
{
	return q->max_lro != 0 && tap_rx_is_tcp(vnet) && q->staged <= q->max_lro &&
	       tap_rx_segs(q, q->staged) <= TAP_RX_MAX_SEGS;
}

/* More than any stack of tags takes. */
#define TAP_RX_MAX_L2 256u

/* Where the IP header of a super-frame is: behind any number of tags, as the kernel has it. */
static bool
tap_rx_find_ip(const uint8_t *frame, uint32_t len, bool l3, uint16_t *l3_off, bool *ipv4)
{
	uint16_t off = 2 * RTE_ETHER_ADDR_LEN;
	uint16_t type;

	if (l3) {
		*l3_off = 0;
		*ipv4 = frame[0] >> 4 == 4;
		return *ipv4 || frame[0] >> 4 == 6;
	}

	for (; off + sizeof(type) <= RTE_MIN(len, TAP_RX_MAX_L2);
	     off += sizeof(struct rte_vlan_hdr)) {
		memcpy(&type, frame + off, sizeof(type));
		type = rte_be_to_cpu_16(type);
		if (type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ)
			continue;
		*l3_off = off + sizeof(type);
		*ipv4 = type == RTE_ETHER_TYPE_IPV4;
		return *ipv4 || type == RTE_ETHER_TYPE_IPV6;
	}
	return false;
}

/* Begin to cut a super-frame, whose segments must fit as single frames do. */
static bool
tap_rx_cut(struct tap_rxq *q, const struct virtio_net_hdr *vnet, uint16_t n_segs)
{
	const uint8_t *frame = (const uint8_t *)q->stage;
	uint16_t l3_off;
	bool ipv4;

	if (!tap_rx_find_ip(frame, q->staged, q->port->rx_mode.l3, &l3_off, &ipv4) ||
	    !tap_cut_begin(&q->cut, frame, q->staged, l3_off, ipv4, vnet))
		return false;
	if (tap_rx_segs(q, tap_cut_len(&q->cut)) <= n_segs)
		return true;
	memset(&q->cut, 0, sizeof(q->cut));
	return false;
}

/* Make what the kernel gave deliverable; false if it cannot be, and is counted. */
static bool
tap_rx_prepare(struct tap_rxq *q, struct virtio_net_hdr *vnet, uint16_t n_segs)
{
	bool super = vnet->gso_type != VIRTIO_NET_HDR_GSO_NONE;
	bool cut = unlikely(super) && !tap_rx_whole(q, vnet);

	if (cut ? !tap_rx_cut(q, vnet, n_segs) : !super && tap_rx_segs(q, q->staged) > n_segs) {
		tap_stat_add(&q->stats.errors, 1);
		q->staged = 0;
		return false;
	}
	if (cut)
		tap_stat_add(&q->stats.cut, 1);
	else if ((vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) && !q->port->rx_mode.l4_partial)
		tap_rx_complete(q->stage, q->staged, vnet);
	return true;
}

/* A segment of the super-frame on the stage. */
static bool
tap_rx_next_segment(struct tap_rxq *q, struct tap_rx_frame *frame)
{
	const bool complete = !q->port->rx_mode.l4_partial;
	const struct virtio_net_hdr vnet = {
		.flags = complete ? VIRTIO_NET_HDR_F_DATA_VALID : VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = q->cut.l4_off,
		.csum_offset = tap_cut_cksum_offset(&q->cut),
	};
	uint32_t len = tap_cut_len(&q->cut);
	bool first = q->cut.next == q->cut.first;

	if (unlikely(!tap_rx_have(q, (uint16_t)tap_rx_segs(q, len))))
		return false;
	if (likely(len <= q->room)) {
		tap_rx_take(q, frame, len);
		memcpy(frame->data - TAP_VNET_HDR_LEN, &vnet, sizeof(vnet));
		tap_cut_next(&q->cut, (uint8_t *)frame->data, complete);
	} else {
		tap_cut_next(&q->cut, (uint8_t *)q->spare, complete);
		tap_rx_store(q, frame, q->spare, len, &vnet);
	}
	frame->same = !first;
	tap_stat_add(&q->stats.segments, 1);
	if (!tap_cut_pending(&q->cut))
		q->staged = 0;
	return true;
}

static bool
tap_rx_next_staged(struct tap_rxq *q, struct tap_rx_frame *frame, uint16_t n_segs)
{
	struct virtio_net_hdr *vnet = (void *)(q->stage - TAP_VNET_HDR_LEN);

	if (q->staged == 0) {
		/* Without mbufs it stays in the kernel, where it is counted if it is too much. */
		ssize_t len =
			!tap_rx_have(q, n_segs) ?
				0 :
				tap_tun_read(tap_rxq_fd(q), vnet, TAP_STAGE_LEN + TAP_VNET_HDR_LEN);

		if (len <= (ssize_t)TAP_VNET_HDR_LEN)
			return false;
		q->staged = (uint32_t)len - TAP_VNET_HDR_LEN;
		if (!tap_rx_prepare(q, vnet, n_segs))
			return false;
	}
	if (tap_cut_pending(&q->cut))
		return tap_rx_next_segment(q, frame);
	if (unlikely(!tap_rx_have(q, (uint16_t)tap_rx_segs(q, q->staged)))) {
		/* A pool that never has so many would hold up the queue: in pieces it goes on. */
		if (vnet->gso_type == VIRTIO_NET_HDR_GSO_NONE)
			return false;
		if (!tap_rx_cut(q, vnet, n_segs)) {
			tap_stat_add(&q->stats.errors, 1);
			q->staged = 0;
			return false;
		}
		tap_stat_add(&q->stats.cut, 1);
		return tap_rx_next_segment(q, frame);
	}
	tap_rx_store(q, frame, q->stage, q->staged, vnet);
	q->staged = 0;
	return true;
}

uint16_t
tap_rx_gather(struct tap_rxq *q, struct tap_rx_frame *frames, uint16_t n)
{
	/* Once: the control path may set another MTU meanwhile. */
	uint16_t n_segs = rte_atomic_load_explicit(&q->n_segs, rte_memory_order_relaxed);
	bool direct = n_segs == 1 && !q->port->rx_mode.gso && q->staged == 0;
	/* The rest of a super-frame goes alone: what is joined again ends where that ends. */
	bool rest = tap_cut_pending(&q->cut);
	uint16_t i;

	n = RTE_MIN(n, TAP_RX_CHUNK);
	for (i = 0; i < n && (!rest || tap_cut_pending(&q->cut)); i++)
		if (!(direct ? tap_rx_read_direct(q, &frames[i]) :
			       tap_rx_next_staged(q, &frames[i], n_segs)))
			break;
	/* What came before it was looked at in an earlier chunk. */
	if (i != 0)
		frames[0].same = false;
	return i;
}

uint64_t
tap_rx_flush(struct tap_rxq *q)
{
	/* No more than can have waited: senders may be faster. */
	uint64_t lost = tap_tun_flush(tap_rxq_fd(q), TAP_MAX_DESC);

	if (q->staged != 0)
		lost += RTE_MAX(tap_cut_left(&q->cut), 1u);
	q->staged = 0;
	memset(&q->cut, 0, sizeof(q->cut));
	return lost;
}
