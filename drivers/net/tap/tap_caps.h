/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_CAPS_H
#define TAP_CAPS_H

#include <stdbool.h>

/** Has this process a capability, by its number (linux/capability.h), in effect? */
bool tap_have_cap(unsigned int cap);

#endif /* TAP_CAPS_H */
