/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_OBJECTS_H
#define TAP_OBJECTS_H

/**
 * @file
 * Programs and maps of a port that a process with privileges hands to one without: as pins in
 * a folder of a BPF file system, or as fds over a Unix socket. Whoever gives them is not
 * trusted further than that the port may then drop packets or put them on wrong queues.
 *
 * Not for several threads with the same struct.
 */

#include <stddef.h>
#include <stdint.h>

/** Programs, then maps. */
enum tap_object {
	TAP_OBJ_STEER,
	TAP_OBJ_FILTER,
	TAP_OBJ_STEER_RULES,
	TAP_OBJ_FILTER_RULES,
	TAP_OBJ_SHARED, /**< struct tap_shared */
	TAP_OBJ_FLOW,   /**< struct tap_flow */
	TAP_OBJ_RULES,  /**< TAP_RULES of struct tap_flow_rule */
	TAP_OBJ_COUNTS, /**< TAP_RULES of struct tap_flow_count for each bank */
	TAP_OBJECTS
};

/** Room for a reason, with its end. */
#define TAP_OBJECTS_REASON 256

/** The objects of one port. */
struct tap_objects {
	int fd[TAP_OBJECTS]; /**< -1: none */
	int lock;            /**< fd of the locked folder of pins, or -1 */
	uint32_t banks;      /**< of counters, a power of two */
};

/** The name of an object: of its pin too. */
const char *tap_object_name(enum tap_object object);

/** Have no objects. */
void tap_objects_init(struct tap_objects *o);

/** Close all fds. */
void tap_objects_close(struct tap_objects *o);

/**
 * Take the objects that are pinned in @p dir, which is locked until tap_objects_close(): one
 * set of objects serves one port at a time.
 *
 * @param reason  what is wrong, if something is
 * @return 0, or negative errno: -EBUSY another port has them, -EPERM or -EACCES not
 *         for this user, -EINVAL they are not what they should be
 */
int tap_objects_pinned(struct tap_objects *o, const char *dir, char reason[TAP_OBJECTS_REASON]);

/**
 * Ask the server that listens at @p path for objects, and wait for them up to 30 seconds.
 *
 * @return as tap_objects_pinned(); -EACCES with the server's words if it refuses
 */
int tap_objects_received(struct tap_objects *o, const char *path, char reason[TAP_OBJECTS_REASON]);

/**
 * Pin the objects in @p dir, an existing folder of a BPF file system, in place of older pins.
 *
 * @return 0, or negative errno with a reason; then none is pinned
 */
int tap_objects_pin(const struct tap_objects *o, const char *dir, char reason[TAP_OBJECTS_REASON]);

/** Remove the pins in @p dir, as far as they are there. @return 0, or negative errno */
int tap_objects_unpin(const char *dir);

/**
 * Answer a client: give it the objects, or refuse with words if @p o is NULL.
 *
 * @param sock  connected SOCK_SEQPACKET socket
 * @return 0, or negative errno
 */
int tap_objects_send(int sock, const struct tap_objects *o, const char *refusal);

/**
 * Are these the objects of a port? Types and sizes as the kernel tells them; sets @p o->banks.
 *
 * @return 0, or -EINVAL with a reason
 */
int tap_objects_check(struct tap_objects *o, char reason[TAP_OBJECTS_REASON]);

#endif /* TAP_OBJECTS_H */
