# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""kill -9 at random instants of start and of reconfiguration: nothing is left behind.

A process is stopped at the instant, so that what it holds can be seen, and killed then. 40 times;
500 times with TAP_TEST_LONG=1.
"""
import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import DEVARG, RUNG
from held import all_gone, held_by, settled
from netns import Netns
from testpmd import PATIENCE, Testpmd, TestpmdError

KILLS = 500 if os.environ.get("TAP_TEST_LONG") == "1" else 40
# Start takes as long as this, about, with the time until EAL is up.
START_SECONDS = {"bpf": 1.2, "basic": 1.2, "soft": 0.8}
RECONFIGURE = [
    ["port stop 0", "port config all rxq 2", "port config all txq 2", "port start 0"],
    ["port stop 0", "port config all rxq 8", "port config all txq 8", "port start 0"],
    ["port config all rss all", "port config mtu 0 1400", "set promisc 0 off"],
    ["flow create 0 ingress pattern eth / ipv4 / end actions drop / end", "flow flush 0"],
    ["port stop 0", "port close 0", "port detach 0"],
    ["port attach net_tap1,iface=tap1", "port stop 1"],
]


class Surroundings:
    """What must be as before: netdevs, and what goes with them; and what is held must go."""

    def __init__(self, ns):
        self.ns = ns
        self.before = self.look()

    def look(self):
        qdiscs = self.ns.run("tc", "qdisc")
        namespaces = subprocess.run(["ip", "netns"], stdout=subprocess.PIPE, text=True, check=True)
        mine = [line for line in namespaces.stdout.split() if f"-{os.getpid()}-" in line]
        files = [sorted(p.name for p in Path(d).glob("*tap*") if Path(d).is_dir())
                 for d in ("/dev/hugepages", "/sys/fs/bpf")]
        return self.ns.links(), qdiscs, mine, files

    def check(self, held):
        assert settled(lambda: self.look() == self.before), (self.look(), self.before)
        assert all_gone(held), "BPF objects of the killed process are still there"


def kill_stopped(pmd):
    """Stop it where it is, see what it holds, kill it."""
    try:
        os.kill(pmd.proc.pid, signal.SIGSTOP)
        return held_by(pmd.proc.pid)
    finally:
        pmd.kill()


class Starting(Testpmd):
    """testpmd whose start is not waited for."""

    def cmd(self, command, timeout=15.0):
        return ""


@pytest.fixture(scope="module")
def around():
    with Netns() as ns:
        yield Surroundings(ns)


def start_works(ns, devargs):
    with Testpmd(ns, f"net_tap0,iface=tap0{devargs}") as pmd:
        assert "tap0" in ns.links()
        assert re.search("Link status: up", pmd.cmd("show port info 0"))


def devargs_of(mode):
    return "," + DEVARG[mode] if DEVARG[mode] else ""


@pytest.mark.parametrize("mode", RUNG)
def test_killed_while_it_starts_it_leaves_nothing(around, mode):
    held_at_all = 0
    dice = random.Random(mode)
    for _ in range(KILLS // 6 + 1):
        pmd = Starting(around.ns, f"net_tap0,iface=tap0{devargs_of(mode)}", start=False)
        try:
            time.sleep(dice.random() * START_SECONDS[mode] * PATIENCE)
        except BaseException:
            pmd.kill()
            raise
        held = kill_stopped(pmd)
        held_at_all += bool(held)
        around.check(held)
    assert mode == "soft" or KILLS < 100 or held_at_all
    start_works(around.ns, devargs_of(mode))


@pytest.mark.parametrize("mode", RUNG)
def test_killed_while_it_is_reconfigured_it_leaves_nothing(around, mode):
    dice = random.Random(mode)
    for _ in range(KILLS // 6 + 1):
        pmd = Testpmd(around.ns, f"net_tap0,iface=tap0{devargs_of(mode)}", start=False)
        try:
            for command in dice.choice(RECONFIGURE):
                pmd.send(command)
            time.sleep(dice.random() * 0.4 * PATIENCE)
            held = kill_stopped(pmd)
        except BaseException as error:
            pmd.kill()
            if not isinstance(error, (OSError, TestpmdError)):
                raise
            raise AssertionError(f"testpmd has ended by itself: {error}\n{pmd.tail()}") from error
        around.check(held)
    start_works(around.ns, devargs_of(mode))
