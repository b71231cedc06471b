/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <net/if.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <linux/if_packet.h>

#include <rte_bus_vdev.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_log.h>

#include "logged.h"
#include "portkit.h"

#define VDEV "net_tap_test"
#define N_MBUFS 2047

uint16_t kit_id;
struct rte_mempool *kit_pool;
const struct rte_eth_conf kit_plain;

static FILE *log_file;

const char *
kit_logged(void)
{
	return test_logged(log_file);
}

bool
kit_shell(const char *command)
{
	/* NOLINTNEXTLINE(cert-env33-c): a test, and the commands are its own */
	return system(command) == 0;
}

/* Of its own: /run, for names of network namespaces, and /sys, which shows ours. */
static bool
make_namespaces(void)
{
	return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", "/run", "tmpfs", 0, NULL) == 0 &&
	       mount("none", "/sys", "sysfs", 0, NULL) == 0 &&
	       kit_shell("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; "
			 "ip netns add " KIT_ABROAD);
}

bool
kit_init(void)
{
	char *argv[] = { (char[]){ "test" },        (char[]){ "--no-huge" },
			 (char[]){ "-m128" },       (char[]){ "--no-pci" },
			 (char[]){ "--no-shconf" }, (char[]){ "--no-telemetry" },
			 (char[]){ "-l0" },         NULL };

	log_file = tmpfile();
	if (!make_namespaces() || log_file == NULL || rte_openlog_stream(log_file) != 0 ||
	    rte_eal_init(RTE_DIM(argv) - 1, argv) < 0) {
		printf("cannot prepare: %s\n", strerror(errno));
		return false;
	}
	kit_pool = rte_pktmbuf_pool_create("test", N_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					   SOCKET_ID_ANY);
	return kit_pool != NULL;
}

bool
kit_good(const char *step, int ret)
{
	CHECK(ret == 0, "%s: %s: %s", step, strerror(-ret), kit_logged());
	return ret == 0;
}

bool
kit_probe(void)
{
	return kit_good("probe", rte_vdev_init(VDEV, "rss=soft,iface=" KIT_IFACE)) &&
	       kit_good("port", rte_eth_dev_get_port_by_name(VDEV, &kit_id));
}

void
kit_gone(void)
{
	kit_good("remove", rte_vdev_uninit(VDEV));
	kit_logged();
}

bool
kit_configure(uint16_t queues, const struct rte_eth_conf *conf)
{
	return kit_good("configure", rte_eth_dev_configure(kit_id, queues, queues, conf));
}

bool
kit_set_up(uint16_t queues, struct rte_mempool *from)
{
	uint16_t i;
	int ret = 0;

	for (i = 0; ret == 0 && i < queues; i++)
		ret = rte_eth_rx_queue_setup(kit_id, i, 256, SOCKET_ID_ANY, NULL, from);
	for (i = 0; ret == 0 && i < queues; i++)
		ret = rte_eth_tx_queue_setup(kit_id, i, 256, SOCKET_ID_ANY, NULL);
	return kit_good("queues", ret);
}

bool
kit_up(uint16_t queues, const struct rte_eth_conf *conf, struct rte_mempool *from)
{
	return kit_probe() && kit_configure(queues, conf) && kit_set_up(queues, from) &&
	       kit_good("start", rte_eth_dev_start(kit_id));
}

void
kit_send(unsigned int n)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_ifindex = (int)if_nametoindex(KIT_IFACE) };
	/* To all, IPv4, UDP. */
	uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,  1,
			      8,    0,    0x45, 0,    0,    46,   0, 0, 0, 0, 64, 17 };
	int sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	unsigned int i;

	for (i = 0; i < n; i++) {
		frame[29] = (uint8_t)i;
		CHECK(sendto(sock, frame, sizeof(frame), 0, (const struct sockaddr *)&address,
			     sizeof(address)) == sizeof(frame),
		      "send: %s", strerror(errno));
	}
	close(sock);
}

unsigned int
kit_receive(uint16_t queue, struct rte_mbuf **pkts, unsigned int n)
{
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 1000 * KIT_WAIT_MS;
	unsigned int got = 0;

	while (got < n && rte_rdtsc() < end)
		got += rte_eth_rx_burst(kit_id, queue, pkts + got, (uint16_t)(n - got));
	return got;
}
