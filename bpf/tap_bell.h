/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * What all programs of a port share, and the bells in it. For programs only. Each object
 * has this alone in its .bss, so that one map can serve them all.
 */
#ifndef TAP_BELL_H
#define TAP_BELL_H

#include "tap_packet.h"
#include "tap_policy_abi.h"

/** Written by the driver, which has this mapped; the programs write the bells alone. */
struct tap_shared tap_shared __attribute__((aligned(64)));

/** Ring a queue's bell. A line that the receiver polls is written only if it must change. */
TAP_HOT void
tap_ring(__u32 queue)
{
	volatile __u32 *rung = &tap_shared.bell[queue & (TAP_MAX_QUEUES - 1)].rung;

	if (*rung == 0)
		*rung = 1;
}

#endif /* TAP_BELL_H */
