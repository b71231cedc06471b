/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/capability.h>

#include <bpf/libbpf.h>

#include <rte_common.h>

#include "tap_bpf.h"
#include "tap_bpf_reason.h"
#include "tap_caps.h"
#include "tap_log.h"

/* Room for what the verifier says last; that is where it names its objection. */
#define TAP_VERIFIER_TAIL 1024

/* What libbpf says while it loads; it has one printer for the whole process. */
static char tap_verifier_tail[TAP_VERIFIER_TAIL];
static libbpf_print_fn_t tap_printer_before;

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

void
tap_bpf_listen(void)
{
	tap_verifier_tail[0] = '\0';
	tap_printer_before = libbpf_set_print(tap_bpf_print);
}

void
tap_bpf_listen_end(void)
{
	libbpf_set_print(tap_printer_before);
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

const char *
tap_bpf_remedy(int err)
{
	const char *caps = tap_bpf_missing_caps();

	if (caps != NULL)
		return caps;
	switch (err) {
	case EPERM:
		return "raise the limit of locked memory (ulimit -l), or check lockdown, seccomp "
		       "and user namespace";
	case ENOSYS:
		return "the kernel has no bpf() system call (CONFIG_BPF_SYSCALL)";
	case ENOMEM:
		return "free some memory";
	default:
		return "report the verifier's words with the kernel version";
	}
}

void
tap_bpf_explain(char *reason, const char *program, int err)
{
	if (reason[0] != '\0')
		return;
	snprintf(reason, TAP_REASON_LEN, "loading program %s: %s; to mend it: %s", program,
		 strerror(err), tap_bpf_remedy(err));
}

void
tap_bpf_log_verifier(const char *port, const char *program, int err)
{
	const char *line = strchr(tap_verifier_tail, '\n');

	if (err == EPERM || line == NULL || tap_bpf_missing_caps() != NULL)
		return;
	TAP_LOG(WARNING, "%s: the kernel refuses program %s (%s); the verifier's last words:%s",
		port, program, strerror(err), line);
}
