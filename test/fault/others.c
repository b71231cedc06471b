/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "channels.h"
#include "scenarios.h"
#include "tap_ethdev.h"
#include "tap_mp.h"

/* What others want of a running port: secondary processes, telemetry. */

/* The same port once more, as a secondary process has it; far from the numbers that are taken. */
static struct rte_eth_dev *
secondary(void)
{
	return &rte_eth_devices[RTE_MAX_ETHPORTS - 1];
}

static int
attach(struct kit_port *port)
{
	struct rte_eth_dev *dev = secondary();
	int ret;

	dev->data = rte_eth_devices[port->id].data;
	dev->dev_ops = &tap_secondary_ops;
	channels.secondary = dev;
	ret = tap_mp_attach(dev);
	if (ret != 0)
		channels.secondary = NULL;
	return ret;
}

/* Fetch what the primary has announced. A secondary that could not be told does nothing. */
static int
fetch(struct kit_port *port)
{
	rte_eal_alarm_callback callback = channels.alarm;

	RTE_SET_USED(port);
	channels.alarm = NULL;
	if (callback != NULL)
		callback(channels.alarm_arg);
	return 0;
}

static bool
polls(void)
{
	return secondary()->rx_pkt_burst != rte_eth_pkt_burst_dummy;
}

/* Once more, and the secondary must be there again whatever it has missed before. */
static bool
again(struct kit_port *port)
{
	unsigned int before = fault_struck();

	if (!kit_stop(port) || !kit_start(port, port->queues) || !kit_step(port, "fetch", fetch))
		return false;
	if (fault_struck() == before && !polls())
		kit_complain(port, "the secondary process does not poll after stop and start");
	return true;
}

void
secondary_run(struct kit_port *port)
{
	if (kit_probe(port) && kit_start(port, KIT_QUEUES) && kit_step(port, "attach", attach) &&
	    again(port) && kit_traffic(port))
		again(port);
}

/* The secondary process ends after the port. */
void
secondary_tidy(void)
{
	if (channels.secondary != NULL) {
		tap_mp_detach(secondary());
		channels.secondary = NULL;
	}
	channels.alarm = NULL;
	memset(secondary(), 0, sizeof(*secondary()));
}

/* The parameters of a command, but for the port; the frame is one without a rule, or one of "rule queue". */
static const char *
parameters(const char *command, bool ruled)
{
	if (strcmp(command, "/net_tap/classify") == 0)
		return ruled ? ",0200000000010200000000020800"
			       "4500001c00000000401100000102030405060708"
			       "00090fa200080000" :
			       ",0200000000010200000000020800"
			       "4500001400000000401100000102030405060708";
	if (strcmp(command, "/net_tap/reta") == 0)
		return ",0,00010203";
	return "";
}

static unsigned int command;

static int
ask(struct kit_port *port)
{
	const struct channels_command *c = &channels.command[command / 2];
	bool of_all = strcmp(c->name, "/net_tap/list") == 0;
	struct rte_tel_data *data;
	char params[192];
	int ret;

	snprintf(params, sizeof(params), "%u%s", port->id, parameters(c->name, command % 2));
	fault_leave();
	data = rte_tel_data_alloc();
	fault_enter();
	if (data == NULL)
		return 1;
	ret = c->run(c->name, of_all ? NULL : params, data);
	fault_leave();
	channels_free_given();
	rte_tel_data_free(data);
	fault_enter();
	return ret;
}

/* Each command twice. */
static bool
ask_all(struct kit_port *port)
{
	bool good = true;

	for (command = 0; good && command < 2 * channels.n_commands; command++)
		good = kit_step(port, channels.command[command / 2].name, ask);
	return good;
}

void
telemetry_run(struct kit_port *port)
{
	if (kit_probe(port) && kit_start(port, KIT_QUEUES) && flow_rules(port) && ask_all(port))
		kit_traffic(port);
}

/* Without rules, and on another rung than the first, which has its reasons. */
void
telemetry_soft_run(struct kit_port *port)
{
	if (kit_probe(port) && kit_start(port, KIT_QUEUES) && ask_all(port))
		kit_traffic(port);
}
