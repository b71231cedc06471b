/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef GENERATE_H
#define GENERATE_H

/** @file Random frames and configurations, repeatable by their seed. */

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"
#include "tap_policy.h"

/** State of the random numbers; any value is a seed. */
struct rng {
	uint64_t state;
};

/** 32 random bits. */
uint32_t rng_u32(struct rng *rng);

/** A number from 0 to @p n - 1. */
static inline uint32_t
rng_below(struct rng *rng, uint32_t n)
{
	return (uint32_t)((uint64_t)rng_u32(rng) * n >> 32);
}

/** True in @p percent of a hundred calls. */
static inline bool
rng_chance(struct rng *rng, uint32_t percent)
{
	return rng_below(rng, 100) < percent;
}

/** Any valid configuration. */
void random_conf(struct rng *rng, struct tap_rss_conf *conf);

/** A frame: mostly a sensible stack of headers, at times one that lies, is cut or mutated. */
void random_frame(struct rng *rng, struct frame *f);

/** Change some bytes of a frame, or its end. */
void mutate_frame(struct rng *rng, struct frame *f);

#endif /* GENERATE_H */
