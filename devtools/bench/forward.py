# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""Forwarding between two network namespaces, by this driver and by those it is compared with.

iperf3 runs in both namespaces; between them is testpmd with two net_tap ports, or a loop of
read() and write() between two taps, or nothing but a veth pair.
"""
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/system"))

from netns import Netns                         # noqa: E402
from testpmd import PLUGIN, TESTPMD, Testpmd    # noqa: E402

BENCH = ROOT / "build/app/dpdk-tap-bench"
IFACES = ("left0", "right0")
ADDRESSES = ("10.78.0.1", "10.78.0.2")
MTU = 1500
DATAGRAM = 1400
BURST = 32          # testpmd's own default
LONG_BURST = 64     # a super-frame of MTU 1500 fits
MBUFS = 16384
# Linux's own default, not what this machine has: BBR holds a stream to what it measured.
CONGESTION_CONTROL = "cubic"

CORES = sorted(os.sched_getaffinity(0))
FORWARDING_CORE = CORES[-1]
OTHER_CORES = CORES[:-1] or CORES
OTHERS = ",".join(map(str, OTHER_CORES))


class Test(NamedTuple):
    name: str
    what: str
    queues: int
    argv: tuple     # of the iperf3 client
    udp: bool = False


TESTS = (
    Test("tcp", "TCP, 1 stream, 1 queue", 1, ()),
    Test("tcp-reverse", "TCP, 1 stream back, 1 queue", 1, ("-R",)),
    Test("udp", f"UDP, {DATAGRAM} B, 1 queue", 1, ("-u", "-b", "0", "-l", str(DATAGRAM)), True),
    Test("tcp4", "TCP, 4 streams, 2 queues", 2, ("-P", "4")),
)


class Contestant:
    """Two namespaces and what is between them; a context manager. Those below fill it."""

    def __init__(self, queues):
        self.queues = queues
        self.ends = []
        try:
            for tag in ("bench-left", "bench-right"):
                self.ends.append(Netns(tag))
            self.open()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def open(self):
        """Make what stays for all tests."""

    def begin(self):
        """Before a test: forward from now on."""

    def end(self):
        """After a test: a dict of the packets forwarded and the busy cycles, or nothing."""
        return {}

    def close(self):
        for end in self.ends:
            end.close()

    def set_up_ends(self, ns=None):
        """Give both ends their netdevs, from ns or there already, and their addresses."""
        for end, iface, address in zip(self.ends, IFACES, ADDRESSES):
            if ns:
                ns.run("ip", "link", "set", iface, "netns", end.name)
            end.batch([f"link set {iface} mtu {MTU}", f"address add {address}/24 dev {iface}",
                       f"link set {iface} up"])


class ByTestpmd(Contestant):
    """testpmd's io forwarding between two ports of a net_tap driver."""

    plugin = PLUGIN
    burst = BURST
    middle = pmd = None

    def open(self):
        self.middle = Netns("bench-middle")
        self.pmd = Testpmd(
            self.middle, *(f"net_tap{i},iface={iface}" for i, iface in enumerate(IFACES)),
            plugin=self.plugin, rxq=self.queues, mbufs=MBUFS, burst=self.burst, forward="io",
            start=False, lcores=f"0@({OTHERS}),1@{FORWARDING_CORE}",
            # The last of its kind counts: the application asks for no offload.
            args=("--rx-offloads=0", "--record-core-cycles"))
        self.pmd.cmd("set verbose 0")
        self.set_up_ends(self.middle)

    def begin(self):
        self.pmd.cmd("start")

    def end(self):
        text = self.pmd.cmd("stop")
        total = text[text.index("Accumulated"):]
        found = re.search(r"total cycles=(\d+)", total)
        return {"packets": int(re.search(r"TX-packets: (\d+)", total)[1]),
                "cycles": int(found[1]) if found else 0}

    def close(self):
        if self.pmd:
            self.pmd.close()
        if self.middle:
            self.middle.close()
        super().close()


class ByLongBursts(ByTestpmd):
    burst = LONG_BURST


class ByStock(ByTestpmd):
    plugin = None


class ByLoop(Contestant):
    """read() and write() in a loop, anew for each test: its counts are those of its life."""

    kind = "plain"
    more = ()
    proc = middle = None

    def begin(self):
        self.middle = Netns("bench-middle")
        self.proc = subprocess.Popen(
            [*self.middle.exec_argv, str(BENCH), "--loop", self.kind, "--loop-ifaces",
             ",".join(IFACES), "--core", str(FORWARDING_CORE), *self.more],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self.proc.stdout.readline()
        if not line.startswith("forwarding"):
            raise RuntimeError(line + self.proc.stdout.read())
        self.set_up_ends(self.middle)

    def end(self):
        self.proc.send_signal(signal.SIGTERM)
        text = self.proc.communicate(timeout=10)[0]
        self.stop()
        return {"packets": sum(map(int, re.findall(r"(\d+) frames", text))),
                "cycles": int(re.search(r"busy cycles: (\d+)", text)[1])}

    def stop(self):
        if self.proc:
            self.proc.kill()
            self.proc.wait()
            self.proc.stdout.close()
        if self.middle:
            self.middle.close()
        self.proc = self.middle = None

    def close(self):
        self.stop()
        super().close()


class ByVnetLoop(ByLoop):
    kind = "vnet"


class ByVnetParts(ByVnetLoop):
    """What bursts cost that end within a super-frame, without a driver."""

    more = ("--loop-segments", str(BURST))


class ByVeth(Contestant):
    """Kernel alone."""

    def open(self):
        left, right = self.ends
        left.run("ip", "link", "add", IFACES[0], "type", "veth", "peer", "name", IFACES[1],
                 "netns", right.name)
        self.set_up_ends()


CONTESTANTS = {"plugin": ByTestpmd, "long bursts": ByLongBursts, "stock": ByStock, "loop": ByLoop,
               "vnet parts": ByVnetParts, "vnet loop": ByVnetLoop, "veth": ByVeth}

METHOD = (
    "Two network namespaces, iperf3 in both, and between them testpmd in io mode with two "
    f"net_tap ports whose netdevs were moved there (bursts of {BURST}, by this driver also of "
    f"{LONG_BURST}; no offload asked for), or one of the limits: a loop of read() and write() "
    "between two taps of one queue, frame by frame or with vnet header and TUNSETOFFLOAD, also "
    f"writing at most {BURST} segments at once, as whoever takes bursts of {BURST} has to, and a "
    f"veth pair. MTU {MTU}, and congestion control is {CONGESTION_CONTROL}. All contestants take "
    "turns in each round, in another order each time. The forwarding thread has the last core; all "
    "else, iperf3 of both sides too, has the others. Rates are those of iperf3's receiver. Cycles "
    "are those of the TSC in turns of the forwarding thread that moved something, as testpmd's "
    "record-core-cycles counts them: a poll in vain costs nothing, and what the kernel does for a "
    "packet within read() and write() is in them. Packets are mbufs, or frames of a loop.")


def iperf(path, test, seconds):
    """One run of iperf3: bits per second at the receiver, and bytes received."""
    left, right = path.ends
    on_others = ["taskset", "-c", OTHERS]
    server = subprocess.Popen([*right.exec_argv, *on_others, "iperf3", "-s", "-1"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_for_server(right)
        # By option: a namespace takes as its default only what the machine allows to everybody.
        control = () if test.udp else ("-C", CONGESTION_CONTROL)
        text = left.run(*on_others, "iperf3", "-c", ADDRESSES[1], "--json", "--connect-timeout",
                        "5000", "-t", str(seconds), *control, *test.argv, check=False,
                        timeout=seconds + 30)
        server.wait(10)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    return parse_iperf(text, test)


def parse_iperf(text, test):
    try:
        answer = json.loads(text)
    except ValueError as err:
        raise RuntimeError(f"iperf3: {text}") from err
    if "error" in answer:
        raise RuntimeError(f"iperf3: {answer['error']}")
    if test.udp:
        total = answer["end"]["sum"]
        received = (total["packets"] - total["lost_packets"]) * DATAGRAM
    else:
        total = answer["end"]["sum_received"]
        received = total["bytes"]
    return received * 8 / total["seconds"], received


def wait_for_server(ns):
    for _ in range(100):
        if ":5201" in ns.run("ss", "-Hltn"):
            return
        time.sleep(0.03)
    raise RuntimeError("iperf3 -s does not listen")


def measure(path, test, seconds):
    """One sample: a dict of figures by name."""
    path.begin()
    rate, received = iperf(path, test, seconds)
    sample = {"gbit_per_s": rate / 1e9}
    counts = path.end()
    if counts.get("cycles"):
        sample["bytes_per_cycle"] = received / counts["cycles"]
        sample["packets_per_mcycle"] = 1e6 * counts["packets"] / counts["cycles"]
    return sample


def quantile(values, share):
    at = share * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (at - low) * (values[high] - values[low])


def summary(values):
    """As dpdk-tap-bench has it in its JSON."""
    values = sorted(values)
    return {"n": len(values), "p5": quantile(values, 0.05), "q1": quantile(values, 0.25),
            "median": statistics.median(values), "q3": quantile(values, 0.75)}


def run(rounds, seconds, names=None, say=print):
    """Measure all; what belongs into the JSON under "forwarding"."""
    tests = [test for test in TESTS if not names or test.name in names]
    samples = {(test.name, who): [] for test in tests for who in CONTESTANTS}
    order = list(CONTESTANTS)
    rung = None
    for number in range(rounds):
        for queues in sorted({test.queues for test in tests}):
            for who in order:
                with CONTESTANTS[who](queues) as path:
                    if who == "plugin":
                        rung = path.pmd.rung_line
                    for test in (test for test in tests if test.queues == queues):
                        sample = measure(path, test, seconds)
                        samples[test.name, who].append(sample)
                        say(f"round {number + 1} of {rounds}: {test.what}: {who}: "
                            f"{sample['gbit_per_s']:.2f} Gbit/s")
        order = order[1:] + order[:1]
    rows = [row(test, who, samples[test.name, who]) for test in tests for who in CONTESTANTS]
    return {"method": METHOD, "rounds": rounds, "seconds": seconds, "testpmd": TESTPMD,
            "forwarding_core": FORWARDING_CORE, "other_cores": OTHER_CORES, "plugin_rss": rung,
            "rows": rows, "proportions": proportions(samples), "limits": limits(samples)}


def row(test, who, taken):
    figures = {name: summary([sample[name] for sample in taken]) for name in taken[0]}
    return {"test": test.name, "what": test.what, "contestant": who, "samples": taken, **figures}


# What has to be reached: test and contestant, over test and contestant.
TARGETS = (
    ("TCP, 1 stream, over stock", "gbit_per_s", ("tcp", "plugin"), ("tcp", "stock"), 8),
    ("TCP, 1 stream, over the vnet loop", "gbit_per_s", ("tcp", "plugin"), ("tcp", "vnet loop"),
     0.75),
    (f"TCP, 1 stream, bursts of {LONG_BURST}, over the vnet loop", "gbit_per_s",
     ("tcp", "long bursts"), ("tcp", "vnet loop"), 0.75),
    ("TCP, 4 streams and 2 queues, over 1 stream", "gbit_per_s", ("tcp4", "plugin"),
     ("tcp", "plugin"), 1),
    (f"UDP {DATAGRAM} B, packets per cycle, over stock", "packets_per_mcycle", ("udp", "plugin"),
     ("udp", "stock"), 1.5),
)


# What all contestants are set in proportion to: test, over test and contestant (none: the same one).
PROPORTIONS = (
    ("TCP, 1 stream, over the vnet loop", "tcp", "tcp", "vnet loop"),
    ("TCP, 4 streams and 2 queues, over 1 stream", "tcp4", "tcp", None),
)


def ratios(samples, figure, over, under):
    """Of samples of two, those within a round."""
    return [a[figure] / b[figure] for a, b in zip(samples.get(over, ()), samples.get(under, ()))
            if a.get(figure) and b.get(figure)]


def limits(samples):
    """The form is that of dpdk-tap-bench; measured: median of the ratios within a round."""
    found = []
    for what, figure, over, under, limit in TARGETS:
        values = ratios(samples, figure, over, under)
        if values:
            value = statistics.median(values)
            found.append({"what": what, "unit": "x", "limit": limit, "at_least": True,
                          "measured": value, "n": len(values), "reached": value >= limit})
    return found


def proportions(samples):
    """Rates of all contestants: what the kernel or iperf3 limits is limited for all of them."""
    found = []
    for what, test, base, reference in PROPORTIONS:
        values = {who: ratios(samples, "gbit_per_s", (test, who), (base, reference or who))
                  for who in CONTESTANTS}
        values = {who: statistics.median(value) for who, value in values.items() if value}
        if values:
            found.append({"what": what, "ratios": values})
    return found
