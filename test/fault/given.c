/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "scenarios.h"
#include "tap_bpf.h"
#include "tap_objects.h"
#include "tap_tables.h"

/* Objects that another process would hand over: loaded once, pinned or served by a thread. */

static struct tap_bpf *bpf;
static pthread_t server;
static int listener;

static int
load(char reason[TAP_REASON_LEN])
{
	const struct tap_args args = { .rss = TAP_RSS_BPF };
	struct tap_tables tables;
	enum tap_rung rung;

	bpf = tap_bpf_open("given", &args, &rung, reason);
	if (bpf != NULL && tap_bpf_open_rules(bpf, "given", &tables, reason) == 0 &&
	    tap_bpf_rules_fd(bpf, "given", TAP_RULES_STEERING, reason) >= 0 &&
	    tap_bpf_rules_fd(bpf, "given", TAP_RULES_FILTER, reason) >= 0)
		return 0;
	printf("    nothing to hand over: %s\n", reason);
	tap_bpf_close(bpf);
	return -ENOTSUP;
}

int
given_prepare_pins(void)
{
	char reason[TAP_REASON_LEN] = "";
	int ret = load(reason);

	if (ret != 0)
		return ret;
	if (mkdir(GIVEN_PINS, 0700) != 0 && errno != EEXIST)
		ret = -errno;
	if (ret == 0)
		ret = tap_objects_pin(tap_bpf_objects(bpf), GIVEN_PINS, reason);
	if (ret != 0)
		printf("    cannot pin in " GIVEN_PINS ": %s %s\n", strerror(-ret), reason);
	tap_bpf_close(bpf);
	return ret;
}

void
given_clean_pins(void)
{
	tap_objects_unpin(GIVEN_PINS);
	rmdir(GIVEN_PINS);
}

static void *
serve(void *arg)
{
	int sock;

	RTE_SET_USED(arg);
	while ((sock = accept(listener, NULL, NULL)) >= 0) {
		tap_objects_send(sock, tap_bpf_objects(bpf), NULL);
		close(sock);
	}
	return NULL;
}

int
given_prepare_socket(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = GIVEN_SOCKET };
	char reason[TAP_REASON_LEN] = "";
	int ret = load(reason);

	if (ret != 0)
		return ret;
	unlink(GIVEN_SOCKET);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (listener < 0 ||
	    bind(listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, 8) != 0 || pthread_create(&server, NULL, serve, NULL) != 0) {
		printf("    cannot serve at " GIVEN_SOCKET ": %s\n", strerror(errno));
		return -EIO;
	}
	return 0;
}

void
given_clean_socket(void)
{
	shutdown(listener, SHUT_RDWR);
	pthread_join(server, NULL);
	close(listener);
	unlink(GIVEN_SOCKET);
	tap_bpf_close(bpf);
}

static int
loader_load(struct kit_port *port)
{
	char reason[TAP_REASON_LEN] = "";
	int ret = load(reason);

	RTE_SET_USED(port);
	if (ret != 0)
		bpf = NULL;
	return ret;
}

static int
loader_pin(struct kit_port *port)
{
	char reason[TAP_REASON_LEN] = "";

	RTE_SET_USED(port);
	return tap_objects_pin(tap_bpf_objects(bpf), GIVEN_PINS, reason);
}

static int
loader_unpin(struct kit_port *port)
{
	RTE_SET_USED(port);
	return tap_objects_unpin(GIVEN_PINS);
}

static int
loader_send(struct kit_port *port)
{
	int ret;
	int pair[2];

	RTE_SET_USED(port);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return errno;
	ret = tap_objects_send(pair[0], tap_bpf_objects(bpf), NULL);
	fault_leave();
	close(pair[0]);
	close(pair[1]);
	fault_enter();
	return ret;
}

void
loader_run(struct kit_port *port)
{
	bpf = NULL;
	if (mkdir(GIVEN_PINS, 0700) != 0 && errno != EEXIST)
		kit_complain(port, "cannot make " GIVEN_PINS ": %s", strerror(errno));
	if (kit_probe(port) && kit_start(port, 1) && kit_step(port, "load", loader_load) &&
	    kit_step(port, "pin", loader_pin) && kit_step(port, "send", loader_send) &&
	    kit_step(port, "unpin", loader_unpin))
		kit_traffic(port);
}

void
loader_tidy(void)
{
	tap_bpf_close(bpf);
	bpf = NULL;
	if (rmdir(GIVEN_PINS) != 0)
		printf("    " GIVEN_PINS ": %s\n", strerror(errno));
}
