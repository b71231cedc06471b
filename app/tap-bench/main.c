/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* Exit statuses: a figure was missed; the run itself failed. */
#define EXIT_MISSED 1
#define EXIT_FAILED 2

#define MAX_LIMITS 32

static int
finish(const struct bench_options *opt, const struct bench_results *res)
{
	struct bench_limit limit[MAX_LIMITS];
	unsigned int n = bench_limits(res, limit, MAX_LIMITS);
	bool reached;
	int err;

	bench_report(stdout, opt, res);
	reached = bench_limits_report(stdout, limit, n);
	if (opt->json != NULL) {
		err = bench_json_write(opt, res, limit, n);
		if (err != 0) {
			fprintf(stderr, "dpdk-tap-bench: %s: %s\n", opt->json, strerror(-err));
			return EXIT_FAILED;
		}
	}
	return opt->check && !reached ? EXIT_MISSED : EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	struct bench_results *res = calloc(1, sizeof(*res));
	struct bench_options opt;
	int err, status;

	if (res == NULL)
		return EXIT_FAILED;
	err = bench_options_parse(&opt, argc, argv);
	if (err != 0) {
		free(res);
		return err > 0 ? EXIT_SUCCESS : EXIT_FAILED;
	}
	if (opt.loop != LOOP_NONE) {
		free(res);
		return bench_loop(&opt) == 0 ? EXIT_SUCCESS : EXIT_FAILED;
	}
	err = bench_run(&opt, res);
	/* What was measured before something failed is worth showing. */
	status = finish(&opt, res);
	if (err != 0)
		status = EXIT_FAILED;
	bench_results_free(res);
	free(res);
	return status;
}
