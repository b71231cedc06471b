/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TEST_TAP_RSS_KIT_H
#define TEST_TAP_RSS_KIT_H

/**
 * @file
 * What the tests of net_tap share: a network namespace of their own, a port in it, the
 * kernel's side of that port over packet sockets, frames, and a prediction of hash and
 * queue made with DPDK's rte_thash library, which the driver does not use.
 *
 * A failing function has printed why; all that return int return 0 when all is well.
 */

#include <stdbool.h>
#include <stdint.h>

#include <net/if.h>

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#define TAP_TEST_VDEV "net_tap_rss0"
#define TAP_TEST_IFACE "taprss0"
#define TAP_TEST_KEY_LEN 40
#define TAP_TEST_RETA_SIZE 512
#define TAP_TEST_RETA_GROUPS (TAP_TEST_RETA_SIZE / RTE_ETH_RETA_GROUP_SIZE)
#define TAP_TEST_NB_DESC 1024
/** Longest frame that the tests make. */
#define TAP_TEST_FRAME_MAX 9100

/** The RSS types of IP packets. */
#define TAP_TEST_IP_TYPES                                                                          \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP |                 \
	 RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV4_SCTP |                            \
	 RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 |               \
	 RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP |                             \
	 RTE_ETH_RSS_NONFRAG_IPV6_SCTP | RTE_ETH_RSS_NONFRAG_IPV6_OTHER | RTE_ETH_RSS_ESP |        \
	 RTE_ETH_RSS_AH)

/** The port under test, and the kernel's side of it. */
struct tap_test_port {
	bool exists;
	uint16_t id;
	uint16_t nb_rxq;
	uint16_t nb_txq;
	uint16_t nb_desc;         /**< of the next set-up's queues */
	uint64_t idle_rxq;        /**< bit set: a stopped queue, not to be polled */
	struct rte_mempool *pool; /**< of the next set-up's queues */
	struct rte_ether_addr mac;
	unsigned int ifindex;
	int to_port;      /**< packet socket that sends into the port */
	int from_port;    /**< packet socket that gets what the port sends */
	uint64_t foreign; /**< frames received that no test sent */
};

/** RSS as the port should have it. */
struct tap_test_rss {
	uint8_t key[TAP_TEST_KEY_LEN];
	uint16_t reta[TAP_TEST_RETA_SIZE];
};

/** The packets of one flow. */
struct tap_test_flow {
	uint8_t version; /**< of IP: 4 or 6 */
	uint8_t proto;
	bool fragment;   /**< first fragment of more */
	uint16_t vlan;   /**< ID of a VLAN tag in the data, or 0 */
	uint8_t src[16]; /**< IPv4: the first four bytes */
	uint8_t dst[16];
	uint16_t sport; /**< ESP, AH: upper half of the SPI */
	uint16_t dport; /**< ESP, AH: lower half of the SPI */
};

/** What a packet's hash covers. */
enum tap_test_input {
	TAP_TEST_NOTHING, /**< the packet is not hashed */
	TAP_TEST_ADDRESSES,
	TAP_TEST_PORTS, /**< addresses and ports, or SPI */
};

extern struct tap_test_port tap_test;
extern struct tap_test_rss tap_test_rss;
extern const uint8_t tap_test_default_key[TAP_TEST_KEY_LEN];
extern const uint8_t tap_test_other_key[TAP_TEST_KEY_LEN];
extern const struct rte_ether_addr tap_test_sender;

/** Enter a namespace of one's own. @return 0, or TEST_SKIPPED if taps cannot be had. */
int tap_test_enter(void);
/** Give back what tap_test_enter() took. */
void tap_test_leave(void);

/** Set-up of test cases: a port with rss=auto, rss=basic, rss=soft. */
int tap_test_port_auto(void);
int tap_test_port_basic(void);
int tap_test_port_soft(void);
/** Make the port, with further devargs or NULL. */
int tap_test_port_make(const char *devargs);
/** Teardown of test cases: remove the port, if there is one. */
void tap_test_port_remove(void);

/** A configuration with RSS and its hash in the mbuf. */
struct rte_eth_conf tap_test_conf(uint64_t rss_hf);
/** Configure, set up queues and start; tap_test_rss is then the default. */
int tap_test_up(uint16_t nb_rxq, uint16_t nb_txq, const struct rte_eth_conf *conf);
/** The same with n queues each way and RSS for these types. */
int tap_test_up_rss(uint16_t n, uint64_t rss_hf);
/** As tap_test_up(), but does not start. */
int tap_test_configure(uint16_t nb_rxq, uint16_t nb_txq, const struct rte_eth_conf *conf);

/** Set the key and types, and tap_test_rss with them. */
int tap_test_set_key(const uint8_t *key, uint64_t rss_hf);
/** Set the types alone. @return what ethdev returns. */
int tap_test_set_types(uint64_t rss_hf);
/** Set the whole table, and tap_test_rss with it. */
int tap_test_set_reta(const uint16_t *reta);
/** Do key, types and table of the port read as they should? */
int tap_test_check_rss(uint64_t rss_hf);
/** Spread entries 1 and up over queues 0 to n - 2, entry 0 alone to queue n - 1. */
int tap_test_reserve_entry_0(uint16_t n);

/** The flow of number @p n: always the same, each number another. */
void tap_test_flow_make(struct tap_test_flow *flow, uint8_t version, uint8_t proto, uint32_t n);
/** The same flow in the other direction. */
struct tap_test_flow tap_test_flow_reverse(const struct tap_test_flow *flow);
/** Build a frame with right checksums. @return its length. */
uint32_t tap_test_frame(const struct tap_test_flow *flow, uint16_t payload, uint8_t *frame);
/** Hash by rte_softrss(). */
uint32_t tap_test_hash(const struct tap_test_flow *flow, enum tap_test_input input);

/** Send a frame into the port, from the kernel's side. */
int tap_test_send(const uint8_t *frame, uint32_t len);
/** Next packet of the tests on any queue; NULL if there is none for half a second. */
struct rte_mbuf *tap_test_recv(uint16_t *queue);
/** The same, without wait: gives up after @p polls of every queue. */
struct rte_mbuf *tap_test_poll(uint16_t *queue, uint32_t polls);
/** Nothing is left to receive, nor comes in a while. */
int tap_test_silent(void);
/** Send a frame and find it on @p queue, unharmed. @return the packet or NULL. */
struct rte_mbuf *tap_test_pass(const uint8_t *frame, uint32_t len, uint16_t *queue);
/** Send a packet of the flow and check queue, hash and bytes. */
int tap_test_expect(const struct tap_test_flow *flow, enum tap_test_input input);
/** The same for flows number 0 to @p n - 1. */
int tap_test_expect_flows(uint8_t version, uint8_t proto, uint32_t n, enum tap_test_input input);
/** TCP and UDP over IPv4 and IPv6, enough flows to meet every queue. */
int tap_test_expect_all(uint32_t n);

/** A packet with these bytes, in segments of @p seg bytes (0: in one). */
struct rte_mbuf *tap_test_mbuf(const uint8_t *frame, uint32_t len, uint32_t seg);
/** Do a packet's bytes equal these? */
int tap_test_same(const struct rte_mbuf *m, const uint8_t *frame, uint32_t len);
/**
 * Next frame of the tests that the port sent, its partial checksum completed as hardware
 * would do it. @return its length, 0 if there is none.
 */
uint32_t tap_test_kernel_recv(uint8_t *frame);
/** Send on a queue and see the same bytes on the kernel's side. Takes @p m. */
int tap_test_expect_sent(uint16_t queue, struct rte_mbuf *m, const uint8_t *frame, uint32_t len);

/** Internet checksum over @p len bytes, added to @p start; not complemented. */
uint16_t tap_test_sum(const uint8_t *bytes, uint32_t len, uint32_t start);
/** Sum over an L4 packet and its pseudo header: 0xffff if its checksum is right. */
uint16_t tap_test_l4_sum(const uint8_t *ip, uint8_t version, uint8_t proto, const uint8_t *l4,
			 uint32_t l4_len);

/** Run an ioctl on the netdev; @p ifr needs no name. */
int tap_test_ioctl(unsigned long request, struct ifreq *ifr);
/** File descriptors of the process. */
int tap_test_count_fds(void);

#endif /* TEST_TAP_RSS_KIT_H */
