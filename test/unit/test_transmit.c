/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
/*
 * The transmit burst on mbufs of every kind, with a socket in the place of the tap: it takes some
 * messages and no more until they are read, and can be made to refuse long ones or all of them.
 * What comes out, taken apart again, must be the packets that went in; and no byte may change
 * that is not the driver's.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "runner.h"
#include "tap_cut.h"
#include "tap_ethdev.h"
#include "tap_join.h"

/* More than is looked at at once, twice. */
#define BURST 140
#define ROUNDS 300
#define POOL 2047
#define LONGEST 65700
/* Half of the bytes, with what the kernel adds to them, that fill the socket: more than the longest super-frame. */
#define FULL 36000

/* How the bytes of a packet lie in mbufs. */
enum kind {
	PLAIN,
	SHARED,
	INDIRECT,
	EXTERNAL,
	CHAINED,
	NO_HEADROOM,
	KINDS
};

/* A packet, what it must arrive as, and the buffers that must not change. */
struct item {
	struct rte_mbuf *m;
	struct rte_mbuf *held; /* the same, or its owner, still ours after it was sent */
	enum kind kind;
	uint32_t len;
	uint32_t padding; /* to be put behind the IP packet; it must not arrive */
	uint8_t frame[2048];
	uint8_t before[RTE_MBUF_DEFAULT_BUF_SIZE];
};

static uint32_t l3_off; /* of the IP header; 0: on net_tun */
static struct rte_mempool *pool;
static struct tap_port port;
int tap_fds[RTE_MAX_ETHPORTS][TAP_MAX_QUEUES];

static struct tap_txq queue;
static uint8_t stage[TAP_JOIN_STAGE];
static int tap; /* the other end of the queue's fd */
static struct item items[BURST];
static uint8_t message[TAP_VNET_HDR_LEN + LONGEST];
static uint8_t packets[128][2048];
static uint32_t lengths[128];

static uint32_t
below(uint32_t n)
{
	static uint64_t state = 3;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

static void
open_tap(int sndbuf)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds) != 0 ||
	    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf)) != 0) {
		perror("socketpair");
		exit(EXIT_FAILURE);
	}
	queue = (struct tap_txq){ .port = &port, .stage = stage, .l3 = l3_off == 0 };
	tap_fds[0][0] = fds[0];
	tap = fds[1];
}

static void
close_tap(void)
{
	close(tap_fds[0][0]);
	if (tap >= 0)
		close(tap);
}

/* Headers and payload of number n of a flow, all checksums right. @return its length */
static uint32_t
build(uint8_t *frame, bool ipv4, bool tcp, uint32_t n, uint32_t size, uint32_t payload)
{
	uint32_t l4 = l3_off + (ipv4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr));
	uint32_t l4_len = tcp ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr);
	uint32_t len = l4 + l4_len + payload;
	struct rte_ipv4_hdr *ip4 = (void *)(frame + l3_off);
	struct rte_ipv6_hdr *ip6 = (void *)(frame + l3_off);
	struct rte_tcp_hdr *th = (void *)(frame + l4);
	struct rte_udp_hdr *uh = (void *)(frame + l4);
	uint16_t sum;
	uint32_t i;

	memset(frame, 0, l4 + l4_len);
	memcpy(frame, ipv4 ? "abcdefghijkl\x08" : "abcdefghijkl\x86\xdd", l3_off);
	for (i = 0; i < payload; i++)
		frame[l4 + l4_len + i] = (uint8_t)below(256);
	if (tcp) {
		th->src_port = 7;
		th->sent_seq = rte_cpu_to_be_32(0xfffff000u + n * size);
		th->data_off = 5 << 4;
		th->tcp_flags = RTE_TCP_ACK_FLAG;
	} else {
		uh->src_port = 7;
		uh->dgram_len = rte_cpu_to_be_16((uint16_t)(l4_len + payload));
	}
	if (ipv4) {
		ip4->version_ihl = RTE_IPV4_VHL_DEF;
		ip4->total_length = rte_cpu_to_be_16((uint16_t)(len - l3_off));
		ip4->packet_id = rte_cpu_to_be_16((uint16_t)(65500 + n));
		ip4->next_proto_id = tcp ? IPPROTO_TCP : IPPROTO_UDP;
		ip4->src_addr = 1;
		ip4->hdr_checksum = rte_ipv4_cksum(ip4);
		sum = rte_ipv4_udptcp_cksum(ip4, th);
	} else {
		ip6->vtc_flow = rte_cpu_to_be_32(6u << 28);
		ip6->payload_len = rte_cpu_to_be_16((uint16_t)(l4_len + payload));
		ip6->proto = tcp ? IPPROTO_TCP : IPPROTO_UDP;
		sum = rte_ipv6_udptcp_cksum(ip6, th);
	}
	memcpy(frame + l4 + (tcp ? 16 : 6), &sum, sizeof(sum));
	return len;
}

static void
free_external(void *addr, void *opaque)
{
	(void)opaque;
	free(addr);
}

static struct rte_mbuf *
external(const uint8_t *frame, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint16_t room = RTE_MBUF_DEFAULT_BUF_SIZE;
	char *buf = malloc(room);

	rte_pktmbuf_attach_extbuf(
		m, buf, RTE_BAD_IOVA, room,
		rte_pktmbuf_ext_shinfo_init_helper(buf, &room, free_external, NULL));
	m->data_off = RTE_PKTMBUF_HEADROOM;
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	return m;
}

/* In segments of at most @p size bytes. */
static struct rte_mbuf *
chained(const uint8_t *frame, uint32_t len, uint32_t size)
{
	struct rte_mbuf *head = NULL;
	uint32_t at;

	for (at = 0; at < len; at += size) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		uint16_t part = (uint16_t)RTE_MIN(size, len - at);

		memcpy(rte_pktmbuf_append(m, part), frame + at, part);
		if (head == NULL)
			head = m;
		else
			rte_pktmbuf_chain(head, m);
	}
	return head;
}

/* Mbufs of some kind with these bytes. */
static void
wrap(struct item *item, enum kind kind, const uint8_t *bytes)
{
	uint32_t len = item->len + item->padding;

	item->padding = 0;
	item->kind = kind;
	item->held = NULL;
	if (kind == CHAINED)
		item->m = chained(bytes, len, 1 + len / (1 + below(8)));
	else if (kind == EXTERNAL)
		item->m = external(bytes, len);
	else
		item->m = chained(bytes, len, len);
	if (kind == NO_HEADROOM) {
		memmove(item->m->buf_addr, bytes, len);
		item->m->data_off = 0;
	} else if (kind == SHARED || kind == EXTERNAL) {
		item->held = item->m;
		rte_mbuf_refcnt_update(item->m, 1);
	} else if (kind == INDIRECT) {
		item->held = item->m;
		item->m = rte_pktmbuf_clone(item->held, pool);
	}
	memcpy(item->before, item->m->buf_addr, item->m->buf_len);
}

static void
ask_for_checksums(struct rte_mbuf *m, bool ipv4, bool tcp)
{
	m->l2_len = l3_off;
	m->l3_len = ipv4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr);
	m->l4_len = tcp ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr);
	m->ol_flags |= ipv4 ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM : RTE_MBUF_F_TX_IPV6;
	m->ol_flags |= tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
}

/* A burst of packets that mostly continue one flow. @return how many */
static uint16_t
make_burst(enum kind kinds)
{
	bool ipv4 = below(2);
	bool tcp = below(2);
	uint32_t size = 1 + below(1400);
	uint16_t n = (uint16_t)(1 + below(BURST));
	uint16_t i;

	for (i = 0; i < n; i++) {
		struct item *item = &items[i];
		bool offload = below(2);
		uint8_t bytes[2048];
		uint32_t field = l3_off + (ipv4 ? 20 : 40) + (tcp ? 16 : 6);

		item->len = build(item->frame, ipv4, tcp, i + (below(16) == 0), size,
				  below(16) == 0 ? 1 + below(size) : size);
		if (!offload && below(8) == 0)
			item->frame[field] ^= 1; /* wrong, and to stay so */
		memcpy(bytes, item->frame, item->len);
		item->padding = offload && below(16) == 0 ? 1 + below(40) : 0;
		memset(bytes + item->len, 0x5a, item->padding);
		if (offload) {
			memset(bytes + field, 0xbd, 2);
			if (ipv4)
				memset(bytes + l3_off + 10, 0xdb, 2);
		}
		wrap(item, kinds == KINDS ? (enum kind)below(KINDS) : kinds, bytes);
		if (offload)
			ask_for_checksums(item->m, ipv4, tcp);
	}
	return n;
}

/* Has anything changed in the buffer that the driver may not write to for good? */
static bool
changed(const struct item *item, const struct rte_mbuf *m)
{
	const uint8_t *now = m->buf_addr;
	uint32_t from = m->data_off;

	/* The headroom right before a packet of our own takes the vnet header. */
	if (item->kind == PLAIN || (item->kind == CHAINED && m->nb_segs == 1))
		return memcmp(now, item->before, from - TAP_VNET_HDR_LEN) != 0 ||
		       memcmp(now + from, item->before + from, m->buf_len - from) != 0;
	return memcmp(now, item->before, m->buf_len) != 0;
}

/* Let go what was sent; its buffers are looked at where they are still ours. */
static void
let_go(const struct item *item)
{
	if (item->held == NULL)
		return;
	CHECK(rte_mbuf_refcnt_read(item->held) == 1, "kind %d: reference count %u", item->kind,
	      rte_mbuf_refcnt_read(item->held));
	CHECK(!changed(item, item->held), "kind %d: written to", item->kind);
	rte_pktmbuf_free(item->held);
}

/* Take a frame apart, and complete its checksums. @return packets in packets[] */
static uint32_t
take_apart(const struct virtio_net_hdr *vnet, const uint8_t *frame, uint32_t len)
{
	uint32_t n = 0;
	struct tap_cut cut;
	uint32_t field = (uint32_t)vnet->csum_start + vnet->csum_offset;
	uint16_t sum;

	if (vnet->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		CHECK(tap_cut_begin(&cut, frame, len, l3_off, frame[l3_off] >> 4 == 4, vnet),
		      "a super-frame that cannot be cut");
		for (; tap_cut_pending(&cut); n++) {
			lengths[n] = tap_cut_len(&cut);
			tap_cut_next(&cut, packets[n], true);
		}
		return n;
	}
	lengths[0] = len;
	memcpy(packets[0], frame, len);
	if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		sum = (uint16_t)~rte_raw_cksum(frame + vnet->csum_start, len - vnet->csum_start);
		memcpy(packets[0] + field, &sum, sizeof(sum));
	}
	return 1;
}

/* Read what was written; it must be the items from the first on. @return how many */
static uint16_t
drain(uint16_t first, uint16_t end)
{
	struct virtio_net_hdr vnet;
	uint16_t at = first;
	uint32_t n;
	uint32_t i;
	ssize_t len;

	while ((len = read(tap, message, sizeof(message))) > 0) {
		memcpy(&vnet, message, sizeof(vnet));
		n = take_apart(&vnet, message + sizeof(vnet), (uint32_t)len - sizeof(vnet));
		for (i = 0; i < n && at < end; i++, at++) {
			CHECK(lengths[i] == items[at].len &&
				      memcmp(packets[i], items[at].frame, lengths[i]) == 0,
			      "packet %u of kind %d is another", at, items[at].kind);
		}
		CHECK(i == n, "%u packets too many", n - i);
	}
	return at - first;
}

/* Back-pressure in the middle of long bursts. */
static void
every_kind(const void *arg)
{
	unsigned int free_mbufs = rte_mempool_avail_count(pool);
	struct rte_mbuf *pkts[BURST];
	uint64_t sent = 0, bytes = 0;
	unsigned int round;
	uint16_t n, i, at, j;

	open_tap(FULL);
	queue.stage = *(const bool *)arg ? stage : NULL;
	for (round = 0; round < ROUNDS; round++) {
		n = make_burst(KINDS);
		for (i = 0; i < n; i++) {
			pkts[i] = items[i].m;
			bytes += items[i].m->pkt_len;
		}
		for (at = 0; at < n; at += i) {
			i = tap_tx_burst(&queue, pkts + at, n - at);
			CHECK(drain(at, at + i) == i, "of %u packets taken not all arrived", i);
			if (i == 0)
				break;
			/* The rest is the application's, as it was. */
			for (j = at + i; j < n; j++)
				CHECK(!changed(&items[j], items[j].m),
				      "kind %d: changed and given back", items[j].kind);
		}
		CHECK(at == n, "the queue is stuck at %u of %u", at, n);
		for (i = 0; i < n; i++)
			let_go(&items[i]);
		sent += n;
	}
	CHECK(queue.stats.packets == sent && queue.stats.bytes == bytes &&
		      queue.stats.errors == 0 && queue.stats.full != 0,
	      "counted %lu packets of %lu, %lu bytes of %lu, %lu errors, %lu times full",
	      queue.stats.packets, sent, queue.stats.bytes, bytes, queue.stats.errors,
	      queue.stats.full);
	CHECK((queue.stats.joined != 0) == (queue.stage != NULL), "%lu joined", queue.stats.joined);
	CHECK(rte_mempool_avail_count(pool) == free_mbufs, "%u mbufs lost",
	      free_mbufs - rte_mempool_avail_count(pool));
	close_tap();
}

/* A kernel that takes no super-frame of this length gets its packets one by one. */
static void
no_super_frames(const void *arg)
{
	struct rte_mbuf *pkts[8];
	uint16_t i;

	(void)arg;
	open_tap(1); /* the least that there is: some 4600 bytes */
	for (i = 0; i < RTE_DIM(pkts); i++) {
		items[i].len = build(items[i].frame, true, true, i, 1400, 1400);
		wrap(&items[i], PLAIN, items[i].frame);
		pkts[i] = items[i].m;
	}
	for (i = 0; i < RTE_DIM(pkts);) {
		uint16_t n = tap_tx_burst(&queue, pkts + i, RTE_DIM(pkts) - i);

		CHECK(n != 0, "stuck at %u", i);
		if (n == 0)
			break;
		CHECK(drain(i, i + n) == n, "of %u packets taken not all arrived", n);
		i += n;
	}
	CHECK(queue.stats.packets == RTE_DIM(pkts) && queue.stats.errors == 0,
	      "%lu packets, %lu errors", queue.stats.packets, queue.stats.errors);
	close_tap();
}

/* Nobody is there: every packet is an error, once, and freed; what is shared is as it was. */
static void
refused(const void *arg)
{
	unsigned int free_mbufs = rte_mempool_avail_count(pool);
	struct rte_mbuf *pkts[BURST];
	uint64_t errors = 0;
	unsigned int round;
	uint16_t n, i;

	(void)arg;
	open_tap(1 << 20);
	close(tap);
	tap = -1;
	for (round = 0; round < ROUNDS / 3; round++) {
		n = make_burst(KINDS);
		for (i = 0; i < n; i++)
			pkts[i] = items[i].m;
		CHECK(tap_tx_burst(&queue, pkts, n) == n, "kept for later");
		errors += n;
		for (i = 0; i < n; i++)
			let_go(&items[i]);
	}
	CHECK(queue.stats.errors == errors && queue.stats.packets == 0 && queue.stats.bytes == 0 &&
		      queue.stats.joined == 0,
	      "%lu errors of %lu, %lu packets, %lu bytes, %lu joined", queue.stats.errors, errors,
	      queue.stats.packets, queue.stats.bytes, queue.stats.joined);
	CHECK(rte_mempool_avail_count(pool) == free_mbufs, "mbufs lost");
	close_tap();
}

/* Segmentation by the kernel, of a packet in mbufs of this size each. */
static void
check_tso(bool ipv4, bool tcp, uint32_t payload, uint16_t mss, uint32_t size)
{
	static uint8_t frame[LONGEST];
	struct virtio_net_hdr vnet;
	struct rte_mbuf *m;
	uint32_t hdr_len = l3_off + (ipv4 ? 20 : 40) + (tcp ? 20 : 8);
	uint32_t len = build(frame, ipv4, tcp, 0, 0, payload);
	uint32_t field = l3_off + (ipv4 ? 20 : 40) + (tcp ? 16 : 6);
	uint32_t at = 0;
	uint32_t i, n;
	ssize_t got;

	m = chained(frame, len, size);
	ask_for_checksums(m, ipv4, tcp);
	m->ol_flags |= tcp ? RTE_MBUF_F_TX_TCP_SEG : RTE_MBUF_F_TX_UDP_SEG;
	m->tso_segsz = mss;
	CHECK(tap_tx_prepare(&queue, &m, 1) == 1, "refused: %d", rte_errno);
	CHECK(tap_tx_burst(&queue, &m, 1) == 1, "not taken");
	got = read(tap, message, sizeof(message));
	CHECK(got == (ssize_t)(len + sizeof(vnet)), "%zd bytes of %u written", got, len);
	memcpy(&vnet, message, sizeof(vnet));
	CHECK(payload <= mss ? vnet.gso_type == VIRTIO_NET_HDR_GSO_NONE :
			       vnet.gso_type != VIRTIO_NET_HDR_GSO_NONE && vnet.gso_size == mss &&
				       vnet.hdr_len == hdr_len,
	      "type %u, size %u, headers %u", vnet.gso_type, vnet.gso_size, vnet.hdr_len);
	n = take_apart(&vnet, message + sizeof(vnet), len);
	CHECK(n == (payload + mss - 1) / mss, "%u segments", n);
	for (i = 0; i < n; i++) {
		const void *ip = packets[i] + l3_off;

		CHECK(memcmp(packets[i] + hdr_len, frame + hdr_len + at, lengths[i] - hdr_len) == 0,
		      "segment %u has other bytes", i);
		CHECK((ipv4 ? rte_ipv4_udptcp_cksum_verify(ip,
							   packets[i] + field - (tcp ? 16 : 6)) :
			      rte_ipv6_udptcp_cksum_verify(ip, packets[i] + field -
								       (tcp ? 16 : 6))) == 0,
		      "segment %u: checksum", i);
		at += lengths[i] - hdr_len;
	}
	CHECK(at == payload, "%u bytes of %u", at, payload);
}

static void
tso(const void *arg)
{
	static const uint32_t sizes[] = { 13, 54, 60, 333, 1900 };
	unsigned int free_mbufs = rte_mempool_avail_count(pool);
	unsigned int i;

	(void)arg;
	open_tap(1 << 20);
	for (i = 0; i < 160; i++) {
		uint32_t size = sizes[i % RTE_DIM(sizes)];
		uint32_t most = RTE_MIN(60000u, size * (TAP_TX_MAX_SEGS - 8));
		uint32_t payload = 1 + below(most);
		uint16_t mss = (uint16_t)(payload / 60 + 1 + below(1000));

		check_tso(i / 40 % 2, i / 80 % 2, payload, mss, size);
	}
	CHECK(queue.stats.packets == i && queue.stats.errors == 0, "%lu packets, %lu errors",
	      queue.stats.packets, queue.stats.errors);
	CHECK(rte_mempool_avail_count(pool) == free_mbufs, "mbufs lost");
	close_tap();
}

/* What tx_prepare has to say, and that a packet it refuses is not sent as something else. */
static void
prepare(const void *arg)
{
	static const struct {
		const char *what;
		uint64_t flags;
		uint16_t segsz;
		uint8_t l3_len;
		uint8_t l4_len;
		bool udp_gso;
		int error;
	} cases[] = {
		{ "as it should be", RTE_MBUF_F_TX_TCP_SEG, 500, 20, 20, true, 0 },
		{ "no size", RTE_MBUF_F_TX_TCP_SEG, 0, 20, 20, true, EINVAL },
		{ "short TCP header", RTE_MBUF_F_TX_TCP_SEG, 500, 20, 19, true, EINVAL },
		{ "short IP header", RTE_MBUF_F_TX_TCP_SEG, 500, 19, 20, true, EINVAL },
		{ "header beyond the end", RTE_MBUF_F_TX_TCP_SEG, 500, 255, 255, true, EINVAL },
		{ "UDP", RTE_MBUF_F_TX_UDP_SEG, 500, 20, 8, true, 0 },
		{ "short UDP header", RTE_MBUF_F_TX_UDP_SEG, 500, 20, 7, true, EINVAL },
		{ "UDP on an old kernel", RTE_MBUF_F_TX_UDP_SEG, 500, 20, 8, false, ENOTSUP },
		{ "GRE", RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TUNNEL_GRE, 500, 20, 20, true,
		  ENOTSUP },
		{ "tag", RTE_MBUF_F_TX_VLAN, 0, 20, 20, true, ENOTSUP },
		{ "SCTP", RTE_MBUF_F_TX_SCTP_CKSUM, 0, 20, 20, true, ENOTSUP },
	};
	struct rte_mbuf *pkts[2];
	unsigned int i;

	(void)arg;
	open_tap(1 << 20);
	for (i = 0; i < RTE_DIM(cases); i++) {
		items[0].len = build(items[0].frame, true, true, 0, 0, 1400);
		wrap(&items[0], PLAIN, items[0].frame);
		pkts[0] = rte_pktmbuf_clone(items[0].m, pool);
		pkts[1] = items[0].m;
		pkts[1]->l2_len = l3_off;
		pkts[1]->l3_len = cases[i].l3_len;
		pkts[1]->l4_len = cases[i].l4_len;
		pkts[1]->tso_segsz = cases[i].segsz;
		pkts[1]->ol_flags = cases[i].flags | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
		port.udp_gso = cases[i].udp_gso;
		rte_errno = 0;
		CHECK(tap_tx_prepare(&queue, pkts, 2) == (cases[i].error == 0 ? 2 : 1),
		      "%s: wrong count", cases[i].what);
		CHECK(rte_errno == cases[i].error, "%s: error %d instead of %d", cases[i].what,
		      rte_errno, cases[i].error);
		CHECK(!changed(&items[0], items[0].m), "%s: written to", cases[i].what);
		if (cases[i].error == EINVAL) {
			CHECK(tap_tx_burst(&queue, &pkts[1], 1) == 1 && queue.stats.errors == 1,
			      "%s: %lu errors", cases[i].what, queue.stats.errors);
			CHECK(read(tap, message, sizeof(message)) < 0, "%s: sent", cases[i].what);
			queue.stats.errors = 0;
		} else {
			rte_pktmbuf_free(pkts[1]);
		}
		rte_pktmbuf_free(pkts[0]);
	}
	port.udp_gso = true;
	close_tap();
}

int
main(void)
{
	static const bool on = true, off = false;
	static const char *const kinds[] = { "net_tap", "net_tun" };
	unsigned int i;
	char *argv[] = { (char[]){ "test_transmit" }, (char[]){ "--no-huge" },   (char[]){ "-m64" },
			 (char[]){ "--no-pci" },      (char[]){ "--no-shconf" }, NULL };

	signal(SIGPIPE, SIG_IGN);
	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0)
		return EXIT_FAILURE;
	pool = rte_pktmbuf_pool_create("test", POOL, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (pool == NULL)
		return EXIT_FAILURE;
	for (i = 0; i < RTE_DIM(kinds); i++) {
		port.udp_gso = true;
		l3_off = i == 0 ? RTE_ETHER_HDR_LEN : 0;
		test_run(kinds[i], "mbufs of every kind, joined", every_kind, &on);
		test_run(kinds[i], "mbufs of every kind, one by one", every_kind, &off);
		test_run(kinds[i], "a kernel without super-frames", no_super_frames, NULL);
		test_run(kinds[i], "a kernel that refuses", refused, NULL);
		test_run(kinds[i], "segmentation of chains", tso, NULL);
		test_run(kinds[i], "tx_prepare", prepare, NULL);
	}
	return test_summary();
}
