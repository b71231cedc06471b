/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <fcntl.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_random.h>

#include "fuzz.h"
#include "tap_log.h"

void
fuzz_quiet(void)
{
	rte_log_set_level((uint32_t)net_tap_logtype, RTE_LOG_CRIT);
}

void
fuzz_eal(void)
{
	static bool done;
	char prefix[32];
	char *eal[] = { "fuzz",
			"--no-huge",
			"--no-shconf",
			"-m",
			"64",
			"--no-pci",
			"--no-telemetry",
			"--file-prefix",
			prefix,
			"--log-level=lib.eal:critical" };

	if (done)
		return;
	snprintf(prefix, sizeof(prefix), "nettap-fuzz%d", getpid());
	if (rte_eal_init(sizeof(eal) / sizeof(eal[0]), eal) < 0)
		abort();
	/* EAL makes this folder even if it keeps nothing in it, and would leave it. */
	rmdir(rte_eal_get_runtime_dir());
	/* The same hashes of rules in each run: a finding can be repeated. */
	rte_srand(1);
	fuzz_quiet();
	done = true;
}

int
fuzz_lowest_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		abort();
	close(fd);
	return fd;
}
