/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <net/if.h>
#include <sys/socket.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_thash.h>
#include <rte_udp.h>

#include "kit.h"
#include "patience.h"

#define N_FLOWS 24
/* UDP ports of the flows: this and the following. */
#define FIRST_PORT 4000
#define MAGIC 0x6661756c
/* How long packets may be under way. */
#define PATIENCE_MS 1000
/* Packets of the port that a fault may cost. */
#define TRIES 3

struct frame {
	struct rte_ether_hdr eth;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
	rte_be32_t magic;
	rte_be32_t number; /* of the flow, or of the queue that sends */
	uint8_t rest[10];
} __attribute__((packed, aligned(2)));

struct flow {
	struct frame frame;
	uint32_t hash;
	unsigned int received;
};

/* The part of a frame that passes the port. */
static uint8_t *
packet_of(const struct kit_port *port, struct frame *f)
{
	return (uint8_t *)f + (port->want->tun ? sizeof(f->eth) : 0);
}

static uint16_t
packet_len(const struct kit_port *port)
{
	return sizeof(struct frame) - (port->want->tun ? sizeof(struct rte_ether_hdr) : 0);
}

static void
make_frame(struct frame *f, uint32_t number)
{
	memset(f, 0, sizeof(*f));
	f->eth.src_addr.addr_bytes[0] = 2;
	f->eth.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	f->ip.version_ihl = RTE_IPV4_VHL_DEF;
	f->ip.total_length = rte_cpu_to_be_16(sizeof(*f) - sizeof(f->eth));
	f->ip.time_to_live = 64;
	f->ip.next_proto_id = IPPROTO_UDP;
	f->ip.src_addr = rte_cpu_to_be_32(RTE_IPV4(10, 1, 0, 1) + number);
	f->ip.dst_addr = rte_cpu_to_be_32(RTE_IPV4(10, 2, 0, 1));
	f->ip.hdr_checksum = rte_ipv4_cksum(&f->ip);
	f->udp.src_port = rte_cpu_to_be_16(9);
	f->udp.dst_port = rte_cpu_to_be_16((uint16_t)(FIRST_PORT + number));
	f->udp.dgram_len = rte_cpu_to_be_16(sizeof(*f) - sizeof(f->eth) - sizeof(f->ip));
	f->magic = rte_cpu_to_be_32(MAGIC);
	f->number = rte_cpu_to_be_32(number);
}

/* DPDK's own software Toeplitz says what the hash has to be. */
static uint32_t
predict_hash(const struct frame *f, const uint8_t *key)
{
	union rte_thash_tuple tuple = { .v4 = {
						.src_addr = rte_be_to_cpu_32(f->ip.src_addr),
						.dst_addr = rte_be_to_cpu_32(f->ip.dst_addr),
						.dport = rte_be_to_cpu_16(f->udp.dst_port),
						.sport = rte_be_to_cpu_16(f->udp.src_port),
					} };

	return rte_softrss((uint32_t *)&tuple, RTE_THASH_V4_L4_LEN, key);
}

static bool
is_dropped(const struct kit_port *port, unsigned int flow)
{
	return port->drop_port != 0 && port->drop_port == FIRST_PORT + flow;
}

static bool
right_queue(const struct kit_port *port, unsigned int flow, uint32_t hash, uint16_t queue)
{
	if (port->queue_port == FIRST_PORT + flow)
		return queue == port->rule_queue;
	return port->want->no_rss || queue == port->reta[hash % KIT_RETA];
}

/* What the kernel's side of the port sends and receives by. */
static int
open_socket(struct kit_port *port)
{
	const char *name = strstr(port->want->devargs, "remote=") != NULL ? KIT_PEER : KIT_IFACE;
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int sock = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	address.sll_ifindex = (int)if_nametoindex(name);
	if (sock >= 0 && address.sll_ifindex != 0 &&
	    bind(sock, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return sock;
	kit_complain(port, "no packet socket on %s: %s", name, strerror(errno));
	if (sock >= 0)
		close(sock);
	return -1;
}

static void
check_received(struct kit_port *port, struct flow *flows, const struct rte_mbuf *m, uint16_t queue)
{
	uint16_t len = packet_len(port);
	struct frame f;
	unsigned int i;

	if (rte_pktmbuf_data_len(m) < len)
		return;
	memcpy(packet_of(port, &f), rte_pktmbuf_mtod(m, const void *), len);
	if (f.magic != rte_cpu_to_be_32(MAGIC))
		return;
	i = rte_be_to_cpu_32(f.number);
	if (i >= N_FLOWS ||
	    memcmp(packet_of(port, &f), packet_of(port, &flows[i].frame), len) != 0) {
		kit_complain(port, "queue %u has a packet that was not sent so", queue);
		return;
	}
	flows[i].received++;
	if (!right_queue(port, i, flows[i].hash, queue))
		kit_complain(port, "flow %u came by queue %u, with hash 0x%08" PRIx32, i, queue,
			     flows[i].hash);
	if (!port->want->no_rss &&
	    (!(m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) || m->hash.rss != flows[i].hash))
		kit_complain(port, "flow %u has hash 0x%08x, expected 0x%08" PRIx32, i, m->hash.rss,
			     flows[i].hash);
}

static void
poll_queues(struct kit_port *port, struct flow *flows)
{
	struct rte_mbuf *pkts[32];
	uint16_t n, i, queue;

	for (queue = 0; queue < port->queues; queue++) {
		fault_enter();
		n = rte_eth_rx_burst(port->id, queue, pkts, RTE_DIM(pkts));
		fault_leave();
		for (i = 0; i < n; i++)
			check_received(port, flows, pkts[i], queue);
		rte_pktmbuf_free_bulk(pkts, n);
	}
}

static unsigned int
count_missing(const struct kit_port *port, const struct flow *flows)
{
	unsigned int missing = 0;
	unsigned int i;

	for (i = 0; i < N_FLOWS; i++)
		missing += !is_dropped(port, i) && flows[i].received == 0;
	return missing;
}

static void
receive(struct kit_port *port, int sock)
{
	struct flow flows[N_FLOWS] = { 0 };
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 1000 * test_patience(PATIENCE_MS);
	unsigned int i;

	for (i = 0; i < N_FLOWS; i++) {
		make_frame(&flows[i].frame, i);
		rte_eth_macaddr_get(port->id, &flows[i].frame.eth.dst_addr);
		flows[i].hash = predict_hash(&flows[i].frame, port->key);
		if (send(sock, packet_of(port, &flows[i].frame), packet_len(port), 0) < 0)
			kit_complain(port, "cannot send flow %u: %s", i, strerror(errno));
	}
	while (count_missing(port, flows) != 0 && rte_rdtsc() < end)
		poll_queues(port, flows);
	/* What must not come has had its time, too. */
	poll_queues(port, flows);
	for (i = 0; i < N_FLOWS; i++)
		if (flows[i].received != !is_dropped(port, i))
			kit_complain(port, "flow %u was received %u times", i, flows[i].received);
}

static bool
came_out(const struct kit_port *port, int sock, uint32_t number)
{
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 1000 * test_patience(PATIENCE_MS) / TRIES;
	struct frame f;

	while (rte_rdtsc() < end)
		if (recv(sock, packet_of(port, &f), packet_len(port), 0) == packet_len(port) &&
		    f.magic == rte_cpu_to_be_32(MAGIC) && f.number == rte_cpu_to_be_32(number))
			return true;
	return false;
}

static bool
send_one(struct kit_port *port, uint16_t queue, int sock)
{
	uint32_t number = N_FLOWS + queue;
	struct rte_mbuf *m = rte_pktmbuf_alloc(kit_pool());
	uint16_t len = packet_len(port);
	struct frame f;
	uint16_t sent;

	make_frame(&f, number);
	memset(&f.eth.dst_addr, 0xff, sizeof(f.eth.dst_addr));
	memcpy(rte_pktmbuf_append(m, len), packet_of(port, &f), len);
	fault_enter();
	sent = rte_eth_tx_burst(port->id, queue, &m, 1);
	fault_leave();
	if (sent == 0)
		rte_pktmbuf_free(m);
	return sent == 1 && came_out(port, sock, number);
}

bool
kit_traffic(struct kit_port *port)
{
	uint16_t queue;
	int sock = open_socket(port);

	if (sock < 0)
		return false;
	receive(port, sock);
	for (queue = 0; queue < port->queues; queue++) {
		unsigned int before;
		bool sent;

		/* The packet that met the fault may be lost. */
		do {
			before = fault_struck();
			sent = send_one(port, queue, sock);
		} while (!sent && fault_struck() != before);
		if (!sent)
			kit_complain(port, "a packet from queue %u did not come out", queue);
	}
	close(sock);
	return !port->failed;
}
