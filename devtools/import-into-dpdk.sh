#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# import-into-dpdk.sh DPDK_SRC
#
# Lays the driver, its BPF programs, its autotest and its guide over a DPDK source tree
# (22.11 or later), in place of DPDK's own net/tap. Can be repeated; what is up to date is
# not written again. Touches nothing but what it names.

. "$(dirname "$0")/lib.sh"

# Writes standard input to file $1 of the tree, unless it says that already.
write_file()
{
	local file=$DPDK/$1 new

	new=$(mktemp)
	cat > "$new"
	if ! cmp -s "$new" "$file"; then
		mkdir -p "$(dirname "$file")"
		cat "$new" > "$file"
		echo "written: $1"
		written=$((written + 1))
	fi
	rm "$new"
}

# Copies file $1 of the project to $2 of the tree.
copy_file()
{
	write_file "$2" < "$1"
}

# Makes folder $1 of the tree hold exactly the files that follow, and the folders named in KEEP.
replace_folder()
{
	local folder=$1 file entry

	shift
	for entry in "$DPDK/$folder"/* "$DPDK/$folder"/.[!.]*; do
		[ -e "$entry" ] || continue
		for file in "$@" ${KEEP:-}; do
			[ "${file##*/}" != "${entry##*/}" ] || continue 2
		done
		rm -r "$entry"
		echo "removed: ${entry#"$DPDK"/}"
	done
	for file in "$@"; do
		copy_file "$file" "$folder/${file##*/}"
	done
}

# Adds the autotest where app/test/meson.build has a table of sources with what they depend on
# (since 23.11): each of them before the first name that sorts behind it.
register_in_table()
{
	local list=$1 file

	shift
	for file in "${@##*/}"; do
		awk -v name="$file" '
			index($0, "\047" name "\047") { next }
			/^source_file_deps = \{/ { inside = 1 }
			inside && !done && (/^\}/ || (match($0, /\047test_[a-z0-9_]+\.c\047/) &&
					substr($0, RSTART + 1, RLENGTH - 2) > name)) {
				print "    \047" name "\047: [\047bus_vdev\047, \047ethdev\047, \047hash\047, \047net\047, \047net_tap\047],"
				done = 1
			}
			{ print }' "$list" > "$list.new"
		cat "$list.new" > "$list"
		rm "$list.new"
	done
}

# The same for the lists of 22.11, as a block ahead of the one for net_null.
register_in_lists()
{
	local list=$1

	shift
	awk -v names="${*##*/}" '
		/^if dpdk_conf.has\(\047RTE_NET_TAP\047\)/ { skip = 1 }
		/^if dpdk_conf.has\(\047RTE_NET_NULL\047\)/ {
			n = split(names, name, " ")
			print "if dpdk_conf.has(\047RTE_NET_TAP\047)"
			print "    test_deps += \047net_tap\047"
			for (i = 1; i <= n; i++)
				print "    test_sources += \047" name[i] "\047"
			print "    driver_test_names += \047tap_rss_autotest\047"
			print "endif"
		}
		!skip { print }
		/^endif/ { skip = 0 }' "$list" > "$list.new"
	cat "$list.new" > "$list"
	rm "$list.new"
}

# Registers the autotest's sources, given as arguments.
register_autotest()
{
	local list=app/test/meson.build edited register=register_in_lists

	edited=$(mktemp)
	cat "$DPDK/$list" > "$edited"
	! grep -q '^source_file_deps = {' "$edited" || register=register_in_table
	"$register" "$edited" "$@"
	grep -q test_tap_rss.c "$edited" ||
		die "$DPDK/$list has a form that this script does not know: register test_tap_rss.c by hand."
	copy_file "$edited" "$list"
	rm "$edited"
}

case ${1:-} in
--help | -h) usage; exit ;;
esac
[ $# -eq 1 ] || { usage >&2; exit 2; }
DPDK=$(cd "$OLDPWD" && cd "$1" && pwd) || die "$1: no such folder."
for file in VERSION app/test/meson.build drivers/net/meson.build lib/ethdev/ethdev_driver.h; do
	[ -f "$DPDK/$file" ] || die "$DPDK is not a DPDK source tree: it has no $file."
done

written=0
KEEP=bpf replace_folder drivers/net/tap drivers/net/tap/*.[ch] drivers/net/tap/meson.build
replace_folder drivers/net/tap/bpf bpf/*.[ch] bpf/meson.build
for file in test/dpdk/test_tap_rss*.[ch]; do
	copy_file "$file" "app/test/${file##*/}"
done
register_autotest test/dpdk/test_tap_rss*.c
for file in doc/guides/nics/tap.rst doc/guides/nics/features/tap.ini; do
	copy_file "$file" "$file"
done
say "net_tap is in $DPDK (DPDK $(cat "$DPDK/VERSION")), $written files written."
