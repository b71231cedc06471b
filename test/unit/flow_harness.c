/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * A port without a netdev, driven by lines on stdin: the driver's rte_flow calls, and for
 * each frame what its classifier and the BPF programs make of it over the same tables.
 * Each line is answered with one line; test/model/ knows what should come. The lines:
 *
 *     open QUEUES ALGO rss|none TYPES KEY   configure anew, without rules; ALGO is the devarg's
 *     hash TYPES KEY                        types and key of the port
 *     reta Q,Q,...                          its redirection table
 *     isolate 0|1, alone 0|1, flush
 *     counter NAME                          make a shared counter
 *     add NAME [shared=COUNTER] WORDS       make a rule, see flow_text.h
 *     del NAME                              of either kind
 *     query NAME RESET                      hits and bytes by BPF, and by the driver
 *     dropped                               frames that the filter program has dropped
 *     frame CONTIG TPID TCI GSO HEX         classify
 *
 * With the argument "spoil" the programs do not run: before each line, somebody else who has
 * the maps writes what he likes to them.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tap_pkt;
static int slow_load(const struct tap_pkt *pkt, uint32_t off, void *dst, uint32_t n);
#define TAP_PKT_LOAD_SLOW(pkt, off, dst, n) slow_load(pkt, off, dst, n)

#include <rte_eal.h>
#include <rte_flow_driver.h>

#include "tap_classify.h"
#include "tap_ethdev.h"
#include "tap_flow.h"
#include "tap_log.h"

#include "bpfrun_rules.h"
#include "flow_text.h"

#define NAMES 65536
#define FRAME_ROOM 2048
#define LINE_ROOM 65536

/* The driver's, which says much of what is refused on purpose. */
int net_tap_logtype;

static struct tap_port port;
static struct rte_eth_dev_data dev_data = { .dev_private = &port, .name = "test" };
static struct rte_eth_dev dev = { .data = &dev_data };
static const struct rte_flow_ops *ops;
static bool alone;
static bool spoil;

/* What the lines have names for: a rule or a shared counter. */
static struct name {
	struct rte_flow *rule;
	struct rte_flow_action_handle *counter;
	struct tap_flow_count base; /* of the driver's own counting */
} names[NAMES];

/* The driver's classifier counts here, not where the programs count. */
static struct tap_flow_count *own_count;

/* A port without a netdev has nothing to attach to. */
bool
tap_software_possible(const struct tap_port *p)
{
	RTE_SET_USED(p);
	return true;
}

int
tap_attach(struct tap_port *p, const struct tap_rules_needs *needs)
{
	p->needs = *needs;
	return 0;
}

/* No reader runs beside: grace periods of 10 ms and more need not be waited for. */
long __wrap_syscall(long number, ...);

long
__wrap_syscall(long number, ...)
{
	RTE_SET_USED(number);
	return 0;
}

static int
slow_load(const struct tap_pkt *pkt, uint32_t off, void *dst, uint32_t n)
{
	if (off > pkt->len || n > pkt->len - off)
		return -1;
	memcpy(dst, (const uint8_t *)pkt->mbuf + off, n);
	return 0;
}

static void
answer(int ret)
{
	if (ret == 0)
		printf("ok\n");
	else
		printf("error %d\n", abs(ret));
}

static struct name *
name_of(const char *text)
{
	unsigned long n = strtoul(text, NULL, 0);

	if (n >= NAMES)
		abort();
	return &names[n];
}

static uint16_t
number_of(const struct name *name)
{
	const void *handle = name->rule != NULL ? (const void *)name->rule : name->counter;

	return tap_flow_number(port.flows, handle);
}

static void
own_count_sum(uint16_t number, struct tap_flow_count *sum)
{
	unsigned int i;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < port.tables.banks; i++) {
		sum->hits += own_count[i * TAP_RULES + number].hits;
		sum->bytes += own_count[i * TAP_RULES + number].bytes;
	}
}

/* A number's counter goes on from where its last owner left it. */
static void
own_count_start(struct name *name)
{
	own_count_sum(number_of(name), &name->base);
}

/* Commands: the rest of the line, after the command itself. */

static void
do_flush(char *rest)
{
	RTE_SET_USED(rest);
	answer(ops->flush(&dev, NULL));
}

static void
do_isolate(char *rest)
{
	struct rte_flow_error error;

	answer(ops->isolate(&dev, atoi(rest), &error));
}

static void
do_alone(char *rest)
{
	alone = atoi(rest) != 0;
	tap_flow_set_alone(&port, alone);
	answer(0);
}

/* Types and key of an rte_eth_rss_conf. */
static void
read_rss_conf(char *rest, struct rte_eth_rss_conf *rss, uint8_t *key)
{
	int n;

	memset(rss, 0, sizeof(*rss));
	rss->rss_hf = strtoull(strsep(&rest, " "), NULL, 16);
	n = flow_text_hex(rest, key, TAP_KEY_LEN);
	rss->rss_key = n > 0 ? key : NULL;
	rss->rss_key_len = (uint8_t)n;
}

static void
do_open(char *rest)
{
	struct rte_eth_conf *conf = &dev_data.dev_conf;
	static uint8_t key[TAP_KEY_LEN];
	bool rss;

	ops->flush(&dev, NULL);
	dev_data.nb_rx_queues = (uint16_t)atoi(strsep(&rest, " "));
	port.args.rss_algo = (uint8_t)atoi(strsep(&rest, " "));
	rss = strcmp(strsep(&rest, " "), "rss") == 0;
	conf->rxmode.mq_mode = rss ? RTE_ETH_MQ_RX_RSS : RTE_ETH_MQ_RX_NONE;
	read_rss_conf(rest, &conf->rx_adv_conf.rss_conf, key);
	port.steering = rss;
	answer(tap_rss_configure(&dev));
}

static void
do_hash(char *rest)
{
	struct rte_eth_rss_conf rss;
	uint8_t key[TAP_KEY_LEN];

	read_rss_conf(rest, &rss, key);
	answer(tap_rss_hash_update(&dev, &rss));
}

static void
do_reta(char *rest)
{
	struct rte_eth_rss_reta_entry64 reta[TAP_RETA_SIZE / RTE_ETH_RETA_GROUP_SIZE] = { 0 };
	unsigned int i;

	for (i = 0; i < TAP_RETA_SIZE; i++) {
		const char *queue = strsep(&rest, ",");
		struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];

		group->mask = UINT64_MAX;
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = (uint16_t)(queue ? atoi(queue) : 0);
	}
	answer(tap_rss_reta_update(&dev, reta, TAP_RETA_SIZE));
}

static void
do_counter(char *rest)
{
	const struct rte_flow_action count = { .type = RTE_FLOW_ACTION_TYPE_COUNT };
	const struct rte_flow_indir_action_conf conf = { .ingress = 1 };
	struct name *name = name_of(rest);
	struct rte_flow_error error;

	name->rule = NULL;
	name->counter = ops->action_handle_create(&dev, &conf, &count, &error);
	if (name->counter != NULL)
		own_count_start(name);
	answer(name->counter != NULL ? 0 : rte_errno);
}

static void
do_add(char *rest)
{
	static struct flow_text t;
	struct name *name = name_of(strsep(&rest, " "));
	struct rte_flow_error error = { .message = NULL };
	const void *shared = NULL;
	char *word;

	memset(&t, 0, sizeof(t));
	while ((word = strsep(&rest, " ")) != NULL) {
		if (strncmp(word, "shared=", 7) == 0)
			shared = name_of(word + 7)->counter;
		else if (!flow_text_word(&t, word, shared))
			abort();
	}
	name->counter = NULL;
	name->rule = ops->create(&dev, &t.attr, t.items, t.actions, &error);
	if (name->rule == NULL) {
		printf("error %d %s\n", rte_errno, error.message ? error.message : "");
		return;
	}
	own_count_start(name);
	answer(0);
}

static void
do_del(char *rest)
{
	struct name *name = name_of(rest);
	struct rte_flow_error error;

	if (name->rule != NULL)
		answer(ops->destroy(&dev, name->rule, &error));
	else
		answer(ops->action_handle_destroy(&dev, name->counter, &error));
}

static void
do_query(char *rest)
{
	const struct rte_flow_action count = { .type = RTE_FLOW_ACTION_TYPE_COUNT };
	struct name *name = name_of(strsep(&rest, " "));
	struct rte_flow_query_count query = { .reset = atoi(rest) != 0 };
	struct tap_flow_count own;
	struct rte_flow_error error;
	int ret;

	if (name->rule != NULL)
		ret = ops->query(&dev, name->rule, &count, &query, &error);
	else
		ret = ops->action_handle_query(&dev, name->counter, &query, &error);
	if (ret != 0) {
		answer(ret);
		return;
	}
	own_count_sum(number_of(name), &own);
	printf("ok %" PRIu64 " %" PRIu64 " %llu %llu\n", query.hits, query.bytes,
	       own.hits - name->base.hits, own.bytes - name->base.bytes);
	if (query.reset)
		name->base = own;
}

static void
do_dropped(char *rest)
{
	RTE_SET_USED(rest);
	printf("ok %" PRIu64 "\n", tap_flow_dropped(&port));
}

static void
classify(const struct rules_packet *packet, uint32_t contig, struct tap_verdict *v)
{
	struct tap_tables tables = port.tables;
	/* Memory of its own, so that sanitizers see a step beyond what may be read. */
	uint8_t *head = malloc(contig + 1);
	struct tap_pkt pkt = {
		.data = head, .contig = contig, .len = packet->len, .bank = 3, .mbuf = packet->data
	};

	if (head == NULL)
		abort();
	memcpy(head, packet->data, contig);
	tables.count = own_count;
	tap_classify_rules(&pkt, port.shared, port.shared->active & (TAP_SLOTS - 1), &tables,
			   tap_current_view(&tables), TAP_COUNT_PASSED | TAP_COUNT_DROPPED, v);
	free(head);
}

static void
print_programs(const struct rules_packet *packet)
{
	uint32_t queue = 0, passed = 0;
	char steered[16] = "-";

	if (port.rung != TAP_RUNG_FULL || spoil) {
		printf(" - -\n");
		return;
	}
	/* Alone, the filter counts what the steering program would. */
	if (!alone) {
		if (!bpfrun_rules(TAP_RULES_STEERING, packet, &queue)) {
			printf(" refused -\n");
			return;
		}
		snprintf(steered, sizeof(steered), "%u", queue);
	}
	if (!bpfrun_rules(TAP_RULES_FILTER, packet, &passed))
		printf(" %s refused\n", steered);
	else
		printf(" %s %s\n", steered,
		       passed == 0 ? "drop" : (passed == TAP_FILTER_PASS ? "pass" : "odd"));
}

/* Drop, hashed, hash, queue, flags and mark by the driver; queue and pass or drop by BPF. */
static void
do_frame(char *rest)
{
	static uint8_t data[FRAME_ROOM];
	struct rules_packet packet = { .data = data };
	struct tap_verdict v = { 0 };
	uint32_t contig = (uint32_t)atoi(strsep(&rest, " "));
	int len;

	packet.tpid = (uint16_t)strtoul(strsep(&rest, " "), NULL, 0);
	packet.tci = (uint16_t)strtoul(strsep(&rest, " "), NULL, 0);
	packet.gso_segs = (uint32_t)atoi(strsep(&rest, " "));
	len = flow_text_hex(rest, data, sizeof(data));
	if (len < 0)
		abort();
	packet.len = (uint32_t)len;
	if (packet.tpid == 0 && packet.gso_segs == 0) {
		classify(&packet, RTE_MIN(contig, packet.len), &v);
		printf("ok %u %u %u %u %u %u", v.drop, v.hashed, v.hash, v.queue, v.flags, v.mark);
	} else {
		printf("ok - - - - - -");
	}
	print_programs(&packet);
}

static const struct {
	const char *name;
	void (*run)(char *rest);
} commands[] = {
	{ "open", do_open },       { "hash", do_hash },   { "reta", do_reta },
	{ "isolate", do_isolate }, { "alone", do_alone }, { "flush", do_flush },
	{ "counter", do_counter }, { "add", do_add },     { "del", do_del },
	{ "query", do_query },     { "frame", do_frame }, { "dropped", do_dropped },
};

static void
spoil_memory(void *at, size_t size, unsigned int words)
{
	static uint64_t state = 88172645463325252u;
	uint64_t *to = at;

	while (words-- > 0) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		to[state % (size / sizeof(*to))] = state;
	}
}

/* Control words each time; bells and counters are the programs' to write. */
static void
spoil_maps(void)
{
	struct tap_shared *shared = tap_bpf_shared(port.bpf);
	char reason[TAP_REASON_LEN];
	struct tap_tables kernel;

	if (tap_bpf_open_rules(port.bpf, "test", &kernel, reason) != 0)
		abort();
	spoil_memory(shared, offsetof(struct tap_shared, bell), 8);
	spoil_memory(shared->slot, sizeof(*shared) - offsetof(struct tap_shared, slot), 100);
	spoil_memory(&kernel.flow->view, 8, 1);
	spoil_memory(kernel.flow, sizeof(*kernel.flow), 100);
	spoil_memory(kernel.rule, sizeof(*kernel.rule) * TAP_RULES, 500);
}

static void
run_line(char *line)
{
	const char *name = strsep(&line, " ");
	unsigned int i;

	for (i = 0; i < RTE_DIM(commands); i++)
		if (strcmp(commands[i].name, name) == 0) {
			commands[i].run(line != NULL ? line : (char[]){ "" });
			return;
		}
	fprintf(stderr, "no such command: %s\n", name);
	exit(EXIT_FAILURE);
}

/* Says whether the programs run, and why not; then what differs between releases of DPDK. */
static bool
open_port(void)
{
	char prefix[32];
	char *eal[] = { "flow_harness",
			"--no-huge",
			"--no-shconf",
			"-m",
			"64",
			"--no-pci",
			"--no-telemetry",
			"--file-prefix",
			prefix,
			"--log-level=lib.eal:critical" };
	char reason[TAP_REASON_LEN] = "";
	struct rte_flow_error error;

	snprintf(prefix, sizeof(prefix), "nettap-flow%d", getpid());
	if (rte_eal_init(RTE_DIM(eal), eal) < 0)
		return false;
	/* EAL makes this folder even if it keeps nothing in it, and would leave it. */
	rmdir(rte_eal_get_runtime_dir());

	net_tap_logtype = rte_log_register("pmd.net.tap");
	rte_log_set_level((uint32_t)net_tap_logtype, RTE_LOG_CRIT);
	port.data = &dev_data;
	dev_data.nb_rx_queues = 1;
	port.bpf = tap_bpf_open("test", &port.args, &port.rung, reason);
	port.shared = calloc(1, sizeof(*port.shared));
	port.policy.shared = port.shared;
	port.policy.mirror = (struct tap_mirror){ port.shared, tap_bpf_shared(port.bpf) };
	tap_flow_ops_get(&dev, &ops);
	/* Opens the tables. */
	if (port.shared == NULL || ops->isolate(&dev, 1, &error) != 0 ||
	    ops->isolate(&dev, 0, &error) != 0)
		return false;
	if (port.rung == TAP_RUNG_FULL &&
	    (!tap_flow_in_kernel(&port) || bpfrun_rules_open(port.bpf, reason) != 0))
		printf("refused %s\n", reason);
	else if (spoil && port.rung == TAP_RUNG_FULL)
		printf("spoilt\n");
	else
		printf("%s %s\n", port.rung == TAP_RUNG_FULL ? "bpf" : "soft", reason);
	own_count = calloc((size_t)TAP_RULES * port.tables.banks, sizeof(*own_count));
	return own_count != NULL;
}

static void
print_layout(void)
{
	struct tap_rss_conf conf;

	printf("arp %zu %zu %zu %zu %zu sort %d\n", TAP_ARP_ITEM_AT(sha, arp_sha),
	       TAP_ARP_ITEM_AT(spa, arp_sip), TAP_ARP_ITEM_AT(tha, arp_tha),
	       TAP_ARP_ITEM_AT(tpa, arp_tip), sizeof(struct rte_flow_item_arp_eth_ipv4),
	       tap_rss_conf_set_algo(&conf, &port, 4) == 0);
}

int
main(int argc, char **argv)
{
	static char line[LINE_ROOM];

	spoil = argc == 2 && strcmp(argv[1], "spoil") == 0;
	if (!open_port())
		return EXIT_FAILURE;
	print_layout();
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (spoil)
			spoil_maps();
		run_line(line);
		fflush(stdout);
	}
	if (port.rung == TAP_RUNG_FULL)
		bpfrun_rules_close();
	tap_flow_close(&port);
	free(port.shared);
	tap_bpf_close(port.bpf);
	free(own_count);
	return EXIT_SUCCESS;
}
