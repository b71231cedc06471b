# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""net_tun: ports whose packets begin with the IP header.

testpmd prints the first 12 bytes of a packet as if they were MAC addresses. Of these are IPv4's
identification and IPv6's flow label, by which a packet is known.
"""
import random
import struct
import subprocess
import time

import frames
import pytest
from conftest import open_port
from hook import rss_info
from netns import Netns
from pair import Pair, receive
from port import Port
from rss_model import TYPE_BITS, RssConfig, classify
from rules import Rules
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from super_frames import VNET, checksum, packets_of, segments, super_frame
from test_streams import check_streams
from test_super import through_at_once
from testpmd import CLI, Testpmd, TestpmdError

QUEUES = 4
ETHER = {4: 0x0800, 6: 0x86dd}
TYPES = frozenset(set(TYPE_BITS) - {"eth", "s-vlan", "c-vlan", "l2-payload"})


def ether(packet):
    """The frame that the packet would be in: what the model knows."""
    return bytes(12) + struct.pack(">H", ETHER.get(packet[0] >> 4, 0)) + packet


class TunPort(Port):
    """One net_tun port; what is sent and compared are packets."""

    driver = "net_tun"

    def __init__(self, devargs="", iface="tun0", **kw):
        super().__init__(devargs, iface, **kw)

    @staticmethod
    def stamp(frame, number):
        packet = bytearray(frame)
        if packet[0] >> 4 == 6:
            packet[1:4] = (packet[1] & 0xf0, number >> 8 & 0xff, number & 0xff)
            return bytes(packet)
        packet[4:6] = struct.pack(">H", number)
        end = (packet[0] & 15) * 4
        if 20 <= end <= len(packet):
            packet[10:12] = b"\0\0"
            packet[10:12] = struct.pack(">H", 0xffff ^ checksum(bytes(packet[:end])))
        return bytes(packet)

    @staticmethod
    def number_of(packet):
        first = bytes.fromhex(packet.dst.replace(":", ""))
        return int.from_bytes(first[2:4] if first[0] >> 4 == 6 else first[4:6], "big")


def packets(shapes):
    """IP packets of frames without tags, by name; those whose first byte leads to another header are
    what that byte says."""
    return {name: frame[14:] for name, frame in shapes.items()
            if frame[12:14] in (b"\x08\0", b"\x86\xdd") and len(frame) >= 14 + 20}


def flows(count):
    return list(packets(dict(enumerate(frames.flows(count)))).values())


def wrong_ones(port, shapes, cfg):
    """What did not go as the model says, in words."""
    wrong = []
    for name, (packet, got) in zip(shapes, port.exchange(list(shapes.values()))):
        want = classify(ether(packet), cfg)
        expected = [(want.queue, want.hash if want.hashed else None, len(packet))]
        seen = [(p.queue, p.hash, p.length) for p in got]
        if seen != expected:
            wrong.append(f"{name}: {seen}; expected {expected} ({want.kind})")
    return wrong


@pytest.fixture(scope="module", params=["bpf", "basic", "soft"])
def tun(request):
    """A running net_tun port with 4 queues, once per mode."""
    with open_port(request.param, kind=TunPort, args=["--enable-rx-cksum"]) as opened:
        opened.mode = request.param
        yield opened


@pytest.fixture
def rules(tun):
    tun.pmd.cmd("port config all rss all")
    rules = Rules(tun.pmd)
    yield rules
    rules.flush()


def test_the_netdev_is_a_tun(tun):
    text = tun.ns.run("ip", "-d", "link", "show", "tun0")
    assert "tun type tun pi off vnet_hdr on multi_queue" in text and "link/none" in text


def test_every_shape_goes_where_the_model_says(tun):
    tun.pmd.cmd("port config all rss all")
    shapes = packets(frames.corpus())
    assert len(shapes) > 60
    wrong = wrong_ones(tun, shapes, RssConfig.spread(QUEUES, types=TYPES))
    assert not wrong, f"{len(wrong)} of {len(shapes)}:\n" + "\n".join(wrong)


def test_flows_spread_over_all_queues(tun):
    tun.pmd.cmd("port config all rss all")
    shapes = dict(enumerate(flows(400)))
    assert not wrong_ones(tun, shapes, RssConfig.spread(QUEUES, types=TYPES))
    used = {classify(ether(packet), RssConfig.spread(QUEUES, types=TYPES)).queue for packet in shapes.values()}
    assert used == set(range(QUEUES))


def test_inner_headers(tun):
    tun.pmd.cmd("port config all rss all")
    tun.pmd.cmd("port config all rss level-inner")
    wrong = wrong_ones(tun, packets(frames.corpus()), RssConfig.spread(QUEUES, types=TYPES, inner=True))
    assert not wrong, "\n".join(wrong)
    tun.pmd.cmd("port config all rss level-outer")


def test_types_of_layer_2_are_not_offered(tun):
    offloads = rss_info(tun.pmd)["offloads"]
    for name in ("eth", "s-vlan", "c-vlan", "l2-payload"):
        assert not offloads >> TYPE_BITS[name] & 1
    assert offloads >> TYPE_BITS["ipv4-tcp"] & 1


def test_packet_types_and_checksums(tun):
    tun.pmd.cmd("port config all rss all")
    bad_ip = bytearray(bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / b"abc"))
    udp = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / b"abcd"
    tcp6 = IPv6(src="fd00::1", dst="fd00::2") / TCP(sport=1, dport=2) / b"abcd"
    bad_tcp = bytearray(bytes(tcp6))
    bad_tcp[-1] ^= 1
    bad_ip[8] ^= 1
    for packet, ptype, flags in (
            (bytes(udp), "L3_IPV4 L4_UDP", ("RX_IP_CKSUM_GOOD", "RX_L4_CKSUM_GOOD")),
            (bytes(tcp6), "L3_IPV6 L4_TCP", ("RX_L4_CKSUM_GOOD",)),
            (bytes(bad_tcp), "L3_IPV6 L4_TCP", ("RX_L4_CKSUM_BAD",)),
            (bytes(bad_ip), "L3_IPV4 L4_UDP", ("RX_IP_CKSUM_BAD",))):
        tun.pmd.take_packets()
        tun.sock.send(packet)
        assert tun.pmd.wait(lambda: tun.pmd.packets)
        tun.pmd.pump(0.1)
        got = tun.pmd.take_packets()[0]
        assert got.hw_ptype.strip() == ptype
        for flag in flags:
            assert flag in got.flags, (flag, got)


def test_packet_types_of_layer_2_are_not_offered(tun):
    text = tun.pmd.cmd("show port 0 ptypes")
    assert "L3_IPV4 " in text and "L4_UDP" in text and "L2_" not in text, text


def test_a_queue_rule_and_a_mark(tun, rules):
    rules.create("ipv4 / udp dst is 53", "queue index 2 / mark id 7")
    rules.create("eth / ipv6 / tcp dst is 80", "queue index 1")
    for packet, queue, mark in (
            (IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=53), 2, 7),
            (IP(src="10.0.0.3", dst="10.0.0.2") / UDP(sport=9, dport=53), 2, 7),
            (IPv6(src="fd00::1", dst="fd00::2") / TCP(sport=1, dport=80), 1, None),
            (IPv6(src="fd00::9", dst="fd00::2") / TCP(sport=5, dport=80), 1, None)):
        (_, got), = tun.exchange([bytes(packet)])
        assert [(p.queue, p.mark) for p in got] == [(queue, mark)], (packet, got)


def test_a_drop_rule_counts_packets_and_bytes(tun, rules):
    number = rules.create("ipv4 src is 10.1.2.3", "drop / count")
    dropped = bytes(IP(src="10.1.2.3", dst="10.0.0.2") / UDP(sport=1, dport=2) / bytes(100))
    passed = bytes(IP(src="10.1.2.4", dst="10.0.0.2") / UDP(sport=1, dport=2) / bytes(100))
    got = tun.sample([dropped, passed] * 5)
    assert [len(arrived) for _, arrived in got] == [0, 1] * 5
    assert rules.count(number) == (5, 5 * len(dropped))


def test_an_rss_rule_over_some_queues(tun, rules):
    rules.create("ipv4 / tcp", "rss queues 2 3 end types ipv4-tcp end")
    some = [bytes(IP(src=f"10.0.0.{i}", dst="10.0.0.2") / TCP(sport=i, dport=2)) for i in range(1, 40)]
    assert {p.queue for _, got in tun.exchange(some) for p in got} == {2, 3}


@pytest.mark.parametrize("pattern,message", [
    ("eth dst is 02:00:00:00:00:01 / ipv4", "item eth: packets of net_tun have no Ethernet header"),
    ("eth type is 0x0800", "item eth: packets of net_tun have no Ethernet header"),
    ("eth / vlan / ipv4", "item vlan: packets of net_tun have no Ethernet header"),
    ("arp_eth_ipv4", "item arp_eth_ipv4: packets of net_tun are IP"),
])
def test_items_of_layer_2_are_refused(rules, pattern, message):
    refused = rules.refusal(pattern, "drop")
    assert refused.kind == "specific pattern item" and message in refused.message


def test_items_of_an_inner_ethernet_header_are_not(tun, rules):
    rules.create("ipv4 / udp / vxlan / eth dst is 02:bb:00:00:00:02 / ipv4", "queue index 3")
    frame = packets(frames.corpus())["vxlan ipv4"]
    (_, got), = tun.exchange([frame])
    assert [p.queue for p in got] == [3]


def test_rss_types_of_layer_2_are_refused_in_a_rule(rules):
    assert "supported types" in rules.refusal("ipv4", "rss types eth end").message


def test_lone_packets_arrive(tun):
    """Each alone, at a time when nobody expects one: the doorbell has rung or a read comes anyway."""
    rng = random.Random(3)
    packet = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2))
    for i in range(200):
        tun.pmd.take_packets()
        tun.send(packet if i % 2 else flows(1)[0])
        assert tun.pmd.wait(lambda: tun.pmd.packets, 2), f"packet {i} is stranded"
        time.sleep(rng.choice((0, 0.0001, 0.001)))


def test_stop_start_and_what_has_no_meaning_here(tun):
    mac = tun.pmd.cmd("mac_addr set 0 02:00:00:00:00:01")
    assert "a tun netdev has no MAC addresses" in mac
    assert "a tun netdev has no MAC addresses" in tun.pmd.cmd("mac_addr add 0 02:00:00:00:00:01")
    assert "a tun netdev has no MAC addresses" in tun.pmd.cmd("mcast_addr add 0 01:00:5e:00:00:01")
    for command in ("set promisc all off", "set allmulti all off", "stop", "port stop 0", "port start 0", "start"):
        text = tun.pmd.cmd(command)
        assert "fail" not in text.lower() and "MAC" not in text, text
    tun.ns.run("ip", "link", "set", "tun0", "up")
    assert not wrong_ones(tun, dict(enumerate(flows(40))), RssConfig.spread(QUEUES, types=TYPES))
    tun.pmd.cmd("set promisc all on")


def test_the_command_line_tool_predicts(tun):
    """dpdk-tap-rss verify, of a port whose packets have no Ethernet header."""
    tun.pmd.cmd("port config all rss all")
    for sport in range(1000, 1010):
        out = subprocess.run([CLI, "verify", "--file-prefix", tun.pmd.prefix, "--src", "10.0.0.1", "--dst", "10.0.0.2",
                              "--proto", "udp", "--sport", str(sport), "--dport", "53", "tun0"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        want = classify(ether(bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=sport, dport=53))),
                        RssConfig.spread(QUEUES, types=TYPES))
        assert out.returncode == 0 and f"{want.hash:08x}" in out.stdout, out.stdout


def refused(*vdevs, prepare=None, wrap=()):
    """What testpmd says when it refuses to start."""
    with Netns() as ns:
        if prepare:
            prepare(ns)
        with pytest.raises(TestpmdError) as error:
            Testpmd(ns, *vdevs, start=False, wrap=wrap).close()
    return str(error.value)


@pytest.mark.parametrize("devargs,message", [
    ("mac=fixed", "argument mac is not for net_tun: a tun netdev has no MAC address"),
    ("mac=02:00:00:00:00:01", "argument mac is not for net_tun"),
    ("remote=lo", "argument remote is not for net_tun: its packets have no Ethernet header"),
    ("bpf_pin=/sys/fs/bpf/x", "argument bpf_pin is not for net_tun: BPF objects that are handed over are for taps"),
    ("rss_fds=/run/x", "argument rss_fds is not for net_tun"),
    ("rss=maybe", 'argument rss: "maybe" is not allowed'),
])
def test_arguments_that_are_refused(devargs, message):
    assert message in refused(f"net_tun0,{devargs}")


@pytest.mark.parametrize("driver,mode,message", [
    ("net_tun", "tap", "in use by a tap (layer 2), not a tun netdev"),
    ("net_tap", "tun", "in use by a tun netdev (layer 3), not a tap"),
])
def test_a_netdev_of_the_other_kind_is_refused(driver, mode, message):
    assert message in refused(f"{driver}0,iface=x0", prepare=lambda ns: ns.run(
        "ip", "tuntap", "add", "x0", "mode", mode, "multi_queue"))


@pytest.mark.parametrize("make,wrap,message", [
    ("mode tun", (), 'x0: the tun exists and is single-queue; remove it, or create it with "ip tuntap add x0 mode tun'),
    (None, ("setpriv", "--bounding-set", "-net_admin"),
     "x0: no permission to create or attach the tun; CAP_NET_ADMIN is needed, or a persistent tun"),
], ids=["single-queue", "no privileges"])
def test_words_about_a_tun_netdev_call_it_a_tun(make, wrap, message):
    def prepare(ns):
        if make:
            ns.run("ip", "tuntap", "add", "x0", *make.split())
    text = refused("net_tun0,iface=x0", prepare=prepare, wrap=wrap)
    assert message in text and "the tap" not in text, text


def test_a_tun_netdev_in_use_is_called_a_tun():
    with Netns() as ns, Testpmd(ns, "net_tun0,iface=x0"):
        with pytest.raises(TestpmdError, match="x0: the tun is in use by another process"):
            Testpmd(ns, "net_tun0,iface=x0", start=False).close()


def test_default_name_and_both_kinds_side_by_side():
    with Netns() as ns, Testpmd(ns, "net_tun0", "net_tap0", rxq=2) as pmd:
        assert {"dtun0", "dtap0"} <= ns.links()
        assert pmd.stats(0) is not None


def test_the_longest_mtu_and_what_buffers_take():
    """65521 bytes, as of a TAP port; and a packet of layer 3 needs no room for layer 2."""
    with Netns() as ns, Testpmd(ns, "net_tun0,iface=tun0", args=["--enable-scatter"]) as pmd:
        pmd.cmd("port config mtu 0 65521")
        assert "mtu 65521 " in ns.run("ip", "link", "show", "tun0")
    with Netns() as ns, Testpmd(ns, "net_tun0,iface=tun0") as pmd:
        pmd.cmd("port config mtu 0 2047")       # and one byte tells truncation
        assert "mtu 2047 " in ns.run("ip", "link", "show", "tun0")


def test_super_frames_are_cut():
    """Byte for byte what the kernel makes of them."""
    rng = random.Random(4)
    some = [super_frame(rng, rng.randrange(2, 40), tags=0) for _ in range(80)]
    some = [frame for frame in some if len(frame) < 65500]
    with Pair("", "gro=0", driver="net_tun") as pair:
        sender, receiver = pair.sock("in0"), pair.sock("out0")
        for number, frame in enumerate(some):
            flags, gso, hdr_len, size, start, field = VNET.unpack_from(frame)
            sender.send(VNET.pack(flags, gso, hdr_len - 14, size, start - 14, field) + frame[VNET.size + 14:])
            want = [packet[14:] for packet in packets_of(frame)]
            got = [data for _, data in receive(receiver, 2, at_most=len(want))]
            assert got == want, f"super-frame {number}"
        assert receive(receiver, 0.1) == []
        assert pair.pmd.xstats(0)["rx_q0_super_frames"] == len(some)
        sender.close()
        receiver.close()


@pytest.mark.parametrize("version", [4, 6])
def test_packets_are_joined(version):
    """And a wrong checksum stays wrong, and in a packet of its own."""
    sent = [packet[14:] for packet in segments(random.Random(5), 12, 1000, corrupt={5}, version=version)]
    got, xstats = through_at_once(sent, driver="net_tun")
    assert len(got) <= 4 and xstats["tx_q0_super_frames"] >= 1
    assert [packet for _, packet in got if packet == sent[5]] == [sent[5]]
    head = len(sent[0]) - 1000
    assert b"".join(packet[head:] for _, packet in got) == b"".join(packet[head:] for packet in sent)


@pytest.mark.parametrize("devargs,queues", [("", 1), ("", 2), ("gso=0", 2), ("gro=0", 2), ("rss=soft", 2)])
def test_streams(devargs, queues):
    """TCP and UDP of sockets through two net_tun ports: every byte, once, in order."""
    check_streams(devargs, queues, driver="net_tun")
