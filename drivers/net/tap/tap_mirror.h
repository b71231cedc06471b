/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_MIRROR_H
#define TAP_MIRROR_H

/**
 * @file
 * What the driver writes for BPF programs lies twice in memory: its own, which bursts of all
 * processes read, and a copy in the maps of the programs. Nothing is read back from the
 * copy, so that whoever else has these maps can spoil the programs' work but not the driver.
 */

#include <stdint.h>
#include <string.h>

#include "tap_compat.h"

/** A piece of memory and its copy. */
struct tap_mirror {
	const void *own;
	void *copy; /**< NULL: no program reads it */
};

/** Where the copy has what lies at @p at in the driver's memory. */
static inline void *
tap_mirror_of(const struct tap_mirror *m, const void *at)
{
	return (char *)m->copy + ((const char *)at - (const char *)m->own);
}

/** Copy @p size bytes at @p at, which no reader looks at yet. */
static inline void
tap_mirror_update(const struct tap_mirror *m, const void *at, size_t size)
{
	if (m->copy != NULL)
		memcpy(tap_mirror_of(m, at), at, size);
}

/** Let all readers see @p value at @p at, and what was written before. */
static inline void
tap_mirror_store32(const struct tap_mirror *m, uint32_t *at, uint32_t value)
{
	rte_atomic_store_explicit((RTE_ATOMIC(uint32_t) *)at, value, rte_memory_order_release);
	if (m->copy != NULL)
		rte_atomic_store_explicit((RTE_ATOMIC(uint32_t) *)tap_mirror_of(m, at), value,
					  rte_memory_order_release);
}

/** The same for one of an array of numbers, four of which readers load as one. */
static inline void
tap_mirror_store16(const struct tap_mirror *m, uint16_t *array, unsigned int i, uint16_t value)
{
	uint16_t *four = &array[i & ~3u];
	union {
		uint16_t part[4];
		uint64_t all;
	} to;

	memcpy(to.part, four, sizeof(to.part));
	to.part[i & 3] = value;
	rte_atomic_store_explicit((RTE_ATOMIC(uint64_t) *)four, to.all, rte_memory_order_release);
	if (m->copy != NULL)
		rte_atomic_store_explicit((RTE_ATOMIC(uint64_t) *)tap_mirror_of(m, four), to.all,
					  rte_memory_order_release);
}

#endif /* TAP_MIRROR_H */
