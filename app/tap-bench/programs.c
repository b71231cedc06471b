/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * ns per packet of each BPF program, by BPF_PROG_TEST_RUN: the driver's programs
 * beside an empty one and one that computes Toeplitz bit by bit.
 */

#include "bench.h"

#ifndef TAP_HAVE_BPF

int
bench_programs(const struct bench_options *opt, struct bench_results *res)
{
	(void)opt;
	snprintf(res->prog_note, sizeof(res->prog_note), "built without BPF programs");
	return 0;
}

#else

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bitwise.h"
#include "bitwise.skel.h"
#include "flowprog.h"
#include "frames.h"
#include "tap_policy.h"
#include "tap_steer.skel.h"

/* What BPF_PROG_TEST_RUN strips from a socket filter's input and a tap does not. */
#define PREFIX_LEN 14
/* Runs of a program in a round, scaled down for one that takes microseconds. */
#define REPEAT 200000
#define REPEAT_SLOW 20000
#define NB_QUEUES 4

enum {
	PROG_EMPTY,
	PROG_STEER,
	PROG_BASIC,
	PROG_FILTER,
	PROG_BITWISE,
	PROGS
};

static const char *const prog_name[PROGS] = {
	[PROG_EMPTY] = "empty",           [PROG_STEER] = "tap_steer",
	[PROG_BASIC] = "tap_steer_basic", [PROG_FILTER] = "tap_filter",
	[PROG_BITWISE] = "bit by bit",
};

/* A packet, and whether tap_steer and the bit-by-bit program must agree on its queue. */
struct prog_case {
	const char *name;
	struct frame_spec frame;
	bool innermost;
	bool agree;
};

static const struct prog_case cases[] = {
	{ "IPv4/UDP", { .flow = 1 }, false, true },
	{ "IPv4/TCP", { .tcp = true, .flow = 2 }, false, true },
	{ "IPv6/UDP", { .ipv6 = true, .flow = 3 }, false, true },
	{ "IPv6/TCP", { .ipv6 = true, .tcp = true, .flow = 4 }, false, true },
	{ "VLAN IPv4/UDP", { .vlans = 1, .flow = 5 }, false, true },
	{ "QinQ IPv6/TCP", { .ipv6 = true, .tcp = true, .vlans = 2, .flow = 6 }, false, true },
	{ "VXLAN, inner IPv4/UDP", { .vxlan = true, .flow = 7 }, true, false },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))
_Static_assert(CASES *PROGS <= BENCH_MAX_PROGS, "results have room");
_Static_assert(BITWISE_RETA_SIZE == TAP_RETA_SIZE, "same table");
_Static_assert(sizeof(((struct bitwise_conf *)0)->key) == TAP_KEY_LEN, "same key");

struct programs {
	struct tap_steer_bpf *steer;
	struct bitwise_bpf *bitwise;
	int fd[PROGS];
};

static void
configure(struct tap_rss_conf *conf, bool innermost)
{
	memset(conf, 0, sizeof(*conf));
	conf->types = TAP_RSS_IPV4 | TAP_RSS_IPV4_FRAG | TAP_RSS_IPV4_TCP | TAP_RSS_IPV4_UDP |
		      TAP_RSS_IPV4_OTHER | TAP_RSS_IPV6 | TAP_RSS_IPV6_FRAG | TAP_RSS_IPV6_TCP |
		      TAP_RSS_IPV6_UDP | TAP_RSS_IPV6_OTHER;
	conf->algo = TAP_ALGO_TOEPLITZ;
	conf->innermost = innermost;
	conf->nb_queues = NB_QUEUES;
	for (unsigned int i = 0; i < TAP_KEY_LEN; i++)
		conf->key[i] = (uint8_t)(i * 73 + 41);
	for (unsigned int i = 0; i < TAP_RETA_SIZE; i++)
		conf->reta[i] = (uint16_t)(i % NB_QUEUES);
}

static int
set_policy(struct programs *p, bool innermost)
{
	struct tap_shared *shared = &p->steer->bss->tap_shared;
	struct tap_rss_conf conf;

	configure(&conf, innermost);
	memcpy(p->bitwise->bss->bitwise_conf.key, conf.key, sizeof(conf.key));
	memcpy(p->bitwise->bss->bitwise_conf.reta, conf.reta, sizeof(conf.reta));
	return tap_policy_build(&shared->slot[shared->active & (TAP_SLOTS - 1)], &conf);
}

static void
programs_close(struct programs *p)
{
	tap_steer_bpf__destroy(p->steer);
	bitwise_bpf__destroy(p->bitwise);
}

static int
programs_open(struct programs *p)
{
	memset(p, 0, sizeof(*p));
	p->steer = tap_steer_bpf__open_and_load();
	if (p->steer == NULL)
		return -errno;
	p->bitwise = bitwise_bpf__open_and_load();
	if (p->bitwise == NULL) {
		int err = -errno;

		programs_close(p);
		return err;
	}
	p->fd[PROG_EMPTY] = bpf_program__fd(p->bitwise->progs.empty);
	p->fd[PROG_STEER] = bpf_program__fd(p->steer->progs.tap_steer);
	p->fd[PROG_BASIC] = bpf_program__fd(p->steer->progs.tap_steer_basic);
	p->fd[PROG_FILTER] = bpf_program__fd(p->steer->progs.tap_filter);
	p->fd[PROG_BITWISE] = bpf_program__fd(p->bitwise->progs.bitwise);
	return 0;
}

static int
measure_case(const struct programs *p, const struct prog_case *c, struct bench_prog *out)
{
	uint8_t packet[PREFIX_LEN + FRAME_MAX] = { 0 };
	uint32_t len = PREFIX_LEN + frame_build(packet + PREFIX_LEN, &c->frame);
	uint32_t ret[PROGS] = { 0 };
	double ns[PROGS] = { 0 };

	for (unsigned int i = 0; i < PROGS; i++) {
		int repeat = i == PROG_BITWISE ? REPEAT_SLOW : REPEAT;
		int err;

		if (i == PROG_BITWISE && !c->agree)
			continue;
		err = program_run(p->fd[i], packet, len, repeat, &ns[i], &ret[i]);
		if (err == 0)
			err = bench_series_add(&out[i].ns, ns[PROG_EMPTY], ns[i]);
		if (err != 0)
			return err;
	}
	if (c->agree && ret[PROG_STEER] != ret[PROG_BITWISE]) {
		fprintf(stderr,
			"dpdk-tap-bench: %s: tap_steer says queue %u, bit by bit it is %u\n",
			c->name, ret[PROG_STEER], ret[PROG_BITWISE]);
		return -EBADMSG;
	}
	return 0;
}

static int
measure_round(struct programs *p, struct bench_results *res)
{
	int err = 0;

	for (unsigned int c = 0; c < CASES && err == 0; c++) {
		err = set_policy(p, cases[c].innermost);
		if (err == 0)
			err = measure_case(p, &cases[c], &res->prog[c * PROGS]);
	}
	return err;
}

static void
stay_on_core(unsigned int core)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(core, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) != 0)
		fprintf(stderr, "dpdk-tap-bench: core %u: %s\n", core, strerror(errno));
}

static int
keep_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

int
bench_programs(const struct bench_options *opt, struct bench_results *res)
{
	struct programs p;
	int err;

	if (!opt->verbose)
		libbpf_set_print(keep_quiet);
	stay_on_core(opt->core);
	err = programs_open(&p);
	if (err != 0) {
		snprintf(res->prog_note, sizeof(res->prog_note), "programs do not load: %s",
			 strerror(-err));
		return err;
	}
	for (unsigned int c = 0; c < CASES; c++) {
		for (unsigned int i = 0; i < PROGS; i++) {
			res->prog[c * PROGS + i].program = prog_name[i];
			res->prog[c * PROGS + i].packet = cases[c].name;
		}
	}
	res->nb_progs = CASES * PROGS;
	for (unsigned int i = 0; i < opt->rounds && err == 0; i++) {
		bench_progress("rounds of programs", i, opt->rounds);
		err = measure_round(&p, res);
	}
	bench_progress("rounds of programs", opt->rounds, opt->rounds);
	programs_close(&p);
	return err;
}

#endif /* TAP_HAVE_BPF */
