/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_net.h>

#include "tap_cksum.h"
#include "tap_log.h"
#include "tap_rx.h"

/* Polls of an idle queue between two reads that do not wait for the doorbell. */
#define TAP_RX_IDLE_POLLS 1024
_Static_assert(RTE_PKTMBUF_HEADROOM >= TAP_VNET_HDR_LEN + TAP_ETH_LEN,
	       "the vnet header goes to the headroom, and on net_tun an Ethernet header");

/* Packet type of the upper layer, by IP protocol. */
static const uint32_t tap_ptype_l4[256] = {
	[IPPROTO_ICMP] = RTE_PTYPE_L4_ICMP, [IPPROTO_TCP] = RTE_PTYPE_L4_TCP,
	[IPPROTO_UDP] = RTE_PTYPE_L4_UDP,   [IPPROTO_ICMPV6] = RTE_PTYPE_L4_ICMP,
	[IPPROTO_SCTP] = RTE_PTYPE_L4_SCTP,
};

static uint32_t
tap_rx_ptype(const struct tap_headers *h)
{
	static const uint32_t l2[3] = {
		RTE_PTYPE_L2_ETHER,
		RTE_PTYPE_L2_ETHER_VLAN,
		RTE_PTYPE_L2_ETHER_QINQ,
	};
	static const uint32_t l3[3][2] = {
		[TAP_L3_IPV4] = { RTE_PTYPE_L3_IPV4, RTE_PTYPE_L3_IPV4_EXT },
		[TAP_L3_IPV6] = { RTE_PTYPE_L3_IPV6, RTE_PTYPE_L3_IPV6_EXT },
	};
	uint32_t ptype = l2[h->n_vlan] | l3[h->l3][(h->flags & TAP_HDR_L3_EXT) != 0];

	if (h->flags & TAP_HDR_FRAG)
		return ptype | RTE_PTYPE_L4_FRAG;
	if (h->flags & TAP_HDR_L4)
		return ptype | tap_ptype_l4[h->l4_proto];
	return ptype;
}

static uint64_t
tap_rx_ip_cksum(const struct rte_mbuf *m, const struct tap_headers *h)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const void *, h->l3_off);
	uint8_t len;

	if (h->l3 != TAP_L3_IPV4 || (uint32_t)h->l3_off + sizeof(*ip) > m->data_len)
		return RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN;
	len = rte_ipv4_hdr_len(ip);
	if ((uint32_t)h->l3_off + len > m->data_len)
		return RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN;
	return rte_raw_cksum(ip, len) == 0xffff ? RTE_MBUF_F_RX_IP_CKSUM_GOOD :
						  RTE_MBUF_F_RX_IP_CKSUM_BAD;
}

/*
 * Folded sum of @p len bytes from @p off on, which are there. rte_raw_cksum_mbuf() loses carries
 * of segments that begin at an odd byte (in 22.11), and takes four times as long.
 */
static uint16_t
tap_rx_sum(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint64_t sum = 0;
	bool odd = false;
	uint32_t part;
	uint16_t word;

	for (; len != 0; m = m->next, len -= part) {
		part = 0;
		if (off >= m->data_len) {
			off -= m->data_len;
			continue;
		}
		part = RTE_MIN(len, m->data_len - off);
		word = tap_cksum_fold(tap_cksum_sum(rte_pktmbuf_mtod_offset(m, void *, off), part));
		sum += odd ? rte_bswap16(word) : word;
		odd ^= part & 1;
		off = 0;
	}
	return tap_cksum_fold(sum);
}

/* Bytes of the upper layer by the IP header, which has no extensions; 0 if it cannot be true. */
static uint32_t
tap_rx_l4_len(const struct rte_mbuf *m, const struct tap_headers *h)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, h->l3_off);
	uint32_t end = h->l3_off + tap_cksum_ip_len(ip, h->l3 == TAP_L3_IPV4);

	return end <= m->pkt_len && end > h->l4_off ? end - h->l4_off : 0;
}

/* The kernel knows nothing of frames from packet sockets and the like: look ourselves. */
static uint64_t
tap_rx_verify_l4(const struct rte_mbuf *m, const struct tap_headers *h)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, h->l3_off);
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(m, const uint8_t *, h->l4_off);
	bool ipv4 = h->l3 == TAP_L3_IPV4;
	bool tcp = h->l4_proto == IPPROTO_TCP;
	uint64_t sum;
	uint32_t len;

	if ((h->flags & (TAP_HDR_L4 | TAP_HDR_FRAG)) != TAP_HDR_L4 ||
	    (!tcp && h->l4_proto != IPPROTO_UDP) ||
	    (uint32_t)h->l4_off + (tcp ? 20 : 8) > m->data_len)
		return RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN;
	if (!tcp && ipv4 && l4[6] == 0 && l4[7] == 0)
		return RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN; /* the sender left it out */
	if (!ipv4 && (h->flags & TAP_HDR_L3_EXT) != 0)
		return RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN;
	len = tap_rx_l4_len(m, h);
	if (len == 0)
		return RTE_MBUF_F_RX_L4_CKSUM_BAD;
	sum = tap_cksum_pseudo(ip, ipv4, h->l4_proto, len) + tap_rx_sum(m, h->l4_off, len);
	return tap_cksum_fold(sum) == 0xffff ? RTE_MBUF_F_RX_L4_CKSUM_GOOD :
					       RTE_MBUF_F_RX_L4_CKSUM_BAD;
}

/* Is it the outermost upper layer's checksum that is half done, where applications look? */
static inline bool
tap_rx_partial_is_outer(const struct tap_headers *h, const struct virtio_net_hdr *vnet)
{
	if (!(h->flags & TAP_HDR_L4) || vnet->csum_start != h->l4_off)
		return false;
	return (h->l4_proto == IPPROTO_TCP &&
		vnet->csum_offset == offsetof(struct rte_tcp_hdr, cksum)) ||
	       (h->l4_proto == IPPROTO_UDP &&
		vnet->csum_offset == offsetof(struct rte_udp_hdr, dgram_cksum));
}

/* Fill in another one: of a tunnel's inner packet, say. */
static void
tap_rx_complete_mbuf(struct rte_mbuf *m, const struct virtio_net_hdr *vnet)
{
	uint32_t field = (uint32_t)vnet->csum_start + vnet->csum_offset;
	uint16_t sum;
	size_t i;

	if (field + sizeof(sum) > m->pkt_len)
		return;
	sum = (uint16_t)~tap_rx_sum(m, vnet->csum_start, m->pkt_len - vnet->csum_start);
	/* Of UDP 0 means that there is none; of TCP both are the same. */
	if (sum == 0)
		sum = 0xffff;
	/* The two bytes may be of two mbufs. */
	for (i = 0; i < sizeof(sum); i++, field++) {
		for (; field >= m->data_len; m = m->next)
			field -= m->data_len;
		memcpy(rte_pktmbuf_mtod_offset(m, void *, field), (const uint8_t *)&sum + i, 1);
	}
}

static uint64_t
tap_rx_cksum_flags(const struct tap_rx_mode *mode, struct rte_mbuf *m, const struct tap_headers *h,
		   const struct virtio_net_hdr *vnet)
{
	uint64_t flags = mode->ip_cksum ? tap_rx_ip_cksum(m, h) : 0;

	if (!mode->l4_cksum)
		return flags;
	if (likely(vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
		if (likely(tap_rx_partial_is_outer(h, vnet)))
			return flags | RTE_MBUF_F_RX_L4_CKSUM_NONE;
		tap_rx_complete_mbuf(m, vnet);
		return flags | RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN;
	}
	if (vnet->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		return flags | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return flags | tap_rx_verify_l4(m, h);
}

/* A frame that nobody wants: its mbuf goes back to the stash. */
static void
tap_rx_put_back(struct tap_rxq *q, const struct tap_rx_frame *frame)
{
	frame->m->ol_flags = q->ol_flags;
	if (frame->m->nb_segs > 1) {
		rte_pktmbuf_free(frame->m);
		return;
	}
	q->stash[q->n_stash] = frame->m;
	q->frame[q->n_stash++] = frame->data;
}

void
tap_rx_look_begin(struct tap_rxq *q, bool policy, struct tap_rx_look *look)
{
	struct tap_port *port = q->port;
	uint8_t rules = rte_atomic_load_explicit(&port->rx_mode.rules, rte_memory_order_acquire);

	look->policy = NULL;
	look->rules = NULL;
	look->apply = rules == TAP_RX_RULES_APPLY;
	look->described = false;
	if (!policy && likely(rules == TAP_RX_RULES_OFF))
		return;
	look->policy = tap_policy_read_begin(&q->reader, port->shared);
	if (rules != TAP_RX_RULES_OFF)
		look->rules = tap_current_view(&port->tables);
}

void
tap_rx_look_end(struct tap_rxq *q, const struct tap_rx_look *look)
{
	if (look->policy != NULL)
		tap_policy_read_end(&q->reader);
}

static void
tap_rx_classify_rules(const struct tap_rxq *q, struct tap_pkt *pkt, const struct tap_rx_look *look,
		      struct tap_verdict *verdict)
{
	const struct tap_port *port = q->port;
	uint32_t slot = (uint32_t)(look->policy - port->shared->slot);

	tap_classify_rules(pkt, port->shared, slot, &port->tables, look->rules,
			   look->apply ? TAP_COUNT_PASSED | TAP_COUNT_DROPPED : 0, verdict);
}

static inline uint64_t
tap_rx_mark(struct rte_mbuf *m, const struct tap_verdict *verdict)
{
	if (verdict->flags & TAP_RULE_MARK) {
		m->hash.fdir.hi = verdict->mark;
		return RTE_MBUF_F_RX_FDIR | RTE_MBUF_F_RX_FDIR_ID;
	}
	return verdict->flags & TAP_RULE_FLAG ? RTE_MBUF_F_RX_FDIR : 0;
}

static inline uint64_t
tap_rx_lro(struct tap_rxq *q, struct rte_mbuf *m, const struct virtio_net_hdr *vnet)
{
	if (likely(vnet->gso_type == VIRTIO_NET_HDR_GSO_NONE))
		return 0;
	tap_stat_add(&q->stats.whole, 1);
	m->tso_segsz = vnet->gso_size;
	return RTE_MBUF_F_RX_LRO;
}

/*
 * What becomes a packet's: its type and, as the application asked, hash and checksum flags.
 * @param absent  bytes of the frame that were not received
 */
static inline void
tap_rx_describe(struct tap_rxq *q, const struct tap_rx_frame *frame, const struct tap_rx_look *look,
		const uint32_t absent, struct tap_verdict *verdict)
{
	const struct tap_rx_mode *mode = &q->port->rx_mode;
	const struct virtio_net_hdr *vnet;
	struct rte_mbuf *m = frame->m;
	uint64_t flags = q->ol_flags;
	struct tap_pkt view = {
		.data = (const uint8_t *)frame->data,
		.contig = RTE_MIN(frame->len, q->room),
		.len = frame->len,
		.bank = q->id,
		.absent = absent,
		.mbuf = m,
	};

	if (frame->same && look->described && look->rules == NULL) {
		/* Only rules look at what differs from the headers of the one before: TCP flags. */
	} else if (unlikely(look->rules != NULL)) {
		tap_rx_classify_rules(q, &view, look, verdict);
	} else if (look->policy != NULL)
		tap_classify(&view, look->policy, verdict);
	else
		tap_parse(&view, &verdict->outer);
	if (unlikely(look->rules != NULL))
		flags |= tap_rx_mark(m, verdict);
	if (mode->hash && verdict->hashed) {
		m->hash.rss = verdict->hash;
		flags |= RTE_MBUF_F_RX_RSS_HASH;
	}
	m->packet_type = tap_rx_ptype(&verdict->outer);
	if (mode->ip_cksum || mode->l4_cksum || mode->gso) {
		vnet = (const void *)(view.data - TAP_VNET_HDR_LEN);
		flags |= tap_rx_lro(q, m, vnet);
		flags |= tap_rx_cksum_flags(mode, m, &verdict->outer, vnet);
	}
	m->ol_flags = flags;
}

/*
 * The same for a packet of a net_tun port, behind an Ethernet header that is written in front of
 * it for the time being: so one classifier does for both.
 */
static __rte_noinline void
tap_rx_describe_l3(struct tap_rxq *q, const struct tap_rx_frame *packet,
		   const struct tap_rx_look *look, struct tap_verdict *verdict)
{
	struct tap_rx_frame frame = *packet;
	struct rte_mbuf *m = frame.m;
	uint16_t type = tap_type_of(*(const uint8_t *)frame.data);
	struct virtio_net_hdr vnet;

	memcpy(&vnet, frame.data - TAP_VNET_HDR_LEN, sizeof(vnet));
	vnet.csum_start += TAP_ETH_LEN;
	frame.data -= TAP_ETH_LEN;
	frame.len += TAP_ETH_LEN;
	memset(frame.data, 0, TAP_ETH_LEN - sizeof(type));
	memcpy(frame.data + TAP_ETH_LEN - sizeof(type), &type, sizeof(type));
	memcpy(frame.data - TAP_VNET_HDR_LEN, &vnet, sizeof(vnet));
	m->data_off -= TAP_ETH_LEN;
	m->data_len += TAP_ETH_LEN;
	m->pkt_len += TAP_ETH_LEN;
	tap_rx_describe(q, &frame, look, TAP_ETH_LEN, verdict);
	m->data_off += TAP_ETH_LEN;
	m->data_len -= TAP_ETH_LEN;
	m->pkt_len -= TAP_ETH_LEN;
	m->packet_type &= ~(uint32_t)RTE_PTYPE_L2_MASK;
}

/* The address filter, of which isolated mode has none. */
static inline bool
tap_rx_accept(const struct tap_port *port, const struct tap_rx_frame *frame)
{
	return port->filter.promiscuous || port->filter.isolated ||
	       tap_mac_accept(port, (const struct rte_ether_addr *)frame->data);
}

static inline bool
tap_rx_finish_one(struct tap_rxq *q, const struct tap_rx_frame *frame, struct tap_rx_look *look,
		  struct tap_verdict *verdict)
{
	bool accept;

	if (unlikely(frame->len == 0)) {
		look->described = false;
		tap_stat_add(&q->stats.errors, 1);
		tap_rx_put_back(q, frame);
		return false;
	}
	/* Rules come before the filter, as in the kernel, and count what they see. */
	accept = tap_rx_accept(q->port, frame);
	if (likely(accept) || look->apply) {
		if (likely(!q->port->rx_mode.l3))
			tap_rx_describe(q, frame, look, 0, verdict);
		else
			tap_rx_describe_l3(q, frame, look, verdict);
	}
	look->described = accept || look->apply;
	if (look->apply && verdict->drop)
		tap_stat_add(&q->stats.dropped, 1);
	else if (likely(accept))
		return true;
	else
		tap_stat_add(&q->stats.filtered, 1);
	tap_rx_put_back(q, frame);
	return false;
}

bool
tap_rx_finish(struct tap_rxq *q, const struct tap_rx_frame *frame, struct tap_rx_look *look,
	      struct tap_verdict *verdict)
{
	return tap_rx_finish_one(q, frame, look, verdict);
}

/* Packets out of frames: @return how many were not dropped. */
static uint16_t
tap_rx_finish_burst(struct tap_rxq *q, const struct tap_rx_frame *frames, uint16_t n,
		    struct rte_mbuf **pkts)
{
	struct tap_port *port = q->port;
	struct tap_verdict verdict = { .hashed = 0 };
	struct tap_rx_look look;
	uint64_t hashed = 0;
	uint64_t bytes = 0;
	uint16_t nb = 0;
	uint16_t i;

	tap_rx_look_begin(q, port->rx_mode.hash, &look);
	for (i = 0; i < n; i++) {
		if (!tap_rx_finish_one(q, &frames[i], &look, &verdict))
			continue;
		pkts[nb++] = frames[i].m;
		bytes += frames[i].len;
		hashed += (frames[i].m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0;
	}
	tap_rx_look_end(q, &look);
	tap_stat_add(&q->stats.packets, nb);
	tap_stat_add(&q->stats.bytes, bytes);
	tap_stat_add(&q->stats.hashed, hashed);
	if (port->steering)
		tap_stat_add(&q->stats.steered, nb);
	return nb;
}

static uint16_t
tap_rx_read_burst(struct tap_rxq *q, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap_rx_frame frames[TAP_RX_CHUNK];
	uint16_t reads = 0;
	uint16_t nb = 0;
	uint16_t want;
	uint16_t got;

	/* Reads are counted, not packets: a burst is bounded even if all are filtered. */
	do {
		want = RTE_MIN(n - reads, TAP_RX_CHUNK);
		got = tap_rx_gather(q, frames, want);
		nb += tap_rx_finish_burst(q, frames, got, pkts + nb);
		reads += got;
	} while (got == want && reads < n);
	return nb;
}

static inline bool
tap_bell_rung(const struct tap_bell *bell)
{
	return rte_atomic_load_explicit((const RTE_ATOMIC(uint32_t) *)&bell->rung,
					rte_memory_order_relaxed) != 0;
}

/*
 * While packets come the bell is left rung, so that senders only read it. It is cleared
 * when the window after the last packet is over; what was on its way past the old ring
 * is caught by a second window of reading before the queue goes idle.
 */
static void
tap_rx_next_state(struct tap_rxq *q, bool got_packets)
{
	uint64_t now = rte_rdtsc();

	if (got_packets || (q->state != TAP_RX_ARMED && tap_bell_rung(tap_rxq_bell(q)))) {
		q->state = TAP_RX_ARMED;
		q->state_end = now + q->window;
	} else if (q->state == TAP_RX_IDLE || now < q->state_end) {
		return;
	} else if (q->state == TAP_RX_ARMED) {
		rte_atomic_store_explicit((RTE_ATOMIC(uint32_t) *)&tap_rxq_bell(q)->rung, 0,
					  rte_memory_order_relaxed);
		q->state = TAP_RX_DRAIN;
		q->state_end = now + q->window;
	} else {
		q->state = TAP_RX_IDLE;
		q->idle_polls = TAP_RX_IDLE_POLLS;
	}
}

/* What was read or tried and did not become a packet. */
static inline uint64_t
tap_rx_vain(const struct tap_rxq *q)
{
	return q->stats.nombuf + q->stats.errors + q->stats.filtered + q->stats.dropped;
}

uint16_t
tap_rx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap_rxq *q = queue;
	uint64_t vain = tap_rx_vain(q);
	bool blind = false;
	uint16_t nb;

	if (q->state == TAP_RX_IDLE && !tap_bell_rung(tap_rxq_bell(q))) {
		if (likely(--q->idle_polls != 0))
			return 0;
		q->idle_polls = TAP_RX_IDLE_POLLS;
		blind = true;
	}
	nb = tap_rx_read_burst(q, pkts, n);
	if (blind)
		tap_stat_add(&q->stats.rescued, nb);
	/* Behind what was thrown away, or without mbufs, more may wait: go on as if packets came. */
	if (q->doorbell)
		tap_rx_next_state(q, nb != 0 || tap_rx_vain(q) != vain);
	return nb;
}
