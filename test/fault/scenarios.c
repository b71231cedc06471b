/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <net/if.h>
#include <sys/ioctl.h>

#include <bpf/bpf.h>

#include <linux/bpf.h>
#include <linux/if_tun.h>

#include "scenarios.h"
#include "tap_tc.h"

/* Probe to traffic, and nothing else. */
static void
life_run(struct kit_port *port)
{
	if (kit_probe(port) && kit_start(port, KIT_QUEUES))
		kit_traffic(port);
}

/* Fewer queues, more queues, each with traffic. */
static void
again_run(struct kit_port *port)
{
	if (kit_probe(port) && kit_start(port, KIT_QUEUES) && kit_stop(port) &&
	    kit_start(port, 2) && kit_traffic(port) && kit_stop(port) &&
	    kit_start(port, KIT_MAX_QUEUES))
		kit_traffic(port);
}

/* The netdev in another namespace, and back; what the port does there. */

static bool
move(const char *command)
{
	/* NOLINTNEXTLINE(cert-env33-c): a test, and the commands are its own */
	return system(command) == 0;
}

#define ABROAD "abroad"

static int
abroad_prepare(void)
{
	return move("ip netns add " ABROAD) ? 0 : -EIO;
}

static void
abroad_clean(void)
{
	move("ip netns del " ABROAD);
}

static int
look(struct kit_port *port)
{
	struct rte_eth_link link;
	int ret = rte_eth_link_get_nowait(port->id, &link);

	return ret;
}

static int
set_mtu(struct kit_port *port)
{
	return rte_eth_dev_set_mtu(port->id, 1400);
}

static void
abroad_run(struct kit_port *port)
{
	if (!kit_probe(port) || !kit_start(port, 2))
		return;
	if (!move("ip link set " KIT_IFACE " netns " ABROAD))
		kit_complain(port, "cannot move the netdev");
	if (!kit_step(port, "link", look) || !kit_step(port, "MTU", set_mtu) || !kit_stop(port) ||
	    !kit_start(port, KIT_QUEUES))
		return;
	if (!move("ip -n " ABROAD " link set " KIT_IFACE " netns $PPID && ip link set " KIT_IFACE
		  " up"))
		kit_complain(port, "cannot move the netdev back");
	if (kit_step(port, "link", look))
		kit_traffic(port);
}

/* A persistent netdev stays: it is removed here. */
static void
persist_tidy(void)
{
	struct ifreq ifr = {
		.ifr_name = KIT_IFACE,
		.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE,
	};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) != 0 || ioctl(fd, TUNSETPERSIST, 0) != 0)
		printf("    cannot remove the persistent netdev: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static int
clsact_prepare(void)
{
	return setenv("NET_TAP_NO_TCX", "1", 1);
}

static void
clsact_clean(void)
{
	unsetenv("NET_TAP_NO_TCX");
}

/* What a process that was killed has left: a filter with a program of the driver's name. */

static int
left_prepare(void)
{
	clsact_prepare();
	return move("tc qdisc add dev " KIT_REMOTE " clsact") ? 0 : -EIO;
}

static void
left_clean(void)
{
	move("tc qdisc del dev " KIT_REMOTE " clsact");
	clsact_clean();
}

static void
left_run(struct kit_port *port)
{
	/* r0 = TC_ACT_UNSPEC; exit */
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "tap_remote_in", "Dual BSD/GPL", pass,
			       RTE_DIM(pass), NULL);
	struct tap_tc tc;

	if (fd < 0 || tap_tc_filter(&tc, if_nametoindex(KIT_REMOTE), fd, "tap_remote_in") != 0)
		kit_complain(port, "cannot attach a filter: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	life_run(port);
}

const struct scenario scenarios[] = {
	{ .name = "soft",
	  .what = "RSS in software: probe, configure, queues, start, traffic, stop, remove",
	  .want = { .devargs = "rss=soft" },
	  .run = life_run },
	{ .name = "life",
	  .what = "the same with BPF, or software if it fails",
	  .want = { .devargs = "" },
	  .run = life_run },
	{ .name = "insist",
	  .what = "the same with BPF or an error",
	  .want = { .devargs = "rss=bpf", .insist = true },
	  .all = true,
	  .run = life_run },
	{ .name = "basic",
	  .what = "the same with the basic program",
	  .want = { .devargs = "rss=basic" },
	  .run = life_run },
	{ .name = "no RSS",
	  .what = "distribution by the kernel; scattered frames, LRO",
	  .want = { .devargs = "",
		    .no_rss = true,
		    .offloads = RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_LRO },
	  .run = life_run },
	{ .name = "tun",
	  .what = "a net_tun port",
	  .want = { .devargs = "", .tun = true },
	  .run = life_run },
	{ .name = "persist",
	  .what = "a netdev that stays",
	  .want = { .devargs = "persist,mac=fixed,rss=soft" },
	  .run = life_run,
	  .tidy = persist_tidy },
	{ .name = "again",
	  .what = "configured again, with fewer and with more queues",
	  .want = { .devargs = "rss=soft", .offloads = RTE_ETH_RX_OFFLOAD_SCATTER },
	  .run = again_run },
	{ .name = "interrupts",
	  .what = "Rx interrupts, link state events, queues stopped and started",
	  .want = { .devargs = "rss=soft", .interrupts = true },
	  .run = interrupts_run },
	{ .name = "control",
	  .what = "hash, key, table, MTU, addresses, filters, statistics, link",
	  .want = { .devargs = "bpf_pin=" GIVEN_PINS },
	  .run = control_run,
	  .prepare = given_prepare_pins,
	  .clean = given_clean_pins },
	{ .name = "abroad",
	  .what = "a netdev that moves to another network namespace",
	  .want = { .devargs = "rss=soft" },
	  .run = abroad_run,
	  .prepare = abroad_prepare,
	  .clean = abroad_clean },
	{ .name = "flows soft",
	  .what = "flow rules in software",
	  .want = { .devargs = "rss=soft" },
	  .run = flow_run },
	{ .name = "flows pinned",
	  .what = "flow rules by programs that are there",
	  .want = { .devargs = "bpf_pin=" GIVEN_PINS },
	  .run = flow_run,
	  .prepare = given_prepare_pins,
	  .clean = given_clean_pins },
	{ .name = "flows stopped",
	  .what = "a flow rule before start, its programs loaded for it",
	  .want = { .devargs = "" },
	  .slow = true,
	  .run = flow_stopped_run },
	{ .name = "received",
	  .what = "BPF objects from a socket",
	  .want = { .devargs = "rss_fds=" GIVEN_SOCKET },
	  .run = life_run,
	  .prepare = given_prepare_socket,
	  .clean = given_clean_socket },
	{ .name = "secondary",
	  .what = "a secondary process attaches, and follows stop and start",
	  .want = { .devargs = "bpf_pin=" GIVEN_PINS },
	  .slow = true,
	  .run = secondary_run,
	  .prepare = given_prepare_pins,
	  .clean = given_clean_pins,
	  .tidy = secondary_tidy },
	{ .name = "telemetry",
	  .what = "each command of telemetry, with flow rules",
	  .want = { .devargs = "bpf_pin=" GIVEN_PINS },
	  .slow = true,
	  .run = telemetry_run,
	  .prepare = given_prepare_pins,
	  .clean = given_clean_pins },
	{ .name = "telemetry soft",
	  .what = "the same in software, without rules",
	  .want = { .devargs = "rss=soft" },
	  .slow = true,
	  .run = telemetry_soft_run },
	{ .name = "loader",
	  .what = "objects loaded, pinned and sent for others",
	  .want = { .devargs = "rss=soft" },
	  .slow = true,
	  .run = loader_run,
	  .tidy = loader_tidy },
	{ .name = "remote",
	  .what = "capture from another netdev by tcx links",
	  .want = { .devargs = "remote=" KIT_REMOTE ",rss=soft" },
	  .slow = true,
	  .run = control_run },
	{ .name = "remote clsact",
	  .what = "capture from another netdev by clsact filters",
	  .want = { .devargs = "remote=" KIT_REMOTE ",rss=soft" },
	  .slow = true,
	  .run = life_run,
	  .prepare = clsact_prepare,
	  .clean = clsact_clean },
	{ .name = "remote left",
	  .what = "the same where a killed process has left its filter",
	  .want = { .devargs = "remote=" KIT_REMOTE ",rss=soft" },
	  .slow = true,
	  .run = left_run,
	  .prepare = left_prepare,
	  .clean = left_clean },
};

unsigned int
scenarios_count(void)
{
	return RTE_DIM(scenarios);
}
