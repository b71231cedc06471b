/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <stdio.h>

#include "tap_caps.h"

bool
tap_have_cap(unsigned int cap)
{
	unsigned long long effective = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");

	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			break;
	fclose(f);
	return (effective >> cap) & 1;
}
