/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <stdatomic.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "change.h"
#include "frames.h"
#include "pollers.h"

#define BURST 32
#define TRAIN 16
/* Bytes that hold all headers: where a packet is in several mbufs, the first has them. */
#define HEADERS 100

static struct poller {
	uint16_t first, end; /* its queues */
	uint64_t seed;
	struct soak_train train;
	struct soak_frame frame;
	atomic_ullong got;
} pollers[SOAK_POLLERS];

static uint16_t port;
static struct rte_mempool *pool;
static struct book *in, *out;
static atomic_bool stop_sending, stop;

static void
take(struct poller *poller, uint16_t queue)
{
	struct rte_mbuf *m[BURST];
	uint16_t n = rte_eth_rx_burst(port, queue, m, BURST);
	uint16_t i;

	for (i = 0; i < n; i++) {
		uint8_t head[128];
		uint32_t len = RTE_MIN(m[i]->pkt_len, sizeof(head));

		if (soak_frame_numbers(rte_pktmbuf_read(m[i], 0, len, head), len, 0, book_note,
				       in) == 0)
			in->strays++;
	}
	rte_pktmbuf_free_bulk(m, n);
	poller->got += n;
}

/* What the kernel is asked for by a vnet header, in the application's words. */
static void
ask_offloads(struct rte_mbuf *m, const struct soak_frame *frame)
{
	if (frame->l4 == 0)
		return;
	m->l2_len = frame->l3;
	m->l3_len = frame->l4 - frame->l3;
	m->ol_flags |= (frame->v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4) |
		       (frame->tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
	if (frame->vnet.gso_size == 0)
		return;
	m->l4_len = frame->vnet.hdr_len - frame->l4;
	m->tso_segsz = frame->vnet.gso_size;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | (frame->v6 ? 0 : RTE_MBUF_F_TX_IP_CKSUM);
}

/* In as few mbufs as can be, or at times in one more. NULL: there are not so many. */
static struct rte_mbuf *
mbuf_of(const struct soak_frame *frame, uint64_t *seed)
{
	uint32_t part = soak_below(seed, 4) == 0 ? HEADERS + soak_below(seed, 64) : UINT32_MAX;
	struct rte_mbuf *head = NULL;
	uint32_t done = 0;

	while (done < frame->len) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		uint32_t len = RTE_MIN(frame->len - done, part);

		if (m == NULL || (head != NULL && rte_pktmbuf_chain(head, m) != 0)) {
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(head);
			return NULL;
		}
		head = head == NULL ? m : head;
		len = RTE_MIN(len, rte_pktmbuf_tailroom(m));
		memcpy(rte_pktmbuf_append(head, (uint16_t)len), frame->data + done, len);
		done += len;
		part = UINT32_MAX;
	}
	ask_offloads(head, frame);
	return head;
}

/* A burst of neighbours that can be joined, or of frames of all kinds. */
static void
give(struct poller *poller, uint16_t queue)
{
	int64_t number = book_take(out, TRAIN);
	bool train = soak_below(&poller->seed, 2) == 0;
	struct rte_mbuf *m[TRAIN];
	uint32_t marks[TRAIN];
	uint16_t n, sent;

	if (number < 0)
		return;
	for (n = 0; n < TRAIN; n++) {
		if (train)
			soak_frame_train(&poller->frame, (uint32_t)number + n, &poller->train,
					 &poller->seed);
		else
			soak_frame_make(&poller->frame, (uint32_t)number + n,
					RTE_ETHER_MTU + RTE_ETHER_HDR_LEN, &poller->seed);
		marks[n] = (uint32_t)(RTE_BIT64(poller->frame.marks) - 1);
		m[n] = mbuf_of(&poller->frame, &poller->seed);
		if (m[n] == NULL)
			break;
	}
	sent = rte_eth_tx_burst(port, queue, m, n);
	rte_pktmbuf_free_bulk(m + sent, n - sent);
	memcpy(out->sent + number, marks, sizeof(marks[0]) * sent);
	out->refused += TRAIN - sent;
}

static int
poll_queues(void *arg)
{
	struct poller *poller = arg;
	uint16_t q;

	while (!stop) {
		for (q = poller->first; q < poller->end; q++) {
			if (change_queue_open(SOAK_RX, q))
				take(poller, q);
			if (change_queue_open(SOAK_TX, q) && !stop_sending &&
			    soak_below(&poller->seed, 8) == 0)
				give(poller, q);
		}
	}
	return 0;
}

int
pollers_begin(unsigned int n, uint16_t id, struct rte_mempool *mbufs, struct book *to_port,
	      struct book *from_port)
{
	unsigned int i;
	int err = 0;

	port = id;
	pool = mbufs;
	in = to_port;
	out = from_port;
	for (i = 0; i < n && err == 0; i++) {
		pollers[i].first = (uint16_t)(i * SOAK_QUEUES / n);
		pollers[i].end = (uint16_t)((i + 1) * SOAK_QUEUES / n);
		pollers[i].seed = 100 + i;
		pollers[i].train.flow = i * SOAK_TRAIN_FLOWS;
		pollers[i].train.first = i * SOAK_TRAIN_FLOWS;
		err = rte_eal_remote_launch(poll_queues, &pollers[i], 1 + i);
	}
	return err;
}

uint64_t
pollers_count(void)
{
	uint64_t got = 0;
	unsigned int i;

	for (i = 0; i < SOAK_POLLERS; i++)
		got += pollers[i].got;
	return got;
}

void
pollers_end_sending(void)
{
	stop_sending = true;
}

void
pollers_end(void)
{
	stop = true;
	rte_eal_mp_wait_lcore();
}
