/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "cycles.h"

int
cycles_open(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES,
	};
	long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -1 : (int)fd;
}

uint64_t
cycles_read(int counter)
{
	uint64_t v;

	if (counter < 0 || read(counter, &v, sizeof(v)) != sizeof(v))
		return rte_rdtsc_precise();
	return v;
}

void
cycles_close(int counter)
{
	if (counter >= 0)
		close(counter);
}
