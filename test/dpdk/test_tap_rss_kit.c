/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>

#include <rte_bus_vdev.h>
#include <rte_cycles.h>

#include "test.h"
#include "test_tap_rss_kit.h"

#define TAP_TEST_POOL_SIZE 8191
#define TAP_TEST_WAIT_MS 500
/* Long enough for a read that does not wait for a doorbell. */
#define TAP_TEST_SILENT_POLLS 3000

struct tap_test_port tap_test;

const struct rte_ether_addr tap_test_sender = { .addr_bytes = { 2, 'k', 'e', 'r', 'n', 1 } };

static struct rte_mempool *tap_test_main_pool;
static int tap_test_home = -1; /* the namespace to return to */

static int
tap_test_skip(const char *what)
{
	printf("net_tap cannot be tested here: %s: %s\n", what, strerror(errno));
	return TEST_SKIPPED;
}

/* Whether the kernel gives us taps at all, asked without the driver. */
static int
tap_test_try_tun(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return tap_test_skip("/dev/net/tun");
	ret = ioctl(fd, TUNSETIFF, &ifr);
	if (ret != 0)
		ret = tap_test_skip("creating a tap");
	close(fd);
	return ret;
}

/* Keeps the kernel from sending of its own accord; what it sends all the same is ignored. */
static void
tap_test_hush_ipv6(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		printf("IPv6 stays on for the tap\n");
	close(fd);
}

int
tap_test_enter(void)
{
	int ret;

	tap_test_home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (tap_test_home < 0)
		return tap_test_skip("/proc/thread-self/ns/net");
	if (unshare(CLONE_NEWNET) != 0) {
		ret = tap_test_skip("a network namespace");
		close(tap_test_home);
		tap_test_home = -1;
		return ret;
	}
	tap_test_hush_ipv6();
	ret = tap_test_try_tun();
	if (ret == 0) {
		tap_test_main_pool =
			rte_pktmbuf_pool_create("tap_test", TAP_TEST_POOL_SIZE, 0, 0,
						RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
		if (tap_test_main_pool == NULL) {
			printf("no memory for the tests' mbufs\n");
			ret = TEST_FAILED;
		}
	}
	if (ret != 0)
		tap_test_leave();
	return ret;
}

void
tap_test_leave(void)
{
	tap_test_port_remove();
	rte_mempool_free(tap_test_main_pool);
	tap_test_main_pool = NULL;
	if (tap_test_home < 0)
		return;
	if (setns(tap_test_home, CLONE_NEWNET) != 0)
		printf("cannot return to the namespace: %s\n", strerror(errno));
	close(tap_test_home);
	tap_test_home = -1;
}

static int
tap_test_open_socket(uint16_t protocol)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)tap_test.ifindex,
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd >= 0 && protocol != 0 &&
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0)
		printf("PACKET_VNET_HDR: %s\n", strerror(errno));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	printf("packet socket: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int
tap_test_port_make(const char *devargs)
{
	char args[256];

	memset(&tap_test, 0, sizeof(tap_test));
	tap_test.to_port = -1;
	tap_test.from_port = -1;
	tap_test.pool = tap_test_main_pool;
	tap_test.nb_desc = TAP_TEST_NB_DESC;
	snprintf(args, sizeof(args), "iface=" TAP_TEST_IFACE "%s%s", devargs == NULL ? "" : ",",
		 devargs == NULL ? "" : devargs);
	TEST_ASSERT_SUCCESS(rte_vdev_init(TAP_TEST_VDEV, args), "no port with \"%s\"", args);
	tap_test.exists = true;
	TEST_ASSERT_SUCCESS(rte_eth_dev_get_port_by_name(TAP_TEST_VDEV, &tap_test.id),
			    "the port has no number");
	tap_test.ifindex = if_nametoindex(TAP_TEST_IFACE);
	TEST_ASSERT(tap_test.ifindex != 0, "no netdev " TAP_TEST_IFACE);
	TEST_ASSERT_SUCCESS(rte_eth_macaddr_get(tap_test.id, &tap_test.mac), "no MAC address");
	tap_test.to_port = tap_test_open_socket(0);
	tap_test.from_port = tap_test_open_socket(0x0003); /* all protocols */
	return tap_test.to_port < 0 || tap_test.from_port < 0 ? TEST_FAILED : TEST_SUCCESS;
}

int
tap_test_port_auto(void)
{
	return tap_test_port_make("rss=auto");
}

int
tap_test_port_basic(void)
{
	return tap_test_port_make("rss=basic");
}

int
tap_test_port_soft(void)
{
	return tap_test_port_make("rss=soft");
}

void
tap_test_port_remove(void)
{
	if (!tap_test.exists)
		return;
	if (tap_test.to_port >= 0)
		close(tap_test.to_port);
	if (tap_test.from_port >= 0)
		close(tap_test.from_port);
	if (rte_eth_dev_stop(tap_test.id) != 0)
		printf("cannot stop the port\n");
	if (rte_vdev_uninit(TAP_TEST_VDEV) != 0)
		printf("cannot remove the port\n");
	tap_test.exists = false;
}

struct rte_eth_conf
tap_test_conf(uint64_t rss_hf)
{
	struct rte_eth_conf conf;

	memset(&conf, 0, sizeof(conf));
	conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_RSS_HASH;
	conf.rx_adv_conf.rss_conf.rss_hf = rss_hf;
	return conf;
}

int
tap_test_configure(uint16_t nb_rxq, uint16_t nb_txq, const struct rte_eth_conf *conf)
{
	uint16_t i;

	TEST_ASSERT_SUCCESS(rte_eth_dev_configure(tap_test.id, nb_rxq, nb_txq, conf),
			    "configure with %u and %u queues", nb_rxq, nb_txq);
	tap_test.nb_rxq = nb_rxq;
	tap_test.nb_txq = nb_txq;
	tap_test.idle_rxq = 0;
	for (i = 0; i < nb_rxq; i++)
		TEST_ASSERT_SUCCESS(rte_eth_rx_queue_setup(tap_test.id, i, tap_test.nb_desc,
							   SOCKET_ID_ANY, NULL, tap_test.pool),
				    "Rx queue %u", i);
	for (i = 0; i < nb_txq; i++)
		TEST_ASSERT_SUCCESS(rte_eth_tx_queue_setup(tap_test.id, i, tap_test.nb_desc,
							   SOCKET_ID_ANY, NULL),
				    "Tx queue %u", i);
	memcpy(tap_test_rss.key, tap_test_default_key, TAP_TEST_KEY_LEN);
	for (i = 0; i < TAP_TEST_RETA_SIZE; i++)
		tap_test_rss.reta[i] = nb_rxq == 0 ? 0 : i % nb_rxq;
	return TEST_SUCCESS;
}

int
tap_test_up(uint16_t nb_rxq, uint16_t nb_txq, const struct rte_eth_conf *conf)
{
	TEST_ASSERT_SUCCESS(tap_test_configure(nb_rxq, nb_txq, conf), "cannot configure");
	TEST_ASSERT_SUCCESS(rte_eth_dev_start(tap_test.id), "cannot start");
	return TEST_SUCCESS;
}

int
tap_test_up_rss(uint16_t n, uint64_t rss_hf)
{
	struct rte_eth_conf conf = tap_test_conf(rss_hf);

	return tap_test_up(n, n, &conf);
}

int
tap_test_send(const uint8_t *frame, uint32_t len)
{
	if (send(tap_test.to_port, frame, len, 0) == (ssize_t)len)
		return TEST_SUCCESS;
	printf("sending %u bytes into the port: %s\n", len, strerror(errno));
	return TEST_FAILED;
}

/* One look at every queue, beginning behind the one of the last packet. */
static struct rte_mbuf *
tap_test_poll_once(uint16_t *queue)
{
	struct rte_ether_hdr eth;
	struct rte_mbuf *m;
	uint16_t q;

	for (q = 0; q < tap_test.nb_rxq; q++) {
		if (q < 64 && (tap_test.idle_rxq & RTE_BIT64(q)) != 0)
			continue;
		if (rte_eth_rx_burst(tap_test.id, q, &m, 1) == 0)
			continue;
		memcpy(&eth, rte_pktmbuf_mtod(m, void *), sizeof(eth));
		*queue = q;
		if (memcmp((const uint8_t *)&eth + RTE_ETHER_ADDR_LEN, &tap_test_sender,
			   RTE_ETHER_ADDR_LEN) == 0)
			return m;
		tap_test.foreign++;
		rte_pktmbuf_free(m);
	}
	return NULL;
}

struct rte_mbuf *
tap_test_poll(uint16_t *queue, uint32_t polls)
{
	struct rte_mbuf *m = NULL;

	while (m == NULL && polls-- != 0)
		m = tap_test_poll_once(queue);
	return m;
}

struct rte_mbuf *
tap_test_recv(uint16_t *queue)
{
	uint64_t end = rte_get_timer_cycles() + rte_get_timer_hz() / 1000 * TAP_TEST_WAIT_MS;
	struct rte_mbuf *m;

	do
		m = tap_test_poll_once(queue);
	while (m == NULL && rte_get_timer_cycles() < end);
	return m;
}

int
tap_test_silent(void)
{
	uint16_t queue;
	struct rte_mbuf *m = tap_test_poll(&queue, TAP_TEST_SILENT_POLLS);

	if (m == NULL)
		return TEST_SUCCESS;
	printf("a packet too many on queue %u, %u bytes\n", queue, m->pkt_len);
	rte_pktmbuf_free(m);
	return TEST_FAILED;
}

struct rte_mbuf *
tap_test_mbuf(const uint8_t *frame, uint32_t len, uint32_t seg)
{
	struct rte_mbuf *head = NULL;
	uint32_t at = 0;

	do {
		uint32_t part = seg == 0 ? len : RTE_MIN(seg, len - at);
		struct rte_mbuf *m = rte_pktmbuf_alloc(tap_test_main_pool);
		char *to = m == NULL ? NULL : rte_pktmbuf_append(m, (uint16_t)part);

		if (to == NULL || (head != NULL && rte_pktmbuf_chain(head, m) != 0)) {
			printf("cannot build a packet of %u bytes\n", len);
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(head);
			return NULL;
		}
		memcpy(to, frame + at, part);
		if (head == NULL)
			head = m;
		at += part;
	} while (at < len);
	return head;
}

int
tap_test_same(const struct rte_mbuf *m, const uint8_t *frame, uint32_t len)
{
	const struct rte_mbuf *seg;
	uint16_t segs = 0;
	uint32_t at = 0;

	TEST_ASSERT(m->pkt_len == len, "a frame of %u bytes came as %u", len, m->pkt_len);
	for (seg = m; seg != NULL; seg = seg->next) {
		TEST_ASSERT(at + seg->data_len <= len, "segments of more than %u bytes", len);
		TEST_ASSERT(
			memcmp(rte_pktmbuf_mtod(seg, const void *), frame + at, seg->data_len) == 0,
			"a frame of %u bytes was changed", len);
		at += seg->data_len;
		segs++;
	}
	TEST_ASSERT_EQUAL(at, len, "segments of %u bytes for %u", at, len);
	TEST_ASSERT_EQUAL(segs, m->nb_segs, "%u segments, said to be %u", segs, m->nb_segs);
	TEST_ASSERT_EQUAL(m->port, tap_test.id, "port %u", m->port);
	return TEST_SUCCESS;
}

/* As hardware completes a checksum: from the start given to the end, at the place given. */
static int
tap_test_complete(const struct virtio_net_hdr *vnet, uint8_t *frame, uint32_t len)
{
	uint32_t at = vnet->csum_start + vnet->csum_offset;
	uint16_t sum;

	if ((vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0)
		return TEST_SUCCESS;
	TEST_ASSERT(vnet->csum_start < len && at + sizeof(sum) <= len,
		    "a checksum at byte %u of %u", at, len);
	sum = (uint16_t)~tap_test_sum(frame + vnet->csum_start, len - vnet->csum_start, 0);
	frame[at] = (uint8_t)(sum >> 8);
	frame[at + 1] = (uint8_t)sum;
	return TEST_SUCCESS;
}

uint32_t
tap_test_kernel_recv(uint8_t *frame)
{
	static uint8_t buf[sizeof(struct virtio_net_hdr) + TAP_TEST_FRAME_MAX];
	struct pollfd wait = { .fd = tap_test.from_port, .events = POLLIN };
	struct sockaddr_ll from;
	struct virtio_net_hdr vnet;
	socklen_t from_len;
	ssize_t len;

	while (poll(&wait, 1, TAP_TEST_WAIT_MS) == 1) {
		from_len = sizeof(from);
		len = recvfrom(tap_test.from_port, buf, sizeof(buf), MSG_DONTWAIT,
			       (struct sockaddr *)&from, &from_len);
		len -= (ssize_t)sizeof(vnet);
		if (len < RTE_ETHER_HDR_LEN || from.sll_pkttype == PACKET_OUTGOING)
			continue;
		memcpy(&vnet, buf, sizeof(vnet));
		memcpy(frame, buf + sizeof(vnet), (size_t)len);
		if (memcmp(frame + RTE_ETHER_ADDR_LEN, &tap_test_sender, RTE_ETHER_ADDR_LEN) != 0)
			continue;
		return tap_test_complete(&vnet, frame, (uint32_t)len) == 0 ? (uint32_t)len : 0;
	}
	printf("the kernel got no frame of the port\n");
	return 0;
}

int
tap_test_expect_sent(uint16_t queue, struct rte_mbuf *m, const uint8_t *frame, uint32_t len)
{
	static uint8_t got[TAP_TEST_FRAME_MAX];
	uint32_t got_len;

	TEST_ASSERT_NOT_NULL(m, "no packet");
	TEST_ASSERT_EQUAL(rte_eth_tx_burst(tap_test.id, queue, &m, 1), 1,
			  "Tx queue %u takes no packet", queue);
	got_len = tap_test_kernel_recv(got);
	TEST_ASSERT_EQUAL(got_len, len, "a frame of %u bytes was sent as %u", len, got_len);
	TEST_ASSERT(memcmp(got, frame, len) == 0, "a frame of %u bytes was changed", len);
	return TEST_SUCCESS;
}

int
tap_test_ioctl(unsigned long request, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", TAP_TEST_IFACE);
	ret = ioctl(fd, request, ifr);
	if (ret != 0)
		printf("ioctl %#lx on the netdev: %s\n", request, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret;
}

int
tap_test_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (dir == NULL)
		return -1;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}
