/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * Further wrappers: those of DPDK's channels to others, secondary processes and telemetry. There is
 * nobody at their other end; what the driver has registered is called by the scenarios.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_errno.h>

#include "channels.h"

/* A call that fails says so by rte_errno, too. */
#define STRIKES(name, ...)                                                                         \
	({                                                                                         \
		static const struct fault_kind kind = { name, { __VA_ARGS__ } };                   \
		fault_strikes(&kind);                                                              \
	})

struct channels channels;

/* Secondary processes */

int __wrap_rte_mp_action_register(const char *name, rte_mp_t action);
int
__wrap_rte_mp_action_register(const char *name, rte_mp_t action)
{
	RTE_SET_USED(name);
	if (STRIKES("rte_mp_action_register", ENOMEM, EPERM))
		return -1;
	*(channels.secondary == NULL ? &channels.serve : &channels.follow) = action;
	return 0;
}

/* The fds that a message brings are others than those that were sent. */
static void
duplicate(struct rte_mp_msg *msg)
{
	int i;

	fault_leave();
	for (i = 0; i < msg->num_fds; i++)
		msg->fds[i] = fcntl(msg->fds[i], F_DUPFD_CLOEXEC, 0);
	fault_enter();
}

int __wrap_rte_mp_reply(struct rte_mp_msg *msg, const char *peer);
int
__wrap_rte_mp_reply(struct rte_mp_msg *msg, const char *peer)
{
	RTE_SET_USED(peer);
	if (STRIKES("rte_mp_reply", ENOMEM))
		return -1;
	channels.answer = *msg;
	channels.answered = true;
	duplicate(&channels.answer);
	return 0;
}

/* The other side is here as well: the primary's requests go to the secondary, and the other way round. */
static bool
deliver(const struct rte_mp_msg *msg)
{
	uint32_t what;
	rte_mp_t action;

	memcpy(&what, msg->param + RTE_ETH_NAME_MAX_LEN, sizeof(what));
	action = what < CHANNELS_FIRST_ORDER ? channels.serve : channels.follow;
	channels.answered = false;
	if (channels.secondary == NULL || action == NULL)
		return false;
	channels.following = action == channels.follow;
	action(msg, "");
	channels.following = false;
	return channels.answered;
}

int __wrap_rte_mp_request_sync(struct rte_mp_msg *msg, struct rte_mp_reply *reply,
			       const struct timespec *patience);
int
__wrap_rte_mp_request_sync(struct rte_mp_msg *msg, struct rte_mp_reply *reply,
			   const struct timespec *patience)
{
	RTE_SET_USED(patience);
	memset(reply, 0, sizeof(*reply));
	if (STRIKES("rte_mp_request_sync", ETIMEDOUT, ENOMEM))
		return -1;
	if (!deliver(msg))
		return 0;
	reply->nb_sent = 1;
	reply->nb_received = 1;
	fault_leave();
	reply->msgs = malloc(sizeof(*reply->msgs));
	fault_enter();
	if (reply->msgs == NULL)
		abort();
	reply->msgs[0] = channels.answer;
	return 0;
}

int __wrap_rte_mp_sendmsg(struct rte_mp_msg *msg);
int
__wrap_rte_mp_sendmsg(struct rte_mp_msg *msg)
{
	if (STRIKES("rte_mp_sendmsg", ENOMEM))
		return -1;
	deliver(msg);
	return 0;
}

struct rte_eth_dev *__real_rte_eth_dev_allocated(const char *name);
struct rte_eth_dev *__wrap_rte_eth_dev_allocated(const char *name);
struct rte_eth_dev *
__wrap_rte_eth_dev_allocated(const char *name)
{
	return channels.following ? channels.secondary : __real_rte_eth_dev_allocated(name);
}

int __wrap_rte_eal_alarm_set(uint64_t us, rte_eal_alarm_callback callback, void *arg);
int
__wrap_rte_eal_alarm_set(uint64_t us, rte_eal_alarm_callback callback, void *arg)
{
	RTE_SET_USED(us);
	if (STRIKES("rte_eal_alarm_set", ENOMEM))
		return -errno;
	channels.alarm = callback;
	channels.alarm_arg = arg;
	return 0;
}

/* In libbpf 1.1 a failure loses the fd that was to be replaced; it cannot fail there. */
int __real_dup3(int from, int to, int flags);
int __wrap_dup3(int from, int to, int flags);
int
__wrap_dup3(int from, int to, int flags)
{
	if (channels.secondary != NULL && STRIKES("dup3", EMFILE, EINTR))
		return -1;
	return __real_dup3(from, to, flags);
}

/* Telemetry: data that the driver gives away are freed by the scenario. */

int __wrap_rte_telemetry_register_cmd(const char *name, telemetry_cb command, const char *help);
int
__wrap_rte_telemetry_register_cmd(const char *name, telemetry_cb command, const char *help)
{
	RTE_SET_USED(help);
	if (channels.n_commands == RTE_DIM(channels.command))
		abort();
	channels.command[channels.n_commands++] = (struct channels_command){ name, command };
	return 0;
}

struct rte_tel_data *__real_rte_tel_data_alloc(void);
struct rte_tel_data *__wrap_rte_tel_data_alloc(void);
struct rte_tel_data *
__wrap_rte_tel_data_alloc(void)
{
	struct rte_tel_data *data;

	if (STRIKES("rte_tel_data_alloc", ENOMEM))
		return NULL;
	data = __real_rte_tel_data_alloc();
	fault_came(data, false);
	return data;
}

void __real_rte_tel_data_free(struct rte_tel_data *data);
void __wrap_rte_tel_data_free(struct rte_tel_data *data);
void
__wrap_rte_tel_data_free(struct rte_tel_data *data)
{
	fault_went(data, false);
	__real_rte_tel_data_free(data);
}

void
channels_free_given(void)
{
	while (channels.n_given > 0)
		__real_rte_tel_data_free(channels.given[--channels.n_given]);
}

int __real_rte_tel_data_add_dict_container(struct rte_tel_data *d, const char *name,
					   struct rte_tel_data *what, int keep);
int __wrap_rte_tel_data_add_dict_container(struct rte_tel_data *d, const char *name,
					   struct rte_tel_data *what, int keep);
int
__wrap_rte_tel_data_add_dict_container(struct rte_tel_data *d, const char *name,
				       struct rte_tel_data *what, int keep)
{
	int ret;

	if (STRIKES("rte_tel_data_add_dict_container", ENOSPC))
		return -errno;
	ret = __real_rte_tel_data_add_dict_container(d, name, what, keep);
	if (ret != 0)
		return ret;
	if (channels.n_given == RTE_DIM(channels.given))
		abort();
	channels.given[channels.n_given++] = what;
	fault_went(what, false);
	return 0;
}

/* The same for values, which have other types, and other names, from release to release: a register always. */
#define VALUE_CAN_FAIL(name, parameters, arguments)                                                \
	int __real_##name parameters __attribute__((weak));                                        \
	int __wrap_##name parameters;                                                              \
	int __wrap_##name parameters                                                               \
	{                                                                                          \
		return STRIKES(#name, ENOSPC) ? -errno : __real_##name arguments;                  \
	}

VALUE_CAN_FAIL(rte_tel_data_add_dict_string,
	       (struct rte_tel_data * d, const char *name, const char *text), (d, name, text))
VALUE_CAN_FAIL(rte_tel_data_add_dict_int, (struct rte_tel_data * d, const char *name, long value),
	       (d, name, value))
VALUE_CAN_FAIL(rte_tel_data_add_dict_u64, (struct rte_tel_data * d, const char *name, long value),
	       (d, name, value))
VALUE_CAN_FAIL(rte_tel_data_add_dict_uint, (struct rte_tel_data * d, const char *name, long value),
	       (d, name, value))
VALUE_CAN_FAIL(rte_tel_data_add_array_string, (struct rte_tel_data * d, const char *text),
	       (d, text))
VALUE_CAN_FAIL(rte_tel_data_add_array_int, (struct rte_tel_data * d, long value), (d, value))
VALUE_CAN_FAIL(rte_tel_data_add_array_u64, (struct rte_tel_data * d, long value), (d, value))
VALUE_CAN_FAIL(rte_tel_data_add_array_uint, (struct rte_tel_data * d, long value), (d, value))

/* Interrupts: the handler is called by the scenario, at its time. EAL's thread does not know of it. */

int __wrap_rte_intr_callback_register(const struct rte_intr_handle *handle, rte_intr_callback_fn f,
				      void *arg);
int
__wrap_rte_intr_callback_register(const struct rte_intr_handle *handle, rte_intr_callback_fn f,
				  void *arg)
{
	RTE_SET_USED(handle);
	if (STRIKES("rte_intr_callback_register", ENOMEM))
		return -errno;
	channels.interrupt = f;
	channels.interrupt_arg = arg;
	return 0;
}

int __wrap_rte_intr_callback_unregister_sync(const struct rte_intr_handle *handle,
					     rte_intr_callback_fn f, void *arg);
int
__wrap_rte_intr_callback_unregister_sync(const struct rte_intr_handle *handle,
					 rte_intr_callback_fn f, void *arg)
{
	RTE_SET_USED(handle);
	if (channels.interrupt != f || channels.interrupt_arg != arg)
		return -ENOENT;
	channels.interrupt = NULL;
	return 1;
}
