/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * Fuzz target: what a server of BPF objects says (rss_fds=). The input: the number of fds beside
 * the message and what each is of, then the message. It goes over a real socket; where they can
 * be had, some of the fds are BPF objects as they should be.
 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <sys/socket.h>

#include <linux/bpf.h>

#include <bpf/bpf.h>

#include "fuzz.h"
#include "tap_objects.h"
#include "tap_policy_abi.h"

/* More than a server may send. */
#define MAX_FDS 20
/* Kinds of files: an object each, and others. */
#define FILES (TAP_OBJECTS + 3)

static int files[FILES];
static int client;

int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *addr, socklen_t len);

int
__wrap_socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)type;
	(void)protocol;
	return client;
}

int
__wrap_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	(void)addr;
	(void)len;
	return fd == client ? 0 : -1;
}

/* A file in the place of an object that cannot be had. */
static int
or_null(int fd)
{
	return fd >= 0 ? fd : open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void
open_files(void)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static const struct {
		uint32_t size, entries;
	} map[TAP_OBJECTS] = {
		[TAP_OBJ_SHARED] = { sizeof(struct tap_shared), 1 },
		[TAP_OBJ_FLOW] = { sizeof(struct tap_flow), 1 },
		[TAP_OBJ_RULES] = { sizeof(struct tap_flow_rule), TAP_RULES },
		[TAP_OBJ_COUNTS] = { sizeof(struct tap_flow_count), TAP_RULES },
	};
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	unsigned int i;

	for (i = 0; i < TAP_OBJECTS; i++)
		files[i] = or_null(map[i].size == 0 ?
					   bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "fuzz", "GPL",
							 pass, 2, NULL) :
					   bpf_map_create(BPF_MAP_TYPE_ARRAY, "fuzz", 4,
							  map[i].size, map[i].entries, &opts));
	files[i++] = or_null(bpf_map_create(BPF_MAP_TYPE_ARRAY, "fuzz", 4,
					    sizeof(struct tap_flow_count), 3 * TAP_RULES, &opts));
	files[i++] = or_null(-1);
	files[i] = or_null(socket(AF_UNIX, SOCK_STREAM, 0));
}

/* Have the message wait in the socket that the driver will get. */
static void
send_message(struct fuzz_input *in)
{
	uint8_t bytes[1024];
	char control[CMSG_SPACE(MAX_FDS * sizeof(int))] = { 0 };
	struct iovec iov = { bytes, 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	unsigned int n = fuzz_u8(in) % (MAX_FDS + 1);
	struct cmsghdr *c;
	int pair[2];
	unsigned int i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	if (n != 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		for (i = 0; i < n; i++) {
			/* Those that are expected are the likely ones: 0 is the right one. */
			int file = files[(i + fuzz_u8(in)) % FILES];

			memcpy(CMSG_DATA(c) + i * sizeof(int), &file, sizeof(file));
		}
	}
	iov.iov_len = fuzz_take(in, bytes, sizeof(bytes));
	if (iov.iov_len != 0 && sendmsg(pair[0], &msg, MSG_NOSIGNAL) < 0)
		abort();
	close(pair[0]);
	client = pair[1];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	char reason[TAP_OBJECTS_REASON] = "";
	struct tap_objects objects;
	static bool opened;
	unsigned int i;
	int before, ret;

	if (!opened) {
		client = -1;
		open_files();
		opened = true;
	}
	before = fuzz_lowest_fd();
	send_message(&in);
	ret = tap_objects_received(&objects, "/fuzz", reason);
	FUZZ_CHECK(ret <= 0, "%d", ret);
	if (ret == 0) {
		FUZZ_CHECK(objects.banks != 0 && objects.banks <= TAP_COUNT_BANKS &&
				   (objects.banks & (objects.banks - 1)) == 0,
			   "%u banks", objects.banks);
		for (i = 0; i < TAP_OBJECTS; i++)
			FUZZ_CHECK(objects.fd[i] >= 0, "%s is missing", tap_object_name(i));
		tap_objects_close(&objects);
	} else {
		FUZZ_CHECK(memchr(reason, '\0', sizeof(reason)) != NULL && reason[0] != '\0',
			   "no reason");
	}
	FUZZ_CHECK(fuzz_lowest_fd() == before, "an fd was left open");
	return 0;
}
