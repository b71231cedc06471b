/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef OBJECTS_H
#define OBJECTS_H

/**
 * @file
 * What load, unload and serve share.
 */

#include <stdbool.h>

#include <sys/types.h>

#include "cli.h"
#include "tap_bpf.h"
#include "tap_objects.h"

/** Load all programs and maps of a port; NULL after a message. Closed by tap_bpf_close(). */
struct tap_bpf *cli_objects_load(void);

/** A user by name or number; false after a message. */
bool cli_user(const char *option, const char *text, uid_t *uid);

/** Permission bits; false after a message. */
bool cli_mode(const char *option, const char *text, mode_t *mode);

/** Make a persistent tap, up, of @p owner. CLI_OK, or CLI_FAILED after a message. */
int cli_tap_make(const char *name, uid_t owner, unsigned int queues);

/** Let a persistent tap go, if there is one of that name. */
int cli_tap_remove(const char *name);

#endif /* OBJECTS_H */
