// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * Programs on the tun device of a port with flow rules, in place of those of
 * tap_steer.bpf.c, with which they share tap_shared. Loaded with the first rule.
 */
#include "tap_bell.h"
#include "tap_classify.h"

/** Find the tables. @return whether they are there, which to the verifier is not sure */
TAP_HOT int
find_tables(struct tap_tables *t)
{
	__u32 zero = 0;

	t->flow = bpf_map_lookup_elem(&tap_flow, &zero);
	return t->flow != NULL;
}

/** Queue of a packet, and its bell. */
SEC("socket")
int
tap_steer_rules(struct __sk_buff *skb)
{
	__u32 slot = *(volatile __u32 *)&tap_shared.active;
	struct tap_tables t;
	struct tap_verdict v;

	if (!find_tables(&t))
		return 0;
	tap_classify_rules(skb, &tap_shared, slot, &t, tap_current_view(&t), TAP_COUNT_PASSED, &v);
	tap_ring(v.queue);
	return v.queue;
}

/** As filter, where rules can drop, or this alone runs: what they drop, and the bell. */
SEC("socket")
int
tap_filter_rules(struct __sk_buff *skb)
{
	const struct tap_flow_view *view;
	__u32 count = TAP_COUNT_DROPPED;
	struct tap_tables t;
	__u64 match;

	if (!find_tables(&t))
		return TAP_FILTER_PASS;
	view = tap_current_view(&t);
	if (view->flags & TAP_VIEW_ALONE)
		count |= TAP_COUNT_PASSED;
	match = tap_rules_match(skb, &t, view, count);
	if (tap_is_drop(view, tap_rule_at(&t, TAP_MATCH_RULE(match)))) {
		tap_count(skb, &t, TAP_COUNTER_DROPPED, 1, skb->len);
		return 0;
	}
	tap_ring(skb->queue_mapping);
	return TAP_FILTER_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
