/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "tap_control.h"
#include "tap_ethdev.h"
#include "tap_log.h"

/* A bit of rte_eth's rss_hf and what it means to the policy. */
struct tap_rss_bit {
	uint64_t rss_hf;
	uint32_t bit;
};

static const struct tap_rss_bit tap_rss_types[] = {
	{ RTE_ETH_RSS_IPV4, TAP_RSS_IPV4 },
	{ RTE_ETH_RSS_FRAG_IPV4, TAP_RSS_IPV4_FRAG },
	{ RTE_ETH_RSS_NONFRAG_IPV4_TCP, TAP_RSS_IPV4_TCP },
	{ RTE_ETH_RSS_NONFRAG_IPV4_UDP, TAP_RSS_IPV4_UDP },
	{ RTE_ETH_RSS_NONFRAG_IPV4_SCTP, TAP_RSS_IPV4_SCTP },
	{ RTE_ETH_RSS_NONFRAG_IPV4_OTHER, TAP_RSS_IPV4_OTHER },
	{ RTE_ETH_RSS_IPV6, TAP_RSS_IPV6 },
	{ RTE_ETH_RSS_FRAG_IPV6, TAP_RSS_IPV6_FRAG },
	{ RTE_ETH_RSS_NONFRAG_IPV6_TCP, TAP_RSS_IPV6_TCP },
	{ RTE_ETH_RSS_NONFRAG_IPV6_UDP, TAP_RSS_IPV6_UDP },
	{ RTE_ETH_RSS_NONFRAG_IPV6_SCTP, TAP_RSS_IPV6_SCTP },
	{ RTE_ETH_RSS_NONFRAG_IPV6_OTHER, TAP_RSS_IPV6_OTHER },
	{ RTE_ETH_RSS_IPV6_EX, TAP_RSS_IPV6_EX },
	{ RTE_ETH_RSS_IPV6_TCP_EX, TAP_RSS_IPV6_TCP_EX },
	{ RTE_ETH_RSS_IPV6_UDP_EX, TAP_RSS_IPV6_UDP_EX },
	{ RTE_ETH_RSS_ESP, TAP_RSS_ESP },
	{ RTE_ETH_RSS_AH, TAP_RSS_AH },
	{ RTE_ETH_RSS_S_VLAN, TAP_RSS_S_VLAN },
	{ RTE_ETH_RSS_C_VLAN, TAP_RSS_C_VLAN },
	{ RTE_ETH_RSS_ETH, TAP_RSS_ETH },
	{ RTE_ETH_RSS_L2_PAYLOAD, TAP_RSS_L2_PAYLOAD },
};

static const struct tap_rss_bit tap_rss_modifiers[] = {
	{ RTE_ETH_RSS_L2_SRC_ONLY, TAP_MOD_L2_SRC_ONLY },
	{ RTE_ETH_RSS_L2_DST_ONLY, TAP_MOD_L2_DST_ONLY },
	{ RTE_ETH_RSS_L3_SRC_ONLY, TAP_MOD_L3_SRC_ONLY },
	{ RTE_ETH_RSS_L3_DST_ONLY, TAP_MOD_L3_DST_ONLY },
	{ RTE_ETH_RSS_L4_SRC_ONLY, TAP_MOD_L4_SRC_ONLY },
	{ RTE_ETH_RSS_L4_DST_ONLY, TAP_MOD_L4_DST_ONLY },
};

/* Shortest first: of several prefix lengths the shortest holds. */
static const struct tap_rss_bit tap_rss_prefixes[] = {
	{ RTE_ETH_RSS_L3_PRE32, 32 }, { RTE_ETH_RSS_L3_PRE40, 40 }, { RTE_ETH_RSS_L3_PRE48, 48 },
	{ RTE_ETH_RSS_L3_PRE56, 56 }, { RTE_ETH_RSS_L3_PRE64, 64 }, { RTE_ETH_RSS_L3_PRE96, 96 },
};

static uint64_t
tap_rss_all(const struct tap_rss_bit *table, size_t n)
{
	uint64_t all = 0;
	size_t i;

	for (i = 0; i < n; i++)
		all |= table[i].rss_hf;
	return all;
}

/* Of layer 2, which packets of a net_tun port have not. */
#define TAP_RSS_OFFLOADS_L2                                                                        \
	(RTE_ETH_RSS_S_VLAN | RTE_ETH_RSS_C_VLAN | RTE_ETH_RSS_ETH | RTE_ETH_RSS_L2_PAYLOAD |      \
	 RTE_ETH_RSS_L2_SRC_ONLY | RTE_ETH_RSS_L2_DST_ONLY)

uint64_t
tap_rss_offloads(const struct tap_port *port)
{
	uint64_t all = tap_rss_all(tap_rss_types, RTE_DIM(tap_rss_types)) |
		       tap_rss_all(tap_rss_modifiers, RTE_DIM(tap_rss_modifiers)) |
		       tap_rss_all(tap_rss_prefixes, RTE_DIM(tap_rss_prefixes)) |
		       RTE_ETH_RSS_LEVEL_MASK;

	return port->args.l3 ? all & ~TAP_RSS_OFFLOADS_L2 : all;
}

static uint32_t
tap_rss_translate(const struct tap_rss_bit *table, size_t n, uint64_t rss_hf)
{
	uint32_t bits = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (rss_hf & table[i].rss_hf)
			bits |= table[i].bit;
	return bits;
}

static uint8_t
tap_rss_prefix(uint64_t rss_hf)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(tap_rss_prefixes); i++)
		if (rss_hf & tap_rss_prefixes[i].rss_hf)
			return (uint8_t)tap_rss_prefixes[i].bit;
	return 0;
}

int
tap_rss_conf_set_types(struct tap_rss_conf *conf, const struct tap_port *port, uint64_t rss_hf)
{
	if ((rss_hf & ~tap_rss_offloads(port)) != 0)
		return -EINVAL;
	conf->types = tap_rss_translate(tap_rss_types, RTE_DIM(tap_rss_types), rss_hf);
	conf->modifiers = tap_rss_translate(tap_rss_modifiers, RTE_DIM(tap_rss_modifiers), rss_hf);
	conf->ipv6_prefix = tap_rss_prefix(rss_hf);
	/* Both bits at once: an application that asks for all that is offered. */
	conf->innermost = (rss_hf & RTE_ETH_RSS_LEVEL_INNERMOST) != 0;
	return 0;
}

static int
tap_rss_set_types(const struct tap_port *port, struct tap_rss_conf *conf, uint64_t rss_hf)
{
	int ret = tap_rss_conf_set_types(conf, port, rss_hf);

	if (ret != 0)
		TAP_LOG(ERR, "%s: RSS types 0x%" PRIx64 " are not supported; supported: 0x%" PRIx64,
			port->name, rss_hf & ~tap_rss_offloads(port), tap_rss_offloads(port));
	return ret;
}

static int
tap_rss_set_key(const struct tap_port *port, struct tap_rss_conf *conf, const uint8_t *key,
		uint8_t len)
{
	if (key == NULL)
		return 0;
	if (len != TAP_KEY_LEN) {
		TAP_LOG(ERR, "%s: an RSS key of %u bytes; allowed: %u bytes", port->name, len,
			TAP_KEY_LEN);
		return -EINVAL;
	}
	memcpy(conf->key, key, TAP_KEY_LEN);
	return 0;
}

static const uint8_t tap_rss_algo_of_ethdev[] = {
	[RTE_ETH_HASH_FUNCTION_TOEPLITZ] = TAP_ALGO_TOEPLITZ,
	[RTE_ETH_HASH_FUNCTION_SIMPLE_XOR] = TAP_ALGO_XOR,
	[RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ] = TAP_ALGO_SYM_TOEPLITZ,
#if TAP_HAVE_RSS_ALGORITHM
	[RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ_SORT] = TAP_ALGO_SYM_SORT,
#endif
};

/* The default function is what the devarg says; it is Toeplitz without one. */
int
tap_rss_conf_set_algo(struct tap_rss_conf *conf, const struct tap_port *port, unsigned int func)
{
	if (func >= RTE_DIM(tap_rss_algo_of_ethdev))
		return -EINVAL;
	conf->algo = func == RTE_ETH_HASH_FUNCTION_DEFAULT ? port->args.rss_algo :
							     tap_rss_algo_of_ethdev[func];
	return 0;
}

#if TAP_HAVE_RSS_ALGORITHM
static int
tap_rss_set_algo(const struct tap_port *port, struct tap_rss_conf *conf,
		 const struct rte_eth_rss_conf *rss)
{
	int ret = tap_rss_conf_set_algo(conf, port, (unsigned int)rss->algorithm);

	if (ret != 0)
		TAP_LOG(ERR,
			"%s: RSS algorithm %d is not supported; supported: toeplitz, "
			"simple_xor, symmetric_toeplitz, symmetric_toeplitz_sort",
			port->name, rss->algorithm);
	return ret;
}

static void
tap_rss_get_algo(const struct tap_port *port, struct rte_eth_rss_conf *rss)
{
	unsigned int i;

	rss->algorithm = RTE_ETH_HASH_FUNCTION_DEFAULT;
	for (i = RTE_ETH_HASH_FUNCTION_TOEPLITZ; i < RTE_DIM(tap_rss_algo_of_ethdev); i++)
		if (tap_rss_algo_of_ethdev[i] == port->rss.algo)
			rss->algorithm = i;
}
#else
static int
tap_rss_set_algo(const struct tap_port *port, struct tap_rss_conf *conf,
		 const struct rte_eth_rss_conf *rss)
{
	RTE_SET_USED(rss);
	conf->algo = port->args.rss_algo;
	return 0;
}

static void
tap_rss_get_algo(const struct tap_port *port, struct rte_eth_rss_conf *rss)
{
	RTE_SET_USED(port);
	RTE_SET_USED(rss);
}
#endif

static int
tap_rss_publish(struct tap_port *port, const struct tap_rss_conf *conf)
{
	int ret = tap_policy_publish(&port->policy, conf);

	if (ret == 0)
		port->rss = *conf;
	return ret;
}

static bool
tap_rss_refused(const struct tap_port *port)
{
	if (port->steering)
		return false;
	TAP_LOG(ERR,
		"%s: the port is configured without RSS; configure it with an rxmode.mq_mode "
		"that has RTE_ETH_MQ_RX_RSS_FLAG",
		port->name);
	return true;
}

/* Types, key and algorithm of an rte_eth_rss_conf, all or nothing. */
static int
tap_rss_apply(struct tap_port *port, const struct tap_rss_conf *start,
	      const struct rte_eth_rss_conf *rss)
{
	struct tap_rss_conf conf;
	int ret;

	tap_control_lock();
	conf = *start;
	ret = tap_rss_set_types(port, &conf, rss->rss_hf);
	if (ret == 0)
		ret = tap_rss_set_key(port, &conf, rss->rss_key, rss->rss_key_len);
	if (ret == 0)
		ret = tap_rss_set_algo(port, &conf, rss);
	if (ret == 0)
		ret = tap_rss_publish(port, &conf);
	if (ret == 0)
		port->rss_hf = rss->rss_hf;
	tap_control_unlock();
	return ret;
}

int
tap_rss_configure(struct rte_eth_dev *dev)
{
	const struct rte_eth_conf *dev_conf = &dev->data->dev_conf;
	struct rte_eth_rss_conf rss = dev_conf->rx_adv_conf.rss_conf;
	struct tap_port *port = tap_port_of(dev);
	struct tap_rss_conf conf = { .types = 0 };
	bool none = (dev_conf->rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG) == 0;
	unsigned int i;
	int ret;

	/* Without RSS this is for flow rules, and for what they leave. */
	if (none) {
		rss.rss_hf = TAP_RSS_DEFAULT_TYPES;
		rss.rss_key = NULL;
	}
	/* Some applications leave the length at 0 and mean the key that every NIC has. */
	if (rss.rss_key != NULL && rss.rss_key_len == 0)
		rss.rss_key_len = TAP_KEY_LEN;
	conf.nb_queues = RTE_MAX(dev->data->nb_rx_queues, 1);
	memcpy(conf.key, tap_default_key, sizeof(conf.key));
	for (i = 0; i < TAP_RETA_SIZE; i++)
		conf.reta[i] = (uint16_t)(i % conf.nb_queues);
	port->policy.nb_readers = dev->data->nb_rx_queues;
	ret = tap_rss_apply(port, &conf, &rss);
	if (ret == 0 && none)
		port->rss_hf = 0;
	return ret;
}

int
tap_rss_hash_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *rss)
{
	struct tap_port *port = tap_port_of(dev);

	if (tap_rss_refused(port))
		return -ENOTSUP;
	return tap_rss_apply(port, &port->rss, rss);
}

int
tap_rss_hash_conf_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *rss)
{
	struct tap_port *port = tap_port_of(dev);

	if (rss->rss_key != NULL && rss->rss_key_len >= TAP_KEY_LEN) {
		memcpy(rss->rss_key, port->rss.key, TAP_KEY_LEN);
		rss->rss_key_len = TAP_KEY_LEN;
	}
	rss->rss_hf = port->rss_hf;
	tap_rss_get_algo(port, rss);
	return 0;
}

static int
tap_rss_check_reta_size(const struct tap_port *port, uint16_t size)
{
	if (size == TAP_RETA_SIZE)
		return 0;
	TAP_LOG(ERR, "%s: a redirection table of %u entries; allowed: %u", port->name, size,
		TAP_RETA_SIZE);
	return -EINVAL;
}

static int
tap_rss_reta_write(struct tap_port *port, const struct rte_eth_rss_reta_entry64 *reta)
{
	struct tap_rss_conf conf = port->rss;
	unsigned int i;

	for (i = 0; i < TAP_RETA_SIZE; i++) {
		const struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];
		unsigned int bit = i % RTE_ETH_RETA_GROUP_SIZE;

		if ((group->mask & RTE_BIT64(bit)) == 0)
			continue;
		if (group->reta[bit] >= conf.nb_queues) {
			TAP_LOG(ERR, "%s: redirection table entry %u: queue %u; allowed: 0 to %u",
				port->name, i, group->reta[bit], conf.nb_queues - 1);
			return -EINVAL;
		}
		conf.reta[i] = group->reta[bit];
	}
	return tap_rss_publish(port, &conf);
}

int
tap_rss_reta_update(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta, uint16_t size)
{
	struct tap_port *port = tap_port_of(dev);
	int ret;

	if (tap_rss_refused(port))
		return -ENOTSUP;
	if (tap_rss_check_reta_size(port, size) != 0)
		return -EINVAL;
	tap_control_lock();
	ret = tap_rss_reta_write(port, reta);
	tap_control_unlock();
	return ret;
}

int
tap_rss_reta_query(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta, uint16_t size)
{
	struct tap_port *port = tap_port_of(dev);
	unsigned int i;

	if (tap_rss_check_reta_size(port, size) != 0)
		return -EINVAL;
	for (i = 0; i < TAP_RETA_SIZE; i++) {
		struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];
		unsigned int bit = i % RTE_ETH_RETA_GROUP_SIZE;

		if (group->mask & RTE_BIT64(bit))
			group->reta[bit] = port->rss.reta[i];
	}
	return 0;
}
