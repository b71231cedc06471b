/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include <rte_thash.h>

#include "test.h"
#include "test_tap_rss_kit.h"

/* The frames of the tests, and where they should land. */

struct tap_test_rss tap_test_rss;

/* What net_tap has always had; known to users by its hashes. */
const uint8_t tap_test_default_key[TAP_TEST_KEY_LEN] = {
	0xd1, 0x81, 0xc6, 0x2c, 0xf7, 0xf4, 0xdb, 0x5b, 0x19, 0x83, 0xa2, 0xfc, 0x94, 0x3e,
	0x1a, 0xdb, 0xd9, 0x38, 0x9e, 0x6b, 0xd1, 0x03, 0x9c, 0x2c, 0xa7, 0x44, 0x99, 0xad,
	0x59, 0x3d, 0x56, 0xd9, 0xf3, 0x25, 0x3c, 0x06, 0x2a, 0xdc, 0x1f, 0xfc,
};

const uint8_t tap_test_other_key[TAP_TEST_KEY_LEN] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* A frame while it is built. */
struct tap_test_writer {
	uint8_t *frame;
	uint32_t len;
};

static void
put(struct tap_test_writer *w, const void *bytes, uint32_t n)
{
	memcpy(w->frame + w->len, bytes, n);
	w->len += n;
}

static void
put8(struct tap_test_writer *w, uint8_t value)
{
	w->frame[w->len++] = value;
}

static void
put16(struct tap_test_writer *w, uint16_t value)
{
	put8(w, (uint8_t)(value >> 8));
	put8(w, (uint8_t)value);
}

static void
set16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

uint16_t
tap_test_sum(const uint8_t *bytes, uint32_t len, uint32_t start)
{
	uint32_t sum = start;
	uint32_t i;

	for (i = 0; i < len; i++)
		sum += (i & 1) ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint16_t
tap_test_l4_sum(const uint8_t *ip, uint8_t version, uint8_t proto, const uint8_t *l4,
		uint32_t l4_len)
{
	uint32_t sum = proto + l4_len;

	sum += version == 4 ? tap_test_sum(ip + 12, 8, 0) : tap_test_sum(ip + 8, 32, 0);
	return tap_test_sum(l4, l4_len, sum);
}

static uint32_t
l4_header_len(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 20;
	case IPPROTO_SCTP:
	case IPPROTO_AH:
		return 12;
	default:
		return 8;
	}
}

static void
put_ipv4(struct tap_test_writer *w, const struct tap_test_flow *flow, uint16_t l4_len)
{
	uint8_t *ip = w->frame + w->len;

	put16(w, 0x4500);
	put16(w, 20 + l4_len);
	put16(w, 0x1234);
	put16(w, flow->fragment ? 0x2000 : 0);
	put8(w, 64);
	put8(w, flow->proto);
	put16(w, 0);
	put(w, flow->src, 4);
	put(w, flow->dst, 4);
	set16(ip + 10, (uint16_t)~tap_test_sum(ip, 20, 0));
}

static void
put_ipv6(struct tap_test_writer *w, const struct tap_test_flow *flow, uint16_t l4_len)
{
	put16(w, 0x6000);
	put16(w, 0);
	put16(w, l4_len + (flow->fragment ? 8 : 0));
	put8(w, flow->fragment ? IPPROTO_FRAGMENT : flow->proto);
	put8(w, 64);
	put(w, flow->src, 16);
	put(w, flow->dst, 16);
	if (!flow->fragment)
		return;
	put8(w, flow->proto);
	put8(w, 0);
	put16(w, 1); /* offset 0, more to come */
	put16(w, 0x0102);
	put16(w, 0x0304);
}

static void
put_l4(struct tap_test_writer *w, const struct tap_test_flow *flow, uint16_t l4_len)
{
	uint8_t *l4 = w->frame + w->len;
	uint16_t i;

	for (i = 0; i < l4_len; i++)
		l4[i] = (uint8_t)(i * 7 + flow->sport);
	set16(l4 + (flow->proto == IPPROTO_AH ? 4 : 0), flow->sport);
	set16(l4 + (flow->proto == IPPROTO_AH ? 6 : 2), flow->dport);
	if (flow->proto == IPPROTO_TCP) {
		set16(l4 + 12, 0x5010);
		set16(l4 + 16, 0);
	} else if (flow->proto == IPPROTO_UDP) {
		set16(l4 + 4, l4_len);
		set16(l4 + 6, 0);
	}
	w->len += l4_len;
}

static void
put_l4_checksum(const struct tap_test_flow *flow, const uint8_t *ip, uint8_t *l4, uint16_t l4_len)
{
	uint16_t sum = (uint16_t)~tap_test_l4_sum(ip, flow->version, flow->proto, l4, l4_len);

	if (flow->proto == IPPROTO_TCP)
		set16(l4 + 16, sum);
	else if (flow->proto == IPPROTO_UDP)
		set16(l4 + 6, sum == 0 ? 0xffff : sum);
}

uint32_t
tap_test_frame(const struct tap_test_flow *flow, uint16_t payload, uint8_t *frame)
{
	uint16_t l4_len = (uint16_t)(l4_header_len(flow->proto) + payload);
	struct tap_test_writer w = { frame, 0 };
	uint32_t ip;
	uint32_t l4;

	put(&w, &tap_test.mac, RTE_ETHER_ADDR_LEN);
	put(&w, &tap_test_sender, RTE_ETHER_ADDR_LEN);
	if (flow->vlan != 0) {
		put16(&w, RTE_ETHER_TYPE_VLAN);
		put16(&w, flow->vlan);
	}
	put16(&w, flow->version == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	ip = w.len;
	if (flow->version == 4)
		put_ipv4(&w, flow, l4_len);
	else
		put_ipv6(&w, flow, l4_len);
	l4 = w.len;
	put_l4(&w, flow, l4_len);
	put_l4_checksum(flow, frame + ip, frame + l4, l4_len);
	return w.len;
}

void
tap_test_flow_make(struct tap_test_flow *flow, uint8_t version, uint8_t proto, uint32_t n)
{
	uint32_t x = (n + 1) * 2654435761u + version * 40503u + proto * 977u;
	uint8_t bytes[36];
	unsigned int i;

	for (i = 0; i < sizeof(bytes); i++) {
		x = x * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(x >> 24);
	}
	memset(flow, 0, sizeof(*flow));
	flow->version = version;
	flow->proto = proto;
	memcpy(flow->src, bytes, 16);
	memcpy(flow->dst, bytes + 16, 16);
	memcpy(&flow->sport, bytes + 32, 2);
	memcpy(&flow->dport, bytes + 34, 2);
}

struct tap_test_flow
tap_test_flow_reverse(const struct tap_test_flow *flow)
{
	struct tap_test_flow back = *flow;

	memcpy(back.src, flow->dst, sizeof(back.src));
	memcpy(back.dst, flow->src, sizeof(back.dst));
	back.sport = flow->dport;
	back.dport = flow->sport;
	return back;
}

uint32_t
tap_test_hash(const struct tap_test_flow *flow, enum tap_test_input input)
{
	uint32_t words = flow->version == 4 ? 1 : 4;
	uint32_t key[TAP_TEST_KEY_LEN / 4];
	uint32_t tuple[9];
	uint32_t i;

	memcpy(tuple, flow->src, 4 * words);
	memcpy(tuple + words, flow->dst, 4 * words);
	for (i = 0; i < 2 * words; i++)
		tuple[i] = rte_be_to_cpu_32(tuple[i]);
	if (input == TAP_TEST_PORTS)
		tuple[i++] = (uint32_t)flow->sport << 16 | flow->dport;
	memcpy(key, tap_test_rss.key, sizeof(key));
	return rte_softrss(tuple, i, (const uint8_t *)key);
}

struct rte_mbuf *
tap_test_pass(const uint8_t *frame, uint32_t len, uint16_t *queue)
{
	struct rte_mbuf *m;

	if (tap_test_send(frame, len) != 0)
		return NULL;
	m = tap_test_recv(queue);
	if (m == NULL) {
		printf("a frame of %u bytes was lost\n", len);
		return NULL;
	}
	if (tap_test_same(m, frame, len) == 0)
		return m;
	rte_pktmbuf_free(m);
	return NULL;
}

int
tap_test_expect(const struct tap_test_flow *flow, enum tap_test_input input)
{
	uint8_t frame[256];
	uint32_t len = tap_test_frame(flow, 20, frame);
	uint32_t hash = input == TAP_TEST_NOTHING ? 0 : tap_test_hash(flow, input);
	uint16_t want = tap_test_rss.reta[hash % TAP_TEST_RETA_SIZE];
	uint16_t queue;
	struct rte_mbuf *m = tap_test_pass(frame, len, &queue);
	uint32_t got;
	bool flagged;

	TEST_ASSERT_NOT_NULL(m, "IPv%u, protocol %u", flow->version, flow->proto);
	got = m->hash.rss;
	flagged = (m->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0;
	rte_pktmbuf_free(m);
	TEST_ASSERT_EQUAL(queue, want, "IPv%u, protocol %u: on queue %u instead of %u, hash %#x",
			  flow->version, flow->proto, queue, want, hash);
	TEST_ASSERT_EQUAL(flagged, (input != TAP_TEST_NOTHING), "IPv%u, protocol %u: hash flag %d",
			  flow->version, flow->proto, flagged);
	TEST_ASSERT(!flagged || got == hash, "IPv%u, protocol %u: hash %#x instead of %#x",
		    flow->version, flow->proto, got, hash);
	return TEST_SUCCESS;
}

int
tap_test_expect_flows(uint8_t version, uint8_t proto, uint32_t n, enum tap_test_input input)
{
	struct tap_test_flow flow;
	uint32_t i;

	for (i = 0; i < n; i++) {
		tap_test_flow_make(&flow, version, proto, i);
		TEST_ASSERT_SUCCESS(tap_test_expect(&flow, input), "flow %u", i);
	}
	return TEST_SUCCESS;
}

int
tap_test_expect_all(uint32_t n)
{
	TEST_ASSERT_SUCCESS(tap_test_expect_flows(4, IPPROTO_TCP, n, TAP_TEST_PORTS), "IPv4/TCP");
	TEST_ASSERT_SUCCESS(tap_test_expect_flows(4, IPPROTO_UDP, n, TAP_TEST_PORTS), "IPv4/UDP");
	TEST_ASSERT_SUCCESS(tap_test_expect_flows(6, IPPROTO_TCP, n, TAP_TEST_PORTS), "IPv6/TCP");
	TEST_ASSERT_SUCCESS(tap_test_expect_flows(6, IPPROTO_UDP, n, TAP_TEST_PORTS), "IPv6/UDP");
	return tap_test_silent();
}

int
tap_test_set_key(const uint8_t *key, uint64_t rss_hf)
{
	struct rte_eth_rss_conf rss;
	uint8_t copy[TAP_TEST_KEY_LEN];

	memcpy(copy, key, sizeof(copy));
	memset(&rss, 0, sizeof(rss));
	rss.rss_key = copy;
	rss.rss_key_len = sizeof(copy);
	rss.rss_hf = rss_hf;
	TEST_ASSERT_SUCCESS(rte_eth_dev_rss_hash_update(tap_test.id, &rss), "key refused");
	memcpy(tap_test_rss.key, key, TAP_TEST_KEY_LEN);
	return TEST_SUCCESS;
}

int
tap_test_set_types(uint64_t rss_hf)
{
	struct rte_eth_rss_conf rss;

	memset(&rss, 0, sizeof(rss));
	rss.rss_hf = rss_hf;
	return rte_eth_dev_rss_hash_update(tap_test.id, &rss);
}

int
tap_test_set_reta(const uint16_t *reta)
{
	struct rte_eth_rss_reta_entry64 groups[TAP_TEST_RETA_GROUPS];
	unsigned int i;

	for (i = 0; i < TAP_TEST_RETA_SIZE; i++) {
		groups[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
		groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = reta[i];
	}
	TEST_ASSERT_SUCCESS(rte_eth_dev_rss_reta_update(tap_test.id, groups, TAP_TEST_RETA_SIZE),
			    "table refused");
	memmove(tap_test_rss.reta, reta, sizeof(tap_test_rss.reta));
	return TEST_SUCCESS;
}

int
tap_test_reserve_entry_0(uint16_t n)
{
	uint16_t reta[TAP_TEST_RETA_SIZE];
	unsigned int i;

	reta[0] = n - 1;
	for (i = 1; i < TAP_TEST_RETA_SIZE; i++)
		reta[i] = (uint16_t)(i % (n - 1));
	return tap_test_set_reta(reta);
}

int
tap_test_check_rss(uint64_t rss_hf)
{
	struct rte_eth_rss_reta_entry64 groups[TAP_TEST_RETA_GROUPS];
	struct rte_eth_rss_conf rss;
	uint8_t key[TAP_TEST_KEY_LEN];
	unsigned int i;
	uint16_t got;

	memset(key, 0, sizeof(key));
	memset(&rss, 0, sizeof(rss));
	rss.rss_key = key;
	rss.rss_key_len = sizeof(key);
	TEST_ASSERT_SUCCESS(rte_eth_dev_rss_hash_conf_get(tap_test.id, &rss), "no hash conf");
	TEST_ASSERT_EQUAL(rss.rss_hf, rss_hf, "types %#" PRIx64 " instead of %#" PRIx64, rss.rss_hf,
			  rss_hf);
	TEST_ASSERT(memcmp(key, tap_test_rss.key, sizeof(key)) == 0, "another key");
	memset(groups, 0xff, sizeof(groups));
	TEST_ASSERT_SUCCESS(rte_eth_dev_rss_reta_query(tap_test.id, groups, TAP_TEST_RETA_SIZE),
			    "no table");
	for (i = 0; i < TAP_TEST_RETA_SIZE; i++) {
		got = groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
		TEST_ASSERT_EQUAL(got, tap_test_rss.reta[i], "table entry %u: %u instead of %u", i,
				  got, tap_test_rss.reta[i]);
	}
	return TEST_SUCCESS;
}
