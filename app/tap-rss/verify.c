/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * Where a flow goes: by the port's own word, which knows its flow rules, compared with what
 * this program's copy of the classifier makes of the port's settings; or by settings alone.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "cli.h"

struct verify {
	struct cli cli;
	struct cli_tuple tuple;
	const char *src;
	const char *dst;
	struct tap_rss_conf conf;
	unsigned long queues;
	bool offline;
	bool reta;
	long expect; /* -1: nothing */
};

/* What comes out. */
struct answer {
	bool steered; /* else the kernel distributes as it likes */
	bool hashed;
	bool drop;
	bool agrees; /* with the computation here */
	uint32_t hash;
	unsigned int entry;
	unsigned int queue;
	long long mark; /* -1: none */
};

enum {
	OPT_SRC = 256,
	OPT_DST,
	OPT_SPORT,
	OPT_DPORT,
	OPT_PROTO,
	OPT_EXPECT,
	OPT_KEY,
	OPT_QUEUES,
	OPT_RETA,
	OPT_TYPES,
	OPT_ALGORITHM,
};

static const struct option options[] = {
	{ "src", required_argument, NULL, OPT_SRC },
	{ "dst", required_argument, NULL, OPT_DST },
	{ "sport", required_argument, NULL, OPT_SPORT },
	{ "dport", required_argument, NULL, OPT_DPORT },
	{ "proto", required_argument, NULL, OPT_PROTO },
	{ "expect", required_argument, NULL, OPT_EXPECT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "queues", required_argument, NULL, OPT_QUEUES },
	{ "reta", required_argument, NULL, OPT_RETA },
	{ "types", required_argument, NULL, OPT_TYPES },
	{ "algorithm", required_argument, NULL, OPT_ALGORITHM },
	CLI_OPTIONS,
};

static const struct {
	const char *name;
	int number;
} protocols[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
	{ "sctp", IPPROTO_SCTP },
};

static bool
parse_protocol(const char *text, struct cli_tuple *t)
{
	unsigned long number;
	char *end;
	size_t i;

	for (i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strcmp(text, protocols[i].name) == 0) {
			t->protocol = protocols[i].number;
			return true;
		}
	number = strtoul(text, &end, 10);
	if (end != text && *end == '\0' && text[0] != '-' && number <= 255) {
		t->protocol = (int)number;
		return true;
	}
	cli_error("--proto \"%s\": tcp, udp, sctp or a number from 0 to 255 is wanted", text);
	return false;
}

static bool
parse_port(const char *option, const char *text, int *port)
{
	unsigned long number;

	if (!cli_number(option, text, 0, 65535, &number))
		return false;
	*port = (int)number;
	return true;
}

static bool
parse_offline(struct verify *v, int c)
{
	v->offline = true;
	switch (c) {
	case OPT_KEY:
		return cli_parse_key(optarg, &v->conf);
	case OPT_QUEUES:
		return cli_number("--queues", optarg, 1, TAP_MAX_QUEUES, &v->queues);
	case OPT_RETA:
		v->reta = true;
		return cli_parse_reta(optarg, &v->conf);
	case OPT_TYPES:
		return cli_parse_types(optarg, &v->conf);
	case OPT_ALGORITHM:
		return cli_parse_algorithm(optarg, &v->conf);
	default:
		return false;
	}
}

static bool
parse_option(struct verify *v, int c)
{
	unsigned long number;

	switch (c) {
	case OPT_SRC:
		v->src = optarg;
		return true;
	case OPT_DST:
		v->dst = optarg;
		return true;
	case OPT_SPORT:
		return parse_port("--sport", optarg, &v->tuple.sport);
	case OPT_DPORT:
		return parse_port("--dport", optarg, &v->tuple.dport);
	case OPT_PROTO:
		return parse_protocol(optarg, &v->tuple);
	case OPT_EXPECT:
		if (!cli_number("--expect", optarg, 0, TAP_MAX_QUEUES - 1, &number))
			return false;
		v->expect = (long)number;
		return true;
	default:
		return parse_offline(v, c);
	}
}

static bool
parse_addresses(struct verify *v)
{
	struct cli_tuple *t = &v->tuple;

	if (v->src == NULL || v->dst == NULL) {
		cli_error("--src and --dst are wanted, IPv4 or IPv6 addresses");
		return false;
	}
	t->family = strchr(v->src, ':') == NULL ? AF_INET : AF_INET6;
	if (inet_pton(t->family, v->src, t->src) != 1) {
		cli_error("--src \"%s\": an IPv4 or IPv6 address is wanted", v->src);
		return false;
	}
	if (inet_pton(t->family, v->dst, t->dst) != 1) {
		cli_error("--dst \"%s\": an IPv%c address is wanted, as --src has", v->dst,
			  t->family == AF_INET ? '4' : '6');
		return false;
	}
	return true;
}

/* Ports go with protocols that have them, and mean TCP if none is named. */
static bool
check_ports(struct cli_tuple *t)
{
	bool given = t->sport >= 0 || t->dport >= 0;
	bool has;

	if (t->protocol < 0)
		t->protocol = given ? IPPROTO_TCP : 255;
	has = t->protocol == IPPROTO_TCP || t->protocol == IPPROTO_UDP ||
	      t->protocol == IPPROTO_SCTP;
	if (has && (t->sport < 0 || t->dport < 0))
		cli_error("--sport and --dport are wanted for tcp, udp and sctp, 0 to 65535");
	else if (!has && given)
		cli_error("--sport and --dport are for --proto tcp, udp and sctp");
	else
		return true;
	return false;
}

static bool
parse(struct verify *v, int argc, char **argv, const char **selector)
{
	int c;

	while ((c = cli_option(&v->cli, argc, argv, options)) != -1)
		if (c == '?' || !parse_option(v, c))
			return false;
	if (cli_selector(argc, argv, selector) != 0 || !parse_addresses(v) ||
	    !check_ports(&v->tuple))
		return false;
	if (v->offline && *selector != NULL) {
		cli_error("\"%s\": either a PORT or --key, --queues, --reta, --types and "
			  "--algorithm",
			  *selector);
		return false;
	}
	return true;
}

/* What the classifier makes of a configuration. */
static int
compute(const struct tap_rss_conf *conf, const uint8_t *frame, size_t len, struct answer *a)
{
	struct tap_policy *policy = malloc(sizeof(*policy));
	struct tap_verdict v;

	if (policy == NULL || tap_policy_build(policy, conf) != 0) {
		free(policy);
		return cli_error("these settings make no policy");
	}
	cli_classify(policy, frame, len, len, &v);
	free(policy);
	a->steered = true;
	a->agrees = true;
	a->mark = -1;
	a->hashed = v.hashed != 0;
	a->hash = v.hash;
	a->entry = v.hash & (TAP_RETA_SIZE - 1);
	a->queue = v.queue;
	return 0;
}

static int
offline(struct verify *v, const uint8_t *frame, size_t len, struct answer *a)
{
	unsigned int i;

	for (i = 0; i < TAP_RETA_SIZE; i++) {
		if (!v->reta)
			v->conf.reta[i] = (uint16_t)(i % (v->queues == 0 ? 1 : v->queues));
		else if (v->queues != 0 && v->conf.reta[i] >= v->queues)
			return cli_error("--reta: queue %u; allowed: 0 to %lu", v->conf.reta[i],
					 v->queues - 1);
	}
	v->conf.nb_queues = (uint16_t)(v->queues != 0 ? v->queues : v->reta ? TAP_MAX_QUEUES : 1);
	return compute(&v->conf, frame, len, a);
}

static int
online(const struct cli_port *port, const uint8_t *frame, size_t len, struct answer *a)
{
	char hex[2 * CLI_FRAME_MAX + 1];
	struct tap_rss_conf conf;
	struct answer here = { .steered = false };
	json_t *said;
	size_t i;
	int ret;

	for (i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", frame[i]);
	said = cli_ask(&port->link, "/net_tap/classify,%d,%s", port->id, hex);
	if (said == NULL)
		return cli_error("port %d does not answer", port->id);
	if (!cli_conf_of_port(&conf, port->info)) {
		json_decref(said);
		return cli_error("port %d has settings that this program does not know", port->id);
	}
	ret = compute(&conf, frame, len, &here);
	a->steered = cli_int(port->info, "rss") != 0 || cli_int(port->info, "rules") != 0;
	a->hashed = cli_int(said, "hashed") != 0;
	a->hash = (uint32_t)cli_int(said, "hash");
	a->entry = (unsigned int)cli_int(said, "entry");
	a->queue = (unsigned int)cli_int(said, "queue");
	a->drop = cli_int(said, "drop") != 0;
	a->mark = json_object_get(said, "mark") == NULL ? -1 : cli_int(said, "mark");
	/* Rules may hash and place by settings of their own. */
	a->agrees = cli_int(port->info, "rules") != 0 || cli_int(port->info, "isolated") != 0 ||
		    (here.hash == a->hash && here.hashed == a->hashed && here.queue == a->queue);
	json_decref(said);
	return ret;
}

static void
print_text(const struct verify *v, const struct cli_port *port, const struct answer *a)
{
	printf("flow   %s > %s, protocol %d", v->src, v->dst, v->tuple.protocol);
	if (v->tuple.sport >= 0)
		printf(", ports %d > %d", v->tuple.sport, v->tuple.dport);
	printf("\nby     %s\n",
	       port == NULL ? "the settings given" : cli_text(port->info, "iface"));
	if (!a->steered) {
		printf("queue  any: the port is configured without RSS, the kernel distributes\n");
		return;
	}
	if (a->hashed)
		printf("hash   0x%08" PRIx32 "\n", a->hash);
	else
		printf("hash   none: no type that is on fits, so it goes where entry 0 says\n");
	printf("entry  %u of %d\n", a->entry, TAP_RETA_SIZE);
	if (a->mark >= 0)
		printf("mark   %lld\n", a->mark);
	if (a->drop)
		printf("queue  none: dropped by a flow rule, or for want of one\n");
	else
		printf("queue  %u\n", a->queue);
	if (!a->agrees)
		printf("This program's own computation differs: port and program are of different "
		       "versions, or the port has just been changed.\n");
}

static int
print(const struct verify *v, const struct cli_port *port, const struct answer *a)
{
	bool good = a->steered && a->agrees &&
		    (v->expect < 0 || (!a->drop && a->queue == (unsigned int)v->expect));
	json_t *o;

	if (!v->cli.json) {
		print_text(v, port, a);
		if (v->expect >= 0 && a->steered &&
		    (a->drop || a->queue != (unsigned int)v->expect))
			printf("Expected was queue %ld.\n", v->expect);
		return good ? CLI_OK : CLI_NO;
	}
	o = json_pack("{s:b, s:b, s:I, s:i, s:i, s:b, s:b}", "steered", a->steered, "hashed",
		      a->hashed, "hash", (json_int_t)a->hash, "entry", (int)a->entry, "queue",
		      (int)a->queue, "drop", a->drop, "agrees", a->agrees);
	if (port != NULL)
		json_object_set_new(o, "iface", json_string(cli_text(port->info, "iface")));
	if (a->mark >= 0)
		json_object_set_new(o, "mark", json_integer(a->mark));
	return cli_print_json(o) != CLI_OK ? CLI_FAILED : good ? CLI_OK : CLI_NO;
}

int
cli_verify(int argc, char **argv)
{
	struct verify v = {
		.tuple = { .protocol = -1, .sport = -1, .dport = -1 },
		.expect = -1,
	};
	uint8_t frame[CLI_FRAME_MAX];
	struct answer a = { .mark = -1 };
	struct cli_port *port = NULL;
	const char *selector;
	size_t len;
	int ret;

	memcpy(v.conf.key, tap_default_key, sizeof(v.conf.key));
	cli_parse_types("ip,tcp,udp,sctp", &v.conf);
	if (!parse(&v, argc, argv, &selector))
		return CLI_FAILED;
	len = cli_frame(&v.tuple, frame);
	if (!v.offline) {
		port = cli_port(&v.cli, selector);
		if (port == NULL)
			return CLI_FAILED;
	}
	ret = v.offline ? offline(&v, frame, len, &a) : online(port, frame, len, &a);
	if (ret == 0)
		ret = print(&v, port, &a);
	if (port != NULL)
		cli_ports_free(port, 1);
	return ret;
}
