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

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tap_bpf_reason.h"
#include "tap_objects.h"
#include "tap_tables.h"
#include "tap_rules.skel.h"
#include "tap_rules_l3.skel.h"
#include "tap_steer.skel.h"
#include "tap_steer_l3.skel.h"

struct tap_bpf {
	struct tap_objects objects; /* loaded ones belong to the skeletons, given ones to this */
	bool given;
	bool l3; /* of a net_tun port */
	struct tap_steer_bpf *skel;
	struct tap_rules_bpf *maps;                      /* of flow rules; no program in it */
	struct tap_rules_bpf *rules[TAP_RULES_PROGRAMS]; /* one program each, over those maps */
	struct tap_shared *shared;
	struct tap_tables tables;
	int grace_map; /* map of maps whose update waits out an RCU grace period; -1: none */
	int grace_inner;
};

static size_t
tap_bpf_page_align(size_t size)
{
	return RTE_ALIGN_CEIL(size, (size_t)getpagesize());
}

/* @return the memory of a map, NULL with errno */
static void *
tap_bpf_map_memory(int fd, size_t size)
{
	void *p = mmap(NULL, tap_bpf_page_align(size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void
tap_bpf_unmap_memory(void *p, size_t size)
{
	if (p != NULL)
		munmap(p, tap_bpf_page_align(size));
}

/*
 * The objects of a net_tun port have the same programs and maps, so the skeletons differ in
 * nothing but the file.
 */
static struct tap_steer_bpf *
tap_bpf_open_steer(bool l3)
{
	struct tap_steer_bpf *skel = calloc(1, sizeof(*skel));
	int err = -ENOMEM;

	if (skel == NULL || tap_steer_bpf__create_skeleton(skel) != 0)
		goto failed;
	if (l3)
		skel->skeleton->data =
			(void *)(uintptr_t)tap_steer_l3_bpf__elf_bytes(&skel->skeleton->data_sz);
	err = bpf_object__open_skeleton(skel->skeleton, NULL);
	if (err == 0)
		return skel;
failed:
	tap_steer_bpf__destroy(skel);
	errno = -err;
	return NULL;
}

static struct tap_rules_bpf *
tap_bpf_open_rules_skel(bool l3)
{
	struct tap_rules_bpf *skel = calloc(1, sizeof(*skel));
	int err = -ENOMEM;

	if (skel == NULL || tap_rules_bpf__create_skeleton(skel) != 0)
		goto failed;
	if (l3)
		skel->skeleton->data =
			(void *)(uintptr_t)tap_rules_l3_bpf__elf_bytes(&skel->skeleton->data_sz);
	err = bpf_object__open_skeleton(skel->skeleton, NULL);
	if (err == 0)
		return skel;
failed:
	tap_rules_bpf__destroy(skel);
	errno = -err;
	return NULL;
}

static struct tap_steer_bpf *
tap_bpf_load(bool l3, bool basic)
{
	struct tap_steer_bpf *skel = tap_bpf_open_steer(l3);
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
tap_bpf_try(const char *port, bool l3, bool basic, char *reason)
{
	const char *program = basic ? "tap_steer_basic" : "tap_steer";
	struct tap_steer_bpf *skel;
	int err;

	tap_bpf_listen();
	skel = tap_bpf_load(l3, basic);
	err = errno;
	tap_bpf_listen_end();
	if (skel == NULL) {
		tap_bpf_log_verifier(port, program, err);
		tap_bpf_explain(reason, program, err);
		errno = err;
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

static struct tap_bpf *
tap_bpf_new(void)
{
	struct tap_bpf *bpf = calloc(1, sizeof(*bpf));

	if (bpf == NULL)
		return NULL;
	tap_objects_init(&bpf->objects);
	tap_bpf_create_grace_map(bpf);
	return bpf;
}

/* Objects that the application names, before any of our own. */
static bool
tap_bpf_take(struct tap_bpf *bpf, const struct tap_args *args, char *reason)
{
	const char *key = args->bpf_pin[0] != '\0' ? "bpf_pin" : "rss_fds";
	const char *value = args->bpf_pin[0] != '\0' ? args->bpf_pin : args->rss_fds;
	char why[TAP_OBJECTS_REASON] = "";
	int ret;

	if (value[0] == '\0' || args->rss == TAP_RSS_BASIC)
		return false;
	ret = args->bpf_pin[0] != '\0' ? tap_objects_pinned(&bpf->objects, value, why) :
					 tap_objects_received(&bpf->objects, value, why);
	if (ret == 0)
		bpf->given = true;
	else
		snprintf(reason, TAP_REASON_LEN, "%s=%.100s: %.140s", key, value, why);
	return ret == 0;
}

static void
tap_bpf_use(struct tap_bpf *bpf, struct tap_steer_bpf *skel, struct bpf_program *steering)
{
	bpf->skel = skel;
	bpf->objects.fd[TAP_OBJ_STEER] = bpf_program__fd(steering);
	bpf->objects.fd[TAP_OBJ_FILTER] = bpf_program__fd(skel->progs.tap_filter);
	bpf->objects.fd[TAP_OBJ_SHARED] = bpf_map__fd(skel->maps.bss);
}

/* The highest rung whose program the kernel takes. */
static enum tap_rung
tap_bpf_climb(struct tap_bpf *bpf, const char *port, enum tap_rss_mode mode, char *reason)
{
	struct tap_steer_bpf *skel = NULL;

	if (mode != TAP_RSS_BASIC)
		skel = tap_bpf_try(port, bpf->l3, false, reason);
	if (skel != NULL) {
		tap_bpf_use(bpf, skel, skel->progs.tap_steer);
		return TAP_RUNG_FULL;
	}
	if (mode != TAP_RSS_BPF)
		skel = tap_bpf_try(port, bpf->l3, true, reason);
	if (skel == NULL)
		return TAP_RUNG_SOFT;
	tap_bpf_use(bpf, skel, skel->progs.tap_steer_basic);
	return TAP_RUNG_BASIC;
}

struct tap_bpf *
tap_bpf_open(const char *port, const struct tap_args *args, enum tap_rung *rung,
	     char reason[TAP_REASON_LEN])
{
	struct tap_bpf *bpf;

	*rung = TAP_RUNG_SOFT;
	reason[0] = '\0';
	if (args->rss == TAP_RSS_SOFT || args->rss == TAP_RSS_BASIC)
		snprintf(reason, TAP_REASON_LEN, "asked for by devarg rss=%s",
			 args->rss == TAP_RSS_SOFT ? "soft" : "basic");
	if (args->rss == TAP_RSS_SOFT)
		return NULL;
	bpf = tap_bpf_new();
	if (bpf == NULL) {
		snprintf(reason, TAP_REASON_LEN, "out of memory");
		return NULL;
	}
	bpf->l3 = args->l3;
	*rung = tap_bpf_take(bpf, args, reason) ? TAP_RUNG_FULL :
						  tap_bpf_climb(bpf, port, args->rss, reason);
	if (*rung != TAP_RUNG_SOFT) {
		bpf->shared =
			tap_bpf_map_memory(bpf->objects.fd[TAP_OBJ_SHARED], sizeof(*bpf->shared));
		if (bpf->shared != NULL)
			return bpf;
		snprintf(reason, TAP_REASON_LEN, "mapping the policy: %s", strerror(errno));
		*rung = TAP_RUNG_SOFT;
	}
	tap_bpf_close(bpf);
	return NULL;
}

struct tap_bpf *
tap_bpf_probe(bool l3, bool basic)
{
	char reason[TAP_REASON_LEN] = "";
	struct tap_steer_bpf *skel = tap_bpf_try("a trial", l3, basic, reason);
	struct tap_bpf *bpf;

	if (skel == NULL)
		return NULL;
	bpf = tap_bpf_new();
	if (bpf == NULL) {
		tap_steer_bpf__destroy(skel);
		errno = ENOMEM;
		return NULL;
	}
	bpf->l3 = l3;
	tap_bpf_use(bpf, skel, basic ? skel->progs.tap_steer_basic : skel->progs.tap_steer);
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
	struct tap_rules_bpf *skel = tap_bpf_open_rules_skel(bpf->l3);
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
	struct tap_rules_bpf *skel;
	int err;

	tap_bpf_listen();
	skel = tap_bpf_load_rules(bpf, program);
	err = errno;
	tap_bpf_listen_end();
	if (skel == NULL) {
		tap_bpf_log_verifier(port, names[program], err);
		tap_bpf_explain(reason, names[program], err);
		errno = err;
	}
	return skel;
}

static void
tap_bpf_close_rules(struct tap_bpf *bpf)
{
	struct tap_tables *t = &bpf->tables;
	unsigned int i;

	for (i = 0; i < TAP_RULES_PROGRAMS; i++) {
		tap_rules_bpf__destroy(bpf->rules[i]);
		bpf->rules[i] = NULL;
	}
	tap_bpf_unmap_memory(t->flow, sizeof(*t->flow));
	tap_bpf_unmap_memory(t->rule, sizeof(*t->rule) * TAP_RULES);
	tap_bpf_unmap_memory(t->count, sizeof(*t->count) * TAP_RULES * t->banks);
	memset(t, 0, sizeof(*t));
	tap_rules_bpf__destroy(bpf->maps);
	bpf->maps = NULL;
}

/* Maps of flow rules, if they are not given. */
static int
tap_bpf_load_tables(struct tap_bpf *bpf, const char *port, char *reason)
{
	bpf->maps = tap_bpf_try_rules(bpf, port, TAP_RULES_PROGRAMS, reason);
	if (bpf->maps == NULL)
		return -errno;
	bpf->objects.fd[TAP_OBJ_FLOW] = bpf_map__fd(bpf->maps->maps.tap_flow);
	bpf->objects.fd[TAP_OBJ_RULES] = bpf_map__fd(bpf->maps->maps.tap_rules);
	bpf->objects.fd[TAP_OBJ_COUNTS] = bpf_map__fd(bpf->maps->maps.tap_counts);
	bpf->objects.banks = tap_bpf_banks();
	return 0;
}

static int
tap_bpf_map_tables(struct tap_bpf *bpf, char *reason)
{
	const int *fd = bpf->objects.fd;
	struct tap_tables *t = &bpf->tables;
	int err;

	t->banks = bpf->objects.banks;
	t->flow = tap_bpf_map_memory(fd[TAP_OBJ_FLOW], sizeof(*t->flow));
	t->rule = tap_bpf_map_memory(fd[TAP_OBJ_RULES], sizeof(*t->rule) * TAP_RULES);
	t->count = tap_bpf_map_memory(fd[TAP_OBJ_COUNTS], sizeof(*t->count) * TAP_RULES * t->banks);
	if (t->flow != NULL && t->rule != NULL && t->count != NULL)
		return 0;
	err = errno;
	snprintf(reason, TAP_REASON_LEN, "mapping the rules' tables: %s", strerror(err));
	tap_bpf_close_rules(bpf);
	return -err;
}

int
tap_bpf_open_rules(struct tap_bpf *bpf, const char *port, struct tap_tables *tables,
		   char reason[TAP_REASON_LEN])
{
	int ret = 0;

	if (bpf->tables.flow == NULL) {
		if (!bpf->given)
			ret = tap_bpf_load_tables(bpf, port, reason);
		if (ret == 0)
			ret = tap_bpf_map_tables(bpf, reason);
	}
	*tables = bpf->tables;
	return ret;
}

int
tap_bpf_rules_fd(struct tap_bpf *bpf, const char *port, enum tap_rules_program program,
		 char reason[TAP_REASON_LEN])
{
	int *fd = &bpf->objects.fd[program == TAP_RULES_STEERING ? TAP_OBJ_STEER_RULES :
								   TAP_OBJ_FILTER_RULES];
	struct tap_rules_bpf *skel;

	if (*fd >= 0)
		return *fd;
	skel = tap_bpf_try_rules(bpf, port, program, reason);
	if (skel == NULL)
		return -errno;
	bpf->rules[program] = skel;
	*fd = bpf_program__fd(program == TAP_RULES_STEERING ? skel->progs.tap_steer_rules :
							      skel->progs.tap_filter_rules);
	return *fd;
}

bool
tap_bpf_is_given(const struct tap_bpf *bpf)
{
	return bpf != NULL && bpf->given;
}

const struct tap_objects *
tap_bpf_objects(const struct tap_bpf *bpf)
{
	return &bpf->objects;
}

void
tap_bpf_close(struct tap_bpf *bpf)
{
	if (bpf == NULL)
		return;
	tap_bpf_close_rules(bpf);
	tap_bpf_unmap_memory(bpf->shared, sizeof(*bpf->shared));
	if (bpf->given)
		tap_objects_close(&bpf->objects);
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
	return bpf == NULL ? NULL : bpf->shared;
}

int
tap_bpf_steering_fd(const struct tap_bpf *bpf)
{
	return bpf->objects.fd[TAP_OBJ_STEER];
}

int
tap_bpf_filter_fd(const struct tap_bpf *bpf)
{
	return bpf->objects.fd[TAP_OBJ_FILTER];
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
tap_bpf_open(const char *port, const struct tap_args *args, enum tap_rung *rung,
	     char reason[TAP_REASON_LEN])
{
	RTE_SET_USED(port);
	*rung = TAP_RUNG_SOFT;
	rte_strscpy(reason,
		    args->rss == TAP_RSS_SOFT ? "asked for by devarg rss=soft" :
						"the driver was built without BPF",
		    TAP_REASON_LEN);
	return NULL;
}

struct tap_bpf *
tap_bpf_probe(bool l3, bool basic)
{
	RTE_SET_USED(l3);
	RTE_SET_USED(basic);
	errno = ENOTSUP;
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

bool
tap_bpf_is_given(const struct tap_bpf *bpf)
{
	RTE_SET_USED(bpf);
	return false;
}

void
tap_bpf_grace(void *arg)
{
	RTE_SET_USED(arg);
}

#endif /* TAP_HAVE_BPF */
