#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# fuzz.sh [--seconds N | --long | --merge] [TARGET...]
#
# Builds the fuzz targets of test/fuzz with clang, libFuzzer, AddressSanitizer and
# UndefinedBehaviorSanitizer, and runs all of them or the named ones for 30 or N seconds each,
# from the corpus in test/fuzz/corpus on; --long for 10 minutes each. As many run at a time as
# there are processors. Prints the executions of each and of all. What fails a target is kept as
# build-fuzz/found/TARGET-*, what it has learnt in build-fuzz/corpus/TARGET.
# --merge puts what was learnt into test/fuzz/corpus, as few inputs as reach the same code.

. "$(dirname "$0")/lib.sh"

BUILD="build-fuzz"
CORPUS=test/fuzz/corpus
MAX_LEN=1024
seconds=30
merge=false

case ${1:-} in
--help | -h) usage; exit ;;
--seconds) seconds=${2:?a number of seconds}; shift 2 ;;
--long) seconds=600; shift ;;
--merge) merge=true; shift ;;
--*) usage >&2; exit 2 ;;
esac

# Comparisons are not traced, which would halve the speed: the corpus knows the magic numbers.
build()
{
	local flags='-fsanitize-coverage=inline-8bit-counters,pc-table -fno-sanitize-recover=all'

	CC=clang configure "$BUILD" -Dfuzz=true -Doptimization=2 -Db_sanitize=address,undefined \
		-Db_lundef=false "-Dc_args=$flags" > "$BUILD.log" 2>&1 || { cat "$BUILD.log"; return 1; }
	rm "$BUILD.log"
	ninja -C "$BUILD" fuzz > "$BUILD/ninja.log" || { cat "$BUILD/ninja.log"; return 1; }
}

# The folders that target $1 starts from.
seeds()
{
	echo "$CORPUS/$1"
	[ "$1" != classifier ] || echo "$BUILD/seeds"
}

run_target()
{
	local target=$1 log=$BUILD/logs/$1 status=0 line

	# shellcheck disable=SC2046 # a list of folders without spaces
	"$BUILD/test/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=$MAX_LEN -timeout=20 \
		-rss_limit_mb=3000 -print_final_stats=1 -artifact_prefix="$BUILD/found/$target-" \
		"$BUILD/corpus/$target" $(seeds "$target") > "$log" 2>&1 || status=$?
	line=$(awk '/stat::number_of_executed_units/ { print $2 }' "$log")
	if [ "$status" -ne 0 ]; then
		grep -m 1 -A 40 -E 'ERROR: |runtime error|does not hold' "$log" || tail -n 60 "$log"
		echo "$target failed" >> "$BUILD/logs/results"
	fi
	printf '%-12s %12d executions%s\n' "$target" "${line:-0}" \
		"$([ "$status" -eq 0 ] || echo ', FAILED')" | tee -a "$BUILD/logs/table"
}

# As few inputs as reach what the old ones and the new ones do. Names that are not libFuzzer's
# are of inputs that failed once: they stay.
merge_target()
{
	local target=$1 new

	new=$(mktemp -d)
	# shellcheck disable=SC2046
	"$BUILD/test/fuzz/fuzz_$target" -merge=1 -use_counters=0 -max_len=$MAX_LEN -rss_limit_mb=3000 "$new" \
		$(seeds "$target" | tac) "$BUILD/corpus/$target" > "$BUILD/logs/$target" 2>&1 ||
		{ tail -n 60 "$BUILD/logs/$target"; rm -rf "$new"; return 1; }
	find "$CORPUS/$target" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' -delete
	cp "$new"/* "$CORPUS/$target"
	rm -rf "$new"
	say "$target: $(find "$CORPUS/$target" -type f | wc -l) inputs"
}

say 'Building the fuzz targets ...'
build
mapfile -t all < <(find "$CORPUS" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort)
[ $# -gt 0 ] || set -- "${all[@]}"
rm -rf "$BUILD/logs"
mkdir -p "$BUILD/logs" "$BUILD/found" "$BUILD/seeds"
for target; do
	[ -x "$BUILD/test/fuzz/fuzz_$target" ] ||
		die "there is no target \"$target\"; there are: ${all[*]}."
	mkdir -p "$BUILD/corpus/$target" "$CORPUS/$target"
done
"$BUILD/test/fuzz/fuzz_seeds" "$BUILD/seeds" > /dev/null
if $merge; then
	for target; do
		merge_target "$target"
	done
	exit
fi

say "$# targets, $seconds s each ..."
export -f run_target seeds
export BUILD CORPUS MAX_LEN seconds
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'run_target {}'
awk '{ sum += $2 } END { printf "%-12s %12d executions\n", "total", sum }' "$BUILD/logs/table"
give_back
[ ! -e "$BUILD/logs/results" ] || die "found something: $(xargs < "$BUILD/logs/results"), see $BUILD/found."
