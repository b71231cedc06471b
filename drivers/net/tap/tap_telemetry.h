/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_TELEMETRY_H
#define TAP_TELEMETRY_H

/**
 * @file
 * What a port tells of itself: telemetry commands under /net_tap/, and text.
 */

#include <stdio.h>

#include "tap_ethdev.h"

/** Telemetry finds the port from now on. */
void tap_telemetry_add(struct rte_eth_dev *dev);

/** It does not any more, and no command looks at the port when this returns. */
void tap_telemetry_remove(const struct rte_eth_dev *dev);

/** rte_eth_dev_priv_dump(). */
int tap_priv_dump(struct rte_eth_dev *dev, FILE *file);

#endif /* TAP_TELEMETRY_H */
