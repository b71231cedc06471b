/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mount.h>
#include <sys/stat.h>

#include <libmnl/libmnl.h>

#include <linux/rtnetlink.h>

#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_memzone.h>

#include "kit.h"
#include "tap_ethdev.h"

#define N_MBUFS 4096

static struct rte_mempool *pool;
static FILE *log_file;

void
kit_log_reset(void)
{
	rewind(log_file);
	(void)!ftruncate(fileno(log_file), 0);
}

void
kit_log_print(void)
{
	char line[512];

	fflush(log_file);
	rewind(log_file);
	while (fgets(line, sizeof(line), log_file) != NULL)
		printf("    log: %s", line);
}

static bool
shell(const char *command)
{
	/* NOLINTNEXTLINE(cert-env33-c): a test, and the commands are its own */
	if (system(command) == 0)
		return true;
	printf("\"%s\" failed\n", command);
	return false;
}

/* All files are in /run, DPDK's too, and that is ours. */
static int
make_namespaces(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "/run", "tmpfs", 0, NULL) != 0 || mkdir(KIT_BPFFS, 0700) != 0 ||
	    mount("none", KIT_BPFFS, "bpf", 0, NULL) != 0)
		return -errno;
	/* Nothing but what the tests send. */
	if (!shell("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; "
		   "ip link set lo up && "
		   "ip link add " KIT_REMOTE " type veth peer " KIT_PEER " && "
		   "ip link set " KIT_REMOTE " up && ip link set " KIT_PEER " up"))
		return -EIO;
	return 0;
}

int
kit_init(const char *program)
{
	char *args[] = { strdup(program), strdup("--no-huge"), strdup("-m"),
			 strdup("512"),   strdup("--no-pci"),  strdup("--no-telemetry"),
			 strdup("-l"),    strdup("0"),         NULL };
	int ret = make_namespaces();

	fault_init();
	log_file = tmpfile();
	if (ret == 0 && log_file == NULL)
		ret = -errno;
	if (ret == 0)
		ret = rte_openlog_stream(log_file);
	if (ret == 0)
		ret = rte_eal_init(RTE_DIM(args) - 1, args);
	if (ret < 0) {
		printf("cannot prepare: %s\n", strerror(-ret));
		return ret;
	}
	pool = rte_pktmbuf_pool_create_by_ops("fault", N_MBUFS - 1, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					      SOCKET_ID_ANY, FAULT_POOL);
	if (pool == NULL)
		printf("no mbufs: %s\n", rte_strerror(rte_errno));
	return pool == NULL ? -ENOMEM : 0;
}

void
kit_end(void)
{
	rte_eal_cleanup();
}

void
kit_complain(struct kit_port *port, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("    ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	port->failed = true;
}

static int
call_inside(struct kit_port *port, int (*call)(struct kit_port *port))
{
	int ret;

	fault_enter();
	ret = call(port);
	fault_leave();
	return ret;
}

bool
kit_step(struct kit_port *port, const char *name, int (*call)(struct kit_port *port))
{
	unsigned int before = fault_struck();
	int ret = call_inside(port, call);

	if (ret == 0)
		return true;
	if (ret > 0 || fault_struck() == before) {
		kit_complain(port, "%s: %d%s", name, ret,
			     before != 0 ? ", after a fault that an earlier call has survived" :
					   "");
		return false;
	}
	port->refused = true;
	/* A second fault may fall into the repetition. */
	do {
		before = fault_struck();
		ret = call_inside(port, call);
	} while (ret < 0 && fault_struck() != before);
	if (ret != 0)
		kit_complain(port, "%s, once more after the fault: %s", name, strerror(-ret));
	return ret == 0;
}

/* Steps of every life */

static const char *
vdev_name(const struct kit_port *port)
{
	return port->want->tun ? "net_tun_fault" : "net_tap_fault";
}

static int
probe(struct kit_port *port)
{
	char args[512];

	snprintf(args, sizeof(args), "iface=" KIT_IFACE "%s%s",
		 port->want->devargs[0] != '\0' ? "," : "", port->want->devargs);
	return rte_vdev_init(vdev_name(port), args);
}

bool
kit_probe(struct kit_port *port)
{
	if (!kit_step(port, "probe", probe))
		return false;
	if (rte_eth_dev_get_port_by_name(vdev_name(port), &port->id) == 0)
		return true;
	kit_complain(port, "probe: there is no port");
	return false;
}

static int
configure(struct kit_port *port)
{
	const struct kit_want *want = port->want;
	struct rte_eth_conf conf = {
		.rxmode.mq_mode = want->no_rss ? RTE_ETH_MQ_RX_NONE : RTE_ETH_MQ_RX_RSS,
		.rxmode.offloads =
			want->offloads | (want->no_rss ? 0 : RTE_ETH_RX_OFFLOAD_RSS_HASH),
		.rx_adv_conf.rss_conf = { .rss_key = port->key,
					  .rss_key_len = sizeof(port->key),
					  .rss_hf = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP },
		.intr_conf = { .lsc = want->interrupts,
			       .rxq = want->interrupts,
			       .rmv = want->interrupts },
	};

	return rte_eth_dev_configure(port->id, port->queues, port->queues, &conf);
}

static int
set_up_rx(struct kit_port *port)
{
	uint16_t i;
	int ret = 0;

	for (i = 0; ret == 0 && i < port->queues; i++)
		ret = rte_eth_rx_queue_setup(port->id, i, 256, SOCKET_ID_ANY, NULL, pool);
	return ret;
}

static int
set_up_tx(struct kit_port *port)
{
	uint16_t i;
	int ret = 0;

	for (i = 0; ret == 0 && i < port->queues; i++)
		ret = rte_eth_tx_queue_setup(port->id, i, 256, SOCKET_ID_ANY, NULL);
	return ret;
}

static int
start(struct kit_port *port)
{
	return rte_eth_dev_start(port->id);
}

static int
stop(struct kit_port *port)
{
	return rte_eth_dev_stop(port->id);
}

static int
vdev_remove(struct kit_port *port)
{
	return rte_vdev_uninit(vdev_name(port));
}

bool
kit_start(struct kit_port *port, uint16_t queues)
{
	unsigned int i;

	port->queues = queues;
	for (i = 0; i < KIT_RETA; i++)
		port->reta[i] = (uint16_t)(i % queues);
	for (i = 0; i < sizeof(port->key); i++)
		port->key[i] = (uint8_t)(i * 37 + 11);
	port->started = kit_step(port, "configure", configure) &&
			kit_step(port, "Rx queues", set_up_rx) &&
			kit_step(port, "Tx queues", set_up_tx) && kit_step(port, "start", start);
	if (!port->started)
		return false;
	port->rung = tap_port_of(&rte_eth_devices[port->id])->rung;
	if (port->want->insist && port->rung != TAP_RUNG_FULL)
		kit_complain(port, "rung %u, although rss=bpf was asked for", port->rung);
	return true;
}

bool
kit_stop(struct kit_port *port)
{
	port->started = false;
	return kit_step(port, "stop", stop);
}

bool
kit_remove(struct kit_port *port)
{
	return kit_step(port, "remove", vdev_remove);
}

/* Counts */

static unsigned int
count_fds(void)
{
	unsigned int n = 0;
	DIR *dir = opendir("/proc/self/fd");

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static int
count_message(const struct nlmsghdr *message, void *arg)
{
	RTE_SET_USED(message);
	++*(unsigned int *)arg;
	return MNL_CB_OK;
}

/* Answers to a dump of the namespace: RTM_GETLINK, RTM_GETQDISC, with a header of @p header bytes. */
static unsigned int
count_dump(uint16_t type, size_t header)
{
	char buf[32768];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
	unsigned int n = 0;
	int ret = 1;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(request, header);
	if (nl == NULL || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) != 0 ||
	    mnl_socket_sendto(nl, request, request->nlmsg_len) < 0)
		ret = 0;
	while (ret > 0) {
		ssize_t len = mnl_socket_recvfrom(nl, buf, sizeof(buf));

		ret = len < 0 ? -1 : mnl_cb_run(buf, (size_t)len, 0, 0, count_message, &n);
	}
	if (nl != NULL)
		mnl_socket_close(nl);
	return n;
}

static void
count_memzone(const struct rte_memzone *zone, void *arg)
{
	RTE_SET_USED(zone);
	++*(unsigned int *)arg;
}

static size_t
count_heap(void)
{
	struct rte_malloc_socket_stats stats;

	return rte_malloc_get_socket_stats(0, &stats) == 0 ? stats.heap_allocsz_bytes : 0;
}

void
kit_count(struct kit_count *count, const struct kit_count *before)
{
	memset(count, 0, sizeof(*count));
	fault_count_live(&count->live, before != NULL ? before->live.bpf : SIZE_MAX);
	count->fds = count_fds();
	count->netdevs = count_dump(RTM_GETLINK, sizeof(struct ifinfomsg));
	count->qdiscs = count_dump(RTM_GETQDISC, sizeof(struct tcmsg));
	rte_memzone_walk(count_memzone, &count->memzones);
	count->ports = rte_eth_dev_count_total();
	count->mbufs = rte_mempool_avail_count(pool);
	count->heap = count_heap();
}

static void
compare(struct kit_port *port, const char *what, size_t before, size_t after)
{
	if (before != after)
		kit_complain(port, "LEAK: %s: %zu before, %zu after", what, before, after);
}

void
kit_compare(struct kit_port *port, const struct kit_count *before)
{
	struct kit_count after;

	kit_count(&after, before);
	compare(port, "blocks of memory", before->live.blocks, after.live.blocks);
	compare(port, "mappings", before->live.maps, after.live.maps);
	/* Those of the run before may have gone only now. */
	if (after.live.bpf > before->live.bpf)
		compare(port, "BPF objects", before->live.bpf, after.live.bpf);
	compare(port, "fds", before->fds, after.fds);
	compare(port, "netdevs", before->netdevs, after.netdevs);
	compare(port, "qdiscs", before->qdiscs, after.qdiscs);
	compare(port, "memzones", before->memzones, after.memzones);
	compare(port, "ports", before->ports, after.ports);
	compare(port, "mbufs in the pool", before->mbufs, after.mbufs);
	compare(port, "bytes of DPDK's heap", before->heap, after.heap);
}

struct rte_mempool *
kit_pool(void)
{
	return pool;
}
