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
/** Flow rules of a port. */
#define TAP_RULES 32768
/** Buckets of the rules' hash table, a power of two; rules of a bucket; rules beside the buckets. */
#define TAP_BUCKETS 32768
#define TAP_BUCKET_WAYS 8
#define TAP_STASH_WAYS 8
/** Masks that rules match by, each with a look-up of its own; of these, for rules without fate. */
#define TAP_MASKS 64
#define TAP_PASS_MASKS 16
/** Views of the masks: one is read, the others are being filled or fading. */
#define TAP_VIEWS 64
/** RSS contexts of flow rules, beside the port's own. */
#define TAP_CTXS 256
/** Keys of those. */
#define TAP_KEYS 32
/** Banks of counters, by CPU or queue; a power of two, at most. */
#define TAP_COUNT_BANKS 16
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
/** Of a rule's context: types, algorithm, flags and masks are those of the port. */
#define TAP_CTX_PORT_HASH (1 << 0)
/** Of a rule's context: the key is the port's. */
#define TAP_CTX_PORT_KEY (1 << 1)
/** Of a rule's context: the redirection table is the port's. */
#define TAP_CTX_PORT_RETA (1 << 2)

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
	__u16 key;         /**< of a rule's context: which of tap_shared.key */
	__u16 port;        /**< of a rule's context: TAP_CTX_PORT_* */
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
	struct tap_rss_ctx ctx[TAP_CTXS];        /**< RSS contexts of rules */
	struct tap_toeplitz_table key[TAP_KEYS]; /**< keys of those */
};

/** Kinds of headers at a level, as bits of tap_flow_level.kind. */
enum tap_flow_kind {
	TAP_FK_ETH = 1 << 0, /**< there is an Ethernet header */
	TAP_FK_VLAN = 1 << 1,
	TAP_FK_VLAN2 = 1 << 2,
	TAP_FK_IPV4 = 1 << 3,
	TAP_FK_IPV6 = 1 << 4,
	TAP_FK_ARP = 1 << 5,
	TAP_FK_L4 = 1 << 6,   /**< the upper layer is known */
	TAP_FK_FRAG = 1 << 7, /**< IPv6: there is a fragment header */
};

/** Tunnels, as tap_flow_tunnel.kind. */
enum tap_flow_tunnel_kind {
	TAP_FT_NONE,
	TAP_FT_IP, /**< IP in IP */
	TAP_FT_GRE,
	TAP_FT_VXLAN,
	TAP_FT_GENEVE,
	TAP_FT_GTPU,
};

/**
 * What rules can match of the headers outside or inside of a tunnel: bytes as in the
 * packet, zero where it has none. doc/flow.md defines each.
 */
struct tap_flow_level {
	/* What rules look at most, as words: TAP_FLOW_NARROW_WORDS and those behind. */
	__u8 kind;         /**< set of enum tap_flow_kind */
	__u8 l4;           /**< protocol of the upper layer, with TAP_FK_L4 */
	__u8 vlan_type[2]; /**< behind the first tag */
	__u8 vlan2_tci[2];
	__u8 vlan2_type[2];
	__u8 sport[2]; /**< of ICMP: type and code; of ARP: operation */
	__u8 dport[2];
	__u8 proto; /**< protocol, or first next header */
	__u8 tos;   /**< type of service, or traffic class */
	__u8 ttl;   /**< or hop limit */
	__u8 tcp_flags;
	__u8 addr[32]; /**< source, destination; of ARP: IPs, sender MAC at 8, target MAC at 16 */
	__u8 dst_mac[6];
	__u8 src_mac[6];
	__u8 type[2]; /**< behind the addresses: EtherType, or TPID of the first tag */
	__u8 tci[2];
	__u8 word[4];  /**< IPv4: flags and fragment offset in the first two; IPv6: flow label */
	__u8 extra[4]; /**< bytes 4 to 7 of ICMP and SCTP */
};

/** What rules can match of a tunnel's header. */
struct tap_flow_tunnel {
	__u8 kind; /**< enum tap_flow_tunnel_kind */
	__u8 reserved;
	__u8 flags[2]; /**< the header's first two bytes */
	__u8 proto[2]; /**< of GRE and GENEVE */
	__u8 reserved2[2];
	__u8 id[4]; /**< GRE: key; VXLAN, GENEVE: VNI and a byte; GTP-U: TEID */
	__u8 reserved3[4];
};

/** Words of a key, and of those how many do not need the tunnel looked into. */
#define TAP_FLOW_WORDS 20
#define TAP_FLOW_OUTER_WORDS 9
/** Words of a level that always count; with them, those of the tunnel and the inner level. */
#define TAP_FLOW_NARROW_WORDS 3
#define TAP_FLOW_DEEP_WORDS 14

/** A packet as rules see it; also a mask over that. */
union tap_flow_key {
	struct {
		struct tap_flow_level outer;
		struct tap_flow_tunnel tunnel;
		struct tap_flow_level inner;
	};
	__u64 word[TAP_FLOW_WORDS];
};

/** What becomes of the packets of a rule. */
enum tap_fate {
	TAP_FATE_NONE, /**< goes on with the rules behind */
	TAP_FATE_QUEUE,
	TAP_FATE_RSS,
	TAP_FATE_DROP,
};

/** The rule's mark goes to the mbuf. */
#define TAP_RULE_MARK (1 << 0)
/** The packet is flagged in the mbuf. */
#define TAP_RULE_FLAG (1 << 1)

/** A rank that no rule has, behind all others. */
#define TAP_RANK_LAST (~0ULL)

/** A rule. Number 0 of rules and counters means none. */
struct tap_flow_rule {
	__u64 hash;    /**< of mask and key */
	__u64 rank;    /**< the lowest of those that match wins */
	__u32 next;    /**< next rank of the same mask and key; the driver's */
	__u32 mark;    /**< for the mbuf, with TAP_RULE_MARK */
	__u16 counter; /**< which of the counters to count in, or 0 */
	__u16 target;  /**< queue, or RSS context */
	__u8 fate;     /**< enum tap_fate */
	__u8 flags;    /**< TAP_RULE_* */
	__u8 mask;     /**< which of tap_flow.mask */
	__u8 reserved;
	union tap_flow_key key; /**< masked */
};

/*
 * Words of a key are hashed and compared in parts: what IPv4 rules look at (kinds, ports,
 * addresses) always is; few masks have bits in the others.
 */
/** Bits in other words of the outer level: MAC addresses, tags, IPv6 addresses. */
#define TAP_PART_WIDE (1 << 0)
/** Bits in tunnel or inner level. */
#define TAP_PART_DEEP (1 << 1)
/** Bits in those other words of the inner level; only with TAP_PART_DEEP. */
#define TAP_PART_DEEP_WIDE (1 << 2)

/** A mask in a view. */
struct tap_flow_view_mask {
	__u64 floor; /**< no rule of this mask has a lower rank */
	__u8 mask;   /**< which of tap_flow.mask */
	__u8 parts;  /**< where it has bits: TAP_PART_* */
	__u8 reserved[6];
};

/** Rules look at bytes of the upper layer behind the ports. */
#define TAP_VIEW_L4 (1 << 0)
/** Rules look into tunnels. */
#define TAP_VIEW_DEEP (1 << 1)
/** What no rule takes is dropped. */
#define TAP_VIEW_ISOLATED (1 << 2)
/** No steering program runs: the filter counts all packets, else what it drops. */
#define TAP_VIEW_ALONE (1 << 3)

/**
 * The masks in use at one time, which a reader sees all or none of: at first those of
 * rules with a fate, then those of the others, each sorted by floor.
 */
struct tap_flow_view {
	__u16 n_fate;
	__u16 n;     /**< with the others */
	__u32 flags; /**< TAP_VIEW_* */
	struct tap_flow_view_mask by[TAP_MASKS];
};

/**
 * A bucket: rules by a fingerprint of their hash, four of which are looked at as one
 * number. Of rules with the same mask and key the one with the lowest rank stands here;
 * no two of a bucket have the same fingerprint.
 */
struct tap_flow_bucket {
	__u16 print[TAP_BUCKET_WAYS]; /**< 0: there is none */
	__u16 rule[TAP_BUCKET_WAYS];  /**< its number */
} __attribute__((aligned(8)));

/** What a counter has counted on one CPU, or by one queue. */
struct tap_flow_count {
	__u64 hits;
	__u64 bytes;
};

/** Counter of what the filter dropped, super-packets as one: the netdev counts them too. */
#define TAP_COUNTER_DROPPED 0

/** The look-up of a port's flow rules; rules and counters have arrays of their own. */
struct tap_flow {
	__u32 view;    /**< the view in use */
	__u32 stashed; /**< rules in the stash, which is looked at if there are any */
	__u32 reserved[14];
	struct tap_flow_bucket stash; /**< rules that had no place in their bucket */
	__u64 seed[TAP_FLOW_WORDS];   /**< of the hash, one for each word */
	__u64 factor[TAP_FLOW_WORDS]; /**< likewise; odd */
	struct tap_flow_view views[TAP_VIEWS];
	union tap_flow_key mask[TAP_MASKS];
	struct tap_flow_bucket bucket[TAP_BUCKETS];
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
_Static_assert(sizeof(struct tap_shared) == 64 + 64 * TAP_MAX_QUEUES +
						    TAP_SLOTS * sizeof(struct tap_policy) +
						    TAP_CTXS * sizeof(struct tap_rss_ctx) +
						    TAP_KEYS * sizeof(struct tap_toeplitz_table),
	       "no hidden padding");
_Static_assert(sizeof(struct tap_flow_level) == 8 * TAP_FLOW_OUTER_WORDS, "no hidden padding");
_Static_assert(sizeof(struct tap_flow_tunnel) == 16, "no hidden padding");
_Static_assert(sizeof(union tap_flow_key) == 8 * TAP_FLOW_WORDS, "no hidden padding");
_Static_assert(__builtin_offsetof(struct tap_flow_level, addr) == 16, "addresses are aligned");
_Static_assert(__builtin_offsetof(struct tap_flow_rule, key) == 32, "no hidden padding");
_Static_assert(sizeof(struct tap_flow_rule) == 192, "a rule fills three cache lines");
_Static_assert(sizeof(struct tap_flow_view) == 8 + 16 * TAP_MASKS, "no hidden padding");
_Static_assert(TAP_RULES <= 0xffff, "counters' numbers fit");
_Static_assert(sizeof(struct tap_flow) ==
		       64 + 16 * TAP_FLOW_WORDS + sizeof(struct tap_flow_view) * TAP_VIEWS +
			       sizeof(union tap_flow_key) * TAP_MASKS +
			       sizeof(struct tap_flow_bucket) * (TAP_BUCKETS + 1),
	       "no hidden padding");

#endif /* TAP_POLICY_ABI_H */
