/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_BPF_REASON_H
#define TAP_BPF_REASON_H

/**
 * @file
 * Why the kernel does not load a program, and what an administrator can do about it. libbpf
 * has one printer for the whole process: one thread at a time.
 */

/** Keep what libbpf says from now on until tap_bpf_listen_end(). */
void tap_bpf_listen(void);

/** Give libbpf its printer back. */
void tap_bpf_listen_end(void);

/** What would mend an error of loading, in words of what an administrator can change. */
const char *tap_bpf_remedy(int err);

/**
 * The step that failed, the error and what would mend it; @p reason has TAP_REASON_LEN bytes
 * and keeps what it has: the first reason is the one to mend.
 */
void tap_bpf_explain(char *reason, const char *program, int err);

/** Log the verifier's objection that was heard last, if it was the verifier that refused. */
void tap_bpf_log_verifier(const char *port, const char *program, int err);

#endif /* TAP_BPF_REASON_H */
