# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Frames of every shape that doc/rss.md speaks of, made by scapy.

A frame's source MAC is overwritten when it is sent, so that the receiver's report can be
matched with what was sent: see stamp().
"""
import functools
import random
import struct

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import (
    HAO, ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting, Pad1, PadN)
from scapy.layers.ipsec import AH, ESP
from scapy.layers.l2 import ARP, GRE, Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

A4, B4 = "192.0.2.17", "198.51.100.201"
A6, B6 = "2001:db8:17:42:a1:b2:c3:d4", "2001:db8:ffee:7:1234:5678:9abc:def0"
HOME, ROUTE = "2001:db8:a:a::77", "2001:db8:b:b::99"
DST_MAC = "02:11:22:33:44:55"
PAYLOAD = bytes(range(32))


def stamp(frame, number):
    """The frame with a source MAC that tells its number."""
    return bytes(frame[:6]) + b"\x02\xaa" + struct.pack(">I", number) + bytes(frame[12:])


def number_of(mac):
    """The number in a source MAC, or None for a stranger's."""
    return int(mac[6:].replace(":", ""), 16) if mac.startswith("02:aa:") else None


def ether(payload, **kw):
    return Ether(src="02:aa:00:00:00:00", dst=DST_MAC, **kw) / payload


def raw4(proto, body, src=A4, dst=B4, **kw):
    return IP(src=src, dst=dst, proto=proto, **kw) / Raw(body)


def raw6(nh, body, src=A6, dst=B6, **kw):
    return IPv6(src=src, dst=dst, nh=nh, **kw) / Raw(body)


def upper():
    """Upper layers by name."""
    return {
        "tcp": TCP(sport=40001, dport=443, flags="S"),
        "udp": UDP(sport=40002, dport=53) / Raw(PAYLOAD),
        "sctp": SCTP(sport=40003, dport=3868),
        "esp": ESP(spi=0xdeadbeef, seq=7, data=PAYLOAD),
        "ah": AH(spi=0xcafe1234, seq=9, icv=b"0123456789ab") / UDP(sport=1, dport=2),
        "icmp": ICMP(id=0x1234),
        "gre": GRE() / IP(src="10.9.8.7", dst="10.6.5.4") / UDP(sport=5, dport=6),
        "ipip": IP(src="10.1.2.3", dst="10.3.2.1") / TCP(sport=77, dport=88),
        "ospf": Raw(b"\x02\x01" + bytes(30)),
    }


PROTO = {"tcp": 6, "udp": 17, "sctp": 132, "esp": 50, "ah": 51, "icmp": 1, "gre": 47, "ipip": 4,
         "ospf": 89}


def plain():
    """IP packets of each kind, with one and two VLAN tags for some."""
    shapes = {}
    for name, layer in upper().items():
        four = IP(src=A4, dst=B4, proto=PROTO[name]) / layer
        six = IPv6(src=A6, dst=B6, nh=58 if name == "icmp" else PROTO[name]) / (
            ICMPv6EchoRequest(id=5) if name == "icmp" else layer)
        shapes[f"ipv4 {name}"] = ether(four)
        shapes[f"ipv6 {name}"] = ether(six)
    shapes["ipv4 udp reverse"] = ether(IP(src=B4, dst=A4) / UDP(sport=53, dport=40002))
    shapes["ipv6 tcp reverse"] = ether(IPv6(src=B6, dst=A6) / TCP(sport=443, dport=40001))
    shapes["ipv4 no next header"] = ether(raw4(59, b""))
    return shapes


def tagged():
    udp4 = IP(src=A4, dst=B4) / UDP(sport=7001, dport=7002)
    tcp6 = IPv6(src=A6, dst=B6) / TCP(sport=7003, dport=7004)
    return {
        "c-vlan ipv4 udp": ether(Dot1Q(vlan=100, prio=5) / udp4),
        "c-vlan ipv6 tcp": ether(Dot1Q(vlan=4095) / tcp6),
        "s-vlan ipv4 udp": ether(Dot1AD(vlan=200) / udp4),
        "qinq ipv4 udp": ether(Dot1AD(vlan=300) / Dot1Q(vlan=301) / udp4),
        "q-in-q 8100 twice ipv6 tcp": ether(Dot1Q(vlan=302) / Dot1Q(vlan=303) / tcp6),
        "three tags": ether(Dot1AD(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / udp4),
        "c-vlan arp": ether(Dot1Q(vlan=44) / ARP(psrc=A4, pdst=B4)),
        "s-vlan unknown type": ether(Dot1AD(vlan=55, type=0x88b5) / Raw(PAYLOAD)),
        "vlan priority tag": ether(Dot1Q(vlan=0, prio=3) / udp4),
    }


def not_ip():
    return {
        "arp": ether(ARP(psrc=A4, pdst=B4)),
        "local experimental": ether(Raw(PAYLOAD), type=0x88b5),
        "lldp": ether(Raw(PAYLOAD), type=0x88cc),
        "802.3 length": ether(Raw(PAYLOAD), type=0x0020),
        "only a header": ether(b"", type=0x88b6),
    }


def fragments():
    more, later = dict(flags="MF"), dict(frag=100)
    v6 = dict(src=A6, dst=B6)
    udp = UDP(sport=8001, dport=8002) / Raw(PAYLOAD)
    return {
        "ipv4 first fragment udp": ether(IP(src=A4, dst=B4, **more) / udp),
        "ipv4 later fragment": ether(raw4(17, PAYLOAD, **later)),
        "ipv4 don't fragment": ether(IP(src=A4, dst=B4, flags="DF") / udp),
        "ipv6 first fragment": ether(IPv6(**v6) / IPv6ExtHdrFragment(m=1, id=3) / udp),
        "ipv6 later fragment": ether(
            IPv6(**v6) / IPv6ExtHdrFragment(offset=90, id=3, nh=6) / Raw(PAYLOAD)),
        "ipv6 atomic fragment": ether(IPv6(**v6) / IPv6ExtHdrFragment(id=4) / udp),
    }


def lying():
    """IP headers that are not what they seem."""
    udp = UDP(sport=8003, dport=8004) / Raw(PAYLOAD)
    ip = dict(src=A4, dst=B4)
    whole = bytes(ether(IP(**ip) / udp))
    six = bytes(ether(IPv6(src=A6, dst=B6) / TCP(sport=1, dport=2)))
    return {
        "ipv4 options": ether(IP(**ip, options=[IPOption(b"\x94\x04\x00\x00")] * 5) / udp),
        "ipv4 ihl 4": ether(IP(**ip, ihl=4) / udp),
        "ipv4 version 5": ether(IP(**ip, version=5) / udp),
        "ipv4 total length 0": ether(IP(**ip, len=0) / udp),
        "ipv4 total length too small": ether(IP(**ip, len=19) / udp),
        "ipv4 total length ends in the ports": ether(IP(**ip, len=22) / udp),
        "ipv4 total length beyond the frame": ether(IP(**ip, len=1500) / udp),
        "ipv4 ihl beyond the frame": ether(IP(**ip, ihl=15)),
        "ipv4 cut in the ports": whole[:36],
        "ipv4 cut in the header": whole[:30],
        "ipv4 padded": whole + bytes(18),
        "ipv4 esp cut": ether(raw4(50, b"\1\2\3")),
        "ipv4 ah cut before the spi's end": ether(raw4(51, bytes(7))),
        "ipv6 version 4": ether(IPv6(src=A6, dst=B6, version=4) / udp),
        "ipv6 payload length 0": ether(IPv6(src=A6, dst=B6, plen=0) / udp),
        "ipv6 payload length ends in the ports": ether(IPv6(src=A6, dst=B6, plen=3) / udp),
        "ipv6 cut in the header": six[:50],
        "ipv6 cut in the ports": six[:57],
    }


def extensions():
    v6 = dict(src=A6, dst=B6)
    tcp = TCP(sport=9001, dport=9002)
    udp = UDP(sport=9003, dport=9004)
    hao = IPv6ExtHdrDestOpt(options=[HAO(hoa=HOME)])
    route = IPv6ExtHdrRouting(type=2, len=2, addresses=[ROUTE], segleft=1)
    pads = [IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)]) for _ in range(9)]

    def chain(count, last):
        packet = IPv6(**v6)
        for pad in pads[:count]:
            packet = packet / pad.copy()
        return packet / last
    return {
        "hop-by-hop tcp": ether(IPv6(**v6) / IPv6ExtHdrHopByHop() / tcp),
        "routing type 0 udp": ether(
            IPv6(**v6) / IPv6ExtHdrRouting(addresses=["2001:db8::5"]) / udp),
        "home address tcp": ether(IPv6(**v6) / hao / tcp),
        "home address udp": ether(IPv6(**v6) / hao / udp),
        "home address icmp": ether(IPv6(**v6) / hao / ICMPv6EchoRequest()),
        "home address sctp": ether(IPv6(**v6) / hao / SCTP(sport=1, dport=2)),
        "type 2 routing tcp": ether(IPv6(**v6) / route / tcp),
        "type 2 routing and home address udp": ether(IPv6(**v6) / route / hao / udp),
        "home address behind padding": ether(
            IPv6(**v6) / IPv6ExtHdrDestOpt(options=[Pad1()] * 6 + [HAO(hoa=HOME)]) / udp),
        "home address as ninth option": ether(
            IPv6(**v6) / IPv6ExtHdrDestOpt(options=[Pad1()] * 8 + [HAO(hoa=HOME)]) / udp),
        "home address before a fragment": ether(
            IPv6(**v6) / hao / IPv6ExtHdrFragment(m=1) / udp),
        "home address behind a later fragment": ether(
            IPv6(**v6) / IPv6ExtHdrFragment(offset=9, nh=60) / hao / udp),
        "eight extension headers": ether(chain(8, udp)),
        "nine extension headers": ether(chain(9, udp)),
        "extension header beyond the packet": ether(raw6(60, b"\x06\x40" + bytes(20))),
    }


def gtpu(flags, extra, inner, message=255):
    body = bytes(extra) + bytes(inner)
    return Raw(struct.pack(">BBHI", flags, message, len(body), 0x1234) + body)


def geneve(inner, proto, options=b"", version=0):
    return Raw(struct.pack(">BBHI", version << 6 | len(options) // 4, 0, proto, 0x4500)
               + options + bytes(inner))


def tunnels():
    in4 = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1001, dport=1002) / Raw(PAYLOAD)
    in6 = IPv6(src="fd00::1", dst="fd00::2") / TCP(sport=1003, dport=1004)
    l2 = Ether(src="02:bb:00:00:00:01", dst="02:bb:00:00:00:02")
    o4, o6 = dict(src=A4, dst=B4), dict(src=A6, dst=B6)

    def udp4(dport, body, **kw):
        return ether(IP(**o4, **kw) / UDP(sport=5555, dport=dport) / body)
    nvgre = GRE(key_present=1, proto=0x6558, key=0x123456)
    frag = IP(src="10.0.0.1", dst="10.0.0.2", flags="MF") / UDP(sport=1, dport=2)
    shapes = {
        "ipip": ether(IP(**o4) / in4),
        "sit": ether(IP(**o4) / in6),
        "ip6ip6": ether(IPv6(**o6) / in6),
        "4in6": ether(IPv6(**o6, nh=4) / in4),
        "gre ipv4": ether(IP(**o4) / GRE() / in4),
        "gre ipv6 all options": ether(
            IP(**o4) / GRE(chksum_present=1, key_present=1, seqnum_present=1, key=7) / in6),
        "gre over ipv6 ethernet": ether(IPv6(**o6) / GRE(proto=0x6558) / l2 / in4),
        "nvgre": ether(IP(**o4) / nvgre / l2 / in6),
        "gre version 1": ether(IP(**o4) / GRE(version=1) / in4),
        "gre other protocol": ether(IP(**o4) / GRE(proto=0x880b) / Raw(PAYLOAD)),
        "vxlan ipv4": udp4(4789, VXLAN(vni=42, flags="Instance") / l2 / in4),
        "vxlan tagged ipv6": udp4(4789, VXLAN(vni=42, flags="Instance") / l2 / Dot1Q(vlan=9)
                                  / in6),
        "vxlan without I flag": udp4(4789, VXLAN(flags=0) / l2 / in4),
        "vxlan arp": udp4(4789, VXLAN(vni=42, flags="Instance") / l2 / ARP()),
        "vxlan over ipv6": ether(IPv6(**o6) / UDP(sport=5, dport=4789)
                                 / VXLAN(vni=1, flags="Instance") / l2 / in4),
        "vxlan inner fragment": udp4(4789, VXLAN(vni=42, flags="Instance") / l2 / frag),
        "outer fragment": udp4(4789, VXLAN(vni=42, flags="Instance") / l2 / in4, flags="MF"),
        "geneve ethernet": udp4(6081, geneve(l2 / in4, 0x6558)),
        "geneve options ipv6": udp4(6081, geneve(in6, 0x86dd, bytes(12))),
        "geneve version 1": udp4(6081, geneve(l2 / in4, 0x6558, version=1)),
        "gtp-u ipv4": udp4(2152, gtpu(0x30, b"", in4)),
        "gtp-u sequence ipv6": udp4(2152, gtpu(0x32, bytes(4), in6)),
        "gtp-u extension": udp4(2152, gtpu(0x34, b"\0\0\0\x85\x01\x10\x09\x00", in4)),
        "gtp-u echo": udp4(2152, gtpu(0x30, b"", in4, message=1)),
        "three deep": ether(IP(**o4) / IP(src="10.5.0.1", dst="10.5.0.2") / IP(
            src="10.6.0.1", dst="10.6.0.2") / in4),
        "two deep": ether(IP(**o4) / GRE() / IP(
            src="10.5.0.1", dst="10.5.0.2") / in4),
        "ipip, broken inside": ether(raw4(4, b"\x47" + bytes(19))),
    }
    return shapes


@functools.lru_cache(None)
def corpus():
    """All shapes: name -> bytes."""
    shapes = {}
    for part in (plain, tagged, not_ip, fragments, lying, extensions, tunnels):
        shapes.update(part())
    return {name: bytes(frame) for name, frame in shapes.items()}


@functools.lru_cache(None)
def flows(count, seed=1):
    """Frames of random TCP and UDP flows over IPv4 and IPv6."""
    rnd = random.Random(seed)
    out = []
    for i in range(count):
        l4 = (TCP, UDP)[i % 2](sport=rnd.randrange(1024, 65536), dport=rnd.randrange(1, 1024))
        if i % 4 < 2:
            ip = IP(src=f"10.{rnd.randrange(256)}.{rnd.randrange(256)}.1", dst=B4)
        else:
            ip = IPv6(src=f"2001:db8:{rnd.randrange(65536):x}::1", dst=B6)
        out.append(bytes(ether(ip / l4 / Raw(PAYLOAD))))
    return tuple(out)
