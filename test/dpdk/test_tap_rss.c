/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include <rte_version.h>

#include "test.h"
#include "test_tap_rss_kit.h"

/* Classes of tests had macros of their own from 23.11 on. */
#ifndef REGISTER_DRIVER_TEST
#define REGISTER_DRIVER_TEST REGISTER_TEST_COMMAND
#endif

#define IPV4_UDP RTE_ETH_RSS_NONFRAG_IPV4_UDP
#define IPV4_TCP RTE_ETH_RSS_NONFRAG_IPV4_TCP

extern struct unit_test_suite tap_test_place_suite;
extern struct unit_test_suite tap_test_port_suite;
extern struct unit_test_suite tap_test_queue_suite;
extern struct unit_test_suite tap_test_rx_suite;
extern struct unit_test_suite tap_test_super_suite;
extern struct unit_test_suite tap_test_tx_suite;

static int
dev_info_tells_512_entries_a_40_byte_key_and_all_ip_types(void)
{
	struct rte_eth_dev_info info;

	TEST_ASSERT_SUCCESS(rte_eth_dev_info_get(tap_test.id, &info), "no dev_info");
	TEST_ASSERT_EQUAL(info.reta_size, TAP_TEST_RETA_SIZE, "table of %u", info.reta_size);
	TEST_ASSERT_EQUAL(info.hash_key_size, TAP_TEST_KEY_LEN, "key of %u", info.hash_key_size);
	TEST_ASSERT_EQUAL(info.max_rx_queues, 256, "%u Rx queues", info.max_rx_queues);
	TEST_ASSERT_EQUAL(info.max_tx_queues, 256, "%u Tx queues", info.max_tx_queues);
	TEST_ASSERT_EQUAL(info.if_index, tap_test.ifindex, "ifindex %u", info.if_index);
	TEST_ASSERT_EQUAL((info.flow_type_rss_offloads & TAP_TEST_IP_TYPES), TAP_TEST_IP_TYPES,
			  "types %#" PRIx64, info.flow_type_rss_offloads);
	TEST_ASSERT((info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH) != 0, "no RSS_HASH");
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
	TEST_ASSERT((info.rss_algo_capa & RTE_ETH_HASH_ALGO_CAPA_MASK(TOEPLITZ)) != 0,
		    "no Toeplitz");
	TEST_ASSERT((info.rss_algo_capa & RTE_ETH_HASH_ALGO_CAPA_MASK(DEFAULT)) != 0,
		    "no default algorithm");
#endif
	return TEST_SUCCESS;
}

static int
each_advertised_type_is_accepted_alone_and_reads_back(void)
{
	struct rte_eth_dev_info info;
	uint64_t type;
	int bit;

	TEST_ASSERT_SUCCESS(rte_eth_dev_info_get(tap_test.id, &info), "no dev_info");
	TEST_ASSERT_SUCCESS(tap_test_up_rss(2, TAP_TEST_IP_TYPES), "cannot start");
	for (bit = 0; bit < 64; bit++) {
		type = info.flow_type_rss_offloads & RTE_BIT64(bit);
		if (type == 0)
			continue;
		TEST_ASSERT_SUCCESS(tap_test_set_types(type), "bit %d refused", bit);
		TEST_ASSERT_SUCCESS(tap_test_check_rss(type), "bit %d", bit);
	}
	return TEST_SUCCESS;
}

static int
all_advertised_types_are_accepted_at_once(void)
{
	struct rte_eth_dev_info info;

	TEST_ASSERT_SUCCESS(rte_eth_dev_info_get(tap_test.id, &info), "no dev_info");
	TEST_ASSERT_SUCCESS(tap_test_up_rss(2, info.flow_type_rss_offloads), "types refused");
	/* ethdev removes what cancels out before the driver sees it. */
	return tap_test_check_rss(rte_eth_rss_hf_refine(info.flow_type_rss_offloads));
}

static int
a_type_not_advertised_is_refused_and_changes_nothing(void)
{
	struct rte_eth_dev_info info;
	int bit;

	TEST_ASSERT_SUCCESS(rte_eth_dev_info_get(tap_test.id, &info), "no dev_info");
	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	for (bit = 0; bit < 64; bit++) {
		if ((info.flow_type_rss_offloads & RTE_BIT64(bit)) != 0)
			continue;
		TEST_ASSERT_FAIL(tap_test_set_types(RTE_BIT64(bit) | IPV4_UDP), "bit %d accepted",
				 bit);
	}
	TEST_ASSERT_SUCCESS(tap_test_check_rss(TAP_TEST_IP_TYPES), "something changed");
	return tap_test_expect_all(8);
}

static int
configure_accepts_every_mq_mode(void)
{
	static const enum rte_eth_rx_mq_mode modes[] = {
		RTE_ETH_MQ_RX_NONE,     RTE_ETH_MQ_RX_RSS,          RTE_ETH_MQ_RX_DCB,
		RTE_ETH_MQ_RX_DCB_RSS,  RTE_ETH_MQ_RX_VMDQ_ONLY,    RTE_ETH_MQ_RX_VMDQ_RSS,
		RTE_ETH_MQ_RX_VMDQ_DCB, RTE_ETH_MQ_RX_VMDQ_DCB_RSS,
	};
	struct rte_eth_conf conf = tap_test_conf(TAP_TEST_IP_TYPES);
	unsigned int i;

	for (i = 0; i < RTE_DIM(modes); i++) {
		bool rss = (modes[i] & RTE_ETH_MQ_RX_RSS_FLAG) != 0;

		conf.rxmode.mq_mode = modes[i];
		conf.rxmode.offloads = rss ? RTE_ETH_RX_OFFLOAD_RSS_HASH : 0;
		TEST_ASSERT_SUCCESS(tap_test_up(4, 4, &conf), "mode %d", modes[i]);
		if (rss)
			TEST_ASSERT_SUCCESS(tap_test_expect_all(4), "mode %d", modes[i]);
		TEST_ASSERT_SUCCESS(rte_eth_dev_stop(tap_test.id), "cannot stop");
	}
	return TEST_SUCCESS;
}

static int
configure_gives_the_default_key_and_an_even_table(void)
{
	uint64_t types = IPV4_TCP | IPV4_UDP;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(3, types), "cannot start");
	return tap_test_check_rss(types);
}

static int
configure_takes_the_application_s_key(void)
{
	struct rte_eth_conf conf = tap_test_conf(TAP_TEST_IP_TYPES);
	uint8_t key[TAP_TEST_KEY_LEN];

	memcpy(key, tap_test_other_key, sizeof(key));
	conf.rx_adv_conf.rss_conf.rss_key = key;
	conf.rx_adv_conf.rss_conf.rss_key_len = sizeof(key);
	TEST_ASSERT_SUCCESS(tap_test_up(4, 4, &conf), "cannot start");
	memcpy(tap_test_rss.key, tap_test_other_key, sizeof(key));
	TEST_ASSERT_SUCCESS(tap_test_check_rss(TAP_TEST_IP_TYPES), "key not taken");
	return tap_test_expect_all(16);
}

static int
a_key_of_a_wrong_length_is_refused_and_changes_nothing(void)
{
	static const uint8_t lengths[] = { 1, 16, 39, 41, 52, 64, 255 };
	struct rte_eth_rss_conf rss;
	uint8_t key[256];
	unsigned int i;

	memset(key, 0x5a, sizeof(key));
	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	for (i = 0; i < RTE_DIM(lengths); i++) {
		memset(&rss, 0, sizeof(rss));
		rss.rss_key = key;
		rss.rss_key_len = lengths[i];
		rss.rss_hf = IPV4_UDP;
		TEST_ASSERT_EQUAL(rte_eth_dev_rss_hash_update(tap_test.id, &rss), -EINVAL,
				  "%u bytes accepted", lengths[i]);
	}
	TEST_ASSERT_SUCCESS(tap_test_check_rss(TAP_TEST_IP_TYPES), "something changed");
	return tap_test_expect_all(4);
}

static int
a_table_update_changes_the_masked_entries_alone(void)
{
	struct rte_eth_rss_reta_entry64 groups[TAP_TEST_RETA_GROUPS];
	unsigned int i;

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	memset(groups, 0, sizeof(groups));
	for (i = 0; i < TAP_TEST_RETA_SIZE; i++) {
		struct rte_eth_rss_reta_entry64 *group = &groups[i / RTE_ETH_RETA_GROUP_SIZE];

		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = 3;
		if (i % 3 == 0 && i / RTE_ETH_RETA_GROUP_SIZE != 5) {
			group->mask |= RTE_BIT64(i % RTE_ETH_RETA_GROUP_SIZE);
			tap_test_rss.reta[i] = 3;
		}
	}
	TEST_ASSERT_SUCCESS(rte_eth_dev_rss_reta_update(tap_test.id, groups, TAP_TEST_RETA_SIZE),
			    "table refused");
	TEST_ASSERT_SUCCESS(tap_test_check_rss(TAP_TEST_IP_TYPES), "table");
	return tap_test_expect_all(16);
}

static int
a_table_query_fills_the_masked_entries_alone(void)
{
	struct rte_eth_rss_reta_entry64 groups[TAP_TEST_RETA_GROUPS];

	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	memset(groups, 0xee, sizeof(groups));
	memset(&groups[2].mask, 0, sizeof(groups[2].mask));
	TEST_ASSERT_SUCCESS(rte_eth_dev_rss_reta_query(tap_test.id, groups, TAP_TEST_RETA_SIZE),
			    "no table");
	TEST_ASSERT_EQUAL(groups[2].reta[1], 0xeeee, "an entry that was not asked for");
	TEST_ASSERT_EQUAL(groups[0].reta[0], 0xeeee, "bit 0 of 0xee is not set");
	TEST_ASSERT_EQUAL(groups[0].reta[1], 1, "entry 1: %u", groups[0].reta[1]);
	return TEST_SUCCESS;
}

static int
a_table_of_a_wrong_size_is_refused_and_changes_nothing(void)
{
	static const uint16_t sizes[] = { 64, 128, 256, 1024 };
	struct rte_eth_rss_reta_entry64 groups[1024 / RTE_ETH_RETA_GROUP_SIZE];
	unsigned int i;

	memset(groups, 0, sizeof(groups));
	for (i = 0; i < RTE_DIM(groups); i++)
		groups[i].mask = UINT64_MAX;
	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	for (i = 0; i < RTE_DIM(sizes); i++) {
		TEST_ASSERT_FAIL(rte_eth_dev_rss_reta_update(tap_test.id, groups, sizes[i]),
				 "a table of %u accepted", sizes[i]);
		TEST_ASSERT_FAIL(rte_eth_dev_rss_reta_query(tap_test.id, groups, sizes[i]),
				 "a table of %u given", sizes[i]);
	}
	return tap_test_check_rss(TAP_TEST_IP_TYPES);
}

static int
a_table_with_a_queue_that_is_not_there_is_refused_whole(void)
{
	struct rte_eth_rss_reta_entry64 groups[TAP_TEST_RETA_GROUPS];

	memset(groups, 0, sizeof(groups));
	groups[0].mask = 1;
	groups[0].reta[0] = 2;
	groups[7].mask = RTE_BIT64(63);
	groups[7].reta[63] = 4;
	TEST_ASSERT_SUCCESS(tap_test_up_rss(4, TAP_TEST_IP_TYPES), "cannot start");
	TEST_ASSERT_FAIL(rte_eth_dev_rss_reta_update(tap_test.id, groups, TAP_TEST_RETA_SIZE),
			 "queue 4 of 0 to 3 accepted");
	groups[7].reta[63] = UINT16_MAX;
	TEST_ASSERT_FAIL(rte_eth_dev_rss_reta_update(tap_test.id, groups, TAP_TEST_RETA_SIZE),
			 "queue 65535 of 0 to 3 accepted");
	return tap_test_check_rss(TAP_TEST_IP_TYPES);
}

#define AUTO(fn) TEST_CASE_ST(tap_test_port_auto, tap_test_port_remove, fn)

static struct unit_test_suite api_suite = {
	.suite_name = "net_tap: RSS settings",
	.unit_test_cases = {
		AUTO(dev_info_tells_512_entries_a_40_byte_key_and_all_ip_types),
		AUTO(each_advertised_type_is_accepted_alone_and_reads_back),
		AUTO(all_advertised_types_are_accepted_at_once),
		AUTO(a_type_not_advertised_is_refused_and_changes_nothing),
		AUTO(configure_accepts_every_mq_mode),
		AUTO(configure_gives_the_default_key_and_an_even_table),
		AUTO(configure_takes_the_application_s_key),
		AUTO(a_key_of_a_wrong_length_is_refused_and_changes_nothing),
		AUTO(a_table_update_changes_the_masked_entries_alone),
		AUTO(a_table_query_fills_the_masked_entries_alone),
		AUTO(a_table_of_a_wrong_size_is_refused_and_changes_nothing),
		AUTO(a_table_with_a_queue_that_is_not_there_is_refused_whole),
		TEST_CASES_END(),
	},
};

static struct unit_test_suite *suites[] = {
	&api_suite,         &tap_test_place_suite, &tap_test_port_suite, &tap_test_queue_suite,
	&tap_test_rx_suite, &tap_test_super_suite, &tap_test_tx_suite,   NULL,
};

static struct unit_test_suite tap_suite = {
	.suite_name = "net_tap",
	.setup = tap_test_enter,
	.teardown = tap_test_leave,
	.unit_test_suites = suites,
	.unit_test_cases = {
		TEST_CASES_END(),
	},
};

static int
test_tap_rss(void)
{
	return unit_test_suite_runner(&tap_suite);
}

REGISTER_DRIVER_TEST(tap_rss_autotest, test_tap_rss);
