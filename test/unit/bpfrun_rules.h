/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef BPFRUN_RULES_H
#define BPFRUN_RULES_H

/** @file Runs the programs of flow rules over frames, by BPF_PROG_TEST_RUN. */

#include <stdbool.h>
#include <stdint.h>

#include "tap_bpf.h"

/** A packet as the tap's programs meet it. */
struct rules_packet {
	const uint8_t *data;
	uint32_t len;
	uint16_t tpid; /**< of a tag beside the data, or 0 */
	uint16_t tci;
	uint32_t gso_segs; /**< of a super-packet, or 0 */
};

/**
 * Load the programs: by the driver's own loader, and once more over the same maps as tc
 * classifiers, which alone can be given a tag beside the data.
 *
 * @param bpf   the port's, whose tables are open
 * @param reason  why not, in words
 * @return 0, or negative errno
 */
int bpfrun_rules_open(struct tap_bpf *bpf, char reason[TAP_REASON_LEN]);

/** Unload what bpfrun_rules_open() has loaded itself. */
void bpfrun_rules_close(void);

/** Run a program; false if the kernel would not. */
bool bpfrun_rules(enum tap_rules_program program, const struct rules_packet *packet,
		  uint32_t *result);

#endif /* BPFRUN_RULES_H */
