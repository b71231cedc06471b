# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Super-frames: what the driver cuts and joins, against what the kernel does by itself."""
import random
import struct

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from pair import SOL_PACKET, PACKET_VNET_HDR, Pair, one_core, receive
from port import Port
from rss_model import RssConfig, classify
from super_frames import (GSO, NEEDS_CSUM, USO, VNET, checksum, packets_of, plain, segments, split,
                          super_frame)


def cut_by(gso, frames, offload=False):
    """What comes out of the second port of the super-frames that go into the first."""
    args = ["--enable-rx-cksum"] if offload else []
    with Pair(f"gso={gso}", "gro=0", args=args) as pair:
        sender, receiver = pair.sock("in0"), pair.sock("out0")
        got = []
        for frame in frames:
            sender.send(frame)
            n = len(packets_of(frame))
            got.append([data for _, data in receive(receiver, 2, at_most=n)])
        assert receive(receiver, 0.1) == []
        xstats = pair.pmd.xstats(0)
        sender.close()
        receiver.close()
    return got, xstats


def test_cut_as_the_kernel_does():
    """Byte for byte, whatever the headers: TCP and UDP, IPv4 and IPv6, tags, options, ECN, URG."""
    rng = random.Random(4)
    frames = [super_frame(rng, rng.randrange(2, 40)) for _ in range(120)]
    want, before = cut_by(0, frames)
    got, after = cut_by(1, frames)
    assert before["rx_q0_super_frames"] == 0
    assert after["rx_q0_super_frames"] == len(frames)
    assert after["rx_q0_segments"] == sum(map(len, want))
    for number, (a, b) in enumerate(zip(want, got)):
        assert len(a) == len(b), f"frame {number}: {len(b)} segments, the kernel makes {len(a)}"
        for i, (x, y) in enumerate(zip(a, b)):
            assert x == y, f"frame {number}, segment {i}:\n{x.hex()}\n{y.hex()}"


@pytest.mark.parametrize("burst, frames", [(0, 1), (32, 2)])
def test_a_burst_as_advised_passes_a_super_frame_on_whole(burst, frames):
    """testpmd takes the driver's advice for 0."""
    frame = super_frame(random.Random(8), 45, 1448, tcp=True, version=4, tags=0, odd=False)
    with Pair(burst=burst) as pair:
        sender, receiver = pair.sock("in0"), pair.sock("out0")
        sender.send(frame)
        got = receive(receiver, 10, at_most=frames)
        assert receive(receiver, 0.1) == []
        sender.close()
        receiver.close()
    assert len(got) == frames
    assert [packet for vnet, data in got for packet in split(vnet, data)] == packets_of(frame)


def through_at_once(packets, **kind):
    """What comes of packets that the second port gets in one burst, and that port's counters."""
    with Pair("gso=0", "gro=1", **kind) as pair:
        sender, receiver = pair.sock("in0"), pair.sock("out0")
        got = []
        with one_core(pair.pmd.proc.pid):   # so that a poll finds several packets at once
            for _ in range(50):
                for packet in plain(packets):
                    sender.send(packet)
                got = receive(receiver, 0.3)
                if len(got) <= 4:
                    break
        sender.close()
        receiver.close()
        return got, pair.pmd.xstats(1)


def test_join_leaves_corrupt_packets_alone():
    """A wrong checksum stays wrong, and in a frame of its own; its neighbours are joined."""
    rng = random.Random(5)
    packets = segments(rng, 12, 1000, corrupt={5}, version=4)
    got, xstats = through_at_once(packets)
    assert len(got) <= 4, f"{len(got)} frames: nothing was joined"
    assert xstats["tx_q0_super_frames"] >= 1
    alone = [frame for _, frame in got if frame == packets[5]]
    assert len(alone) == 1, "the corrupt packet was changed or joined"
    assert b"".join(frame[len(packets[0]) - 1000:] for _, frame in got) == \
        b"".join(packet[len(packets[0]) - 1000:] for packet in packets)


@pytest.mark.parametrize("checksum_offload", [False, True])
def test_lro(checksum_offload):
    """With LRO a super-frame arrives as it was sent, in a chain of mbufs."""
    rng = random.Random(6)
    frames = [super_frame(rng, rng.randrange(2, 40), tcp=True, tags=0) for _ in range(20)]
    args = ["--enable-lro", "--max-lro-pkt-size=65535"] + (["--enable-rx-cksum"] if checksum_offload else [])
    with Port(rxq=1, args=args) as port:
        sock = port.ns.packet_socket(port.iface)
        sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        for frame in frames:
            sock.send(frame)
        port.pmd.wait(lambda: len(port.pmd.packets) == len(frames), what="super-frames")
        got = port.pmd.take_packets()
        sock.close()
        assert port.pmd.xstats()["rx_q0_lro"] == len(frames)
    assert [p.length for p in got] == [len(frame) - VNET.size for frame in frames]
    for packet in got:
        assert "RTE_MBUF_F_RX_LRO" in packet.flags
        assert packet.segments == -(-packet.length // 2048)
        assert ("RX_L4_CKSUM_NONE" in packet.flags) == checksum_offload


def test_segments_have_the_hash_of_their_flow():
    """A super-frame is placed by its flow, and each segment carries the hash."""
    rng = random.Random(7)
    with Port(rxq=4) as port:
        sock = port.ns.packet_socket(port.iface)
        sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        port.pmd.cmd("port config all rss all")
        queues, cfg = set(), RssConfig.spread(4)
        for _ in range(20):
            frame = super_frame(rng, 8, 500, tcp=True, tags=0)
            sock.send(frame)
            port.pmd.wait(lambda: len(port.pmd.packets) == 8, what="segments")
            got = port.pmd.take_packets()
            want = classify(frame[VNET.size:], cfg)
            assert {(p.queue, p.hash) for p in got} == {(want.queue, want.hash)}
            queues.add(want.queue)
        sock.close()
    assert len(queues) > 1


def tunnelled():
    """A VXLAN packet whose inner TCP checksum is left to whoever comes next; and it complete."""
    inner = Ether() / IP(src="10.2.0.1", dst="10.2.0.2") / TCP(sport=1, dport=2) / (b"x" * 333)
    outer = Ether(dst="02:00:00:00:00:02") / IP(src="10.1.0.1", dst="10.1.0.2") / UDP(
        sport=5, dport=4789, chksum=0) / VXLAN(vni=7) / inner
    want = bytes(outer)
    start = want.rindex(b"\0\1\0\2")
    half = checksum(want[start - 8:start], 6 + len(want) - start)
    frame = want[:start + 16] + struct.pack(">H", half) + want[start + 18:]
    return VNET.pack(NEEDS_CSUM, 0, 0, 0, start, 16) + frame, want


@pytest.mark.parametrize("gso", [0, 1])
@pytest.mark.parametrize("offload", [[], ["--enable-rx-cksum"]])
def test_a_checksum_that_no_flag_can_tell_of_is_complete(gso, offload):
    """Half a checksum inside a tunnel: who forwards the packet does not know of it."""
    frame, want = tunnelled()
    with Pair(f"gso={gso}", args=offload) as pair:
        sender, receiver = pair.sock("in0"), pair.sock("out0")
        sender.send(frame)
        (_, got), = receive(receiver, 0.5, 1)
        sender.close()
        receiver.close()
    assert got == want


@pytest.mark.parametrize("offload,partial", [("udp_cksum", False), ("tcp_cksum", False), ("both", True)])
def test_half_a_checksum_comes_to_those_who_asked_for_both_protocols(offload, partial):
    """Who asked for the flags of one alone may take the other as it is in the packet."""
    rng = random.Random(9)
    offloads = ("tcp_cksum", "udp_cksum") if offload == "both" else (offload,)
    with Pair("", "gro=0", start=False) as pair:
        pair.pmd.cmd("port stop 0")
        for name in offloads:
            pair.pmd.cmd(f"port config 0 rx_offload {name} on")
        pair.pmd.cmd("port start 0")
        pair.pmd.cmd("start")
        sender, receiver = pair.sock("in0"), pair.sock("out0")
        for tcp in (True, False) if USO else (True,):
            frame = super_frame(rng, 4, 700, tcp=tcp, version=4, tags=0)
            sender.send(frame)
            whole = packets_of(frame)
            got = [packet for _, packet in receive(receiver, 2, at_most=len(whole))]
            assert len(got) == len(whole) == 4
            assert (got == whole) == (not partial)
        sender.close()
        receiver.close()


def test_a_rule_looks_at_the_flags_of_each_segment():
    """PSH stays with the last segment of a super-frame, and so does the mark of a rule on it."""
    frame = bytearray(super_frame(random.Random(10), 6, 500, tcp=True, version=4, tags=0, odd=False))
    frame[VNET.size + 47] = 0x18
    with Port(rxq=1) as port:
        port.pmd.cmd("flow create 0 ingress pattern eth / ipv4 / tcp flags spec 8 flags mask 8 / end "
                     "actions mark id 77 / queue index 0 / end")
        sock = port.ns.packet_socket(port.iface)
        sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        sock.send(bytes(frame))
        port.pmd.wait(lambda: len(port.pmd.packets) == 6, what="segments")
        got = port.pmd.take_packets()
        sock.close()
    assert [packet.mark for packet in got] == [None] * 5 + [77]


@pytest.mark.parametrize("version", [4, 6])
def test_tso(version):
    """With TSO the kernel gets the packet whole, and the size to cut it by."""
    rng = random.Random(8)
    size = 800
    with Pair("gso=0", "gro=0", args=["--mbuf-size=10240"], start=False) as pair:
        for iface in ("in0", "out0"):
            pair.where[iface].run("ip", "link", "set", iface, "mtu", 9000)
        for command in ("port stop all", "port config mtu 0 9000", "port config mtu 1 9000",
                        "csum set ip hw 1", "csum set tcp hw 1", f"tso set {size} 1", "port start all",
                        "set fwd csum", "start"):
            pair.pmd.cmd(command)
        sender, receiver = pair.sock("in0"), pair.sock("out0")
        for _ in range(20):
            frame = segments(rng, 1, rng.randrange(2000, 8000), version=version)[0]
            sender.send(bytes(VNET.size) + frame)
            got = receive(receiver, 0.5, 1)
            assert len(got) == 1, pair.pmd.tail()
            (flags, gso, _, gso_size, start, field), data = got[0]
            cut = len(frame) > start + (frame[start + 12] >> 4) * 4 + size
            assert (flags & NEEDS_CSUM, gso, gso_size) == (
                (NEEDS_CSUM, GSO[True, version], size) if cut else (NEEDS_CSUM, 0, 0))
            assert data[14:start + field] == frame[14:start + field]
            assert data[start + field + 2:] == frame[start + field + 2:]
        sender.close()
        receiver.close()
