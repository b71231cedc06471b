/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* What works here, found by trying it, and what to do about what does not. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#include <linux/capability.h>

#include "doctor.h"
#include "tap_caps.h"
#include "tap_tun.h"

static const char *const finding_names[] = {
	[FINDING_OK] = "ok",
	[FINDING_INFO] = "info",
	[FINDING_BAD] = "bad",
};

void
doctor_say(struct doctor *d, enum finding finding, const char *what, const char *advice,
	   const char *format, ...)
{
	char text[1024];
	va_list args;
	json_t *o;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	o = json_pack("{s:s, s:s, s:s}", "what", what, "status", finding_names[finding], "found",
		      text);
	if (advice != NULL && finding != FINDING_OK)
		json_object_set_new(o, "advice", json_string(advice));
	json_array_append_new(d->list, o);
	d->bad += finding == FINDING_BAD;
}

static void
look_at_kernel(struct doctor *d)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	if (uname(&u) != 0)
		return;
	sscanf(u.release, "%u.%u", &major, &minor);
	doctor_say(d, major > 5 || (major == 5 && minor >= 10) ? FINDING_OK : FINDING_BAD, "kernel",
		   "RSS in the kernel wants Linux 5.10 or later; on this one it runs in software",
		   "Linux %s on %s", u.release, u.machine);
}

static void
look_at_btf(struct doctor *d)
{
	bool there = access("/sys/kernel/btf/vmlinux", R_OK) == 0;

	doctor_say(d, there ? FINDING_OK : FINDING_INFO, "kernel BTF",
		   "not needed by net_tap; other BPF tools want CONFIG_DEBUG_INFO_BTF",
		   there ? "/sys/kernel/btf/vmlinux" : "none");
}

static void
look_at_jit(struct doctor *d)
{
	FILE *f = fopen("/proc/sys/net/core/bpf_jit_enable", "r");
	int on = -1;

	if (f != NULL) {
		if (fscanf(f, "%d", &on) != 1)
			on = -1;
		fclose(f);
	}
	/* Kernels with CONFIG_BPF_JIT_ALWAYS_ON show 1. */
	if (on < 0)
		doctor_say(d, FINDING_INFO, "BPF JIT",
			   "other network namespaces than the first do not show the setting",
			   "cannot be read here");
	else
		doctor_say(d, on != 0 ? FINDING_OK : FINDING_INFO, "BPF JIT",
			   "programs are interpreted, several times slower: "
			   "sysctl net.core.bpf_jit_enable=1",
			   on != 0 ? "on" : "off");
}

static void
look_at_capabilities(struct doctor *d)
{
	static const struct {
		unsigned int cap;
		const char *name;
		const char *advice;
	} caps[] = {
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN",
		  "wanted to create a tap and to set it up: run as root, or give the process "
		  "CAP_NET_ADMIN" },
		{ CAP_BPF, "CAP_BPF",
		  "wanted to load programs; without it RSS runs in software: give the process "
		  "CAP_BPF and CAP_PERFMON" },
		{ CAP_PERFMON, "CAP_PERFMON",
		  "wanted beside CAP_BPF: without it the verifier refuses the programs" },
	};
	bool admin = tap_have_cap(CAP_SYS_ADMIN);
	size_t i;

	for (i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		/* CAP_SYS_ADMIN contains those of BPF. */
		bool have = tap_have_cap(caps[i].cap) || (admin && caps[i].cap != CAP_NET_ADMIN);

		doctor_say(d, have ? FINDING_OK : FINDING_BAD, caps[i].name, caps[i].advice,
			   have ? "this process has it" : "this process does not have it");
	}
}

/* The features that the device says it has. */
static void
look_at_features(struct doctor *d, int fd)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} wanted[] = {
		{ IFF_MULTI_QUEUE, "multi-queue" },
		{ IFF_VNET_HDR, "vnet header" },
	};
	unsigned int features = 0;
	size_t i;

	if (ioctl(fd, TUNGETFEATURES, &features) != 0)
		features = 0;
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		doctor_say(d, features & wanted[i].bit ? FINDING_OK : FINDING_BAD, wanted[i].name,
			   "the kernel's tun driver is too old for net_tap",
			   features & wanted[i].bit ? "tun has it" : "tun does not have it");
}

/* A tap of our own, that goes away with its fd; and what it can. */
static bool
make_tap(struct doctor *d, int fd)
{
	const unsigned int tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "dtapdoc%%d");
	if (ioctl(fd, TUNSETIFF, &ifr) != 0) {
		doctor_say(d, FINDING_BAD, "tap",
			   errno == EPERM ? "run as root, or give the process CAP_NET_ADMIN" :
					    "see whether the kernel's log tells why",
			   "cannot be created: %s", strerror(errno));
		return false;
	}
	doctor_say(d, FINDING_OK, "tap", NULL, "can be created");
	doctor_say(d, ioctl(fd, TUNSETOFFLOAD, tcp) == 0 ? FINDING_OK : FINDING_BAD,
		   "TCP super-frames", "the kernel's tun driver is too old for net_tap",
		   "checksum and TSO offload of tun");
	doctor_say(d,
		   ioctl(fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) == 0 ? FINDING_OK :
										  FINDING_INFO,
		   "UDP super-frames",
		   "Linux 6.2 or later has them; without, UDP comes packet by packet",
		   "USO offload of tun");
	return true;
}

static void
look_at_tun(struct doctor *d)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	bool tap;

	if (fd < 0) {
		doctor_say(d, FINDING_BAD, "/dev/net/tun",
			   errno == EACCES || errno == EPERM ?
				   "its permissions or the container's device rules forbid it" :
				   "modprobe tun; in a container: --device /dev/net/tun",
			   "cannot be opened: %s", strerror(errno));
		doctor_bpf(d, -1);
		return;
	}
	doctor_say(d, FINDING_OK, "/dev/net/tun", NULL, "can be opened");
	look_at_features(d, fd);
	tap = make_tap(d, fd);
	doctor_bpf(d, tap ? fd : -1);
	close(fd);
}

static int
print(const struct cli *cli, const struct doctor *d)
{
	json_t *o;
	size_t i;

	if (cli->json)
		return cli_print_json(
			json_pack("{s:b, s:O}", "healthy", d->bad == 0, "findings", d->list));
	json_array_foreach(d->list, i, o)
	{
		printf("%-5s %-18s %s\n", cli_text(o, "status"), cli_text(o, "what"),
		       cli_text(o, "found"));
		if (json_object_get(o, "advice") != NULL)
			printf("%-5s %-18s -> %s\n", "", "", cli_text(o, "advice"));
	}
	if (d->bad == 0)
		printf("RSS runs in the kernel here.\n");
	else
		printf("%u findings keep RSS from running in the kernel, or the port from "
		       "coming up.\n",
		       d->bad);
	return CLI_OK;
}

int
cli_doctor(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS };
	struct doctor d = { .bad = 0 };
	struct cli cli = { .json = false };
	int ret;

	if (cli_option(&cli, argc, argv, options) != -1)
		return CLI_FAILED;
	if (optind < argc)
		return cli_error("\"%s\": doctor takes no PORT", argv[optind]);
	d.list = json_array();
	look_at_kernel(&d);
	look_at_btf(&d);
	look_at_jit(&d);
	look_at_capabilities(&d);
	look_at_tun(&d);
	ret = print(&cli, &d);
	json_decref(d.list);
	return ret != CLI_OK ? ret : d.bad == 0 ? CLI_OK : CLI_NO;
}
