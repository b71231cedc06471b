/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef FAULT_H
#define FAULT_H

/**
 * @file
 * Calls that fail on demand. The linker leads what the driver and libbpf call of libc, libmnl
 * and DPDK through wrappers (--wrap, see meson.build). Each asks fault_strikes() whether it is
 * its turn to fail, and reports what it gave out, so that leaks are seen.
 *
 * A site is a function and the way to it: return addresses up to the border of the program.
 * A clean run between fault_record() and fault_stop() tells which there are and how often
 * each is passed; fault_arm() then lets one passage fail, once; or a second one after it, where a call
 * is made only because another has failed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Return addresses that tell sites apart. */
#define FAULT_FRAMES 4
#define FAULT_MAX_SITES 4096
#define FAULT_MAX_ERRORS 4
/** Operations of a mempool that can be short of objects. */
#define FAULT_POOL "fault"

/** A function that can fail. */
struct fault_kind {
	const char *name;
	int error[FAULT_MAX_ERRORS]; /**< errno values that make sense; 0 ends them */
};

/** Where it is called. */
struct fault_site {
	const struct fault_kind *kind;
	void *caller[FAULT_FRAMES]; /**< NULL after the last one */
	uint32_t hits;              /**< passages since fault_record() or fault_arm() */
	uint32_t after;             /**< passages since the first fault; not among the hits */
	unsigned int order;         /**< its place among those of the last recording */
};

/** One passage that is to fail. */
struct fault {
	unsigned int site;
	uint32_t nth; /**< from 0; of the second fault: after the first one */
	int error;    /**< errno */
};

/** What the driver has at the moment. */
struct fault_live {
	size_t blocks; /**< of memory */
	size_t maps;   /**< mappings */
	size_t bpf;    /**< BPF programs, maps and others that the kernel still has */
};

/** Once, before all others. */
void fault_init(void);

/** Forget hits, and count passages from now on. */
void fault_record(void);

/** Let @p n passages fail, one or two; the second after the first only. */
void fault_arm(const struct fault *faults, unsigned int n);

/** No more faults, no more counting. */
void fault_stop(void);

/** This thread is in the driver from now on, or not: elsewhere nothing is counted or fails. */
void fault_enter(void);
void fault_leave(void);

/** How many of the armed faults have come? */
unsigned int fault_struck(void);

/** Sites seen so far, of all recordings; numbers stay. */
unsigned int fault_sites(void);
const struct fault_site *fault_site(unsigned int number);

/** Print a site as functions and lines. */
void fault_print(FILE *out, unsigned int number);

/**
 * Tell how many of the call sites in the machine code of @p program have failed, those of
 * sites for which @p injected is true; and which have not, if @p all. call_sites.py has listed them.
 *
 * @return false if the list is missing, has none of the driver's, is not understood, or says that the driver
 * calls what has no wrapper; after a @p whole run also if too few of the driver's have failed
 */
bool fault_print_places(const char *program, const bool *injected, bool all, bool whole);

/** What there is now; waits a moment for BPF objects that the kernel is about to free. */
void fault_count_live(struct fault_live *count, size_t bpf_expected);

/** Allocations are numbered: that of the next one. */
uint64_t fault_now(void);

/** Print where what is alive, and came since number @p since, has come from. */
void fault_print_live(FILE *out, uint64_t since);

/* For the wrappers. */

/** Is it the turn of this call to fail? Sets errno and rte_errno then. */
bool fault_strikes(const struct fault_kind *kind);

/** Memory (@p map false) or a mapping has come, or gone; NULL is allowed. */
void fault_came(void *p, bool map);
void fault_went(void *p, bool map);

/** The kernel has made a BPF program (or a map, or something else). */
void fault_bpf_came(int fd);

/** Is this thread in the driver? */
bool fault_inside(void);

#endif /* FAULT_H */
