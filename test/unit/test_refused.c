/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
/*
 * A kernel that refuses: ioctl() of the driver goes through a wrapper. Each refusal has to be told
 * in words, of the right kind of netdev, and the port to do what it can.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/ioctl.h>
#include <sys/resource.h>

#include <linux/if_tun.h>

#include "portkit.h"
#include "tap_ethdev.h"

/* What the driver is refused. */
static struct {
	unsigned long request; /* 0: nothing */
	unsigned long bits;    /* of an argument by value: only if it has one of them; 0: always */
	int error;
} refuse;

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);

int
__wrap_ioctl(int fd, unsigned long request, void *arg)
{
	if (request != refuse.request || (refuse.bits != 0 && ((uintptr_t)arg & refuse.bits) == 0))
		return __real_ioctl(fd, request, arg);
	errno = refuse.error;
	return -1;
}

static void
refuse_nothing(void)
{
	memset(&refuse, 0, sizeof(refuse));
}

struct refusal {
	const char *name;
	int error;
	const char *tap, *tun; /* words */
};

/* Each kind of netdev is called what it is. */
static void
queue_refused(const void *arg)
{
	const struct refusal *r = arg;
	unsigned int l3;

	for (l3 = 0; l3 < 2; l3++) {
		char name[IFNAMSIZ] = "r0";
		int first = tap_tun_open(name, l3 != 0);
		int second;

		CHECK(first >= 0, "cannot open: %s", kit_logged());
		refuse.request = TUNSETIFF;
		refuse.error = r->error;
		second = tap_tun_open(name, l3 != 0);
		refuse_nothing();
		CHECK(second == -r->error, "%d instead of %d", second, -r->error);
		CHECK_WORDS(l3 != 0 ? r->tun : r->tap);
		close(first);
	}
}

static void
no_descriptors_left(const void *arg)
{
	struct rlimit limit, before;
	char name[IFNAMSIZ] = "r0";
	int ret;

	RTE_SET_USED(arg);
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &limit);
	ret = tap_tun_open(name, false);
	setrlimit(RLIMIT_NOFILE, &before);
	CHECK(ret == -EMFILE, "%d", ret);
	CHECK_WORDS("cannot open /dev/net/tun: Too many open files");
}

struct offloads {
	const char *name;
	unsigned long refused; /* bits of TUNSETOFFLOAD */
	bool super_frames, udp;
};

static void
offloads_refused(const void *arg)
{
	const struct offloads *o = arg;
	struct rte_eth_dev_info info;

	refuse.request = TUNSETOFFLOAD;
	refuse.error = EINVAL;
	refuse.bits = o->refused;
	if (kit_up(2, &kit_plain, kit_pool)) {
		kit_good("info", rte_eth_dev_info_get(kit_id, &info));
		CHECK(!(info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_UDP_TSO) == !o->udp,
		      "UDP segmentation is%s offered", o->udp ? " not" : "");
		CHECK(tap_port_of(&rte_eth_devices[kit_id])->rx_mode.gso == o->super_frames,
		      "super-frames are o%s", o->super_frames ? "ff" : "n");
	}
	refuse_nothing();
	kit_gone();
}

static void
no_offload_setting_at_all(const void *arg)
{
	RTE_SET_USED(arg);
	refuse.request = TUNSETOFFLOAD;
	refuse.error = EINVAL;
	if (kit_probe()) {
		CHECK(rte_eth_dev_configure(kit_id, 2, 2, &kit_plain) == -EINVAL, "was configured");
		CHECK_WORDS(KIT_IFACE ": cannot set offloads: Invalid argument");
		refuse_nothing();
		kit_configure(2, &kit_plain);
	}
	refuse_nothing();
	kit_gone();
}

static void
netdev_not_followed(const void *arg)
{
	const struct refusal *r = arg;
	struct rte_eth_link link;

	if (kit_up(2, &kit_plain, kit_pool)) {
		CHECK(kit_shell("ip link set " KIT_IFACE " netns " KIT_ABROAD),
		      "cannot move the netdev");
		refuse.request = TUNGETDEVNETNS;
		refuse.error = r->error;
		rte_eth_link_get_nowait(kit_id, &link);
		CHECK(link.link_status == RTE_ETH_LINK_DOWN, "the link is up");
		CHECK_WORDS(r->tap);
		CHECK(rte_eth_dev_set_mtu(kit_id, 1400) < 0, "the MTU was set");
		CHECK(strstr(kit_logged(), "namespace") == NULL, "told twice");
		refuse_nothing();
		kit_good("MTU", rte_eth_dev_set_mtu(kit_id, 1400));
		CHECK_WORDS("the netdev has moved to another network namespace");
	}
	refuse_nothing();
	kit_gone();
}

int
main(void)
{
	static const struct refusal queues[] = {
		{ "a queue without permission", EPERM,
		  "r0: no permission to create or attach the tap; CAP_NET_ADMIN is needed, or a "
		  "persistent tap",
		  "r0: no permission to create or attach the tun; CAP_NET_ADMIN is needed, or a "
		  "persistent tun" },
		{ "a netdev in use", EBUSY, "r0: the tap is in use by another process",
		  "r0: the tun is in use by another process" },
		{ "one queue too many", E2BIG, "too many queues; the kernel allows 256 for a tap",
		  "too many queues; the kernel allows 256 for a tun" },
		{ "a queue for no reason that can be seen", EINVAL,
		  "r0: the kernel refuses to attach a queue to the tap: Invalid argument",
		  "r0: the kernel refuses to attach a queue to the tun: Invalid argument" },
		{ "a queue without memory", ENOMEM,
		  "r0: cannot create or attach the tap: Cannot allocate memory",
		  "r0: cannot create or attach the tun: Cannot allocate memory" },
	};
	static const struct offloads offloads[] = {
		{ "nothing: super-frames of TCP and UDP", 0x80000000, true, true },
		{ "super-frames of UDP: those of TCP are there", TUN_F_USO4 | TUN_F_USO6, true,
		  false },
		{ "super-frames: there are none", TUN_F_TSO4 | TUN_F_TSO6, false, false },
	};
	static const struct refusal follow[] = {
		{ "on an old kernel", EINVAL, "to follow it takes a kernel of 5.2 or later", NULL },
		{ "without capabilities", EPERM, "CAP_NET_ADMIN and CAP_SYS_ADMIN", NULL },
		{ "for another reason", ENFILE,
		  "cannot follow the netdev to another network namespace: Too many open files",
		  NULL },
	};
	unsigned int i;

	if (geteuid() != 0)
		return test_skip_all("it takes root to make netdevs", "TAP_TEST_REQUIRE_BPF");
	if (!kit_init())
		return EXIT_FAILURE;
	for (i = 0; i < RTE_DIM(queues); i++)
		test_run("refused", queues[i].name, queue_refused, &queues[i]);
	test_run("refused", "the device, for want of descriptors", no_descriptors_left, NULL);
	for (i = 0; i < RTE_DIM(offloads); i++)
		test_run("refused", offloads[i].name, offloads_refused, &offloads[i]);
	test_run("refused", "offloads altogether: an error of configure()",
		 no_offload_setting_at_all, NULL);
	for (i = 0; i < RTE_DIM(follow); i++)
		test_run("netdev that cannot be followed", follow[i].name, netdev_not_followed,
			 &follow[i]);
	return test_summary();
}
