/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * The table of cases, through the BPF programs.
 *
 * A program shows no hash, only a queue: eight or nine bits of the hash. So each case runs
 * several times, with the entries of the Toeplitz table shifted right: by and by all
 * 32 bits pass through the queue.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tap_classify.h"

#include "bpfrun.h"
#include "cases.h"
#include "generate.h"
#include "judge.h"
#include "runner.h"

/* Of the race between the program and a publisher. */
#define RACE_POLICIES 8
#define RACE_SWITCHES 30
#define RACE_PUBLICATIONS 100000

static struct tap_policy *
slot_in_use(struct tap_shared *shared)
{
	return &shared->slot[shared->active & (TAP_SLOTS - 1)];
}

static void
shift_table(struct tap_toeplitz_table *table, unsigned int shift)
{
	unsigned int i, b;

	for (i = 0; i < TAP_INPUT_LEN; i++)
		for (b = 0; b < 256; b++)
			table->at[i][b] >>= shift;
}

/* Run the steering program; `hash` is what RETA should be indexed with. */
static void
check_steer(const struct frame *f, const struct tap_rss_conf *conf, unsigned int shift,
	    uint32_t hash)
{
	struct tap_shared *shared = bpfrun_shared(f, false);
	struct tap_policy *policy = slot_in_use(shared);
	uint16_t should = conf->reta[hash % TAP_RETA_SIZE];
	struct tap_verdict v;
	uint32_t queue = 0;
	int bell;

	CHECK(tap_policy_build(policy, conf) == 0, "the configuration is refused");
	shift_table(&policy->key, shift);
	bpfrun_bell(shared);
	CHECK(bpfrun(PROGRAM_STEER, f, &queue), "the program did not run");
	CHECK(queue == should, "hash >> %u: queue %u, should be %u", shift, queue, should);
	bell = bpfrun_bell(shared);
	CHECK(bell == should, "bell %d rings, should be %u", bell, should);
	if (f->meta_tpid == 0) {
		user_classify(policy, f->data, f->len, f->len, &v);
		CHECK(v.queue == queue, "queue %u, but %u in user space", queue, v.queue);
	}
}

static void
test_steer(const void *arg)
{
	const struct test_case *c = arg;
	uint32_t hash = c->kind != REF_NONE ? case_hash(c) : 0;
	struct tap_rss_conf conf;
	unsigned int i, shift;
	struct frame f;

	case_frame(c, &f);
	case_conf(c, &conf);
	/* A lone XOR has no table to shift; higher bits of it do not reach the queue anyway. */
	for (shift = 0; shift < (c->algo == TAP_ALGO_XOR ? 1 : 32); shift += 8) {
		/* No entry leads to the queue of its own number, entry 0 least of all. */
		for (i = 0; i < TAP_RETA_SIZE; i++)
			conf.reta[i] = (i & 255) ^ 0x5a;
		check_steer(&f, &conf, shift, hash >> shift);
	}
	for (i = 0; i < TAP_RETA_SIZE; i++)
		conf.reta[i] = (uint16_t)(i >> 1);
	check_steer(&f, &conf, 0, hash);
}

/* What the basic program has to get right, by itself. */
static bool
is_plain(const struct test_case *c, const struct frame *f)
{
	struct tap_rss_conf conf;
	struct ref_verdict r;

	case_conf(c, &conf);
	if (c->inner || c->algo != TAP_ALGO_TOEPLITZ || c->modifiers != 0 || c->prefix != 0)
		return false;
	ref_classify(f->data, f->len, NULL, &conf, &r);
	return f->meta_tpid == 0 && r.outer.version != 0 && r.outer.n_vlan == 0 &&
	       !r.outer.l3_ext && (r.kind == REF_TUPLE2 || r.kind == REF_TUPLE4);
}

static unsigned int n_plain;

static void
test_basic(const void *arg)
{
	const struct test_case *c = arg;
	struct tap_shared *shared;
	struct tap_rss_conf conf;
	uint32_t queue = 0;
	struct frame f;
	unsigned int i;

	case_frame(c, &f);
	case_conf(c, &conf);
	shared = bpfrun_shared(&f, false);
	CHECK(tap_policy_build(slot_in_use(shared), &conf) == 0, "refused");
	CHECK(bpfrun(PROGRAM_BASIC, &f, &queue), "the program did not run");
	CHECK(queue < TAP_MAX_QUEUES, "queue %u", queue);
	if (is_plain(c, &f)) {
		n_plain++;
		CHECK(queue == (case_hash(c) & 255), "queue %u, should be %u", queue,
		      case_hash(c) & 255);
	}
	for (i = 0; i < TAP_RETA_SIZE; i++)
		conf.reta[i] = i % 3;
	conf.nb_queues = 3;
	CHECK(tap_policy_build(slot_in_use(shared), &conf) == 0, "refused");
	CHECK(bpfrun(PROGRAM_BASIC, &f, &queue), "the program did not run");
	CHECK(queue < 3, "queue %u of 3", queue);
	CHECK(bpfrun_bell(shared) == -1, "the basic program rings");
}

static void
test_basic_was_tested(const void *arg)
{
	(void)arg;
	CHECK(n_plain >= 30, "only %u plain cases in the table", n_plain);
	printf("    %u cases are plain: their queues were compared\n", n_plain);
}

static void
test_filter(const void *arg)
{
	static const uint32_t queues[] = { 0, 1, 63, 64, 254, 255 };
	const struct test_case *c = arg;
	struct tap_shared *shared;
	uint32_t result = 0;
	struct frame f;
	unsigned int i;
	int bell;

	case_frame(c, &f);
	shared = bpfrun_shared(&f, false);
	CHECK(bpfrun(PROGRAM_FILTER, &f, &result), "the program did not run");
	CHECK(result == TAP_FILTER_PASS, "it returns %u", result);
	bell = bpfrun_bell(shared);
	CHECK(bell == 0, "bell %d rings for queue 0", bell);
	if (f.len < BPFRUN_TC_MIN)
		return;
	shared = bpfrun_shared(&f, true);
	for (i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		CHECK(bpfrun_tc(PROGRAM_FILTER, &f, queues[i], &result), "it did not run");
		CHECK(result == TAP_FILTER_PASS, "it returns %u", result);
		bell = bpfrun_bell(shared);
		CHECK(bell == (int)queues[i], "bell %d rings for queue %u", bell, queues[i]);
	}
}

/* A queue that no port can have must not ring beyond the bells. */
static void
test_filter_queue_out_of_range(const void *arg)
{
	struct tap_policy before[TAP_SLOTS];
	const struct test_case *c = arg;
	struct tap_shared *shared;
	uint32_t result = 0;
	struct frame f;

	case_frame(c, &f);
	shared = bpfrun_shared(&f, true);
	memcpy(before, shared->slot, sizeof(before));
	CHECK(bpfrun_tc(PROGRAM_FILTER, &f, TAP_MAX_QUEUES + 3, &result), "it did not run");
	CHECK(result == TAP_FILTER_PASS, "it returns %u", result);
	CHECK(bpfrun_bell(shared) != -2, "several bells ring");
	CHECK(memcmp(before, shared->slot, sizeof(before)) == 0, "a policy has changed");
}

/* Which slot is read, and that only this is. */
static void
test_slots(const void *arg)
{
	const struct test_case *c = arg;
	struct tap_shared *shared;
	struct tap_rss_conf conf;
	uint32_t queue, active;
	struct frame f;
	unsigned int i;

	case_frame(c, &f);
	shared = bpfrun_shared(&f, false);
	case_conf(c, &conf);
	for (i = 0; i < TAP_RETA_SIZE; i++)
		conf.reta[i] = 11;
	CHECK(tap_policy_build(&shared->slot[0], &conf) == 0, "refused");
	for (i = 0; i < TAP_RETA_SIZE; i++)
		conf.reta[i] = 22;
	CHECK(tap_policy_build(&shared->slot[1], &conf) == 0, "refused");
	for (active = UINT32_MAX - 2; active != 6; active++) {
		shared->active = active;
		CHECK(bpfrun(PROGRAM_STEER, &f, &queue), "the program did not run");
		CHECK(queue == (active % 2 == 0 ? 11 : 22), "active %u: queue %u", active, queue);
		CHECK(bpfrun(PROGRAM_BASIC, &f, &queue), "the program did not run");
		CHECK(queue == (active % 2 == 0 ? 11 : 22), "active %u: queue %u", active, queue);
	}
	shared->active = 0;
	bpfrun_bell(shared);
}

/* A bell that rings goes on ringing, whatever else happens. */
static void
test_bells(const void *arg)
{
	const struct test_case *c = arg;
	struct tap_shared *shared;
	struct tap_rss_conf conf;
	unsigned int i, q;
	uint32_t queue;
	struct frame f;

	case_frame(c, &f);
	shared = bpfrun_shared(&f, false);
	case_conf(c, &conf);
	bpfrun_bell(shared);
	for (q = 0; q < TAP_MAX_QUEUES; q++) {
		for (i = 0; i < TAP_RETA_SIZE; i++)
			conf.reta[i] = (uint16_t)q;
		CHECK(tap_policy_build(slot_in_use(shared), &conf) == 0, "refused");
		for (i = 0; i < 2; i++)
			CHECK(bpfrun(PROGRAM_STEER, &f, &queue), "the program did not run");
		for (i = 0; i < TAP_MAX_QUEUES; i++)
			CHECK(shared->bell[i].rung == (i <= q), "bell %u of %u", i, q);
	}
	bpfrun_bell(shared);
}

/* A frame as the programs of net_tun make it up: without addresses, its type that of the IP header. */
static void
make_l3(struct frame *f)
{
	static const uint8_t types[16][2] = { [4] = { 0x08, 0x00 }, [6] = { 0x86, 0xdd } };

	memset(f->data, 0, 12);
	memcpy(f->data + 12, types[f->data[14] >> 4], 2);
}

static unsigned int n_l3_hashed;

/* The programs of net_tun, over all that is behind an Ethernet header, whole and cut off. */
static void
test_l3(const void *arg)
{
	const uint32_t l2 = TAP_RSS_ETH | TAP_RSS_S_VLAN | TAP_RSS_C_VLAN | TAP_RSS_L2_PAYLOAD;
	const struct test_case *c = arg;
	struct tap_shared *shared = bpfrun_shared_l3();
	struct tap_rss_conf conf;
	struct ref_verdict r;
	struct frame f, whole;
	uint32_t queue = 0, len;

	case_frame(c, &whole);
	case_conf(c, &conf);
	conf.types &= ~l2;
	if (whole.len < 15)
		return;
	make_l3(&whole);
	CHECK(tap_policy_build(slot_in_use(shared), &conf) == 0, "refused");
	for (len = 15; len <= whole.len; len = len == 80 && whole.len > 80 ? whole.len : len + 1) {
		f = whole;
		frame_cut(&f, (uint16_t)len);
		ref_classify(f.data, f.len, NULL, &conf, &r);
		bpfrun_bell(shared);
		CHECK(bpfrun_l3(false, &f, &queue), "the program did not run");
		CHECK(queue == (r.hashed ? r.hash & 255 : 0), "%u bytes: queue %u, hash %08x", len,
		      queue, r.hash);
		CHECK(bpfrun_bell(shared) == (int)queue, "another bell than %u", queue);
		n_l3_hashed += r.hashed;
		if (conf.algo != TAP_ALGO_TOEPLITZ || conf.modifiers != 0 || conf.innermost ||
		    r.outer.version == 0 || r.outer.l3_ext || conf.ipv6_prefix != 0 ||
		    (r.kind != REF_TUPLE2 && r.kind != REF_TUPLE4))
			continue;
		CHECK(bpfrun_l3(true, &f, &queue), "the basic program did not run");
		CHECK(queue == (r.hash & 255), "basic, %u bytes: queue %u, hash %08x", len, queue,
		      r.hash);
	}
}

static void
test_l3_was_tested(const void *arg)
{
	(void)arg;
	CHECK(n_l3_hashed > 2000, "only %u packets had a hash", n_l3_hashed);
}

struct runner {
	struct frame f;
	atomic_bool stop, started;
	atomic_ulong switches;
	unsigned long runs, bad;
	bool valid[TAP_MAX_QUEUES]; /* queues that one of the policies gives */
};

static void *
run_program(void *arg)
{
	struct runner *r = arg;
	uint32_t queue, last = 0;

	while (!atomic_load(&r->stop)) {
		if (!bpfrun(PROGRAM_STEER, &r->f, &queue) || queue >= TAP_MAX_QUEUES ||
		    !r->valid[queue])
			r->bad++;
		r->runs++;
		if (queue != last)
			atomic_fetch_add(&r->switches, 1);
		last = queue;
		atomic_store(&r->started, true);
	}
	return NULL;
}

/* Key and table of one policy lead to another queue than those of two. */
static void
race_conf(const struct test_case *c, unsigned int n, struct tap_rss_conf *conf)
{
	struct rng rng = { n };
	unsigned int i;

	case_conf(c, conf);
	for (i = 0; i < TAP_KEY_LEN; i++)
		conf->key[i] = (uint8_t)rng_u32(&rng);
	for (i = 0; i < TAP_RETA_SIZE; i++)
		conf->reta[i] = (uint16_t)((i + rng_u32(&rng)) % TAP_MAX_QUEUES);
}

static void
test_race(const void *arg)
{
	const struct test_case *c = arg;
	struct tap_publisher publisher = { 0 };
	struct tap_rss_conf conf;
	struct tap_policy policy;
	struct tap_verdict v;
	struct runner r = { .stop = false };
	pthread_t thread;
	unsigned int n;

	case_frame(c, &r.f);
	publisher.shared = bpfrun_shared(&r.f, false);
	for (n = 0; n < RACE_POLICIES; n++) {
		race_conf(c, n, &conf);
		CHECK(tap_policy_build(&policy, &conf) == 0, "refused");
		user_classify(&policy, r.f.data, r.f.len, r.f.len, &v);
		r.valid[v.queue] = true;
	}
	CHECK(tap_policy_publish(&publisher, &conf) == 0, "refused");
	CHECK(pthread_create(&thread, NULL, run_program, &r) == 0, "no thread");
	while (!atomic_load(&r.started))
		continue;
	for (n = 0; atomic_load(&r.switches) < RACE_SWITCHES && n < RACE_PUBLICATIONS; n++) {
		race_conf(c, n % RACE_POLICIES, &conf);
		CHECK(tap_policy_publish(&publisher, &conf) == 0, "refused");
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	CHECK(r.bad == 0, "%lu packets went by parts of two policies", r.bad);
	CHECK(r.switches >= RACE_SWITCHES, "%lu of %u switches seen", r.switches, n);
	printf("    %lu runs, %lu of %u switches seen\n", r.runs, r.switches, n);
	publisher.shared->active = 0;
	bpfrun_bell(publisher.shared);
}

static void
run_table(const char *program, void (*f)(const void *arg))
{
	const struct case_list *const *list;
	char group[64];
	unsigned int i;

	for (list = case_lists; *list != NULL; list++) {
		snprintf(group, sizeof(group), "%s, %s", program, (*list)->name);
		for (i = 0; i < (*list)->n; i++)
			test_run(group, (*list)->cases[i].name, f, &(*list)->cases[i]);
	}
}

int
main(void)
{
	char reason[160];
	int ret = bpfrun_open(reason, sizeof(reason));

	if (ret > 0)
		return test_skip_all(reason, "TAP_TEST_REQUIRE_BPF");
	if (ret < 0) {
		printf("FAILED %s\n", reason);
		return EXIT_FAILURE;
	}
	run_table("tap_steer", test_steer);
	run_table("tap_steer_basic", test_basic);
	test_run("tap_steer_basic", "enough of the table is plain", test_basic_was_tested, NULL);
	run_table("tap_filter", test_filter);
	test_run("tap_filter", "a queue out of range", test_filter_queue_out_of_range,
		 &cases_hash.cases[0]);
	test_run("tap_steer", "slots", test_slots, &cases_hash.cases[0]);
	test_run("tap_steer", "bells", test_bells, &cases_hash.cases[0]);
	test_run("tap_steer", "no packet goes by parts of two policies", test_race,
		 &cases_hash.cases[0]);
	run_table("net_tun", test_l3);
	test_run("net_tun", "enough of the table has a hash", test_l3_was_tested, NULL);
	bpfrun_close();
	return test_summary();
}
