/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow_text.h"

#define ITEM(name, TYPE)                                                                           \
	{                                                                                          \
		name, RTE_FLOW_ITEM_TYPE_##TYPE                                                    \
	}
static const struct {
	const char *name;
	enum rte_flow_item_type type;
} item_names[] = {
	ITEM("void", VOID),
	ITEM("any", ANY),
	ITEM("eth", ETH),
	ITEM("vlan", VLAN),
	ITEM("ipv4", IPV4),
	ITEM("ipv6", IPV6),
	ITEM("arp_eth_ipv4", ARP_ETH_IPV4),
	ITEM("tcp", TCP),
	ITEM("udp", UDP),
	ITEM("sctp", SCTP),
	ITEM("icmp", ICMP),
	ITEM("icmp6", ICMP6),
	ITEM("gre", GRE),
	ITEM("gre_key", GRE_KEY),
	ITEM("nvgre", NVGRE),
	ITEM("vxlan", VXLAN),
	ITEM("geneve", GENEVE),
	ITEM("gtpu", GTPU),
};

#define ACTION(name, TYPE)                                                                         \
	{                                                                                          \
		name, RTE_FLOW_ACTION_TYPE_##TYPE                                                  \
	}
static const struct {
	const char *name;
	enum rte_flow_action_type type;
} action_names[] = {
	ACTION("void", VOID), ACTION("queue", QUEUE),       ACTION("rss", RSS),
	ACTION("drop", DROP), ACTION("passthru", PASSTHRU), ACTION("mark", MARK),
	ACTION("flag", FLAG), ACTION("count", COUNT),       ACTION("shared", INDIRECT),
	ACTION("jump", JUMP),
};

int
flow_text_hex(const char *text, uint8_t *bytes, unsigned int room)
{
	unsigned int n, byte;

	if (strcmp(text, "-") == 0)
		return 0;
	for (n = 0; text[2 * n] != '\0'; n++) {
		if (n == room || sscanf(text + 2 * n, "%2x", &byte) != 1)
			return -1;
		bytes[n] = (uint8_t)byte;
	}
	return (int)n;
}

/* The part up to the next colon, which is cut off. */
static char *
next_part(char **rest)
{
	static char none[] = "-";
	char *part = strsep(rest, ":");

	return part != NULL ? part : none;
}

static bool
read_item(struct flow_text *t, char *rest)
{
	struct rte_flow_item *item = &t->items[t->n_items];
	uint8_t(*bytes)[FLOW_ITEM_ROOM] = t->bytes[t->n_items];
	const void *part[3] = { NULL };
	const char *name = strsep(&rest, ":");
	unsigned int i;
	int n;

	if (t->n_items == FLOW_ITEMS - 1)
		return false;
	for (i = 0; rest != NULL && i < 3; i++) {
		n = flow_text_hex(next_part(&rest), bytes[i], FLOW_ITEM_ROOM);
		if (n < 0)
			return false;
		if (n > 0)
			part[i] = bytes[i];
	}
	item->spec = part[0];
	item->last = part[1];
	item->mask = part[2];
	for (i = 0; i < RTE_DIM(item_names); i++)
		if (strcmp(item_names[i].name, name) == 0) {
			item->type = item_names[i].type;
			t->n_items++;
			return true;
		}
	return false;
}

static bool
read_rss(struct flow_text *t, struct rte_flow_action_rss *rss, char *rest)
{
	char *queue;
	int n;

	rss->func = (enum rte_eth_hash_function)strtoul(next_part(&rest), NULL, 0);
	rss->level = (uint32_t)strtoul(next_part(&rest), NULL, 0);
	rss->types = strtoull(next_part(&rest), NULL, 16);
	n = flow_text_hex(next_part(&rest), t->key, sizeof(t->key));
	if (n < 0)
		return false;
	rss->key = n > 0 ? t->key : NULL;
	rss->key_len = (uint32_t)n;
	rss->queue = t->queues;
	while (rest != NULL && *rest != '\0') {
		queue = strsep(&rest, ",");
		if (rss->queue_num == FLOW_QUEUES)
			return false;
		t->queues[rss->queue_num++] = (uint16_t)strtoul(queue, NULL, 0);
	}
	return true;
}

static bool
read_conf(struct flow_text *t, struct rte_flow_action *action, char *rest, const void *shared)
{
	switch (action->type) {
	case RTE_FLOW_ACTION_TYPE_QUEUE:
		t->conf[t->n_actions].queue.index = (uint16_t)strtoul(next_part(&rest), NULL, 0);
		break;
	case RTE_FLOW_ACTION_TYPE_MARK:
		t->conf[t->n_actions].mark.id = (uint32_t)strtoul(next_part(&rest), NULL, 0);
		break;
	case RTE_FLOW_ACTION_TYPE_RSS:
		if (!read_rss(t, &t->conf[t->n_actions].rss, rest))
			return false;
		break;
	case RTE_FLOW_ACTION_TYPE_INDIRECT:
		action->conf = shared;
		return true;
	default:
		return true;
	}
	action->conf = &t->conf[t->n_actions];
	return true;
}

static bool
read_action(struct flow_text *t, char *rest, const void *shared)
{
	struct rte_flow_action *action = &t->actions[t->n_actions];
	const char *name = strsep(&rest, ":");
	unsigned int i;

	if (t->n_actions == FLOW_ACTIONS - 1)
		return false;
	for (i = 0; i < RTE_DIM(action_names); i++)
		if (strcmp(action_names[i].name, name) == 0)
			break;
	if (i == RTE_DIM(action_names))
		return false;
	action->type = action_names[i].type;
	if (!read_conf(t, action, rest, shared))
		return false;
	t->n_actions++;
	return true;
}

bool
flow_text_word(struct flow_text *t, char *word, const void *shared)
{
	char *value = strchr(word, '=');

	if (value == NULL)
		return false;
	*value++ = '\0';
	if (strcmp(word, "item") == 0)
		return read_item(t, value);
	if (strcmp(word, "act") == 0)
		return read_action(t, value, shared);
	if (strcmp(word, "prio") == 0) {
		t->attr.priority = (uint32_t)strtoul(value, NULL, 0);
	} else if (strcmp(word, "group") == 0) {
		t->attr.group = (uint32_t)strtoul(value, NULL, 0);
	} else if (strcmp(word, "attr") == 0) {
		t->attr.ingress = strchr(value, 'i') != NULL;
		t->attr.egress = strchr(value, 'e') != NULL;
		t->attr.transfer = strchr(value, 't') != NULL;
	} else {
		return false;
	}
	return true;
}
