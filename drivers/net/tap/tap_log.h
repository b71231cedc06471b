/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_LOG_H
#define TAP_LOG_H

#include <rte_log.h>

extern int net_tap_logtype;

#ifdef RTE_LOG_LINE
#define RTE_LOGTYPE_NET_TAP net_tap_logtype
#define TAP_LOG(level, ...) RTE_LOG_LINE(level, NET_TAP, "" __VA_ARGS__)
#else
#define TAP_LOG(level, fmt, ...)                                                                   \
	rte_log(RTE_LOG_##level, net_tap_logtype, "NET_TAP: " fmt "\n", ##__VA_ARGS__)
#endif

#endif /* TAP_LOG_H */
