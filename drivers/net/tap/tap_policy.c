/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/syscall.h>

#include <linux/membarrier.h>

#include <rte_pause.h>

#include "tap_policy.h"
#include "tap_toeplitz.h"

/* A reader in another process that stays in one burst for longer was killed there. */
#define TAP_READER_PATIENCE_NS UINT64_C(1000000000)
/* Looks at a reader before others may run: it may be the one that was preempted for this. */
#define TAP_READER_LOOKS 1000

/* The key that DPDK's net/tap has always had, so that hashes stay as users know them. */
const uint8_t tap_default_key[TAP_KEY_LEN] = {
	0xd1, 0x81, 0xc6, 0x2c, 0xf7, 0xf4, 0xdb, 0x5b, 0x19, 0x83, 0xa2, 0xfc, 0x94, 0x3e,
	0x1a, 0xdb, 0xd9, 0x38, 0x9e, 0x6b, 0xd1, 0x03, 0x9c, 0x2c, 0xa7, 0x44, 0x99, 0xad,
	0x59, 0x3d, 0x56, 0xd9, 0xf3, 0x25, 0x3c, 0x06, 0x2a, 0xdc, 0x1f, 0xfc,
};

static bool
tap_rss_conf_valid(const struct tap_rss_conf *conf)
{
	const uint32_t all_types = (TAP_RSS_L2_PAYLOAD << 1) - 1;
	const uint32_t all_modifiers = (TAP_MOD_L4_DST_ONLY << 1) - 1;
	unsigned int i;

	if ((conf->types & ~all_types) != 0 || (conf->modifiers & ~all_modifiers) != 0)
		return false;
	if (conf->algo >= TAP_ALGO_COUNT)
		return false;
	if (conf->nb_queues == 0 || conf->nb_queues > TAP_MAX_QUEUES)
		return false;
	if (conf->ipv6_prefix != 0 &&
	    (conf->ipv6_prefix < 32 || conf->ipv6_prefix > 96 || conf->ipv6_prefix % 8 != 0))
		return false;
	for (i = 0; i < TAP_RETA_SIZE; i++)
		if (conf->reta[i] >= conf->nb_queues)
			return false;
	return true;
}

/* Zero the half of a source/destination pair that a *_ONLY modifier excludes. */
static void
tap_mask_pair(uint8_t *pair, size_t half, uint32_t modifiers, uint32_t src_only, uint32_t dst_only)
{
	bool src = modifiers & src_only;
	bool dst = modifiers & dst_only;

	if (src && !dst)
		memset(pair + half, 0, half);
	if (dst && !src)
		memset(pair, 0, half);
}

static void
tap_build_masks(struct tap_rss_ctx *ctx, const struct tap_rss_conf *conf)
{
	uint8_t *ip4 = (uint8_t *)ctx->mask_ip4;
	uint8_t *ip6 = (uint8_t *)ctx->mask_ip6;
	uint8_t *eth = (uint8_t *)ctx->mask_eth;
	size_t prefix = conf->ipv6_prefix / 8;

	memset(ip4, 0xff, sizeof(ctx->mask_ip4));
	memset(ip6, 0xff, sizeof(ctx->mask_ip6));
	memset(eth, 0xff, sizeof(ctx->mask_eth));
	tap_mask_pair(ip4, 4, conf->modifiers, TAP_MOD_L3_SRC_ONLY, TAP_MOD_L3_DST_ONLY);
	tap_mask_pair(ip4 + 8, 2, conf->modifiers, TAP_MOD_L4_SRC_ONLY, TAP_MOD_L4_DST_ONLY);
	tap_mask_pair(ip6, 16, conf->modifiers, TAP_MOD_L3_SRC_ONLY, TAP_MOD_L3_DST_ONLY);
	tap_mask_pair(ip6 + 32, 2, conf->modifiers, TAP_MOD_L4_SRC_ONLY, TAP_MOD_L4_DST_ONLY);
	tap_mask_pair(eth, 6, conf->modifiers, TAP_MOD_L2_SRC_ONLY, TAP_MOD_L2_DST_ONLY);
	if (prefix != 0) {
		memset(ip6 + prefix, 0, 16 - prefix);
		memset(ip6 + 16 + prefix, 0, 16 - prefix);
	}
	if (prefix != 0 || conf->modifiers != 0)
		ctx->flags |= TAP_CTX_MASKED;
}

int
tap_policy_build_ctx(struct tap_rss_ctx *ctx, const struct tap_rss_conf *conf)
{
	if (!tap_rss_conf_valid(conf))
		return -EINVAL;
	ctx->types = conf->types;
	ctx->algo = conf->algo;
	ctx->flags = conf->innermost ? TAP_CTX_INNER : 0;
	ctx->nb_queues = conf->nb_queues;
	ctx->key = 0;
	ctx->port = 0;
	tap_build_masks(ctx, conf);
	memcpy(ctx->reta, conf->reta, sizeof(ctx->reta));
	return 0;
}

int
tap_policy_build(struct tap_policy *policy, const struct tap_rss_conf *conf)
{
	int ret = tap_policy_build_ctx(&policy->ctx, conf);

	if (ret != 0)
		return ret;
	tap_toeplitz_table_build(&policy->key, conf->key);
	return 0;
}

static uint64_t
tap_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int
tap_membarrier(int cmd)
{
	return (int)syscall(__NR_membarrier, cmd, 0, 0);
}

/*
 * After this, every program run and every burst that began before the switch is either
 * over or visible in its reader's section count. MEMBARRIER_CMD_GLOBAL is both a full
 * kernel RCU grace period and the heavy half of tap_fence_light(). Kernels booted with
 * nohz_full refuse it: then the two come separately.
 */
static void
tap_grace_period(const struct tap_publisher *pub)
{
	if (tap_membarrier(MEMBARRIER_CMD_GLOBAL) == 0)
		return;
	/* It does not reach secondary processes; their store buffers drain long before 10 ms. */
	if (tap_membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0)
		tap_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	usleep(10000);
	if (pub->grace != NULL)
		pub->grace(pub->grace_arg);
}

static void
tap_wait_for_reader(struct tap_policy_reader *reader, bool mortal)
{
	uint64_t deadline = tap_now_ns() + TAP_READER_PATIENCE_NS;
	uint32_t seen = rte_atomic_load_explicit(&reader->section, rte_memory_order_acquire);
	uint32_t now = seen;
	uint32_t looks = 0;

	while ((seen & 1) != 0 && now == seen && (!mortal || tap_now_ns() < deadline)) {
		if (++looks < TAP_READER_LOOKS)
			rte_pause();
		else
			usleep(50);
		now = rte_atomic_load_explicit(&reader->section, rte_memory_order_acquire);
	}
}

void
tap_policy_synchronize(const struct tap_publisher *pub)
{
	uint16_t i;

	tap_grace_period(pub);
	for (i = 0; i < pub->nb_readers; i++)
		if (pub->reader[i] != NULL)
			tap_wait_for_reader(pub->reader[i], pub->mortal);
}

int
tap_policy_publish(struct tap_publisher *pub, const struct tap_rss_conf *conf)
{
	struct tap_shared *shared = pub->shared;
	uint32_t next = shared->active + 1;
	struct tap_policy *policy = &shared->slot[next & (TAP_SLOTS - 1)];
	int ret;

	/* Nobody reads the idle slot: the publication that left it waited for its readers. */
	ret = tap_policy_build(policy, conf);
	if (ret != 0)
		return ret;
	tap_mirror_update(&pub->mirror, policy, sizeof(*policy));
	tap_mirror_store32(&pub->mirror, &shared->active, next);
	tap_policy_synchronize(pub);
	return 0;
}
