/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef SOAK_CHANGE_H
#define SOAK_CHANGE_H

/** @file A thread that changes a running port's settings, some three hundred times per second. */

#include <stdbool.h>
#include <stdint.h>

#define SOAK_QUEUES 4
/** Lines of the account that can fail: of the changes, of both directions, of the mbufs. */
#define SOAK_CHECKS 14
/** Exit status by which meson knows a test that was left out. */
#define SOAK_SKIPPED 77

/** Which half of a queue. */
enum soak_direction {
	SOAK_RX,
	SOAK_TX,
	SOAK_DIRECTIONS
};

/** Before the thread: make the rule that drops UDP to SOAK_DROP_PORT. Ends the process on failure. */
void change_begin(uint16_t id);

/** The thread. Ends soon after change_stop(), with all queues running and the link up. */
void *change_thread(void *arg);

/** End the thread. */
void change_stop(void);

/** Whether the thread still runs. */
bool change_busy(void);

/** Changes made. */
uint64_t change_count(void);

/**
 * Print what was changed how often.
 *
 * @param rate changes of table, key and rules per second that there must have been
 * @return lines that say otherwise: a change failed or was never made; there were less
 */
unsigned int change_report(unsigned int rate);

/** Called by the poller before each burst: whether the queue may be polled, or sent from, now. */
bool change_queue_open(enum soak_direction direction, uint16_t queue);

/** Keep the link as it is, as a frame sent while it goes down is lost to no driver's account. */
void change_link_hold(void);

/** The other half of change_link_hold(). */
void change_link_let(void);

#endif
