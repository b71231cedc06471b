/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * Fuzz target: packets to send. The input is a burst: of each packet how its bytes lie in
 * mbufs, lengths of headers and offload flags, true or not, and bytes. Lengths of segments are
 * true, as every driver has to assume. A socket is in the place of the tap.
 */

#include <sys/socket.h>

#include "fuzz.h"
#include "tap_cut.h"
#include "tap_ethdev.h"
#include "tap_join.h"

#define BURST 16
#define SEGS 4
#define ROOM 70000

enum kind {
	PLAIN,
	NO_HEADROOM,
	SHARED,
	EXTERNAL,
};

static struct tap_port port;
static struct tap_txq queue;
static uint8_t stage[TAP_JOIN_STAGE];
static int tap; /* the other end */
static unsigned int n_freed;
static uint8_t message[ROOM];

void __wrap_rte_pktmbuf_free_bulk(struct rte_mbuf **mbufs, unsigned int n);

/* The target frees its packets itself. */
void
__wrap_rte_pktmbuf_free_bulk(struct rte_mbuf **mbufs, unsigned int n)
{
	(void)mbufs;
	n_freed += n;
}

static void
open_queue(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	fuzz_quiet();
	tap_fds[0][0] = pair[0];
	tap = pair[1];
	queue.port = &port;
}

/* Each segment in memory of its own. */
static struct rte_mbuf *
make_segment(struct fuzz_input *in, enum kind kind, size_t len)
{
	uint16_t headroom = kind == NO_HEADROOM ? 4 : RTE_PKTMBUF_HEADROOM;
	struct rte_mbuf *m = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*m));
	uint8_t *buf = malloc(headroom + len);

	if (m == NULL || buf == NULL)
		abort();
	memset(m, 0, sizeof(*m));
	fuzz_take(in, buf + headroom, len);
	m->buf_addr = buf;
	m->buf_len = (uint16_t)(headroom + len);
	m->data_off = headroom;
	m->data_len = (uint16_t)len;
	m->nb_segs = 1;
	rte_mbuf_refcnt_set(m, kind == SHARED ? 2 : 1);
	if (kind == EXTERNAL)
		m->ol_flags = RTE_MBUF_F_EXTERNAL;
	return m;
}

static void
read_metadata(struct fuzz_input *in, struct rte_mbuf *m, uint8_t head)
{
	static const uint64_t flags[] = {
		RTE_MBUF_F_TX_IP_CKSUM, RTE_MBUF_F_TX_TCP_CKSUM, RTE_MBUF_F_TX_UDP_CKSUM,
		RTE_MBUF_F_TX_IPV4,     RTE_MBUF_F_TX_IPV6,      RTE_MBUF_F_TX_TCP_SEG,
		RTE_MBUF_F_TX_UDP_SEG,  RTE_MBUF_F_TX_VLAN,
	};
	uint8_t set = fuzz_u8(in);
	unsigned int i;

	for (i = 0; i < RTE_DIM(flags); i++)
		if (set & 1 << i)
			m->ol_flags |= flags[i];
	m->l2_len = queue.l3 ? 0 : RTE_ETHER_HDR_LEN;
	m->l3_len = set & 0x10 ? 40 : 20;
	m->l4_len = 20;
	if (head & 0x40)
		m->tx_offload = fuzz_u64(in);
	else
		m->tso_segsz = fuzz_u8(in);
}

/* A packet, of the bytes of the one before if there is one and the input says so. */
static struct rte_mbuf *
make_packet(struct fuzz_input *in)
{
	uint8_t head = fuzz_u8(in);
	enum kind kind = head & 3;
	unsigned int segs = 1 + (head >> 2) % SEGS;
	size_t len = 1 + (head & 0x80 ? fuzz_u16(in) % 20000 : fuzz_u8(in));
	struct rte_mbuf *m = make_segment(in, kind, len);
	struct rte_mbuf *tail = m;
	unsigned int i;

	m->pkt_len = m->data_len;
	read_metadata(in, m, head);
	for (i = 1; head & 0x20 && i < segs; i++) {
		tail->next = make_segment(in, kind, 1 + fuzz_u8(in));
		tail = tail->next;
		m->pkt_len += tail->data_len;
		m->nb_segs++;
	}
	return m;
}

static void
free_packet(struct rte_mbuf *m)
{
	while (m != NULL) {
		struct rte_mbuf *next = m->next;

		free(m->buf_addr);
		free(m);
		m = next;
	}
}

/* Behind the Ethernet header and its tags. */
static uint16_t
find_ip(const uint8_t *frame)
{
	uint16_t type = 12;

	while (frame[type] == 0x81 || (frame[type] == 0x88 && frame[type + 1] == 0xa8))
		type += 4;
	return type + 2;
}

/* Several packets in one message, cut again: they are as long as they were. */
static uint16_t
check_joined(struct rte_mbuf *const *pkts, uint16_t n, const struct virtio_net_hdr *vnet,
	     uint32_t len)
{
	const uint8_t *frame = message + TAP_VNET_HDR_LEN;
	uint8_t *out = malloc(ROOM);
	bool ipv4 = vnet->gso_type == VIRTIO_NET_HDR_GSO_TCPV4;
	struct tap_cut cut;
	uint16_t l3_off = queue.l3 ? 0 : find_ip(frame);
	uint16_t i;

	if (out == NULL)
		abort();
	if (vnet->gso_type == VIRTIO_NET_HDR_GSO_UDP_L4)
		ipv4 = frame[l3_off] >> 4 == 4;
	FUZZ_CHECK(tap_cut_begin(&cut, frame, len, l3_off, ipv4, vnet), "cannot be cut");
	for (i = 0; tap_cut_pending(&cut); i++) {
		FUZZ_CHECK(i < n && tap_cut_len(&cut) == pkts[i]->pkt_len, "packet %u: %u bytes", i,
			   tap_cut_len(&cut));
		tap_cut_next(&cut, out, true);
	}
	free(out);
	return i;
}

/* Bytes of a packet that arrive: what lies behind the IP packet does not where a checksum is left. */
static uint32_t
arriving(const struct rte_mbuf *m, const struct virtio_net_hdr *vnet, const uint8_t *frame)
{
	bool segments = m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG);
	bool ipv6 = m->ol_flags & RTE_MBUF_F_TX_IPV6;
	const uint8_t *field = frame + m->l2_len + (ipv6 ? 4 : 2);
	uint32_t end = m->l2_len + (ipv6 ? 40 : 0) + (uint32_t)(field[0] << 8 | field[1]);
	uint32_t least = segments ? (uint32_t)m->l2_len + m->l3_len + m->l4_len :
				    (uint32_t)vnet->csum_start + vnet->csum_offset + 2;

	if (!(vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || end < least)
		return m->pkt_len;
	return RTE_MIN(end, m->pkt_len);
}

/* What has arrived, against what was sent. Packets that were refused are not among it. */
static void
check_messages(struct rte_mbuf *const *pkts, uint16_t sent)
{
	bool some_refused = queue.stats.errors != 0;
	struct virtio_net_hdr vnet;
	uint64_t messages = 0;
	uint16_t at = 0;
	ssize_t len;

	while ((len = recv(tap, message, sizeof(message), 0)) > 0) {
		messages++;
		FUZZ_CHECK(len > (ssize_t)TAP_VNET_HDR_LEN, "%zd bytes", len);
		if (some_refused)
			continue;
		memcpy(&vnet, message, sizeof(vnet));
		len -= TAP_VNET_HDR_LEN;
		FUZZ_CHECK(at < sent, "more than was sent");
		if (vnet.gso_type == 0)
			FUZZ_CHECK(len == arriving(pkts[at], &vnet, message + TAP_VNET_HDR_LEN),
				   "%zd of %u bytes", len, pkts[at]->pkt_len);
		else if (len != pkts[at]->pkt_len)
			at += check_joined(pkts + at, sent - at, &vnet, (uint32_t)len) - 1;
		at++;
	}
	FUZZ_CHECK(some_refused || at == sent, "%u of %u packets", at, sent);
	FUZZ_CHECK(messages == queue.stats.packets - queue.stats.joined + queue.stats.super_frames,
		   "%" PRIu64 " messages", messages);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct rte_mbuf *pkts[BURST];
	static bool opened;
	uint16_t n = 0;
	uint16_t sent, i;
	uint8_t head;

	if (!opened) {
		open_queue();
		opened = true;
	}
	head = fuzz_u8(&in);
	queue.stage = head & 1 ? stage : NULL;
	port.udp_gso = head & 2;
	queue.l3 = head & 8;
	port.args.l3 = queue.l3;
	while (n < BURST && in.left != 0)
		pkts[n++] = make_packet(&in);
	memset(&queue.stats, 0, sizeof(queue.stats));
	n_freed = 0;
	sent = tap_tx_prepare(&queue, pkts, n);
	FUZZ_CHECK(sent <= n, "%u of %u", sent, n);
	/* What must not be sent, because the application was told so, or is not told. */
	sent = tap_tx_burst(&queue, pkts, head & 4 ? sent : n);
	FUZZ_CHECK(sent <= n && n_freed == sent, "%u freed, %u sent", n_freed, sent);
	FUZZ_CHECK(queue.stats.packets + queue.stats.errors == sent, "counters");
	check_messages(pkts, sent);
	for (i = 0; i < n; i++)
		free_packet(pkts[i]);
	return 0;
}
