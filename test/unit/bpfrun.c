/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpfrun.h"
#include "bpfrun_entry.h"
#include "tap_steer.skel.h"
#include "tap_steer_l3.skel.h"

/* What a test run takes away from a socket filter's packet before it shows it. */
#define PREFIX 14

static struct tap_steer_bpf *as_socket, *as_tc;
static struct tap_steer_l3_bpf *l3;
static int entry_fd[PROGRAM_COUNT] = { -1, -1, -1 };
static int jump_fd[PROGRAM_COUNT] = { -1, -1, -1 };

/* A refusal's log has thousands of lines; the last ones tell why. */
#define LOG_TAIL 1500

static int
print_tail(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text = NULL;
	int len;

	if (level > LIBBPF_WARN || vasprintf(&text, format, args) < 0)
		return 0;
	len = (int)strlen(text);
	fprintf(stderr, "%s%s", len > LOG_TAIL ? "... " : "",
		len > LOG_TAIL ? text + len - LOG_TAIL : text);
	free(text);
	return len;
}

static struct bpf_program *
program_of(struct tap_steer_bpf *skel, enum program program)
{
	struct bpf_program *const programs[PROGRAM_COUNT] = {
		[PROGRAM_STEER] = skel->progs.tap_steer,
		[PROGRAM_BASIC] = skel->progs.tap_steer_basic,
		[PROGRAM_FILTER] = skel->progs.tap_filter,
	};

	return programs[program];
}

static struct tap_steer_bpf *
load_as(enum bpf_prog_type type)
{
	struct tap_steer_bpf *skel = tap_steer_bpf__open();
	unsigned int i;
	int err;

	if (skel == NULL)
		return NULL;
	for (i = 0; i < PROGRAM_COUNT; i++)
		bpf_program__set_type(program_of(skel, i), type);
	err = tap_steer_bpf__load(skel);
	if (err != 0) {
		tap_steer_bpf__destroy(skel);
		errno = -err;
		return NULL;
	}
	return skel;
}

static int
make_entries(void)
{
	__u32 zero = 0;
	unsigned int i;
	int fd;

	for (i = 0; i < PROGRAM_COUNT; i++) {
		jump_fd[i] = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "test_jump", 4, 4, 1, NULL);
		fd = bpf_program__fd(program_of(as_tc, i));
		if (jump_fd[i] < 0 || bpf_map_update_elem(jump_fd[i], &zero, &fd, BPF_ANY) != 0)
			return -1;
		entry_fd[i] = bpfrun_load_entry(jump_fd[i]);
		if (entry_fd[i] < 0)
			return -1;
	}
	return 0;
}

/* An empty program: can anything be loaded at all? */
static bool
bpf_allowed(void)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "test_empty", "GPL", insns, 2, NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int
bpfrun_open(char *reason, unsigned int size)
{
	libbpf_set_print(print_tail);
	if (!bpf_allowed()) {
		snprintf(reason, size, "the kernel lets us load no BPF program (%s)",
			 strerror(errno));
		return 1;
	}
	as_socket = load_as(BPF_PROG_TYPE_SOCKET_FILTER);
	if (as_socket == NULL) {
		snprintf(reason, size, "the kernel refuses the programs (%s)", strerror(errno));
		return -1;
	}
	l3 = tap_steer_l3_bpf__open_and_load();
	if (l3 == NULL) {
		snprintf(reason, size, "the kernel refuses the programs of net_tun (%s)",
			 strerror(errno));
		return -1;
	}
	as_tc = load_as(BPF_PROG_TYPE_SCHED_CLS);
	if (as_tc == NULL || make_entries() != 0) {
		snprintf(reason, size, "the kernel refuses the programs as classifiers (%s)",
			 strerror(errno));
		return -1;
	}
	return 0;
}

void
bpfrun_close(void)
{
	unsigned int i;

	for (i = 0; i < PROGRAM_COUNT; i++) {
		if (entry_fd[i] >= 0)
			close(entry_fd[i]);
		if (jump_fd[i] >= 0)
			close(jump_fd[i]);
	}
	tap_steer_bpf__destroy(as_tc);
	tap_steer_bpf__destroy(as_socket);
	tap_steer_l3_bpf__destroy(l3);
}

struct tap_shared *
bpfrun_shared(const struct frame *f, bool tc)
{
	return tc || f->meta_tpid != 0 ? &as_tc->bss->tap_shared : &as_socket->bss->tap_shared;
}

static bool
run(int fd, const uint8_t *data, uint32_t len, struct __sk_buff *skb, uint32_t *result)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = len, .repeat = 1);

	if (skb != NULL) {
		opts.ctx_in = skb;
		opts.ctx_size_in = sizeof(*skb);
	}
	if (bpf_prog_test_run_opts(fd, &opts) != 0) {
		printf("    BPF_PROG_TEST_RUN over %u bytes: %s\n", len, strerror(errno));
		return false;
	}
	*result = opts.retval;
	return true;
}

bool
bpfrun_tc(enum program program, const struct frame *f, uint32_t queue, uint32_t *result)
{
	struct __sk_buff skb = {
		.cb = { htons(f->meta_tpid), f->meta_tci, queue },
	};

	return run(entry_fd[program], f->data, f->len, &skb, result);
}

bool
bpfrun(enum program program, const struct frame *f, uint32_t *result)
{
	uint8_t data[PREFIX + FRAME_ROOM];
	int fd = bpf_program__fd(program_of(as_socket, program));

	if (f->meta_tpid != 0)
		return bpfrun_tc(program, f, 0, result);
	memset(data, 0xff, PREFIX);
	memcpy(data + PREFIX, f->data, f->len);
	return run(fd, data, PREFIX + f->len, NULL, result);
}

bool
bpfrun_l3(bool basic, const struct frame *f, uint32_t *result)
{
	const struct bpf_program *program = basic ? l3->progs.tap_steer_basic : l3->progs.tap_steer;
	uint8_t data[FRAME_ROOM];

	memset(data, 0xff, PREFIX);
	memcpy(data + PREFIX, f->data + PREFIX, f->len - PREFIX);
	return run(bpf_program__fd(program), data, f->len, NULL, result);
}

struct tap_shared *
bpfrun_shared_l3(void)
{
	return &l3->bss->tap_shared;
}

int
bpfrun_bell(struct tap_shared *shared)
{
	unsigned int i;
	int which = -1;

	for (i = 0; i < TAP_MAX_QUEUES; i++) {
		if (shared->bell[i].rung == 0)
			continue;
		which = which == -1 ? (int)i : -2;
		shared->bell[i].rung = 0;
	}
	return which;
}
