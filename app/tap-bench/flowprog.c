/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * The programs of flow rules as a port has them: the driver keeps their fds in this
 * process. So what is timed reads the very tables that rte_flow_create() fills.
 */

#include <errno.h>

#include "flowprog.h"

#ifndef TAP_HAVE_BPF

int
flow_programs_find(struct flow_programs *p)
{
	(void)p;
	return -ENOENT;
}

int
program_run(int fd, const uint8_t *packet, uint32_t len, int repeat, double *ns, uint32_t *ret)
{
	(void)fd;
	(void)packet;
	(void)len;
	(void)repeat;
	(void)ns;
	(void)ret;
	return -ENOTSUP;
}

#else

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* As the kernel keeps it: 15 letters. */
static const char *const plain_name[FLOW_PROGRAMS] = { "tap_steer", "tap_filter" };
static const char *const rules_name[FLOW_PROGRAMS] = { "tap_steer_rules", "tap_filter_rule" };

#define MAX_MAPS 16

struct program {
	char name[BPF_OBJ_NAME_LEN];
	__u32 map[MAX_MAPS];
	__u32 n_maps;
};

static bool
fd_is_program(int fd)
{
	static const char what[] = "anon_inode:bpf-prog";
	char path[64], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	return n == sizeof(what) - 1 && memcmp(target, what, sizeof(what) - 1) == 0;
}

static bool
program_read(int fd, struct program *p)
{
	struct bpf_prog_info info;
	__u32 len = sizeof(info);

	if (!fd_is_program(fd))
		return false;
	memset(&info, 0, sizeof(info));
	info.map_ids = (__u64)(uintptr_t)p->map;
	info.nr_map_ids = MAX_MAPS;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) != 0)
		return false;
	memcpy(p->name, info.name, sizeof(p->name));
	p->n_maps = info.nr_map_ids < MAX_MAPS ? info.nr_map_ids : MAX_MAPS;
	return true;
}

static bool
programs_share_map(const struct program *a, const struct program *b)
{
	for (__u32 i = 0; i < a->n_maps; i++)
		for (__u32 j = 0; j < b->n_maps; j++)
			if (a->map[i] == b->map[j])
				return true;
	return false;
}

/* The fd of a program of this process that has this name, and a map in common with @p like. */
static int
program_find(const char *name, const struct program *like, struct program *found)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *e;
	int fd = -1;

	if (dir == NULL)
		return -1;
	while (fd < 0 && (e = readdir(dir)) != NULL) {
		int n = atoi(e->d_name);

		if (e->d_name[0] != '.' && program_read(n, found) &&
		    strcmp(found->name, name) == 0 &&
		    (like == NULL || programs_share_map(found, like)))
			fd = n;
	}
	closedir(dir);
	return fd;
}

static int
load_empty(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "bench_empty", "Dual BSD/GPL", insns,
			       sizeof(insns) / sizeof(insns[0]), NULL);

	return fd < 0 ? -errno : fd;
}

int
flow_programs_find(struct flow_programs *p)
{
	struct program rules, other;

	p->rules[FLOW_STEERING] = program_find(rules_name[FLOW_STEERING], NULL, &rules);
	if (p->rules[FLOW_STEERING] < 0)
		return -ENOENT;
	p->rules[FLOW_FILTER] = program_find(rules_name[FLOW_FILTER], &rules, &other);
	for (unsigned int i = 0; i < FLOW_PROGRAMS; i++)
		p->plain[i] = program_find(plain_name[i], &rules, &other);
	if (p->rules[FLOW_FILTER] < 0 || p->plain[FLOW_STEERING] < 0 || p->plain[FLOW_FILTER] < 0)
		return -ENOENT;
	p->empty = load_empty();
	return p->empty < 0 ? p->empty : 0;
}

int
program_run(int fd, const uint8_t *packet, uint32_t len, int repeat, double *ns, uint32_t *ret)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = len,
		    .repeat = repeat, );
	int err = bpf_prog_test_run_opts(fd, &opts);

	if (err != 0)
		return err < -1 ? err : -errno;
	*ns = opts.duration;
	*ret = opts.retval;
	return 0;
}

#endif /* TAP_HAVE_BPF */
