#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# The first program in the virtual machine: makes a root of the host's, which stays as it is
# below a layer in memory, and goes on with guest.sh there. From the command line it has
# net_tap.top, the folder of the project, and net_tap.kernel, that of the kernel.

bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t devtmpfs dev /dev

end()
{
	echo "init.sh: $*"
	$bb poweroff -f
}

while read -r module; do
	$bb insmod "/modules/$module" || end "$module does not load"
done < /modules/order
for word in $($bb cat /proc/cmdline); do
	case $word in
	net_tap.top=*) top=${word#*=} ;;
	net_tap.kernel=*) kernel=${word#*=} ;;
	esac
done

options=trans=virtio,version=9p2000.L,msize=262144
$bb mount -t 9p -o "$options,cache=loose,ro" root /lower || end 'no root'
$bb mount -t tmpfs -o size=75% upper /upper
$bb mkdir /upper/data /upper/work
$bb mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work overlay /new || end 'no overlay'
# EAL takes no plugin from a folder that anybody may write to.
$bb mount -t tmpfs -o mode=755 run /new/run
$bb mkdir /new/run/results
$bb mount -t 9p -o "$options,cache=none" results /new/run/results || end 'no results'
$bb mkdir -p /new/usr/lib/modules
$bb mount --bind "/lower$kernel/lib/modules" /new/usr/lib/modules || end 'no modules'
for dir in proc dev; do
	$bb mount --move "/$dir" "/new/$dir"
done
exec $bb switch_root /new /bin/bash "$top/test/vm/guest.sh"
