/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define DEFAULT_ROUNDS 30
#define DEFAULT_LONE 20000
#define DEFAULT_REFERENCE 200000
#define DEFAULT_GAP 50
#define MAX_CORE 1023
/* A super-frame has fewer, but for tiny ones. */
#define MAX_SEGMENTS 64
/* 2 MB pages that a worker takes: mbufs and EAL's heap. */
#define HUGE_PAGES 64

enum {
	OPT_ONLY = 256,
	OPT_ROUNDS,
	OPT_LONE,
	OPT_REFERENCE,
	OPT_GAP,
	OPT_CORE,
	OPT_SENDER_CORE,
	OPT_DRIVER,
	OPT_DEVARGS,
	OPT_NO_STOCK,
	OPT_JSON,
	OPT_LOOP,
	OPT_LOOP_IFACES,
	OPT_LOOP_SEGMENTS,
	OPT_CHECK,
	OPT_VERBOSE,
	OPT_HELP
};

static const struct option long_options[] = {
	{ "only", required_argument, NULL, OPT_ONLY },
	{ "rounds", required_argument, NULL, OPT_ROUNDS },
	{ "lone-packets", required_argument, NULL, OPT_LONE },
	{ "lone-reference", required_argument, NULL, OPT_REFERENCE },
	{ "lone-gap-us", required_argument, NULL, OPT_GAP },
	{ "core", required_argument, NULL, OPT_CORE },
	{ "sender-core", required_argument, NULL, OPT_SENDER_CORE },
	{ "driver", required_argument, NULL, OPT_DRIVER },
	{ "devargs", required_argument, NULL, OPT_DEVARGS },
	{ "no-stock", no_argument, NULL, OPT_NO_STOCK },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "loop", required_argument, NULL, OPT_LOOP },
	{ "loop-ifaces", required_argument, NULL, OPT_LOOP_IFACES },
	{ "loop-segments", required_argument, NULL, OPT_LOOP_SEGMENTS },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "verbose", no_argument, NULL, OPT_VERBOSE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 }
};

#define SECTION_LIST "rx,tx,super,size,idle,queues,sender,lone,bpf,flow,start,watch"

static void
usage(FILE *out)
{
	fprintf(out,
		"Usage: dpdk-tap-bench [OPTION]...\n"
		"Measures what a packet through a net_tap port costs, beside read() and write() on a\n"
		"tap of its own and beside the distribution's net_tap driver. Needs root and two cores.\n"
		"\n"
		"  --only LIST          sections: " SECTION_LIST "\n"
		"                       (default: all)\n"
		"  --rounds N           rounds of every section, 1..10000 (default: %d)\n"
		"  --lone-packets N     lone packets in all, 4..10^10 (default: %d)\n"
		"  --lone-reference N   at most so many of them through the raw tap and through the\n"
		"                       stock driver, for comparison, 0..10^10 (default: %d)\n"
		"  --lone-gap-us N      random pause after a lone packet: 0..N us, and each fourth time\n"
		"                       0..8N us, 1..100000 (default: %d)\n"
		"  --core N             core that polls and measures, 0..%d (default: last one)\n"
		"  --sender-core N      core that sends, 0..%d (default: first one); in the section\n"
		"                       queues all others do as well\n"
		"  --driver PATH        the plugin, or \"stock\" for the driver that comes with DPDK\n"
		"                       (default: ../drivers/librte_net_tap.so beside this program)\n"
		"  --devargs ARGS       devargs of the plugin (default: rss=auto)\n"
		"  --no-stock           leave out the comparison with the stock driver\n"
		"  --json FILE          write all figures to FILE as well\n"
		"  --check              exit with 1 if a figure measured is not what it should be\n"
		"  --loop plain|vnet    measure nothing: forward frames between two taps on --core, until\n"
		"                       SIGTERM or SIGINT; one by one, or as super-frames\n"
		"  --loop-ifaces A,B    names of the two taps, which are made here\n"
		"  --loop-segments N    with --loop vnet: write super-frames of TCP and IPv4 (no tags, no IP\n"
		"                       options) in parts of N segments, 1..%d, as an application has to\n"
		"                       that takes bursts of N (default: whole)\n"
		"  --verbose            show the logs of EAL and libbpf\n"
		"  --help               show this\n",
		DEFAULT_ROUNDS, DEFAULT_LONE, DEFAULT_REFERENCE, DEFAULT_GAP, MAX_CORE, MAX_CORE,
		MAX_SEGMENTS);
}

static int
parse_number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || *value < min ||
	    *value > max) {
		fprintf(stderr,
			"dpdk-tap-bench: --%s \"%s\": a number from %" PRIu64 " to %" PRIu64
			" is wanted\n",
			name, text, min, max);
		return -EINVAL;
	}
	return 0;
}

static int
parse_small(const char *name, const char *text, unsigned int min, unsigned int max,
	    unsigned int *value)
{
	uint64_t v;
	int err = parse_number(name, text, min, max, &v);

	if (err == 0)
		*value = (unsigned int)v;
	return err;
}

static int
parse_only(char *list, unsigned int *only)
{
	char *save = NULL;

	*only = 0;
	for (char *t = strtok_r(list, ",", &save); t != NULL; t = strtok_r(NULL, ",", &save)) {
		unsigned int found = bench_section_find(t);

		if (found == 0) {
			fprintf(stderr,
				"dpdk-tap-bench: --only \"%s\": there are " SECTION_LIST "\n", t);
			return -EINVAL;
		}
		*only |= found;
	}
	return *only != 0 ? 0 : -EINVAL;
}

static int
parse_loop(const char *kind, enum bench_loop_kind *loop)
{
	if (strcmp(kind, "plain") == 0)
		*loop = LOOP_PLAIN;
	else if (strcmp(kind, "vnet") == 0)
		*loop = LOOP_VNET;
	else
		fprintf(stderr, "dpdk-tap-bench: --loop \"%s\": there are plain, vnet\n", kind);
	return *loop != LOOP_NONE ? 0 : -EINVAL;
}

static int
parse_ifaces(char *list, const char *iface[2])
{
	char *comma = strchr(list, ',');
	size_t first = strcspn(list, ",");
	size_t second = comma == NULL ? 0 : strlen(comma + 1);

	if (first == 0 || first >= IFNAMSIZ || second == 0 || second >= IFNAMSIZ ||
	    strchr(comma + 1, ',') != NULL) {
		fprintf(stderr,
			"dpdk-tap-bench: --loop-ifaces \"%s\": two names of 1 to %d characters are "
			"wanted, with a comma between\n",
			list, IFNAMSIZ - 1);
		return -EINVAL;
	}
	*comma = '\0';
	iface[0] = list;
	iface[1] = comma + 1;
	return 0;
}

/* The plugin of the build tree that this program stands in. */
static const char *
default_driver(void)
{
	static char path[PATH_MAX + 32];
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	snprintf(path, sizeof(path), "%s/../drivers/librte_net_tap.so", dirname(self));
	return path;
}

static int
parse_one(struct bench_options *opt, int c, bool *no_stock)
{
	switch (c) {
	case OPT_ONLY:
		return parse_only(optarg, &opt->only);
	case OPT_ROUNDS:
		return parse_small("rounds", optarg, 1, 10000, &opt->rounds);
	case OPT_LONE:
		return parse_number("lone-packets", optarg, 4, 10000000000, &opt->lone_packets);
	case OPT_REFERENCE:
		return parse_number("lone-reference", optarg, 0, 10000000000, &opt->lone_reference);
	case OPT_GAP:
		return parse_small("lone-gap-us", optarg, 1, 100000, &opt->lone_gap_us);
	case OPT_CORE:
		return parse_small("core", optarg, 0, MAX_CORE, &opt->core);
	case OPT_SENDER_CORE:
		return parse_small("sender-core", optarg, 0, MAX_CORE, &opt->sender_core);
	case OPT_DRIVER:
		opt->driver[0] = optarg;
		return 0;
	case OPT_DEVARGS:
		opt->devargs = optarg;
		return 0;
	case OPT_NO_STOCK:
		*no_stock = true;
		return 0;
	case OPT_JSON:
		opt->json = optarg;
		return 0;
	case OPT_LOOP:
		return parse_loop(optarg, &opt->loop);
	case OPT_LOOP_IFACES:
		return parse_ifaces(optarg, opt->loop_iface);
	case OPT_LOOP_SEGMENTS:
		return parse_small("loop-segments", optarg, 1, MAX_SEGMENTS, &opt->loop_segments);
	case OPT_CHECK:
		opt->check = true;
		return 0;
	case OPT_VERBOSE:
		opt->verbose = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static unsigned long
huge_pages_free(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	unsigned long n = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

/* A core that this process may run on. */
static int
check_core(const char *name, unsigned int core)
{
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_ISSET(core, &cpus))
		return 0;
	fprintf(stderr, "dpdk-tap-bench: --%s %u: no such core, or not for this process\n", name,
		core);
	return -EINVAL;
}

/* Every core of this process but the one that polls; sender_core first. */
static void
find_senders(struct bench_options *opt)
{
	cpu_set_t cpus;

	opt->senders[opt->nb_senders++] = opt->sender_core;
	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return;
	for (unsigned int c = 0; c <= MAX_CORE && opt->nb_senders < BENCH_MAX_SENDERS; c++)
		if (CPU_ISSET(c, &cpus) && c != opt->core && c != opt->sender_core)
			opt->senders[opt->nb_senders++] = c;
}

/* The loop needs one core and no driver. */
static int
complete_loop(const struct bench_options *opt)
{
	if (opt->loop == LOOP_NONE || opt->loop_iface[0] == NULL) {
		fprintf(stderr, "dpdk-tap-bench: --loop and --loop-ifaces belong together\n");
		return -EINVAL;
	}
	if (opt->loop_segments != 0 && opt->loop != LOOP_VNET) {
		fprintf(stderr, "dpdk-tap-bench: --loop-segments needs --loop vnet\n");
		return -EINVAL;
	}
	return check_core("core", opt->core);
}

/* What only makes sense once all options are known. */
static int
complete(struct bench_options *opt, bool no_stock)
{
	if (opt->loop != LOOP_NONE || opt->loop_iface[0] != NULL || opt->loop_segments != 0)
		return complete_loop(opt);
	if (opt->core == opt->sender_core) {
		fprintf(stderr, "dpdk-tap-bench: --core and --sender-core must differ\n");
		return -EINVAL;
	}
	if (check_core("core", opt->core) != 0 || check_core("sender-core", opt->sender_core) != 0)
		return -EINVAL;
	find_senders(opt);
	if (opt->driver[0] == NULL) {
		fprintf(stderr, "dpdk-tap-bench: name the plugin with --driver\n");
		return -EINVAL;
	}
	opt->nb_drivers = 1;
	if (strcmp(opt->driver[0], "stock") == 0)
		no_stock = true;
	else if (opt->only != SECTION_BPF && access(opt->driver[0], R_OK) != 0) {
		fprintf(stderr, "dpdk-tap-bench: %s: %s\n", opt->driver[0], strerror(errno));
		return -errno;
	}
	if (!no_stock)
		opt->driver[opt->nb_drivers++] = "stock";
	opt->huge_pages = huge_pages_free() >= opt->nb_drivers * HUGE_PAGES;
	return 0;
}

/** @return 0 to go on, 1 when all is done (help), or a negative errno value */
int
bench_options_parse(struct bench_options *opt, int argc, char **argv)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	bool no_stock = false;
	int c, err;

	memset(opt, 0, sizeof(*opt));
	opt->only = SECTION_ALL;
	opt->rounds = DEFAULT_ROUNDS;
	opt->lone_packets = DEFAULT_LONE;
	opt->lone_reference = DEFAULT_REFERENCE;
	opt->lone_gap_us = DEFAULT_GAP;
	opt->core = cores > 0 ? (unsigned int)cores - 1 : 0;
	opt->driver[0] = default_driver();
	opt->devargs = "rss=auto";
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == OPT_HELP) {
			usage(stdout);
			return 1;
		}
		err = parse_one(opt, c, &no_stock);
		if (err != 0)
			return err;
	}
	if (optind != argc) {
		fprintf(stderr, "dpdk-tap-bench: unknown argument \"%s\"\n", argv[optind]);
		return -EINVAL;
	}
	return complete(opt, no_stock);
}
