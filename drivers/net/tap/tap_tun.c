/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/ioctl.h>

#include <linux/if_tun.h>

#include <rte_string_fns.h>

#include "tap_log.h"
#include "tap_policy_abi.h"
#include "tap_tun.h"

#define TAP_TUN_PATH "/dev/net/tun"
#define TAP_TUN_FLAGS (IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE)

static int
tap_tun_ioctl(int fd, unsigned long request, const char *what, void *arg)
{
	int err;

	if (ioctl(fd, request, arg) == 0)
		return 0;
	err = errno;
	TAP_LOG(DEBUG, "%s failed: %s", what, strerror(err));
	return -err;
}

/* The flags of an existing tun netdev; 0 if the netdev is of another kind or not there. */
static unsigned int
tap_tun_flags_of(const char *name)
{
	char path[64 + IFNAMSIZ];
	unsigned int flags = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/tun_flags", name);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%x", &flags) != 1)
		flags = 0;
	fclose(f);
	return flags;
}

static void
tap_tun_explain_inval(const char *name, bool l3)
{
	unsigned int flags = tap_tun_flags_of(name);
	const char *kind = tap_tun_kind(l3);

	if (flags == 0)
		TAP_LOG(ERR,
			"%s: the name is in use by a netdev of another kind; "
			"choose another iface= or remove that netdev",
			name);
	else if (!l3 && (flags & IFF_TAP) == 0)
		TAP_LOG(ERR,
			"%s: the name is in use by a tun netdev (layer 3), not a tap; "
			"choose another iface=, or net_tun",
			name);
	else if (l3 && (flags & IFF_TAP) != 0)
		TAP_LOG(ERR,
			"%s: the name is in use by a tap (layer 2), not a tun netdev; "
			"choose another iface=, or net_tap",
			name);
	else if ((flags & IFF_MULTI_QUEUE) == 0)
		TAP_LOG(ERR,
			"%s: the %s exists and is single-queue; remove it, or create it with "
			"\"ip tuntap add %s mode %s multi_queue\"",
			name, kind, name, kind);
	else
		TAP_LOG(ERR, "%s: the kernel refuses to attach a queue to the %s: %s", name, kind,
			strerror(EINVAL));
}

static void
tap_tun_explain(const char *name, bool l3, int err)
{
	const char *kind = tap_tun_kind(l3);

	switch (err) {
	case EPERM:
		TAP_LOG(ERR,
			"%s: no permission to create or attach the %s; CAP_NET_ADMIN is "
			"needed, or a persistent %s that belongs to this user",
			name, kind, kind);
		break;
	case EBUSY:
		TAP_LOG(ERR, "%s: the %s is in use by another process", name, kind);
		break;
	case E2BIG:
		TAP_LOG(ERR, "%s: too many queues; the kernel allows %u for a %s", name,
			TAP_MAX_QUEUES, kind);
		break;
	case EINVAL:
		tap_tun_explain_inval(name, l3);
		break;
	default:
		TAP_LOG(ERR, "%s: cannot create or attach the %s: %s", name, kind, strerror(err));
	}
}

static int
tap_tun_open_device(void)
{
	int fd = open(TAP_TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int err = errno;

	if (fd >= 0)
		return fd;
	if (err == ENOENT || err == ENODEV || err == ENXIO)
		TAP_LOG(ERR,
			TAP_TUN_PATH " is missing: %s; load the kernel module with "
				     "\"modprobe tun\", or pass the device into the container",
			strerror(err));
	else
		TAP_LOG(ERR, "cannot open " TAP_TUN_PATH ": %s", strerror(err));
	return -err;
}

int
tap_tun_open(char name[IFNAMSIZ], bool l3)
{
	struct ifreq ifr = { .ifr_flags = TAP_TUN_FLAGS | (l3 ? IFF_TUN : IFF_TAP) };
	int fd = tap_tun_open_device();
	int err;

	if (fd < 0)
		return fd;
	rte_strscpy(ifr.ifr_name, name, sizeof(ifr.ifr_name));
	if (ioctl(fd, TUNSETIFF, &ifr) != 0) {
		err = errno;
		tap_tun_explain(name, l3, err);
		close(fd);
		return -err;
	}
	rte_strscpy(name, ifr.ifr_name, IFNAMSIZ);
	return fd;
}

int
tap_tun_name(int fd, char name[IFNAMSIZ])
{
	struct ifreq ifr = { .ifr_flags = 0 };
	int ret = tap_tun_ioctl(fd, TUNGETIFF, "TUNGETIFF", &ifr);

	if (ret == 0)
		rte_strscpy(name, ifr.ifr_name, IFNAMSIZ);
	return ret;
}

int
tap_tun_netns(int fd)
{
	int netns = ioctl(fd, TUNGETDEVNETNS);

	return netns < 0 ? -errno : netns;
}

int
tap_tun_set_offload(int fd, unsigned int offload)
{
	/* By value: the argument of this ioctl is no pointer. */
	return tap_tun_ioctl(fd, TUNSETOFFLOAD, "TUNSETOFFLOAD", (void *)(uintptr_t)offload);
}

int
tap_tun_set_persist(int fd, bool on)
{
	return tap_tun_ioctl(fd, TUNSETPERSIST, "TUNSETPERSIST", (void *)(uintptr_t)on);
}

int
tap_tun_set_steering(int fd, int prog_fd)
{
	return tap_tun_ioctl(fd, TUNSETSTEERINGEBPF, "TUNSETSTEERINGEBPF", &prog_fd);
}

int
tap_tun_set_filter(int fd, int prog_fd)
{
	return tap_tun_ioctl(fd, TUNSETFILTEREBPF, "TUNSETFILTEREBPF", &prog_fd);
}

uint64_t
tap_tun_flush(int fd, uint64_t most)
{
	uint64_t frames = 0;
	uint8_t head[64];

	while (frames < most && read(fd, head, sizeof(head)) > 0)
		frames++;
	return frames;
}
