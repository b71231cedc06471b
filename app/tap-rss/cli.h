/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef CLI_H
#define CLI_H

/**
 * @file
 * dpdk-tap-rss: what its commands share.
 */

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "tap_classify.h"
#include "tap_policy.h"

/** Exit statuses: the answer is no; wrong use, or it cannot be done. */
#define CLI_OK 0
#define CLI_NO 1
#define CLI_FAILED 2

/** Options of all commands. */
struct cli {
	bool json;
	const char *prefix; /**< --file-prefix of the application; NULL: all of them */
};

#define CLI_OPTIONS                                                                                \
	{ "json", no_argument, NULL, 'j' }, { "file-prefix", required_argument, NULL, 'f' },       \
		{ "help", no_argument, NULL, 'h' },                                                \
	{                                                                                          \
		NULL, 0, NULL, 0                                                                   \
	}

/**
 * The next option of a command that is its own; takes care of those that all have.
 *
 * @return the option, -1 after the last; '?' after a message, if the command has to end
 */
int cli_option(struct cli *cli, int argc, char **argv, const struct option *options);

/** The one argument that may follow the options: a port; -1 after a message if there are more. */
int cli_selector(int argc, char **argv, const char **selector);

/** Nothing may follow the options; false after a message. */
bool cli_no_arguments(int argc, char **argv);

/** Print a message with the program's name. @return CLI_FAILED */
int cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Print a value and give it back. @return CLI_OK, or CLI_FAILED if that is impossible */
int cli_print_json(json_t *value);

/** A number of an option; false after a message that names the allowed ones. */
bool cli_number(const char *option, const char *text, unsigned long min, unsigned long max,
		unsigned long *value);

/** A connection to the telemetry of an application. */
struct cli_link {
	int fd;
	long pid;
	char prefix[128];
};

/** A port of a running application. */
struct cli_port {
	struct cli_link link;
	int id;
	json_t *info; /**< the answer of /net_tap/info */
};

/**
 * Ask telemetry.
 *
 * @return the answer, owned by the caller; NULL if there is none
 */
json_t *cli_ask(const struct cli_link *link, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * The ports that an argument means: a number, a netdev, a device; NULL for all.
 *
 * @return how many, freed by cli_ports_free(); negative after a message
 */
int cli_ports(const struct cli *cli, const char *selector, struct cli_port **ports);
void cli_ports_free(struct cli_port *ports, int n);

/** The only port that an argument means; NULL after a message. */
struct cli_port *cli_port(const struct cli *cli, const char *selector);

/** A string; "" if it is none. */
const char *cli_string(const json_t *value);

/** Members of info. */
long long cli_int(const json_t *object, const char *key);
const char *cli_text(const json_t *object, const char *key);

/** The counters of all queues: an object of arrays and numbers; NULL if the port has gone. */
json_t *cli_queues(const struct cli_port *port);
/** The value of counter @p key of a queue. */
uint64_t cli_counter(const json_t *queues, const char *key, size_t queue);

/** Where RSS runs, in words. */
const char *cli_rung(const struct cli_port *port);

/** RSS as info tells it. @return false if it makes no sense */
bool cli_conf_of_port(struct tap_rss_conf *conf, const json_t *info);

/** Parse what --key, --types, --algorithm and --reta say; false after a message. */
bool cli_parse_key(const char *text, struct tap_rss_conf *conf);
bool cli_parse_types(const char *text, struct tap_rss_conf *conf);
bool cli_parse_algorithm(const char *text, struct tap_rss_conf *conf);
bool cli_parse_reta(const char *text, struct tap_rss_conf *conf);

/** Where the driver's classifier puts a frame by a policy, without flow rules. */
void cli_classify(const struct tap_policy *policy, const uint8_t *frame, size_t contig, size_t len,
		  struct tap_verdict *verdict);

/** A flow to build a frame of. */
struct cli_tuple {
	uint8_t src[16];
	uint8_t dst[16];
	int family;   /**< AF_INET or AF_INET6 */
	int protocol; /**< -1: not given */
	int sport;    /**< likewise */
	int dport;
};

#define CLI_FRAME_MAX 128

/** Build a frame of a flow. @return its length */
size_t cli_frame(const struct cli_tuple *tuple, uint8_t frame[CLI_FRAME_MAX]);

/** What was seen on its way into a port. */
struct cli_sample {
	uint64_t load[TAP_RETA_SIZE]; /**< packets by table entry */
	uint64_t packets;
	uint64_t lost; /**< frames that there was no time to look at */
};

/** Look at the frames that the kernel sends into a port for some time. 0, or CLI_FAILED */
int cli_sample(const struct cli_port *port, const struct tap_policy *policy, unsigned long seconds,
	       struct cli_sample *sample);

int cli_show(int argc, char **argv);
int cli_watch(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_suggest(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_load(int argc, char **argv);
int cli_unload(int argc, char **argv);
int cli_serve(int argc, char **argv);

#endif /* CLI_H */
