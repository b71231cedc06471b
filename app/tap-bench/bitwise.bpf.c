/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Copyright(c) 2026 The net_tap authors */

/*
 * What the benchmark sets the steering program beside: a program that does nothing,
 * and one that computes the same Toeplitz hash bit by bit, as its definition reads.
 * The latter knows IPv4 without options and IPv6 without extension headers, TCP
 * and UDP, up to two VLAN tags; anything else goes to queue reta[0].
 */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bitwise.h"

struct bitwise_conf bitwise_conf;

/* First bytes of the headers in one load each. */
struct ipv4_head {
	__u8 ver_ihl, tos;
	__u16 len, id, frag;
	__u8 ttl, proto;
	__u16 sum;
	__u8 addr[8];
};

struct ipv6_head {
	__u32 ver_flow;
	__u16 len;
	__u8 next, hops;
	__u8 addr[32];
};

static __always_inline __u32
key_word(unsigned int at)
{
	const __u8 *k = bitwise_conf.key;

	return (__u32)k[at] << 24 | (__u32)k[at + 1] << 16 | (__u32)k[at + 2] << 8 | k[at + 3];
}

static __always_inline __u32
toeplitz(const __u8 *input, unsigned int len)
{
	__u32 window = key_word(0);
	__u32 hash = 0;

	for (unsigned int i = 0; i < len; i++) {
		__u8 byte = input[i];
		__u8 next = bitwise_conf.key[i + 4];

		for (int bit = 7; bit >= 0; bit--) {
			hash ^= window & -(__u32)(byte >> bit & 1);
			window = window << 1 | (next >> bit & 1);
		}
	}
	return hash;
}

static __always_inline int
queue_of(__u32 hash)
{
	return bitwise_conf.reta[hash & (BITWISE_RETA_SIZE - 1)];
}

static __always_inline int
hash_ipv4(struct __sk_buff *skb, __u32 off)
{
	struct ipv4_head ip;
	__u8 input[12];

	if (bpf_skb_load_bytes(skb, off, &ip, sizeof(ip)) != 0 || ip.ver_ihl != 0x45 ||
	    (ip.proto != IPPROTO_TCP && ip.proto != IPPROTO_UDP) ||
	    (ip.frag & bpf_htons(0x3fff)) != 0)
		return queue_of(0);
	__builtin_memcpy(input, ip.addr, 8);
	if (bpf_skb_load_bytes(skb, off + sizeof(ip), input + 8, 4) != 0)
		return queue_of(0);
	return queue_of(toeplitz(input, sizeof(input)));
}

static __always_inline int
hash_ipv6(struct __sk_buff *skb, __u32 off)
{
	struct ipv6_head ip;
	__u8 input[36];

	if (bpf_skb_load_bytes(skb, off, &ip, sizeof(ip)) != 0 ||
	    (ip.next != IPPROTO_TCP && ip.next != IPPROTO_UDP))
		return queue_of(0);
	__builtin_memcpy(input, ip.addr, 32);
	if (bpf_skb_load_bytes(skb, off + sizeof(ip), input + 32, 4) != 0)
		return queue_of(0);
	return queue_of(toeplitz(input, sizeof(input)));
}

SEC("socket")
int
bitwise(struct __sk_buff *skb)
{
	__u32 off = ETH_HLEN;
	__u16 type = 0;

	bpf_skb_load_bytes(skb, 2 * ETH_ALEN, &type, sizeof(type));
	for (int i = 0; i < 2; i++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		bpf_skb_load_bytes(skb, off + 2, &type, sizeof(type));
		off += 4;
	}
	if (type == bpf_htons(ETH_P_IP))
		return hash_ipv4(skb, off);
	if (type == bpf_htons(ETH_P_IPV6))
		return hash_ipv6(skb, off);
	return queue_of(0);
}

SEC("socket")
int
empty(struct __sk_buff *skb)
{
	(void)skb;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
