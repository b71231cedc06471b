/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * ns of the port's programs by BPF_PROG_TEST_RUN, which repeats one frame. So that tables
 * are not always in the nearest cache, each of many frames is run once, which has the
 * system call's own footprint between two runs as a packet has the network stack's. One
 * rule and many rules are run over as many frames, so that only the rules make a difference.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flowcases.h"
#include "tap_policy_abi.h"

/* Frames that differ, where not each is to meet a rule of its own; a power of two. */
#define FEW 2048
/* Steps through frames: odd, so that all are met, and far, so that nothing foresees them. */
#define STRIDE 7919
/* Runs of the same frame. */
#define REPEAT 20000

#define MAX_MASKS 64

/* How a case comes about; more masks than one are of rules that match nothing. */
struct flow_case {
	bool inner;
	unsigned int matches; /* rules, of the first frames */
	unsigned int masks;   /* in all */
	uint16_t priority;    /* of rules that match nothing */
};

static struct flow_case
case_of(unsigned int what)
{
	struct flow_case c = { .matches = 0 };

	switch (what) {
	case FLOW_PLAIN:
		return c;
	case FLOW_MANY:
		c.matches = FLOW_SOME;
		return c;
	case FLOW_FIRST:
		c.priority = 1;
		/* fall through */
	case FLOW_FULL:
		c.masks = MAX_MASKS;
		/* fall through */
	case FLOW_ONE:
		c.matches = 1;
		return c;
	default:
		c.inner = what >= FLOW_INNER;
		c.masks = 1u << (what - (c.inner ? FLOW_INNER : FLOW_OUTER));
		return c;
	}
}

static uint16_t
queue_of(unsigned int frame)
{
	return (uint16_t)((frame / 2 + 1) % BENCH_QUEUES);
}

static int
make_rules(struct worker *w, struct flow_bench *b, const struct flow_case *c)
{
	const struct flow_frames *frames = c->inner ? &b->vxlan : &b->plain;
	struct rte_flow_error error = { .message = NULL };
	int err = 0;

	for (unsigned int i = 0; i < c->matches && err == 0; i++) {
		const struct flow_spec spec = { .frame = i, .queue = queue_of(i) };

		err = flow_set_add(&b->set, frames, &spec, &error);
	}
	for (unsigned int i = c->matches != 0; i < c->masks && err == 0; i++) {
		const struct flow_spec spec = {
			.frame = 0,
			.mask = (uint8_t)i,
			.miss = true,
			.priority = c->priority,
		};

		err = flow_set_add(&b->set, frames, &spec, &error);
	}
	return err == 0 ? 0 : flow_fail(w, err, "insert", &error);
}

/* What a program has to return for a frame. */
static int
expected(const struct flow_bench *b, const struct flow_case *c, unsigned int program,
	 const uint8_t *packet, uint32_t len, unsigned int frame, uint32_t *want)
{
	double ns;

	*want = program == FLOW_FILTER ? TAP_FILTER_PASS : queue_of(frame);
	if (program == FLOW_FILTER || frame < c->matches)
		return 0;
	return program_run(b->prog.plain[program], packet, len, 1, &ns, want);
}

/* Before anything is timed: do the rules hold for these frames? */
static int
check_case(struct worker *w, const struct flow_bench *b, const struct flow_case *c,
	   unsigned int program, unsigned int n)
{
	const struct flow_frames *frames = c->inner ? &b->vxlan : &b->plain;
	uint32_t len = FLOW_PREFIX_LEN + frames->len;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int frame = i * STRIDE % n;
		const uint8_t *packet = flow_frame(frames, frame);
		uint32_t want = 0, ret = 0;
		double ns;
		int err = expected(b, c, program, packet, len, frame, &want);

		if (err == 0)
			err = program_run(b->prog.rules[program], packet, len, 1, &ns, &ret);
		if (err != 0)
			return worker_fail(w, err, "BPF_PROG_TEST_RUN: %s", strerror(-err));
		if (ret != want)
			return worker_fail(w, -EBADMSG,
					   "flow rules: the %s program says %u of a frame, not %u",
					   bench_flow_program_text[program], ret, want);
	}
	return 0;
}

/* Each of @p n frames once; with @p same the first one as often. */
static int
run_varied(int fd, const struct flow_frames *frames, unsigned int n, bool same, double *mean)
{
	uint32_t len = FLOW_PREFIX_LEN + frames->len, ret;
	static double ns[FLOW_SOME];
	int err = 0;

	for (unsigned int i = 0; i < n && err == 0; i++)
		err = program_run(fd, flow_frame(frames, same ? 0 : i * STRIDE % n), len, 1, &ns[i],
				  &ret);
	if (err == 0)
		*mean = bench_trimmed_mean(ns, n);
	return err;
}

static int
measure_program(struct worker *w, const struct flow_bench *b, const struct flow_case *c,
		unsigned int what, unsigned int program)
{
	const struct flow_frames *frames = c->inner ? &b->vxlan : &b->plain;
	const struct flow_frames *varied = what == FLOW_ONE ? &b->one_flow : frames;
	bool same = c->matches == 1 && what != FLOW_ONE;
	int fd = what == FLOW_PLAIN ? b->prog.plain[program] : b->prog.rules[program];
	unsigned int n = what == FLOW_MANY || what == FLOW_ONE ? FLOW_SOME : FEW;
	uint32_t len = FLOW_PREFIX_LEN + frames->len, ret;
	double empty, ns;
	int err;

	if (what != FLOW_PLAIN) {
		err = check_case(w, b, c, program, c->matches == 1 ? 1 : n);
		if (err != 0)
			return err;
	}
	err = run_varied(b->prog.empty, varied, n, same, &empty);
	if (err == 0)
		err = run_varied(fd, varied, n, same, &ns);
	if (err == 0)
		worker_sample(w, ROW_COUNT + FLOW_ROW(program, FLOW_VARIED, what), empty, ns);
	if (err == 0)
		err = program_run(b->prog.empty, flow_frame(frames, 0), len, REPEAT, &empty, &ret);
	if (err == 0)
		err = program_run(fd, flow_frame(frames, 0), len, REPEAT, &ns, &ret);
	if (err == 0)
		worker_sample(w, ROW_COUNT + FLOW_ROW(program, FLOW_SAME, what), empty, ns);
	return err == 0 ? 0 : worker_fail(w, err, "BPF_PROG_TEST_RUN: %s", strerror(-err));
}

/* A rule that drops is the one thing that makes the filter return another value. */
static int
check_drop(struct worker *w, struct flow_bench *b)
{
	const struct flow_spec spec = { .frame = 0, .drop = true };
	uint32_t len = FLOW_PREFIX_LEN + b->plain.len, dropped = 1, passed = 0;
	struct rte_flow_error error = { .message = NULL };
	int err = flow_set_add(&b->set, &b->plain, &spec, &error);
	int fd = b->prog.rules[FLOW_FILTER];
	double ns;

	if (err != 0)
		return flow_fail(w, err, "insert", &error);
	err = program_run(fd, flow_frame(&b->plain, 0), len, 1, &ns, &dropped);
	if (err == 0)
		err = program_run(fd, flow_frame(&b->plain, 1), len, 1, &ns, &passed);
	flow_set_cut(&b->set, 0, &error);
	if (err != 0)
		return worker_fail(w, err, "BPF_PROG_TEST_RUN: %s", strerror(-err));
	if (dropped != 0 || passed != TAP_FILTER_PASS)
		return worker_fail(w, -EBADMSG, "flow rules: the filter does not drop as told");
	return 0;
}

int
flow_cases_measure(struct worker *w, struct flow_bench *b)
{
	struct rte_flow_error error = { .message = NULL };
	int err = check_drop(w, b);

	for (unsigned int what = 0; what < FLOW_CASES && err == 0; what++) {
		const struct flow_case c = case_of(what);

		err = make_rules(w, b, &c);
		for (unsigned int i = 0; i < FLOW_PROGRAMS && err == 0; i++)
			err = measure_program(w, b, &c, what, i);
		if (flow_set_cut(&b->set, 0, &error) != 0 && err == 0)
			err = flow_fail(w, -EIO, "destroy", &error);
	}
	return err;
}
