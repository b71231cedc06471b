// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * Programs on the tun device: queue selection (TUNSETSTEERINGEBPF) and doorbell. Written
 * over the UAPI's __sk_buff, so that nothing has to be relocated against the kernel's BTF.
 */
#include "tap_bell.h"
#include "tap_classify.h"

/** The policy in force; read once for each packet. */
TAP_HOT const struct tap_policy *
current_policy(void)
{
	__u32 active = *(volatile __u32 *)&tap_shared.active;

	return &tap_shared.slot[active & (TAP_SLOTS - 1)];
}

/** Queue of a packet, and its bell. */
SEC("socket")
int
tap_steer(struct __sk_buff *skb)
{
	struct tap_verdict v;

	tap_classify_to(skb, current_policy(), &v, TAP_EXTENT_FULL);
	tap_ring(v.queue);
	return v.queue;
}

/** Queue of a packet that is plain; the driver corrects the others. */
SEC("socket")
int
tap_steer_basic(struct __sk_buff *skb)
{
	struct tap_verdict v;

	tap_classify_to(skb, current_policy(), &v, TAP_EXTENT_BASIC);
	return v.queue;
}

/** As filter: the bell of the queue that the kernel has chosen. */
SEC("socket")
int
tap_filter(struct __sk_buff *skb)
{
	tap_ring(skb->queue_mapping);
	return TAP_FILTER_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
