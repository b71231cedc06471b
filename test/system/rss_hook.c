/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */

/*
 * A second plugin for the testpmd of the system tests: telemetry commands for what the
 * rte_eth API offers and testpmd's console of DPDK 22.11 cannot say, such as types together
 * with modifiers, or a key of a length that the console would not let through.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_ethdev.h>
#include <rte_telemetry.h>

#define MAX_KEY 64
#define GROUPS (RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE)

static int
answer(struct rte_tel_data *d, int ret)
{
	rte_tel_data_start_dict(d);
	return rte_tel_data_add_dict_int(d, "ret", ret);
}

/* Hexadecimal text to bytes; returns the number of bytes. */
static unsigned int
from_hex(const char *text, uint8_t *out)
{
	unsigned int n = 0;
	char two[3] = "";

	while (text[0] != '\0' && text[1] != '\0' && n < MAX_KEY) {
		two[0] = text[0];
		two[1] = text[1];
		out[n++] = (uint8_t)strtoul(two, NULL, 16);
		text += 2;
	}
	return n;
}

/* PORT,RSS_HF[,KEY]: rte_eth_dev_rss_hash_update(). */
static int
hash_update(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	struct rte_eth_rss_conf conf = { .rss_key = NULL };
	uint8_t key[MAX_KEY];
	char *next;
	uint16_t port;

	if (params == NULL)
		return -EINVAL;
	port = (uint16_t)strtoul(params, &next, 10);
	if (*next != ',')
		return -EINVAL;
	conf.rss_hf = strtoull(next + 1, &next, 16);
	if (*next == ',') {
		conf.rss_key_len = (uint8_t)from_hex(next + 1, key);
		conf.rss_key = key;
	}
	return answer(d, rte_eth_dev_rss_hash_update(port, &conf));
}

/* PORT,SIZE,FIRST,STEP,QUEUES: a whole table; entry i is (FIRST + i * STEP) % QUEUES. */
static int
reta_update(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	struct rte_eth_rss_reta_entry64 reta[GROUPS];
	unsigned long arg[5] = { 0 };
	unsigned int i;
	char *next = NULL;

	for (i = 0; params != NULL && i < RTE_DIM(arg); i++) {
		arg[i] = strtoul(params, &next, 10);
		params = *next == ',' ? next + 1 : NULL;
	}
	if (i != RTE_DIM(arg) || arg[4] == 0)
		return -EINVAL;
	memset(reta, 0, sizeof(reta));
	for (i = 0; i < RTE_MIN(arg[1], (unsigned long)RTE_ETH_RSS_RETA_SIZE_512); i++) {
		struct rte_eth_rss_reta_entry64 *group = &reta[i / RTE_ETH_RETA_GROUP_SIZE];
		unsigned int entry = i % RTE_ETH_RETA_GROUP_SIZE;

		group->mask |= UINT64_C(1) << entry;
		group->reta[entry] = (uint16_t)((arg[2] + i * arg[3]) % arg[4]);
	}
	return answer(d, rte_eth_dev_rss_reta_update((uint16_t)arg[0], reta, (uint16_t)arg[1]));
}

/* PORT: what rte_eth_dev_info_get() and rte_eth_dev_rss_hash_conf_get() say. */
static int
rss_info(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	struct rte_eth_dev_info info;
	struct rte_eth_rss_conf conf = { .rss_key = NULL };
	uint16_t port;
	int ret;

	if (params == NULL)
		return -EINVAL;
	port = (uint16_t)strtoul(params, NULL, 10);
	ret = rte_eth_dev_info_get(port, &info);
	if (ret == 0)
		ret = rte_eth_dev_rss_hash_conf_get(port, &conf);
	answer(d, ret);
	if (ret != 0)
		return 0;
	rte_tel_data_add_dict_u64(d, "offloads", info.flow_type_rss_offloads);
	rte_tel_data_add_dict_u64(d, "rx_offload_capa", info.rx_offload_capa);
	rte_tel_data_add_dict_u64(d, "tx_offload_capa", info.tx_offload_capa);
	rte_tel_data_add_dict_u64(d, "reta_size", info.reta_size);
	rte_tel_data_add_dict_u64(d, "key_size", info.hash_key_size);
	rte_tel_data_add_dict_u64(d, "max_rx_queues", info.max_rx_queues);
	return rte_tel_data_add_dict_u64(d, "rss_hf", conf.rss_hf);
}

/* PORT: what rte_eth_dev_priv_dump() prints. */
static int
priv_dump(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file;
	int ret;

	if (params == NULL)
		return -EINVAL;
	file = open_memstream(&text, &size);
	if (file == NULL)
		return -ENOMEM;
	ret = rte_eth_dev_priv_dump((uint16_t)strtoul(params, NULL, 10), file);
	fclose(file);
	if (ret == 0)
		rte_tel_data_string(d, text);
	free(text);
	return ret;
}

/* PORT,QUEUES,KEY_LEN: rte_eth_dev_configure(). */
static int
configure(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	uint8_t key[MAX_KEY] = { 0 };
	struct rte_eth_conf conf = {
		.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS,
		.rx_adv_conf.rss_conf = { .rss_key = key, .rss_hf = RTE_ETH_RSS_IP },
	};
	unsigned int port, queues, key_len;

	if (params == NULL || sscanf(params, "%u,%u,%u", &port, &queues, &key_len) != 3)
		return -EINVAL;
	conf.rx_adv_conf.rss_conf.rss_key_len = (uint8_t)key_len;
	return answer(d, rte_eth_dev_configure((uint16_t)port, (uint16_t)queues, (uint16_t)queues,
					       &conf));
}

RTE_INIT(rss_hook_init)
{
	rte_telemetry_register_cmd("/hook/configure", configure, "PORT,QUEUES,KEY_LEN");
	rte_telemetry_register_cmd("/hook/dump", priv_dump, "PORT");
	rte_telemetry_register_cmd("/hook/hash", hash_update, "PORT,RSS_HF[,KEY]");
	rte_telemetry_register_cmd("/hook/reta", reta_update, "PORT,SIZE,FIRST,STEP,QUEUES");
	rte_telemetry_register_cmd("/hook/info", rss_info, "PORT");
}
