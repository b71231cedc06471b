# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# What the scripts of this folder share. Source it first: it sets TOP, the folder of the
# project, and goes there.

set -eu -o pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$TOP"

# Python modules (pyelftools, scapy) are Debian packages: they belong to /usr/bin/python3.
export PATH="/usr/bin:/usr/sbin:$PATH"

say()
{
	printf '==> %s\n' "$*"
}

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# The comment block at the head of the calling script, as its help.
usage()
{
	awk 'NR > 1 && !/^#/ { exit } /^# (SPDX|Copyright)/ || NR == 1 { next } { sub(/^# ?/, ""); print }' "$0"
}

need_root()
{
	[ "$(id -u)" -eq 0 ] || die "has to run as root: $*"
}

# Gives what a sudo run has built back to the user, whose next ninja would fail otherwise.
give_back()
{
	local path

	[ -n "${SUDO_UID:-}" ] || return 0
	for path in build* .deps doc/benchmarks* doc/kernels.md; do
		[ ! -e "$path" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$path"
	done
}

# Configures build folder $1 with the meson options that follow, anew or again.
configure()
{
	local build=$1

	shift
	if [ -f "$build/build.ninja" ]; then
		meson setup --reconfigure "$build" "$@"
	else
		meson setup "$build" "$@"
	fi
}

# Whether anybody may write to folder $1 or one above it: EAL takes no plugin from such a place.
world_writable()
{
	local folder=$1

	until [ "$folder" = / ]; do
		[ -z "$(find "$folder" -maxdepth 0 -perm -o+w)" ] || return 0
		folder=$(dirname "$folder")
	done
	return 1
}

# Sets PLUGIN to the plugin of build folder $1: itself, or a copy where EAL would refuse it.
# Whoever calls this calls remove_plugin_copy at its end.
loadable_plugin()
{
	PLUGIN=$TOP/$1/drivers/librte_net_tap.so
	[ -f "$PLUGIN" ] || die "$PLUGIN is missing; build first."
	world_writable "${PLUGIN%/*}" || return 0
	PLUGIN_COPY=$(mktemp -d /run/net_tap.XXXXXX)
	chmod 755 "$PLUGIN_COPY"
	cp "$PLUGIN" "$PLUGIN_COPY"
	PLUGIN=$PLUGIN_COPY/${PLUGIN##*/}
}

remove_plugin_copy()
{
	[ -z "${PLUGIN_COPY:-}" ] || rm -rf "$PLUGIN_COPY"
}

# A folder for private_apt. Package sources go into $1/sources.list and $1/parts.
make_private_apt()
{
	mkdir -p "$1"/{parts,lists/partial,cache/archives/partial}
}

# Runs an apt command ($2 and more) with lists, cache and package sources of its own, in folder
# $1 of the project: the machine's stay as they are.
private_apt()
{
	local dir=$TOP/$1 command=$2

	shift 2
	"$command" -q -o APT::Sandbox::User=root \
		-o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts="$dir/parts" \
		-o Dir::State::lists="$dir/lists" -o Dir::Cache="$dir/cache" \
		-o Dir::Cache::archives="$dir/cache/archives" \
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}
