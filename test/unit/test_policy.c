/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * The policy: validation, masks, and publishing while others read. Built a second time
 * with ThreadSanitizer.
 */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "tap_classify.h"
#include "tap_policy.h"

#include "cases.h"
#include "generate.h"
#include "patience.h"
#include "runner.h"

#define READERS 3
#define POLICIES 16
/* How many policies the writer publishes; a kernel grace period each. */
#define RACE_SWITCHES 32

static struct tap_shared shared;

static void
valid_conf(struct tap_rss_conf *conf)
{
	unsigned int i;

	memset(conf, 0, sizeof(*conf));
	conf->types = TAP_RSS_IPV4_TCP | TAP_RSS_IPV6_TCP;
	conf->nb_queues = 4;
	for (i = 0; i < TAP_RETA_SIZE; i++)
		conf->reta[i] = i % 4;
	memcpy(conf->key, case_key, TAP_KEY_LEN);
}

static void
sleep_ms(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* The configuration is refused, and neither a policy nor what is published changes. */
static void
check_refused(const struct tap_rss_conf *conf, const char *what, unsigned int value)
{
	struct tap_publisher publisher = { .shared = &shared };
	struct tap_policy policy, before;
	struct tap_policy_reader reader = { 0 };
	struct tap_rss_conf good;

	memset(&policy, 0xa5, sizeof(policy));
	before = policy;
	CHECK(tap_policy_build(&policy, conf) == -EINVAL, "%s = %u is taken", what, value);
	CHECK(memcmp(&policy, &before, sizeof(policy)) == 0, "%s: the policy has changed", what);

	valid_conf(&good);
	CHECK(tap_policy_publish(&publisher, &good) == 0, "a valid policy is refused");
	before = *tap_policy_read_begin(&reader, &shared);
	tap_policy_read_end(&reader);
	CHECK(tap_policy_publish(&publisher, conf) == -EINVAL, "%s = %u is published", what, value);
	CHECK(memcmp(tap_policy_read_begin(&reader, &shared), &before, sizeof(before)) == 0,
	      "%s: another policy is published", what);
	tap_policy_read_end(&reader);
}

static void
check_taken(const struct tap_rss_conf *conf, const char *what, unsigned int value)
{
	struct tap_policy policy;

	CHECK(tap_policy_build(&policy, conf) == 0, "%s = %u is refused", what, value);
}

static void
test_types(const void *arg)
{
	struct tap_rss_conf conf;
	unsigned int bit;

	(void)arg;
	valid_conf(&conf);
	for (bit = 0; bit < 32; bit++) {
		conf.types = 1u << bit;
		if (conf.types <= TAP_RSS_L2_PAYLOAD)
			check_taken(&conf, "types", conf.types);
		else
			check_refused(&conf, "types", conf.types);
	}
	conf.types = 0;
	check_taken(&conf, "types", 0);
	conf.types = TAP_RSS_L2_PAYLOAD * 2 - 1;
	check_taken(&conf, "types", conf.types);
}

static void
test_modifiers(const void *arg)
{
	struct tap_rss_conf conf;
	unsigned int bit;

	(void)arg;
	valid_conf(&conf);
	for (bit = 0; bit < 32; bit++) {
		conf.modifiers = 1u << bit;
		if (conf.modifiers <= TAP_MOD_L4_DST_ONLY)
			check_taken(&conf, "modifiers", conf.modifiers);
		else
			check_refused(&conf, "modifiers", conf.modifiers);
	}
}

static void
test_algo(const void *arg)
{
	struct tap_rss_conf conf;
	unsigned int algo;

	(void)arg;
	valid_conf(&conf);
	for (algo = 0; algo < 256; algo++) {
		conf.algo = (uint8_t)algo;
		if (algo < TAP_ALGO_COUNT)
			check_taken(&conf, "algo", algo);
		else if (algo < TAP_ALGO_COUNT + 2 || algo == 255)
			check_refused(&conf, "algo", algo);
	}
}

static void
test_prefix(const void *arg)
{
	struct tap_rss_conf conf;
	struct tap_policy policy;
	unsigned int prefix;
	bool valid;

	(void)arg;
	valid_conf(&conf);
	for (prefix = 0; prefix < 256; prefix++) {
		conf.ipv6_prefix = (uint8_t)prefix;
		valid = prefix == 0 || (prefix >= 32 && prefix <= 96 && prefix % 8 == 0);
		CHECK(tap_policy_build(&policy, &conf) == (valid ? 0 : -EINVAL),
		      "prefix %u should be %s", prefix, valid ? "taken" : "refused");
	}
	conf.ipv6_prefix = 33;
	check_refused(&conf, "ipv6_prefix", 33);
}

static void
test_queues(const void *arg)
{
	static const uint16_t bad[] = { 0, 257, 512, 65535 };
	struct tap_rss_conf conf;
	unsigned int i;

	(void)arg;
	valid_conf(&conf);
	memset(conf.reta, 0, sizeof(conf.reta));
	for (i = 1; i <= TAP_MAX_QUEUES; i++) {
		conf.nb_queues = (uint16_t)i;
		check_taken(&conf, "nb_queues", i);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		conf.nb_queues = bad[i];
		check_refused(&conf, "nb_queues", bad[i]);
	}
}

static void
test_reta(const void *arg)
{
	struct tap_rss_conf conf;
	struct tap_policy policy;
	unsigned int i;

	(void)arg;
	valid_conf(&conf);
	for (i = 0; i < TAP_RETA_SIZE; i++) {
		conf.reta[i] = 4;
		CHECK(tap_policy_build(&policy, &conf) == -EINVAL, "entry %u: queue 4 of 4", i);
		conf.reta[i] = 3;
		CHECK(tap_policy_build(&policy, &conf) == 0, "entry %u: queue 3 of 4", i);
	}
	conf.reta[511] = 65535;
	check_refused(&conf, "reta[511]", 65535);
}

/* Nothing of what a policy's memory held before is left. */
static void
test_whole(const void *arg)
{
	struct tap_policy a, b;
	struct tap_rss_conf conf;
	struct rng rng = { 5 };
	unsigned int i;

	(void)arg;
	for (i = 0; i < 50; i++) {
		random_conf(&rng, &conf);
		memset(&a, 0x00, sizeof(a));
		memset(&b, 0xff, sizeof(b));
		CHECK(tap_policy_build(&a, &conf) == 0 && tap_policy_build(&b, &conf) == 0,
		      "a valid configuration is refused");
		CHECK(memcmp(&a, &b, sizeof(a)) == 0, "bytes are left as they were");
		CHECK(a.ctx.types == conf.types && a.ctx.algo == conf.algo &&
			      a.ctx.nb_queues == conf.nb_queues &&
			      memcmp(a.ctx.reta, conf.reta, sizeof(conf.reta)) == 0,
		      "a member has changed on its way");
		CHECK(!!(a.ctx.flags & TAP_CTX_INNER) == conf.innermost, "TAP_CTX_INNER");
	}
}

/* 0xff where byte `i` of a source-destination pair counts. */
static uint8_t
pair_mask(unsigned int i, unsigned int half, const struct tap_rss_conf *conf, uint32_t src_only,
	  uint32_t dst_only)
{
	bool src = (conf->modifiers & src_only) != 0, dst = (conf->modifiers & dst_only) != 0;

	if (src == dst)
		return 0xff;
	return (i < half) == src ? 0xff : 0;
}

static uint8_t
ip6_mask(unsigned int i, const struct tap_rss_conf *conf)
{
	if (i >= 32)
		return pair_mask(i - 32, 2, conf, TAP_MOD_L4_SRC_ONLY, TAP_MOD_L4_DST_ONLY);
	if (conf->ipv6_prefix != 0 && i % 16 * 8 >= conf->ipv6_prefix)
		return 0;
	return pair_mask(i, 16, conf, TAP_MOD_L3_SRC_ONLY, TAP_MOD_L3_DST_ONLY);
}

static uint8_t
ip4_mask(unsigned int i, const struct tap_rss_conf *conf)
{
	if (i >= 8)
		return pair_mask(i - 8, 2, conf, TAP_MOD_L4_SRC_ONLY, TAP_MOD_L4_DST_ONLY);
	return pair_mask(i, 4, conf, TAP_MOD_L3_SRC_ONLY, TAP_MOD_L3_DST_ONLY);
}

static void
check_masks(const struct tap_rss_conf *conf)
{
	uint8_t ip4[12], ip6[36], eth[12];
	struct tap_policy policy;
	bool all_ones = true;
	unsigned int i;

	CHECK(tap_policy_build(&policy, conf) == 0, "refused");
	memcpy(ip4, policy.ctx.mask_ip4, sizeof(ip4));
	memcpy(ip6, policy.ctx.mask_ip6, sizeof(ip6));
	memcpy(eth, policy.ctx.mask_eth, sizeof(eth));
	for (i = 0; i < 36; i++) {
		CHECK(ip6[i] == ip6_mask(i, conf), "modifiers 0x%x prefix %u: IPv6 byte %u is %02x",
		      conf->modifiers, conf->ipv6_prefix, i, ip6[i]);
		all_ones &= ip6[i] == 0xff;
	}
	for (i = 0; i < 12; i++) {
		CHECK(ip4[i] == ip4_mask(i, conf), "modifiers 0x%x: IPv4 byte %u is %02x",
		      conf->modifiers, i, ip4[i]);
		CHECK(eth[i] == pair_mask(i, 6, conf, TAP_MOD_L2_SRC_ONLY, TAP_MOD_L2_DST_ONLY),
		      "modifiers 0x%x: MAC byte %u is %02x", conf->modifiers, i, eth[i]);
		all_ones &= ip4[i] == 0xff && eth[i] == 0xff;
	}
	CHECK(all_ones || (policy.ctx.flags & TAP_CTX_MASKED), "TAP_CTX_MASKED is missing");
	if (conf->modifiers == 0 && conf->ipv6_prefix == 0)
		CHECK(!(policy.ctx.flags & TAP_CTX_MASKED), "TAP_CTX_MASKED without a mask");
}

static void
test_masks(const void *arg)
{
	struct tap_rss_conf conf;
	unsigned int prefix;

	(void)arg;
	valid_conf(&conf);
	for (conf.modifiers = 0; conf.modifiers < 64; conf.modifiers++) {
		conf.ipv6_prefix = 0;
		check_masks(&conf);
		for (prefix = 32; prefix <= 96; prefix += 8) {
			conf.ipv6_prefix = (uint8_t)prefix;
			check_masks(&conf);
		}
	}
}

/* The n-th of the policies that the race publishes; no two have a part in common. */
static void
nth_conf(unsigned int n, struct tap_rss_conf *conf)
{
	struct rng rng = { n };
	unsigned int i;

	random_conf(&rng, conf);
	conf->types = TAP_RSS_IPV4_TCP | 1u << (16 + n % 4);
	conf->nb_queues = (uint16_t)(100 + n);
	for (i = 0; i < TAP_RETA_SIZE; i++)
		conf->reta[i] = (uint16_t)((i + n * 7) % conf->nb_queues);
}

static struct tap_policy expected[POLICIES];
static struct tap_verdict verdict[POLICIES];
static const uint8_t frame[] = {
	2, 0, 0, 0,  0, 2, 2, 0,   0, 0, 0, 1,   8,  0,   0x45, 0, 0,   24, 0,
	0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2,    4, 210, 0,  80,
};
static struct tap_pkt packet = { .data = frame, .contig = sizeof(frame), .len = sizeof(frame) };

struct reader {
	struct tap_policy_reader place;
	atomic_bool *stop;
	atomic_bool started;
	unsigned long reads, switches, bad;
};

static void
read_once(struct reader *r, unsigned int *last)
{
	const struct tap_policy *p = tap_policy_read_begin(&r->place, &shared);
	unsigned int n = p->ctx.nb_queues - 100u;
	struct tap_verdict v;

	tap_classify(&packet, p, &v);
	if (n >= POLICIES || v.hash != verdict[n].hash || v.queue != verdict[n].queue ||
	    memcmp(p, &expected[n], sizeof(*p)) != 0)
		r->bad++;
	tap_policy_read_end(&r->place);
	r->reads++;
	r->switches += n != *last;
	*last = n;
}

static void *
read_policies(void *arg)
{
	struct reader *r = arg;
	unsigned int last = 0;

	while (!atomic_load(r->stop)) {
		read_once(r, &last);
		atomic_store(&r->started, true);
	}
	return NULL;
}

/* Publish as fast as it goes. */
static void
publish_all(struct tap_publisher *publisher)
{
	struct tap_rss_conf conf;
	unsigned int n;

	for (n = 1; n <= RACE_SWITCHES; n++) {
		nth_conf(n % POLICIES, &conf);
		CHECK(tap_policy_publish(publisher, &conf) == 0, "a valid policy is refused");
	}
}

static void
test_race(const void *arg)
{
	struct tap_publisher publisher = { .shared = &shared, .nb_readers = READERS + 1 };
	struct reader reader[READERS];
	pthread_t thread[READERS];
	struct tap_rss_conf conf;
	atomic_bool stop = false;
	unsigned int i;

	(void)arg;
	for (i = 0; i < POLICIES; i++) {
		nth_conf(i, &conf);
		CHECK(tap_policy_build(&expected[i], &conf) == 0, "policy %u is refused", i);
		tap_classify(&packet, &expected[i], &verdict[i]);
		CHECK(verdict[i].hashed, "policy %u does not hash the frame", i);
	}
	nth_conf(0, &conf);
	CHECK(tap_policy_publish(&publisher, &conf) == 0, "policy 0 is refused");
	memset(reader, 0, sizeof(reader));
	for (i = 0; i < READERS; i++) {
		reader[i].stop = &stop;
		publisher.reader[i] = &reader[i].place; /* the last place stays empty */
		CHECK(pthread_create(&thread[i], NULL, read_policies, &reader[i]) == 0,
		      "no thread");
	}
	for (i = 0; i < READERS; i++)
		while (!atomic_load(&reader[i].started))
			sleep_ms(1);
	publish_all(&publisher);
	atomic_store(&stop, true);
	for (i = 0; i < READERS; i++) {
		pthread_join(thread[i], NULL);
		CHECK(reader[i].bad == 0, "reader %u saw %lu mixed policies", i, reader[i].bad);
		CHECK(reader[i].switches > RACE_SWITCHES / 4, "reader %u saw %lu switches only", i,
		      reader[i].switches);
		printf("    reader %u: %lu reads, %lu switches seen\n", i, reader[i].reads,
		       reader[i].switches);
	}
}

struct holder {
	struct tap_policy_reader place;
	atomic_int phase; /* 1: holds a policy; 2: has let it go */
	bool changed, switched;
};

static uint32_t
active_slot(void)
{
	return __atomic_load_n(&shared.active, __ATOMIC_ACQUIRE) % TAP_SLOTS;
}

static void *
hold_policy(void *arg)
{
	struct holder *h = arg;
	const struct tap_policy *p = tap_policy_read_begin(&h->place, &shared);
	struct tap_policy before = *p;

	atomic_store(&h->phase, 1);
	sleep_ms(300);
	h->changed = memcmp(p, &before, sizeof(before)) != 0;
	h->switched = p != &shared.slot[active_slot()];
	atomic_store(&h->phase, 2);
	tap_policy_read_end(&h->place);
	return NULL;
}

/* A policy in use stays as it is; others get the next one at once, the publisher waits. */
static void
test_held(const void *arg)
{
	struct tap_publisher publisher = { .shared = &shared, .nb_readers = 1 };
	struct holder h = { .phase = 0 };
	struct tap_rss_conf conf;
	pthread_t thread;

	(void)arg;
	publisher.reader[0] = &h.place;
	nth_conf(1, &conf);
	CHECK(tap_policy_publish(&publisher, &conf) == 0, "refused");
	CHECK(pthread_create(&thread, NULL, hold_policy, &h) == 0, "no thread");
	while (atomic_load(&h.phase) == 0)
		sleep_ms(1);
	nth_conf(2, &conf);
	CHECK(tap_policy_publish(&publisher, &conf) == 0, "refused");
	CHECK(atomic_load(&h.phase) == 2, "the old policy was in use when publish() returned");
	nth_conf(3, &conf);
	CHECK(tap_policy_publish(&publisher, &conf) == 0, "refused");
	pthread_join(thread, NULL);
	CHECK(!h.changed, "the policy changed in its reader's hands");
	CHECK(h.switched, "the reader held up the switch");
}

/* One that was killed with a policy in its hands is waited for, but not for ever. */
static void
test_killed(const void *arg)
{
	struct tap_publisher publisher = { .shared = &shared, .nb_readers = 1, .mortal = true };
	struct tap_policy_reader dead = { .section = 0 };
	struct timespec before, after;
	struct tap_rss_conf conf;
	double took;

	(void)arg;
	publisher.reader[0] = &dead;
	tap_policy_read_begin(&dead, &shared);
	nth_conf(1, &conf);
	clock_gettime(CLOCK_MONOTONIC, &before);
	CHECK(tap_policy_publish(&publisher, &conf) == 0, "refused");
	clock_gettime(CLOCK_MONOTONIC, &after);
	took = (double)(after.tv_sec - before.tv_sec) +
	       (double)(after.tv_nsec - before.tv_nsec) / 1e9;
	CHECK(took >= 0.99 && took < test_patience(2), "waited for %.3f s", took);
}

static unsigned int grace_calls;

static void
count_grace(void *arg)
{
	CHECK(arg == &grace_calls, "the argument of grace() is another one");
	grace_calls++;
}

/* Each publication is seen at once, and goes to the slot that was idle. */
static void
test_switch(const void *arg)
{
	struct tap_publisher publisher = {
		.shared = &shared,
		.grace = count_grace,
		.grace_arg = &grace_calls,
	};
	struct tap_policy_reader place = { 0 };
	const struct tap_policy *p, *last;
	struct tap_policy should;
	struct tap_rss_conf conf;
	unsigned int i;

	(void)arg;
	last = tap_policy_read_begin(&place, &shared);
	tap_policy_read_end(&place);
	for (i = 0; i < 6; i++) {
		nth_conf(i, &conf);
		CHECK(tap_policy_build(&should, &conf) == 0, "refused");
		CHECK(tap_policy_publish(&publisher, &conf) == 0, "refused");
		p = tap_policy_read_begin(&place, &shared);
		CHECK(p != last, "the slot in use was written");
		CHECK(memcmp(p, &should, sizeof(should)) == 0, "another policy is in use");
		tap_policy_read_end(&place);
		last = p;
	}
	CHECK(grace_calls <= 6, "grace() was called %u times for 6 policies", grace_calls);
}

int
main(void)
{
	test_run("validation", "types", test_types, NULL);
	test_run("validation", "modifiers", test_modifiers, NULL);
	test_run("validation", "algorithm", test_algo, NULL);
	test_run("validation", "IPv6 prefix", test_prefix, NULL);
	test_run("validation", "number of queues", test_queues, NULL);
	test_run("validation", "redirection table", test_reta, NULL);
	test_run("building", "a policy is written as a whole", test_whole, NULL);
	test_run("building", "masks of all modifiers and prefixes", test_masks, NULL);
	test_run("publishing", "a switch is seen at once", test_switch, NULL);
	test_run("publishing", "a policy that is held stays", test_held, NULL);
	test_run("publishing", "a reader that was killed", test_killed, NULL);
	test_run("publishing", "readers never see parts of two policies", test_race, NULL);
	return test_summary();
}
