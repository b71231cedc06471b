/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * Differential test: random and mutated frames under random configurations; the verdicts
 * of the BPF program, of the classifier in user space and of the reference must be one.
 */

#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "tap_classify.h"

#include "bpfrun.h"
#include "cases.h"
#include "generate.h"
#include "judge.h"
#include "runner.h"

/* Frames that one configuration serves: making one costs as much as running ten. */
#define FRAMES_PER_CONF 16

struct options {
	uint64_t seed;
	uint64_t cases;
	unsigned int seconds; /* 0: only the cases count */
};

/* What all three have to agree on. */
struct round {
	struct rng rng;
	struct tap_rss_conf conf;
	struct tap_policy policy;
	unsigned int shift; /* of the hash that indexes RETA */
	struct frame f;
};

static struct {
	uint64_t cases, tagged, hashed, kinds[REF_ETHERTYPE + 1];
} done;

static void
new_configuration(struct round *r)
{
	struct tap_shared *shared[2] = { bpfrun_shared(&r->f, true), NULL };
	struct tap_policy shifted;
	unsigned int i, b;

	r->f.meta_tpid = 0;
	shared[1] = bpfrun_shared(&r->f, false);
	random_conf(&r->rng, &r->conf);
	if (tap_policy_build(&r->policy, &r->conf) != 0)
		abort();
	/* A program shows nine bits of a hash at most: choose which. */
	r->shift = r->conf.algo == TAP_ALGO_XOR ? 0 : 8 * rng_below(&r->rng, 4);
	shifted = r->policy;
	for (i = 0; i < TAP_INPUT_LEN; i++)
		for (b = 0; b < 256; b++)
			shifted.key.at[i][b] >>= r->shift;
	for (i = 0; i < 2; i++)
		shared[i]->slot[shared[i]->active & (TAP_SLOTS - 1)] = shifted;
}

/* A frame of the table, of any part of it. */
static void
frame_of_table(struct round *r)
{
	unsigned int list = rng_below(&r->rng, 4);
	const struct case_list *cases = case_lists[list];

	case_frame(&cases->cases[rng_below(&r->rng, cases->n)], &r->f);
}

static void
new_frame(struct round *r)
{
	if (rng_chance(&r->rng, 60)) {
		random_frame(&r->rng, &r->f);
	} else {
		frame_of_table(r);
		mutate_frame(&r->rng, &r->f);
	}
	r->f.meta_tpid = 0;
	if (r->f.len >= BPFRUN_TC_MIN && rng_chance(&r->rng, 20)) {
		r->f.meta_tpid = rng_chance(&r->rng, 50) ? 0x8100 : 0x88a8;
		r->f.meta_tci = (uint16_t)rng_u32(&r->rng);
	}
}

static bool
wrong(const struct round *r, const char *who, const char *what)
{
	printf("%s: %s\n", who, what);
	print_counterexample(r->f.data, r->f.len, &r->conf);
	if (r->f.meta_tpid != 0)
		printf("    tag beside the data: TPID 0x%04x TCI 0x%04x\n", r->f.meta_tpid,
		       r->f.meta_tci);
	return false;
}

static bool
check_programs(const struct round *r, uint16_t should)
{
	struct tap_shared *shared = bpfrun_shared(&r->f, false);
	uint32_t queue = 0;
	char text[96];
	int bell;

	if (!bpfrun(PROGRAM_STEER, &r->f, &queue))
		return wrong(r, "tap_steer", "did not run");
	bell = bpfrun_bell(shared);
	if (queue != should || bell != should) {
		snprintf(text, sizeof(text), "queue %u, bell %d, should be %u (hash >> %u)", queue,
			 bell, should, r->shift);
		return wrong(r, "tap_steer", text);
	}
	if (!bpfrun(PROGRAM_BASIC, &r->f, &queue) || queue >= r->conf.nb_queues)
		return wrong(r, "tap_steer_basic", "no valid queue");
	if (bpfrun_bell(shared) != -1)
		return wrong(r, "tap_steer_basic", "rings");
	if (!bpfrun(PROGRAM_FILTER, &r->f, &queue) || queue != TAP_FILTER_PASS ||
	    bpfrun_bell(shared) != 0)
		return wrong(r, "tap_filter", "does not pass the frame, or not ring for queue 0");
	return true;
}

static bool
check(struct round *r)
{
	const struct ref_tag meta = { r->f.meta_tpid != 0, r->f.meta_tpid, r->f.meta_tci };
	struct ref_verdict should;
	struct tap_verdict v;
	const char *difference;
	uint32_t index;

	ref_classify(r->f.data, r->f.len, &meta, &r->conf, &should);
	if (r->f.meta_tpid == 0) {
		user_classify(&r->policy, r->f.data, r->f.len, r->f.len, &v);
		difference = verdict_difference(&v, &should);
		if (difference != NULL)
			return wrong(r, "user space", difference);
	}
	done.cases++;
	done.tagged += r->f.meta_tpid != 0;
	done.hashed += should.hashed;
	done.kinds[should.kind]++;
	index = should.hashed ? (should.hash >> r->shift) % TAP_RETA_SIZE : 0;
	return check_programs(r, r->conf.reta[index]);
}

static bool
time_is_up(const struct options *o, const struct timespec *start)
{
	struct timespec now;

	if (o->seconds == 0)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - start->tv_sec >= (time_t)o->seconds;
}

static bool
run_all(const struct options *o)
{
	struct round r = { .rng = { o->seed } };
	struct timespec start;
	uint64_t i;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < o->cases; i++) {
		if (i % FRAMES_PER_CONF == 0) {
			if (time_is_up(o, &start))
				break;
			new_configuration(&r);
		}
		new_frame(&r);
		if (!check(&r)) {
			printf("seed %" PRIu64 ", case %" PRIu64 "\n", o->seed, i);
			return false;
		}
	}
	return true;
}

static bool
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "cases", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 's':
			o->seed = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			o->cases = strtoull(optarg, NULL, 0);
			break;
		case 't':
			o->seconds = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		default:
			fprintf(stderr, "usage: %s [--seed N] [--cases N] [--seconds N]\n",
				argv[0]);
			return false;
		}
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct options o = { .seed = (uint64_t)time(NULL), .cases = UINT64_MAX };
	char reason[160];
	unsigned int i;
	bool good;
	int ret;

	if (!parse_options(argc, argv, &o))
		return EXIT_FAILURE;
	if (o.cases == UINT64_MAX && o.seconds == 0)
		o.seconds = 10;
	printf("seed %" PRIu64 "\n", o.seed);
	fflush(stdout);
	ret = bpfrun_open(reason, sizeof(reason));
	if (ret > 0)
		return test_skip_all(reason, "TAP_TEST_REQUIRE_BPF");
	if (ret < 0) {
		printf("FAILED %s\n", reason);
		return EXIT_FAILURE;
	}
	good = run_all(&o);
	bpfrun_close();
	printf("%s: %" PRIu64 " frames, %" PRIu64 " with a tag beside the data, %" PRIu64
	       " hashed (",
	       good ? "all agree" : "FAILED", done.cases, done.tagged, done.hashed);
	for (i = REF_TUPLE2; i <= REF_ETHERTYPE; i++)
		printf("%s%" PRIu64 " %s", i == REF_TUPLE2 ? "" : ", ", done.kinds[i],
		       ref_kind_name((enum ref_kind)i));
	printf(")\n");
	return good && done.cases != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
