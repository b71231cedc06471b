/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* Receive as in rx.c, with and without "dpdk-tap-rss watch" on the port, on the other core. */

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

/* A little more than the interval at which watch polls by default: one poll, seldom two. */
#define PHASE_MS 1100
/* Between the application's start and the first line of watch; EAL's part is not in it. */
#define PATIENCE_MS 10000

/* The process that watches; it is stopped where it must not disturb. */
static struct {
	pid_t pid;
	int out; /* its lines, one for each poll */
	clockid_t cpu;
} watcher;

/* What a phase has found. */
struct phase {
	double ns;         /* of this thread's CPU time per packet */
	double watch_us;   /* CPU time of watch, per second */
	double answers_us; /* of the threads of this process that do not measure, per second */
};

static double
now_us(clockid_t clock)
{
	struct timespec ts = { .tv_sec = 0 };

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* In the child: only what is safe after fork() in a process with threads. */
static _Noreturn void
watch_exec(char *const argv[], int out, unsigned int core)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(core, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(out, STDOUT_FILENO);
	execv(argv[0], argv);
	_exit(EXIT_FAILURE);
}

/* The one of the folder that this program is in. */
static int
watch_path(char *path, size_t size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return -ENOENT;
	self[n] = '\0';
	snprintf(path, size, "%s/dpdk-tap-rss", dirname(self));
	return access(path, X_OK) == 0 ? 0 : -errno;
}

static int
watch_spawn(struct worker *w)
{
	char path[PATH_MAX + 16], prefix[32];
	char *argv[] = { path,
			 (char *)(uintptr_t) "watch",
			 (char *)(uintptr_t) "--json",
			 (char *)(uintptr_t) "--file-prefix",
			 prefix,
			 w->port[ONE_QUEUE].ifname,
			 NULL };
	int out[2];
	pid_t pid;
	int err = watch_path(path, sizeof(path));

	if (err != 0)
		return worker_fail(w, err, "%s: %s", path, strerror(-err));
	worker_prefix(prefix, sizeof(prefix));
	if (pipe2(out, O_CLOEXEC) != 0)
		return worker_fail(w, -errno, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		watch_exec(argv, out[1], w->opt->sender_core);
	close(out[1]);
	watcher.out = out[0];
	/* Never -1: that is a signal to all processes. */
	watcher.pid = pid > 0 ? pid : 0;
	if (pid < 0 || clock_getcpuclockid(pid, &watcher.cpu) != 0)
		return worker_fail(w, -ECHILD, "dpdk-tap-rss watch did not start");
	return 0;
}

/* Wait until it has polled the port, which shows that it does. */
static int
watch_polled(struct worker *w)
{
	struct pollfd p = { .fd = watcher.out, .events = POLLIN };
	char lines[4096];

	if (poll(&p, 1, PATIENCE_MS) != 1 || read(watcher.out, lines, sizeof(lines)) <= 0)
		return worker_fail(w, -ECHILD, "dpdk-tap-rss watch does not see the port %s",
				   w->port[ONE_QUEUE].ifname);
	return 0;
}

static int
phase_measure(struct worker *w, const struct frame_set *set, struct phase *phase)
{
	const struct bench_port *port = &w->port[ONE_QUEUE];
	double start = now_us(CLOCK_MONOTONIC), us;
	double watch = now_us(watcher.cpu);
	double others = now_us(CLOCK_PROCESS_CPUTIME_ID) - now_us(CLOCK_THREAD_CPUTIME_ID);
	double drains = 0;
	uint64_t packets = 0, ticks = 0;
	int err = 0;

	do {
		err = rx_fill(w, set, port->to.bypass, "port");
		drains -= now_us(CLOCK_THREAD_CPUTIME_ID);
		if (err == 0)
			err = rx_drain_port(w, port->id, set->n, BENCH_BURST, &ticks);
		drains += now_us(CLOCK_THREAD_CPUTIME_ID);
		packets += set->n;
		us = now_us(CLOCK_MONOTONIC) - start;
	} while (err == 0 && us < PHASE_MS * 1e3);
	others = now_us(CLOCK_PROCESS_CPUTIME_ID) - now_us(CLOCK_THREAD_CPUTIME_ID) - others;
	phase->ns = drains * 1e3 / (double)packets;
	phase->watch_us = (now_us(watcher.cpu) - watch) / us * 1e6;
	phase->answers_us = others / us * 1e6;
	return err;
}

static int
phase_watched(struct worker *w, const struct frame_set *set, struct phase *phase)
{
	int err;

	kill(watcher.pid, SIGCONT);
	err = watch_polled(w);
	if (err == 0)
		err = phase_measure(w, set, phase);
	if (err == 0)
		err = watch_polled(w);
	kill(watcher.pid, SIGSTOP);
	return err;
}

static int
measure(struct worker *w, unsigned int row, uint16_t len, bool watched_first)
{
	struct phase alone, watched;
	struct frame_set set;
	int err = frame_set_make(&set, BENCH_FILL, false, false, len, 0);

	if (err != 0)
		return worker_fail(w, err, "frames: %s", strerror(-err));
	err = watched_first ? phase_watched(w, &set, &watched) : phase_measure(w, &set, &alone);
	if (err == 0)
		err = watched_first ? phase_measure(w, &set, &alone) :
				      phase_watched(w, &set, &watched);
	frame_set_free(&set);
	if (err != 0)
		return err;
	worker_sample(w, row, alone.ns, watched.ns);
	worker_sample(w, ROW_WATCH_CPU, watched.watch_us, watched.answers_us);
	return 0;
}

int
worker_watch(struct worker *w)
{
	bool first = w->watch_turn++ % 2 != 0;
	int err = 0;

	/* Only this driver's ports can be watched. */
	if (strcmp(w->driver, "stock") == 0)
		return 0;
	port_flush(&w->port[ONE_QUEUE]);
	if (watcher.pid == 0) {
		err = watch_spawn(w);
		if (err == 0)
			err = watch_polled(w);
		if (err == 0)
			kill(watcher.pid, SIGSTOP);
	}
	if (err == 0)
		err = measure(w, ROW_WATCH_60, 60, first);
	if (err == 0)
		err = measure(w, ROW_WATCH_1500, 1500, !first);
	return err;
}
