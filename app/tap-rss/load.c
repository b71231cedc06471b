/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/* The commands load and unload: objects as pins. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/vfs.h>

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
			ok = strlen(optarg) < IFNAMSIZ && optarg[0] != '\0';
			if (!ok)
				cli_error("--tap \"%s\": a name of 1 to 15 characters is wanted",
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
	if (!ok)
		return false;
	if (optind < argc) {
		cli_error("unknown argument \"%s\"", argv[optind]);
		return false;
	}
	if (load->pin == NULL)
		cli_error(
			"--pin DIR is wanted: a folder in a BPF file system, as /sys/fs/bpf/NAME");
	return load->pin != NULL;
}

/* The folder and its pins are the user's; the folder can be searched wherever it can be read. */
static int
give_away(const struct load *load)
{
	mode_t search = load->mode | (load->mode & 0444) >> 2;
	char path[4096];

	for (unsigned int i = 0; i < TAP_OBJECTS; i++) {
		int n = snprintf(path, sizeof(path), "%s/%s", load->pin, tap_object_name(i));

		if (n < 0 || (size_t)n >= sizeof(path))
			return -ENAMETOOLONG;
		if (chmod(path, load->mode) != 0 || chown(path, load->user, (gid_t)-1) != 0)
			return -errno;
	}
	return chmod(load->pin, search) != 0 || chown(load->pin, load->user, (gid_t)-1) != 0 ?
		       -errno :
		       0;
}

static int
pin_all(const struct load *load, const struct tap_bpf *bpf, bool made)
{
	char reason[TAP_OBJECTS_REASON] = "";
	int ret = tap_objects_pin(tap_bpf_objects(bpf), load->pin, reason);

	if (ret != 0)
		cli_error("%s", reason);
	if (ret == 0) {
		ret = give_away(load);
		if (ret != 0) {
			cli_error("%s: %s", load->pin, strerror(-ret));
			tap_objects_unpin(load->pin);
		}
	}
	if (ret != 0 && made)
		rmdir(load->pin);
	return ret == 0 ? CLI_OK : CLI_FAILED;
}

static bool
in_bpf_fs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

static int
load_all(const struct load *load)
{
	struct tap_bpf *bpf = NULL;
	bool made = mkdir(load->pin, 0700) == 0;
	int status;

	if (!made && errno != EEXIST)
		return cli_error("--pin %s: %s; " MOUNT_HINT, load->pin, strerror(errno));
	if (in_bpf_fs(load->pin))
		bpf = cli_objects_load();
	else
		cli_error("--pin %s: not in a BPF file system; " MOUNT_HINT, load->pin);
	if (bpf == NULL) {
		if (made)
			rmdir(load->pin);
		return CLI_FAILED;
	}
	status = pin_all(load, bpf, made);
	tap_bpf_close(bpf);
	if (status == CLI_OK && load->tap != NULL) {
		status = cli_tap_make(load->tap, load->user, (unsigned int)load->queues);
		if (status != CLI_OK) {
			tap_objects_unpin(load->pin);
			rmdir(load->pin);
		}
	}
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
