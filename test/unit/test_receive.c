/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
/*
 * The receive burst on frames that no kernel gives at will, with a socket in the place of the tap:
 * checksums that lie across mbufs, super-frames that the pool has no mbufs for, and addresses that
 * are let in while a super-frame is being cut.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "patience.h"
#include "runner.h"
#include "tap_rx.h"

#define L3 RTE_ETHER_HDR_LEN
#define BURST 32
#define MSS 500

static struct tap_port port;
static struct rte_eth_dev_data data = { .dev_private = &port, .name = "test" };
static struct rte_eth_dev dev = { .data = &data };
static struct tap_rxq *queue;
static void *queues[1];
static struct rte_ether_addr mac = { { 2, 0, 0, 0, 0, 1 } };
static int tap; /* the other end of the queue's fd */
static uint8_t message[TAP_VNET_HDR_LEN + 65536];
static uint8_t *const frame = message + TAP_VNET_HDR_LEN;

/* A queue whose mbufs have @p room bytes for a frame, out of @p n. */
static struct rte_mempool *
open_queue(unsigned int n, uint16_t room, uint64_t offloads)
{
	static struct tap_bell bell;
	const struct rte_eth_rxconf conf = { .rx_deferred_start = 0 };
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create("receive", n, 0, 0, RTE_PKTMBUF_HEADROOM + room, 0);
	int fds[2];

	if (pool == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds) != 0) {
		perror("mbufs, or a socket");
		exit(EXIT_FAILURE);
	}
	memset(&port, 0, sizeof(port));
	port.data = &data;
	port.filter.n_unicast = 1;
	tap_fds[0][0] = fds[0];
	tap_bells[0] = &bell;
	tap = fds[1];
	data.mtu = RTE_ETHER_MTU;
	data.nb_rx_queues = 1;
	data.rx_queues = queues;
	data.mac_addrs = &mac;
	data.dev_conf.rxmode.offloads = offloads | RTE_ETH_RX_OFFLOAD_SCATTER;
	data.dev_conf.rxmode.max_lro_pkt_size = TAP_MAX_MTU;
	port.rx_mode.gso = true;
	port.rx_mode.l4_cksum = port.rx_mode.l4_partial = offloads & RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	if (tap_rx_queue_setup(&dev, 0, 64, 0, &conf, pool) != 0 ||
	    tap_rx_queue_stage(&dev, queues[0]) != 0 || tap_rx_queue_start(&dev, 0) != 0) {
		printf("no queue\n");
		exit(EXIT_FAILURE);
	}
	queue = queues[0];
	return pool;
}

static void
close_queue(struct rte_mempool *pool)
{
	tap_rx_queue_release(&dev, 0);
	CHECK(rte_mempool_in_use_count(pool) == 0, "%u mbufs lost", rte_mempool_in_use_count(pool));
	rte_mempool_free(pool);
	close(tap_fds[0][0]);
	close(tap);
}

static void
put_message(const struct virtio_net_hdr *vnet, uint32_t len)
{
	memcpy(message, vnet, sizeof(*vnet));
	CHECK(write(tap, message, TAP_VNET_HDR_LEN + len) == (ssize_t)(TAP_VNET_HDR_LEN + len),
	      "not written");
}

/* IPv6 and TCP, of so many segments, behind @p extension bytes of a header in between. */
static void
put_super_frame(uint8_t to, uint32_t extension, uint32_t segments)
{
	uint32_t l4 = L3 + sizeof(struct rte_ipv6_hdr) + extension;
	uint32_t payload = segments * MSS;
	const struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
		.hdr_len = (uint16_t)(l4 + sizeof(struct rte_tcp_hdr)),
		.gso_size = MSS,
		.csum_start = (uint16_t)l4,
		.csum_offset = offsetof(struct rte_tcp_hdr, cksum),
	};
	struct rte_ipv6_hdr *ip = (void *)(frame + L3);
	struct rte_tcp_hdr *tcp = (void *)(frame + l4);

	memset(frame, 0, l4 + sizeof(*tcp) + payload);
	memcpy(frame, &mac, sizeof(mac));
	frame[0] = to;
	memcpy(frame + 12, "\x86\xdd", 2);
	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(extension + sizeof(*tcp) + payload));
	ip->proto = extension != 0 ? IPPROTO_DSTOPTS : IPPROTO_TCP;
	if (extension != 0)
		memcpy(ip + 1, "\x06\x00\x01\x04", 4); /* TCP is next; four bytes of padding */
	tcp->data_off = sizeof(*tcp) / 4 << 4;
	put_message(&vnet, l4 + (uint32_t)sizeof(*tcp) + payload);
}

/* Of a tunnel's inner packet, whose checksum no flag can leave to the application. */
static void
checksum_across_mbufs(const void *arg)
{
	const uint32_t inner =
		L3 + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr) + 8 + L3;
	const uint32_t l4 = inner + sizeof(struct rte_ipv4_hdr);
	const uint32_t field = l4 + offsetof(struct rte_tcp_hdr, cksum);
	const uint32_t len = l4 + sizeof(struct rte_tcp_hdr) + 40;
	const struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = (uint16_t)l4,
		.csum_offset = offsetof(struct rte_tcp_hdr, cksum),
	};
	struct rte_ipv4_hdr *outer = (void *)(frame + L3);
	struct rte_ipv4_hdr *ip = (void *)(frame + inner);
	uint8_t got[256];
	struct rte_mempool *pool;
	struct rte_mbuf *m;
	uint16_t sum;

	(void)arg;
	/* The first mbuf ends between the two bytes. */
	pool = open_queue(255, (uint16_t)(field + 1),
			  RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
	memset(frame, 0, len);
	memcpy(frame, &mac, sizeof(mac));
	frame[12] = 8;
	outer->version_ihl = RTE_IPV4_VHL_DEF;
	outer->total_length = rte_cpu_to_be_16((uint16_t)(len - L3));
	outer->next_proto_id = IPPROTO_UDP;
	memcpy(frame + L3 + sizeof(*outer) + 2, "\x12\xb5", 2); /* VXLAN */
	frame[inner - 2] = 8;
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(len - inner));
	ip->next_proto_id = IPPROTO_TCP;
	frame[l4 + 12] = 5 << 4;
	memset(frame + l4 + sizeof(struct rte_tcp_hdr), 0x37, 40);
	sum = rte_ipv4_phdr_cksum(ip, 0);
	memcpy(frame + field, &sum, sizeof(sum));
	put_message(&vnet, len);
	CHECK(tap_rx_burst(queue, &m, 1) == 1, "no packet");
	CHECK(m->nb_segs == 2 && m->data_len == field + 1, "%u segments, %u bytes in the first",
	      m->nb_segs, m->data_len);
	memcpy(got, rte_pktmbuf_read(m, 0, len, got), len);
	/* Read to a copy already, as it is in two segments. */
	CHECK(rte_ipv4_udptcp_cksum_verify((void *)(got + inner), got + l4) == 0,
	      "checksum %02x%02x", got[field], got[field + 1]);
	rte_pktmbuf_free(m);
	close_queue(pool);
}

/* Over mbufs of odd lengths, right and wrong, IPv4 and UDP. */
static void
verified_across_mbufs(const void *arg)
{
	const uint32_t l4 = L3 + sizeof(struct rte_ipv4_hdr);
	const struct virtio_net_hdr vnet = { .flags = 0 };
	struct rte_ipv4_hdr *ip = (void *)(frame + L3);
	struct rte_udp_hdr *udp = (void *)(frame + l4);
	struct rte_mempool *pool =
		open_queue(255, 101, RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
	struct rte_mbuf *m;
	uint32_t len, wrong;

	(void)arg;
	for (len = l4 + sizeof(*udp) + 1; len < 700; len += 7) {
		memset(frame, 0xf7, len + 20); /* some of it behind the packet */
		memcpy(frame, &mac, sizeof(mac));
		memcpy(frame + 12, "\x08\x00", 2);
		memset(ip, 0, sizeof(*ip));
		ip->version_ihl = RTE_IPV4_VHL_DEF;
		ip->total_length = rte_cpu_to_be_16((uint16_t)(len - L3));
		ip->next_proto_id = IPPROTO_UDP;
		udp->dgram_cksum = 0;
		udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
		for (wrong = 0; wrong < 2; wrong++) {
			frame[len - 1] ^= (uint8_t)wrong;
			put_message(&vnet, len + 20 * (len & 1));
			CHECK(tap_rx_burst(queue, &m, 1) == 1, "no packet");
			CHECK((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) ==
				      (wrong ? RTE_MBUF_F_RX_L4_CKSUM_BAD :
					       RTE_MBUF_F_RX_L4_CKSUM_GOOD),
			      "%u bytes, %u segments: flags %lx", len, m->nb_segs, m->ol_flags);
			rte_pktmbuf_free(m);
		}
	}
	close_queue(pool);
}

/* What can be neither stored nor cut is an error, and what is behind it arrives. */
static void
super_frame_without_mbufs(const void *arg)
{
	struct rte_mempool *pool = open_queue(16, 1600, RTE_ETH_RX_OFFLOAD_TCP_LRO);
	struct rte_mbuf *m;
	unsigned int n, i;

	(void)arg;
	put_super_frame(2, 8, 100);
	put_super_frame(2, 0, 1);
	for (n = i = 0; n == 0 && i < 10; i++)
		n = tap_rx_burst(queue, &m, 1);
	CHECK(queue->stats.errors == 1, "%lu errors", queue->stats.errors);
	CHECK(n == 1, "the queue is held up");
	rte_pktmbuf_free_bulk(&m, n);
	close_queue(pool);
}

/* Each packet is described by its own headers, though those of the first were not looked at. */
static void
address_let_in_amid_a_super_frame(const void *arg)
{
	struct rte_mempool *pool = open_queue(255, 2048, 0);
	struct tap_verdict verdict = { .hashed = 0 };
	struct tap_rx_frame frames[BURST];
	struct tap_rx_look look;
	uint16_t n, i;

	(void)arg;
	put_super_frame(4, 0, 3);
	n = tap_rx_gather(queue, frames, BURST);
	CHECK(n == 3, "%u segments", n);
	tap_rx_look_begin(queue, false, &look);
	for (i = 0; i < n; i++) {
		bool in = tap_rx_finish(queue, &frames[i], &look, &verdict);

		CHECK(in == (i != 0), "segment %u", i);
		if (in) {
			CHECK((frames[i].m->packet_type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP,
			      "segment %u is of type %x", i, frames[i].m->packet_type);
			rte_pktmbuf_free(frames[i].m);
		}
		port.filter.promiscuous = true;
	}
	tap_rx_look_end(queue, &look);
	close_queue(pool);
}

/* A secondary process was killed in a burst: its lock is taken from it after a second. */
static void
lock_of_a_killed_process(const void *arg)
{
	struct rte_mempool *pool = open_queue(255, 2048, 0);
	uint64_t begin = rte_rdtsc();
	double took;

	(void)arg;
	port.policy.mortal = true;
	rte_spinlock_lock(&queue->lock);
	CHECK(tap_rx_queue_stop(&dev, 0) == 0, "not stopped");
	took = (double)(rte_rdtsc() - begin) / (double)rte_get_tsc_hz();
	CHECK(took >= 0.99 && took < test_patience(2), "waited for %.3f s", took);
	CHECK(rte_spinlock_trylock(&queue->lock) == 1, "it is held");
	rte_spinlock_unlock(&queue->lock);
	CHECK(tap_rx_queue_start(&dev, 0) == 0, "not started");
	close_queue(pool);
}

int
main(void)
{
	char *argv[] = { (char[]){ "test_receive" }, (char[]){ "--no-huge" },   (char[]){ "-m64" },
			 (char[]){ "--no-pci" },     (char[]){ "--no-shconf" }, NULL };

	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0)
		return EXIT_FAILURE;
	test_run("receive", "checksum across mbufs", checksum_across_mbufs, NULL);
	test_run("receive", "checksums verified across mbufs", verified_across_mbufs, NULL);
	test_run("receive", "super-frame without mbufs", super_frame_without_mbufs, NULL);
	test_run("receive", "address let in amid a super-frame", address_let_in_amid_a_super_frame,
		 NULL);
	test_run("receive", "lock of a killed process", lock_of_a_killed_process, NULL);
	return test_summary();
}
