/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <pthread.h>

#include <rte_common.h>

#include "tap_control.h"

static pthread_mutex_t tap_control_mutex;

RTE_INIT(tap_control_init)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&tap_control_mutex, &attr);
	pthread_mutexattr_destroy(&attr);
}

void
tap_control_lock(void)
{
	pthread_mutex_lock(&tap_control_mutex);
}

void
tap_control_unlock(void)
{
	pthread_mutex_unlock(&tap_control_mutex);
}
