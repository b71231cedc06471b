# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""The reference model itself: published vectors, and the rules of doc/rss.md by example."""
import ipaddress

import frames
import pytest
from rss_model import ALL_TYPES, RssConfig, classify, toeplitz, xor_words

MS_KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c"
                       "6a42b73bbeac01fa")
# Source, port, destination, port, hash without and with ports: the published table.
MS_VECTORS = [
    ("66.9.149.187", 2794, "161.142.100.80", 1766, 0x323e8fc2, 0x51ccc178),
    ("199.92.111.2", 14230, "65.69.140.83", 4739, 0xd718262a, 0xc626b0ea),
    ("24.19.198.95", 12898, "12.22.207.184", 38024, 0xd2d0a5de, 0x5c2b394a),
    ("38.27.205.30", 48228, "209.142.163.6", 2217, 0x82989176, 0xafc7327f),
    ("153.39.163.191", 44251, "202.188.127.2", 1303, 0x5d1809c5, 0x10e828a2),
    ("3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766, 0x2cc18cd5, 0x40207d3d),
    ("3ffe:501:8::260:97ff:fe40:efab", 14230, "ff02::1", 4739, 0x0f0c461c, 0xdde51bbf),
    ("3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, "fe80::200:f8ff:fe21:67cf", 38024,
     0x4b61e985, 0x02d1feef),
]


def packed(address):
    return ipaddress.ip_address(address).packed


@pytest.mark.parametrize("src,sport,dst,dport,two,four", MS_VECTORS)
def test_published_vectors_give_the_published_hashes(src, sport, dst, dport, two, four):
    data = packed(src) + packed(dst)
    assert toeplitz(MS_KEY, data) == two
    data += sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    assert toeplitz(MS_KEY, data) == four


@pytest.mark.parametrize("src,sport,dst,dport,two,four", MS_VECTORS)
def test_published_vectors_as_frames(src, sport, dst, dport, two, four):
    ip = frames.IPv6 if ":" in src else frames.IP
    frame = frames.ether(ip(src=src, dst=dst) / frames.TCP(sport=sport, dport=dport))
    cfg = RssConfig.spread(7, key=MS_KEY)
    assert classify(bytes(frame), cfg) == (True, four, (four & 511) % 7, "4-tuple")
    cfg.types = frozenset({"ipv4", "ipv6"})
    assert classify(bytes(frame), cfg) == (True, two, (two & 511) % 7, "2-tuple")


def test_xor_fills_up_the_last_word():
    assert xor_words(b"\x01\x02\x03\x04\xf0") == 0x01020304 ^ 0xf0000000


@pytest.mark.parametrize("algo", ["symmetric", "symmetric-sort"])
def test_symmetric_algorithms_give_both_directions_one_hash(algo):
    cfg = RssConfig(algo=algo)
    for there, back in (("ipv4 udp", "ipv4 udp reverse"), ("ipv6 tcp", "ipv6 tcp reverse")):
        corpus = frames.corpus()
        assert classify(corpus[there], cfg).hash == classify(corpus[back], cfg).hash
        assert classify(corpus[there], RssConfig()).hash != classify(
            corpus[back], RssConfig()).hash


# What the page says about each shape, with all types enabled and the outermost level.
KINDS = {
    "ipv4 tcp": "4-tuple", "ipv6 sctp": "4-tuple", "ipv4 esp": "spi", "ipv6 ah": "spi",
    "ipv4 icmp": "2-tuple", "three tags": "vlan", "c-vlan arp": "vlan", "arp": "mac",
    "ipv4 first fragment udp": "2-tuple", "ipv6 atomic fragment": "4-tuple",
    "ipv4 ihl 4": "mac", "ipv4 total length 0": "4-tuple", "ipv6 payload length 0": "4-tuple",
    "ipv4 total length ends in the ports": "2-tuple", "ipv6 cut in the header": "mac",
    "eight extension headers": "4-tuple", "nine extension headers": "2-tuple",
    "vxlan ipv4": "4-tuple", "gre ipv4": "2-tuple",
}


@pytest.mark.parametrize("name,kind", KINDS.items())
def test_kind_of_a_shape_is_the_documented_one(name, kind):
    assert classify(frames.corpus()[name], RssConfig()).kind == kind


OPENED = {
    "ipip", "sit", "ip6ip6", "4in6", "gre ipv4", "gre ipv6 all options",
    "gre over ipv6 ethernet", "nvgre", "vxlan ipv4", "vxlan tagged ipv6", "vxlan over ipv6",
    "vxlan inner fragment", "geneve ethernet", "geneve options ipv6", "gtp-u ipv4",
    "gtp-u sequence ipv6", "gtp-u extension", "three deep", "two deep"}


@pytest.mark.parametrize("name", frames.tunnels())
def test_level_inner_opens_exactly_the_documented_tunnels(name):
    frame = frames.corpus()[name]
    outer = classify(frame, RssConfig())
    inner = classify(frame, RssConfig(inner=True))
    assert (inner != outer) == (name in OPENED)


def test_home_address_counts_only_within_eight_options():
    corpus = frames.corpus()
    cfg = RssConfig()
    near = classify(corpus["home address behind padding"], cfg)
    far = classify(corpus["home address as ninth option"], cfg)
    assert near.hash == classify(corpus["home address udp"], cfg).hash != far.hash


def test_without_an_applying_type_the_queue_is_entry_0s():
    cfg = RssConfig(types=ALL_TYPES - {"eth", "l2-payload"}, reta=[3] + [0] * 511)
    assert classify(frames.corpus()["arp"], cfg) == (False, 0, 3, "none")


def test_prefix_modifier_keeps_the_leading_bits_only():
    cfg = RssConfig(modifiers=frozenset({"l3-pre32", "l3-pre96"}))
    one = frames.ether(frames.IPv6(src="2001:db8:1::1", dst="fd00:1::") / frames.TCP())
    two = frames.ether(frames.IPv6(src="2001:db8:2::2", dst="fd00:1::9") / frames.TCP())
    assert classify(bytes(one), cfg) == classify(bytes(two), cfg)
