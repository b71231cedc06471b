/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * The limit of forwarding: frames go between two taps by read() and write() alone, in
 * one thread that polls both as a driver would.
 */

#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_net.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "bench.h"
#include "rawtap.h"

/* The longest frame, and the vnet header before it. */
#define LOOP_ROOM (65536 + 64)

/* One way through the loop. */
struct loop_way {
	const char *from;
	const char *to;
	int in;
	int out;
	uint64_t frames;
	uint64_t bytes; /**< of frames, without vnet headers */
	uint64_t failed;
};

static volatile sig_atomic_t loop_ended;

static void
end_loop(int signum)
{
	(void)signum;
	loop_ended = 1;
}

/* @return whether there was a frame */
static bool
forward_burst(struct loop_way *way, size_t header, unsigned int segments)
{
	static uint8_t frame[LOOP_ROOM];
	unsigned int n;

	for (n = 0; n < BENCH_BURST; n++) {
		ssize_t len = read(way->in, frame, sizeof(frame));

		if (len <= 0)
			break;
		if (!parts_write(way->out, frame, (size_t)len, segments)) {
			way->failed++;
			continue;
		}
		way->frames++;
		way->bytes += (uint64_t)len - header;
	}
	return n != 0;
}

/* As testpmd counts its own: a turn in vain costs nothing. @return busy cycles */
static uint64_t
forward(struct loop_way way[2], size_t header, unsigned int segments)
{
	uint64_t busy = 0;

	while (!loop_ended) {
		for (unsigned int i = 0; i < 2; i++) {
			uint64_t start = rte_rdtsc();

			if (forward_burst(&way[i], header, segments))
				busy += rte_rdtsc() - start;
		}
	}
	return busy;
}

static int
pin(unsigned int core)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(core, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) != 0 ? -errno : 0;
}

int
bench_loop(const struct bench_options *opt)
{
	bool vnet = opt->loop == LOOP_VNET;
	const struct sigaction action = { .sa_handler = end_loop };
	struct loop_way way[2];
	uint64_t busy;
	struct raw_tap tap[2];

	memset(way, 0, sizeof(way));
	for (unsigned int i = 0; i < 2; i++) {
		int err = raw_tap_open(&tap[i], opt->loop_iface[i], 1, vnet);

		if (err != 0) {
			fprintf(stderr, "dpdk-tap-bench: --loop-ifaces: tap %s: %s\n",
				opt->loop_iface[i], strerror(-err));
			return err;
		}
	}
	for (unsigned int i = 0; i < 2; i++) {
		way[i].from = opt->loop_iface[i];
		way[i].to = opt->loop_iface[!i];
		way[i].in = tap[i].fd[0];
		way[i].out = tap[!i].fd[0];
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (pin(opt->core) != 0)
		return -errno;
	printf("forwarding between %s and %s\n", way[0].from, way[1].from);
	fflush(stdout);
	busy = forward(way, vnet ? sizeof(struct virtio_net_hdr) : 0, opt->loop_segments);
	for (unsigned int i = 0; i < 2; i++)
		printf("%s to %s: %" PRIu64 " frames, %" PRIu64 " bytes, %" PRIu64 " failed\n",
		       way[i].from, way[i].to, way[i].frames, way[i].bytes, way[i].failed);
	printf("busy cycles: %" PRIu64 "\n", busy);
	close(tap[0].fd[0]);
	close(tap[1].fd[0]);
	return 0;
}
