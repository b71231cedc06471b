#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Fuzzes the classifier for some seconds, from the table of cases on.
# usage: run_fuzz.sh FUZZER SEEDS-PROGRAM SECONDS [FOLDER]
# What libFuzzer finds is kept in FOLDER, if that is given, and then is where it starts from, too.
set -eu

fuzzer=$1
seeds=$2
seconds=$3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/seeds" "$work/found"
"$seeds" "$work/seeds"

# An input that fails is left where the test was started, and printed as base64 if it is short.
"$fuzzer" -max_total_time="$seconds" -max_len=700 -timeout=10 -print_final_stats=1 \
	"${4:-$work/found}" "$work/seeds"
