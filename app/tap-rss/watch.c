/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* Packets and drops of each queue, live: bars in a terminal, or a JSON object per interval. */

#include <inttypes.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curses.h>

#include "cli.h"

#define DEFAULT_INTERVAL_MS 1000
/* Columns of text beside a bar. */
#define BESIDE 44

struct watch {
	struct cli_port *port;
	unsigned long interval; /**< ms */
	unsigned long count;    /**< intervals to show; 0: until told to leave */
	json_t *last;           /**< counters as they were */
	double last_s;
	size_t queues;
	double pps[TAP_MAX_QUEUES];
	double drops[TAP_MAX_QUEUES];
	double kernel_drops;
};

static volatile sig_atomic_t leave;

static void
on_signal(int number)
{
	(void)number;
	leave = 1;
}

/* After ncurses, which has handlers of its own. */
static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A counter's rate; statistics that were reset meanwhile count from 0. */
static double
rate(uint64_t now, uint64_t before, double seconds)
{
	return (double)(now >= before ? now - before : now) / seconds;
}

static uint64_t
drops_of(const json_t *queues, size_t i)
{
	return cli_counter(queues, "rx_missed", i) + cli_counter(queues, "rx_truncated", i);
}

/* Take in new counters; false if the port has gone. */
static bool
take(struct watch *w)
{
	json_t *now = cli_queues(w->port);
	double at = now_s(), s = at - w->last_s;
	size_t i;

	if (now == NULL)
		return false;
	w->queues = (size_t)cli_int(now, "rx_queues");
	if (w->queues > TAP_MAX_QUEUES)
		w->queues = TAP_MAX_QUEUES;
	for (i = 0; w->last != NULL && i < w->queues; i++) {
		w->pps[i] = rate(cli_counter(now, "rx_packets", i),
				 cli_counter(w->last, "rx_packets", i), s);
		w->drops[i] = rate(drops_of(now, i), drops_of(w->last, i), s);
	}
	if (w->last != NULL)
		w->kernel_drops = rate((uint64_t)cli_int(now, "kernel_missed"),
				       (uint64_t)cli_int(w->last, "kernel_missed"), s);
	json_decref(w->last);
	w->last = now;
	w->last_s = at;
	return true;
}

static void
draw(const struct watch *w)
{
	int width = COLS > BESIDE ? COLS - BESIDE : 0, row, used, k;
	double most = 1, sum = 0;
	size_t i;

	for (i = 0; i < w->queues; i++) {
		most = w->pps[i] > most ? w->pps[i] : most;
		sum += w->pps[i];
	}
	erase();
	mvprintw(0, 0, "%s, port %d: RSS runs %s", cli_text(w->port->info, "iface"), w->port->id,
		 cli_rung(w->port));
	mvprintw(1, 0, "%5s %12s %7s  %12s", "queue", "packets/s", "share", "drops/s");
	for (i = 0; i < w->queues && (int)i + 4 < LINES; i++) {
		row = (int)i + 2;
		used = (int)(w->pps[i] / most * width + 0.5);
		mvprintw(row, 0, "%5zu %12.0f %6.1f%%  %12.0f  ", i, w->pps[i],
			 sum == 0 ? 0 : 100 * w->pps[i] / sum, w->drops[i]);
		for (k = 0; k < used; k++)
			addch(' ' | A_REVERSE);
	}
	if (i < w->queues)
		printw("\n%zu more queues: the window is too small", w->queues - i);
	printw("\n%5s %12.0f           %12.0f  dropped by the kernel, its queues full\n", "all",
	       sum, w->kernel_drops);
	printw("q leaves");
	refresh();
}

/* Wait for the next interval; keys are looked at meanwhile. */
static void
wait_in_terminal(const struct watch *w)
{
	double end = now_s() + (double)w->interval / 1000;
	int key;

	while (!leave && now_s() < end) {
		timeout((int)((end - now_s()) * 1000) + 1);
		key = getch();
		if (key == 'q' || key == 'Q')
			leave = 1;
		if (key == KEY_RESIZE)
			draw(w);
		/* A terminal that has gone gives nothing, at once. */
		if (key == ERR && now_s() < end && !isatty(STDIN_FILENO))
			break;
	}
}

static int
watch_terminal(struct watch *w)
{
	SCREEN *screen;
	bool alive;
	unsigned long n = 0;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return cli_error("watch needs a terminal; elsewhere use watch --json");
	setlocale(LC_ALL, "");
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL)
		return cli_error("the terminal is unknown: set TERM, or use watch --json");
	catch_signals();
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	alive = take(w);
	while (alive && !leave) {
		draw(w);
		if (w->count != 0 && n++ == w->count)
			break;
		wait_in_terminal(w);
		alive = leave || take(w);
	}
	endwin();
	delscreen(screen);
	return alive ? CLI_OK : cli_error("the port has gone");
}

static int
print_json(const struct watch *w)
{
	json_t *pps = json_array(), *drops = json_array(), *o;
	size_t i;
	bool ok;

	for (i = 0; i < w->queues; i++) {
		json_array_append_new(pps, json_real(w->pps[i]));
		json_array_append_new(drops, json_real(w->drops[i]));
	}
	o = json_pack("{s:s, s:i, s:o, s:o, s:f}", "iface", cli_text(w->port->info, "iface"),
		      "port", w->port->id, "rx_packets_per_second", pps, "rx_drops_per_second",
		      drops, "kernel_drops_per_second", w->kernel_drops);
	ok = o != NULL && json_dumpf(o, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF &&
	     fflush(stdout) == 0;
	json_decref(o);
	return ok ? CLI_OK : cli_error("cannot write JSON");
}

static int
watch_json(struct watch *w)
{
	unsigned long n = 0;
	int ret = CLI_OK;

	catch_signals();
	if (!take(w))
		return cli_error("the port has gone");
	while (!leave && ret == CLI_OK && (w->count == 0 || n++ < w->count)) {
		poll(NULL, 0, (int)w->interval);
		if (leave)
			break;
		ret = take(w) ? print_json(w) : cli_error("the port has gone");
	}
	return ret;
}

int
cli_watch(int argc, char **argv)
{
	static const struct option options[] = { { "interval", required_argument, NULL, 'i' },
						 { "count", required_argument, NULL, 'n' },
						 CLI_OPTIONS };
	struct watch w = { .interval = DEFAULT_INTERVAL_MS };
	struct cli cli = { .json = false };
	const char *selector;
	int c, ret;

	while ((c = cli_option(&cli, argc, argv, options)) != -1) {
		if (c == 'i' && cli_number("--interval", optarg, 50, 60000, &w.interval))
			continue;
		if (c != 'n' || !cli_number("--count", optarg, 1, 1000000000, &w.count))
			return CLI_FAILED;
	}
	if (cli_selector(argc, argv, &selector) != 0)
		return CLI_FAILED;
	w.port = cli_port(&cli, selector);
	if (w.port == NULL)
		return CLI_FAILED;
	ret = cli.json ? watch_json(&w) : watch_terminal(&w);
	json_decref(w.last);
	cli_ports_free(w.port, 1);
	return ret;
}
