/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
/*
 * Objects that another process hands over: what a server may say, right and wrong. Whatever
 * comes, the answer is an error with a reason or objects that are what they should be, and
 * every fd that came is closed again.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/bpf.h>

#include <bpf/bpf.h>

#include <rte_common.h>

#include "runner.h"
#include "tap_objects.h"
#include "tap_policy_abi.h"

#define ROUNDS 3000
#define MANY 40

/* A message as a server sends it, byte for byte. */
struct message {
	uint8_t bytes[512];
	size_t len;
	int fd[MANY];
	unsigned int n_fds;
};

static int listener;
static struct sockaddr_un address = { .sun_family = AF_UNIX };

static uint32_t
any(void)
{
	static uint64_t state = 7;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33);
}

static unsigned int
fds_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void
send_message(int sock, const struct message *m)
{
	char control[CMSG_SPACE(sizeof(m->fd))] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)m->bytes, m->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (m->n_fds != 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(m->n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(m->n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), m->fd, m->n_fds * sizeof(int));
	}
	if (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		perror("sendmsg");
}

static void *
serve_one(void *arg)
{
	int sock = accept(listener, NULL, NULL);

	if (arg != NULL)
		send_message(sock, arg);
	close(sock);
	return NULL;
}

/* What a client makes of the message; NULL: the server hangs up. */
static int
receive(struct tap_objects *o, struct message *m, char reason[TAP_OBJECTS_REASON])
{
	pthread_t thread;
	int ret;

	reason[0] = '\0';
	if (pthread_create(&thread, NULL, serve_one, m) != 0)
		return -EAGAIN;
	ret = tap_objects_received(o, address.sun_path, reason);
	pthread_join(thread, NULL);
	return ret;
}

/* The message of tap_objects_send(), taken from a socket. */
static bool
take_message(struct message *m, const struct tap_objects *o, const char *refusal)
{
	int pair[2];
	ssize_t len;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0 ||
	    tap_objects_send(pair[0], o, refusal) != 0)
		return false;
	len = recv(pair[1], m->bytes, sizeof(m->bytes), 0);
	m->len = len < 0 ? 0 : (size_t)len;
	m->n_fds = 0;
	close(pair[0]);
	close(pair[1]);
	return len > 0;
}

static bool
good_objects(struct tap_objects *o, uint32_t banks)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static const struct {
		uint32_t size, entries;
	} map[] = {
		[TAP_OBJ_SHARED] = { sizeof(struct tap_shared), 1 },
		[TAP_OBJ_FLOW] = { sizeof(struct tap_flow), 1 },
		[TAP_OBJ_RULES] = { sizeof(struct tap_flow_rule), TAP_RULES },
		[TAP_OBJ_COUNTS] = { sizeof(struct tap_flow_count), TAP_RULES },
	};
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	unsigned int i;

	tap_objects_init(o);
	for (i = 0; i < TAP_OBJECTS; i++) {
		uint32_t n = i == TAP_OBJ_COUNTS ? banks : 1;

		o->fd[i] = i < TAP_OBJ_SHARED ?
				   bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "test", "GPL", pass,
						 2, NULL) :
				   bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", 4, map[i].size,
						  map[i].entries * n, &opts);
		if (o->fd[i] < 0) {
			printf("    %s: %s\n", tap_object_name(i), strerror(errno));
			return false;
		}
	}
	return true;
}

static bool
test_handed_over(void)
{
	char reason[TAP_OBJECTS_REASON];
	struct tap_objects o, got;
	struct message m;
	unsigned int before = fds_open();
	bool ok = good_objects(&o, 4) && take_message(&m, &o, NULL);

	memcpy(m.fd, o.fd, sizeof(o.fd));
	m.n_fds = TAP_OBJECTS;
	if (ok && receive(&got, &m, reason) != 0) {
		printf("    refused: %s\n", reason);
		ok = false;
	}
	ok = ok && got.banks == 4;
	tap_objects_close(&got);
	tap_objects_close(&o);
	return ok && fds_open() == before;
}

static bool
test_refusal(void)
{
	char reason[TAP_OBJECTS_REASON];
	struct tap_objects got;
	struct message m;

	return take_message(&m, NULL, "not you") && receive(&got, &m, reason) == -EACCES &&
	       strstr(reason, "not you") != NULL;
}

static bool
test_hang_up(void)
{
	char reason[TAP_OBJECTS_REASON];
	struct tap_objects got;

	return receive(&got, NULL, reason) < 0 && reason[0] != '\0';
}

/* Each object in turn is something else. */
static bool
test_wrong_objects(void)
{
	char reason[TAP_OBJECTS_REASON];
	struct tap_objects o, got;
	struct message m;
	bool ok = good_objects(&o, 1) && take_message(&m, &o, NULL);
	unsigned int before = fds_open();
	int other[4] = { memfd_create("test", 0), dup(0),
			 bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", 4, 8, 1, NULL), o.fd[0] };
	unsigned int i, j;

	for (i = 0; i < TAP_OBJECTS && ok; i++)
		for (j = 0; j < RTE_DIM(other) && ok; j++) {
			/* The last is a program, which is no map. */
			if (j == 3 && i < TAP_OBJ_SHARED)
				continue;
			memcpy(m.fd, o.fd, sizeof(o.fd));
			m.fd[i] = other[j];
			m.n_fds = TAP_OBJECTS;
			ok = receive(&got, &m, reason) == -EINVAL &&
			     strstr(reason, tap_object_name(i)) != NULL;
			if (!ok)
				printf("    %s replaced by %u: \"%s\"\n", tap_object_name(i), j,
				       reason);
		}
	for (i = 0; i < 3; i++)
		close(other[i]);
	tap_objects_close(&o);
	return ok && fds_open() == before - TAP_OBJECTS;
}

/* Banks that no classifier could index. */
static bool
test_banks(void)
{
	static const uint32_t banks[] = { 3, 2 * TAP_COUNT_BANKS };
	char reason[TAP_OBJECTS_REASON];
	struct tap_objects o;
	unsigned int i;
	bool ok = true;

	for (i = 0; i < RTE_DIM(banks); i++) {
		ok = ok && good_objects(&o, banks[i]) && tap_objects_check(&o, reason) == -EINVAL;
		tap_objects_close(&o);
	}
	return ok;
}

/* Bytes, lengths and fds at random: never objects, nothing left open. */
static bool
test_any_message(void)
{
	char reason[TAP_OBJECTS_REASON];
	struct tap_objects got;
	struct message right, m;
	unsigned int before = fds_open();
	unsigned int i, round;

	if (!take_message(&right, NULL, "no"))
		return false;
	for (round = 0; round < ROUNDS; round++) {
		m = right;
		m.n_fds = any() % (any() % 4 == 0 ? MANY : TAP_OBJECTS + 1);
		for (i = 0; i < m.n_fds; i++)
			m.fd[i] = (int)(any() % 3);
		for (i = any() % 4; i > 0; i--)
			m.bytes[any() % m.len] = (uint8_t)any();
		if (any() % 2)
			m.bytes[8] = (uint8_t)m.n_fds; /* what it says of their number is true */
		if (any() % 4 == 0)
			m.len = 1 + any() % sizeof(m.bytes);
		if (receive(&got, &m, reason) == 0 || reason[0] == '\0') {
			printf("    round %u: taken\n", round);
			return false;
		}
		if (fds_open() != before) {
			printf("    round %u: %u fds, before %u\n", round, fds_open(), before);
			return false;
		}
	}
	return true;
}

static void
hold(const void *test)
{
	CHECK((*(bool (*const *)(void))test)(), "does not hold");
}

int
main(void)
{
	static const struct {
		const char *name;
		bool (*run)(void);
	} tests[] = {
		{ "objects are handed over", test_handed_over },
		{ "a refusal has its words", test_refusal },
		{ "a server that hangs up", test_hang_up },
		{ "each object is another one", test_wrong_objects },
		{ "a wrong number of banks", test_banks },
		{ "any message", test_any_message },
	};
	char dir[] = "/tmp/net_tap-test-XXXXXX";
	unsigned int i;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
	listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (bind(listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, 1) != 0)
		return 1;
	for (i = 0; i < RTE_DIM(tests); i++)
		test_run("objects", tests[i].name, hold, &tests[i].run);
	unlink(address.sun_path);
	rmdir(dir);
	return test_summary();
}
