/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * What the classifier needs of its surroundings, for BPF and for user space:
 * how to load bytes of a packet, and how functions are to be compiled.
 */
#ifndef TAP_PACKET_H
#define TAP_PACKET_H

#include <linux/types.h>

/** Bytes of an Ethernet header. */
#define TAP_ETH_LEN 14u

/*
 * The packets of a net_tun port begin with the IP header. They are classified as the frames that
 * they would be behind an Ethernet header without addresses: programs, which are compiled for them
 * with TAP_L3, count its bytes and make it up in the window; the driver writes it in front of them.
 */

#define tap_likely(x) __builtin_expect(!!(x), 1)
#define tap_unlikely(x) __builtin_expect(!!(x), 0)

/**
 * Unroll the loop that follows wholly; it has a constant number of turns, 32 at most. In what
 * stays a loop, the verifier remembers states too seldom (every 20 branches, or 100 instructions)
 * for the paths through short turns to meet: they multiply.
 */
#ifdef __bpf__
#define TAP_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__clang__)
#define TAP_UNROLL /* warns of loops that it finds not worth it */
#else
#define TAP_UNROLL _Pragma("GCC unroll 32")
#endif

/** Make the compiler forget what it knows of a number. */
#define tap_forget(x) __asm__ volatile("" : "+r"(x))

/**
 * Load a number that the driver stores while others read; what it leads to, they find as it was
 * filled before. In a program a load of what lies at an address made of it is ordered behind it anyhow.
 */
#ifdef __bpf__
#define tap_load_published(at) (*(const volatile __typeof__(*(at)) *)(at))
#else
#define tap_load_published(at) __atomic_load_n(at, __ATOMIC_ACQUIRE)
#endif

/** A 16-bit constant as it lies in a packet. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define TAP_BE16(x) ((__u16)((((x)&0xff) << 8) | (((x) >> 8) & 0xff)))
#else
#define TAP_BE16(x) ((__u16)(x))
#endif

#ifdef __bpf__

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/** The packet is the program's context; no other view of it is needed. */
#define tap_pkt __sk_buff

/** Part of the path of every packet. */
#define TAP_HOT static __attribute__((always_inline)) inline
/**
 * Off that path: a subprogram. Static, because to take the context in a global one
 * needs a kernel with BTF; so the verifier walks it for each caller.
 */
#define TAP_COLD static __attribute__((noinline, unused))
/** On the path of every packet, but with a frame of the stack of its own. */
#define TAP_BODY TAP_COLD
/**
 * Make the verifier forget what it knows of a number: states that differ in bounds
 * alone then compare equal, so that the paths through loops do not multiply.
 */
#define tap_blur(pkt, x)                                                                           \
	do {                                                                                       \
		__typeof__(x) blur_ = (pkt)->len;                                                  \
		(x) ^= blur_;                                                                      \
		tap_forget(x);                                                                     \
		(x) ^= blur_;                                                                      \
	} while (0)

/** One call is cheaper for the verifier than one for each header that may be first. */
#define TAP_WALK_ALWAYS 1

/** User space alone wants the outermost headers beside the verdict. */
#define TAP_WANT_OUTER 0

/** The IP header in a copied window is aligned; the verifier and the compiler may know. */
#define TAP_WIN_ALIGNED(p, n) __builtin_assume_aligned(p, n)

/** Bytes of the frame that the packet has not. */
#ifdef TAP_L3
#define TAP_PKT_ABSENT(pkt) TAP_ETH_LEN
#else
#define TAP_PKT_ABSENT(pkt) 0u
#endif

TAP_HOT __u32
tap_pkt_len(const struct tap_pkt *pkt)
{
	return pkt->len + TAP_PKT_ABSENT(pkt);
}

TAP_HOT long
tap_pkt_load(struct tap_pkt *pkt, __u32 off, void *dst, __u32 n)
{
	return bpf_skb_load_bytes(pkt, off - TAP_PKT_ABSENT(pkt), dst, n);
}

/** A VLAN tag beside the data: its TPID as in the packet, or 0; and its TCI. */
TAP_HOT __u16
tap_pkt_tag(const struct tap_pkt *pkt, __u16 *tci)
{
	if (TAP_PKT_ABSENT(pkt) != 0 || !pkt->vlan_present)
		return 0;
	*tci = (__u16)pkt->vlan_tci;
	return (__u16)pkt->vlan_proto;
}

#else /* user space */

#include <stdint.h>

/** A frame in memory. */
struct tap_pkt {
	const uint8_t *data; /**< destination MAC */
	uint32_t contig;     /**< bytes that can be read at data */
	uint32_t len;        /**< bytes of the frame */
	uint32_t bank;       /**< of counters to count it in */
	uint32_t absent;     /**< bytes of the frame that the packet has not */
	const void *mbuf;    /**< for TAP_PKT_LOAD_SLOW */
};

#define TAP_PKT_ABSENT(pkt) ((pkt)->absent)

/** Load bytes that reach beyond pkt->contig: 0, or negative. The includer may know how. */
#ifndef TAP_PKT_LOAD_SLOW
#define TAP_PKT_LOAD_SLOW(pkt, off, dst, n) ((void)(pkt), (void)(off), (void)(dst), (void)(n), -1)
#endif

#define TAP_HOT static inline __attribute__((always_inline))
#define TAP_COLD static inline __attribute__((cold))
#define TAP_BODY static inline
#define tap_blur(pkt, x) ((void)(pkt), (void)(x))
#define TAP_WALK_ALWAYS 0
#define TAP_WANT_OUTER 1
#define TAP_WIN_ALIGNED(p, n) (p)

TAP_HOT __u32
tap_pkt_len(const struct tap_pkt *pkt)
{
	return pkt->len;
}

TAP_HOT long
tap_pkt_load(const struct tap_pkt *pkt, __u32 off, void *dst, __u32 n)
{
	if (tap_unlikely(off > pkt->contig || n > pkt->contig - off))
		return TAP_PKT_LOAD_SLOW(pkt, off, dst, n);
	__builtin_memcpy(dst, pkt->data + off, n);
	return 0;
}

TAP_HOT __u16
tap_pkt_tag(const struct tap_pkt *pkt, __u16 *tci)
{
	(void)pkt;
	(void)tci;
	return 0;
}

#endif /* __bpf__ */

/** 16 bits as they lie in the packet; compare with TAP_BE16(). */
TAP_HOT __u16
tap_raw16(const __u8 *p)
{
	__u16 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

/** 16 bits as a number. */
TAP_HOT __u32
tap_get16(const __u8 *p)
{
	return TAP_BE16(tap_raw16(p));
}

/** Four bytes, order as in the packet. */
TAP_HOT __u32
tap_raw32(const __u8 *p)
{
	__u32 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

/** A word from a packet as a number. */
TAP_HOT __u32
tap_be32(__u32 v)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap32(v);
#else
	return v;
#endif
}

TAP_HOT __u64
tap_be64(__u64 v)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap64(v);
#else
	return v;
#endif
}

TAP_HOT void
tap_put16(__u8 *p, __u16 v)
{
	__builtin_memcpy(p, &v, sizeof(v));
}

TAP_HOT void
tap_put32(__u8 *p, __u32 v)
{
	__builtin_memcpy(p, &v, sizeof(v));
}

#endif /* TAP_PACKET_H */
