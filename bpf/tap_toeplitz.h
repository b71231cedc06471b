/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * The Toeplitz hash by table: one look-up for each byte of the input.
 */
#ifndef TAP_TOEPLITZ_H
#define TAP_TOEPLITZ_H

#include "tap_packet.h"
#include "tap_policy_abi.h"

/** A hash under way: two sums, so that half as many XORs wait for each other. */
struct tap_sums {
	__u32 even;
	__u32 odd;
};

/** Add what the four bytes at @p in contribute, standing at position @p pos of the input. */
TAP_HOT void
tap_toeplitz4(const struct tap_toeplitz_table *t, __u32 pos, const __u8 *in, struct tap_sums *s)
{
	s->even ^= t->at[pos][in[0]];
	s->odd ^= t->at[pos + 1][in[1]];
	s->even ^= t->at[pos + 2][in[2]];
	s->odd ^= t->at[pos + 3][in[3]];
	/* Keeps clang from making one sum of both, and from loading all bytes first. */
	tap_forget(s->even);
	tap_forget(s->odd);
}

/** Toeplitz hash of addresses of @p addr bytes in all, and of four bytes behind them if @p l4. */
TAP_HOT __u32
tap_toeplitz(const struct tap_toeplitz_table *t, const __u8 *in, const __u32 addr, int l4)
{
	struct tap_sums s = { 0, 0 };
	__u32 i;

#pragma GCC unroll 8
	for (i = 0; i < addr; i += 4)
		tap_toeplitz4(t, i, in + i, &s);
	if (l4)
		tap_toeplitz4(t, addr, in + addr, &s);
	return s.even ^ s.odd;
}

#ifndef __bpf__

/** Build the table of a key: some 9,000 XORs. */
static inline void
tap_toeplitz_table_build(struct tap_toeplitz_table *t, const uint8_t key[TAP_KEY_LEN])
{
	uint32_t i, bit, b, row;
	uint64_t part;

	for (i = 0; i < TAP_INPUT_LEN; i++) {
		/* The 40 key bits that the eight input bits of this byte can meet. */
		part = (uint64_t)key[i] << 32 | (uint64_t)key[i + 1] << 24 |
		       (uint64_t)key[i + 2] << 16 | (uint64_t)key[i + 3] << 8 | key[i + 4];
		t->at[i][0] = 0;
		/* Each bit doubles the number of known entries, the lowest bit first. */
		for (bit = 0; bit < 8; bit++) {
			row = (uint32_t)(part >> (bit + 1));
			for (b = 0; b < 1u << bit; b++)
				t->at[i][1u << bit | b] = t->at[i][b] ^ row;
		}
	}
}

#endif /* __bpf__ */
#endif /* TAP_TOEPLITZ_H */
