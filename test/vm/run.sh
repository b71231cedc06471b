#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# run.sh [--quick] [--tests EXPR] [--page] [--ledger FILE] [--jobs N] [--all | --kernel NAME...]
# run.sh --list
#
# Boots kernels of Debian in qemu, on this machine's own root file system, which stays as it is
# below a layer in memory, and runs program and system tests of build folder `build` in them.
# The processor is emulated: what depends on speed is left out by name, and times mean nothing.
# Kernels are got from the package pool by means of apt's own sources, and are kept in
# .deps/kernels; remove a folder there to have what is newest. What comes of a run is in build/vm/NAME.
#
#   --kernel NAME  this kernel; can be given again (oldest and newest)
#   --all          all kernels
#   --list         names the kernels, and tells which are here
#   --quick        fewer tests, a few minutes for each kernel
#   --tests EXPR   of the system tests only these (pytest -k), and no program tests
#   --page         writes the table of doc/kernels.md from the results
#   --ledger FILE  adds the results to FILE, a line each (for devtools/test.sh)
#   --jobs N       so many machines at once (2); each takes 2 GB and a processor

. "$(dirname "$0")/../../devtools/lib.sh"
. "$TOP/test/vm/kernels.sh"

RESULTS=build/vm
# Seconds that a machine may run.
LIMIT=7200

list()
{
	local name version

	for name in $(kernel_names); do
		version=$(cat "$KERNEL_DIR/$name/version" 2> /dev/null) || version='not here yet'
		printf '%-8s %s\n' "$name" "$version"
	done
}

# The modules that init.sh needs for its root, with those that they need, in order.
root_modules()
{
	local module

	for module in virtio_pci 9pnet_virtio 9p overlay; do
		modprobe -d "$1" -S "$2" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# Writes the initial file system of the kernel in folder $1 to file $2.
make_initramfs()
{
	local dir=$1 target=$2 tree=$2.d module name

	mkdir -p "$tree"/{bin,proc,dev,lower,upper,new,modules}
	cp /bin/busybox "$tree/bin"
	cp test/vm/init.sh "$tree/init"
	chmod 755 "$tree/init"
	while read -r module; do
		name=${module##*/}
		name=${name%.xz}
		case $module in
		*.xz) xz -dc "$module" ;;
		*) cat "$module" ;;
		esac > "$tree/modules/$name"
		echo "$name" >> "$tree/modules/order"
	done < <(root_modules "$dir" "$(ls "$dir/lib/modules")")
	(cd "$tree" && find . | busybox cpio -o -H newc) > "$target" 2> /dev/null
	rm -rf "$tree"
}

# Builds the plugin of the system tests, which takes long where the processor is emulated.
build_hook()
{
	PYTHONPATH=test/system PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -c \
		'import hook, shutil, sys; shutil.copy(hook.hook_plugin(), sys.argv[1])' "$RESULTS/hook.so"
}

# Runs kernel $1, with what it shares with us in folder $2. TCG of qemu 7.2 has a wrong cmpxchg16b.
# A second processor would be testpmd's, which polls, and take half of the time.
boot()
{
	local dir=$TOP/$KERNEL_DIR/$1 share=$2 append
	# shellcheck disable=SC2054 # commas are qemu's
	local -a qemu=(qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot
		-accel tcg,thread=single -cpu max,-cx16 -smp 1 -m 2048 -serial "file:$share/console"
		-fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap
		-device virtio-9p-pci,fsdev=root,mount_tag=root
		-fsdev "local,id=results,path=$share,security_model=none"
		-device virtio-9p-pci,fsdev=results,mount_tag=results
		-kernel "$dir/vmlinux" -initrd "$share/initramfs")

	append='console=ttyS0 quiet panic=-1 nokaslr no_timer_check tsc=reliable nowatchdog'
	append="$append random.trust_cpu=on net.ifnames=0 net_tap.top=$TOP net_tap.kernel=$dir"
	timeout -k 5 "$LIMIT" "${qemu[@]}" -append "$append" < /dev/null > "$share/qemu" 2>&1 &
	QEMU=$!
	wait "$QEMU" || true
}

# Runs a kernel from boot to end, in a subshell.
run_kernel()
{
	local name=$1 start=$SECONDS version share=$RESULTS/$1

	version=$(cat "$KERNEL_DIR/$name/version")
	QEMU=
	trap '[ -z "$QEMU" ] || kill "$QEMU" 2> /dev/null' EXIT
	trap 'exit 143' TERM
	rm -rf "$share"
	mkdir "$share"
	printf '%s\n' "${options[@]}" "$name" "$version" > "$share/arguments"
	make_initramfs "$KERNEL_DIR/$name" "$share/initramfs"
	say "Kernel $name: $version starts; tail -F $share/log tells how far it is."
	boot "$name" "$TOP/$share"
	QEMU=
	rm "$share/initramfs" "$share/arguments"
	say "Kernel $name: ended after $((SECONDS - start)) s."
}

# Ends what runs, and waits for it.
stop()
{
	local -a running

	trap - EXIT
	rm -rf "$KERNEL_DIR"/*.new
	mapfile -t running < <(jobs -rp)
	[ ${#running[@]} -eq 0 ] || kill "${running[@]}" 2> /dev/null || true
	wait
	give_back
}

options=()
table=(/usr/bin/python3 test/vm/table.py)
jobs=2
names=
while [ $# -gt 0 ]; do
	case $1 in
	--all) names=$(kernel_names) ;;
	--kernel)
		kernel_names | grep -qxF -- "${2:-}" || die "--kernel wants one of: $(kernel_names | xargs)"
		names="$names $2"
		shift
		;;
	--quick) options+=(--quick); LIMIT=1800 ;;
	--page) table+=(--page doc/kernels.md) ;;
	--tests)
		[ -n "${2:-}" ] || die '--tests wants an expression'
		options+=(--tests "$2")
		shift
		;;
	--ledger)
		[ -n "${2:-}" ] || die '--ledger wants a file'
		table+=(--ledger "$2")
		shift
		;;
	--jobs)
		[[ ${2:-} =~ ^[1-9][0-9]?$ ]] || die '--jobs wants a number from 1 to 99'
		jobs=$2
		shift
		;;
	--list) list; exit ;;
	--help | -h) usage; exit ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done
names=${names:-$(kernel_names | sed -n '1p;$p')}

need_root 'root of the virtual machine is the root file system, all of it.'
[ "$(uname -m)" = x86_64 ] || die 'the kernels are for x86_64.'
[ -f build/build.ninja ] || die 'build first.'
mkdir -p "$RESULTS"

trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
build_hook
for name in $names; do
	get_kernel "$name"
done
for name in $names; do
	[ "$(jobs -rp | wc -l)" -lt "$jobs" ] || wait -n || true
	run_kernel "$name" &
done
wait
# shellcheck disable=SC2086 # a list of words
mapfile -t files < <(printf "$RESULTS/%s/results.jsonl\n" $names)
"${table[@]}" "${files[@]}"
