/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * Lets each call that the driver and libbpf make of others fail, one at a time, and looks what
 * becomes of it: an error, or a lower rung, and a port that works afterwards; nothing lost.
 *
 * For each scenario a clean run tells which call sites there are, and how often each is
 * passed. Then the scenario runs again for each of them. What is called only because another call
 * has failed comes last, with both faults in one run.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "patience.h"
#include "runner.h"
#include "scenarios.h"

/* The longest that one run may take. */
#define RUN_SECONDS 30

struct options {
	bool list;
	bool missed;           /* list call sites that have not failed */
	bool full;             /* each passage of each site with each errno, not one of each */
	unsigned long seconds; /* 0: as long as it takes */
	const char *only;      /* scenario */
	int site;              /* -1: all */
};

/* What is being injected, for the words of a crash. */
static struct {
	const struct scenario *scenario;
	struct fault fault[2];
	unsigned int n;
	unsigned int order; /* the first one's, in the recording of its scenario */
} current;

static struct {
	unsigned int injected;
	unsigned int second;  /* of these: after another fault */
	unsigned int refused; /* the call failed, and worked the second time */
	unsigned int lower;   /* it went on in software, or with the basic program */
	unsigned int went_on; /* with no difference that can be seen */
	unsigned int not_met; /* the run did not pass there this time */
	unsigned int bad;
	unsigned int left; /* not injected, for want of time */
} total;

static uint64_t deadline; /* in TSC cycles; 0: none */

static bool injected_before[FAULT_MAX_SITES];
static bool injected_here[FAULT_MAX_SITES]; /* in this scenario */

/* The fault that leads to a site which no good run passes. */
static struct {
	const struct scenario *scenario; /* NULL: none is known */
	struct fault fault;
	unsigned int order;
	unsigned int rung;
} way_to[FAULT_MAX_SITES];

/* In a handler, too: the process is lost, and meson ends it if this hangs. */
/* NOLINTBEGIN(bugprone-signal-handler,cert-sig30-c) */
static void
print_current(void)
{
	unsigned int i;

	printf("    --only '%s'", current.scenario->name);
	if (current.n == 0)
		printf(", without a fault\n");
	else
		printf(" --site %u\n", current.order);
	for (i = 0; i < current.n; i++) {
		printf("    %spassage %u: %s: ", i == 0 ? "" : "then ", current.fault[i].nth,
		       strerror(current.fault[i].error));
		fault_print(stdout, current.fault[i].site);
	}
}

/* A crash or an endless wait: say where, and end. */
static void
crashed(int sig)
{
	signal(sig, SIG_DFL);
	/* Words take memory, which may be what is broken. */
	signal(SIGALRM, SIG_DFL);
	alarm(RUN_SECONDS);
	fault_leave();
	fault_stop();
	printf("CRASHED: %s\n", sig == SIGALRM ? "no end" : strsignal(sig));
	print_current();
	kit_log_print();
	fflush(stdout);
	raise(sig);
}
/* NOLINTEND(bugprone-signal-handler,cert-sig30-c) */

/* One run; fault_record() or fault_arm() was called before. @p first: what it keeps is no leak. */
static void
run_once(const struct scenario *scenario, struct kit_port *port, bool first)
{
	struct kit_count before;
	uint64_t since = fault_now();

	memset(port, 0, sizeof(*port));
	port->want = &scenario->want;
	kit_count(&before, NULL);
	kit_log_reset();
	alarm(test_patience(RUN_SECONDS));
	scenario->run(port);
	if (port->started)
		kit_stop(port);
	kit_remove(port);
	fault_stop();
	if (scenario->tidy != NULL)
		scenario->tidy();
	alarm(0);
	if (!first)
		kit_compare(port, &before);
	if (port->failed) {
		fault_print_live(stdout, since);
		kit_log_print();
	}
}

/* Has a fault of this function at this place been injected, whatever way has led there? */
static bool
place_before(const bool *injected, unsigned int site)
{
	const struct fault_site *s = fault_site(site);
	unsigned int i;

	for (i = 0; i < fault_sites(); i++)
		if (injected[i] && fault_site(i)->kind == s->kind &&
		    fault_site(i)->caller[0] == s->caller[0])
			return true;
	return false;
}

/* Calls that were made after the fault, and perhaps because of it. */
static void
remember_ways(const struct scenario *scenario, unsigned int rung)
{
	unsigned int i;

	for (i = 0; i < fault_sites(); i++)
		if (fault_site(i)->after != 0 && way_to[i].scenario == NULL &&
		    !injected_before[i]) {
			way_to[i].scenario = scenario;
			way_to[i].fault = current.fault[0];
			way_to[i].order = current.order;
			way_to[i].rung = rung;
		}
}

static void
inject(const struct scenario *scenario, unsigned int rung)
{
	struct kit_port port;

	if (deadline != 0 && rte_rdtsc() > deadline) {
		total.left++;
		return;
	}
	fault_arm(current.fault, current.n);
	run_once(scenario, &port, false);
	if (port.failed) {
		print_current();
		total.bad++;
	}
	if (fault_struck() < current.n) {
		total.not_met++;
		return;
	}
	if (current.n == 1)
		remember_ways(scenario, rung);
	injected_before[current.fault[current.n - 1].site] = true;
	injected_here[current.fault[current.n - 1].site] = true;
	total.injected++;
	total.second += current.n == 2;
	total.refused += port.refused;
	total.lower += !port.refused && port.rung > rung;
	total.went_on += !port.refused && port.rung <= rung;
}

/* Is there something new to learn from it in this scenario? */
static bool
worthwhile(const struct scenario *scenario, const struct options *options, unsigned int site)
{
	if (options->site >= 0)
		return fault_site(site)->order == (unsigned int)options->site;
	if (options->full)
		return true;
	if (scenario->all)
		return !place_before(injected_here, site);
	return scenario->slow ? !place_before(injected_before, site) : !injected_before[site];
}

/* The last of @p n faults at one site, with one error or each. */
static void
inject_errors(const struct scenario *scenario, unsigned int rung, unsigned int n, bool full)
{
	struct fault *last = &current.fault[n - 1];
	const struct fault_kind *kind = fault_site(last->site)->kind;
	unsigned int e;

	current.n = n;
	for (e = 0; e < (full ? FAULT_MAX_ERRORS : 1) && kind->error[e] != 0; e++) {
		last->error = kind->error[e];
		inject(scenario, rung);
	}
}

/* The passages of one site. */
static void
inject_site(const struct scenario *scenario, unsigned int site, uint32_t hits, unsigned int rung,
	    bool full)
{
	uint32_t nth;

	for (nth = 0; nth < (full ? hits : 1); nth++) {
		current.order = fault_site(site)->order;
		current.fault[0] = (struct fault){ .site = site, .nth = nth };
		inject_errors(scenario, rung, 1, full);
	}
}

/* @return whether the scenario has passed */
static bool
test_scenario(const struct scenario *scenario, const struct options *options)
{
	static uint32_t hits[FAULT_MAX_SITES];
	unsigned int before = total.injected;
	unsigned int bad = total.bad;
	uint64_t begin = rte_rdtsc();
	struct kit_port port;
	unsigned int n = 0;
	unsigned int i;

	memset(injected_here, 0, sizeof(injected_here));
	/* Once for what happens once in a process, once to record. */
	current.scenario = scenario;
	current.n = 0;
	run_once(scenario, &port, true);
	if (!port.failed) {
		fault_record();
		run_once(scenario, &port, false);
	}
	if (port.failed)
		return false;
	for (i = 0; i < fault_sites(); i++) {
		hits[i] = fault_site(i)->hits;
		n += hits[i] != 0;
	}
	printf("%s: %s: %u call sites\n", scenario->name, scenario->what, n);
	/* Then the wrappers are not in the way of the calls. */
	if (n == 0)
		return false;
	for (i = 0; i < fault_sites(); i++) {
		if (hits[i] == 0)
			continue;
		if (options->list) {
			printf("    site %u: ", fault_site(i)->order);
			fault_print(stdout, i);
		} else if (worthwhile(scenario, options, i))
			inject_site(scenario, i, hits[i], port.rung, options->full);
	}
	printf("    %u faults injected, %u of them wrongly dealt with, %u s\n",
	       total.injected - before, total.bad - bad,
	       (unsigned int)((rte_rdtsc() - begin) / rte_get_tsc_hz()));
	/* The good call after all of them. */
	current.n = 0;
	run_once(scenario, &port, false);
	return total.bad == bad && !port.failed;
}

/* Does only another fault of this scenario lead to a site, and is there something new to learn there? */
static bool
second_due(const struct scenario *scenario, const struct options *options, unsigned int site)
{
	return way_to[site].scenario == scenario && !injected_before[site] &&
	       (options->full || !place_before(injected_before, site));
}

/* Two faults: at sites that only another fault leads to, that of the first way found. */
static bool
inject_second(const struct scenario *scenario, const struct options *options)
{
	unsigned int bad = total.bad;
	unsigned int i;

	current.scenario = scenario;
	for (i = 0; i < fault_sites(); i++) {
		if (!second_due(scenario, options, i))
			continue;
		current.order = way_to[i].order;
		current.fault[0] = way_to[i].fault;
		current.fault[1] = (struct fault){ .site = i };
		inject_errors(scenario, way_to[i].rung, 2, options->full);
	}
	return total.bad == bad;
}

static void
run_scenario(const struct scenario *scenario, const struct options *options, const char *what,
	     bool (*test)(const struct scenario *scenario, const struct options *options))
{
	bool good = scenario->prepare == NULL || scenario->prepare() == 0;

	if (good)
		good = test(scenario, options);
	if (scenario->clean != NULL)
		scenario->clean();
	printf("%s %s: %s\n", good ? "ok    " : "FAILED", what, scenario->name);
	if (good)
		tests_passed++;
	else
		tests_failed++;
}

static bool
has_second(const struct scenario *scenario, const struct options *options)
{
	unsigned int i;

	for (i = 0; i < fault_sites(); i++)
		if (second_due(scenario, options, i))
			return true;
	return false;
}

static void
print_totals(void)
{
	unsigned int places = 0;
	unsigned int sites = 0;
	unsigned int i, j;

	for (i = 0; i < fault_sites(); i++) {
		if (!injected_before[i])
			continue;
		sites++;
		for (j = 0; j < i; j++)
			if (injected_before[j] && fault_site(j)->kind == fault_site(i)->kind &&
			    fault_site(j)->caller[0] == fault_site(i)->caller[0])
				break;
		places += j == i;
	}
	printf("faults: %u injected, %u of them after another, at %u call sites that %u ways of up to %d calls lead to;\n"
	       "    %u calls refused and made again, %u lower rungs, %u went on, %u not met again;\n"
	       "    %u wrongly dealt with or with a leak\n",
	       total.injected, total.second, places, sites, FAULT_FRAMES, total.refused,
	       total.lower, total.went_on, total.not_met, total.bad);
	if (total.left != 0)
		printf("    %u more not injected, for want of time\n", total.left);
}

static void
usage(FILE *out, const char *program)
{
	unsigned int i;

	fprintf(out,
		"%s [--list] [--full] [--missed] [--seconds N] [--only SCENARIO] [--site N]\n"
		"  --list   call sites, and no faults\n"
		"  --full   each passage of each site with each error; else each site once\n"
		"           (TAP_TEST_LONG=1 in the environment means the same)\n"
		"  --seconds N    end after this time, with less\n"
		"  --missed at the end, call sites of the program that have not failed\n"
		"  --only   one scenario:\n",
		program);
	for (i = 0; i < scenarios_count(); i++)
		fprintf(out, "             %-16s %s\n", scenarios[i].name, scenarios[i].what);
	fprintf(out, "  --site   one call site of it, by its number in --list, as with --full\n");
}

static bool
parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "list", no_argument, NULL, 'l' },
		{ "full", no_argument, NULL, 'f' },
		{ "only", required_argument, NULL, 'o' },
		{ "site", required_argument, NULL, 's' },
		{ "missed", no_argument, NULL, 'm' },
		{ "seconds", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	const char *longer = getenv("TAP_TEST_LONG");
	int c;

	*options =
		(struct options){ .site = -1, .full = longer != NULL && strcmp(longer, "1") == 0 };
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		switch (c) {
		case 'l':
			options->list = true;
			break;
		case 't':
			options->seconds = strtoul(optarg, NULL, 0);
			break;
		case 'm':
			options->missed = true;
			break;
		case 'f':
			options->full = true;
			break;
		case 'o':
			options->only = optarg;
			break;
		case 's':
			options->site = (int)strtol(optarg, NULL, 0);
			options->full = true;
			break;
		default:
			usage(c == 'h' ? stdout : stderr, argv[0]);
			return false;
		}
	return true;
}

int
main(int argc, char **argv)
{
	struct options options;
	unsigned int i;

	setlinebuf(stdout);
	if (!parse_options(argc, argv, &options))
		return EXIT_FAILURE;
	if (geteuid() != 0)
		return test_skip_all("it takes root to make netdevs", "TAP_TEST_REQUIRE_BPF");
	if (kit_init(argv[0]) != 0)
		return EXIT_FAILURE;
	signal(SIGSEGV, crashed);
	signal(SIGBUS, crashed);
	signal(SIGABRT, crashed);
	signal(SIGALRM, crashed);
	if (options.seconds != 0)
		deadline = rte_rdtsc() + options.seconds * rte_get_tsc_hz();
	for (i = 0; i < scenarios_count(); i++)
		if (options.only == NULL || strcmp(options.only, scenarios[i].name) == 0)
			run_scenario(&scenarios[i], &options, "fault", test_scenario);
	for (i = 0; i < scenarios_count(); i++)
		if (has_second(&scenarios[i], &options))
			run_scenario(&scenarios[i], &options, "second fault", inject_second);
	print_totals();
	if (!options.list &&
	    !fault_print_places(argv[0], injected_before, options.missed,
				options.only == NULL && options.site < 0 && total.left == 0))
		tests_failed++;
	kit_end();
	return test_summary();
}
