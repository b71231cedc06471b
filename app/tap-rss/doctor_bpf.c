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

#include "tap_steer.skel.h"

static int
no_print(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static struct tap_steer_bpf *
load(bool basic)
{
	struct tap_steer_bpf *skel = tap_steer_bpf__open();
	int err;

	if (skel == NULL)
		return NULL;
	bpf_program__set_autoload(skel->progs.tap_steer, !basic);
	bpf_program__set_autoload(skel->progs.tap_steer_basic, basic);
	err = tap_steer_bpf__load(skel);
	if (err == 0)
		return skel;
	tap_steer_bpf__destroy(skel);
	errno = -err;
	return NULL;
}

static const char *
advice_of(int err)
{
	if (err != EPERM)
		return "report the error with the kernel's version; RSS runs on a lower rung";
	if (doctor_capable(CAP_SYS_ADMIN) ||
	    (doctor_capable(CAP_BPF) && doctor_capable(CAP_PERFMON)))
		return "raise the limit of locked memory (ulimit -l), or look at lockdown and seccomp";
	return "give the process CAP_BPF and CAP_PERFMON; until then RSS runs in software";
}

static void
try_attach(struct doctor *d, const struct tap_steer_bpf *skel, int tap_fd)
{
	int steering = bpf_program__fd(skel->progs.tap_steer);
	int filter = bpf_program__fd(skel->progs.tap_filter);
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
	struct tap_steer_bpf *skel;
	int err;

	doctor_say(d, FINDING_OK, "libbpf", NULL, "%s", libbpf_version_string());
	libbpf_set_print(no_print);
	skel = load(false);
	err = errno;
	doctor_say(d, skel != NULL ? FINDING_OK : FINDING_BAD, "full program", advice_of(err), "%s",
		   skel != NULL ? "loads (rung 1)" : strerror(err));
	if (skel != NULL && tap_fd >= 0)
		try_attach(d, skel, tap_fd);
	tap_steer_bpf__destroy(skel);
	if (skel != NULL)
		return;
	skel = load(true);
	doctor_say(d, skel != NULL ? FINDING_OK : FINDING_BAD, "basic program", advice_of(errno),
		   "%s", skel != NULL ? "loads (rung 2)" : strerror(errno));
	tap_steer_bpf__destroy(skel);
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
