# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
# shellcheck shell=bash
# bash completion of dpdk-tap-rss

_dpdk_tap_rss() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} words='' dev

	if [ "$COMP_CWORD" -eq 1 ]; then
		words='show watch verify suggest doctor export load unload serve --help'
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi
	case $prev in
	--proto) words='tcp udp sctp' ;;
	--algorithm) words='toeplitz xor symmetric symmetric-sort' ;;
	--types) words='ip tcp udp sctp all' ;;
	--file-prefix) words=$(cd /var/run/dpdk 2>/dev/null && echo *) ;;
	--user | --allow)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	--pin | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--mode | --src | --dst | --sport | --dport | --expect | --key | --queues | --reta | --interval | --count | --seconds)
		return
		;;
	*)
		words='--json --file-prefix --help'
		case $command in
		show) words+=' --table' ;;
		watch) words+=' --interval --count' ;;
		verify)
			words+=' --src --dst --proto --sport --dport --expect'
			words+=' --key --queues --reta --types --algorithm'
			;;
		suggest) words+=' --seconds --apply' ;;
		load) words+=' --pin --user --mode --tap --queues' ;;
		unload) words+=' --pin --tap' ;;
		serve) words+=' --socket --allow --mode' ;;
		esac
		# Netdevs that are taps; in other namespaces they are not seen.
		if [ "$command" != doctor ] && [[ $cur != -* ]]; then
			words=''
			for dev in /sys/class/net/*/tun_flags; do
				[ -e "$dev" ] || continue
				dev=${dev%/tun_flags}
				words+=" ${dev##*/}"
			done
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _dpdk_tap_rss dpdk-tap-rss
