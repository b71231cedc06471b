/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef FUZZ_PORT_H
#define FUZZ_PORT_H

/**
 * @file
 * A port without a netdev, for targets that call the driver's functions. To be linked with
 * FUZZ_PORT_WRAPS of meson.build.
 */

#include "fuzz.h"
#include "tap_ethdev.h"
#include "tap_flow.h"

#define FUZZ_QUEUES 4

/** The one port, and what ethdev has of it. */
extern struct tap_port fuzz_port;
extern struct rte_eth_dev fuzz_dev;
extern struct rte_eth_dev_data fuzz_dev_data;
extern const struct rte_flow_ops *fuzz_flow_ops;

/** What programs would read, if the port was opened with it. */
extern struct tap_shared *fuzz_kernel_shared;
extern struct tap_tables fuzz_kernel_tables;

/** Open the port, once; with maps of programs if @p kernel. */
void fuzz_port_open(bool kernel);

/** Room for a rule's arrays, which point into it. */
struct fuzz_rule {
	struct rte_flow_attr attr;
	struct rte_flow_item items[12];
	struct rte_flow_action actions[8];
	void *memory[64];
	unsigned int n_memory;
};

/** Read a rule of the input: any attributes, items and actions that an application could give. */
void fuzz_rule_read(struct fuzz_input *in, struct fuzz_rule *rule, const void *counter);

/** Free what a rule points to. */
void fuzz_rule_free(struct fuzz_rule *rule);

/** Are the tables of flow rules empty, as after a flush? @param deep  look at all of them */
void fuzz_port_check_empty(bool deep);

#endif /* FUZZ_PORT_H */
