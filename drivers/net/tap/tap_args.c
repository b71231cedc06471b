/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <string.h>

#include <rte_kvargs.h>
#include <rte_string_fns.h>

#include "tap_args.h"
#include "tap_compat.h"
#include "tap_log.h"
#include "tap_policy_abi.h"

#define TAP_DEFAULT_IFACE "dtap%d"
#define TAP_DEFAULT_IFACE_L3 "dtun%d"

/* A named value of an argument. */
struct tap_choice {
	const char *name;
	int value;
};

/* One device argument: how it is written and what takes its value. */
struct tap_arg {
	const char *key;
	const char *allowed;
	int (*parse)(const char *value, struct tap_args *args);
	const char *not_l3; /* why net_tun has it not; NULL if it has */
};

static const struct tap_choice tap_rss_choices[] = {
	{ "auto", TAP_RSS_AUTO },
	{ "bpf", TAP_RSS_BPF },
	{ "basic", TAP_RSS_BASIC },
	{ "soft", TAP_RSS_SOFT },
};

static const struct tap_choice tap_algo_choices[] = {
	{ "toeplitz", TAP_ALGO_TOEPLITZ },
	{ "xor", TAP_ALGO_XOR },
	{ "symmetric", TAP_ALGO_SYM_TOEPLITZ },
	{ "symmetric-sort", TAP_ALGO_SYM_SORT },
};

static int
tap_choose(const struct tap_choice *choices, size_t n, const char *value)
{
	size_t i;

	for (i = 0; value != NULL && i < n; i++)
		if (strcmp(value, choices[i].name) == 0)
			return choices[i].value;
	return -EINVAL;
}

/* What the kernel accepts as the name of a netdev, less its %d patterns. */
static int
tap_parse_netdev(const char *value, char name[IFNAMSIZ])
{
	const char *c;

	if (value == NULL || *value == '\0' || strcmp(value, ".") == 0 || strcmp(value, "..") == 0)
		return -EINVAL;
	for (c = value; *c != '\0'; c++)
		if (*c == '/' || *c == ':' || *c == '%' || isspace((unsigned char)*c))
			return -EINVAL;
	return rte_strscpy(name, value, IFNAMSIZ) < 0 ? -EINVAL : 0;
}

static int
tap_parse_iface(const char *value, struct tap_args *args)
{
	return tap_parse_netdev(value, args->iface);
}

static int
tap_parse_remote(const char *value, struct tap_args *args)
{
	return tap_parse_netdev(value, args->remote);
}

static int
tap_parse_mac(const char *value, struct tap_args *args)
{
	if (value == NULL)
		return -EINVAL;
	if (strcmp(value, "fixed") == 0) {
		args->mac_source = TAP_MAC_FIXED;
		return 0;
	}
	args->mac_source = TAP_MAC_GIVEN;
	if (rte_ether_unformat_addr(value, &args->mac) != 0 ||
	    !rte_is_valid_assigned_ether_addr(&args->mac))
		return -EINVAL;
	return 0;
}

/* No value means yes. */
static int
tap_parse_bool(const char *value, bool *flag)
{
	*flag = value == NULL || *value == '\0' || strcmp(value, "1") == 0;
	return *flag || strcmp(value, "0") == 0 ? 0 : -EINVAL;
}

static int
tap_parse_persist(const char *value, struct tap_args *args)
{
	return tap_parse_bool(value, &args->persist);
}

static int
tap_parse_gso(const char *value, struct tap_args *args)
{
	return tap_parse_bool(value, &args->gso);
}

static int
tap_parse_gro(const char *value, struct tap_args *args)
{
	return tap_parse_bool(value, &args->gro);
}

static int
tap_parse_path(const char *value, char *path, size_t size)
{
	return value == NULL || value[0] != '/' || rte_strscpy(path, value, size) < 0 ? -EINVAL : 0;
}

static int
tap_parse_bpf_pin(const char *value, struct tap_args *args)
{
	return tap_parse_path(value, args->bpf_pin, sizeof(args->bpf_pin));
}

static int
tap_parse_rss_fds(const char *value, struct tap_args *args)
{
	return tap_parse_path(value, args->rss_fds, sizeof(args->rss_fds));
}

static int
tap_parse_rss(const char *value, struct tap_args *args)
{
	int mode = tap_choose(tap_rss_choices, RTE_DIM(tap_rss_choices), value);

	if (mode < 0)
		return mode;
	args->rss = mode;
	return 0;
}

static int
tap_parse_rss_algo(const char *value, struct tap_args *args)
{
	int algo = tap_choose(tap_algo_choices, RTE_DIM(tap_algo_choices), value);

	if (algo < 0)
		return algo;
	args->rss_algo = (uint8_t)algo;
	return 0;
}

static const struct tap_arg tap_arg_table[] = {
	{ "iface", "a name of 1 to 15 characters without '/', ':', '%' and white space",
	  tap_parse_iface, NULL },
	{ "remote", "the name of an Ethernet netdev", tap_parse_remote,
	  "its packets have no Ethernet header, and those of a remote netdev have one" },
	{ "mac", "fixed, or a unicast address XX:XX:XX:XX:XX:XX", tap_parse_mac,
	  "a tun netdev has no MAC address" },
	{ "persist", "no value, 1 or 0", tap_parse_persist, NULL },
	{ "rss", "auto, bpf, basic, soft", tap_parse_rss, NULL },
	{ "rss_algo", "toeplitz, xor, symmetric, symmetric-sort", tap_parse_rss_algo, NULL },
	{ "gso", "no value, 1 or 0", tap_parse_gso, NULL },
	{ "gro", "no value, 1 or 0", tap_parse_gro, NULL },
	{ "bpf_pin", "the absolute path of a folder", tap_parse_bpf_pin,
	  "BPF objects that are handed over are for taps" },
	{ "rss_fds", "the absolute path of a Unix socket, below 108 characters", tap_parse_rss_fds,
	  "BPF objects that are handed over are for taps" },
};

static int
tap_parse_pair(const char *name, const struct rte_kvargs_pair *pair, struct tap_args *args)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(tap_arg_table); i++) {
		const struct tap_arg *arg = &tap_arg_table[i];

		if (strcmp(pair->key, arg->key) != 0)
			continue;
		if (args->l3 && arg->not_l3 != NULL) {
			TAP_LOG(ERR,
				"%s: argument %s is not for net_tun: %s; allowed: " TAP_ARGS_HELP_L3,
				name, arg->key, arg->not_l3);
			return -EINVAL;
		}
		if (arg->parse(pair->value, args) == 0)
			return 0;
		TAP_LOG(ERR, "%s: argument %s: \"%s\" is not allowed; allowed: %s", name, arg->key,
			pair->value == NULL ? "" : pair->value, arg->allowed);
		return -EINVAL;
	}
	TAP_LOG(ERR, "%s: unknown argument \"%s\"; allowed: %s", name, pair->key,
		args->l3 ? TAP_ARGS_HELP_L3 : TAP_ARGS_HELP);
	return -EINVAL;
}

int
tap_args_parse(const char *name, const char *text, bool l3, struct tap_args *args)
{
	struct rte_kvargs *kvargs;
	unsigned int i;
	int ret = 0;

	memset(args, 0, sizeof(*args));
	args->l3 = l3;
	args->gso = true;
	args->gro = true;
	rte_strscpy(args->iface, l3 ? TAP_DEFAULT_IFACE_L3 : TAP_DEFAULT_IFACE,
		    sizeof(args->iface));
	if (text == NULL || *text == '\0')
		return 0;
	kvargs = rte_kvargs_parse(text, NULL);
	if (kvargs == NULL) {
		TAP_LOG(ERR,
			"%s: cannot parse \"%s\"; arguments are key=value, separated by commas: %s",
			name, text, l3 ? TAP_ARGS_HELP_L3 : TAP_ARGS_HELP);
		return -EINVAL;
	}
	for (i = 0; i < kvargs->count && ret == 0; i++)
		ret = tap_parse_pair(name, &kvargs->pairs[i], args);
	rte_kvargs_free(kvargs);
	if (ret == 0 && args->bpf_pin[0] != '\0' && args->rss_fds[0] != '\0') {
		TAP_LOG(ERR, "%s: bpf_pin and rss_fds exclude each other", name);
		ret = -EINVAL;
	}
	if (ret == 0 && args->remote[0] != '\0' && args->mac_source != TAP_MAC_NETDEV) {
		TAP_LOG(ERR,
			"%s: mac and remote exclude each other: the port has the remote's address",
			name);
		ret = -EINVAL;
	}
	return ret;
}
