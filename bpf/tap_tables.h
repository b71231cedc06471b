/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * Where the tables of a port's flow rules lie: in maps, which the driver has mapped, or in
 * memory of the driver alone.
 */
#ifndef TAP_TABLES_H
#define TAP_TABLES_H

#include "tap_policy_abi.h"

#ifdef __bpf__

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

/** The look-up; written by the driver. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tap_flow);
} tap_flow SEC(".maps");

/** The rules by number, less 1; written by the driver. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TAP_RULES);
	__type(key, __u32);
	__type(value, struct tap_flow_rule);
} tap_rules SEC(".maps");

/** Counters: TAP_RULES of them in each bank; read by the driver. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TAP_RULES);
	__type(key, __u32);
	__type(value, struct tap_flow_count);
} tap_counts SEC(".maps");

/** Banks less 1: how many there are, the driver knows before it loads. */
const volatile __u32 tap_bank_mask;

/** The tables of the port; rules and counters are maps that all programs know. */
struct tap_tables {
	const struct tap_flow *flow;
};

#else /* user space */

/** Where the tables of a port lie. */
struct tap_tables {
	struct tap_flow *flow;
	struct tap_flow_rule *rule;   /**< TAP_RULES */
	struct tap_flow_count *count; /**< TAP_RULES for each bank */
	__u32 banks;                  /**< of counters; a power of two */
};

#endif /* __bpf__ */

#endif /* TAP_TABLES_H */
