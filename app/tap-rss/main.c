/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage;
	const char *what;
} commands[] = {
	{ "show", cli_show, "[--table] [PORT]", "where RSS runs, its settings, rules, counters" },
	{ "watch", cli_watch, "[--interval MS] [--count N] [PORT]",
	  "packets and drops of each queue, live" },
	{ "verify", cli_verify,
	  "--src IP --dst IP [--proto tcp|udp|sctp|0..255]\n"
	  "          [--sport N --dport N] [--expect QUEUE]\n"
	  "          [PORT | [--key HEX] [--queues N] [--reta LIST] [--types LIST]\n"
	  "          [--algorithm NAME]]",
	  "hash, table entry and queue of a flow" },
	{ "suggest", cli_suggest, "[--seconds N] [--apply] [PORT]",
	  "a table that evens out the load just seen" },
	{ "doctor", cli_doctor, "", "what works on this machine, and what to do about the rest" },
	{ "export", cli_export, "[PORT]", "metrics as text for Prometheus" },
	{ "load", cli_load, "--pin DIR [--user USER] [--mode OCTAL] [--tap NAME [--queues N]]",
	  "pin programs and maps, and make a tap, for a user without privileges" },
	{ "unload", cli_unload, "--pin DIR [--tap NAME]", "remove them" },
	{ "serve", cli_serve, "--socket PATH --allow USER... [--mode OCTAL]",
	  "hand programs and maps to these users' ports over a Unix socket" },
};

static void
usage(FILE *out)
{
	size_t i;

	fprintf(out, "Usage: dpdk-tap-rss COMMAND [OPTION]... [PORT]\n"
		     "Looks at the RSS of net_tap ports of running DPDK applications.\n\n");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-8s%s%s\n          %s\n", commands[i].name,
			commands[i].usage[0] == '\0' ? "" : " ", commands[i].usage,
			commands[i].what);
	fprintf(out,
		"\nPORT is a port number, a netdev or a device name; without it all ports are\n"
		"shown, or the only one taken.\n"
		"  --json               for programs\n"
		"  --file-prefix NAME   only the application with this --file-prefix\n"
		"  --help               show this\n"
		"Exit status: 0 yes, 1 the answer is no, 2 wrong use or it cannot be done.\n");
}

int
cli_error(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("dpdk-tap-rss: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return CLI_FAILED;
}

int
cli_print_json(json_t *value)
{
	bool ok = value != NULL && json_dumpf(value, stdout, JSON_INDENT(2)) == 0 &&
		  putchar('\n') != EOF;

	json_decref(value);
	return ok ? CLI_OK : cli_error("cannot write JSON");
}

bool
cli_number(const char *option, const char *text, unsigned long min, unsigned long max,
	   unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && text[0] != '-' && *value >= min &&
	    *value <= max)
		return true;
	cli_error("%s \"%s\": a number from %lu to %lu is wanted", option, text, min, max);
	return false;
}

int
cli_option(struct cli *cli, int argc, char **argv, const struct option *options)
{
	for (;;) {
		int c = getopt_long(argc, argv, "", options, NULL);

		switch (c) {
		case 'j':
			cli->json = true;
			break;
		case 'f':
			cli->prefix = optarg;
			break;
		case 'h':
			usage(stdout);
			exit(CLI_OK);
		default:
			return c;
		}
	}
}

int
cli_selector(int argc, char **argv, const char **selector)
{
	*selector = optind < argc ? argv[optind] : NULL;
	if (argc - optind <= 1)
		return 0;
	cli_error("\"%s\": one PORT at most is wanted", argv[optind + 1]);
	return -1;
}

bool
cli_no_arguments(int argc, char **argv)
{
	if (optind >= argc)
		return true;
	cli_error("unknown argument \"%s\"", argv[optind]);
	return false;
}

int
main(int argc, char **argv)
{
	size_t i;

	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
		usage(stdout);
		return CLI_OK;
	}
	for (i = 0; argc >= 2 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		int status;

		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		/* So that getopt's messages have the program's name. */
		argv[1] = argv[0];
		status = commands[i].run(argc - 1, argv + 1);
		if (fflush(stdout) != 0 || ferror(stdout))
			return cli_error("cannot write: %s", strerror(errno));
		return status;
	}
	if (argc >= 2)
		return cli_error("there is no command \"%s\"; there are show, watch, verify, "
				 "suggest, doctor, export, load, unload, serve",
				 argv[1]);
	usage(stderr);
	return CLI_FAILED;
}
