// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * Programs on the tun device: queue selection (TUNSETSTEERINGEBPF) and doorbell. Written
 * over the UAPI's __sk_buff, so that nothing has to be relocated against the kernel's BTF.
 */
#include "tap_classify.h"

/** Written by the driver, which has this mapped; the programs write the bells alone. */
struct tap_shared tap_shared __attribute__((aligned(64)));

/** The policy in force; read once for each packet. */
TAP_HOT const struct tap_policy *
current_policy(void)
{
	__u32 active = *(volatile __u32 *)&tap_shared.active;

	return &tap_shared.slot[active & (TAP_SLOTS - 1)];
}

/** Ring a queue's bell. A line that the receiver polls is written only if it must change. */
TAP_HOT void
ring(__u32 queue)
{
	volatile __u32 *rung = &tap_shared.bell[queue & (TAP_MAX_QUEUES - 1)].rung;

	if (*rung == 0)
		*rung = 1;
}

/** Queue of a packet, and its bell. */
SEC("socket")
int
tap_steer(struct __sk_buff *skb)
{
	struct tap_verdict v;

	tap_classify_to(skb, current_policy(), &v, TAP_EXTENT_FULL);
	ring(v.queue);
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
	ring(skb->queue_mapping);
	return TAP_FILTER_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
