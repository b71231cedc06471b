/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef SOAK_BOOK_H
#define SOAK_BOOK_H

/** @file The numbers sent in one direction, and those that came. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** Any thread may take numbers and note them. */
struct book {
	uint32_t *sent;    /**< a bit per segment; 0: refused, or not yet sent; the sender writes */
	atomic_uint *came; /**< likewise; whoever receives writes, by book_note() */
	uint32_t numbers;
	atomic_uint next;    /**< number */
	atomic_uint settled; /**< whatever comes of the numbers below has come */
	uint32_t window;     /**< so many may be taken from there on; 0: any number */
	atomic_ullong refused;
	atomic_ullong twice;
	atomic_ullong strays;
};

/**
 * Make both books empty, for a run of @p seconds from now on.
 *
 * @return 0, or a negative errno
 */
int book_begin(struct book *in, struct book *out, unsigned int seconds);

/** @return the first of @p n numbers to send; negative if there are none, for now or for good */
int64_t book_take(struct book *book, uint32_t n);

/** Note that a segment with a number came; @p book is a struct book. */
void book_note(void *book, uint32_t number, uint32_t segment);

#endif
