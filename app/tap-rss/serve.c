/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* The command serve: objects as fds over a Unix socket, a set of its own for each port. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "objects.h"

#define MAX_ALLOWED 64
#define BACKLOG 16
/* After objects were given, or could not be. */
#define PAUSE_US 100000

struct serve {
	const char *path;
	uid_t allowed[MAX_ALLOWED];
	unsigned int n_allowed;
	mode_t mode;
};

static const struct option serve_options[] = { { "socket", required_argument, NULL, 's' },
					       { "allow", required_argument, NULL, 'a' },
					       { "mode", required_argument, NULL, 'm' },
					       CLI_OPTIONS };

static volatile sig_atomic_t ended;

static void
end(int signal)
{
	(void)signal;
	ended = 1;
}

static bool
allow(struct serve *serve, const char *text)
{
	if (serve->n_allowed == MAX_ALLOWED) {
		cli_error("--allow: at most %d users", MAX_ALLOWED);
		return false;
	}
	return cli_user("--allow", text, &serve->allowed[serve->n_allowed++]);
}

static bool
parse(struct cli *cli, struct serve *serve, int argc, char **argv)
{
	bool ok = true;
	int c;

	while (ok && (c = cli_option(cli, argc, argv, serve_options)) != -1) {
		switch (c) {
		case 's':
			serve->path = optarg;
			break;
		case 'a':
			ok = allow(serve, optarg);
			break;
		case 'm':
			ok = cli_mode("--mode", optarg, &serve->mode);
			break;
		default:
			return false;
		}
	}
	if (!ok || !cli_no_arguments(argc, argv))
		return false;
	if (serve->path == NULL)
		cli_error("--socket PATH is wanted");
	else if (serve->n_allowed == 0)
		cli_error("--allow USER is wanted: who may have the objects; it can be repeated");
	return serve->path != NULL && serve->n_allowed != 0;
}

/* A socket that only its owner can reach until it has the mode it shall have. */
static int
listen_at(const struct serve *serve)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int sock, err;

	if (strlen(serve->path) >= sizeof(addr.sun_path)) {
		cli_error("--socket %s: at most %zu characters", serve->path,
			  sizeof(addr.sun_path) - 1);
		return -1;
	}
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", serve->path);
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	mask = umask(0177);
	err = sock < 0 || bind(sock, (const struct sockaddr *)&addr, sizeof(addr)) != 0 ? errno : 0;
	umask(mask);
	if (err == 0 && (chmod(serve->path, serve->mode) != 0 || listen(sock, BACKLOG) != 0)) {
		err = errno;
		unlink(serve->path);
	}
	if (err == 0)
		return sock;
	cli_error("--socket %s: %s%s", serve->path, strerror(err),
		  err == EADDRINUSE ? "; is a server running? else remove it" : "");
	if (sock >= 0)
		close(sock);
	return -1;
}

static bool
is_allowed(const struct serve *serve, uid_t uid)
{
	for (unsigned int i = 0; i < serve->n_allowed; i++)
		if (serve->allowed[i] == uid)
			return true;
	return false;
}

/* @return whether new objects are wanted */
static bool
answer(const struct serve *serve, int sock, const struct tap_bpf *bpf)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	char refusal[64];
	int ret;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	if (!is_allowed(serve, peer.uid)) {
		snprintf(refusal, sizeof(refusal), "user %u is not allowed", peer.uid);
		tap_objects_send(sock, NULL, refusal);
		printf("refused: user %u, process %d\n", peer.uid, peer.pid);
		return false;
	}
	if (bpf == NULL) {
		tap_objects_send(sock, NULL, "the programs cannot be loaded, see the server's log");
		return true;
	}
	ret = tap_objects_send(sock, tap_bpf_objects(bpf), NULL);
	if (ret != 0)
		cli_error("process %d: %s", peer.pid, strerror(-ret));
	else
		printf("given: user %u, process %d\n", peer.uid, peer.pid);
	return ret == 0;
}

/* A signal interrupts the waiting only, so that none is missed. */
static int
next_client(int listener, const sigset_t *unblocked)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	if (ppoll(&p, 1, NULL, unblocked) <= 0)
		return -1;
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

/* The next set is loaded before it is asked for: nobody waits for the verifier. */
static int
serve_all(const struct serve *serve, int listener, const sigset_t *unblocked)
{
	struct tap_bpf *bpf = cli_objects_load();

	if (bpf == NULL)
		return CLI_FAILED;
	printf("serving at %s\n", serve->path);
	fflush(stdout);
	while (!ended) {
		int sock = next_client(listener, unblocked);

		if (sock < 0) {
			/* Without fds to be had, not a busy loop. */
			if (!ended)
				usleep(PAUSE_US);
			continue;
		}
		if (answer(serve, sock, bpf)) {
			tap_bpf_close(bpf);
			bpf = cli_objects_load();
			/* However often it asks: a client has a share of this machine, not all of it. */
			usleep(PAUSE_US);
		}
		close(sock);
		fflush(stdout);
	}
	tap_bpf_close(bpf);
	return CLI_OK;
}

int
cli_serve(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = end };
	struct serve serve = { .mode = 0666 };
	struct cli cli = { .json = false };
	sigset_t blocked, unblocked;
	int listener, status;

	if (!parse(&cli, &serve, argc, argv))
		return CLI_FAILED;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	listener = listen_at(&serve);
	if (listener < 0)
		return CLI_FAILED;
	status = serve_all(&serve, listener, &unblocked);
	close(listener);
	unlink(serve.path);
	return status;
}
