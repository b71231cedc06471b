/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <execinfo.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "fault.h"
#include "patience.h"

/* Frames of backtrace() that are ours: fault_strikes() or fault_came(), and the wrapper. */
#define OWN_FRAMES 2
#define FAULT_MAX_ARMED 2
#define MAX_LIVE 65536
#define MAX_BPF 1024
/* How long the kernel may take to free a BPF object. */
#define BPF_PATIENCE_MS 3000

extern const char __executable_start, etext;

enum mode {
	OFF,
	RECORDING, /* counts */
	ARMED,     /* counts, and faults may be still to come */
};

struct live {
	void *p;
	bool map;
	uint64_t number;
	void *caller[FAULT_FRAMES];
};

/* BPF objects by kind, and the call that finds one by its number. */
struct bpf_kind {
	const char *name; /* in /proc/self/fdinfo */
	int (*by_id)(__u32 id);
};

static const struct bpf_kind bpf_kinds[] = {
	{ "prog_id:", bpf_prog_get_fd_by_id },
	{ "map_id:", bpf_map_get_fd_by_id },
	{ "link_id:", bpf_link_get_fd_by_id },
};

struct bpf_object {
	const struct bpf_kind *kind;
	__u32 id;
};

static struct fault_site sites[FAULT_MAX_SITES];
static unsigned int n_sites;
static unsigned int recorded;
static enum mode mode;
static struct fault armed[FAULT_MAX_ARMED];
static unsigned int n_armed;
static unsigned int struck;
static __thread bool inside;

/* Of what follows; other threads of EAL free as well. */
static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;
static struct live live[MAX_LIVE];
static size_t n_live;
static uint64_t live_number;
static struct bpf_object objects[MAX_BPF];
static size_t n_objects;

void
fault_init(void)
{
	void *frames[1];

	/* The first call loads a library. */
	backtrace(frames, RTE_DIM(frames));
}

void
fault_enter(void)
{
	inside = true;
}

void
fault_leave(void)
{
	inside = false;
}

bool
fault_inside(void)
{
	return inside;
}

static void
forget_hits(void)
{
	unsigned int i;

	for (i = 0; i < n_sites; i++) {
		sites[i].hits = 0;
		sites[i].after = 0;
	}
	struck = 0;
}

void
fault_record(void)
{
	forget_hits();
	recorded = 0;
	mode = RECORDING;
}

void
fault_arm(const struct fault *faults, unsigned int n)
{
	forget_hits();
	memcpy(armed, faults, n * sizeof(*faults));
	n_armed = n;
	mode = ARMED;
}

void
fault_stop(void)
{
	mode = OFF;
}

unsigned int
fault_struck(void)
{
	return struck;
}

unsigned int
fault_sites(void)
{
	return n_sites;
}

const struct fault_site *
fault_site(unsigned int number)
{
	return &sites[number];
}

static bool
is_ours(const void *address)
{
	return (const char *)address >= &__executable_start && (const char *)address < &etext;
}

/* The way to the wrapper, as far as it lies in this program. */
static __rte_noinline void
find_callers(void *caller[FAULT_FRAMES])
{
	void *frames[2 + OWN_FRAMES + FAULT_FRAMES];
	int n = backtrace(frames, RTE_DIM(frames));
	int own = 0;
	int i;

	/* The address sanitizer has a backtrace() of its own, which is the first frame. */
	while (own < n && !is_ours(frames[own]))
		own++;
	own += 1 + OWN_FRAMES;
	memset(caller, 0, FAULT_FRAMES * sizeof(*caller));
	for (i = 0; i < FAULT_FRAMES && own + i < n && is_ours(frames[own + i]); i++)
		caller[i] = frames[own + i];
}

static unsigned int
find_site(const struct fault_kind *kind, void *const caller[FAULT_FRAMES])
{
	unsigned int i;

	for (i = 0; i < n_sites; i++)
		if (sites[i].kind == kind &&
		    memcmp(sites[i].caller, caller, sizeof(sites[i].caller)) == 0)
			return i;
	if (n_sites == FAULT_MAX_SITES) {
		fprintf(stderr, "more than %d call sites\n", FAULT_MAX_SITES);
		abort();
	}
	sites[i].kind = kind;
	memcpy(sites[i].caller, caller, sizeof(sites[i].caller));
	n_sites++;
	return i;
}

__rte_noinline bool
fault_strikes(const struct fault_kind *kind)
{
	void *caller[FAULT_FRAMES];
	unsigned int site;
	uint32_t passed;

	if (!inside || mode == OFF)
		return false;
	find_callers(caller);
	site = find_site(kind, caller);
	if (mode == RECORDING && sites[site].hits == 0)
		sites[site].order = recorded++;
	passed = struck == 0 ? sites[site].hits++ : sites[site].after++;
	if (mode != ARMED || struck == n_armed || site != armed[struck].site ||
	    passed != armed[struck].nth)
		return false;
	errno = armed[struck].error;
	rte_errno = armed[struck].error;
	struck++;
	return true;
}

__rte_noinline void
fault_came(void *p, bool map)
{
	struct live *l;

	if (p == NULL)
		return;
	pthread_mutex_lock(&live_lock);
	if (n_live == MAX_LIVE)
		abort();
	l = &live[n_live++];
	l->p = p;
	l->map = map;
	l->number = live_number++;
	find_callers(l->caller);
	pthread_mutex_unlock(&live_lock);
}

void
fault_went(void *p, bool map)
{
	size_t i;

	if (p == NULL)
		return;
	pthread_mutex_lock(&live_lock);
	/* The youngest go first, mostly. What libraries gave is not in the table. */
	for (i = n_live; i > 0; i--)
		if (live[i - 1].p == p && live[i - 1].map == map)
			break;
	if (i > 0) {
		memmove(&live[i - 1], &live[i], (n_live - i) * sizeof(live[0]));
		n_live--;
	}
	pthread_mutex_unlock(&live_lock);
}

uint64_t
fault_now(void)
{
	return live_number;
}

void
fault_bpf_came(int fd)
{
	char path[64];
	char line[128];
	unsigned int i;
	__u32 id;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		for (i = 0; i < RTE_DIM(bpf_kinds); i++) {
			const char *name = bpf_kinds[i].name;

			/* A link has the number of its program as well, below its own. */
			if (strncmp(line, name, strlen(name)) != 0 || n_objects == MAX_BPF)
				continue;
			id = (__u32)strtoul(line + strlen(name), NULL, 10);
			objects[n_objects++] = (struct bpf_object){ &bpf_kinds[i], id };
		}
	fclose(f);
}

static size_t
count_bpf(void)
{
	size_t kept = 0;
	size_t i;

	for (i = 0; i < n_objects; i++) {
		int fd = objects[i].kind->by_id(objects[i].id);

		if (fd >= 0)
			objects[kept++] = objects[i];
		if (fd >= 0)
			close(fd);
	}
	n_objects = kept;
	return kept;
}

void
fault_count_live(struct fault_live *count, size_t bpf_expected)
{
	unsigned int ms;
	size_t i;

	memset(count, 0, sizeof(*count));
	pthread_mutex_lock(&live_lock);
	for (i = 0; i < n_live; i++)
		if (live[i].map)
			count->maps++;
		else
			count->blocks++;
	pthread_mutex_unlock(&live_lock);
	count->bpf = count_bpf();
	for (ms = 0; count->bpf > bpf_expected && ms < test_patience(BPF_PATIENCE_MS); ms += 10) {
		usleep(10000);
		count->bpf = count_bpf();
	}
}

/* Functions and lines by addr2line; without it the bare offsets. */
static void
print_callers(FILE *out, void *const caller[FAULT_FRAMES])
{
	char command[512];
	char line[256];
	size_t len;
	FILE *pipe;
	int i;

	len = (size_t)snprintf(command, sizeof(command), "addr2line -s -f -p -e /proc/%d/exe",
			       getpid());
	for (i = 0; i < FAULT_FRAMES && caller[i] != NULL; i++)
		/* Return addresses: the call is before them. */
		len += (size_t)snprintf(command + len, sizeof(command) - len, " 0x%" PRIxPTR,
					(uintptr_t)caller[i] - 1 - (uintptr_t)&__executable_start);
	pipe = popen(command, "r"); /* NOLINT(cert-env33-c): a test, and the command is ours */
	while (pipe != NULL && fgets(line, sizeof(line), pipe) != NULL)
		fprintf(out, "        %s", line);
	if (pipe != NULL)
		pclose(pipe);
}

void
fault_print(FILE *out, unsigned int number)
{
	fprintf(out, "%s(), %u times, called from\n", sites[number].kind->name,
		sites[number].hits + sites[number].after);
	print_callers(out, sites[number].caller);
}

void
fault_print_live(FILE *out, uint64_t since)
{
	size_t i;

	for (i = 0; i < n_live; i++)
		if (live[i].number >= since) {
			fprintf(out, "    alive: %s that came by\n",
				live[i].map ? "a mapping" : "memory");
			print_callers(out, live[i].caller);
		}
	for (i = 0; i < n_objects; i++)
		fprintf(out, "    alive: BPF object %s %u\n", objects[i].kind->name, objects[i].id);
}
