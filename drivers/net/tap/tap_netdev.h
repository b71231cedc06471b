/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_NETDEV_H
#define TAP_NETDEV_H

/**
 * @file
 * The netdev of a port, wherever it is: it may be moved to another network namespace while the
 * port runs. Queue fds do not notice; requests over rtnetlink have to be made there.
 */

#include "tap_ethdev.h"

/**
 * State of the netdev. If it has moved, the port's handle and ifindex follow it first, so that
 * what is set by them after this call meets the right one.
 *
 * @return 0; -ENODEV if the netdev is gone or cannot be followed, after one log message that
 *         says which; or another negative errno.
 */
int tap_netdev_get(struct tap_port *port, struct tap_link_state *state);

/** Open one more queue; an fd, or negative errno after a log message. */
int tap_netdev_open_queue(struct tap_port *port);

#endif /* TAP_NETDEV_H */
