/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef PATIENCE_H
#define PATIENCE_H

/** @file How long tests wait. */

#include <stdlib.h>

/** Time that something may take, as many times as long as TAP_TEST_PATIENCE says on slow machines. */
static inline unsigned int
test_patience(unsigned int time)
{
	const char *times = getenv("TAP_TEST_PATIENCE");
	double factor = times != NULL ? strtod(times, NULL) : 1;

	return factor > 1 ? (unsigned int)(time * factor) : time;
}

#endif /* PATIENCE_H */
