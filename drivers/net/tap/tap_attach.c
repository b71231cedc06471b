/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tap_ethdev.h"
#include "tap_log.h"

/* The programs that are to run; -1: none. */
struct tap_programs {
	int steering;
	int filter;
};

int
tap_fall_back(struct tap_port *port, const char *step, int ret)
{
	snprintf(port->reason, sizeof(port->reason),
		 "%s: %s; a kernel of 4.16 or later with CONFIG_TUN and CONFIG_BPF_SYSCALL has it",
		 step, strerror(-ret));
	if (port->args.rss == TAP_RSS_BPF) {
		TAP_LOG(ERR, "%s: rss=bpf was asked for: %s", port->name, port->reason);
		return ret;
	}
	port->rung = TAP_RUNG_SOFT;
	TAP_LOG(NOTICE, "%s: RSS goes on in software (rung 3 of 3): %s", port->data->name,
		port->reason);
	return 0;
}

static bool
tap_several(const struct tap_port *port)
{
	return port->nb_fds > 1;
}

/*
 * With several queues each packet passes the steering program, if there is one, which then
 * rings the doorbell on its way; the filter has to run only for what may be dropped. Where
 * no steering program runs, because there is one queue or the kernel distributes by itself,
 * the filter rings.
 */
static int
tap_choose_rules(struct tap_port *port, const struct tap_rules_needs *needs,
		 struct tap_programs *choice)
{
	bool steer = tap_several(port);
	bool filter = !steer || needs->drop;
	char reason[TAP_REASON_LEN] = "";

	if (steer)
		choice->steering =
			tap_bpf_rules_fd(port->bpf, port->data->name, TAP_RULES_STEERING, reason);
	if (filter && (!steer || choice->steering >= 0))
		choice->filter =
			tap_bpf_rules_fd(port->bpf, port->data->name, TAP_RULES_FILTER, reason);
	if ((!steer || choice->steering >= 0) && (!filter || choice->filter >= 0))
		return 0;
	TAP_LOG(NOTICE, "%s: %s", port->data->name, reason);
	return -ENOTSUP;
}

static void
tap_choose_plain(const struct tap_port *port, struct tap_programs *choice)
{
	if (port->rung == TAP_RUNG_SOFT)
		return;
	if (port->steering)
		choice->steering = tap_bpf_steering_fd(port->bpf);
	if (!port->rx_mode.redistribute && !(port->steering && tap_several(port)))
		choice->filter = tap_bpf_filter_fd(port->bpf);
}

/* What comes is attached before what goes is detached: no packet passes without a bell. */
static int
tap_attach_programs(struct tap_port *port, const struct tap_programs *choice)
{
	int fd = port->fd[0];
	int ret = 0;

	if (choice->filter >= 0)
		ret = tap_tun_set_filter(fd, choice->filter);
	port->doorbell = choice->filter >= 0 ? ret == 0 :
					       choice->steering >= 0 && !port->rx_mode.redistribute;
	/* Without the filter that only rings, a port polls. */
	if (ret != 0 && !port->needs.any)
		ret = 0;
	if (ret == 0 && choice->steering >= 0)
		ret = tap_tun_set_steering(fd, choice->steering);
	if (ret != 0)
		return ret;
	if (choice->steering < 0)
		tap_tun_set_steering(fd, -1);
	if (choice->filter < 0)
		tap_tun_set_filter(fd, -1);
	return 0;
}

/* How much of the rules is left to the bursts. */
static uint8_t
tap_rx_rules_of(const struct tap_port *port, const struct tap_rules_needs *needs)
{
	if (!needs->any)
		return TAP_RX_RULES_OFF;
	if (!tap_flow_in_kernel(port))
		return TAP_RX_RULES_APPLY;
	if (needs->mark || (needs->rss && port->rx_mode.hash))
		return TAP_RX_RULES_DESCRIBE;
	return TAP_RX_RULES_OFF;
}

/*
 * Whether bursts hand packets over to other queues. It cannot change while they run, so
 * all is ready for rules where the kernel would not apply them.
 */
static bool
tap_must_redistribute(const struct tap_port *port)
{
	return tap_several(port) && !tap_flow_in_kernel(port);
}

bool
tap_software_possible(const struct tap_port *port)
{
	if (port->args.rss == TAP_RSS_BPF)
		return false;
	return !port->data->dev_started || !tap_several(port) || port->rx_mode.redistribute;
}

/* Programs that cannot be had leave their work to the bursts, if these can still be told. */
static int
tap_attach_software(struct tap_port *port, const struct tap_rules_needs *needs)
{
	if (!tap_software_possible(port))
		return -ENOTSUP;
	tap_flow_to_software(port);
	TAP_LOG(NOTICE, "%s: flow rules run in software", port->data->name);
	return tap_attach(port, needs);
}

int
tap_attach(struct tap_port *port, const struct tap_rules_needs *needs)
{
	struct tap_programs choice = { .steering = -1, .filter = -1 };
	bool kernel_rules = needs->any && tap_flow_in_kernel(port);
	int ret = 0;

	port->needs = *needs;
	if (!port->data->dev_started)
		port->rx_mode.redistribute = tap_must_redistribute(port);
	if (kernel_rules)
		ret = tap_choose_rules(port, needs, &choice);
	else
		tap_choose_plain(port, &choice);
	if (ret != 0)
		return tap_attach_software(port, needs);
	rte_atomic_store_explicit(&port->rx_mode.rules, tap_rx_rules_of(port, needs),
				  rte_memory_order_release);
	tap_flow_set_alone(port, kernel_rules && !tap_several(port));
	ret = tap_attach_programs(port, &choice);
	if (ret == 0 || port->data->dev_started)
		return ret;
	ret = tap_fall_back(port, "TUNSETSTEERINGEBPF", ret);
	return ret != 0 ? ret : tap_attach(port, needs);
}
