#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
#
# test-package.sh
#
# Builds the Debian packages without a network, lets lintian look at them, installs them with
# dpkg in a throw-away copy of this machine's root, and sees that testpmd without -d has our
# driver, and DPDK's own again when the package is removed. Needs root.

. "$(dirname "$0")/lib.sh"

case ${1:-} in
--help | -h) usage; exit ;;
esac
need_root 'the packages are installed in a mount namespace.'

OUT=$TOP/build-package
STOCK=$(echo /usr/lib/*/dpdk/pmds-*/librte_net_tap.so.*.*)

# Of a copy, so that nothing of the build is left in the source.
build_packages()
{
	rm -rf "$OUT"
	mkdir -p "$OUT/source"
	tar cf - --exclude=./.git --exclude=./.deps --exclude='./build*' --exclude=__pycache__ \
		--exclude='./obj-*' . | tar xf - -C "$OUT/source"
	ln -s "$TOP/.deps" "$OUT/source/.deps"
	(cd "$OUT/source" && DEB_BUILD_OPTIONS="noautodbgsym parallel=$(nproc)" \
		unshare --net dpkg-buildpackage -us -uc -b) > "$OUT/log" 2>&1 || { tail -n 50 "$OUT/log"; return 1; }
}

# What testpmd says about a port, if nobody names a driver file.
port_log()
{
	chroot "$OUT/root" dpdk-testpmd -l 0,1 --no-huge -m 128 --no-pci --file-prefix package \
		--vdev net_tap0,iface=package0 -- --total-num-mbufs=4096 --rxq=2 --txq=2 --no-mlockall \
		< /dev/null 2>&1 || true
}

# In namespaces of its own: an overlay of the root, whose changes end with them.
in_root()
{
	local name

	mkdir -p "$OUT/root" "$OUT/changes"
	mount -t tmpfs changes "$OUT/changes"
	mkdir "$OUT/changes/upper" "$OUT/changes/work"
	mount -t overlay -o "lowerdir=/,upperdir=$OUT/changes/upper,workdir=$OUT/changes/work" \
		overlay "$OUT/root"
	for name in dev proc sys; do
		mount --rbind "/$name" "$OUT/root/$name"
	done
	mount -t tmpfs run "$OUT/root/run"
	mkdir "$OUT/root/packages"
	cp "$OUT"/*.deb "$OUT/root/packages"
	chroot "$OUT/root" sh -c 'dpkg -i /packages/*.deb'
	port_log > "$OUT/installed.log"
	grep 'NET_TAP: .*RSS runs' "$OUT/installed.log" || { cat "$OUT/installed.log"; die "the installed driver is not ours."; }
	chroot "$OUT/root" dpdk-tap-rss --help | grep -q '^Usage'
	chroot "$OUT/root" systemd-analyze --man=no verify /lib/systemd/system/dpdk-tap-rss.service
	for name in man/man1/dpdk-tap-rss.1.gz man/man1/dpdk-tap-bench.1.gz \
		bash-completion/completions/dpdk-tap-rss doc/dpdk-net-tap/html/index.html; do
		grep -q "/usr/share/$name\$" "$OUT/contents" || die "no package has /usr/share/$name."
	done
	chroot "$OUT/root" dpkg -r dpdk-net-tap
	cmp "$STOCK" "$OUT/root/$STOCK"
	port_log > "$OUT/removed.log"
	grep -q 'Port 0: ' "$OUT/removed.log" || { cat "$OUT/removed.log"; die "DPDK's own driver does not work any more."; }
	! grep 'RSS runs' "$OUT/removed.log" || die "our driver is still there."
}

if [ "${1:-}" = --in-root ]; then
	in_root
	exit
fi
build_packages
for package in "$OUT"/*.deb; do
	dpkg-deb -c "$package"
done > "$OUT/contents"
lintian --fail-on error "$OUT"/*.changes
unshare --mount --net --propagation private "$0" --in-root
say "The packages are in $OUT."
