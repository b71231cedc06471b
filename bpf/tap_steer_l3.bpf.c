// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * Copyright(c) 2026 The net_tap authors
 *
 * The programs of tap_steer.bpf.c for a net_tun port, whose packets begin with the IP header. An
 * object of its own, so that programs on a tap do not even ask.
 */
#define TAP_L3
#include "tap_steer.bpf.c"
