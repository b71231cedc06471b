#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# test.sh [--quick]
#
# Runs all tests: builds with gcc and clang, unit, program and fuzz tests, system tests with the
# distribution's testpmd, fuzzing, some of these with sanitizers, valgrind and link-time optimization,
# a DPDK tree built with this driver, the Debian packages, the oldest and the newest kernel in qemu,
# and static checks. Installs what is missing for that. The last line is "N passed, N failed".
# --quick runs builds, tests and static checks alone.

. "$(dirname "$0")/lib.sh"

case ${1:-} in
--help | -h) usage; exit ;;
--quick) quick=true ;;
'') quick=false ;;
*) usage >&2; exit 2 ;;
esac

need_root 'the tests make network namespaces and load BPF programs.'

PYTHON=/usr/bin/python3
OUTPUTS=$(mktemp -d)
# One line per test: its result (passed, failed, skipped) and its name.
LEDGER=$OUTPUTS/ledger
# The last lines of the parts that failed, to be said again at the end.
FAILURES=$OUTPUTS/failures
touch "$LEDGER" "$FAILURES"
DPDK=.deps/dpdk-net_tap
DPDK_BUILD=$DPDK/build

record()
{
	printf '%s %s\n' "$1" "$2" >> "$LEDGER"
}

count()
{
	grep -c "^$1 " "$LEDGER" || true
}

# The last words, whatever ended the run: what did not pass, and the counts.
finish()
{
	local status=$?

	trap - EXIT
	give_back
	if [ "$status" -ne 0 ] && [ "$(count failed)" -eq 0 ]; then
		record failed "test.sh itself (ended with status $status)"
	fi
	cat "$FAILURES"
	say "All done in $SECONDS s."
	sed -n -E 's/^(failed|skipped) /\1: /p' "$LEDGER"
	echo "$(count passed) passed, $(count failed) failed"
	[ "$(count failed)" -eq 0 ] || status=1
	rm -rf "$OUTPUTS"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Runs a part of the tests: its name, and the command. A part records the results of its tests
# and ends with 0, or counts as a test itself. Sets `ok`. (Not to be called in a condition: bash
# then ignores errors within.)
part()
{
	local name=$1 start=$SECONDS status before failed output=$OUTPUTS/part

	shift
	say "$name ..."
	before=$(wc -l < "$LEDGER")
	failed=$(count failed)
	set +e
	(
		trap remove_plugin_copy EXIT
		set -e
		"$@"
	) 2>&1 | tee -i "$output"
	status=${PIPESTATUS[0]}
	set -e
	if [ "$status" -ne 0 ]; then
		record failed "$name"
	elif [ "$before" -eq "$(wc -l < "$LEDGER")" ]; then
		record passed "$name"
	fi
	ok=true
	if [ "$failed" -ne "$(count failed)" ]; then
		ok=false
		{ say "The end of: $name"; tail -n 100 "$output"; } >> "$FAILURES"
	fi
	say "$name: $(if $ok; then echo passed; else echo FAILED; fi), $((SECONDS - start)) s."
}

# Configures folder $1; what meson says only if it fails.
configure_quietly()
{
	configure "$@" > "$1.log" 2>&1 || { cat "$1.log"; return 1; }
	rm "$1.log"
}

# Configures and builds in folder $1; of ninja's lines a few.
build()
{
	configure_quietly "$@" || return 1
	ninja -C "$1" | awk '!/^\[/ || NR % 50 == 1 { print; fflush() }'
}

# Configures folder $1 with the options from $3 on, and builds the targets that $2 lists.
build_some()
{
	local folder=$1 targets=$2

	shift 2
	configure_quietly "$folder" "$@" || return 1
	# shellcheck disable=SC2086 # a list of words
	ninja -C "$folder" --quiet $targets
}

# The tests of build folder $1, in meson's words; the results from its log. A test that says
# "N passed, N failed" counts as that many.
meson_tests()
{
	local folder=$1

	shift
	rm -f "$folder"/meson-logs/testlog*.json
	meson test -C "$folder" --no-rebuild --print-errorlogs "$@" || true
	$PYTHON - "$folder"/meson-logs/testlog*.json "$folder" >> "$LEDGER" <<-'PYTHON'
		import json, re, sys
		for line in open(sys.argv[1]):
		    test = json.loads(line)
		    result = {'OK': 'passed', 'SKIP': 'skipped'}.get(test['result'], 'failed')
		    counts = re.findall(r'^(\d+) passed, (\d+) failed$', test.get('stdout', ''), re.M)
		    passed, failed = map(int, counts[-1]) if counts else (0, 0)
		    why = re.findall(r'^skipped(:.*)', test.get('stdout', ''), re.M)[:1] if result == 'skipped' else []
		    if passed + failed == 0 or result == 'failed' and failed == 0:
		        print(result, sys.argv[2] + ':', test['name'] + ''.join(why))
		    for kind in ['passed'] * passed + ['failed'] * failed:
		        print(kind, sys.argv[2] + ':', test['name'])
	PYTHON
}

# The system tests with the plugin of build folder $1; what follows is set in their environment.
system_tests()
{
	local folder=$1 report=$1/system-tests.xml

	shift
	loadable_plugin "$folder"
	rm -f "$report"
	env TAP_PLUGIN="$PLUGIN" TAP_CLI="$TOP/$folder/app/dpdk-tap-rss" "$@" $PYTHON -m pytest -v -rs -p no:cacheprovider \
		--junitxml="$report" test/system || true
	$PYTHON - "$report" "$folder" >> "$LEDGER" <<-'PYTHON'
		import sys, xml.etree.ElementTree as tree
		for case in tree.parse(sys.argv[1]).iter('testcase'):
		    kinds = {child.tag for child in case}
		    result = 'failed' if kinds & {'failure', 'error'} else 'skipped' if 'skipped' in kinds else 'passed'
		    print(result, sys.argv[2] + ': system:', case.get('name'))
	PYTHON
}

# Those in software mode, where the driver itself does all the work, once more with sanitizers:
# testpmd is not built with them, so their libraries have to be there before all others. With
# TAP_TEST_LONG set all, but for those that measure times, whose machine has no such library, and
# whose secondary processes may find it at the addresses that they need.
sanitized_system_tests()
{
	local libraries select='-k soft'

	[ -z "${TAP_TEST_LONG:-}" ] || select='-k "not (test_bench or test_service or test_secondary)"'
	libraries="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
	system_tests build-sanitize PYTEST_ADDOPTS="$select" ASAN_OPTIONS=detect_leaks=0 \
		LD_PRELOAD="$libraries"
}

# The soak test once more, with the thread sanitizer: bursts in some threads, control calls in
# another. It sees the order that DPDK's rings and locks make in their form with atomics of C alone.
# (Built with clang: gcc warns of each fence in DPDK's headers.)
soak_with_tsan()
{
	build_some build-clang-tsan 'drivers/librte_net_tap.so test/soak/soak' -Db_sanitize=thread -Db_lundef=false \
		-Dsoak_seconds=10 -Dc_args='-DRTE_USE_C11_MEM_MODEL -DRTE_FORCE_INTRINSICS'
	TSAN_OPTIONS=exitcode=66 meson_tests build-clang-tsan --suite soak
}

# The life of ports and all their settings, in software and in the kernel, under valgrind.
control_with_valgrind()
{
	meson_tests build --setup valgrind --test-args=--list faults
}

# Built with link-time optimization, to which a type that differs between files is an error.
tests_with_lto()
{
	local tests='classifier policy programs segments transmit'

	# shellcheck disable=SC2086 # a list of words
	build_some build-lto "app/dpdk-tap-rss drivers/librte_net_tap.so test/soak/soak
		$(printf 'test/unit/test_%s ' $tests)" \
		--werror -Db_lto=true -Dc_link_args=-Werror -Dsoak_seconds=10
	# shellcheck disable=SC2086
	meson_tests build-lto $tests 'soak kernel' 'soak driver'
}

# Debian's DPDK source with our driver in place of DPDK's: the parts that the tests below need.
build_dpdk()
{
	local drivers=bus/pci,bus/vdev,event/skeleton,mempool/ring,net/null,net/ring,net/tap

	if [ ! -f "$DPDK/.debian-version" ] || ! cmp -s .deps/dpdk/.debian-version "$DPDK/.debian-version"; then
		rm -rf "$DPDK"
		cp -a .deps/dpdk "$DPDK"
	fi
	devtools/import-into-dpdk.sh "$DPDK"
	build "$DPDK_BUILD" "$DPDK" --werror -Denable_drivers=$drivers -Denable_apps=test,test-pmd
	$PYTHON "$DPDK/usertools/dpdk-pmdinfo.py" "$DPDK_BUILD/app/dpdk-testpmd" | grep '"net_tap"' > /dev/null
}

# One autotest of DPDK's: its name, and further EAL arguments. Counts as many tests as it has
# cases. dpdk-test itself ends with 0 whatever the result.
dpdk_test()
{
	local name=$1 log cases

	shift
	log=$(mktemp)
	DPDK_TEST=$name timeout 300 unshare --net "$DPDK_BUILD/app/test/dpdk-test" --no-huge --no-pci \
		--file-prefix="$name" "$@" < /dev/null > "$log" 2>&1 || true
	cases=$(sed -n -E "s/^ \\+ TestCase \\[.*\\] : (.*) (succeeded|failed|skipped).*/\\2 dpdk-test: $name: \\1/
		T; s/^succeeded/passed/; p" "$log")
	if ! grep -q '^Test OK' "$log"; then
		cat "$log"
		grep -q '^failed' <<< "$cases" || cases="failed dpdk-test: $name"
	fi
	echo "${cases:-passed dpdk-test: $name}" >> "$LEDGER"
	rm -rf "$log" "/var/run/dpdk/$name"
}

# Ours, and those of DPDK's that work on a vdev; the adapter's takes 64 queues and 1.3 GB.
dpdk_tests()
{
	dpdk_test tap_rss_autotest -m 512
	dpdk_test ethdev_link_status -m 512 --vdev net_tap0
	dpdk_test vdev_autotest -m 512 --vdev net_tap0
	dpdk_test event_eth_rx_adapter_autotest -m 3000 --vdev net_tap0
}

# The oldest and the newest kernel, in virtual machines.
kernel_tests()
{
	test/vm/run.sh --quick --ledger "$LEDGER"
}

static_checks()
{
	local check

	for check in $(devtools/check.sh --list); do
		if devtools/check.sh "$check"; then
			record passed "check: $check"
		else
			record failed "check: $check"
		fi
	done
}

part 'Set-up' devtools/setup.sh --test
$ok || exit 1
part 'Build with gcc' build build --werror -Dsoak_seconds=60
$ok || exit 1
CC=clang part 'Build with clang' build build-clang --werror
part 'Unit, program and fuzz tests' meson_tests build
part 'System tests' system_tests build
if ! $quick; then
	part 'Fuzzing' devtools/fuzz.sh
	CC=gcc part 'Build with sanitizers' build build-sanitize -Doptimization=1 -Db_sanitize=address,undefined \
		-Db_lundef=false -Dc_args=-fno-sanitize-recover=undefined
	if $ok; then
		part 'Tests with sanitizers' meson_tests build-sanitize --no-suite fuzz
		part 'System tests with sanitizers' sanitized_system_tests
	fi
	CC=clang part 'Soak with the thread sanitizer' soak_with_tsan
	part 'Control paths with valgrind' control_with_valgrind
	CC=gcc part 'Link-time optimization' tests_with_lto
	part 'Build in a DPDK tree' build_dpdk
	if $ok; then
		part 'Tests in a DPDK tree' dpdk_tests
	fi
	part 'Debian packages' devtools/test-package.sh
	part 'Other kernels' kernel_tests
fi
part 'Static checks' static_checks
