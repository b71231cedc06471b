#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# demo.sh [--flows N] [--queues N] [--seed N] [--csv FILE]
#
# Shows what this driver does, from a fresh Debian on: installs what is missing, builds, starts
# the distribution's own dpdk-testpmd with the plugin in a network namespace, sends some thousand
# real flows (IPv4 and IPv6; TCP, UDP, SCTP, ICMP, ESP, fragments) into its port from sockets of
# the kernel, and compares the queue and the RSS hash of every packet with an independent
# prediction. Then the same without BPF (rss=soft). Ends with 0 only if nothing differs.
#
#   --flows N    number of flows (4000)
#   --queues N   receive queues (4)
#   --seed N     of the random ports (1)
#   --csv FILE   where all flows go, predicted and actual (build/demo-flows.csv)
#
# Can be repeated; leaves nothing behind but the build folder. Needs root.

. "$(dirname "$0")/lib.sh"

for word in "$@"; do
	case $word in
	--help | -h) usage; exit ;;
	esac
done

need_root 'the demonstration makes network namespaces and loads BPF programs.'

BUILD=build

devtools/setup.sh
say "Building in $BUILD"
trap 'remove_plugin_copy; give_back' EXIT
if [ ! -f $BUILD/build.ninja ]; then
	meson setup $BUILD
fi
ninja -C $BUILD
loadable_plugin $BUILD
TAP_PLUGIN=$PLUGIN /usr/bin/python3 devtools/demo.py "$@"
