# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Random TCP and UDP traffic of kernel sockets between two namespaces, every byte verified.

What is found wrong by a thread is kept, and raised by Traffic.run().
"""
import ctypes
import errno
import hashlib
import random
import socket
import struct
import threading
import time

from netns import KERNEL

SO_ATTACH_FILTER, SO_NO_CHECK, SO_RCVBUFFORCE = 26, 11, 33
SOL_UDP, UDP_SEGMENT, UDP_GRO = 17, 103, 104
HOST = {socket.AF_INET: "10.99.0.{}", socket.AF_INET6: "fd99::{}"}
DATAGRAM = struct.Struct("=IIH")    # flow, number, length
BLOCK = random.Random(0).randbytes(1 << 20)
DATAGRAMS = 60      # by one call
PATIENCE = 30       # seconds after which a stream hangs


def address(ns, iface, number):
    """Give a netdev the addresses that streams use: number 1 sends, number 2 listens."""
    ns.batch([f"addr add {HOST[socket.AF_INET].format(number)}/24 dev {iface}",
              f"addr add {HOST[socket.AF_INET6].format(number)}/64 dev {iface} nodad",
              f"link set {iface} up"])


def lossy(sock, one_in):
    """Let the socket lose what it receives, by chance: the sender has to send it again."""
    code = ((0x20, 0, 0, 0xfffff038),                   # a random number
            (0x35, 0, 1, (1 << 32) // one_in),          # at least that?
            (0x06, 0, 0, 0xffffffff), (0x06, 0, 0, 0))  # take it; drop it
    buffer = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in code))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                    struct.pack("HP", len(code), ctypes.addressof(buffer)))


class Traffic:
    """What goes between two namespaces for some seconds."""

    def __init__(self, source, sink, seed):
        self.ns = source, sink
        self.rng = random.Random(seed)
        self.end = 0
        self.errors, self.threads = [], []
        self.tcp_bytes = self.udp_datagrams = self.udp_lost = 0
        self.lock = threading.Lock()

    def _start(self, function, *args):
        def body():
            try:
                function(*args)
            except Exception as error:      # pylint: disable=broad-except
                self.errors.append(f"{function.__name__}{args[1:]}: {error!r}")
        self.threads.append(threading.Thread(target=body, daemon=True))

    def run(self, seconds):
        """All that was added, at once."""
        self.end = time.monotonic() + seconds
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join(max(self.end - time.monotonic(), 0) + PATIENCE)
            if thread.is_alive():
                self.errors.append("a stream hangs")
                break
        assert not self.errors, "\n".join(self.errors)

    # TCP

    def add_tcp(self, family, loss=0):
        """A connection with random options that is full of data both ways."""
        rng = self.rng
        listener = self.ns[1].socket(family, socket.SOCK_STREAM)
        listener.bind((HOST[family].format(2), 0))
        listener.listen(1)
        client = self.ns[0].socket(family, socket.SOCK_STREAM)
        client.settimeout(PATIENCE)
        if rng.random() < 0.5:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, rng.randrange(100, 1460))
        client.connect(listener.getsockname()[:2])
        server = listener.accept()[0]
        listener.close()
        for sock in (client, server):
            sock.settimeout(PATIENCE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, rng.choice((b"cubic", b"reno")))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
            if rng.random() < 0.3:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, rng.randrange(20000, 200000))
            if loss:
                lossy(sock, loss)
        for a, b in ((client, server), (server, client)):
            sums = [hashlib.sha256(), hashlib.sha256()]
            sent = [None]
            self._start(self._feed, a, rng.getrandbits(32), sums[0], sent)
            self._start(self._drain, b, sums, sent)

    def _feed(self, sock, seed, digest, sent):
        rng = random.Random(seed)
        total = 0
        nodelay, urgent = rng.random(), rng.choice((0, 0, 0.01))
        while time.monotonic() < self.end:
            start = rng.randrange(1 << 19)
            size = rng.choice((1, 100, 536, 1447, 1448, 1449, 10000, 65536, 300000, rng.randrange(1, 100000)))
            data = BLOCK[start:start + size]
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, rng.random() < nodelay)
            if rng.random() < urgent:
                data = data[:sock.send(data[:100], socket.MSG_OOB)]
            else:
                sock.sendall(data)
            total += len(data)
            digest.update(data)
        sent[0] = total
        sock.shutdown(socket.SHUT_WR)

    def _drain(self, sock, sums, sent):
        total = 0
        while True:
            data = sock.recv(1 << 18)
            if not data:
                break
            total += len(data)
            sums[1].update(data)
        # The end came, so the sender has written its count.
        assert total == sent[0], f"{total} bytes of {sent[0]} arrived"
        assert sums[0].digest() == sums[1].digest(), f"other bytes than were sent ({total})"
        with self.lock:
            self.tcp_bytes += total

    # UDP

    def add_udp(self, family, fragments=False):
        """Numbered datagrams of random sizes, alone or many by one call; or longer than a packet: fragments
        have no ports, so another queue may be theirs, and between them and the rest no order.
        """
        rng = self.rng
        receiver = self.ns[1].socket(family, socket.SOCK_DGRAM)
        receiver.bind((HOST[family].format(2), 0))
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        receiver.settimeout(1)
        gro = rng.random() < 0.5
        if gro:
            receiver.setsockopt(SOL_UDP, UDP_GRO, 1)
        sender = self.ns[0].socket(family, socket.SOCK_DGRAM)
        sender.connect(receiver.getsockname()[:2])
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        flow, count = rng.getrandbits(32), [0, 0, False]    # sent, received, all sent
        self._start(self._udp_feed, sender, rng.getrandbits(32), flow, count, fragments)
        self._start(self._udp_drain, receiver, flow, count)

    def _udp_feed(self, sock, seed, flow, count, fragments):
        rng = random.Random(seed)
        v4 = sock.family == socket.AF_INET
        overhead = 28 if v4 else 48
        while time.monotonic() < self.end:
            size = rng.choice((DATAGRAM.size, 100, 1000, 1280 - overhead,
                               rng.randrange(DATAGRAM.size, 1280 - overhead)))
            if not fragments and rng.random() < 0.3:    # many by one call, the last one shorter
                n = rng.randrange(1, min(DATAGRAMS, 60000 // size))
                last = rng.randrange(DATAGRAM.size, size + 1)
                data = b"".join(datagram(flow, count[0] + i, size if i < n - 1 else last) for i in range(n))
                try:
                    sock.sendmsg([data], [(SOL_UDP, UDP_SEGMENT, struct.pack("=H", size))])
                except OSError as error:    # before 6.11 of a netdev without checksum offload
                    if error.errno != errno.EIO or KERNEL >= (6, 11):
                        raise
                    continue
            else:
                if fragments:
                    size = rng.randrange(2000, 20000)
                if v4:
                    sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, rng.random() < 0.1)
                n = 1
                sock.send(datagram(flow, count[0], size))
                if v4:
                    sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 0)
            count[0] += n
            patience = time.monotonic() + 0.02      # not more than the tap's queue takes
            while count[0] - count[1] > (10 if fragments else 150) and time.monotonic() < patience:
                time.sleep(0.0005)
        count[2] = True

    def _udp_drain(self, sock, flow, count):
        got = following = 0
        while True:
            try:
                data, control, _, _ = sock.recvmsg(1 << 16, 64)
            except TimeoutError:
                if count[2]:
                    break
                continue
            size = len(data)
            for level, kind, value in control:
                if (level, kind) == (SOL_UDP, UDP_GRO):
                    size = struct.unpack_from("=i", value)[0]
            for at in range(0, len(data), size):
                part = data[at:at + size]
                number = DATAGRAM.unpack_from(part)[1]
                assert number >= following, f"datagram {number} after {following - 1}"
                assert part == datagram(flow, number, len(part)), f"datagram {number} is another"
                following = number + 1
                got += 1
            count[1] = following
        with self.lock:
            self.udp_datagrams += got
            self.udp_lost += count[0] - got


def datagram(flow, number, length):
    start = number * 7919 % (1 << 19)
    return DATAGRAM.pack(flow, number & 0xffffffff, length) + BLOCK[start:start + length - DATAGRAM.size]


def counters(ns):
    """What the kernel of a namespace has counted, by protocol and name."""
    found = {}
    lines = ns.run("cat", "/proc/net/snmp", "/proc/net/netstat").splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        proto = names.split(":")[0]
        found.update((f"{proto}.{name}", int(value))
                     for name, value in zip(names.split()[1:], values.split()[1:]))
    for line in ns.run("cat", "/proc/net/snmp6").splitlines():
        name, value = line.split()
        found[name] = int(value)
    # The queue of a tap is full: counted as dropped by its netdev's transmit side.
    devices = [line.split() for line in ns.run("cat", "/proc/net/dev").splitlines()[2:]]
    found["dropped"] = sum(int(fields[4]) + int(fields[12]) for fields in devices)
    return found
