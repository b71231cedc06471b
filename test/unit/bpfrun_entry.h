/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef BPFRUN_ENTRY_H
#define BPFRUN_ENTRY_H

/**
 * @file
 * What a test run of a tc classifier needs to show its program a tag beside the data.
 */

/** An instruction. */
#define INSN(c, d, s, o, i)                                                                        \
	{                                                                                          \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                \
	}

/**
 * Load a classifier that gives the packet the tag in cb[0] (TPID) and cb[1] (TCI), if there
 * is one, and the queue in cb[2], and goes on with the program in entry 0 of map @p map_fd.
 *
 * @return its fd, or negative with errno set
 */
int bpfrun_load_entry(int map_fd);

#endif /* BPFRUN_ENTRY_H */
