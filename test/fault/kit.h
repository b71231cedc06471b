/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef KIT_H
#define KIT_H

/**
 * @file
 * The port under test, its traffic, and what must be as before when it has gone.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

#include "fault.h"

#define KIT_IFACE "f0"
/** A veth pair, for remote=: the port captures from the first, its peer talks. */
#define KIT_REMOTE "r0"
#define KIT_PEER "r1"
#define KIT_QUEUES 4
#define KIT_MAX_QUEUES 8
#define KIT_RETA 512

/** A BPF file system of our own. */
#define KIT_BPFFS "/run/bpf"

/** What a scenario wants of its port. */
struct kit_want {
	const char *devargs;
	uint16_t queues;   /**< of each direction; 0: KIT_QUEUES */
	uint64_t offloads; /**< Rx, besides the hash */
	bool no_rss;       /**< distribution is the kernel's: any queue is right */
	bool interrupts;   /**< Rx interrupts, link state and removal events */
	bool insist;       /**< rung 1 or an error */
	bool tun;          /**< a net_tun port: packets begin with the IP header */
};

/** The port of one run. */
struct kit_port {
	const struct kit_want *want;
	uint16_t id;
	uint16_t queues;
	bool started;
	bool failed;             /**< a complaint was made */
	bool refused;            /**< the fault made a call fail, which then worked */
	unsigned int rung;       /**< after start */
	uint16_t reta[KIT_RETA]; /**< as it must be */
	uint8_t key[40];
	uint16_t drop_port;  /**< flow rules: UDP destination that is dropped; 0: none */
	uint16_t queue_port; /**< that goes to rule_queue; 0: none */
	uint16_t rule_queue;
	struct rte_flow *flow[8];
};

/** Counts that must come out even. */
struct kit_count {
	struct fault_live live;
	unsigned int fds;
	unsigned int netdevs;
	unsigned int qdiscs;
	unsigned int memzones;
	unsigned int ports;
	unsigned int mbufs;
	size_t heap;
};

/** Own namespaces, EAL, pools. 0, or a negative errno after words. */
int kit_init(const char *program);
void kit_end(void);

/** Where all mbufs come from. */
struct rte_mempool *kit_pool(void);

/** Complain in the name of the run. */
void kit_complain(struct kit_port *port, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * One call into the driver. If the fault makes it fail, it has to give a negative errno, and to
 * work when it is made again.
 */
bool kit_step(struct kit_port *port, const char *name, int (*call)(struct kit_port *port));

bool kit_probe(struct kit_port *port);
/** Configure, set up queues, start. */
bool kit_start(struct kit_port *port, uint16_t queues);
bool kit_stop(struct kit_port *port);
bool kit_remove(struct kit_port *port);

/** Flows into each queue, each with its hash, and a packet out of each queue. */
bool kit_traffic(struct kit_port *port);

/** Count now; @p before, if given, is what BPF objects are waited for. */
void kit_count(struct kit_count *count, const struct kit_count *before);
/** Complains about each difference. */
void kit_compare(struct kit_port *port, const struct kit_count *before);

/** What the driver has logged since the run began. */
void kit_log_reset(void);
void kit_log_print(void);

#endif /* KIT_H */
