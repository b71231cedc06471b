# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Long frames in short mbufs: MTU up to what a tap can have, super-frames with an MSS to match."""
import random
import socket
import threading
import time

import pytest

from pair import Pair, receive
from streams import Traffic, address, counters
from super_frames import NEEDS_CSUM, USO, VNET, split, super_frame
from test_streams import LONG, SEED

MTU = 9000
HEADROOM = 128
RX_MAX_SEGS = 64        # of a packet that the driver delivers
TX_MULTI_SEGS = 1 << 15
SCATTER = ["--enable-scatter", f"--tx-offloads={TX_MULTI_SEGS:#x}"]


def single(rng, length):
    """A frame without meaning for the driver."""
    return bytes(VNET.size), bytes.fromhex("02000000000202000000000188b5") + rng.randbytes(length - 14)


def frames(rng, mtu, count):
    """Single frames and super-frames of all sizes, as (vnet header, frame)."""
    made = []
    while len(made) < count:
        if rng.random() < 0.3:
            made.append(single(rng, rng.choice((60, 1514, mtu + 13, mtu + 14, rng.randrange(60, mtu + 14)))))
            continue
        mss = rng.choice((mtu - 100, rng.randrange(100, mtu - 100), min(rng.randrange(1400, 2000), mtu - 100)))
        data = super_frame(rng, rng.randrange(2, max(3, min(20, 65000 // mss))), mss)
        made.append((data[:VNET.size], data[VNET.size:]))
    return made


def arrives(vnet, frame, whole):
    """The packets that come of it; whole(frame) tells whether a TCP super-frame is delivered as it is."""
    vnet = VNET.unpack(vnet)
    if vnet[1] in (1, 4, 0x81, 0x84) and whole(frame):
        return split((NEEDS_CSUM, 0, 0, 0, vnet[4], vnet[5]), frame)
    return split(vnet, frame)


def exchange(pair, made, whole):
    sender, receiver = pair.sock("in0"), pair.sock("out0")
    for start in range(0, len(made), 20):
        want = []
        for vnet, frame in made[start:start + 20]:
            sender.send(vnet + frame)
            want += arrives(vnet, frame, whole)
        got = receive(receiver, 2, at_most=len(want))
        for number, (a, (vnet, b)) in enumerate(zip(want, got)):
            assert vnet[1] == 0 and a == b, f"packet {number}: {len(b)} bytes instead of {len(a)}"
        assert len(want) == len(got)
    assert receive(receiver, 0.1) == []
    sender.close()
    receiver.close()


@pytest.mark.parametrize("gso,lro", [(1, False), (0, False), (1, True)])
@pytest.mark.parametrize("mbuf", [2048, 384])
def test_long_frames(mbuf, gso, lro):
    """Every frame arrives whole, whatever mbufs it takes; a super-frame with LRO, if 64 mbufs hold it."""
    rng = random.Random(9)
    room = mbuf - HEADROOM
    args = SCATTER + [f"--mbuf-size={mbuf}"]
    if lro:
        args += ["--enable-lro", "--max-lro-pkt-size=65535"]
    with Pair(f"gso={gso}", "gro=0", mtu=MTU, args=args, mbufs=16384) as pair:
        made = frames(rng, MTU, 60)
        exchange(pair, made, lambda frame: lro and -(-len(frame) // room) <= RX_MAX_SEGS)
        xstats = pair.pmd.xstats(0)
    if not lro or USO:      # with LRO those of UDP
        assert (xstats["rx_q0_super_frames"] > 0) == (gso == 1)
    assert (xstats["rx_q0_lro"] > 0) == lro
    assert xstats["rx_errors"] == xstats["rx_missed_errors"] == 0


def test_longest_mtu():
    """65521 bytes, which make a frame of 65535; one more is refused."""
    rng = random.Random(10)
    with Pair("", "gro=0", mtu=65521, args=SCATTER) as pair:
        for iface in ("in0", "out0"):
            assert "mtu 65521 " in pair.ns[0].run("ip", "link", "show", iface)
        made = [single(rng, length) for length in (65535, 60, 65534, 1514, 40000, 65535)]
        exchange(pair, made + frames(rng, 30000, 20), lambda _: False)
        answer = pair.pmd.cmd("port config mtu 0 65522")
        assert "65521" in answer or "fail" in answer.lower(), answer
        assert "mtu 65521 " in pair.ns[0].run("ip", "link", "show", "in0")


def test_short_mbufs_without_scatter_are_refused():
    """The MTU stays what it was, and so does what arrives."""
    rng = random.Random(11)
    with Pair("", "gro=0", args=["--mbuf-size=2048"]) as pair:
        pair.pmd.cmd(f"port config mtu 0 {MTU}")
        assert "mbufs too small" in pair.pmd.log
        assert "mtu 1500 " in pair.ns[0].run("ip", "link", "show", "in0")
        exchange(pair, frames(rng, 1500, 20), lambda _: False)


def test_mtu_changes_under_traffic():
    """Raised and lowered while streams run: they go on, and every byte arrives."""
    with Pair(mtu=MTU, split=("out0",), ipv6=True, args=SCATTER, mbufs=16384) as pair:
        spaces = [pair.where["in0"], pair.where["out0"]]
        for number, (ns, iface) in enumerate(zip(spaces, ("in0", "out0")), 1):
            address(ns, iface, number)
        before = [counters(ns) for ns in spaces]
        traffic = Traffic(*spaces, SEED)
        for family in (socket.AF_INET, socket.AF_INET6):
            traffic.add_tcp(family)
            traffic.add_tcp(family)
        seconds = 60 if LONG else 2
        runner = threading.Thread(target=traffic.run, args=(seconds,))
        runner.start()
        end, changes = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            for mtu in (1500, MTU):
                pair.pmd.cmd(f"port config mtu 0 {mtu}")
                assert f"mtu {mtu} " in spaces[0].run("ip", "link", "show", "in0")
                changes += 1
                time.sleep(0.2)
        runner.join()
        after = [counters(ns) for ns in spaces]
        received = pair.pmd.stats(0)
    assert not traffic.errors, traffic.errors
    assert changes >= 2 and traffic.tcp_bytes > 1 << 20
    assert after[1]["Tcp.InErrs"] == before[1]["Tcp.InErrs"] and after[0]["Tcp.InErrs"] == before[0]["Tcp.InErrs"]
    print(f"seed {SEED}: {traffic.tcp_bytes} bytes, {changes} changes, {received['RX-errors']} frames too long")
