/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * Super-frames in parts. An application that takes bursts of 32 gets 32 segments of a super-frame,
 * and sends them on before it asks for the others: no driver can write them as one. What that
 * alone costs is seen in a loop that does nothing but write parts.
 */

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "bench.h"
#include "superframes.h"
#include "tap_tun.h"

#define TCP_MAX_OPTIONS 40

/* As it lies before a frame's payload. */
struct part_head {
	struct virtio_net_hdr vnet;
	struct rte_ether_hdr eth;
	struct rte_ipv4_hdr ip;
	struct rte_tcp_hdr tcp;
	uint8_t options[TCP_MAX_OPTIONS];
};

_Static_assert(offsetof(struct part_head, tcp) == TAP_VNET_HDR_LEN + SUPER_L4_OFFSET,
	       "nothing lies between the headers");

static bool
write_whole(int fd, const uint8_t *frame, size_t len)
{
	return write(fd, frame, len) == (ssize_t)len;
}

/* Lengths and checksums for so many bytes of payload: the kernel finishes TCP's. */
static void
complete(struct part_head *head, size_t head_len, size_t payload)
{
	size_t ip_len = head_len - offsetof(struct part_head, ip) + payload;

	head->ip.total_length = rte_cpu_to_be_16((uint16_t)ip_len);
	head->ip.hdr_checksum = 0;
	head->ip.hdr_checksum = rte_ipv4_cksum(&head->ip);
	head->tcp.cksum = rte_ipv4_phdr_cksum(&head->ip, 0);
	if (payload <= head->vnet.gso_size)
		head->vnet.gso_type = VIRTIO_NET_HDR_GSO_NONE;
}

/* To the headers of what follows: only the first part has CWR. */
static void
advance(struct part_head *head, unsigned int segments, size_t payload)
{
	head->ip.packet_id =
		rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(head->ip.packet_id) + segments));
	head->tcp.sent_seq =
		rte_cpu_to_be_32(rte_be_to_cpu_32(head->tcp.sent_seq) + (uint32_t)payload);
	head->tcp.tcp_flags &= (uint8_t)~RTE_TCP_CWR_FLAG;
	head->vnet.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
}

bool
parts_write(int fd, uint8_t *frame, size_t len, unsigned int segments)
{
	const uint8_t at_end = RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG;
	struct part_head head;
	size_t head_len, part;
	uint8_t flags;

	if (segments == 0 || len < sizeof(head))
		return write_whole(fd, frame, len);
	memcpy(&head, frame, sizeof(head));
	head_len = offsetof(struct part_head, tcp) + (head.tcp.data_off >> 4) * 4u;
	if ((head.vnet.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) != VIRTIO_NET_HDR_GSO_TCPV4 ||
	    head.vnet.gso_size == 0 || head.vnet.csum_start != SUPER_L4_OFFSET ||
	    len - head_len <= (size_t)segments * head.vnet.gso_size)
		return write_whole(fd, frame, len);
	flags = head.tcp.tcp_flags & at_end;
	/* The kernel's own counts payload too, more than a part may have. */
	head.vnet.hdr_len = (uint16_t)(head_len - TAP_VNET_HDR_LEN);
	for (size_t done = head_len; done < len; done += part) {
		part = RTE_MIN(len - done, (size_t)segments * head.vnet.gso_size);
		head.tcp.tcp_flags &= (uint8_t)~at_end;
		if (done + part == len)
			head.tcp.tcp_flags |= flags;
		complete(&head, head_len, part);
		/* Over payload that has been written. */
		memcpy(frame + done - head_len, &head, head_len);
		if (!write_whole(fd, frame + done - head_len, head_len + part))
			return false;
		advance(&head, segments, part);
	}
	return true;
}
