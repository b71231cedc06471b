/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef BENCH_FLOWCASES_H
#define BENCH_FLOWCASES_H

/**
 * @file
 * What the measurements of flow rules keep from round to round.
 */

#include "flowprog.h"
#include "flowrules.h"
#include "worker.h"

struct flow_bench {
	bool ready;
	bool given_up; /**< the driver has no such rules */
	bool programs; /**< there are programs of the port to time */
	struct flow_frames plain;
	struct flow_frames one_flow;
	struct flow_frames vxlan;
	struct flow_set set;
	struct flow_programs prog;
};

/** A rule could not be made, or not be destroyed. @return @p err */
int flow_fail(struct worker *w, int err, const char *what, const struct rte_flow_error *error);

/** Time the programs in all cases; leaves no rules. */
int flow_cases_measure(struct worker *w, struct flow_bench *b);

#endif /* BENCH_FLOWCASES_H */
