# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Real flows from kernel sockets through a tap, each recognisable at the receiver.

Every flow goes to a destination address of its own, with a permanent neighbour entry whose MAC
address tells the flow's number. What the frame must look like to RSS is put together from the
socket's own addresses and ports, not from what was received.
"""
import ipaddress
import os
import random
import socket
import struct
from contextlib import ExitStack
from typing import NamedTuple

SOURCES = 16            # local addresses per IP version
MAX_FLOWS = 60000
IP6_FLAGS = 0x60000000
SCTP_PROTO = 132
IP_PKTINFO = 8          # not named by Python's socket module


class Kind(NamedTuple):
    name: str
    version: int
    proto: int          # of the IP header
    how: str            # which opener makes it


KINDS = (
    Kind("IPv4/TCP", 4, socket.IPPROTO_TCP, "tcp"),
    Kind("IPv6/TCP", 6, socket.IPPROTO_TCP, "tcp"),
    Kind("IPv4/UDP", 4, socket.IPPROTO_UDP, "udp"),
    Kind("IPv6/UDP", 6, socket.IPPROTO_UDP, "udp"),
    Kind("IPv4/SCTP", 4, SCTP_PROTO, "sctp"),
    Kind("IPv6/SCTP", 6, SCTP_PROTO, "sctp"),
    Kind("IPv4/ICMP", 4, socket.IPPROTO_ICMP, "echo"),
    Kind("IPv6/ICMPv6", 6, socket.IPPROTO_ICMPV6, "echo"),
    Kind("IPv4/ESP", 4, socket.IPPROTO_ESP, "esp"),
    Kind("IPv4/fragments", 4, socket.IPPROTO_UDP, "fragments"),
)
WEIGHTS = (6, 6, 6, 6, 2, 2, 1, 1, 1, 1)


class Flow(NamedTuple):
    number: int
    kind: Kind
    src: str
    dst: str
    sport: int          # or 0
    dport: int
    frame: bytes        # as RSS sees it

    @property
    def mac(self):
        return flow_mac(self.number)

    def __str__(self):
        src, dst = self.src, self.dst
        if self.sport or self.dport:
            brackets = "[{}]:{}" if self.kind.version == 6 else "{}:{}"
            src, dst = brackets.format(src, self.sport), brackets.format(dst, self.dport)
        return f"{self.kind.name} {src} > {dst}"


def flow_mac(number):
    return ":".join(f"{b:02x}" for b in b"\x02\xbb" + struct.pack(">I", number))


def mac_flow(mac):
    """The flow's number in a destination MAC address, or None."""
    return int(mac[6:].replace(":", ""), 16) if mac.startswith("02:bb:") else None


class FlowMaker:
    """Opens flows inside a namespace; a context manager that closes their sockets."""

    def __init__(self, ns, iface, count, seed=1):
        if count > MAX_FLOWS:
            raise ValueError(f"at most {MAX_FLOWS} flows")
        self.ns, self.iface, self.count = ns, iface, count
        self.random = random.Random(seed)
        self.raw = {}
        self.stack = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def addresses(self, version, number):
        """Destination address of a flow, and a source address for it."""
        i = number % SOURCES
        if version == 4:
            return f"10.77.{number >> 8}.{number & 255}", f"10.76.0.{i + 1}"
        return f"fd77::{number >> 8:x}:{number & 255:x}", f"fd76::{i + 1:x}"

    def prepare(self):
        """Addresses, routes and neighbours of the tap's netdev."""
        dev = f"dev {self.iface}"
        lines = [f"link set {dev} up"]
        for i in range(SOURCES):
            lines.append(f"addr add {self.addresses(4, i)[1]}/32 {dev}")
            lines.append(f"addr add {self.addresses(6, i)[1]}/128 {dev} nodad")
        lines += [f"route add 10.77.0.0/16 {dev}", f"route add fd77::/16 {dev}"]
        for number in range(self.count):
            kind = self.kind_of(number)
            lines.append(f"neigh replace {self.addresses(kind.version, number)[0]} lladdr "
                         f"{flow_mac(number)} nud permanent {dev}")
        self.ns.batch(lines)

    def kind_of(self, number):
        at = number % sum(WEIGHTS)
        for kind, weight in zip(KINDS, WEIGHTS):
            if at < weight:
                return kind
            at -= weight
        raise AssertionError("unreachable")

    def open(self, number):
        """Let the kernel send the packets of one flow."""
        kind = self.kind_of(number)
        dst, src = self.addresses(kind.version, number)
        sport, dport, l4 = getattr(self, "_" + kind.how)(kind, src, dst)
        frame = build_frame(kind, number, src, dst, l4)
        return Flow(number, kind, src, dst, sport, dport, frame)

    # The openers return ports, and the upper layer's first bytes as they are on the wire.

    def _socket(self, kind, kind_of_socket, proto=0):
        family = socket.AF_INET if kind.version == 4 else socket.AF_INET6
        return self.ns.socket(family, kind_of_socket, proto)

    def _bind(self, sock, src):
        """Bind to a random port, the same in every run with the same seed."""
        sport = self.random.randrange(1024, 65536)
        sock.bind((src, sport))
        return sport

    def _tcp(self, kind, src, dst):
        with self._socket(kind, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            sport = self._bind(sock, src)
            dport = self.random.choice((22, 25, 80, 443, 3306, 5432, 8080))
            sock.connect_ex((dst, dport))
        return sport, dport, struct.pack(">HHIIBB6x", sport, dport, 0, 0, 5 << 4, 2)

    def _udp(self, kind, src, dst, size=40):
        with self._socket(kind, socket.SOCK_DGRAM) as sock:
            sport = self._bind(sock, src)
            dport = self.random.choice((53, 123, 443, 514, 5004, 51820))
            sock.sendto(os.urandom(size), (dst, dport))
        return sport, dport, struct.pack(">HHHH", sport, dport, size + 8, 0)

    def _fragments(self, kind, src, dst):
        self._udp(kind, src, dst, 3000)
        return 0, 0, None

    def _raw(self, kind, src, dst, data):
        key = kind.version, kind.proto
        if key not in self.raw:
            self.raw[key] = self.stack.enter_context(
                self._socket(kind, socket.SOCK_RAW, kind.proto))
        sock = self.raw[key]
        # One raw socket for all flows: the source address goes along as a control message.
        if kind.version == 4:
            ancillary = [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack(
                "@I4s4s", 0, socket.inet_aton(src), bytes(4)))]
        else:
            ancillary = [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack(
                "@16sI", socket.inet_pton(socket.AF_INET6, src), 0))]
        sock.sendmsg([data], ancillary, 0, (dst, 0))
        return data

    def _sctp(self, kind, src, dst):
        sport, dport = self.random.randrange(1024, 65536), self.random.choice((2905, 3868, 36412))
        data = struct.pack(">HHII", sport, dport, 0, 0) + struct.pack(">BBH", 1, 0, 20) + bytes(16)
        return sport, dport, self._raw(kind, src, dst, data)

    def _echo(self, kind, src, dst):
        request = 8 if kind.version == 4 else 128
        head = struct.pack(">BBHHH", request, 0, 0, self.random.randrange(65536), 1)
        data = head[:2] + struct.pack(">H", checksum(head)) + head[4:]
        return 0, 0, self._raw(kind, src, dst, data)

    def _esp(self, kind, src, dst):
        spi = struct.pack(">I", self.random.randrange(256, 1 << 32))
        return 0, 0, self._raw(kind, src, dst, spi + os.urandom(44))


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def build_frame(kind, number, src, dst, l4):
    """The frame of a flow as far as RSS looks at it; l4 is None for a fragment."""
    body = bytes(8) if l4 is None else l4
    eth = b"\x02\xbb" + struct.pack(">I", number) + bytes(6)
    a, b = ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed
    if kind.version == 4:
        more = 0x2000 if l4 is None else 0
        return eth + struct.pack(">HBBHHHBBH", 0x0800, 0x45, 0, 20 + len(body), 0, more, 64,
                                 kind.proto, 0) + a + b + body
    return eth + struct.pack(">HIHBB", 0x86dd, IP6_FLAGS, len(body), kind.proto, 64) + a + b + body


def run_flows(maker, pmd, on_progress=None, chunk=128, timeout=10.0):
    """Open all flows in chunks, each awaited; returns (flows, {number: packets})."""
    flows, seen = [], {}
    pmd.take_packets()

    def arrived(first):
        for packet in pmd.take_packets():
            number = mac_flow(packet.dst)
            if number is not None:
                seen.setdefault(number, []).append(packet)
        return all(seen.get(flow.number) for flow in flows[first:])
    for first in range(0, maker.count, chunk):
        for number in range(first, min(first + chunk, maker.count)):
            flows.append(maker.open(number))
        pmd.wait(lambda: arrived(first), timeout)
        if on_progress:
            on_progress(len(flows))
    pmd.wait(lambda: False, 0.1)
    arrived(len(flows))
    return flows, seen
