/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* Whether the programs of the driver load and attach: tried, with the driver's own objects. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/ioctl.h>

#include <linux/capability.h>
#include <linux/if_tun.h>

#include "doctor.h"

#ifdef TAP_HAVE_BPF

#include <bpf/libbpf.h>

#include "tap_bpf.h"
#include "tap_caps.h"

static const char *
advice_of(int err)
{
	if (err != EPERM)
		return "report the error with the kernel's version; RSS runs on a lower rung";
	if (tap_have_cap(CAP_SYS_ADMIN) || (tap_have_cap(CAP_BPF) && tap_have_cap(CAP_PERFMON)))
		return "raise the limit of locked memory (ulimit -l), or look at lockdown and seccomp";
	return "give the process CAP_BPF and CAP_PERFMON; until then RSS runs in software";
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

void
doctor_bpf(struct doctor *d, int tap_fd)
{
	struct tap_bpf *bpf;
	int err;

	doctor_say(d, FINDING_OK, "libbpf", NULL, "%s", libbpf_version_string());
	bpf = tap_bpf_probe(false);
	err = errno;
	doctor_say(d, bpf != NULL ? FINDING_OK : FINDING_BAD, "full program", advice_of(err), "%s",
		   bpf != NULL ? "loads (rung 1)" : strerror(err));
	if (bpf != NULL && tap_fd >= 0)
		try_attach(d, bpf, tap_fd);
	tap_bpf_close(bpf);
	if (bpf != NULL)
		return;
	bpf = tap_bpf_probe(true);
	doctor_say(d, bpf != NULL ? FINDING_OK : FINDING_BAD, "basic program", advice_of(errno),
		   "%s", bpf != NULL ? "loads (rung 2)" : strerror(errno));
	tap_bpf_close(bpf);
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
