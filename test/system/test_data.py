# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Frames and counters: sizes, segments, MAC filter, statistics, exhaustion, packet types."""
import re
import socket
import time

import frames
import pytest
from conftest import open_port
from netns import Netns
from port import Port
from rss_model import RssConfig
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw
from testpmd import PATIENCE, Testpmd, TestpmdError

ETH_P_ALL = 3
JUMBO = 9000
# What testpmd calls the longest packet: MTU, Ethernet header and two tags.
JUMBO_ARGS = (f"--max-pkt-len={JUMBO + 14 + 8}",)


def of_length(length, dst=frames.DST_MAC):
    """A UDP frame of so many bytes."""
    frame = frames.ether(IP(src=frames.A4, dst=frames.B4) / UDP(sport=length, dport=9)
                         / Raw(bytes(i & 255 for i in range(length - 42))))
    frame.dst = dst
    return bytes(frame)


def mtu_of(port):
    return int(re.search(r"mtu (\d+)", port.ns.run("ip", "link", "show", port.iface))[1])


# Sizes

def test_frames_up_to_the_mtu_arrive_whole():
    with Port() as port:
        lengths = [42, 59, 60, 61, 127, 128, 1024, 1513, 1514]
        for frame, packets in port.exchange([of_length(n) for n in lengths]):
            assert [p.length for p in packets] == [len(frame)]
            assert packets[0].segments == 1


@pytest.mark.parametrize("mode", ["bpf", "soft"])
@pytest.mark.parametrize("args,segments", [
    ((*JUMBO_ARGS, "--mbuf-size=10240"), 1),
    ((*JUMBO_ARGS, "--enable-scatter"), 5),
], ids=["one mbuf", "scattered"])
def test_jumbo_frames(mode, args, segments):
    with open_port(mode, args=args, mbufs=4096) as port:
        assert mtu_of(port) == JUMBO
        port.pmd.cmd("port config all rss all")
        shapes = {str(n): of_length(n) for n in (60, 1514, 2048, 4096, 8999, JUMBO + 14)}
        port.check(shapes, RssConfig.spread(4))
        (_, (longest,)), = port.exchange([of_length(JUMBO + 14)])
        assert longest.segments == segments


@pytest.mark.parametrize("boundary", range(1, 5))
def test_lengths_around_a_segment_boundary_arrive_whole(boundary):
    """2048 bytes of room per mbuf: each number of segments, one byte more and less."""
    with Port(args=(*JUMBO_ARGS, "--enable-scatter"), mbufs=4096) as port:
        lengths = range(boundary * 2048 - 2, boundary * 2048 + 3)
        for frame, packets in port.exchange([of_length(n) for n in lengths]):
            assert [p.length for p in packets] == [len(frame)]


@pytest.mark.parametrize("args", [("--mbuf-size=10240",), ("--enable-scatter",)],
                         ids=["one segment", "five segments"])
def test_what_comes_in_goes_out_again_byte_for_byte(args):
    with Port(args=(*JUMBO_ARGS, *args), mbufs=4096, forward="macswap", burst=32) as port:
        port.pmd.cmd("set verbose 0")
        port.sock.settimeout(5 * PATIENCE)
        with port.ns.entered():
            back = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        with back:
            back.bind((port.iface, ETH_P_ALL))
            back.settimeout(5 * PATIENCE)
            for length in (60, 1514, 2048, 2049, 4096, 4097, 6144, 8192, JUMBO + 14):
                number, frame = port.send(of_length(length))
                while True:
                    got = back.recv(1 << 16)
                    if got[:6] == frame[6:12]:
                        break
                assert got == frame[6:12] + frame[:6] + frame[12:]


def test_mtu_changes_reach_the_netdev():
    with Port(args=("--mbuf-size=10240",), mbufs=4096) as port:
        for mtu in (1400, JUMBO, 68, 1500):
            port.pmd.cmd("stop")
            port.pmd.cmd("port stop 0")
            port.pmd.cmd(f"port config mtu 0 {mtu}")
            port.pmd.cmd("port start 0")
            port.pmd.cmd("start")
            assert mtu_of(port) == mtu
        port.ns.run("ip", "link", "set", port.iface, "up")
        assert len(port.exchange([of_length(1514)])[0][1]) == 1


@pytest.mark.parametrize("devargs", ["", "gso=0"])
def test_an_mtu_raised_while_packets_flow_takes_more_mbufs(devargs):
    """Also where frames were read in place until then."""
    with Port(devargs, args=("--enable-scatter",), mbufs=4096) as port:
        assert len(port.exchange([of_length(1514)])[0][1]) == 1
        port.pmd.cmd(f"port config mtu 0 {JUMBO}")
        assert mtu_of(port) == JUMBO
        for frame, packets in port.exchange([of_length(n) for n in (60, 4096, JUMBO + 14)]):
            assert [p.length for p in packets] == [len(frame)]
        assert packets[0].segments == 5


def test_an_mtu_that_the_mbufs_cannot_hold_is_refused_in_words():
    with Port() as port:
        port.pmd.cmd("stop")
        port.pmd.cmd("port stop 0")
        answer = port.pmd.cmd("port config mtu 0 9000") + port.pmd.cmd("port start 0")
        assert re.search(r"mbuf|scatter|larger", answer, re.I), answer
        assert mtu_of(port) != 9000


def test_mbufs_too_small_without_scatter_are_refused_in_words():
    with Netns() as ns:
        try:
            with Testpmd(ns, "net_tap0,iface=tap0", args=JUMBO_ARGS, start=False) as pmd:
                log = pmd.log
        except TestpmdError as error:
            log = str(error)
        assert re.search(r"(mbuf|room|scatter).*", log, re.I)
        assert re.search(r"net_tap0.*(mbuf|scatter)|tap0.*(mbuf|scatter)", log, re.I), log


# MAC filter

OWN = "02:00:00:00:0a:01"
ADDED = "02:00:00:00:0a:02"
OTHER = "02:00:00:00:0a:03"
GROUP = "01:00:5e:01:02:03"
OTHER_GROUP = "33:33:00:00:00:99"
BROADCAST = "ff:ff:ff:ff:ff:ff"


def accepted(port):
    """Which destinations get through."""
    where = [OWN, ADDED, OTHER, GROUP, OTHER_GROUP, BROADCAST]
    result = port.sample([of_length(60, mac) for mac in where])
    return {mac for mac, (_, packets) in zip(where, result) if packets}


@pytest.mark.parametrize("mode", ["bpf", "soft"])
def test_the_mac_filter_accepts_exactly_what_it_was_told(mode):
    with open_port(mode, f"mac={OWN}") as port:
        pmd = port.pmd
        assert accepted(port) == {OWN, ADDED, OTHER, GROUP, OTHER_GROUP, BROADCAST}
        pmd.cmd("set promisc 0 off")
        assert accepted(port) == {OWN, BROADCAST}
        pmd.cmd(f"mac_addr add 0 {ADDED}")
        assert accepted(port) == {OWN, ADDED, BROADCAST}
        pmd.cmd(f"mcast_addr add 0 {GROUP}")
        assert accepted(port) == {OWN, ADDED, GROUP, BROADCAST}
        pmd.cmd("set allmulti 0 on")
        assert accepted(port) == {OWN, ADDED, GROUP, OTHER_GROUP, BROADCAST}
        pmd.cmd("set allmulti 0 off")
        pmd.cmd(f"mcast_addr remove 0 {GROUP}")
        pmd.cmd(f"mac_addr remove 0 {ADDED}")
        assert accepted(port) == {OWN, BROADCAST}
        pmd.cmd(f"mac_addr set 0 {OTHER}")
        assert accepted(port) == {OTHER, BROADCAST}
        assert OTHER in port.ns.run("ip", "link", "show", port.iface)
        pmd.cmd("set promisc 0 on")
        assert OWN in accepted(port)


def test_filtered_frames_are_counted_apart():
    with Port(f"mac={OWN}") as port:
        port.pmd.cmd("set promisc 0 off")
        port.sample([of_length(60, OTHER)] * 50)
        assert sum(v for k, v in port.pmd.xstats().items() if k.endswith("_filtered")) >= 50
        assert port.pmd.stats()["RX-packets"] == 0


# Counters

@pytest.mark.parametrize("mode", ["bpf", "basic", "soft"])
def test_statistics_count_packets_and_bytes_and_reset(mode):
    with open_port(mode) as port:
        flows = list(frames.flows(300))
        port.pmd.cmd("port config all rss all")
        port.pmd.cmd("clear port stats 0")
        port.pmd.cmd("clear port xstats 0")
        assert port.pmd.stats()["RX-packets"] == 0
        port.exchange(flows)
        stats, xstats = port.pmd.stats(), port.pmd.xstats()
        assert stats["RX-packets"] == len(flows)
        assert stats["RX-bytes"] == sum(map(len, flows))
        assert stats["RX-errors"] == stats["RX-missed"] == stats["RX-nombuf"] == 0
        assert sum(xstats[f"rx_q{q}_packets"] for q in range(4)) == len(flows)
        assert sum(xstats[f"rx_q{q}_hashed"] for q in range(4)) == len(flows)
        steered, handed_over = (sum(xstats[f"rx_q{q}_{name}"] for q in range(4))
                                for name in ("steered", "handed_over"))
        if mode == "basic":     # plain TCP and UDP: the basic program is right by itself
            assert (steered, handed_over) == (len(flows), 0)
        if mode == "soft":
            assert steered + handed_over == len(flows) and handed_over
        port.pmd.cmd("clear port stats 0")
        port.pmd.cmd("clear port xstats 0")
        assert port.pmd.stats()["RX-packets"] == port.pmd.stats()["RX-bytes"] == 0
        assert not any(port.pmd.xstats()[f"rx_q{q}_hashed"] for q in range(4))


def test_transmit_counts_what_the_kernel_got():
    with Port(forward="macswap") as port:
        port.pmd.cmd("clear port stats 0")
        port.exchange(frames.flows(100))
        time.sleep(0.1)
        stats = port.pmd.stats()
        assert stats["TX-packets"] == stats["RX-packets"] == 100
        assert stats["TX-bytes"] == stats["RX-bytes"]
        assert stats["TX-errors"] == 0


def test_descriptors_set_the_length_of_the_kernels_queue():
    with Port(args=("--rxd=256",)) as port:
        assert "qlen 256" in port.ns.run("ip", "link", "show", port.iface)


def test_packets_dropped_by_a_full_kernel_queue_are_counted_as_missed():
    with Port(args=("--rxd=256", "--no-flush-rx"), start=False) as port:
        port.pmd.cmd("port config all rss all")
        one = frames.flows(1)[0]
        for _ in range(1000):
            port.send(one)
        port.pmd.cmd("start")
        assert port.pmd.wait(lambda: len(port.pmd.packets) >= 256)
        port.pmd.wait(lambda: False, 0.2)
        stats = port.pmd.stats()
        assert stats["RX-packets"] == len(port.pmd.packets)
        assert stats["RX-missed"] >= 700
        assert stats["RX-packets"] + stats["RX-missed"] == 1000


@pytest.mark.parametrize("mode", ["bpf", "basic", "soft"])
def test_in_an_overload_every_packet_is_received_or_counted_as_missed(mode):
    """All flows to one queue, more than it can take: in the kernel's queue or in its ring."""
    with open_port(mode, args=("--rxd=512", "--no-flush-rx"), start=False) as port:
        port.pmd.cmd("set verbose 0")
        port.pmd.cmd("port config all rss all")
        port.pmd.set_reta([2] * 512)
        for frame in frames.flows(4000, seed=3):
            port.send(frame)
        port.pmd.cmd("start")
        assert port.pmd.wait(lambda: sum(port.pmd.stats()[f"RX-{name}"] for name in (
            "packets", "missed")) >= 4000, 5), port.pmd.stats()
        stats, xstats = port.pmd.stats(), port.pmd.xstats()
        assert stats["RX-packets"] + stats["RX-missed"] == 4000
        assert stats["RX-packets"] == xstats["rx_q2_packets"] >= 512


@pytest.mark.parametrize("mode", ["bpf", "soft"])
def test_mbuf_exhaustion_is_counted_and_does_not_stall_the_port(mode):
    """A forwarder that sits on its mbufs for half a second: nothing new may be needed to go on."""
    with open_port(mode, forward="noisy", mbufs=1100, burst=32, args=(
            "--mbcache=0", "--noisy-tx-sw-buffer-size=4096",
            "--noisy-tx-sw-buffer-flushtime=500")) as port:
        port.pmd.cmd("set verbose 0")
        port.pmd.cmd("clear port stats 0")
        flows = frames.flows(2500, seed=8)
        for frame in flows:
            port.send(frame)
        nombuf = total = 0
        end = time.monotonic() + 20 * PATIENCE
        while total < len(flows) and time.monotonic() < end:
            time.sleep(0.3)
            stats = port.pmd.stats()
            nombuf = max(nombuf, stats["RX-nombuf"])
            total = stats["RX-packets"] + stats["RX-missed"]
        assert nombuf > 0, "the pool was never empty"
        assert total == len(flows), f"{total} of {len(flows)} after exhaustion: {stats}"


# What else an mbuf tells

@pytest.mark.parametrize("name,ptype", [
    ("ipv4 udp", "L2_ETHER L3_IPV4 L4_UDP"), ("ipv6 tcp", "L2_ETHER L3_IPV6 L4_TCP"),
    ("ipv4 sctp", "L2_ETHER L3_IPV4 L4_SCTP"), ("ipv4 icmp", "L2_ETHER L3_IPV4 L4_ICMP"),
    ("c-vlan ipv4 udp", "L2_ETHER_VLAN L3_IPV4 L4_UDP"),
    ("qinq ipv4 udp", "L2_ETHER_QINQ L3_IPV4 L4_UDP"),
    ("ipv4 options", "L2_ETHER L3_IPV4_EXT L4_UDP"),
    ("hop-by-hop tcp", "L2_ETHER L3_IPV6_EXT L4_TCP"),
    ("ipv4 later fragment", "L2_ETHER L3_IPV4 L4_FRAG"), ("local experimental", "L2_ETHER"),
])
def test_packet_types(typed_port, name, ptype):
    (_, packets), = typed_port.exchange([frames.corpus()[name]])
    assert packets[0].hw_ptype.split() == ptype.split()


@pytest.fixture(scope="module")
def typed_port():
    with Port() as port:
        yield port


def test_a_lone_packet_is_never_stranded(typed_port):
    """Single packets with pauses in which the doorbell goes through all of its states."""
    frame = bytes(frames.ether(IPv6(src=frames.A6, dst=frames.B6) / UDP(sport=3, dport=4)))
    for i in range(200):
        (_, packets), = typed_port.exchange([frame], timeout=2)
        assert len(packets) == 1, f"packet {i} is stranded"
        time.sleep((0, 0.00003, 0.0001, 0.0003, 0.001)[i % 5])
