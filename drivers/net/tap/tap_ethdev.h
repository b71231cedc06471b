/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_ETHDEV_H
#define TAP_ETHDEV_H

/**
 * @file
 * The port and its queues: what the parts of the driver share.
 */

#include <stdbool.h>
#include <stdint.h>

#include <net/if.h>

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_spinlock.h>

#include <ethdev_driver.h>

#include "tap_args.h"
#include "tap_bpf.h"
#include "tap_compat.h"
#include "tap_cut.h"
#include "tap_link.h"
#include "tap_mp.h"
#include "tap_policy.h"
#include "tap_rules.h"
#include "tap_tables.h"
#include "tap_tun.h"

/** Unicast addresses of a port, its own included. */
#define TAP_MAX_MACS 64
/** Multicast addresses of a port. */
#define TAP_MAX_MCAST 256
/** Room in front of the IP packet: Ethernet header and two VLAN tags. */
#define TAP_L2_OVERHEAD (RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN)
/** The kernel's limit for a tap's MTU. */
#define TAP_MAX_MTU (65535 - RTE_ETHER_HDR_LEN)
/** Segments of a received frame. */
#define TAP_RX_MAX_SEGS 64
/** Segments of a frame to send. */
#define TAP_TX_MAX_SEGS 256
/** Descriptors of a queue: packets that the kernel's queue holds. */
#define TAP_MIN_DESC 32
#define TAP_MAX_DESC 32768
#define TAP_DEFAULT_DESC 1024
/** Burst that is advised: a super-frame of MTU 1500, of 45 segments, goes on as one. */
#define TAP_DEFAULT_BURST 64

/** mbufs that a receive queue takes from its pool at a time. */
#define TAP_RX_STASH 32

/** Frames that are read before the first of them is looked at. */
#define TAP_RX_CHUNK 32
/** Room for a refill on top of what is left, and for a chunk that is put back. */
#define TAP_RX_STASH_MAX (2 * TAP_RX_MAX_SEGS + TAP_RX_CHUNK)
/** The longest frame: 64 KB of packet behind an Ethernet header with tags. */
#define TAP_STAGE_LEN (65536 + 256)

_Static_assert(TAP_RX_STASH <= TAP_RX_MAX_SEGS, "the stash has room for both");

struct tap_port;

/** Counters of a receive queue; one thread at a time writes, see tap_stat_add(). */
struct tap_rxq_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t errors;      /**< frames longer than the mbufs can take */
	uint64_t nombuf;      /**< bursts that found the pool empty */
	uint64_t filtered;    /**< frames for other MAC addresses */
	uint64_t hashed;      /**< packets delivered with a hash */
	uint64_t steered;     /**< packets that the kernel put on the right queue */
	uint64_t handed_over; /**< packets passed to another queue's ring */
	uint64_t missed;      /**< packets that found another queue's ring full or stopped */
	uint64_t rescued;     /**< packets found by an unconditional read, without doorbell */
	uint64_t dropped;     /**< packets that flow rules dropped in the burst */
	uint64_t cut;         /**< super-frames that were cut */
	uint64_t segments;    /**< packets that these became */
	uint64_t whole;       /**< super-frames delivered as they were (LRO) */
};

/** Counters of a transmit queue; as above. */
struct tap_txq_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t errors;       /**< packets that the kernel refused, dropped */
	uint64_t full;         /**< bursts that the kernel could not take whole */
	uint64_t super_frames; /**< super-frames made of several packets */
	uint64_t joined;       /**< packets in them */
};

/** Whether a receive queue expects packets. */
enum tap_rx_state {
	TAP_RX_IDLE,  /**< only a look at the doorbell */
	TAP_RX_ARMED, /**< reading; the doorbell stays rung */
	TAP_RX_DRAIN, /**< reading; the doorbell was cleared a moment ago */
};

/** Receive queue. */
struct tap_rxq {
	uint16_t id; /**< also of its queue of the netdev, see tap_fds */
	uint16_t port_id;
	uint16_t n_stash; /**< mbufs left in stash[] */
	RTE_ATOMIC(uint16_t)
	n_segs;        /**< mbufs that the longest frame takes; an MTU may change it */
	uint16_t room; /**< bytes of frame in one mbuf */
	RTE_ATOMIC(bool)
	stopped;             /**< queue state as redistribution needs it; see tap_rxq_stopped() */
	bool ring_first;     /**< redistribution: the ring's turn */
	bool deferred;       /**< starts by rte_eth_dev_rx_queue_start() only */
	uint8_t state;       /**< enum tap_rx_state */
	uint32_t idle_polls; /**< left until the next unconditional read */
	uint64_t state_end;  /**< TSC at which ARMED or DRAIN is over */
	uint64_t window;     /**< TSC cycles of ARMED, and of DRAIN */
	uint64_t rearm;      /**< first bytes that change in an mbuf, ready to store */
	uint64_t ol_flags;   /**< flags that every mbuf of the pool has */
	char *stage;         /**< where frames are read to that may not fit one mbuf */
	char *spare;         /**< for a segment that takes several mbufs */
	uint32_t staged;     /**< bytes of the frame on the stage; 0: none */
	uint32_t max_lro;    /**< longest super-frame to deliver as it is; 0: none */
	struct tap_cut cut;  /**< of the frame on the stage, if it is being cut */
	bool doorbell;       /**< there is one, see tap_bells; else read at every poll */
	struct tap_port *port;
	struct rte_mempool *pool;
	struct rte_mbuf *stash[TAP_RX_STASH_MAX];
	char *frame[TAP_RX_STASH_MAX]; /**< where the frame starts in each of stash[] */
	struct tap_rxq_stats stats;
	struct tap_rxq_stats stats_base; /**< value at the last reset */
	struct tap_policy_reader reader;
	uint16_t nb_desc;
	rte_spinlock_t lock;   /**< redistribution: held by whoever reads the queue, or stops it */
	struct rte_ring *ring; /**< packets from other queues; software redistribution */
	int intr_fd;           /**< epoll instance that tells of packets; -1: no Rx interrupts */
	int wake_fd;           /**< eventfd for what the kernel does not know of; -1 likewise */
	RTE_ATOMIC(uint8_t) asleep; /**< interrupts are on, and wake_fd was not written since */
	bool adopts;                /**< intr_fd watches the fds of stopped queues as well */
} __rte_cache_aligned;

/** Transmit queue. */
struct tap_txq {
	uint16_t slot; /**< its queue of the netdev, shared if Tx has more, see tap_fds */
	uint16_t port_id;
	uint16_t id;
	uint16_t nb_desc; /**< as asked for; a write() is over when it returns */
	bool deferred;    /**< starts by rte_eth_dev_tx_queue_start() only */
	bool l3;          /**< of a net_tun port */
	uint8_t *stage;   /**< where packets are joined; NULL: they are not */
	struct tap_port *port;
	struct tap_txq_stats stats;
	struct tap_txq_stats stats_base;
} __rte_cache_aligned;

/** Add to a counter, which one at a time writes and anybody may read. */
static inline void
tap_stat_add(uint64_t *counter, uint64_t n)
{
	rte_atomic_store_explicit((RTE_ATOMIC(uint64_t) *)counter, *counter + n,
				  rte_memory_order_relaxed);
}

/** Which frames the port accepts. */
struct tap_mac_filter {
	bool promiscuous;
	bool allmulticast;
	bool isolated;      /**< flow rules decide, not addresses */
	uint16_t n_unicast; /**< entries in use: index of the last, plus 1 */
	uint16_t n_multicast;
	struct rte_ether_addr multicast[TAP_MAX_MCAST];
};

/** What the receive burst does about flow rules. */
enum tap_rx_rules {
	TAP_RX_RULES_OFF,      /**< nothing */
	TAP_RX_RULES_DESCRIBE, /**< mark and hash; programs have chosen queues and dropped */
	TAP_RX_RULES_APPLY,    /**< everything */
};

/** What the receive burst reads of the port; written by the control path. */
struct tap_rx_mode {
	bool hash;         /**< deliver the RSS hash */
	bool redistribute; /**< the driver classifies and hands over */
	bool ip_cksum;
	bool l4_cksum;             /**< of TCP or UDP */
	bool l4_partial;           /**< of both: half a checksum may be delivered, and is told */
	bool gso;                  /**< the kernel hands over super-frames */
	bool l3;                   /**< a net_tun port: packets begin with the IP header */
	RTE_ATOMIC(uint8_t) rules; /**< enum tap_rx_rules; changes while bursts run */
};

/** A port: private data of its rte_eth_dev. */
struct tap_port {
	struct rte_eth_dev_data *data;
	char name[IFNAMSIZ]; /**< netdev */
	unsigned int ifindex;
	bool moved;    /**< the netdev is, or was, in another network namespace than the process */
	bool lost;     /**< it could not be followed there, which was logged; or it is gone */
	bool gone;     /**< the netdev was removed */
	bool rmv_told; /**< and the application was told */
	uint16_t lsc_told;           /**< link status of the last event */
	struct rte_intr_handle *lsc; /**< of link state and removal; NULL: not watched */
	struct tap_args args;
	struct tap_link *link;
	int fd[TAP_MAX_QUEUES]; /**< queues of the netdev, fd[0] from probe to close; of the primary */
	uint16_t nb_fds;
	uint32_t generation; /**< counts starts and stops */
	bool running;        /**< secondary processes may poll, and have fd[] */
	struct tap_bpf *bpf; /**< NULL in software */
	enum tap_rung rung;
	char reason[TAP_REASON_LEN]; /**< why the rung is not the first */
	struct tap_shared *shared;   /**< the policy, as bursts read it */
	struct tap_publisher policy;
	struct tap_rss_conf rss;      /**< as published last */
	uint64_t rss_hf;              /**< the same types as the application gave them */
	bool steering;                /**< RSS was asked for */
	bool udp_gso;                 /**< the kernel has super-frames of UDP */
	bool doorbell;                /**< a program rings when a packet comes */
	struct tap_remote *remote;    /**< NULL: no netdev is captured from */
	struct tap_flows *flows;      /**< NULL until the first flow rule */
	struct tap_tables tables;     /**< of the flow rules, as bursts read them */
	struct tap_rules_needs needs; /**< of the flow rules, as attached for */
	struct tap_rx_mode rx_mode;
	struct tap_mac_filter filter;
	RTE_ATOMIC(uint32_t) orphans; /**< stopped queues whose fd others have to read */
	/** The queues, as telemetry finds them: ethdev's tables come and go without tap_control_lock(). */
	struct tap_rxq *rxq[TAP_MAX_QUEUES];
	struct tap_txq *txq[TAP_MAX_QUEUES];
	uint64_t kernel_dropped_base; /**< the netdev's count at the last reset */
	uint64_t flow_dropped_base;   /**< that of the filter program's drops */
	uint64_t kernel_missed;       /**< since then, as last told; see tap_kernel_missed() */
};

/** The port of an ethdev. */
static inline struct tap_port *
tap_port_of(const struct rte_eth_dev *dev)
{
	return dev->data->dev_private;
}

/** The fd of a receive queue in this process. */
static inline int
tap_rxq_fd(const struct tap_rxq *q)
{
	return tap_fds[q->port_id][q->id];
}

/** The fd of a transmit queue in this process. */
static inline int
tap_txq_fd(const struct tap_txq *q)
{
	return tap_fds[q->port_id][q->slot];
}

/** Whether the queue is stopped. Any thread; who must be sure holds the queue's lock. */
static inline bool
tap_rxq_stopped(const struct tap_rxq *q)
{
	return rte_atomic_load_explicit(&q->stopped, rte_memory_order_relaxed);
}

/** The bell of a queue that has a doorbell, in this process. */
static inline struct tap_bell *
tap_rxq_bell(const struct tap_rxq *q)
{
	return &tap_bells[q->port_id][q->id];
}

/* tap_vdev.c */
/** Give back what probe and configure took; the ethdev itself is its caller's. */
void tap_port_free(struct tap_port *port);

/* tap_ethdev.c */
extern const struct eth_dev_ops tap_ops;
/** What a secondary process may do: look, and receive and send. */
extern const struct eth_dev_ops tap_secondary_ops;
/** In a secondary process, after the primary has closed the port. */
extern const struct eth_dev_ops tap_gone_ops;
/** Choose the bursts of this process. */
void tap_set_bursts(struct rte_eth_dev *dev);
int tap_stop(struct rte_eth_dev *dev);
int tap_link_update(struct rte_eth_dev *dev, int wait);
int tap_close(struct rte_eth_dev *dev);
/** Bring the number of queue fds to @p n, which may be 0. */
int tap_set_queues(struct tap_port *port, uint16_t n);

/* tap_attach.c */
/** Go down to software because @p step failed; an error if the application insists on BPF. */
int tap_fall_back(struct tap_port *port, const char *step, int ret);
/**
 * Let the right programs run, and the bursts do the rest, for flow rules with these needs.
 * Packets that pass meanwhile ring a bell, whichever program they meet.
 */
int tap_attach(struct tap_port *port, const struct tap_rules_needs *needs);
/** Can bursts apply rules? On a port that runs only if they hand packets over already. */
bool tap_software_possible(const struct tap_port *port);

/* tap_flow.c */
int tap_flow_ops_get(struct rte_eth_dev *dev, const struct rte_flow_ops **ops);
/** Forget all rules and give back their memory. */
void tap_flow_close(struct tap_port *port);
/** What the rules in force need. */
struct tap_rules_needs tap_flow_needs(const struct tap_port *port);
/** Whether programs apply the rules, not the bursts. */
bool tap_flow_in_kernel(const struct tap_port *port);
/** Let the bursts apply the rules, because the kernel refuses the programs. */
void tap_flow_to_software(struct tap_port *port);
/** Tell the programs whether the filter is the only one that runs. */
void tap_flow_set_alone(struct tap_port *port, bool alone);
/** Frames that the filter program has dropped. */
uint64_t tap_flow_dropped(const struct tap_port *port);
/** Can the port go on with @p n queues? Says which rule needs more. */
int tap_flow_check_queues(const struct tap_port *port, uint16_t n);

/* tap_rx_queue.c */
int tap_rx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc, unsigned int socket,
		       const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
void tap_rx_queue_release(struct rte_eth_dev *dev, uint16_t id);
void tap_rxq_info_get(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_rxq_info *info);
int tap_rx_queue_start(struct rte_eth_dev *dev, uint16_t id);
int tap_rx_queue_stop(struct rte_eth_dev *dev, uint16_t id);
/** Can the queue's mbufs take frames of this MTU? Says why not; sets the queue's segment count. */
int tap_rx_queue_fit(struct rte_eth_dev *dev, struct tap_rxq *q, uint16_t mtu);
/** Take the lock away from a process that was killed with it; takes a second if there is one. */
void tap_rx_queue_recover(struct tap_rxq *q);
/** Give the queue a stage for frames, if it needs one. */
int tap_rx_queue_stage(struct rte_eth_dev *dev, struct tap_rxq *q);

/* tap_rx.c */
uint16_t tap_rx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n);

/* tap_intr.c */
/** Have Rx interrupts, if the configuration asks for them; the queues' fds are set. */
int tap_intr_start(struct rte_eth_dev *dev);
/** Give back what tap_intr_start() took, if anything. */
void tap_intr_stop(struct rte_eth_dev *dev);
void tap_intr_queue_close(struct tap_rxq *q);
/** Wake who sleeps on a queue; after a packet was put into its ring. */
void tap_intr_wake(struct tap_rxq *q);
int tap_rx_intr_enable(struct rte_eth_dev *dev, uint16_t id);
int tap_rx_intr_disable(struct rte_eth_dev *dev, uint16_t id);

/* tap_lsc.c */
/** Tell of link state and removal by events, if the configuration asks for them; the link is up. */
int tap_lsc_start(struct rte_eth_dev *dev);
/** No more events. Waits for one under way: no lock may be held that its callback takes. */
void tap_lsc_stop(struct rte_eth_dev *dev);

/* tap_tx.c */
int tap_tx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t nb_desc, unsigned int socket,
		       const struct rte_eth_txconf *conf);
void tap_tx_queue_release(struct rte_eth_dev *dev, uint16_t id);
void tap_txq_info_get(struct rte_eth_dev *dev, uint16_t id, struct rte_eth_txq_info *info);
int tap_tx_queue_start(struct rte_eth_dev *dev, uint16_t id);
int tap_tx_queue_stop(struct rte_eth_dev *dev, uint16_t id);
uint16_t tap_tx_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t tap_tx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n);

/* tap_soft.c */
/** Give the queue a ring, unless it has one. */
int tap_soft_queue_setup(struct tap_rxq *q);
void tap_soft_queue_release(struct tap_rxq *q);
void tap_soft_queue_flush(struct tap_rxq *q);
uint16_t tap_soft_rx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n);

/* tap_rss.c */
/** The types of a context that leaves them to the driver. */
#define TAP_RSS_DEFAULT_TYPES                                                                      \
	(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP)
uint64_t tap_rss_offloads(const struct tap_port *port);
/** Types, modifiers and level of an rss_hf; -EINVAL if some are not supported. */
int tap_rss_conf_set_types(struct tap_rss_conf *conf, const struct tap_port *port, uint64_t rss_hf);
/** An enum rte_eth_hash_function; -EINVAL if it is not supported. */
int tap_rss_conf_set_algo(struct tap_rss_conf *conf, const struct tap_port *port,
			  unsigned int func);
int tap_rss_configure(struct rte_eth_dev *dev);
int tap_rss_hash_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *rss);
int tap_rss_hash_conf_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *rss);
int tap_rss_reta_update(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta,
			uint16_t size);
int tap_rss_reta_query(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *reta,
		       uint16_t size);

/* tap_mac.c */
bool tap_mac_accept(const struct tap_port *port, const struct rte_ether_addr *dst);
int tap_promiscuous_enable(struct rte_eth_dev *dev);
int tap_promiscuous_disable(struct rte_eth_dev *dev);
int tap_allmulticast_enable(struct rte_eth_dev *dev);
int tap_allmulticast_disable(struct rte_eth_dev *dev);
int tap_mac_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac);
int tap_mac_add(struct rte_eth_dev *dev, struct rte_ether_addr *mac, uint32_t index, uint32_t vmdq);
void tap_mac_remove(struct rte_eth_dev *dev, uint32_t index);
int tap_mcast_set(struct rte_eth_dev *dev, struct rte_ether_addr *list, uint32_t n);

/* tap_stats.c */
int tap_stats_get(TAP_STATS_ARGS);
int tap_stats_reset(struct rte_eth_dev *dev);
int tap_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int n);
int tap_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n);
/** A counter that queues have. */
struct tap_counter {
	const char *name;
	bool rx;
	size_t offset; /**< in the queue's counters */
};
/** All of them; @return how many. */
unsigned int tap_counters(const struct tap_counter **counters);
/**
 * The value of a counter for a queue since the last reset; 0 if the queue is not set up. The caller
 * holds tap_control_lock().
 */
uint64_t tap_counter_get(const struct tap_port *port, const struct tap_counter *counter,
			 uint16_t id);
/** Packets that the netdev has dropped since the last reset, without a rule that says so. */
uint64_t tap_kernel_missed(struct tap_port *port);

#endif /* TAP_ETHDEV_H */
