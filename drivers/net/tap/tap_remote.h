/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_REMOTE_H
#define TAP_REMOTE_H

/**
 * @file
 * Devarg `remote`: what arrives at another netdev and is for the port goes to the port, by way of
 * the tap, so that steering and flow rules apply; what the port transmits goes out of that netdev.
 * On a port without a remote all functions do nothing and return 0.
 *
 * The environment variable NET_TAP_NO_TCX makes the driver attach as kernels before 6.6 do; for tests.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

struct tap_port;

/**
 * Attach to the netdev that the arguments name, and take over its MAC address and MTU. Nothing is
 * captured before tap_remote_run(). Without such an argument: remove what an earlier process has
 * left on the tap.
 *
 * @return 0, or negative errno after a log message
 */
int tap_remote_open(struct tap_port *port);

/** Detach, and give the netdev back as it was. */
void tap_remote_close(struct tap_port *port);

/** Capture, from a netdev that is set up for it; or do not. */
void tap_remote_run(struct tap_port *port, bool on);

/** Capture all frames, or those of all multicast groups. */
void tap_remote_set_promiscuous(struct tap_port *port, bool on);
void tap_remote_set_allmulticast(struct tap_port *port, bool on);

/** Capture frames to an address, or no longer. */
int tap_remote_allow(struct tap_port *port, const struct rte_ether_addr *mac);
void tap_remote_forbid(struct tap_port *port, const struct rte_ether_addr *mac);

/** Capture frames to these groups in place of those in the port's filter. */
int tap_remote_set_multicast(struct tap_port *port, const struct rte_ether_addr *list, uint32_t n);

/** Set the MTU of the netdev; negative errno after a log message. */
int tap_remote_set_mtu(struct tap_port *port, uint16_t mtu);

#endif /* TAP_REMOTE_H */
