/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
/*
 * A port under load, with all its settings in motion, and each packet numbered: what was sent must
 * be what arrived and what was counted as dropped, to the packet, in both directions.
 *
 *   pollers  (two lcores) bursts of half the queues each, both ways: note numbers that arrive, send
 *            others
 *   kernel   (thread) a packet socket on the netdev: sends frames to the port, receives its frames
 *   control  (thread) a change every 3 ms: table, key, hash types, rules, queues, link, MTU
 *   visits   (thread, if asked for) secondary processes attach, read counters, and go or are killed
 *
 * Runs in a network namespace of its own, which ends with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "book.h"
#include "change.h"
#include "frames.h"
#include "pollers.h"
#include "visit.h"

#define QUIET_US 300000

/* What the packet socket's buffer takes, and more. */
#define WINDOW 16384

static struct book in, out = { .window = WINDOW };
static unsigned int seconds = 20;
static int sock;
static atomic_bool stop_sending, stop_all;

static void __rte_noreturn
die(const char *what, int err)
{
	fprintf(stderr, "soak: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(EXIT_FAILURE);
}

/* The side of the kernel */

static void
open_socket(const char *iface)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_protocol = htons(0x0003) };
	int on = 1, bytes = 512 << 20;

	addr.sll_ifindex = (int)if_nametoindex(iface);
	sock = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
	if (sock < 0 || setsockopt(sock, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0 ||
	    setsockopt(sock, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0 ||
	    bind(sock, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		die("packet socket", errno);
}

static void
send_frames(bool plain, uint64_t *seed)
{
	static struct soak_frame frame;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		struct iovec iov[2] = { { &frame.vnet, sizeof(frame.vnet) }, { frame.data, 0 } };
		struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
		int64_t number = book_take(&in, 1);

		if (number < 0)
			return;
		do
			soak_frame_make(&frame, (uint32_t)number, RTE_ETHER_MTU + RTE_ETHER_HDR_LEN,
					seed);
		while (plain && frame.marks > 1);
		iov[1].iov_len = frame.len;
		if (sendmsg(sock, &message, 0) < 0)
			in.refused++;
		else
			in.sent[number] = (uint32_t)(RTE_BIT64(frame.marks) - 1);
	}
}

static void
receive_frames(void)
{
	static uint8_t buf[sizeof(struct virtio_net_hdr) + 65536];
	uint32_t before = out.next;
	struct virtio_net_hdr vnet;
	ssize_t len;

	while ((len = recv(sock, buf, sizeof(buf), 0)) > (ssize_t)sizeof(vnet)) {
		memcpy(&vnet, buf, sizeof(vnet));
		if (soak_frame_numbers(buf + sizeof(vnet), (uint32_t)len - (uint32_t)sizeof(vnet),
				       vnet.gso_size, book_note, &out) == 0)
			out.strays++;
	}
	out.settled = before;
}

static void *
kernel_side(void *arg)
{
	uint64_t seed = 1;

	while (!stop_all) {
		if (!stop_sending) {
			change_link_hold();
			send_frames(*(const bool *)arg, &seed);
			change_link_let();
		}
		receive_frames();
	}
	return NULL;
}

/* Until the time is over and all is quiet; what bursts gave in all. */
static uint64_t
watch(pthread_t control)
{
	const uint64_t hz = rte_get_timer_hz(), start = rte_get_timer_cycles();
	uint64_t now, last = start, told = start;
	uint64_t got = 0, before;

	do {
		usleep(1000);
		before = got;
		got = pollers_count();
		now = rte_get_timer_cycles();
		if (now - told >= 10 * hz) {
			told = now;
			printf("%4" PRIu64 " s: %" PRIu64 " packets in, %u out, %" PRIu64
			       " changes\n",
			       (now - start) / hz, got, out.next, change_count());
			fflush(stdout);
		}
		if (!stop_sending && now - start >= seconds * hz) {
			stop_sending = true;
			pollers_end_sending();
			change_stop();
		}
		if (got != before || !stop_sending || change_busy())
			last = now;
	} while (now - last < QUIET_US * hz / US_PER_S);
	pthread_join(control, NULL);
	pollers_end();
	return pollers_count();
}

/* The sums */

static uint64_t
xstats_sum(uint16_t port, const char *ending)
{
	struct rte_eth_xstat_name names[1024];
	struct rte_eth_xstat values[1024];
	int n = rte_eth_xstats_get(port, values, RTE_DIM(values));
	uint64_t sum = 0;
	int i;

	if (n < 0 || n > (int)RTE_DIM(values) ||
	    rte_eth_xstats_get_names(port, names, (unsigned int)n) != n)
		die("xstats", EIO);
	for (i = 0; i < n; i++) {
		size_t len = strlen(names[i].name), tail = strlen(ending);

		if (len >= tail && strcmp(names[i].name + len - tail, ending) == 0)
			sum += values[i].value;
	}
	return sum;
}

/* One line of the account; whether it comes out even. */
static bool
even(const char *what, uint64_t left, uint64_t right)
{
	printf("%s %s: %" PRIu64 " and %" PRIu64 ", difference %" PRId64 "\n",
	       left == right ? "ok    " : "FAILED", what, left, right, (int64_t)(left - right));
	return left == right;
}

static unsigned int
account_in(uint16_t port, const struct rte_eth_stats *stats, uint64_t got)
{
	uint64_t flow_dropped = xstats_sum(port, "flow_dropped");
	uint64_t whole = 0, lost = 0, part = 0, missing = 0, segments = 0, unsent = 0;
	unsigned int failed = 0;
	uint32_t i;

	for (i = 0; i < in.next; i++) {
		uint32_t sent = in.sent[i], came = in.came[i];

		segments += (unsigned int)__builtin_popcount(came);
		unsent += (came & ~sent) != 0;
		if (sent == 0)
			continue;
		if (came == sent)
			whole++;
		else if (came == 0)
			lost++;
		else {
			part++;
			missing += (unsigned int)__builtin_popcount(sent & ~came);
		}
	}
	printf("to the port: %u frames, %" PRIu64 " refused; %" PRIu64 " arrived, %" PRIu64
	       " lost, %" PRIu64 " in part; counted as missed %" PRIu64
	       ", dropped by rules %" PRIu64 ", too long %" PRIu64 "\n",
	       in.next, (uint64_t)in.refused, whole, lost, part, stats->imissed, flow_dropped,
	       stats->ierrors);
	failed += !even("frames lost, and drops counted", lost + missing,
			stats->imissed + flow_dropped + stats->ierrors);
	failed += !even("packets given, and counted", got, stats->ipackets);
	failed += !even("packets given, and numbers seen", got, segments);
	failed += !even("numbers seen twice, strange, or never sent", in.twice + in.strays + unsent,
			0);
	failed += !even("some arrived, and some were dropped by rules",
			whole != 0 && flow_dropped != 0, 1);
	return failed;
}

static unsigned int
account_out(const struct rte_eth_stats *stats)
{
	struct tpacket_stats socket_stats;
	socklen_t len = sizeof(socket_stats);
	uint64_t sent = 0, whole = 0, part = 0, unsent = 0;
	unsigned int failed = 0;
	uint32_t i;

	for (i = 0; i < out.next; i++) {
		uint32_t came = out.came[i];

		sent += out.sent[i] != 0;
		unsent += (came & ~out.sent[i]) != 0;
		if (came != 0 && came == out.sent[i])
			whole++;
		else if (came != 0)
			part++;
	}
	if (getsockopt(sock, SOL_PACKET, PACKET_STATISTICS, &socket_stats, &len) != 0)
		die("PACKET_STATISTICS", errno);
	printf("from the port: %u frames, %" PRIu64 " refused; %" PRIu64 " arrived, %" PRIu64
	       " in part; counted as sent %" PRIu64 ", as errors %" PRIu64 "\n",
	       out.next, (uint64_t)out.refused, whole, part, stats->opackets, stats->oerrors);
	failed += !even("packets taken, and counted", sent, stats->opackets + stats->oerrors);
	failed += !even("packets counted as sent, and arrived", stats->opackets, whole);
	failed += !even("dropped by the socket of this test", socket_stats.tp_drops, 0);
	failed += !even("numbers seen twice, strange, or never sent",
			out.twice + out.strays + unsent, 0);
	failed += !even("some arrived", whole != 0, 1);
	return failed;
}

/* Set-up */

static void
enter_namespace(void)
{
	static const char path[] = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
	int fd;

	if (unshare(CLONE_NEWNET) != 0) {
		printf("skipped: no network namespace (%s); needs root\n", strerror(errno));
		exit(SOAK_SKIPPED);
	}
	/* No solicitations between the frames that count. */
	fd = open(path, O_WRONLY);
	if (fd >= 0 && write(fd, "1", 1) != 1)
		die(path, errno);
	if (fd >= 0)
		close(fd);
}

/* One for the main thread and one for each poller, all on all processors. */
static void
list_lcores(char *list, size_t size)
{
	char cpus[8 * CPU_SETSIZE] = "";
	cpu_set_t set;
	size_t at = 0;
	int cpu, lcore;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		die("sched_getaffinity", errno);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			at += (size_t)snprintf(cpus + at, sizeof(cpus) - at, "%s%d",
					       at == 0 ? "" : ",", cpu);
	for (at = 0, lcore = 0; lcore <= SOAK_POLLERS; lcore++)
		at += (size_t)snprintf(list + at, size - at, "%s%d@(%s)", lcore == 0 ? "" : ",",
				       lcore, cpus);
}

static uint16_t
open_port(const char *plugin, const char *devargs, bool visits, struct rte_mempool **pool)
{
	char vdev[256], path[4096], lcores[16 * CPU_SETSIZE];
	char huge_dir[] = "--huge-dir", folder[] = VISIT_HUGE_DIR;
	char *argv[] = { (char[]){ "soak" },
			 (char[]){ "--no-pci" },
			 (char[]){ "--no-telemetry" },
			 (char[]){ "-m" },
			 (char[]){ "256" },
			 (char[]){ "--lcores" },
			 lcores,
			 (char[]){ "-d" },
			 path,
			 (char[]){ "--vdev" },
			 vdev,
			 (char[]){ "--no-huge" },
			 (char[]){ "--no-shconf" } };
	struct rte_eth_conf conf = { .rxmode.mq_mode = RTE_ETH_MQ_RX_RSS };
	struct rte_eth_dev_info info;
	uint16_t q;
	int err;

	if (visits) {
		argv[RTE_DIM(argv) - 2] = huge_dir;
		argv[RTE_DIM(argv) - 1] = folder;
	}
	list_lcores(lcores, sizeof(lcores));
	snprintf(path, sizeof(path), "%s", plugin);
	snprintf(vdev, sizeof(vdev), "net_tap0,iface=soak0%s%s", *devargs ? "," : "", devargs);
	if (rte_eal_init(RTE_DIM(argv), argv) < 0) {
		if (strstr(devargs, "rss=bpf") == NULL || getenv("TAP_TEST_REQUIRE_BPF") != NULL)
			die("rte_eal_init", rte_errno);
		printf("skipped: no port with %s, as said above\n", devargs);
		exit(SOAK_SKIPPED);
	}
	*pool = rte_pktmbuf_pool_create("soak", 16383, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					SOCKET_ID_ANY);
	if (*pool == NULL)
		die("mbufs", rte_errno);
	err = rte_eth_dev_info_get(0, &info);
	conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads;
	conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_RSS_HASH;
	conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |
			       RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO |
			       RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	err = err ? err : rte_eth_dev_configure(0, SOAK_QUEUES, SOAK_QUEUES, &conf);
	for (q = 0; q < SOAK_QUEUES && err == 0; q++) {
		err = rte_eth_rx_queue_setup(0, q, 1024, SOCKET_ID_ANY, NULL, *pool);
		err = err ? err : rte_eth_tx_queue_setup(0, q, 1024, SOCKET_ID_ANY, NULL);
	}
	err = err ? err : rte_eth_promiscuous_enable(0);
	err = err ? err : rte_eth_dev_start(0);
	if (err != 0)
		die("set-up of the port", err);
	return 0;
}

int
main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "plugin", required_argument, NULL, 'd' },
		{ "devargs", required_argument, NULL, 'a' },
		{ "plain", no_argument, NULL, 'p' },
		{ "rate", required_argument, NULL, 'r' },
		{ "pollers", required_argument, NULL, 'n' },
		{ "visits", no_argument, NULL, 'v' },
		{ "visit", no_argument, NULL, 'V' },
		{ 0 },
	};
	const char *devargs = "";
	char *plugin = NULL;
	unsigned int failed, rate = 0, n_pollers = SOAK_POLLERS;
	struct rte_eth_stats stats;
	struct rte_mempool *pool;
	pthread_t kernel, control, visitors;
	bool plain = false, visits = false, visitor = false;
	uint16_t port;
	uint64_t got;
	int c, err;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			seconds = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 'd')
			plugin = optarg;
		else if (c == 'a')
			devargs = optarg;
		else if (c == 'p')
			plain = true;
		else if (c == 'r')
			rate = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 'n')
			n_pollers = (unsigned int)strtoul(optarg, NULL, 10);
		else if (c == 'v')
			visits = true;
		else if (c == 'V')
			visitor = true;
		else
			plugin = NULL;
	}
	if (plugin == NULL || seconds == 0 || seconds > 7200 || optind != argc || n_pollers == 0 ||
	    n_pollers > SOAK_POLLERS) {
		fprintf(stderr,
			"usage: soak --plugin FILE [--seconds 1..7200] [--devargs LIST] [--plain] [--rate N]\n"
			"            [--pollers 1..2] [--visits]\n"
			"  --plain   no super-frames to the port\n"
			"  --rate    so many changes of table, key and rules per second are asked for\n"
			"  --visits  secondary processes come and go (--visit is one of them)\n");
		return 2;
	}
	if (visitor)
		return visit_main(plugin);
	enter_namespace();
	if (visits)
		visit_prepare();
	port = open_port(plugin, devargs, visits, &pool);
	open_socket("soak0");
	change_begin(port);
	err = book_begin(&in, &out, seconds);
	if (err != 0)
		die("memory for numbers", err);
	if (pthread_create(&kernel, NULL, kernel_side, &plain) != 0 ||
	    pthread_create(&control, NULL, change_thread, NULL) != 0 ||
	    (visits && pthread_create(&visitors, NULL, visit_thread, plugin) != 0))
		die("pthread_create", EAGAIN);
	err = pollers_begin(n_pollers, port, pool, &in, &out);
	if (err != 0)
		die("lcores", err);
	got = watch(control);
	if (visits) {
		visit_stop();
		pthread_join(visitors, NULL);
	}
	stop_all = true;
	pthread_join(kernel, NULL);
	receive_frames();
	if (rte_eth_stats_get(port, &stats) != 0)
		die("stats", EIO);
	failed = change_report(rate);
	failed += visits ? visit_report() : 0;
	failed += account_in(port, &stats, got);
	failed += account_out(&stats);
	failed += !even("mbufs back in their pool, but for those that queues keep",
			rte_mempool_in_use_count(pool) <= SOAK_QUEUES * 2048, 1);
	close(sock);
	if (rte_eth_dev_stop(port) != 0 || rte_eth_dev_close(port) != 0)
		die("close", EIO);
	failed += !even("mbufs in use after close", rte_mempool_in_use_count(pool), 0);
	rte_eal_cleanup();
	printf("%u passed, %u failed\n", SOAK_CHECKS + visits - failed, failed);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
