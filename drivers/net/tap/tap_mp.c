/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

#include <rte_alarm.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_string_fns.h>

#include "tap_ethdev.h"
#include "tap_log.h"
#include "tap_mp.h"
#include "tap_objects.h"

#define TAP_MP_ACTION "net_tap"
/* How long the other side may take for an answer. */
#define TAP_MP_SECONDS 5
/* The fewest fds that a message of any DPDK release takes. */
#define TAP_MP_FDS 8
/* Attempts to get all queues of a port whose primary changes them meanwhile. */
#define TAP_MP_TRIES 10
/* What secondaries have for an order whose answer is not waited for. */
#define TAP_MP_GRACE_MS 100
/* The kernel's limit. */
#define TAP_MP_MAX_ERRNO 4095

enum tap_mp_what {
	TAP_MP_BELLS,  /* secondary asks for the map of the bells */
	TAP_MP_QUEUES, /* secondary asks for queues */
	TAP_MP_START,  /* primary: the queues are complete, fetch and poll them */
	TAP_MP_STOP,   /* primary: poll no more, let go of the queues */
	TAP_MP_GONE,   /* primary: as stop, and the port ends */
};

/* Parameters of every message and answer. */
struct tap_mp_param {
	char port[RTE_ETH_NAME_MAX_LEN];
	uint32_t what;       /* enum tap_mp_what */
	uint32_t generation; /* of the queues; another one makes those of before worthless */
	int32_t result;      /* of an answer: 0, or negative errno */
	uint16_t first;      /* the queue that the first fd belongs to */
	uint16_t nb_queues;  /* of the port */
	uint32_t quiet;      /* of an order: not 0: nobody waits for an answer */
};
_Static_assert(sizeof(struct tap_mp_param) <= RTE_MP_MAX_PARAM_LEN, "parameters fit a message");

int tap_fds[RTE_MAX_ETHPORTS][TAP_MAX_QUEUES];
struct tap_bell *tap_bells[RTE_MAX_ETHPORTS];

/* Of all ports: queues of the primary, tables of a secondary. Never held while waiting for an answer. */
static rte_spinlock_t tap_mp_mutex = RTE_SPINLOCK_INITIALIZER;
/* EAL refuses a request while another of the same name waits. Not for the thread that EAL calls us in. */
static pthread_mutex_t tap_mp_talk = PTHREAD_MUTEX_INITIALIZER;
/* Primary: the ports that may be asked for. */
static struct tap_port *tap_mp_ports[RTE_MAX_ETHPORTS];
/* Secondary: what the fds of a port are of. */
static uint32_t tap_mp_generation[RTE_MAX_ETHPORTS];

void
tap_mp_lock(void)
{
	rte_spinlock_lock(&tap_mp_mutex);
}

void
tap_mp_unlock(void)
{
	rte_spinlock_unlock(&tap_mp_mutex);
}

/* Of this process: the data are zero, or another port's, once the primary has closed the port. */
static uint16_t
tap_mp_port_id(const struct rte_eth_dev *dev)
{
	return (uint16_t)(dev - rte_eth_devices);
}

static void
tap_mp_fill(struct rte_mp_msg *msg, const struct tap_mp_param *param)
{
	memset(msg, 0, sizeof(*msg));
	rte_strscpy(msg->name, TAP_MP_ACTION, sizeof(msg->name));
	memcpy(msg->param, param, sizeof(*param));
	msg->len_param = sizeof(*param);
}

/* Queues from param->first on, as many as go with one message. */
static void
tap_mp_put_queues(struct rte_mp_msg *msg, const struct tap_port *port,
		  const struct tap_mp_param *param)
{
	uint16_t i;

	for (i = param->first; i < port->nb_fds && msg->num_fds < TAP_MP_FDS; i++)
		msg->fds[msg->num_fds++] = port->fd[i];
}

/* The result in an answer: 0, or negative errno whatever the other side says. */
static int
tap_mp_result(const struct tap_mp_param *answer)
{
	if (answer->result > 0 || answer->result < -TAP_MP_MAX_ERRNO)
		return -EPROTO;
	return answer->result;
}

static void
tap_mp_close_all(const struct rte_mp_msg *msg)
{
	int i;

	for (i = 0; i < msg->num_fds; i++)
		close(msg->fds[i]);
}

static void
tap_mp_check_answers(const struct tap_port *port, const struct rte_mp_reply *reply)
{
	int i;

	for (i = 0; i < reply->nb_received; i++) {
		const struct tap_mp_param *answer = (const void *)reply->msgs[i].param;

		tap_mp_close_all(&reply->msgs[i]);
		if (reply->msgs[i].len_param != sizeof(*answer) || answer->result != 0)
			TAP_LOG(ERR, "%s: a secondary process cannot follow: %s", port->data->name,
				strerror(-tap_mp_result(answer)));
	}
}

/*
 * Whoever does not answer has died, hangs, or has not this driver. EAL goes no further than
 * to the first such process: the order goes out again, to all.
 */
static void
tap_mp_tell(const struct tap_port *port, struct tap_mp_param *param)
{
	const struct timespec patience = { .tv_sec = TAP_MP_SECONDS };
	struct rte_mp_reply reply = { .nb_sent = 0 };
	struct rte_mp_msg msg;

	tap_mp_fill(&msg, param);
	if (rte_mp_request_sync(&msg, &reply, &patience) == 0) {
		tap_mp_check_answers(port, &reply);
		free(reply.msgs);
		return;
	}
	TAP_LOG(WARNING, "%s: a secondary process does not answer: %s", port->data->name,
		rte_strerror(rte_errno));
	param->quiet = 1;
	tap_mp_fill(&msg, param);
	if (rte_mp_sendmsg(&msg) != 0)
		TAP_LOG(ERR, "%s: cannot tell all secondary processes of a change: %s",
			port->data->name, rte_strerror(rte_errno));
	rte_delay_us_sleep(TAP_MP_GRACE_MS * 1000);
}

static void
tap_mp_tell_what(struct tap_port *port, enum tap_mp_what what)
{
	struct tap_mp_param param = { .what = what, .generation = port->generation };

	if (!port->policy.mortal)
		return;
	rte_strscpy(param.port, port->data->name, sizeof(param.port));
	pthread_mutex_lock(&tap_mp_talk);
	tap_mp_tell(port, &param);
	pthread_mutex_unlock(&tap_mp_talk);
}

/* Whoever asks from now on gets what is true from now on. */
static void
tap_mp_set_running(struct tap_port *port, bool running)
{
	tap_mp_lock();
	port->running = running;
	port->generation++;
	tap_mp_unlock();
}

void
tap_mp_started(struct tap_port *port)
{
	tap_mp_set_running(port, true);
	tap_mp_tell_what(port, TAP_MP_START);
}

void
tap_mp_stopped(struct tap_port *port)
{
	tap_mp_set_running(port, false);
	tap_mp_tell_what(port, TAP_MP_STOP);
}

void
tap_mp_ready(struct tap_port *port)
{
	tap_mp_lock();
	tap_mp_ports[port->data->port_id] = port;
	tap_mp_unlock();
}

void
tap_mp_gone(struct tap_port *port)
{
	tap_mp_lock();
	tap_mp_ports[port->data->port_id] = NULL;
	tap_mp_unlock();
	tap_mp_set_running(port, false);
	tap_mp_tell_what(port, TAP_MP_GONE);
}

/* Names come from outside. */
static bool
tap_mp_name_ends(const struct tap_mp_param *param)
{
	return memchr(param->port, '\0', sizeof(param->port)) != NULL;
}

/* The caller holds the lock, and the port stays as long as that. */
static struct tap_port *
tap_mp_find_port(const struct tap_mp_param *param)
{
	unsigned int i;

	for (i = 0; i < RTE_MAX_ETHPORTS && tap_mp_name_ends(param); i++)
		if (tap_mp_ports[i] != NULL &&
		    strcmp(tap_mp_ports[i]->data->name, param->port) == 0)
			return tap_mp_ports[i];
	return NULL;
}

static int
tap_mp_answer_request(struct rte_mp_msg *msg, struct tap_mp_param *param)
{
	struct tap_port *port = tap_mp_find_port(param);

	if (port == NULL)
		return -ENODEV;
	port->policy.mortal = true;
	param->generation = port->generation;
	/* A stopped port may lose queues; who had one would keep it in the kernel. */
	param->nb_queues = port->running ? port->nb_fds : 0;
	if (param->what == TAP_MP_QUEUES && !port->running)
		return 0;
	if (param->what == TAP_MP_QUEUES)
		tap_mp_put_queues(msg, port, param);
	else if (param->what != TAP_MP_BELLS)
		return -EINVAL;
	else if (port->bpf != NULL)
		msg->fds[msg->num_fds++] = tap_bpf_objects(port->bpf)->fd[TAP_OBJ_SHARED];
	return 0;
}

static int
tap_mp_serve(const struct rte_mp_msg *request, const void *peer)
{
	struct tap_mp_param param;
	struct rte_mp_msg msg;
	int ret;

	/* Requests have none. */
	tap_mp_close_all(request);
	if (request->len_param != sizeof(param))
		return -1;
	memcpy(&param, request->param, sizeof(param));
	tap_mp_fill(&msg, &param);
	tap_mp_lock();
	param.result = tap_mp_answer_request(&msg, &param);
	memcpy(msg.param, &param, sizeof(param));
	ret = rte_mp_reply(&msg, peer);
	tap_mp_unlock();
	return ret;
}

void
tap_mp_init(void)
{
	if (rte_mp_action_register(TAP_MP_ACTION, tap_mp_serve) != 0 && rte_errno != EEXIST &&
	    rte_errno != ENOTSUP)
		TAP_LOG(WARNING, "no secondary process can attach: %s", rte_strerror(rte_errno));
}

/* Put files in the places of those that the process has; fds that are in the message end here. */
static int
tap_mp_install(uint16_t port_id, const struct rte_mp_msg *msg, const struct tap_mp_param *param)
{
	int *fds = &tap_fds[port_id][param->first];
	int ret = 0;
	int i;

	for (i = 0; i < msg->num_fds; i++) {
		if (fds[i] < 0)
			fds[i] = fcntl(msg->fds[i], F_DUPFD_CLOEXEC, 0);
		else if (dup3(msg->fds[i], fds[i], O_CLOEXEC) < 0)
			ret = -errno;
		if (fds[i] < 0)
			ret = -errno;
	}
	tap_mp_generation[port_id] = param->generation;
	return ret;
}

static int
tap_mp_take_queues(uint16_t port_id, const struct rte_mp_msg *msg, const struct tap_mp_param *param)
{
	int ret = 0;

	if (msg->num_fds < 0 || param->first + (uint32_t)msg->num_fds > TAP_MAX_QUEUES)
		ret = -EINVAL;
	tap_mp_lock();
	/* An answer may be older than what the primary has told since. */
	if (ret == 0 && (int32_t)(param->generation - tap_mp_generation[port_id]) >= 0)
		ret = tap_mp_install(port_id, msg, param);
	tap_mp_unlock();
	tap_mp_close_all(msg);
	return ret;
}

/* What rte_eth_rx_burst() and rte_eth_tx_burst() call in this process. */
static void
tap_mp_set_bursts(struct rte_eth_dev *dev, bool on)
{
	struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[tap_mp_port_id(dev)];

	if (on) {
		tap_set_bursts(dev);
	} else {
		dev->rx_pkt_burst = rte_eth_pkt_burst_dummy;
		dev->tx_pkt_burst = rte_eth_pkt_burst_dummy;
		dev->tx_pkt_prepare = rte_eth_pkt_burst_dummy;
	}
	ops->rxq.data = dev->data->rx_queues;
	ops->txq.data = dev->data->tx_queues;
	rte_atomic_thread_fence(rte_memory_order_release);
	ops->rx_pkt_burst = dev->rx_pkt_burst;
	ops->tx_pkt_burst = dev->tx_pkt_burst;
	ops->tx_pkt_prepare = dev->tx_pkt_prepare;
}

/* A stop that comes meanwhile has its turn afterwards. */
static void
tap_mp_poll(struct rte_eth_dev *dev)
{
	tap_mp_lock();
	if (dev->dev_ops == &tap_secondary_ops && tap_port_of(dev)->running)
		tap_mp_set_bursts(dev, true);
	tap_mp_unlock();
}

/* /dev/null takes the places: it gives nothing, and what a late burst sends is lost. */
static int
tap_mp_let_go(struct rte_eth_dev *dev, uint32_t generation)
{
	uint16_t port_id = tap_mp_port_id(dev);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int ret = null < 0 ? -errno : 0;
	uint16_t n = 0;
	uint16_t i;

	tap_mp_lock();
	/* Not if it is older than what the process has fetched since. */
	if ((int32_t)(generation - tap_mp_generation[port_id]) >= 0) {
		tap_mp_set_bursts(dev, false);
		tap_mp_generation[port_id] = generation;
		n = TAP_MAX_QUEUES;
	}
	for (i = 0; i < n && ret == 0; i++)
		if (tap_fds[port_id][i] >= 0 && dup3(null, tap_fds[port_id][i], O_CLOEXEC) < 0)
			ret = -errno;
	tap_mp_unlock();
	if (null >= 0)
		close(null);
	return ret;
}

/* Ask the primary; the answer's fds are the caller's. */
static int
tap_mp_ask(struct tap_mp_param *param, struct rte_mp_msg *answer)
{
	const struct timespec patience = { .tv_sec = TAP_MP_SECONDS };
	struct rte_mp_reply reply;
	struct rte_mp_msg msg;
	int ret;

	answer->num_fds = 0;
	tap_mp_fill(&msg, param);
	pthread_mutex_lock(&tap_mp_talk);
	ret = rte_mp_request_sync(&msg, &reply, &patience) == 0 ? 0 : -rte_errno;
	pthread_mutex_unlock(&tap_mp_talk);
	if (ret != 0)
		return ret;
	/* Without one: the primary has another driver, or is busy for too long. */
	if (reply.nb_received != 1) {
		free(reply.msgs);
		return -ETIMEDOUT;
	}
	*answer = reply.msgs[0];
	free(reply.msgs);
	if (answer->len_param != sizeof(*param)) {
		tap_mp_close_all(answer);
		return -EPROTO;
	}
	memcpy(param, answer->param, sizeof(*param));
	ret = tap_mp_result(param);
	if (ret != 0)
		tap_mp_close_all(answer);
	return ret;
}

static int
tap_mp_get_bells(uint16_t port_id, const char *name)
{
	struct tap_mp_param param = { .what = TAP_MP_BELLS };
	struct tap_shared *shared;
	struct rte_mp_msg answer;
	int ret;

	rte_strscpy(param.port, name, sizeof(param.port));
	ret = tap_mp_ask(&param, &answer);
	if (ret != 0 || answer.num_fds == 0)
		return ret;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, answer.fds[0], 0);
	ret = shared == MAP_FAILED ? -errno : 0;
	tap_mp_close_all(&answer);
	if (ret == 0)
		tap_bells[port_id] = shared->bell;
	return ret;
}

/* All queues, of one generation; -EAGAIN if they changed meanwhile. */
static int
tap_mp_try_queues(uint16_t port_id, const char *name)
{
	struct tap_mp_param param = { .what = TAP_MP_QUEUES };
	struct rte_mp_msg answer;
	uint32_t generation = 0;
	uint16_t next = 0;
	int ret;

	rte_strscpy(param.port, name, sizeof(param.port));
	do {
		param.first = next;
		ret = tap_mp_ask(&param, &answer);
		if (ret != 0)
			return ret;
		if (next != 0 && param.generation != generation) {
			tap_mp_close_all(&answer);
			return -EAGAIN;
		}
		generation = param.generation;
		next += answer.num_fds;
		ret = tap_mp_take_queues(port_id, &answer, &param);
	} while (ret == 0 && answer.num_fds != 0 && next < param.nb_queues);
	return ret;
}

static int
tap_mp_get_queues(uint16_t port_id, const char *name)
{
	int tries = TAP_MP_TRIES;
	int ret;

	do
		ret = tap_mp_try_queues(port_id, name);
	while (ret == -EAGAIN && --tries != 0);
	return ret;
}

/* Whether the process is attached: another port may have had the name before. */
static struct rte_eth_dev *
tap_mp_find(const struct tap_mp_param *param)
{
	struct rte_eth_dev *dev;

	dev = tap_mp_name_ends(param) ? rte_eth_dev_allocated(param->port) : NULL;
	return dev != NULL && dev->dev_ops == &tap_secondary_ops ? dev : NULL;
}

/* A started port: not in the thread that has brought the order, since answers come by it. */
static void
tap_mp_fetch(void *arg)
{
	struct rte_eth_dev *dev = arg;
	int ret;

	if (dev->dev_ops != &tap_secondary_ops)
		return;
	ret = tap_mp_get_queues(tap_mp_port_id(dev), dev->data->name);
	if (ret == 0)
		tap_mp_poll(dev);
	else if (ret != -ENODEV)
		TAP_LOG(ERR, "%s: cannot take the queues from the primary process: %s",
			dev->data->name, strerror(-ret));
}

/* Orders may come twice. */
static int
tap_mp_obey(const struct tap_mp_param *param)
{
	struct rte_eth_dev *dev = tap_mp_find(param);

	/* Not attached, so nothing to follow. */
	if (dev == NULL)
		return 0;
	switch (param->what) {
	case TAP_MP_START:
		return rte_eal_alarm_set(1, tap_mp_fetch, dev);
	case TAP_MP_GONE:
		dev->dev_ops = &tap_gone_ops;
		/* fall through */
	case TAP_MP_STOP:
		return tap_mp_let_go(dev, param->generation);
	default:
		return -EINVAL;
	}
}

static int
tap_mp_follow(const struct rte_mp_msg *order, const void *peer)
{
	struct tap_mp_param param;
	struct rte_mp_msg msg;

	tap_mp_close_all(order);
	if (order->len_param != sizeof(param))
		return -1;
	memcpy(&param, order->param, sizeof(param));
	param.result = tap_mp_obey(&param);
	if (param.quiet != 0)
		return 0;
	tap_mp_fill(&msg, &param);
	return rte_mp_reply(&msg, peer);
}

int
tap_mp_attach(struct rte_eth_dev *dev)
{
	const struct tap_port *port = tap_port_of(dev);
	uint16_t port_id = tap_mp_port_id(dev);
	int ret;
	int i;

	for (i = 0; i < TAP_MAX_QUEUES; i++)
		tap_fds[port_id][i] = -1;
	tap_mp_generation[port_id] = port->generation;
	tap_mp_set_bursts(dev, false);
	if (rte_mp_action_register(TAP_MP_ACTION, tap_mp_follow) != 0 && rte_errno != EEXIST)
		ret = -rte_errno;
	else
		ret = tap_mp_get_bells(port_id, dev->data->name);
	if (ret == 0)
		ret = tap_mp_get_queues(port_id, dev->data->name);
	if (ret != 0) {
		TAP_LOG(ERR, "%s: cannot take the queues from the primary process: %s",
			dev->data->name, strerror(-ret));
		tap_mp_detach(dev);
		return ret;
	}
	for (i = 0; port->running && i < dev->data->nb_rx_queues; i++)
		if (dev->data->rx_queues[i] != NULL)
			tap_rx_queue_recover(dev->data->rx_queues[i]);
	tap_mp_poll(dev);
	return 0;
}

void
tap_mp_detach(struct rte_eth_dev *dev)
{
	uint16_t port_id = tap_mp_port_id(dev);
	struct tap_bell *bells = tap_bells[port_id];
	uint16_t i;

	/* Waits for one that runs. */
	rte_eal_alarm_cancel(tap_mp_fetch, dev);
	tap_mp_set_bursts(dev, false);
	tap_bells[port_id] = NULL;
	if (bells != NULL)
		munmap((char *)bells - offsetof(struct tap_shared, bell),
		       sizeof(struct tap_shared));
	tap_mp_lock();
	for (i = 0; i < TAP_MAX_QUEUES; i++) {
		if (tap_fds[port_id][i] >= 0)
			close(tap_fds[port_id][i]);
		tap_fds[port_id][i] = -1;
	}
	tap_mp_unlock();
}
