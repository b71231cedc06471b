/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* Flow rules out of frames, by rte_flow. */

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "flowrules.h"
#include "frames.h"

#define IPV4_LEN 20
/* Ethernet, IPv4, UDP and VXLAN around the inner frame. */
#define VXLAN_OUTER_LEN (FRAME_L2_LEN + IPV4_LEN + 8 + 8)
/* Masks are of an address's 32 bits and fewer, by two times three bits of a number. */
#define MASK_BITS 3
/* Frames are between addresses of 10/8; with this bit changed an address is none of them. */
#define OTHER_NET 0x80000000

int
flow_frames_make(struct flow_frames *f, unsigned int n, bool vxlan, bool one_flow)
{
	struct frame_spec spec = { .vxlan = vxlan };

	_Static_assert(FLOW_PREFIX_LEN + VXLAN_OUTER_LEN + FRAME_L2_LEN + IPV4_LEN + 8 <=
			       FLOW_FRAME_ROOM,
		       "frames have room");
	f->n = n;
	f->vxlan = vxlan;
	f->data = calloc(n, FLOW_FRAME_ROOM);
	if (f->data == NULL)
		return -ENOMEM;
	/* What is put in VXLAN is not padded, nor is the whole. */
	spec.len = vxlan ? 0 : 60;
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *frame = f->data + (size_t)i * FLOW_FRAME_ROOM + FLOW_PREFIX_LEN;

		spec.flow = one_flow ? 0 : i;
		f->len = frame_build(frame, &spec);
		if (one_flow)
			memcpy(frame + FRAME_L2_LEN - 2 - sizeof(i), &i, sizeof(i));
	}
	return 0;
}

int
flow_set_open(struct flow_set *s, uint16_t port, unsigned int room)
{
	s->port = port;
	s->n = 0;
	s->room = room;
	s->flow = calloc(room, sizeof(struct rte_flow *));
	return s->flow == NULL ? -ENOMEM : 0;
}

/* The mask of an address's bits but for the last @p less. */
static rte_be32_t
prefix(unsigned int less)
{
	return htonl(0xffffffffu << less);
}

int
flow_set_add(struct flow_set *s, const struct flow_frames *f, const struct flow_spec *spec,
	     struct rte_flow_error *error)
{
	const struct rte_flow_attr attr = { .ingress = 1, .priority = spec->priority };
	const uint8_t *ip = flow_frame(f, spec->frame) + FLOW_PREFIX_LEN + FRAME_L2_LEN +
			    (f->vxlan ? VXLAN_OUTER_LEN : 0);
	struct rte_flow_item_ipv4 l3 = { .hdr.src_addr = 0 }, l3_mask = { .hdr.src_addr = 0 };
	struct rte_flow_item_udp l4 = { .hdr.src_port = 0 }, l4_mask = { .hdr.src_port = 0xffff };
	const struct rte_flow_action_queue queue = { .index = spec->queue };
	struct rte_flow_item items[8];
	struct rte_flow_action actions[2];
	unsigned int n = 0;

	memcpy(&l3.hdr.src_addr, ip + 12, 8);
	if (spec->miss)
		l3.hdr.src_addr ^= htonl(OTHER_NET);
	l3_mask.hdr.src_addr = prefix(spec->mask & ((1 << MASK_BITS) - 1));
	l3_mask.hdr.dst_addr = prefix(spec->mask >> MASK_BITS);
	memcpy(&l4.hdr, ip + IPV4_LEN, 4);
	l4_mask.hdr.dst_port = 0xffff;
	memset(items, 0, sizeof(items));
	memset(actions, 0, sizeof(actions));
	items[n++].type = RTE_FLOW_ITEM_TYPE_ETH;
	if (f->vxlan) {
		items[n++].type = RTE_FLOW_ITEM_TYPE_IPV4;
		items[n++].type = RTE_FLOW_ITEM_TYPE_UDP;
		items[n++].type = RTE_FLOW_ITEM_TYPE_VXLAN;
		items[n++].type = RTE_FLOW_ITEM_TYPE_ETH;
	}
	items[n] = (struct rte_flow_item){ RTE_FLOW_ITEM_TYPE_IPV4, &l3, NULL, &l3_mask };
	items[n + 1] = (struct rte_flow_item){ RTE_FLOW_ITEM_TYPE_UDP, &l4, NULL, &l4_mask };
	items[n + 2].type = RTE_FLOW_ITEM_TYPE_END;
	actions[0].type = spec->drop ? RTE_FLOW_ACTION_TYPE_DROP : RTE_FLOW_ACTION_TYPE_QUEUE;
	actions[0].conf = spec->drop ? NULL : &queue;
	actions[1].type = RTE_FLOW_ACTION_TYPE_END;
	if (s->n == s->room)
		return -ENOSPC;
	s->flow[s->n] = rte_flow_create(s->port, &attr, items, actions, error);
	if (s->flow[s->n] == NULL)
		return rte_errno != 0 ? -rte_errno : -EINVAL;
	s->n++;
	return 0;
}

int
flow_set_cut(struct flow_set *s, unsigned int keep, struct rte_flow_error *error)
{
	while (s->n > keep) {
		int err = rte_flow_destroy(s->port, s->flow[s->n - 1], error);

		if (err != 0)
			return err;
		s->n--;
	}
	return 0;
}
