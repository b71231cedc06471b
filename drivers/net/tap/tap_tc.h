/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_TC_H
#define TAP_TC_H

/**
 * @file
 * tc programs at the ingress of a netdev: as a tcx link, which ends with the process, or, on
 * kernels before 6.6, as a filter of a clsact qdisc, which does not. Other programs and filters
 * there are left alone. libbpf's printer is used: one thread at a time.
 */

#include <stdbool.h>

/** A program that is attached, or all zero. */
struct tap_tc {
	unsigned int ifindex;
	int link;             /**< fd of the tcx link; -1: a clsact filter */
	unsigned int prog_id; /**< of the clsact filter */
	bool own_hook;        /**< the clsact qdisc was made for it */
};

/** Attach by a tcx link. @return 0, or negative errno: -EINVAL if the kernel has no tcx */
int tap_tc_link(struct tap_tc *tc, unsigned int ifindex, int prog_fd);

/**
 * Attach by a clsact filter, in place of one that an earlier process has left.
 *
 * @param program  the program's name, by which such a filter is known
 * @return 0, or negative errno; -EBUSY: the filter's place is taken by another program
 */
int tap_tc_filter(struct tap_tc *tc, unsigned int ifindex, int prog_fd, const char *program);

/** Detach; the clsact qdisc goes if it was made for this and has no other filter. */
void tap_tc_detach(struct tap_tc *tc);

/** Detach the clsact filter with a program of this name, if an earlier process has left one. */
void tap_tc_clean(unsigned int ifindex, const char *program);

#endif /* TAP_TC_H */
