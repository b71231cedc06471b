/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_MP_H
#define TAP_MP_H

/**
 * @file
 * What a process has of a port for itself, and how secondary processes get it from the primary.
 *
 * Queues lie in memory that all processes share; numbers of fds and addresses of mappings are
 * true in one process only, so bursts look them up here. In a secondary the fd number of a
 * queue never changes and is never given back before the port is closed there: what the
 * primary sends or takes away is put in its place, so that no burst can meet another file.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_config.h>

#include "tap_policy_abi.h"

struct rte_eth_dev;
struct tap_port;

/** Fds of this process, by port and queue of the netdev; valid while the port has the queue. */
extern int tap_fds[RTE_MAX_ETHPORTS][TAP_MAX_QUEUES];
/** The bells of a port, as this process has them mapped; NULL: none. */
extern struct tap_bell *tap_bells[RTE_MAX_ETHPORTS];

/** Primary: be ready for secondaries; without shared configuration there are none. */
void tap_mp_init(void);

/** Primary: secondaries may ask for the port, until tap_mp_gone(). */
void tap_mp_ready(struct tap_port *port);

/** Primary: tell the attached secondaries to fetch and poll the queues that the port has now. */
void tap_mp_started(struct tap_port *port);

/** Primary: have the attached secondaries poll no more and let go of all queues. */
void tap_mp_stopped(struct tap_port *port);

/** Primary: the port ends; its secondaries must not touch it again. */
void tap_mp_gone(struct tap_port *port);

/** Primary: change the queues only between these, so that nobody is sent half of them. */
void tap_mp_lock(void);
void tap_mp_unlock(void);

/**
 * Secondary: take the port's queues and bells from the primary.
 *
 * @return 0, or negative errno after a log message
 */
int tap_mp_attach(struct rte_eth_dev *dev);

/** Secondary: give back what the process has of the port. */
void tap_mp_detach(struct rte_eth_dev *dev);

#endif /* TAP_MP_H */
