/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_COMPAT_H
#define TAP_COMPAT_H

/**
 * @file
 * Every difference between DPDK releases (22.11 to 26.x) that the driver meets,
 * so that the rest of it reads as if there were one release.
 */

#include <ctype.h>
#include <stdint.h>

#include <rte_atomic.h>
#include <rte_common.h>
#include <rte_ip.h>
#include <rte_log.h>
#include <rte_version.h>

#define TAP_DPDK_SINCE(year, month) (RTE_VERSION >= RTE_VERSION_NUM(year, month, 0, 0))

#if TAP_DPDK_SINCE(23, 11)
#include <rte_stdatomic.h>
#else
#define RTE_ATOMIC(type) type
#define rte_memory_order_relaxed __ATOMIC_RELAXED
#define rte_memory_order_acquire __ATOMIC_ACQUIRE
#define rte_memory_order_release __ATOMIC_RELEASE
#define rte_memory_order_seq_cst __ATOMIC_SEQ_CST
#define rte_atomic_load_explicit(ptr, order) __atomic_load_n(ptr, order)
#define rte_atomic_store_explicit(ptr, value, order) __atomic_store_n(ptr, value, order)
#define rte_atomic_fetch_add_explicit(ptr, value, order) __atomic_fetch_add(ptr, value, order)
#endif

/* The light half of an asymmetric fence; TSan cannot see the heavy half, membarrier(). */
#if defined(__SANITIZE_THREAD__)
#define tap_fence_light() rte_atomic_thread_fence(rte_memory_order_seq_cst)
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define tap_fence_light() rte_atomic_thread_fence(rte_memory_order_seq_cst)
#endif
#endif
#ifndef tap_fence_light
#define tap_fence_light() rte_compiler_barrier()
#endif

/* Where a field of an ARP item lies: since 23.03 as in the packet, before with the gaps of a struct. */
#if TAP_DPDK_SINCE(23, 3)
#define TAP_ARP_ITEM_AT(before, since)                                                             \
	offsetof(struct rte_flow_item_arp_eth_ipv4, hdr.arp_data.since)
#else
#define TAP_ARP_ITEM_AT(before, since) offsetof(struct rte_flow_item_arp_eth_ipv4, before)
#endif

/* dev_supported_ptypes_get() reports the number of types from 24.03 on, and ends its list before. */
#if TAP_DPDK_SINCE(24, 3)
#define TAP_PTYPES_ARGS struct rte_eth_dev *dev, size_t *count
#define TAP_PTYPES_COUNT(table) (*count = RTE_DIM(table) - 1)
#else
#define TAP_PTYPES_ARGS struct rte_eth_dev *dev
#define TAP_PTYPES_COUNT(table) ((void)0)
#endif

/* stats_get() gains the per-queue statistics as an argument of their own in 25.11. */
#if TAP_DPDK_SINCE(25, 11)
#define TAP_STATS_ARGS                                                                             \
	struct rte_eth_dev *dev, struct rte_eth_stats *stats, struct eth_queue_stats *qstats
#define TAP_QSTATS(stats, qstats) (qstats)
#define TAP_QSTATS_TYPE struct eth_queue_stats
#else
#define TAP_STATS_ARGS struct rte_eth_dev *dev, struct rte_eth_stats *stats
#define TAP_QSTATS(stats, qstats) (stats)
#define TAP_QSTATS_TYPE struct rte_eth_stats
#endif

/* Telemetry's 64-bit numbers have another name since 23.03; the old one went in 25.11. */
#if TAP_DPDK_SINCE(23, 3)
#define TAP_TEL_UINT_VAL RTE_TEL_UINT_VAL
#define tap_tel_add_dict_uint rte_tel_data_add_dict_uint
#define tap_tel_add_array_uint rte_tel_data_add_array_uint
#else
#define TAP_TEL_UINT_VAL RTE_TEL_U64_VAL
#define tap_tel_add_dict_uint rte_tel_data_add_dict_u64
#define tap_tel_add_array_uint rte_tel_data_add_array_u64
#endif

/* Hash functions became a part of rte_eth_rss_conf and rte_eth_dev_info in 23.11. */
#define TAP_HAVE_RSS_ALGORITHM TAP_DPDK_SINCE(23, 11)

#endif /* TAP_COMPAT_H */
