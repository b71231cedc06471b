/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef TAP_ARGS_H
#define TAP_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include <limits.h>

#include <net/if.h>

#include <rte_ether.h>

/** What unix(7) leaves for a path, with its end. */
#define TAP_SOCKET_PATH_LEN 108

/** Where the application wants queue selection to run: devarg `rss`. */
enum tap_rss_mode {
	TAP_RSS_AUTO,  /**< the best rung that can be had */
	TAP_RSS_BPF,   /**< the full BPF program or an error */
	TAP_RSS_BASIC, /**< at most the basic BPF program */
	TAP_RSS_SOFT,  /**< no BPF at all */
};

/** Where the port's MAC address comes from: devarg `mac`. */
enum tap_mac_source {
	TAP_MAC_NETDEV, /**< the netdev's own */
	TAP_MAC_FIXED,  /**< 02:64:74:61:70:NN, NN counting the ports from 30 */
	TAP_MAC_GIVEN,  /**< the address in tap_args.mac */
};

/** Device arguments, parsed. */
struct tap_args {
	char iface[IFNAMSIZ]; /**< netdev name, or a %d pattern for the kernel to fill */
	bool l3;              /**< a net_tun port: packets begin with the IP header */
	enum tap_mac_source mac_source;
	struct rte_ether_addr mac;
	enum tap_rss_mode rss;
	uint8_t rss_algo;                  /**< enum tap_hash_algo */
	bool persist;                      /**< the netdev stays when the port is closed */
	bool gso;                          /**< take super-frames from the kernel, and cut them */
	bool gro;                          /**< join packets to super-frames for the kernel */
	char remote[IFNAMSIZ];             /**< netdev to capture from, or empty */
	char bpf_pin[PATH_MAX];            /**< folder of pinned BPF objects, or empty */
	char rss_fds[TAP_SOCKET_PATH_LEN]; /**< socket that gives BPF objects, or empty */
};

/** The device arguments in the form that dpdk-pmdinfo prints. */
#define TAP_ARGS_HELP                                                                              \
	"iface=<string> "                                                                          \
	"remote=<string> "                                                                         \
	"mac=fixed|<XX:XX:XX:XX:XX:XX> "                                                           \
	"persist "                                                                                 \
	"rss=auto|bpf|basic|soft "                                                                 \
	"rss_algo=toeplitz|xor|symmetric|symmetric-sort "                                          \
	"gso=0|1 "                                                                                 \
	"gro=0|1 "                                                                                 \
	"bpf_pin=<folder> "                                                                        \
	"rss_fds=<socket> "

/** The same for net_tun. */
#define TAP_ARGS_HELP_L3                                                                           \
	"iface=<string> "                                                                          \
	"persist "                                                                                 \
	"rss=auto|bpf|basic|soft "                                                                 \
	"rss_algo=toeplitz|xor|symmetric|symmetric-sort "                                          \
	"gso=0|1 "                                                                                 \
	"gro=0|1 "

/**
 * Parse the device arguments of a vdev.
 *
 * @param name  name of the vdev, for messages
 * @param text  arguments as given, may be NULL or empty
 * @param l3    of a net_tun port
 * @return 0, or -EINVAL after a log message that names the argument and its allowed values.
 */
int tap_args_parse(const char *name, const char *text, bool l3, struct tap_args *args);

#endif /* TAP_ARGS_H */
