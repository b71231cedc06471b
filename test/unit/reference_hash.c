/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <stdlib.h>
#include <string.h>

#include "reference.h"

static unsigned int
bit_of(const uint8_t *bytes, unsigned int i)
{
	return bytes[i / 8] >> (7 - i % 8) & 1;
}

static uint32_t
toeplitz(const uint8_t *key, const uint8_t *input, unsigned int len)
{
	unsigned int i, j;
	uint32_t hash = 0;

	for (i = 0; i < len * 8; i++) {
		if (bit_of(input, i) == 0)
			continue;
		for (j = 0; j < 32; j++)
			hash ^= (uint32_t)bit_of(key, i + j) << (31 - j);
	}
	return hash;
}

static uint32_t
simple_xor(const uint8_t *input, unsigned int len)
{
	uint32_t hash = 0;
	unsigned int i;

	for (i = 0; i < len; i++)
		hash ^= (uint32_t)input[i] << (24 - i % 4 * 8);
	return hash;
}

/* Both halves of a pair become their XOR. */
static void
pair_xor(uint8_t *pair, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		pair[i] ^= pair[n + i];
		pair[n + i] = pair[i];
	}
}

/* The smaller half of a pair comes first. */
static void
pair_sort(uint8_t *pair, unsigned int n)
{
	uint8_t first[16];

	if (memcmp(pair, pair + n, n) <= 0)
		return;
	memcpy(first, pair, n);
	memcpy(pair, pair + n, n);
	memcpy(pair + n, first, n);
}

/* Apply `f` to each pair that an input of this kind has. */
static void
for_pairs(void (*f)(uint8_t *, unsigned int), enum ref_kind kind, uint8_t *input, unsigned int len)
{
	switch (kind) {
	case REF_TUPLE2:
	case REF_MAC_PAIR:
		f(input, len / 2);
		break;
	case REF_TUPLE4:
		f(input, (len - 4) / 2);
		f(input + len - 4, 2);
		break;
	case REF_SPI:
		f(input, (len - 4) / 2);
		break;
	default:
		break;
	}
}

uint32_t
ref_hash(uint8_t algo, const uint8_t key[TAP_KEY_LEN], enum ref_kind kind, const uint8_t *input,
	 unsigned int len)
{
	uint8_t in[TAP_INPUT_LEN];

	memcpy(in, input, len);
	switch (algo) {
	case TAP_ALGO_TOEPLITZ:
		return toeplitz(key, in, len);
	case TAP_ALGO_XOR:
		return simple_xor(in, len);
	case TAP_ALGO_SYM_TOEPLITZ:
		for_pairs(pair_xor, kind, in, len);
		return toeplitz(key, in, len);
	case TAP_ALGO_SYM_SORT:
		for_pairs(pair_sort, kind, in, len);
		return toeplitz(key, in, len);
	default:
		abort();
	}
}

const char *
ref_kind_name(enum ref_kind kind)
{
	static const char *const name[] = {
		[REF_NONE] = "none",           [REF_TUPLE2] = "2-tuple",
		[REF_TUPLE4] = "4-tuple",      [REF_SPI] = "SPI",
		[REF_VLAN] = "VLAN",           [REF_MAC_PAIR] = "MAC pair",
		[REF_ETHERTYPE] = "EtherType",
	};

	return name[kind];
}
