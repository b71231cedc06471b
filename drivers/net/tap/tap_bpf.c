/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_string_fns.h>

#include "tap_bpf.h"
#include "tap_log.h"

#ifdef TAP_HAVE_BPF

#include <sys/mman.h>

#include <linux/capability.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tap_tables.h"
#include "tap_rules.skel.h"
#include "tap_steer.skel.h"

/* Room for what the verifier says last; that is where it names its objection. */
#define TAP_VERIFIER_TAIL 1024

struct tap_bpf {
	struct tap_steer_bpf *skel;
	struct tap_rules_bpf *maps;                      /* of flow rules; no program in it */
	struct tap_rules_bpf *rules[TAP_RULES_PROGRAMS]; /* one program each, over those maps */
	struct tap_tables tables;
	struct bpf_program *steering;
	int grace_map; /* map of maps whose update waits out an RCU grace period; -1: none */
	int grace_inner;
};

/* What libbpf says while it loads; it has one printer for the whole process. */
static char tap_verifier_tail[TAP_VERIFIER_TAIL];

static void
tap_tail_append(const char *text)
{
	size_t have = strlen(tap_verifier_tail);
	size_t len = strlen(text);
	size_t room = sizeof(tap_verifier_tail) - 1;

	if (len > room) {
		text += len - room;
		len = room;
	}
	if (have + len > room) {
		memmove(tap_verifier_tail, tap_verifier_tail + have + len - room, room - len);
		have = room - len;
	}
	memcpy(tap_verifier_tail + have, text, len);
	tap_verifier_tail[have + len] = '\0';
}

static int tap_bpf_print(enum libbpf_print_level level, const char *format, va_list args)
	__rte_format_printf(2, 0);

static int
tap_bpf_print(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text = NULL;
	int len;

	if (level > LIBBPF_WARN)
		return 0;
	/* The verifier's whole log comes as one text; its end is what matters. */
	len = vasprintf(&text, format, args);
	if (len >= 0)
		tap_tail_append(text);
	free(text);
	return len;
}

static bool
tap_have_cap(unsigned int cap)
{
	unsigned long long effective = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");

	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			break;
	fclose(f);
	return (effective >> cap) & 1;
}

/* The capabilities that are missing, in words of what to do; NULL if none is. */
static const char *
tap_bpf_missing_caps(void)
{
	if (tap_have_cap(CAP_SYS_ADMIN))
		return NULL;
	if (!tap_have_cap(CAP_BPF))
		return "give the process CAP_BPF and CAP_PERFMON";
	/* Without it the verifier refuses what it takes for speculative leaks. */
	return tap_have_cap(CAP_PERFMON) ? NULL : "give the process CAP_PERFMON";
}

/* In words of what an administrator can change. */
static const char *
tap_bpf_remedy(int err)
{
	const char *caps = tap_bpf_missing_caps();

	if (caps != NULL)
		return caps;
	switch (err) {
	case EPERM:
		return "raise the limit of locked memory (ulimit -l), or check lockdown and seccomp";
	case ENOSYS:
		return "the kernel has no bpf() system call (CONFIG_BPF_SYSCALL)";
	case ENOMEM:
		return "free some memory";
	default:
		return "report the verifier's words with the kernel version";
	}
}

static void
tap_bpf_explain(char *reason, const char *program, int err)
{
	/* The first reason is the one to mend. */
	if (reason[0] != '\0')
		return;
	snprintf(reason, TAP_REASON_LEN, "loading program %s: %s; to mend it: %s", program,
		 strerror(err), tap_bpf_remedy(err));
}

/* The verifier's objection, if it was the verifier that refused. */
static void
tap_bpf_log_verifier(const char *port, const char *program, int err)
{
	const char *line = strchr(tap_verifier_tail, '\n');

	if (err == EPERM || line == NULL || tap_bpf_missing_caps() != NULL)
		return;
	TAP_LOG(WARNING,
		"%s: the kernel refuses program %s (%s); the next rung is tried; "
		"the verifier's last words:%s",
		port, program, strerror(err), line);
}

static struct tap_steer_bpf *
tap_bpf_load(bool basic)
{
	struct tap_steer_bpf *skel = tap_steer_bpf__open();
	int err;

	if (skel == NULL)
		return NULL;
	bpf_program__set_autoload(skel->progs.tap_steer, !basic);
	bpf_program__set_autoload(skel->progs.tap_steer_basic, basic);
	err = tap_steer_bpf__load(skel);
	if (err != 0) {
		tap_steer_bpf__destroy(skel);
		errno = -err;
		return NULL;
	}
	return skel;
}

static struct tap_steer_bpf *
tap_bpf_try(const char *port, bool basic, char *reason)
{
	const char *program = basic ? "tap_steer_basic" : "tap_steer";
	libbpf_print_fn_t printer;
	struct tap_steer_bpf *skel;
	int err;

	tap_verifier_tail[0] = '\0';
	printer = libbpf_set_print(tap_bpf_print);
	skel = tap_bpf_load(basic);
	err = errno;
	libbpf_set_print(printer);
	if (skel == NULL) {
		tap_bpf_log_verifier(port, program, err);
		tap_bpf_explain(reason, program, err);
	}
	return skel;
}

static void
tap_bpf_create_grace_map(struct tap_bpf *bpf)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);

	bpf->grace_map = -1;
	bpf->grace_inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tap_grace_in", 4, 4, 1, NULL);
	if (bpf->grace_inner < 0)
		return;
	opts.inner_map_fd = (__u32)bpf->grace_inner;
	bpf->grace_map = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "tap_grace", 4, 4, 1, &opts);
}

struct tap_bpf *
tap_bpf_open(const char *port, enum tap_rss_mode mode, enum tap_rung *rung,
	     char reason[TAP_REASON_LEN])
{
	struct tap_steer_bpf *skel = NULL;
	struct tap_bpf *bpf;

	*rung = TAP_RUNG_SOFT;
	reason[0] = '\0';
	if (mode == TAP_RSS_SOFT || mode == TAP_RSS_BASIC)
		snprintf(reason, TAP_REASON_LEN, "asked for by devarg rss=%s",
			 mode == TAP_RSS_SOFT ? "soft" : "basic");
	if (mode == TAP_RSS_SOFT)
		return NULL;
	bpf = calloc(1, sizeof(*bpf));
	if (bpf == NULL) {
		snprintf(reason, TAP_REASON_LEN, "out of memory");
		return NULL;
	}
	if (mode != TAP_RSS_BASIC)
		skel = tap_bpf_try(port, false, reason);
	if (skel != NULL) {
		*rung = TAP_RUNG_FULL;
		bpf->steering = skel->progs.tap_steer;
	} else if (mode != TAP_RSS_BPF) {
		skel = tap_bpf_try(port, true, reason);
		if (skel != NULL) {
			*rung = TAP_RUNG_BASIC;
			bpf->steering = skel->progs.tap_steer_basic;
		}
	}
	if (skel == NULL) {
		free(bpf);
		return NULL;
	}
	bpf->skel = skel;
	tap_bpf_create_grace_map(bpf);
	return bpf;
}

/* Counters are kept apart for each CPU, as far as there are banks. */
static uint32_t
tap_bpf_banks(void)
{
	int cpus = libbpf_num_possible_cpus();

	return RTE_MIN(rte_align32pow2(RTE_MAX(cpus, 1)), (uint32_t)TAP_COUNT_BANKS);
}

/* The same memory under another object's programs. */
static int
tap_bpf_share_maps(const struct tap_bpf *bpf, struct tap_rules_bpf *skel)
{
	int ret = bpf_map__reuse_fd(skel->maps.bss, bpf_map__fd(bpf->skel->maps.bss));

	if (ret != 0 || bpf->maps == NULL)
		return ret;
	ret = bpf_map__reuse_fd(skel->maps.tap_flow, bpf_map__fd(bpf->maps->maps.tap_flow));
	if (ret == 0)
		ret = bpf_map__reuse_fd(skel->maps.tap_rules,
					bpf_map__fd(bpf->maps->maps.tap_rules));
	if (ret == 0)
		ret = bpf_map__reuse_fd(skel->maps.tap_counts,
					bpf_map__fd(bpf->maps->maps.tap_counts));
	return ret;
}

/* Load one of the programs of flow rules, or only their maps if there is no such program. */
static struct tap_rules_bpf *
tap_bpf_load_rules(const struct tap_bpf *bpf, enum tap_rules_program program)
{
	struct tap_rules_bpf *skel = tap_rules_bpf__open();
	int ret;

	if (skel == NULL)
		return NULL;
	bpf_program__set_autoload(skel->progs.tap_steer_rules, program == TAP_RULES_STEERING);
	bpf_program__set_autoload(skel->progs.tap_filter_rules, program == TAP_RULES_FILTER);
	skel->rodata->tap_bank_mask = tap_bpf_banks() - 1;
	bpf_map__set_max_entries(skel->maps.tap_counts, TAP_RULES * tap_bpf_banks());
	ret = tap_bpf_share_maps(bpf, skel);
	if (ret == 0)
		ret = tap_rules_bpf__load(skel);
	if (ret == 0)
		return skel;
	tap_rules_bpf__destroy(skel);
	errno = -ret;
	return NULL;
}

static struct tap_rules_bpf *
tap_bpf_try_rules(const struct tap_bpf *bpf, const char *port, enum tap_rules_program program,
		  char *reason)
{
	static const char *const names[] = {
		[TAP_RULES_STEERING] = "tap_steer_rules",
		[TAP_RULES_FILTER] = "tap_filter_rules",
		[TAP_RULES_PROGRAMS] = "for flow rules (their maps)",
	};
	libbpf_print_fn_t printer;
	struct tap_rules_bpf *skel;
	int err;

	tap_verifier_tail[0] = '\0';
	printer = libbpf_set_print(tap_bpf_print);
	skel = tap_bpf_load_rules(bpf, program);
	err = errno;
	libbpf_set_print(printer);
	if (skel == NULL) {
		tap_bpf_log_verifier(port, names[program], err);
		tap_bpf_explain(reason, names[program], err);
		errno = err;
	}
	return skel;
}

static size_t
tap_bpf_map_size(const struct bpf_map *map)
{
	size_t size = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);

	return RTE_ALIGN_CEIL(size, (size_t)getpagesize());
}

static void *
tap_bpf_map_memory(const struct bpf_map *map)
{
	void *p = mmap(NULL, tap_bpf_map_size(map), PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(map), 0);

	return p == MAP_FAILED ? NULL : p;
}

static void
tap_bpf_unmap_memory(const struct bpf_map *map, void *p)
{
	if (p != NULL)
		munmap(p, tap_bpf_map_size(map));
}

static void
tap_bpf_close_rules(struct tap_bpf *bpf)
{
	unsigned int i;

	for (i = 0; i < TAP_RULES_PROGRAMS; i++) {
		tap_rules_bpf__destroy(bpf->rules[i]);
		bpf->rules[i] = NULL;
	}
	if (bpf->maps == NULL)
		return;
	tap_bpf_unmap_memory(bpf->maps->maps.tap_flow, bpf->tables.flow);
	tap_bpf_unmap_memory(bpf->maps->maps.tap_rules, bpf->tables.rule);
	tap_bpf_unmap_memory(bpf->maps->maps.tap_counts, bpf->tables.count);
	tap_rules_bpf__destroy(bpf->maps);
	bpf->maps = NULL;
}

int
tap_bpf_open_rules(struct tap_bpf *bpf, const char *port, struct tap_tables *tables,
		   char reason[TAP_REASON_LEN])
{
	struct tap_tables *t = &bpf->tables;
	int err;

	if (bpf->maps != NULL) {
		*tables = *t;
		return 0;
	}
	bpf->maps = tap_bpf_try_rules(bpf, port, TAP_RULES_PROGRAMS, reason);
	if (bpf->maps == NULL)
		return -errno;
	t->banks = tap_bpf_banks();
	t->flow = tap_bpf_map_memory(bpf->maps->maps.tap_flow);
	t->rule = tap_bpf_map_memory(bpf->maps->maps.tap_rules);
	t->count = tap_bpf_map_memory(bpf->maps->maps.tap_counts);
	if (t->flow != NULL && t->rule != NULL && t->count != NULL) {
		*tables = *t;
		return 0;
	}
	err = errno;
	snprintf(reason, TAP_REASON_LEN, "mapping the rules' tables: %s", strerror(err));
	tap_bpf_close_rules(bpf);
	return -err;
}

int
tap_bpf_rules_fd(struct tap_bpf *bpf, const char *port, enum tap_rules_program program,
		 char reason[TAP_REASON_LEN])
{
	struct tap_rules_bpf *skel = bpf->rules[program];

	if (skel == NULL)
		skel = tap_bpf_try_rules(bpf, port, program, reason);
	if (skel == NULL)
		return -errno;
	bpf->rules[program] = skel;
	return bpf_program__fd(program == TAP_RULES_STEERING ? skel->progs.tap_steer_rules :
							       skel->progs.tap_filter_rules);
}

void
tap_bpf_close(struct tap_bpf *bpf)
{
	if (bpf == NULL)
		return;
	tap_bpf_close_rules(bpf);
	if (bpf->grace_map >= 0)
		close(bpf->grace_map);
	if (bpf->grace_inner >= 0)
		close(bpf->grace_inner);
	tap_steer_bpf__destroy(bpf->skel);
	free(bpf);
}

struct tap_shared *
tap_bpf_shared(struct tap_bpf *bpf)
{
	return bpf == NULL ? NULL : &bpf->skel->bss->tap_shared;
}

int
tap_bpf_steering_fd(const struct tap_bpf *bpf)
{
	return bpf_program__fd(bpf->steering);
}

int
tap_bpf_filter_fd(const struct tap_bpf *bpf)
{
	return bpf_program__fd(bpf->skel->progs.tap_filter);
}

void
tap_bpf_grace(void *arg)
{
	const struct tap_bpf *bpf = arg;
	__u32 zero = 0;

	/* The kernel calls synchronize_rcu() after it replaced an inner map. */
	if (bpf->grace_map >= 0)
		bpf_map_update_elem(bpf->grace_map, &zero, &bpf->grace_inner, BPF_ANY);
}

#else /* !TAP_HAVE_BPF */

struct tap_bpf *
tap_bpf_open(const char *port, enum tap_rss_mode mode, enum tap_rung *rung,
	     char reason[TAP_REASON_LEN])
{
	RTE_SET_USED(port);
	*rung = TAP_RUNG_SOFT;
	rte_strscpy(reason,
		    mode == TAP_RSS_SOFT ? "asked for by devarg rss=soft" :
					   "the driver was built without BPF",
		    TAP_REASON_LEN);
	return NULL;
}

void
tap_bpf_close(struct tap_bpf *bpf)
{
	RTE_SET_USED(bpf);
}

struct tap_shared *
tap_bpf_shared(struct tap_bpf *bpf)
{
	RTE_SET_USED(bpf);
	return NULL;
}

int
tap_bpf_steering_fd(const struct tap_bpf *bpf)
{
	RTE_SET_USED(bpf);
	return -1;
}

int
tap_bpf_filter_fd(const struct tap_bpf *bpf)
{
	RTE_SET_USED(bpf);
	return -1;
}

int
tap_bpf_open_rules(struct tap_bpf *bpf, const char *port, struct tap_tables *tables,
		   char reason[TAP_REASON_LEN])
{
	RTE_SET_USED(bpf);
	RTE_SET_USED(port);
	RTE_SET_USED(tables);
	RTE_SET_USED(reason);
	return -ENOTSUP;
}

int
tap_bpf_rules_fd(struct tap_bpf *bpf, const char *port, enum tap_rules_program program,
		 char reason[TAP_REASON_LEN])
{
	RTE_SET_USED(bpf);
	RTE_SET_USED(port);
	RTE_SET_USED(program);
	RTE_SET_USED(reason);
	return -ENOTSUP;
}

void
tap_bpf_grace(void *arg)
{
	RTE_SET_USED(arg);
}

#endif /* TAP_HAVE_BPF */
