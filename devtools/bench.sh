#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# bench.sh [--quick] [--only LIST] [--tests LIST] [--rounds N] [--seconds N] [--json FILE] [--page DIR]
#
# The benchmark, from a fresh Debian on: installs what is missing, builds, and measures this driver
# beside the one that comes with DPDK and beside what bare system calls reach. Writes all figures
# as JSON, and a page of tables and plots, benchmarks.md. About a quarter of an hour; keep the machine
# quiet. Memory is of huge pages if there are any (sysctl vm.nr_hugepages=1024); the page tells.
#
#   --quick      few rounds, and short ones: minutes; to see whether all works, not for figures
#   --only LIST  parts, of: forward (testpmd and iperf3 between two namespaces), and the sections
#                of dpdk-tap-bench (see its --help); all if not given
#   --tests LIST tests of forward, of: tcp,tcp-reverse,udp,tcp4; all if not given
#   --rounds N   rounds of forward (5, quick: 2)
#   --seconds N  of each of its tests (3, quick: 1)
#   --json FILE  where the figures go (build/benchmarks.json)
#   --page DIR   where the page goes: DIR/benchmarks.md, with its plots in DIR/benchmarks/
#                (doc; build if --quick, --only or --tests is given: only a whole run is for doc)
#
# Can be repeated. Needs root and two cores.

. "$(dirname "$0")/lib.sh"

for word in "$@"; do
	case $word in
	--help | -h) usage; exit ;;
	esac
done

need_root 'the benchmark makes network namespaces and loads BPF programs.'

BUILD=build

devtools/setup.sh --bench
say "Building in $BUILD"
trap 'remove_plugin_copy; give_back' EXIT
if [ ! -f $BUILD/build.ninja ]; then
	meson setup $BUILD
fi
ninja -C $BUILD
loadable_plugin $BUILD
TAP_PLUGIN=$PLUGIN /usr/bin/python3 devtools/bench/run.py "$@"
