/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <string.h>

#include <rte_byteorder.h>
#include <rte_config.h>
#include <rte_cpuflags.h>
#include <rte_ip.h>

#include "tap_cksum.h"

#ifdef RTE_ARCH_X86_64
#include <immintrin.h>
#endif

static uint64_t
tap_cksum_sum_any(const void *data, size_t n)
{
	return rte_raw_cksum(data, n);
}

static uint64_t
tap_cksum_copy_any(void *dst, const void *src, size_t n)
{
	memcpy(dst, src, n);
	return rte_raw_cksum(src, n);
}

static uint64_t (*tap_cksum_sum_best)(const void *data, size_t n) = tap_cksum_sum_any;
static uint64_t (*tap_cksum_copy_best)(void *dst, const void *src, size_t n) = tap_cksum_copy_any;

#ifdef RTE_ARCH_X86_64

/* Tuned for what has AVX2: for older CPUs (corei7, DPDK's default) gcc halves loads and stores. */
#define TAP_AVX2 __attribute__((target("avx2,tune=haswell")))

/*
 * Words of 32 bits in 64: the carries need no care. Part of its callers in any case: behind a call
 * of code for other CPUs gcc leaves out vzeroupper, and SSE code would be slow from there on.
 */
static __rte_always_inline TAP_AVX2 uint64_t
tap_cksum_sum_tail(const uint8_t *p, size_t n)
{
	uint64_t sum = 0;
	uint32_t word;

	for (; n >= sizeof(word); p += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	word = 0;
	memcpy(&word, p, n);
	return sum + word;
}

/*
 * Of words in lanes of 32 bits, one accumulator adds all of it and wraps, the other the upper
 * halves: what is left of the first without the second are the lower halves. Three
 * instructions for 32 bytes; the sums are exact up to 65535 turns.
 */
struct tap_lanes {
	__m256i all;
	__m256i high;
};

static inline TAP_AVX2 void
tap_lanes_add(struct tap_lanes *l, __m256i x)
{
	l->all = _mm256_add_epi32(l->all, x);
	l->high = _mm256_add_epi32(l->high, _mm256_srli_epi32(x, 16));
}

/* Both halves of all lanes; they fit 32 bits together, the data being below 128 KiB. */
static inline TAP_AVX2 uint64_t
tap_lanes_sum(const struct tap_lanes *a, const struct tap_lanes *b)
{
	__m256i all = _mm256_add_epi32(a->all, b->all);
	__m256i high = _mm256_add_epi32(a->high, b->high);
	__m256i sum = _mm256_add_epi32(_mm256_sub_epi32(all, _mm256_slli_epi32(high, 16)), high);
	__m128i half;

	sum = _mm256_add_epi64(_mm256_srli_epi64(sum, 32),
			       _mm256_and_si256(sum, _mm256_set1_epi64x(0xffffffff)));
	half = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
	return (uint64_t)_mm_extract_epi64(half, 0) + (uint64_t)_mm_extract_epi64(half, 1);
}

static TAP_AVX2 uint64_t
tap_cksum_sum_avx2(const void *data, size_t n)
{
	struct tap_lanes a = { _mm256_setzero_si256(), _mm256_setzero_si256() };
	struct tap_lanes b = a;
	const uint8_t *p = data;

	for (; n >= 128; p += 128, n -= 128) {
		tap_lanes_add(&a, _mm256_loadu_si256((const __m256i *)p));
		tap_lanes_add(&b, _mm256_loadu_si256((const __m256i *)(p + 32)));
		tap_lanes_add(&a, _mm256_loadu_si256((const __m256i *)(p + 64)));
		tap_lanes_add(&b, _mm256_loadu_si256((const __m256i *)(p + 96)));
	}
	for (; n >= 32; p += 32, n -= 32)
		tap_lanes_add(&a, _mm256_loadu_si256((const __m256i *)p));
	return tap_lanes_sum(&a, &b) + tap_cksum_sum_tail(p, n);
}

static TAP_AVX2 uint64_t
tap_cksum_copy_avx2(void *dst, const void *src, size_t n)
{
	struct tap_lanes a = { _mm256_setzero_si256(), _mm256_setzero_si256() };
	struct tap_lanes b = a;
	const uint8_t *p = src;
	uint8_t *to = dst;

	for (; n >= 64; p += 64, to += 64, n -= 64) {
		__m256i x = _mm256_loadu_si256((const __m256i *)p);
		__m256i y = _mm256_loadu_si256((const __m256i *)(p + 32));

		_mm256_storeu_si256((__m256i *)to, x);
		_mm256_storeu_si256((__m256i *)(to + 32), y);
		tap_lanes_add(&a, x);
		tap_lanes_add(&b, y);
	}
	for (; n >= 32; p += 32, to += 32, n -= 32) {
		__m256i x = _mm256_loadu_si256((const __m256i *)p);

		_mm256_storeu_si256((__m256i *)to, x);
		tap_lanes_add(&a, x);
	}
	memcpy(to, p, n);
	return tap_lanes_sum(&a, &b) + tap_cksum_sum_tail(p, n);
}

#endif /* RTE_ARCH_X86_64 */

void
tap_cksum_init(void)
{
#ifdef RTE_ARCH_X86_64
	if (rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX2) > 0) {
		tap_cksum_sum_best = tap_cksum_sum_avx2;
		tap_cksum_copy_best = tap_cksum_copy_avx2;
	}
#endif
}

uint64_t
tap_cksum_sum(const void *data, size_t n)
{
	return tap_cksum_sum_best(data, n);
}

uint64_t
tap_cksum_copy(void *dst, const void *src, size_t n)
{
	return tap_cksum_copy_best(dst, src, n);
}

uint64_t
tap_cksum_pseudo(const uint8_t *ip, bool ipv4, uint8_t proto, uint32_t l4_len)
{
	uint64_t sum = rte_cpu_to_be_16(proto);

	sum += rte_cpu_to_be_16((uint16_t)l4_len);
	if (ipv4)
		return sum + tap_cksum_header(ip + offsetof(struct rte_ipv4_hdr, src_addr), 8);
	return sum + tap_cksum_header(ip + offsetof(struct rte_ipv6_hdr, src_addr), 32);
}
