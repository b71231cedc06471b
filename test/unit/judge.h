/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef JUDGE_H
#define JUDGE_H

/** @file The classifier as built for user space, and its comparison with the reference. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference.h"

struct tap_verdict;

/**
 * Classify @p len bytes, the first @p contig of which lie together; the others can only
 * be had through TAP_PKT_LOAD_SLOW. Both parts are copied to where a sanitizer sees
 * every byte that is read beyond them.
 */
void user_classify(const struct tap_policy *policy, const uint8_t *data, uint32_t len,
		   uint32_t contig, struct tap_verdict *v);

/** NULL where both agree, else what they differ in; the text lasts until the next call. */
const char *verdict_difference(const struct tap_verdict *v, const struct ref_verdict *r);

/** Print a frame and a configuration, so that a failure can be repeated. */
void print_counterexample(const uint8_t *data, uint32_t len, const struct tap_rss_conf *conf);

#endif /* JUDGE_H */
