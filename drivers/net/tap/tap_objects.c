/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <linux/bpf.h>

#include <bpf/bpf.h>

#include "tap_objects.h"
#include "tap_policy_abi.h"

/* A server may have to load the programs first, which old kernels take their time for. */
#define TAP_SERVER_PATIENCE_S 30
#define TAP_HELLO_MAGIC "net_tap1"
#define TAP_PATH_LEN 4096

/* What the server says, with the fds beside it, or with words. */
struct tap_hello {
	char magic[8];
	uint32_t n_fds; /* 0: refused */
	char refusal[TAP_OBJECTS_REASON - 64];
};

/* What an object must be. */
struct tap_object_kind {
	const char *name;
	uint32_t type;
	uint32_t value_size; /* of maps */
	uint32_t entries;    /* of maps, at least */
};

static const struct tap_object_kind tap_kinds[TAP_OBJECTS] = {
	[TAP_OBJ_STEER] = { "tap_steer", BPF_PROG_TYPE_SOCKET_FILTER, 0, 0 },
	[TAP_OBJ_FILTER] = { "tap_filter", BPF_PROG_TYPE_SOCKET_FILTER, 0, 0 },
	[TAP_OBJ_STEER_RULES] = { "tap_steer_rules", BPF_PROG_TYPE_SOCKET_FILTER, 0, 0 },
	[TAP_OBJ_FILTER_RULES] = { "tap_filter_rules", BPF_PROG_TYPE_SOCKET_FILTER, 0, 0 },
	[TAP_OBJ_SHARED] = { "tap_shared", BPF_MAP_TYPE_ARRAY, sizeof(struct tap_shared), 1 },
	[TAP_OBJ_FLOW] = { "tap_flow", BPF_MAP_TYPE_ARRAY, sizeof(struct tap_flow), 1 },
	[TAP_OBJ_RULES] = { "tap_rules", BPF_MAP_TYPE_ARRAY, sizeof(struct tap_flow_rule),
			    TAP_RULES },
	[TAP_OBJ_COUNTS] = { "tap_counts", BPF_MAP_TYPE_ARRAY, sizeof(struct tap_flow_count),
			     TAP_RULES },
};

const char *
tap_object_name(enum tap_object object)
{
	return tap_kinds[object].name;
}

void
tap_objects_init(struct tap_objects *o)
{
	unsigned int i;

	for (i = 0; i < TAP_OBJECTS; i++)
		o->fd[i] = -1;
	o->lock = -1;
	o->banks = 0;
}

void
tap_objects_close(struct tap_objects *o)
{
	unsigned int i;

	for (i = 0; i < TAP_OBJECTS; i++)
		if (o->fd[i] >= 0)
			close(o->fd[i]);
	if (o->lock >= 0)
		close(o->lock);
	tap_objects_init(o);
}

/* What the kernel says about an fd of BPF; by /proc, since before 5.19 the system call needs privileges. */
struct tap_fd_info {
	bool map;
	uint32_t type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t entries;
	uint32_t flags;
};

static bool
tap_fd_info_read(int fd, struct tap_fd_info *info)
{
	bool known = false;
	char path[64];
	char line[128];
	FILE *f;

	memset(info, 0, sizeof(*info));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "map_type: %u", &info->type) == 1)
			known = info->map = true;
		if (sscanf(line, "prog_type: %u", &info->type) == 1)
			known = true;
		sscanf(line, "key_size: %u", &info->key_size);
		sscanf(line, "value_size: %u", &info->value_size);
		sscanf(line, "max_entries: %u", &info->entries);
		sscanf(line, "map_flags: %x", &info->flags);
	}
	fclose(f);
	return known;
}

static bool
tap_object_is(const struct tap_object_kind *kind, const struct tap_fd_info *info)
{
	if (info->map != (kind->value_size != 0) || info->type != kind->type)
		return false;
	return !info->map ||
	       (info->key_size == sizeof(uint32_t) && info->value_size == kind->value_size &&
		info->entries >= kind->entries && (info->flags & BPF_F_MMAPABLE));
}

int
tap_objects_check(struct tap_objects *o, char reason[TAP_OBJECTS_REASON])
{
	struct tap_fd_info info;
	unsigned int i;

	for (i = 0; i < TAP_OBJECTS; i++) {
		if (!tap_fd_info_read(o->fd[i], &info) || !tap_object_is(&tap_kinds[i], &info)) {
			snprintf(
				reason, TAP_OBJECTS_REASON,
				"%s is not the object of that name that this driver was built with",
				tap_kinds[i].name);
			return -EINVAL;
		}
		if (i == TAP_OBJ_COUNTS)
			o->banks = info.entries / TAP_RULES;
	}
	if ((o->banks & (o->banks - 1)) == 0 && o->banks <= TAP_COUNT_BANKS)
		return 0;
	snprintf(reason, TAP_OBJECTS_REASON,
		 "tap_counts has %u banks; there must be 1 to %d, a power "
		 "of two",
		 o->banks, TAP_COUNT_BANKS);
	return -EINVAL;
}

/* Pins */

static int
tap_pin_path(char path[TAP_PATH_LEN], const char *dir, unsigned int object)
{
	int n = snprintf(path, TAP_PATH_LEN, "%s/%s", dir, tap_kinds[object].name);

	return n < 0 || n >= TAP_PATH_LEN ? -ENAMETOOLONG : 0;
}

static int
tap_objects_lock(struct tap_objects *o, const char *dir, char *reason)
{
	int err;

	o->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->lock >= 0 && flock(o->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	err = errno;
	if (err == EWOULDBLOCK) {
		snprintf(reason, TAP_OBJECTS_REASON, "%s: another port has these objects", dir);
		return -EBUSY;
	}
	snprintf(reason, TAP_OBJECTS_REASON, "%s: %s", dir, strerror(err));
	return -err;
}

int
tap_objects_pinned(struct tap_objects *o, const char *dir, char reason[TAP_OBJECTS_REASON])
{
	char path[TAP_PATH_LEN];
	unsigned int i;
	int ret;

	tap_objects_init(o);
	ret = tap_objects_lock(o, dir, reason);
	for (i = 0; i < TAP_OBJECTS && ret == 0; i++) {
		ret = tap_pin_path(path, dir, i);
		if (ret == 0)
			o->fd[i] = bpf_obj_get(path);
		if (ret == 0 && o->fd[i] < 0)
			ret = -errno;
		if (ret != 0)
			snprintf(reason, TAP_OBJECTS_REASON, "%s: %s", tap_kinds[i].name,
				 strerror(-ret));
	}
	if (ret == 0)
		ret = tap_objects_check(o, reason);
	if (ret != 0)
		tap_objects_close(o);
	return ret;
}

int
tap_objects_unpin(const char *dir)
{
	char path[TAP_PATH_LEN];
	unsigned int i;
	int ret = 0;

	for (i = 0; i < TAP_OBJECTS; i++) {
		int err = tap_pin_path(path, dir, i);

		if (err == 0 && unlink(path) != 0 && errno != ENOENT)
			err = -errno;
		ret = ret != 0 ? ret : err;
	}
	return ret;
}

int
tap_objects_pin(const struct tap_objects *o, const char *dir, char reason[TAP_OBJECTS_REASON])
{
	char path[TAP_PATH_LEN];
	unsigned int i;
	int ret = tap_objects_unpin(dir);

	for (i = 0; i < TAP_OBJECTS && ret == 0; i++) {
		ret = tap_pin_path(path, dir, i);
		if (ret == 0 && bpf_obj_pin(o->fd[i], path) != 0)
			ret = -errno;
	}
	if (ret == 0)
		return 0;
	snprintf(reason, TAP_OBJECTS_REASON, "%s: %s%s", dir, strerror(-ret),
		 ret == -EINVAL ? " (is it in a BPF file system, as /sys/fs/bpf is?)" : "");
	tap_objects_unpin(dir);
	return ret;
}

/* Sockets */

/* Fds that came with a message: as many as there can be, so that none leaks. */
union tap_fd_message {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(TAP_OBJECTS * sizeof(int))];
};

int
tap_objects_send(int sock, const struct tap_objects *o, const char *refusal)
{
	struct tap_hello hello = { .n_fds = o != NULL ? TAP_OBJECTS : 0 };
	struct iovec iov = { &hello, sizeof(hello) };
	union tap_fd_message fds;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	memcpy(hello.magic, TAP_HELLO_MAGIC, sizeof(hello.magic));
	if (o != NULL) {
		memset(&fds, 0, sizeof(fds));
		msg.msg_control = fds.bytes;
		msg.msg_controllen = sizeof(fds.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(o->fd));
		memcpy(CMSG_DATA(c), o->fd, sizeof(o->fd));
	} else {
		snprintf(hello.refusal, sizeof(hello.refusal), "%s", refusal);
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Take the fds of a message; those that are too many are closed. */
static unsigned int
tap_message_fds(struct msghdr *msg, struct tap_objects *o)
{
	unsigned int n = 0;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		unsigned int have = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		unsigned int i;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; i < have; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (n < TAP_OBJECTS)
				o->fd[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

static int
tap_objects_receive(struct tap_objects *o, int sock, char *reason)
{
	struct tap_hello hello = { .n_fds = 0 };
	struct iovec iov = { &hello, sizeof(hello) };
	union tap_fd_message fds;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = fds.bytes,
			      .msg_controllen = sizeof(fds.bytes) };
	ssize_t len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	unsigned int n;
	int err = errno;

	if (len < 0) {
		snprintf(reason, TAP_OBJECTS_REASON, "the server does not answer: %s",
			 err == EAGAIN ? "no answer in 30 seconds" : strerror(err));
		return -err;
	}
	n = tap_message_fds(&msg, o);
	if (len != sizeof(hello) ||
	    memcmp(hello.magic, TAP_HELLO_MAGIC, sizeof(hello.magic)) != 0 || hello.n_fds != n ||
	    (n != 0 && n != TAP_OBJECTS) || (msg.msg_flags & MSG_CTRUNC)) {
		snprintf(
			reason, TAP_OBJECTS_REASON,
			"the server's answer is not that of \"dpdk-tap-rss serve\" of this version");
		return -EPROTO;
	}
	if (n != 0)
		return 0;
	hello.refusal[sizeof(hello.refusal) - 1] = '\0';
	snprintf(reason, TAP_OBJECTS_REASON, "the server refuses: %s", hello.refusal);
	return -EACCES;
}

static int
tap_objects_connect(const char *path, char *reason)
{
	const struct timeval patience = { .tv_sec = TAP_SERVER_PATIENCE_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = -1;
	int err = ENAMETOOLONG;

	if (strlen(path) < sizeof(addr.sun_path)) {
		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
		sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		if (sock >= 0 &&
		    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
		    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
		    connect(sock, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
			return sock;
		err = errno;
	}
	if (sock >= 0)
		close(sock);
	snprintf(reason, TAP_OBJECTS_REASON, "%s: %s", path, strerror(err));
	return -err;
}

int
tap_objects_received(struct tap_objects *o, const char *path, char reason[TAP_OBJECTS_REASON])
{
	int sock = tap_objects_connect(path, reason);
	int ret;

	tap_objects_init(o);
	if (sock < 0)
		return sock;
	ret = tap_objects_receive(o, sock, reason);
	close(sock);
	if (ret == 0)
		ret = tap_objects_check(o, reason);
	if (ret != 0)
		tap_objects_close(o);
	return ret;
}
