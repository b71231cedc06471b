/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * Fuzz target: rte_flow calls on a port without BPF. The input is a series of calls; each begins
 * with a byte that says which one; the port is a net_tun one if the first of all says so. Whatever is asked for, what validate says create does, an
 * error has words, and after a flush nothing is left.
 */

#include <rte_errno.h>
#include <rte_flow_driver.h>

#include "fuzz_port.h"

#define CALLS 48
#define HANDLES 16
/* Isolate, with bit 5, which that does not use. */
#define IS_NET_TUN(first) (((first)&0x2f) == 0x2d)

static struct rte_flow *rules[HANDLES];
static struct rte_flow_action_handle *counter;
static FILE *nowhere;
static bool searched; /* all handles there may be, which is as expensive as it looks */

static void
check_error(const struct rte_flow_error *error)
{
	FUZZ_CHECK(rte_errno > 0, "%d", rte_errno);
	FUZZ_CHECK(error->type != RTE_FLOW_ERROR_TYPE_NONE, "no type");
	FUZZ_CHECK(error->message != NULL && error->message[0] != '\0', "no message");
}

static void
create(struct fuzz_input *in, unsigned int at)
{
	struct rte_flow_error error = { .message = NULL };
	struct fuzz_rule rule;
	struct rte_flow *flow;
	int valid;

	fuzz_rule_read(in, &rule, counter);
	rte_errno = 0;
	valid = fuzz_flow_ops->validate(&fuzz_dev, &rule.attr, rule.items, rule.actions, &error);
	FUZZ_CHECK(valid == 0 || valid == -rte_errno, "%d", valid);
	if (valid != 0)
		check_error(&error);
	memset(&error, 0, sizeof(error));
	flow = fuzz_flow_ops->create(&fuzz_dev, &rule.attr, rule.items, rule.actions, &error);
	/* There may be such a rule already, or no room; nothing else is in between. */
	FUZZ_CHECK((flow != NULL) == (valid == 0) || rte_errno == EEXIST || rte_errno == ENOSPC,
		   "validate %d, create %d: %s", valid, rte_errno,
		   error.message != NULL ? error.message : "");
	FUZZ_CHECK(flow == NULL || valid == 0, "create takes what validate refuses");
	if (flow == NULL)
		check_error(&error);
	fuzz_rule_free(&rule);
	if (flow == NULL)
		return;
	if (rules[at] != NULL)
		FUZZ_CHECK(fuzz_flow_ops->destroy(&fuzz_dev, rules[at], &error) == 0, "destroy");
	rules[at] = flow;
}

static void
destroy(unsigned int at)
{
	struct rte_flow_error error = { .message = NULL };
	int ret = fuzz_flow_ops->destroy(&fuzz_dev, rules[at], &error);

	FUZZ_CHECK((ret == 0) == (rules[at] != NULL), "%d", ret);
	if (ret != 0)
		check_error(&error);
	rules[at] = NULL;
}

static void
query(unsigned int at)
{
	const struct rte_flow_action count = { .type = RTE_FLOW_ACTION_TYPE_COUNT };
	struct rte_flow_query_count result = { .reset = at & 1 };
	struct rte_flow_error error = { .message = NULL };

	if (fuzz_flow_ops->query(&fuzz_dev, rules[at], &count, &result, &error) != 0)
		check_error(&error);
	if (counter != NULL)
		fuzz_flow_ops->action_handle_query(&fuzz_dev, counter, &result, &error);
}

static void
toggle_counter(void)
{
	const struct rte_flow_action count = { .type = RTE_FLOW_ACTION_TYPE_COUNT };
	const struct rte_flow_indir_action_conf conf = { .ingress = 1 };
	struct rte_flow_error error = { .message = NULL };

	if (counter == NULL)
		counter = fuzz_flow_ops->action_handle_create(&fuzz_dev, &conf, &count, &error);
	else if (fuzz_flow_ops->action_handle_destroy(&fuzz_dev, counter, &error) == 0)
		counter = NULL;
	else
		check_error(&error);
}

static void
dump(unsigned int at)
{
	struct rte_flow_error error = { .message = NULL };

	if (rules[at] == NULL) {
		if (searched)
			return;
		searched = true;
	}
	if (fuzz_flow_ops->dev_dump(&fuzz_dev, rules[at], nowhere, &error) != 0)
		check_error(&error);
	rewind(nowhere);
}

static void
call(struct fuzz_input *in, uint8_t what)
{
	unsigned int at = what >> 4 & (HANDLES - 1);
	struct rte_flow_error error;

	switch (what & 15) {
	case 8:
	case 9:
		destroy(at);
		break;
	case 10:
		query(at);
		break;
	case 11:
	case 12:
		toggle_counter();
		break;
	case 13:
		fuzz_flow_ops->isolate(&fuzz_dev, at & 1, &error);
		break;
	case 14:
		dump(at);
		break;
	case 15:
		if (searched)
			break;
		searched = true;
		fuzz_flow_ops->flush(&fuzz_dev, &error);
		memset(rules, 0, sizeof(rules));
		break;
	default:
		create(in, at);
	}
}

static void
clean_up(void)
{
	struct rte_flow_error error;
	static unsigned int n;
	unsigned int i;

	for (i = 0; i < HANDLES; i++)
		if (rules[i] != NULL)
			destroy(i);
	if (counter != NULL)
		toggle_counter();
	FUZZ_CHECK(counter == NULL, "a counter without rules stays");
	fuzz_flow_ops->isolate(&fuzz_dev, 0, &error);
	fuzz_port_check_empty(++n % 1024 == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	unsigned int i;

	fuzz_port_open(false);
	if (nowhere == NULL)
		nowhere = fopen("/dev/null", "w");
	searched = false;
	fuzz_port.args.l3 = size != 0 && IS_NET_TUN(data[0]);
	for (i = 0; i < CALLS && in.left != 0; i++)
		call(&in, fuzz_u8(&in));
	clean_up();
	return 0;
}
