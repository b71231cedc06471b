/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * Fuzz target: frames to receive. The input: what the application asked for, maybe a flow rule,
 * then frames, each with any vnet header; the kernel's are a part of these. Sockets are in the
 * place of the tap's queues; their bells lie in memory that somebody else writes to.
 */

#include <sys/socket.h>

#include <rte_flow_driver.h>

#include "fuzz_port.h"
#include "tap_rx.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

#define MBUFS 1023
#define BURST 64
/* More than the segments of the longest super-frame, of one byte each. */
#define MAX_BURSTS 200000
#define FRAMES 8
#define LONGEST 65550

/* What the input's first bytes ask for. */
enum mode {
	MODE_HASH = 1 << 0,
	MODE_IP_CKSUM = 1 << 1,
	MODE_L4_CKSUM = 1 << 2,
	MODE_L4_PARTIAL = 1 << 3,
	MODE_GSO = 1 << 4,
	MODE_LRO = 1 << 5,
	MODE_APPLY = 1 << 6,
	MODE_DESCRIBE = 1 << 7,
	MODE_SMALL = 1 << 8, /* mbufs that most frames take several of */
	MODE_SOFT = 1 << 9,
	MODE_PROMISCUOUS = 1 << 10,
	MODE_DOORBELL = 1 << 11,
	MODE_RULE = 1 << 12,
	MODE_L3 = 1 << 13, /* a net_tun port */
};

/* Queues with large mbufs, and with small ones. */
static void *queues[2][FUZZ_QUEUES];
static struct rte_mempool *pools[2];
static int taps[FUZZ_QUEUES];
static uint8_t message[TAP_VNET_HDR_LEN + LONGEST];
static uint32_t delivered; /* bytes of packets */

static void
open_queues(void)
{
	const struct rte_eth_rxconf conf = { .rx_deferred_start = 0 };
	unsigned int i, k;
	int pair[2];

	fuzz_port_open(true);
	fuzz_dev_data.mtu = RTE_ETHER_MTU;
	fuzz_dev_data.dev_conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	fuzz_dev_data.mac_addrs = calloc(TAP_MAX_MACS, sizeof(struct rte_ether_addr));
	fuzz_port.filter.n_unicast = 1;
	tap_bells[0] = tap_bells[1] = fuzz_kernel_shared->bell;
	pools[0] = rte_pktmbuf_pool_create("large", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	pools[1] = rte_pktmbuf_pool_create("small", MBUFS, 0, 0, RTE_PKTMBUF_HEADROOM + 256, 0);
	for (i = 0; i < FUZZ_QUEUES; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) !=
		    0)
			abort();
		tap_fds[0][i] = tap_fds[1][i] = pair[0];
		taps[i] = pair[1];
	}
	for (k = 0; k < 2; k++)
		for (i = 0; i < FUZZ_QUEUES; i++) {
			/* Two ports, that rings have different names. */
			fuzz_dev_data.port_id = (uint16_t)k;
			fuzz_dev_data.rx_queues = queues[k];
			if (tap_rx_queue_setup(&fuzz_dev, (uint16_t)i, 64, 0, &conf, pools[k]) !=
				    0 ||
			    tap_rx_queue_stage(&fuzz_dev, queues[k][i]) != 0 ||
			    tap_soft_queue_setup(queues[k][i]) != 0 ||
			    tap_rx_queue_start(&fuzz_dev, (uint16_t)i) != 0)
				abort();
		}
	fuzz_dev_data.mac_addrs[0] = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, 1 } };
}

static void
set_mode(unsigned int mode)
{
	struct tap_rx_mode *m = &fuzz_port.rx_mode;
	unsigned int i;

	m->hash = mode & MODE_HASH;
	m->ip_cksum = mode & MODE_IP_CKSUM;
	m->l4_cksum = mode & MODE_L4_CKSUM;
	/* As the driver sets it: half a checksum only where it can be told. */
	m->l4_partial = m->l4_cksum && (mode & MODE_L4_PARTIAL);
	m->gso = mode & MODE_GSO;
	m->l3 = mode & MODE_L3;
	fuzz_port.args.l3 = m->l3;
	m->redistribute = mode & MODE_SOFT;
	m->rules = mode & MODE_APPLY    ? TAP_RX_RULES_APPLY :
		   mode & MODE_DESCRIBE ? TAP_RX_RULES_DESCRIBE :
					  TAP_RX_RULES_OFF;
	fuzz_port.filter.promiscuous = mode & (MODE_PROMISCUOUS | MODE_L3);
	fuzz_dev_data.rx_queues = queues[(mode & MODE_SMALL) != 0];
	for (i = 0; i < FUZZ_QUEUES; i++) {
		struct tap_rxq *q = fuzz_dev_data.rx_queues[i];

		q->max_lro = mode & MODE_LRO ? 40000 : 0;
		q->doorbell = mode & MODE_DOORBELL;
		q->state = TAP_RX_ARMED;
	}
}

/* What is behind a frame in the queue's memory, as long as no other one is there. */
static void
forbid(struct tap_rxq *q, uint32_t len, bool on)
{
	char *stage = q->stage + len;
	size_t left = len < TAP_STAGE_LEN ? TAP_STAGE_LEN - len : 0;

	/* Without AddressSanitizer both are nothing. NOLINTNEXTLINE(bugprone-branch-clone) */
	if (on)
		ASAN_POISON_MEMORY_REGION(stage, left);
	else
		ASAN_UNPOISON_MEMORY_REGION(stage, left);
}

static void
check_packet(struct rte_mbuf *m)
{
	const char *reason = NULL;
	const struct rte_mbuf *s;
	uint32_t sum = 0;
	unsigned int n = 0;

	FUZZ_CHECK(m != NULL && rte_mbuf_check(m, 1, &reason) == 0, "%s", reason);
	for (s = m; s != NULL; s = s->next) {
		FUZZ_CHECK(s->data_off + s->data_len <= s->buf_len, "segment %u", n);
		sum += s->data_len;
		n++;
	}
	FUZZ_CHECK(sum == m->pkt_len && n == m->nb_segs, "%u bytes, pkt_len %u, %u of %u segments",
		   sum, m->pkt_len, n, m->nb_segs);
	delivered += sum;
}

/* Until no queue has more; @return packets */
static unsigned int
receive(bool soft)
{
	struct rte_mbuf *pkts[BURST];
	unsigned int packets = 0;
	unsigned int idle = 0;
	unsigned int id = 0;
	uint16_t i, n;

	delivered = 0;
	/* Two rounds: what one queue hands over another one has in the next. */
	while (idle < 2 * FUZZ_QUEUES) {
		const struct tap_rxq *from = fuzz_dev_data.rx_queues[0];
		void *q = fuzz_dev_data.rx_queues[id++ % FUZZ_QUEUES];
		unsigned int room = 1 + id * 7 % BURST;

		n = soft ? tap_soft_rx_burst(q, pkts, (uint16_t)room) :
			   tap_rx_burst(q, pkts, (uint16_t)room);
		FUZZ_CHECK(n <= room, "%u packets", n);
		for (i = 0; i < n; i++)
			check_packet(pkts[i]);
		rte_pktmbuf_free_bulk(pkts, n);
		packets += n;
		/* A burst whose packets are all dropped is none in vain. */
		idle = n == 0 && from->staged == 0 ? idle + 1 : 0;
		FUZZ_CHECK(id < MAX_BURSTS, "no end of bursts");
	}
	return packets;
}

/* What arrived of one frame: nothing, all of it, or packets with its payload and headers each. */
static void
check_received(const struct tap_rxq *q, unsigned int packets, uint32_t len, bool cut)
{
	if (packets == 0)
		return;
	if (!cut)
		FUZZ_CHECK(packets == 1 && delivered == len, "%u packets, %u of %u bytes", packets,
			   delivered, len);
	else if (packets > 1 && q->stats.segments == packets)
		FUZZ_CHECK(delivered > len && (delivered - len) % (packets - 1) == 0 &&
				   (delivered - len) / (packets - 1) < len,
			   "%u packets, %u bytes out of %u", packets, delivered, len);
}

static void
run_frame(struct fuzz_input *in, unsigned int mode)
{
	struct tap_rxq *q = fuzz_dev_data.rx_queues[0];
	uint32_t given = fuzz_u8(in);
	uint32_t more = fuzz_u8(in);
	uint32_t len;
	size_t got;
	unsigned int packets;

	if (mode & MODE_DOORBELL)
		tap_bells[0][0].rung = fuzz_u8(in);
	fuzz_take(in, message, TAP_VNET_HDR_LEN);
	got = fuzz_take(in, message + TAP_VNET_HDR_LEN, given);
	len = (uint32_t)got + (mode & MODE_GSO ? more * 255 : more * 6);
	if (len == 0)
		return;
	memset(message + TAP_VNET_HDR_LEN + got, 0xa5, len - got);
	if (send(taps[0], message, TAP_VNET_HDR_LEN + len, 0) < 0)
		abort();
	memset(&q->stats, 0, sizeof(q->stats));
	q->state = TAP_RX_ARMED;
	forbid(q, len, true);
	packets = receive(mode & MODE_SOFT);
	forbid(q, len, false);
	check_received(q, packets, len, q->stats.cut != 0);
	FUZZ_CHECK(q->staged == 0 && !tap_cut_pending(&q->cut), "something is left");
}

static void
check_pool(void)
{
	const struct rte_mempool *pool = ((struct tap_rxq *)fuzz_dev_data.rx_queues[0])->pool;
	unsigned int have = rte_mempool_avail_count(pool);
	unsigned int i;

	for (i = 0; i < FUZZ_QUEUES; i++)
		have += ((struct tap_rxq *)fuzz_dev_data.rx_queues[i])->n_stash;
	FUZZ_CHECK(have == MBUFS, "%u of %d mbufs", have, MBUFS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct rte_flow *flow = NULL;
	struct rte_flow_error error;
	struct fuzz_rule rule;
	unsigned int mode, i;

	if (pools[0] == NULL)
		open_queues();
	mode = fuzz_u16(&in);
	set_mode(mode);
	if (mode & MODE_RULE) {
		fuzz_rule_read(&in, &rule, NULL);
		flow = fuzz_flow_ops->create(&fuzz_dev, &rule.attr, rule.items, rule.actions,
					     &error);
		fuzz_rule_free(&rule);
	}
	for (i = 0; i < FRAMES && in.left != 0; i++)
		run_frame(&in, mode);
	check_pool();
	if (flow != NULL)
		fuzz_flow_ops->destroy(&fuzz_dev, flow, &error);
	return 0;
}
