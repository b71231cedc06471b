/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * Fuzz target: the classifier in user space against the reference. The input: struct
 * fuzz_head, then a frame.
 */

#include "fuzz.h"
#include "tap_classify.h"

#include "cases.h"
#include "fuzz_input.h"
#include "generate.h"
#include "judge.h"

static void
read_head(const struct fuzz_head *head, struct tap_rss_conf *conf)
{
	unsigned int i;

	memset(conf, 0, sizeof(*conf));
	conf->types = (head->types[0] | head->types[1] << 8 | (uint32_t)head->types[2] << 16) &
		      (TAP_RSS_L2_PAYLOAD * 2 - 1);
	conf->modifiers = head->modifiers & (TAP_MOD_L4_DST_ONLY * 2 - 1);
	conf->algo = head->algo % TAP_ALGO_COUNT;
	conf->ipv6_prefix = head->prefix % 10 == 0 ? 0 : (uint8_t)(24 + head->prefix % 10 * 8);
	conf->innermost = head->inner & 1;
	conf->nb_queues = TAP_MAX_QUEUES;
	for (i = 0; i < TAP_RETA_SIZE; i++)
		conf->reta[i] = (i & 255) ^ 0x5a;
}

/* The policy with a key, whose table takes as long to make as fifty frames. */
static struct tap_policy *
policy_of(uint8_t key, struct tap_rss_conf *conf)
{
	static struct tap_policy *policies[256];
	struct rng rng = { key };
	unsigned int i;

	for (i = 0; i < TAP_KEY_LEN; i++)
		conf->key[i] = key == 0 ? case_key[i] : (uint8_t)rng_u32(&rng);
	if (policies[key] == NULL) {
		policies[key] = malloc(sizeof(struct tap_policy));
		if (policies[key] == NULL || tap_policy_build(policies[key], conf) != 0)
			abort();
	} else if (tap_policy_build_ctx(&policies[key]->ctx, conf) != 0) {
		abort();
	}
	return policies[key];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tap_policy *policy;
	static struct tap_rss_conf conf;
	static struct fuzz_head head, last = { .key = 1 };
	struct ref_verdict should;
	struct tap_verdict v;
	const char *difference;
	uint32_t len, contig;

	if (size < sizeof(head) || size > UINT16_MAX)
		return 0;
	memcpy(&head, data, sizeof(head));
	data += sizeof(head);
	len = (uint32_t)(size - sizeof(head));
	contig = head.contig[0] | head.contig[1] << 8;
	memset(head.contig, 0, sizeof(head.contig));
	if (memcmp(&head, &last, sizeof(head)) != 0) {
		read_head(&head, &conf);
		policy = policy_of(head.key, &conf);
		last = head;
	}
	user_classify(policy, data, len, contig < len ? contig : len, &v);
	ref_classify(data, len, NULL, &conf, &should);
	difference = verdict_difference(&v, &should);
	if (difference != NULL) {
		printf("%s\n", difference);
		print_counterexample(data, len, &conf);
		fflush(stdout);
		abort();
	}
	return 0;
}
