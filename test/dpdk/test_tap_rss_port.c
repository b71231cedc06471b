/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/ioctl.h>

#include <linux/if_tun.h>
#include <netinet/in.h>

#include <rte_bus_vdev.h>
#include <rte_malloc.h>

#include "test.h"
#include "test_tap_rss_kit.h"

/* The port as such: its arguments and life, the netdev behind it, its filters. */

extern struct unit_test_suite tap_test_port_suite;

static int
expect_no_port(const char *args, int fds)
{
	uint16_t id;

	printf("refused is expected: \"%s\"\n", args);
	if (rte_vdev_init("net_tap_rss1", args) == 0) {
		rte_vdev_uninit("net_tap_rss1");
		printf("accepted: \"%s\"\n", args);
		return TEST_FAILED;
	}
	TEST_ASSERT(rte_eth_dev_get_port_by_name("net_tap_rss1", &id) != 0, "a port is left");
	TEST_ASSERT_EQUAL(tap_test_count_fds(), fds, "\"%s\": %d fds, were %d", args,
			  tap_test_count_fds(), fds);
	return TEST_SUCCESS;
}

static int
bad_devargs_are_refused_and_leave_nothing(void)
{
	static const char *const bad[] = {
		"nonsense=1",
		"rss=quick",
		"rss=",
		"rss_algo=md5",
		"mac=zz",
		"mac=01:02:03:04:05:06",
		"mac=00:00:00:00:00:00",
		"mac=02:00:00:00:00",
		"iface=",
		"iface=a/b",
		"iface=a b",
		"iface=a%db",
		"iface=sixteen_letters_",
		"persist=perhaps",
		"rss=auto,extra=0",
	};
	int fds;
	unsigned int i;

	/* The first attempt may open what stays open, such as the log of the process. */
	expect_no_port(bad[0], tap_test_count_fds());
	fds = tap_test_count_fds();
	for (i = 0; i < RTE_DIM(bad); i++)
		TEST_ASSERT_SUCCESS(expect_no_port(bad[i], fds), "\"%s\"", bad[i]);
	return TEST_SUCCESS;
}

static int
a_name_in_use_is_refused(void)
{
	int fds;

	TEST_ASSERT_SUCCESS(tap_test_port_make(NULL), "no port");
	fds = tap_test_count_fds();
	TEST_ASSERT_SUCCESS(expect_no_port("iface=" TAP_TEST_IFACE, fds), "a port's own netdev");
	TEST_ASSERT_SUCCESS(expect_no_port("iface=lo", fds), "a netdev of another kind");
	TEST_ASSERT_SUCCESS(tap_test_up_rss(2, TAP_TEST_IP_TYPES), "the first port suffered");
	return tap_test_expect_all(4);
}

static int
removing_the_port_gives_everything_back(void)
{
	struct rte_malloc_socket_stats before;
	struct rte_malloc_socket_stats after;
	unsigned int free_mbufs;
	int fds = tap_test_count_fds();
	struct rte_mempool *pool;
	int socket = rte_socket_id();
	unsigned int turn;

	for (turn = 0; turn < 3; turn++) {
		TEST_ASSERT_SUCCESS(rte_malloc_get_socket_stats(socket, &before), "no statistics");
		TEST_ASSERT_SUCCESS(tap_test_port_make(turn == 2 ? "rss=soft" : NULL), "no port");
		pool = tap_test.pool;
		free_mbufs = rte_mempool_avail_count(pool);
		TEST_ASSERT_SUCCESS(tap_test_up_rss(8, TAP_TEST_IP_TYPES), "cannot start");
		TEST_ASSERT_SUCCESS(tap_test_expect_all(16), "traffic");
		tap_test_port_remove();
		TEST_ASSERT_EQUAL(if_nametoindex(TAP_TEST_IFACE), 0, "the netdev is still there");
		TEST_ASSERT_EQUAL(rte_mempool_avail_count(pool), free_mbufs, "%u mbufs, were %u",
				  rte_mempool_avail_count(pool), free_mbufs);
		TEST_ASSERT_SUCCESS(rte_malloc_get_socket_stats(socket, &after), "no statistics");
		/* ethdev keeps what it shares between ports: counted from the second turn on. */
		if (turn == 0)
			fds = tap_test_count_fds();
		else
			TEST_ASSERT_EQUAL(after.alloc_count, before.alloc_count,
					  "%u allocations, were %u", after.alloc_count,
					  before.alloc_count);
		TEST_ASSERT_EQUAL(tap_test_count_fds(), fds, "%d fds, were %d",
				  tap_test_count_fds(), fds);
	}
	return TEST_SUCCESS;
}

/* Remove a netdev that persists. */
static int
unpersist(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	int ret;

	TEST_ASSERT(fd >= 0, "/dev/net/tun: %s", strerror(errno));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", TAP_TEST_IFACE);
	ret = ioctl(fd, TUNSETIFF, &ifr);
	if (ret == 0)
		ret = ioctl(fd, TUNSETPERSIST, 0);
	close(fd);
	TEST_ASSERT_SUCCESS(ret, "the netdev cannot be removed: %s", strerror(errno));
	return TEST_SUCCESS;
}

static int
a_persistent_netdev_stays_and_serves_the_next_port(void)
{
	unsigned int turn;

	for (turn = 1; turn <= 3; turn++) {
		TEST_ASSERT_SUCCESS(tap_test_port_make("persist"), "no port");
		TEST_ASSERT_SUCCESS(tap_test_up_rss((uint16_t)(5 - turn), TAP_TEST_IP_TYPES),
				    "cannot start");
		TEST_ASSERT_SUCCESS(tap_test_expect_all(8), "traffic, turn %u", turn);
		tap_test_port_remove();
		TEST_ASSERT(if_nametoindex(TAP_TEST_IFACE) != 0, "the netdev is gone");
	}
	TEST_ASSERT_SUCCESS(unpersist(), "netdev left");
	TEST_ASSERT_EQUAL(if_nametoindex(TAP_TEST_IFACE), 0, "the netdev is still there");
	return TEST_SUCCESS;
}

/* The address that the kernel has for the netdev. */
static int
expect_kernel_mac(const struct rte_ether_addr *mac)
{
	struct ifreq ifr;

	TEST_ASSERT_SUCCESS(tap_test_ioctl(SIOCGIFHWADDR, &ifr), "no address");
	TEST_ASSERT(memcmp(ifr.ifr_hwaddr.sa_data, mac, RTE_ETHER_ADDR_LEN) == 0,
		    "the netdev has another address");
	return TEST_SUCCESS;
}

static int
the_mac_devarg_and_mac_set_reach_the_netdev(void)
{
	struct rte_ether_addr given = { .addr_bytes = { 2, 0, 0, 0xaa, 0xbb, 0xcc } };
	struct rte_ether_addr next = { .addr_bytes = { 2, 0, 0, 1, 2, 3 } };
	struct rte_ether_addr now;

	TEST_ASSERT_SUCCESS(tap_test_port_make("mac=02:00:00:AA:BB:CC"), "no port");
	TEST_ASSERT(rte_is_same_ether_addr(&tap_test.mac, &given), "the port's address");
	TEST_ASSERT_SUCCESS(expect_kernel_mac(&given), "devarg");
	TEST_ASSERT_SUCCESS(tap_test_up_rss(2, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_SUCCESS(rte_eth_dev_default_mac_addr_set(tap_test.id, &next), "not set");
	TEST_ASSERT_SUCCESS(rte_eth_macaddr_get(tap_test.id, &now), "no address");
	TEST_ASSERT(rte_is_same_ether_addr(&now, &next), "the port's new address");
	TEST_ASSERT_SUCCESS(expect_kernel_mac(&next), "mac_addr_set");
	tap_test_port_remove();
	TEST_ASSERT_SUCCESS(tap_test_port_make("mac=fixed"), "no port");
	TEST_ASSERT(memcmp(&tap_test.mac, "\2dtap", 5) == 0, "the fixed address");
	return expect_kernel_mac(&tap_test.mac);
}

/* Send a frame to an address. @return whether the port lets it through; -1: trouble. */
static int
passes(const struct rte_ether_addr *dst)
{
	struct tap_test_flow flow;
	uint8_t frame[256];
	struct rte_mbuf *m;
	uint16_t queue;
	uint32_t len;

	tap_test_flow_make(&flow, 4, IPPROTO_UDP, 1);
	len = tap_test_frame(&flow, 20, frame);
	memcpy(frame, dst, RTE_ETHER_ADDR_LEN);
	if (tap_test_send(frame, len) != 0)
		return -1;
	m = tap_test_poll(&queue, 2000);
	rte_pktmbuf_free(m);
	return m != NULL;
}

static int
frames_for_other_addresses_are_filtered(void)
{
	struct rte_ether_addr broadcast = { .addr_bytes = { 255, 255, 255, 255, 255, 255 } };
	struct rte_ether_addr other = { .addr_bytes = { 2, 0, 0, 9, 9, 9 } };
	struct rte_ether_addr old = tap_test.mac;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(2, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_EQUAL(passes(&tap_test.mac), 1, "its own address");
	TEST_ASSERT_EQUAL(passes(&broadcast), 1, "broadcast");
	TEST_ASSERT_EQUAL(passes(&other), 0, "another address");
	TEST_ASSERT_SUCCESS(rte_eth_dev_mac_addr_add(tap_test.id, &other, 0), "not added");
	TEST_ASSERT_EQUAL(passes(&other), 1, "an added address");
	TEST_ASSERT_SUCCESS(rte_eth_dev_mac_addr_remove(tap_test.id, &other), "not removed");
	TEST_ASSERT_EQUAL(passes(&other), 0, "a removed address");
	TEST_ASSERT_SUCCESS(rte_eth_promiscuous_enable(tap_test.id), "promiscuous");
	TEST_ASSERT_EQUAL(passes(&other), 1, "another address, promiscuous");
	TEST_ASSERT_SUCCESS(rte_eth_promiscuous_disable(tap_test.id), "not promiscuous");
	TEST_ASSERT_EQUAL(passes(&other), 0, "another address, no longer promiscuous");
	TEST_ASSERT_SUCCESS(rte_eth_dev_default_mac_addr_set(tap_test.id, &other), "not set");
	TEST_ASSERT_EQUAL(passes(&other), 1, "its new address");
	TEST_ASSERT_EQUAL(passes(&old), 0, "its old address");
	return TEST_SUCCESS;
}

static int
multicast_passes_if_listed_or_all_of_it_is_wanted(void)
{
	struct rte_ether_addr list[2] = {
		{ .addr_bytes = { 0x01, 0, 0x5e, 0, 0, 1 } },
		{ .addr_bytes = { 0x33, 0x33, 0, 0, 0, 9 } },
	};

	TEST_ASSERT_SUCCESS(tap_test_up_rss(2, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_EQUAL(passes(&list[0]), 0, "an address not listed");
	TEST_ASSERT_SUCCESS(rte_eth_dev_set_mc_addr_list(tap_test.id, list, 2), "list");
	TEST_ASSERT_EQUAL(passes(&list[0]), 1, "the first of the list");
	TEST_ASSERT_EQUAL(passes(&list[1]), 1, "the second of the list");
	TEST_ASSERT_SUCCESS(rte_eth_dev_set_mc_addr_list(tap_test.id, list + 1, 1), "list");
	TEST_ASSERT_EQUAL(passes(&list[0]), 0, "an address no longer listed");
	TEST_ASSERT_SUCCESS(rte_eth_dev_set_mc_addr_list(tap_test.id, NULL, 0), "no list");
	TEST_ASSERT_EQUAL(passes(&list[1]), 0, "an address after the list");
	TEST_ASSERT_SUCCESS(rte_eth_allmulticast_enable(tap_test.id), "allmulticast");
	TEST_ASSERT_EQUAL(passes(&list[1]), 1, "allmulticast");
	TEST_ASSERT_SUCCESS(rte_eth_allmulticast_disable(tap_test.id), "not allmulticast");
	TEST_ASSERT_EQUAL(passes(&list[1]), 0, "no longer allmulticast");
	return TEST_SUCCESS;
}

static int
filters_survive_stop_and_start(void)
{
	struct rte_ether_addr other = { .addr_bytes = { 2, 0, 0, 9, 9, 9 } };
	struct rte_ether_addr group = { .addr_bytes = { 0x01, 0, 0x5e, 0, 0, 1 } };

	TEST_ASSERT_SUCCESS(tap_test_up_rss(2, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_SUCCESS(rte_eth_dev_mac_addr_add(tap_test.id, &other, 0), "not added");
	TEST_ASSERT_SUCCESS(rte_eth_dev_set_mc_addr_list(tap_test.id, &group, 1), "list");
	TEST_ASSERT_SUCCESS(rte_eth_dev_stop(tap_test.id), "cannot stop");
	TEST_ASSERT_SUCCESS(rte_eth_dev_start(tap_test.id), "cannot start again");
	TEST_ASSERT_EQUAL(passes(&other), 1, "an added address");
	TEST_ASSERT_EQUAL(passes(&group), 1, "a listed address");
	return TEST_SUCCESS;
}

static int
expect_kernel_mtu(int mtu)
{
	struct ifreq ifr;

	TEST_ASSERT_SUCCESS(tap_test_ioctl(SIOCGIFMTU, &ifr), "no MTU");
	TEST_ASSERT_EQUAL(ifr.ifr_mtu, mtu, "the netdev's MTU is %d instead of %d", ifr.ifr_mtu,
			  mtu);
	return TEST_SUCCESS;
}

static int
the_mtu_reaches_the_netdev_and_what_cannot_be_is_refused(void)
{
	uint16_t mtu;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(2, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_SUCCESS(expect_kernel_mtu(RTE_ETHER_MTU), "at start");
	TEST_ASSERT_SUCCESS(rte_eth_dev_set_mtu(tap_test.id, 1000), "1000 refused");
	TEST_ASSERT_SUCCESS(expect_kernel_mtu(1000), "after setting it");
	TEST_ASSERT_FAIL(rte_eth_dev_set_mtu(tap_test.id, 40), "40 accepted");
	/* The pool's mbufs take 2048 bytes, and scattered Rx was not asked for. */
	TEST_ASSERT_FAIL(rte_eth_dev_set_mtu(tap_test.id, 9000), "9000 accepted");
	TEST_ASSERT_SUCCESS(rte_eth_dev_get_mtu(tap_test.id, &mtu), "no MTU");
	TEST_ASSERT_EQUAL(mtu, 1000, "the port's MTU is %u", mtu);
	TEST_ASSERT_SUCCESS(expect_kernel_mtu(1000), "after refusals");
	return tap_test_expect_all(4);
}

static int
link_down_and_up_reach_the_netdev(void)
{
	struct rte_eth_link link;
	struct ifreq ifr;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(2, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_SUCCESS(rte_eth_link_get_nowait(tap_test.id, &link), "no link");
	TEST_ASSERT_EQUAL(link.link_status, RTE_ETH_LINK_UP, "down after start");
	TEST_ASSERT_SUCCESS(rte_eth_dev_set_link_down(tap_test.id), "cannot set it down");
	TEST_ASSERT_SUCCESS(rte_eth_link_get_nowait(tap_test.id, &link), "no link");
	TEST_ASSERT_EQUAL(link.link_status, RTE_ETH_LINK_DOWN, "not down");
	TEST_ASSERT_SUCCESS(tap_test_ioctl(SIOCGIFFLAGS, &ifr), "no flags");
	TEST_ASSERT_EQUAL((ifr.ifr_flags & IFF_UP), 0, "the netdev is up");
	TEST_ASSERT_SUCCESS(rte_eth_dev_set_link_up(tap_test.id), "cannot set it up");
	TEST_ASSERT_SUCCESS(rte_eth_link_get_nowait(tap_test.id, &link), "no link");
	TEST_ASSERT_EQUAL(link.link_status, RTE_ETH_LINK_UP, "not up again");
	return tap_test_expect_all(4);
}

static int
the_kernel_setting_the_netdev_down_shows_as_link_down(void)
{
	struct rte_eth_link link;
	struct ifreq ifr;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(1, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_SUCCESS(tap_test_ioctl(SIOCGIFFLAGS, &ifr), "no flags");
	ifr.ifr_flags &= ~IFF_UP;
	TEST_ASSERT_SUCCESS(tap_test_ioctl(SIOCSIFFLAGS, &ifr), "cannot set it down");
	TEST_ASSERT_SUCCESS(rte_eth_link_get_nowait(tap_test.id, &link), "no link");
	TEST_ASSERT_EQUAL(link.link_status, RTE_ETH_LINK_DOWN, "still up");
	return TEST_SUCCESS;
}

static int
a_closed_port_can_be_removed_and_made_again(void)
{
	unsigned int turn;

	for (turn = 0; turn < 2; turn++) {
		TEST_ASSERT_SUCCESS(tap_test_port_make(NULL), "no port");
		TEST_ASSERT_SUCCESS(tap_test_up_rss(2, TAP_TEST_IP_TYPES), "cannot start");
		TEST_ASSERT_SUCCESS(tap_test_expect_all(4), "traffic");
		TEST_ASSERT_SUCCESS(rte_eth_dev_stop(tap_test.id), "cannot stop");
		TEST_ASSERT_SUCCESS(rte_eth_dev_close(tap_test.id), "cannot close");
		TEST_ASSERT_EQUAL(if_nametoindex(TAP_TEST_IFACE), 0, "the netdev is still there");
		tap_test_port_remove();
	}
	return TEST_SUCCESS;
}

#define ALONE(fn) TEST_CASE_ST(NULL, tap_test_port_remove, fn)
static int
flow_control_is_none_and_nothing_else(void)
{
	struct rte_eth_fc_conf conf;

	memset(&conf, 0xff, sizeof(conf));
	TEST_ASSERT_SUCCESS(rte_eth_dev_flow_ctrl_get(tap_test.id, &conf), "no flow control");
	TEST_ASSERT_EQUAL((int)conf.mode, (int)RTE_ETH_FC_NONE, "mode %d", (int)conf.mode);
	memset(&conf, 0, sizeof(conf));
	conf.mode = RTE_ETH_FC_NONE;
	TEST_ASSERT_SUCCESS(rte_eth_dev_flow_ctrl_set(tap_test.id, &conf), "none refused");
	conf.mode = RTE_ETH_FC_FULL;
	TEST_ASSERT_EQUAL(rte_eth_dev_flow_ctrl_set(tap_test.id, &conf), -ENOTSUP, "full accepted");
	return TEST_SUCCESS;
}

#define AUTO(fn) TEST_CASE_ST(tap_test_port_auto, tap_test_port_remove, fn)
#define SOFT(fn) TEST_CASE_NAMED_ST(#fn "_soft", tap_test_port_soft, tap_test_port_remove, fn)

struct unit_test_suite tap_test_port_suite = {
	.suite_name = "net_tap: the port",
	.unit_test_cases = {
		ALONE(bad_devargs_are_refused_and_leave_nothing),
		ALONE(a_name_in_use_is_refused),
		ALONE(a_closed_port_can_be_removed_and_made_again),
		ALONE(removing_the_port_gives_everything_back),
		ALONE(a_persistent_netdev_stays_and_serves_the_next_port),
		ALONE(the_mac_devarg_and_mac_set_reach_the_netdev),
		AUTO(frames_for_other_addresses_are_filtered),
		AUTO(flow_control_is_none_and_nothing_else),
		SOFT(frames_for_other_addresses_are_filtered),
		AUTO(multicast_passes_if_listed_or_all_of_it_is_wanted),
		AUTO(filters_survive_stop_and_start),
		AUTO(the_mtu_reaches_the_netdev_and_what_cannot_be_is_refused),
		AUTO(link_down_and_up_reach_the_netdev),
		AUTO(the_kernel_setting_the_netdev_down_shows_as_link_down),
		TEST_CASES_END(),
	},
};
