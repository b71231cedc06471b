/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>

#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "tap_bpf_reason.h"
#include "tap_log.h"
#include "tap_tc.h"

/* BPF_TCX_INGRESS; younger than the headers of libbpf before 1.3. */
#define TAP_TCX_INGRESS ((enum bpf_attach_type)46)

/* Where our filter is among those of the qdisc: a place that nobody gets who does not ask for it. */
#define TAP_TC_HANDLE 0x74617001
#define TAP_TC_PRIORITY 0x7461

static struct bpf_tc_hook
tap_tc_hook(unsigned int ifindex)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = (int)ifindex,
		.attach_point = BPF_TC_INGRESS,
	};
}

static struct bpf_tc_opts
tap_tc_place(void)
{
	return (struct bpf_tc_opts){
		.sz = sizeof(struct bpf_tc_opts),
		.handle = TAP_TC_HANDLE,
		.priority = TAP_TC_PRIORITY,
	};
}

/* The program in our place; 0: none. libbpf is not to print that. */
static unsigned int
tap_tc_prog_id(const struct bpf_tc_hook *hook)
{
	struct bpf_tc_opts place = tap_tc_place();

	return bpf_tc_query(hook, &place) == 0 ? place.prog_id : 0;
}

static bool
tap_tc_is_named(unsigned int prog_id, const char *name)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(prog_id);
	bool same = fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
		    strncmp(info.name, name, sizeof(info.name)) == 0;

	if (fd >= 0)
		close(fd);
	return same;
}

static void
tap_tc_remove_filter(const struct bpf_tc_hook *hook)
{
	const struct bpf_tc_opts place = tap_tc_place();

	bpf_tc_detach(hook, &place);
}

static int
tap_tc_count(const struct nlmsghdr *message, void *arg)
{
	if (message->nlmsg_type == RTM_NEWTFILTER)
		++*(unsigned int *)arg;
	return MNL_CB_OK;
}

/* Filters at one side of the qdisc, or negative errno. */
static int
tap_tc_count_filters(unsigned int ifindex, unsigned int side)
{
	char buf[16384];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	unsigned int count = 0;
	struct tcmsg *tc;
	ssize_t len = -1;
	int ret = MNL_CB_ERROR;

	if (socket == NULL)
		return -errno;
	request->nlmsg_type = RTM_GETTFILTER;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = 1;
	tc = mnl_nlmsg_put_extra_header(request, sizeof(*tc));
	tc->tcm_ifindex = (int)ifindex;
	tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT, side);
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0)
		len = mnl_socket_sendto(socket, request, request->nlmsg_len);
	while (len >= 0) {
		len = mnl_socket_recvfrom(socket, buf, sizeof(buf));
		ret = len < 0 ? MNL_CB_ERROR :
				mnl_cb_run(buf, (size_t)len, 1, mnl_socket_get_portid(socket),
					   tap_tc_count, &count);
		if (ret <= MNL_CB_STOP)
			break;
	}
	mnl_socket_close(socket);
	return ret < 0 ? -EIO : (int)count;
}

/* What is not there any more need not be removed. */
static int
tap_tc_unless_gone(int ret)
{
	return ret == -ENOENT || ret == -EINVAL || ret == -ENODEV ? 0 : ret;
}

/* Remove the qdisc, unless somebody else has filters in it. */
static int
tap_tc_remove_qdisc(const struct bpf_tc_hook *hook)
{
	int in = tap_tc_count_filters((unsigned int)hook->ifindex, TC_H_MIN_INGRESS);
	int out = tap_tc_count_filters((unsigned int)hook->ifindex, TC_H_MIN_EGRESS);
	struct bpf_tc_hook qdisc = *hook;

	if (in < 0 || out < 0)
		return RTE_MIN(in, out);
	if (in + out != 0)
		return 0;
	/* Both sides at once mean the qdisc itself. */
	qdisc.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	return tap_tc_unless_gone(bpf_tc_hook_destroy(&qdisc));
}

/* Remove our filter, and the qdisc if it is ours as well. */
static int
tap_tc_remove(const struct bpf_tc_hook *hook, unsigned int prog_id, bool own_hook)
{
	struct bpf_tc_opts found = tap_tc_place();
	const struct bpf_tc_opts place = found;
	int ret = bpf_tc_query(hook, &found);

	/* Somebody else's by now? */
	if (ret == 0 && found.prog_id != prog_id)
		return 0;
	if (ret == 0)
		ret = bpf_tc_detach(hook, &place);
	ret = tap_tc_unless_gone(ret);
	return ret == 0 && own_hook ? tap_tc_remove_qdisc(hook) : ret;
}

int
tap_tc_link(struct tap_tc *tc, unsigned int ifindex, int prog_fd)
{
	int fd = bpf_link_create(prog_fd, (int)ifindex, TAP_TCX_INGRESS, NULL);

	if (fd < 0)
		return fd;
	*tc = (struct tap_tc){ .ifindex = ifindex, .link = fd };
	return 0;
}

int
tap_tc_filter(struct tap_tc *tc, unsigned int ifindex, int prog_fd, const char *program)
{
	struct bpf_tc_hook hook = tap_tc_hook(ifindex);
	struct bpf_tc_opts place = tap_tc_place();
	unsigned int before;
	bool own_hook;
	int ret;

	tap_bpf_listen();
	ret = bpf_tc_hook_create(&hook);
	own_hook = ret == 0;
	before = ret == -EEXIST ? tap_tc_prog_id(&hook) : 0;
	if (before != 0 && !tap_tc_is_named(before, program)) {
		ret = -EBUSY;
	} else if (ret == 0 || ret == -EEXIST) {
		place.prog_fd = prog_fd;
		place.flags = BPF_TC_F_REPLACE;
		ret = bpf_tc_attach(&hook, &place);
		/* It may be there, and only the answer is not. */
		if (ret != 0)
			tap_tc_remove_filter(&hook);
		if (ret != 0 && own_hook)
			tap_tc_remove_qdisc(&hook);
	}
	tap_bpf_listen_end();
	if (ret == 0)
		*tc = (struct tap_tc){ .ifindex = ifindex,
				       .link = -1,
				       .prog_id = place.prog_id,
				       .own_hook = own_hook };
	return ret;
}

void
tap_tc_detach(struct tap_tc *tc)
{
	struct bpf_tc_hook hook = tap_tc_hook(tc->ifindex);
	int ret;

	if (tc->ifindex == 0)
		return;
	if (tc->link >= 0) {
		close(tc->link);
	} else {
		tap_bpf_listen();
		ret = tap_tc_remove(&hook, tc->prog_id, tc->own_hook);
		/* What stays would be there until the next port: a shortage may be over. */
		if (ret != 0)
			ret = tap_tc_remove(&hook, tc->prog_id, tc->own_hook);
		tap_bpf_listen_end();
		if (ret != 0)
			TAP_LOG(WARNING,
				"the tc filter of remote= at netdev %u, or its qdisc, stays: %s",
				tc->ifindex, strerror(-ret));
	}
	memset(tc, 0, sizeof(*tc));
}

void
tap_tc_clean(unsigned int ifindex, const char *program)
{
	struct bpf_tc_hook hook = tap_tc_hook(ifindex);
	unsigned int prog_id;

	tap_bpf_listen();
	prog_id = tap_tc_prog_id(&hook);
	if (prog_id != 0 && tap_tc_is_named(prog_id, program))
		tap_tc_remove_filter(&hook);
	tap_bpf_listen_end();
}
