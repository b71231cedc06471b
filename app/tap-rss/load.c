/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* The commands load and unload: objects as pins. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <linux/magic.h>

#include <net/if.h>

#include "objects.h"

#define MOUNT_HINT "one is mounted with: mount -t bpf bpf /sys/fs/bpf"

struct load {
	const char *pin;
	const char *tap;
	uid_t user;
	mode_t mode;
	unsigned long queues;
};

static const struct option load_options[] = {
	{ "pin", required_argument, NULL, 'p' },    { "user", required_argument, NULL, 'u' },
	{ "mode", required_argument, NULL, 'm' },   { "tap", required_argument, NULL, 't' },
	{ "queues", required_argument, NULL, 'q' }, CLI_OPTIONS
};

static bool
parse(struct cli *cli, struct load *load, int argc, char **argv)
{
	bool ok = true;
	int c;

	while (ok && (c = cli_option(cli, argc, argv, load_options)) != -1) {
		switch (c) {
		case 'p':
			load->pin = optarg;
			break;
		case 't':
			load->tap = optarg;
			ok = strlen(optarg) < IFNAMSIZ && optarg[0] != '\0' &&
			     strpbrk(optarg, "%/: ") == NULL;
			if (!ok)
				cli_error(
					"--tap \"%s\": a name of 1 to 15 characters without '%%', '/', ':' and "
					"white space is wanted",
					optarg);
			break;
		case 'u':
			ok = cli_user("--user", optarg, &load->user);
			break;
		case 'm':
			ok = cli_mode("--mode", optarg, &load->mode);
			break;
		case 'q':
			ok = cli_number("--queues", optarg, 1, TAP_MAX_QUEUES, &load->queues);
			break;
		default:
			return false;
		}
	}
	if (!ok || !cli_no_arguments(argc, argv))
		return false;
	if (load->pin == NULL)
		cli_error(
			"--pin DIR is wanted: a folder in a BPF file system, as /sys/fs/bpf/NAME");
	return load->pin != NULL;
}

/*
 * Pins first, while the folder is ours and nobody else can enter it; the folder last, by its
 * fd. It can be searched wherever it can be read.
 */
static int
give_away(const struct load *load, int dir)
{
	mode_t search = load->mode | (load->mode & 0444) >> 2;

	for (unsigned int i = 0; i < TAP_OBJECTS; i++) {
		const char *name = tap_object_name(i);

		if (fchmodat(dir, name, load->mode, 0) != 0 ||
		    fchownat(dir, name, load->user, (gid_t)-1, AT_SYMLINK_NOFOLLOW) != 0)
			return -errno;
	}
	return fchmod(dir, search) != 0 || fchown(dir, load->user, (gid_t)-1) != 0 ? -errno : 0;
}

/* By the folder's fd, whatever its path leads to meanwhile. */
static int
pin_all(const struct load *load, const struct tap_bpf *bpf, int dir)
{
	char reason[TAP_OBJECTS_REASON] = "";
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	ret = tap_objects_pin(tap_bpf_objects(bpf), path, reason);
	if (ret != 0)
		return cli_error("--pin %s: %s", load->pin, reason);
	ret = give_away(load, dir);
	if (ret == 0)
		return CLI_OK;
	tap_objects_unpin(path);
	return cli_error("--pin %s: %s", load->pin, strerror(-ret));
}

static bool
in_bpf_fs(int dir)
{
	struct statfs fs;

	return fstatfs(dir, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/* A folder above may keep the user out, as that of systemd does. */
static void
warn_if_out_of_reach(const struct load *load)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(setuid(load->user) != 0 || access(load->pin, X_OK) == 0 ? 0 : 1);
	if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	    WEXITSTATUS(status) != 0)
		cli_error("warning: a folder above %s keeps user %u out; one that does not: "
			  "mount -t bpf -o mode=0711 bpf FOLDER",
			  load->pin, (unsigned int)load->user);
}

static int
load_into(const struct load *load, int dir)
{
	struct tap_bpf *bpf;
	int status;

	if (!in_bpf_fs(dir))
		return cli_error("--pin %s: not in a BPF file system; " MOUNT_HINT, load->pin);
	bpf = cli_objects_load();
	if (bpf == NULL)
		return CLI_FAILED;
	status = pin_all(load, bpf, dir);
	tap_bpf_close(bpf);
	if (status == CLI_OK && load->tap != NULL) {
		status = cli_tap_make(load->tap, load->user, (unsigned int)load->queues);
		if (status != CLI_OK)
			tap_objects_unpin(load->pin);
	}
	return status;
}

/* Always into a new folder: who owned an old one could lead us anywhere. */
static int
load_all(const struct load *load)
{
	int dir, status;

	if (mkdir(load->pin, 0700) != 0)
		return cli_error("--pin %s: %s; %s", load->pin, strerror(errno),
				 errno == EEXIST ? "dpdk-tap-rss unload removes it" : MOUNT_HINT);
	dir = open(load->pin, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	status = dir < 0 ? cli_error("--pin %s: %s", load->pin, strerror(errno)) :
			   load_into(load, dir);
	if (dir >= 0)
		close(dir);
	if (status != CLI_OK)
		rmdir(load->pin);
	else
		warn_if_out_of_reach(load);
	return status;
}

int
cli_load(int argc, char **argv)
{
	struct cli cli = { .json = false };
	struct load load = { .user = getuid(), .mode = 0600, .queues = 1 };
	int status;

	if (!parse(&cli, &load, argc, argv))
		return CLI_FAILED;
	status = load_all(&load);
	if (status != CLI_OK)
		return status;
	if (cli.json)
		return cli_print_json(json_pack("{s:s, s:I, s:s*}", "pin", load.pin, "user",
						(json_int_t)load.user, "tap", load.tap));
	printf("Programs and maps are pinned in %s for user %u.\n", load.pin,
	       (unsigned int)load.user);
	if (load.tap != NULL)
		printf("The tap %s is there, up and of the same user.\n", load.tap);
	printf("Next: --vdev=net_tap0,%s%s%sbpf_pin=%s\n", load.tap != NULL ? "iface=" : "",
	       load.tap != NULL ? load.tap : "", load.tap != NULL ? "," : "", load.pin);
	return CLI_OK;
}

int
cli_unload(int argc, char **argv)
{
	struct cli cli = { .json = false };
	struct load load = { .pin = NULL };
	int ret;

	if (!parse(&cli, &load, argc, argv))
		return CLI_FAILED;
	ret = tap_objects_unpin(load.pin);
	if (ret == 0 && rmdir(load.pin) != 0 && errno != ENOENT)
		ret = -errno;
	if (ret != 0)
		return cli_error("%s: %s", load.pin, strerror(-ret));
	if (load.tap != NULL && cli_tap_remove(load.tap) != CLI_OK)
		return CLI_FAILED;
	if (cli.json)
		return cli_print_json(json_pack("{s:s, s:s*}", "pin", load.pin, "tap", load.tap));
	printf("%s is gone.\n", load.pin);
	return CLI_OK;
}
