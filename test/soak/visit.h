/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef SOAK_VISIT_H
#define SOAK_VISIT_H

/**
 * @file
 * Secondary processes that come to the port, read its counters, and go: every other one by SIGKILL.
 */

/** Where the processes' common memory is, once visit_prepare() has made it. */
#define VISIT_HUGE_DIR "/run/huge"

/**
 * Give the process a mount namespace with a /run of its own and hugepages in it, which another process
 * gives back once this one has ended, be it by SIGKILL. Ends the process, as skipped, if the kernel has none.
 */
void visit_prepare(void);

/** The thread: one visitor after the other, until visit_stop() and both kinds were there. */
void *visit_thread(void *plugin);

/** End the thread. */
void visit_stop(void);

/** Print how many came; 1 if one could not attach, saw wrong counters or did not go, else 0. */
unsigned int visit_report(void);

/** A visitor: what main() does in its process. Says on fd 3 that it is attached, goes at the end of stdin. */
int visit_main(const char *plugin);

#endif
