#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# machine.sh FOLDER PLUGIN CLI
#
# The first process of namespaces of its own: puts a layer in memory over this machine's root, with
# the driver, dpdk-tap-rss and its unit where their packages have them, and becomes systemd there.

set -e
root=$1/root
mkdir "$1/layer" "$root"
mount -t tmpfs layer "$1/layer"
mkdir "$1/layer/upper" "$1/layer/work"
mount -t overlay -o "lowerdir=/,upperdir=$1/layer/upper,workdir=$1/layer/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs tmp "$root/tmp"
mount -t tmpfs -o mode=755 dev "$root/dev"
mkdir -p "$root/dev/net" "$root/dev/shm" "$root/opt/net_tap"
for device in null zero full random urandom tty net/tun; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
install -m 644 "$2" "$root/opt/net_tap/librte_net_tap.so"
install -m 755 "$3" "$root/usr/bin/dpdk-tap-rss"
install -m 644 "$(dirname "$0")/../../app/tap-rss/dpdk-tap-rss.service" "$root/lib/systemd/system"
# It may change nothing but this layer.
mount -o bind,ro "$root/proc/sys" "$root/proc/sys"
exec setpriv --bounding-set=-sys_module,-sys_time env -i container=net_tap PATH="$PATH" \
	chroot "$root" /lib/systemd/systemd --system --unit=sysinit.target
