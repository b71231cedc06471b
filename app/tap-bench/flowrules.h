/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef BENCH_FLOWRULES_H
#define BENCH_FLOWRULES_H

/**
 * @file
 * Flow rules of a port that match frames of the benchmark, and frames as the programs
 * want them.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_flow.h>

/** What BPF_PROG_TEST_RUN strips from a socket filter's input and a tap does not. */
#define FLOW_PREFIX_LEN 14
/** Room for prefix and frame. */
#define FLOW_FRAME_ROOM 128

/** Frames of one kind, of different flows or all of one. */
struct flow_frames {
	uint8_t *data;
	unsigned int n;
	uint16_t len; /**< of a frame, without the prefix */
	bool vxlan;   /**< IPv4/UDP in VXLAN, else IPv4/UDP */
};

/** A rule by addresses and ports, of the innermost headers. */
struct flow_spec {
	unsigned int frame; /**< whose flow it is */
	uint8_t mask;       /**< 0: all bits; 1 to 63: fewer bits of the addresses, each its own */
	bool miss;          /**< of a flow that no frame has */
	bool drop;          /**< else to the queue */
	uint16_t queue;
	uint16_t priority;
};

/** Rules that are there, in the order of their making. */
struct flow_set {
	uint16_t port;
	unsigned int n;
	unsigned int room;
	struct rte_flow **flow;
};

/**
 * Frames and sets of rules stay until the process ends.
 *
 * @param one_flow  frames differ in their source MAC address alone
 */
int flow_frames_make(struct flow_frames *f, unsigned int n, bool vxlan, bool one_flow);

/** A frame with its prefix. */
static inline const uint8_t *
flow_frame(const struct flow_frames *f, unsigned int i)
{
	return f->data + (size_t)i * FLOW_FRAME_ROOM;
}

int flow_set_open(struct flow_set *s, uint16_t port, unsigned int room);
/** Create a rule. @return 0, or a negative errno value with @p error */
int flow_set_add(struct flow_set *s, const struct flow_frames *f, const struct flow_spec *spec,
		 struct rte_flow_error *error);
/** Destroy the youngest rules until there are @p keep. */
int flow_set_cut(struct flow_set *s, unsigned int keep, struct rte_flow_error *error);

#endif /* BENCH_FLOWRULES_H */
