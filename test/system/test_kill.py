# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The net_tap authors
"""kill -9 at random instants of start and of reconfiguration: nothing is left behind.

A process is stopped at the instant, so that what it holds can be seen, and killed then. 48 times;
504 times with TAP_TEST_LONG=1. Pins belong to who made them, and stay. A clsact filter stays until the
next start on the same netdev, and lets all packets pass until then (from Linux 5.12 on); its qdisc, which
nobody can tell to be ours, stays when it is empty.
"""
import os
import random
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from conftest import DEVARG, RUNG, need_bpf
from held import all_gone, held_by, loaded, settled
from netns import Netns
from test_remote import REMOTE, WAYS, filters, host_receives, need_way, sees_end, veth
from testpmd import CLI, PATIENCE, Testpmd, TestpmdError

MODES = (*RUNG, *WAYS, "pins")
LONG = os.environ.get("TAP_TEST_LONG") == "1"
ROUNDS = 42 if LONG else 4  # of each mode, for each of two tests
# Start takes as long as this, about, with the time until EAL is up.
START_SECONDS = 1.2
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

    def __init__(self, ns, mode, pins):
        self.ns, self.mode, self.pins = ns, mode, pins
        self.devargs = DEVARG.get(mode, f"bpf_pin={pins}" if mode == "pins" else f"remote={REMOTE}")
        self.wrap = WAYS.get(mode, ())
        self.late = set()   # what clsact filters keep until the next start
        self.before = self.look()
        self.not_ours = loaded() if mode == "pins" else set()

    def port(self, kind=Testpmd, **kw):
        devargs = ",".join(filter(None, ("net_tap0,iface=tap0", self.devargs)))
        return kind(self.ns, devargs, wrap=self.wrap, **kw)

    def look(self):
        qdiscs = self.ns.run("tc", "qdisc")
        namespaces = subprocess.run(["ip", "netns"], stdout=subprocess.PIPE, text=True, check=True)
        mine = [line for line in namespaces.stdout.split() if f"-{os.getpid()}-" in line]
        folders = ("/dev/hugepages", "/sys/fs/bpf")
        files = [sorted(p.name for p in Path(d).glob("*tap*") if Path(d).is_dir()) for d in folders]
        pinned = sorted(p.name for p in self.pins.iterdir()) if self.mode == "pins" else []
        remote = ""
        if self.mode in WAYS:
            remote = filters(self.ns) + str(re.findall(
                r"promiscuity \d+", self.ns.run("ip", "-d", "link", "show", REMOTE)))
        if self.mode == "clsact":
            qdiscs, remote = self.without_filter(qdiscs, remote)
        return self.ns.links(), qdiscs, mine, files, pinned, remote

    @staticmethod
    def without_filter(qdiscs, remote):
        """But for the one filter that may stay, and its qdisc."""
        assert remote.count("handle 0x") == remote.count("name tap_remote_in") <= 1, remote
        return (re.sub(rf"qdisc clsact .* dev {REMOTE} .*\n", "", qdiscs),
                re.sub(r"filter .*\n", "", remote))

    def check(self, held):
        held = held - self.not_ours
        assert settled(lambda: self.look() == self.before), (self.look(), self.before)
        if self.mode in WAYS and sees_end(self.mode):
            assert host_receives(self.ns), "the remote netdev's packets do not get to the host any more"
        if self.mode == "clsact":
            self.late |= held
        else:
            assert all_gone(held), "BPF objects of the killed process are still there"

    def start_works(self):
        """And what a killed process may leave goes with it."""
        with self.port() as pmd:
            assert "tap0" in self.ns.links()
            assert re.search("Link status: up", pmd.cmd("show port info 0"))
        assert self.mode not in WAYS or filters(self.ns) == ""
        assert all_gone(self.late), "what the filter of a killed process kept is still there"


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


@pytest.fixture(params=MODES)
def around(request):
    mode = request.param
    if mode in WAYS:
        need_way(mode)
    if mode == "pins":
        need_bpf()
    with Netns() as ns, tempfile.TemporaryDirectory(prefix="nettap-bpf-") as folder:
        pins = Path(folder) / "pins"
        if mode in WAYS:
            veth(ns)
        if mode == "pins":
            subprocess.run(["mount", "-t", "bpf", "bpf", folder], check=True)
        try:
            if mode == "pins":
                ns.run(CLI, "load", "--pin", pins)
            yield Surroundings(ns, mode, pins)
        finally:
            if mode == "pins":
                subprocess.run(["umount", folder], check=True)


def test_killed_while_it_starts_it_leaves_nothing(around):
    held_at_all = 0
    dice = random.Random(around.mode)
    for _ in range(ROUNDS):
        pmd = around.port(kind=Starting, start=False)
        try:
            time.sleep(dice.random() * START_SECONDS * PATIENCE)
        except BaseException:
            pmd.kill()
            raise
        held = kill_stopped(pmd)
        held_at_all += bool(held)
        around.check(held)
    # All of a few rounds may end before the programs are loaded: how soon that is, is the machine's.
    assert around.mode == "soft" or not LONG or held_at_all
    around.start_works()


def test_killed_while_it_is_reconfigured_it_leaves_nothing(around):
    held_at_all = 0
    dice = random.Random(around.mode)
    for _ in range(ROUNDS):
        pmd = around.port(start=False)
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
        held_at_all += bool(held)
        around.check(held)
    assert around.mode == "soft" or held_at_all
    around.start_works()
