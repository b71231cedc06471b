# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Random traffic through testpmd between two taps: nothing lost, doubled, reordered or altered.

A few seconds each. With TAP_TEST_LONG=1 each goes on for four minutes, 24 in all: that is what is meant
by an hour-equivalent here, since sockets that check every byte are slower than the driver. How many bytes it was is
printed, with the seed; TAP_TEST_SEED repeats it.
"""
import os
import random
import socket
import threading
import time

import pytest

from netns import Netns
from pair import Pair, receive, receive_one, tag
from streams import DATAGRAMS, Traffic, address, counters
from super_frames import VNET, damaged, packets_of, split, super_frame

LONG = os.environ.get("TAP_TEST_LONG") == "1"
SECONDS = 240 if LONG else 2
ROUND = 8 if LONG else 1
SEED = int(os.environ.get("TAP_TEST_SEED", time.time_ns() & 0xffffffff))
FAMILIES = socket.AF_INET, socket.AF_INET6


def weather(rng, spaces, ifaces, mtus):
    """Other options of TCP, other lengths of packets."""
    settings = {f"net.ipv4.tcp_{name}": int(rng.random() < 0.6) for name in ("timestamps", "sack", "ecn")}
    mtu = rng.choice(mtus)
    for ns, iface in zip(spaces, ifaces):
        for name, value in settings.items():
            ns.sysctl(name, value)
        ns.run("ip", "link", "set", iface, "mtu", mtu)
    return {**settings, "mtu": mtu}


def difference(after, before, *names):
    return sum(after[space][name] - before[space][name] for space in (0, 1) for name in names)


def one_round(rng, pair, spaces, ifaces, mtus=(1280, 1400, 1499, 1500)):
    """Traffic in one weather; @return (bytes, datagrams)."""
    loss = rng.choice((0, 0, 300, 50))
    told = weather(rng, spaces, ifaces, mtus)
    before, missed = [counters(ns) for ns in spaces], dropped(pair)
    traffic = Traffic(*spaces, rng.getrandbits(32))
    for _ in range(2):
        for family in FAMILIES:
            traffic.add_tcp(family, loss)
    for family in FAMILIES:
        traffic.add_udp(family)
    traffic.add_udp(rng.choice(FAMILIES), fragments=True)
    traffic.run(ROUND)
    after = [counters(ns) for ns in spaces]
    missed = dropped(pair) - missed + difference(after, before, "dropped")
    wrong = difference(after, before, "Tcp.InErrs", "Tcp.InCsumErrors", "Udp.InCsumErrors", "Udp6InCsumErrors",
                       "Ip.InHdrErrors", "Ip6InHdrErrors")
    assert wrong == 0, f"{wrong} packets with a wrong checksum or header: {told}"
    # A super-frame that finds a queue full counts once.
    counted = missed * DATAGRAMS + difference(after, before, "Udp.RcvbufErrors", "Udp6RcvbufErrors")
    assert traffic.udp_lost <= counted, f"{traffic.udp_lost} datagrams lost, {counted} counted: {told}"
    if not loss and not missed:
        again = difference(after, before, "TcpExt.TCPOFOQueue")
        assert again == 0, f"{again} segments out of order: {told}"
    return traffic.tcp_bytes, traffic.udp_datagrams


def dropped(pair):
    """Packets that counters of the two ports say are lost."""
    return sum(pair.pmd.stats(port)[name] for port in (0, 1)
               for name in ("RX-missed", "RX-errors", "TX-errors")) + pair.pmd.fwd_drops()


def rounds(pair, spaces, ifaces):
    rng = random.Random(SEED)
    end = time.monotonic() + SECONDS
    total = [0, 0]
    while time.monotonic() < end:
        total = [sum(both) for both in zip(total, one_round(rng, pair, spaces, ifaces))]
    print(f"seed {SEED}: {total[0]} bytes of TCP, {total[1]} datagrams")
    assert total[0] > 1 << 18 and total[1] > 100
    return [pair.pmd.xstats(port) for port in (0, 1)]


def super_frames(xstats, way):
    return sum(value for port in xstats for name, value in port.items()
               if name.startswith(way) and name.endswith("_super_frames"))


def check_streams(devargs, queues, **kind):
    """Every byte, once, in order; and super-frames unless they are turned off."""
    with Pair(devargs, devargs, queues, split=("in0", "out0"), ipv6=True, **kind) as pair:
        spaces = [pair.where["in0"], pair.where["out0"]]
        for number, (ns, iface) in enumerate(zip(spaces, ("in0", "out0")), 1):
            address(ns, iface, number)
        xstats = rounds(pair, spaces, ("in0", "out0"))
    assert (super_frames(xstats, "rx") > 0) == ("gso=0" not in devargs)
    assert (super_frames(xstats, "tx") > 0) == ("gro=0" not in devargs)


@pytest.mark.parametrize("devargs,queues", [("", 1), ("gso=0", 2), ("gro=0", 2), ("rss=soft", 2)])
def test_streams(devargs, queues):
    """TCP and UDP both ways at once, with random options, sizes, losses: every byte, once, in order."""
    check_streams(devargs, queues)


class Tagger:
    """Two namespaces in front of the taps, whose frames cross these with a VLAN tag: this kernel
    may have no netdevs for VLANs, so the tag is put on and taken off here, of super-frames too."""

    def __init__(self, pair, tci):
        self.pair, self.tci = pair, tci
        self.spaces = [Netns(ipv6=True), Netns(ipv6=True)]
        self.tagged, self.errors, self.over = 0, [], False
        socks = []
        for number, (ns, tap) in enumerate(zip(self.spaces, ("in0", "out0")), 1):
            pair.ns[0].batch([f"link add far{number} type veth peer name eth0 netns {ns.name}",
                              f"link set far{number} up"])
            address(ns, "eth0", number)
            socks.append((pair.packet_socket(pair.ns[0], f"far{number}"), pair.sock(tap)))
        self.threads = [threading.Thread(target=self.pump, args=args, daemon=True)
                        for far, near in socks for args in ((far, near, True), (near, far, False))]
        for thread in self.threads:
            thread.start()

    def pump(self, source, sink, on):
        source.settimeout(0.2)
        while not self.over:
            try:
                vnet, frame, tci = receive_one(source)
            except TimeoutError:
                continue
            if tci != (0 if on else self.tci):
                self.errors.append(f"tag {tci}")
            if on:
                vnet, frame = tag(vnet, frame, self.tci)
                self.tagged += vnet[1] != 0
            try:
                sink.send(VNET.pack(*vnet) + frame)
            except OSError as error:
                self.errors.append(repr(error))
        source.close()

    def close(self):
        self.over = True
        for thread in self.threads:
            thread.join(5)
        for ns in self.spaces:
            ns.close()


def test_streams_with_vlan_tags():
    """The same with a tag: the driver cuts super-frames with it, and TCP and UDP are none the wiser."""
    cores = os.sched_getaffinity(0)
    with Pair() as pair:
        os.sched_setaffinity(0, {min(cores)})   # a veth keeps the order of what one core sends
        tagger = Tagger(pair, 0x6123)
        try:
            xstats = rounds(pair, tagger.spaces, ("eth0", "eth0"))
        finally:
            os.sched_setaffinity(0, cores)
            tagger.close()
    assert not tagger.errors, tagger.errors[:5]
    assert tagger.tagged > 0 and super_frames(xstats, "rx") > 0


def odd_run(rng):
    """Packets of one flow that were spoiled in some way, or the super-frame that they are."""
    frame = super_frame(rng, rng.randrange(1, 30), odd=rng.random() < 0.5)
    while len(frame) > 65000:
        frame = super_frame(rng, rng.randrange(1, 30))
    packets = packets_of(frame)
    # A single segment that is hardly shorter than gso_size is nothing that the kernel lets pass.
    if rng.random() < 0.3 and len(packets) > 1:
        return [frame], packets
    for i, packet in enumerate(packets):
        if rng.random() < 0.1:      # addresses of Ethernet stay: by them the packets are known
            packets[i] = damaged(packet, rng.randrange(12, len(packet)))
        elif rng.random() < 0.05:   # any header field
            packets[i] = damaged(packet, rng.randrange(12, min(80, len(packet))))
    for _ in range(rng.choice((0, 0, 1, 3))):
        a, b = rng.randrange(len(packets)), rng.randrange(len(packets))
        packets[a], packets[b] = packets[b], packets[a]
    if rng.random() < 0.1:
        packets.append(packets[0])
    return [bytes(VNET.size) + packet for packet in packets], packets


def test_odd_packets_cross_unchanged():
    """Spoiled checksums and headers, IP options and extension headers, reserved bits, CWR, URG, tags, out of
    order, doubled: joined or not, every packet comes as it was sent, and in order."""
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    with Pair(args=["--no-flush-rx"], mbufs=16384) as pair:
        sender, receiver = pair.sock("in0"), pair.sock("out0")
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            sent, want = [], []
            while len(sent) < 500:
                run = odd_run(rng)
                sent += run[0]
                want += run[1]
            pair.pmd.cmd("stop")    # so that bursts are long
            for frame in sent:
                sender.send(frame)
            pair.pmd.cmd("start")
            got = [packet for frame in receive(receiver, 0.3) for packet in split(*frame)]
            for i, (a, b) in enumerate(zip(want, got)):
                assert a == b, f"packet {i}:\n{a.hex()}\n{b.hex()}"
            assert len(got) == len(want)
        xstats = [pair.pmd.xstats(port) for port in (0, 1)]
        sender.close()
        receiver.close()
    assert super_frames(xstats, "rx") > 0 and super_frames(xstats, "tx") > 0
