/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef SOAK_POLLERS_H
#define SOAK_POLLERS_H

/** @file The side of the application: threads that burst, each with queues of its own. */

#include <stdint.h>

#include <rte_mempool.h>

#include "book.h"

/** So many there can be; they take the lcores from 1 on. */
#define SOAK_POLLERS 2

/**
 * Begin to receive of port @p id, and to send numbered packets, in @p n threads.
 *
 * @return 0, or a negative errno
 */
int pollers_begin(unsigned int n, uint16_t id, struct rte_mempool *mbufs, struct book *to_port,
		  struct book *from_port);

/** Packets received so far. */
uint64_t pollers_count(void);

/** Send no more. */
void pollers_end_sending(void);

/** Receive no more: the threads have ended. */
void pollers_end(void);

#endif
