/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef SOAK_FRAMES_H
#define SOAK_FRAMES_H

/** @file Frames that carry numbers: one in a frame, one in each segment of a super-frame. */

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_net.h>

/** Bytes of the longest super-frame. */
#define SOAK_FRAME_MAX 32768
/** UDP destination port of the frames that a rule drops. */
#define SOAK_DROP_PORT 9
/** First UDP destination port of the others, and how many there are: some have a rule. */
#define SOAK_RULE_PORT 2000
#define SOAK_RULE_PORTS 16

/** A frame as a packet socket takes it, with its vnet header. */
struct soak_frame {
	struct virtio_net_hdr vnet;
	uint8_t data[SOAK_FRAME_MAX];
	uint32_t len;   /* of data */
	uint16_t marks; /* segments, each with the frame's number */
	uint16_t l3;    /* where the IP header is */
	uint16_t l4;    /* where that of TCP or UDP is; 0: there is none */
	bool v6;
	bool tcp;
};

/** Flows of a train. */
#define SOAK_TRAIN_FLOWS 3

/** A train of TCP segments, and where it is. */
struct soak_train {
	uint32_t first; /* of its flows */
	uint32_t flow;
	uint32_t seq;
};

/**
 * Make a frame of a random kind: UDP or TCP over IPv4 or IPv6, or no IP at all; at times with a
 * VLAN tag, or a TCP super-frame of up to 20 segments; at most @p room bytes per packet.
 *
 * @param number what it carries
 * @param seed of the random choice; moved on
 */
void soak_frame_make(struct soak_frame *frame, uint32_t number, uint32_t room, uint64_t *seed);

/** Make the next of a train of TCP segments of few flows, as neighbours can be joined. */
void soak_frame_train(struct soak_frame *frame, uint32_t number, struct soak_train *train,
		      uint64_t *seed);

/**
 * Call @p seen for each number that a frame carries.
 *
 * @param data Ethernet frame of @p len bytes
 * @param gso_size payload of each segment, 0: not a super-frame
 * @return how many; 0 if it is not one of these frames
 */
unsigned int soak_frame_numbers(const uint8_t *data, uint32_t len, uint32_t gso_size,
				void (*seen)(void *arg, uint32_t number, uint32_t segment),
				void *arg);

/** A random number below @p n. */
uint32_t soak_below(uint64_t *seed, uint32_t n);

#endif
