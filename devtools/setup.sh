#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# setup.sh [--bench | --test]
#
# Installs the Debian packages that are missing to build and run net_tap, and puts the source
# of the installed DPDK, whose driver-internal headers are needed, into .deps/dpdk.
# With --bench also what devtools/bench.sh needs, with --test also what devtools/test.sh needs.
# Root is needed only if a package is missing.
# Can be repeated: what is there is left alone.

. "$(dirname "$0")/lib.sh"

BUILD_PACKAGES='bpftool clang dpkg-dev gcc libbpf-dev libc6-dev libdpdk-dev libjansson-dev libmnl-dev
	libncurses-dev meson ninja-build pkg-config python3 python3-pyelftools xz-utils'
RUN_PACKAGES='dpdk-dev iproute2 python3-scapy'
TEST_PACKAGES='busybox-static clang-format clang-tidy codespell cppcheck debhelper ethtool gcovr kmod libclang-rt-dev lintian
	lz4 procps pyflakes3 python3-myst-parser python3-pytest python3-sphinx qemu-system-x86 shellcheck systemd tcpdump valgrind zstd'
BENCH_PACKAGES='iperf3 python3-matplotlib'

SOURCE=.deps/dpdk
STAMP=$SOURCE/.debian-version
PRIVATE=.deps/apt

missing_packages()
{
	local package

	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
			grep -qx installed || echo "$package"
	done
}

# Without lists, or with outdated ones, apt-get fails: then get them, and try once more.
install_packages()
{
	local -a install=(apt-get install -y -q --no-install-recommends "$@")

	export DEBIAN_FRONTEND=noninteractive
	"${install[@]}" || { apt-get update -q && "${install[@]}"; }
}

set_up_packages()
{
	local missing

	# shellcheck disable=SC2086 # lists of words
	missing=$(missing_packages $1 | xargs)
	if [ -z "$missing" ]; then
		say "Packages: all installed."
		return
	fi
	say "Packages: installing $missing"
	need_root "packages have to be installed ($missing)."
	# shellcheck disable=SC2086
	install_packages $missing
}

# The machine's package sources in the one-line form, as sources of source packages.
source_lines()
{
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
		sed -n -E 's/^[[:space:]]*deb(-src)?[[:space:]]+/deb-src /p' | sort -u || true
}

# The same in the deb822 form; $1 is a file of it.
source_stanzas()
{
	sed -E 's/^Types:.*/Types: deb-src/I' "$1"
}

write_private_sources()
{
	local file

	make_private_apt "$PRIVATE"
	source_lines > "$PRIVATE/sources.list"
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -f "$file" ] || continue
		source_stanzas "$file" > "$PRIVATE/parts/${file##*/}"
	done
}

# Unpacks Debian's source of DPDK, version $1, with Debian's patches, into $SOURCE.
fetch_source()
{
	local version=$1 upstream=${1#*:}
	local dsc="$PRIVATE/dpdk_$upstream.dsc"

	rm -rf "$PRIVATE" "$SOURCE.new"
	write_private_sources
	private_apt "$PRIVATE" apt-get update || say "Some package lists could not be had; trying with the others."
	(cd "$PRIVATE" && private_apt "$PRIVATE" apt-get source --download-only "dpdk=$version") ||
		die "the source package dpdk $version could not be had. If a newer version has taken" \
			"its place, upgrade libdpdk-dev; or unpack DPDK yourself and give -Ddpdk_source= to meson."
	dpkg-source --no-copy -x "$dsc" "$SOURCE.new"
	[ "$(cat "$SOURCE.new/VERSION")" = "${upstream%-*}" ] ||
		die "the unpacked source says version $(cat "$SOURCE.new/VERSION"), expected ${upstream%-*}."
	echo "$version" > "$SOURCE.new/${STAMP##*/}"
	rm -rf "$SOURCE" "$PRIVATE"
	mv "$SOURCE.new" "$SOURCE"
}

set_up_source()
{
	local version

	version=$(dpkg-query -W -f '${source:Version}' libdpdk-dev)
	if [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$version" ]; then
		say "DPDK source: $SOURCE has version $version."
		return
	fi
	say "DPDK source: getting the source package dpdk $version into $SOURCE"
	fetch_source "$version"
	say "DPDK source: done."
}

packages="$BUILD_PACKAGES $RUN_PACKAGES"
case ${1:-} in
'') ;;
--bench) packages="$packages $BENCH_PACKAGES" ;;
--test) packages="$packages $TEST_PACKAGES $BENCH_PACKAGES" ;;
--help | -h) usage; exit ;;
*) usage >&2; exit 2 ;;
esac

[ -x /usr/bin/dpkg-query ] || die "needs a Debian system. Elsewhere install the packages named in this file."
set_up_packages "$packages"
set_up_source
give_back
