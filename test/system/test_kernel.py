# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""What the kernel sends: sockets, tunnels, tags beside the data, TCP between two ports."""
import hashlib
import os
import socket
import struct
import threading
from contextlib import ExitStack

import frames
import pytest
from conftest import open_port
from kernel_flows import FlowMaker, run_flows
from netns import Netns
from port import Port
from rss_model import GROUPS, RssConfig, classify
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from testpmd import PATIENCE, Testpmd

# Not named by Python's socket module.
ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA, TP_STATUS_CSUMNOTREADY = 3, 263, 8, 8
UDP_SEGMENT = 103


@pytest.mark.parametrize("mode", ["bpf", "basic", "soft"])
def test_flows_of_real_sockets_are_placed_as_predicted(mode):
    with open_port(mode, ipv6=True) as port, FlowMaker(port.ns, port.iface, 320) as maker:
        port.pmd.cmd("port config all rss all")
        maker.prepare()
        flows, seen = run_flows(maker, port.pmd)
        cfg = RssConfig.spread(4)
        wrong = []
        for flow in flows:
            want = classify(flow.frame, cfg)
            got = {(p.queue, p.hash) for p in seen.get(flow.number, [])}
            if got != {(want.queue, want.hash)}:
                wrong.append(f"{flow}: {got}, expected {want}")
        assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("mode", ["bpf", "basic", "soft"])
def test_all_segments_of_a_super_packet_go_to_one_queue(mode):
    """The program sees the super-packet once; the segments come out of it afterwards."""
    with open_port(mode) as port:
        port.ns.batch([f"addr add 10.1.0.1/24 dev {port.iface}",
                       f"neigh add 10.1.0.2 lladdr 02:bb:00:00:00:01 nud permanent "
                       f"dev {port.iface}"])
        port.pmd.cmd("port config all rss all")
        for sport in range(5000, 5016):
            with port.ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
                sock.bind(("10.1.0.1", sport))
                sock.sendto(bytes(9500), ("10.1.0.2", 9))
            frame = frames.ether(IP(src="10.1.0.1", dst="10.1.0.2") / UDP(sport=sport, dport=9))
            want = classify(bytes(frame), RssConfig.spread(4))

            def segments():
                return [p for p in port.pmd.packets if p.dst.startswith("02:bb")]
            assert port.pmd.wait(lambda: len(segments()) >= 10)
            assert sorted(p.length for p in segments()) == [542] + [1042] * 9
            assert {(p.queue, p.hash) for p in segments()} == {(want.queue, want.hash)}
            port.pmd.take_packets()


def tagged_shapes(payload):
    return {
        "8100": (Dot1Q(vlan=7) / payload),
        "88a8": (Dot1AD(vlan=8) / payload),
        "two tags": (Dot1AD(vlan=9) / Dot1Q(vlan=10) / payload),
        "8100 twice": (Dot1Q(vlan=11) / Dot1Q(vlan=12) / payload),
        "three tags": (Dot1AD(vlan=9) / Dot1Q(vlan=10) / Dot1Q(vlan=13) / payload),
    }


@pytest.mark.parametrize("mode", ["bpf", "basic", "soft"])
@pytest.mark.parametrize("types", ["all", "vlan", "udp", "eth"])
def test_a_tag_that_the_kernel_keeps_beside_the_data_counts_as_the_outermost(mode, types):
    """A bridge takes the outer tag off the data of a frame that came in by another port."""
    with open_port(mode) as port:
        port.sock.close()
        port.sock = port.ns.packet_socket(port.ns.bridge(port.iface))
        port.pmd.cmd(f"port config all rss {types}")
        cfg = RssConfig.spread(4, types=frozenset(GROUPS.get(types, {types})))
        shapes = {}
        for i, payload in enumerate((IP(src=frames.A4, dst=frames.B4) / UDP(sport=1, dport=2),
                                     frames.IPv6(src=frames.A6, dst=frames.B6) / TCP())):
            for name, inside in tagged_shapes(payload).items():
                shapes[f"{name} {i}"] = bytes(frames.ether(inside))
        port.check(shapes, cfg)


@pytest.mark.parametrize("mode", ["bpf", "soft"])
def test_a_vlan_netdev_on_the_tap(mode):
    with open_port(mode) as port:
        try:
            port.ns.batch([f"link add link {port.iface} name v5 type vlan id 5", "link set v5 up"])
        except RuntimeError as error:
            pytest.skip(f"this kernel has no VLAN netdevs: {error}".splitlines()[0])
        port.pmd.cmd("port config all rss all")
        with port.ns.packet_socket("v5") as sock:
            for i, frame in enumerate(frames.flows(40)):
                sock.send(frames.stamp(frame, i + 1))
        assert port.pmd.wait(lambda: len(port.pmd.packets) >= 40)
        for packet in port.pmd.take_packets():
            frame = frames.stamp(frames.flows(40)[frames.number_of(packet.src) - 1], 0)
            frame = frame[:12] + b"\x81\x00\x00\x05" + frame[12:]
            want = classify(frame, RssConfig.spread(4))
            assert (packet.queue, packet.hash) == (want.queue, want.hash)


@pytest.mark.parametrize("mode", ["bpf", "soft"])
def test_a_kernel_vxlan_tunnel_over_the_tap_is_hashed_by_level(mode):
    with open_port(mode) as port:
        port.ns.batch([
            f"addr add 10.1.0.1/24 dev {port.iface}",
            f"neigh add 10.1.0.2 lladdr {frames.DST_MAC} nud permanent dev {port.iface}",
            f"link add vx0 type vxlan id 42 remote 10.1.0.2 dstport 4789 dev {port.iface}",
            "link set vx0 up"])
        port.pmd.cmd("port config all rss all")
        port.pmd.cmd("port config all rss level-inner")
        inner = frames.flows(100, seed=12)
        port.pmd.take_packets()
        with port.ns.packet_socket("vx0") as sock:
            for frame in inner:
                sock.send(frame)

        def tunnelled():
            return [p for p in port.pmd.packets if p.dst == frames.DST_MAC and p.hash]
        assert port.pmd.wait(lambda: len(tunnelled()) >= len(inner))
        want = sorted((v.queue, v.hash) for v in (
            classify(frame, RssConfig.spread(4)) for frame in inner))
        assert sorted((p.queue, p.hash) for p in tunnelled()) == want


# Two ports, a namespace at each, and testpmd between them

class Wire:
    """Two namespaces with an address each, joined by testpmd; a context manager."""

    def __init__(self, forward="io", args=(), devargs="", setup=()):
        self.stack = ExitStack()
        self.hardware = setup == HW_CHECKSUMS
        try:
            self.ns = [self.stack.enter_context(Netns("w", ipv6=True)) for _ in range(2)]
            vdevs = [f"net_tap{i},iface=wire{i},mac=02:00:00:00:00:0{i + 1}{devargs}"
                     for i in range(2)]
            self.pmd = self.stack.enter_context(Testpmd(
                self.ns[0], *vdevs, rxq=2, args=args, forward=forward, start=False, burst=32))
            self.pmd.cmd("set verbose 0")
            for command in setup:
                self.pmd.cmd(command)
            self.ns[0].run("ip", "link", "set", "wire1", "netns", self.ns[1].name)
            for i in range(2):
                self.ns[i].batch([f"addr add 10.9.0.{i + 1}/24 dev wire{i}",
                                  f"addr add fd09::{i + 1}/64 dev wire{i} nodad",
                                  f"link set wire{i} up"])
                for peer in (f"10.9.0.{2 - i}", f"fd09::{2 - i}"):
                    self.ns[i].batch([f"neigh replace {peer} lladdr 02:00:00:00:00:0{2 - i} "
                                      f"nud permanent dev wire{i}"])
            self.pmd.cmd("start")
        except BaseException:
            self.stack.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()


KEEP_MACS = ["csum mac-swap off 0", "csum mac-swap off 1"]
HW_CHECKSUMS = [
    *KEEP_MACS, "port stop all",
    *(f"csum set {what} hw {port}" for what in ("ip", "tcp", "udp") for port in (0, 1)),
    "port start all"]
WIRES = {
    "io": dict(),
    "csum in software": dict(forward="csum", setup=KEEP_MACS),
    "csum in hardware": dict(forward="csum", setup=HW_CHECKSUMS),
    "csum in hardware both ways": dict(args=("--enable-rx-cksum",), forward="csum",
                                       setup=HW_CHECKSUMS),
    "io, rss=soft": dict(devargs=",rss=soft"),
}


@pytest.fixture(scope="module", params=WIRES)
def wire(request):
    with Wire(**WIRES[request.param]) as opened:
        yield opened


def transfer(wire, family, address, size):
    """Send size random bytes over TCP from one namespace to the other; are they the same?"""
    data = os.urandom(size)
    received = hashlib.sha256()
    server = wire.ns[1].socket(family, socket.SOCK_STREAM)
    client = wire.ns[0].socket(family, socket.SOCK_STREAM)
    with server, client:
        server.bind((address, 5001))
        server.listen(1)
        for sock in (server, client):
            sock.settimeout(8 * PATIENCE)

        def serve():
            try:
                peer, _ = server.accept()
            except TimeoutError:
                return
            with peer:
                peer.settimeout(8 * PATIENCE)
                while chunk := peer.recv(1 << 16):
                    received.update(chunk)
                peer.sendall(received.digest())
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client.connect((address, 5001))
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(64)
        thread.join(8 * PATIENCE)
    return answer == hashlib.sha256(data).digest()


@pytest.mark.parametrize("family,address", [(socket.AF_INET, "10.9.0.2"),
                                            (socket.AF_INET6, "fd09::2")], ids=["IPv4", "IPv6"])
def test_tcp_goes_through_two_ports_unharmed(wire, family, address):
    assert transfer(wire, family, address, 1 << 20)


@pytest.mark.parametrize("family,address", [(socket.AF_INET, "10.9.0.2"),
                                            (socket.AF_INET6, "fd09::2")], ids=["IPv4", "IPv6"])
def test_udp_of_all_sizes_goes_through_two_ports_unharmed(wire, family, address):
    with wire.ns[1].socket(family, socket.SOCK_DGRAM) as there, \
            wire.ns[0].socket(family, socket.SOCK_DGRAM) as here:
        there.bind((address, 5002))
        there.settimeout(5 * PATIENCE)
        for size in (0, 1, 2, 17, 18, 511, 1400, 1452):
            data = os.urandom(size)
            here.sendto(data, (address, 5002))
            assert there.recv(2048) == data


def capture_udp(ns, iface, dport, send):
    """The UDP packet that send() makes arrive at a netdev: its bytes, and whether the kernel
    says that its checksum is still to be filled in."""
    with ns.entered():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    with sock:
        sock.bind((iface, ETH_P_ALL))
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        sock.settimeout(5 * PATIENCE)
        send()
        while True:
            data, ancillary, _, _ = sock.recvmsg(2048, 64)
            packet = Ether(data)
            if UDP in packet and packet[UDP].dport == dport:
                status = struct.unpack("@I", ancillary[0][2][:4])[0]
                return packet, bool(status & TP_STATUS_CSUMNOTREADY)


def test_checksums_that_come_out_of_the_second_port_are_right(wire):
    with wire.ns[0].socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        packet, partial = capture_udp(
            wire.ns[1], "wire1", 5003,
            lambda: here.sendto(b"checksums are right" * 5, ("10.9.0.2", 5003)))
    sums = packet[IP].chksum, packet[UDP].chksum
    del packet[IP].chksum, packet[UDP].chksum
    again = Ether(bytes(packet))
    assert sums[0] == again[IP].chksum
    assert sums[1] == again[UDP].chksum or (partial and wire.hardware)


def test_receive_checksum_offload_flags_what_it_knows():
    with Port(args=("--enable-rx-cksum",)) as port:
        good = bytes(frames.ether(IP(src=frames.A4, dst=frames.B4) / UDP(sport=1, dport=2)
                                  / b"good"))
        bad_l4 = good[:-1] + b"!"
        bad_ip = good[:22] + bytes([good[22] ^ 1]) + good[23:]
        results = [packets[0].flags for _, packets in port.exchange([good, bad_l4, bad_ip])]
        assert "L4_CKSUM_GOOD" in results[0] and "IP_CKSUM_GOOD" in results[0]
        assert "L4_CKSUM_BAD" in results[1] and "IP_CKSUM_GOOD" in results[1]
        assert "IP_CKSUM_BAD" in results[2]


def test_a_partial_checksum_is_flagged_as_such_when_offload_was_asked_for():
    with Port(args=("--enable-rx-cksum",)) as port:
        port.ns.batch([f"addr add 10.1.0.1/24 dev {port.iface}",
                       f"neigh add 10.1.0.2 lladdr 02:bb:00:00:00:01 nud permanent "
                       f"dev {port.iface}"])
        with port.ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"partial", ("10.1.0.2", 9))
        assert port.pmd.wait(lambda: any(p.dst.startswith("02:bb") for p in port.pmd.packets))
        packet = next(p for p in port.pmd.packets if p.dst.startswith("02:bb"))
        assert "L4_CKSUM_BAD" not in packet.flags
        assert "L4_CKSUM_NONE" in packet.flags or "L4_CKSUM_GOOD" in packet.flags
        assert "IP_CKSUM_GOOD" in packet.flags
