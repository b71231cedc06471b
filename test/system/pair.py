# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Two ports of one testpmd that forwards between them: what goes into the netdev of the one
comes out of that of the other.
"""
import os
import socket
import struct
from contextlib import contextmanager

from netns import Netns
from super_frames import NEEDS_CSUM, VNET
from testpmd import QUIET, Testpmd

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 8, 15, 23
SO_RCVBUFFORCE = 33
TP_STATUS_VLAN_VALID = 1 << 4


class Pair:
    """testpmd between two taps, in0 and out0; a context manager."""

    def __init__(self, first="", second="", queues=1, split=(), mtu=None, ipv6=False, driver="net_tap", **kw):
        """split names the netdevs that get a namespace of their own."""
        self.ns = [Netns(ipv6=ipv6), Netns(ipv6=ipv6), Netns(ipv6=ipv6)]
        self.pmd = None
        try:
            vdevs = [",".join(filter(None, (f"{driver}0,iface=in0", first))),
                     ",".join(filter(None, (f"{driver}1,iface=out0", second)))]
            self.pmd = Testpmd(self.ns[0], *vdevs, rxq=queues, forward="io",
                               **{"burst": 64, **kw})
            if mtu:
                for port in (0, 1):
                    self.pmd.cmd(f"port config mtu {port} {mtu}")
            self.where = {"in0": self.ns[0], "out0": self.ns[0]}
            for iface, ns in zip(("in0", "out0"), self.ns[1:]):
                if iface in split:
                    self.ns[0].run("ip", "link", "set", iface, "netns", ns.name)
                    self.where[iface] = ns
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
        """A packet socket with vnet headers on one of the taps."""
        return self.packet_socket(self.where[iface], iface)

    @staticmethod
    def packet_socket(ns, iface):
        sock = ns.packet_socket(iface)
        sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        sock.bind((iface, ETH_P_ALL))
        return sock


def receive_one(sock):
    """(vnet header, frame, tag); the kernel gives the outer VLAN tag apart, 0 if there is none."""
    data, control, _, _ = sock.recvmsg(1 << 17, 64)
    for level, kind, aux in control:
        status, _, _, _, _, tci, _ = struct.unpack_from("=IIIHHHH", aux)
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA) and status & TP_STATUS_VLAN_VALID:
            return VNET.unpack_from(data), data[VNET.size:], tci
    return VNET.unpack_from(data), data[VNET.size:], 0


def tag(vnet, frame, tci):
    """Vnet header and frame with one more VLAN tag."""
    flags, gso, hdr_len, size, start, field = vnet
    if flags & NEEDS_CSUM:
        start += 4
    if gso:
        hdr_len += 4
    return (flags, gso, hdr_len, size, start, field), frame[:12] + struct.pack(">HH", 0x8100, tci) + frame[12:]


def receive(sock, quiet=0.5, at_most=1 << 30):
    """(vnet header, frame) of all that comes until it has been quiet for a while."""
    frames = []
    sock.settimeout(quiet * QUIET)
    try:
        while len(frames) < at_most:
            vnet, frame, tci = receive_one(sock)
            frames.append(tag(vnet, frame, tci) if tci else (vnet, frame))
    except TimeoutError:
        pass
    return frames


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
