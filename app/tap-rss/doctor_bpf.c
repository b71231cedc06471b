/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* Whether the programs of the driver load and attach: tried, with its own objects. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/ioctl.h>

#include <linux/if_tun.h>

#include "doctor.h"

#ifdef TAP_HAVE_BPF

#include <bpf/libbpf.h>

#include "tap_bpf.h"
#include "tap_bpf_reason.h"

/* Programs that were loaded, or why not. */
static bool
say_loaded(struct doctor *d, const char *what, const char *loaded, int err)
{
	doctor_say(d, err == 0 ? FINDING_OK : FINDING_BAD, what, tap_bpf_remedy(err), "%s",
		   err == 0 ? loaded : strerror(err));
	return err == 0;
}

static void
try_attach(struct doctor *d, const struct tap_bpf *bpf, int tap_fd)
{
	int steering = tap_bpf_steering_fd(bpf);
	int filter = tap_bpf_filter_fd(bpf);
	bool ok = ioctl(tap_fd, TUNSETSTEERINGEBPF, &steering) == 0 &&
		  ioctl(tap_fd, TUNSETFILTEREBPF, &filter) == 0;

	doctor_say(d, ok ? FINDING_OK : FINDING_BAD, "attaching",
		   "the kernel's tun driver takes no programs, or seccomp forbids it; RSS runs in "
		   "software",
		   "%s", ok ? "steering and filter program run on a tap" : strerror(errno));
}

static void
try_rules(struct doctor *d, const char *what, struct tap_bpf *bpf)
{
	char reason[TAP_REASON_LEN] = "";
	int ret = tap_bpf_rules_fd(bpf, what, TAP_RULES_STEERING, reason);

	if (ret >= 0)
		ret = tap_bpf_rules_fd(bpf, what, TAP_RULES_FILTER, reason);
	say_loaded(d, what, "their programs load", ret < 0 ? -ret : 0);
}

/* The programs of a port, the best first; is any of them to be had? */
static bool
try_ladder(struct doctor *d, bool l3, int tap_fd)
{
	struct tap_bpf *bpf = tap_bpf_probe(l3, false);
	bool full = say_loaded(d, l3 ? "net_tun program" : "full program", "loads (rung 1)",
			       bpf != NULL ? 0 : errno);
	bool basic = false;

	if (full) {
		if (tap_fd >= 0)
			try_attach(d, bpf, tap_fd);
		try_rules(d, l3 ? "net_tun flow rules" : "flow rules", bpf);
	} else {
		bpf = tap_bpf_probe(l3, true);
		basic = say_loaded(d, l3 ? "net_tun basic" : "basic program", "loads (rung 2)",
				   bpf != NULL ? 0 : errno);
	}
	tap_bpf_close(bpf);
	return full || basic;
}

void
doctor_bpf(struct doctor *d, int tap_fd)
{
	doctor_say(d, FINDING_OK, "libbpf", NULL, "%s", libbpf_version_string());
	/* What keeps both programs of a tap from loading is not the programs' fault. */
	if (try_ladder(d, false, tap_fd))
		try_ladder(d, true, -1);
}

#else /* !TAP_HAVE_BPF */

void
doctor_bpf(struct doctor *d, int tap_fd)
{
	(void)tap_fd;
	doctor_say(d, FINDING_BAD, "libbpf",
		   "build with clang, bpftool and libbpf; until then RSS runs in software",
		   "this program and its driver were built without BPF");
}

#endif /* TAP_HAVE_BPF */
