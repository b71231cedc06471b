#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# coverage.sh [--quick | --report] [PYTEST-ARGUMENT...]
#
# What the tests reach of driver and classifier: builds with gcc --coverage, runs unit and program
# tests, the fuzz corpus and the system tests (the plugin under the distribution's testpmd),
# and prints lines and branches of each file and of all. --quick runs few of the system tests;
# arguments go to pytest. --report only prints what earlier runs have left. The lines that are not
# reached are in build-coverage/html. Fails below 85 % of branches, but for --quick. Needs root, as the tests do.

. "$(dirname "$0")/lib.sh"

BUILD="build-coverage"
quick='test/system/test_rss.py test/system/test_data.py test/system/test_flow.py test/system/test_link.py
	test/system/test_lifetime.py'
tests=test/system
run=true
# Percent of branches.
least=85

case ${1:-} in
--help | -h) usage; exit ;;
--quick) tests=$quick; least=0; shift ;;
--report) run=false; shift ;;
esac

# Without optimization a branch is what it is in the source. Threads and processes count together.
build()
{
	CC=gcc configure "$BUILD" -Db_coverage=true -Doptimization=0 -Dc_args=-fprofile-update=atomic \
		> "$BUILD.log" 2>&1 || { cat "$BUILD.log"; return 1; }
	rm "$BUILD.log"
	ninja -C "$BUILD" > "$BUILD/ninja.log" || { tail -n 50 "$BUILD/ninja.log"; return 1; }
	find "$BUILD" -name '*.gcda' -delete
}

# A test that fails here and not elsewhere (it is slow) costs coverage, no more: it is told.
run_tests()
{
	need_root 'the tests make network namespaces and load BPF programs.'
	meson test -C "$BUILD" --no-rebuild -t 5 > "$BUILD/tests.log" 2>&1 || say 'Some tests failed:'
	grep -E '^(Ok|Fail|Skipped|Timeout):' "$BUILD/tests.log" | grep -v ': *0 *$' || true
	loadable_plugin "$BUILD"
	trap remove_plugin_copy EXIT
	# shellcheck disable=SC2086 # a list
	TAP_PLUGIN=$PLUGIN TAP_CLI=$TOP/$BUILD/app/dpdk-tap-rss /usr/bin/python3 -m pytest -q -p no:cacheprovider \
		$tests "$@" | tail -n 15 || true
}

# What the driver is made of, however often and with whatever it was built: BPF programs excepted.
report()
{
	mkdir -p "$BUILD/html"
	gcovr --root . --object-directory "$BUILD" --filter drivers/net/tap/ --filter bpf/ \
		--exclude '.*\.bpf\.c' --exclude '.*\.skel\.h' --exclude-unreachable-branches \
		--html-details "$BUILD/html/index.html" --json-summary "$BUILD/coverage.json" "$BUILD" > /dev/null
	/usr/bin/python3 - "$BUILD/coverage.json" "$least" <<-'PYTHON'
		import json, sys
		report = json.load(open(sys.argv[1]))
		def line(name, figures):
		    print('%-40s %6d %6.1f %%  %6d %6.1f %%' % (
		        name, figures['line_total'], figures['line_percent'] or 0,
		        figures['branch_total'], figures['branch_percent'] or 0))
		print('%-40s %6s %8s  %6s %8s' % ('file', 'lines', 'run', 'branch', 'taken'))
		for file in report['files']:
		    line(file['filename'], file)
		line('total', report)
		if report['branch_percent'] < float(sys.argv[2]):
		    sys.exit('less than %s %% of branches were taken' % sys.argv[2])
	PYTHON
}

if $run; then
	say 'Building with coverage ...'
	build
	say 'Running tests ...'
	run_tests "$@"
fi
report
give_back
