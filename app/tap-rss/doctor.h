/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef DOCTOR_H
#define DOCTOR_H

/**
 * @file
 * What the doctor looks at: each finding is a line.
 */

#include "cli.h"

enum finding {
	FINDING_OK,
	FINDING_INFO, /**< nothing depends on it but speed or comfort */
	FINDING_BAD,  /**< something does not work */
};

/** Findings, as JSON objects. */
struct doctor {
	json_t *list;
	unsigned int bad;
};

/** Add a finding: what was looked at, what it is, and what to do about it (NULL: nothing). */
void doctor_say(struct doctor *d, enum finding finding, const char *what, const char *advice,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

/** libbpf, and the programs of the driver on a tap @p tap_fd (negative: there is none). */
void doctor_bpf(struct doctor *d, int tap_fd);

#endif /* DOCTOR_H */
