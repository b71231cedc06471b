/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

#include <linux/bpf.h>

#include <bpf/bpf.h>

#include "bpfrun_entry.h"

#define SKB(member) ((__s16) __builtin_offsetof(struct __sk_buff, member))
#define LOAD(d, s, o) INSN(BPF_LDX | BPF_MEM | BPF_W, d, s, o, 0)
#define MOVE(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)

int
bpfrun_load_entry(int map_fd)
{
	const struct bpf_insn insns[] = {
		MOVE(BPF_REG_6, BPF_REG_1),
		LOAD(BPF_REG_2, BPF_REG_6, SKB(cb[0])),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_2, 0, 2, 0),
		LOAD(BPF_REG_3, BPF_REG_6, SKB(cb[1])),
		CALL(BPF_FUNC_skb_vlan_push),
		LOAD(BPF_REG_2, BPF_REG_6, SKB(cb[2])),
		INSN(BPF_STX | BPF_MEM | BPF_W, BPF_REG_6, BPF_REG_2, SKB(queue_mapping), 0),
		MOVE(BPF_REG_1, BPF_REG_6),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, map_fd),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, 0),
		CALL(BPF_FUNC_tail_call),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, -1),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "test_entry", "GPL", insns,
			     sizeof(insns) / sizeof(insns[0]), NULL);
}
