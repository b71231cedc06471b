# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Super-frames: what the driver cuts and joins, against what the kernel does by itself.

Two ports of one testpmd that forwards between them: what goes into the netdev of the one
comes out of that of the other.
"""
import hashlib
import os
import random
import socket
import struct
import threading
import time
from contextlib import contextmanager

import pytest

from netns import Netns
from port import Port
from rss_model import RssConfig, classify
from testpmd import Testpmd

ETH_P_ALL = 3
SOL_PACKET, PACKET_VNET_HDR = 263, 15
PACKET_IGNORE_OUTGOING = 23
SO_RCVBUFFORCE = 33
NEEDS_CSUM = 1
GSO = {(True, 4): 1, (True, 6): 4, (False, 4): 5, (False, 6): 5}
VNET = struct.Struct("=BBHHHH")
SECONDS = 120 if os.environ.get("TAP_TEST_LONG") == "1" else 4


class Pair:
    """testpmd between two taps, in0 and out0; a context manager."""

    def __init__(self, first="", second="", queues=1, split=False, **kw):
        self.ns = [Netns(), Netns(), Netns()]
        self.pmd = None
        try:
            vdevs = [",".join(filter(None, ("net_tap0,iface=in0", first))),
                     ",".join(filter(None, ("net_tap1,iface=out0", second)))]
            self.pmd = Testpmd(self.ns[0], *vdevs, rxq=queues, forward="io", burst=64, **kw)
            self.where = {"in0": self.ns[0], "out0": self.ns[0]}
            if split:
                self.ns[0].run("ip", "link", "set", "in0", "netns", self.ns[1].name)
                self.ns[0].run("ip", "link", "set", "out0", "netns", self.ns[2].name)
                self.where = {"in0": self.ns[1], "out0": self.ns[2]}
            for iface, ns in self.where.items():
                ns.run("ip", "link", "set", iface, "up")
            self.pmd.cmd("set verbose 0")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.pmd:
            self.pmd.close()
        for ns in self.ns:
            ns.close()

    def sock(self, iface):
        """A packet socket with vnet headers."""
        sock = self.where[iface].packet_socket(iface)
        sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        sock.bind((iface, ETH_P_ALL))
        return sock


def checksum(data, start=0):
    if len(data) % 2:
        data += b"\0"
    total = start + sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def super_frame(rng, segments, mss=None, tcp=None, version=None, tags=None):
    """A random super-frame and its vnet header."""
    tcp = rng.random() < 0.7 if tcp is None else tcp
    version = rng.choice((4, 6)) if version is None else version
    mss = rng.randrange(100, 1400) if mss is None else mss
    tags = rng.choice((0, 0, 0, 1, 2)) if tags is None else tags
    payload = rng.randbytes((segments - 1) * mss + rng.randrange(1, mss + 1))
    if tcp:
        options = b"\1\1\x08\x0a" + rng.randbytes(8) if rng.random() < 0.7 else b""
        flags = 0x10 | rng.choice((0, 8, 1, 9, 0x80, 0x40, 0x20))
        l4 = bytearray(struct.pack(">HHIIBBHHH", 1000 + rng.randrange(50), 2000, rng.getrandbits(32),
                                   rng.getrandbits(32), (5 + len(options) // 4) << 4, flags,
                                   rng.getrandbits(16), 0, 7 if flags & 0x20 else 0)) + options
    else:
        l4 = bytearray(struct.pack(">HHHH", 1000, 2000, 8 + len(payload), 0))
    length = len(l4) + len(payload)
    if version == 4:
        addresses = bytes((10, 0, 0, 1, 10, 0, 0, rng.randrange(2, 9)))
        extra = b"\x94\4\0\0" if rng.random() < 0.2 else b""
        ip = bytearray(struct.pack(">BBHHHBBH", 0x45 + len(extra) // 4, rng.randrange(256),
                                   20 + len(extra) + length, rng.getrandbits(16), 0x4000, 64,
                                   6 if tcp else 17, 0)) + addresses + extra
        ip[10:12] = struct.pack(">H", 0xffff ^ checksum(bytes(ip)))
    else:
        addresses = bytes.fromhex("fd00") + bytes(13) + b"\1" + bytes.fromhex("fd00") + bytes(13) + b"\2"
        ip = struct.pack(">IHBB", 0x60000000 | rng.getrandbits(28), length, 6 if tcp else 17, 64) + addresses
    field = 16 if tcp else 6
    l4[field:field + 2] = struct.pack(">H", checksum(addresses, length + (6 if tcp else 17)))
    l2 = bytes.fromhex("020000000002020000000001")
    l2 += b"".join(struct.pack(">HH", 0x8100, rng.getrandbits(12)) for _ in range(tags))
    l2 += struct.pack(">H", 0x0800 if version == 4 else 0x86dd)
    start = len(l2) + len(ip)
    gso = GSO[tcp, version]
    if tcp and l4[13] & 0x80:
        gso |= 0x80     # ECN: CWR in the first segment alone
    vnet = VNET.pack(NEEDS_CSUM, gso, start + len(l4), mss, start, field)
    return vnet + l2 + bytes(ip) + bytes(l4) + payload


def receive(sock, quiet=0.5, at_most=1 << 30):
    """(vnet header, frame) of all that comes until it has been quiet for a while."""
    frames = []
    sock.settimeout(quiet)
    try:
        while len(frames) < at_most:
            data = sock.recv(1 << 17)
            frames.append((VNET.unpack(data[:VNET.size]), data[VNET.size:]))
    except TimeoutError:
        pass
    return frames


def cut_by(gso, frames, offload=False):
    """What comes out of the second port of the super-frames that go into the first."""
    args = ["--enable-rx-cksum"] if offload else []
    with Pair(f"gso={gso}", "gro=0", args=args) as pair:
        sender, receiver = pair.sock("in0"), pair.sock("out0")
        got = []
        for frame in frames:
            sender.send(frame)
            got.append([data for _, data in receive(receiver, 0.05)])
        xstats = pair.pmd.xstats(0)
        sender.close()
        receiver.close()
    return got, xstats


def test_cut_as_the_kernel_does():
    """Byte for byte, whatever the headers: TCP and UDP, IPv4 and IPv6, tags, options, ECN, URG."""
    rng = random.Random(4)
    frames = [super_frame(rng, rng.randrange(2, 40)) for _ in range(120)]
    frames = [f for f in frames if len(f) < 65500]
    want, before = cut_by(0, frames)
    got, after = cut_by(1, frames)
    assert before["rx_q0_super_frames"] == 0
    assert after["rx_q0_super_frames"] == len(frames)
    assert after["rx_q0_segments"] == sum(map(len, want))
    for number, (a, b) in enumerate(zip(want, got)):
        assert len(a) == len(b), f"frame {number}: {len(b)} segments, the kernel makes {len(a)}"
        for i, (x, y) in enumerate(zip(a, b)):
            assert x == y, f"frame {number}, segment {i}:\n{x.hex()}\n{y.hex()}"


def segments(rng, count, mss, corrupt=(), **kw):
    """Single packets of a flow with all checksums in them, those in corrupt wrong."""
    data = super_frame(rng, count, mss, tcp=True, tags=0, **kw)
    vnet, frame = VNET.unpack(data[:VNET.size]), data[VNET.size:]
    start, first = vnet[4], vnet[2]
    packets = []
    payload = frame[first:]
    for i in range(count):
        part = payload[i * mss:(i + 1) * mss]
        head = bytearray(frame[:first])
        length = first - 14 + len(part)
        if head[14] >> 4 == 4:
            head[16:18] = struct.pack(">H", length)
            head[18:20] = struct.pack(">H", (struct.unpack_from(">H", frame, 18)[0] + i) & 0xffff)
            head[24:26] = b"\0\0"
            head[24:26] = struct.pack(">H", 0xffff ^ checksum(bytes(head[14:start])))
            addresses = bytes(head[26:34])
        else:
            head[18:20] = struct.pack(">H", length - 40)
            addresses = bytes(head[22:54])
        seq = (struct.unpack_from(">I", frame, start + 4)[0] + i * mss) & 0xffffffff
        head[start + 4:start + 8] = struct.pack(">I", seq)
        head[start + 13] = 0x10
        head[start + 16:start + 18] = b"\0\0"
        l4 = bytes(head[start:]) + part
        total = checksum(l4, checksum(addresses, 6 + len(l4)))
        head[start + 16:start + 18] = struct.pack(">H", 0xffff ^ total ^ (0x0101 if i in corrupt else 0))
        packets.append(bytes(head) + part)
    return packets


@contextmanager
def one_core(pid):
    """This process and all threads of another one on the same core."""
    tasks = [int(task) for task in os.listdir(f"/proc/{pid}/task")] + [0]
    before = {task: os.sched_getaffinity(task) for task in tasks}
    core = {min(before[0])}
    for task in tasks:
        os.sched_setaffinity(task, core)
    try:
        yield
    finally:
        for task in tasks:
            os.sched_setaffinity(task, before[task])


def plain(packets):
    return [bytes(VNET.size) + packet for packet in packets]


def test_join_leaves_corrupt_packets_alone():
    """A wrong checksum stays wrong, and in a frame of its own; its neighbours are joined."""
    rng = random.Random(5)
    packets = segments(rng, 12, 1000, corrupt={5}, version=4)
    with Pair("gso=0", "gro=1") as pair:
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
        xstats = pair.pmd.xstats(1)
    assert len(got) <= 4, f"{len(got)} frames: nothing was joined"
    assert xstats["tx_q0_super_frames"] >= 1
    alone = [frame for _, frame in got if frame == packets[5]]
    assert len(alone) == 1, "the corrupt packet was changed or joined"
    assert b"".join(frame[66 if len(packets[0]) - 1000 == 66 else 54:] for _, frame in got) == \
        b"".join(packet[len(packets[0]) - 1000:] for packet in packets)


@pytest.mark.parametrize("devargs", ["", "gso=0", "gro=0", "rss=soft"])
@pytest.mark.parametrize("queues", [1, 2])
def test_streams(devargs, queues):
    """Random TCP streams both ways at once: every byte arrives, once, in order."""
    with Pair(devargs, devargs, queues, split=True) as pair:
        for number, iface in enumerate(("in0", "out0"), 1):
            ns = pair.where[iface]
            ns.run("ip", "addr", "add", f"10.99.0.{number}/24", "dev", iface)
        total = run_streams(pair, 4, SECONDS)
        stats = [pair.pmd.xstats(port) for port in (0, 1)]
    assert total > 1 << 20
    cut = sum(value for xstats in stats for name, value in xstats.items() if name.endswith("_super_frames")
              and name.startswith("rx"))
    assert (cut > 0) == ("gso=0" not in devargs)


def run_streams(pair, count, seconds):
    """Streams between the two namespaces; returns bytes that arrived."""
    listener = pair.where["out0"].socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("10.99.0.2", 7))
    listener.listen(count)
    results, threads = [], []
    for number in range(count):
        client = pair.where["in0"].socket(socket.AF_INET, socket.SOCK_STREAM)
        client.settimeout(30)
        client.connect(("10.99.0.2", 7))
        server = listener.accept()[0]
        server.settimeout(30)
        for a, b in ((client, server), (server, client)):
            sums = [hashlib.sha256(), hashlib.sha256()]
            result = [0, 0, sums]
            results.append(result)
            threads.append(threading.Thread(target=feed, args=(a, result, number, seconds)))
            threads.append(threading.Thread(target=drain, args=(b, result)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 60)
        assert not thread.is_alive(), "a stream hangs"
    for sent, received, (a, b) in results:
        assert sent == received and a.digest() == b.digest()
    listener.close()
    return sum(received for _, received, _ in results)


def feed(sock, result, seed, seconds):
    rng = random.Random(seed)
    block = rng.randbytes(1 << 20)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = rng.randrange(1 << 19)
        data = block[start:start + rng.choice((1, 100, 1447, 1448, 1449, 10000, 65536, 300000))]
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, rng.random() < 0.5)
        sock.sendall(data)
        result[0] += len(data)
        result[2][0].update(data)
    sock.shutdown(socket.SHUT_WR)


def drain(sock, result):
    while True:
        data = sock.recv(1 << 18)
        if not data:
            return
        result[1] += len(data)
        result[2][1].update(data)


@pytest.mark.parametrize("checksum_offload", [False, True])
def test_lro(checksum_offload):
    """With LRO a super-frame arrives as it was sent, in a chain of mbufs."""
    rng = random.Random(6)
    frames = [super_frame(rng, rng.randrange(2, 40), tcp=True, tags=0) for _ in range(20)]
    frames = [frame for frame in frames if len(frame) < 65500]
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
