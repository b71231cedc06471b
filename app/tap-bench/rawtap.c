/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "frames.h"
#include "rawtap.h"
#include "tap_tun.h"

static int
write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -EIO : 0;
}

int
netns_enter(void)
{
	if (unshare(CLONE_NEWNET) != 0)
		return -errno;
	/* Both fail where the kernel has no IPv6: then there is nothing to silence. */
	write_text("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	return 0;
}

int
raw_queue_open(const char *name, bool multi_queue, bool vnet)
{
	struct ifreq ifr;
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | (multi_queue ? IFF_MULTI_QUEUE : 0) |
				(vnet ? IFF_VNET_HDR : 0));
	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(fd, TUNSETIFF, &ifr) != 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int
raw_tap_open(struct raw_tap *tap, const char *name, unsigned int nb_queues, bool vnet)
{
	memset(tap, 0, sizeof(*tap));
	strncpy(tap->name, name, sizeof(tap->name) - 1);
	for (unsigned int q = 0; q < nb_queues; q++) {
		tap->fd[q] = raw_queue_open(name, nb_queues > 1, vnet);
		if (tap->fd[q] < 0)
			return tap->fd[q];
		tap->nb_queues++;
	}
	if (vnet) {
		tap->uso = ioctl(tap->fd[0], TUNSETOFFLOAD, TAP_TUN_UDP) == 0;
		if (!tap->uso && ioctl(tap->fd[0], TUNSETOFFLOAD, TAP_TUN_TCP) != 0)
			return -errno;
	}
	return netdev_up(name, 2 * BENCH_FILL);
}

int
netdev_up(const char *name, unsigned int queue_len)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr;
	int err = 0;

	if (sock < 0)
		return -errno;
	memset(&ifr, 0, sizeof(ifr));
	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	ifr.ifr_qlen = (int)queue_len;
	if (ioctl(sock, SIOCSIFTXQLEN, &ifr) != 0)
		err = -errno;
	memset(&ifr.ifr_ifru, 0, sizeof(ifr.ifr_ifru));
	if (err == 0 && ioctl(sock, SIOCGIFFLAGS, &ifr) != 0)
		err = -errno;
	ifr.ifr_flags |= IFF_UP;
	if (err == 0 && ioctl(sock, SIOCSIFFLAGS, &ifr) != 0)
		err = -errno;
	close(sock);
	return err;
}

int
netdev_rx_counts(const char *name, uint64_t *packets, uint64_t *bytes)
{
	FILE *f = fopen("/proc/thread-self/net/dev", "r");
	int err = -ENODEV;
	char line[512];

	if (f == NULL)
		return -errno;
	while (err != 0 && fgets(line, sizeof(line), f) != NULL) {
		char *colon = strchr(line, ':');
		char *start = line + strspn(line, " ");

		if (colon == NULL)
			continue;
		*colon = '\0';
		if (strcmp(start, name) == 0 &&
		    sscanf(colon + 1, "%" SCNu64 " %" SCNu64, bytes, packets) == 2)
			err = 0;
	}
	fclose(f);
	return err;
}

int64_t
netdev_rx_packets(const char *name)
{
	uint64_t packets = 0, bytes = 0;
	int err = netdev_rx_counts(name, &packets, &bytes);

	return err != 0 ? err : (int64_t)packets;
}

static int
packet_socket(const char *ifname, bool bypass, bool vnet)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET };
	int sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int buf = 16 << 20;
	int on = 1;
	int err;

	if (sock < 0)
		return -errno;
	addr.sll_ifindex = (int)if_nametoindex(ifname);
	/* Larger than anything that can be in flight, or a batch would wait for room. */
	if (addr.sll_ifindex == 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &buf, sizeof(buf)) != 0 ||
	    (bypass && setsockopt(sock, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) != 0) ||
	    (vnet && setsockopt(sock, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0) ||
	    bind(sock, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		err = -errno;
		close(sock);
		return err;
	}
	return sock;
}

int
bypass_socket_open(const char *ifname)
{
	return packet_socket(ifname, true, false);
}

int
tap_sender_open(struct tap_sender *s, const char *ifname)
{
	s->bypass = bypass_socket_open(ifname);
	if (s->bypass < 0)
		return s->bypass;
	s->qdisc = packet_socket(ifname, false, false);
	if (s->qdisc < 0)
		return s->qdisc;
	s->vnet = packet_socket(ifname, false, true);
	return s->vnet < 0 ? s->vnet : 0;
}

int
frame_set_make(struct frame_set *set, unsigned int n, bool ipv6, bool tcp, uint16_t len,
	       uint32_t first_flow)
{
	struct frame_spec spec = { .ipv6 = ipv6, .tcp = tcp, .len = len };
	size_t room = ((size_t)len + 63) / 64 * 64;

	if (room < 128)
		room = 128;
	set->n = n;
	set->msg = calloc(n, sizeof(*set->msg));
	set->iov = calloc(n, sizeof(*set->iov));
	set->data = calloc(n, room);
	if (set->msg == NULL || set->iov == NULL || set->data == NULL) {
		frame_set_free(set);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *frame = set->data + i * room;

		spec.flow = first_flow + i;
		set->iov[i].iov_base = frame;
		set->iov[i].iov_len = frame_build(frame, &spec);
		set->msg[i].msg_hdr.msg_iov = &set->iov[i];
		set->msg[i].msg_hdr.msg_iovlen = 1;
	}
	return 0;
}

void
frame_set_free(struct frame_set *set)
{
	free(set->msg);
	free(set->iov);
	free(set->data);
	memset(set, 0, sizeof(*set));
}

int
frame_set_send(const struct frame_set *set, int sock, unsigned int from, unsigned int n)
{
	unsigned int sent = 0;

	while (sent < n) {
		int k = sendmmsg(sock, set->msg + from + sent, n - sent, 0);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k == 0 ? -EIO : -errno;
		sent += (unsigned int)k;
	}
	return 0;
}
