/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef BENCH_FLOWPROG_H
#define BENCH_FLOWPROG_H

/**
 * @file
 * The programs that a port of this process has loaded, and what a run of them takes.
 */

#include <stdint.h>

#include "bench.h"

/** Programs of the port that has flow rules; they are the driver's, but for the empty one. */
struct flow_programs {
	int plain[FLOW_PROGRAMS];
	int rules[FLOW_PROGRAMS];
	int empty;
};

/**
 * Find the programs that are loaded for flow rules, and those without rules of the same port.
 * @return 0, or a negative errno value: -ENOENT if there are none
 */
int flow_programs_find(struct flow_programs *p);

/**
 * Run a program on a packet.
 *
 * @param ns   mean of the runs, in which the kernel rounds down
 * @param ret  what the last one returned
 */
int program_run(int fd, const uint8_t *packet, uint32_t len, int repeat, double *ns, uint32_t *ret);

#endif /* BENCH_FLOWPROG_H */
