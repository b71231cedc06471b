/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef SCENARIOS_H
#define SCENARIOS_H

/** @file What is done with a port while calls fail. */

#include "kit.h"

struct scenario {
	const char *name;
	const char *what; /**< in words */
	struct kit_want want;
	bool slow; /**< where several ways lead to a call, one of them will do for a short test */
	bool all;  /**< a fault has another end than in the scenarios before: each call again */
	/** From the probe to the traffic; the port is stopped and removed by the caller. */
	void (*run)(struct kit_port *port);
	/** Before the first run and after the last one, if there is something to prepare. */
	int (*prepare)(void);
	void (*clean)(void);
	/** After each run, when the port has been removed. */
	void (*tidy)(void);
};

extern const struct scenario scenarios[];
unsigned int scenarios_count(void);

/* Steps on a running port, of their own file. */
void control_run(struct kit_port *port);
void interrupts_run(struct kit_port *port);
void flow_run(struct kit_port *port);
void flow_stopped_run(struct kit_port *port);
/** Some rules. */
bool flow_rules(struct kit_port *port);

/* What others ask for, of their own file. */
void secondary_run(struct kit_port *port);
void secondary_tidy(void);
void telemetry_run(struct kit_port *port);
void telemetry_soft_run(struct kit_port *port);

/* Objects that are handed over, of their own file. */
#define GIVEN_PINS KIT_BPFFS "/pins"
#define GIVEN_SOCKET "/run/given.sock"
int given_prepare_pins(void);
void given_clean_pins(void);
int given_prepare_socket(void);
void given_clean_socket(void);
/** Whoever hands them over: load, pin, send; beside a port. */
void loader_run(struct kit_port *port);
void loader_tidy(void);

#endif /* SCENARIOS_H */
