/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
/*
 * Why BPF programs cannot be had, in words of what an administrator can do: what is said for
 * each error and set of capabilities, and what of the verifier's log.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>

#include <bpf/libbpf.h>

#include <rte_common.h>
#include <rte_log.h>

#include "logged.h"
#include "runner.h"
#include "tap_bpf.h"
#include "tap_bpf_reason.h"
#include "tap_caps.h"

#define CAP(name) (UINT64_C(1) << CAP_##name)
#define ROOT CAP(SYS_ADMIN)
#define LINE "a line of the verifier's log\n"

int net_tap_logtype;

/* What the process may do. */
static uint64_t caps;
static FILE *log_file;

bool
tap_have_cap(unsigned int cap)
{
	return (caps >> cap) & 1;
}

static const char *
logged(void)
{
	return test_logged(log_file);
}

struct remedy {
	const char *name;
	uint64_t caps;
	int err;
	const char *words;
	const char *not_said; /* NULL: nothing */
};

static void
says_what_to_do(const void *arg)
{
	const struct remedy *r = arg;
	char reason[TAP_REASON_LEN] = "";

	caps = r->caps;
	tap_bpf_explain(reason, "prog", r->err);
	CHECK(strstr(reason, "loading program prog: ") != NULL &&
		      strstr(reason, strerror(r->err)) != NULL,
	      "program and error are missing: \"%s\"", reason);
	CHECK(strstr(reason, r->words) != NULL, "\"%s\" is missing: \"%s\"", r->words, reason);
	CHECK(r->not_said == NULL || strstr(reason, r->not_said) == NULL, "has \"%s\": \"%s\"",
	      r->not_said, reason);
}

static void
first_reason_stays(const void *arg)
{
	char reason[TAP_REASON_LEN] = "";
	char first[TAP_REASON_LEN];

	RTE_SET_USED(arg);
	caps = ROOT;
	tap_bpf_explain(reason, "first", EPERM);
	memcpy(first, reason, sizeof(first));
	tap_bpf_explain(reason, "second", ENOMEM);
	CHECK(strcmp(reason, first) == 0, "became \"%s\"", reason);
}

static void __rte_format_printf(3, 4)
	print_by(libbpf_print_fn_t print, enum libbpf_print_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(level, format, args);
	va_end(args);
}

/* The driver's printer, which libbpf has while it is listened to; it hears nothing so far. */
static libbpf_print_fn_t
listen_to_libbpf(void)
{
	libbpf_print_fn_t print;

	tap_bpf_listen();
	print = libbpf_set_print(NULL);
	libbpf_set_print(print);
	return print;
}

/* One text, as libbpf prints the verifier's log, or many. */
static void
long_log_ends_with_the_objection(const void *arg)
{
	const bool *one_text = arg;
	libbpf_print_fn_t print = listen_to_libbpf();
	char whole[400 * sizeof(LINE)] = "";
	const char *text;
	unsigned int i;

	for (i = 0; i < 400; i++)
		if (*one_text)
			strcat(whole, LINE);
		else
			print_by(print, LIBBPF_WARN, "%s", LINE);
	print_by(print, LIBBPF_WARN, "%sthe objection\n", whole);
	print_by(print, LIBBPF_INFO, "%s", "not of interest\n");
	tap_bpf_listen_end();
	caps = ROOT;
	tap_bpf_log_verifier("port0", "prog", EINVAL);
	text = logged();
	CHECK(strstr(text, "port0: the kernel refuses program prog") != NULL,
	      "port and program are missing: %s", text);
	CHECK(strstr(text, "\n" LINE "the objection\n") != NULL, "its end is missing: %s", text);
	CHECK(strlen(text) < 1300, "%zu bytes of log", strlen(text));
	CHECK(strstr(text, "not of interest") == NULL, "has what is no warning: %s", text);
}

struct silence {
	const char *name;
	uint64_t caps;
	int err;
	const char *heard;
};

static void
is_not_logged(const void *arg)
{
	const struct silence *s = arg;
	libbpf_print_fn_t print = listen_to_libbpf();
	const char *text;

	print_by(print, LIBBPF_WARN, "%s", s->heard);
	tap_bpf_listen_end();
	caps = s->caps;
	tap_bpf_log_verifier("port0", "prog", s->err);
	text = logged();
	CHECK(text[0] == '\0', "logged: %s", text);
}

/* Of an earlier load. */
static void
old_objection_is_forgotten(const void *arg)
{
	struct silence nothing = { .caps = ROOT, .err = EINVAL, .heard = "" };

	RTE_SET_USED(arg);
	print_by(listen_to_libbpf(), LIBBPF_WARN, "%s", LINE LINE);
	tap_bpf_listen_end();
	is_not_logged(&nothing);
}

static void
libbpf_has_its_printer_back(const void *arg)
{
	libbpf_print_fn_t before = libbpf_set_print(NULL);
	libbpf_print_fn_t after;

	RTE_SET_USED(arg);
	libbpf_set_print(before);
	CHECK(listen_to_libbpf() != before, "the driver does not listen");
	tap_bpf_listen_end();
	after = libbpf_set_print(before);
	CHECK(after == before, "another printer");
}

int
main(void)
{
	static const bool one = true, many = false;
	static const struct remedy remedies[] = {
		{ "no capabilities: both are named", 0, EPERM,
		  "give the process CAP_BPF and CAP_PERFMON", NULL },
		{ "CAP_BPF alone: the other one is named", CAP(BPF), EACCES,
		  "give the process CAP_PERFMON", "CAP_BPF" },
		{ "CAP_PERFMON alone: both are named", CAP(PERFMON), EPERM,
		  "give the process CAP_BPF and CAP_PERFMON", NULL },
		{ "both, and EPERM: limit, lockdown, seccomp", CAP(BPF) | CAP(PERFMON), EPERM,
		  "raise the limit of locked memory (ulimit -l), or check lockdown, seccomp and user "
		  "namespace",
		  "CAP_" },
		{ "CAP_SYS_ADMIN, and EPERM: the same", ROOT, EPERM,
		  "raise the limit of locked memory", "CAP_" },
		{ "ENOSYS: the kernel's option", ROOT, ENOSYS, "CONFIG_BPF_SYSCALL", NULL },
		{ "ENOMEM: memory", ROOT, ENOMEM, "free some memory", NULL },
		{ "EINVAL: a report", ROOT, EINVAL, "report the verifier's words", NULL },
	};
	static const struct silence silences[] = {
		{ "EPERM is not the verifier's", ROOT, EPERM, LINE LINE },
		{ "without capabilities it is their lack that counts", 0, EACCES, LINE LINE },
		{ "no line was heard", ROOT, EINVAL, "no line" },
	};
	unsigned int i;

	log_file = tmpfile();
	if (log_file == NULL || rte_openlog_stream(log_file) != 0)
		return EXIT_FAILURE;
	for (i = 0; i < RTE_DIM(remedies); i++)
		test_run("reason", remedies[i].name, says_what_to_do, &remedies[i]);
	test_run("reason", "the first one stays", first_reason_stays, NULL);
	test_run("log", "a long log, as one text, is cut to its end",
		 long_log_ends_with_the_objection, &one);
	test_run("log", "a long log, line by line, is cut to its end",
		 long_log_ends_with_the_objection, &many);
	for (i = 0; i < RTE_DIM(silences); i++)
		test_run("log, nothing", silences[i].name, is_not_logged, &silences[i]);
	test_run("log, nothing", "of an earlier load", old_objection_is_forgotten, NULL);
	test_run("log", "libbpf has its printer back", libbpf_has_its_printer_back, NULL);
	return test_summary();
}
