# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""A port under test: a namespace, a testpmd with a tap in it, and a way to send frames."""
import time

from frames import number_of, stamp
from netns import Netns
from rss_model import classify
from testpmd import PATIENCE, QUIET, Testpmd

CHUNK = 200     # frames sent before their arrival is waited for; well below a queue's length


class Port:
    """One net_tap port whose tap lives in a namespace of its own; a context manager."""

    driver = "net_tap"

    def __init__(self, devargs="", iface="tap0", ipv6=False, prepare=None, wire=None, **testpmd_args):
        """prepare(ns) comes before testpmd; frames are sent at wire, if that is not the tap."""
        self.iface = iface
        self.ns = Netns(ipv6=ipv6)
        self.sock = None
        self.pmd = None
        self.number = 0
        try:
            if prepare:
                prepare(self.ns)
            vdev = f"{self.driver}0,iface={iface}" + ("," + devargs if devargs else "")
            self.pmd = Testpmd(self.ns, vdev, **testpmd_args)
            self.ns.run("ip", "link", "set", iface, "up")
            self.sock = self.ns.packet_socket(wire or iface)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.sock:
            self.sock.close()
        if self.pmd:
            self.pmd.close()
        self.ns.close()

    @staticmethod
    def stamp(frame, number):
        """A frame that tells its number."""
        return stamp(frame, number)

    @staticmethod
    def number_of(packet):
        """The number that a received packet tells; None of a stranger's."""
        return number_of(packet.src)

    def send(self, frame):
        """Send one frame under a number of its own; returns number and bytes."""
        self.number += 1
        frame = self.stamp(frame, self.number)
        self.sock.send(frame)
        return self.number, frame

    def exchange(self, frames, timeout=5.0, expect=None):
        """Send frames; returns what arrived of each: a list of (frame, packets).

        Waits until as many arrived as were sent, or expect of each chunk.
        """
        result = []
        for start in range(0, len(frames), CHUNK):
            self.pmd.take_packets()
            sent = [self.send(frame) for frame in frames[start:start + CHUNK]]
            seen = {number: [] for number, _ in sent}
            want = len(sent) if expect is None else expect
            self._collect(seen, want, timeout)
            result += [(frame, seen[number]) for number, frame in sent]
        return result

    def _collect(self, seen, want, timeout):
        count = 0
        end = time.monotonic() + timeout * (PATIENCE if want <= len(seen) else QUIET)
        while True:
            for packet in self.pmd.take_packets():
                number = self.number_of(packet)
                if number in seen:
                    seen[number].append(packet)
                    count += 1
            if count >= want or time.monotonic() > end:
                return
            self.pmd.pump(0.05)

    def sample(self, frames, settle=0.3):
        """Send frames of which some may not arrive; returns as exchange()."""
        return self.exchange(frames, timeout=settle, expect=1 << 30)

    def mismatches(self, shapes, cfg):
        """Send the shapes (name -> frame); what did not go as the model says, in words."""
        names, frames = list(shapes), list(shapes.values())
        self.exchange(frames[:1])   # a burst that began before the last change is over with this
        wrong = []
        for name, (frame, packets) in zip(names, self.exchange(frames)):
            problem = compare(frame, packets, cfg)
            if problem:
                wrong.append(f"{name}: {problem}")
        return wrong

    def check(self, shapes, cfg):
        wrong = self.mismatches(shapes, cfg)
        assert not wrong, f"{len(wrong)} of {len(shapes)} differ:\n" + "\n".join(wrong)


def compare(frame, packets, cfg):
    """What is wrong with the arrival of a frame, in words; empty if nothing is."""
    want = classify(frame, cfg)
    if len(packets) != 1:
        return f"arrived {len(packets)} times"
    got = packets[0]
    want_hash = want.hash if want.hashed else None
    if got.hash != want_hash or got.queue != want.queue:
        return (f"queue {got.queue}, hash {show(got.hash)}; expected queue {want.queue}, "
                f"hash {show(want_hash)} ({want.kind})")
    if got.length != len(frame):
        return f"length {got.length}; expected {len(frame)}"
    return ""


def show(value):
    return "none" if value is None else f"{value:#010x}"
