/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* EAL with one driver, its two ports, and the raw taps beside them. */

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "cycles.h"
#include "worker.h"

/* The stock driver takes 1024 for each of up to 17 queues. */
#define NB_MBUFS 32768
#define PROBE_PACKETS 8
#define GETPPID_CALLS 1000
#define GETPPID_ROUNDS 101

/* What there is by section. */
#define ANY SECTION_ALL
#define WIDE (SECTION_SENDER | SECTION_LONE | SECTION_FLOW | SECTION_QUEUES)
#define OFFLOADING (SECTION_RX | SECTION_TX | SECTION_SUPER | SECTION_SIZE)

static const struct {
	uint16_t nb_queues;
	unsigned int sections;
} port_kind[PORTS] = {
	[ONE_QUEUE] = { 1, ANY },
	[TWO_QUEUES] = { 2, SECTION_QUEUES },
	[MANY_QUEUES] = { BENCH_QUEUES, WIDE },
	[EIGHT_QUEUES] = { 8, SECTION_QUEUES },
	[CSUM_PORT] = { 1, OFFLOADING },
	[LRO_PORT] = { 1, SECTION_SUPER },
};

static const struct {
	const char *name;
	unsigned int nb_queues;
	unsigned int sections;
} raw_kind[RAWS] = {
	[ONE_QUEUE] = { "bench_raw1", 1, ANY },
	[TWO_QUEUES] = { "bench_raw2", 2, SECTION_QUEUES },
	[MANY_QUEUES] = { "bench_raw4", BENCH_QUEUES, WIDE },
	[EIGHT_QUEUES] = { "bench_raw8", 8, SECTION_QUEUES },
	[VNET_RAW] = { "bench_vnet", 1, SECTION_SUPER },
};

/* What the driver says about RSS goes to the log only: keep the line. */
static void
note_rung(struct worker *w, FILE *log)
{
	char *at, line[512];

	rewind(log);
	while (fgets(line, sizeof(line), log) != NULL) {
		if (w->opt->verbose)
			fputs(line, stderr);
		at = strstr(line, "RSS runs");
		if (at == NULL)
			continue;
		at[strcspn(at, "\n")] = '\0';
		snprintf(w->reply.info.rung, sizeof(w->reply.info.rung), "%s", at);
	}
}

/* The log's last words name the reason why EAL or a port failed. */
static void
note_last_words(struct worker *w, FILE *log)
{
	char line[160], last[160] = "";

	rewind(log);
	while (fgets(line, sizeof(line), log) != NULL)
		if (strspn(line, "\n ") != strlen(line))
			memcpy(last, line, sizeof(last));
	last[strcspn(last, "\n")] = '\0';
	worker_fail(w, 0, "%s", last[0] != '\0' ? last : rte_strerror(rte_errno));
}

void
port_devargs(const struct worker *w, const char *ifname, char *args, size_t size)
{
	bool plain = strcmp(w->driver, "stock") == 0 || w->opt->devargs[0] == '\0';

	snprintf(args, size, "iface=%s%s%s", ifname, plain ? "" : ",",
		 plain ? "" : w->opt->devargs);
}

void
worker_prefix(char *prefix, size_t size)
{
	snprintf(prefix, size, "tapbench%d", getpid());
}

/* EAL makes this folder even if it keeps all in memory, and would leave it. */
static void
remove_runtime_dir(void)
{
	rmdir(rte_eal_get_runtime_dir());
}

static int
start_eal(struct worker *w, FILE *log)
{
	bool stock = strcmp(w->driver, "stock") == 0;
	char core[16], vdev[PORTS][128], args[96], prefix[32];
	char *argv[16 + PORTS];
	int argc = 0;
	int ret;

	rte_openlog_stream(log);
	snprintf(core, sizeof(core), "%u", w->opt->core);
	worker_prefix(prefix, sizeof(prefix));
	for (unsigned int i = 0; i < PORTS; i++) {
		port_devargs(w, w->port[i].ifname, args, sizeof(args));
		snprintf(vdev[i], sizeof(vdev[i]), "--vdev=net_tap%u,%s", i, args);
	}
	argv[argc++] = (char *)(uintptr_t) "dpdk-tap-bench";
	argv[argc++] = (char *)(uintptr_t) "-l";
	argv[argc++] = core;
	argv[argc++] = (char *)(uintptr_t) "--no-pci";
	if (!(w->opt->only & SECTION_WATCH))
		argv[argc++] = (char *)(uintptr_t) "--no-telemetry";
	argv[argc++] = (char *)(uintptr_t) "--file-prefix";
	argv[argc++] = prefix;
	if (w->opt->huge_pages) {
		argv[argc++] = (char *)(uintptr_t) "--in-memory";
	} else {
		argv[argc++] = (char *)(uintptr_t) "--no-huge";
		argv[argc++] = (char *)(uintptr_t) "--no-shconf";
		argv[argc++] = (char *)(uintptr_t) "-m";
		argv[argc++] = (char *)(uintptr_t) "192";
	}
	snprintf(w->reply.info.memory, sizeof(w->reply.info.memory), "%s",
		 w->opt->huge_pages ? "2 MB huge pages" : "4 KB pages");
	if (!stock) {
		argv[argc++] = (char *)(uintptr_t) "-d";
		argv[argc++] = (char *)(uintptr_t)w->driver;
	}
	for (unsigned int i = 0; i < PORTS; i++)
		if (w->opt->only & port_kind[i].sections)
			argv[argc++] = vdev[i];
	/* Before EAL's: then it runs after EAL has removed the telemetry socket. */
	atexit(remove_runtime_dir);
	ret = rte_eal_init(argc, argv);
	return ret < 0 ? -EIO : 0;
}

int
port_configure(struct bench_port *port, struct worker *w)
{
	struct rte_eth_dev_info dev;
	struct rte_eth_conf conf = { .rxmode.mq_mode = RTE_ETH_MQ_RX_NONE };
	int err = rte_eth_dev_info_get(port->id, &dev);

	if (err != 0)
		return err;
	if (dev.rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
		conf.rx_adv_conf.rss_conf.rss_hf =
			dev.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	}
	if (port->csum) {
		conf.rxmode.offloads |= dev.rx_offload_capa & RTE_ETH_RX_OFFLOAD_CHECKSUM;
		conf.txmode.offloads = dev.tx_offload_capa & (RTE_ETH_TX_OFFLOAD_UDP_CKSUM |
							      RTE_ETH_TX_OFFLOAD_TCP_CKSUM);
	}
	port->lro = port->lro && (dev.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TCP_LRO);
	if (port->lro) {
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TCP_LRO;
		conf.rxmode.max_lro_pkt_size = dev.max_lro_pkt_size;
	}
	err = rte_eth_dev_configure(port->id, port->nb_queues, port->nb_queues, &conf);
	for (uint16_t q = 0; q < port->nb_queues && err == 0; q++) {
		err = rte_eth_rx_queue_setup(port->id, q, 2 * BENCH_FILL, 0, NULL, w->pool);
		if (err == 0)
			err = rte_eth_tx_queue_setup(port->id, q, 2 * BENCH_FILL, 0, NULL);
	}
	return err;
}

/*
 * Can the driver have so many queues? DPDK's own passes its fds of both directions to other
 * processes in one message, and until 24.11 writes beyond the end of that.
 */
static bool
queues_fit(struct worker *w, uint16_t id, uint16_t nb_queues)
{
	bool stock = strcmp(w->driver, "stock") == 0;
	struct rte_eth_dev_info dev;

	if (rte_eth_dev_info_get(id, &dev) == 0 && nb_queues <= dev.max_rx_queues &&
	    (!stock || 2 * nb_queues <= RTE_MP_MAX_FD_NUM))
		return true;
	snprintf(w->reply.info.queues_note, sizeof(w->reply.info.queues_note),
		 "not measured with %u queues, which are more than this driver can have",
		 nb_queues);
	return false;
}

static int
port_start(struct worker *w, unsigned int i)
{
	struct bench_port *port = &w->port[i];
	char name[16];
	int err;

	snprintf(name, sizeof(name), "net_tap%u", i);
	err = rte_eth_dev_get_port_by_name(name, &port->id);
	if (err != 0)
		return worker_fail(w, err, "no port %s", name);
	port->nb_queues = port_kind[i].nb_queues;
	if (!queues_fit(w, port->id, port->nb_queues))
		return 0;
	port->open = true;
	err = port_configure(port, w);
	if (err == 0)
		err = rte_eth_dev_start(port->id);
	/* The frames are for nobody; and it is what testpmd and most others do. */
	if (err == 0)
		err = rte_eth_promiscuous_enable(port->id);
	if (err != 0)
		return err;
	err = netdev_up(port->ifname, 2 * BENCH_FILL);
	if (err == 0)
		err = tap_sender_open(&port->to, port->ifname);
	return err == 0 ? 0 : worker_fail(w, err, "%s: %s", port->ifname, strerror(-err));
}

static int
raw_start(struct worker *w, unsigned int i)
{
	const char *name = raw_kind[i].name;
	int err = raw_tap_open(&w->raw[i], name, raw_kind[i].nb_queues, i == VNET_RAW);

	if (err == 0)
		err = tap_sender_open(&w->raw_to[i], name);
	return err == 0 ? 0 : worker_fail(w, err, "tap %s: %s", name, strerror(-err));
}

static void
note_driver(struct worker *w)
{
	Dl_info dl;

	if (dladdr((void *)(uintptr_t)rte_eth_fp_ops[w->port[ONE_QUEUE].id].rx_pkt_burst, &dl) != 0)
		snprintf(w->reply.info.path, sizeof(w->reply.info.path), "%s", dl.dli_fname);
}

/* Both delivered or not is part of what the figures mean: look at real packets. */
static int
probe_mbufs(struct worker *w)
{
	const struct bench_port *port = &w->port[ONE_QUEUE];
	struct rte_mbuf *m[PROBE_PACKETS];
	unsigned int got = 0, hash = 0, ptype = 0;
	struct frame_set set;
	int err;

	err = frame_set_make(&set, PROBE_PACKETS, false, false, 60, 0);
	if (err == 0)
		err = frame_set_send(&set, port->to.bypass, 0, PROBE_PACKETS);
	if (err != 0)
		return worker_fail(w, err, "cannot send into %s: %s", port->ifname, strerror(-err));
	frame_set_free(&set);
	for (unsigned int wait = 0; got < PROBE_PACKETS && wait < 1000; wait++) {
		worker_spin_us(100);
		got += rte_eth_rx_burst(port->id, 0, m + got, (uint16_t)(PROBE_PACKETS - got));
	}
	for (unsigned int i = 0; i < got; i++) {
		hash += (m[i]->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0;
		ptype += (m[i]->packet_type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_UDP;
	}
	rte_pktmbuf_free_bulk(m, got);
	if (got != PROBE_PACKETS)
		return worker_fail(w, -EIO, "%s delivered %u of %u packets", port->ifname, got,
				   PROBE_PACKETS);
	w->reply.info.hash = hash == got;
	w->reply.info.ptype = ptype == got;
	return 0;
}

static int
open_ports(struct worker *w)
{
	int err = 0;

	w->pool = rte_pktmbuf_pool_create("bench", NB_MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					  SOCKET_ID_ANY);
	if (w->pool == NULL)
		return worker_fail(w, -ENOMEM, "mbuf pool: %s", rte_strerror(rte_errno));
	for (unsigned int i = 0; i < PORTS && err == 0; i++)
		if (w->opt->only & port_kind[i].sections)
			err = port_start(w, i);
	if (err == 0)
		err = probe_mbufs(w);
	return err;
}

static double
time_getppid(double ns_per_tick)
{
	double ns[GETPPID_ROUNDS];

	for (unsigned int r = 0; r < GETPPID_ROUNDS; r++) {
		uint64_t start = rte_rdtsc_precise();

		for (unsigned int i = 0; i < GETPPID_CALLS; i++)
			syscall(SYS_getppid);
		ns[r] = (double)(rte_rdtsc_precise() - start) * ns_per_tick / GETPPID_CALLS;
	}
	return bench_median(ns, GETPPID_ROUNDS);
}

int
worker_open(struct worker *w)
{
	FILE *log = tmpfile();
	int err;

	for (unsigned int i = 0; i < PORTS; i++)
		snprintf(w->port[i].ifname, sizeof(w->port[i].ifname), "bench_p%u", i);
	w->port[CSUM_PORT].csum = true;
	w->port[LRO_PORT].csum = true;
	w->port[LRO_PORT].lro = true;
	w->counter = cycles_open();
	snprintf(w->reply.info.cycles, sizeof(w->reply.info.cycles), "%s",
		 w->counter >= 0 ? "core cycles (perf_event_open)" :
				   "TSC ticks (no cycle counter here)");
	if (log == NULL)
		return worker_fail(w, -errno, "log file: %s", strerror(errno));
	err = netns_enter();
	if (err != 0)
		return worker_fail(w, err, "network namespace: %s", strerror(-err));
	for (unsigned int i = 0; i < RAWS && err == 0; i++)
		if (w->opt->only & raw_kind[i].sections)
			err = raw_start(w, i);
	if (err != 0)
		return err;
	err = start_eal(w, log);
	if (err == 0)
		err = open_ports(w);
	note_rung(w, log);
	if (err != 0) {
		note_last_words(w, log);
		return err;
	}
	note_driver(w);
	w->ns_per_tick = 1e9 / (double)rte_get_tsc_hz();
	w->reply.info.tsc_hz = rte_get_tsc_hz();
	w->reply.info.getppid_ns = time_getppid(w->ns_per_tick);
	return 0;
}

void
worker_close(struct worker *w)
{
	for (unsigned int i = 0; i < PORTS; i++) {
		if (!w->port[i].open)
			continue;
		rte_eth_dev_stop(w->port[i].id);
		rte_eth_dev_close(w->port[i].id);
	}
	rte_eal_cleanup();
	cycles_close(w->counter);
}
