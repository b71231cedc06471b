/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Copyright(c) 2026 The net_tap authors */
#ifndef BENCH_BITWISE_H
#define BENCH_BITWISE_H

/** @file What bitwise.bpf.c reads; shared with the program that loads it. */

#include <linux/types.h>

/** Entries of the redirection table. */
#define BITWISE_RETA_SIZE 512

/** Key and table of the bit-by-bit program. */
struct bitwise_conf {
	__u8 key[40];
	__u16 reta[BITWISE_RETA_SIZE];
};

#endif /* BENCH_BITWISE_H */
