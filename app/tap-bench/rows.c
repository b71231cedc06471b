/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* What the rows and sections are. */

#include <string.h>

#include "bench.h"

#define PLAIN(name, unit, section, bytes)                                                          \
	{                                                                                          \
		name, unit, section, bytes, 0, NULL                                                \
	}

/* Rows of the series "by frame size" and "by burst". */
#define BY_SIZE(row, name, size) [row] = { name, "ns", SECTION_SIZE, size, size, "bytes" }
#define BY_BURST(row, name, burst) [row] = { name, "ns", SECTION_SIZE, 60, burst, "packets" }
#define SIZES(row, name)                                                                           \
	BY_SIZE((row), name, 60), BY_SIZE((row) + 1, name, 128), BY_SIZE((row) + 2, name, 256),    \
		BY_SIZE((row) + 3, name, 512), BY_SIZE((row) + 4, name, 1024),                     \
		BY_SIZE((row) + 5, name, 1500)
#define BURSTS(row, name)                                                                          \
	BY_BURST((row), name, 1), BY_BURST((row) + 1, name, 2), BY_BURST((row) + 2, name, 4),      \
		BY_BURST((row) + 3, name, 8), BY_BURST((row) + 4, name, 16),                       \
		BY_BURST((row) + 5, name, 32), BY_BURST((row) + 6, name, 64)

/* Rows of the queues section: for one number of senders, by number of queues. */
#define BY_QUEUES(row, name, queues) [row] = { name, "kpps", SECTION_QUEUES, 0, queues, "queues" }
#define WIDTHS_OF(senders, name)                                                                   \
	BY_QUEUES(ROW_QUEUES + ((senders)-1) * BENCH_WIDTHS, name, 1),                             \
		BY_QUEUES(ROW_QUEUES + ((senders)-1) * BENCH_WIDTHS + 1, name, 2),                 \
		BY_QUEUES(ROW_QUEUES + ((senders)-1) * BENCH_WIDTHS + 2, name, 4),                 \
		BY_QUEUES(ROW_QUEUES + ((senders)-1) * BENCH_WIDTHS + 3, name, 8)

const struct bench_row_text bench_row_text[ROW_COUNT] = {
	[ROW_RX_60] = PLAIN("Rx 60 B", "ns", SECTION_RX, 60),
	[ROW_RX_60_KEEP] = PLAIN("Rx 60 B, mbufs kept", "ns", SECTION_RX, 60),
	[ROW_RX_60_CSUM] = PLAIN("Rx 60 B, checksum offload", "ns", SECTION_RX, 60),
	[ROW_RX_1500] = PLAIN("Rx 1500 B", "ns", SECTION_RX, 1500),
	[ROW_RX_1500_CSUM] = PLAIN("Rx 1500 B, checksum offload", "ns", SECTION_RX, 1500),
	[ROW_TX_60] = PLAIN("Tx 60 B", "ns", SECTION_TX, 60),
	[ROW_TX_60_CSUM] = PLAIN("Tx 60 B, UDP checksum offload", "ns", SECTION_TX, 60),
	[ROW_TX_1500] = PLAIN("Tx 1500 B", "ns", SECTION_TX, 1500),
	[ROW_TX_1500_CSUM] = PLAIN("Tx 1500 B, UDP checksum offload", "ns", SECTION_TX, 1500),
	[ROW_IDLE] = PLAIN("idle poll of one queue", "ns", SECTION_IDLE, 0),
	[ROW_SEND_V4_BYPASS] =
		PLAIN("sender IPv4/UDP, qdisc bypassed", "cycles", SECTION_SENDER, 0),
	[ROW_SEND_V6_BYPASS] =
		PLAIN("sender IPv6/TCP, qdisc bypassed", "cycles", SECTION_SENDER, 0),
	[ROW_SEND_V4_QDISC] = PLAIN("sender IPv4/UDP, through qdisc", "cycles", SECTION_SENDER, 0),
	[ROW_SEND_V6_QDISC] = PLAIN("sender IPv6/TCP, through qdisc", "cycles", SECTION_SENDER, 0),
	[ROW_SUPER_RX_CSUM] = PLAIN("Rx, cut, checksum offload", "ns", SECTION_SUPER, 1448),
	[ROW_SUPER_RX] = PLAIN("Rx, cut, checksums in packets", "ns", SECTION_SUPER, 1448),
	[ROW_SUPER_RX_LRO] = PLAIN("Rx, LRO", "ns", SECTION_SUPER, 1448),
	[ROW_SUPER_TX_CSUM] = PLAIN("Tx, joined, checksums by flag", "ns", SECTION_SUPER, 1448),
	[ROW_SUPER_TX] = PLAIN("Tx, joined, checksums verified", "ns", SECTION_SUPER, 1448),
	[ROW_SUPER_TX_UDP] = PLAIN("Tx, UDP 1400 B, checksums by flag", "ns", SECTION_SUPER, 1400),
	[ROW_CKSUM] = PLAIN("checksum of 1448 bytes", "ns", SECTION_SUPER, 1448),
	SIZES(ROW_SIZE_RX, "Rx by frame size"),
	SIZES(ROW_SIZE_TX, "Tx by frame size"),
	BURSTS(ROW_BURST_RX, "Rx 60 B by burst"),
	BURSTS(ROW_BURST_TX, "Tx 60 B by burst"),
	WIDTHS_OF(1, "drained, 1 sender"),
	WIDTHS_OF(2, "drained, 2 senders"),
	WIDTHS_OF(3, "drained, 3 senders"),
	WIDTHS_OF(4, "drained, 4 senders"),
	WIDTHS_OF(5, "drained, 5 senders"),
	WIDTHS_OF(6, "drained, 6 senders"),
	WIDTHS_OF(7, "drained, 7 senders"),
	WIDTHS_OF(8, "drained, 8 senders"),
	[ROW_START] = PLAIN("hotplug to first packet", "ms", SECTION_START, 0),
	[ROW_START_PROBE] = PLAIN("of it: probe", "ms", SECTION_START, 0),
	[ROW_START_SETUP] = PLAIN("of it: configure, queues", "ms", SECTION_START, 0),
	[ROW_START_START] = PLAIN("of it: start, promiscuous", "ms", SECTION_START, 0),
	[ROW_START_PACKET] = PLAIN("of it: packet", "ms", SECTION_START, 0),
	[ROW_WATCH_60] = PLAIN("Rx 60 B, watched", "ns", SECTION_WATCH, 0),
	[ROW_WATCH_1500] = PLAIN("Rx 1500 B, watched", "ns", SECTION_WATCH, 0),
	[ROW_WATCH_CPU] = PLAIN("CPU time of watch", "us/s", SECTION_WATCH, 0),
};

const char *const bench_lone_text[LONE_CASES] = {
	[LONE_BYPASS_1Q] = "bypass, 1 queue",
	[LONE_BYPASS_4Q] = "bypass, 4 queues",
	[LONE_QDISC_1Q] = "qdisc, 1 queue",
	[LONE_QDISC_4Q] = "qdisc, 4 queues",
};

static const struct {
	const char *name;
	unsigned int section;
} sections[] = {
	{ "rx", SECTION_RX },         { "tx", SECTION_TX },       { "idle", SECTION_IDLE },
	{ "sender", SECTION_SENDER }, { "lone", SECTION_LONE },   { "bpf", SECTION_BPF },
	{ "flow", SECTION_FLOW },     { "super", SECTION_SUPER }, { "size", SECTION_SIZE },
	{ "queues", SECTION_QUEUES }, { "start", SECTION_START }, { "watch", SECTION_WATCH },
	{ "all", SECTION_ALL },
};

const char *
bench_section_name(unsigned int section)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (sections[i].section == section)
			return sections[i].name;
	return "";
}

unsigned int
bench_section_find(const char *name)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (strcmp(sections[i].name, name) == 0)
			return sections[i].section;
	return 0;
}

void
bench_row_label(const struct bench_row_text *row, char *label, size_t size)
{
	if (row->x_name == NULL)
		snprintf(label, size, "%s", row->name);
	else
		snprintf(label, size, "%s, %s: %u", row->name, row->x_name, row->x);
}

double
bench_bytes_per_cycle(const struct bench_row_text *row, double ns, const struct bench_series *clock)
{
	double cycles = ns * bench_median(clock->port, clock->n);

	return cycles > 0 ? row->bytes / cycles : 0;
}
