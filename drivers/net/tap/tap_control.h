/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_CONTROL_H
#define TAP_CONTROL_H

/**
 * @file
 * One lock for the control paths of all ports. ethdev has one thread at a time configure a
 * port; telemetry is another, and must find each port whole. Bursts never take it. The thread
 * that holds it may take it again.
 */

void tap_control_lock(void);
void tap_control_unlock(void);

#endif /* TAP_CONTROL_H */
