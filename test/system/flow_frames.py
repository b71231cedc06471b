# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Frames that differ in one thing each, for every field that doc/flow.md lets rules match.

A frame's name says what is in it from the outside in; a "+" says which field is not that of
the plain one. Rules are tried on all of them: what is near a rule's packets is here too.
"""
import functools
from fnmatch import fnmatchcase

from frames import A4, A6, B4, B6, PAYLOAD, ether, geneve, gtpu, raw4
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import (
    ICMPv6EchoRequest, ICMPv6ND_NS, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop)
from scapy.layers.ipsec import ESP
from scapy.layers.l2 import ARP, GRE, Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

OTHER_MAC = "02:11:22:33:44:56"
C4, D4 = "192.0.2.18", "198.51.100.202"         # one above A4 and B4
C6, D6 = "2001:db8:17:42:a1:b2:c3:d5", "2001:db8:ffee:7:1234:5678:9abc:def1"
IN_A4, IN_B4 = "10.0.0.1", "10.0.0.2"
IN_A6, IN_B6 = "fd00::1", "fd00::2"
IN_DST, IN_SRC = "02:bb:00:00:00:02", "02:bb:00:00:00:01"


def four(layer, **kw):
    return IP(**{"src": A4, "dst": B4, **kw}) / layer


def six(layer, **kw):
    return IPv6(**{"src": A6, "dst": B6, **kw}) / layer


def udp(sport=7001, dport=7002, payload=PAYLOAD):
    return UDP(sport=sport, dport=dport) / Raw(payload)


def tcp(flags="A", sport=7001, dport=7002):
    return TCP(sport=sport, dport=dport, flags=flags)


def layer2():
    arp = dict(hwsrc="02:cc:00:00:00:01", psrc=A4, hwdst="02:cc:00:00:00:02", pdst=B4)
    whole = bytes(ether(ARP(op=1, **arp)))
    u4 = four(udp())
    return {
        "arp": whole,
        "arp +op": ether(ARP(op=2, **arp)),
        "arp +sha": ether(ARP(op=1, **{**arp, "hwsrc": "02:cc:00:00:00:03"})),
        "arp +spa": ether(ARP(op=1, **{**arp, "psrc": C4})),
        "arp +tha": ether(ARP(op=1, **{**arp, "hwdst": "02:cc:00:00:00:03"})),
        "arp +tpa": ether(ARP(op=1, **{**arp, "pdst": D4})),
        "badarp hardware 6": ether(ARP(op=1, hwtype=6, **arp)),
        "badarp cut": whole[:41],
        "ether 88b5": ether(Raw(PAYLOAD), type=0x88b5),
        "ether 88b6": ether(Raw(PAYLOAD), type=0x88b6),
        "ether header only": bytes(ether(b"", type=0x88b5))[:14],
        "vlan 100 v4 udp": ether(Dot1Q(vlan=100) / u4),
        "vlan 101 v4 udp": ether(Dot1Q(vlan=101) / u4),
        "vlan 100 +prio v4 udp": ether(Dot1Q(vlan=100, prio=5) / u4),
        "vlan 100 +dei v4 udp": ether(Dot1Q(vlan=100, id=1) / u4),
        "vlan 100 v6 udp": ether(Dot1Q(vlan=100) / six(udp())),
        "vlan 100 arp": ether(Dot1Q(vlan=100) / ARP(op=1, **arp)),
        "vlan 100 ether 88b5": ether(Dot1Q(vlan=100, type=0x88b5) / Raw(PAYLOAD)),
        "svlan 100 v4 udp": ether(Dot1AD(vlan=100) / u4),
        "qinq 100 200 v4 udp": ether(Dot1AD(vlan=100) / Dot1Q(vlan=200) / u4),
        "qinq 100 201 v4 udp": ether(Dot1AD(vlan=100) / Dot1Q(vlan=201) / u4),
        "qinq 101 200 v4 udp": ether(Dot1AD(vlan=101) / Dot1Q(vlan=200) / u4),
        "qinq 200 100 v4 udp": ether(Dot1AD(vlan=200) / Dot1Q(vlan=100) / u4),
        "vlanvlan 100 200 v4 udp": ether(Dot1Q(vlan=100) / Dot1Q(vlan=200) / u4),
        "threetags 100 200": ether(Dot1AD(vlan=100) / Dot1Q(vlan=200) / Dot1Q(vlan=300) / u4),
        "notag cut": bytes(ether(Dot1Q(vlan=100) / u4))[:17],
    }


def layer3():
    hop = IPv6ExtHdrHopByHop()
    pad = IPv6ExtHdrDestOpt()
    return {
        "v4 udp": ether(four(udp())),
        "v4 udp +mac": Ether(src="02:aa:00:00:00:00", dst=OTHER_MAC) / four(udp()),
        "v4 udp +src": ether(four(udp(), src=C4)),
        "v4 udp +dst": ether(four(udp(), dst=D4)),
        "v4 udp +tos": ether(four(udp(), tos=0xb8)),
        "v4 udp +ttl": ether(four(udp(), ttl=65)),
        "v4 udp +ttl 68": ether(four(udp(), ttl=68)),
        "v4 udp +df": ether(four(udp(), flags="DF")),
        "v4 udp +options": ether(four(udp(), options=[IPOption(b"\x94\x04\x00\x00")] * 3)),
        "v4 mf": ether(four(udp(), flags="MF")),
        "v4 fragment": ether(raw4(17, PAYLOAD, frag=100)),
        "v4 esp": ether(four(ESP(spi=77, seq=1, data=PAYLOAD), proto=50)),
        "v4 noports": bytes(ether(four(udp())))[:37],
        "badv4 version": ether(four(udp(), version=5)),
        "badv4 ihl": ether(four(udp(), ihl=4)),
        "v6 udp": ether(six(udp())),
        "v6 udp +src": ether(six(udp(), src=C6)),
        "v6 udp +dst": ether(six(udp(), dst=D6)),
        "v6 udp +tc": ether(six(udp(), tc=0x5a)),
        "v6 udp +label": ether(six(udp(), fl=0x54321)),
        "v6 udp +hlim": ether(six(udp(), hlim=65)),
        "v6 hop udp": ether(six(hop / udp())),
        "v6 atomic udp": ether(six(IPv6ExtHdrFragment(id=4) / udp())),
        "v6 hop atomic udp": ether(six(hop / IPv6ExtHdrFragment(id=4) / udp())),
        "v6 mf": ether(six(IPv6ExtHdrFragment(m=1, id=3) / udp())),
        "v6 fragment": ether(six(IPv6ExtHdrFragment(offset=9, id=3, nh=17) / Raw(PAYLOAD))),
        "v6 pad mf": ether(six(pad / IPv6ExtHdrFragment(m=1, id=3) / udp())),
        "v6 pad udp": ether(six(pad / udp())),
        "badv6 version": ether(six(udp(), version=4)),
    }


def layer4():
    shapes = {
        "v4 icmp": ether(four(ICMP(type=8, id=0x1234, seq=7) / PAYLOAD)),
        "v4 icmp +type": ether(four(ICMP(type=0, id=0x1234, seq=7) / PAYLOAD)),
        "v4 icmp +code": ether(four(ICMP(type=8, code=1, id=0x1234, seq=7) / PAYLOAD)),
        "v4 icmp +ident": ether(four(ICMP(type=8, id=0x1235, seq=7) / PAYLOAD)),
        "v4 icmp +seq": ether(four(ICMP(type=8, id=0x1234, seq=8) / PAYLOAD)),
        "v6 icmp6": ether(six(ICMPv6EchoRequest(id=5))),
        "v6 icmp6 +type": ether(six(ICMPv6ND_NS(tgt=B6))),
        "v6 icmp6 +code": ether(six(ICMPv6EchoRequest(id=5, code=1))),
        "v4 tcp cut": bytes(ether(four(tcp("S"), len=32)))[:46],
    }
    for name, wrap in (("v4", four), ("v6", six)):
        shapes.update({
            f"{name} udp +sport": ether(wrap(udp(7003))),
            f"{name} udp +dport": ether(wrap(udp(7001, 7004))),
            f"{name} tcp ack": ether(wrap(tcp())),
            f"{name} tcp syn": ether(wrap(tcp("S"))),
            f"{name} tcp synack": ether(wrap(tcp("SA"))),
            f"{name} tcp fin": ether(wrap(tcp("F"))),
            f"{name} tcp ack +sport": ether(wrap(tcp("A", 7003))),
            f"{name} tcp ack +dport": ether(wrap(tcp("A", 7001, 7004))),
            f"{name} sctp": ether(wrap(SCTP(sport=7001, dport=7002, tag=0x11223344))),
            f"{name} sctp +tag": ether(wrap(SCTP(sport=7001, dport=7002, tag=0x11223345))),
            f"{name} sctp +sport": ether(wrap(SCTP(sport=7003, dport=7002, tag=0x11223344))),
            f"{name} sctp +dport": ether(wrap(SCTP(sport=7001, dport=7004, tag=0x11223344))),
        })
    return shapes


def insides():
    """What tunnels carry: IP packets by name."""
    in4 = dict(src=IN_A4, dst=IN_B4)
    in6 = dict(src=IN_A6, dst=IN_B6)
    return {
        "v4 udp": IP(**in4) / udp(1001, 1002),
        "v4 tcp syn": IP(**in4) / tcp("S", 1001, 1002),
        "v4 +dst udp": IP(src=IN_A4, dst="10.0.0.3") / udp(1001, 1002),
        "v4 mf": IP(**in4, flags="MF") / udp(1001, 1002),
        "v6 udp": IPv6(**in6) / udp(1001, 1002),
        "v6 atomic tcp": IPv6(**in6) / IPv6ExtHdrFragment(id=9) / tcp("S", 1001, 1002),
    }


def in_udp(port, body, wrap=four):
    return ether(wrap(UDP(sport=5555, dport=port) / body))


def vxlan(inner, vni=42, flags="Instance", wrap=four):
    return in_udp(4789, VXLAN(vni=vni, flags=flags) / inner, wrap)


def tunnels():
    l2 = Ether(src=IN_SRC, dst=IN_DST)
    inside = insides()
    u4, u6 = inside["v4 udp"], inside["v6 udp"]
    shapes = {}
    for name, packet in inside.items():
        proto = 0x0800 if name.startswith("v4") else 0x86dd
        shapes.update({
            f"ip4 {name}": ether(four(packet)),
            f"gre {name}": ether(four(GRE() / packet)),
            f"vxlan {name}": vxlan(l2 / packet),
            f"geneve {name}": in_udp(6081, geneve(l2 / packet, 0x6558)),
            f"geneve l3 {name}": in_udp(6081, geneve(packet, proto)),
            f"gtpu {name}": in_udp(2152, gtpu(0x30, b"", packet)),
        })
    shapes.update({
        "ip6 v4 udp": ether(six(u4, nh=4)),
        "ip6 v6 udp": ether(six(u6)),
        "gre +key 7 v4 udp": ether(four(GRE(key_present=1, key=7) / u4)),
        "gre +key 8 v4 udp": ether(four(GRE(key_present=1, key=8) / u4)),
        "gre +csum +key 7 v4 udp": ether(four(GRE(chksum_present=1, key_present=1, key=7) / u4)),
        "gre +seq v4 udp": ether(four(GRE(seqnum_present=1) / u4)),
        "gre teb v4 udp": ether(four(GRE(proto=0x6558) / l2 / u4)),
        "gre other": ether(four(GRE(proto=0x880b) / Raw(PAYLOAD))),
        "gre over6 v4 udp": ether(six(GRE() / u4)),
        "badgre version": ether(four(GRE(version=1) / u4)),
        "nvgre v4 udp": ether(four(GRE(key_present=1, proto=0x6558, key=0x12345601) / l2 / u4)),
        "nvgre +tni v4 udp": ether(
            four(GRE(key_present=1, proto=0x6558, key=0x12345701) / l2 / u4)),
        "nvgre +flow v6 udp": ether(
            four(GRE(key_present=1, proto=0x6558, key=0x12345602) / l2 / u6)),
        "vxlan +vni v4 udp": vxlan(l2 / u4, vni=43),
        "vxlan +flags v4 udp": vxlan(l2 / u4, flags="Instance+G"),
        "vxlan +mac v4 udp": vxlan(Ether(src=IN_SRC, dst="02:bb:00:00:00:03") / u4),
        "vxlan vlan 9 v4 udp": vxlan(l2 / Dot1Q(vlan=9) / u4),
        "vxlan qinq 9 10 v4 udp": vxlan(l2 / Dot1AD(vlan=9) / Dot1Q(vlan=10) / u4),
        "vxlan arp": vxlan(l2 / ARP(op=1, psrc=IN_A4, pdst=IN_B4)),
        "vxlan over6 v4 udp": vxlan(l2 / u4, wrap=six),
        "vxlan in qinq v4 udp": ether(Dot1AD(vlan=100) / Dot1Q(vlan=200) / four(
            UDP(sport=5555, dport=4789) / VXLAN(vni=42, flags="Instance") / l2 / u4)),
        "novxlan without I": vxlan(l2 / u4, flags=0),
        "novxlan fragment": ether(four(UDP(sport=5555, dport=4789) / VXLAN(
            vni=42, flags="Instance") / l2 / u4, flags="MF")),
        "novxlan port": in_udp(4790, VXLAN(vni=42, flags="Instance") / l2 / u4),
        "geneve +options v4 udp": in_udp(6081, geneve(l2 / u4, 0x6558, bytes(8))),
        "nogeneve version": in_udp(6081, geneve(l2 / u4, 0x6558, version=1)),
        "gtpu +seq v4 udp": in_udp(2152, gtpu(0x32, bytes(4), u4)),
        "gtpu +ext v4 udp": in_udp(2152, gtpu(0x34, b"\0\0\0\x85\x01\x10\x09\x00", u4)),
        "nogtpu echo": in_udp(2152, gtpu(0x30, b"", u4, message=1)),
        "ip4 ip4 v4 udp": ether(four(IP(src="10.5.0.1", dst="10.5.0.2") / u4)),
        "gre ip4 v4 udp": ether(four(GRE() / IP(src="10.5.0.1", dst="10.5.0.2") / u4)),
    })
    return shapes


@functools.lru_cache(None)
def corpus():
    """All shapes: name -> bytes."""
    shapes = {}
    for part in (layer2, layer3, layer4, tunnels):
        shapes.update(part())
    return {name: bytes(frame) for name, frame in shapes.items()}


def named(*globs):
    """Names that fit a glob, and none of those with a '!'; each has to fit something."""
    names = set()
    for glob in globs:
        found = {name for name in corpus() if fnmatchcase(name, glob.lstrip("!"))}
        assert found, f"no frame is called {glob}"
        names = names - found if glob.startswith("!") else names | found
    return names


