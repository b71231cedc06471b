/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef FUZZ_H
#define FUZZ_H

/**
 * @file
 * What all fuzz targets share. A target defines LLVMFuzzerTestOneInput(), which libFuzzer
 * calls, or fuzz_main.c, which runs the files of a corpus. It makes what it needs at the first call.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What is left of an input. Behind its end there are zeroes. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

/** Take @p n bytes, or as many as there are; the rest of @p to is zero. @return how many */
static inline size_t
fuzz_take(struct fuzz_input *in, void *to, size_t n)
{
	size_t have = n < in->left ? n : in->left;

	memset(to, 0, n);
	if (have != 0)
		memcpy(to, in->at, have);
	in->at += have;
	in->left -= have;
	return have;
}

static inline uint8_t
fuzz_u8(struct fuzz_input *in)
{
	uint8_t v;

	fuzz_take(in, &v, sizeof(v));
	return v;
}

static inline uint16_t
fuzz_u16(struct fuzz_input *in)
{
	uint16_t v;

	fuzz_take(in, &v, sizeof(v));
	return v;
}

static inline uint32_t
fuzz_u32(struct fuzz_input *in)
{
	uint32_t v;

	fuzz_take(in, &v, sizeof(v));
	return v;
}

static inline uint64_t
fuzz_u64(struct fuzz_input *in)
{
	uint64_t v;

	fuzz_take(in, &v, sizeof(v));
	return v;
}

/** Up to @p n bytes in memory of their own, so that sanitizers see a step beyond. The caller frees it. */
static inline uint8_t *
fuzz_copy(struct fuzz_input *in, size_t n, size_t *len)
{
	uint8_t *copy;

	*len = n < in->left ? n : in->left;
	copy = malloc(*len != 0 ? *len : 1);
	if (copy == NULL)
		abort();
	fuzz_take(in, copy, *len);
	return copy;
}

/** What must hold whatever the input is; else the input is a finding. */
#define FUZZ_CHECK(holds, ...)                                                                     \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			fprintf(stderr, "%s:%d: does not hold: %s: ", __FILE__, __LINE__, #holds); \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/** EAL with memory of its own and no more, once; no messages of the driver but critical ones. */
void fuzz_eal(void);

/** No messages of the driver but critical ones; for targets without EAL. */
void fuzz_quiet(void);

/** The lowest fd that is not in use: grows with each one that was left open. */
int fuzz_lowest_fd(void);

#endif /* FUZZ_H */
