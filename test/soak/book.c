/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>

#include <sys/mman.h>

#include <rte_bitops.h>
#include <rte_common.h>
#include <rte_cycles.h>

#include "book.h"

/* More than this per second no test machine sends; what is never written takes no memory. */
#define NUMBERS_PER_SECOND 400000u
/* What an account may have in each direction: with 8 bytes for each, long runs are slowed down. */
#define NUMBERS_MAX (128u << 20)

static uint64_t begin; /* timer cycles */
static unsigned int duration;

static void *
table(uint32_t numbers)
{
	return mmap(NULL, sizeof(uint32_t) * numbers, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static int
open_book(struct book *book, uint32_t numbers)
{
	void *sent = table(numbers);
	void *came = table(numbers);

	book->numbers = numbers;
	book->sent = sent;
	book->came = came;
	return sent == MAP_FAILED || came == MAP_FAILED ? -errno : 0;
}

int
book_begin(struct book *in, struct book *out, unsigned int seconds)
{
	uint32_t numbers = (uint32_t)RTE_MIN((uint64_t)seconds * NUMBERS_PER_SECOND, NUMBERS_MAX);
	int err = open_book(in, numbers);

	duration = seconds;
	begin = rte_get_timer_cycles();
	return err != 0 ? err : open_book(out, numbers);
}

int64_t
book_take(struct book *book, uint32_t n)
{
	double passed = (double)(rte_get_timer_cycles() - begin) / (double)rte_get_timer_hz();
	uint32_t next = book->next;

	do {
		if (book->window != 0 && next - book->settled > book->window)
			return -1;
		/* So much that the numbers would not last? */
		if (next > passed / duration * book->numbers || next > book->numbers - n)
			return -1;
	} while (!atomic_compare_exchange_weak(&book->next, &next, next + n));
	return next;
}

void
book_note(void *book, uint32_t number, uint32_t segment)
{
	struct book *noted = book;

	if (number >= noted->numbers || segment >= 32)
		noted->strays++;
	else if (atomic_fetch_or(&noted->came[number], RTE_BIT32(segment)) & RTE_BIT32(segment))
		noted->twice++;
}
