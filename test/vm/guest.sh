#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# Runs within the virtual machine, as its first process: mounts what is missing, runs guest.py
# with the arguments in /run/results/arguments, and ends the machine.

export HOME=/root LC_ALL=C.UTF-8 TERM=dumb
. "$(dirname "$0")/../../devtools/lib.sh"
mount -t sysfs sysfs /sys
mount -t bpf bpf /sys/fs/bpf
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
modprobe tun
ip link set lo up
hostname vm
ulimit -n 65536 -l unlimited
mkdir /run/plugins
cp build/drivers/librte_net_tap.so build/vm/hook.so /run/plugins
export TAP_PLUGIN=/run/plugins/librte_net_tap.so TAP_TEST_HOOK=/run/plugins/hook.so TAP_TEST_REQUIRE_BPF=1
mapfile -t arguments < /run/results/arguments
setsid -w /usr/bin/python3 test/vm/guest.py "${arguments[@]}" < /dev/null >> /run/results/log 2>&1 || true
sync
echo o > /proc/sysrq-trigger
sleep 60
