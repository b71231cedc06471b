# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Network namespaces of the tests: made, entered and removed by the tests."""
import ctypes
import itertools
import os
import socket
import subprocess
import threading
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
# The kernel's version: major and minor number.
KERNEL = tuple(int(n) for n in os.uname().release.split("-")[0].split(".")[:2])
_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count(1)
_enter_lock = threading.Lock()


class Netns:
    """A namespace with a unique name; a context manager."""

    def __init__(self, tag="t", ipv6=False):
        self.name = f"nettap-{os.getpid()}-{tag}{next(_serial)}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        if not ipv6:    # no router solicitations between the packets that count
            for scope in ("all", "default"):
                self.sysctl(f"net.ipv6.conf.{scope}.disable_ipv6", 1)
        self.run("ip", "link", "set", "lo", "up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False)

    @property
    def exec_argv(self):
        return ["ip", "netns", "exec", self.name]

    def run(self, *argv, check=True, **kw):
        """Run a command inside; returns its output as text."""
        done = subprocess.run([*self.exec_argv, *map(str, argv)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(map(str, argv))}: {done.stdout}")
        return done.stdout

    def batch(self, lines, family=None):
        """Many ip(8) commands in one process."""
        argv = ["ip"] + ([family] if family else []) + ["-batch", "-"]
        return self.run(*argv, input="\n".join(lines) + "\n")

    def sysctl(self, name, value):
        self.run("sysctl", "-qw", f"{name}={value}")

    def bridge(self, iface):
        """A bridge br0 in front of a netdev; returns the netdev whose frames go over it.

        It takes the outer tag off the data of a frame and sends nothing of its own, no IGMP report.
        """
        self.batch(["link add br0 type bridge mcast_snooping 0",
                    "link add in0 type veth peer name in1",
                    "link set in1 master br0", f"link set {iface} master br0",
                    *(f"link set {dev} up" for dev in ("br0", "in0", "in1", iface))])
        return "in0"

    def links(self):
        """Names of the netdevs inside."""
        out = self.run("ip", "-o", "link").splitlines()
        return {line.split(": ")[1].split("@")[0] for line in out}

    @contextmanager
    def entered(self):
        """The calling thread is inside while the block runs."""
        with _enter_lock:
            back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
            try:
                _setns(there)
                try:
                    yield
                finally:
                    _setns(back)
            finally:
                os.close(there)
                os.close(back)

    def socket(self, *args):
        """A socket that lives inside."""
        with self.entered():
            return socket.socket(*args)

    def packet_socket(self, iface):
        """A raw AF_PACKET socket bound to a netdev inside."""
        with self.entered():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            sock.bind((iface, 0))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
            return sock


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        err = ctypes.get_errno()
        raise OSError(err, os.strerror(err))
