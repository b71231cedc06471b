/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The net_tap authors
 */
#ifndef FRAMES_H
#define FRAMES_H

/**
 * @file
 * Frames from a list of layers. Type and length fields follow from the layers
 * around them, unless a layer says that they lie.
 */

#include <stdbool.h>
#include <stdint.h>

#define FRAME_ROOM 2048
#define FRAME_LAYERS 24

/** Kinds of layers, and what a, b and hex of struct layer mean for them. */
/* clang-format off */
enum layer_id {
	L_NONE,         /**< ends a list */
	L_ETH,          /**< a: last byte of the source MAC if not 0 */
	L_VLAN,         /**< a: TCI; b: TPID, 0x8100 if 0 */
	L_IP4,          /**< a: fragment word (flags, offset); hex: options */
	L_IP6,          /**< a: last two bytes of the source address if not 0 */
	L_HOP,          /**< hop-by-hop options; hex: behind the first two bytes */
	L_DST,          /**< destination options; hex: behind the first two bytes */
	L_HOME,         /**< destination options with PadN and a Home Address option */
	L_ROUTE,        /**< routing header; hex: behind the first two bytes */
	L_ROUTE2,       /**< routing header of type 2 */
	L_FRAG,         /**< IPv6 fragment header; a: offset, reserved bits and M */
	L_TCP,          /**< a, b: ports; 1234 and 80 if 0 */
	L_UDP,          /**< a, b: ports; 1234 and the tunnel's, or 53, if 0 */
	L_SCTP,         /**< a, b: ports; 1234 and 80 if 0 */
	L_ICMP,
	L_ICMP6,
	L_ESP,          /**< SPI is 0x01020304 */
	L_AH,           /**< SPI is 0x05060708 */
	L_VXLAN,        /**< a: flags in place of 0x08 if not 0 */
	L_GENEVE,       /**< a: words of options; b: first byte's high bits */
	L_GRE,          /**< a: flags and version */
	L_GTPU,         /**< a: flags in place of 0x30; b: message if not 255; hex: rest */
	L_RAW,          /**< hex as it is; a: ethertype, b: IP protocol, for the layer before */
	L_COUNT
};
/* clang-format on */

/** `lie` for a length field that is to be 0. */
#define LIE_ZERO INT16_MIN

/** One layer. */
struct layer {
	uint8_t id;
	uint8_t first; /**< value of the first byte, if not 0 (version, header length) */
	int16_t lie;   /**< added to the layer's length field, or LIE_ZERO */
	uint16_t a;
	uint16_t b;
	uint32_t next; /**< type of what follows, plus NEXT(0), in place of the truth */
	const char *hex;
};

/** Marks layer.next as given. */
#define NEXT(type) (0x10000u + (type))

/** A frame and the VLAN tag beside it, if meta_tpid is not 0. */
struct frame {
	uint32_t len;
	uint16_t meta_tpid;
	uint16_t meta_tci;
	uint8_t data[FRAME_ROOM];
};

/**
 * Build a frame. Addresses, ports and the like are fixed by the depth of a layer
 * in tunnels: IPv4 192.0.2.1 to 198.51.100.2, then 10.1.0.1 to 10.1.0.2, then 10.2...;
 * IPv6 2001:db8::1 to 2001:db8::2, then 2001:db8:1::1 and so on; MACs 02:00:00:00:0d:01 (source),
 * 02:00:00:00:0d:02, d the depth. The home address is 2001:db8:d:aaaa::1, that of the routing
 * header 2001:db8:d:bbbb::2.
 *
 * Aborts when the layers do not fit.
 */
void frame_build(struct frame *f, const struct layer *layers);

/** The same with addresses, ports, SPIs and tags from @p byte, one byte at a call. */
void frame_build_noisy(struct frame *f, const struct layer *layers, uint8_t (*byte)(void *arg),
		       void *arg);

/** Set a byte for every two digits of @p hex, blanks apart; returns the number of bytes. */
unsigned int frame_hex(uint8_t *to, unsigned int size, const char *hex);

/** Keep only the first @p len bytes. */
static inline void
frame_cut(struct frame *f, uint32_t len)
{
	if (len < f->len)
		f->len = len;
}

#endif /* FRAMES_H */
