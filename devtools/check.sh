#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# check.sh [CHECK...]
# check.sh --list | --fix
#
# Static checks of the whole project, or only the named ones. --list names them; --fix lays out
# the C code as the format check wants it. Needs a build in `build` (for clang-tidy).

. "$(dirname "$0")/lib.sh"

CHECKS='format words cppcheck tidy spdx shell python spelling size docs'

# Files of the project whose names match a -name pattern in $@.
files()
{
	local -a names=()
	local name

	for name in "$@"; do
		names+=(-o -name "$name")
	done
	find . \( -path ./.git -o -path ./.deps -o -path './build*' -o -name '__pycache__' \
		-o -name .pytest_cache \) -prune -o -type f \( "${names[@]:1}" \) -print | sort
}

c_sources()
{
	files '*.[ch]'
}

check_format()
{
	local file bad=0

	while read -r file; do
		clang-format --dry-run -Werror "$file" 2> /dev/null || {
			echo "$file: not laid out as .clang-format says (devtools/check.sh --fix mends this)"
			bad=1
		}
	done < <(c_sources)
	return "$bad"
}

# Fails if a line of the files that stdin names, comments aside, matches $2; $1 says why, $3 is a file that may.
forbid()
{
	local found

	found=$(grep -v "/${3:-}\$" | xargs grep -nP -- "$2" | grep -vP '^[^:]+:\d+:\s*(/?\*|//.*SPDX)') || return 0
	printf '%s\n' "$found" | sed "s|\$| <- $1|"
	return 1
}

# What DPDK does not take of a driver, as far as neither compilers nor the layout hold it.
check_words()
{
	local bad=0 driver rest

	driver=$(files '*.[ch]' | grep '^./drivers/')
	rest=$(files '*.[ch]' | grep -v '^./test/')
	forbid 'a driver does not end the process' '\b(rte_panic|rte_exit|exit|abort|_exit)\(' <<< "$driver" || bad=1
	forbid 'a driver logs by TAP_LOG' '\b(printf|puts|perror|rte_log|RTE_LOG(_DP)?)\(' tap_log.h <<< "$driver" || bad=1
	forbid 'a driver leaves signals alone' '\b(signal|sigaction|kill|raise)\(' <<< "$driver" || bad=1
	forbid 'atomics by tap_compat.h, as DPDK has them from 23.11 on' \
		'__atomic_|__sync_|\brte_(smp_)?[rwm]*b\(|\brte_atomic(16|32|64)_' tap_compat.h <<< "$driver" || bad=1
	forbid 'PRIu64 and the like' '%[-+ #0-9.]*l+[dioux]' tap_caps.c <<< "$driver" || bad=1
	forbid 'macros of rte_common.h' '__attribute__\(\((?!target)' <<< "$driver" || bad=1
	forbid 'no bound' '\b(strcpy|strcat|v?sprintf|gets|strtok|alloca)\(' <<< "$rest" || bad=1
	forbid 'comments are /* */' '^[^"]*(?<!:)//' <<< "$rest" || bad=1
	forbid 'no new names for struct and enum' '\btypedef (struct|enum|union)\b' <<< "$rest" || bad=1
	files '*.[ch]' '*.py' '*.sh' '*.md' '*.rst' '*.build' | forbid 'blanks at the end' '[ \t]+$' || bad=1
	return "$bad"
}

# Uninitialized variables are clang-tidy's: cppcheck does not see what a callee fills in.
check_cppcheck()
{
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability \
		--suppress=missingInclude --suppress=missingIncludeSystem --suppress=unknownMacro \
		--suppress=uninitvar --suppress=ctuuninitvar \
		-D__x86_64__ -Ibpf -Idrivers/net/tap bpf drivers app test
}

# The analyzer takes three quarters of the time: tests, which are run under sanitizers, do without.
tidy()
{
	local checks=''

	[[ $1 != test/* ]] || checks='-clang-analyzer-*'
	clang-tidy --quiet -p "$build" --checks="$checks" "$1"
}

# The build folder of clang, if there is one: its flags are clang's.
check_tidy()
{
	local build=build-clang

	[ -d "$build" ] || build=build
	export build
	export -f tidy
	/usr/bin/python3 - "$build" <<-'PYTHON' |
		import json, os, sys
		units = json.load(open(sys.argv[1] + '/compile_commands.json'))
		paths = {os.path.relpath(os.path.join(unit['directory'], unit['file'])) for unit in units}
		print(*sorted(path for path in paths if not path.startswith('build')), sep='\n')
	PYTHON
		xargs -P "$(nproc)" -I{} bash -c 'tidy {}' 2> >(grep -v 'warnings\? generated' >&2)
}

# Every file names its licence in its first lines; what kernel and driver share, both licences.
check_spdx()
{
	local file want bad=0

	while read -r file; do
		case $file in
		./bpf/*.[ch] | *.bpf.c) want='BSD-3-Clause OR GPL-2.0-only' ;;
		*) want='BSD-3-Clause( OR GPL-2.0-only)?' ;;
		esac
		head -n 3 "$file" | grep -qE "SPDX-License-Identifier: $want( \*/| -->)?\$" || {
			echo "$file: no line \"SPDX-License-Identifier: $want\""
			bad=1
		}
	done < <(files '*.[ch]' '*.sh' '*.bash' '*.supp' rules '*.py' '*.rst' '*.md' '*.ini' '*.yml' '*.service' '*.in' '*.1' meson.build meson_options.txt run '.[a-z]*' MAINTAINERS)
	return "$bad"
}

check_shell()
{
	{ files '*.sh' '*.bash' '*.in'; echo .ci/run; } | xargs shellcheck
}

check_python()
{
	files '*.py' | xargs pyflakes3
}

check_spelling()
{
	files '*' | grep -v -e '^./LICENSES/' -e '^./test/fuzz/corpus/' | xargs codespell -L mis,nd,ot,ser,inout,tha
}

# The rules of the house: files up to 600 lines, functions up to 100.
check_size()
{
	c_sources | xargs awk '
		FNR == 1 { start = 0 }
		FNR == 601 { print FILENAME ": over 600 lines"; bad = 1 }
		/^\{/ { start = FNR }
		/^\}/ && start { if (FNR - start > 100) { print FILENAME ":" start ": function over 100 lines"; bad = 1 }; start = 0 }
		END { exit bad }'
}

# All pages, and every reference in them.
check_docs()
{
	sphinx-build -q -W --keep-going -E -b html doc build/doc
}

case ${1:-} in
--help | -h) usage; exit ;;
--list) echo "$CHECKS"; exit ;;
--fix) c_sources | xargs clang-format -i; exit ;;
esac

failed=0
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $CHECKS
for check; do
	[[ " $CHECKS " = *" $check "* ]] || die "there is no check \"$check\"."
	say "Check: $check"
	"check_$check" || { echo "FAILED: $check"; failed=1; }
done
exit "$failed"
