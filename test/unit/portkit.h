/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef PORTKIT_H
#define PORTKIT_H

/**
 * @file
 * A port of the driver as an application has it, in a network namespace of the test's own,
 * with RSS in software. All functions complain about what they did not expect.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "patience.h"
#include "runner.h"

#define KIT_IFACE "p0"
/** Another network namespace. */
#define KIT_ABROAD "abroad"
/** How long for something that has to come. */
#define KIT_WAIT_MS test_patience(5000)

/** The driver has said so since the last look. */
#define CHECK_WORDS(words)                                                                         \
	do {                                                                                       \
		const char *said_ = kit_logged();                                                  \
		CHECK(strstr(said_, words) != NULL, "\"%s\" is missing in: %s", words, said_);     \
	} while (0)

/** The port. */
extern uint16_t kit_id;
/** A pool of mbufs of the usual size. */
extern struct rte_mempool *kit_pool;
/** A configuration that asks for nothing. */
extern const struct rte_eth_conf kit_plain;

/** Namespaces, EAL, pool. False, after words, if they cannot be had. */
bool kit_init(void);

/** What the driver has logged since the last call; valid until the next one. */
const char *kit_logged(void);

/** Run a command; whether it succeeded. */
bool kit_shell(const char *command);

/** Complain if @p ret is not 0; whether it is. */
bool kit_good(const char *step, int ret);

/** Steps of a port's life, the last one all at once; and the end of it, from wherever it is. */
bool kit_probe(void);
bool kit_configure(uint16_t queues, const struct rte_eth_conf *conf);
bool kit_set_up(uint16_t queues, struct rte_mempool *from);
bool kit_up(uint16_t queues, const struct rte_eth_conf *conf, struct rte_mempool *from);
void kit_gone(void);

/** Send frames of different flows into the netdev; byte 29 of each is its number. */
void kit_send(unsigned int n);

/** Poll a queue until it has given @p n packets, or for KIT_WAIT_MS; how many there were. */
unsigned int kit_receive(uint16_t queue, struct rte_mbuf **pkts, unsigned int n);

#endif /* PORTKIT_H */
