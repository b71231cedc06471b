# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# Kernels out of Debian's package pool. Source devtools/lib.sh first.

# Name and suite of each, from old to new. `newest` is what the suite has, whatever its version.
KERNELS='5.10:bullseye 6.1:bookworm 6.12:trixie newest:sid'
KERNEL_DIR=.deps/kernels
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

kernel_names()
{
	local pair

	for pair in $KERNELS; do
		echo "${pair%:*}"
	done
}

# Repository, suite and component of Debian's packages as the machine has them.
debian_targets()
{
	# shellcheck disable=SC2016 # the names are apt's
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
		grep -E " $VERSION_CODENAME(-security|-updates)? " | sort -u
}

# The same repositories as sources of another suite, $1. Only main has kernels.
suite_sources()
{
	local targets

	. /etc/os-release
	targets=$(debian_targets) || { apt-get update -q >&2; targets=$(debian_targets); } ||
		die "apt has no lists of $VERSION_CODENAME, from which to tell where the pool is: see to apt-get update."
	awk -v keys="$KEYRING" -v from="$VERSION_CODENAME" -v to="$1" '$3 == "main" {
		sub("^" from, to, $2)
		print "deb [signed-by=" keys "]", $1, $2, $3
	}' <<< "$targets"
}

# apt with the sources of a suite, in folder $1; what the machine has installed does not count.
suite_apt()
{
	local dir=$1 command=$2

	shift 2
	private_apt "$dir" "$command" -o Dir::State::status=/dev/null "$@"
}

# The packages of a suite's kernel: one, or more where image, binary, modules are apart.
kernel_packages()
{
	suite_apt "$1" apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts \
		--no-breaks --no-replaces --no-enhances linux-image-amd64 |
		grep -xE 'linux-(base|binary|image|modules)-[0-9].*[0-9]-amd64' | sort -u || true
}

# Drivers of hardware that no virtual machine has.
drop_hardware()
{
	find "$1"/kernel/sound "$1"/kernel/drivers/net/{ethernet,wireless} "$1"/kernel/drivers \
		-maxdepth 1 -mindepth 1 ! -path '*/drivers/net' ! -path '*/drivers/v*' -exec rm -rf {} +
}

# Lays kernel $1 of suite $2 into folder $3: modules, vmlinux, and `version`, that of the package.
unpack_kernel()
{
	local name=$1 suite=$2 dir=$3 packages package release

	make_private_apt "$dir/apt"
	suite_sources "$suite" > "$dir/apt/sources.list"
	suite_apt "$dir/apt" apt-get update > "$dir/apt/log" 2>&1 || true	# not all suites have updates
	packages=$(kernel_packages "$dir/apt")
	[ -n "$packages" ] || { cat "$dir/apt/log"; die "kernel $name: Debian's pool has no linux-image-amd64 of $suite (any more)."; }
	# shellcheck disable=SC2086 # a list of words
	say "Kernel $name: getting" $packages
	# shellcheck disable=SC2086
	(cd "$dir/apt" && suite_apt "$dir/apt" apt-get download $packages) ||
		die "kernel $name: these packages of $suite cannot be had from Debian's pool (any more)."
	for package in "$dir"/apt/*.deb; do
		dpkg-deb -x "$package" "$dir"
	done
	dpkg-deb -f "$package" Version > "$dir/version"
	[ -d "$dir/lib" ] || ln -s usr/lib "$dir/lib"
	release=$(ls "$dir/lib/modules")
	[ "$name" = newest ] || [[ $release = "$name."* ]] ||
		die "kernel $name: what Debian has in $suite by now is $release."
	/usr/bin/python3 test/vm/vmlinux.py "$(find "$dir" -type f -name 'vmlinuz*')" "$dir/vmlinux"
	drop_hardware "$dir/lib/modules/$release"
	depmod -b "$dir" "$release"
	rm -rf "${dir:?}"/{apt,boot,usr/share}
}

# Has kernel $1 in $KERNEL_DIR/$1.
get_kernel()
{
	local name=$1 dir=$KERNEL_DIR/$1 suite

	[ ! -f "$dir/vmlinux" ] || return 0
	suite=$(grep -oE "(^| )$name:[a-z]+" <<< "$KERNELS" | cut -d: -f2)
	rm -rf "$dir.new"
	mkdir -p "$dir.new"
	unpack_kernel "$name" "$suite" "$dir.new"
	mv "$dir.new" "$dir"
}
