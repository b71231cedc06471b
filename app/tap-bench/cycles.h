/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef BENCH_CYCLES_H
#define BENCH_CYCLES_H

/** @file Cycles that a thread takes; TSC ticks where nothing counts cycles. */

#include <stdint.h>

/** Counter of the calling thread's cycles, or -1: virtual machines often have none. */
int cycles_open(void);
/** What the counter says; the TSC if it is -1. */
uint64_t cycles_read(int counter);
/** Close a counter that cycles_open() gave, -1 included. */
void cycles_close(int counter);

#endif /* BENCH_CYCLES_H */
