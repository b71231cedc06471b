/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* Ports of running applications, through their telemetry sockets. */

#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "cli.h"

/* What an answer is at most, 16 KB in 22.11; and how long one may take. */
#define ANSWER_MAX (1 << 18)
#define PATIENCE_S 5
#define CONTROLS                                                                                   \
	"\001\002\003\004\005\006\a\b\t\n\v\f\r\016\017\020\021\022\023\024\025\026\027"           \
	"\030\031\032\033\034\035\036\037\177"

/* No character that a terminal would obey: who asks may be root, and who answers somebody else. */
static void
tame(json_t *value)
{
	const char *key;
	json_t *part;
	char *text, *c;
	void *next;
	size_t i;

	json_array_foreach(value, i, part) tame(part);
	json_object_foreach_safe(value, next, key, part)
	{
		tame(part);
		if (key[strcspn(key, CONTROLS)] != '\0')
			json_object_del(value, key);
	}
	if (!json_is_string(value))
		return;
	text = strdup(json_string_value(value));
	if (text == NULL)
		return;
	for (c = text + strcspn(text, CONTROLS); *c != '\0'; c += strcspn(c, CONTROLS))
		*c = '?';
	if (strcmp(text, json_string_value(value)) != 0)
		json_string_set(value, text);
	free(text);
}

static json_t *
receive(int fd)
{
	char *text = malloc(ANSWER_MAX);
	json_t *value = NULL;
	ssize_t n;

	if (text == NULL)
		return NULL;
	n = recv(fd, text, ANSWER_MAX, 0);
	if (n > 0)
		value = json_loadb(text, (size_t)n, 0, NULL);
	tame(value);
	free(text);
	return value;
}

json_t *
cli_ask(const struct cli_link *link, const char *format, ...)
{
	json_t *answer, *value;
	char command[1024];
	const char *key;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	/* Telemetry reads no more than that; MSG_NOSIGNAL: the application may have ended. */
	if (n < 0 || (size_t)n >= sizeof(command) ||
	    send(link->fd, command, (size_t)n, MSG_NOSIGNAL) != n)
		return NULL;
	answer = receive(link->fd);
	command[strcspn(command, ",")] = '\0';
	key = command;
	value = json_incref(json_object_get(answer, key));
	json_decref(answer);
	if (json_is_null(value)) {
		json_decref(value);
		return NULL;
	}
	return value;
}

long long
cli_int(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *
cli_string(const json_t *value)
{
	const char *text = json_string_value(value);

	return text == NULL ? "" : text;
}

const char *
cli_text(const json_t *object, const char *key)
{
	return cli_string(json_object_get(object, key));
}

/* The file prefix is the name of the folder that the socket lies in. */
static void
prefix_of(const char *path, char *prefix, size_t size)
{
	const char *end = strrchr(path, '/');
	const char *start = end;

	while (start > path && start[-1] != '/')
		start--;
	snprintf(prefix, size, "%.*s", (int)(end - start), start);
}

/* 0, or why not as a negative errno. */
static int
link_open(const char *path, struct cli_link *link)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	json_t *greeting;
	int err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	prefix_of(path, link->prefix, sizeof(link->prefix));
	link->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return -errno;
	setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(link->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		err = errno;
		close(link->fd);
		return -err;
	}
	greeting = receive(link->fd);
	link->pid = (long)cli_int(greeting, "pid");
	err = greeting == NULL ? -EPROTO : 0;
	json_decref(greeting);
	if (err != 0)
		close(link->fd);
	return err;
}

static bool
is_meant(const json_t *info, int id, const char *selector)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", id);
	return selector == NULL || strcmp(selector, number) == 0 ||
	       strcmp(selector, cli_text(info, "iface")) == 0 ||
	       strcmp(selector, cli_text(info, "device")) == 0;
}

/* Whether it tells numbers of queues that there can be: loops go by them. */
static bool
is_plausible(const json_t *answer)
{
	long long rx = cli_int(answer, "rx_queues");
	long long tx = cli_int(answer, "tx_queues");

	return rx >= 0 && rx <= TAP_MAX_QUEUES && tx >= 0 && tx <= TAP_MAX_QUEUES;
}

/* Add the ports of one application. */
static int
ports_of(const struct cli_link *link, const char *selector, struct cli_port **ports, int n)
{
	json_t *list = cli_ask(link, "/net_tap/list"), *id;
	size_t i;

	json_array_foreach(list, i, id)
	{
		int number = (int)json_integer_value(id);
		json_t *info = cli_ask(link, "/net_tap/info,%d", number);
		struct cli_port *more = NULL;

		if (info != NULL && is_plausible(info) && is_meant(info, number, selector))
			more = realloc(*ports, sizeof(**ports) * ((size_t)n + 1));
		if (more == NULL) {
			json_decref(info);
			continue;
		}
		*ports = more;
		more[n].link = *link;
		more[n].link.fd = dup(link->fd);
		more[n].id = number;
		more[n++].info = info;
	}
	json_decref(list);
	return n;
}

static void
sockets(const struct cli *cli, glob_t *found)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	const char *bases[] = { "/var/run", base == NULL ? "/tmp" : base };
	char pattern[512];
	size_t i;

	for (i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		snprintf(pattern, sizeof(pattern), "%s/dpdk/%s/dpdk_telemetry.v2*", bases[i],
			 cli->prefix == NULL ? "*" : cli->prefix);
		glob(pattern, i == 0 ? 0 : GLOB_APPEND, NULL, found);
	}
}

/* Why the port may be there nevertheless. */
static const char *
unseen(bool denied, bool silent)
{
	if (denied)
		return "; some applications may not be asked: try as root";
	if (silent) /* DPDK's telemetry closes the eleventh connection at once. */
		return "; some applications do not answer: others may be asking them, try again";
	return "; applications started with --no-telemetry are not seen";
}

int
cli_ports(const struct cli *cli, const char *selector, struct cli_port **ports)
{
	glob_t found = { .gl_pathc = 0 };
	bool denied = false;
	bool silent = false;
	size_t i;
	int n = 0;

	*ports = NULL;
	sockets(cli, &found);
	for (i = 0; i < found.gl_pathc; i++) {
		struct cli_link link;
		int ret = link_open(found.gl_pathv[i], &link);

		denied |= ret == -EACCES || ret == -EPERM;
		silent |= ret == -EPROTO;
		if (ret != 0)
			continue;
		n = ports_of(&link, selector, ports, n);
		close(link.fd);
	}
	globfree(&found);
	if (n > 0)
		return n;
	cli_error("no net_tap port%s%s%s is found%s%s%s", selector == NULL ? "" : " \"",
		  selector == NULL ? "" : selector, selector == NULL ? "" : "\"",
		  cli->prefix == NULL ? " in a running application" : " with --file-prefix ",
		  cli->prefix == NULL ? "" : cli->prefix, unseen(denied, silent));
	return -ENODEV;
}

void
cli_ports_free(struct cli_port *ports, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		close(ports[i].link.fd);
		json_decref(ports[i].info);
	}
	free(ports);
}

struct cli_port *
cli_port(const struct cli *cli, const char *selector)
{
	struct cli_port *ports;
	int n = cli_ports(cli, selector, &ports);
	int i;

	if (n == 1)
		return ports;
	if (n > 1) {
		cli_error("%d ports are meant; name one, with --file-prefix if need be:", n);
		for (i = 0; i < n; i++)
			fprintf(stderr, "  port %d, netdev %s, --file-prefix %s\n", ports[i].id,
				cli_text(ports[i].info, "iface"), ports[i].link.prefix);
		cli_ports_free(ports, n);
	}
	return NULL;
}

/* Put a page behind what is there. */
static void
queues_add(json_t *all, json_t *page)
{
	const char *key;
	json_t *value;

	json_object_foreach(page, key, value)
	{
		json_t *have = json_object_get(all, key);

		if (json_is_array(have) && json_is_array(value))
			json_array_extend(have, value);
	}
}

json_t *
cli_queues(const struct cli_port *port)
{
	json_t *all = cli_ask(&port->link, "/net_tap/queues,%d", port->id), *page;
	size_t total = (size_t)(cli_int(all, "rx_queues") > cli_int(all, "tx_queues") ?
					cli_int(all, "rx_queues") :
					cli_int(all, "tx_queues"));
	size_t first, had = 0;

	if (!is_plausible(all)) {
		json_decref(all);
		return NULL;
	}
	for (;;) {
		size_t rx = json_array_size(json_object_get(all, "rx_packets"));
		size_t tx = json_array_size(json_object_get(all, "tx_packets"));

		first = rx > tx ? rx : tx;
		if (first >= total || first == had)
			break;
		page = cli_ask(&port->link, "/net_tap/queues,%d,%zu", port->id, first);
		queues_add(all, page);
		json_decref(page);
		had = first;
	}
	if (all != NULL)
		json_object_del(all, "first");
	return all;
}

uint64_t
cli_counter(const json_t *queues, const char *key, size_t queue)
{
	return (uint64_t)json_integer_value(json_array_get(json_object_get(queues, key), queue));
}

const char *
cli_rung(const struct cli_port *port)
{
	switch (cli_int(port->info, "rung")) {
	case 1:
		return "in the kernel (rung 1 of 3: full BPF program)";
	case 2:
		return "in the kernel (rung 2 of 3: basic BPF program, corrected in software)";
	default:
		return "in software (rung 3 of 3)";
	}
}
