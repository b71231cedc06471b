/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/** @file Fuzz target: device arguments. The input is the text. */

#include <ctype.h>
#include <errno.h>

#include "fuzz.h"
#include "tap_args.h"
#include "tap_policy_abi.h"

#define ENDS(text) (memchr(text, '\0', sizeof(text)) != NULL)

static void
check_netdev(const char *name)
{
	const char *c;

	FUZZ_CHECK(strcmp(name, ".") != 0 && strcmp(name, "..") != 0, "%s", name);
	for (c = name; *c != '\0'; c++)
		FUZZ_CHECK(!isspace((unsigned char)*c) && strchr("/:%", *c) == NULL, "%s", name);
}

static void
check_args(const struct tap_args *args, bool l3)
{
	FUZZ_CHECK(ENDS(args->iface) && ENDS(args->remote), "a name without end");
	FUZZ_CHECK(ENDS(args->bpf_pin) && ENDS(args->rss_fds), "a path without end");
	FUZZ_CHECK(args->iface[0] != '\0', "no name");
	if (strcmp(args->iface, l3 ? "dtun%d" : "dtap%d") != 0)
		check_netdev(args->iface);
	check_netdev(args->remote);
	FUZZ_CHECK(args->bpf_pin[0] == '\0' || args->bpf_pin[0] == '/', "%s", args->bpf_pin);
	FUZZ_CHECK(args->rss_fds[0] == '\0' || args->rss_fds[0] == '/', "%s", args->rss_fds);
	FUZZ_CHECK(args->bpf_pin[0] == '\0' || args->rss_fds[0] == '\0', "both");
	FUZZ_CHECK(args->rss <= TAP_RSS_SOFT, "%d", (int)args->rss);
	FUZZ_CHECK(args->rss_algo < TAP_ALGO_COUNT, "%u", args->rss_algo);
	FUZZ_CHECK(args->mac_source <= TAP_MAC_GIVEN, "%d", (int)args->mac_source);
	FUZZ_CHECK(args->mac_source != TAP_MAC_GIVEN ||
			   rte_is_valid_assigned_ether_addr(&args->mac),
		   "not a unicast address");
	FUZZ_CHECK(args->remote[0] == '\0' || args->mac_source == TAP_MAC_NETDEV, "both");
	FUZZ_CHECK(!l3 || (args->remote[0] == '\0' && args->mac_source == TAP_MAC_NETDEV &&
			   args->bpf_pin[0] == '\0' && args->rss_fds[0] == '\0'),
		   "not for net_tun");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tap_args args;
	char *text = malloc(size + 1);
	bool l3 = false;
	int ret;

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	fuzz_quiet();
	do {
		ret = tap_args_parse(l3 ? "net_tun0" : "net_tap0", text, l3, &args);
		FUZZ_CHECK(ret == 0 || ret == -EINVAL, "%d", ret);
		if (ret == 0)
			check_args(&args, l3);
		l3 = !l3;
	} while (l3);
	free(text);
	return 0;
}
