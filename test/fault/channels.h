/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef CHANNELS_H
#define CHANNELS_H

/**
 * @file
 * DPDK's channels to secondary processes, to telemetry and to EAL's interrupt thread, with both ends in this process.
 */

#include <rte_alarm.h>
#include <rte_eal.h>
#include <rte_interrupts.h>
#include <rte_telemetry.h>

#include <ethdev_driver.h>

#include "fault.h"

/** What a message is about (tap_mp.c): requests of secondaries before, orders of the primary from it on. */
#define CHANNELS_FIRST_ORDER 2

struct channels_command {
	const char *name;
	telemetry_cb run;
};

struct channels {
	struct rte_eth_dev *secondary; /**< the port as a secondary has it; NULL: there is none */
	rte_mp_t serve;                /**< the primary's action */
	rte_mp_t follow;               /**< the secondary's */
	struct rte_mp_msg answer;      /**< of the last action, if it has answered */
	bool answered;
	bool following;               /**< an action of the secondary's is running */
	rte_eal_alarm_callback alarm; /**< the secondary's; NULL: not set */
	void *alarm_arg;
	rte_intr_callback_fn interrupt; /**< that is registered */
	void *interrupt_arg;
	struct channels_command command[16];
	unsigned int n_commands;
	struct rte_tel_data *given[256]; /**< what has become part of an answer */
	unsigned int n_given;
};

extern struct channels channels;

/** Free the parts of an answer of telemetry. */
void channels_free_given(void);

#endif /* CHANNELS_H */
