/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
/*
 * Super-frames: what is cut must be what a plain reference makes of them, and what is joined
 * must, cut again, be the very packets that were joined, whatever these are.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include "runner.h"
#include "tap_cksum.h"
#include "tap_cut.h"
#include "tap_join.h"

#define ROOM 65600
#define ROUNDS 1500

/* A super-frame and what describes it. */
struct super {
	uint8_t frame[ROOM];
	uint32_t len;
	uint32_t l3; /* where headers start */
	uint32_t l4;
	uint32_t payload;
	uint16_t mss;
	bool ipv4;
	bool tcp;
	struct virtio_net_hdr vnet;
};

static struct super super;
static uint8_t segments[TAP_JOIN_MAX + 1][ROOM / 8];
static uint32_t lengths[TAP_JOIN_MAX + 1];
static uint32_t in_place; /* super-frames of which not all was copied */

/* The same numbers in each run. */
static uint32_t
any(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33);
}

static uint32_t
below(uint32_t n)
{
	return any() % n;
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t
get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t
get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* The checksum as the RFC has it, byte by byte. */
static uint32_t
plain_sum(const uint8_t *p, uint32_t n, uint32_t sum)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t
plain_pseudo(const uint8_t *ip, bool ipv4, uint32_t proto, uint32_t len)
{
	return ipv4 ? plain_sum(ip + 12, 8, proto + len) : plain_sum(ip + 8, 32, proto + len);
}

/* Fill in the checksums of a packet whose headers are where those of @p s are. */
static void
plain_finish(const struct super *s, uint8_t *frame, uint32_t len)
{
	uint8_t *ip = frame + s->l3;
	uint8_t *l4 = frame + s->l4;
	uint8_t *field = l4 + (s->tcp ? 16 : 6);
	uint32_t sum;

	if (s->ipv4) {
		put16(ip + 10, 0);
		put16(ip + 10, ~plain_sum(ip, (ip[0] & 15) * 4, 0) & 0xffff);
	}
	put16(field, 0);
	sum = plain_pseudo(ip, s->ipv4, s->tcp ? 6 : 17, len - s->l4);
	sum = ~plain_sum(l4, len - s->l4, sum) & 0xffff;
	put16(field, sum == 0 && !s->tcp ? 0xffff : sum);
}

/* What an offload finds in place of the checksum of the upper layer. */
static void
plain_leave(const struct super *s, uint8_t *frame, uint32_t len)
{
	put16(frame + s->l4 + (s->tcp ? 16 : 6),
	      plain_pseudo(frame + s->l3, s->ipv4, s->tcp ? 6 : 17, len - s->l4));
}

static void
make_ip(struct super *s, uint32_t options)
{
	uint8_t *ip = s->frame + s->l3;
	uint32_t proto = s->tcp ? 6 : 17;

	if (s->ipv4) {
		ip[0] = (uint8_t)(0x45 + options);
		put16(ip + 2, s->len - s->l3);
		put16(ip + 6, 0x4000);
		ip[9] = (uint8_t)proto;
		put16(ip + 10, 0);
		put16(ip + 10, ~plain_sum(ip, (ip[0] & 15) * 4, 0) & 0xffff);
	} else {
		ip[0] = 0x60 | (ip[0] & 15);
		put16(ip + 4, s->len - s->l3 - 40);
		ip[6] = (uint8_t)proto;
	}
}

/* A super-frame of @p n segments at random; @p plain: one that tap_join() could make. */
static void
make_super(struct super *s, uint32_t n, bool plain)
{
	uint32_t tags = below(3);
	uint32_t options = plain ? 0 : below(3);
	uint32_t i;
	uint8_t *l4;

	s->ipv4 = below(2);
	s->tcp = below(3) != 0;
	/* Payloads that are joined by copy, and such that are not. */
	s->mss = (uint16_t)(1 + below(plain && below(3) == 0 ? RTE_MIN(5000u, 64000 / n) : 1448));
	for (i = 0; i < 200; i++)
		s->frame[i] = (uint8_t)any();
	for (i = 0; i < tags; i++)
		put16(s->frame + 12 + 4 * i, i == 0 && below(2) ? 0x88a8 : 0x8100);
	put16(s->frame + 12 + 4 * tags, s->ipv4 ? 0x0800 : 0x86dd);
	s->l3 = 14 + 4 * tags;
	s->l4 = s->l3 + (s->ipv4 ? 20 + 4 * options : 40);
	l4 = s->frame + s->l4;
	l4[12] = (uint8_t)((5 + below(11)) << 4);
	s->payload = s->l4 + (s->tcp ? (l4[12] >> 4) * 4u : 8);
	s->len = s->payload + (n - 1) * s->mss + 1 + below(s->mss);
	for (i = s->payload; i < s->len; i++)
		s->frame[i] = (uint8_t)any();
	if (s->tcp)
		l4[13] = plain ? 0x10 | (below(2) ? 0x08 : 0) : (uint8_t)any();
	else
		put16(l4 + 4, s->len - s->l4);
	make_ip(s, options);
	plain_leave(s, s->frame, s->len);
	memset(&s->vnet, 0, sizeof(s->vnet));
	s->vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	s->vnet.gso_type = !s->tcp ? VIRTIO_NET_HDR_GSO_UDP_L4 :
			   s->ipv4 ? VIRTIO_NET_HDR_GSO_TCPV4 :
				     VIRTIO_NET_HDR_GSO_TCPV6;
	s->vnet.gso_size = s->mss;
	s->vnet.csum_start = (uint16_t)s->l4;
	s->vnet.csum_offset = s->tcp ? 16 : 6;
}

/* Lengths, identification and sequence number of packet @p i of a flow, @p step bytes after the last. */
static void
plain_number(const struct super *s, uint32_t i, uint32_t step, uint8_t *to, uint32_t len)
{
	uint8_t *ip = to + s->l3;
	uint8_t *l4 = to + s->l4;

	if (s->ipv4) {
		put16(ip + 2, len - s->l3);
		put16(ip + 4, get16(ip + 4) + i);
	} else {
		put16(ip + 4, len - s->l3 - 40);
	}
	if (s->tcp)
		put32(l4 + 4, get32(l4 + 4) + i * step);
	else
		put16(l4 + 4, len - s->l4);
}

/* Segment @p i of @p n by the plain reference. */
static uint32_t
plain_segment(const struct super *s, uint32_t i, uint32_t n, uint8_t *to)
{
	uint32_t at = s->payload + i * s->mss;
	uint32_t bytes = i == n - 1 ? s->len - at : s->mss;
	uint32_t len = s->payload + bytes;
	uint8_t *l4 = to + s->l4;

	memcpy(to, s->frame, s->payload);
	memcpy(to + s->payload, s->frame + at, bytes);
	plain_number(s, i, s->mss, to, len);
	if (s->tcp && i != 0)
		l4[13] &= 0x7f;
	if (s->tcp && i != n - 1)
		l4[13] &= 0xf6;
	plain_finish(s, to, len);
	return len;
}

static bool
same_bytes(const uint8_t *a, const uint8_t *b, uint32_t n, const char *what, uint32_t round)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (a[i] != b[i]) {
			printf("    round %u, %s: byte %u is 0x%02x, expected 0x%02x\n", round,
			       what, i, a[i], b[i]);
			return false;
		}
	return true;
}

static bool
test_cksum(void)
{
	static uint8_t data[4096], copy[4096];
	uint32_t i, n, off;
	uint16_t want, sum;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)any();
	for (i = 0; i < 20000; i++) {
		off = below(64);
		n = below(4000);
		want = rte_raw_cksum(data + off, n) % 0xffff;
		sum = tap_cksum_fold(tap_cksum_sum(data + off, n)) % 0xffff;
		if (sum != want ||
		    tap_cksum_fold(tap_cksum_copy(copy, data + off, n)) % 0xffff != want ||
		    memcmp(copy, data + off, n) != 0) {
			printf("    %u bytes at %u: 0x%04x, expected 0x%04x\n", n, off, sum, want);
			return false;
		}
	}
	memset(data, 0xff, sizeof(data));
	return tap_cksum_fold(tap_cksum_sum(data, sizeof(data))) == 0xffff;
}

/* TCP that was joined and verified elsewhere comes without half a checksum, and is cut as well. */
static void
forget_partial(struct super *s)
{
	if (!s->tcp || below(4) != 0 || (!s->ipv4 && s->l4 != s->l3 + 40))
		return;
	s->vnet.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	s->vnet.csum_start = 0;
	s->vnet.csum_offset = 0;
}

static bool
test_cut(void)
{
	static uint8_t got[ROOM], want[ROOM];
	struct tap_cut cut;
	uint32_t round, n, i, len;
	bool complete;

	for (round = 0; round < ROUNDS; round++) {
		n = 2 + below(40);
		complete = below(2);
		make_super(&super, n, false);
		forget_partial(&super);
		if (super.len > 65535 ||
		    !tap_cut_begin(&cut, super.frame, super.len, (uint16_t)super.l3, super.ipv4,
				   &super.vnet)) {
			if (super.len > 65535)
				continue;
			printf("    round %u: refused\n", round);
			return false;
		}
		for (i = 0; i < n; i++) {
			len = plain_segment(&super, i, n, want);
			if (!complete)
				plain_leave(&super, want, len);
			if (!tap_cut_pending(&cut) || tap_cut_len(&cut) != len)
				return false;
			tap_cut_next(&cut, got, complete);
			if (!same_bytes(got, want, len, "segment", round))
				return false;
		}
		if (tap_cut_pending(&cut))
			return false;
	}
	return true;
}

/* What contradicts itself is refused, and nothing beyond the frame is read. */
static bool
test_cut_lies(void)
{
	struct tap_cut cut;
	uint32_t round, i;
	uint8_t *frame, *out = malloc(2 * ROOM);
	bool ipv4;

	for (round = 0; round < ROUNDS; round++) {
		make_super(&super, 2, false);
		super.len = below(super.len + 1);
		frame = malloc(super.len + 1);
		memcpy(frame, super.frame, super.len);
		for (i = 0; i < 3; i++)
			((uint8_t *)&super.vnet)[below(sizeof(super.vnet))] = (uint8_t)any();
		ipv4 = below(2);
		if (tap_cut_begin(&cut, frame, super.len, (uint16_t)below(60), ipv4, &super.vnet))
			for (i = 0; tap_cut_pending(&cut) && i < 100000; i++)
				tap_cut_next(&cut, out, true);
		free(frame);
		if (i == 100000)
			return false;
	}
	free(out);
	return true;
}

/* Frame and vnet header must mean the same packet. */
static bool
test_cut_contradictions(void)
{
	static const struct {
		uint8_t gso_type;
		int16_t start;
		uint8_t flags;
	} wrong[] = {
		{ VIRTIO_NET_HDR_GSO_TCPV6, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM },
		{ VIRTIO_NET_HDR_GSO_UDP_L4, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM },
		{ VIRTIO_NET_HDR_GSO_UDP_L4, 0, 0 },
		{ VIRTIO_NET_HDR_GSO_TCPV4, 4, VIRTIO_NET_HDR_F_NEEDS_CSUM },
		{ VIRTIO_NET_HDR_GSO_TCPV4, -4, VIRTIO_NET_HDR_F_NEEDS_CSUM },
		{ VIRTIO_NET_HDR_GSO_NONE, 0, VIRTIO_NET_HDR_F_NEEDS_CSUM },
	};
	struct tap_cut cut;
	uint32_t i;

	do
		make_super(&super, 4, true);
	while (!super.tcp || !super.ipv4);
	for (i = 0; i < RTE_DIM(wrong); i++) {
		super.vnet.gso_type = wrong[i].gso_type;
		super.vnet.flags = wrong[i].flags;
		super.vnet.csum_start = (uint16_t)(super.l4 + wrong[i].start);
		if (tap_cut_begin(&cut, super.frame, super.len, (uint16_t)super.l3, true,
				  &super.vnet)) {
			printf("    contradiction %u is cut\n", i);
			return false;
		}
	}
	return true;
}

static void
as_mbuf(struct rte_mbuf *m, uint8_t *data, uint32_t len)
{
	memset(m, 0, sizeof(*m));
	m->buf_addr = data;
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	m->nb_segs = 1;
}

/* Leave the checksums of a packet to the driver. */
static void
leave_checksums(const struct super *s, struct rte_mbuf *m, bool l3)
{
	m->ol_flags = s->tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	m->ol_flags |= s->ipv4 ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM : RTE_MBUF_F_TX_IPV6;
	m->l2_len = l3 ? 0 : s->l3;
	m->l3_len = s->l4 - s->l3;
}

/* Spoil a packet: a bit anywhere, its length, or a whole checksum made right for other bytes. */
static void
spoil(const struct super *s, uint8_t *frame, uint32_t *len)
{
	uint32_t bit = below((below(3) != 0 ? s->payload : *len) * 8);

	frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
	if (below(2))
		plain_finish(s, frame, *len);
}

static uint32_t
flatten(const struct tap_join *join, uint8_t *to)
{
	uint32_t at = 0;
	uint32_t i;

	for (i = 0; i < join->n_iov; i++) {
		memcpy(to + at, join->iov[i].iov_base, join->iov[i].iov_len);
		at += (uint32_t)join->iov[i].iov_len;
	}
	return at - TAP_VNET_HDR_LEN;
}

/* Packets, a few of them spoiled: what is joined is the same packets again when it is cut. */
static bool
check_join(uint32_t round, uint32_t n, bool spoiled, uint32_t *joined)
{
	/* Sometimes without layer 2, as on net_tun. */
	const bool l3 = below(3) == 0;
	const uint32_t skip = l3 ? super.l3 : 0;
	static uint8_t stage[TAP_JOIN_STAGE], whole[TAP_JOIN_STAGE], got[ROOM];
	struct rte_mbuf mbufs[TAP_JOIN_MAX + 1], *pkts[TAP_JOIN_MAX + 1];
	struct virtio_net_hdr vnet;
	struct tap_join join = { .stage = stage };
	struct tap_join_view view;
	struct tap_cut cut;
	uint32_t i, len;

	for (i = 0; i < n; i++) {
		lengths[i] = plain_segment(&super, i, n, segments[i]);
		if (spoiled && below(n) == 0)
			spoil(&super, segments[i], &lengths[i]);
		as_mbuf(&mbufs[i], segments[i] + skip, lengths[i] - skip);
		if (!spoiled && below(3) != 0)
			leave_checksums(&super, &mbufs[i], l3);
		pkts[i] = &mbufs[i];
	}
	tap_join_look(&view, pkts, (uint16_t)n, true, l3);
	*joined = tap_join_pays(&view, 0) ? tap_join(&join, &view, 0) : 1;
	if (*joined < 2)
		return true;
	in_place += join.n_iov > 1;
	len = flatten(&join, whole);
	memcpy(&vnet, whole, sizeof(vnet));
	if (!tap_cut_begin(&cut, whole + TAP_VNET_HDR_LEN, len, (uint16_t)(super.l3 - skip),
			   super.ipv4, &vnet))
		return false;
	for (i = 0; i < *joined; i++) {
		if (!tap_cut_pending(&cut) || tap_cut_len(&cut) != lengths[i] - skip)
			return false;
		tap_cut_next(&cut, got, true);
		if (!same_bytes(got, segments[i] + skip, lengths[i] - skip, "joined packet", round))
			return false;
	}
	return !tap_cut_pending(&cut);
}

static bool
test_join(void)
{
	uint32_t round, n, joined;

	for (round = 0; round < ROUNDS; round++) {
		n = 2 + below(40);
		make_super(&super, n, true);
		if (super.len > 65535)
			continue;
		if (!check_join(round, n, false, &joined))
			return false;
		if (joined != n) {
			printf("    round %u: %u of %u packets joined\n", round, joined, n);
			return false;
		}
	}
	/* Else the test tests copies alone. */
	return in_place > ROUNDS / 50;
}

/* Packet @p i of a flow with the headers of @p s and @p bytes of payload each. @return its length */
static uint32_t
flow_packet(const struct super *s, uint32_t i, uint32_t bytes, uint8_t *to)
{
	uint32_t len = s->payload + bytes;

	memcpy(to, s->frame, s->payload);
	memset(to + s->payload, (int)i, bytes);
	plain_number(s, i, bytes, to, len);
	if (s->tcp)
		to[s->l4 + 13] = 0x10;
	plain_finish(s, to, len);
	return len;
}

/* As many packets as are looked at: joined are those that an IP packet holds, and TAP_JOIN_MAX. */
static bool
test_join_limits(void)
{
	struct rte_mbuf mbufs[TAP_JOIN_VIEW], *pkts[TAP_JOIN_VIEW];
	uint32_t round, i, n, bytes, want;
	struct tap_join_view view;
	struct tap_join join;
	bool flags;

	for (round = 0; round < ROUNDS; round++) {
		make_super(&super, 2, true);
		bytes = 900 + below(6000);
		flags = below(2);
		for (i = 0; i < TAP_JOIN_VIEW; i++) {
			as_mbuf(&mbufs[i], segments[i], flow_packet(&super, i, bytes, segments[i]));
			if (flags)
				leave_checksums(&super, &mbufs[i], false);
			pkts[i] = &mbufs[i];
		}
		/* Allocated, for sanitizers to see the end of it. */
		join.stage = malloc(TAP_JOIN_STAGE);
		if (join.stage == NULL)
			return false;
		tap_join_look(&view, pkts, TAP_JOIN_VIEW, true, false);
		n = tap_join(&join, &view, 0);
		want = RTE_MIN((65535 - (super.payload - super.l3)) / bytes,
			       (uint32_t)TAP_JOIN_MAX);
		if (n == want && tap_join_pays(&view, TAP_JOIN_VIEW - 2) &&
		    !tap_join_pays(&view, view.n - 1))
			n += tap_join(&join, &view, TAP_JOIN_VIEW - 2);
		free(join.stage);
		if (n != want + 2) {
			printf("    round %u: %u and not %u of %u bytes joined\n", round, n,
			       want + 2, bytes);
			return false;
		}
	}
	return true;
}

static bool
test_join_spoiled(void)
{
	uint32_t round, n, joined, all = 0, some = 0;

	for (round = 0; round < 10 * ROUNDS; round++) {
		n = 2 + below(10);
		make_super(&super, n, below(4) != 0);
		if (!check_join(round, n, true, &joined))
			return false;
		all += joined == n;
		some += joined > 1 && joined < n;
	}
	/* Both happen, or the test tests nothing. */
	return all > ROUNDS && some > ROUNDS / 2;
}

int
main(void)
{
	static const struct {
		const char *name;
		bool (*run)(void);
	} tests[] = {
		{ "checksum", test_cksum },
		{ "cut as the reference", test_cut },
		{ "cut what contradicts itself", test_cut_lies },
		{ "refuse what cannot be one packet", test_cut_contradictions },
		{ "join, and cut again", test_join },
		{ "join spoiled packets, and cut again", test_join_spoiled },
		{ "join no more than fits", test_join_limits },
	};
	unsigned int i, failed = 0;

	for (i = 0; i < 2 * RTE_DIM(tests); i++) {
		bool ok;

		if (i == RTE_DIM(tests))
			tap_cksum_init();
		ok = tests[i % RTE_DIM(tests)].run();
		printf("%-6s %s, %s\n", ok ? "ok" : "FAILED", tests[i % RTE_DIM(tests)].name,
		       i < RTE_DIM(tests) ? "portable sums" : "best sums");
		failed += !ok;
	}
	printf("%u passed, %u failed\n", i - failed, failed);
	return failed != 0;
}
