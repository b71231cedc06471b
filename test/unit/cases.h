/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef CASES_H
#define CASES_H

/**
 * @file
 * The table of frames, configurations and expected verdicts: one for the classifier
 * in user space, for the BPF programs and for the seeds of the fuzzer.
 */

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"
#include "reference.h"

/** Packet, configuration and verdict. */
struct test_case {
	const char *name;
	struct layer layers[FRAME_LAYERS];
	uint16_t keep;      /**< if not 0, only that many bytes of the frame */
	uint16_t at;        /**< where `patch` goes */
	const char *patch;  /**< bytes over what was built */
	uint16_t meta_tpid; /**< a tag beside the data, if not 0 */
	uint16_t meta_tci;

	uint32_t types;
	uint32_t modifiers;
	uint8_t algo;
	uint8_t prefix;
	bool inner;
	uint16_t key_bit; /**< the only bit set in the key; 0: the published key */

	enum ref_kind kind;
	const char *input; /**< what is hashed, modifiers applied, algorithm not yet */
	bool exact;        /**< `hash` was derived by hand or is a published vector */
	uint32_t hash;
};

/** A part of the table. */
struct case_list {
	const char *name;
	const struct test_case *cases;
	unsigned int n;
};

/** The parts of the table; ends with NULL. */
extern const struct case_list *const case_lists[];

extern const struct case_list cases_parse;
extern const struct case_list cases_tunnel;
extern const struct case_list cases_kind;
extern const struct case_list cases_hash;

/** The key of the published vectors. */
extern const uint8_t case_key[TAP_KEY_LEN];

/** Build a case's frame. */
void case_frame(const struct test_case *c, struct frame *f);

/** Build a case's configuration: 256 queues, RETA entry i leads to queue i & 255. */
void case_conf(const struct test_case *c, struct tap_rss_conf *conf);

/** The hash that the case expects; only with a kind. */
uint32_t case_hash(const struct test_case *c);

/* clang-format off */

/* One layer of a case: L(IP4), L(VLAN, .a = 5). */
#define L(...) { .id = L_##__VA_ARGS__ }

#define CASE_LIST(what, table) { what, table, sizeof(table) / sizeof((table)[0]) }

/* Inputs that the builder's addresses and ports give. */
#define IN4 "c0000201 c6336402 "
#define IN6 "20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002 "
#define IN4_1 "0a010001 0a010002 "
#define IN6_1 "20010db8 00010000 00000000 00000001 20010db8 00010000 00000000 00000002 "
#define IN4_2 "0a020001 0a020002 "
#define IN6_2 "20010db8 00020000 00000000 00000001 20010db8 00020000 00000000 00000002 "
#define PORTS "04d2 0050"
#define PORTS_DNS "04d2 0035"
#define ETH_INPUT "020000000001 020000000002"

/* Types of the upper layers only: a packet without a known one has no hash. */
#define T4 (TAP_RSS_IPV4_TCP | TAP_RSS_IPV4_UDP | TAP_RSS_IPV4_SCTP | TAP_RSS_IPV4_OTHER)
#define T6 (TAP_RSS_IPV6_TCP | TAP_RSS_IPV6_UDP | TAP_RSS_IPV6_SCTP | TAP_RSS_IPV6_OTHER)
#define T_FRAG (TAP_RSS_IPV4_FRAG | TAP_RSS_IPV6_FRAG)
/* ... and the EtherType of what is not IP. */
#define T_NARROW (T4 | T6 | TAP_RSS_L2_PAYLOAD)
#define T_EX (TAP_RSS_IPV6_EX | TAP_RSS_IPV6_TCP_EX | TAP_RSS_IPV6_UDP_EX)
#define T_IP (T4 | T6 | T_FRAG | TAP_RSS_IPV4 | TAP_RSS_IPV6)

/* clang-format on */

#endif /* CASES_H */
