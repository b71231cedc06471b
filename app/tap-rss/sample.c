/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* What the kernel sends into a port, seen by a packet socket beside it. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "cli.h"

/* Bytes of a frame that are looked at, and of one tag that the kernel keeps beside it. */
#define SNAP 256
#define TAG 4
/* TCP payload of a usual segment: super-frames count as what they will be cut to. */
#define SEGMENT 1448
#define BUFFER (16 << 20)

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* A socket that sees the netdev's frames; in the namespace that the caller is in. */
static int
open_here(const char *iface)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	const int on = 1, size = BUFFER;
	int fd, err;

	addr.sll_ifindex = (int)if_nametoindex(iface);
	if (addr.sll_ifindex == 0)
		return -errno;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) == 0 &&
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

/* The same in the application's namespace. */
static int
open_there(const struct cli_port *port)
{
	char path[64];
	int there, back, fd = -1;

	snprintf(path, sizeof(path), "/proc/%ld/ns/net", port->link.pid);
	there = open(path, O_RDONLY | O_CLOEXEC);
	back = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (there < 0 || back < 0 || setns(there, CLONE_NEWNET) != 0) {
		fd = -errno;
	} else {
		fd = open_here(cli_text(port->info, "iface"));
		/* Nothing that follows depends on the namespace, should this fail. */
		setns(back, CLONE_NEWNET);
	}
	if (there >= 0)
		close(there);
	if (back >= 0)
		close(back);
	return fd;
}

/* A tag that stands beside the data goes back to its place in it. */
static size_t
put_tag(struct msghdr *msg, uint8_t *frame, size_t len)
{
	struct tpacket_auxdata aux;
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	uint16_t tag[2];

	if (c == NULL || c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA ||
	    len < ETH_HLEN)
		return len;
	memcpy(&aux, CMSG_DATA(c), sizeof(aux));
	if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
		return len;
	tag[0] = htons(aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ETH_P_8021Q);
	tag[1] = htons(aux.tp_vlan_tci);
	memmove(frame + 12 + TAG, frame + 12, len - 12);
	memcpy(frame + 12, tag, TAG);
	return len + TAG;
}

/* Count one frame; false when there is none. */
static bool
look(int fd, const struct tap_policy *policy, struct cli_sample *s)
{
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	uint8_t frame[SNAP + TAG];
	struct iovec iov = { frame, SNAP };
	struct sockaddr_ll from;
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t whole = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_TRUNC);
	struct tap_verdict v;
	uint64_t packets;
	size_t len;

	if (whole < 0)
		return errno == EINTR;
	/* What the application sends comes by here, too. */
	if (from.sll_pkttype != PACKET_OUTGOING)
		return true;
	len = put_tag(&msg, frame, (size_t)whole < SNAP ? (size_t)whole : SNAP);
	cli_classify(policy, frame, len, (size_t)whole > len ? (size_t)whole : len, &v);
	packets = ((uint64_t)whole + SEGMENT - 1) / SEGMENT;
	if (whole <= ETH_FRAME_LEN + 2 * TAG)
		packets = 1;
	s->load[v.hash & (TAP_RETA_SIZE - 1)] += packets;
	s->packets += packets;
	return true;
}

int
cli_sample(const struct cli_port *port, const struct tap_policy *policy, unsigned long seconds,
	   struct cli_sample *s)
{
	const uint64_t end = now_ms() + seconds * 1000;
	struct tpacket_stats stats = { .tp_drops = 0 };
	socklen_t size = sizeof(stats);
	struct pollfd p = { .fd = open_there(port), .events = POLLIN };
	uint64_t now;

	memset(s, 0, sizeof(*s));
	if (p.fd < 0)
		return cli_error("cannot look at netdev %s where process %ld has it: %s",
				 cli_text(port->info, "iface"), port->link.pid, strerror(-p.fd));
	while ((now = now_ms()) < end)
		if (!look(p.fd, policy, s))
			poll(&p, 1, (int)(end - now));
	if (getsockopt(p.fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
		s->lost = stats.tp_drops;
	close(p.fd);
	return CLI_OK;
}
