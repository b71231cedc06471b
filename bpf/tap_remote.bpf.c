// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * tc programs of a port with remote=: what arrives at the remote netdev goes out of the tap, that
 * is to the port, and what the port transmits goes out of the remote netdev. Frames are passed on
 * as they are: tags, partial checksums and super-frames stay what they were.
 */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

/** Indexes of the two netdevs. */
const volatile __u32 tap_remote_ifindex;
const volatile __u32 tap_remote_tap;
/** Look for the tap before each frame: the program may outlive it. */
const volatile __u32 tap_remote_orphan;

/** What the port accepts; written by the driver. */
volatile __u32 tap_remote_running;
volatile __u32 tap_remote_promiscuous;
volatile __u32 tap_remote_allmulticast;

/** Addresses that the port accepts, as the first 6 bytes of the key. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, __u64);
	__type(value, __u8);
} tap_remote_macs SEC(".maps");

/** Does the port accept a frame with this destination? */
static __attribute__((always_inline)) inline int
accepts(__u64 mac)
{
	__u64 broadcast = 0;

	__builtin_memset(&broadcast, 0xff, 6);
	if (tap_remote_promiscuous || mac == broadcast)
		return 1;
	if ((*(const __u8 *)&mac & 1) && tap_remote_allmulticast)
		return 1;
	return bpf_map_lookup_elem(&tap_remote_macs, &mac) ? 1 : 0;
}

/** Has the tap gone? Redirected to it, the frame would be lost. */
static __attribute__((always_inline)) inline int
orphaned(struct __sk_buff *skb)
{
	__u32 mtu = 0;

	return tap_remote_orphan && bpf_check_mtu(skb, tap_remote_tap, &mtu, 0, 0) == -ENODEV;
}

/** At the remote's ingress: what the port accepts is the port's, the rest the kernel's. */
SEC("tc")
int
tap_remote_in(struct __sk_buff *skb)
{
	__u64 mac = 0;

	if (!tap_remote_running || bpf_skb_load_bytes(skb, 0, &mac, 6) != 0 || !accepts(mac) ||
	    orphaned(skb))
		return TC_ACT_UNSPEC;
	return bpf_redirect(tap_remote_tap, 0);
}

/** At the tap's ingress: all that the port transmits. */
SEC("tc")
int
tap_remote_out(struct __sk_buff *skb)
{
	(void)skb;
	return bpf_redirect(tap_remote_ifindex, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
