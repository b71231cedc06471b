/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_POLICY_H
#define TAP_POLICY_H

/**
 * @file
 * The policy: the one owner of what the classifier reads. Builds and validates a
 * policy from a plain configuration and publishes it with one atomic switch.
 *
 * One thread at a time may configure a port (ethdev's rule); any number of
 * receive bursts and BPF programs may read meanwhile.
 */

#include <stdbool.h>
#include <stdint.h>

#include "tap_compat.h"
#include "tap_mirror.h"
#include "tap_policy_abi.h"

/** Input modifiers, as bits of tap_rss_conf.modifiers. */
enum tap_rss_modifier {
	TAP_MOD_L2_SRC_ONLY = 1 << 0,
	TAP_MOD_L2_DST_ONLY = 1 << 1,
	TAP_MOD_L3_SRC_ONLY = 1 << 2,
	TAP_MOD_L3_DST_ONLY = 1 << 3,
	TAP_MOD_L4_SRC_ONLY = 1 << 4,
	TAP_MOD_L4_DST_ONLY = 1 << 5,
};

/** RSS of a port in plain terms; doc/rss.md defines each. */
struct tap_rss_conf {
	uint32_t types;      /**< set of enum tap_rss_type */
	uint32_t modifiers;  /**< set of enum tap_rss_modifier */
	uint8_t algo;        /**< enum tap_hash_algo */
	uint8_t ipv6_prefix; /**< leading bits of IPv6 addresses to hash: 0 (all), 32..96 by 8 */
	bool innermost;      /**< hash the innermost headers of tunnels */
	uint16_t nb_queues;  /**< receive queues, 1..TAP_MAX_QUEUES */
	uint8_t key[TAP_KEY_LEN];
	uint16_t reta[TAP_RETA_SIZE]; /**< queues, each below nb_queues */
};

/** The key of a port whose application gives none. */
extern const uint8_t tap_default_key[TAP_KEY_LEN];

/** A place from which the policy is read: one per receive queue. */
struct tap_policy_reader {
	RTE_ATOMIC(uint32_t) section; /**< odd while a burst holds a policy; counts up */
};

/** Writer side of a port's policy. */
struct tap_publisher {
	struct tap_shared *shared;                        /**< what bursts read; not owned */
	struct tap_mirror mirror;                         /**< of that: what programs read */
	struct tap_policy_reader *reader[TAP_MAX_QUEUES]; /**< NULL where there is none */
	uint16_t nb_readers;                              /**< entries of reader[] in use */
	bool mortal; /**< a secondary process has the port: it can be killed amid reading */
	void (*grace)(
		void *arg); /**< waits out the kernel's readers, when membarrier cannot; may be NULL */
	void *grace_arg;
};

/**
 * Fill a policy from a configuration.
 *
 * @return 0, or -EINVAL when a member of @p conf is out of its range; @p policy is then untouched.
 */
int tap_policy_build(struct tap_policy *policy, const struct tap_rss_conf *conf);

/**
 * Fill the context of a policy or of a rule, without what is the rule's: key and port.
 *
 * @return 0, or -EINVAL as tap_policy_build()
 */
int tap_policy_build_ctx(struct tap_rss_ctx *ctx, const struct tap_rss_conf *conf);

/**
 * Wait until no reader has what was taken out of sight before: some 10 ms (a kernel grace
 * period).
 */
void tap_policy_synchronize(const struct tap_publisher *pub);

/**
 * Make @p conf the policy of the port: fill the idle slot, then switch. A packet is
 * classified by the old policy or by the new one, never by parts of both.
 *
 * Returns when no reader has the old policy any more, some 10 ms later (a kernel grace
 * period): what is sent from then on is classified by the new one.
 *
 * @return 0, or -EINVAL as tap_policy_build(); the published policy then stays.
 */
int tap_policy_publish(struct tap_publisher *pub, const struct tap_rss_conf *conf);

/**
 * Begin reading on behalf of @p reader: the policy stays valid and unchanged
 * until tap_policy_read_end(). Wait-free; never blocks a publisher's switch.
 */
static inline const struct tap_policy *
tap_policy_read_begin(struct tap_policy_reader *reader, struct tap_shared *shared)
{
	uint32_t section = rte_atomic_load_explicit(&reader->section, rte_memory_order_relaxed);
	uint32_t active;

	/* Odd also where a process was killed in a section and another one goes on. */
	rte_atomic_store_explicit(&reader->section, (section + 1) | 1, rte_memory_order_relaxed);
	/* The publisher's membarrier() is the other half of this fence. */
	tap_fence_light();
	active = rte_atomic_load_explicit((RTE_ATOMIC(uint32_t) *)&shared->active,
					  rte_memory_order_acquire);
	return &shared->slot[active & (TAP_SLOTS - 1)];
}

/** End what tap_policy_read_begin() began. */
static inline void
tap_policy_read_end(struct tap_policy_reader *reader)
{
	uint32_t section = rte_atomic_load_explicit(&reader->section, rte_memory_order_relaxed);

	rte_atomic_store_explicit(&reader->section, section + 1, rte_memory_order_release);
}

#endif /* TAP_POLICY_H */
