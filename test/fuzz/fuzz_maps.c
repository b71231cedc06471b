/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * Fuzz target: somebody else writes to the maps of a running port. The input is a series of steps:
 * bytes into a map, flow rules, RSS, frames. It runs twice, with and without the writing; what
 * the driver's classifier says of the frames must be the same.
 */

#include <rte_flow_driver.h>

#include "fuzz_port.h"
#include "tap_rx.h"

#define STEPS 32
#define HANDLES 8
#define FRAME 256

static struct tap_verdict verdicts[2][STEPS];
static struct rte_flow *rules[HANDLES];

static void
spoil(struct fuzz_input *in, uint8_t what, bool write)
{
	const struct {
		void *at;
		size_t size;
	} maps[] = {
		{ fuzz_kernel_shared, sizeof(*fuzz_kernel_shared) },
		{ fuzz_kernel_tables.flow, sizeof(*fuzz_kernel_tables.flow) },
		{ fuzz_kernel_tables.rule, sizeof(struct tap_flow_rule) * TAP_RULES },
		{ fuzz_kernel_tables.count, sizeof(struct tap_flow_count) * TAP_RULES * 2 },
	};
	unsigned int map = what % 4;
	uint8_t bytes[64];
	uint32_t at = fuzz_u32(in);

	/* Where most that matters is: words at the start. */
	at = what & 0x10 ? at % 64 : at % (uint32_t)(maps[map].size - sizeof(bytes));
	fuzz_take(in, bytes, what & 0x20 ? sizeof(bytes) : 8);
	if (write)
		memcpy((uint8_t *)maps[map].at + at, bytes, what & 0x20 ? sizeof(bytes) : 8);
}

static void
change_rule(struct fuzz_input *in, unsigned int at)
{
	struct rte_flow_error error;
	struct fuzz_rule rule;

	if (rules[at] != NULL) {
		fuzz_flow_ops->destroy(&fuzz_dev, rules[at], &error);
		rules[at] = NULL;
		return;
	}
	fuzz_rule_read(in, &rule, NULL);
	rules[at] = fuzz_flow_ops->create(&fuzz_dev, &rule.attr, rule.items, rule.actions, &error);
	fuzz_rule_free(&rule);
}

static void
change_rss(struct fuzz_input *in)
{
	struct rte_eth_rss_conf rss = { .rss_hf = fuzz_u64(in) & tap_rss_offloads(&fuzz_port) };

	FUZZ_CHECK(tap_rss_hash_update(&fuzz_dev, &rss) == 0, "0x%" PRIx64, rss.rss_hf);
}

static void
classify(struct fuzz_input *in, struct tap_verdict *v)
{
	size_t len;
	uint8_t *frame = fuzz_copy(in, fuzz_u8(in), &len);
	struct tap_pkt pkt = { .data = frame, .contig = (uint32_t)len, .len = (uint32_t)len };
	struct tap_port *port = &fuzz_port;

	tap_classify_rules(&pkt, port->shared, port->shared->active & (TAP_SLOTS - 1),
			   &port->tables, tap_current_view(&port->tables),
			   TAP_COUNT_PASSED | TAP_COUNT_DROPPED, v);
	FUZZ_CHECK(v->queue < FUZZ_QUEUES, "queue %u", v->queue);
	free(frame);
}

static void
clean_up(void)
{
	struct rte_eth_rss_conf rss = { .rss_hf = TAP_RSS_DEFAULT_TYPES };
	struct rte_flow_error error;
	unsigned int i;

	for (i = 0; i < HANDLES; i++)
		if (rules[i] != NULL)
			fuzz_flow_ops->destroy(&fuzz_dev, rules[i], &error);
	memset(rules, 0, sizeof(rules));
	tap_rss_hash_update(&fuzz_dev, &rss);
	fuzz_port_check_empty(false);
}

/* @return frames */
static unsigned int
run(struct fuzz_input in, bool write, struct tap_verdict *v)
{
	unsigned int n = 0;
	unsigned int i;

	for (i = 0; i < STEPS && in.left != 0; i++) {
		uint8_t what = fuzz_u8(&in);

		switch (what >> 6) {
		case 0:
			spoil(&in, what, write);
			break;
		case 1:
			change_rule(&in, what % HANDLES);
			break;
		case 2:
			if (what & 1)
				change_rss(&in);
			else
				tap_flow_dropped(&fuzz_port);
			break;
		default:
			memset(&v[n], 0, sizeof(v[n]));
			classify(&in, &v[n++]);
		}
	}
	clean_up();
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fuzz_input in = { data, size };
	const struct tap_verdict *a = verdicts[0];
	const struct tap_verdict *b = verdicts[1];
	unsigned int i, n;

	fuzz_port_open(true);
	n = run(in, false, verdicts[0]);
	FUZZ_CHECK(run(in, true, verdicts[1]) == n, "%u frames", n);
	for (i = 0; i < n; i++)
		FUZZ_CHECK(a[i].drop == b[i].drop && a[i].hashed == b[i].hashed &&
				   a[i].hash == b[i].hash && a[i].queue == b[i].queue &&
				   a[i].flags == b[i].flags && a[i].mark == b[i].mark,
			   "frame %u: queue %u and %u, hash 0x%x and 0x%x", i, a[i].queue,
			   b[i].queue, a[i].hash, b[i].hash);
	return 0;
}
