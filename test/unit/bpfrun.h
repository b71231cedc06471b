/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef BPFRUN_H
#define BPFRUN_H

/** @file Runs the BPF programs over frames, by BPF_PROG_TEST_RUN. */

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"
#include "tap_policy_abi.h"

/**
 * Frames of that many bytes can be run as tc classifier whatever they are; of shorter ones
 * the kernel refuses some (no Ethernet header, no IP header behind IP's EtherType).
 */
#define BPFRUN_TC_MIN 54

/** The programs of the skeleton. */
enum program {
	PROGRAM_STEER,
	PROGRAM_BASIC,
	PROGRAM_FILTER,
	PROGRAM_COUNT
};

/**
 * Load the programs. Once as what they are, socket filters; and once as tc classifiers,
 * for what a test run of a socket filter cannot give its packet: a VLAN tag
 * beside the data and a queue.
 *
 * @param reason why not, in words
 * @return 0; 1 where the system does not allow any BPF; -1 where it refuses these programs
 */
int bpfrun_open(char *reason, unsigned int size);

/** Unload them. */
void bpfrun_close(void);

/**
 * The memory that the next run of @p f reads its policy from and rings bells in. It is
 * another one for frames with a tag beside the data, and with @p as_tc.
 */
struct tap_shared *bpfrun_shared(const struct frame *f, bool as_tc);

/** Run a program over @p f as the tap would; false if the kernel would not, with a message. */
bool bpfrun(enum program program, const struct frame *f, uint32_t *result);

/** Run it as a tc classifier, over a packet whose queue_mapping is @p queue. */
bool bpfrun_tc(enum program program, const struct frame *f, uint32_t queue, uint32_t *result);

/** Run tap_steer, or tap_steer_basic, of a net_tun port over what is behind @p f's first 14 bytes. */
bool bpfrun_l3(bool basic, const struct frame *f, uint32_t *result);

/** The memory that bpfrun_l3() reads its policy from. */
struct tap_shared *bpfrun_shared_l3(void);

/** The one bell that rings; -1 for none, -2 for several. Silences all. */
int bpfrun_bell(struct tap_shared *shared);

#endif /* BPFRUN_H */
