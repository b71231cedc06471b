/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* RSS settings: from telemetry or options to what the driver's classifier reads. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "tap_names.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What DPDK's groups of types mean. */
static const struct {
	const char *name;
	uint32_t types;
} groups[] = {
	{ "ip", TAP_RSS_IPV4 | TAP_RSS_IPV4_FRAG | TAP_RSS_IPV4_OTHER | TAP_RSS_IPV6 |
			TAP_RSS_IPV6_FRAG | TAP_RSS_IPV6_OTHER | TAP_RSS_IPV6_EX },
	{ "tcp", TAP_RSS_IPV4_TCP | TAP_RSS_IPV6_TCP | TAP_RSS_IPV6_TCP_EX },
	{ "udp", TAP_RSS_IPV4_UDP | TAP_RSS_IPV6_UDP | TAP_RSS_IPV6_UDP_EX },
	{ "sctp", TAP_RSS_IPV4_SCTP | TAP_RSS_IPV6_SCTP },
};

static uint32_t
bit_of(const char *name, const char *const *names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return 1u << i;
	return 0;
}

static uint32_t
bits_of(const json_t *array, const char *const *names, size_t n)
{
	uint32_t bits = 0;
	json_t *name;
	size_t i;

	json_array_foreach(array, i, name) bits |= bit_of(cli_string(name), names, n);
	return bits;
}

static bool
unhex_key(const char *text, uint8_t *key)
{
	size_t i;

	if (strlen(text) != 2 * TAP_KEY_LEN ||
	    strspn(text, "0123456789abcdefABCDEF") != 2 * TAP_KEY_LEN)
		return false;
	for (i = 0; i < TAP_KEY_LEN; i++)
		sscanf(text + 2 * i, "%2hhx", &key[i]);
	return true;
}

static int
algorithm_of(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(tap_algo_names); i++)
		if (strcmp(name, tap_algo_names[i]) == 0)
			return (int)i;
	return -1;
}

bool
cli_conf_of_port(struct tap_rss_conf *conf, const json_t *info)
{
	const json_t *reta = json_object_get(info, "reta");
	int algo = algorithm_of(cli_text(info, "algorithm"));
	size_t i;

	memset(conf, 0, sizeof(*conf));
	if (algo < 0 || !unhex_key(cli_text(info, "key"), conf->key) ||
	    json_array_size(reta) != TAP_RETA_SIZE)
		return false;
	conf->algo = (uint8_t)algo;
	conf->types =
		bits_of(json_object_get(info, "types"), tap_type_names, COUNT(tap_type_names));
	conf->modifiers = bits_of(json_object_get(info, "modifiers"), tap_modifier_names,
				  COUNT(tap_modifier_names));
	conf->innermost = cli_int(info, "innermost") != 0;
	conf->ipv6_prefix = (uint8_t)cli_int(info, "ipv6_prefix");
	conf->nb_queues =
		(uint16_t)(cli_int(info, "rx_queues") == 0 ? 1 : cli_int(info, "rx_queues"));
	for (i = 0; i < TAP_RETA_SIZE; i++)
		conf->reta[i] = (uint16_t)json_integer_value(json_array_get(reta, i));
	return true;
}

bool
cli_parse_key(const char *text, struct tap_rss_conf *conf)
{
	if (unhex_key(text, conf->key))
		return true;
	cli_error("--key \"%s\": %d hex digits are wanted", text, 2 * TAP_KEY_LEN);
	return false;
}

bool
cli_parse_algorithm(const char *text, struct tap_rss_conf *conf)
{
	int algo = algorithm_of(text);

	conf->algo = (uint8_t)algo;
	if (algo >= 0)
		return true;
	cli_error("--algorithm \"%s\": there are toeplitz, xor, symmetric, symmetric-sort", text);
	return false;
}

static uint32_t
types_of(const char *name)
{
	size_t i;

	if (strcmp(name, "all") == 0)
		return (TAP_RSS_L2_PAYLOAD << 1) - 1;
	for (i = 0; i < COUNT(groups); i++)
		if (strcmp(name, groups[i].name) == 0)
			return groups[i].types;
	return bit_of(name, tap_type_names, COUNT(tap_type_names));
}

bool
cli_parse_types(const char *text, struct tap_rss_conf *conf)
{
	char *list = strdup(text), *save = NULL, *name;
	size_t i;

	conf->types = 0;
	for (name = list == NULL ? NULL : strtok_r(list, ",", &save); name != NULL;
	     name = strtok_r(NULL, ",", &save)) {
		uint32_t types = types_of(name);

		if (types == 0) {
			cli_error("--types \"%s\": there are ip, tcp, udp, sctp, all, and", name);
			for (i = 0; i < COUNT(tap_type_names); i++)
				fprintf(stderr, "%s%s", i == 0 ? "  " : ", ", tap_type_names[i]);
			fputc('\n', stderr);
			free(list);
			return false;
		}
		conf->types |= types;
	}
	free(list);
	return true;
}

bool
cli_parse_reta(const char *text, struct tap_rss_conf *conf)
{
	char *list = strdup(text), *save = NULL, *item;
	unsigned long queue;
	unsigned int n = 0, i;
	bool ok = list != NULL;

	for (item = ok ? strtok_r(list, ",", &save) : NULL; ok && item != NULL;
	     item = strtok_r(NULL, ",", &save)) {
		ok = n < TAP_RETA_SIZE;
		if (!ok)
			cli_error("--reta: at most %d queues are wanted", TAP_RETA_SIZE);
		ok = ok && cli_number("--reta", item, 0, TAP_MAX_QUEUES - 1, &queue);
		if (ok)
			conf->reta[n++] = (uint16_t)queue;
	}
	free(list);
	if (ok && n == 0)
		cli_error("--reta \"%s\": queues are wanted, with commas between", text);
	for (i = n; ok && n != 0 && i < TAP_RETA_SIZE; i++)
		conf->reta[i] = conf->reta[i % n];
	return ok && n != 0;
}

void
cli_classify(const struct tap_policy *policy, const uint8_t *frame, size_t contig, size_t len,
	     struct tap_verdict *verdict)
{
	struct tap_pkt pkt = {
		.data = frame,
		.contig = (uint32_t)contig,
		.len = (uint32_t)len,
	};

	memset(verdict, 0, sizeof(*verdict));
	tap_classify(&pkt, policy, verdict);
}
