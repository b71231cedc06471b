/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* A frame as a flow's would be, as far as a classifier looks. */

#include <string.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include "cli.h"

#define ETHER_LEN 14
#define L4_LEN 20

static void
put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* Without the checksum, at which classifiers do not look. */
static size_t
put_ipv4(uint8_t *ip, const struct cli_tuple *t)
{
	ip[0] = 0x45;
	put16(ip + 2, 20 + L4_LEN);
	ip[8] = 64;
	ip[9] = (uint8_t)t->protocol;
	memcpy(ip + 12, t->src, 4);
	memcpy(ip + 16, t->dst, 4);
	return 20;
}

static size_t
put_ipv6(uint8_t *ip, const struct cli_tuple *t)
{
	ip[0] = 0x60;
	put16(ip + 4, L4_LEN);
	ip[6] = (uint8_t)t->protocol;
	ip[7] = 64;
	memcpy(ip + 8, t->src, 16);
	memcpy(ip + 24, t->dst, 16);
	return 40;
}

size_t
cli_frame(const struct cli_tuple *t, uint8_t frame[CLI_FRAME_MAX])
{
	uint8_t *l4 = frame + ETHER_LEN;

	memset(frame, 0, CLI_FRAME_MAX);
	/* Locally administered addresses. */
	frame[0] = 2;
	frame[6] = 2;
	frame[11] = 1;
	put16(frame + 12, t->family == AF_INET ? 0x0800 : 0x86dd);
	l4 += t->family == AF_INET ? put_ipv4(l4, t) : put_ipv6(l4, t);
	if (t->sport >= 0) {
		put16(l4, (unsigned int)t->sport);
		put16(l4 + 2, (unsigned int)t->dport);
	}
	if (t->protocol == IPPROTO_UDP)
		put16(l4 + 4, L4_LEN);
	if (t->protocol == IPPROTO_TCP)
		l4[12] = 5 << 4;
	return (size_t)(l4 - frame) + L4_LEN;
}
