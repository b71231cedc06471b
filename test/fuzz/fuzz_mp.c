/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/**
 * @file
 * Fuzz target: messages between primary and secondary processes. The input is a series of messages:
 * to the primary, to the secondary, or answers that a secondary gets; each with its parameters,
 * its length and its fds. EAL's part, which is to bring them, is not run.
 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <sys/mman.h>

#include <rte_alarm.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include "fuzz.h"
#include "tap_ethdev.h"
#include "tap_mp.h"

#define NAME "net_tap0"
#define QUEUES 20
#define MESSAGES 64

/* As tap_mp.c has it, where the fuzzer cannot guess: the name first, then what. */
#define WHAT_AT RTE_ETH_NAME_MAX_LEN

static struct fuzz_input in;
static rte_mp_t handler;
static struct tap_port port;
static struct rte_eth_dev_data dev_data = { .dev_private = &port, .name = NAME };
static int null_fd;
static int shared_fd; /* a file like the map that bells are in */
static rte_eal_alarm_callback alarm_callback;
static void *alarm_arg;

int __wrap_rte_mp_action_register(const char *name, rte_mp_t action);
int __wrap_rte_mp_reply(struct rte_mp_msg *msg, const char *peer);
int __wrap_rte_mp_sendmsg(struct rte_mp_msg *msg);
int __wrap_rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			       const struct timespec *ts);
struct rte_eth_dev *__wrap_rte_eth_dev_allocated(const char *name);
int __wrap_rte_eal_alarm_set(uint64_t us, rte_eal_alarm_callback callback, void *arg);
int __wrap_rte_eal_alarm_cancel(rte_eal_alarm_callback callback, void *arg);

int
__wrap_rte_mp_action_register(const char *name, rte_mp_t action)
{
	(void)name;
	handler = action;
	return 0;
}

static void
check_message(const struct rte_mp_msg *msg)
{
	int i;

	FUZZ_CHECK(msg->num_fds >= 0 && msg->num_fds <= RTE_MP_MAX_FD_NUM, "%d", msg->num_fds);
	for (i = 0; i < msg->num_fds; i++)
		FUZZ_CHECK(fcntl(msg->fds[i], F_GETFD) >= 0, "fd %d is not open", msg->fds[i]);
}

int
__wrap_rte_mp_reply(struct rte_mp_msg *msg, const char *peer)
{
	(void)peer;
	check_message(msg);
	return 0;
}

int
__wrap_rte_mp_sendmsg(struct rte_mp_msg *msg)
{
	check_message(msg);
	return 0;
}

/* A message, with fds of its own, as many as it says. */
static void
read_message(struct rte_mp_msg *msg)
{
	uint8_t kind = fuzz_u8(&in);
	int fd = kind & 0x20 ? shared_fd : null_fd;

	memset(msg, 0, sizeof(*msg));
	snprintf(msg->name, sizeof(msg->name), "net_tap");
	strcpy((char *)msg->param, NAME);
	if (kind & 0x40)
		fuzz_take(&in, msg->param, WHAT_AT);
	fuzz_take(&in, msg->param + WHAT_AT, 24);
	msg->len_param = kind & 0x80 ? fuzz_u8(&in) : WHAT_AT + 20;
	for (kind &= 0x1f; kind > 0 && msg->num_fds < RTE_MP_MAX_FD_NUM; kind--)
		msg->fds[msg->num_fds++] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* Answers end with the input. */
int
__wrap_rte_mp_request_sync(struct rte_mp_msg *req, struct rte_mp_reply *reply,
			   const struct timespec *ts)
{
	uint8_t n = fuzz_u8(&in);

	(void)ts;
	check_message(req);
	memset(reply, 0, sizeof(*reply));
	if (in.left == 0) {
		rte_errno = ETIMEDOUT;
		return -1;
	}
	/* Mostly one: of more the driver must not even look at the fds, and EAL never gives them. */
	reply->nb_sent = 1;
	reply->nb_received = n == 0 ? 0 : 1;
	reply->msgs = calloc(1, sizeof(*reply->msgs));
	if (reply->msgs == NULL)
		abort();
	if (n != 0)
		read_message(reply->msgs);
	return 0;
}

struct rte_eth_dev *
__wrap_rte_eth_dev_allocated(const char *name)
{
	return strcmp(name, NAME) == 0 ? &rte_eth_devices[0] : NULL;
}

int
__wrap_rte_eal_alarm_set(uint64_t us, rte_eal_alarm_callback callback, void *arg)
{
	(void)us;
	alarm_callback = callback;
	alarm_arg = arg;
	return 0;
}

int
__wrap_rte_eal_alarm_cancel(rte_eal_alarm_callback callback, void *arg)
{
	(void)callback;
	(void)arg;
	alarm_callback = NULL;
	return 0;
}

static void
open_port(void)
{
	struct rte_eth_dev *dev = &rte_eth_devices[0];
	unsigned int i;

	fuzz_quiet();
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	shared_fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (null_fd < 0 || shared_fd < 0 || ftruncate(shared_fd, sizeof(struct tap_shared)) != 0)
		abort();
	port.data = &dev_data;
	for (i = 0; i < QUEUES; i++)
		port.fd[i] = null_fd;
	port.nb_fds = QUEUES;
	dev->data = &dev_data;
}

/* Messages to the primary: nothing is asked of the other side. */
static void
run_primary(void)
{
	struct rte_mp_msg msg;
	unsigned int i;

	tap_mp_init();
	tap_mp_ready(&port);
	port.running = fuzz_u8(&in) & 1;
	for (i = 0; i < MESSAGES && in.left != 0; i++) {
		read_message(&msg);
		handler(&msg, "fuzz");
	}
	port.policy.mortal = false;
	tap_mp_gone(&port);
}

/* Attach, orders, detach; whatever the primary answers. */
static void
run_secondary(void)
{
	struct rte_eth_dev *dev = &rte_eth_devices[0];
	struct rte_mp_msg msg;
	unsigned int i;

	dev->dev_ops = &tap_secondary_ops;
	port.running = fuzz_u8(&in) & 1;
	if (tap_mp_attach(dev) != 0)
		return;
	for (i = 0; i < MESSAGES && in.left != 0; i++) {
		rte_eal_alarm_callback callback = alarm_callback;

		alarm_callback = NULL;
		if (callback != NULL)
			callback(alarm_arg);
		read_message(&msg);
		handler(&msg, "fuzz");
	}
	tap_mp_detach(dev);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool opened;
	int before;

	if (!opened) {
		open_port();
		opened = true;
	}
	before = fuzz_lowest_fd();
	in = (struct fuzz_input){ data, size };
	if (fuzz_u8(&in) & 1)
		run_primary();
	else
		run_secondary();
	alarm_callback = NULL;
	FUZZ_CHECK(fuzz_lowest_fd() == before, "an fd was left open");
	return 0;
}
