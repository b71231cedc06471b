/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * The classifier in user space: the table of cases, and the reference over random
 * packets and configurations. Usage: test_classifier [SEED [CASES]]
 */

#include <inttypes.h>
#include <string.h>

#include "tap_classify.h"

#include "cases.h"
#include "generate.h"
#include "judge.h"
#include "runner.h"

static struct tap_policy policy;
static uint64_t seed = 1;
static unsigned long n_random = 200000;

static void
prepare(const struct test_case *c, struct frame *f, struct tap_rss_conf *conf)
{
	case_frame(c, f);
	case_conf(c, conf);
	CHECK(tap_policy_build(&policy, conf) == 0, "the configuration is refused");
}

/* One frame through classifier and reference. */
static bool
agree(const struct frame *f, uint32_t contig, const struct tap_rss_conf *conf)
{
	struct tap_verdict v;
	struct ref_verdict r;
	const char *difference;

	user_classify(&policy, f->data, f->len, contig, &v);
	ref_classify(f->data, f->len, NULL, conf, &r);
	difference = verdict_difference(&v, &r);
	if (difference == NULL)
		return true;
	CHECK(false, "%s (%u of %u bytes together)", difference, contig, f->len);
	print_counterexample(f->data, f->len, conf);
	return false;
}

/* The reference gives what the table says. */
static void
check_reference(const struct test_case *c, const struct frame *f, const struct tap_rss_conf *conf)
{
	const struct ref_tag meta = { f->meta_tpid != 0, f->meta_tpid, f->meta_tci };
	uint8_t input[TAP_INPUT_LEN];
	unsigned int len = frame_hex(input, sizeof(input), c->input);
	struct ref_verdict r;

	ref_classify(f->data, f->len, &meta, conf, &r);
	CHECK(r.kind == c->kind, "reference: kind is %s, should be %s", ref_kind_name(r.kind),
	      ref_kind_name(c->kind));
	CHECK(r.input_len == len && memcmp(r.input, input, len) == 0,
	      "reference: the input is another one");
	CHECK(r.hashed == (c->kind != REF_NONE), "reference: hashed is %d", r.hashed);
	if (c->kind != REF_NONE)
		CHECK(r.hash == case_hash(c), "reference: hash is %08x, should be %08x", r.hash,
		      case_hash(c));
}

static void
test_case(const void *arg)
{
	const struct test_case *c = arg;
	struct tap_rss_conf conf;
	struct tap_verdict v;
	struct frame f;

	prepare(c, &f, &conf);
	check_reference(c, &f, &conf);
	if (f.meta_tpid != 0)
		return; /* in user space all tags are in the data */
	user_classify(&policy, f.data, f.len, f.len, &v);
	CHECK(v.hashed == (c->kind != REF_NONE), "hashed is %u", v.hashed);
	CHECK(v.hash == (v.hashed ? case_hash(c) : 0), "hash is %08x, should be %08x", v.hash,
	      v.hashed ? case_hash(c) : 0);
	CHECK(v.queue == (v.hashed ? case_hash(c) % TAP_MAX_QUEUES : 0), "queue is %u", v.queue);
	agree(&f, f.len, &conf);
}

/* The frame in two pieces, wherever they meet. */
static void
test_pieces(const void *arg)
{
	const struct case_list *list = arg;
	struct tap_rss_conf conf;
	uint32_t contig;
	struct frame f;
	unsigned int i;

	for (i = 0; i < list->n; i++) {
		prepare(&list->cases[i], &f, &conf);
		for (contig = 0; contig < f.len; contig++)
			if (!agree(&f, contig, &conf))
				return;
	}
}

/* The frame cut off behind any of its bytes, with several sets of types. */
static void
test_cuts(const void *arg)
{
	static const uint32_t types[] = {
		TAP_RSS_L2_PAYLOAD * 2 - 1,
		T_NARROW,
		T4 | T6 | T_FRAG,
		T_EX | TAP_RSS_IPV4,
		TAP_RSS_ESP | TAP_RSS_AH | TAP_RSS_S_VLAN | TAP_RSS_C_VLAN,
	};
	const struct case_list *list = arg;
	struct tap_rss_conf conf;
	unsigned int i, t, inner;
	struct frame f, cut;

	for (i = 0; i < list->n; i++) {
		prepare(&list->cases[i], &f, &conf);
		for (t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
			for (inner = 0; inner < 2; inner++) {
				conf.types = types[t];
				conf.innermost = inner;
				policy.ctx.types = types[t];
				policy.ctx.flags &= (uint8_t)~TAP_CTX_INNER;
				policy.ctx.flags |= inner ? TAP_CTX_INNER : 0;
				for (cut = f; agree(&cut, cut.len, &conf) && cut.len > 0;)
					cut.len--;
			}
		}
	}
}

/* Each table entry against bit-by-bit Toeplitz of an input that is zero elsewhere. */
static void
test_table(const void *arg)
{
	struct rng rng = { seed };
	struct tap_toeplitz_table table;
	uint8_t key[TAP_KEY_LEN], input[TAP_INPUT_LEN];
	unsigned int i, b, round;
	uint32_t hash;

	(void)arg;
	for (round = 0; round < 5; round++) {
		for (i = 0; i < TAP_KEY_LEN; i++)
			key[i] = (uint8_t)rng_u32(&rng);
		tap_toeplitz_table_build(&table, round == 0 ? case_key : key);
		for (i = 0; i < TAP_INPUT_LEN; i++) {
			memset(input, 0, sizeof(input));
			for (b = 0; b < 256; b++) {
				input[i] = (uint8_t)b;
				hash = ref_hash(TAP_ALGO_TOEPLITZ, round == 0 ? case_key : key,
						REF_TUPLE4, input, TAP_INPUT_LEN);
				CHECK(table.at[i][b] == hash, "at[%u][%u] is %08x, not %08x", i, b,
				      table.at[i][b], hash);
			}
		}
	}
}

/* Queue and hash for redirection tables of several kinds; what has no hash goes to entry 0. */
static void
test_reta(const void *arg)
{
	static const uint16_t queues[] = { 1, 2, 3, 64, 255, 256 };
	const struct test_case *c = &cases_hash.cases[0];
	struct tap_rss_conf conf;
	struct tap_verdict v;
	unsigned int i, q;
	struct frame f;

	(void)arg;
	for (q = 0; q < sizeof(queues) / sizeof(queues[0]); q++) {
		prepare(c, &f, &conf);
		conf.nb_queues = queues[q];
		for (i = 0; i < TAP_RETA_SIZE; i++)
			conf.reta[i] = (uint16_t)((i * 7 + 5) % queues[q]);
		CHECK(tap_policy_build(&policy, &conf) == 0, "%u queues refused", queues[q]);
		user_classify(&policy, f.data, f.len, f.len, &v);
		CHECK(v.queue == conf.reta[c->hash & 511], "queue %u of %u", v.queue, queues[q]);
		user_classify(&policy, f.data, 13, 13, &v);
		CHECK(!v.hashed && v.queue == conf.reta[0], "no hash, but queue %u", v.queue);
	}
}

/* Both directions of a flow have one hash by the symmetric algorithms, two by the others. */
static void
test_symmetry(const void *arg)
{
	static const struct layer there[] = { L(ETH), L(IP6), L(TCP), L(NONE) };
	struct tap_verdict v, back;
	struct rng rng = { seed };
	struct tap_rss_conf conf;
	struct frame f, g;
	uint8_t algo;

	(void)arg;
	for (algo = 0; algo < TAP_ALGO_COUNT; algo++) {
		random_conf(&rng, &conf);
		conf.types = T_IP;
		conf.modifiers = 0;
		conf.ipv6_prefix = 0;
		conf.algo = algo;
		CHECK(tap_policy_build(&policy, &conf) == 0, "algorithm %u refused", algo);
		frame_build(&f, there);
		g = f;
		memcpy(g.data + 22, f.data + 38, 16);
		memcpy(g.data + 38, f.data + 22, 16);
		memcpy(g.data + 54, f.data + 56, 2);
		memcpy(g.data + 56, f.data + 54, 2);
		user_classify(&policy, f.data, f.len, f.len, &v);
		user_classify(&policy, g.data, g.len, g.len, &back);
		CHECK((v.hash == back.hash) ==
			      (algo == TAP_ALGO_SYM_TOEPLITZ || algo == TAP_ALGO_SYM_SORT),
		      "algorithm %u: %08x there, %08x back", algo, v.hash, back.hash);
	}
}

static unsigned long kinds[REF_ETHERTYPE + 1], versions[7], opened;

static void
count(const struct frame *f, struct tap_rss_conf *conf)
{
	struct ref_verdict r, outer;

	ref_classify(f->data, f->len, NULL, conf, &r);
	kinds[r.kind]++;
	versions[r.outer.version]++;
	if (!conf->innermost)
		return;
	conf->innermost = false;
	ref_classify(f->data, f->len, NULL, conf, &outer);
	conf->innermost = true;
	opened += outer.hash != r.hash;
}

static void
test_random(const void *arg)
{
	struct rng rng = { seed };
	struct tap_rss_conf conf;
	unsigned long i;
	struct frame f;

	(void)arg;
	for (i = 0; i < n_random; i++) {
		if (i % 8 == 0) {
			random_conf(&rng, &conf);
			CHECK(tap_policy_build(&policy, &conf) == 0, "a configuration is refused");
		}
		random_frame(&rng, &f);
		if (!agree(&f, rng_chance(&rng, 75) ? f.len : rng_below(&rng, f.len + 1), &conf)) {
			printf("    seed %" PRIu64 ", case %lu\n", seed, i);
			return;
		}
		count(&f, &conf);
	}
	/* A generator that misses a kind would prove less than it says. */
	for (i = 0; i <= REF_ETHERTYPE; i++)
		CHECK(kinds[i] > n_random / 1000, "only %lu of kind %s", kinds[i],
		      ref_kind_name((enum ref_kind)i));
	CHECK(versions[4] > n_random / 5 && versions[6] > n_random / 5 && versions[0] != 0,
	      "%lu IPv4, %lu IPv6, %lu others", versions[4], versions[6], versions[0]);
	CHECK(opened > n_random / 20, "only %lu tunnels were opened", opened);
	printf("    %lu cases, seed %" PRIu64 ": %lu 2-tuples, %lu 4-tuples, %lu SPIs, %lu VLANs, "
	       "%lu MAC pairs, %lu EtherTypes, %lu without a hash; %lu tunnels opened\n",
	       n_random, seed, kinds[REF_TUPLE2], kinds[REF_TUPLE4], kinds[REF_SPI],
	       kinds[REF_VLAN], kinds[REF_MAC_PAIR], kinds[REF_ETHERTYPE], kinds[REF_NONE], opened);
}

int
main(int argc, char **argv)
{
	const struct case_list *const *list;
	unsigned int i;

	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		n_random = strtoul(argv[2], NULL, 0);
	for (list = case_lists; *list != NULL; list++) {
		for (i = 0; i < (*list)->n; i++)
			test_run((*list)->name, (*list)->cases[i].name, test_case,
				 &(*list)->cases[i]);
		test_run((*list)->name, "all of it in two pieces", test_pieces, *list);
		test_run((*list)->name, "all of it, cut off anywhere", test_cuts, *list);
	}
	test_run("hash", "Toeplitz table, entry by entry", test_table, NULL);
	test_run("hash", "redirection tables", test_reta, NULL);
	test_run("hash", "symmetry", test_symmetry, NULL);
	test_run("random", "classifier and reference agree", test_random, NULL);
	return test_summary();
}
