/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "change.h"
#include "frames.h"
#include "patience.h"
#include "visit.h"

#define HUGE "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define PAGES 160u /* of 2 MB: EAL's -m 256, and some */
#define ATTACHED_FD 3
#define ATTACH_MS 30000
#define STAY_US 200000

static atomic_bool stop;
static unsigned int orderly, killed, failed;

/* Hugepages */

static unsigned long
read_number(const char *path)
{
	unsigned long number = 0;
	FILE *file = fopen(path, "r");

	if (file == NULL)
		return 0;
	if (fscanf(file, "%lu", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

static void
write_pages(unsigned long pages)
{
	FILE *file = fopen(HUGE "nr_hugepages", "w");

	if (file == NULL)
		return;
	fprintf(file, "%lu", pages);
	fclose(file);
}

/*
 * A process that gives the pages back when this one is gone, however it went: Ctrl-C and the signals of a
 * timeout do not get to it. Its end of the pipe stays ours alone: visitors close it at their exec.
 */
static bool
keep_pages(unsigned long pages)
{
	int life[2], fd;
	pid_t pid;
	char c;

	if (pipe2(life, O_CLOEXEC) != 0)
		return false;
	pid = fork();
	if (pid != 0) {
		close(life[0]);
		return pid > 0;
	}
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	/* Nobody waits for the end of our output. */
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		close(fd);
	close(life[1]);
	while (read(life[0], &c, 1) < 0 && errno == EINTR)
		;
	write_pages(pages);
	_exit(EXIT_SUCCESS);
}

void
visit_prepare(void)
{
	unsigned long free_pages = read_number(HUGE "free_hugepages");
	unsigned long pages_before = read_number(HUGE "nr_hugepages");

	if (!keep_pages(pages_before)) {
		fprintf(stderr, "soak: a process for the hugepages: %s\n", strerror(errno));
		exit(EXIT_FAILURE);
	}
	if (free_pages < PAGES)
		write_pages(pages_before + PAGES - free_pages);
	if (read_number(HUGE "free_hugepages") < PAGES) {
		printf("skipped: no %u free hugepages of 2 MB, and the kernel has not so many to give\n",
		       PAGES);
		exit(SOAK_SKIPPED);
	}
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", "/run", "tmpfs", 0, NULL) != 0 || mkdir(VISIT_HUGE_DIR, 0700) != 0 ||
	    mount("none", VISIT_HUGE_DIR, "hugetlbfs", 0, "pagesize=2M") != 0) {
		fprintf(stderr, "soak: memory for several processes: %s\n", strerror(errno));
		exit(EXIT_FAILURE);
	}
}

/* The visitor */

int
visit_main(const char *plugin)
{
	char path[4096];
	char *argv[] = { (char[]){ "visitor" },    (char[]){ "--proc-type=secondary" },
			 (char[]){ "--huge-dir" }, (char[]){ VISIT_HUGE_DIR },
			 (char[]){ "--no-pci" },   (char[]){ "--no-telemetry" },
			 (char[]){ "-d" },         path };
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	struct rte_eth_stats stats, before = { 0 };

	snprintf(path, sizeof(path), "%s", plugin);
	if (rte_eal_init(RTE_DIM(argv), argv) < 0 || !rte_eth_dev_is_valid_port(0))
		return EXIT_FAILURE;
	if (write(ATTACHED_FD, "", 1) != 1)
		return EXIT_FAILURE;
	while (poll(&input, 1, 0) == 0) {
		if (rte_eth_stats_get(0, &stats) != 0 || stats.ipackets < before.ipackets ||
		    stats.opackets < before.opackets)
			return EXIT_FAILURE;
		before = stats;
	}
	return rte_eal_cleanup() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Those who send it */

static pid_t
spawn_visitor(char *plugin, int input, int output)
{
	char *argv[] = { (char[]){ "soak" }, (char[]){ "--visit" }, (char[]){ "--plugin" }, plugin,
			 NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, ATTACHED_FD);
	if (posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static bool
is_attached(int fd)
{
	struct pollfd word = { .fd = fd, .events = POLLIN };
	char c;

	return poll(&word, 1, (int)test_patience(ATTACH_MS)) == 1 && read(fd, &c, 1) == 1;
}

/* One of them, from its coming to its going. */
static bool
visit(char *plugin, bool kill_it, uint64_t *seed)
{
	int status = 0, to[2], from[2];
	bool attached;
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) != 0)
		return false;
	if (pipe2(from, O_CLOEXEC) != 0) {
		close(to[0]);
		close(to[1]);
		return false;
	}
	pid = spawn_visitor(plugin, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	attached = pid > 0 && is_attached(from[0]);
	if (attached)
		usleep(soak_below(seed, STAY_US));
	if (pid > 0 && (kill_it || !attached))
		kill(pid, SIGKILL);
	close(to[1]);
	close(from[0]);
	if (pid <= 0 || waitpid(pid, &status, 0) != pid || !attached)
		return false;
	return kill_it ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL :
			 WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

void *
visit_thread(void *plugin)
{
	uint64_t seed = 4;

	while (failed == 0 && (!stop || killed == 0)) {
		bool kill_it = orderly > killed;

		if (!visit(plugin, kill_it, &seed))
			failed++;
		else if (kill_it)
			killed++;
		else
			orderly++;
	}
	return NULL;
}

void
visit_stop(void)
{
	stop = true;
}

unsigned int
visit_report(void)
{
	printf("%s visits of secondary processes: %u orderly, %u killed, %u failed\n",
	       failed == 0 ? "ok    " : "FAILED", orderly, killed, failed);
	return failed != 0;
}
