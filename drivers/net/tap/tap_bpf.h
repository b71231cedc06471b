/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_BPF_H
#define TAP_BPF_H

/**
 * @file
 * The BPF side of a port: the ladder of programs, loaded by libbpf. The only part of
 * the driver that knows libbpf; without it (TAP_HAVE_BPF not defined) every rung but
 * software is refused with the reason.
 */

#include "tap_args.h"
#include "tap_policy_abi.h"

/** Rungs of the ladder, best first. */
enum tap_rung {
	TAP_RUNG_FULL = 1,  /**< the steering program classifies every packet */
	TAP_RUNG_BASIC = 2, /**< it classifies plain packets; the driver corrects the rest */
	TAP_RUNG_SOFT = 3,  /**< the driver classifies and redistributes */
};

/** Length of a reason for standing on a lower rung, with its end. */
#define TAP_REASON_LEN 256

struct tap_bpf;

/**
 * Climb as high as the kernel lets us and @p args allow: with the objects that these name, else
 * with programs that are loaded. TAP_RSS_SOFT gives NULL at once.
 *
 * @param rung    the rung reached
 * @param reason  why it is not the first, or not with the objects named: which step failed,
 *                the error, what would mend it; else empty
 * @return the loaded programs, owned by the caller; NULL on TAP_RUNG_SOFT.
 */
struct tap_bpf *tap_bpf_open(const char *port, const struct tap_args *args, enum tap_rung *rung,
			     char reason[TAP_REASON_LEN]);

/**
 * Load the full program or the basic one, of a net_tun port or a net_tap one, without a port: can the
 * kernel have it?
 *
 * @return as tap_bpf_open(); NULL with errno
 */
struct tap_bpf *tap_bpf_probe(bool l3, bool basic);

/** Unload; programs that are attached to a netdev stay attached. NULL is allowed. */
void tap_bpf_close(struct tap_bpf *bpf);

/** What the programs read, and the bells that they ring, mapped; valid until tap_bpf_close(). NULL of NULL. */
struct tap_shared *tap_bpf_shared(struct tap_bpf *bpf);

/** The fd of the steering program of the rung that was reached. */
int tap_bpf_steering_fd(const struct tap_bpf *bpf);

/** The fd of the filter program that rings the doorbell. */
int tap_bpf_filter_fd(const struct tap_bpf *bpf);

/** The programs of flow rules, which take the place of the others. */
enum tap_rules_program {
	TAP_RULES_STEERING,
	TAP_RULES_FILTER,
	TAP_RULES_PROGRAMS
};

struct tap_tables;

/**
 * Have the tables that the programs of flow rules read, mapped; valid until tap_bpf_close().
 * The same ones each time.
 * Only on TAP_RUNG_FULL.
 *
 * @param reason  why not
 * @return 0, or negative errno
 */
int tap_bpf_open_rules(struct tap_bpf *bpf, const char *port, struct tap_tables *tables,
		       char reason[TAP_REASON_LEN]);

/**
 * The fd of a program of flow rules. It is loaded when it is asked for first, which takes
 * the kernel half a second, before 6.8 several: ports without such rules do not pay for it.
 *
 * @return the fd, or negative errno with a reason
 */
int tap_bpf_rules_fd(struct tap_bpf *bpf, const char *port, enum tap_rules_program program,
		     char reason[TAP_REASON_LEN]);

/** Do the objects come from another process? Not of NULL. */
bool tap_bpf_is_given(const struct tap_bpf *bpf);

struct tap_objects;

/** What is loaded or was given so far; valid until tap_bpf_close(). */
const struct tap_objects *tap_bpf_objects(const struct tap_bpf *bpf);

/** Wait until no program that runs now is still running, where membarrier cannot tell; for a tap_bpf. */
void tap_bpf_grace(void *arg);

#endif /* TAP_BPF_H */
