/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef LOGGED_H
#define LOGGED_H

/** @file What a test's own log file has. */

#include <stdio.h>
#include <unistd.h>

/** What was logged since the last call; valid until the next one. */
static inline const char *
test_logged(FILE *log_file)
{
	static char text[8192];
	size_t n;

	fflush(log_file);
	rewind(log_file);
	n = fread(text, 1, sizeof(text) - 1, log_file);
	text[n] = '\0';
	rewind(log_file);
	(void)!ftruncate(fileno(log_file), 0);
	return text;
}

#endif /* LOGGED_H */
