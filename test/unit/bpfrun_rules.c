/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpfrun_entry.h"
#include "bpfrun_rules.h"
#include "tap_rules.skel.h"

/* What a test run takes away from a socket filter's packet before it shows it. */
#define PREFIX 14
/* The kernel takes no more than a page of data, less its own overhead. */
#define ROOM 2048
#define MAPS 16

static struct tap_rules_bpf *as_tc;
static int socket_fd[TAP_RULES_PROGRAMS] = { -1, -1 };
static int entry_fd[TAP_RULES_PROGRAMS] = { -1, -1 };
static int jump_fd[TAP_RULES_PROGRAMS] = { -1, -1 };

/* The kernel cuts names; those of sections have the object's name in front. */
static bool
map_has_name(const struct bpf_map_info *info, const char *name)
{
	const char *section = strchr(info->name, '.');

	if (section != NULL && strchr(name, '.') != NULL)
		return strcmp(section, strchr(name, '.')) == 0;
	return strncmp(info->name, name, sizeof(info->name) - 1) == 0;
}

/* Give a map of the skeleton the memory of the map of that name. */
static int
share_map(struct bpf_map *map, const __u32 *ids, __u32 n)
{
	struct bpf_map_info info;
	__u32 len, i;
	int fd, ret;

	for (i = 0; i < n; i++) {
		fd = bpf_map_get_fd_by_id(ids[i]);
		if (fd < 0)
			return -errno;
		memset(&info, 0, sizeof(info));
		len = sizeof(info);
		ret = bpf_obj_get_info_by_fd(fd, &info, &len);
		if (ret == 0 && map_has_name(&info, bpf_map__name(map)))
			ret = bpf_map__reuse_fd(map, fd);
		else
			ret = 1;
		close(fd);
		if (ret <= 0)
			return ret;
	}
	return -ENOENT;
}

/* The skeleton's programs over the maps that program @p fd uses. */
static int
share_maps(struct tap_rules_bpf *skel, int fd, uint32_t *bank_mask)
{
	struct bpf_map *const maps[] = { skel->maps.tap_flow, skel->maps.tap_rules,
					 skel->maps.tap_counts, skel->maps.bss };
	struct bpf_prog_info info = { .nr_map_ids = MAPS };
	__u32 ids[MAPS] = { 0 };
	__u32 len = sizeof(info);
	unsigned int i;
	int ret;

	info.map_ids = (uintptr_t)ids;
	ret = bpf_obj_get_info_by_fd(fd, &info, &len);
	for (i = 0; ret == 0 && i < sizeof(maps) / sizeof(maps[0]); i++)
		ret = share_map(maps[i], ids, info.nr_map_ids);
	*bank_mask = bpf_map__max_entries(skel->maps.tap_counts) / TAP_RULES - 1;
	return ret;
}

static int
load_as_tc(void)
{
	int ret;

	as_tc = tap_rules_bpf__open();
	if (as_tc == NULL)
		return -errno;
	bpf_program__set_type(as_tc->progs.tap_steer_rules, BPF_PROG_TYPE_SCHED_CLS);
	bpf_program__set_type(as_tc->progs.tap_filter_rules, BPF_PROG_TYPE_SCHED_CLS);
	ret = share_maps(as_tc, socket_fd[TAP_RULES_STEERING],
			 (uint32_t *)(uintptr_t)&as_tc->rodata->tap_bank_mask);
	return ret != 0 ? ret : tap_rules_bpf__load(as_tc);
}

static int
make_entry(enum tap_rules_program program)
{
	int fd = bpf_program__fd(program == TAP_RULES_STEERING ? as_tc->progs.tap_steer_rules :
								 as_tc->progs.tap_filter_rules);
	__u32 zero = 0;

	jump_fd[program] = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "test_jump", 4, 4, 1, NULL);
	if (jump_fd[program] < 0 || bpf_map_update_elem(jump_fd[program], &zero, &fd, BPF_ANY) != 0)
		return -errno;
	entry_fd[program] = bpfrun_load_entry(jump_fd[program]);
	return entry_fd[program] < 0 ? -errno : 0;
}

int
bpfrun_rules_open(struct tap_bpf *bpf, char reason[TAP_REASON_LEN])
{
	unsigned int i;
	int ret;

	for (i = 0; i < TAP_RULES_PROGRAMS; i++) {
		socket_fd[i] = tap_bpf_rules_fd(bpf, "test", i, reason);
		if (socket_fd[i] < 0)
			return socket_fd[i];
	}
	ret = load_as_tc();
	for (i = 0; ret == 0 && i < TAP_RULES_PROGRAMS; i++)
		ret = make_entry(i);
	if (ret != 0)
		snprintf(reason, TAP_REASON_LEN, "the programs as tc classifiers: %s",
			 strerror(-ret));
	return ret;
}

void
bpfrun_rules_close(void)
{
	unsigned int i;

	for (i = 0; i < TAP_RULES_PROGRAMS; i++) {
		if (entry_fd[i] >= 0)
			close(entry_fd[i]);
		if (jump_fd[i] >= 0)
			close(jump_fd[i]);
	}
	tap_rules_bpf__destroy(as_tc);
}

bool
bpfrun_rules(enum tap_rules_program program, const struct rules_packet *packet, uint32_t *result)
{
	struct __sk_buff skb = {
		.cb = { htons(packet->tpid), packet->tci, 0 },
		.gso_segs = packet->gso_segs,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &skb, .ctx_size_in = sizeof(skb),
		    .repeat = 1);
	uint8_t data[PREFIX + ROOM];

	if (packet->len > ROOM)
		return false;
	opts.data_in = packet->data;
	opts.data_size_in = packet->len;
	if (packet->tpid == 0) {
		memset(data, 0xff, PREFIX);
		memcpy(data + PREFIX, packet->data, packet->len);
		opts.data_in = data;
		opts.data_size_in = PREFIX + packet->len;
	}
	if (bpf_prog_test_run_opts(packet->tpid != 0 ? entry_fd[program] : socket_fd[program],
				   &opts) != 0)
		return false;
	*result = opts.retval;
	return true;
}
