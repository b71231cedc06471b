/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* Programs and maps of a port for a process without privileges, and a tap that belongs to it. */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/ioctl.h>
#include <sys/stat.h>

#include "objects.h"
#include "tap_link.h"
#include "tap_log.h"
#include "tap_tun.h"

#define TAP_QUEUE_LEN 1024

/* Of the driver's files that are a part of this program. */
RTE_LOG_REGISTER_DEFAULT(net_tap_logtype, WARNING);

#ifdef TAP_HAVE_BPF

struct tap_bpf *
cli_objects_load(void)
{
	const struct tap_args args = { .rss = TAP_RSS_BPF };
	char reason[TAP_REASON_LEN] = "";
	struct tap_tables tables;
	enum tap_rung rung;
	struct tap_bpf *bpf = tap_bpf_open("load", &args, &rung, reason);

	if (bpf != NULL && tap_bpf_open_rules(bpf, "load", &tables, reason) == 0 &&
	    tap_bpf_rules_fd(bpf, "load", TAP_RULES_STEERING, reason) >= 0 &&
	    tap_bpf_rules_fd(bpf, "load", TAP_RULES_FILTER, reason) >= 0)
		return bpf;
	cli_error("%s", reason);
	tap_bpf_close(bpf);
	return NULL;
}

#else

struct tap_bpf *
cli_objects_load(void)
{
	cli_error("this program was built without BPF");
	return NULL;
}

#endif /* TAP_HAVE_BPF */

bool
cli_user(const char *option, const char *text, uid_t *uid)
{
	const struct passwd *user = getpwnam(text);
	unsigned long number;
	char *end;

	if (user != NULL) {
		*uid = user->pw_uid;
		return true;
	}
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && text[0] != '-' && number < UINT32_MAX) {
		*uid = (uid_t)number;
		return true;
	}
	cli_error("%s \"%s\": a user's name or number is wanted", option, text);
	return false;
}

bool
cli_mode(const char *option, const char *text, mode_t *mode)
{
	char *end;
	unsigned long number = strtoul(text, &end, 8);

	if (end != text && *end == '\0' && text[0] != '-' && number <= 0777) {
		*mode = (mode_t)number;
		return true;
	}
	cli_error("%s \"%s\": an octal number from 0 to 777 is wanted", option, text);
	return false;
}

int
cli_tap_make(const char *name, uid_t owner, unsigned int queues)
{
	char iface[IFNAMSIZ];
	int fd[TAP_MAX_QUEUES] = { -1 };
	struct tap_link *link = tap_link_open();
	unsigned int ifindex;
	unsigned int n = 0;
	int ret = link == NULL ? -errno : 0;

	if (ret == 0 && if_nametoindex(name) != 0)
		ret = -EEXIST;
	snprintf(iface, sizeof(iface), "%s", name);
	/* All of them once: the kernel says now if it has not so many. */
	while (ret == 0 && n < queues) {
		fd[n] = tap_tun_open(iface, false);
		ret = fd[n] < 0 ? fd[n] : 0;
		n += ret == 0;
	}
	ifindex = if_nametoindex(iface);
	if (ret == 0 && ioctl(fd[0], TUNSETOWNER, (unsigned long)owner) != 0)
		ret = -errno;
	if (ret == 0)
		ret = tap_link_set_queue_len(link, ifindex, TAP_QUEUE_LEN);
	if (ret == 0)
		ret = tap_link_set_up(link, ifindex, true);
	if (ret == 0)
		ret = tap_tun_set_persist(fd[0], true);
	while (n > 0)
		close(fd[--n]);
	tap_link_close(link);
	return ret == 0 ? CLI_OK : cli_error("tap %s: %s", name, strerror(-ret));
}

int
cli_tap_remove(const char *name)
{
	char iface[IFNAMSIZ];
	int fd, ret;

	if (if_nametoindex(name) == 0)
		return CLI_OK;
	snprintf(iface, sizeof(iface), "%s", name);
	fd = tap_tun_open(iface, false);
	if (fd < 0)
		return cli_error("tap %s: %s", name, strerror(-fd));
	ret = tap_tun_set_persist(fd, false);
	close(fd);
	return ret == 0 ? CLI_OK : cli_error("tap %s: %s", name, strerror(-ret));
}
