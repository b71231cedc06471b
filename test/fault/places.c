/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"

extern const char __executable_start;

/*
 * Percent of the driver's that must fail in a run of all: less would mean that the driver, the
 * scenarios or the compiler have changed so that faults pass them by.
 */
#define LEAST_OF_DRIVER 90

/* Of the driver, and of libbpf. */
struct tally {
	const char *owner;
	unsigned int known;
	unsigned int failed;
};

static bool
failed_at(const bool *injected, uintptr_t address)
{
	unsigned int i;

	for (i = 0; i < fault_sites(); i++)
		if (injected[i] &&
		    (uintptr_t)fault_site(i)->caller[0] - (uintptr_t)&__executable_start == address)
			return true;
	return false;
}

bool
fault_print_places(const char *program, const bool *injected, bool all, bool whole)
{
	struct tally tally[] = { { "driver", 0, 0 }, { "libbpf", 0, 0 } };
	char owner[16], name[64], where[256];
	bool complete = true;
	uintptr_t address;
	char path[512], line[512];
	unsigned int i;
	FILE *file;

	snprintf(path, sizeof(path), "%s.sites", program);
	file = fopen(path, "re");
	if (file == NULL) {
		printf("%s: %s: which call sites there are is not known\n", path, strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "%" SCNxPTR " %15s %63s %255[^\n]", &address, owner, name,
			   where) != 4) {
			printf("FAILED %s: not understood: %s\n", path, line);
			complete = false;
			continue;
		}
		if (strcmp(owner, "unwrapped") == 0) {
			printf("FAILED %s() is called by the driver and has no wrapper\n", name);
			complete = false;
		}
		for (i = 0; i < sizeof(tally) / sizeof(tally[0]); i++) {
			if (strcmp(owner, tally[i].owner) != 0)
				continue;
			tally[i].known++;
			if (failed_at(injected, address))
				tally[i].failed++;
			else if (all)
				printf("    not failed: %s: %s() in %s\n", owner, name, where);
		}
	}
	fclose(file);
	for (i = 0; i < sizeof(tally) / sizeof(tally[0]); i++)
		printf("    %s: %u of %u call sites in its machine code have failed\n",
		       tally[i].owner, tally[i].failed, tally[i].known);
	if (tally[0].known == 0)
		printf("FAILED no call site in the machine code is known to be the driver's\n");
	if (whole && tally[0].failed * 100 < tally[0].known * LEAST_OF_DRIVER) {
		printf("FAILED these are less than %d %% of the driver's\n", LEAST_OF_DRIVER);
		complete = false;
	}
	return complete && tally[0].known != 0;
}
