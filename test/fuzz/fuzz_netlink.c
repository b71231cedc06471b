/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * Fuzz target: what rtnetlink answers. The input: what is asked, whether the answers are to
 * that question, then answers, each with its length before it. The socket is not asked.
 */

#include <errno.h>

#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>

#include <linux/rtnetlink.h>

#include "fuzz.h"
#include "tap_bpf_reason.h"
#include "tap_link.h"
#include "tap_tc.h"

#define PROG_ID 7
#define PORT_ID 77

static struct fuzz_input answers;
static bool addressed;
static uint32_t sequence;
static unsigned int filters; /* in all answers that were counted */
static bool qdisc_destroyed;
static unsigned int n_sockets;

struct mnl_socket *__wrap_mnl_socket_open2(int bus, int flags);
int __wrap_mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t pid);
int __wrap_mnl_socket_close(struct mnl_socket *socket);
unsigned int __wrap_mnl_socket_get_portid(const struct mnl_socket *socket);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *buf, size_t len);
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *buf, size_t size);
int __wrap_mnl_cb_run(const void *buf, size_t n, unsigned int seq, unsigned int portid, mnl_cb_t cb,
		      void *arg);
int __real_mnl_cb_run(const void *buf, size_t n, unsigned int seq, unsigned int portid, mnl_cb_t cb,
		      void *arg);
int __wrap_bpf_tc_query(const struct bpf_tc_hook *hook, struct bpf_tc_opts *opts);
int __wrap_bpf_tc_detach(const struct bpf_tc_hook *hook, const struct bpf_tc_opts *opts);
int __wrap_bpf_tc_hook_destroy(struct bpf_tc_hook *hook);

/* No socket: the kernel takes its time to close one. */
struct mnl_socket *
__wrap_mnl_socket_open2(int bus, int flags)
{
	(void)bus;
	(void)flags;
	n_sockets++;
	return (void *)&n_sockets;
}

int
__wrap_mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t pid)
{
	(void)socket;
	(void)groups;
	(void)pid;
	return 0;
}

int
__wrap_mnl_socket_close(struct mnl_socket *socket)
{
	(void)socket;
	n_sockets--;
	return 0;
}

unsigned int
__wrap_mnl_socket_get_portid(const struct mnl_socket *socket)
{
	(void)socket;
	return PORT_ID;
}

ssize_t
__wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *buf, size_t len)
{
	const struct nlmsghdr *request = buf;

	(void)socket;
	FUZZ_CHECK(request->nlmsg_len == len, "%u of %zu", request->nlmsg_len, len);
	sequence = request->nlmsg_seq;
	return (ssize_t)len;
}

/*
 * What a fuzzer cannot guess: who asked, and what. And a length that libmnl (1.0.4, 1.0.5) takes for
 * negative would lead it out of the answer, before the driver sees any of it: only the kernel
 * answers, so that is not what is looked for here.
 */
static void
address(uint8_t *buf, size_t len)
{
	struct nlmsghdr *message;
	bool ended = false; /* libmnl looks at nothing behind a message that says so */
	size_t at;

	for (at = 0; at + sizeof(*message) <= len; at += MNL_ALIGN(message->nlmsg_len)) {
		message = (void *)(buf + at);
		message->nlmsg_len &= INT32_MAX;
		if (addressed) {
			message->nlmsg_seq = sequence;
			message->nlmsg_pid = PORT_ID;
		}
		if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > len - at)
			break;
		ended |= message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR;
		filters += !ended && message->nlmsg_type == RTM_NEWTFILTER;
	}
}

ssize_t
__wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *buf, size_t size)
{
	size_t len = fuzz_u16(&answers);

	(void)socket;
	if (answers.left == 0) {
		errno = EAGAIN;
		return -1;
	}
	/* As libmnl has it. */
	if (len > size) {
		errno = ENOSPC;
		return -1;
	}
	len = fuzz_take(&answers, buf, len);
	address(buf, len);
	return (ssize_t)len;
}

/*
 * In memory of its own, so that sanitizers see a step beyond the answer. libmnl takes the last
 * message to be padded like the others; the driver's buffers are.
 */
int
__wrap_mnl_cb_run(const void *buf, size_t n, unsigned int seq, unsigned int portid, mnl_cb_t cb,
		  void *arg)
{
	void *copy = calloc(1, MNL_ALIGN(n) + (n == 0));
	int ret;

	if (copy == NULL)
		abort();
	memcpy(copy, buf, n);
	ret = __real_mnl_cb_run(copy, n, seq, portid, cb, arg);
	free(copy);
	return ret;
}

int
__wrap_bpf_tc_query(const struct bpf_tc_hook *hook, struct bpf_tc_opts *opts)
{
	(void)hook;
	filters = 0; /* what an attempt before this one was told */
	opts->prog_id = PROG_ID;
	return 0;
}

int
__wrap_bpf_tc_detach(const struct bpf_tc_hook *hook, const struct bpf_tc_opts *opts)
{
	(void)hook;
	(void)opts;
	return 0;
}

int
__wrap_bpf_tc_hook_destroy(struct bpf_tc_hook *hook)
{
	(void)hook;
	qdisc_destroyed = true;
	return 0;
}

static void
detach(void)
{
	struct tap_tc tc = { .ifindex = 1, .link = -1, .prog_id = PROG_ID, .own_hook = true };

	filters = 0;
	qdisc_destroyed = false;
	tap_tc_detach(&tc);
	FUZZ_CHECK(!qdisc_destroyed || filters == 0, "%u filters lost", filters);
	FUZZ_CHECK(n_sockets == 1, "a socket was left open");
}

static int
ask(struct tap_link *link, unsigned int what)
{
	static const struct rte_ether_addr mac = { { 2, 0, 0, 0, 0, 1 } };
	struct tap_link_state state;

	switch (what % 8) {
	case 0:
	case 1:
		return tap_link_get(link, 1, &state);
	case 2:
		return tap_link_find(link, "dtap0", &state);
	case 3:
		return tap_link_set_mtu(link, 1, 1500);
	case 4:
		return tap_link_set_up(link, 1, true);
	case 5:
		return tap_link_set_mac(link, 1, &mac);
	case 6:
		return tap_link_changed(link) ? 0 : -EAGAIN;
	default:
		detach();
		return 0;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tap_link *link;
	unsigned int what;
	int ret;

	if (link == NULL) {
		link = tap_link_open();
		if (link == NULL)
			abort();
	}
	answers = (struct fuzz_input){ data, size };
	what = fuzz_u8(&answers);
	addressed = (what & 0x80) == 0;
	ret = ask(link, what);
	FUZZ_CHECK(ret <= 0, "%d", ret);
	return 0;
}
