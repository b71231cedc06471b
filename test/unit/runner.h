/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef RUNNER_H
#define RUNNER_H

/** @file Names each test, counts, says what failed. */

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/** Exit code that meson takes for "skipped". */
#define EXIT_SKIPPED 77

static unsigned int tests_passed, tests_failed;
static bool test_good;

static inline void __attribute__((format(printf, 3, 4)))
test_complain(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	test_good = false;
	printf("    %s:%d: ", file, line);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

/** Note a failure of the running test, with words; the test goes on. */
#define CHECK(condition, ...)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			test_complain(__FILE__, __LINE__, __VA_ARGS__);                            \
	} while (0)

/** Run one test. */
static inline void
test_run(const char *group, const char *name, void (*f)(const void *arg), const void *arg)
{
	test_good = true;
	f(arg);
	if (test_good)
		tests_passed++;
	else
		tests_failed++;
	printf("%s %s: %s\n", test_good ? "ok    " : "FAILED", group, name);
	fflush(stdout);
}

/** The last line, and main()'s return value. No test at all is a failure, too. */
static inline int
test_summary(void)
{
	printf("%u passed, %u failed\n", tests_passed, tests_failed);
	return tests_failed == 0 && tests_passed != 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/** Say why nothing can be tested; a failure where @p required names a variable that is set. */
static inline int
test_skip_all(const char *why, const char *required)
{
	bool must = getenv(required) != NULL;

	printf("%s: %s\n", must ? "FAILED, may not be skipped here" : "skipped", why);
	return must ? EXIT_FAILURE : EXIT_SKIPPED;
}

#endif /* RUNNER_H */
