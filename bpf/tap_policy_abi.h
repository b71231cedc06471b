/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * The policy: what the classifier reads, as it lies in memory that the driver
 * writes and the BPF programs read. The only declaration of these types.
 *
 * Layout rules: fixed-width members, no pointer, no padding that is not named,
 * host byte order unless a member says otherwise.
 */
#ifndef TAP_POLICY_ABI_H
#define TAP_POLICY_ABI_H

#include <linux/types.h>

/** Entries of the redirection table; a power of two, indexed by hash & (size - 1). */
#define TAP_RETA_SIZE 512
/** Bytes of an RSS key. */
#define TAP_KEY_LEN 40
/** Longest hash input: two IPv6 addresses and two ports. */
#define TAP_INPUT_LEN 36
/** Receive queues of a port (limit of the kernel's tun driver). */
#define TAP_MAX_QUEUES 256
/** Policy slots: one is read while the other is filled. */
#define TAP_SLOTS 2
/** Value for a filter program's return: let the whole frame pass. */
#define TAP_FILTER_PASS 0x7fffffff

/** Packet kinds that an RSS context may hash, as bits of tap_rss_ctx.types. */
enum tap_rss_type {
	TAP_RSS_IPV4 = 1 << 0,
	TAP_RSS_IPV4_FRAG = 1 << 1,
	TAP_RSS_IPV4_TCP = 1 << 2,
	TAP_RSS_IPV4_UDP = 1 << 3,
	TAP_RSS_IPV4_SCTP = 1 << 4,
	TAP_RSS_IPV4_OTHER = 1 << 5,
	TAP_RSS_IPV6 = 1 << 6,
	TAP_RSS_IPV6_FRAG = 1 << 7,
	TAP_RSS_IPV6_TCP = 1 << 8,
	TAP_RSS_IPV6_UDP = 1 << 9,
	TAP_RSS_IPV6_SCTP = 1 << 10,
	TAP_RSS_IPV6_OTHER = 1 << 11,
	TAP_RSS_IPV6_EX = 1 << 12,
	TAP_RSS_IPV6_TCP_EX = 1 << 13,
	TAP_RSS_IPV6_UDP_EX = 1 << 14,
	TAP_RSS_ESP = 1 << 15,
	TAP_RSS_AH = 1 << 16,
	TAP_RSS_S_VLAN = 1 << 17,
	TAP_RSS_C_VLAN = 1 << 18,
	TAP_RSS_ETH = 1 << 19,
	TAP_RSS_L2_PAYLOAD = 1 << 20,
};

/** Hash functions; doc/rss.md has their definitions. */
enum tap_hash_algo {
	TAP_ALGO_TOEPLITZ = 0,
	TAP_ALGO_XOR = 1,
	TAP_ALGO_SYM_TOEPLITZ = 2,
	TAP_ALGO_SYM_SORT = 3,
	TAP_ALGO_COUNT
};

/** Hash the innermost headers of a tunnel instead of the outermost. */
#define TAP_CTX_INNER (1 << 0)
/** The masks of the context are not all-ones and have to be applied. */
#define TAP_CTX_MASKED (1 << 1)

/**
 * Toeplitz by table: at[i][b] is what byte value b at position i of the input
 * contributes to the hash. Built once per key.
 */
struct tap_toeplitz_table {
	__u32 at[TAP_INPUT_LEN][256];
};

/** An RSS context: which packets are hashed, how, and where a hash leads. */
struct tap_rss_ctx {
	__u32 types;       /**< set of enum tap_rss_type */
	__u8 algo;         /**< enum tap_hash_algo */
	__u8 flags;        /**< TAP_CTX_* */
	__u16 nb_queues;   /**< receive queues of the port; every reta entry is below it */
	__u32 mask_ip4[3]; /**< byte masks over the 12-byte input, network order */
	__u32 mask_ip6[9]; /**< over the 36-byte input */
	__u32 mask_eth[3]; /**< over the 12-byte input of two MAC addresses */
	__u32 reserved;
	__u16 reta[TAP_RETA_SIZE];
};

/** One complete policy: a reader sees one of these, never parts of two. */
struct tap_policy {
	struct tap_rss_ctx ctx;
	struct tap_toeplitz_table key;
};

/**
 * A queue's doorbell, alone in its cache line. A program sets it to 1 before the
 * packet enters the queue; the receive burst clears it before it reads.
 */
struct tap_bell {
	__u32 rung;
	__u32 reserved[15];
};

/** Everything that driver and programs share for one port. */
struct tap_shared {
	__u32 active; /**< slot in use: active & (TAP_SLOTS - 1) */
	__u32 reserved[15];
	struct tap_bell bell[TAP_MAX_QUEUES];
	struct tap_policy slot[TAP_SLOTS];
};

_Static_assert(sizeof(struct tap_toeplitz_table) == 36 * 256 * 4, "table is 36 KiB");
_Static_assert(sizeof(struct tap_bell) == 64, "a bell fills a cache line");
_Static_assert(__builtin_offsetof(struct tap_rss_ctx, mask_ip4) == 8, "no hidden padding");
_Static_assert(__builtin_offsetof(struct tap_rss_ctx, reta) == 72, "no hidden padding");
_Static_assert(sizeof(struct tap_rss_ctx) == 72 + 2 * TAP_RETA_SIZE, "no hidden padding");
_Static_assert(sizeof(struct tap_policy) ==
		       sizeof(struct tap_rss_ctx) + sizeof(struct tap_toeplitz_table),
	       "no hidden padding");
_Static_assert(__builtin_offsetof(struct tap_shared, bell) == 64, "bells start a cache line");
_Static_assert(__builtin_offsetof(struct tap_shared, slot) == 64 + 64 * TAP_MAX_QUEUES,
	       "no hidden padding");
_Static_assert(sizeof(struct tap_shared) ==
		       64 + 64 * TAP_MAX_QUEUES + TAP_SLOTS * sizeof(struct tap_policy),
	       "no hidden padding");

#endif /* TAP_POLICY_ABI_H */
